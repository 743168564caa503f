"""A talk that was not as wanted: explained by the call in which it was.

A talk sends nothing, so its own trace is empty. What was agreed, and how the sound went, stands in
the trace of the call: of the one that our agent placed. An agent that was called has no answer of
theirs to look at; there it is said what was heard and what was wanted, and no cause is guessed.
"""

from msgspec.structs import replace

from probe.diagnosis.case import Case
from probe.diagnosis.diagnose import explain
from probe.diagnosis.earlier import Company
from probe.diagnosis.explanation import Certainty, Evidence, Explanation
from probe.diagnosis.quote import plain
from probe.plan.plan import Attempt
from probe.trace.trace import Trace
from probe.verdict.verdict import Mismatch, Outcome, Verdict

_AGENTS = "expect.agents."


def explain_talk(attempt: Attempt, trace: Trace, verdict: Verdict, company: Company) -> Explanation:
    """Explain what an agent did not hear, or did, in a talk. Raises nothing for any trace."""
    agent = next(filter(None, map(_agent, verdict.mismatches)), attempt.action.account)
    found = company.placed_by(agent, trace.ended)
    if found is None:
        return _untold(agent, verdict)
    placed, call = found
    told = replace(
        verdict,
        mismatches=tuple(map(_of_a_call, (m for m in verdict.mismatches if _is_of(m, agent)))),
    )
    why = explain(Case(replace(placed, source=attempt.source), call, told))
    whose = f" of {plain(agent)}" if any(map(_agent, verdict.mismatches)) else ""
    return replace(
        why,
        summary=f"In the call{whose}: {why.summary}",
        evidence=tuple(Evidence(event=None, says=e.says) for e in why.evidence),
        reference=None,
    )


def _untold(agent: str, verdict: Verdict) -> Explanation:
    """Say what was wanted and what was heard; nothing here says why."""
    who = plain(agent) or "our agent"
    open_ = verdict.outcome is Outcome.INCONCLUSIVE
    return Explanation(
        certainty=Certainty.UNDECIDED,
        causes=(),
        summary=f"What {who} heard "
        + ("cannot be judged." if open_ else "is not what the step wants."),
        observed=tuple(plain(m.message) for m in verdict.mismatches),
        inferred=(),
        evidence=(),
        unknown=(
            f"The cause: {who} did not place this call, and its caller's side is what shows it.",
        ),
        next_steps=(
            "Write the same bounds for the agent that calls: its side shows offer and answer.",
        ),
        reference=None,
    )


def _agent(mismatch: Mismatch) -> str:
    """Return the agent that a mismatch is about; empty where it names none."""
    path = mismatch.path
    return path.removeprefix(_AGENTS).split(".")[0] if path.startswith(_AGENTS) else ""


def _is_of(mismatch: Mismatch, agent: str) -> bool:
    return _agent(mismatch) in {"", agent}


def _of_a_call(mismatch: Mismatch) -> Mismatch:
    """Return a mismatch with the path that it has in the step of a call."""
    name = _agent(mismatch)
    if not name:
        return mismatch
    rest = mismatch.path.removeprefix(f"{_AGENTS}{name}").removeprefix(".")
    return replace(mismatch, path=f"expect.media.{rest}".rstrip("."))
