"""The ledger of a machine: calls, minutes, costs and refused logins of a UTC day, over all runs.

A SQLite file in the state folder of the user (XDG Base Directory), so that caps survive a restart
and count across processes. Where it cannot be used the run counts by itself and says so: a probe
that went silent for want of a state folder would hide the fault that it was asked about.
"""

import os
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct

from probe.executor.living import Life, ours
from probe.plan.plan import Limits

if TYPE_CHECKING:  # sqlite3 loads with the first call that is counted
    import sqlite3

_Result = TypeVar("_Result")

VERSION = 3
"""Version of the table; a file of a newer one is left alone."""

LONGEST_LOCK_S = 5.0
"""Longest wait for another process; an entry takes about a millisecond."""

BURST = 5
"""REGISTER and OPTIONS to one host that need not wait: a scenario or two."""

KEPT_S = 3 * 86400.0
"""Age at which entries go."""

_LONGEST_QUEUE_S = 600.0
"""A slot further off than this, and than 20 gaps, is a clock that was set back, not a queue."""

_TABLE = """
CREATE TABLE IF NOT EXISTS entry (
    number INTEGER PRIMARY KEY, day TEXT NOT NULL, at REAL NOT NULL, owner TEXT NOT NULL,
    kind TEXT NOT NULL, seconds REAL NOT NULL, cost REAL NOT NULL DEFAULT 0,
    up INTEGER NOT NULL DEFAULT 0, pid INTEGER NOT NULL DEFAULT 0, born INTEGER NOT NULL DEFAULT 0)
"""

_INDICES = (
    "CREATE INDEX IF NOT EXISTS entry_of ON entry (owner, kind, at)",
    "CREATE INDEX IF NOT EXISTS entry_up ON entry (owner, kind) WHERE up = 1",
)
"""So that what a call costs does not grow with the calls of the day."""

_SINCE = {
    2: ("ALTER TABLE entry ADD COLUMN cost REAL NOT NULL DEFAULT 0",),
    3: tuple(
        f"ALTER TABLE entry ADD COLUMN {name} INTEGER NOT NULL DEFAULT 0"
        for name in ("up", "pid", "born")
    ),
}
"""What makes the table of an older version into that of each later one."""

TINY = 1e-9
"""Less than any price: sums of prices are not exact."""


MOST_CACHED_KB = 256
"""Memory for pages of the file; SQLite takes 2 MB, and a long run fills it call by call."""


class Admission(Struct, frozen=True, kw_only=True):
    """Whether a call may begin."""

    why_not: str | None = None
    "Why it may not, or None."

    wait: float = 0.0
    "Seconds until its turn."

    busy: bool = False
    "Whether another run's call must end first; then it is not entered, and may be asked again."

    number: int = 0
    "Its entry; 0 where it may not."

    cost: float = 0.0
    "What it was entered with."


