"""Files that a user named: how they are called in messages, and what is in them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from probe.scenario.source import Problem, ScenarioError, Source

_NOTED: ContextVar[dict[str, bytes] | None] = ContextVar("noted", default=None)
_SENT: ContextVar[tuple[Mapping[str, bytes], Path] | None] = ContextVar("sent", default=None)


@contextmanager
def noted() -> Iterator[dict[str, bytes]]:
    """Collect what is read until the end of the block: contents by absolute path."""
    found: dict[str, bytes] = {}
    token = _NOTED.set(found)
    try:
        yield found
    finally:
        _NOTED.reset(token)


@contextmanager
def sent(contents: Mapping[str, bytes], here: str) -> Iterator[None]:
    """Read what another machine noted, as if it lay here; until the end no other file is there.

    ``here`` is the folder in which the user worked, from which paths are shown.
    """
    token = _SENT.set((contents, Path(here)))
    try:
        yield
    finally:
        _SENT.reset(token)


def shown(path: Path) -> str:
    """Return the path as the user would name it: relative to here where it lies below."""
    held = _SENT.get()
    here = held[1] if held is not None else Path.cwd()
    if path.is_absolute() and path.is_relative_to(here):
        return str(path.relative_to(here))
    return str(path)


def there(path: Path) -> bool:
    """Whether there is such a file to read."""
    held = _SENT.get()
    return path.is_file() if held is None else str(path) in held[0]


def beside(path: Path, written: str) -> Path:
    """Return the path that a file names: relative paths begin in the folder of that file."""
    return Path(os.path.normpath(path.parent / written))


def content(path: Path, file: str, most: int) -> bytes:
    """Return what is in a file, one byte more than `most` at most; raise ScenarioError."""
    source = Source(file=file, line=1, column=1)
    held, notes = _SENT.get(), _NOTED.get()
    if held is not None and str(path) in held[0]:
        return held[0][str(path)][: most + 1]
    try:
        if held is not None or not path.is_file():
            message = "this is not a file" if path.exists() else "there is no such file"
            raise ScenarioError([Problem(source=source, message=message)])
        with path.open("rb") as stream:
            data = stream.read(most + 1)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        message = f"the file cannot be read: {reason}"
        raise ScenarioError([Problem(source=source, message=message)]) from None
    if notes is not None:
        notes[os.path.abspath(path)] = data  # noqa: PTH100 - a link keeps its name
    return data
