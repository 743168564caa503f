"""The frames of a capture file: pcap and pcapng, also compressed with gzip.

dpkt's readers take the link type of the first interface for all, and give half a frame or end
without a word where a file is cut short; a diagnosis must know both. The two formats are those of
draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng.
"""

import gzip
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

LONGEST_RECORD = 16 * 1024 * 1024
"""Bytes of a record beyond which a file is taken for damaged; tools write 256 KiB at most."""

_GZIP = b"\x1f\x8b"
_PCAPNG = b"\x0a\x0d\x0d\x0a"
_PCAP = {
    b"\xd4\xc3\xb2\xa1": ("<", 1_000_000),
    b"\xa1\xb2\xc3\xd4": (">", 1_000_000),
    b"\x4d\x3c\xb2\xa1": ("<", 1_000_000_000),
    b"\xa1\xb2\x3c\x4d": (">", 1_000_000_000),
}
"""First four bytes of a pcap file: its byte order, and the units of a second."""

_SECTION, _INTERFACE, _SIMPLE, _ENHANCED = 0x0A0D0D0A, 1, 3, 6
_TSRESOL, _TSOFFSET = 9, 14


class CaptureError(Exception):
    """A file is no capture, or ends where it must not; the text says what to do."""


class Frame(Struct, frozen=True):
    """One captured frame."""

    number: int
    "Its number in the file, from 1, as Wireshark shows it."

    at: float
    "Seconds since 1970, in UTC."

    link: int
    "LINKTYPE of its interface (tcpdump.org/linktypes)."

    data: bytes
    "Its bytes, as many as were captured."


def frames(path: Path) -> Iterator[Frame]:
    """Yield the frames of a file in their order; raise CaptureError, at its place in the file."""
    try:
        with path.open("rb") as plain:
            compressed = plain.read(2) == _GZIP
            plain.seek(0)
            if not compressed:
                yield from _frames(plain, path)
                return
            with gzip.GzipFile(fileobj=plain) as unpacked:
                yield from _frames(unpacked, path)  # type: ignore[arg-type]  # it reads bytes
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise CaptureError(f"{path} cannot be unpacked: {error}") from error
    except OSError as error:
        raise CaptureError(f"cannot read {path}: {error.strerror or error}") from error


def _frames(file: BinaryIO, path: Path) -> Iterator[Frame]:
    magic = file.read(4)
    if magic in _PCAP:
        return _pcap(file, path, *_PCAP[magic])
    if magic == _PCAPNG:
        return _Pcapng(file, path).frames()
    if not magic:
        raise CaptureError(f"{path} is empty: nothing was captured, or the tool is still running")
    raise CaptureError(
        f"{path} is no capture: it begins with {magic.hex(' ')}, and neither as pcap nor as pcapng"
        "\n  save it with tcpdump -w, dumpcap, Wireshark or sngrep"
    )


def _exactly(file: BinaryIO, size: int, path: Path, number: int) -> bytes:
    """Return so many bytes; raise CaptureError where the file ends before."""
    if size > LONGEST_RECORD:
        raise CaptureError(f"{path} is damaged after frame {number}: a record of {size} bytes")
    data = file.read(size)
    if len(data) < size:
        raise CaptureError(
            f"{path} is cut short after frame {number}: the disk was full, or the tool that wrote "
            "it was killed or is still running"
        )
    return data


def _pcap(file: BinaryIO, path: Path, order: str, units: int) -> Iterator[Frame]:
    link = int(struct.unpack(order + "16xI", _exactly(file, 20, path, 0))[0]) & 0xFFFF
    number = 0
    record = struct.Struct(order + "IIII")
    while head := file.read(1):
        head += _exactly(file, 15, path, number)
        seconds, fraction, size, _ = record.unpack(head)
        data = _exactly(file, size, path, number)
        number += 1
        yield Frame(number, seconds + fraction / units, link, data)


class _Interface(Struct, frozen=True):
    """An interface of a pcapng section."""

    link: int
    "Its LINKTYPE."

    units: int
    "Units of a second in its times."

    offset: int
    "Seconds to add to them."

    snaplen: int
    "Bytes kept of a frame at most; 0 for all."


class _Pcapng:
    """Reads blocks; a section header sets the byte order and forgets the interfaces."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        """Take a file that stands after the type of its first section header."""
        self._file = file
        self._path = path
        self._order = "<"
        self._interfaces: list[_Interface] = []
        self._number = 0

    def frames(self) -> Iterator[Frame]:
        kind = _SECTION
        while True:
            body = self._section() if kind == _SECTION else self._block()
            if kind == _INTERFACE:
                self._interfaces.append(self._interface(body))
            elif kind in {_ENHANCED, _SIMPLE}:
                self._number += 1
                frame = self._packet(kind, body)
                if frame is not None:
                    yield frame
            head = self._file.read(4)
            if not head:
                return
            if len(head) < 4:
                head += _exactly(self._file, 4 - len(head), self._path, self._number)
            kind = _SECTION if head == _PCAPNG else self._unpack("I", head)[0]

    def _unpack(self, form: str, data: bytes) -> tuple[int, ...]:
        return struct.unpack_from(self._order + form, data)

    def _section(self) -> bytes:
        head = _exactly(self._file, 8, self._path, self._number)
        self._order = "<" if head[4:] == b"\x4d\x3c\x2b\x1a" else ">"
        self._interfaces = []
        return self._rest(self._unpack("I", head)[0], done=12)

    def _block(self) -> bytes:
        head = _exactly(self._file, 4, self._path, self._number)
        return self._rest(self._unpack("I", head)[0], done=8)

    def _rest(self, length: int, *, done: int) -> bytes:
        """Return the body of a block without its closing length."""
        if length < done + 4 or length % 4:
            raise CaptureError(
                f"{self._path} is damaged after frame {self._number}: a block of {length} bytes"
            )
        return _exactly(self._file, length - done, self._path, self._number)[:-4]

    def _interface(self, body: bytes) -> _Interface:
        if len(body) < 8:
            raise CaptureError(f"{self._path} is damaged: an interface of {len(body)} bytes")
        link, _, snaplen = self._unpack("HHI", body)
        units, offset, place = 1_000_000, 0, 8
        while place + 4 <= len(body):
            code, size = self._unpack("HH", body[place:])
            value = body[place + 4 : place + 4 + size]
            if code == _TSRESOL and len(value) == 1:
                units = (2 if value[0] & 0x80 else 10) ** (value[0] & 0x7F)
            elif code == _TSOFFSET and len(value) == 8:
                offset = self._unpack("q", value)[0]
            elif code == 0:
                break
            place += 4 + (size + 3) // 4 * 4
        return _Interface(link, units, offset, snaplen)

    def _packet(self, kind: int, body: bytes) -> Frame | None:
        """Return a packet; one of an unknown interface cannot be read, one without a time not."""
        if kind == _SIMPLE or len(body) < 20:
            return None  # no time stands there, and times are what silence is told by
        interface, high, low, size, _ = self._unpack("IIIII", body)
        if interface >= len(self._interfaces):
            return None
        known = self._interfaces[interface]
        at = ((high << 32) | low) / known.units + known.offset
        return Frame(self._number, at, known.link, body[20 : 20 + size])
