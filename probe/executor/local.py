"""Carries out a plan on this machine: a worker process an account, supervised.

The supervisor holds the trace. A worker may crash or hang on what a peer sends; then the attempt in
progress keeps what was recorded, the peer gets the BYE that the worker owed, and the next attempt
starts on a fresh worker at the same port. Nothing is ever sent twice for it: an attempt that a
crash cut short is not repeated.
"""

import time
from bisect import bisect_right
from collections.abc import Callable
from datetime import datetime, timezone
from typing import ParamSpec, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from probe.executor.crew import Crew, JournalPlace, Process, Worker
from probe.executor.gate import (
    Gate,
    asked_to_wait,
    longest_talk,
    planned_talk,
    talk_of,
    why_never,
)
from probe.executor.ledger import Admission, Ledger, ledger_file
from probe.executor.orphan import open_calls
from probe.executor.process import WorkerProcess
from probe.executor.spans import (
    Recording,
    Span,
    cancelled_later,
    cut,
    cut_rest,
    heard_in_talk,
    is_cancelled,
    leg_of,
    opened_call_id,
    unexpected_calls,
)
from probe.plan.action import (
    Account,
    Action,
    Call,
    Cancel,
    Expect,
    Hangup,
    Take,
    Talk,
    Transfer,
    Wait,
)
from probe.plan.plan import Attempt, Limits, Plan
from probe.trace.failure import Failure
from probe.trace.trace import Leg, Trace, TransactionFailed

_ASK_AGAIN_S = 0.2
"""Distance of two questions whether a call of another run has ended."""

_ANSWER_TRAVELS_S = 2.0
"""Longest time from the 200 of our own called side to its arrival at our caller."""

_MOST_SPARES = 8
"""Workers started ahead of need at most: each takes 14 MB."""

Observer = Callable[[Attempt, int], None]
"""Told of each try as it begins: the attempt and the number of the try, from 1."""

T = TypeVar("T")
P = ParamSpec("P")

Again = Callable[[Attempt, Trace], bool]
"""Whether an attempt that ended like this is to be tried again."""


class Ran(Struct, frozen=True, kw_only=True):
    """One attempt as carried out."""

    attempt: Attempt
    "What was tried."

    tries: tuple[Trace, ...]
    "What happened, one trace a try."


class PlanRun(Struct, frozen=True, kw_only=True):
    """One plan as carried out."""

    ran: tuple[Ran, ...]
    "Its attempts in order."

    cleanup: Trace | None
    "What belongs to no judged attempt: un-REGISTER, a successor's REGISTER, what the peer began."

    alarms: tuple[str, ...]
    "What a user must look at by hand: a call or registration that could not be ended."

    engine: str
    "pjproject's version; empty where no worker was ready."

    notes: tuple[str, ...] = ()
    "What the report must say beside it: a ledger that could not be used, a retry left out."


