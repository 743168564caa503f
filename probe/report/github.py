"""The report for the log of a GitHub Actions job: annotations at the lines that were not met.

https://docs.github.com/actions/reference/workflow-commands-for-github-actions: a line ``::error
file=…,line=…::text`` makes an annotation; ``%``, line ends, and in properties ``:`` and ``,`` are
escaped. The runner takes such lines for commands wherever they come from, so the text of the
report stands between ``::stop-commands::TOKEN`` and ``::TOKEN::``, with a token nobody can guess.
"""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from probe.report.model import Finding, RunReport
from probe.report.passed import label, name
from probe.report.terminal import headline, written_text
from probe.report.text import plain
from probe.verdict.verdict import Outcome

MOST = 10
"""Annotations: GitHub shows ten errors and ten warnings of a step, and drops the others."""

_WIDTH = 100
_RANKS = {Outcome.NOT_MET: 0, Outcome.INCONCLUSIVE: 1, Outcome.MET: 2}


def written_github(report: RunReport, *, width: int = _WIDTH, verbosity: int = 0) -> Iterator[str]:
    """Yield the annotations of the worst findings, then the report as text."""
    token = secrets.token_hex(16)
    for finding in _worst(report):
        yield annotation(finding)
    yield f"::stop-commands::{token}\n"
    yield from written_text(report, color=False, width=width, verbosity=verbosity)
    yield f"::{token}::\n"


def annotation(finding: Finding) -> str:
    """Return the line that makes a finding an annotation: an error, or a warning.

    A warning is what could not be tested, and what was met only after a retry.
    """
    outcome = finding.last.verdict.outcome
    level = "error" if outcome is Outcome.NOT_MET else "warning"
    mismatches = finding.last.verdict.mismatches
    places = [*(mismatch.source for mismatch in mismatches), finding.attempt.source]
    source = next((place for place in places if place.file), finding.attempt.source)
    properties: dict[str, str] = {}
    if source.file:
        properties["file"] = _path(source.file)
        if source.line > 0:
            column = max(1, source.column)
            properties |= {"line": str(source.line), "col": str(column)}
            properties["endColumn"] = str(column + max(1, source.length))
    properties["title"] = f"{label(finding)} {name(finding)}"
    told = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{level} {told}::{_data(_message(finding))}\n"


def _message(finding: Finding) -> str:
    why = finding.last.explanation
    if finding.flaky:
        return f"met only at attempt {len(finding.tries)}"
    lines = [headline(finding)]
    if finding.last.verdict.outcome is Outcome.INCONCLUSIVE:
        lines[0] = f"could not test: {lines[0]}"
    if why is not None:
        lines += [f"Why: {why.summary}", *(f"Next: {step}" for step in why.next_steps[:1])]
    return "\n".join(plain(line, 500) for line in lines)


def _worst(report: RunReport) -> list[Finding]:
    """Return at most ten findings: not met, then could not test, then flaky; each in order."""
    kept: list[list[Finding]] = [[], [], []]
    for finding in report.findings:
        rank = _RANKS[finding.last.verdict.outcome]
        if (rank < 2 or finding.flaky) and len(kept[rank]) < MOST:
            kept[rank].append(finding)
    return [finding for some in kept for finding in some][:MOST]


def _path(file: str) -> str:
    """Return a file as GitHub names it: relative to the checkout where it is in it."""
    root = os.environ.get("GITHUB_WORKSPACE")
    if not root:
        return file
    try:
        return str(Path(file).resolve().relative_to(Path(root).resolve()))
    except (ValueError, OSError):
        return file


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(plain(text, 500)).replace(":", "%3A").replace(",", "%2C")
