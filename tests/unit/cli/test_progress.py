"""The line on stderr that says what is being tried."""

from typing import Any

import pytest
from msgspec.structs import replace
from reportbuilder import attempt, finding, verdict
from wirebuilder import answered_call, refused_call

from probe.cli.pace import in_words
from probe.cli.progress import Progress, way_to_show
from probe.plan.plan import Plan
from probe.report.text import cells
from probe.verdict.verdict import Outcome

ATTEMPT = attempt(answered_call().trace())
PLAN = Plan(
    scenario="trunk-check", name="", file="", tags=(), trunk="", accounts=(),
    attempts=(ATTEMPT,), timeout=60.0,
)  # fmt: skip


class Clock:
    """A clock that a test sets."""

    now = 100.0

    def __call__(self) -> float:
        """Return its time."""
        return self.now


def live(plans: tuple[Plan, ...] = (PLAN,), **more: Any) -> Progress:  # noqa: ANN401
    """Return progress as a terminal shows it, by a clock that stands still."""
    return Progress(plans, shown="live", **{"clock": Clock(), **more})


def many(count: int) -> tuple[Plan, ...]:
    """Return plans of one attempt each."""
    return tuple(
        replace(PLAN, scenario=f"s{number}", attempts=(replace(ATTEMPT, index=0),))
        for number in range(count)
    )


def test_watcher_sees_each_try_on_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each try overwrites the last one, and nothing stays at the end."""
    monkeypatch.setenv("COLUMNS", "100")
    with live() as progress:
        progress.begins(ATTEMPT, 1)
        progress.begins(ATTEMPT, 2)
    assert capsys.readouterr().err == (
        "\r\x1b[J[1/1]  trunk-check › call +12025550123"
        "\r\x1b[J[1/1]  trunk-check › call +12025550123  try 2"
        "\r\x1b[J"
    )


@pytest.mark.parametrize("name", ["trunk-check", "中継の確認をする"])
def test_line_never_wraps(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A narrow terminal gets the beginning, in columns and not in letters."""
    monkeypatch.setenv("COLUMNS", "20")
    plan = replace(PLAN, scenario=name)
    with live((plan,)) as progress:
        progress.begins(ATTEMPT, 1)
        line = capsys.readouterr().err.removeprefix("\r\x1b[J")
        assert 17 <= cells(line) <= 19
        assert line.endswith("…")


def test_a_line_that_wrapped_when_the_terminal_became_narrower_is_taken_back_whole(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A terminal lays it anew over two rows; the cursor stands in the second one."""
    monkeypatch.setenv("COLUMNS", "100")
    with live() as progress:
        progress.begins(ATTEMPT, 1)
        monkeypatch.setenv("COLUMNS", "30")
        capsys.readouterr()
        progress.begins(ATTEMPT, 2)
        assert capsys.readouterr().err.startswith("\x1b[1A\r\x1b[J[1/1]")


def test_a_long_run_shows_failures_speed_and_what_is_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten attempts in ten seconds, ten more to come; the eleventh has been tried for four."""
    monkeypatch.setenv("COLUMNS", "120")
    plans, clock = many(20), Clock()
    bad = finding(refused_call(486).trace(), verdict(Outcome.NOT_MET))
    with live(plans, clock=clock) as progress:
        for plan in plans[:11]:
            progress.begins(plan.attempts[0], 1)
            clock.now += 1
        progress.found(bad)
        progress.found(bad)
        progress.found(finding(answered_call().trace()))
        clock.now += 3
        capsys.readouterr()
        progress.begins(plans[10].attempts[0], 2)
        assert capsys.readouterr().err == (
            "\r\x1b[J[11/20]  2 not met  0.9 calls/s  13 s left  s10 › call +12025550123  try 2"
        )


def test_a_job_gets_a_plain_line_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    """No control characters in a log, and nothing at all for a short run."""
    plans, clock = many(300), Clock()
    with Progress(plans, shown="log", clock=clock) as progress:
        for plan in plans[:150]:
            progress.begins(plan.attempts[0], 1)
            clock.now += 1
    assert capsys.readouterr().err == (
        "sipprobe: 60 of 300 done, 1.0 calls/s, about 3 min 56 s left\n"
        "sipprobe: 120 of 300 done, 1.0 calls/s, about 2 min 59 s left\n"
    )


@pytest.mark.parametrize(
    ("terminal", "environment", "quiet", "way"),
    [
        (True, {}, False, "live"),
        (True, {}, True, ""),
        (False, {}, False, ""),
        (True, {"CI": "true"}, False, "log"),
        (False, {"CI": "true"}, False, "log"),
        (False, {"CI": "true"}, True, ""),
        (True, {"TERM": "dumb"}, False, ""),
    ],
)
def test_who_watches_decides_how_it_is_shown(
    monkeypatch: pytest.MonkeyPatch,
    terminal: bool,
    environment: dict[str, str],
    quiet: bool,
    way: str,
) -> None:
    """A person gets a line, a job a log, a file nothing; cron mails whatever is said."""
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)
    assert way_to_show(quiet=quiet) == way


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (59.4, "59 s"), (125, "2 min 05 s"), (3720, "1 h 02 min")]
)
def test_durations_in_words(seconds: float, words: str) -> None:
    """As people say them."""
    assert in_words(seconds) == words


def test_secret_is_not_shown_live(capsys: pytest.CaptureFixture[str]) -> None:
    """A number given with --secret stays out of the progress line."""
    with live(hide=lambda text: text.replace("+12025550123", "…")) as line:
        line.begins(ATTEMPT, 1)
    assert "+12025550123" not in capsys.readouterr().err


def test_a_name_drives_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """A scenario may come from elsewhere."""
    with live((replace(PLAN, scenario="\x1b]0;title\x07\u202e"),)) as line:
        line.begins(ATTEMPT, 1)
        assert "]0;title" in (said := capsys.readouterr().err)
        assert not set("\x07\u202e") & set(said)
        assert said.count("\x1b") == 1


def test_nobody_watching_gets_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """A log file is not filled with control characters."""
    with Progress((PLAN,), shown="") as progress:
        progress.begins(ATTEMPT, 1)
    assert capsys.readouterr().err == ""


def test_terminal_that_was_closed_does_not_break_a_call_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The line is given up, the run is not."""
    tried: list[str] = []

    class Closed:
        """A terminal that is gone."""

        def write(self, text: str) -> None:
            """Fail as the kernel does."""
            tried.append(text)
            raise OSError(5, "Input/output error")

        def fileno(self) -> int:
            """Fail as a stream without one."""
            raise ValueError

    monkeypatch.setattr("sys.stderr", Closed())
    with live() as progress:
        progress.begins(ATTEMPT, 1)
        progress.begins(ATTEMPT, 2)
    assert len(tried) == 1
