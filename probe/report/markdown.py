"""The report as Markdown: for a pull request, a ticket, or the summary page of a CI job.

What a peer wrote stands in fenced blocks, whose fence is longer than any in the text, or has every
sign escaped that Markdown or HTML would take for its own.
"""

import re
from collections.abc import Iterator

from probe.report.media_markdown import media_table
from probe.report.model import Finding, RunReport
from probe.report.passed import label, name
from probe.report.sequence import diagram
from probe.report.terminal import headline, render_finding
from probe.report.text import plain, plain_lines
from probe.verdict.verdict import Outcome

WIDTH = 100
"""Columns of a block."""

MOST_ROWS = 500
"""Rows of the table: pages that show Markdown cut long ones without a word."""

MOST_BLOCKS = 50
"""Findings that are told in full."""

MOST_DIAGRAMS = 10
"""Findings of which a sequence diagram is drawn: each one costs the page a second."""

_SIGNS = re.compile(r"([\\`*_{}\[\]#!|<>&~^$@:])")
_BACKTICKS = re.compile(r"`+")


def written_markdown(report: RunReport) -> Iterator[str]:
    """Yield the text: counts, a table, and the story of each finding that was not met."""
    counts = report.counts()
    words = (("met", "met"), ("not_met", "not met"), ("inconclusive", "inconclusive"))
    told = [f"{counts[key]} {word}" for key, word in words]
    told += [f"{counts['flaky']} flaky"] if counts["flaky"] else []
    yield f"## sipprobe: {', '.join(told)}\n\n"
    yield f"{escaped(report.run_id)} from {escaped(report.vantage)}, {report.duration_s:.1f} s\n\n"
    for note in report.notes:
        yield f"> {escaped(plain(note, 500))}\n\n"
    if not len(report.findings):
        return
    yield "| outcome | step | what came |\n| --- | --- | --- |\n"
    for finding, _ in zip(report.findings, range(MOST_ROWS), strict=False):
        yield _row(finding)
    if len(report.findings) > MOST_ROWS:
        yield f"\n{len(report.findings) - MOST_ROWS} more steps are left out of this table.\n"
    yield from media_table(report.findings, escaped)
    blocks = 0
    for finding in report.findings:
        if finding.last.verdict.outcome is Outcome.MET:
            continue
        blocks += 1
        if blocks <= MOST_BLOCKS:
            yield _block(finding, report.folder)
        if blocks <= MOST_DIAGRAMS and (drawn := diagram(finding)):
            yield f"\n{drawn}"
    if blocks > MOST_BLOCKS:
        yield f"\n{blocks - MOST_BLOCKS} more that were not met are left out here.\n"


def escaped(text: str) -> str:
    """Return a text on one line that Markdown shows as it is."""
    return _SIGNS.sub(r"\\\1", plain(text))


def _row(finding: Finding) -> str:
    met = finding.last.verdict.outcome is Outcome.MET
    came = finding.last.verdict.observed if met else headline(finding)
    return f"| {label(finding)} | {escaped(name(finding))} | {escaped(came)} |\n"


def _block(finding: Finding, folder: str | None) -> str:
    """Return what the terminal says of a finding, between fences that it cannot close."""
    text = render_finding(finding, color=False, width=WIDTH, folder=folder)
    text = "\n".join(plain_lines(text.rstrip()))
    longest = max((len(ticks) for ticks in _BACKTICKS.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"\n### {escaped(name(finding))}\n\n{fence}text\n{text}\n{fence}\n"
