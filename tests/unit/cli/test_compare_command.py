"""`sipprobe compare` and `run --baseline`, from the arguments to the exit status."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from commandline import Ended, HandingOut
from wirebuilder import ANSWER, OFFER, Wire, refused_call, register_ok

from probe.plan.plan import Attempt
from probe.trace.trace import Trace

Sipprobe = Callable[..., Ended]


def answering(server: str, *, early: bool = False) -> Callable[[Attempt], tuple[Trace, ...]]:
    """Return what answers every call, by a server of this name."""

    def tries(attempt: Attempt) -> tuple[Trace, ...]:
        if attempt.method != "INVITE":
            return (register_ok().trace(),)
        wire = Wire().send("INVITE", body=OFFER)
        if early:
            wire.receive(183)
        wire.receive(180).receive(200, body=ANSWER, headers={"Server": server}).send("ACK")
        return (wire.send("BYE").receive(200).trace(),)

    return tries


def refusing(attempt: Attempt) -> tuple[Trace, ...]:
    """Refuse every call."""
    if attempt.method == "INVITE":
        return (refused_call(503).trace(),)
    return (register_ok().trace(),)


@pytest.fixture
def anything(carrier: Path) -> Path:
    """Return a folder with a scenario that takes any ringing."""
    (carrier / "scenarios" / "any.sip.yaml").write_text(
        'trunk: carrier\nsteps:\n  - call: "+12025550123"\n    expect: {responses: 183? 180 200}\n'
    )
    return carrier


@pytest.fixture
def before(sipprobe: Sipprobe, anything: Path, executor: HandingOut) -> str:
    """Return the id of a run that was good."""
    executor.tries = answering("Edge 4.1")
    assert sipprobe("run", "any", "--report", "json=before.json").status == 0
    (folder,) = (anything / "results").glob("*-any")
    return folder.name


@pytest.mark.usefixtures("before")
def test_equal_runs(sipprobe: Sipprobe) -> None:
    """No difference is status 0, and quiet says nothing at all."""
    ended = sipprobe("run", "any", "--baseline", "last")
    assert ended.status == 0
    assert ended.out.rstrip().endswith("No difference in 1 step.")
    assert sipprobe("run", "any", "-q", "--baseline", "last").out == ""


def test_a_regression_is_status_1_though_everything_was_met(
    sipprobe: Sipprobe, before: str, executor: HandingOut
) -> None:
    """The run says that all was met, then the comparison what is worse."""
    executor.tries = answering("Edge 4.2", early=True)
    ended = sipprobe("run", "any", "--baseline", before, "--color", "never")
    assert ended.status == 1
    summary, comparison = ended.out.split("Compared")
    assert "1 met, 0 not met" in summary
    assert "responses: 180 200 → 183 180 200" in comparison
    assert "header Server: Edge 4.1 → Edge 4.2" in comparison
    again = sipprobe("compare", before, "last", "--color", "never")
    assert again.status == 1
    assert again.out.strip().splitlines()[3:] == comparison.strip().splitlines()[2:]
    less = sipprobe("compare", before, "last", "--ignore", "sequence,headers.server")
    assert (less.status, "No difference" in less.out) == (0, True)


@pytest.mark.usefixtures("before")
def test_beside_json_the_comparison_goes_to_stderr(
    sipprobe: Sipprobe, executor: HandingOut
) -> None:
    """Standard output carries the report alone."""
    executor.tries = answering("Edge 4.1", early=True)
    ended = sipprobe("run", "any", "--format", "json", "--baseline", "last")
    assert ended.status == 1
    assert json.loads(ended.out)["run"]["counts"]["met"] == 1
    assert "1 regression" in ended.err


def test_forms(sipprobe: Sipprobe, before: str, executor: HandingOut) -> None:
    """JSON and Markdown tell the same verdict."""
    executor.tries = refusing
    assert sipprobe("run", "any").status == 1
    told = json.loads(sipprobe("compare", before, "last", "--format", "json").out)
    assert told["counts"]["regression"] == 1
    assert told["steps"][0]["differences"][0]["after"] == "not met"
    table = sipprobe("compare", before, "last", "--format", "markdown")
    assert table.status == 1
    assert "| regression | outcome | `met` | `not met` |" in table.out


def test_a_report_alone(sipprobe: Sipprobe, before: str, anything: Path) -> None:
    """A file of any name is taken, and a folder without traces; both say what is missing."""
    ended = sipprobe("compare", "before.json", before)
    assert ended.status == 0
    assert "has no traces" in ended.out
    bare = anything / "artifact"
    bare.mkdir()
    shutil.copy(anything / "results" / before / "report.json", bare)
    assert "has no traces" in sipprobe("compare", "artifact/report.json", before).out


def test_only_what_was_selected_is_compared(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut
) -> None:
    """Scenarios of the baseline that were not selected are not gone."""
    del carrier, executor
    assert sipprobe("run").status == 0
    ended = sipprobe("run", "one-call", "--baseline", "last")
    assert ended.status == 0
    assert "No difference in 1 step." in ended.out
    whole = sipprobe("compare", "last", "last")
    assert "No difference in 1 step." in whole.out


def test_repeats_are_counted_and_taken_together(
    sipprobe: Sipprobe, before: str, executor: HandingOut
) -> None:
    """Three repeats are three findings of one step, and compared with one."""
    assert before
    ended = sipprobe("run", "any", "--repeat", "3", "--baseline", "last")
    assert ended.status == 0
    assert "any (2 of 3) › call" in ended.out
    assert "3 met" in ended.out
    assert "No difference in 1 step." in ended.out
    assert len(executor.plans) == 4
    assert sipprobe("explain", "last#any (2 of 3)#1", "--all").status == 0


def test_rows_repeated_keep_their_count_where_nobody_is_named(
    sipprobe: Sipprobe, anything: Path, executor: HandingOut
) -> None:
    """Each finding of a strict report has a name of its own; `again:` chooses the row alone."""
    executor.tries = refusing
    (anything / "scenarios" / "any.sip.yaml").write_text(
        "trunk: carrier\nmatrix: {NUMBER: ['+12025550123']}\nsteps: [call: '${NUMBER}']\n"
    )
    strict = sipprobe("run", "any", "--repeat", "2", "--redact", "strict", "--format", "json")
    names = {one["scenario"] for one in json.loads(strict.out)["findings"]}
    assert {name[-9:] for name in names} == {" (1 of 2)", " (2 of 2)"}
    assert "2025550123" not in strict.out
    plain = " ".join(sipprobe("run", "any", "--repeat", "2").out.split())
    assert "again: sipprobe run any -k 'any[+12025550123]'" in plain


def test_repeats_count_against_the_caps(sipprobe: Sipprobe, anything: Path) -> None:
    """A profile that allows two calls a run allows no three repeats of one."""
    (anything / "sipprobe.yaml").write_text(
        'trunks: {carrier: {uri: "sip:100@carrier.example", caps: {calls_per_run: 2}}}\n'
    )
    ended = sipprobe("run", "any", "--repeat", "3")
    assert ended.status == 2
    assert "calls_per_run" in ended.err


def test_what_cannot_be_tested_any_more_is_no_pass(
    sipprobe: Sipprobe, before: str, anything: Path
) -> None:
    """A run that was broken off before the step is status 3, not 0."""
    file = anything / "results" / before / "report.json"
    report = json.loads(file.read_text())
    later = {**report["findings"][0], "step": 7}
    report["findings"].append(later)
    (anything / "first.json").write_text(json.dumps(report))
    report["findings"].remove(later)
    report["run"]["interrupted"] = True
    (anything / "after.json").write_text(json.dumps(report))
    ended = sipprobe("compare", "first.json", "after.json")
    assert ended.status == 3
    assert "was not tried" in ended.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("compare", "last", "nothing-here"), "there is no run nothing-here"),
        (("compare", "last", "./scenarios"), "is not the folder of a run"),
        (("compare", "last", "sipprobe.yaml"), "is not JSON"),
        (("compare", "last", "half.json"), "is not a whole report"),
        (("compare", "last#nobody", "last"), "holds nothing to compare"),
        (("compare", "last", "last", "--ignore", "header"), "did you mean 'headers'?"),
        (("compare", "last"), "Missing argument"),
        (("run", "any", "--baseline", "nothing-here"), "there is no run nothing-here"),
        (("run", "one-call", "--baseline", "last"), "holds none of the selected scenarios"),
        (("run", "any", "--repeat", "0"), "--repeat"),
        (("run", "any", "--baseline", "last", "--redact", "strict"), "--redact secrets"),
        (("compare", "last", "other.json"), "have no step in common"),
    ],
    ids=[
        *("no-run", "no-folder-of-a-run", "no-json", "half", "no-scenario", "ignore", "one-run"),
        *("no-baseline", "other-scenarios", "no-repeat", "strict", "no-step"),
    ],
)
def test_usage(  # noqa: PLR0913, PLR0917 - fixtures and a table of two columns
    sipprobe: Sipprobe,
    before: str,
    anything: Path,
    executor: HandingOut,
    arguments: tuple[str, ...],
    said: str,
) -> None:
    """Status 2, in words, and nothing is dialled."""
    assert before
    (anything / "half.json").write_text('{"schema": "sipprobe-report/1", "run": {}}')
    other = json.loads((anything / "before.json").read_text())
    other["findings"][0]["scenario"] = "other"
    (anything / "other.json").write_text(json.dumps(other))
    dialled = len(executor.plans)
    ended = sipprobe(*arguments)
    assert ended.status == 2
    assert said in " ".join(ended.err.split())
    assert len(executor.plans) == dialled
