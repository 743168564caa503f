"""Bytes put one after the other into a file without a name, and read again by their place.

The kernel takes the file away with the process, however that ends. The first bytes stay in memory,
so that a short run writes nothing here, and so does what a disk refuses.
"""

import weakref
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path

from probe.report.spool import Spool

IN_MEMORY = 200_000
"""Bytes of a pile that are not written to its file yet: some dozen calls."""

_TOGETHER = 1 << 16
"""Bytes that wait until they are written in one go."""

_AT_ONCE = 1 << 19
_BEFORE = 1 << 17
"""Bytes that are read at a time, and so many of them before what is asked for: pieces are asked for
one after the other, but what several calls put here at a time is asked for call by call."""


class Pile:
    """Pieces of bytes in their order."""

    def __init__(self, folder: Path | None = None, *, in_memory: int = IN_MEMORY) -> None:
        """Take the folder whose disk has the room, None for that of temporary files."""
        self._file = Spool(folder, in_memory)
        weakref.finalize(self, self._file.close)
        self._ends = array("Q", [0])
        self._refused: dict[int, bytes] = {}
        self._order: Sequence[int] | None = None
        self._held, self._first = b"", 0
        self._waiting: list[bytes] = []
        self._weight = 0
        self._most = min(_TOGETHER, in_memory)

    def add(self, piece: bytes) -> None:
        """Put a piece after the last one; it is written together with those that follow."""
        self._waiting.append(piece)
        self._weight += len(piece)
        self._ends.append(self._ends[-1] + len(piece))
        if self._weight >= self._most:
            self._write()

    def _write(self) -> None:
        """Write what waits at the end of the file, or one by one what of it has room there."""
        self._held = b""  # what was read ahead ends where this begins
        waiting, self._waiting, self._weight = self._waiting, [], 0
        first = len(self) - len(waiting)
        if self._written(self._ends[first], b"".join(waiting)):
            return
        del self._ends[first + 1 :]
        for piece in waiting:
            end = self._ends[-1]
            if self._written(end, piece):
                end += len(piece)
            else:  # the calls are worth more than the memory
                self._refused[len(self)] = piece
            self._ends.append(end)

    def _written(self, begin: int, data: bytes) -> bool:
        """Write at a place of the file; whether it took that."""
        try:
            self._file.seek(begin)
            self._file.write(data)
            self._file.flush()
        except OSError:
            return False
        return True

    def arrange(self, order: Sequence[int] | None) -> None:
        """Let pieces stand in another order than they came: the place where each was put."""
        self._order = order

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, number: int) -> bytes:
        """Return the piece at a place, counted from 0; raise OSError."""
        place = number if self._order is None else self._order[number]
        if place in self._refused:
            return self._refused[place]
        written = len(self) - len(self._waiting)
        if place >= written:
            return self._waiting[place - written]
        begin, end = self._ends[place], self._ends[place + 1]
        if begin < self._first or end > self._first + len(self._held):
            self._first = max(0, begin - _BEFORE)
            self._file.seek(self._first)
            self._held = self._file.read(max(_AT_ONCE, end - self._first))
        return self._held[begin - self._first : end - self._first]

    def __iter__(self) -> Iterator[bytes]:
        """Yield every piece that is there by now; raise OSError."""
        for number in range(len(self)):
            yield self[number]
        self._held = b""
