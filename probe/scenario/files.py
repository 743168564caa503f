"""Files that a user named: how they are called in messages, and what is in them."""

from __future__ import annotations

import os
from pathlib import Path

from probe.scenario.source import Problem, ScenarioError, Source


def shown(path: Path) -> str:
    """Return the path as the user would name it: relative to here where it lies below."""
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        return str(path.relative_to(Path.cwd()))
    return str(path)


def beside(path: Path, written: str) -> Path:
    """Return the path that a file names: relative paths begin in the folder of that file."""
    return Path(os.path.normpath(path.parent / written))


def content(path: Path, file: str, most: int) -> bytes:
    """Return what is in a file, one byte more than `most` at most; raise ScenarioError."""
    source = Source(file=file, line=1, column=1)
    try:
        if not path.is_file():
            message = "this is not a file" if path.exists() else "there is no such file"
            raise ScenarioError([Problem(source=source, message=message)])
        with path.open("rb") as stream:
            return stream.read(most + 1)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        message = f"the file cannot be read: {reason}"
        raise ScenarioError([Problem(source=source, message=message)]) from None
