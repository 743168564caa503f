"""The report as TAP 14 (testanything.org): a test point an attempt, its story as YAML below it.

What a peer wrote stands in quoted texts only, or in a description whose ``#`` is escaped: it can
make no directive, no test point and no end of the block. What could not be tested is ``not ok``
without a directive, as both SKIP and TODO would let it pass.
"""

import json
from collections.abc import Iterator

from probe.report.model import Finding, RunReport
from probe.report.passed import name
from probe.report.terminal import headline, render_finding
from probe.report.text import plain, plain_lines
from probe.verdict.verdict import Outcome

WIDTH = 100
"""Columns of a block."""


def written_tap(report: RunReport) -> Iterator[str]:
    """Yield the text, a test point at a time."""
    yield f"TAP version 14\n1..{len(report.findings)}\n"
    for note in report.notes:
        yield f"# {plain(note, 500)}\n"
    for number, finding in enumerate(report.findings, 1):
        met = finding.last.verdict.outcome is Outcome.MET
        flaky = " (flaky)" if finding.flaky else ""
        told = described(f"{name(finding)}{flaky}")
        yield f"{'ok' if met else 'not ok'} {number} - {told}\n"
        if not met:
            yield from _block(finding, report.folder)
    if report.interrupted:
        yield "Bail out! interrupted by the user\n"


def described(text: str) -> str:
    """Return a text as the description of a test point: no directive begins in it."""
    return plain(text).replace("\\", "\\\\").replace("#", "\\#")


def _block(finding: Finding, folder: str | None) -> Iterator[str]:
    """Yield the YAML block of a finding; every text is written as JSON, which YAML reads."""
    outcome = finding.last.verdict.outcome
    source = finding.attempt.source
    words = headline(finding)
    yield "  ---\n"
    yield f"  message: {_text(words)}\n"
    yield f"  severity: {'fail' if outcome is Outcome.NOT_MET else 'could not test'}\n"
    yield f"  outcome: {outcome.value}\n"
    if source.file:
        place = f"line: {source.line}, column: {source.column}"
        yield f"  at: {{file: {_text(source.file)}, {place}}}\n"
    yield "  report:\n"
    text = render_finding(finding, color=False, width=WIDTH, folder=folder)
    for line in plain_lines(text.rstrip()):
        yield f"    - {_text(line)}\n"
    yield "  ...\n"


def _text(text: str) -> str:
    return json.dumps(plain(text, None), ensure_ascii=False)
