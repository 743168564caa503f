"""A profile becomes an account: its URI taken apart, its files found, its password kept quiet."""

from pathlib import Path

import pytest

from probe.plan.accounts import (
    DEFAULT_EXPIRES_S,
    Address,
    address_of,
    file_of,
    make_account,
    missing_files,
)
from probe.plan.action import Account
from probe.scenario.loader import load_settings
from probe.scenario.schema import Profile

PASSWORD = "k7-hunter22"


def account_of(profile: Profile, *, password: str | None = None) -> Account:
    """Return the account that a profile with a URI becomes."""
    address = address_of(profile.uri or "")
    assert address is not None
    return make_account(
        "trunk", profile, address, password=password, user_agent="sipprobe/1", embedded=False
    )


def written(folder: Path, *keys: str) -> Profile:
    """Return a profile as read from a sipprobe.yaml in a folder."""
    file = folder / "sipprobe.yaml"
    lines = ["trunks:", "  carrier:", *(f"    {key}" for key in keys)]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return load_settings(file, variables={}, environ={}).trunks["carrier"]


# -- addresses of record ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("uri", "parts"),
    [
        ("sip:100@pbx.example", ("sip", "100", "pbx.example", None, "UDP")),
        ("SIP:100@pbx.example:5080", ("sip", "100", "pbx.example", 5080, "UDP")),
        ("<sip:pbx.example>", ("sip", "", "pbx.example", None, "UDP")),
        (" sip:100@pbx.example;Transport=TCP ", ("sip", "100", "pbx.example", None, "TCP")),
        ("sip:100@pbx.example:5061;lr;transport=tls", ("sip", "100", "pbx.example", 5061, "TLS")),
        ("sips:100@pbx.example", ("sips", "100", "pbx.example", None, "TLS")),
        ("sip:100@[2001:db8::1]:5070", ("sip", "100", "2001:db8::1", 5070, "UDP")),
        ("sip:+12025550123@192.0.2.1", ("sip", "+12025550123", "192.0.2.1", None, "UDP")),
    ],
)
def test_address_of_record_is_taken_apart(
    uri: str, parts: tuple[str, str, str, int | None, str]
) -> None:
    """Scheme, user, host, port and transport; what is not written has its default."""
    found = address_of(uri)
    assert found is not None
    assert (found.scheme, found.user, found.host, found.port, found.transport) == parts


@pytest.mark.parametrize("text", ["", "100", "tel:+12025550123", "sip:", "sip:100@host:port"])
def test_anything_else_is_no_address_of_record(text: str) -> None:
    """Numbers, tel: URIs and broken ports are not guessed at."""
    assert address_of(text) is None


def test_address_is_put_together_as_in_a_uri() -> None:
    """IPv6 goes in brackets; a transport is named where it is not the default."""
    plain = Address(scheme="sip", user="", host="pbx.example", port=None, transport="UDP")
    assert (plain.shown_host, plain.hostport, plain.suffix) == ("pbx.example", "pbx.example", "")
    six = Address(scheme="sip", user="", host="2001:db8::1", port=5070, transport="TCP")
    assert six.shown_host == "[2001:db8::1]"
    assert six.hostport == "[2001:db8::1]:5070"
    assert six.suffix == ";transport=tcp"


# -- accounts --------------------------------------------------------------------------------------


def test_profile_with_a_uri_alone_has_every_default() -> None:
    """Nothing is left to guess."""
    account = account_of(Profile(uri="sip:100@pbx.example"))
    assert account.aor == "sip:100@pbx.example"
    assert account.registrar == "sip:pbx.example"
    assert (account.host, account.port, account.transport) == ("pbx.example", None, "UDP")
    assert account.auth_user == "100"
    assert account.password is None
    assert account.realm == "*"
    assert account.expires == DEFAULT_EXPIRES_S == 300
    assert account.codecs == ("PCMU", "PCMA")
    assert account.srtp == "off"
    assert account.verify
    assert account.user_agent == "sipprobe/1"
    assert account.proxy is None


def test_what_the_profile_says_wins_over_the_defaults(tmp_path: Path) -> None:
    """Each of these keys reaches the account as written."""
    account = account_of(
        written(
            tmp_path,
            'uri: "sip:100@pbx.example:5061;transport=tls"',
            "auth_user: carrier-100",
            "realm: pbx",
            "expires: 120",
            "codecs: [G722]",
            "srtp: required",
            "verify: off",
            "user_agent: Phone/2",
            "headers: {X-Site: a}",
            "ptime: 30ms",
        )
    )
    assert account.registrar == "sip:pbx.example:5061;transport=tls"
    assert (account.auth_user, account.realm, account.expires) == ("carrier-100", "pbx", 120)
    assert (account.codecs, account.srtp, account.ptime) == (("G722",), "required", 30)
    assert not account.verify
    assert account.user_agent == "Phone/2"
    assert account.headers == (("X-Site", "a"),)


