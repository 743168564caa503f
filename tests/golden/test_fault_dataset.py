"""The published traces of the fault lab are explained as the lab demands, without any network."""

import json
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from probe.diagnosis.diagnose import diagnose
from probe.diagnosis.earlier import earlier_of
from probe.diagnosis.explanation import Explanation
from probe.diagnosis.quote import visible
from probe.plan.store import attempt_from_json
from probe.trace.store import trace_from_json
from probe.trace.trace import MessageEvent
from probe.verdict.judge import judge

sys.path.append(str(Path(__file__).parents[1] / "faults"))

from dataset import SCHEMA, read

CASES = read()


@cache
def explained(place: int) -> Explanation:
    """Judge and explain the step in question of a case, once for all tests."""
    case = CASES[place]
    ran = [
        (attempt_from_json(one["attempt"]), trace_from_json(one["trace"]))
        for one in case["findings"]
    ]
    attempt, trace = ran[case["judged"]]
    verdict = judge(attempt.expectation, trace, attempt.source)
    return diagnose(attempt, trace, verdict, earlier=earlier_of(attempt, trace, ran))


def right(case: dict[str, Any], why: Explanation) -> bool:
    """Whether an explanation is right for the injected cause, by the class of the cause."""
    named = [cause.id for cause in why.causes]
    if case["cause"] is None:
        return why.certainty.value == "undecided"
    if case["class"] == "N":
        return case["cause"] in named and why.certainty.value != "certain"
    return named[:1] == [case["cause"]]


def falsely_certain(case: dict[str, Any], why: Explanation) -> bool:
    """Whether another cause than the injected one is said to be proved."""
    return why.certainty.value == "certain" and case["cause"] not in {c.id for c in why.causes}


def every(kind: str | None = None) -> Iterator[tuple[dict[str, Any], Explanation]]:
    """Yield the cases of one class, or all, with their explanations."""
    return (
        (case, explained(place))
        for place, case in enumerate(CASES)
        if kind in {None, case["class"]}
    )


def test_data_set_is_whole() -> None:
    """At least 120 causes, one tenth of all cases outside the catalogue, and no password."""
    assert {case["schema"] for case in CASES} == {SCHEMA}
    assert len({case["cause"] for case in CASES} - {None}) >= 120
    assert sum(case["cause"] is None for case in CASES) >= len(CASES) * 0.09
    whole = json.dumps(CASES)
    assert "/tmp/" not in whole  # noqa: S108 - no place of the machine that made it


@pytest.mark.parametrize(("kind", "least"), [("I", 0.95), ("C", 0.90), ("N", 0.95), ("-", 1.0)])
def test_share_that_is_right(kind: str, least: float) -> None:
    """Each class is explained as well as the lab demands; history alone is not in a trace."""
    wrong = [
        (case["fault"], [(c.id, c.likelihood.value) for c in why.causes])
        for case, why in every(kind)
        if not case["history"] and not right(case, why)
    ]
    assert len(wrong) <= (1 - least) * sum(1 for _ in every(kind)), wrong


def test_no_other_cause_is_said_to_be_proved() -> None:
    """At most one case in a hundred is called certain and is another."""
    wrong = [case["fault"] for case, why in every() if falsely_certain(case, why)]
    assert len(wrong) <= 0.01 * len(CASES), wrong


def test_each_sentence_cites_what_shows_it() -> None:
    """What an explanation quotes from a message stands in the message that it cites."""
    wrong = []
    for case, why in every():
        trace = trace_from_json(case["findings"][case["judged"]]["trace"])
        for evidence in why.evidence:
            if evidence.event is None:
                continue
            event = trace.events[evidence.event]
            if isinstance(event, MessageEvent):
                shown = visible(event.text)
                wrong += [
                    (case["fault"], quoted)
                    for quoted in re.findall(r'"([^"]*)"', evidence.says)
                    if quoted.rstrip("…") not in shown
                ]
    assert wrong == []
