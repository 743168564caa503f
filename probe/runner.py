"""One run: plans go in, a report comes out. No I/O of its own.

The executor acts and records; the runner holds an inquest on each try that was recorded, takes the
secrets out, and puts the findings in order.
"""

import platform
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct, field
from msgspec.structs import replace

from probe import __version__
from probe.diagnosis.earlier import Company
from probe.executor.crew import EngineMissingError
from probe.executor.local import PlanRun, Ran
from probe.inquest import Ask, Asking, Judged, hold
from probe.plan.plan import Attempt, Plan
from probe.report.kept import Kept
from probe.report.model import Finding, RunReport, Try
from probe.scenario.rows import Row
from probe.sip.message import forget_parsed
from probe.sip.redact import SHORTEST_SECRET, Redactor
from probe.trace.store import redact_trace
from probe.trace.trace import Trace
from probe.verdict.judge import judge
from probe.verdict.verdict import Outcome, Verdict

if TYPE_CHECKING:  # a pass needs neither
    from probe.diagnosis.explanation import Explanation
    from probe.diagnosis.history import Before


class Executor(Protocol):
    """What carries out a plan."""

    @property
    def interrupted(self) -> bool:
        """Whether the user ended the run."""
        ...

    @property
    def skipping(self) -> bool:
        """Whether further plans are to be left out."""
        ...

    def run(self, plan: Plan) -> PlanRun:
        """Carry out one plan."""
        ...


class Setting(Struct, frozen=True, kw_only=True):
    """What is true of a whole run before it begins."""

    run_id: str
    "``<UTC>-<name>``."

    started_at: datetime
    "Aware UTC."

    vantage: str
    "Host name of this machine."

    notes: tuple[str, ...] = ()
    "What every report must say: embedded trunk, verification off."

    secrets: tuple[str, ...] = ()
    "Values beside the passwords of the plans that no report may show."

    def __repr__(self) -> str:
        """Show all but the secrets."""
        return (
            f"Setting(run_id={self.run_id!r}, started_at={self.started_at!r}, "
            f"vantage={self.vantage!r}, notes={self.notes!r})"
        )

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Show no more where rich prints it."""
        return [
            ("run_id", self.run_id),
            ("started_at", self.started_at),
            ("vantage", self.vantage),
            ("notes", self.notes),
        ]


class Inquiry(Struct, frozen=True, kw_only=True):
    """What may be asked beyond the trace after an attempt was not met."""

    ask: Ask | None = None
    "Runs a control that costs nothing; None where none may be run."

    call: Callable[[Executor, Plan], Ask] | None = None
    "Makes what runs the controls that place a call; None where none may be placed."

    remember: "Callable[[str, Attempt], Before | None] | None" = None
    "Finds the last good run of a scenario's attempt; None for no history."


NOTHING_ASKED = Inquiry()
"""Only the trace is read."""

Each = Callable[[Sequence[Plan], Callable[[int, Plan], None], Callable[[], bool]], Sequence[Plan]]
"""Calls its second argument with the number of each plan and the plan, as long as the third says
so, and returns the plans that were left out."""

_TIDY_S = 0.5
"""Distance of two moments in which memory is given back."""


class RunBrokenError(Exception):
    """An error of ours ended a run; what was found before is not lost."""

    def __init__(self, report: RunReport, cause: Exception) -> None:
        """Take the report of what was found, and what ended the run."""
        super().__init__(f"{type(cause).__name__}: {cause}")
        self.report = report
        self.cause = cause


class _Said(Struct):
    """What a plan says of itself beside its findings."""

    cleanup: list[Trace] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    engine: str = ""


class _Hiding(Struct, frozen=True, kw_only=True):
    """Takes the secrets of one plan out of whatever is said of it.

    A peer may repeat a password anywhere, e.g. in a reason phrase, and a verdict quotes it.
    """

    redactor: Redactor
    "Knows the secrets, and keeps equal nonces equal throughout the plan."

    secrets: frozenset[str]
    "The same secrets: words that hold none of them stay as they are."

    @classmethod
    def of(cls, plan: Plan, more: tuple[str, ...]) -> "_Hiding":
        """Return what hides a plan's passwords, and more; user names and numbers stay readable."""
        secrets, public = (*secrets_of(plan), *more), public_of(plan)
        return cls(
            redactor=redactor_for(plan, more),
            secrets=frozenset(s for s in secrets if len(s) >= SHORTEST_SECRET) - set(public),
        )

    def trace(self, trace: Trace) -> Trace:
        """Return a trace without secrets."""
        return redact_trace(trace, self.redactor)

    def words(self, text: str) -> str:
        """Return a sentence without secrets."""
        if any(secret in text for secret in self.secrets):
            return self.redactor.text(text)
        return text

    def row(self, row: Row) -> Row:
        """Return a row whose values hold no secret."""
        values = tuple((name, self.words(value)) for name, value in row.values)
        return replace(row, name=self.words(row.name), values=values)

    def verdict(self, verdict: Verdict) -> Verdict:
        """Return a verdict that quotes no secret."""
        return replace(
            verdict,
            mismatches=tuple(
                replace(
                    mismatch,
                    expected=self.words(mismatch.expected),
                    observed=self.words(mismatch.observed),
                    message=self.words(mismatch.message),
                )
                for mismatch in verdict.mismatches
            ),
            warnings=tuple(map(self.words, verdict.warnings)),
            expected=self.words(verdict.expected),
            observed=self.words(verdict.observed),
        )

    def judged(self, one: Judged) -> Try:
        """Return a try that was judged on the full trace, without secrets."""
        return Try(
            trace=self.trace(one.trace),
            verdict=self.verdict(one.verdict),
            explanation=None if one.explanation is None else self.explanation(one.explanation),
        )

    def explanation(self, why: "Explanation") -> "Explanation":
        """Return an explanation that quotes no secret."""
        return replace(
            why,
            causes=tuple(replace(c, because=self.words(c.because)) for c in why.causes),
            summary=self.words(why.summary),
            observed=tuple(map(self.words, why.observed)),
            inferred=tuple(map(self.words, why.inferred)),
            evidence=tuple(replace(e, says=self.words(e.says)) for e in why.evidence),
            unknown=tuple(map(self.words, why.unknown)),
            next_steps=tuple(map(self.words, why.next_steps)),
        )


