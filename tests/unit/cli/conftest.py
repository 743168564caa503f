"""Runs the command line in this process, in an empty folder, away from the user's own files."""

import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from commandline import CARRIER, ONE_CALL, ONE_REGISTRATION, Ended, HandingOut

from probe.cli import main

OURS = (
    "NO_COLOR",
    "FORCE_COLOR",
    "CI",
    "SIPPROBE_TRACEBACK",
    "SIPPROBE_SIMULATE_PASSWORD",
    "XDG_CONFIG_HOME",
)
"""Variables of the environment that change what a command prints or reads."""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder that is the current one and the user's home."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "100")
    for name in OURS:
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def sipprobe(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ended]:
    """Return what runs a command line and says how it ended."""

    def run(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["sipprobe", *arguments])
        streams = sys.stdout, sys.stderr
        try:
            with pytest.raises(SystemExit) as left:
                main()
        finally:
            sys.stdout, sys.stderr = streams
        assert isinstance(left.value.code, int)
        said = capsys.readouterr()
        return Ended(status=left.value.code, out=said.out, err=said.err)

    return run


@pytest.fixture
def executor(monkeypatch: pytest.MonkeyPatch) -> HandingOut:
    """Put an executor that dials nobody in the place of the real one."""
    fake = HandingOut()
    monkeypatch.setattr("probe.executor.process.WorkerProcess", fake.started_ahead)
    monkeypatch.setattr("probe.executor.local.LocalExecutor", lambda **_given: fake)
    return fake


@pytest.fixture
def carrier(here: Path) -> Path:
    """Return a folder with a trunk profile and two scenarios on it."""
    (here / "sipprobe.yaml").write_text(CARRIER)
    folder = here / "scenarios"
    folder.mkdir()
    (folder / "one-call.sip.yaml").write_text(ONE_CALL)
    (folder / "one-registration.sip.yaml").write_text(ONE_REGISTRATION)
    return here


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """Put the handlers of SIGINT and SIGTERM back, which some verbs replace for good."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
