"""The state file: which runs there were and what they came to (SQLite, WAL).

A run is entered before its first call, with the calls that it may place, so that a bound holds
whatever becomes of us. Its result is committed before anybody is shown it: all that is shown is
read from here. ``kill -9`` between two commits costs nothing that was committed.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from msgspec import Struct

from probe.monitor.check import Key
from probe.monitor.result import Result

VERSION = 1
"""Version of the tables; the file of a newer one is left alone."""

APPLICATION = 0x53495073
"""``application_id`` of the file ("SIPs"): another program's file is not taken for ours."""

LONGEST_LOCK_S = 5.0
"""Longest wait for somebody who reads the file with a tool."""

_TABLES = """
CREATE TABLE run (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    module TEXT NOT NULL, target TEXT NOT NULL, started_by TEXT NOT NULL,
    state TEXT NOT NULL, run_id TEXT NOT NULL DEFAULT '',
    began REAL NOT NULL, ended REAL, outcome TEXT, calls INTEGER NOT NULL,
    result TEXT);
CREATE INDEX run_by_check ON run (module, target, number);
CREATE INDEX run_by_time ON run (began);
CREATE TABLE tally (
    kind TEXT NOT NULL, module TEXT NOT NULL, target TEXT NOT NULL, word TEXT NOT NULL,
    count INTEGER NOT NULL, PRIMARY KEY (kind, module, target, word));
"""

_COLUMNS = "number, module, target, started_by, state, run_id, began, ended, outcome, calls, result"


class StoreError(Exception):
    """The state file cannot be used; the text says which, why, and what to do."""


class StoredRun(Struct, frozen=True, kw_only=True):
    """One run as it is entered."""

    number: int
    "Counts up, never again the same."

    module: str
    "Its module."

    target: str
    "Its target."

    started_by: str
    "schedule or probe."

    state: str
    "waiting, running, finished, interrupted (ended before its end), or broken (never began)."

    run_id: str
    "Name of its folder; empty before it began."

    began: float
    "When it was entered, then when it began, seconds since 1970."

    ended: float | None
    "When it ended."

    outcome: str | None
    "met, not_met or inconclusive; None until it is finished."

    calls: int
    "Calls that it may place at most, then those that it placed."

    stored: str | None
    "Its result as text."

    @property
    def result(self) -> Result | None:
        """What it came to; None before its end."""
        return None if self.stored is None else Result.from_json(self.stored)


