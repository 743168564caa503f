"""A worker process that carries several plans, and one plan's seat in it.

A seat looks to its supervisor like a process of its own (see process.py): it is sent commands, it
answers, it ends. What it answers arrives through the hub, which reads the process for all seats.
"""

import time
from collections import deque
from typing import TYPE_CHECKING, Any

from probe.executor.hub import Hub, Task
from probe.executor.process import WorkerProcess
from probe.plan.action import Account
from probe.trace.trace import Event, MessageReceived

if TYPE_CHECKING:
    from pathlib import Path

_WHOLE = 0
"""Number of the seat of a plan that has the process for itself."""


class Bench:
    """A worker process and who sits there."""

    def __init__(self, process: WorkerProcess, account: Account, hub: Hub) -> None:
        self.process = process
        self.account = account
        self.seats: dict[int, Seat] = {}
        self.alone = False
        "Whether a plan has it for itself."
        self.opened = False
        "Whether its account is open for seats, and who sits down needs not wait for that."
        self.bound = ""
        self.capabilities: Any = None
        self.journal: Path | None = None
        "Where the process writes down what is up, once that was said."
        self.retired = False
        "Whether nobody is to sit down here any more."
        self.hung = False
        "Whether it was ended because it gave no sign of life."
        self.last: Event | None = None
        "The last message that it received."
        self._hub = hub
        self._numbers = 0
        self._words: str | None = None
        self._dismissed = False
        process.widen()
        hub.watch(process, self._hear)

    @property
    def carried(self) -> int:
        """How many plans sat down here so far."""
        return self._numbers

    def seat(self, task: Task, *, alone: bool) -> "Seat":
        """Return a free seat for a task, or the whole bench."""
        number = _WHOLE
        if alone:
            self.alone, self.opened = True, False
        else:
            self._numbers += 1
            number = self._numbers
        made = self.seats[number] = Seat(self, number, self._hub, task)
        return made

    def left(self, seat: "Seat") -> None:
        """Take note that a seat is free again."""
        self.seats.pop(seat.number, None)
        self.alone = self.alone and bool(self.seats)

    def dismiss(self) -> None:
        """Let the process go; it has nothing to end."""
        self.retired = True
        if self.process.ended:
            self.close()
            return
        self._dismissed = True
        self.process.send("stop")

    def close(self, wait_s: float = 2.0) -> str:
        """End the process; return how it ended, in words that stay the same."""
        if self._words is None:
            if not self.process.ended:
                self._hub.unwatch(self.process)
            carried = len(self.seats)
            died = self.process.ended
            self._words = self.process.close(wait_s)
            if died and carried > 1:
                self._words += f"; it carried {carried} plans{_after(self.last)}"
            self.retired = True
            for seat in tuple(self.seats.values()):
                seat.stir()
        return self._words

    def _hear(self) -> None:
        """Pass on what the process says."""
        for answer in self.process.read():
            kind = answer["kind"]
            seat = self.seats.get(answer.get("seat", _WHOLE))
            if kind == "event":
                if isinstance(answer["event"], MessageReceived):
                    self.last = answer["event"]
            elif kind == "ready":
                self.opened = not self.alone
                self.bound = answer["bound"]
                self.capabilities = answer["capabilities"]
            if seat is not None:
                seat.hears(answer)
        if self.process.ended:
            self._hub.unwatch(self.process)
            self.retired = True
            for one in tuple(self.seats.values()):
                one.stir()
            if self._dismissed:
                self.close()


class Seat:
    """What one plan has of a worker process; for its supervisor a process like any other."""

    def __init__(self, bench: Bench, number: int, hub: Hub, task: Task) -> None:
        self.bench = bench
        self.number = number
        self.calls = 0
        self.rested = False
        "Whether nothing of it is up any more."
        self.taken = False
        "Whether its plan has begun to use it."
        self._hub = hub
        self._task = task
        self._answers: deque[dict[str, Any]] = deque()
        self._begun = time.monotonic()

    @property
    def pid(self) -> int:
        """Process id."""
        return self.bench.process.pid

    @property
    def born(self) -> int:
        """When the process began."""
        return self.bench.process.born

    @property
    def ended(self) -> bool:
        """Whether the process is gone and all that it said was read."""
        return self.bench.process.ended and not self._answers

    @property
    def heard_at(self) -> float:
        """When the process gave its last sign of life, or this seat's action began."""
        return max(self._begun, self.bench.process.heard_at)

    @heard_at.setter
    def heard_at(self, at: float) -> None:
        self._begun = at

    @property
    def journal(self) -> "Path | None":
        """Where the process writes down what is up, once that was said."""
        return self.bench.journal if self.bench.opened else None

    def writes_down(self, journal: "Path") -> None:
        """Take note of where that is."""
        self.bench.journal = journal

    @property
    def hung(self) -> bool:
        """Whether the process was ended because it gave no sign of life."""
        return self.bench.hung

    @hung.setter
    def hung(self, hung: bool) -> None:
        self.bench.hung = hung

    def fileno(self) -> int:
        """Return the descriptor of the process."""
        return self.bench.process.fileno()

    def send(self, kind: str, **fields: object) -> None:
        """Write one command for this seat; a process that is gone is noticed when it is read."""
        if self.bench.process.ended:
            return
        if self.number == _WHOLE:
            self.bench.process.send(kind, **fields)
            return
        if kind == "open":
            self._open(fields)
            return
        self.bench.process.send("rest" if kind == "stop" else kind, seat=self.number, **fields)

    def _open(self, fields: dict[str, object]) -> None:
        """Sit down: the first one opens the account, and whoever comes later finds it open."""
        if self.bench.opened:
            self.bench.process.send("open", seat=self.number)
            self._answers.append(
                {
                    "kind": "ready",
                    "bound": self.bench.bound,
                    "capabilities": self.bench.capabilities,
                }
            )
        else:
            self.bench.process.send("open", seat=self.number, **fields)

    def hears(self, answer: dict[str, Any]) -> None:
        """Take an answer; events are only kept until somebody asks."""
        self._answers.append(answer)
        kind = answer["kind"]
        if kind in {"rested", "bye"}:
            self.rested = True
        elif kind == "refused":
            self.bench.retired = True
        if kind not in {"event", "left", "media", "beat", "hello"}:
            self.stir()

    def read(self) -> list[dict[str, Any]]:
        """Return answers that have arrived."""
        found = list(self._answers)
        self._answers.clear()
        return found

    def stir(self) -> None:
        """Wake who waits for this seat."""
        self._hub.stir(self._task)

    def kill(self) -> None:
        """End the whole process at once: it gives no sign of life."""
        self.bench.retired = True
        self.bench.process.kill()

    def close(self, wait_s: float = 2.0) -> str:
        """Leave the seat; return how its process ended, or that it goes on without us."""
        if self.number == _WHOLE or self.bench.process.ended:
            words = self.bench.close(wait_s)
            self.bench.left(self)
            return words
        if not self.rested:
            self.bench.retired = True  # whatever is up there, nobody else is to sit beside it
            self.bench.process.send("abort", seat=self.number)
            self.bench.process.send("rest", seat=self.number)
        self.bench.left(self)
        return "goes on without it"


def _after(last: Event | None) -> str:
    """Say which message came last."""
    if not isinstance(last, MessageReceived):
        return ""
    first = last.text.partition("\r\n")[0][:80]
    return f", and the last message that reached it was {first!r} from {last.remote}"
