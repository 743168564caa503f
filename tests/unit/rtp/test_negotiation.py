"""From offers and answers as on the wire to what is agreed."""

import pytest
from wirebuilder import Wire, sdp

from probe.rtp.negotiation import Negotiation, Terms
from probe.trace.trace import MessageSent

US, THEM = "192.0.2.10", "198.51.100.1"
OFFER = sdp("PCMU", "PCMA", "telephone-event", address=US, port=4000)


def followed(wire: Wire) -> list[Terms]:
    """Return each agreement of a story."""
    negotiation = Negotiation()
    found = [
        negotiation.see(event.message, ours=isinstance(event, MessageSent), at=event.at)
        for _, event, _ in wire.trace().messages()
    ]
    return [one for one in found if one is not None]


def test_an_answer_completes_an_offer() -> None:
    """The codec is the answer's first, its number theirs, the way both."""
    answer = sdp("PCMA", "telephone-event", address=THEM, port=40000)
    [terms] = followed(Wire().send("INVITE", body=OFFER).receive(200, body=answer).send("ACK"))
    agreed = terms.agreed
    assert (agreed.codec, agreed.payload_type, agreed.events) == ("PCMA", 8, 101)
    assert (agreed.local, agreed.remote) == (f"{US}:4000", f"{THEM}:40000")
    assert (agreed.direction, agreed.early, agreed.ptime_s) == ("sendrecv", False, 0.02)
    assert (terms.address, terms.control) == ((THEM, 40000), (THEM, 40001))
    assert terms.sends
    assert terms.receives


def test_early_media_is_agreed_before_the_answer_and_once() -> None:
    """A 183 with a description counts, and the 200 that repeats it changes nothing."""
    answer = sdp("PCMU", address=THEM, port=40000)
    wire = Wire().send("INVITE", body=OFFER).receive(183, body=answer).receive(200, body=answer)
    [terms] = followed(wire)
    assert terms.agreed.early


def test_an_answer_that_differs_from_the_early_one_is_followed() -> None:
    """Another port in the 200: audio goes there from then on."""
    wire = Wire().send("INVITE", body=OFFER)
    wire.receive(183, body=sdp("PCMU", address=THEM, port=40000))
    wire.receive(200, body=sdp("PCMU", address=THEM, port=42000))
    assert [t.agreed.remote for t in followed(wire)] == [f"{THEM}:40000", f"{THEM}:42000"]


def test_a_late_offer_is_answered_in_the_ack() -> None:
    """An INVITE without a description: theirs in the 200 is the offer (RFC 3261 §13.2.1)."""
    wire = Wire().send("INVITE").receive(200, body=sdp("PCMA", "PCMU", address=THEM))
    [terms] = followed(wire.send("ACK", body=sdp("PCMU", address=US, port=4000)))
    assert (terms.agreed.codec, terms.agreed.local) == ("PCMU", f"{US}:4000")


@pytest.mark.parametrize(
    ("ours", "theirs", "agreed"),
    [
        ("sendonly", "recvonly", "sendonly"),
        ("sendrecv", "sendonly", "recvonly"),
        ("sendrecv", "inactive", "inactive"),
        ("recvonly", "sendrecv", "recvonly"),
    ],
)
def test_the_way_is_what_both_allow(ours: str, theirs: str, agreed: str) -> None:
    """Directions are each side's own view (RFC 3264 §6.1)."""
    offer = sdp("PCMU", address=US, port=4000, direction=ours)
    answer = sdp("PCMU", address=THEM, direction=theirs)
    [terms] = followed(Wire().send("INVITE", body=offer).receive(200, body=answer))
    assert terms.agreed.direction == agreed


def test_hold_and_resume_are_agreements_of_their_own() -> None:
    """Each re-INVITE that is answered changes the way; one that is refused changes nothing."""
    answer = sdp("PCMU", address=THEM)
    wire = Wire().send("INVITE", body=OFFER).receive(200, body=answer).send("ACK")
    wire.send("INVITE", body=sdp("PCMU", address=US, port=4000, direction="sendonly"))
    wire.receive(200, body=sdp("PCMU", address=THEM, direction="recvonly")).send("ACK")
    wire.send("INVITE", body=sdp("PCMU", address=US, port=4000, direction="inactive")).receive(488)
    assert [t.agreed.direction for t in followed(wire)] == ["sendrecv", "sendonly"]


def test_nothing_is_sent_where_the_stream_was_refused_or_has_no_address() -> None:
    """Port 0 refuses (RFC 3264 §6); 0.0.0.0 is an old hold (RFC 2543)."""
    refused = sdp("PCMU", address=THEM, port=0)
    [terms] = followed(Wire().send("INVITE", body=OFFER).receive(200, body=refused))
    assert (terms.address, terms.agreed.direction) == (None, "inactive")
    old_hold = sdp("PCMU", address="0.0.0.0")
    [terms] = followed(Wire().send("INVITE", body=OFFER).receive(200, body=old_hold))
    assert not terms.sends


def test_what_cannot_be_read_is_said_and_keys_never_are() -> None:
    """SDES is spoken; DTLS is named as not measured; no repr shows a key."""
    key = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
    line = f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key}\r\n"
    ours, theirs = (
        body.replace("RTP/AVP", "RTP/SAVP") + line for body in (OFFER, sdp("PCMU", address=THEM))
    )
    [terms] = followed(Wire().send("INVITE", body=ours).receive(200, body=theirs))
    assert terms.agreed.srtp == "AES_CM_128_HMAC_SHA1_80"
    assert key not in repr(terms)
    print_ = "a=fingerprint:sha-256 00:11\r\n"
    ours, theirs = (
        body.replace("RTP/AVP", "UDP/TLS/RTP/SAVP") + print_
        for body in (OFFER, sdp("PCMU", address=THEM))
    )
    [terms] = followed(Wire().send("INVITE", body=ours).receive(200, body=theirs))
    assert terms.unmeasured == "DTLS-SRTP"


def test_their_packet_time_and_rtcp_port_are_followed() -> None:
    """a=ptime says what they want to get, a=rtcp where reports go (RFC 3605)."""
    answer = sdp("PCMU", address=THEM) + "a=ptime:30\r\na=rtcp:50005\r\n"
    [terms] = followed(Wire().send("INVITE", body=OFFER).receive(200, body=answer))
    assert terms.agreed.ptime_s == pytest.approx(0.03)
    assert terms.control == (THEM, 50005)
