"""From one recorded try to a verdict and an explanation, asking on where the trace cannot say.

Verdict and diagnosis stay pure: they read a trace. What happens here is the loop around them. While
nothing has decided, the diagnosis names the control that would, it is run, its answer joins the
trace as an event, and the diagnosis reads the trace again.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Optional

from msgspec import Struct
from msgspec.structs import replace

from probe.diagnosis.earlier import Company, earlier_of
from probe.plan.action import Talk
from probe.plan.plan import Attempt
from probe.trace.control import Control, ControlRan
from probe.trace.trace import Trace
from probe.verdict.judge import judge
from probe.verdict.verdict import Outcome, Verdict

if TYPE_CHECKING:  # a pass needs neither
    from probe.diagnosis.explanation import Explanation
    from probe.diagnosis.history import Before

Ask = Callable[[Control, Attempt, Trace], tuple[ControlRan, ...]]
"""Runs one control for a failed attempt and returns what it showed, one event at least."""

Remember = Callable[[Attempt], Optional["Before"]]
"""Returns the last good run of an attempt, or None."""


class Judged(Struct, frozen=True, kw_only=True):
    """One try with what was made of it."""

    trace: Trace
    "What happened, and what was asked afterwards."

    verdict: Verdict
    "Whether it was what was wanted."

    explanation: "Explanation | None"
    "Why not; None where everything was met."


class Asking(Struct, frozen=True, kw_only=True):
    """What may be asked beyond the trace."""

    ask: Ask | None = None
    "Runs the controls that cost nothing; None where nothing may be asked."

    paid: Ask | None = None
    "Runs those that place a call; None where none may be placed."

    remember: Remember | None = None
    "Finds the last good run; None for no history."


ONLY_THE_TRACE = Asking()
"""Nothing is asked."""


def hold(
    attempt: Attempt,
    trace: Trace,
    asking: Asking = ONLY_THE_TRACE,
    ran: Iterable[tuple[Attempt, Trace]] | Company = (),
) -> Judged:
    """Judge one try; where it was not met, ask as far as needed and explain.

    ``ran`` is what the same scenario tried, each attempt with its last try; a scenario of many
    attempts gives the same ``Company`` for all of them.
    """
    verdict = judge(attempt.expectation, trace, attempt.source)
    if verdict.outcome is Outcome.MET:
        return Judged(trace=trace, verdict=verdict, explanation=None)
    from probe.diagnosis.case import Case  # noqa: PLC0415 - a pass needs no rules
    from probe.diagnosis.diagnose import explain  # noqa: PLC0415 - a pass needs no rules
    from probe.diagnosis.questions import next_control  # noqa: PLC0415 - a pass asks nothing

    company = ran if isinstance(ran, Company) else Company(ran)
    if isinstance(attempt.action, Talk):
        from probe.diagnosis.talks import explain_talk  # noqa: PLC0415 - a pass needs no rules

        why = explain_talk(attempt, trace, verdict, company)
        return Judged(trace=trace, verdict=verdict, explanation=why)
    before = asking.remember(attempt) if asking.remember is not None else None
    case = Case(attempt, trace, verdict, before, earlier_of(attempt, trace, company))
    while asking.ask is not None:
        control = next_control(case, paid=asking.paid is not None)
        if control is None:
            break
        run = asking.paid if control.paid and asking.paid is not None else asking.ask
        shown = run(control, attempt, case.trace)
        trace = replace(case.trace, events=(*case.trace.events, *shown))
        case = Case(attempt, trace, verdict, before, case.earlier)
    return Judged(trace=case.trace, verdict=verdict, explanation=explain(case))
