"""Live progress on stderr, for a person who watches."""

import shutil
import sys
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from probe.plan.plan import Attempt, Plan


class Progress:
    """One line that says what is being tried; gone when the run is over."""

    def __init__(
        self, plans: "tuple[Plan, ...]", *, live: bool, hide: Callable[[str], str] = str
    ) -> None:
        self._live = live
        self._hide = hide
        self._total = sum(len(plan.attempts) for plan in plans)
        self._names = {id(attempt): plan.scenario for plan in plans for attempt in plan.attempts}
        self._done = 0

    def begins(self, attempt: "Attempt", number: int) -> None:
        """Show the attempt that begins; ``number`` counts its tries from 1."""
        if number == 1:
            self._done += 1
        if not self._live:
            return
        again = f"  try {number}" if number > 1 else ""
        scenario = self._names.get(id(attempt), "")
        text = self._hide(f"[{self._done}/{self._total}] {scenario} › {attempt.label}{again}")
        width = shutil.get_terminal_size((100, 24)).columns
        self._write(f"\r\x1b[K{text[: width - 1]}")

    def _write(self, text: str) -> None:
        """Write to the terminal; one that was closed must not break a call off."""
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except OSError:
            self._live = False

    def __enter__(self) -> "Progress":  # noqa: PYI034 - Self came with Python 3.11
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._live:
            self._write("\r\x1b[K")
