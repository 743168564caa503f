"""What ``serve`` makes of runs: those that an earlier process left, their sums, their secrets."""

from pathlib import Path

import pytest
from msgspec.structs import replace
from reportbuilder import finding, report, verdict
from wirebuilder import answered_call, refused_call

from probe.cli.carrying import Carrier, _without, summed_up
from probe.cli.serving import Served
from probe.monitor.check import Rules
from probe.monitor.result import Result, StepResult
from probe.monitor.store import Store, StoredRun
from probe.report.model import Finding, RunReport
from probe.results import RunFolder
from probe.verdict.verdict import Outcome

KEY = ("trunk", "carrier")


@pytest.fixture
def carrier(tmp_path: Path) -> Carrier:
    """Give what carries runs out, with its folder of runs."""
    rules = Rules(
        checks=(), calls_per_day=1, calls_per_hour=1, runs_at_a_time=1, zone="UTC", keep_days=1,
        keep_runs=1,
    )  # fmt: skip
    return Carrier(Served(rules=rules, stories={}), tmp_path / "runs")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Give the state file of a process that is gone."""
    return Store(tmp_path / "serve.sqlite3")


def left(store: Store, folder: RunFolder | None = None, calls: int = 3) -> int:
    """Enter a run that was under way when its process was killed."""
    number = store.accept(KEY, "schedule", calls)
    store.begin(number, folder.run_id if folder else "never-made")
    return number


def recovered(carrier: Carrier, store: Store) -> tuple[StoredRun, list[str]]:
    """Recover and return the newest run and what was told."""
    told: list[str] = []
    carrier.recover(store, told.append)
    assert store.unfinished() == ()
    (newest, *_) = store.recent(KEY, 1)
    return newest, told


def fine() -> Finding:
    """Return a call that was met."""
    return finding(answered_call().trace())


def refused() -> Finding:
    """Return a call that was not met."""
    return finding(refused_call(503).trace(), verdict(Outcome.NOT_MET))


def test_a_report_that_was_whole_is_committed_at_the_next_start(
    carrier: Carrier, store: Store, tmp_path: Path
) -> None:
    """The kill came between the folder and the state file: the result is finished, not lost."""
    folder = RunFolder.prepare(tmp_path / "runs", "run-1")
    folder.write(report(fine(), refused()))
    left(store, folder)
    run, told = recovered(carrier, store)
    assert (run.state, run.outcome) == ("finished", "not_met")
    assert run.result is not None
    assert [step.outcome for step in run.result.steps] == ["met", "not_met"]
    assert "FAIL" in run.result.block
    assert "its report was whole" in told[0]
    assert store.tallies("run") == {(*KEY, "not_met"): 1}


def test_a_run_that_was_cut_off_is_told_as_interrupted_with_what_was_judged(
    carrier: Carrier, store: Store, tmp_path: Path
) -> None:
    """Its calls count at their most: those after the last judged one may have left."""
    folder = RunFolder.prepare(tmp_path / "runs", "run-1")
    folder.add(report(fine()))
    left(store, folder)
    run, told = recovered(carrier, store)
    assert (run.state, run.outcome, run.calls) == ("interrupted", None, 3)
    assert run.result is not None
    assert len(run.result.steps) == 1
    assert "it was interrupted" in told[0]


def test_a_run_without_a_folder_is_told_as_interrupted(carrier: Carrier, store: Store) -> None:
    """Killed before anything was judged."""
    left(store)
    run, _ = recovered(carrier, store)
    assert (run.state, run.calls) == ("interrupted", 3)
    assert run.result is not None
    assert "ended while it was under way" in run.result.trouble


def test_a_run_that_only_waited_leaves_nothing(carrier: Carrier, store: Store) -> None:
    """It had placed no call."""
    store.accept(KEY, "probe", 3)
    carrier.recover(store, lambda _line: None)
    assert store.unfinished() == ()
    assert store.recent(KEY, 5) == ()
    assert store.calls_since(0.0) == 0


def test_the_report_of_a_stored_run_is_a_page(carrier: Carrier, tmp_path: Path) -> None:
    """Made from its folder when somebody asks; None where there is none or it cannot be read."""
    folder = RunFolder.prepare(tmp_path / "runs", "run-1")
    folder.write(report(fine()))
    page = carrier.page("run-1")
    assert page is not None
    assert "".join(page).startswith("<!DOCTYPE html>")
    assert carrier.page("run-2") is None
    (folder.path / "report.json").write_text("{")
    assert carrier.page("run-1") is None


def test_folders_of_runs_that_are_no_longer_kept_go(carrier: Carrier, tmp_path: Path) -> None:
    """Those alone."""
    for name in ("run-1", "run-2"):
        RunFolder.prepare(tmp_path / "runs", name).write(report(fine()))
    carrier.forget(["run-1", "never-made"])
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["run-2"]


@pytest.mark.parametrize(
    ("about", "outcome"),
    [
        (report(fine()), "met"),
        (report(fine(), refused()), "not_met"),
        (
            report(fine(), finding(answered_call().trace(), verdict(Outcome.INCONCLUSIVE))),
            "inconclusive",
        ),
        (report(), "inconclusive"),
    ],
    ids=["met", "not-met", "inconclusive", "nothing"],
)
def test_the_worst_step_is_the_outcome(about: RunReport, outcome: str) -> None:
    """A run in which nothing was judged is no success."""
    assert summed_up(about).outcome == outcome


def test_measures_and_calls_are_summed_up() -> None:
    """Each call that left counts once for each try, and only where somebody may have to pay."""
    came_to = summed_up(report(refused(), refused()))
    assert came_to.calls == 2
    names = {name for name, _, _ in came_to.measured}
    assert {"sipprobe_step_status_code", "sipprobe_run_duration_seconds"} <= names
    assert "sipprobe_build_info" not in names
    assert all(labels for name, labels, _ in came_to.measured if name.startswith("sipprobe_step"))


def test_a_secret_stands_in_no_text_that_is_kept() -> None:
    """Whoever put it there: block, summary, attempt, label; numbers and causes stay."""
    secret = 'pa"ss\\word-7'
    step = StepResult(
        scenario=secret, step=1, attempt=f"call {secret}", outcome="not_met", responses=(503,),
        failure=None, causes=(("F130", "overloaded"),), summary=f"it said {secret}",
    )  # fmt: skip
    kept = Result(
        outcome="not_met", duration_s=1.0, calls=1, interrupted=False, steps=(step,),
        measured=(("sipprobe_step_tries", (secret, "1"), 1.0),), block=f"FAIL {secret}",
    )  # fmt: skip
    clean = _without(kept, [secret])
    assert "word-7" not in clean.to_json()
    assert clean.steps[0].causes == step.causes
    harmless = replace(kept, block="", steps=(), measured=())
    assert _without(harmless, [secret]) is harmless
