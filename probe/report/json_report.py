"""The JSON report: stable, versioned, and described by a schema (docs/json-report.md).

Seconds are numbers with at most six decimals, absent facts are null. What a peer wrote is shown
without control characters, so that a value may be printed as it is; the bytes stand in trace.json.
"""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

import msgspec

from probe.diagnosis.explanation import Certainty, Explanation
from probe.report.media_json import bound_schema, bound_to_json, media_to_json, stream_schema
from probe.report.model import Finding, Findings, RunReport
from probe.report.text import plain
from probe.scenario.rows import Row
from probe.scenario.source import Source
from probe.trace.control import Control, ControlRan
from probe.trace.failure import Failure
from probe.verdict.verdict import Mismatch, Outcome, Verdict

SCHEMA = "sipprobe-report/1"
"""Tag of the format; a new number means that an old reader would misread it."""

SCHEMA_ID = "urn:sipprobe:report:1"
"""``$id`` of the JSON Schema."""

LONGEST = 4000
"""Longer texts are cut to so many characters."""

_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")


def to_json(report: RunReport) -> dict[str, object]:
    """Return a report as values that ``json.dumps`` takes, as ``json_schema`` describes them."""
    return {**head(report), "findings": [msgspec.json.decode(told) for told in told_pieces(report)]}


def written(
    report: RunReport,
    *,
    ascii_only: bool,
    clean: Callable[[object], object] | None = None,
) -> Iterator[str]:
    """Yield the text of a report, indented by two.

    One finding is in memory at a time. ``clean`` sees the head of the report, then each finding,
    before they are written.
    """

    def text(told: bytes) -> str:
        if clean is not None:
            told = encoded(clean(json.loads(told)))
        told = msgspec.json.format(told, indent=2)
        return (in_ascii(told) if ascii_only else told).decode("utf-8")

    yield text(encoded(head(report))).removesuffix("\n}") + ',\n  "findings": ['
    gap = "\n    "
    for told in told_pieces(report):
        yield gap + text(told).replace("\n", "\n    ")
        gap = ",\n    "
    yield "\n  ]\n}\n" if len(report.findings) else "]\n}\n"


def told_pieces(report: RunReport) -> Iterator[bytes]:
    """Yield the findings as JSON in UTF-8."""
    if isinstance(report.findings, Findings):
        return report.findings.told()
    return (encoded(finding_to_json(finding)) for finding in report.findings)


