"""A finding as it stands in report.json and in trace.json: encoded once, when it is judged.

The journal, both files and every later look at them take the same bytes, so that nothing is
encoded twice. They are JSON in UTF-8.
"""

import json
from math import isfinite
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import asdict, astuple

from probe.plan.store import attempt_to_json
from probe.report.json_report import encoded, finding_to_json
from probe.report.model import Finding
from probe.trace.store import SCHEMA as TRACE_SCHEMA
from probe.trace.store import trace_to_json
from probe.trace.trace import Trace


def told(finding: Finding) -> bytes:
    """Return a finding as report.json has it."""
    return encoded(finding_to_json(finding))


def stored(finding: Finding) -> bytes:
    """Return a finding as trace.json has it: what was tried, and the trace of each try."""
    try:
        attempt: object = attempt_to_json(finding.attempt)
    except TypeError:  # it has no file form
        attempt = None
    head = encoded({"scenario": finding.scenario, "step": finding.attempt.step, "attempt": attempt})
    tries = b",".join(trace_encoded(one.trace) for one in finding.tries)
    return head[:-1] + b',"tries":[' + tries + b"]}"


def trace_encoded(trace: Trace) -> bytes:
    """Return the file form of a trace (``trace_to_json``) as JSON."""
    try:
        if all(_has_figures(report) for view in trace.views() for report in view.media):
            return msgspec.json.encode(_plain(trace))
    except UnicodeEncodeError:  # bytes of the wire that are no UTF-8
        pass
    return json.dumps(trace_to_json(trace)).encode("ascii")


def _plain(trace: Trace) -> dict[str, object]:
    """Return the file form of a trace whose texts are all UTF-8; msgspec writes its records."""
    return {
        "schema": TRACE_SCHEMA,
        "attempt": trace.attempt,
        "method": trace.method,
        "agent": trace.agent,
        "started_at": trace.started_at.isoformat(),
        "began": trace.began,
        "ended": trace.ended,
        "our_cancel": trace.our_cancel,
        "serving": trace.serving,
        "events": [{"type": type(event).__name__, **asdict(event)} for event in trace.events],
        "media": [asdict(report) for report in trace.media],
        "legs": [
            {"agent": leg.agent, "registered": leg.registered, "trace": _plain(leg.trace)}
            for leg in trace.legs
        ],
    }


def _has_figures(value: Any) -> bool:  # noqa: ANN401 - a record, or what one holds
    """Whether every figure is one: JSON has no word for infinity, and msgspec writes null."""
    for held in astuple(value):
        if type(held) is float and not isfinite(held):
            return False
        if type(held) is tuple and not all(_has_figures(o) for o in held if isinstance(o, Struct)):
            return False
    return True