def wants_another_try(attempt: Attempt, trace: Trace) -> bool:
    """Whether an attempt that was not met may be tried again, by its own ``retry``."""
    if attempt.retry is None:
        return False
    if judge(attempt.expectation, trace, attempt.source).outcome is Outcome.MET:
        return False
    final, failure = trace.final(), trace.failure()
    if final is not None and attempt.retry.allows(str(final.status)):
        return True
    return failure is not None and attempt.retry.allows(failure.failure.value)


def run(  # noqa: PLR0913 - what is carried out, by whom, and who hears of it
    plans: tuple[Plan, ...],
    executor: Executor,
    setting: Setting,
    *,
    inquiry: Inquiry = NOTHING_ASKED,
    elapsed: Callable[[], float],
    found: Callable[[Finding], None] = lambda _finding: None,
    told: Callable[[RunReport], None] = lambda _part: None,
    kept: Kept | None = None,
    each: Each | None = None,
) -> RunReport:
    """Carry out plans, one after the other unless ``each`` does more, and return the report.

    ``elapsed`` gives the seconds since the run began. Each finding is put into ``kept`` as soon as
    it is judged, from where the report reads it again, and nothing of it stays in memory. ``told``
    gets a report of that finding alone, and one of each plan that is over where there is more to
    say of it, as what was sent to clean up; ``found`` gets the finding. Both hear of plans as they
    end; the report has them in the order of ``plans``. ``inquiry`` says what may be asked where an
    attempt was not met. After an interruption the remaining plans are named in a note. Raise
    RunBrokenError with what was found until then where an error of ours ends the run, and
    EngineMissingError where nothing was found either.
    """
    course = _Course(executor, setting, kept or Kept(), inquiry, elapsed, found, told)
    left = (each or one_after_the_other)(
        plans, course.carry, lambda: course.cause is None and not executor.skipping
    )
    return course.report(left)