def encoded(value: object) -> bytes:
    """Return what ``json.dumps`` takes as JSON in UTF-8; what that has no word for is escaped."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:  # a lone surrogate
        return json.dumps(value).encode("ascii")


def in_ascii(text: bytes) -> bytes:
    """Return the same JSON in ASCII."""
    if text.isascii():
        return text
    escaped = _BEYOND_ASCII.sub(lambda found: json.dumps(found[0])[1:-1], text.decode("utf-8"))
    return escaped.encode("ascii")


def head(report: RunReport) -> dict[str, object]:
    """Return what stands before the findings."""
    return {
        "schema": SCHEMA,
        "run": {
            "id": _text(report.run_id),
            "started_at": iso_utc(report.started_at),
            "duration_s": _seconds(report.duration_s),
            "vantage": _text(report.vantage),
            "versions": {_text(name): _text(version) for name, version in report.versions},
            "counts": report.counts(),
            "interrupted": report.interrupted,
            "complete": report.complete,
            "notes": [_text(note) for note in report.notes],
        },
    }


def iso_utc(moment: datetime) -> str:
    """Return an aware time as RFC 3339 in UTC, e.g. ``2026-11-21T01:02:03.456Z``."""
    text = moment.astimezone(timezone.utc).isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + "Z"


def _text(value: str) -> str:
    if len(value) <= LONGEST and value.isprintable():
        return value  # as almost every one
    return plain(value, LONGEST)


def _seconds(value: float | None) -> float | None:
    """Return seconds to the microsecond; None for what is absent or no number."""
    return round(float(value), 6) if value is not None and math.isfinite(value) else None


def _place(source: Source) -> str | None:
    return _text(str(source)) if source.file else None


def finding_to_json(finding: Finding) -> dict[str, object]:
    """Return one finding: the last try decides, and is what is shown."""
    attempt, last = finding.attempt, finding.last
    trace, verdict = last.trace, last.verdict
    failed = trace.failure()
    return {
        "scenario": _text(finding.scenario),
        "row": None if finding.row is None else _row(finding.row),
        "site": _text(finding.site) or None,
        "title": _text(finding.title),
        "file": _text(finding.file or attempt.source.file) or None,
        "step": attempt.step,
        "attempt": _text(attempt.label),
        "method": _text(trace.method) or None,
        "tries": len(finding.tries),
        "flaky": finding.flaky,
        "outcome": verdict.outcome.value,
        "expected": _text(verdict.expected),
        "observed": _text(verdict.observed),
        "responses": [response.status for response in trace.responses()],
        "failure": failed.failure.value if failed else None,
        "failure_detail": (_text(failed.detail) or None) if failed else None,
        "deadline": (_text(failed.deadline or "") or None) if failed else None,
        "stack_status": failed.stack_status if failed else None,
        "mismatches": [_mismatch(mismatch, verdict) for mismatch in verdict.mismatches],
        "warnings": [_text(warning) for warning in verdict.warnings],
        "timing": _timing(verdict),
        "measured": [
            {
                "name": _text(measured.name),
                "value_s": _seconds(measured.value_s),
                "bound": _text(measured.bound) or None,
                "state": measured.state,
            }
            for measured in verdict.measured
        ],
        "media": [media_to_json(stream, _text) for stream in trace.media] or None,
        "media_bounds": [bound_to_json(one, _text) for one in verdict.media],
        "legs": [
            {
                "agent": _text(leg.agent),
                "reached": leg.reached or bool(leg.trace.media),
                "responses": [response.status for response in leg.trace.responses()],
                "media": [media_to_json(stream, _text) for stream in leg.trace.media] or None,
            }
            for leg in trace.legs
        ],
        "explanation": _explanation(last.explanation) if last.explanation else None,
        "controls": [
            _control(index, event)
            for index, event in enumerate(trace.events)
            if isinstance(event, ControlRan)
        ],
    }


def _row(row: Row) -> dict[str, object]:
    return {
        "name": _text(row.name),
        "story": _text(row.story),
        "values": {name: _text(value) for name, value in row.values},
        "source": _place(row.source),
    }


def _control(index: int, ran: ControlRan) -> dict[str, object]:
    return {
        "event": index,
        "control": ran.control.value,
        "target": _text(ran.target),
        "result": _text(ran.result),
        "detail": _text(ran.detail),
        "took_s": _seconds(ran.took_s),
    }


def _mismatch(mismatch: Mismatch, verdict: Verdict) -> dict[str, object]:
    """Return one mismatch; one of the sequence shows it whole, its message the item."""
    whole = mismatch.path == "expect.responses"
    return {
        "path": _text(mismatch.path),
        "expected": _text(verdict.expected if whole else mismatch.expected),
        "observed": _text(verdict.observed if whole else mismatch.observed),
        "message": _text(mismatch.message),
        "source": _place(mismatch.source),
        "evidence": list(mismatch.evidence),
    }


def _timing(verdict: Verdict) -> dict[str, object]:
    timing = verdict.timing
    return {
        "rrd_s": _seconds(timing.rrd_s),
        "srd_s": _seconds(timing.srd_s),
        "pdd_s": _seconds(timing.pdd_s),
        "setup_s": _seconds(timing.setup_s),
        "total_s": _seconds(timing.total_s),
    }


def _explanation(why: Explanation) -> dict[str, object]:
    reference = why.reference
    return {
        "certainty": why.certainty.value,
        "causes": [
            {
                "id": cause.id,
                "name": _text(cause.name),
                "likelihood": cause.likelihood.value,
                "because": _text(cause.because),
            }
            for cause in why.causes
        ],
        "summary": _text(why.summary),
        "observed": [_text(fact) for fact in why.observed],
        "inferred": [_text(fact) for fact in why.inferred],
        "evidence": [{"event": item.event, "says": _text(item.says)} for item in why.evidence],
        "unknown": [_text(fact) for fact in why.unknown],
        "next_steps": [_text(step) for step in why.next_steps],
        "reference": None
        if reference is None
        else {
            "code": reference.code,
            "name": _text(reference.name),
            "defined_in": _text(reference.defined_in),
            "provider": _text(reference.provider) if reference.provider else None,
        },
    }


Schema = dict[str, Any]

_STRING: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_SECONDS: Schema = {"type": ["number", "null"], "minimum": 0}
_STATUS: Schema = {"type": "integer", "minimum": 100, "maximum": 699}


def _or_null(schema: Mapping[str, Any]) -> Schema:
    return {"anyOf": [dict(schema), {"type": "null"}]}


def _list(schema: Mapping[str, Any], about: str, **more: object) -> Schema:
    return {"type": "array", "description": about, "items": dict(schema), **more}


def _object(
    properties: Mapping[str, Schema], about: str = "", *, later: tuple[str, ...] = ()
) -> Schema:
    """Return the schema of an object whose described properties are all there.

    Those of ``later`` joined the version after its first report was written.
    """
    described = {"description": about} if about else {}
    return {
        "type": "object",
        **described,
        "properties": dict(properties),
        "required": [name for name in properties if name not in later],
    }


def _about(schema: Mapping[str, Any], about: str) -> Schema:
    return {**schema, "description": about}


def json_schema() -> dict[str, object]:
    """Return the JSON Schema (draft 2020-12) of the report.

    Every property that it names is always there; a later version of the same schema may add more.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "sipprobe report",
        "description": "What one run of sipprobe found. Absent facts are null.",
        **_object({"schema": {"const": SCHEMA}, "run": _RUN, "findings": _FINDINGS}),
        "$defs": {"MediaReport": stream_schema(), "MediaBound": bound_schema()},
    }


