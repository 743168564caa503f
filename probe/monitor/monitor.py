"""Starts runs when they are due or asked for, keeps their bounds, and commits what they came to.

A check is run once at a time; one whose time comes while it is still under way is counted, not
started. Two runs never share an account of a trunk. Each run has a thread that waits for the worker
processes of the executor; the threads share nothing but what the lock here guards.
"""

import threading
import time
from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from probe.monitor.check import Check, Key, Rules
from probe.monitor.conduct import CannotRunError, Carry, Ticket
from probe.monitor.result import Result, nothing_tried
from probe.monitor.schedule import Timetable, is_quiet
from probe.monitor.store import Store, StoreError

STOP_S = 20.0
"""Longest orderly end: a BYE, an un-REGISTER and the writing of the report."""

_DAY_S = 86400.0
_HOUR_S = 3600.0
_TRY_AGAIN_S = 2.0
"""Distance of two tries to commit a result while the disk refuses it."""

SKIPS = (
    *("overlap", "no_turn", "quiet_hours", "calls_per_day", "calls_per_hour"),
    *("state", "stopping"),
)
"""Why a run is not started."""


class NotStartedError(Exception):
    """A run is not started; ``reason`` is a word of SKIPS."""

    def __init__(self, reason: str, words: str) -> None:
        """Take the word and the sentence."""
        super().__init__(words)
        self.reason = reason


class Reloads(Struct, frozen=True, kw_only=True):
    """What became of the configuration."""

    successful: bool
    "Whether the last one that was read is in use."

    at: float
    "When the one in use was read, seconds since 1970."

    trouble: str = ""
    "What is wrong with the last one, or empty."