def one_after_the_other(
    plans: Sequence[Plan], carry: Callable[[int, Plan], None], goes_on: Callable[[], bool]
) -> Sequence[Plan]:
    """Carry out plans in their order; return those that were left out."""
    for number, plan in enumerate(plans):
        if not goes_on():
            return plans[number:]
        carry(number, plan)
    return ()


class _Course:
    """A run under way: what was found so far, whoever found it first."""

    def __init__(  # noqa: PLR0913, PLR0917 - as ``run``
        self,
        executor: Executor,
        setting: Setting,
        kept: Kept,
        inquiry: Inquiry,
        elapsed: Callable[[], float],
        found: Callable[[Finding], None],
        told: Callable[[RunReport], None],
    ) -> None:
        self.cause: Exception | None = None
        "What ended the run, where it was an error of ours."
        self._executor, self._setting, self._kept = executor, setting, kept
        self._inquiry, self._elapsed = inquiry, elapsed
        self._found, self._told = found, told
        self._whole = _Said()
        self._plans_of_findings = array("L")
        self._plans_of_cleanup = array("L")
        self._tidied_at = elapsed()

    def carry(self, number: int, plan: Plan) -> None:
        """Carry out one plan, judge it, and put away what was found."""
        setting, kept, whole = self._setting, self._kept, self._whole
        said = _Said(engine=whole.engine)
        told: int | None = None
        try:
            hiding = _Hiding.of(plan, setting.secrets)
            for finding in _one(plan, self._executor, said, hiding, self._inquiry):
                one = kept.findings.add(finding)
                self._plans_of_findings.append(number)
                self._told(self._part(said, one))
                told = len(said.notes)
                self._found(finding)
        except Exception as error:  # whatever it is, earlier findings are not lost
            if isinstance(error, EngineMissingError) and not len(kept.findings):
                raise
            self.cause = error
            kind = type(error).__name__
            said.notes.append(f"{plan.scenario} was ended by an error of sipprobe itself: {kind}")
        for swept in said.cleanup:
            kept.cleanup.add(swept)
            self._plans_of_cleanup.append(number)
        whole.notes = list(dict.fromkeys((*whole.notes, *said.notes)))
        whole.engine = whole.engine or said.engine
        if said.cleanup or told != len(said.notes):  # else the last finding said it all
            self._told(self._part(said, ()))
        self._tidy()

    def report(self, left: Sequence[Plan]) -> RunReport:
        """Return the report of everything; ``left`` are the plans that were not carried out."""
        kept, notes = self._kept, self._whole.notes
        if left:
            notes.append(left_out(left))
        if self._executor.interrupted:
            notes.append("the run was interrupted; calls and registrations were ended")
        kept.findings.arrange(_order(self._plans_of_findings))
        kept.cleanup.arrange(_order(self._plans_of_cleanup))
        report = replace(self._part(self._whole, kept.findings), cleanup=kept.cleanup)
        if self.cause is not None:
            raise RunBrokenError(replace(report, complete=False), self.cause) from self.cause
        return report

    def _part(self, said: _Said, findings: Sequence[Finding]) -> RunReport:
        return _report(self._setting, said, self._executor, self._elapsed(), findings)

    def _tidy(self) -> None:
        """Now and then forget what the plans left, and give the memory back: it takes a while."""
        now = self._elapsed()
        if now - self._tidied_at >= _TIDY_S:
            self._tidied_at = now
            forget_parsed()
            self._kept.tidy()


