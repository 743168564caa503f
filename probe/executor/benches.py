"""The worker processes of several plans at a time, by the account that each has open."""

import os
from collections.abc import Callable, Iterator

from probe.executor.bench import Bench, Seat
from probe.executor.hub import Hub, Task
from probe.executor.process import WorkerProcess
from probe.plan.action import Account
from probe.plan.capabilities import Capabilities

MOST_SEATS = 32
"""Plans in one process, where the engine has room for more: see docs/decisions/0032."""

FEWEST_SEATS = 3
"""Plans that every engine carries in one process."""

SPARE_CALLS = 1
"""Calls that a small engine has room for and that are left free: it frees them late."""

MOST_PROCESSES = 8
"""Worker processes at a time at most, and never fewer than the machine has processors."""

CALLS_A_BENCH = 5000
"""Plans after which a process takes nobody more: a native library is trusted for so long."""


def seats_of(capabilities: Capabilities) -> int:
    """Return how many plans a process may carry."""
    return max(1, min(MOST_SEATS, capabilities.max_calls - SPARE_CALLS))


def processors() -> int:
    """Return how many processors we may use."""
    return len(os.sched_getaffinity(0))


def most_processes() -> int:
    """Return how many worker processes there may be at a time."""
    return max(MOST_PROCESSES, processors())


class Benches:
    """Gives out seats, and begins and ends processes for them."""

    def __init__(self, hub: Hub, process: Callable[[], WorkerProcess]) -> None:
        """``process`` begins one."""
        self._hub = hub
        self._process = process
        self._benches: list[Bench] = []
        self._seats = 0

    @property
    def growing(self) -> bool:
        """Whether nobody knows yet how many plans a process may carry."""
        return not self._seats

    @property
    def seats_a_process(self) -> int:
        """How many plans a process may carry: what the first one told, few until then."""
        if not self._seats:
            told = (bench.capabilities for bench in self._benches)
            self._seats = max((seats_of(one) for one in told if one is not None), default=0)
        return self._seats or FEWEST_SEATS

    @property
    def most_seats(self) -> int:
        """How many plans the machine carries: as many processes as processors, all full."""
        return self.seats_a_process * processors()

    def has_room(self, accounts: tuple[Account, ...], shares: bool) -> bool:
        """Whether there is, or can be, a seat for each account of a plan."""
        busy = sum(bool(bench.seats) for bench in self._benches)
        if not busy:
            return True
        fresh = sum(not (shares and self._shared(account)) for account in accounts)
        if shares and fresh and (self.growing or any(map(self._holds_the_port, accounts))):
            return False  # the process that begins may have room for all, or is the only one
        return not fresh or busy + fresh <= most_processes()

    def seat(self, account: Account, task: Task, *, shares: bool) -> Seat:
        """Return a seat for an account: in a process that has it open, or in another."""
        bench = self._shared(account) if shares else self._idle(account)
        if bench is None:
            self._make_room()
            bench = Bench(self._process(), account, self._hub)
            self._benches.append(bench)
        return bench.seat(task, alone=not shares)

    def give_back(self, seat: Seat) -> None:
        """Take a seat back that nothing is up in; end a process that nobody is to use again."""
        bench = seat.bench
        bench.left(seat)
        if bench.carried >= CALLS_A_BENCH:
            bench.retired = True
        if bench.retired and not bench.seats and bench in self._benches:
            self._benches.remove(bench)
            bench.dismiss()

    def __iter__(self) -> Iterator[Bench]:
        return iter(self._benches)

    def close(self) -> None:
        """End every process."""
        for bench in self._benches:
            bench.dismiss()
        for bench in self._benches:
            bench.close()
        self._benches.clear()

    def _shared(self, account: Account) -> Bench | None:
        """Return the process of an account with the most room, or None where all are full."""
        found: Bench | None = None
        for bench in self._benches:
            taken = len(bench.seats)
            if bench.retired or bench.alone or taken >= self.seats_a_process:
                continue
            fewer = found is None or taken < len(found.seats)
            if fewer and (bench.account is account or bench.account == account):
                found = bench
        return found

    def _holds_the_port(self, account: Account) -> bool:
        """Whether a process has the one port that an account may use."""
        fixed = account.bound is not None and account.bound[1] > 0
        return fixed and any(b.account == account and not b.retired for b in self._benches)

    def _idle(self, account: Account) -> Bench | None:
        """Return a process with an account open in which nobody sits, or None."""
        fit = (b for b in self._benches if not (b.retired or b.seats) and b.account == account)
        return next(fit, None)

    def _make_room(self) -> None:
        """End a process that nobody sits in, where there are as many as there may be."""
        if len(self._benches) < most_processes():
            return
        idle = next((bench for bench in self._benches if not bench.seats), None)
        if idle is not None:
            self._benches.remove(idle)
            idle.dismiss()