class LocalExecutor:
    """Runs one plan after the other; ``interrupt`` may be called from a signal handler."""

    def __init__(
        self, ledger: Ledger | None = None, *, spares: tuple[WorkerProcess, ...] = ()
    ) -> None:
        """Take the ledger, by default the machine's, and workers that were started already."""
        self.gate = Gate(ledger or Ledger(ledger_file()))
        "What holds an attempt back before it leaves."
        self._observer: Observer = lambda _attempt, _number: None
        self._again: Again = lambda _attempt, _trace: False
        self._interrupted = False
        self._skip = False
        self._spares = list(spares)
        self._resting: list[tuple[Account, Process]] = []
        self.journals: JournalPlace | None = None
        "Where workers write down what is up, so that a killed run can be cleaned up after."

    def on_begin(self, observer: Observer) -> None:
        """Let somebody hear of each try as it begins."""
        self._observer = observer

    def on_again(self, again: Again) -> None:
        """Let somebody decide whether an attempt is tried again."""
        self._again = again

    def skip_the_rest(self) -> None:
        """Carry out no further plan."""
        self._skip = True

    @property
    def skipping(self) -> bool:
        """Whether further plans are to be left out."""
        return self._skip or self._interrupted

    def warm_up(self, workers: int = 1) -> None:
        """Have so many workers started ahead of need: they load while something else goes on."""
        for _ in range(min(workers, _MOST_SPARES) - len(self._spares)):
            self._spares.append(WorkerProcess())

    def interrupt(self) -> None:
        """End what is in progress: hang up, un-register, and return what was recorded."""
        self._interrupted = True

    @property
    def interrupted(self) -> bool:
        """Whether ``interrupt`` was called."""
        return self._interrupted

    def run(self, plan: Plan) -> PlanRun:
        """Carry out a plan; raise EngineMissingError where pjsua2 does not load."""
        return _PlanInProgress(self, plan).run()

    def close(self) -> None:
        """End workers that were started ahead of need and not used; close the ledger."""
        self.gate.close()
        for spare in self._spares:
            spare.kill()
        for spare in self._spares:
            spare.close()
        self._spares.clear()
        self.dismiss()

    def take_spare(self, account: Account | None = None) -> "Process | None":
        """Return a worker that rests with this account open, or one started ahead, or None."""
        for place, (known, process) in enumerate(self._resting):
            if known == account:
                del self._resting[place]
                process.read()  # what it said while it had nothing to do
                if not process.ended:
                    return process
                process.close()
                break
        return self._spares.pop(0) if self._spares else None

    @property
    def rested(self) -> int:
        """How many workers wait for another plan."""
        return len(self._resting)

    def keep(self, resting: tuple[tuple[Account, Process], ...]) -> None:
        """Take care of workers that wait for another plan."""
        self._resting += resting

    def dismiss(self, but: tuple[Account, ...] = ()) -> None:
        """Let workers go that rest, but for those of some accounts; nothing of them is up."""
        for known, process in self._resting:
            if known not in but:
                process.close()
        self._resting = [(known, process) for known, process in self._resting if known in but]

    @property
    def clock_zero(self) -> tuple[float, datetime]:
        """When the clock of the next plan is zero: on the monotonic clock, and as aware UTC."""
        return time.monotonic(), datetime.now(timezone.utc)

    @property
    def wait(self) -> Callable[[float], None] | None:
        """What lets time pass where other plans are in progress; None where there are none."""
        return None

    def beside(self, ask: Callable[P, T]) -> Callable[P, T]:
        """Return what asks the same without keeping other plans from going on."""
        return ask

    def make_ready(self, plan: Plan) -> None:
        """Have the workers of a plan started, as far as that is of use."""
        self.dismiss(plan.accounts)
        fresh = len(plan.accounts) - self.rested
        if len(plan.accounts) > 1 and fresh:
            self.warm_up(fresh)

    def process_for(self, plan: Plan, account: Account) -> "Process | None":  # noqa: ARG002 - see many
        """Return a process for an account of a plan, or None where there is none yet."""
        return self.take_spare(account)

    def stays(self, plan: Plan) -> bool:
        """Whether the workers of a plan are of use to the next one.

        The next row would start the same agent again, which costs more than most rows do.
        """
        return plan.row is not None

    def begin(self, attempt: Attempt, number: int) -> None:
        """Tell the observer."""
        self._observer(attempt, number)

    def again(self, attempt: Attempt, trace: Trace) -> bool:
        """Ask whether an attempt is to be tried again."""
        return self._again(attempt, trace)


class _Admitted(Struct, kw_only=True):
    """A call that was admitted and whose talk was not counted yet."""

    span: Span
    "Its try."

    limits: Limits
    "What it counts against."

    admission: Admission
    "Its place in the ledger."

    size: int = -1
    "Events that it had when it was seen to be up."


