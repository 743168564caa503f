"""The called side: a call that reached nobody, reached another, or a transfer that came to nothing.

Only who is at both ends can tell these apart: the caller of a mailbox gets the same 200 as the
caller of a colleague.
"""

from collections.abc import Iterator

from probe.diagnosis.case import Case
from probe.diagnosis.explanation import Certainty, Evidence
from probe.diagnosis.quote import plain
from probe.diagnosis.rule import NAMED_BY_THEM, Gate, Hypothesis, Rule
from probe.trace.trace import Leg


def unreached(case: Case) -> tuple[Leg, ...]:
    """Return the agents of ours that the call was to reach and did not."""
    return tuple(leg for leg in case.trace.legs if not leg.reached)


def nobody_registered(case: Case) -> Iterator[Hypothesis]:
    """Recognise: the called agent had no registration when the call was placed."""
    absent = [leg for leg in unreached(case) if not leg.registered]
    if not absent or case.method != "INVITE" or 200 <= case.status < 300:
        return
    names = ", ".join(plain(leg.agent) for leg in absent)
    yield Hypothesis(
        cause="F090",
        likelihood=Certainty.LIKELY,
        because=f"{names} had no registration with this run when the call was placed",
        says=f"No call reached {names}, who was not registered then: "
        + case.fill("{host} had nowhere to send it."),
        evidence=(
            Evidence(event=None, says=f"no registration of {names} stood in this run"),
            *((case.cite_start(case.reply.index),) if case.reply is not None else ()),
        ),
        steps=(
            f"Put `- register: {absent[0].agent}` before the call, or see why that step failed.",
        ),
        rules_out=("F128", "F129", "F132"),
        weight=NAMED_BY_THEM + 20,
    )


def refused_by_ours(case: Case) -> Iterator[Hypothesis]:
    """Recognise: our own called side refused, as its step told it to."""
    for leg in case.trace.legs:
        answers = leg.trace.responses()
        if not leg.reached or not answers or answers[-1].status < 300 or case.status < 300:
            continue
        said = answers[-1].status
        cause = "F093" if said in {486, 600} else "F095"
        yield Hypothesis(
            cause=cause,
            likelihood=Certainty.LIKELY,
            because=f"{plain(leg.agent)}, the called side of this very scenario, answered {said}",
            says=f"{plain(leg.agent)} refused the call with {said}, as the scenario told it to; "
            + case.fill("the caller got {answer}."),
            evidence=(
                Evidence(event=None, says=f"the trace of {plain(leg.agent)} shows its {said}"),
                *((case.cite_start(case.reply.index),) if case.reply is not None else ()),
            ),
            steps=(f"See what the phone system makes of {said}, or write that in `responses:`.",),
            rules_out=("F128", "F129", "F132", "F090", "F094"),
            weight=NAMED_BY_THEM + 20,
        )


RULES = (
    Rule(
        name="nobody registered there",
        gate=Gate.POLICY,
        causes=("F090",),
        find=nobody_registered,
    ),
    Rule(
        name="our called side refused",
        gate=Gate.POLICY,
        causes=("F093", "F095"),
        find=refused_by_ours,
    ),
)
