"""What sipprobe keeps on this machine: the results folder, and the ledger of caps."""

import os
import shutil
import tempfile
from pathlib import Path

from probe.doctor.check import Check, fault, ok, warning

LEAST_FREE = 50_000_000
"""Bytes below which a long run may not find room."""


def results(folder: Path) -> Check:
    """Check that runs can be stored; nothing stays behind."""
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    remedy = "Name another folder with --results, or run with --no-store."
    if not place.is_dir():
        return fault("results", f"{place} is not a folder", remedy)
    try:
        with tempfile.TemporaryFile(dir=place):
            free = shutil.disk_usage(place).free
    except OSError as error:
        return fault("results", f"{folder} cannot be written: {error.strerror}", remedy)
    made = "can be written" if place == folder else "can be made"
    shown = f"the folder {folder} {made}"
    if free < LEAST_FREE:
        return warning(
            "results", f"{shown}, but only {free // 1_000_000} MB are free there", remedy
        )
    return ok("results", shown)


def ledger(path: Path) -> Check:
    """Check that the ledger of calls, minutes and refused logins can be used."""
    import sqlite3  # noqa: PLC0415 - start-up time

    from probe.executor.ledger import VERSION  # noqa: PLC0415 - as above

    remedy = "Without it caps count within one run only; correct the rights of that file."
    if not path.exists():
        place = path.parent
        while not place.exists() and place != place.parent:
            place = place.parent
        if os.access(place, os.W_OK | os.X_OK):
            return ok("caps", f"no ledger yet; {_short(path)} is made with the first call")
        return warning("caps", f"the ledger {_short(path)} cannot be made", remedy)
    try:
        database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=0.5)
        try:
            (version,) = database.execute("PRAGMA user_version").fetchone()
            (entries,) = database.execute("SELECT count(*) FROM entry").fetchone()
        finally:
            database.close()
    except sqlite3.Error as error:
        return warning("caps", f"the ledger {_short(path)} cannot be read: {error}", remedy)
    if int(version) > VERSION:
        return warning(
            "caps", f"a newer sipprobe wrote the ledger {_short(path)}", "Update sipprobe."
        )
    if not os.access(path, os.W_OK):
        return warning("caps", f"the ledger {_short(path)} cannot be written", remedy)
    return ok("caps", f"the ledger {_short(path)} holds {entries} entries of the last days")


def _short(path: Path) -> str:
    """Return a path with ~ for the home folder."""
    try:
        return f"~/{path.relative_to(Path.home())}"
    except (ValueError, RuntimeError):
        return str(path)
