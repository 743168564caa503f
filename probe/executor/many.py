"""Carries out several plans at a time, each as the one-by-one executor would.

What each plan does is the code of ``local.py``, unchanged: it waits in a greenlet instead of in the
process. What may be in progress beside what stands in ``beside.py``; how many, in ``-j``. A plan
that has ended makes room at once, and is judged when no call has anything to do.
"""

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from functools import partial
from typing import ParamSpec, TypeVar

from probe.executor.bench import Bench, Seat
from probe.executor.benches import Benches
from probe.executor.beside import Company, Lanes, Place
from probe.executor.hub import Hub, Task
from probe.executor.ledger import Ledger
from probe.executor.local import LocalExecutor, PlanRun
from probe.executor.process import WorkerProcess
from probe.plan.action import Account
from probe.plan.plan import Plan

T = TypeVar("T")
P = ParamSpec("P")

_BACKLOG = 64
"""Plans that may wait to be judged before no other begins: their traces are in memory."""

_LOOK_AHEAD = 256
"""Plans that are looked at for one that may begin."""

_SOON_S = 0.5
"""A plan begins no earlier than this before the pace lets it call: its time counts from then on."""

_STEP_S = 0.05
"""Distance of two looks whether a control may place its call."""


class ManyExecutor(LocalExecutor):
    """Runs up to so many plans at a time."""

    def __init__(
        self,
        jobs: int | None,
        ledger: Ledger | None = None,
        *,
        spares: tuple[WorkerProcess, ...] = (),
    ) -> None:
        """Take the number of plans at a time, None for what the machine carries."""
        super().__init__(ledger, spares=spares)
        self._jobs = jobs
        self._hub = Hub()
        self._lanes = Lanes()
        self._benches = Benches(self._hub, self._process)
        self._in_progress: dict[Task, tuple[Place, dict[str, Seat]]] = {}
        self._unjudged = 0
        self._look = True
        self._asking = False
        self._clock_zero = time.monotonic(), datetime.now(timezone.utc)

    # Plans -------------------------------------------------------------------------------------

    def each(
        self,
        plans: Sequence[Plan],
        carry: Callable[[int, Plan], None],
        goes_on: Callable[[], bool],
    ) -> Sequence[Plan]:
        """Let ``carry`` run each plan, several at a time; return those that were left out.

        ``carry`` is called in a task and calls ``run``; what it raises ends the whole.
        """
        waiting = [(number, plan) for number, plan in enumerate(plans)]
        waiting.reverse()
        ahead: list[tuple[int, Place]] = []

        def going_on() -> bool:
            if (self._look or self._benches.growing) and goes_on():
                self._begin(waiting, ahead, carry)
            return self._hub.busy or bool((waiting or ahead) and goes_on())

        self._hub.run(going_on)
        left = [(number, place.plan) for number, place in ahead] + waiting[::-1]
        return [plan for _, plan in left]

    def _begin(
        self,
        waiting: list[tuple[int, Plan]],
        ahead: list[tuple[int, Place]],
        carry: Callable[[int, Plan], None],
    ) -> None:
        """Begin as many plans as may; one that may not is not overtaken by its account's others."""
        self._look = False
        held: set[object] = set()
        looked = 0
        jobs = self._jobs or self._benches.most_seats
        while len(self._in_progress) < jobs and self._unjudged < _BACKLOG:
            if looked == len(ahead):
                if not waiting or looked >= _LOOK_AHEAD:
                    return
                number, plan = waiting.pop()
                ahead.append((number, Place(plan)))
            number, place = ahead[looked]
            keys = (
                place.accounts | place.servers if place.company is Company.APART else place.accounts
            )
            if held.isdisjoint(keys) and self._may_begin(place):
                del ahead[looked]
                task = self._hub.begin(partial(carry, number, place.plan))
                self._enter(task, place)
            else:
                held |= keys
                looked += 1

    def _may_begin(self, place: Place) -> bool:
        shares = place.company is Company.SHARES
        if self.gate.ahead(place.owners) > _SOON_S:
            self._look = True  # time alone changes that
            return False
        return self._lanes.admits(place) and self._benches.has_room(place.plan.accounts, shares)

    def _enter(self, task: Task, place: Place) -> None:
        self._lanes.enter(place)
        shares = place.company is Company.SHARES
        seats = {
            account.name: self._benches.seat(account, task, shares=shares)
            for account in place.plan.accounts
        }
        self._in_progress[task] = place, seats

    def run(self, plan: Plan) -> PlanRun:
        """Carry out a plan; several tasks may be in here."""
        task = self._hub.current
        if task is None:
            return super().run(plan)
        if task not in self._in_progress:  # a control that places a call
            place = Place(plan)
            self._hub.act()
            while not self._may_begin(place):
                self._hub.pause(_STEP_S)
            self._enter(task, place)
        place, seats = self._in_progress[task]
        try:
            return super().run(plan)
        finally:
            for seat in seats.values():
                self._benches.give_back(seat)
            self._lanes.leave(place)
            del self._in_progress[task]
            self._unjudged += 1
            self._look = True
            self._hub.give_way()
            self._unjudged -= 1
            self._look = True

    def beside(self, ask: Callable[P, T]) -> Callable[P, T]:
        """Return what asks the same in a thread, so that calls go on meanwhile; one at a time."""

        def asked(*args: P.args, **kwargs: P.kwargs) -> T:
            if self._hub.current is None:
                return ask(*args, **kwargs)
            while self._asking:
                self._hub.pause(_STEP_S)
            self._asking = True
            try:
                return self._hub.in_thread(lambda: ask(*args, **kwargs))
            finally:
                self._asking = False

        return asked

    # Workers -----------------------------------------------------------------------------------

    @property
    def clock_zero(self) -> tuple[float, datetime]:
        """When the clock of a plan was zero: all plans of a run have one, as their agent has."""
        return self._clock_zero

    @property
    def benches(self) -> tuple[Bench, ...]:
        """The worker processes there are."""
        return tuple(self._benches)

    @property
    def wait(self) -> Callable[[float], None] | None:
        """What lets time pass in a task; None outside of any."""
        return None if self._hub.current is None else self._hub.pause

    def make_ready(self, plan: Plan) -> None:
        """Have the workers of a plan: it has its seats."""
        if self._hub.current is None:
            super().make_ready(plan)

    def process_for(self, plan: Plan, account: Account) -> WorkerProcess | Seat | None:
        """Return the seat of a plan's account; another one where that process is gone."""
        task = self._hub.current
        if task is None:
            return super().process_for(plan, account)
        place, seats = self._in_progress[task]
        seat = seats[account.name]
        if seat.taken:
            shares = place.company is Company.SHARES
            seat = seats[account.name] = self._benches.seat(account, task, shares=shares)
        seat.taken = True
        return seat

    def stays(self, plan: Plan) -> bool:
        """Whether the workers of a plan are of use to others."""
        return self._hub.current is not None or super().stays(plan)

    def keep(self, resting: tuple[tuple[Account, WorkerProcess | Seat], ...]) -> None:
        """Take care of workers that wait for another plan; seats are given back by ``run``."""
        super().keep(tuple(pair for pair in resting if not isinstance(pair[1], Seat)))

    def _process(self) -> WorkerProcess:
        return self._spares.pop(0) if self._spares else WorkerProcess()

    def close(self) -> None:
        """End every process."""
        self._benches.close()
        self._hub.close()
        super().close()