@pytest.mark.parametrize(
    ("proxy", "route"),
    [
        ("sip:edge.example:5080", "sip:edge.example:5080;lr"),
        ("sip:edge.example;LR", "sip:edge.example;LR"),
    ],
)
def test_proxy_is_the_next_hop_and_a_loose_route(proxy: str, route: str) -> None:
    """Requests go to the proxy while the registrar stays the trunk's host."""
    account = account_of(Profile(uri="sip:100@pbx.example", proxy=proxy))
    assert account.proxy == route
    assert account.host == "edge.example"
    assert account.registrar == "sip:pbx.example"


def test_transport_of_the_proxy_is_the_one_that_is_used() -> None:
    """The first hop decides how requests leave."""
    account = account_of(
        Profile(uri="sip:100@pbx.example", proxy="sip:edge.example:5061;transport=tls")
    )
    assert (account.transport, account.port) == ("TLS", 5061)


def test_ipv6_host_is_bare_for_the_next_hop_and_bracketed_in_uris() -> None:
    """Sockets want it without brackets, URIs with them (RFC 3261 §25.1)."""
    account = account_of(Profile(uri="sip:100@[2001:db8::1]:5070"))
    assert account.host == "2001:db8::1"
    assert account.aor == "sip:100@[2001:db8::1]"
    assert account.registrar == "sip:[2001:db8::1]:5070"


def test_account_never_prints_its_password() -> None:
    """A repr may end up in a log or a traceback."""
    account = account_of(Profile(uri="sip:100@pbx.example"), password=PASSWORD)
    assert account.password == PASSWORD
    assert PASSWORD not in repr(account) + repr(account.__rich_repr__())
    assert repr(account) == "Account(name='trunk', aor='sip:100@pbx.example', transport='UDP')"


# -- files -----------------------------------------------------------------------------------------


def test_relative_file_lies_beside_the_file_that_names_it(tmp_path: Path) -> None:
    """It does not matter where sipprobe was started."""
    (tmp_path / "ca.pem").write_text("x", encoding="utf-8")
    profile = written(tmp_path, "ca_file: ca.pem")
    assert file_of(profile, "ca_file") == str(tmp_path / "ca.pem")
    assert missing_files(profile) == {}


def test_absolute_file_is_taken_as_written(tmp_path: Path) -> None:
    """No folder is put before it."""
    assert file_of(written(tmp_path, "ca_file: /etc/ca.pem"), "ca_file") == "/etc/ca.pem"


def test_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a shell."""
    monkeypatch.setenv("HOME", "/home/ann")
    assert file_of(written(tmp_path, "client_key: ~/key.pem"), "client_key") == "/home/ann/key.pem"


def test_file_of_a_profile_that_no_file_holds_is_taken_as_written() -> None:
    """There is no folder to start from."""
    assert file_of(Profile(ca_file="ca.pem"), "ca_file") == "ca.pem"


def test_file_that_nobody_names_is_none() -> None:
    """The system's issuers are used then."""
    assert file_of(Profile(), "ca_file") is None


def test_every_named_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """The path that was tried is the answer to the question where it was looked for."""
    profile = written(tmp_path, "ca_file: ca.pem", "client_cert: cert.pem", "client_key: key.pem")
    (tmp_path / "cert.pem").write_text("x", encoding="utf-8")
    assert missing_files(profile) == {
        "ca_file": str(tmp_path / "ca.pem"),
        "client_key": str(tmp_path / "key.pem"),
    }


def test_folder_is_no_file(tmp_path: Path) -> None:
    """A folder by that name would fail in the stack without a word."""
    (tmp_path / "ca.pem").mkdir()
    assert missing_files(written(tmp_path, "ca_file: ca.pem"))


@pytest.mark.parametrize(
    ("written", "bound"),
    [
        (None, None),
        ("192.0.2.1", ("192.0.2.1", 0)),
        ("192.0.2.1:5070", ("192.0.2.1", 5070)),
        ("::1", ("::1", 0)),
        ("2001:db8::5060", ("2001:db8::5060", 0)),
        ("[::1]", ("::1", 0)),
        ("[2001:db8::1]:5070", ("2001:db8::1", 5070)),
    ],
)
def test_what_is_bound(written: str | None, bound: tuple[str, int] | None) -> None:
    """An address with a port or without; IPv6 with a port stands in brackets (RFC 3986 §3.2.2)."""
    account = account_of(Profile(uri="sip:100@pbx.example", local_address=written))
    assert account.bound == bound
    assert account.bound_host == (bound[0] if bound else None)
