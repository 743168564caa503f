"""The disk is full, the folder goes away, the clock jumps: the verdict is told all the same."""

import resource
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ports import LOOPBACK
from processes import poll
from sipprobe_command import RunningSipprobe
from userfolder import UserFolder

from probe.simulator.trunk import EmbeddedTrunk

ENOUGH = 4096
"""Bytes that a file may have: too few for a scenario's line in the journal, and for a report."""


JUMPING = """\
import datetime
import time

real, looks = time.time, [0]


def jumped():
    looks[0] += 1
    return real() - 86400 * (looks[0] + 10000)


class Jumping(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(jumped(), tz)


time.time = jumped
datetime.datetime = Jumping
"""
"""A sitecustomize with a wall clock of the nineties that goes back a day at each look."""


@pytest.fixture
def trunk() -> Iterator[EmbeddedTrunk]:
    """Give an embedded trunk in this process."""
    with EmbeddedTrunk() as running:
        yield running


def started(place: UserFolder, trunk: EmbeddedTrunk, *flags: str) -> RunningSipprobe:
    """Start a run of two scenarios and return once its first call is up."""
    place.trunk(uri=f"sip:{trunk.user}@{LOOPBACK}:{trunk.udp_port}", password=trunk.password)
    for name in ("first", "second"):
        place.scenario('- call: "+12025550123"\n  hangup_after: 1s', name=name)
    running = place.start("run", "first", "second", "--results", "results", *flags)
    assert poll(lambda: bool(trunk.calls), 20.0)
    return running


def test_file_system_without_room_costs_the_folder_and_not_the_verdict(
    folder: UserFolder, trunk: EmbeddedTrunk
) -> None:
    """Each scenario is tried and told; the status is 2, and the file is named with the reason."""
    running = started(folder, trunk)
    resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (ENOUGH, ENOUGH))
    done = running.finish()
    assert done.exit_code == 2
    assert done.stdout.count("PASS") == 2
    assert "2 met, 0 not met, 0 inconclusive" in done.stdout
    assert "findings.jsonl: File too large; the run goes on" in done.stderr
    assert "Error: cannot write results/" in done.stderr
    (run,) = (folder.path / "results").iterdir()
    assert not [path.name for path in run.iterdir() if path.name.endswith(".part")]
    assert trunk.bindings == ()


def test_full_device_for_a_report_is_named(folder: UserFolder, trunk: EmbeddedTrunk) -> None:
    """The report that was asked for is not there; the run's own folder is."""
    done = started(folder, trunk, "--report", "json=/dev/full").finish()
    assert done.exit_code == 2
    assert "2 met" in done.stdout
    assert "cannot write /dev/full: No space left on device" in done.stderr
    (run,) = (folder.path / "results").iterdir()
    assert (run / "report.json").is_file()


def test_results_that_went_away_are_told_after_the_verdict(
    folder: UserFolder, trunk: EmbeddedTrunk
) -> None:
    """Somebody cleaned up while the calls went on."""
    running = started(folder, trunk)
    shutil.rmtree(folder.path / "results")
    done = running.finish()
    assert done.exit_code == 2
    assert "2 met" in done.stdout
    assert "cannot write results/" in done.stderr
    assert [call.ended_by for call in trunk.calls] == ["caller", "caller"]


def test_results_that_cannot_be_made_stop_the_run_before_a_call(
    folder: UserFolder, trunk: EmbeddedTrunk
) -> None:
    """Nothing is dialled whose result would be lost; the way out is named."""
    folder.trunk(uri=f"sip:{trunk.user}@{LOOPBACK}:{trunk.udp_port}", password=trunk.password)
    folder.scenario("- options:")
    done = folder.command("run", "check", "--results", "/proc/sipprobe-results")
    assert done.exit_code == 2
    assert "cannot write results in /proc/sipprobe-results" in done.stderr
    assert "use --results FOLDER or --no-store" in done.stderr
    assert trunk.log == ()
    assert folder.command("run", "check", "--no-store").exit_code == 0


def test_state_folder_that_cannot_be_written_is_a_note(
    folder: UserFolder, trunk: EmbeddedTrunk
) -> None:
    """Caps count this run alone, and it says so; with --no-store nothing is kept of live calls."""
    folder.trunk(
        uri=f"sip:{trunk.user}@{LOOPBACK}:{trunk.udp_port}",
        password=trunk.password,
        caps={"calls_per_day": "5"},
    )
    folder.scenario('- call: "+12025550123"\n  hangup_after: 0.1s')
    state = {"XDG_STATE_HOME": "/proc/sipprobe-state"}
    done = folder.command("run", "check", "--no-store", env=state)
    assert done.exit_code == 0, done.stderr
    assert "ledger.sqlite3 cannot be used" in done.stdout
    assert not Path("/proc/sipprobe-state").exists()


def test_wall_clock_that_jumps_bends_no_duration(
    folder: UserFolder, trunk: EmbeddedTrunk, tmp_path: Path
) -> None:
    """Every look at the wall clock of the supervisor is a day earlier than the one before."""
    jumping = tmp_path / "jumping"
    jumping.mkdir()
    (jumping / "sitecustomize.py").write_text(JUMPING)
    folder.trunk(
        uri=f"sip:{trunk.user}@{LOOPBACK}:{trunk.udp_port}",
        password=trunk.password,
        caps={"calls_per_day": "50", "calls_per_second": "5"},
    )
    folder.scenario('- call: "+12025550123"\n  hangup_after: 0.3s\n' * 2)
    began = time.monotonic()
    run = folder.run("check", env={"PYTHONPATH": str(jumping)})
    took = time.monotonic() - began
    assert run.exit_code == 0, run.finished.stderr
    assert run.report["run"]["id"] < "2000"  # the clock did jump
    assert 0.6 < run.report["run"]["duration_s"] < took
    for finding in run.findings:
        assert 0.1 < finding["timing"]["setup_s"] < 5.0
    times = [event["at"] for event in run.events()]
    assert 0.0 <= min(times) <= max(times) < took
