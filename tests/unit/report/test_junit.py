"""The JUnit report."""

from pathlib import Path
from xml.etree import ElementTree as ET

import junitparser
import pytest
import xmlschema
from msgspec.structs import replace
from reportbuilder import finding, report, timing, verdict
from wirebuilder import Wire, answered_call, refused_call, register_ok

from probe.report.junit import to_junit
from probe.report.model import RunReport, Try
from probe.scenario.source import NOWHERE
from probe.trace.failure import Failure
from probe.verdict.verdict import Mismatch, Outcome


def parsed(whole: RunReport) -> ET.Element:
    """Return the root of the document."""
    return ET.fromstring(to_junit(whole))  # noqa: S314 - our own document


def test_scenario_is_a_suite_and_attempt_a_case() -> None:
    """Counts, times and names stand where build servers look for them."""
    broken = Wire().send("INVITE").fail(Failure.AGENT_CRASHED).trace()
    root = parsed(
        report(
            finding(register_ok().trace(), verdict(delays=timing(total_s=0.25)), step=1),
            finding(refused_call(503).trace(), verdict(Outcome.NOT_MET)),
            finding(broken, verdict(Outcome.INCONCLUSIVE), scenario="other"),
        )
    )
    assert root.attrib == {
        "name": "2026-11-21T01-02-03Z-trunk-check",
        "time": "2.900",
        "tests": "3",
        "failures": "1",
        "errors": "1",
    }
    assert [suite.attrib for suite in root] == [
        {
            "name": "trunk-check",
            "timestamp": "2026-11-21T01:02:03.456Z",
            "hostname": "probe-1",
            "time": "1.250",
            "tests": "2",
            "failures": "1",
            "errors": "0",
        },
        {
            "name": "other",
            "timestamp": "2026-11-21T01:02:03.456Z",
            "hostname": "probe-1",
            "time": "1.000",
            "tests": "1",
            "failures": "0",
            "errors": "1",
        },
    ]
    assert root[0][0].attrib == {
        "name": "step 1: register trunk",
        "classname": "trunk-check",
        "file": "scenarios/trunk-check.sip.yaml",
        "line": "9",
        "time": "0.250",
    }
    assert [case[0].tag for case in root.iter("testcase")] == ["system-out", "failure", "error"]


def test_failure_tells_what_the_terminal_tells() -> None:
    """The message is one line, the text is the whole block with the run's folder."""
    wrong = Mismatch(
        path="expect.responses",
        expected="180 200",
        observed="503",
        evidence=(2,),
        source=NOWHERE,
        message="expected 180, got 503",
    )
    failed = verdict(Outcome.NOT_MET, mismatches=(wrong,))
    root = parsed(report(finding(refused_call(503).trace(), failed), folder="results/r"))
    told = root.find(".//failure")
    assert told is not None
    assert told.attrib == {"message": "expected 180, got 503", "type": "NOT_MET"}
    lines = (told.text or "").split("\n")
    assert lines[0].startswith("FAIL  trunk-check")
    assert lines[-1] == "  Trace results/r/   call.pcap   again: sipprobe run trunk-check"


def test_same_attempt_twice_has_two_names() -> None:
    """Build servers merge cases of one name, so a second one is numbered."""
    one = finding(answered_call().trace())
    names = [case.get("name") for case in parsed(report(one, one)).iter("testcase")]
    assert names == ["step 2: call +12025550123", "step 2: call +12025550123 #2"]


def test_flaky_pass_tells_the_tries_before() -> None:
    """A pass after a retry is a pass that says so, with the time of all tries."""
    first = Try(trace=refused_call(503).trace(), verdict=verdict(Outcome.NOT_MET), explanation=None)
    root = parsed(report(finding(answered_call().trace(), before=(first,))))
    case = root[0][0]
    assert case.get("time") == "2.000"
    assert [found.get("type") for found in case.iter("flakyFailure")] == ["NOT_MET"]
    assert (case.findtext("system-out") or "").startswith("FLAKY trunk-check")


