"""The line on stderr that says what is being tried."""

import pytest
from reportbuilder import attempt
from wirebuilder import answered_call

from probe.cli.progress import Progress
from probe.plan.plan import Plan

ATTEMPT = attempt(answered_call().trace())
PLAN = Plan(
    scenario="trunk-check", name="", file="", tags=(), trunk="", accounts=(),
    attempts=(ATTEMPT,), timeout=60.0,
)  # fmt: skip


def test_watcher_sees_each_try_on_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each try overwrites the last one, and nothing stays at the end."""
    monkeypatch.setenv("COLUMNS", "100")
    with Progress((PLAN,), live=True) as progress:
        progress.begins(ATTEMPT, 1)
        progress.begins(ATTEMPT, 2)
    assert capsys.readouterr().err == (
        "\r\x1b[K[1/1] trunk-check › call +12025550123"
        "\r\x1b[K[1/1] trunk-check › call +12025550123  try 2"
        "\r\x1b[K"
    )


def test_line_never_wraps(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A narrow terminal gets the beginning: a second line could not be taken back."""
    monkeypatch.setenv("COLUMNS", "20")
    with Progress((PLAN,), live=True) as progress:
        progress.begins(ATTEMPT, 1)
        assert capsys.readouterr().err == "\r\x1b[K[1/1] trunk-check ›"


def test_secret_is_not_shown_live(capsys: pytest.CaptureFixture[str]) -> None:
    """A number given with --secret stays out of the progress line."""
    with Progress((PLAN,), live=True, hide=lambda text: text.replace("+12025550123", "…")) as line:
        line.begins(ATTEMPT, 1)
    assert "+12025550123" not in capsys.readouterr().err


def test_nobody_watching_gets_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """A log file is not filled with control characters."""
    with Progress((PLAN,), live=False) as progress:
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

    monkeypatch.setattr("sys.stderr", Closed())
    with Progress((PLAN,), live=True) as progress:
        progress.begins(ATTEMPT, 1)
        progress.begins(ATTEMPT, 2)
    assert len(tried) == 1
