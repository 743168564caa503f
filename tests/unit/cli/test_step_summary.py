"""The summary page of a GitHub Actions step."""

from collections.abc import Callable
from pathlib import Path

import pytest
from commandline import Ended, HandingOut
from reportbuilder import finding, report, verdict
from wirebuilder import refused_call

from probe.cli import step_summary
from probe.cli.step_summary import add_summary
from probe.verdict.verdict import Outcome

_BROKEN = finding(refused_call(403).trace(), verdict(Outcome.NOT_MET))


def test_the_report_stands_behind_what_other_tools_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step may call several tools; without the variable there is no page."""
    page = tmp_path / "summary.md"
    page.write_text("# before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    assert add_summary(report(_BROKEN)) is None
    assert page.read_text().startswith("# before\n## sipprobe: 0 met, 1 not met")
    monkeypatch.delenv("GITHUB_STEP_SUMMARY")
    before = page.read_text()
    assert add_summary(report(_BROKEN)) is None
    assert page.read_text() == before


def test_a_page_that_would_be_too_long_is_cut_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GitHub shows nothing of one above its limit."""
    page = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    monkeypatch.setattr(step_summary, "LARGEST", 2000)
    assert add_summary(report(*[_BROKEN] * 20)) is None
    assert page.read_text().endswith("The rest is left out: a summary has room for 1 MiB.\n")
    assert page.stat().st_size < 2100


def test_a_page_that_cannot_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report itself was printed by then."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "none" / "summary.md"))
    told = add_summary(report(_BROKEN))
    assert told is not None
    assert "GITHUB_STEP_SUMMARY" in told


def test_a_run_annotates_and_fills_the_page(
    sipprobe: Callable[..., Ended],
    carrier: Path,
    executor: HandingOut,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Annotations and text on standard output, Markdown on the page, TAP in a file."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(carrier / "summary.md"))
    executor.tries = lambda _attempt: (refused_call(403).trace(),)
    ended = sipprobe("run", "one-call", "--format", "github", "--report", "tap=out.tap")
    assert ended.status == 1
    assert ended.out.startswith("::error file=scenarios/one-call.sip.yaml,line=")
    assert "\nFAIL  one-call" in ended.out
    assert "sequenceDiagram" in (carrier / "summary.md").read_text()
    assert "\nnot ok 1 - one-call" in (carrier / "out.tap").read_text()
