"""`sipprobe run`, from its arguments to its exit status, with an executor that dials nobody."""

import base64
import errno
import json
import os
import re
import signal
import stat
import sys
import xml.etree.ElementTree as ET
import zlib
from collections.abc import Callable
from datetime import datetime, tzinfo
from pathlib import Path

import pytest
from commandline import CARRIER, ONE_CALL, Ended, HandingOut
from wirebuilder import Wire, answered_call, refused_call, register_ok

from probe.executor.crew import EngineMissingError
from probe.plan.plan import Attempt, Plan
from probe.results import load
from probe.trace.failure import Failure
from probe.trace.trace import Trace

PASSWORD = "pbx-hunter22"
Sipprobe = Callable[..., Ended]


def busy(_attempt: Attempt) -> tuple[Trace, ...]:
    """Return a refusal."""
    return (refused_call(486).trace(),)


def at_second_try(_attempt: Attempt) -> tuple[Trace, ...]:
    """Return a refusal, then a call."""
    return (refused_call(503).trace(), answered_call().trace())


def run_folder(here: Path, root: str = "results") -> Path:
    """Return the only folder of a run."""
    (folder,) = (here / root).iterdir()
    return folder


# -- what is selected ------------------------------------------------------------------------------


def selected(executor: HandingOut) -> list[str]:
    """Return the scenarios that were carried out."""
    return [plan.scenario for plan in executor.plans]


def test_every_scenario_of_the_folder_runs(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut
) -> None:
    """Without names ./scenarios is meant, and all that was expected is status 0."""
    ended = sipprobe("run")
    assert ended.status == 0
    assert selected(executor) == ["one-call", "one-registration"]
    assert ended.out.count("PASS") == 2
    assert ended.err == ""


@pytest.mark.parametrize(
    ("flags", "chosen"),
    [
        (["-t", "smoke"], ["one-registration"]),
        (["-t", "smoke", "--tag", "call"], ["one-call", "one-registration"]),
        (["-k", "REGIS"], ["one-registration"]),
        (["-k", "one call"], ["one-call"]),
        (["-k", "one", "-t", "call"], ["one-call"]),
        (["one-registration", "one-call"], ["one-registration", "one-call"]),
    ],
)
def test_flags_select(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut, flags: list[str], chosen: list[str]
) -> None:
    """Tags add up, -k looks at file name and title in any case, names keep their order."""
    assert sipprobe("run", *flags).status == 0
    assert selected(executor) == chosen


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        (["-t", "nightly"], "none has the tag nightly\n  tags that are there: call, smoke\n"),
        (
            ["-k", "nightly"],
            "none fits -k 'nightly'\n  scenarios that are there: one-call, one-registration\n",
        ),
    ],
)
def test_nothing_selected_is_a_status_of_its_own(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut, flags: list[str], why: str
) -> None:
    """A job that tests nothing by mistake must not look like a pass; it says what there is."""
    expected = f"nothing was selected: of 2 scenarios {why}"
    assert sipprobe("run", *flags) == Ended(status=5, out="", err=expected)
    assert executor.plans == []
    assert not (carrier / "results").exists()


def test_folder_without_scenarios_selects_nothing(
    sipprobe: Sipprobe, here: Path, executor: HandingOut
) -> None:
    """The same holds where there is nothing to select from."""
    assert sipprobe("run").status == 5


# -- what is refused before anything is dialled ----------------------------------------------------


def test_invalid_scenario_is_shown_at_its_place(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut
) -> None:
    """file:line:column, the line, a caret and the word that was meant, status 2."""
    (carrier / "scenarios" / "bad.sip.yaml").write_text("steps:\n  - cal: '100'\n")
    ended = sipprobe("run", "bad")
    assert ended.status == 2
    assert ended.out == ""
    assert ended.err.startswith("scenarios/bad.sip.yaml:2:5: unknown verb 'cal'\n")
    assert "2 |   - cal: '100'\n" in ended.err
    assert "hint: did you mean 'call'?" in ended.err
    assert executor.plans == []


