"""From frames to datagrams, segments and ICMP errors."""

import itertools

import pytest
from framebuilder import LINKS, THEM, THEM6, US, US6, fragments, icmp, tcp, udp

from probe.capture import packets
from probe.capture.file import Frame
from probe.capture.packets import End, Packet, Packets, datagram, icmp_error, segment

V4 = ("ethernet", "vlan", "qinq", "null", "loop", "raw", "ipv4", "cooked", "cooked2", "pppoe")
V6 = ("ethernet", "vlan", "qinq", "null", "loop", "raw", "ipv6", "cooked", "cooked2")


def frame(packet: bytes, link: str = "raw", number: int = 1) -> Frame:
    """Return a frame with a packet in it."""
    kind, wrap = LINKS[link]
    return Frame(number, 5.0, kind, wrap(packet))


def only(packet: bytes, link: str = "raw") -> Packet:
    """Return the packet of one frame."""
    found = Packets().of(frame(packet, link))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("link", "near", "far"),
    [*((link, US, THEM) for link in V4), *((link, US6, THEM6) for link in V6)],
)
def test_every_link_type_and_version(
    link: str, near: tuple[str, int], far: tuple[str, int]
) -> None:
    """The datagram and its ends are the same whatever carried it."""
    found = datagram(only(udp(near, far, b"payload"), link))
    assert found is not None
    assert (found.source, found.target, found.data) == (End(*near), End(*far), b"payload")
    part = segment(only(tcp(near, far, seq=7, data=b"bytes"), link))
    assert part is not None
    assert (part.source, part.target, part.sequence, part.data) == (
        End(*near),
        End(*far),
        7,
        b"bytes",
    )


def test_ends_in_words() -> None:
    """IPv6 addresses stand in brackets, as in a URI."""
    assert (str(End(*US)), str(End(*US6))) == ("192.0.2.10:5060", "[2001:db8::10]:5060")


def test_padding_of_a_short_frame_is_no_payload() -> None:
    """Ethernet fills up to 60 bytes; the IP header says where the packet ends."""
    kind, wrap = LINKS["ethernet"]
    found = Packets().of(Frame(1, 0.0, kind, wrap(udp(US, THEM, b"x")) + bytes(18)))
    assert found is not None
    assert datagram(found).data == b"x"  # type: ignore[union-attr]


def test_offloaded_packet_without_a_length() -> None:
    """A length of 0, as a capture on the sender shows large segments, means all there is."""
    raw = bytearray(tcp(US, THEM, seq=1, data=b"y" * 100))
    raw[2:4] = bytes(2)
    assert segment(only(bytes(raw))).data == b"y" * 100  # type: ignore[union-attr]


@pytest.mark.parametrize(("near", "far"), [(US, THEM), (US6, THEM6)])
def test_fragments_are_put_together_in_any_order(
    near: tuple[str, int], far: tuple[str, int]
) -> None:
    """Also where one comes twice."""
    data = bytes(range(256)) * 6
    parts = fragments(udp(near, far, data), 512)
    assert len(parts) == 4
    for order in itertools.permutations(parts):
        reader = Packets()
        found = [reader.of(frame(part)) for part in (order[0], *order)]
        assert found[:-1] == [None] * 4
        whole = found[-1]
        assert whole is not None
        assert datagram(whole).data == data  # type: ignore[union-attr]
        assert reader.missing == 0


def test_missing_fragment_is_counted() -> None:
    """A datagram that never becomes whole is no datagram."""
    reader = Packets()
    for part in fragments(udp(US, THEM, bytes(2000)), 512)[1:]:
        assert reader.of(frame(part)) is None
    assert reader.missing == 1


def test_fragments_cannot_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest are given up; what would be longer than a datagram is not kept."""
    monkeypatch.setattr(packets, "MOST_FRAGMENTED", 3)
    reader = Packets()
    first = fragments(udp(US, THEM, bytes(2000)), 512)[0]
    for number in range(10):
        reader.of(frame(first[:4] + number.to_bytes(2, "big") + first[6:]))
    assert reader.missing == 10
    assert len(reader._parts) == 3
    late = bytearray(first)
    late[6:8] = (0x2000 | 0x1FFF).to_bytes(2, "big")
    assert reader.of(frame(bytes(late))) is None


def test_ipv6_extension_headers_are_passed_over() -> None:
    """Hop-by-hop, destination options and an authentication header before the datagram."""
    plain = udp(US6, THEM6, b"payload")
    head = bytes([60, 0, 1, 4, 0, 0, 0, 0]) + bytes([51, 0, 1, 4, 0, 0, 0, 0])
    head += bytes([17, 1]) + bytes(10)
    packet = plain[:4] + (len(plain) - 40 + len(head)).to_bytes(2, "big") + b"\0" + plain[7:40]
    assert datagram(only(packet + head + plain[40:])).data == b"payload"  # type: ignore[union-attr]


@pytest.mark.parametrize("near_far", [(US, THEM), (US6, THEM6)])
@pytest.mark.parametrize("make", [udp, lambda n, f, d: tcp(n, f, seq=1, data=d)])
def test_icmp_error_names_what_it_is_about(near_far: tuple[object, ...], make: object) -> None:
    """Offender, type and code, and both ends of the packet that it quotes."""
    near, far = near_far
    kind = 1 if near is US6 else 3
    code = 4 if near is US6 else 3
    found = icmp_error(only(icmp(far[0], make(near, far, b"Call-ID: x"), kind, code)))
    assert found is not None
    assert (found.offender, found.kind, found.code) == (far[0], kind, code)
    assert (found.source, found.target) == (End(*near), End(*far))
    assert found.quoted == b"Call-ID: x"


@pytest.mark.parametrize(
    "packet",
    [
        icmp("192.0.2.1", udp(US, THEM, b""), 8, 0),  # an echo request
        icmp("192.0.2.1", b"E" + bytes(19), 3, 3),
        icmp("192.0.2.1", udp(US, THEM, b"x")[:20], 3, 3),
        udp(US, THEM, b"x"),
    ],
)
def test_what_is_no_error_about_a_packet(packet: bytes) -> None:
    """Pings, quotations that are too short, other protocols."""
    assert icmp_error(only(packet)) is None


def test_unknown_links_are_named() -> None:
    """A capture of Bluetooth is not read, and that is said."""
    reader = Packets()
    assert reader.of(Frame(1, 0.0, 201, b"anything")) is None
    assert reader.links == {201}


@pytest.mark.parametrize("link", [*V4, "ipv6"])
def test_frames_of_any_length_are_read_or_left(link: str) -> None:
    """A snap length cuts frames anywhere; nothing is raised."""
    kind, wrap = LINKS[link]
    data = wrap(udp(US6 if link == "ipv6" else US, THEM6 if link == "ipv6" else THEM, b"payload"))
    for end in range(len(data)):
        found = Packets().of(Frame(1, 0.0, kind, data[:end]))
        if found is not None:
            datagram(found)
            segment(found)
            icmp_error(found)


def test_arp_is_left() -> None:
    """What is no IP carries nothing for us."""
    assert Packets().of(Frame(1, 0.0, 1, bytes(12) + b"\x08\x06" + bytes(28))) is None
