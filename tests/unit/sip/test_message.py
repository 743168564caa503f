"""The tolerant view of one message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.sip.message import MalformedMessageError, parse_message, uri_host, uri_user

RESPONSE = (
    "SIP/2.0 401 Unauthorized\r\n"
    "v: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-1, SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK-0\r\n"
    'f: "A;tag=no" <sip:100@pbx.example>;tag=a1\r\n'
    "t: <sip:100@pbx.example;tag=inner>\r\n"
    "i: c1\r\n"
    "CSeq: 7 register\r\n"
    'WWW-Authenticate: Digest realm="one",\r\n  nonce="n"\r\n'
    'Proxy-Authenticate: Digest realm="two", nonce="m"\r\n'
    "no colon here\r\n"
    "l: 0\r\n\r\n"
)


def test_compact_names_read_like_long_ones() -> None:
    """``v:`` is Via, ``i:`` is Call-ID and so on."""
    message = parse_message(RESPONSE)
    assert message.branch == "z9hG4bK-1"
    assert message.call_id == "c1"
    assert message.first("content-length") == "0"


def test_a_tag_counts_only_behind_the_address() -> None:
    """A tag inside a display name or a URI is no tag of the dialog."""
    message = parse_message(RESPONSE)
    assert message.from_tag == "a1"
    assert not message.to_tag


def test_a_tag_without_angle_brackets_is_found() -> None:
    """An addr-spec form carries its tag after the first semicolon."""
    assert parse_message("SIP/2.0 200 OK\r\nTo: sip:a@b;tag=x7\r\n\r\n").to_tag == "x7"


def test_a_response_knows_status_and_reason() -> None:
    """The status line is split into number and phrase."""
    message = parse_message(RESPONSE)
    assert (message.status, message.reason, message.method) == (401, "Unauthorized", None)
    assert not message.is_request
    assert message.cseq == (7, "REGISTER")


def test_a_folded_field_is_one_value() -> None:
    """A line that begins with white space continues the one before."""
    assert parse_message(RESPONSE).first("WWW-Authenticate") == 'Digest realm="one", nonce="n"'


def test_challenges_of_both_kinds_are_listed() -> None:
    """WWW-Authenticate and Proxy-Authenticate both ask for credentials."""
    assert [c.realm for c in parse_message(RESPONSE).challenges] == ["one", "two"]


def test_a_line_without_a_colon_is_dropped() -> None:
    """Rubbish between header fields hides none of them."""
    assert "no colon here" not in dict(parse_message(RESPONSE).fields)


def test_a_request_keeps_method_and_uri() -> None:
    """The method is upper case, the URI as written."""
    message = parse_message("\r\nInvite sip:Bob@PBX.example SIP/2.0\nCSeq: 1 INVITE\n\nbody")
    assert (message.method, message.request_uri) == ("INVITE", "sip:Bob@PBX.example")
    assert message.is_request
    assert message.body == "body"


@pytest.mark.parametrize("name", ["Authorization", "Proxy-Authorization"])
def test_credentials_are_seen_in_either_field(name: str) -> None:
    """A request answers a challenge of a server or of a proxy."""
    message = parse_message(f'REGISTER sip:a SIP/2.0\r\n{name}: Digest username="100"\r\n\r\n')
    assert message.has_credentials
    assert [c.get("username") for c in message.credentials] == ["100"]


def test_a_request_without_credentials_says_so() -> None:
    """The first request of an attempt carries none."""
    assert not parse_message("REGISTER sip:a SIP/2.0\r\n\r\n").has_credentials


@pytest.mark.parametrize("value", ["", "x INVITE", "1", "1 2 3", "\u0661 INVITE"])
def test_an_unreadable_cseq_is_minus_one(value: str) -> None:
    """A CSeq that is no number and method is told apart from every real one."""
    assert parse_message(f"SIP/2.0 200 OK\r\nCSeq: {value}\r\n\r\n").cseq == (-1, "")


def test_what_is_missing_is_empty() -> None:
    """A bare status line has no Call-ID, branch, tags or phrase."""
    message = parse_message("SIP/2.0 200")
    assert (message.call_id, message.branch, message.to_tag, message.reason) == ("", "", "", "")
    assert message.all("Via") == ()


def test_every_value_of_a_field_is_kept_in_order() -> None:
    """Several fields of one name are several values."""
    message = parse_message("SIP/2.0 200 OK\r\nVia: a\r\nvia: b\r\nV: c\r\n\r\n")
    assert message.all("Via") == ("a", "b", "c")


def test_a_body_is_sdp_only_by_its_content_type() -> None:
    """An INVITE may carry other bodies."""
    head = "INVITE sip:a SIP/2.0\r\nc: {}\r\n\r\n{}"
    assert parse_message(head.format("application/SDP;x=1", "v=0\r\n")).sdp is not None
    assert parse_message(head.format("text/plain", "v=0\r\n")).sdp is None
    assert not parse_message(head.format("application/sdp", " \r\n")).has_sdp


@pytest.mark.parametrize("text", ["", "GET / HTTP/1.1\r\n\r\n", "SIP/2.0 20 OK", "SIP/3.0 200 OK"])
def test_another_protocol_is_refused(text: str) -> None:
    """Only a start line of SIP makes a message."""
    with pytest.raises(MalformedMessageError, match="not a SIP start line"):
        parse_message(text)


@given(st.text())
def test_any_bytes_after_a_status_line_are_readable(rest: str) -> None:
    """A hostile peer cannot make the view raise."""
    message = parse_message("SIP/2.0 200 OK\r\n" + rest)
    assert message.status == 200
    assert isinstance(message.cseq, tuple)
    assert message.challenges + message.credentials is not None
    assert message.sdp is None or message.has_sdp


@pytest.mark.parametrize(
    ("text", "user"),
    [
        ('"Bob" <sip:+1202@pbx.example;user=phone>', "+1202"),
        ("tel:+1203;phone-context=x", "+1203"),
        ("sip:pbx.example", ""),
        (None, ""),
    ],
)
def test_the_user_part_of_a_uri_is_found(text: str | None, user: str) -> None:
    """SIP and tel URIs name a user, others do not."""
    assert uri_user(text) == user


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("<sips:100@pbx.example:5061;x>", ("pbx.example", 5061)),
        ("sip:[2001:db8::1]:5070", ("2001:db8::1", 5070)),
        ("sip:pbx.example", ("pbx.example", None)),
        ("sip:pbx.example:123456", ("pbx.example", None)),
        ("tel:100", ("", None)),
        (None, ("", None)),
    ],
)
def test_host_and_port_of_a_uri_are_found(text: str | None, host: tuple[str, int | None]) -> None:
    """Host and port come apart, IPv6 without its brackets."""
    assert uri_host(text) == host
