"""The JUnit report: a test suite a scenario with all its rows, a test case an attempt.

What was not met is a ``failure``; what could not be tested is an ``error``. XML 1.0 (§2.2) knows no
control characters, so they are replaced before the document is built.
"""

from xml.etree import ElementTree as ET

from probe.report.json_report import iso_utc
from probe.report.model import Finding, RunReport
from probe.report.terminal import headline, render_finding
from probe.report.text import plain, plain_lines
from probe.verdict.verdict import Outcome

BLOCK_WIDTH = 100


def to_junit(report: RunReport) -> str:
    """Return a report as a JUnit XML document."""
    root = ET.Element("testsuites", name=plain(report.run_id), time=f"{report.duration_s:.3f}")
    _count(root, report.findings)
    by_scenario: dict[str, list[Finding]] = {}
    for finding in report.findings:
        by_scenario.setdefault(finding.story, []).append(finding)
    for scenario, findings in by_scenario.items():
        suite = ET.SubElement(
            root,
            "testsuite",
            name=plain(scenario),
            timestamp=iso_utc(report.started_at),
            hostname=plain(report.vantage),
            time=f"{sum(_took(finding) for finding in findings):.3f}",
        )
        _count(suite, findings)
        seen: dict[str, int] = {}
        for finding in findings:
            row = f"[{finding.row.name}] " if finding.row else ""
            name = plain(f"{row}step {finding.attempt.step}: {finding.attempt.label}")
            seen[name] = seen.get(name, 0) + 1
            unique = name if seen[name] == 1 else f"{name} #{seen[name]}"
            _case(suite, finding, unique, report.folder)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _count(element: ET.Element, findings: list[Finding] | tuple[Finding, ...]) -> None:
    """Write how many tests, failures and errors an element holds."""
    outcomes = [finding.last.verdict.outcome for finding in findings]
    element.set("tests", str(len(outcomes)))
    element.set("failures", str(outcomes.count(Outcome.NOT_MET)))
    element.set("errors", str(outcomes.count(Outcome.INCONCLUSIVE)))


def _took(finding: Finding) -> float:
    return sum(one.verdict.timing.total_s for one in finding.tries)


def _case(suite: ET.Element, finding: Finding, name: str, folder: str | None) -> None:
    """Add one attempt."""
    case = ET.SubElement(
        suite,
        "testcase",
        name=name,
        classname=plain(finding.scenario),
        file=plain(finding.attempt.source.file),
        line=str(finding.attempt.source.line),
        time=f"{_took(finding):.3f}",
    )
    outcome = finding.last.verdict.outcome
    if finding.flaky:
        properties = ET.SubElement(case, "properties")
        ET.SubElement(properties, "property", name="flaky", value="true")
    if outcome is not Outcome.MET:
        kind = "failure" if outcome is Outcome.NOT_MET else "error"
        told = ET.SubElement(case, kind, message=headline(finding), type=outcome.value)
        told.text = _block(finding, folder)
    else:
        ET.SubElement(case, "system-out").text = _block(finding, folder)


def _block(finding: Finding, folder: str | None) -> str:
    """Return the terminal's text without colour and without what XML forbids."""
    text = render_finding(finding, color=False, width=BLOCK_WIDTH, folder=folder)
    return "\n".join(plain_lines(text.rstrip()))
