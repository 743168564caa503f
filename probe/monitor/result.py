"""What is kept of a run: little enough to be shown a thousand times, whole in its folder."""

import json
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, to_builtins

OUTCOMES = ("met", "not_met", "inconclusive")
"""Outcomes of a run, from good to open."""


Measured = tuple[str, tuple[str, ...], float]
"""Name of a measure, values of its labels, and the value."""


class StepResult(Struct, frozen=True, kw_only=True):
    """One step as it was judged."""

    scenario: str
    "Scenario id, with its row."

    step: int
    "Number of the step, from 1."

    attempt: str
    "The attempt in words."

    outcome: str
    "met, not_met or inconclusive."

    responses: tuple[int, ...]
    "Status codes that arrived."

    failure: str | None
    "What ended it without a final response."

    causes: tuple[tuple[str, str], ...]
    "Ids and names of the causes, most likely first."

    summary: str
    "Why it was not met, one sentence."


class Result(Struct, frozen=True, kw_only=True):
    """What a run came to."""

    outcome: str
    "met, not_met or inconclusive: the worst of its steps, as `run` counts."

    duration_s: float
    "Seconds from the first to the last moment."

    calls: int
    "Calls that were placed; those on the embedded trunk do not count."

    interrupted: bool
    "Whether it was ended before its end."

    steps: tuple[StepResult, ...]
    "Its judged steps."

    measured: tuple[Measured, ...]
    "What was measured of it: name, label values, value (probe/report/measures.py)."

    block: str
    "What `run` prints of the steps that were not met; empty where all were."

    engine: str = ""
    "Version of the user agent's stack; empty where none was started."

    certificate_ends: float | None = None
    "End of the trunk's TLS certificate, seconds since 1970; None where none was seen."

    trouble: str = ""
    "Why nothing could be tried, or empty."

    def to_json(self) -> str:
        """Return it as text."""
        return json.dumps(to_builtins(self), ensure_ascii=True)

    @classmethod
    def from_json(cls, text: str) -> "Result":
        """Read what ``to_json`` wrote; raise ValueError."""
        try:
            told = json.loads(text)
            steps = tuple(_step_again(one) for one in told.pop("steps"))
            measured = tuple(
                (name, tuple(labels), value) for name, labels, value in told.pop("measured")
            )
            return cls(**told, steps=steps, measured=measured)
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"this is no stored result: {error}") from error


def nothing_tried(trouble: str) -> Result:
    """Return the result of a run that could not begin: it says nothing about the trunk."""
    return Result(
        outcome="inconclusive", duration_s=0.0, calls=0, interrupted=False, steps=(),
        measured=(), block="", trouble=trouble,
    )  # fmt: skip


def result_of(
    report: Mapping[str, Any],
    *,
    calls: int,
    measured: tuple[Measured, ...] = (),
    block: str = "",
    certificate_ends: float | None = None,
) -> Result:
    """Return what is kept of a JSON report (docs/json-report.md)."""
    run = report["run"]
    counts = run["counts"]
    if counts["not_met"]:
        outcome = "not_met"
    elif counts["inconclusive"] or not counts["met"]:
        outcome = "inconclusive"
    else:
        outcome = "met"
    return Result(
        outcome=outcome,
        duration_s=float(run["duration_s"] or 0.0),
        calls=calls,
        interrupted=bool(run["interrupted"]) or not run.get("complete", True),
        steps=tuple(_step(finding) for finding in report["findings"]),
        measured=measured,
        block=block,
        engine=str(run["versions"].get("pjsip", "")),
        certificate_ends=certificate_ends,
    )


def _step(finding: Mapping[str, Any]) -> StepResult:
    why = finding["explanation"] or {}
    return StepResult(
        scenario=str(finding["scenario"]),
        step=int(finding["step"]),
        attempt=str(finding["attempt"]),
        outcome=str(finding["outcome"]).lower(),
        responses=tuple(finding["responses"]),
        failure=finding["failure"],
        causes=tuple((cause["id"], cause["name"]) for cause in why.get("causes", ())),
        summary=str(why.get("summary", "")),
    )


def _step_again(told: dict[str, Any]) -> StepResult:
    told["responses"] = tuple(told["responses"])
    told["causes"] = tuple(map(tuple, told["causes"]))
    return StepResult(**told)
