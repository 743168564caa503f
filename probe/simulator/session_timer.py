"""Session timers of the trunk's own calls (RFC 4028), seen from the answering side."""

import re
from collections.abc import Callable

from sipmessage import Request

from probe.simulator.answers import Answer
from probe.simulator.clock import Cancellable, Scheduler

MIN_SE = 90
"""The smallest interval in seconds that RFC 4028 §5 allows."""

_EXPIRES = re.compile(r"\s*(?P<seconds>\d{1,9})\s*(?:;(?P<parameters>.*))?")
_SUPPORTS = "timer"


class SessionTimer:
    """Agrees on an interval, refreshes where that is ours to do, and ends a call that is not."""

    def __init__(
        self, scheduler: Scheduler, refresh: Callable[[], None], end: Callable[[], None]
    ) -> None:
        """``refresh`` sends a request that refreshes; ``end`` hangs up."""
        self._scheduler = scheduler
        self._refresh = refresh
        self._end = end
        self._interval = 0
        self._ours = False
        self._next: list[Cancellable] = []

    def refusal(self, request: Request) -> Answer | None:
        """Return the 422 for an interval that is too small (§9)."""
        wanted, _ = _wanted(request)
        if wanted is None or wanted >= MIN_SE:
            return None
        return Answer(
            code=422,
            phrase="Session Interval Too Small",
            headers=(("Min-SE", str(MIN_SE)),),
        )

    def agree(self, request: Request) -> tuple[tuple[str, str], ...]:
        """Take the interval of an INVITE or UPDATE; return what its 2xx says of it.

        The caller refreshes unless it asked us to (§9, table 2).
        """
        self.stop()
        wanted, refresher = _wanted(request)
        if wanted is None:
            return ()
        self._interval, self._ours = wanted, refresher == "uas"
        self._start()
        who = "uas" if self._ours else "uac"
        return (("Require", _SUPPORTS), ("Session-Expires", f"{wanted};refresher={who}"))

    def refreshed(self) -> None:
        """Begin the interval anew, after a refresh of ours was answered."""
        self.stop()
        self._start()

    @property
    def interval(self) -> int:
        """The interval in seconds."""
        return self._interval

    def stop(self) -> None:
        """Wait for nothing more."""
        for waiting in self._next:
            waiting.cancel()
        self._next.clear()

    def _start(self) -> None:
        interval = self._interval
        if self._ours:
            self._next.append(self._scheduler.call_later(interval / 2, self._refresh))
        # §10: BYE comes a third of the interval early, 32 s at most.
        limit = interval - min(32.0, interval / 3)
        self._next.append(self._scheduler.call_later(limit, self._end))


def _wanted(request: Request) -> tuple[int | None, str]:
    """Return the interval that a request asks for and who refreshes; None where it asks none."""
    able = {tag.lower() for tag in (*request.supported, *request.require)}
    found = _EXPIRES.fullmatch(request.headers.get("Session-Expires") or "")
    if found is None or _SUPPORTS not in able:
        return None, ""
    parameters = (found["parameters"] or "").replace(" ", "").lower().split(";")
    return int(found["seconds"]), "uas" if "refresher=uas" in parameters else "uac"
