"""Secrets leave messages and log lines; what explains a refusal stays."""

import base64
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from probe.sip.message import parse_message
from probe.sip.redact import Redactor, redact_message

CREDENTIALS = (
    'Digest username="100", realm="trunk.example", nonce="n0nce", uri="sip:trunk.example", '
    'response="5ecret5ecret", algorithm=SHA-256, cnonce="cn0nce", opaque="0paque", qop=auth, '
    "nc=00000001"
)
KEY = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"


def request(*lines: str, body: str = "") -> str:
    """Return a REGISTER with these header lines."""
    return "\r\n".join(["REGISTER sip:trunk.example SIP/2.0", *lines, "", body])


def test_a_digest_keeps_what_explains_and_loses_what_proves() -> None:
    """Algorithm, realm, user, URI, qop and nc stay; response, nonces and opaque go."""
    message = parse_message(redact_message(request(f"Authorization: {CREDENTIALS}")))
    found = message.credentials[0]
    assert dict(found.parameters) == {
        "username": "100",
        "realm": "trunk.example",
        "nonce": "redacted-1",
        "uri": "sip:trunk.example",
        "response": "redacted",
        "algorithm": "SHA-256",
        "cnonce": "redacted",
        "opaque": "redacted-1",
        "qop": "auth",
        "nc": "00000001",
    }


def test_equal_nonces_stay_equal_across_messages() -> None:
    """A repeated nonce separates a refused password from a stale one."""
    redactor = Redactor()
    ask = "SIP/2.0 401 No\r\nWWW-Authenticate: Digest realm=x, nonce={}, stale=true\r\n\r\n"
    first, second = redactor.message(ask.format('"one"')), redactor.message(ask.format("two"))
    answer = redactor.message(request('authorization: digest nonce="one", response=abc'))
    assert 'nonce="redacted-1", stale=true' in first
    assert "nonce=redacted-2" in second
    assert 'nonce="redacted-1", response=redacted' in answer


def test_a_redacted_message_is_left_as_it_is() -> None:
    """Redacting twice changes nothing, so numbers can be compared later too."""
    once = redact_message(request(f"Authorization: {CREDENTIALS}"))
    assert redact_message(once) == once


def test_an_empty_value_stays_visibly_empty() -> None:
    """An empty response is the finding; there is nothing to hide in it."""
    assert 'response=""' in redact_message(request('Authorization: Digest response=""'))


def test_the_order_of_header_fields_is_kept() -> None:
    """The message is as readable as before, folded credentials included."""
    text = request(
        "Via: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK-1",
        "AUTHORIZATION : Digest username=100,",
        "\tresponse=5ecret5ecret,",
        "  realm=x",
        "Subject: a",
        " folded",
        "CSeq: 1 REGISTER",
    )
    before, after = parse_message(text), parse_message(redact_message(text))
    assert [name for name, _ in after.fields] == [name for name, _ in before.fields]
    assert after.first("subject") == "a folded"
    assert after.first("authorization") == "Digest username=100, response=redacted, realm=x"


def test_line_ends_are_kept() -> None:
    """A message with bare LF stays one, and so do empty lines in front."""
    text = "\n\nREGISTER sip:a SIP/2.0\nAuthorization: Digest response=abcd\n\nbody\n"
    assert redact_message(text) == text.replace("abcd", "redacted")


def test_several_challenges_in_one_field_are_read() -> None:
    """RFC 7616 registrars offer SHA-256 and MD5, some of them in one field."""
    text = (
        'SIP/2.0 401 No\r\nWWW-Authenticate: Digest realm="a", nonce="x", Digest realm="b"\r\n\r\n'
    )
    assert 'Digest realm="a", nonce="redacted-1", Digest realm="b"' in redact_message(text)


def test_unquoted_qop_lists_survive() -> None:
    """``qop=auth,auth-int`` is wrong but harmless; another stray word is not kept."""
    text = "SIP/2.0 401 No\r\nWWW-Authenticate: Digest qop=auth,auth-int, hunter2\r\n\r\n"
    assert "Digest qop=auth, auth-int, redacted\r\n" in redact_message(text)


