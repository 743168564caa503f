"""Counts what one direction sends, and how punctually.

The process that sends writes the figures into memory that it shares with the process that reports
them: a place for each call, written anew with every packet.
"""

import mmap
import struct

_FIGURES = struct.Struct("@7q5d")

PLACE = 128
"""Bytes of one call; a cache line is never shared by two."""

_REFUSED = struct.Struct("@q")
_REFUSED_AT = 6 * 8


class Transmission:
    """The figures of everything that one call sent; moments are monotonic seconds."""

    __slots__ = (
        "began_at",
        "due",
        "errors",
        "first_at",
        "frames",
        "last_at",
        "late",
        "octets",
        "packets",
        "refused",
        "timestamp",
        "worst",
    )

    def __init__(self) -> None:
        self.packets = 0
        self.octets = 0
        self.errors = 0
        "Packets that our own system would not send."
        self.late = 0
        self.frames = 0
        "Frames whose time came, sent or not."
        self.timestamp = 0
        "RTP time of the next packet, not wrapped."
        self.refused = 0
        "How often the kernel told of an ICMP error instead of sending."
        self.worst = 0.0
        "Worst lateness of a frame, in seconds."
        self.first_at = 0.0
        "0 before the first packet."
        self.last_at = 0.0
        self.due = 0.0
        "When the next packet is due."
        self.began_at = 0.0
        "When the source was first asked for a packet; 0 before."

    def left_out(self, frames: int, behind: float) -> None:
        """Note frames that are not sent any more: this process stood still."""
        self.frames += frames
        self.late += frames
        self.worst = max(self.worst, behind)

    def store(self, memory: mmap.mmap, place: int) -> None:
        """Write the figures down."""
        _FIGURES.pack_into(
            memory,
            place * PLACE,
            self.packets,
            self.octets,
            self.errors,
            self.late,
            self.frames,
            self.timestamp,
            self.refused,
            self.worst,
            self.first_at,
            self.last_at,
            self.due,
            self.began_at,
        )


def stored(memory: mmap.mmap, place: int) -> Transmission:
    """Return the figures of a place."""
    found = Transmission()
    (
        found.packets,
        found.octets,
        found.errors,
        found.late,
        found.frames,
        found.timestamp,
        found.refused,
        found.worst,
        found.first_at,
        found.last_at,
        found.due,
        found.began_at,
    ) = _FIGURES.unpack_from(memory, place * PLACE)
    return found


def refused(memory: mmap.mmap, place: int) -> int:
    """Return how often the kernel told the sender of an ICMP error."""
    count: int = _REFUSED.unpack_from(memory, place * PLACE + _REFUSED_AT)[0]
    return count
