"""One worker process as its supervisor sees it."""

import contextlib
import os
import signal
import time
from typing import TYPE_CHECKING, Any

from probe.executor.begin import ended_within, forked, may_fork, spawned
from probe.executor.living import born

if TYPE_CHECKING:
    from pathlib import Path

MOST_READS = 16
"""Reads of one turn: 64 KiB each, as the pipe gives them. A worker in a storm of messages writes as
fast as we read, and the clock must be looked at in between."""


ROOM = 1 << 20
"""Bytes of a pipe of a worker that carries many calls: what Linux gives to everybody."""


class WorkerProcess:
    """A worker, its two pipes, and what it wrote to stderr before it died."""

    def __init__(self, *, forks: bool = False) -> None:
        """Start it; ``forks`` is for who has read no secret yet: the child inherits all memory."""
        commands_read, self._commands = os.pipe()
        self._answers, answers_write = os.pipe()
        self._errors = _scratch()
        ends = commands_read, answers_write, self._errors
        self._process = (forked if forks and may_fork(*ends) else spawned)(*ends)
        os.close(commands_read)
        os.close(answers_write)
        os.set_blocking(self._answers, False)
        self._buffer = b""
        self.heard_at = time.monotonic()
        self.ended = False
        self.hung = False
        "Whether it was ended because it gave no sign of life."
        self.calls = 0
        "Calls that it was told to place or to take."
        self._words: str | None = None
        self._born: int | None = None

    @property
    def born(self) -> int:
        """When it began (see Life.born); not asked for before it runs."""
        if self._born is None:
            self._born = born(self.pid) or 0
        return self._born

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def journal(self) -> "Path | None":
        """Where it writes down what is up already: nowhere, each plan says it anew."""
        return None

    def writes_down(self, journal: "Path") -> None:
        """Take note of where that will be: of no use to the next plan."""

    def fileno(self) -> int:
        """Return the descriptor to select on."""
        return self._answers

    def widen(self) -> None:
        """Give both pipes more room, where the system has it.

        A worker that carries many calls fills the usual 64 KiB within milliseconds, and whoever
        cannot write stands still, with every call that is up.
        """
        import fcntl  # noqa: PLC0415 - only where one process carries many calls

        with contextlib.suppress(OSError, AttributeError):
            for pipe in (self._answers, self._commands):
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, ROOM)

    def send(self, kind: str, **fields: object) -> None:
        """Write one command; a worker that is gone is noticed when it is read."""
        from probe.agent.channel import encode  # noqa: PLC0415 - loads while the worker starts

        line = encode(kind, **fields)
        try:
            while line:
                line = line[os.write(self._commands, line) :]
        except BrokenPipeError:
            pass

    def read(self) -> list[dict[str, Any]]:
        """Return answers that have arrived, not always all; set ``ended`` at the pipe's end."""
        from probe.agent.channel import ChannelError, decode_lines  # noqa: PLC0415 - as above

        found: list[dict[str, Any]] = []
        for _ in range(MOST_READS):
            try:
                data = os.read(self._answers, 1 << 18)
            except BlockingIOError:
                return found
            if not data:
                self.ended = True
                return found
            self.heard_at = time.monotonic()
            data = self._buffer + data
            end = data.rfind(b"\n") + 1
            self._buffer = data[end:]
            found += [
                {"kind": "garbage", "detail": str(one)} if isinstance(one, ChannelError) else one
                for one in decode_lines(data[:end])
            ]
        return found

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()

    def close(self, wait_s: float = 2.0) -> str:
        """Wait for the process, end it if need be; return how it ended, in words.

        May be called again; the words stay the same.
        """
        if self._words is not None:
            return self._words
        with contextlib.suppress(OSError):
            os.close(self._commands)
        code = ended_within(self._process, wait_s)
        while code is None:
            self._process.kill()
            code = ended_within(self._process, wait_s)
        self.ended = True
        os.close(self._answers)
        size = os.fstat(self._errors).st_size
        said = os.pread(self._errors, 2000, max(0, size - 2000)).decode("utf-8", "replace").strip()
        os.close(self._errors)
        last = said.splitlines()[-1] if said else ""
        self._words = f"{_ending(code)}: {last}" if last else _ending(code)
        return self._words


def _scratch() -> int:
    """Return a file without a name, for what a worker says on stderr before it dies."""
    try:
        return os.memfd_create("sipprobe-stderr")
    except (AttributeError, OSError):
        import tempfile  # noqa: PLC0415 - 6 ms, on systems that cannot do this in memory

        with tempfile.TemporaryFile() as file:
            return os.dup(file.fileno())


def _ending(code: int) -> str:
    """Say how a process ended."""
    if code < 0:
        try:
            return f"ended by {signal.Signals(-code).name}"
        except ValueError:
            return f"ended by signal {-code}"
    return f"exit status {code}"