class _Day(Struct, frozen=True, kw_only=True):
    """What the entries of a day come to."""

    entries: int
    "How many there are."

    seconds: float
    "Their talk."

    cost: float
    "Their price."


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
        self._sums: dict[tuple[str, str, str], _Day] = {}
        self._version = -1
        self._ours: dict[int, tuple[tuple[str, str, str], float, float]] = {}
        self.note: str | None = None
        "What the report must say of the ledger, or None."

    def admit(self, limits: Limits, seconds: float, cost: float = 0.0) -> Admission:
        """Enter a call of so many seconds of talk, unless a cap of the day is reached.

        ``cost`` is what it may cost at most. Checked and entered in one transaction, so that two
        processes never take the same slot.
        """
        return self._carefully(lambda database: self._admit(database, limits, seconds, cost))

    def talked(self, number: int, seconds: float, cost: float = 0.0) -> None:
        """Replace the planned seconds and cost of an entry by those that it came to."""
        self._carefully(lambda database: self._talked(database, number, seconds, cost))

    def withdraw(self, number: int) -> None:
        """Take out a call that was not placed after all."""
        self._carefully(lambda database: self._withdraw(database, number))

    def turn(self, limits: Limits) -> float:
        """Take the next turn for a REGISTER or OPTIONS; return the seconds until then.

        The first ``BURST`` go at once. What counts is the host, whoever asks it.
        """
        return self._carefully(lambda database: self._turn(database, limits))

    def login_was_refused(self, owner: str) -> None:
        """Enter a refused login."""
        self._carefully(lambda database: self._enter(database, "login", owner, self._now()))

    def refused_logins(self, owner: str) -> int:
        """Return how many logins of an account were refused today."""
        return self._carefully(lambda database: self._today(database, "login", owner).entries)

    def close(self) -> None:
        """Close the file."""
        self._sums.clear()
        self._ours.clear()
        if self._database is not None:
            self._database.close()
            self._database = None

    def _admit(
        self, database: "sqlite3.Connection", limits: Limits, seconds: float, cost: float
    ) -> Admission:
        why_not = _beyond(self._today(database, "call", limits.owner), limits, seconds, cost)
        if why_not is not None:
            return Admission(why_not=f"{why_not}; the day ends at 00:00 UTC")
        if limits.concurrent_calls is not None:
            held = self._held(database, limits)
            if held is not None:
                return held
        now = self._now()
        (last,) = database.execute(
            "SELECT max(at) FROM entry WHERE owner = ? AND kind = 'call'", (limits.owner,)
        ).fetchone()
        wait = 0.0 if last is None else max(0.0, last + limits.gap - now)
        if wait > max(_LONGEST_QUEUE_S, 20 * limits.gap):
            wait = 0.0
        number = self._enter(database, "call", limits.owner, now + wait, (seconds, cost))
        return Admission(wait=wait, number=number, cost=cost)

    @staticmethod
    def _held(database: "sqlite3.Connection", limits: Limits) -> Admission | None:
        """Return what holds a call back while others are up, or None; forget those of dead runs."""
        most = limits.concurrent_calls or 0
        up = database.execute(
            "SELECT number, pid, born FROM entry WHERE owner = ? AND kind = 'call' AND up = 1",
            (limits.owner,),
        ).fetchall()
        mine = others = 0
        us = ours()
        for number, pid, born in up:
            life = Life(pid=pid, born=born)
            if life == us:
                mine += 1
            elif life.goes_on():
                others += 1
            else:
                database.execute("UPDATE entry SET up = 0 WHERE number = ?", (number,))
        if mine >= most:
            calls = "a call is" if mine == 1 else f"{mine} calls are"
            return Admission(
                why_not=f"{calls} up through this trunk already, and concurrent_calls is {most}"
            )
        return Admission(busy=True) if mine + others >= most else None

    def _turn(self, database: "sqlite3.Connection", limits: Limits) -> float:
        now, gap = self._now(), limits.request_gap
        (next_free,) = database.execute(
            "SELECT max(at) FROM entry WHERE owner = ? AND kind = 'request'", (limits.host,)
        ).fetchone()
        if (
            next_free is None
            or next_free < now
            or next_free - now > max(_LONGEST_QUEUE_S, 20 * gap)
        ):
            next_free = now
        # One row a host: when it would be free if every request since had kept the gap.
        database.execute("DELETE FROM entry WHERE owner = ? AND kind = 'request'", (limits.host,))
        self._enter(database, "request", limits.host, next_free + gap)
        return max(0.0, float(next_free) - now - (BURST - 1) * gap)

    def _talked(
        self, database: "sqlite3.Connection", number: int, seconds: float, cost: float
    ) -> None:
        database.execute(
            "UPDATE entry SET seconds = ?, cost = ?, up = 0 WHERE number = ?",
            (seconds, cost, number),
        )
        key, planned, feared = self._ours.pop(number, (None, 0.0, 0.0))
        self._sum_up(key, 0, seconds - planned, cost - feared)

    def _withdraw(self, database: "sqlite3.Connection", number: int) -> None:
        database.execute("DELETE FROM entry WHERE number = ?", (number,))
        key, planned, feared = self._ours.pop(number, (None, 0.0, 0.0))
        self._sum_up(key, -1, -planned, -feared)

    def _sum_up(
        self, key: tuple[str, str, str] | None, entries: int, seconds: float, cost: float
    ) -> None:
        """Keep the sums of a day up to date with what we entered; without a key, begin anew."""
        if key is None:
            self._sums.clear()
        elif key in self._sums:
            known = self._sums[key]
            self._sums[key] = _Day(
                entries=known.entries + entries,
                seconds=known.seconds + seconds,
                cost=known.cost + cost,
            )

    def _enter(
        self,
        database: "sqlite3.Connection",
        kind: str,
        owner: str,
        at: float,
        amounts: tuple[float, float] = (0.0, 0.0),
    ) -> int:
        """Add an entry with its seconds and its cost, and return its number; a call is up."""
        us = ours()
        entered = database.execute(
            "INSERT INTO entry (day, at, owner, kind, seconds, cost, up, pid, born)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (_day(at), at, owner, kind, *amounts, kind == "call", us.pid, us.born),
        )
        number = entered.lastrowid or 0
        key = _day(at), kind, owner
        self._sum_up(key, 1, *amounts)
        if kind == "call":
            self._ours[number] = key, *amounts
        return number

    def _today(self, database: "sqlite3.Connection", kind: str, owner: str) -> "_Day":
        """Return what today's entries come to; they are read again where another run wrote."""
        (version,) = database.execute("PRAGMA data_version").fetchone()
        if version != self._version:
            self._version = version
            self._sums.clear()
        key = _day(self._now()), kind, owner
        if key not in self._sums:
            count, seconds, cost = database.execute(
                "SELECT count(*), total(seconds), total(cost) FROM entry"
                " WHERE day = ? AND kind = ? AND owner = ?",
                key,
            ).fetchone()
            self._sums[key] = _Day(entries=int(count), seconds=float(seconds), cost=float(cost))
        return self._sums[key]

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
            self._sums.clear()
            raise
        database.execute("COMMIT")
        return result

    def _open(self) -> "sqlite3.Connection":
        import sqlite3  # noqa: PLC0415 - as above

        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))  # whom we call is private
        database = sqlite3.connect(
            self._path,
            timeout=LONGEST_LOCK_S,
            isolation_level=None,
            check_same_thread=False,  # one at a time uses it; another one may close it
        )
        self._database = database
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise sqlite3.DatabaseError(f"a newer sipprobe wrote it, version {version}")
        database.execute("PRAGMA journal_mode = WAL")
        # What a crash of ours leaves is whole; a power cut may cost the entries of the last second,
        # and waiting for the disk would cost each call some milliseconds.
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute(f"PRAGMA cache_size = {-MOST_CACHED_KB}")
        self._make_or_renew(database)
        database.execute("DELETE FROM entry WHERE at < ?", (self._now() - KEPT_S,))
        return database

    @staticmethod
    def _make_or_renew(database: "sqlite3.Connection") -> None:
        """Make the table, or that of an older version into ours; two processes may come at once."""
        database.execute("BEGIN IMMEDIATE")
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version:
            for number in range(version + 1, VERSION + 1):
                for change in _SINCE[number]:
                    database.execute(change)
        else:
            database.execute(_TABLE)
        for index in _INDICES:
            database.execute(index)
        database.execute(f"PRAGMA user_version = {VERSION}")
        database.execute("COMMIT")


def _beyond(today: _Day, limits: Limits, seconds: float, cost: float) -> str | None:
    """Say which cap of the day a call would pass, or return None."""
    if limits.calls_per_day is not None and today.entries >= limits.calls_per_day:
        return (
            f"{today.entries} calls were made today through this trunk, and calls_per_day is"
            f" {limits.calls_per_day}"
        )
    if limits.minutes_per_day is not None and today.seconds + seconds > limits.minutes_per_day * 60:
        return (
            f"calls through this trunk came to {today.seconds / 60:.1f} minutes today, and"
            f" with this one they could pass minutes_per_day, {limits.minutes_per_day}"
        )
    price, budget = limits.price, limits.cost_per_day
    if price is not None and budget is not None and today.cost + cost > budget + TINY:
        return (
            f"calls through this trunk cost about {price.shown(today.cost)} today, this one may"
            f" cost {price.shown(cost)}, and cost_per_day is {price.shown(budget)}"
        )
    return None


def _day(at: float) -> str:
    """Return the UTC day of a time."""
    return datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%d")
