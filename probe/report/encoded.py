"""A finding as it stands in report.json and in trace.json: encoded once, when it is judged.

The journal, both files and every later look at them take the same bytes, so that nothing is
encoded twice. They are JSON in UTF-8.
"""

from probe.plan.store import attempt_as_text
from probe.report.json_report import encoded, finding_to_json
from probe.report.model import Finding
from probe.trace.store import trace_as_text


def told(finding: Finding) -> bytes:
    """Return a finding as report.json has it."""
    return encoded(finding_to_json(finding))


def stored(finding: Finding) -> bytes:
    """Return a finding as trace.json has it: what was tried, and the trace of each try."""
    try:
        attempt = attempt_as_text(finding.attempt)
    except TypeError:  # it has no file form
        attempt = b"null"
    head = encoded({"scenario": finding.scenario, "step": finding.attempt.step})
    tries = b",".join(trace_as_text(one.trace) for one in finding.tries)
    return b'%b,"attempt":%b,"tries":[%b]}' % (head[:-1], attempt, tries)