def test_authentication_info_loses_its_proofs() -> None:
    """The rspauth parameter proves the password as well, and nextnonce is a nonce."""
    text = (
        'SIP/2.0 200 OK\r\nAuthentication-Info: nextnonce="n2", rspauth="5ecret", qop=auth\r\n\r\n'
    )
    assert 'nextnonce="redacted-1", rspauth="redacted", qop=auth' in redact_message(text)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Basic MTAwOmh1bnRlcjI=", "Basic redacted"),
        ("Bearer a.b.c", "Bearer redacted"),
        ("Digest", "Digest"),
        ("Basic", "Basic"),
        ("hunter2", "redacted"),
        ('response="hunter2"', "redacted"),
        ("", "redacted"),
    ],
)
def test_credentials_of_other_schemes_go_whole(value: str, shown: str) -> None:
    """Basic is the password itself, and what has no known scheme may be anything."""
    assert (
        redact_message(request(f"Authorization: {value}")).split("\r\n")[1].endswith(f": {shown}")
    )


@pytest.mark.parametrize("name", ["Identity", "identity", "y"])
def test_the_signature_of_a_caller_goes(name: str) -> None:
    """A PASSporT (RFC 8225) can be replayed within its minute; where its key lies may be known."""
    text = request(f"{name}: eyJhbGciOi.eyJkZXN0.c2ln;info=<https://cert.example/a>;alg=ES256")
    shown = redact_message(text)
    assert f"{name}: redacted;info=<https://cert.example/a>;alg=ES256\r\n" in shown


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (
            f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20|1:4 FEC_ORDER=FEC_SRTP",
            "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:redacted|2^20|1:4 FEC_ORDER=FEC_SRTP",
        ),
        (f"A=Crypto:1 X INLINE:{KEY};inline:{KEY}", "A=Crypto:1 X INLINE:redacted;inline:redacted"),
        (f"a=crypto:1 X inline:{KEY} FEC_KEY=inline:{KEY}", "a=crypto:redacted"),
        (f"a=crypto: {KEY}", "a=crypto:redacted"),
        (f"a=key-mgmt:mikey {KEY}", "a=key-mgmt:mikey redacted"),
        (f"a=key-mgmt:{KEY}", "a=key-mgmt:redacted"),
        (f"k=clear:{KEY}", "k=clear:redacted"),
        (f"k={KEY}", "k=redacted"),
        ("k=prompt", "k=prompt"),
        (f"a=ice-pwd:{KEY}", "a=ice-pwd:redacted"),
        ("a=rtpmap:0 PCMU/8000", "a=rtpmap:0 PCMU/8000"),
    ],
)
def test_media_keys_leave_a_session_description(line: str, shown: str) -> None:
    """With an SRTP key anybody can listen; suite, tag and lifetime stay."""
    assert (
        parse_message(redact_message(request(body=f"v=0\r\n{line}\r\n"))).body
        == f"v=0\r\n{shown}\r\n"
    )


@pytest.mark.parametrize(("name", "off"), [("Content-Length", 0), ("l", 0), ("Content-Length", 7)])
def test_content_length_is_as_right_or_wrong_as_before(name: str, off: int) -> None:
    """A wrong length is a finding: redaction neither makes nor hides one."""
    body = f"v=0\r\na=crypto:1 X inline:{KEY}\r\ns=ü\r\n"
    shown = redact_message(request(f"{name}: {len(body.encode()) + off}", body=body))
    message = parse_message(shown)
    assert message.body != body
    assert int(message.first("Content-Length") or "") == len(message.body.encode()) + off


