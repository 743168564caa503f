"""One run that several sites carry out: scenarios go out one by one, findings come back.

A scenario is given to one process of its site, once. Where that process dies, what it was given is
inconclusive and is not given to anybody else: the call may have been placed. What waits for a site
goes to its other processes, or to one that takes the place of the dead one.
"""

import contextlib
import platform
import queue
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from probe import __version__, runner
from probe.executor.crew import FINISH_S
from probe.executor.gate import Gate
from probe.executor.ledger import Ledger, ledger_file
from probe.fleet.carried import Carried
from probe.fleet.far import Far
from probe.fleet.members import LOOK_S, Member, Members
from probe.fleet.roster import Roster
from probe.fleet.shipment import Shipment
from probe.fleet.turns import Turn, Turns
from probe.fleet.untried import untried
from probe.plan.plan import Attempt, Plan
from probe.report.kept import Kept
from probe.report.model import Finding, RunReport

SITE_WAIT_S = 30.0
"""How long scenarios wait for a site that has lost its last process."""

LAST_WORDS_S = 2 * FINISH_S
"""How long an interrupted run waits for its sites to hang up."""

_TICK_S = 0.05
"""Distance of two looks while nothing comes back."""


class _Out(Struct, kw_only=True):
    """A scenario that was given to a process."""

    number: int
    "Its place in the run."

    member: Member
    "The process."

    turn: Turn
    "Its turn."

    future: Any
    "What dask calls it."


class _Held(Struct, frozen=True, kw_only=True):
    """A scenario that leaves when its turn comes."""

    number: int
    "Its place in the run."

    member: Member
    "Who gets it."

    turn: Turn
    "Its turn."


class _Run(Struct, kw_only=True):
    """Everything of a run that is under way."""

    plans: tuple[Plan, ...]
    setting: runner.Setting
    elapsed: Callable[[], float]
    found: Callable[[Finding], None]
    told: Callable[[RunReport], None]
    kept: Kept
    waiting: dict[str, deque[int]] = field(default_factory=dict)
    held: deque[_Held] = field(default_factory=deque)
    out: dict[str, _Out] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    order: list[int] = field(default_factory=list)
    order_of_cleanup: list[int] = field(default_factory=list)
    engine: str = ""
    empty_since: dict[str, float] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)
    broken: str = ""
    across: int = 0


