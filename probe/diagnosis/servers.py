"""Servers of a name: the first one gave nothing, and a later one answered (RFC 3263 §4.3)."""

from collections.abc import Iterator

from probe.diagnosis.case import Case, seconds
from probe.diagnosis.explanation import Certainty, Evidence
from probe.diagnosis.quote import plain
from probe.diagnosis.rule import Gate, Hypothesis, Rule
from probe.trace.route import NextHop

_COSTS_S = 0.4
"""What a server that was left must have cost to count as the reason of a delay."""


def left_servers(case: Case) -> tuple[tuple[int, NextHop], ...]:
    """Return the servers that were left for another."""
    return tuple((index, hop) for index, hop in case.all_of(NextHop) if hop.left)


def was_slowed(case: Case) -> bool:
    """Whether a bound of time was not kept and a server that was left took some of it."""
    cost = sum(hop.waited_s for _, hop in left_servers(case))
    return "timing" in case.kinds and cost >= _COSTS_S


def dead_before(case: Case) -> Iterator[Hypothesis]:
    """Recognise: it was late because servers before the one that answered gave nothing."""
    left = left_servers(case)
    if not was_slowed(case):
        return
    first = left[0][1]
    cost = seconds(sum(hop.waited_s for _, hop in left))
    yield Hypothesis(
        cause="F007",
        likelihood=Certainty.LIKELY,
        because=f"{plain(first.remote)} {plain(first.left)}, and a later server of the same name "
        "answered",
        says=case.fill(
            f"{{host}} leads to {plain(first.remote)} first, which {plain(first.left)}; going on "
            f"to the next server took {cost}."
        ),
        evidence=tuple(
            Evidence(
                event=index,
                says=f"server {hop.place} of {hop.of}, {plain(hop.remote)}, {plain(hop.left)}",
            )
            for index, hop in left
        ),
        steps=(
            f"Report {plain(first.host)} ({plain(first.remote)}) to the owner of the domain.",
            "Check that nothing between us and that server alone drops SIP.",
        ),
    )


RULES = (Rule(name="dead server before", gate=Gate.NAME, causes=("F007",), find=dead_before),)
