"""One run between its order and its end: who may stop it, who waits for it, what it said."""

import threading
import time
from collections.abc import Callable
from typing import Protocol

from msgspec import Struct, field

from probe.monitor.check import Check
from probe.monitor.result import Result

MOST_LINES = 500
"""Lines that a run may say; the rest is in its folder."""


class Stopper:
    """Ends a run, whether it is under way already or not."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._interrupt: Callable[[], None] | None = None
        self.stopped = False
        "Whether an end was asked for."

    def attach(self, interrupt: Callable[[], None]) -> None:
        """Take what ends the run in order; it is called at once where that was asked for."""
        with self._lock:
            self._interrupt = interrupt
            if self.stopped:
                interrupt()

    def stop(self) -> None:
        """Let calls be hung up and registrations be removed."""
        with self._lock:
            self.stopped = True
            if self._interrupt is not None:
                self._interrupt()


class Ticket(Struct, kw_only=True, eq=False):
    """One run that was accepted."""

    check: Check
    "What is run."

    number: int
    "Its number in the state file."

    started_by: str
    "schedule or probe."

    timeout: float | None
    "Deadline of the scenario in seconds, over all others; None for its own."

    begins: Callable[[str], None]
    "To be told the name of its folder before the first call."

    stopper: Stopper = field(default_factory=Stopper)
    "Ends it."

    over: threading.Event = field(default_factory=threading.Event)
    "Set once its result is committed."

    result: Result | None = None
    "What it came to."

    run_id: str = ""
    "Name of its folder."

    lines: list[str] = field(default_factory=list)
    "What it said, each line with the seconds since it was accepted."

    accepted: float = field(default_factory=time.monotonic)
    "When it was accepted."

    under_way: bool = False
    "Whether it has begun."

    def say(self, line: str) -> None:
        """Note what happens, for whoever asked for it."""
        if len(self.lines) < MOST_LINES:
            self.lines.append(f"{time.monotonic() - self.accepted:8.3f}  {line}")


class CannotRunError(Exception):
    """A run could not begin; the text says why. It says nothing about the trunk."""


class Carry(Protocol):
    """Carries a run out; raise CannotRunError where it cannot begin."""

    def __call__(self, ticket: Ticket) -> Result:
        """Return what it came to."""
        ...