_RUN = _object(
    {
        "id": _about(_STRING, "Also the name of the run's folder."),
        "started_at": {
            "type": "string",
            "format": "date-time",
            "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$",
            "description": "UTC.",
        },
        "duration_s": _about(_SECONDS, "Wall time of the run."),
        "vantage": _about(_STRING, "Host name of the machine that ran it."),
        "versions": {"type": "object", "additionalProperties": _STRING},
        "counts": _object(
            {"met": _COUNT, "not_met": _COUNT, "inconclusive": _COUNT, "flaky": _COUNT},
            "Findings by outcome; flaky ones are counted among the met ones too.",
        ),
        "interrupted": _about({"type": "boolean"}, "Whether the user ended the run."),
        "complete": _about(
            {"type": "boolean"}, "false: the run was killed or broke; what is here still stands."
        ),
        "notes": _list(_STRING, "What holds for the whole run."),
    },
    later=("complete",),
)

_MISMATCH = _object(
    {
        "path": _about(_STRING, "Which expectation, e.g. expect.responses."),
        "expected": _about(_STRING, "In the words of the file; the whole sequence for responses."),
        "observed": _about(_STRING, "In the same words where possible."),
        "message": _about(_STRING, "One phrase that says both."),
        "source": _about(_or_null(_STRING), "file:line:column; null where no file asked for it."),
        "evidence": _list(_COUNT, "Indices of the events in trace.json that prove it."),
    }
)

_MEASURED = _object(
    {
        "name": _about({"enum": ["rrd", "srd", "pdd", "setup", "total"]}, "Which delay."),
        "value_s": _SECONDS,
        "bound": _about(_or_null(_STRING), "In the words of the file."),
        "state": {"enum": ["ok", "warn", "fail", "none"]},
    }
)

_TIMING = _object(
    {
        "rrd_s": _about(_SECONDS, "Registration request delay (RFC 6076 §4.1)."),
        "srd_s": _about(_SECONDS, "Session request delay (RFC 6076 §4.3)."),
        "pdd_s": _about(_SECONDS, "Post-dial delay: INVITE to the first 18x."),
        "setup_s": _about(_SECONDS, "INVITE to its 200."),
        "total_s": _about(_SECONDS, "The whole attempt."),
    },
    "Delays in seconds; null where the event that ends one never came.",
)

_STREAM: Schema = {"$ref": "#/$defs/MediaReport"}
_MEDIA_BOUND: Schema = {"$ref": "#/$defs/MediaBound"}

_CERTAINTY: Schema = {"enum": [certainty.value for certainty in Certainty]}

