"""A finding of report.json as values again: what a run of an earlier version left of a verdict."""

import re
from collections.abc import Mapping
from typing import Any

from probe.diagnosis.explanation import Cause, Certainty, CodeReference, Evidence, Explanation
from probe.plan.action import Action
from probe.plan.plan import Attempt
from probe.report.model import Finding, Try
from probe.scenario.rows import Row
from probe.scenario.source import NOWHERE, Source
from probe.trace.trace import Trace
from probe.verdict.verdict import Measured, Mismatch, Outcome, Timing, Verdict

_PLACE = re.compile(r"(?P<file>.+):(?P<line>[0-9]{1,9}):(?P<column>[0-9]{1,9})", re.DOTALL)


def finding_from_json(
    told: Mapping[str, Any], traces: tuple[Trace, ...], attempt: Attempt | None = None
) -> Finding:
    """Return a finding with the verdict and the explanation of that day.

    ``traces`` are those of its tries; without an attempt one is made of what the report says,
    which knows no account. Raise KeyError, TypeError, ValueError or AttributeError where the
    report holds something else than report.schema.json describes.
    """
    why = told["explanation"]
    last = Try(
        trace=traces[-1],
        verdict=_verdict(told),
        explanation=None if why is None else _explanation(why),
    )
    return Finding(
        scenario=str(told["scenario"]),
        site=str(told.get("site") or ""),
        title=str(told["title"]),
        file=str(told["file"] or ""),
        row=_row(told.get("row")),
        attempt=attempt or _attempt(told),
        tries=(
            *(Try(trace=t, verdict=last.verdict, explanation=None) for t in traces[:-1]),
            last,
        ),
    )


def _row(told: Mapping[str, Any] | None) -> Row | None:
    """Return the row of a finding; reports of before there were rows have none."""
    if told is None:
        return None
    return Row(
        name=str(told["name"]),
        story=str(told["story"]),
        values=tuple((str(name), str(value)) for name, value in told["values"].items()),
        source=_place(told["source"]),
    )


def _attempt(told: Mapping[str, Any]) -> Attempt:
    step = int(told["step"])
    return Attempt(
        index=step - 1,
        step=step,
        label=str(told["attempt"]),
        method=str(told["method"] or ""),
        direction="register" if told["method"] == "REGISTER" else "outbound",
        action=Action(attempt=step - 1, account=""),
        account=None,
        expectation=None,
        retry=None,
        source=Source(file=str(told["file"]), line=1, column=1) if told["file"] else NOWHERE,
        provider=None,
    )


def _verdict(told: Mapping[str, Any]) -> Verdict:
    return Verdict(
        outcome=Outcome(told["outcome"]),
        mismatches=tuple(
            Mismatch(
                path=str(one["path"]),
                expected=str(one["expected"]),
                observed=str(one["observed"]),
                evidence=tuple(int(index) for index in one["evidence"]),
                source=_place(one["source"]),
                message=str(one["message"]),
            )
            for one in told["mismatches"]
        ),
        warnings=_texts(told["warnings"]),
        timing=Timing(
            **{
                name: None if told["timing"][name] is None else float(told["timing"][name])
                for name in ("rrd_s", "srd_s", "pdd_s", "setup_s")
            },
            total_s=float(told["timing"]["total_s"] or 0.0),
        ),
        measured=tuple(
            Measured(
                name=str(one["name"]),
                value_s=None if one["value_s"] is None else float(one["value_s"]),
                bound=str(one["bound"] or ""),
                state=str(one["state"]),
            )
            for one in told["measured"]
        ),
        expected=str(told["expected"]),
        observed=str(told["observed"]),
    )


def _explanation(why: Mapping[str, Any]) -> Explanation:
    known = why["reference"]
    return Explanation(
        certainty=Certainty(why["certainty"]),
        causes=tuple(
            Cause(
                id=str(cause["id"]),
                name=str(cause["name"]),
                likelihood=Certainty(cause["likelihood"]),
                because=str(cause["because"]),
            )
            for cause in why["causes"]
        ),
        summary=str(why["summary"]),
        observed=_texts(why["observed"]),
        inferred=_texts(why["inferred"]),
        evidence=tuple(
            Evidence(
                event=None if fact["event"] is None else int(fact["event"]), says=str(fact["says"])
            )
            for fact in why["evidence"]
        ),
        unknown=_texts(why["unknown"]),
        next_steps=_texts(why["next_steps"]),
        reference=None
        if known is None
        else CodeReference(
            code=int(known["code"]),
            name=str(known["name"]),
            defined_in=str(known["defined_in"]),
            provider=None if known["provider"] is None else str(known["provider"]),
        ),
    )


def _texts(held: object) -> tuple[str, ...]:
    if not isinstance(held, list):
        raise TypeError(f"a list of texts was expected, not {type(held).__name__}")
    return tuple(str(one) for one in held)


def _place(written: str | None) -> Source:
    """Return a place of ``file:line:column``; the line's text is not in a report."""
    found = _PLACE.fullmatch(written or "")
    if found is None:
        return NOWHERE
    return Source(file=found["file"], line=int(found["line"]), column=int(found["column"]))
