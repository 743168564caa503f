"""Several plans in progress in one thread: each in a greenlet, and one place where all wait.

What carries a plan out is written as what blocks. Where it would wait for its workers it gives way
to the hub, which sleeps until a worker says something or somebody's time has come. Judging comes
after calls: a task that only thinks goes on when no task that acts is ready.
"""

import heapq
import selectors
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from greenlet import greenlet

T = TypeVar("T")

LOOK_S = 0.1
"""Longest sleep: a signal must be noticed."""

_THINKS_S = 0.002
"""Time after which the workers are heard again, whatever is ready."""


class Readable(Protocol):
    """What can be selected on."""

    def fileno(self) -> int:
        """Return the descriptor."""
        ...


class Task:
    """One plan in progress."""

    def __init__(self, act: Callable[[], object]) -> None:
        self.greenlet = greenlet(act)
        self.thinks = False
        "Whether it has no call in progress, and may wait until others have acted."
        self.queued = False
        "Whether it is to go on."
        self.turn = 0
        "Counts its waits, so that a timer of an earlier one is known."
        self.over = False


class Hub:
    """Lets tasks go on, one at a time."""

    def __init__(self) -> None:
        self._greenlet = greenlet.getcurrent()
        self._selector = selectors.DefaultSelector()
        self._acting: deque[Task] = deque()
        self._thinking: deque[Task] = deque()
        self._timers: list[tuple[float, int, int, Task]] = []
        self._number = 0
        self._heard_at = 0.0
        self.current: Task | None = None
        "The task that runs, None between them."
        self.failed: BaseException | None = None
        "What a task raised."
        self._tasks = 0

    # For tasks ---------------------------------------------------------------------------------

    def begin(self, act: Callable[[], object]) -> Task:
        """Take up a task; it runs when its turn comes."""
        task = Task(act)
        self._tasks += 1
        self._queue(task)
        return task

    def pause(self, seconds: float) -> None:
        """Let others go on until this task is stirred, for at most so long.

        A timer stays until its time has come, needed or not: ask for tenths of a second.
        """
        task = self._own()
        task.turn += 1
        self._number += 1
        until = time.monotonic() + seconds
        heapq.heappush(self._timers, (until, self._number, task.turn, task))
        self._greenlet.switch()

    def give_way(self) -> None:
        """Let others go on that act; this task thinks from here on."""
        task = self._own()
        task.thinks = True
        self._queue(task)
        self._greenlet.switch()

    def act(self) -> None:
        """Count the running task among those that act again."""
        self._own().thinks = False

    def in_thread(self, act: Callable[[], T]) -> T:
        """Do what blocks in a thread meanwhile; raise what it raised."""
        found: list[Any] = []

        def run() -> None:
            try:
                found.append((act(), None))
            except BaseException as error:  # noqa: BLE001 - it is raised where it was asked for
                found.append((None, error))

        thread = threading.Thread(target=run, daemon=True, name="beside the calls")
        thread.start()
        wait = 0.001
        while thread.is_alive():
            self.pause(wait)
            wait = min(2 * wait, 0.02)
        value, error = found[0]
        if error is not None:
            raise error
        result: T = value
        return result

    def stir(self, task: Task) -> None:
        """Let a task go on that pauses; the one that runs sees for itself."""
        if not (task.queued or task.over or task is self.current):
            self._queue(task)

    # For sources of news -----------------------------------------------------------------------

    def watch(self, source: Readable, hear: Callable[[], None]) -> None:
        """Call ``hear`` whenever a source can be read."""
        self._selector.register(source, selectors.EVENT_READ, hear)

    def unwatch(self, source: Readable) -> None:
        """Look at a source no more."""
        self._selector.unregister(source)

    # The hub itself ----------------------------------------------------------------------------

    def run(self, going_on: Callable[[], bool]) -> None:
        """Let tasks go on as long as ``going_on`` says; raise what a task raised."""
        while going_on():
            self._ring()
            if self._acting or self._thinking:
                self._hear(0.0, seldom=True)
                self._next()
            else:
                self._hear(self._sleep())
            if self.failed is not None:
                failed, self.failed = self.failed, None
                raise failed

    @property
    def busy(self) -> bool:
        """Whether any task is not over."""
        return self._tasks > 0

    def close(self) -> None:
        """Give the descriptor back."""
        self._selector.close()

    def _own(self) -> Task:
        if self.current is None:
            raise RuntimeError("only a task can wait")
        return self.current

    def _queue(self, task: Task) -> None:
        task.queued = True
        (self._thinking if task.thinks else self._acting).append(task)

    def _next(self) -> None:
        """Let one task go on; one that acts before one that thinks."""
        task = (self._acting or self._thinking).popleft()
        task.queued = False
        self.current = task
        try:
            task.greenlet.switch()
        except BaseException as error:  # noqa: BLE001 - it is raised by ``run``
            self.failed = error
        self.current = None
        if task.greenlet.dead:
            task.over = True
            self._tasks -= 1

    def _ring(self) -> None:
        """Let those go on whose time has come."""
        if not self._timers:
            return
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            _, _, turn, task = heapq.heappop(self._timers)
            if task.turn == turn:
                self.stir(task)

    def _sleep(self) -> float:
        if not self._timers:
            return LOOK_S
        return max(0.0, min(LOOK_S, self._timers[0][0] - time.monotonic()))

    def _hear(self, seconds: float, *, seldom: bool = False) -> None:
        """Take what the workers have to say."""
        if seldom and time.monotonic() - self._heard_at < _THINKS_S:
            return
        if not self._selector.get_map():
            time.sleep(seconds)
        for key, _ in self._selector.select(seconds) if self._selector.get_map() else ():
            key.data()
        self._heard_at = time.monotonic()
