"""What bounds the controls of a run: seconds in all, and one OPTIONS a second to a target."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from time import monotonic, sleep

GAP_S = 1.0
"""Least seconds between two questions to one target."""

LEAST_S = 0.25
"""Seconds below which no question is worth beginning."""


class Budget:
    """Time that all controls of a run share, and when each target was asked last."""

    def __init__(self, limit_s: float, clock: Callable[[], float] = monotonic) -> None:
        self._limit_s = limit_s
        self._clock = clock
        self._spent = 0.0
        self._began: float | None = None
        self._asked: dict[str, float] = {}
        self._lock = Lock()

    @property
    def limit_s(self) -> float:
        """Seconds in all."""
        return self._limit_s

    @property
    def left_s(self) -> float:
        """Seconds that remain."""
        running = 0.0 if self._began is None else self._clock() - self._began
        return self._limit_s - self._spent - running

    @property
    def spent(self) -> bool:
        """Whether too little remains to ask anything."""
        return self.left_s < LEAST_S

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count the seconds until the end of a block."""
        self._began = self._clock()
        try:
            yield
        finally:
            self._spent += self._clock() - self._began
            self._began = None

    def wait_for_turn(self, target: str) -> bool:
        """Wait until a target may be asked; False where the time does not reach that far."""
        with self._lock:
            now = self._clock()
            due = max(now, self._asked.get(target, now - GAP_S) + GAP_S)
            if due - now > self.left_s - LEAST_S:
                return False
            self._asked[target] = due
        sleep(max(0.0, due - now))
        return True
