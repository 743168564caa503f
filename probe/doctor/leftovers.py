"""What killed runs may have left up: read from their journals, nothing is ended."""

import time
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from probe.doctor.check import Check, ok, warning
from probe.executor.janitor import calls_left, journals_in, registrations_left
from probe.executor.living import Life
from probe.trace.journal import JournalError, read_journal


class Leftovers(Struct, frozen=True, kw_only=True):
    """What is on file of runs that are gone."""

    calls: int = 0
    "Calls without a certain end."

    registrations: int = 0
    "Registrations whose lease goes on."


def find_leftovers(folders: Iterable[Path]) -> Leftovers:
    """Read the journals below some folders; those of living runs and damaged ones do not count."""
    calls = registrations = 0
    for path in journals_in(folders):
        try:
            journal = read_journal(path)
            entries = [journal.header[who] for who in ("supervisor", "worker")]
            lives = [Life(pid=int(e["pid"]), born=int(e["born"])) for e in entries]
        except (OSError, JournalError, KeyError, TypeError, ValueError):
            continue
        if not any(life.goes_on() for life in lives):
            calls += len(calls_left(journal.events))
            registrations += len(registrations_left(journal.events, time.time()))
    return Leftovers(calls=calls, registrations=registrations)


def leftovers(found: Leftovers) -> Check:
    """Check that nothing was left up."""
    counts = ((found.calls, "call"), (found.registrations, "registration"))
    parts = [f"{n} {word}{'' if n == 1 else 's'}" for n, word in counts if n]
    if not parts:
        return ok("leftovers", "no call or registration was left by a killed run")
    return warning(
        "leftovers",
        f"killed runs left {' and '.join(parts)}, which may still be up",
        "End them: sipprobe doctor --orphans.",
    )