class Store:
    """The state file; every method may be called from any thread."""

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        """Open or make the file; raise StoreError."""
        self._path = path
        self._now = now
        self._lock = threading.RLock()
        try:
            self._database = self._opened()
        except (sqlite3.Error, OSError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            raise StoreError(
                f"the state file {path} cannot be used: {why}\n"
                "  move it away (a new one is made), or choose another folder with --state"
            ) from None

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()

    def accept(self, key: Key, started_by: str, calls: int) -> int:
        """Enter a run that is about to begin, with the calls that it may place; return its number.

        Raise StoreError: then it must not begin, since nobody would count it.
        """
        with self._writing() as database:
            entered = database.execute(
                "INSERT INTO run (module, target, started_by, state, began, calls)"
                " VALUES (?, ?, ?, 'waiting', ?, ?)",
                (*key, started_by, self._now(), calls),
            )
            return int(entered.lastrowid or 0)

    def begin(self, number: int, run_id: str) -> None:
        """Note that a run begins now, and in which folder; raise StoreError."""
        with self._writing() as database:
            database.execute(
                "UPDATE run SET state = 'running', run_id = ?, began = ? WHERE number = ?",
                (run_id, self._now(), number),
            )

    def withdraw(self, number: int) -> None:
        """Take out a run that did not begin."""
        with self._writing() as database:
            database.execute("DELETE FROM run WHERE number = ? AND state = 'waiting'", (number,))

    def finish(self, number: int, result: Result, *, state: str = "finished") -> None:
        """Commit what a run came to, and count it; raise StoreError."""
        outcome = result.outcome if state == "finished" else None
        with self._writing() as database:
            found = database.execute(
                "UPDATE run SET state = ?, ended = ?, outcome = ?, calls = ?, result = ?"
                " WHERE number = ? AND ended IS NULL RETURNING module, target",
                (state, self._now(), outcome, result.calls, result.to_json(), number),
            ).fetchall()  # all of them: a statement that is not over would hold up the commit
            for check in found:
                self._tally(database, "run", check, outcome or state)

    def skipped(self, key: Key, reason: str) -> None:
        """Count a run that was not started."""
        with self._writing() as database:
            self._tally(database, "skip", key, reason)

    def tallies(self, kind: str) -> dict[tuple[str, str, str], int]:
        """Return the counts of a kind (run, skip) by module, target and word."""
        with self._reading() as database:
            rows = database.execute(
                "SELECT module, target, word, count FROM tally WHERE kind = ?", (kind,)
            ).fetchall()
        return {(module, target, word): count for module, target, word, count in rows}

    def calls_since(self, at: float, module: str | None = None) -> int:
        """Return the calls of runs that began since then, those under way at their most."""
        chosen = "" if module is None else " AND module = ?"
        with self._reading() as database:
            (calls,) = database.execute(
                f"SELECT total(calls) FROM run WHERE began >= ?{chosen}",  # noqa: S608 - ours
                (at,) if module is None else (at, module),
            ).fetchone()
        return int(calls)

    def last(self, key: Key, *, finished: bool = True) -> StoredRun | None:
        """Return the newest run of a check: the newest finished one, or any that has begun."""
        states = "state = 'finished'" if finished else "state != 'waiting'"
        return next(iter(self._runs(f"module = ? AND target = ? AND {states}", key, 1)), None)

    def last_met(self, key: Key) -> StoredRun | None:
        """Return the newest run of a check in which everything was met."""
        return next(iter(self._runs("module = ? AND target = ? AND outcome = 'met'", key, 1)), None)

    def last_unmet(self, key: Key) -> StoredRun | None:
        """Return the newest run of a check in which something was not met."""
        wanted = "module = ? AND target = ? AND outcome != 'met'"
        return next(iter(self._runs(wanted, key, 1)), None)

    def recent(self, key: Key, most: int) -> tuple[StoredRun, ...]:
        """Return the newest runs of a check that are over, the newest first."""
        return self._runs("module = ? AND target = ? AND ended IS NOT NULL", key, most)

    def numbered(self, run_id: str) -> StoredRun | None:
        """Return the run of a folder, or None."""
        return next(iter(self._runs("run_id = ?", (run_id,), 1)), None)

    def unfinished(self) -> tuple[StoredRun, ...]:
        """Return the runs that never came to an end: those of a process that is gone."""
        return self._runs("ended IS NULL", (), 10_000)

    def same_since(self, key: Key) -> float | None:
        """Return when the outcome of a check became what it is; None before its first run."""
        last = self.last(key)
        if last is None:
            return None
        with self._reading() as database:
            (since,) = database.execute(
                "SELECT min(ended) FROM run WHERE module = ? AND target = ? AND outcome = ?"
                " AND number > (SELECT coalesce(max(number), 0) FROM run WHERE module = ?"
                " AND target = ? AND outcome IS NOT NULL AND outcome != ?)",
                (*key, last.outcome, *key, last.outcome),
            ).fetchone()
        return None if since is None else float(since)

    def tidy(self, keep_days: int, keep_runs: int) -> tuple[str, ...]:
        """Take out old runs; return the names of their folders.

        The newest finished run of each check stays, however old it is.
        """
        with self._writing() as database:
            gone = database.execute(
                "DELETE FROM run WHERE ended IS NOT NULL AND (began < ? OR number NOT IN"
                " (SELECT number FROM run ORDER BY number DESC LIMIT ?)) AND number NOT IN"
                " (SELECT max(number) FROM run WHERE state = 'finished' GROUP BY module, target)"
                " RETURNING run_id",
                (self._now() - keep_days * 86400.0, keep_runs),
            ).fetchall()
        return tuple(run_id for (run_id,) in gone if run_id)

    def _runs(self, wanted: str, values: tuple[Any, ...], most: int) -> tuple[StoredRun, ...]:
        """Return runs, the newest first."""
        with self._reading() as database:
            rows = database.execute(
                f"SELECT {_COLUMNS} FROM run WHERE {wanted} ORDER BY number DESC LIMIT ?",  # noqa: S608 - our own words
                (*values, most),
            ).fetchall()
        names = (*_COLUMNS.split(", ")[:-1], "stored")
        return tuple(StoredRun(**dict(zip(names, row, strict=True))) for row in rows)

    @staticmethod
    def _tally(database: sqlite3.Connection, kind: str, key: Key, word: str) -> None:
        database.execute(
            "INSERT INTO tally VALUES (?, ?, ?, ?, 1) ON CONFLICT DO UPDATE SET count = count + 1",
            (kind, *key, word),
        )

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._database
            except sqlite3.Error as error:
                raise StoreError(f"the state file {self._path} cannot be read: {error}") from error

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Give a transaction that is committed at the end of the block."""
        with self._lock:
            try:
                self._database.execute("BEGIN IMMEDIATE")
                yield self._database
                self._database.execute("COMMIT")
            except BaseException as error:
                with suppress(sqlite3.Error):  # a full disk has rolled it back already
                    self._database.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    why = f"the state file {self._path} cannot be written: {error}"
                    raise StoreError(why) from error
                raise

    def _opened(self) -> sqlite3.Connection:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))  # whom we call is private
        database = sqlite3.connect(
            self._path, timeout=LONGEST_LOCK_S, isolation_level=None, check_same_thread=False
        )
        try:
            _look_at(database)
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = FULL")  # a result survives a power cut, too
            if not _number(database, "user_version"):
                database.executescript(
                    f"BEGIN IMMEDIATE; {_TABLES} PRAGMA application_id = {APPLICATION};"
                    f" PRAGMA user_version = {VERSION}; COMMIT;"
                )
        except BaseException:
            database.close()
            raise
        return database


def _look_at(database: sqlite3.Connection) -> None:
    """Raise sqlite3.DatabaseError for a file that is damaged, of somebody else, or of later."""
    version, application = _number(database, "user_version"), _number(database, "application_id")
    (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and application != APPLICATION:
        raise sqlite3.DatabaseError("it is the file of another program")
    if version > VERSION:
        raise sqlite3.DatabaseError(
            f"a newer sipprobe wrote it (version {version}; this one reads {VERSION})"
        )
    (found,) = database.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise sqlite3.DatabaseError(f"it is damaged: {found.splitlines()[0]}")


def _number(database: sqlite3.Connection, pragma: str) -> int:
    (number,) = database.execute(f"PRAGMA {pragma}").fetchone()
    return int(number)
