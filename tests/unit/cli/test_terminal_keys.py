"""How wide the terminal is, as a program finds out that runs on one."""

import fcntl
import os
import struct
import subprocess
import sys
import termios

import pytest

from probe.cli.terminal import columns

PROGRAM = "from probe.cli.terminal import columns; import sys; sys.stderr.write(str(columns(72)))"


def told_on(wide: int, **environment: str) -> str:
    """Return what a program says whose stdout is a terminal of so many columns."""
    ours, its = os.openpty()
    try:
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, wide, 0, 0))
        known = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            stdout=its,
            stderr=subprocess.PIPE,
            text=True,
            env=known | environment,
            check=True,
            timeout=60,
        )
    finally:
        os.close(ours)
        os.close(its)
    return done.stderr


def test_terminal_says_how_wide_it_is() -> None:
    """A window that was made wider gets longer lines."""
    assert told_on(133) == "133"


def test_terminal_that_does_not_know_gives_what_is_usual() -> None:
    """A serial line has no columns."""
    assert told_on(0) == "72"


@pytest.mark.parametrize(("wanted", "found"), [("44", 44), ("0", 72), ("wide", 72), ("", 72)])
def test_environment_wins_where_it_names_a_number(
    monkeypatch: pytest.MonkeyPatch, wanted: str, found: int
) -> None:
    """As for every program of the shell; without a terminal it is what is usual."""
    monkeypatch.setenv("COLUMNS", wanted)
    monkeypatch.setattr(sys, "__stdout__", None)
    assert columns(72) == found
