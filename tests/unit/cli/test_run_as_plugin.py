"""`sipprobe run --format nagios`: each way out is a state, told on stdout."""

import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from commandline import Ended, HandingOut
from wirebuilder import answered_call, refused_call

from probe.executor.crew import EngineMissingError
from probe.plan.plan import Attempt, Plan
from probe.trace.trace import Trace

Sipprobe = Callable[..., Ended]


def busy(_attempt: Attempt) -> tuple[Trace, ...]:
    """Return a refusal."""
    return (refused_call(486).trace(),)


def at_second_try(_attempt: Attempt) -> tuple[Trace, ...]:
    """Return a refusal, then a call."""
    return (refused_call(503).trace(), answered_call().trace())


def plugin(sipprobe: Sipprobe, *arguments: str) -> tuple[int, str, str]:
    """Run as a plugin; return its status, its first line, and all of stdout."""
    ended = sipprobe("run", "--no-store", *arguments, "--format", "nagios")
    return ended.status, ended.out.split("\n")[0], ended.out


@pytest.mark.parametrize(
    ("tries", "status", "state"),
    [(None, 0, "OK"), (at_second_try, 1, "WARNING"), (busy, 2, "CRITICAL")],
)
def test_a_run_leaves_with_its_state(  # noqa: PLR0913, PLR0917 - fixtures and a row
    sipprobe: Sipprobe,
    carrier: Path,
    executor: HandingOut,
    tries: Callable[[Attempt], tuple[Trace, ...]] | None,
    status: int,
    state: str,
) -> None:
    """Met, met only by a retry, not met; performance data in the first line."""
    if tries is not None:
        executor.tries = tries
    ended = plugin(sipprobe, "one-call")
    assert ended[:1] == (status,)
    assert ended[1].startswith(f"SIPPROBE {state} - ")
    assert " | met=" in ended[1]


def test_an_interrupted_run_is_unknown(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut
) -> None:
    """Nobody knows what the rest would have shown."""
    executor.before = lambda _plan: executor.interrupt()
    status, line, _ = plugin(sipprobe, "one-call")
    assert status == 3
    assert "interrupted" in line


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["nosuch"], "there is no scenario 'nosuch'"),
        (["--nosuch"], "No such option"),
        (["-k", "zzz"], "nothing was selected"),
        (["--cps", "many"], "Invalid value for '--cps'"),
        (["--config", "nosuch.yaml"], "does not exist"),
        (["--report", "pdf=x"], "--report takes FORMAT=FILE"),
        (["--deadline", "soon"], "--deadline takes a duration"),
        (["--trunk", "nosuch", "one-call"], "there is no trunk 'nosuch'"),
        (["--baseline", "last", "one-call"], "--baseline is no state of a service"),
    ],
)
def test_what_cannot_be_run_is_unknown_and_never_critical(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut, arguments: list[str], word: str
) -> None:
    """Wrong usage is 2 elsewhere, which would wake somebody up because of a trunk nobody called."""
    status, line, _ = plugin(sipprobe, *arguments)
    assert status == 3
    assert line.startswith("SIPPROBE UNKNOWN - ")
    assert word in line
    assert executor.plans == []


def test_a_missing_user_agent_and_a_bug_of_ours_are_unknown(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut
) -> None:
    """A monitoring system sees the words on stdout."""

    def missing(_plan: Plan) -> None:
        raise EngineMissingError("no pjsua2 here")

    def broken(_plan: Plan) -> None:
        raise KeyError("a bug")

    executor.before = missing
    assert plugin(sipprobe)[:2] == (3, "SIPPROBE UNKNOWN - could not test: no pjsua2 here")
    executor.before = broken
    status, line, out = plugin(sipprobe)
    assert (status, line.split(" - ")[0]) == (3, "SIPPROBE UNKNOWN")
    assert "KeyError" in out


def test_what_cannot_be_stored_changes_no_state(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut
) -> None:
    """The trunk was tested; that a file could not be written is told beside it."""
    (carrier / "taken").write_text("")
    status, line, out = plugin(sipprobe, "one-call", "--report", "json=taken/report.json")
    assert (status, line.split(" - ")[0]) == (0, "SIPPROBE OK")
    assert "note: cannot write taken/report.json" in out


@pytest.mark.parametrize("form", ["--format=nagios", "--help"])
def test_other_spellings_and_help(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut, form: str
) -> None:
    """The flag may be one word; help stays help."""
    ended = sipprobe("run", "nosuch", form, *(["--format", "nagios"] * (form == "--help")))
    assert ended.status == (0 if form == "--help" else 3)
    assert ended.out.startswith("Usage: " if form == "--help" else "SIPPROBE UNKNOWN - ")


def test_a_scenario_that_is_called_nagios_is_no_plugin(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut
) -> None:
    """Only the flag makes one."""
    assert sipprobe("run", "nagios").status == 2
    assert sipprobe("run", "--no-store", "--", "--format", "nagios").status == 2


# -- deadlines -------------------------------------------------------------------------------------


def test_the_deadline_ends_a_run_in_order(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut
) -> None:
    """What was found is told, the rest is named, and the reason with it."""

    def slow(_plan: Plan) -> None:
        until = time.monotonic() + 20
        while not executor.interrupted and time.monotonic() < until:
            threading.Event().wait(0.01)

    executor.before = slow
    ended = sipprobe("run", "--no-store", "--deadline", "200ms")
    assert ended.status == 130
    assert "the deadline of 0.2 s passed before the run was over" in ended.out
    assert "not carried out: one-registration" in ended.out
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


def test_a_scenario_ends_before_the_run_has_to(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut
) -> None:
    """So silence is the trunk's, not an interruption: 9 of 10 s, and 45 of a plugin's 50."""
    sipprobe("run", "--no-store", "--deadline", "10s", "one-call")
    sipprobe("run", "--no-store", "--deadline", "10s", "--timeout", "5s", "one-call")
    plugin(sipprobe, "one-call")
    assert [plan.timeout for plan in executor.plans] == [9, 5, 45]


def test_a_run_that_is_over_in_time_leaves_no_alarm(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut
) -> None:
    """The handler of before is back."""
    before = signal.getsignal(signal.SIGALRM)
    assert sipprobe("run", "--no-store", "--deadline", "30s").status == 0
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
