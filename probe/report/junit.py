"""The JUnit report: a test suite a scenario with all its rows, a test case an attempt.

What was not met is a ``failure``; what could not be tested is an ``error``. XML 1.0 (§2.2) knows no
control characters, so they are replaced before the document is built. A pass after a retry holds
``flakyFailure`` elements, as Maven Surefire writes them; the capture of a failure is named in the
form that GitLab reads (docs.gitlab.com, "Unit test reports", 2026-11-21).

A suite says first what its cases come to, so the findings are gone through twice: once for the
sums, once for the cases, of which one is in memory at a time.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from xml.etree import ElementTree as ET

from msgspec import Struct, field

from probe.report.json_report import iso_utc
from probe.report.model import Finding, RunReport
from probe.report.terminal import headline, render_finding
from probe.report.text import plain, plain_lines
from probe.verdict.verdict import Outcome

BLOCK_WIDTH = 100

_INDENT = "  "


class _Suite(Struct, kw_only=True):
    """What the findings of one scenario come to."""

    places: "array[int]" = field(default_factory=lambda: array("Q"))
    "Which findings."

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    "How they came out."

    took_s: float = 0.0
    "Seconds of all tries."

    def add(self, place: int, finding: Finding) -> None:
        """Count a finding."""
        self.places.append(place)
        self.outcomes[finding.last.verdict.outcome] += 1
        self.took_s += _took(finding)


def to_junit(report: RunReport) -> str:
    """Return a report as a JUnit XML document."""
    return "".join(written_junit(report))


def written_junit(report: RunReport) -> Iterator[str]:
    """Yield the text of a JUnit XML document, one test case at a time."""
    suites: dict[str, _Suite] = {}
    for place, finding in enumerate(report.findings):
        suites.setdefault(finding.story, _Suite()).add(place, finding)
    root = ET.Element("testsuites", name=plain(report.run_id), time=f"{report.duration_s:.3f}")
    _count(root, suites.values())
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield from _around(root, 0, (_suite(report, *item) for item in suites.items()))
    yield "\n"


def _suite(report: RunReport, scenario: str, suite: _Suite) -> Iterator[str]:
    """Yield the text of one scenario's suite."""
    element = ET.Element(
        "testsuite",
        name=plain(scenario),
        timestamp=iso_utc(report.started_at),
        hostname=plain(report.vantage),
        time=f"{suite.took_s:.3f}",
    )
    _count(element, [suite])
    yield from _around(element, 1, _cases(report, suite))


def _cases(report: RunReport, suite: _Suite) -> Iterator[list[str]]:
    """Yield the text of each case of a suite."""
    seen: Counter[str] = Counter()
    for place in suite.places:
        finding = report.findings[place]
        row = f"[{finding.row.name}] " if finding.row else ""
        name = plain(f"{row}step {finding.attempt.step}: {finding.attempt.label}")
        seen[name] += 1
        unique = name if seen[name] == 1 else f"{name} #{seen[name]}"
        case = _case(finding, unique, report.folder)
        ET.indent(case, _INDENT, level=2)
        yield [ET.tostring(case, encoding="unicode").rstrip()]


def _around(element: ET.Element, level: int, within: Iterable[Iterable[str]]) -> Iterator[str]:
    """Yield an element's text around that of its children, indented as ET.indent does it."""
    empty = ET.tostring(element, encoding="unicode")
    gap = "\n" + _INDENT * (level + 1)
    opened = False
    for child in within:
        if not opened:
            yield empty.removesuffix(" />") + ">"
            opened = True
        yield gap
        yield from child
    yield f"\n{_INDENT * level}</{element.tag}>" if opened else empty


def _count(element: ET.Element, suites: Iterable[_Suite]) -> None:
    """Write how many tests, failures and errors an element holds."""
    outcomes: Counter[Outcome] = Counter()
    for suite in suites:
        outcomes.update(suite.outcomes)
    element.set("tests", str(outcomes.total()))
    element.set("failures", str(outcomes[Outcome.NOT_MET]))
    element.set("errors", str(outcomes[Outcome.INCONCLUSIVE]))


def _took(finding: Finding) -> float:
    return sum(one.verdict.timing.total_s for one in finding.tries)


def _case(finding: Finding, name: str, folder: str | None) -> ET.Element:
    """Return one attempt."""
    case = ET.Element(
        "testcase",
        name=name,
        classname=plain(finding.scenario),
        file=plain(finding.attempt.source.file),
        line=str(finding.attempt.source.line),
        time=f"{_took(finding):.3f}",
    )
    outcome = finding.last.verdict.outcome
    if outcome is Outcome.MET:
        for one in finding.tries[:-1]:
            seen = plain(f"expected {one.verdict.expected}, observed {one.verdict.observed}")
            kind = one.verdict.outcome.value
            ET.SubElement(case, "flakyFailure", message=seen, type=kind)
        ET.SubElement(case, "system-out").text = _block(finding, folder)
        return case
    kind = "failure" if outcome is Outcome.NOT_MET else "error"
    told = ET.SubElement(case, kind, message=headline(finding), type=outcome.value)
    told.text = _block(finding, folder)
    if folder:
        capture = f"{plain(folder, None).rstrip('/')}/call.pcap"
        ET.SubElement(case, "system-out").text = f"[[ATTACHMENT|{capture}]]"
    return case


def _block(finding: Finding, folder: str | None) -> str:
    """Return the terminal's text without colour and without what XML forbids."""
    text = render_finding(finding, color=False, width=BLOCK_WIDTH, folder=folder)
    return "\n".join(plain_lines(text.rstrip()))
