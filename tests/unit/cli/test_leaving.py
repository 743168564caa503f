"""How the process ends: at once, and with nothing lost that it owed to anybody."""

import os
import subprocess
import sys

import pytest

BEFORE = """
import atexit, os, sys, threading, time
import probe.cli

def late():
    time.sleep(0.2)
    os.write(1, b"thread ")

atexit.register(lambda: sys.stdout.write("owed "))
sys.stdout.write("said ")
"""


def ended(program: str, stdout: int = subprocess.PIPE) -> tuple[int, str]:
    """Return status and output of a program that leaves as sipprobe does."""
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        [sys.executable, "-c", BEFORE + program],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
        env=buffered,
    )
    return done.returncode, done.stdout or ""


def test_what_was_said_and_owed_is_written_and_nothing_runs_after_it() -> None:
    """The status is the one that was asked for."""
    assert ended("probe.cli._leave(3); print('after')") == (3, "said owed ")


def test_thread_that_is_no_daemon_is_waited_for() -> None:
    """It may be in the middle of a call; one that only shows progress is not."""
    begin = (
        "threading.Thread(target=late, daemon={daemon}).start(); probe.cli._leave(3); sys.exit(4)"
    )
    assert ended(begin.format(daemon=False)) == (4, "thread said owed ")
    assert ended(begin.format(daemon=True)) == (3, "said owed ")


def test_full_disk_is_left_to_python() -> None:
    """What cannot be written any more is no success."""
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        status, _ = ended("probe.cli._leave(0); sys.exit(0)", full.fileno())
    assert status == 120


@pytest.mark.parametrize(
    ("command", "at_once"),
    [
        (["-m", "probe.cli", "--version"], True),
        (["-m", "cProfile", "-m", "probe.cli", "--version"], False),
        (["-c", "import probe.cli, sys; sys.argv[1:] = ['--version']; probe.cli.main()"], False),
    ],
    ids=["program", "profile", "import"],
)
def test_only_the_program_itself_leaves_at_once(command: list[str], at_once: bool) -> None:
    """Who measures it, or imports it, has more to do than we know."""
    done = subprocess.run(
        [sys.executable, "-v", *command], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0
    taken_apart = "# clear sys.path" in done.stderr
    assert taken_apart is not at_once
    assert ("function calls" in done.stdout) is ("cProfile" in command)
