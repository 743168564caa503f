"""Whether the process of another run is still there: its id and the moment at which it began.

An id alone is taken again by another process sooner or later; with the moment it is one process.
"""

import os
from functools import cache
from pathlib import Path

from msgspec import Struct


class Life(Struct, frozen=True, kw_only=True):
    """One process of this machine."""

    pid: int
    "Its id."

    born: int
    "When it began, in clock ticks since this machine did (proc(5), starttime); 0 for unknown."

    def goes_on(self) -> bool:
        """Whether it is still there."""
        return self.born == 0 or born(self.pid) == self.born


def ours() -> Life:
    """Return this process."""
    return _one(os.getpid())


@cache
def _one(pid: int) -> Life:
    """Return a process of which it is known that it goes on as long as we ask."""
    return Life(pid=pid, born=born(pid) or 0)


def born(pid: int) -> int | None:
    """Return when a process began, or None where there is none or only its exit status is left."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # After the name, which may hold anything, comes the state as field 3.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in {"Z", "X"} else int(fields[19])
