"""Session descriptions and RTP ports apart from calls."""

import asyncio

import pytest
from sip_phone import Clock

from probe.simulator import rtp
from probe.simulator.behaviour import Sdp
from probe.simulator.g711 import tone
from probe.simulator.rtp import RtpPort
from probe.simulator.sdp import Chosen, Refusal, Session, choose
from probe.simulator.sound import Sound
from probe.sip.sdp import SessionDescription, parse_sdp

HEAD = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"


def offered(media: str, address: str = "127.0.0.1") -> SessionDescription:
    """Return a parsed offer."""
    return parse_sdp(f"{HEAD}c=IN IP4 {address}\r\n{media}")


@pytest.mark.parametrize(
    ("direction", "answer"),
    [
        ("sendrecv", "sendrecv"),
        ("sendonly", "recvonly"),
        ("recvonly", "sendonly"),
        ("inactive", "inactive"),
    ],
)
def test_a_direction_is_mirrored(direction: str, answer: str) -> None:
    """RFC 3264 §6.1: what one side only sends, the other only receives."""
    chosen = choose(offered(f"m=audio 4000 RTP/AVP 0\r\na={direction}\r\n"))
    assert chosen.direction == answer


def test_the_old_way_to_hold() -> None:
    """A connection address of zeros means that nothing is to be sent."""
    assert choose(offered("m=audio 4000 RTP/AVP 0\r\n", "0.0.0.0")).direction == "inactive"


def test_a_dynamic_payload_type_keeps_its_number() -> None:
    """A codec is known by its name, whatever its payload type."""
    chosen = choose(offered("m=audio 4000 RTP/AVP 18 96\r\na=rtpmap:96 pcma/8000\r\n"))
    assert chosen.formats == (("96", "pcma"),)


def test_every_media_section_is_answered() -> None:
    """Video beside the audio is refused by port 0 in its place."""
    offer = offered("m=video 5000 RTP/AVP 31\r\nm=audio 4000 RTP/AVP 8\r\nm=text 0 RTP/AVP\r\n")
    chosen = choose(offer)
    assert isinstance(chosen, Chosen)
    session = Session(host="127.0.0.1", port=6000, number=7)
    answer = parse_sdp(session.answer(offer, chosen))
    assert [(m.kind, m.port) for m in answer.media] == [("video", 0), ("audio", 6000), ("text", 0)]
    assert "o=embedded 7 2 " in session.offer(Sdp.INACTIVE)
    assert "a=inactive" in session.offer(Sdp.INACTIVE)


def test_telephone_events_alone_are_no_sound() -> None:
    """An offer with events but no codec is refused."""
    offer = offered("m=audio 4000 RTP/AVP 101\r\na=rtpmap:101 telephone-event/8000\r\n")
    assert choose(offer) == Refusal(warning=305, text="Incompatible media format")


def test_the_tone_is_the_same_sound_in_both_codecs() -> None:
    """Decoded, the mu-law and the A-law frame differ by quantisation only."""

    def from_ulaw(byte: int) -> int:
        byte = ~byte & 0xFF
        value = ((((byte & 0x0F) << 3) + 132) << ((byte & 0x70) >> 4)) - 132
        return -value if byte & 0x80 else value

    def from_alaw(byte: int) -> int:
        byte ^= 0x55
        exponent = (byte & 0x70) >> 4
        value = ((byte & 0x0F) << 4) + 8
        value = (value + 256) << (exponent - 1) if exponent else value
        return value if byte & 0x80 else -value

    ulaw = [from_ulaw(byte) for byte in tone((400, 450), 8000, "PCMU")]
    alaw = [from_alaw(byte) for byte in tone((400, 450), 8000, "PCMA")]
    assert len(ulaw) == len(alaw) == 8000
    assert max(ulaw) > 6000
    assert max(abs(a - b) for a, b in zip(ulaw, alaw, strict=True)) <= 512


def test_rtcp_goes_where_the_offer_says() -> None:
    """RFC 3605; without a=rtcp it is the port above RTP's."""
    plain = choose(offered("m=audio 4000 RTP/AVP 0\r\n"))
    assert plain.control == ("127.0.0.1", 4001)
    named = choose(offered("m=audio 4000 RTP/AVP 0\r\na=rtcp:4010\r\n"))
    assert named.control == ("127.0.0.1", 4010)
    elsewhere = choose(offered("m=audio 4000 RTP/AVP 0\r\na=rtcp:4010 IN IP4 127.0.0.9\r\n"))
    assert elsewhere.control == ("127.0.0.9", 4010)


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        (Sdp.SENDONLY, "a=sendonly"),
        (Sdp.RECVONLY, "a=recvonly"),
        (Sdp.NOWHERE, "c=IN IP4 0.0.0.0"),
        (Sdp.PRIVATE, "c=IN IP4 192.168.77.10"),
        (Sdp.CLOSED, "m=audio 9 RTP/AVP 0 101"),
        (Sdp.NO_EVENTS, "m=audio 6000 RTP/AVP 0"),
    ],
)
def test_a_description_with_a_fault(kind: Sdp, line: str) -> None:
    """Each kind differs from a good answer in its one line."""
    offer = offered("m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n")
    session = Session(host="127.0.0.1", port=6000, number=7)
    good = session.answer(offer, choose(offer)).splitlines()
    lines = session.answer(offer, choose(offer), kind).splitlines()
    assert line in lines
    assert line not in good


def test_rtp_ports_are_even_with_an_odd_neighbour(clock: Clock) -> None:
    """RFC 3550 §11: RTP takes the even port."""

    async def ports() -> list[int]:
        opened = [RtpPort("127.0.0.1", clock, Sound()) for _ in range(8)]
        for port in opened:
            port.close()
        return [port.port for port in opened]

    assert all(port % 2 == 0 for port in asyncio.run(ports()))


def test_no_free_pair_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """After some tries the search for a pair ends; taken ports are passed over."""
    binds = []

    class Taken:
        def __init__(self, *_kind: object) -> None:
            pass

        def bind(self, address: tuple[str, int]) -> None:
            binds.append(address)
            raise OSError

        def close(self) -> None:
            pass

    monkeypatch.setattr(rtp.socket, "socket", Taken)
    with pytest.raises(OSError, match="no free pair"):
        rtp._bind_pair("127.0.0.1")
    assert len(binds) == rtp._PAIR_TRIES


def test_odd_packets_are_not_echoed(clock: Clock) -> None:
    """Only RTP version 2 counts; a burst is read one packet a turn."""

    async def send(packets: list[bytes]) -> tuple[int, int]:
        loop = asyncio.get_running_loop()
        port = RtpPort("127.0.0.1", clock, Sound())
        port.answered()
        sender = rtp.socket.socket(rtp.socket.AF_INET, rtp.socket.SOCK_DGRAM)
        sender.bind(("127.0.0.1", 0))
        for packet in packets:
            sender.sendto(packet, ("127.0.0.1", port.port))
            sender.sendto(packet, ("127.0.0.1", port.port + 1))
        while port.rtcp_packets < len(packets):
            loop.call_soon(lambda: None)
            await asyncio.sleep(0)
        sender.close()
        port.close()
        return port.packets, port.sent

    good = bytes([0x80]) + bytes(19)
    assert asyncio.run(send([b"short", bytes(20), *[good] * 100])) == (100, 100)
