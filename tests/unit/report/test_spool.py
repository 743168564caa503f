"""A file that begins in memory."""

import errno
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from probe.report.spool import Spool


def opened() -> Iterator[str]:
    """Yield what this process has open."""
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the listing's own
            yield str(entry.readlink())


def read_whole(spool: Spool) -> bytes:
    """Return all that it holds."""
    spool.seek(0)
    return spool.read(1_000)


def test_few_bytes_ask_no_disk(tmp_path: Path) -> None:
    """Its folder need not even be there."""
    spool = Spool(tmp_path / "gone", in_memory=10)
    spool.write(b"0123456789")
    spool.flush()
    assert read_whole(spool) == b"0123456789"
    spool.close()


def test_more_go_on_in_a_file_that_nobody_finds(tmp_path: Path) -> None:
    """What was in memory stands before them, and no name is left in the folder."""
    spool = Spool(tmp_path, in_memory=10)
    for piece in (b"01234567", b"89abcdef", b"g"):
        spool.write(piece)
    spool.flush()
    assert read_whole(spool) == b"0123456789abcdefg"
    assert list(tmp_path.iterdir()) == []
    assert any(name.startswith(f"{tmp_path}/") for name in opened())
    spool.seek(4)
    spool.write(b"--")
    assert read_whole(spool) == b"0123--6789abcdefg"
    spool.close()


def test_without_a_place_on_disk_it_stays_in_memory(tmp_path: Path) -> None:
    """The one who writes hears of it, and what was written before is still there."""
    spool = Spool(tmp_path / "gone", in_memory=10)
    spool.write(b"01234567")
    with pytest.raises(OSError, match="gone") as told:
        spool.write(b"89abcdef")
    assert told.value.errno == errno.ENOENT
    assert read_whole(spool)[:8] == b"01234567"
    spool.close()
