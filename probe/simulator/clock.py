"""Time for the trunk: the scheduler it runs on and the timer values of RFC 3261."""

from collections.abc import Callable
from typing import Protocol

from msgspec import Struct


class Cancellable(Protocol):
    """A scheduled callback that can be called off."""

    def cancel(self) -> None:
        """Call it off; harmless when it has run."""


class Scheduler(Protocol):
    """What the trunk needs of an event loop; a test may own one with a clock of its own."""

    def time(self) -> float:
        """Return monotonic seconds."""

    def call_later(self, delay: float, callback: Callable[[], None], /) -> Cancellable:
        """Run a callback after a delay in seconds."""


class Timers(Struct, frozen=True, kw_only=True):
    """The base timers of RFC 3261 §17.1.1.1 (table 4), in seconds."""

    t1: float = 0.5
    "Round-trip estimate: the first retransmission interval."

    t2: float = 4.0
    "The longest retransmission interval."

    t4: float = 5.0
    "How long a message may stay in the network."

    ring: float = 180.0
    "How long the PBX lets a called party ring (timer C, §16.6 step 11)."

    @property
    def give_up(self) -> float:
        """64 x T1: when a transaction stops waiting (timers B, F, H, J and L)."""
        return 64 * self.t1


class Repeater:
    """Sends something again after T1, 2 x T1 and so on, at most every T2, for 64 x T1."""

    def __init__(
        self,
        scheduler: Scheduler,
        *,
        timers: Timers,
        send: Callable[[], None],
        give_up: Callable[[], None],
        repeat: bool = True,
    ) -> None:
        """Start at once; ``repeat`` is False where the transport is reliable and only gives up."""
        self._scheduler = scheduler
        self._ceiling = timers.t2
        self._send = send
        self._give_up = give_up
        self._interval = timers.t1
        self._deadline: Cancellable | None = scheduler.call_later(timers.give_up, self._over)
        self._next: Cancellable | None = None
        if repeat:
            self._next = scheduler.call_later(self._interval, self._again)

    def stop(self) -> None:
        """End the repetition without giving up."""
        for handle in (self._next, self._deadline):
            if handle is not None:
                handle.cancel()
        self._next = self._deadline = None

    def _again(self) -> None:
        self._interval = min(2 * self._interval, self._ceiling)
        self._next = self._scheduler.call_later(self._interval, self._again)
        self._send()

    def _over(self) -> None:
        self.stop()
        self._give_up()
