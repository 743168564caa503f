"""The tolerant reading of challenges and credentials."""

import pytest

from probe.sip.challenge import parse_auth_field


def test_a_comma_inside_quotes_belongs_to_the_value() -> None:
    """Registrars really send ``qop="auth,auth-int"``."""
    field = parse_auth_field('Digest realm="a, b", qop="auth,auth-int",nonce=n1')
    assert field.parameters == (("realm", "a, b"), ("qop", "auth,auth-int"), ("nonce", "n1"))
    assert (field.scheme, field.realm) == ("digest", "a, b")


def test_escapes_are_taken_out_of_quoted_values() -> None:
    """A quoted-string may hold a quote behind a backslash."""
    assert parse_auth_field(r'Digest realm="a\"b\\c"').realm == 'a"b\\c'


def test_the_algorithm_is_md5_where_none_is_named() -> None:
    """RFC 3261 §22.4 keeps the default of RFC 2617."""
    assert parse_auth_field("Digest realm=x").algorithm == "MD5"
    assert parse_auth_field("Digest algorithm=sha-256").algorithm == "SHA-256"


@pytest.mark.parametrize(
    ("text", "stale"),
    [("stale=TRUE", True), ('stale="true"', True), ("stale=no", False), ("", False)],
)
def test_stale_is_read_in_every_spelling(text: str, *, stale: bool) -> None:
    """Some servers quote the flag, some shout it."""
    assert parse_auth_field(f"Digest {text}").stale is stale


def test_a_tab_ends_the_scheme_too() -> None:
    """White space between scheme and parameters is not always one blank."""
    assert parse_auth_field("Digest\trealm=x").scheme == "digest"


def test_an_empty_value_has_no_scheme() -> None:
    """Nothing is read as nothing."""
    field = parse_auth_field("  ")
    assert (field.scheme, field.parameters, field.realm) == ("", (), "")
