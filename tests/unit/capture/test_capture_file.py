"""Capture files: both formats, both byte orders, every unit of time, and what is no capture."""

import gzip
import struct
from contextlib import suppress
from pathlib import Path

import pytest
from framebuilder import STARTED, Film, pcap, pcapng

from probe.capture.file import CaptureError, frames

FRAMES = [(STARTED + 0.25, b"one"), (STARTED + 1.000001, b"second"), (STARTED + 2.5, b"")]


def read(path: Path) -> list[object]:
    """Return number, time, link type and bytes of each frame."""
    return [(f.number, round(f.at, 6), f.link, f.data) for f in frames(path)]


EXPECTED = [(number, at, 1, data) for number, (at, data) in enumerate(FRAMES, 1)]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nano", [False, True])
def test_pcap(tmp_path: Path, order: str, nano: bool) -> None:
    """Little and big endian, micro- and nanoseconds."""
    path = tmp_path / "x.pcap"
    path.write_bytes(pcap(FRAMES, 1, order=order, nano=nano))
    assert read(path) == EXPECTED


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("power", [6, 9])
def test_pcapng(tmp_path: Path, order: str, power: int) -> None:
    """Both byte orders, units as the interface says."""
    path = tmp_path / "x.pcapng"
    path.write_bytes(pcapng([(1, FRAMES)], order=order, power=power))
    assert read(path) == EXPECTED


def test_interfaces_have_link_types_of_their_own(tmp_path: Path) -> None:
    """A capture of Ethernet and of loopback in one file."""
    path = tmp_path / "x.pcapng"
    path.write_bytes(pcapng([(1, FRAMES[:1]), (0, FRAMES[1:])]))
    assert [link for _, _, link, _ in read(path)] == [1, 0, 0]


def test_sections_follow_each_other(tmp_path: Path) -> None:
    """Files that were put behind each other: each section has its byte order and interfaces."""
    path = tmp_path / "x.pcapng"
    path.write_bytes(pcapng([(1, FRAMES)]) + pcapng([(113, FRAMES)], order=">"))
    assert [(n, link) for n, _, link, _ in read(path)] == [
        *((n, 1) for n in (1, 2, 3)),
        *((n, 113) for n in (4, 5, 6)),
    ]


def test_time_offset_and_powers_of_two(tmp_path: Path) -> None:
    """Options of an interface that few tools write."""
    body = struct.pack("<HHIHHB3xHHqHH", 1, 0, 0, 9, 1, 0x80 | 10, 14, 8, 100, 0, 0)
    section = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
    interface = struct.pack("<II", 1, 12 + len(body)) + body + struct.pack("<I", 12 + len(body))
    packet = struct.pack("<IIIIIII", 6, 36, 0, 0, 2048, 4, 4) + b"data" + struct.pack("<I", 36)
    path = tmp_path / "x.pcapng"
    path.write_bytes(section + interface + packet)
    assert read(path) == [(1, 102.0, 1, b"data")]


def test_packets_without_a_time_or_an_interface_are_left_out(tmp_path: Path) -> None:
    """Simple packet blocks; and a number that no interface has."""
    whole = pcapng([(1, FRAMES[:1])])
    simple = struct.pack("<IIII", 3, 20, 4, 0xAABBCCDD) + struct.pack("<I", 20)
    unknown = struct.pack("<IIIIIII", 6, 36, 9, 0, 0, 4, 4) + b"data" + struct.pack("<I", 36)
    path = tmp_path / "x.pcapng"
    path.write_bytes(whole + simple + unknown + pcapng([(1, FRAMES[:1])]))
    assert [n for n, _, _, _ in read(path)] == [1, 4]


@pytest.mark.parametrize("name", ["x.pcap.gz", "x.pcapng.gz", "without-a-suffix"])
def test_compressed(tmp_path: Path, name: str) -> None:
    """The first bytes tell it, not the name."""
    path = tmp_path / name
    path.write_bytes(gzip.compress(pcap(FRAMES, 1)))
    assert read(path) == EXPECTED


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty: nothing was captured, or the tool is still running"),
        (b"INVITE sip:a@b SIP/2.0\r\n", "is no capture: it begins with 49 4e 56 49"),
        (b"\x1f\x8bnot really gzip", "cannot be unpacked: "),
        (gzip.compress(pcap(FRAMES, 1), mtime=0)[:40], "cannot be unpacked: "),
        (pcap(FRAMES, 1)[:20], "is cut short after frame 0: "),
        (pcap(FRAMES, 1)[:-1], "is cut short after frame 2: "),
        (pcap(FRAMES, 1)[:45], "is cut short after frame 1: "),
        (pcapng([(1, FRAMES)])[:-2], "is cut short after frame 2: "),
        (pcapng([(1, FRAMES)])[:10], "is cut short after frame 0: "),
        (pcapng([(1, FRAMES)])[:30], "is cut short after frame 0: "),
        (pcap([], 1) + struct.pack("<IIII", 0, 0, 2**31, 0), "a record of 2147483648 bytes"),
        (pcapng([]) + struct.pack("<II", 6, 9), "a block of 9 bytes"),
        (pcapng([]) + struct.pack("<III", 1, 12, 12), "an interface of 0 bytes"),
    ],
)
def test_what_is_no_capture(tmp_path: Path, content: bytes, says: str) -> None:
    """The file is named, and what is wrong with it."""
    path = tmp_path / "x.pcap"
    path.write_bytes(content)
    with pytest.raises(CaptureError) as told:
        read(path)
    assert str(told.value).startswith(str(path))
    assert says in str(told.value)


def test_file_that_is_not_there(tmp_path: Path) -> None:
    """The system's words."""
    with pytest.raises(CaptureError, match=r"cannot read .*: No such file or directory"):
        read(tmp_path / "x.pcap")
    with pytest.raises(CaptureError, match=r"cannot read .*: Is a directory"):
        read(tmp_path)


def test_every_place_at_which_a_file_may_end(tmp_path: Path) -> None:
    """Cut after any byte, whole frames are read and the rest is told, never misread."""
    for data in (Film().pause(1).pause(1).bytes(), pcapng([(1, FRAMES)], order=">")):
        (tmp_path / "whole").write_bytes(data)
        whole = read(tmp_path / "whole")
        for end in range(1, len(data)):
            path = tmp_path / "x"
            path.write_bytes(data[:end])
            found: list[object] = []
            with suppress(CaptureError):
                found.extend(
                    (one.number, round(one.at, 6), one.link, one.data) for one in frames(path)
                )
            assert found == whole[: len(found)]