class _PlanInProgress:
    """The state of one plan while it is carried out."""

    def __init__(self, executor: LocalExecutor, plan: Plan) -> None:
        self._executor = executor
        self._plan = plan
        self._epoch, self._started_at = executor.clock_zero
        self._began = self._clock()
        self._crew = Crew(self._clock, self._epoch, executor.journals, executor.wait)
        self._spans: list[Span] = []
        self._traces: dict[int, Trace] = {}
        self._tries: dict[int, list[Span]] = {}
        self._expecting: dict[str, list[float]] = {}
        self._answered: set[int] = set()
        self._cancelled = cancelled_later(plan)
        self._admitted: list[_Admitted] = []

    def run(self) -> PlanRun:
        """Carry out every attempt, clean up, cut the traces."""
        self._executor.make_ready(self._plan)
        try:
            for attempt in self._plan.attempts:
                self._attempt(attempt)
            began = self._clock()
            self._crew.send_home(stay=self._executor.stays(self._plan) and not self._over())
            self._executor.keep(self._crew.resting())
        finally:
            self._crew.end()
        recording = self._recording()
        self._settle(recording, every=True)
        ran = tuple(
            Ran(
                attempt=attempt,
                tries=tuple(
                    self._cut(span, recording) for span in self._tries.get(attempt.index, ())
                ),
            )
            for attempt in self._plan.attempts
        )
        judged = tuple(trace for one in ran if one.attempt.method for trace in one.tries)
        return PlanRun(
            ran=ran,
            cleanup=cut_rest(self._crew.logs(), judged, began, self._clock(), recording),
            alarms=tuple(self._crew.alarms),
            engine=self._crew.version,
            notes=(*self._executor.gate.notes, *unexpected_calls(self._crew.logs())),
        )

    def _attempt(self, attempt: Attempt) -> None:
        """Carry out one attempt with its retries."""
        number = 1
        while True:
            self._executor.begin(attempt, number)
            span = self._try(attempt)
            self._keep(span)
            trace = self._cut(span, self._recording())
            self._settle(self._recording())
            if trace.login_refused():
                self._executor.gate.login_was_refused(attempt)
            retry = attempt.retry
            if (
                retry is None
                or number > retry.times
                or self._over()
                or not self._executor.again(attempt, trace)
                or not self._fits(attempt, asked_to_wait(trace))
            ):
                return
            number += 1
            self._wait(max(retry.wait, asked_to_wait(trace) or 0.0))

    def _keep(self, span: Span) -> None:
        """Take a try among those that are over."""
        self._spans.append(span)
        self._tries.setdefault(span.attempt.index, []).append(span)
        for told in _expects(span):
            self._expecting.setdefault(told.account, []).append(span.began)
        action = span.attempt.action
        if isinstance(action, Take) and action.manner.kind == "answer":
            self._answered.add(action.call)

    def _fits(self, attempt: Attempt, asked: float | None) -> bool:
        """Whether the time that the peer asked us to wait ends before the scenario does."""
        if asked is None or self._took() + asked < self._plan.timeout:
            return True
        self._executor.gate.note(
            f"{self._plan.scenario}, {attempt.label}: not tried again, because the answer asks to"
            f" wait {asked:g} s (Retry-After) and the scenario's timeout is"
            f" {self._plan.timeout:g} s"
        )
        return False

    def _try(self, attempt: Attempt) -> Span:
        """Carry out one try; whatever becomes of the worker, return its span."""
        began = self._clock()
        span = Span(attempt=attempt, began=began, ended=began)
        action = attempt.action
        why_not = self._why_not(attempt) or self._why_not_now(span)
        if why_not is not None:
            self._fail(span, Failure.NOT_ATTEMPTED, why_not)
        elif isinstance(action, Wait) and not action.account:
            self._wait(action.duration)
            span.ended = self._clock()
        else:
            self._with_worker(span)
        return span

    def _why_not(self, attempt: Attempt) -> str | None:
        """Say why an attempt is not to be made, or return None."""
        if self._over():
            return self._why_over()
        held_back = why_never(attempt) or self._executor.gate.why_no_login(attempt)
        if held_back is not None:
            return held_back
        missing = [number for number in attempt.depends_on if not self._came_up(number)]
        if missing and not isinstance(attempt.action, Cancel):
            # A call that is to be cancelled has not come up yet; any other must have.
            return f"the call of step {self._plan.attempts[missing[0]].step} did not come up"
        return None

    def _came_up(self, number: int) -> bool:
        """Whether an earlier call was answered; the answer of our own called side is waited for."""
        spans = self._tries.get(number)
        if not spans:
            return False
        limit = self._clock() + _ANSWER_TRAVELS_S
        while True:
            trace = self._cut(spans[-1], self._recording())
            final, failure = trace.final(), trace.failure()
            waits = final is None and failure is None and number in self._answered
            if not waits or self._clock() >= limit or self._over():
                return final is not None and final.status < 300 and failure is None
            self._crew.pump(0.02)

    def _why_not_now(self, span: Span) -> str | None:
        """Say why a request is beyond the caps, or wait for its turn and return None."""
        attempt = span.attempt
        limits, gate = attempt.limits, self._executor.gate
        if limits is None:
            return None
        if not isinstance(attempt.action, Call | Transfer):
            self._wait(gate.turn(limits))
            return self._why_over() if self._over() else None
        talk, longest = planned_talk(attempt, self._plan), longest_talk(attempt, self._plan)
        while (admission := gate.admit(limits, talk, longest)).busy:
            self._wait(_ASK_AGAIN_S)
            if self._over():
                return (
                    f"{self._why_over()} while calls of other runs were up through this trunk, and"
                    f" concurrent_calls is {limits.concurrent_calls}"
                )
        if admission.why_not is not None:
            return admission.why_not
        self._wait(admission.wait)
        if self._over():
            gate.withdraw(limits, admission)
            return self._why_over()
        if isinstance(attempt.action, Call):  # a transferred call is not ours to follow
            self._admitted.append(_Admitted(span=span, limits=limits, admission=admission))
        return None

    def _paced(self, action: Action) -> bool:
        """Wait for a call's place in the pace of the run; return whether it may still leave.

        It is taken when the agent is ready: otherwise those that waited for theirs would leave at
        once.
        """
        wait = self._executor.gate.slot() if isinstance(action, Call | Transfer) else 0.0
        if not wait:
            return True
        self._wait(wait)
        return not self._over()

    def _settle(self, recording: Recording, *, every: bool = False) -> None:
        """Count the real talk of calls that are over, or of all of them."""
        left: list[_Admitted] = []
        for one in self._admitted:
            size = self._crew.log(one.span.attempt.action.account).size_of(one.span.call_id or "")
            if not every and size == one.size:  # as it was when it was still up
                left.append(one)
                continue
            trace = self._cut(one.span, recording)
            if every or not open_calls(trace.events):
                self._executor.gate.talked(one.limits, one.admission, talk_of(trace, self._clock()))
            else:
                one.size = size
                left.append(one)
        self._admitted = left

    def _with_worker(self, span: Span) -> None:
        """Let the account's worker carry out one try."""
        action = span.attempt.action
        if not self._prepare(span):
            return
        worker = self._worker_of(action.account)
        if worker.refused is not None:
            self._fail(span, *worker.refused)
            return
        if not self._paced(action):
            self._fail(span, Failure.NOT_ATTEMPTED, self._why_over())
            return
        span.began = self._clock()
        cut_short = self._crew.carry_out(worker, action, self._over)
        span.ended = self._clock()
        if worker.done is not None:
            span.call_id = worker.done["call_id"]
            span.began = min(span.began, worker.done["began"])  # what is awaited may be there
            span.left = worker.done["left"]
            if span.call_id is not None:
                self._crew.end_unacknowledged(worker, span.call_id)
        if isinstance(action, Cancel | Hangup) and span.call_id is None:
            span.call_id = self._call_id_of(action.call)
        if cut_short is not None:
            span.call_id = span.call_id or opened_call_id(span, worker.log)
            ending = worker.process.close()
            self._cut_short(span, worker, cut_short, f"our worker process {ending}")
            self._crew.bury(worker, hung=cut_short is Failure.AGENT_HUNG)
        elif self._over():
            interrupted = self._executor.interrupted
            failure = Failure.INTERRUPTED if interrupted else Failure.SCENARIO_DEADLINE
            self._cut_short(span, worker, failure, self._why_over())

    def _prepare(self, span: Span) -> bool:
        """Tell other agents what is to reach them; return whether all of them know it."""
        for told in span.attempt.prepares:
            worker = self._worker_of(told.account)
            if worker.refused is not None:
                self._fail(span, *worker.refused)
                return False
            cut_short = self._crew.carry_out(worker, told, self._over)
            if cut_short is not None:
                ending = self._crew.bury(worker, hung=cut_short is Failure.AGENT_HUNG)
                self._fail(span, cut_short, f"the worker process of {told.account} {ending}")
                return False
        return True

    def _worker_of(self, name: str) -> Worker:
        """Return the worker of an account."""
        account = next(a for a in self._plan.accounts if a.name == name)
        return self._crew.worker(account, lambda: self._executor.process_for(self._plan, account))

    def _cut_short(self, span: Span, worker: Worker, failure: Failure, detail: str) -> None:
        """Record what ended a try, and every call of its worker that was up and not given up."""
        events = worker.log.all(worker.since)
        up = {call.invite.call_id for call in open_calls(events)}
        up -= {event.call_id for event in events if isinstance(event, TransactionFailed)}
        if span.attempt.method:
            self._fail(span, failure, detail)
        for earlier in self._spans:
            if earlier.call_id in up and isinstance(earlier.attempt.action, Call):
                self._fail(earlier, failure, detail, extend=False)

    def _call_id_of(self, attempt: int) -> str | None:
        """Return the Call-ID of an earlier call."""
        spans = self._tries.get(attempt)
        return spans[-1].call_id if spans else None

    def _fail(self, span: Span, failure: Failure, detail: str, *, extend: bool = True) -> None:
        """Record a failure that the worker itself could not record."""
        at = self._clock()
        self._crew.log(span.attempt.action.account).add(
            TransactionFailed(
                at=at,
                method=span.attempt.method,
                call_id=span.call_id or "",
                failure=failure,
                stack_status=None,
                detail=detail,
                deadline=f"scenario timeout {self._plan.timeout:g} s"
                if failure is Failure.SCENARIO_DEADLINE
                else None,
            )
        )
        if extend:
            span.ended = max(span.ended, at)

    def _clock(self) -> float:
        return time.monotonic() - self._epoch

    def _over(self) -> bool:
        """Whether no new attempt may begin and the one in progress must end."""
        return self._executor.interrupted or self._took() >= self._plan.timeout

    def _took(self) -> float:
        """Return the seconds since the plan began."""
        return self._clock() - self._began

    def _why_over(self) -> str:
        if self._executor.interrupted:
            return "the run was interrupted"
        return f"the scenario's timeout of {self._plan.timeout:g} s was over"

    def _wait(self, seconds: float) -> None:
        """Let time pass while the workers are heard."""
        limit = self._clock() + seconds
        while (left := limit - self._clock()) > 0 and not self._over():
            self._crew.pump(min(left, 0.1))

    def _recording(self) -> Recording:
        return Recording(agent=f"pjsua2 {self._crew.version}".strip(), started_at=self._started_at)

    def _cut(self, span: Span, recording: Recording) -> Trace:
        """Return the trace of a try: the one of before where nothing has come since.

        A call is looked at when it ends, when it is counted and when it is judged, and what was
        read of its messages is read for all of them.
        """
        trace = self._cut_anew(span, recording)
        known = self._traces.get(id(span))
        if known is not None and known == trace:
            return known
        self._traces[id(span)] = trace
        return trace

    def _cut_anew(self, span: Span, recording: Recording) -> Trace:
        account = span.attempt.action.account
        trace = cut(
            span,
            self._crew.log(account),
            recording,
            self._crew.media(account, span.call_id or ""),
            our_cancel=is_cancelled(span.attempt, self._cancelled),
        )
        if isinstance(span.attempt.action, Talk) and span.attempt.expectation is not None:
            return heard_in_talk(span, trace, self._crew.media_between)
        legs = tuple(self._leg(told, span, recording) for told in _expects(span))
        return replace(trace, legs=legs) if legs else trace

    def _leg(self, told: Expect, span: Span, recording: Recording) -> Leg:
        """Return what an agent saw that the call of a try was to reach."""
        begins = self._expecting.get(told.account, [])
        next_one = bisect_right(begins, span.began)
        until = begins[next_one] if next_one < len(begins) else float("inf")
        media = self._crew.media_between(told.account, span.began, self._clock())
        return leg_of(told, span, until, self._crew.log(told.account), recording, media)


def _expects(span: Span) -> tuple[Expect, ...]:
    """Return what agents were told of calls that are to reach them."""
    return tuple(told for told in span.attempt.prepares if isinstance(told, Expect))