def test_one_bad_scenario_stops_the_good_ones(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut
) -> None:
    """Nothing is dialled while any file of the run is invalid, and every problem is shown."""
    (carrier / "scenarios" / "bad1.sip.yaml").write_text("steps: [cal: '100']\n")
    (carrier / "scenarios" / "bad2.sip.yaml").write_text("steps: [register: ]\ntrunk: carier\n")
    (carrier / "scenarios" / "bad3.sip.yaml").write_text("steps: [register: ]\ntrunk: pbx\n")
    ended = sipprobe("run")
    assert ended.status == 2
    assert "bad1.sip.yaml:1:9" in ended.err
    assert executor.plans == []
    (carrier / "scenarios" / "bad1.sip.yaml").unlink()
    ended = sipprobe("run")
    assert ended.status == 2
    assert "bad2.sip.yaml:2:8" in ended.err
    assert "bad3.sip.yaml:2:8" in ended.err
    assert executor.plans == []


def test_missing_variable_is_named_at_its_place(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut
) -> None:
    """A variable that nobody gives is status 2 and says how to give it."""
    (carrier / "scenarios" / "v.sip.yaml").write_text('steps:\n  - call: "${CALLEE_NUMBER}"\n')
    ended = sipprobe("run", "v")
    assert ended.status == 2
    assert "scenarios/v.sip.yaml:2:12: variable CALLEE_NUMBER is not set" in ended.err
    assert "--var CALLEE_NUMBER=value" in ended.err
    assert sipprobe("run", "v", "--var", "CALLEE_NUMBER=100", "--trunk", "carrier").status == 0
    assert executor.plans[0].attempts[0].label == "call 100"


