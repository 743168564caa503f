"""Real programs run by a test: probed until ready, stopped by process id, their output kept."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

SEARCH_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
"""PATH with the folders of daemons, which an ordinary user's PATH lacks."""

READY_WITHIN_S = 10.0
"""How long a peer may take to start; an idle machine needs well under one second."""

STOPPED_WITHIN_S = 5.0
"""How long a peer may take to end by itself after the signal, before it is killed."""


def program(name: str) -> str:
    """Return the path of an installed program, or skip the test with the sentence that helps."""
    found = shutil.which(name, path=SEARCH_PATH)
    if found is None:
        pytest.skip(f"{name} is not installed: run tests/install-peers")
    return found


def poll(condition: Callable[[], bool], within_s: float) -> bool:
    """Ask again and again until it is so; return False when `within_s` seconds are over."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)  # between two probes, not instead of one
    return True


class RunningProcess:
    """A child process whose standard output and error go to one file."""

    def __init__(self, process: subprocess.Popen[bytes], output: Path) -> None:
        self.process = process
        self.output = output

    @property
    def pid(self) -> int:
        """The process id."""
        return self.process.pid

    def log(self) -> str:
        """Return everything that the program has printed so far."""
        return self.output.read_text(errors="replace")

    def status(self) -> int | None:
        """Return the exit status, None while it runs, or minus the signal that ended it.

        It stays a zombie until `stop`: so long its id, and its group's, belong to nobody else.
        """
        if self.process.returncode is not None:
            return self.process.returncode
        ended = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if ended is None:
            return None
        return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status

    def wait_until(
        self, ready: Callable[[], bool], what: str, within_s: float = READY_WITHIN_S
    ) -> None:
        """Probe until `ready()`; raises AssertionError with what it printed if it ends or hangs."""
        poll(lambda: self.status() is not None or ready(), within_s)
        if self.status() is not None or not ready():
            message = (
                f"{what} is not ready (status {self.status()}, {within_s} s at most): "
                f"{self.process.args!r} printed:\n{self.log()}"
            )
            raise AssertionError(message)

    def wait(self, within_s: float) -> int:
        """Return the exit status; raises AssertionError if it runs longer than `within_s`."""
        poll(lambda: self.status() is not None, within_s)
        status = self.status()
        if status is None:
            message = f"{self.process.args!r} still runs after {within_s} s:\n{self.log()}"
            raise AssertionError(message)
        return status

    def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> None:
        """End the program, politely and then not, and with it everything that it left running."""
        if self.process.returncode is not None:
            return
        if self.status() is None:
            self.process.send_signal(with_signal)
            poll(lambda: self.status() is not None, STOPPED_WITHIN_S)
        os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def running(  # noqa: PLR0913 - each of them is a thing subprocess is told
    command: Sequence[str],
    output: Path,
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdout: IO[bytes] | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
) -> Iterator[RunningProcess]:
    """Run a program, in a process group of its own, while the block runs."""
    with output.open("wb") as sink:
        process = subprocess.Popen(
            [*_tied_to_us(), *command],
            stdin=subprocess.DEVNULL,
            stdout=stdout or sink,
            stderr=sink,
            cwd=cwd,
            env=env,
            start_new_session=True,  # Ctrl-C is for pytest, which then stops the peer
        )
    child = RunningProcess(process, output)
    try:
        yield child
    finally:
        child.stop(stop_signal)


def _tied_to_us() -> tuple[str, ...]:
    """Return the prefix that lets the kernel end the program when pytest itself is killed."""
    setpriv = shutil.which("setpriv", path=SEARCH_PATH)
    return (setpriv, "--pdeathsig", "TERM", "--") if setpriv else ()
