"""The report for the log of a GitHub Actions job."""

import re
from pathlib import Path

import pytest
from reportbuilder import FILE, finding, report, verdict
from wirebuilder import answered_call, refused_call

from probe.report.github import MOST, annotation, written_github
from probe.report.model import Finding
from probe.scenario.source import Source
from probe.verdict.verdict import Mismatch, Outcome


def _refused(message: str = "expected 180, got 403", file: str = FILE) -> Finding:
    source = Source(file=file, line=5, column=25, length=3)
    mismatch = Mismatch(
        path="expect.responses", expected="180", observed="403", evidence=(), source=source,
        message=message,
    )  # fmt: skip
    return finding(refused_call(403).trace(), verdict(Outcome.NOT_MET, mismatches=(mismatch,)))


def test_an_annotation_stands_at_the_place_that_was_not_met() -> None:
    """File, line, columns and title, then what was wrong."""
    line = annotation(_refused())
    assert line.startswith(f"::error file={FILE},line=5,col=25,endColumn=28,title=FAIL ")
    assert "::expected 180, got 403" in line
    assert line.count("\n") == 1


def test_what_could_not_be_tested_is_a_warning_and_says_so() -> None:
    """It is no error of the trunk."""
    line = annotation(finding(refused_call(403).trace(), verdict(Outcome.INCONCLUSIVE)))
    assert line.startswith(f"::warning file={FILE},line=9,")
    assert "::could not test: " in line


def test_the_worst_ten_come_first() -> None:
    """Not met before what could not be tested; a pass is no annotation."""
    open_ = finding(refused_call(403).trace(), verdict(Outcome.INCONCLUSIVE))
    many = report(open_, finding(answered_call().trace()), *[_refused()] * 8, *[open_] * 8)
    lines = "".join(written_github(many)).splitlines()
    told = [line.split(" ")[0] for line in lines if re.match("::(error|warning) ", line)]
    assert told == ["::error"] * 8 + ["::warning"] * (MOST - 8)


def test_what_a_peer_wrote_is_no_command_and_no_property() -> None:
    """Signs of a command are escaped; all other text stands where commands are switched off."""
    phrase = "a%0A,line=1:\n::add-mask::x"
    one = _refused(phrase, "a,b:c.sip.yaml")
    text = "".join(written_github(report(one, notes=("::set-env name=A::b",))))
    first, stop, *rest = text.splitlines()
    assert first.startswith("::error file=a%2Cb%3Ac.sip.yaml,line=5,col=25,")
    assert "::a%250A,line=1: ::add-mask::x" in first
    token = stop.removeprefix("::stop-commands::")
    assert re.fullmatch("[0-9a-f]{32}", token)
    assert rest[-1] == f"::{token}::"
    assert not any(token in line for line in rest[:-1])
    assert "".join(written_github(report(one))).count(token) == 0


def test_a_file_is_named_from_the_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A job that works in a folder of the checkout has its annotations at the right file."""
    (tmp_path / "telephony").mkdir()
    monkeypatch.chdir(tmp_path / "telephony")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    assert annotation(_refused()).startswith(f"::error file=telephony/{FILE},")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path / "elsewhere"))
    assert annotation(_refused()).startswith(f"::error file={FILE},")
