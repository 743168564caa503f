"""From one recorded try to a verdict and an explanation, asking on where the trace cannot say.

Verdict and diagnosis stay pure: they read a trace. What happens here is the loop around them. While
nothing has decided, the diagnosis names the control that would, it is run, its answer joins the
trace as an event, and the diagnosis reads the trace again.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from probe.diagnosis.explanation import Explanation
from probe.diagnosis.history import Before
from probe.plan.plan import Attempt
from probe.trace.control import Control, ControlRan
from probe.trace.trace import Trace
from probe.verdict.judge import judge
from probe.verdict.verdict import Outcome, Verdict

Ask = Callable[[Control, Attempt, Trace], tuple[ControlRan, ...]]
"""Runs one control for a failed attempt and returns what it showed, one event at least."""

Remember = Callable[[Attempt], Before | None]
"""Returns the last good run of an attempt, or None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One try with what was made of it."""

    trace: Trace
    "What happened, and what was asked afterwards."

    verdict: Verdict
    "Whether it was what was wanted."

    explanation: Explanation | None
    "Why not; None where everything was met."


def hold(
    attempt: Attempt,
    trace: Trace,
    *,
    ask: Ask | None = None,
    paid: Ask | None = None,
    remember: Remember | None = None,
) -> Judged:
    """Judge one try; where it was not met, ask as far as needed and explain.

    ``ask`` runs the controls that cost nothing, ``paid`` those that place a call; without them
    nothing is asked.
    """
    verdict = judge(attempt.expectation, trace, attempt.source)
    if verdict.outcome is Outcome.MET:
        return Judged(trace=trace, verdict=verdict, explanation=None)
    from probe.diagnosis.diagnose import diagnose  # noqa: PLC0415 - a pass needs no rules
    from probe.diagnosis.questions import next_control  # noqa: PLC0415 - a pass asks nothing

    before = remember(attempt) if remember is not None else None
    while ask is not None:
        control = next_control(attempt, trace, verdict, before, paid=paid is not None)
        if control is None:
            break
        run = paid if control.paid and paid is not None else ask
        trace = replace(trace, events=(*trace.events, *run(control, attempt, trace)))
    return Judged(
        trace=trace,
        verdict=verdict,
        explanation=diagnose(attempt, trace, verdict, before),
    )
