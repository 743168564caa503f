"""Live progress on stderr: for a person who watches one line, in a CI job a plain line a minute."""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

from probe.cli.pace import Pace, in_words
from probe.cli.terminal import columns
from probe.report.text import cells, cut, plain

if TYPE_CHECKING:
    from probe.plan.plan import Attempt, Plan
    from probe.report.model import Finding

WIDEST = 100
"""Columns of the line: where a terminal is made narrower, as little as possible of it wraps."""

TICK_S = 1.0
"""Seconds after which the line is drawn anew while nothing happens."""

EVERY_S = 60.0
"""Seconds between two lines in the log of a CI job."""


class Progress:
    """One line that says what is being tried; gone when the run is over.

    ``shown`` is ``live`` for a terminal, ``log`` for a file that somebody may follow, or none.
    """

    def __init__(
        self,
        plans: "tuple[Plan, ...]",
        *,
        shown: str,
        hide: Callable[[str], str] = str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shown = shown
        self._hide = hide
        self._clock = clock
        self._pace = Pace(total=sum(len(plan.attempts) for plan in plans), began=clock())
        self._names = {id(attempt): plan.scenario for plan in plans for attempt in plan.attempts}
        self._what = ""
        self._since = clock()
        self._told_at = clock()
        self._drawn = 0
        self._over = threading.Event()
        self._lock = threading.RLock()  # a signal's handler may draw while we do
        self._ticker = threading.Thread(target=self._tick, daemon=True, name="progress")

    def begins(self, attempt: "Attempt", number: int) -> None:
        """Show the attempt that begins; ``number`` counts its tries from 1."""
        with self._lock:
            self._pace.begins(calls=attempt.method == "INVITE", again=number > 1)
            again = f"  try {number}" if number > 1 else ""
            scenario = self._names.get(id(attempt), "")
            self._what = plain(self._hide(f"{scenario} › {attempt.label}{again}"))
            self._since = self._clock()
            self._draw()

    def found(self, finding: "Finding") -> None:
        """Count what a finding came to."""
        with self._lock:
            self._pace.found(finding.last.verdict.outcome.value)

    def says(self, text: str) -> None:
        """Write a line of its own; the line of progress goes on below it."""
        with self._lock:
            self._clear()
            self._write(f"{text}\n")

    def erases(self) -> bytes:
        """Return what takes the line back, for a handler of a signal, which may draw nothing."""
        return b"\r\x1b[J" if self._shown == "live" else b""

    def _tick(self) -> None:
        """Draw the line anew now and then, so that it is seen to go on."""
        while not self._over.wait(TICK_S):
            with self._lock:
                self._draw()

    def _draw(self) -> None:
        """Draw the line, or write one where it is time to."""
        now = self._clock()
        if self._shown == "log":
            if now - self._told_at >= EVERY_S:
                self._told_at = now
                self._write(f"sipprobe: {self._pace.sentence(now)}\n")
        elif self._shown == "live":
            waited = now - self._since
            what = f"{self._what}  {in_words(waited)}" if waited >= 3 else self._what
            text = "  ".join(filter(None, (self._pace.short(now), what)))
            self._clear()
            width = min(_columns(), WIDEST)
            self._drawn = cells(text := cut(text, width - 1))
            self._write(text)

    def _clear(self) -> None:
        """Take the line back: all of it, also where the terminal was made narrower meanwhile."""
        if self._shown != "live":
            return
        rows = max(0, self._drawn - 1) // max(1, _columns())
        self._write((f"\x1b[{rows}A" if rows else "") + "\r\x1b[J")
        self._drawn = 0

    def _write(self, text: str) -> None:
        """Write to the terminal; one that was closed must not break a call off."""
        if not self._shown:
            return
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except (OSError, ValueError):
            self._shown = ""

    def __enter__(self) -> "Progress":  # noqa: PYI034 - Self came with Python 3.11
        if self._shown:
            self._ticker.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        if self._ticker.is_alive():
            self._ticker.join()
        with self._lock:
            self._clear()
            self._shown = ""


def way_to_show(*, quiet: bool) -> str:
    """Return how progress is shown: on a terminal live, in a CI job as a log, else not at all."""
    if quiet:
        return ""
    if os.environ.get("CI"):
        return "log"
    return "live" if sys.stderr.isatty() and os.environ.get("TERM") != "dumb" else ""


def _columns() -> int:
    """Return the columns of the terminal that the line is on, which stdout may not be."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    return columns(80)