class Fleet:
    """Carries plans out at sites; ``interrupt`` may be called from a signal handler."""

    def __init__(self, members: Members, shipment: Shipment, ledger: Ledger | None = None) -> None:
        """Take who is there and what they are sent; the ledger is by default the machine's."""
        self._members = members
        self._shipment = shipment
        self._gate = Gate(ledger or Ledger(ledger_file()))
        self._turns = Turns(self._gate)
        self._roster = Roster(members, shipment)
        self._done: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._far = Far(members, self._roster)
        self._observer: Callable[[Attempt, int], None] = lambda _attempt, _number: None
        self._interrupted = False
        self._skip = False
        self.journals: object = None
        "Not used: each site keeps journals of its own."

    def on_again(self, again: object) -> None:
        """Take what decides on another try; the sites know it themselves."""

    def on_begin(self, observer: Callable[[Attempt, int], None]) -> None:
        """Let somebody hear of each scenario's first attempt as it leaves."""
        self._observer = observer

    def skip_the_rest(self) -> None:
        """Give out no further scenario."""
        self._skip = True
        self._far.stop()

    def interrupt(self) -> None:
        """Have every site hang up, un-register, and return what was recorded."""
        self._interrupted = True
        self._far.interrupt()

    @property
    def interrupted(self) -> bool:
        """Whether ``interrupt`` was called."""
        return self._interrupted

    def gather(self, plans: Sequence[Plan]) -> None:
        """Have the sites read the texts; raise FleetError where one that is needed is not there."""
        self._roster.gather(plans)

    def run(  # noqa: PLR0913 - what is carried out, and who hears of it, as runner.run has it
        self,
        plans: tuple[Plan, ...],
        setting: runner.Setting,
        *,
        elapsed: Callable[[], float],
        found: Callable[[Finding], None] = lambda _finding: None,
        told: Callable[[RunReport], None] = lambda _part: None,
        kept: Kept | None = None,
    ) -> RunReport:
        """Carry out plans at their sites and return the report, in the order of the plans."""
        state = _Run(
            plans=plans,
            setting=setting,
            elapsed=elapsed,
            found=found,
            told=told,
            kept=kept or Kept(),
        )
        state.notes += self._roster.about()
        far = [(number, plan) for number, plan in enumerate(plans) if len(plan.sites) > 1]
        for number, plan in enumerate(plans):
            if len(plan.sites) <= 1:
                state.waiting.setdefault(next(iter(plan.sites), ""), deque()).append(number)
        state.across = len(far)
        self._far.begin(far, setting, elapsed, self._observer)
        asked_to_end = 0.0
        while state.out or state.held or state.across or any(state.waiting.values()):
            if self._interrupted and not asked_to_end:
                asked_to_end = time.monotonic()
                self._members.interrupt(self._shipment.run, self._roster.ready)
            if self._interrupted or self._skip:
                self._leave_out(state)
            elif not self._members.there:
                self._all_lost(state, "the scheduler is gone")
            else:
                self._give_out(state)
            self._hear(state)
            self._look_after(state)
            if asked_to_end and time.monotonic() > asked_to_end + LAST_WORDS_S:
                self._all_lost(state, "the site did not say how it ended")
        return self._report(state)

    def close(self) -> None:
        """Let the sites forget the run, and leave."""
        self._gate.close()
        if self._members.there:
            self._members.finish(self._shipment.run, self._roster.ready)
        self._members.close()

    def _look_after(self, state: _Run) -> None:
        """Find processes that are gone, with what they were given."""
        if time.monotonic() - self._roster.looked_at < LOOK_S or not self._members.there:
            return
        before = set(self._roster.ready)
        self._roster.look()
        for key, out in tuple(state.out.items()):
            if out.member.address not in self._roster.ready and out.future.status != "finished":
                self._lost(state, key)
        state.notes += [
            f"a process of site {self._roster.ready[address].site} joined the run"
            for address in self._roster.ready.keys() - before
        ]

    def _give_out(self, state: _Run) -> None:
        """Give scenarios to processes that have room; those whose turn has come leave."""
        room = {address: member.slots for address, member in self._roster.ready.items()}
        taken = [out.member for out in state.out.values()] + [held.member for held in state.held]
        for member in taken:
            if member.address in room:
                room[member.address] -= 1
        for site, numbers in state.waiting.items():
            fitting = [m for m in self._roster.ready.values() if site in {"", m.site}]
            self._mind_the_empty(state, site, numbers, empty=not fitting)
            while numbers and (free := [m for m in fitting if room[m.address] > 0]):
                plan = state.plans[numbers[0]]
                turn = self._turns.take(plan)
                if turn is None:
                    break
                number = numbers.popleft()
                if turn.why_not:
                    self._none(state, number, turn.why_not)
                    continue
                member = max(free, key=lambda one: room[one.address])
                room[member.address] -= 1
                state.held.append(_Held(number=number, member=member, turn=turn))
        now = time.monotonic()
        for one in tuple(state.held):
            if one.member.address not in self._roster.ready:
                self._take_back(state, one)
            elif one.turn.at <= now:
                state.held.remove(one)
                self._send(state, one)

    def _mind_the_empty(self, state: _Run, site: str, numbers: deque[int], *, empty: bool) -> None:
        """Wait for a site that nobody is at any more, but not for ever."""
        if not empty or not numbers:
            state.empty_since.pop(site, None)
            return
        since = state.empty_since.setdefault(site, time.monotonic())
        if time.monotonic() - since < SITE_WAIT_S:
            return
        where = f"site {site}" if site else "any site"
        state.notes.append(
            f"{len(numbers)} scenarios were not tried: no process of {where} is left"
        )
        while numbers:
            self._none(state, numbers.popleft(), f"no process of {where} is left")

    def _send(self, state: _Run, held: _Held) -> None:
        """Let a scenario leave."""
        plan, member = state.plans[held.number], held.member
        ticket = self._roster.ticket(plan, held.number, member)
        key = f"sipprobe-{self._shipment.run}-{held.number}"
        if plan.attempts:
            self._observer(plan.attempts[0], 1)
        future = self._members.give(member, ticket.text(), key)
        state.out[key] = _Out(number=held.number, member=member, turn=held.turn, future=future)
        future.add_done_callback(lambda _done: self._done.put(key))

    def _hear(self, state: _Run) -> None:
        """Take what came back; wait a moment where nothing did."""
        with contextlib.suppress(queue.Empty):
            while state.across:
                self._heard_across(state, self._far.came.get_nowait())
        keys: set[str] = set()
        with contextlib.suppress(queue.Empty):
            keys.add(self._done.get(timeout=_until_next(state)))
            while True:
                keys.add(self._done.get_nowait())
        for key in keys & state.out.keys():
            came = self._members.take(state.out[key].future)
            if not isinstance(came, Carried):
                self._lost(state, key)
                continue
            out = state.out.pop(key)
            if came.refused:
                came = replace(self._refused(state, out, came.refused), number=out.number)
            self._turns.settle(state.plans[out.number], out.turn, came)
            self._keep(state, came)

    def _heard_across(self, state: _Run, came: Carried | int) -> None:
        """Take what came of a scenario at several sites; a number was left out."""
        state.across -= 1
        if isinstance(came, Carried):
            self._keep(state, came)
        else:
            state.notes.append(runner.left_out((state.plans[came],)))

    def _refused(self, state: _Run, out: _Out, why: str) -> Carried:
        """Return what is said of a scenario that a site did not begin."""
        plan = state.plans[out.number]
        return untried(plan, out.number, why, site=out.member.site, begun=False)

    def _lost(self, state: _Run, key: str, why: str = "") -> None:
        """Say of a scenario that was given to a process that nobody saw how it ended."""
        out = state.out.pop(key)
        with contextlib.suppress(Exception):  # it may be known to nobody any more
            out.future.release()
        ready, site = out.member.ready, out.member.site
        host = ready.host if ready is not None else ""
        state.lost[out.member.address] = state.lost.get(out.member.address, 0) + 1
        if not self._members.there:
            why = why or "the scheduler is gone"
        why = why or f"the process of site {site} on {host} died while it carried this out"
        told = f"{why}: the call may have been placed, and is not dialled again"
        plan = state.plans[out.number]
        carried = untried(plan, out.number, told, site=site, begun=True)
        self._turns.settle(plan, out.turn, carried)
        self._keep(state, carried)

    def _all_lost(self, state: _Run, why: str) -> None:
        """Give up on everything that is out, and on what waits."""
        for key in tuple(state.out):
            self._lost(state, key, why)
        self._leave_out(state, why)

    def _none(self, state: _Run, number: int, why: str) -> None:
        """Say of a scenario that it was not tried."""
        plan = state.plans[number]
        site = next(iter(plan.sites), "")
        self._keep(state, untried(plan, number, why, site=site, begun=False))

    def _leave_out(self, state: _Run, why: str = "") -> None:
        """Give out nothing more: what waits is named in a note, as without a fleet."""
        for held in tuple(state.held):
            self._take_back(state, held)
        left = sorted(number for numbers in state.waiting.values() for number in numbers)
        for numbers in state.waiting.values():
            numbers.clear()
        if left:
            told = runner.left_out(tuple(state.plans[number] for number in left))
            state.notes.append(f"{why}; {told}" if why else told)

    def _take_back(self, state: _Run, held: _Held) -> None:
        """Put a scenario back in its queue that did not leave."""
        state.held.remove(held)
        plan = state.plans[held.number]
        self._turns.give_back(plan, held.turn)
        state.waiting[next(iter(plan.sites), "")].appendleft(held.number)

    def _keep(self, state: _Run, carried: Carried) -> None:
        """Put findings away and tell of them."""
        state.engine = state.engine or carried.engine
        notes = list(carried.notes)
        if carried.broken:
            notes.append(
                f"a site ended a scenario by an error of sipprobe itself: {carried.broken}"
            )
            state.broken = state.broken or carried.broken
        state.notes = list(dict.fromkeys((*state.notes, *notes)))
        for finding in carried.findings:
            one = state.kept.findings.add(finding)
            state.order.append(carried.number)
            state.told(self._part(state, one, notes))
            state.found(finding)
        for swept in carried.cleanup:
            state.kept.cleanup.add(swept)
            state.order_of_cleanup.append(carried.number)
        if len(state.order) % 50 == 0:
            state.kept.tidy()

    def _part(self, state: _Run, findings: Sequence[Finding], notes: Sequence[str]) -> RunReport:
        """Return the report of some findings."""
        setting = state.setting
        return RunReport(
            run_id=setting.run_id,
            started_at=setting.started_at,
            duration_s=state.elapsed(),
            vantage=setting.vantage,
            versions=(
                ("sipprobe", __version__),
                ("pjsip", state.engine),
                ("python", platform.python_version()),
            ),
            findings=findings,
            notes=tuple(dict.fromkeys((*setting.notes, *notes))),
            interrupted=self._interrupted,
        )

    def _report(self, state: _Run) -> RunReport:
        """Return the report of everything, in the order of the plans."""
        notes = [*state.notes, *self._gate.notes]
        notes += [
            f"{count} under way when a process of a site died: they are inconclusive, and were"
            " not dialled again"
            for count in [sum(state.lost.values())]
            if count
        ]
        if self._interrupted:
            notes.append("the run was interrupted; calls and registrations were ended")
        kept = state.kept
        kept.findings.arrange(sorted(range(len(state.order)), key=state.order.__getitem__))
        swept = state.order_of_cleanup
        kept.cleanup.arrange(sorted(range(len(swept)), key=swept.__getitem__))
        whole = replace(self._part(state, kept.findings, notes), cleanup=kept.cleanup)
        if state.broken:
            raise runner.RunBrokenError(replace(whole, complete=False), RuntimeError(state.broken))
        return whole


def _until_next(state: _Run) -> float:
    """Return the seconds until the next turn, or until the next look at everything."""
    due = min((held.turn.at for held in state.held), default=float("inf")) - time.monotonic()
    return min(_TICK_S, max(due, 0.001))
