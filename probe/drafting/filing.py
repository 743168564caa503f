"""Puts text into files and never over anything: what was there is kept beside."""

import os
import shutil
from pathlib import Path

_MOST_COPIES = 1000


class FilingError(Exception):
    """A file could not be written; the text says which, why, and what to do."""


def write_new(path: Path, text: str) -> None:
    """Write a file that is not there yet, its folders included; raise FilingError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        if isinstance(error, FileExistsError) and path.exists():
            raise FilingError(f"{path} is there already") from None
        raise FilingError(f"cannot write {path}: {error.strerror}") from None


def replace_keeping(path: Path, text: str) -> Path:
    """Write a file over one that is there; return the copy that was made of it before.

    The new text appears whole or not at all, with the old file's permissions. Raise FilingError.
    """
    copy = _copied(path)
    beside = path.with_name(f".{path.name}.part")
    try:
        beside.write_text(text, encoding="utf-8")
        shutil.copymode(path, beside)
        beside.replace(path.resolve())  # what a link leads to, not the link
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise FilingError(f"cannot write {path}: {error.strerror}") from None
    return copy


def _copied(path: Path) -> Path:
    """Copy a file beside itself under a name that is free."""
    for number in range(1, _MOST_COPIES):
        copy = path.with_name(f"{path.name}.bak{'' if number == 1 else number}")
        try:
            with path.open("rb") as old, copy.open("xb") as new:
                shutil.copyfileobj(old, new)
            shutil.copymode(path, copy)
        except FileExistsError:
            continue
        except OSError as error:
            raise FilingError(f"cannot copy {path} to {copy}: {error.strerror}") from None
        return copy
    raise FilingError(f"there are too many copies of {path}: remove some")
