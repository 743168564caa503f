"""Whatever arrives, reading it gives a message or a refusal, never another exception."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st
from sipmessage import Request

from probe.simulator.answers import answer_of
from probe.simulator.framing import FramingError, StreamFramer
from probe.simulator.messages import (
    Malformed,
    contact_uri,
    contacts_of,
    read,
    reply_address,
    respond,
    stamp_via,
)
from probe.simulator.transactions import key_of

INVITE = (
    b"INVITE sip:+12025550123@127.0.0.1;x=%41 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK-1;rport, SIP/2.0/TCP [::1];branch=b\r\n"
    b'From: "A \\" B" <sip:100@127.0.0.1>;tag=a\r\nTo: <sip:x@127.0.0.1>\r\nCall-ID: c\r\n'
    b"CSeq: 1 INVITE\r\nContact: <sip:100@127.0.0.1:5060;ob>;expires=3, sip:b@c\r\n"
    b"Require: 100rel\r\nContent-Type: application/sdp;a=b\r\nContent-Length: 3\r\n\r\nv=0"
)
PEER = ("127.0.0.1", 5060)


@st.composite
def mangled(draw: st.DrawFn) -> bytes:
    """Cut pieces out of a good INVITE and put others in."""
    data = INVITE
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 20)))
        junk = draw(
            st.binary(max_size=6) | st.sampled_from([b";self=1", b"\r\n", b",", b"%0d", b'"'])
        )
        data = data[:start] + junk + data[end:]
    return data


@given(mangled())
def test_a_mangled_request_is_read_or_refused(data: bytes) -> None:
    """Of what is read, all that the trunk asks of it can be asked, and it can be answered."""
    try:
        message = read(data)
    except Malformed as malformed:
        request, answer = malformed.request, malformed.answer
    else:
        request, answer = None, None
    if answer is not None:
        if request is not None:
            stamp_via(request, PEER)
            reply_address(request, PEER)
            assert respond(request, answer, to_tag="t", server="s")
        return
    if isinstance(message, Request):
        stamp_via(message, PEER)
        reply_address(message, PEER)
        key_of(message)
        contact_uri(message)
        if message.headers.get("Contact") != "*":
            contacts_of(message)
        _ = (message.require, message.proxy_require, message.expires, message.content_type)
        assert read(respond(message, answer_of(486, "h"), to_tag="t", server="s"))


@given(st.lists(st.binary(max_size=50) | st.just(INVITE)))
def test_any_stream_is_cut_or_given_up(parts: list[bytes]) -> None:
    """The framer ends with messages or with a FramingError."""
    framer = StreamFramer()
    with contextlib.suppress(FramingError):
        for part in parts:
            assert all(b"\r\n\r\n" in message for message in framer.feed(part))
