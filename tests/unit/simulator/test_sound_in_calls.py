"""Sound of the embedded trunk within whole calls."""

import socket
from collections.abc import Callable

import pytest
from sip_phone import OFFER, Phone

from probe.simulator.trunk import EmbeddedTrunk


@pytest.fixture
def opened(start: Callable[..., EmbeddedTrunk], connect: Callable[..., Phone]) -> Phone:
    """Return a phone on a trunk that asks nobody for a login."""
    return connect(start(challenge_calls=False))


def test_the_answer_to_a_late_offer_comes_with_the_ack(opened: Phone) -> None:
    """RFC 3261 §13.2.2.4: the trunk offers in its 200, and plays when the ACK has answered."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rtp:
        rtp.bind(("127.0.0.1", 0))
        rtp.settimeout(2)
        answered = opened.invite("7200", body="")[-1]
        assert answered.sdp.audio.codecs == ("PCMU", "PCMA", "telephone-event")
        body = OFFER.format(port=rtp.getsockname()[1]).replace("0 8 101", "8 101")
        opened.write(
            opened.text("ACK", "x", to_tag=answered.to_tag, cseq=answered.cseq[0], body=body)
        )
        assert rtp.recv(2048)[1] & 0x7F == 8


def test_it_hangs_up_where_no_sound_reaches_it(opened: Phone) -> None:
    """7228 says why in the Reason of its BYE."""
    opened.call("7228")
    bye = opened.read(timeout=8)
    assert bye.method == "BYE"
    assert "RTP Timeout" in bye.first("Reason")


def test_info_is_refused_where_the_number_says_so(opened: Phone) -> None:
    """7241 does not know INFO; other numbers take it."""
    answered = opened.call("7241")
    assert opened.ask("INFO", "x", to_tag=answered.to_tag).status == 501
    assert opened.ask("OPTIONS", "x", to_tag=answered.to_tag).status == 200


def test_private_address_in_the_answer(opened: Phone) -> None:
    """7214 names an address that loopback does not reach, and keeps its own in o=."""
    answered = opened.call("7214")
    assert answered.sdp.audio.address == "192.168.77.10"
    assert " 127.0.0.1" in answered.body.splitlines()[1]
