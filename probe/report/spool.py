"""A file without a name that begins in memory: nothing is on disk, or loaded for it, until needed.

``tempfile.SpooledTemporaryFile`` does the same, and takes 9 ms of each start to load, most of them
for packers of archives.
"""

import io
from pathlib import Path
from typing import IO


class Spool:
    """Bytes in memory up to a size, then in a file that the kernel takes away with the process."""

    def __init__(self, folder: Path | None, in_memory: int) -> None:
        """Take the folder whose disk has the room, None for that of temporary files."""
        self._folder = folder
        self._in_memory = in_memory
        self._bytes: IO[bytes] = io.BytesIO()
        self._on_disk = False

    def seek(self, place: int) -> None:
        """Go to a place, counted from the first byte."""
        self._bytes.seek(place)

    def write(self, data: bytes) -> None:
        """Write there; raise OSError."""
        self._bytes.write(data)
        if not self._on_disk and self._bytes.tell() > self._in_memory:
            self._move()

    def flush(self) -> None:
        """Hand what was written to the system; raise OSError."""
        self._bytes.flush()

    def read(self, size: int) -> bytes:
        """Return what stands there, less where the file ends; raise OSError."""
        return self._bytes.read(size)

    def close(self) -> None:
        """Give memory or file back."""
        self._bytes.close()

    def _move(self) -> None:
        """Go on in a file; raise OSError, and stay in memory, where there is no room for it."""
        import tempfile  # noqa: PLC0415 - 9 ms, and most runs are short

        folder = None if self._folder is None else str(self._folder)
        file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - open as long as the spool
        try:
            self._bytes.seek(0)
            file.write(self._bytes.read())
            file.flush()
        except OSError:
            file.close()
            raise
        self._bytes.close()
        self._bytes, self._on_disk = file, True