class Monitor:
    """Everything that runs; made once, ended by ``stop``."""

    def __init__(
        self,
        store: Store,
        carry: Carry,
        *,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
        told: Callable[[str], None] = lambda _line: None,
    ) -> None:
        """Take the state file, what carries a run out, the clocks, and who is told of runs."""
        self.store = store
        self._carry = carry
        self._now = now
        self._told = told
        self._turn = threading.Condition()
        self._timetable = Timetable(clock)
        self._clock = clock
        self._active: dict[Key, Ticket] = {}
        self._waiting: list[Ticket] = []
        self._threads: set[threading.Thread] = set()
        self._scheduler: threading.Thread | None = None
        self._stopping = False
        self.rules = Rules(
            checks=(), calls_per_day=0, calls_per_hour=0, runs_at_a_time=1, zone="UTC",
            keep_days=1, keep_runs=1,
        )  # fmt: skip
        "The configuration in use."
        self.reloads = Reloads(successful=False, at=0.0)
        "What became of the configuration."
        self.ready = False
        "Whether runs are started: what an earlier process left was seen to."
        self.leftovers = False
        "Whether an earlier process left something up whose end is not certain."
        self.write_failures = 0
        "Writes to the state file that failed."

    def use(self, rules: Rules) -> None:
        """Take over a configuration; runs that are under way go on."""
        with self._turn:
            self.rules = rules
            self._timetable.plan(rules.checks, self._age)
            self.reloads = Reloads(successful=True, at=self._now())
            self._turn.notify_all()

    def keep(self, trouble: str) -> None:
        """Note that a new configuration is wrong: the old one stays in use."""
        with self._turn:
            self.reloads = Reloads(successful=False, at=self.reloads.at, trouble=trouble)

    def begin(self) -> None:
        """Start what is scheduled from now on."""
        self._scheduler = threading.Thread(target=self._schedule, name="scheduler", daemon=True)
        self.ready = True
        self._scheduler.start()

    def start(self, check: Check, started_by: str, timeout: float | None = None) -> Ticket:
        """Accept a run, which begins as soon as its accounts are free; raise NotStartedError."""
        with self._turn:
            try:
                self._refuse(check)
                ticket = self._accepted(check, started_by, timeout)
            except NotStartedError as refused:
                self._count_skip(check.key, refused.reason)
                raise
            self._active[check.key] = ticket
            self._waiting.append(ticket)
            self._dispatch()
            return ticket

    def give_up(self, ticket: Ticket) -> bool:
        """Take a run back whose turn has not come; return False where it is under way or over."""
        with self._turn:
            if ticket not in self._waiting:
                return False
            self._waiting.remove(ticket)
            self._drop(ticket)
            self._count_skip(ticket.check.key, "no_turn")
            return True

    def active(self) -> tuple[Key, ...]:
        """Return the checks that are under way or wait for their turn."""
        with self._turn:
            return tuple(self._active)

    def calls_today(self) -> int:
        """Return the calls of this UTC day, those of runs under way at their most."""
        now = self._now()
        return self.store.calls_since(now - now % _DAY_S)

    def until(self, key: Key) -> float | None:
        """Return the seconds until the next scheduled run of a check, or None."""
        with self._turn:
            return self._timetable.until(key)

    def stop(self, within_s: float = STOP_S) -> bool:
        """End everything in order: hang up, un-register, commit; return whether all of it did."""
        with self._turn:
            self._stopping = True
            self.ready = False
            tickets = list(self._active.values())
            for ticket in self._waiting:
                self._drop(ticket)
            self._waiting.clear()
            threads = list(self._threads)
            self._turn.notify_all()
        for ticket in tickets:
            ticket.stopper.stop()
        limit = time.monotonic() + within_s
        for thread in (*threads, self._scheduler):
            if thread is not None:
                thread.join(max(0.0, limit - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def _age(self, key: Key) -> float | None:
        """Return how many seconds ago a check began last."""
        last = self.store.last(key, finished=False)
        return None if last is None else self._now() - last.began

    def _refuse(self, check: Check) -> None:
        """Raise NotStartedError where a run may not be started now."""
        if self._stopping:
            raise NotStartedError("stopping", "sipprobe is being stopped")
        if check.key in self._active:
            raise NotStartedError("overlap", "the last run of it is still under way")
        if is_quiet(check.quiet, self._now(), self.rules.zone):
            raise NotStartedError("quiet_hours", "it is within quiet hours")
        if not check.calls:
            return
        rules, now = self.rules, self._now()
        today = now - now % _DAY_S
        bounds = (
            ("calls_per_day", rules.calls_per_day, today, None),
            ("calls_per_day", check.calls_per_day, today, check.module),
            ("calls_per_hour", rules.calls_per_hour, now - _HOUR_S, None),
        )
        try:
            for name, most, since, module in bounds:
                placed = 0 if most is None else self.store.calls_since(since, module)
                if most is not None and placed + check.calls > most:
                    whose = "" if module is None else f" of module {module}"
                    raise NotStartedError(
                        name,
                        f"{placed} calls were placed, a run may place {check.calls}, and {name}"
                        f"{whose} is {most}",
                    )
        except StoreError as error:
            raise NotStartedError("state", str(error)) from error

    def _accepted(self, check: Check, started_by: str, timeout: float | None) -> Ticket:
        """Enter a run before it begins: what nobody counts is not started."""
        try:
            number = self.store.accept(check.key, started_by, check.calls)
        except StoreError as error:
            self.write_failures += 1
            raise NotStartedError("state", str(error)) from error
        deadlines = [one for one in (timeout, check.timeout) if one is not None]
        ticket = Ticket(
            check=check, number=number, started_by=started_by,
            timeout=min(deadlines) if deadlines else None, begins=lambda _run_id: None,
        )  # fmt: skip
        ticket.begins = lambda run_id: self._begins(ticket, run_id)
        ticket.say(f"accepted: module {check.module} at target {check.target}")
        return ticket

    def _begins(self, ticket: Ticket, run_id: str) -> None:
        """Note in which folder a run begins; raise CannotRunError where that cannot be noted."""
        try:
            self.store.begin(ticket.number, run_id)
        except StoreError as error:
            self.write_failures += 1
            raise CannotRunError(str(error)) from error
        ticket.run_id = run_id
        ticket.say(f"run {run_id} begins")

    def _dispatch(self) -> None:
        """Let waiting runs begin whose accounts are free; called with the lock held."""
        under_way = [ticket for ticket in self._active.values() if ticket.under_way]
        busy = {owner for ticket in under_way for owner in ticket.check.owners}
        for ticket in tuple(self._waiting):
            if len(under_way) >= self.rules.runs_at_a_time:
                return
            if busy.isdisjoint(ticket.check.owners):
                self._waiting.remove(ticket)
                ticket.under_way = True
                under_way.append(ticket)
                busy |= ticket.check.owners
                thread = threading.Thread(
                    target=self._run, args=(ticket,), name=f"run {ticket.number}", daemon=True
                )
                self._threads.add(thread)
                thread.start()

    def _run(self, ticket: Ticket) -> None:
        """Carry one run out and commit it; whatever goes wrong, its place becomes free."""
        state = "finished"
        try:
            try:
                result = self._carry(ticket)
                if result.interrupted:
                    state = "interrupted"
            except CannotRunError as error:
                result, state = nothing_tried(str(error)), "broken"
            except Exception as error:  # noqa: BLE001 - our own bug is a named outcome of this run
                result = nothing_tried(f"an error of sipprobe itself: {type(error).__name__}")
                # Nobody knows how many calls had left: all of them count.
                result, state = replace(result, calls=ticket.check.calls), "broken"
            self._commit(ticket, result, state)
            ticket.result = result
            self._told(_line(ticket, result, state))
        finally:
            with self._turn:
                self._active.pop(ticket.check.key, None)
                self._threads.discard(threading.current_thread())
                if not self._stopping:
                    self._dispatch()
                self._turn.notify_all()
            ticket.over.set()

    def _commit(self, ticket: Ticket, result: Result, state: str) -> None:
        """Commit a result; a disk that is full for a while does not lose it."""
        while True:
            try:
                self.store.finish(ticket.number, result, state=state)
            except StoreError as error:
                with self._turn:
                    self.write_failures += 1
                    self._told(f"{error}; it is tried again")
                    if self._stopping:
                        return
                    self._turn.wait(_TRY_AGAIN_S)
            else:
                return

    def _drop(self, ticket: Ticket) -> None:
        """Forget a run that has not begun; called with the lock held."""
        self._active.pop(ticket.check.key, None)
        try:
            self.store.withdraw(ticket.number)
        except StoreError:
            self.write_failures += 1
        ticket.over.set()

    def _count_skip(self, key: Key, reason: str) -> None:
        try:
            self.store.skipped(key, reason)
        except StoreError:
            self.write_failures += 1

    def _schedule(self) -> None:
        """Start what is due, until the end."""
        while True:
            with self._turn:
                if self._stopping:
                    return
                wait = self._timetable.wait()
                if wait is None or wait > 0:
                    self._turn.wait(wait)
                    continue
                due = [(key, self.rules.find(*key)) for key in self._timetable.due()]
                for _, check in due:
                    if check is not None:
                        self._timetable.advance(check)
            for _, check in due:
                if check is not None:
                    self._start_due(check)

    def _start_due(self, check: Check) -> None:
        try:
            self.start(check, "schedule")
        except NotStartedError as refused:
            if refused.reason != "stopping":
                self._told(f"{check.module} at {check.target}: not started: {refused}")


def _line(ticket: Ticket, result: Result, state: str) -> str:
    """Return what the log says of a run."""
    came_to = {"finished": result.outcome.replace("_", " ")}.get(state, state)
    why = result.trouble
    if state == "finished" and not why:
        why = next((step.summary for step in result.steps if step.outcome != "met"), "")
    said = f"{ticket.check.module} at {ticket.check.target}: {came_to} in {result.duration_s:.1f} s"
    return f"{said}: {why}" if why and came_to != "met" else said