_EXPLANATION = _object(
    {
        "certainty": _about(_CERTAINTY, "certain only of one cause that the evidence proves."),
        "causes": _list(
            _object(
                {
                    "id": {"type": "string", "pattern": "^F[0-9]{3}$"},
                    "name": _STRING,
                    "likelihood": _CERTAINTY,
                    "because": _STRING,
                }
            ),
            "Most likely first; empty where nothing in the catalogue fits.",
            maxItems=4,
        ),
        "summary": _STRING,
        "observed": _list(_STRING, "What the trace shows, without interpretation."),
        "inferred": _list(_STRING, "What follows from it."),
        "evidence": _list(
            _object({"event": _or_null(_COUNT), "says": _STRING}),
            "Facts; event is an index in trace.json, null where our configuration shows it.",
        ),
        "unknown": _list(_STRING, "What cannot be known from this side."),
        "next_steps": _list(_STRING, "First thing first."),
        "reference": _or_null(
            _object(
                {
                    "code": _STATUS,
                    "name": _STRING,
                    "defined_in": _STRING,
                    "provider": _or_null(_STRING),
                },
                "The entry of the code reference; null where no code arrived.",
            )
        ),
    }
)

_ROW = _object(
    {
        "name": _about(_STRING, "Unique within its scenario."),
        "story": _about(_STRING, "Name of the scenario without the row."),
        "values": {
            "type": "object",
            "additionalProperties": _STRING,
            "description": "By variable; without those whose name sounds like a secret.",
        },
        "source": _about(_or_null(_STRING), "file:line:column of the row."),
    },
    "The row of matrix: or data: that gave the values.",
)

_FINDINGS = _list(
    _object(
        {
            "scenario": _about(
                _STRING, "Its name; with rows, the row's name in brackets; with --repeat its count."
            ),
            "row": _about(_or_null(_ROW), "null where the scenario has no rows."),
            "site": _about(
                _or_null(_STRING), "Site of the fleet that tried it; null for this machine alone."
            ),
            "title": _STRING,
            "file": _or_null(_STRING),
            "step": {"type": "integer", "minimum": 1},
            "attempt": _about(_STRING, "The attempt in words."),
            "method": _about(_or_null(_STRING), "The method under test; null for talk and wait."),
            "tries": {"type": "integer", "minimum": 1},
            "flaky": _about({"type": "boolean"}, "Whether it was met only after a retry."),
            "outcome": {"enum": [outcome.value for outcome in Outcome]},
            "expected": _about(_STRING, "The expected sequence."),
            "observed": _about(_STRING, "The observed sequence."),
            "responses": _list(
                _STATUS,
                "Codes that arrived, in order; retransmissions and answered challenges left out.",
            ),
            "failure": _about(
                {"enum": [*(failure.value for failure in Failure), None]},
                "Why there is no usable final response.",
            ),
            "failure_detail": _about(_or_null(_STRING), "The stack's or the kernel's words."),
            "deadline": _about(_or_null(_STRING), "Which deadline of ours ended the attempt."),
            "stack_status": _about(
                _or_null({"type": "integer"}), "The code that our stack made up; nobody sent it."
            ),
            "mismatches": _list(_MISMATCH, "Empty where the outcome is MET."),
            "warnings": _list(_STRING, "What held but deserves a look."),
            "timing": _TIMING,
            "measured": _list(_MEASURED, "Every bound of the file with its value."),
            "media": _or_null(_list(_STREAM, "RTP statistics, one a stream.", minItems=1)),
            "media_bounds": _list(_MEDIA_BOUND, "Every bound on audio with its value."),
            "legs": _list(
                _object(
                    {
                        "agent": _about(_STRING, "Name of the agent in the scenario."),
                        "reached": _about({"type": "boolean"}, "Whether the call arrived there."),
                        "responses": _list(_STATUS, "What it answered, in order."),
                        "media": _or_null(_list(_STREAM, "Its RTP statistics.", minItems=1)),
                    },
                    later=("media",),
                ),
                "The agents that the call was to reach; their traces are in trace.json.",
            ),
            "explanation": _about(_or_null(_EXPLANATION), "null where everything was met."),
            "controls": _list(
                _object(
                    {
                        "event": _about(_COUNT, "Its index in trace.json."),
                        "control": {"enum": [control.value for control in Control]},
                        "target": _about(_STRING, "What was asked."),
                        "result": _about(_STRING, "The outcome in one word."),
                        "detail": _STRING,
                        "took_s": _SECONDS,
                    }
                ),
                "What was asked after the attempt had failed, in order.",
            ),
        },
        later=("row", "site", "media_bounds"),
    ),
    "One an attempt, in the order of the scenarios and their steps; the last try is shown.",
)