def test_capture_of_a_failure_is_attached() -> None:
    """GitLab offers the capture beside the failed test; a pass attaches nothing."""
    whole = report(
        finding(register_ok().trace(), step=1),
        finding(refused_call(503).trace(), verdict(Outcome.NOT_MET)),
    )
    cases = list(parsed(replace(whole, folder="results/one/")).iter("testcase"))
    told = [case.findtext("system-out") or "" for case in cases]
    assert "ATTACHMENT" not in told[0]
    assert told[1] == "[[ATTACHMENT|results/one/call.pcap]]"
    assert "ATTACHMENT" not in to_junit(replace(whole, folder=None))


@pytest.fixture(scope="module")
def schema() -> xmlschema.XMLSchema:
    """Return what servers of builds accept."""
    return xmlschema.XMLSchema(Path(__file__).with_name("junit.xsd"))


@pytest.mark.parametrize("folder", [None, "results/one"])
def test_document_is_valid(schema: xmlschema.XMLSchema, folder: str | None) -> None:
    """Every outcome, a pass after a retry and a run without findings follow the schema."""
    first = Try(trace=refused_call(503).trace(), verdict=verdict(Outcome.NOT_MET), explanation=None)
    broken = Wire().send("INVITE").fail(Failure.AGENT_CRASHED).trace()
    whole = report(
        finding(register_ok().trace(), step=1),
        finding(refused_call(503).trace(), verdict(Outcome.NOT_MET)),
        finding(answered_call().trace(), before=(first,)),
        finding(broken, verdict(Outcome.INCONCLUSIVE), scenario="other"),
    )
    schema.validate(to_junit(replace(whole, folder=folder)))
    schema.validate(to_junit(report()))
    with pytest.raises(xmlschema.XMLSchemaException):
        schema.validate(to_junit(whole).replace("testcase", "test-case"))


def test_other_programs_read_it() -> None:
    """The library junitparser finds the same tests and results."""
    broken = Wire().send("INVITE").fail(Failure.AGENT_CRASHED).trace()
    whole = report(
        finding(register_ok().trace(), step=1),
        finding(refused_call(503).trace(), verdict(Outcome.NOT_MET)),
        finding(broken, verdict(Outcome.INCONCLUSIVE), scenario="other"),
    )
    read = junitparser.JUnitXml.fromstring(to_junit(whole).encode())
    assert (read.tests, read.failures, read.errors) == (3, 1, 1)
    results = [[type(found).__name__ for found in case.result] for suite in read for case in suite]
    assert sorted(results) == [[], ["Error"], ["Failure"]]


def test_hostile_text_is_xml() -> None:
    """Control characters, markup and undecoded bytes leave a document that can be read."""
    hostile = "\x00\x1b]]><b>&\ufffe\udcff"
    trace = Wire(attempt=hostile).send("INVITE").receive(500, hostile).trace()
    wrong = Mismatch(
        path="p",
        expected=hostile,
        observed=hostile,
        evidence=(1,),
        source=NOWHERE,
        message=hostile,
    )
    failed = verdict(Outcome.NOT_MET, mismatches=(wrong,))
    root = parsed(report(finding(trace, failed, scenario=hostile)))
    told = root.find(".//failure")
    assert told is not None
    assert told.get("message") == "��]]><b>&��"


def test_empty_run_is_a_document() -> None:
    """Nothing ran: no suite, and counts of zero."""
    root = parsed(report())
    assert (root.get("tests"), len(root)) == ("0", 0)


@pytest.mark.parametrize("count", [0, 1, 4])
def test_what_is_written_case_by_case_is_one_document(count: int) -> None:
    """It is laid out as ElementTree would lay it out; scenarios that take turns stay together."""
    failed = verdict(Outcome.NOT_MET, warnings=("<&>",))
    both = [finding(answered_call().trace()), finding(refused_call(486).trace(), failed)]
    other = [finding(answered_call().trace(), scenario="b"), *both]
    text = to_junit(report(*[*both, *other, *both][:count]))
    root = ET.fromstring(text)  # noqa: S314 - our own document
    ET.indent(root)
    laid_out = ET.tostring(root, encoding="unicode")
    assert text == f'<?xml version="1.0" encoding="UTF-8"?>\n{laid_out}\n'
    assert len({suite.get("name") for suite in root}) == len(root)
