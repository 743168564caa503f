"""Bytes put one after the other into a file without a name, and read again by their place.

The kernel takes the file away with the process, however that ends. The first bytes stay in memory,
so that a short run writes nothing here, and so does what a disk refuses.
"""

import tempfile
import weakref
from array import array
from collections.abc import Iterator
from pathlib import Path

IN_MEMORY = 200_000
"""Bytes of a pile that are not written to its file yet: some dozen calls."""

_AT_ONCE = 1 << 18
"""Bytes that are read at a time where everything is read in its order."""


class Pile:
    """Pieces of bytes in their order."""

    def __init__(self, folder: Path | None = None, *, in_memory: int = IN_MEMORY) -> None:
        """Take the folder whose disk has the room, None for that of temporary files."""
        self._file = tempfile.SpooledTemporaryFile(  # noqa: SIM115 - open as long as the pile
            max_size=in_memory, dir=None if folder is None else str(folder)
        )
        weakref.finalize(self, self._file.close)
        self._ends = array("Q", [0])
        self._refused: dict[int, bytes] = {}

    def add(self, piece: bytes) -> None:
        """Write at the end of the file."""
        begin = self._ends[-1]
        try:
            self._file.seek(begin)
            self._file.write(piece)
            self._file.flush()
        except OSError:  # the calls are worth more than the memory
            self._refused[len(self)] = piece
            self._ends.append(begin)
            return
        self._ends.append(begin + len(piece))

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, number: int) -> bytes:
        """Return the piece at a place, counted from 0; raise OSError."""
        if number in self._refused:
            return self._refused[number]
        begin = self._ends[number]
        self._file.seek(begin)
        return self._file.read(self._ends[number + 1] - begin)

    def __iter__(self) -> Iterator[bytes]:
        """Yield every piece that is there by now; raise OSError."""
        held, first = b"", 0  # what was read of the file, and where that begins
        for number in range(len(self)):
            if number in self._refused:
                yield self._refused[number]
                continue
            begin, end = self._ends[number], self._ends[number + 1]
            if end > first + len(held):
                self._file.seek(begin)
                held, first = self._file.read(max(_AT_ONCE, end - begin)), begin
            yield held[begin - first : end - first]