def test_a_password_inside_a_uri_goes() -> None:
    """RFC 3261 §19.1.1 allows it and warns of it."""
    shown = redact_message(request("To: <sip:100:hunter2@trunk.example:5060>"))
    assert "To: <sip:100:redacted@trunk.example:5060>" in shown


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('sending response="5ecret" now', 'sending response="redacted" now'),
        ("got nonce=abc, cnonce=def", "got nonce=redacted-1, cnonce=redacted"),
        ('half response="5ecret and more', 'half response="redacted"'),
        ("12:00 Authorization: Basic MTAwOmh1 x", "12:00 Authorization: Basic redacted"),
        (f"key inline:{KEY} used", "key inline:redacted used"),
        ("no response at all", "no response at all"),
    ],
)
def test_log_lines_lose_the_same_values(line: str, shown: str) -> None:
    """A detail of the stack may quote a part of a message."""
    assert Redactor().text(line) == shown


PASSWORD = 'p@ss"wörd+/'


@pytest.mark.parametrize(
    "text",
    [
        PASSWORD,
        quote(PASSWORD, safe=""),
        quote(PASSWORD, safe="").lower(),
        quote(PASSWORD),
        PASSWORD.replace('"', '\\"'),
        *(base64.b64encode(f"{'x' * n}{PASSWORD}tail".encode()).decode() for n in range(4)),
        base64.urlsafe_b64encode(PASSWORD.encode()).decode(),
    ],
)
def test_a_known_secret_goes_in_every_form(text: str) -> None:
    """Plain, escaped, percent-encoded or in base64 at any offset: found and replaced."""
    shown = Redactor([PASSWORD]).text(f"before {text} after")
    assert shown.startswith("before ")
    assert shown.endswith(" after")
    assert "redacted" in shown
    assert text not in shown


def test_a_short_secret_is_not_searched_for() -> None:
    """``100`` stands in every status line; replacing it would destroy the trace."""
    assert Redactor(["100"]).text("SIP/2.0 100 Trying") == "SIP/2.0 100 Trying"


def test_a_secret_that_is_public_anyway_is_left() -> None:
    """A password that repeats the extension does not take the extension out."""
    assert Redactor(["1001"], public=["1001"]).text("sip:1001@pbx") == "sip:1001@pbx"


def test_the_longest_secret_is_replaced_first() -> None:
    """A secret inside another leaves no rest of the longer one."""
    assert Redactor(["pass", "password"]).text("my password") == "my redacted"


NAMES = st.sampled_from(
    ["Authorization", "authorization", "PROXY-AUTHORIZATION", "Proxy-Authorization "]
)
SECRET = "S3cr3tS3cr3t"


@given(
    name=NAMES,
    scheme=st.sampled_from(["Digest ", "digest\t", "", "Basic ", "DIGEST  "]),
    before=st.text(alphabet="ab=\",\\ \t'; ", max_size=30),
    opening=st.sampled_from(["", '"', "'", '\\"', " ", '""', "\r\n "]),
    closing=st.sampled_from(["", '"', "'", '\\"', ", ", "\r\n\t"]),
    after=st.text(alphabet="ab=\",\\ \t'; ", max_size=30),
    end=st.sampled_from(["\r\n", "\n"]),
)
@example(
    name="Authorization",
    scheme="Digest ",
    before='realm="',
    opening='"',
    closing='"',
    after="",
    end="\r\n",
)
def test_no_broken_quoting_saves_a_response(  # noqa: PLR0913, PLR0917 - the parts of a header field
    name: str, scheme: str, before: str, opening: str, closing: str, after: str, end: str
) -> None:
    """Whatever stands around it, the value of ``response=`` never survives."""
    field = f"{name}: {scheme}{before}response={opening}{SECRET}{closing}{after}"
    shown = redact_message(f"REGISTER sip:a SIP/2.0{end}{field}{end}CSeq: 1 REGISTER{end}{end}")
    assert SECRET not in shown
    assert parse_message(shown).cseq == (1, "REGISTER")


@given(st.text(), st.text(alphabet='xyz0+/%"\\ é', min_size=4), st.text())
def test_no_text_keeps_a_known_secret(before: str, secret: str, after: str) -> None:
    """Any secret of four characters or more is gone from any text."""
    assert secret not in Redactor([secret]).text(before + secret + after)


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_redaction_never_raises(text: str) -> None:
    """Any text may come from the wire."""
    assert isinstance(redact_message(text), str)


