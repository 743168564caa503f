"""The ledger of a machine: calls, minutes and refused logins of a UTC day, over all runs.

A SQLite file in the state folder of the user (XDG Base Directory), so that caps survive a restart
and count across processes. Where it cannot be used the run counts by itself and says so: a probe
that went silent for want of a state folder would hide the fault that it was asked about.
"""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from probe.plan.plan import Limits

if TYPE_CHECKING:  # sqlite3 loads with the first call that is counted
    import sqlite3

_Result = TypeVar("_Result")

VERSION = 1
"""Version of the table; a file of a newer one is left alone."""

LONGEST_LOCK_S = 5.0
"""Longest wait for another process; an entry takes about a millisecond."""

KEPT_S = 3 * 86400.0
"""Age at which entries go."""

_LONGEST_QUEUE_S = 600.0
"""A slot further off than this, and than 20 gaps, is a clock that was set back, not a queue."""

_TABLE = """
CREATE TABLE IF NOT EXISTS entry (
    number INTEGER PRIMARY KEY, day TEXT NOT NULL, at REAL NOT NULL, owner TEXT NOT NULL,
    kind TEXT NOT NULL, seconds REAL NOT NULL)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Whether a call may begin."""

    why_not: str | None = None
    "Why it may not, or None."

    wait: float = 0.0
    "Seconds until its turn."

    number: int = 0
    "Its entry; 0 where it may not."


def ledger_file(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the path of the ledger: in ``$XDG_STATE_HOME``, by default ``~/.local/state``."""
    state = environ.get("XDG_STATE_HOME", "")
    base = Path(state) if state.startswith("/") else Path.home() / ".local" / "state"
    return base / "sipprobe" / "ledger.sqlite3"


class Ledger:
    """Counts what calls came to today; opens its file when it is first asked."""

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        self._path = path
        self._now = now
        self._database: sqlite3.Connection | None = None
        self.note: str | None = None
        "What the report must say of the ledger, or None."

    def admit(self, limits: Limits, seconds: float) -> Admission:
        """Enter a call of so many seconds of talk, unless a cap of the day is reached.

        Checked and entered in one transaction, so that two processes never take the same slot.
        """
        return self._carefully(lambda database: self._admit(database, limits, seconds))

    def talked(self, number: int, seconds: float) -> None:
        """Replace the planned seconds of an entry by those that it came to."""
        self._carefully(
            lambda database: database.execute(
                "UPDATE entry SET seconds = ? WHERE number = ?", (seconds, number)
            )
        )

    def withdraw(self, number: int) -> None:
        """Take out a call that was not placed after all."""
        self._carefully(
            lambda database: database.execute("DELETE FROM entry WHERE number = ?", (number,))
        )

    def login_was_refused(self, owner: str) -> None:
        """Enter a refused login."""
        self._carefully(lambda database: self._enter(database, "login", owner, self._now(), 0.0))

    def refused_logins(self, owner: str) -> int:
        """Return how many logins of an account were refused today."""
        return self._carefully(lambda database: self._today(database, "login", owner)[0])

    def close(self) -> None:
        """Close the file."""
        if self._database is not None:
            self._database.close()
            self._database = None

    def _admit(self, database: "sqlite3.Connection", limits: Limits, seconds: float) -> Admission:
        calls, talked = self._today(database, "call", limits.owner)
        if limits.calls_per_day is not None and calls >= limits.calls_per_day:
            return Admission(
                why_not=f"{calls} calls were made today through this trunk, and calls_per_day is"
                f" {limits.calls_per_day}; the day ends at 00:00 UTC"
            )
        if limits.minutes_per_day is not None and talked + seconds > limits.minutes_per_day * 60:
            return Admission(
                why_not=f"calls through this trunk came to {talked / 60:.1f} minutes today, and"
                f" with this one they could pass minutes_per_day, {limits.minutes_per_day};"
                " the day ends at 00:00 UTC"
            )
        now = self._now()
        (last,) = database.execute(
            "SELECT max(at) FROM entry WHERE owner = ? AND kind = 'call'", (limits.owner,)
        ).fetchone()
        wait = 0.0 if last is None else max(0.0, last + limits.gap - now)
        if wait > max(_LONGEST_QUEUE_S, 20 * limits.gap):
            wait = 0.0
        number = self._enter(database, "call", limits.owner, now + wait, seconds)
        return Admission(wait=wait, number=number)

    @staticmethod
    def _enter(
        database: "sqlite3.Connection", kind: str, owner: str, at: float, seconds: float
    ) -> int:
        """Add an entry and return its number."""
        entered = database.execute(
            "INSERT INTO entry (day, at, owner, kind, seconds) VALUES (?, ?, ?, ?, ?)",
            (_day(at), at, owner, kind, seconds),
        )
        return entered.lastrowid or 0

    def _today(self, database: "sqlite3.Connection", kind: str, owner: str) -> tuple[int, float]:
        """Return number and seconds of today's entries."""
        count, seconds = database.execute(
            "SELECT count(*), total(seconds) FROM entry WHERE day = ? AND owner = ? AND kind = ?",
            (_day(self._now()), owner, kind),
        ).fetchone()
        return int(count), float(seconds)

    def _carefully(self, act: "Callable[[sqlite3.Connection], _Result]") -> "_Result":
        """Do something in one transaction; where the file fails, go on in memory and note it."""
        import sqlite3  # noqa: PLC0415 - only where something is counted

        try:
            return self._transaction(act)
        except (sqlite3.Error, OSError) as error:
            self.close()
            why = error.strerror if isinstance(error, OSError) else str(error)
            self.note = (
                f"the ledger {self._path} cannot be used ({why}):"
                " caps of a day counted this run alone"
            )
            self._database = sqlite3.connect(":memory:", isolation_level=None)
            self._database.execute(_TABLE)
            return self._transaction(act)

    def _transaction(self, act: "Callable[[sqlite3.Connection], _Result]") -> "_Result":
        database = self._database or self._open()
        database.execute("BEGIN IMMEDIATE")
        try:
            result = act(database)
        except BaseException:
            database.execute("ROLLBACK")
            raise
        database.execute("COMMIT")
        return result

    def _open(self) -> "sqlite3.Connection":
        import sqlite3  # noqa: PLC0415 - as above

        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))  # whom we call is private
        database = sqlite3.connect(self._path, timeout=LONGEST_LOCK_S, isolation_level=None)
        self._database = database
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise sqlite3.DatabaseError(f"a newer sipprobe wrote it, version {version}")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute(_TABLE)
        database.execute(f"PRAGMA user_version = {VERSION}")
        database.execute("DELETE FROM entry WHERE at < ?", (self._now() - KEPT_S,))
        return database


def _day(at: float) -> str:
    """Return the UTC day of a time."""
    return datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%d")