def test_emergency_number_is_never_dialled(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the dialling rails refuse is status 2, before any executor sees it."""
    monkeypatch.setattr("probe.plan.fences.emergency_number", lambda number, **_: number)
    ended = sipprobe("run", "one-call")
    assert ended.status == 2
    assert "scenarios/one-call.sip.yaml:5:" in ended.err
    assert "it is never dialled" in ended.err
    assert executor.plans == []


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--report", "pdf=x"], "--report takes FORMAT=FILE"),
        (["--report", "json"], "--report takes FORMAT=FILE"),
        (["--report", "json="], "--report takes FORMAT=FILE"),
        (["--timeout", "soon"], "--timeout takes a duration such as 90s, got 'soon'"),
        (["--timeout", "90"], "--timeout takes a duration"),
        (["--timeout", "0s"], "--timeout takes a duration"),
        (["--var", "NUMBER"], "--var takes NAME=VALUE, got 'NUMBER'"),
        (["--secret", PASSWORD], "--secret takes NAME=VALUE"),
        (["--format", "xml"], "'xml' is not one of"),
        (["--config", "nowhere.yaml"], "nowhere.yaml"),
        (["--color", "sometimes"], "'sometimes' is not one of"),
        (["--frobnicate"], "No such option"),
    ],
)
def test_wrong_flag_is_wrong_usage(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut, flags: list[str], says: str
) -> None:
    """A flag that cannot be read is status 2, said in words, and nothing is dialled."""
    ended = sipprobe("run", *flags)
    assert ended.status == 2
    assert says in re.sub(r"\s+", " ", ended.err)
    assert PASSWORD not in ended.err
    assert executor.plans == []


def test_results_that_cannot_be_written_show_before_the_first_call(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut
) -> None:
    """A test call whose result is lost was for nothing."""
    (carrier / "file").write_text("")
    ended = sipprobe("run", "--results", "file/results")
    assert ended.status == 2
    assert "cannot write results in file/results: Not a directory" in ended.err
    assert "use --results FOLDER or --no-store" in ended.err
    assert executor.plans == []


def test_engine_that_does_not_load_is_no_verdict(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut
) -> None:
    """Without pjsua2 nothing was tested: status 3, how to install it, no empty folder."""

    def missing(_plan: Plan) -> None:
        raise EngineMissingError("pjsua2 cannot be loaded (ImportError)")

    executor.before = missing
    for flags in ([], ["--no-store"]):
        ended = sipprobe("run", *flags)
        assert ended.status == 3
        assert ended.out == ""
        assert "could not test: pjsua2 cannot be loaded" in ended.err
        assert "pip install pjsua2-python" in ended.err
    assert list((carrier / "results").iterdir()) == []


# -- what is tried, and on what --------------------------------------------------------------------


def test_dry_run_sends_nothing(sipprobe: Sipprobe, carrier: Path, executor: HandingOut) -> None:
    """It shows each attempt with its request; no worker is started, nothing is stored."""
    path = carrier / "scenarios" / "one-call.sip.yaml"
    path.write_text(ONE_CALL + "  - talk: 1s\n  - hangup:\n")
    ended = sipprobe("run", "--dry-run")
    assert ended.status == 0
    assert ended.out.splitlines() == [
        "one-call: One call",
        "  1. call +12025550123   INVITE sip:+12025550123@carrier.example",
        "  2. talk 1 s",
        "  3. hangup   BYE sip:carrier.example",
        "one-registration: One registration",
        "  1. register   REGISTER sip:carrier.example",
    ]
    assert executor.plans == []
    assert executor.calls == ["close"]
    assert not (carrier / "results").exists()


def test_worker_is_started_ahead_and_ended_in_any_case(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut
) -> None:
    """It loads while files are read, and goes even where they turn out invalid."""
    assert sipprobe("run", "no-such-scenario").status == 2
    assert executor.calls == ["started ahead", "close"]


def test_trunk_flag_wins_over_the_scenario(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut
) -> None:
    """--trunk names another profile of sipprobe.yaml."""
    (carrier / "sipprobe.yaml").write_text(CARRIER + '  pbx: {uri: "sip:200@pbx.example"}\n')
    assert sipprobe("run", "one-call", "--trunk", "pbx").status == 0
    (plan,) = executor.plans
    assert plan.trunk == "pbx"
    assert plan.accounts[0].aor == "sip:200@pbx.example"


def test_trunk_that_nobody_wrote_is_refused(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut
) -> None:
    """A misspelt trunk is told with the one that was meant."""
    ended = sipprobe("run", "one-call", "--trunk", "carier")
    assert ended.status == 2
    assert "'carier'" in ended.err
    assert "did you mean 'carrier'?" in ended.err


def test_config_flag_names_the_settings(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut
) -> None:
    """--config is read instead of the sipprobe.yaml that is here."""
    (carrier / "other.yaml").write_text('trunks: {carrier: {uri: "sip:7@other.example"}}\n')
    assert sipprobe("run", "one-call", "--config", "other.yaml").status == 0
    assert executor.plans[0].accounts[0].host == "other.example"


def test_timeout_flag_wins_over_the_scenario(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut
) -> None:
    """The deadline of the scenario is the flag's, with its unit."""
    assert sipprobe("run", "one-call", "--timeout", "1m30s").status == 0
    assert executor.plans[0].timeout == 90.0


def test_embedded_trunk_runs_for_the_run_and_says_so(
    sipprobe: Sipprobe, here: Path, executor: HandingOut
) -> None:
    """The account points at the trunk on loopback, and every report carries the note."""
    ended = sipprobe("run", "options", "--trunk", "embedded")
    (plan,) = executor.plans
    assert plan.accounts[0].embedded
    assert plan.accounts[0].host == "127.0.0.1"
    assert re.search(
        r"note: the embedded trunk answered at 127\.0\.0\.1:\d+: nothing left this machine",
        ended.out,
    )


def test_fault_of_the_embedded_trunk_is_told(
    sipprobe: Sipprobe, here: Path, executor: HandingOut, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a trunk of ours answers while it is broken says nothing, and the report says so."""
    monkeypatch.setattr(
        "probe.simulator.trunk.EmbeddedTrunk.failures", property(lambda _: ("KeyError: 'x'",))
    )
    ended = sipprobe("run", "options", "--trunk", "embedded")
    assert "note: the embedded trunk itself failed: KeyError: 'x'" in ended.out


# -- what comes out --------------------------------------------------------------------------------


def test_refused_call_is_status_1(sipprobe: Sipprobe, carrier: Path, executor: HandingOut) -> None:
    """The report shows the place in the file, both sequences, why, and what to do next."""
    executor.tries = busy
    ended = sipprobe("run", "one-call")
    assert ended.status == 1
    assert ended.out.startswith("FAIL  one-call › call +12025550123")
    assert "--> scenarios/one-call.sip.yaml:6:25" in ended.out
    assert "Why" in ended.out
    assert "Next" in ended.out
    assert "0 met, 1 not met, 0 inconclusive" in ended.out


def test_pass_after_a_retry_is_flaky_and_passes(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut
) -> None:
    """It is reported as such, and is no failure."""
    executor.tries = at_second_try
    ended = sipprobe("run", "one-call")
    assert ended.status == 0
    assert "FLAKY" in ended.out


def test_run_that_could_not_test_is_status_3(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut
) -> None:
    """A crash of ours says nothing about the trunk."""
    crashed = Wire("INVITE").send("INVITE").fail(Failure.AGENT_CRASHED).trace()
    executor.tries = lambda _attempt: (crashed,)
    ended = sipprobe("run", "one-call")
    assert ended.status == 3
    assert "INCONCLUSIVE" in ended.out


def test_first_failure_ends_the_run_where_wanted(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut
) -> None:
    """With -x what is left is named, not run."""
    executor.tries = busy
    ended = sipprobe("run", "-x")
    assert ended.status == 1
    assert selected(executor) == ["one-call"]
    assert "note: not carried out: one-registration" in ended.out


def test_pass_does_not_end_the_run(sipprobe: Sipprobe, carrier: Path, executor: HandingOut) -> None:
    """-x waits for a failure."""
    assert sipprobe("run", "-x").status == 0
    assert len(executor.plans) == 2


def test_json_goes_to_stdout_alone(sipprobe: Sipprobe, carrier: Path, executor: HandingOut) -> None:
    """What reads stdout gets one JSON document, the same as is stored."""
    ended = sipprobe("run", "one-call", "--format", "json")
    report = json.loads(ended.out)
    assert report["schema"] == "sipprobe-report/1"
    assert report["run"]["counts"]["met"] == 1
    assert report == load(run_folder(carrier))
    assert report["run"]["id"] == run_folder(carrier).name


def test_junit_goes_to_stdout_alone(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut
) -> None:
    """CI systems read the XML."""
    executor.tries = busy
    ended = sipprobe("run", "one-call", "--format", "junit", "--quiet")
    assert ended.status == 1
    (suites,) = [ET.fromstring(ended.out)]  # noqa: S314 - our own output
    assert suites.find(".//failure") is not None


def test_reports_are_written_beside_stdout(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut
) -> None:
    """--report may be repeated and makes the folders that it needs."""
    ended = sipprobe(
        "run", "one-call", "--color", "always", "--report", "junit=out/a/junit.xml",
        "--report", "json=out/report.json", "--report", "text=out/report.txt",
        "--report", "html=out/report.html", "--report", "markdown=out/report.md",
    )  # fmt: skip
    assert ended.status == 0
    assert (carrier / "out/a/junit.xml").read_text().startswith("<?xml")
    assert json.loads((carrier / "out/report.json").read_text())["findings"]
    assert (carrier / "out/report.txt").read_text().startswith("PASS  one-call")
    assert "one-call › call +12025550123" in (carrier / "out/report.html").read_text()
    assert (carrier / "out/report.md").read_text().startswith("## sipprobe: 1 met")


def test_report_that_cannot_be_written_loses_nothing_else(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut
) -> None:
    """The calls were placed: stdout, the folder and the other reports still come; status 2."""
    (carrier / "file").write_text("")
    ended = sipprobe(
        "run", "one-call", "--report", "json=file/report.json", "--report", "text=report.txt"
    )
    assert ended.status == 2
    assert ended.err == "Error: cannot write file/report.json: File exists\n"
    assert ended.out.startswith("PASS  one-call")
    assert (carrier / "report.txt").exists()
    assert load(run_folder(carrier))


def test_results_that_fail_after_the_call_do_not_hide_it(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut
) -> None:
    """A folder that went away in mid-run costs the stored run, not the report."""

    def remove(_plan: Plan) -> None:
        run_folder(carrier).rmdir()

    executor.before = remove
    ended = sipprobe("run", "one-call")
    assert ended.status == 2
    assert "cannot write results/" in ended.err
    assert ended.out.startswith("PASS  one-call")
    assert "results/" not in ended.out


def test_quiet_prints_nothing_of_a_pass(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut
) -> None:
    """Like cron wants it; a failure is still told."""
    assert sipprobe("run", "--quiet") == Ended(status=0, out="", err="")
    executor.tries = busy
    assert "FAIL" in sipprobe("run", "-q").out


@pytest.mark.parametrize(
    ("flags", "no_color", "colored"),
    [
        (["--color", "always"], "1", True),
        (["--color", "never"], "", False),
        (["--color", "auto"], "", False),
        ([], "1", False),
    ],
)
def test_color_follows_the_flag(  # noqa: PLR0913, PLR0917 - two of them are the table
    sipprobe: Sipprobe,
    carrier: Path,
    executor: HandingOut,
    monkeypatch: pytest.MonkeyPatch,
    flags: list[str],
    no_color: str,
    colored: bool,
) -> None:
    """A pipe gets no escapes unless they are asked for."""
    monkeypatch.setenv("NO_COLOR", no_color)
    assert ("\x1b[" in sipprobe("run", "one-call", *flags).out) is colored


@pytest.mark.parametrize(("no_color", "colored"), [("", True), ("1", False)])
def test_terminal_gets_color_unless_refused(  # noqa: PLR0913, PLR0917 - as above
    sipprobe: Sipprobe,
    carrier: Path,
    executor: HandingOut,
    monkeypatch: pytest.MonkeyPatch,
    no_color: str,
    colored: bool,
) -> None:
    """NO_COLOR holds where the flag says nothing."""
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert ("\x1b[" in sipprobe("run", "one-call").out) is colored


def test_verbose_pass_shows_its_messages(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut
) -> None:
    """-v draws the ladder, -vv prints every message."""
    plain, ladder, whole = (sipprobe("run", "one-call", *v).out for v in ([], ["-v"], ["-vv"]))
    assert "INVITE" in ladder.replace(plain.splitlines()[0], "")
    assert "Call-ID: c1@192.0.2.10" not in ladder
    assert "Call-ID: c1@192.0.2.10" in whole


def test_person_who_watches_sees_progress(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a terminal gets it; not with --quiet, and not in CI."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert "[1/1]  one-call › call +12025550123" in sipprobe("run", "one-call").err
    assert sipprobe("run", "one-call", "-q").err == ""
    monkeypatch.setenv("CI", "true")
    assert sipprobe("run", "one-call").err == ""


def test_stored_run_is_named(
    sipprobe: Sipprobe,
    carrier: Path,
    executor: HandingOut,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """The folder is named for its scenario or their number, relative to here where that works."""
    assert re.search(r"results/\S+Z-one-call$", sipprobe("run", "one-call").out.strip())
    assert re.search(r"results/\S+Z-2-scenarios$", sipprobe("run").out.strip())
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    ended = sipprobe("run", "one-call", "--results", str(elsewhere))
    assert str(run_folder(elsewhere, ".")) in ended.out


def test_no_store_leaves_nothing_behind(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut
) -> None:
    """--no-store writes no folder."""
    assert sipprobe("run", "--no-store").status == 0
    assert not (carrier / "results").exists()


# -- interruption ----------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interruption_ends_in_order_and_is_told(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut, number: signal.Signals
) -> None:
    """The executor is told to hang up, the report comes, and the status is 130."""
    before = signal.getsignal(number)

    def interrupt(_plan: Plan) -> None:
        os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)

    executor.before = interrupt
    ended = sipprobe("run")
    assert ended.status == 130
    assert executor.interrupted
    assert "note: not carried out: one-registration" in ended.out
    assert "note: the run was interrupted" in ended.out
    assert signal.getsignal(number) is before


def test_run_under_nohup_outlives_its_terminal(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut
) -> None:
    """Where SIGHUP is ignored already, it stays ignored."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    executor.before = lambda _plan: os.kill(os.getpid(), signal.SIGHUP)
    try:
        assert sipprobe("run").status == 0
    finally:
        signal.signal(signal.SIGHUP, before)
    assert len(executor.plans) == 2


def test_terminal_that_was_closed_costs_its_lines_only(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing can be said any more: the calls are ended in order and the run is stored."""

    def gone(*_: object, **__: object) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    def hang_up(_plan: Plan) -> None:
        with monkeypatch.context() as closed:
            closed.setattr("probe.cli.orderly.os.write", gone)
            os.kill(os.getpid(), signal.SIGHUP)

    monkeypatch.setattr("probe.cli.run_reports._print", gone)
    executor.before = hang_up
    ended = sipprobe("run")
    assert ended.status == 130
    assert load(run_folder(carrier))["run"]["interrupted"] is True


# -- nothing is lost -------------------------------------------------------------------------------


def test_each_scenario_is_on_disk_before_the_next_begins(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut
) -> None:
    """Whoever kills the run now finds the first one, and explains it."""
    executor.tries = busy
    seen: list[list[str]] = []

    def look(_plan: Plan) -> None:
        if executor.plans[1:]:
            seen.append([found["scenario"] for found in load(run_folder(carrier))["findings"]])
            journal = run_folder(carrier) / "findings.jsonl"
            (carrier / "killed").mkdir()
            (carrier / "killed" / journal.name).write_bytes(journal.read_bytes())

    executor.before = look
    assert sipprobe("run").status == 1
    assert seen == [["one-call"]]
    assert {path.name for path in run_folder(carrier).iterdir()} == {
        "report.json", "trace.json", "call.pcap",
    }  # fmt: skip
    explained = sipprobe("explain", "killed")
    assert explained.status == 0
    assert "FAIL  one-call › call +12025550123" in explained.out


def test_run_that_breaks_tells_what_was_finished(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut
) -> None:
    """A bug of ours in the second scenario: the first is printed and stored, the status is 4."""

    def break_later(_plan: Plan) -> None:
        if executor.plans[1:]:
            raise ZeroDivisionError("division by zero")

    executor.before = break_later
    (carrier / "file").write_text("")
    ended = sipprobe("run", "--report", "json=file/report.json")
    assert ended.status == 4
    assert "PASS  one-call" in ended.out
    assert (
        "one-registration was ended by an error of sipprobe itself: ZeroDivisionError" in ended.out
    )
    assert "Error: cannot write file/report.json: File exists" in ended.err
    assert "sipprobe: internal error: ZeroDivisionError: division by zero" in ended.err
    told = load(run_folder(carrier))
    assert told["run"]["complete"] is False
    assert [found["scenario"] for found in told["findings"]] == ["one-call"]


def test_engine_that_goes_missing_later_keeps_what_was_found(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut
) -> None:
    """It could not test the rest: status 3, and the first finding is there."""

    def break_later(_plan: Plan) -> None:
        if executor.plans[1:]:
            raise EngineMissingError("pjsua2 cannot be loaded")

    executor.before = break_later
    ended = sipprobe("run")
    assert ended.status == 3
    assert "PASS  one-call" in ended.out
    assert "could not test: pjsua2 cannot be loaded" in ended.err
    assert len(load(run_folder(carrier))["findings"]) == 1


def test_full_disk_in_mid_run_is_told_and_the_verdict_printed(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Said once while the run goes on; every scenario is judged; status 2; no half file."""

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("probe.results._append", full)
    monkeypatch.setattr("probe.results.os.fdopen", full)
    monkeypatch.setattr("probe.results.os.write", full)
    ended = sipprobe("run")
    assert ended.status == 2
    assert "2 met, 0 not met" in ended.out
    assert ended.err.count("findings.jsonl: No space left on device; the run goes on") == 1
    assert ended.err.count("Error: cannot write results/") == 1
    assert [path.name for path in run_folder(carrier).iterdir() if path.stat().st_size] == []
    assert not (run_folder(carrier) / "report.json").exists()


def test_disk_that_has_room_again_at_the_end_loses_nothing(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The three files could be written after all: the status is that of the calls."""
    (carrier / "results").mkdir()

    def block(_plan: Plan) -> None:
        (run_folder(carrier) / "findings.jsonl").mkdir(exist_ok=True)

    executor.before = block
    ended = sipprobe("run", "one-call")
    assert ended.status == 0
    assert "findings.jsonl: Is a directory; the run goes on" in ended.err
    assert load(run_folder(carrier))["run"]["complete"] is True


def test_clock_that_is_set_in_mid_run_bends_no_duration(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wall clock says when a run began; how long it took is not asked of it."""
    moments = iter(range(1_800_000_000, 0, -3600))

    class Clock(datetime):
        """A wall clock that is set back an hour whenever it is read."""

        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            """Return the next moment."""
            return datetime.fromtimestamp(next(moments), tz)

    for place in ("probe.cli.run_command.datetime", "probe.executor.local.datetime"):
        monkeypatch.setattr(place, Clock)
    monkeypatch.setattr("time.time", lambda: float(next(moments)))
    assert sipprobe("run").status == 0
    run = load(run_folder(carrier))["run"]
    assert run["started_at"] == "2027-01-15T08:00:00.000Z"
    assert 0 <= run["duration_s"] < 30


# -- secrets ---------------------------------------------------------------------------------------


def test_secret_is_never_shown(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in a report, a file, a dry run, the progress line, nor where a peer repeats it."""
    pin, token = "98765432", "s3cret-token"
    (carrier / "scenarios" / "one-call.sip.yaml").write_text(
        "trunk: carrier\nsteps:\n"
        '  - call: "+1202${PIN}"\n    headers: {X-Token: "${WORD}"}\n    expect: {responses: 200}\n'
    )
    refused = refused_call(403, f"bad {PASSWORD} {pin}", headers={"X-Token": token})
    executor.tries = lambda _attempt: (refused.trace(),)
    executor.cleanup = refused.trace()
    executor.alarms = (f"trunk: the call to sip:+1202{pin}@carrier.example may still be up",)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    command = [
        "run", "one-call", "--secret", f"PIN={pin}", "--secret", f"WORD={token}",
        "--secret", "SHORT=1",
    ]  # fmt: skip
    said = [sipprobe(*command, "--dry-run")]
    assert said[0].status == 0
    for form in ("text", "json", "junit", "markdown"):
        ended = sipprobe(
            *command, "-vv", "--format", form, "--report", "text=report.txt",
            "--report", "html=report.html",
        )  # fmt: skip
        assert ended.status == 1
        said.append(ended)
    texts = [text for ended in said for text in (ended.out, ended.err)]
    texts += [
        path.read_bytes().decode("latin-1")
        for path in carrier.rglob("*")
        if path.is_file() and "scenarios" not in path.parts and path.name != "sipprobe.yaml"
    ]
    page = (carrier / "report.html").read_text()
    packed = re.findall(r'class="data">([^<]+)<', page)
    texts += [zlib.decompress(base64.b64decode(data), -15).decode() for data in packed]
    assert packed
    assert len(texts) > 10
    for text in texts:
        assert pin not in text
        assert token not in text
        assert PASSWORD not in text
    assert "call +1202redacted" in said[1].out


def test_secret_that_begins_like_another_is_hidden_whole(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut
) -> None:
    """The longer one goes first, so that no end of it is left."""
    (carrier / "scenarios" / "v.sip.yaml").write_text(
        'name: line ${LONG}\ntrunk: carrier\nsteps:\n  - call: "${LONG}"\n'
    )
    ended = sipprobe("run", "v", "--dry-run", "--secret", "A=9876", "--secret", "LONG=98765432")
    assert ended.status == 0
    assert ended.out.startswith("v: line redacted\n  1. call redacted   INVITE sip:redacted@")


def test_secret_in_a_problem_is_not_shown(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut
) -> None:
    """A problem that quotes a value does not quote that one."""
    (carrier / "scenarios" / "v.sip.yaml").write_text("steps:\n  - register: ${WHO}\n")
    ended = sipprobe("run", "v", "--secret", "WHO=hunter22")
    assert ended.status == 2
    assert "hunter22" not in ended.err
    assert "redacted" in ended.err


# -- the real thing --------------------------------------------------------------------------------


@pytest.mark.pjsua2
def test_call_on_the_embedded_trunk(sipprobe: Sipprobe, here: Path) -> None:
    """With a real user agent: registered, called, answered, stored for its owner only."""
    (here / "short.sip.yaml").write_text(
        "steps:\n  - register:\n  - call: '+12025550123'\n    hangup_after: 50ms\n"
    )
    ended = sipprobe("run", "short.sip.yaml", "--format", "json")
    report = json.loads(ended.out)
    assert ended.status == 0, ended
    assert [finding["outcome"] for finding in report["findings"]] == ["MET", "MET"]
    assert report["findings"][1]["responses"][-1] == 200
    folder = run_folder(here)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {path.name for path in folder.iterdir()} == {"report.json", "trace.json", "call.pcap"}


@pytest.mark.pjsua2
def test_refusal_on_the_embedded_trunk(sipprobe: Sipprobe, here: Path) -> None:
    """With a real user agent: a busy line is not met, and explained."""
    (here / "busy.sip.yaml").write_text("steps:\n  - call: '9486'\n    expect: {responses: 200}\n")
    ended = sipprobe("run", "busy.sip.yaml", "--no-store")
    assert ended.status == 1
    assert "486" in ended.out
    assert "Why" in ended.out


def test_usual_traces_are_what_the_scenarios_expect() -> None:
    """The tests above lean on these two stories."""
    assert [r.status for r in answered_call().trace().responses()] == [100, 180, 200]
    assert register_ok().trace().final() is not None


def test_scenario_that_comes_with_us_is_run_again_by_its_name(
    sipprobe: Sipprobe, executor: HandingOut
) -> None:
    """Where it lies on disk is of no use to whoever runs it again."""
    ended = sipprobe("run", "busy", "--no-store", "--no-controls")
    assert ended.status == 1
    assert "again: sipprobe run busy\n" in ended.out