def test_a_huge_hostile_field_is_read_in_linear_time() -> None:
    """Ten times the largest datagram takes no visible time."""
    piece = 'sip:a"=,\\ inline: response=" '
    shown = redact_message(request(f"Authorization: Digest {piece * 25_000}", body=piece * 25_000))
    assert "response=" not in shown.split("\r\n")[1]


@given(
    st.text(st.sampled_from('k= \tsSpPiI:\\@?;no"ceNaAſKıoOrypthz\x1c\x85-fwdlm')),
    st.sampled_from(
        (
            "k=x",
            "a=crypto:1 A inline:b",
            "sip:u:p@h",
            "nonce=x",
            "authorization: basic x",
            "ſips:u:p@h",
        )
    ),
    st.text(st.sampled_from("k= \tsip:@;nonce")),
)
def test_what_is_passed_over_holds_nothing(before: str, key: str, after: str) -> None:
    """A line that is not read closely is one that would have stayed as it is."""
    for line in (before + key + after, before + after):
        redactor = Redactor()
        close = redactor._line(line)
        assert redactor._ordinary(line) == close


@given(
    st.text(max_size=6),
    st.text(min_size=4, max_size=12),
    st.sampled_from((base64.b64encode, base64.urlsafe_b64encode)),
    st.binary(max_size=4),
)
def test_no_base64_keeps_a_known_secret(
    before: str, secret: str, encode: Callable[[bytes], bytes], after: bytes
) -> None:
    """Wherever it falls in the base64 of a longer text, and in both alphabets."""
    redactor = Redactor([secret])
    text = encode(before.encode() + secret.encode() + after).decode()
    assert redactor._secrets is not None
    assert redactor._may_hold(text) or not redactor._secrets.search(text)
    assert not redactor._secrets.search(redactor.text(f"X: {text}").removeprefix("X: "))


@given(
    st.lists(
        st.sampled_from(
            (
                *(
                    "k",
                    "y",
                    "K",
                    ":",
                    "=",
                    "@",
                    " ",
                    "\t",
                    "\r",
                    "\n",
                    "\r\n",
                    "\x0b",
                    "\x1c",
                    "sip:",
                    "sips:",
                ),
                *(
                    "u:p@h",
                    "h:5060",
                    "a=crypto:1 A ",
                    "inline:b",
                    "identity: x;info=a",
                    "nonce=",
                    "Response",
                ),
                *(
                    "authorization: basic x",
                    "www-authenticate: digest a=b",
                    "opaque = q",
                    "rspauth=z",
                ),
                *(
                    "a=ice-pwd:p",
                    "a=key-mgmt:mikey x",
                    "s3cret",
                    "czNjcmV0",
                    "%73",
                    "\\s",
                    "ſ",
                    "K",
                    "\u2028",
                ),
                *(
                    "INVITE sip:a SIP/2.0",
                    "Content-Length: 3",
                    "P-Asserted-Identity: <sip:a@b>",
                    "clear:z",
                ),
            )
        ),
        max_size=12,
    ).map("".join),
)
def test_a_text_that_is_left_as_it_is_holds_nothing(text: str) -> None:
    """The short way agrees with the long one: what it calls harmless, the long way would keep."""
    redactor = Redactor(("s3cret",))
    if redactor.harmless(text):
        assert redactor._rewritten(text) == text
        assert redactor.message(text) is text
    else:
        assert redactor.text(text) == Redactor(("s3cret",))._rewritten(text)


def test_texts_joined_are_harmless_only_together() -> None:
    """What one of several texts holds is seen where they are joined, at their beginnings too."""
    for text in ("k=clear:x", "y: abc", "sip:u:pass@h", "nonce=x", "  k=x"):
        assert not Redactor().harmless("SIP/2.0 200 OK\n" + text)
    assert Redactor().harmless("SIP/2.0 200 OK\nTo: <sip:a@b>")


def test_an_ordinary_message_is_the_same_object() -> None:
    """A call's messages without credentials are not made anew."""
    text = request(
        "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1", "Contact: <sip:100@192.0.2.1:5060>"
    )
    assert Redactor(("s3cret-password",)).message(text) is text
