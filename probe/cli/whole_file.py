"""A report file is written whole or not at all: who reads meanwhile reads the one before."""

import contextlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path


def write_whole(path: Path, pieces: Iterable[str]) -> None:
    """Write a text to a file, with the folders above it; raise OSError.

    What is no ordinary file (``/dev/stdout``, a pipe) is written to as it is; of a link, the file
    that it leads to is replaced. A file keeps its permissions; in a folder that takes no other file
    it is written over.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    target = path.resolve()
    mode = _mode(target)
    if mode is not None and not _replaceable(target, mode):
        _write(path, pieces)  # a file that may not be written is not replaced either
        return
    beside = target.with_name(f".{target.name[:200]}.{os.getpid()}.new")
    try:
        _write(beside, pieces)
        if mode is not None:
            beside.chmod(stat.S_IMODE(mode))
        beside.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise


def _replaceable(target: Path, mode: int) -> bool:
    """Whether a file that is there can be replaced by another one, and may be."""
    return stat.S_ISREG(mode) and os.access(target, os.W_OK) and os.access(target.parent, os.W_OK)


def _write(path: Path, pieces: Iterable[str]) -> None:
    with path.open("w", encoding="utf-8") as stream:
        stream.writelines(pieces)


def _mode(path: Path) -> int | None:
    """Return the mode of a file that is there; None for none."""
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None
