"""The product as its user meets it: the command line, in a process of its own."""

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from processes import RunningProcess, running


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What a command left behind."""

    exit_code: int
    "Its exit status; negative: the signal that ended it."

    stdout: str
    "What it printed."

    stderr: str
    "What it said beside that."

    @property
    def json(self) -> Any:  # noqa: ANN401 - a report is whatever JSON says
        """Its standard output, parsed as JSON."""
        return json.loads(self.stdout)


class RunningSipprobe:
    """A sipprobe command under way."""

    def __init__(self, process: RunningProcess, stdout: Path) -> None:
        self.process = process
        self._stdout = stdout

    @property
    def pid(self) -> int:
        """The process id, for tests that interrupt or kill it."""
        return self.process.pid

    def finish(self, within_s: float = 30.0) -> Finished:
        """Wait for its end; raises AssertionError with its output if that takes longer."""
        exit_code = self.process.wait(within_s)
        return Finished(
            exit_code=exit_code,
            stdout=self._stdout.read_text(errors="replace"),
            stderr=self.process.log(),
        )


@contextmanager
def running_sipprobe(
    folder: Path, args: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None
) -> Iterator[RunningSipprobe]:
    """Run a command line in `cwd` while the block runs; `env` is added to a clean environment."""
    stdout = folder / "stdout"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SIPPROBE_")}
    # Neither the settings nor the colours of whoever runs the tests.
    clean |= {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "NO_COLOR": "1"}
    with (
        stdout.open("wb") as sink,
        running(
            [sys.executable, "-m", "probe.cli", *args],
            folder / "stderr",
            cwd=cwd,
            env={**clean, **(env or {})},
            stdout=sink,
        ) as process,
    ):
        yield RunningSipprobe(process, stdout)
