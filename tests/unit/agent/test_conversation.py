"""Requests of one Call-ID as text: fields, dialog, route set."""

from fakeagent import ACCOUNT
from msgspec.structs import replace

from probe.agent.conversation import Content, Conversation
from probe.sip.message import SipMessage, parse_message

CONTACT = "<sip:100@192.0.2.10:5060>"


def accepted(text: str, *fields: str) -> SipMessage:
    """Return a 200 to a request."""
    asked = parse_message(text)
    lines = [
        "SIP/2.0 200 OK",
        f"From: {asked.first('From')}",
        f"To: {asked.first('To')};tag=far",
        f"Call-ID: {asked.call_id}",
        f"CSeq: {asked.first('CSeq')}",
        *fields,
    ]
    return parse_message("\r\n".join(lines) + "\r\n\r\n")


def test_a_request_with_everything() -> None:
    """Extra fields in order, Content-Type before the empty line, the body as it is."""
    talk = Conversation(ACCOUNT, "sip:b@c", CONTACT)
    content = Content(
        headers=(("X-A", "1"), ("X-B", "2")), body="hi\r\n", content_type="text/plain"
    )
    text = talk.write("MESSAGE", content)
    message = parse_message(text)
    assert (message.method, message.request_uri, message.body) == ("MESSAGE", "sip:b@c", "hi\r\n")
    assert message.first("From") == f"<{ACCOUNT.aor}>;tag={talk.local_tag}"
    assert message.first("To") == "<sip:b@c>"
    assert message.first("Contact") == CONTACT
    assert message.first("Via") is None
    assert [message.first(name) for name in ("X-A", "X-B", "Content-Type")] == [
        "1",
        "2",
        "text/plain",
    ]


def test_two_requests_count_on() -> None:
    """One Call-ID, one tag, the next number (RFC 3261 §8.1.1.5)."""
    talk = Conversation(ACCOUNT, "sip:b@c", CONTACT)
    first, second = (parse_message(talk.write("SUBSCRIBE", Content())) for _ in range(2))
    assert first.call_id == second.call_id
    assert first.from_tag == second.from_tag
    assert second.cseq[0] == first.cseq[0] + 1


def test_a_proxy_comes_first_until_there_is_a_route_set() -> None:
    """The route set of a dialog is the response's Record-Route in reverse (RFC 3261 §12.1.2)."""
    talk = Conversation(replace(ACCOUNT, proxy="sip:edge;lr"), "sip:b@c", CONTACT)
    text = talk.write("SUBSCRIBE", Content())
    assert parse_message(text).all("Route") == ("<sip:edge;lr>",)
    assert talk.next_hop == "sip:edge;lr"
    talk.confirm(
        accepted(text, "Record-Route: <sip:p2;lr>, <sip:p1;lr>", "Contact: <sip:far@d;x=y>")
    )
    message = parse_message(talk.write("SUBSCRIBE", Content()))
    assert message.all("Route") == ("<sip:p1;lr>", "<sip:p2;lr>")
    assert (message.request_uri, message.to_tag) == ("sip:far@d;x=y", "far")
    assert talk.next_hop == "sip:p1;lr"


def test_a_contact_that_is_no_sip_uri_does_not_move_the_target() -> None:
    """A tel: or mailto: there would send the refresh nowhere."""
    talk = Conversation(ACCOUNT, "sip:b@c", CONTACT)
    talk.confirm(accepted(talk.write("SUBSCRIBE", Content()), "Contact: <tel:+1>"))
    assert talk.target == "sip:b@c"
    assert talk.next_hop == "sip:b@c"
