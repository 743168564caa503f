"""Which stored run somebody means: its folder, its id, the word last; a step of it."""

import re
from pathlib import Path

import click

from probe.report.text import plain

LAST = "last"
"""The word for the newest run of the results folder."""

_FILES = ("report.json", "findings.jsonl")
NO_RUN = f"it holds neither {' nor '.join(_FILES)}"
"""What is wrong with a folder that is none of a run."""

_STEP = re.compile(r"#([0-9]{1,9})\Z")
_RUN_ID = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}-[0-9]{2}-[0-9]{2}Z(?:-.*)?")


def run_meant(subject: str, results: Path) -> tuple[Path, str | None, int | None] | None:
    """Return folder, scenario and step of a subject that means a stored run; None for none.

    A subject is RUN, RUN#STEP, RUN#SCENARIO or RUN#SCENARIO#STEP; the row of a scenario may hold
    a # as well. Raise click.ClickException where it looks like a run that is not there.
    """
    found = _STEP.search(subject)
    step = int(found[1]) if found else None
    name = subject[: found.start()] if found else subject
    run, _, scenario = name.partition("#")
    for wanted, part in ((name, None), (run, scenario or None)):
        folder = _folder(wanted, results)
        if folder is not None:
            return folder, part, step
    if found is None and not _RUN_ID.fullmatch(name) and "/" not in name.rstrip("/"):
        return None
    if Path(name).is_dir():
        raise click.ClickException(f"{plain(name)} is not the folder of a run: {NO_RUN}")
    raise click.ClickException(
        f"there is no run {plain(name)}\n  look into {results}/, or write {LAST} for the newest run"
    )


def _folder(name: str, results: Path) -> Path | None:
    """Return the folder of a run, or None."""
    if name.rstrip("/") == LAST:
        return _newest(results)
    for folder in (Path(name), results / name):
        if folder.name in _FILES and folder.is_file():
            return folder.parent
        if _is_run(folder):
            return folder
    return None


def _is_run(folder: Path) -> bool:
    return any((folder / name).is_file() for name in _FILES)


def _newest(results: Path) -> Path:
    """Return the run that began last; of two of one second, the one that was stored later."""
    runs = [path for path in results.glob("*") if _is_run(path)]
    if not runs:
        raise click.ClickException(f"{results}/ holds no run yet: place one with `sipprobe run`")
    return max(runs, key=lambda path: (path.name[:20], _written_at(path)))


def _written_at(folder: Path) -> int:
    """Return when a run was stored, in nanoseconds."""
    files = [folder / name for name in _FILES]
    return max(file.stat().st_mtime_ns for file in files if file.is_file())
