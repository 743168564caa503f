"""``sipprobe report``: stored runs in every format, several as one, and what cannot be read."""

import base64
import json
import re
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from commandline import Ended, HandingOut
from msgspec.structs import replace
from reportbuilder import finding, report, verdict
from wirebuilder import answered_call, refused_call, register_ok

from probe.report.json_report import json_schema
from probe.report.model import Try
from probe.results import store
from probe.verdict.verdict import Mismatch, Outcome

Sipprobe = Callable[..., Ended]


def details_in(page: Path) -> list[dict[str, Any]]:
    """Return what a page holds of each finding."""
    held = re.findall(r'class="data">([^<]+)<', page.read_text(encoding="utf-8"))
    return [json.loads(zlib.decompress(base64.b64decode(data), -15)) for data in held]


BROKEN = verdict(
    Outcome.NOT_MET,
    mismatches=(
        Mismatch(
            path="expect",
            expected="2xx",
            observed="403 Forbidden",
            evidence=(1,),
            source=finding(register_ok().trace()).attempt.source,
            message="expected 2xx, got 403 Forbidden",
        ),
    ),
)


@pytest.fixture
def runs(tmp_path: Path) -> tuple[str, str]:
    """Store two runs, as two shards of a job leave them; the second holds a refusal."""
    whole = report(finding(register_ok().trace(), step=1), finding(answered_call().trace()))
    refused = finding(
        refused_call(403).trace(),
        BROKEN,
        before=(Try(trace=refused_call(503).trace(), verdict=BROKEN, explanation=None),),
        times=1,
    )
    part = replace(report(refused), run_id="2026-11-21T01-02-05Z-part", vantage="probe-2")
    root = tmp_path / "results"
    return store(whole, root).name, store(part, root).name


def test_a_page_of_a_stored_run(sipprobe: Sipprobe, runs: tuple[str, str], tmp_path: Path) -> None:
    """The page goes to the file, its counts to stderr, nothing to stdout."""
    ended = sipprobe("report", runs[0], "-o", "pages/report.html")
    assert (ended.status, ended.out) == (0, "")
    assert ended.err == "pages/report.html: 2 met, 0 not met, 0 inconclusive\n"
    page = Path("pages/report.html").read_text(encoding="utf-8")
    assert page.count('<section class="finding"') == 2
    assert runs[0] in page


def test_shards_become_one_report(sipprobe: Sipprobe, runs: tuple[str, str]) -> None:
    """All findings in the order of the arguments, each run once; the JSON keeps its schema."""
    ended = sipprobe("report", *runs, runs[0], "--format", "json")
    told = json.loads(ended.out)
    jsonschema.validate(told, json_schema())
    assert told["run"]["counts"] == {"met": 2, "not_met": 1, "inconclusive": 0, "flaky": 0}
    assert told["run"]["id"] == f"{runs[0]} and 1 more"
    assert told["run"]["vantage"] == "probe-1, probe-2"
    stored = [json.loads((Path("results") / run / "report.json").read_text()) for run in runs]
    assert told["findings"] == [one for run in stored for one in run["findings"]]
    page = sipprobe("report", *runs).out
    assert page.count(f'<bdi class="run">{runs[1]}</bdi>') == 1


@pytest.mark.parametrize(
    ("form", "sign"),
    [("junit", 'failures="1"'), ("markdown", "| FAIL |"), ("text", "2 met, 1 not met")],
)
def test_the_other_formats(sipprobe: Sipprobe, runs: tuple[str, str], form: str, sign: str) -> None:
    """A report that found something is no failure of the verb."""
    ended = sipprobe("report", *runs, "--format", form)
    assert ended.status == 0
    assert sign in ended.out


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        ("nothing-of-that-name", "there is no run nothing-of-that-name"),
        ("{run}#2", "a report is of whole runs"),
    ],
)
def test_what_is_no_run_is_refused_in_words(
    sipprobe: Sipprobe, runs: tuple[str, str], subject: str, words: str
) -> None:
    """Usage, with what to write instead."""
    ended = sipprobe("report", subject.format(run=runs[0]))
    assert ended.status == 2
    assert words in ended.err


def test_what_a_report_does_not_keep_is_found_again(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut
) -> None:
    """The line of the file that was not met, and the verdict of the try before."""
    tries = (refused_call(503).trace(), refused_call(403).trace())
    executor.tries = lambda _attempt: tries
    assert sipprobe("run", "one-call", "--report", "html=then.html").status == 1
    assert sipprobe("report", "last", "-o", "now.html").status == 0
    then, now = (details_in(Path(name))[0]["tries"] for name in ("then.html", "now.html"))
    assert now[1]["mismatches"][0]["line"] == "expect: {responses: 180 200}"
    assert [one["outcome"] for one in now] == ["NOT_MET", "NOT_MET"]
    assert [one["mismatches"] for one in now] == [one["mismatches"] for one in then]
    assert now[1]["explanation"] == then[1]["explanation"]


def test_a_run_whose_traces_are_lost_is_named(sipprobe: Sipprobe, runs: tuple[str, str]) -> None:
    """Nothing is written where one of the runs cannot be read."""
    (Path("results") / runs[1] / "trace.json").unlink()
    ended = sipprobe("report", *runs, "-o", "report.html")
    assert ended.status == 2
    assert f"cannot read results/{runs[1]}/trace.json" in ended.err
    assert not Path("report.html").exists()


def test_a_run_whose_files_do_not_belong_together_is_named(
    sipprobe: Sipprobe, runs: tuple[str, str]
) -> None:
    """The traces of another run are not shown as those of this one."""
    first, second = (Path("results") / run / "trace.json" for run in runs)
    second.write_bytes(first.read_bytes())
    ended = sipprobe("report", runs[1])
    assert ended.status == 2
    assert "are those of 2 steps, not 1" in ended.err


@pytest.mark.parametrize(
    "command", [("report", "{run}"), ("run", "--format", "html")], ids=["report", "run"]
)
def test_a_page_does_not_go_to_a_terminal(
    sipprobe: Sipprobe,
    runs: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
) -> None:
    """It says where to put it, before anything is dialled."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    ended = sipprobe(*(word.format(run=runs[0]) for word in command))
    assert ended.status == 2
    assert "a page is not for a terminal" in ended.err


def test_a_file_that_cannot_be_written_is_named(
    sipprobe: Sipprobe, runs: tuple[str, str], tmp_path: Path
) -> None:
    """A folder stands where the page should go."""
    Path("taken").write_text("")
    ended = sipprobe("report", runs[0], "-o", "taken/report.html")
    assert ended.status == 2
    assert "cannot write taken/report.html" in ended.err


def test_text_fits_the_terminal_and_has_its_colours(
    sipprobe: Sipprobe, runs: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal; in a file it is a hundred columns of plain text."""
    plain = sipprobe("report", runs[1], "--format", "text").out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    shown = sipprobe("report", runs[1], "--format", "text").out
    assert "\x1b[" in shown
    assert "\x1b[" not in plain
    bare = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert max(map(len, bare.splitlines())) <= 60 < max(map(len, plain.splitlines())) <= 100