def _order(plans: "array[int]") -> Sequence[int] | None:
    """Return the places of what belongs to plans in the order of the plans, None as they are."""
    numbers = range(len(plans))
    if all(plans[place - 1] <= plans[place] for place in numbers[1:]):
        return None
    return array("L", sorted(numbers, key=plans.__getitem__))


def left_out(plans: Sequence[Plan]) -> str:
    """Name the plans that were not carried out; the rows of one scenario are counted."""
    names = Counter(plan.row.story if plan.row else plan.scenario for plan in plans)
    told = (f"{name} ({rows} rows)" if rows > 1 else name for name, rows in names.items())
    return f"not carried out: {', '.join(told)}"


def _report(
    setting: Setting,
    said: _Said,
    executor: Executor,
    duration_s: float,
    findings: Sequence[Finding],
) -> RunReport:
    """Return the report of some findings."""
    return RunReport(
        run_id=setting.run_id,
        started_at=setting.started_at,
        duration_s=duration_s,
        vantage=setting.vantage,
        versions=(
            ("sipprobe", __version__),
            ("pjsip", said.engine),
            ("python", platform.python_version()),
        ),
        findings=findings,
        notes=tuple(dict.fromkeys((*setting.notes, *said.notes))),
        cleanup=tuple(said.cleanup),
        interrupted=executor.interrupted,
    )


def _one(
    plan: Plan, executor: Executor, said: _Said, hiding: _Hiding, inquiry: Inquiry
) -> Iterator[Finding]:
    """Carry out one plan and yield what was found, attempt by attempt."""
    said.notes += map(hiding.words, plan.warnings)
    done = executor.run(plan)
    said.engine = said.engine or done.engine
    said.notes += map(hiding.words, done.notes)
    said.notes += [hiding.words(f"look at it by hand: {alarm}") for alarm in done.alarms]
    company = Company((ran.attempt, ran.tries[-1]) for ran in done.ran if ran.tries)
    for ran in done.ran:
        if ran.attempt.method or ran.attempt.expectation:  # else there is nothing to judge
            yield Finding(
                scenario=hiding.words(plan.scenario),
                file=plan.file,
                row=None if plan.row is None else hiding.row(plan.row),
                title=hiding.words(plan.name),
                attempt=replace(ran.attempt, label=hiding.words(ran.attempt.label)),
                tries=tuple(
                    hiding.judged(one) for one in _inquests(ran, company, plan, executor, inquiry)
                ),
            )
    if done.cleanup is not None:
        said.cleanup.append(hiding.trace(done.cleanup))


def _inquests(
    ran: Ran, company: Company, plan: Plan, executor: Executor, inquiry: Inquiry
) -> Iterator[Judged]:
    """Yield each try judged; about the last one, which decides, more is asked where allowed."""
    remember = inquiry.remember
    for trace in ran.tries[:-1]:
        yield hold(ran.attempt, trace, ran=company)
    silent = inquiry.ask is None or executor.interrupted
    asking = Asking(
        ask=None if silent else inquiry.ask,
        paid=None if silent or inquiry.call is None else inquiry.call(executor, plan),
        remember=(lambda attempt: remember(plan.scenario, attempt)) if remember else None,
    )
    yield hold(ran.attempt, ran.tries[-1], asking, company)


def redactor_for(plan: Plan, secrets: tuple[str, ...] = ()) -> Redactor:
    """Return what takes a plan's secrets out of texts; user names and numbers stay readable.

    ``secrets`` are values that are secret whatever the plan uses them for.
    """
    return Redactor((*secrets_of(plan), *secrets), public=public_of(plan))


def secrets_of(plan: Plan) -> tuple[str, ...]:
    """Return the passwords of a plan."""
    return tuple(account.password for account in plan.accounts if account.password)


def public_of(plan: Plan) -> tuple[str, ...]:
    """Return values that are no secret even where a password repeats them."""
    return tuple(name for account in plan.accounts for name in (account.user, account.auth_user))
