"""A user's folder: sipprobe.yaml, scenario files, and what a run in it leaves behind."""

import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ports import LOOPBACK
from processes import poll
from sipprobe_command import Finished, RunningSipprobe

MARK = "PEER_TEST_MARK"
"""Environment variable that a command and all its children carry: how leftovers are found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run that ended, read back from its results folder."""

    finished: Finished
    "Exit status and output."

    report: Any
    "report.json, parsed; None where nothing was stored."

    traces: Any
    "trace.json, parsed; None where nothing was stored."

    folder: Path | None
    "The run's own folder; None where nothing was stored."

    @property
    def exit_code(self) -> int:
        """The exit status."""
        return self.finished.exit_code

    @property
    def findings(self) -> list[dict[str, Any]]:
        """What was found, one for each judged step."""
        found: list[dict[str, Any]] = self.report["findings"]
        return found

    @property
    def media(self) -> dict[str, Any]:
        """The only media report of the last finding."""
        (one,) = self.traces["findings"][-1]["tries"][-1]["media"]
        found: dict[str, Any] = one
        return found

    def events(self) -> list[dict[str, Any]]:
        """Return every event of every try and of the cleaning up, in the order of the file."""
        tries = [t for finding in self.traces["findings"] for t in finding["tries"]]
        legs = [leg["trace"] for trace in tries for leg in trace["legs"]]
        whole = (*tries, *legs, *self.traces["cleanup"])
        return [event for trace in whole for event in trace["events"]]

    def messages(self, kind: str | None = None) -> list[dict[str, Any]]:
        """Return the SIP messages in order of time; `kind` is MessageSent or MessageReceived.

        A call's BYE may also stand in the trace of the step that hung up: it is returned once.
        """
        wanted = {kind} if kind else {"MessageSent", "MessageReceived"}
        once = {
            (event["at"], event["type"], event["text"]): event
            for event in self.events()
            if event["type"] in wanted
        }
        return sorted(once.values(), key=lambda event: float(event["at"]))

    def first_lines(self) -> list[str]:
        """Return what happened in short: `> ` sent by us, `< ` received, then the first line."""
        return [
            f"{'>' if m['type'] == 'MessageSent' else '<'} {m['text'].partition(chr(13))[0]}"
            for m in self.messages()
        ]


class UserFolder:
    """Where a user keeps sipprobe.yaml and his scenarios, and calls sipprobe."""

    def __init__(self, path: Path, start: Callable[..., RunningSipprobe]) -> None:
        self.path = path
        self._start = start
        self._marks: list[str] = []

    def trunk(self, **keys: object) -> None:
        """Write sipprobe.yaml with one profile, `peer`, bound to loopback."""
        self.trunks(peer=keys)

    def trunks(self, **profiles: Mapping[str, object]) -> None:
        """Write sipprobe.yaml; every profile is bound to loopback."""
        bound = {name: {"local_address": LOOPBACK, **keys} for name, keys in profiles.items()}
        # JSON is YAML: no quoting of our own.
        (self.path / "sipprobe.yaml").write_text(json.dumps({"trunks": bound}, indent=1))

    def scenario(self, steps: str, name: str = "check", trunk: str = "peer", top: str = "") -> str:
        """Write a scenario of the steps (YAML list items at column 1); return its file name."""
        body = "".join(f"  {line}\n" for line in steps.strip("\n").splitlines())
        file = Path("scenarios", f"{name}.sip.yaml")
        (self.path / "scenarios").mkdir(exist_ok=True)
        (self.path / file).write_text(f"trunk: {trunk}\n{top}steps:\n{body}")
        return str(file)

    def start(self, *args: str, env: Mapping[str, str] | None = None) -> RunningSipprobe:
        """Start a sipprobe command here."""
        mark = secrets.token_hex(8)
        self._marks.append(mark)
        return self._start(args, cwd=self.path, env={MARK: mark, **(env or {})})

    def command(
        self, *args: str, env: Mapping[str, str] | None = None, within_s: float = 30.0
    ) -> Finished:
        """Run any sipprobe command here to its end."""
        return self.start(*args, env=env).finish(within_s)

    def run(
        self, *names: str, flags: Sequence[str] = (), env: Mapping[str, str] | None = None
    ) -> Run:
        """Run scenarios to their end and read back what was stored."""
        return self.read(self.start("run", *names, "--results", "results", *flags, env=env))

    def read(self, running: RunningSipprobe, within_s: float = 30.0) -> Run:
        """Wait for the end of a `run … --results results` and read back what it stored."""
        finished = running.finish(within_s)
        folders = sorted((self.path / "results").glob("*"), key=lambda f: f.stat().st_mtime_ns)
        folder = folders[-1] if folders else None
        report = traces = None
        if folder is not None:
            report = json.loads((folder / "report.json").read_text())
            traces = json.loads((folder / "trace.json").read_text())
        run = Run(finished=finished, report=report, traces=traces, folder=folder)
        if traces is not None:
            assert_loopback_only(run)
        return run

    def workers(self, running: RunningSipprobe) -> list[int]:
        """Return the process ids of a command's workers."""
        return children(running.pid)

    def leftovers(self) -> list[int]:
        """Return the processes that carry the mark of a command of this folder."""
        return [pid for mark in self._marks for pid in marked(mark)]

    def wait_for_silence(self) -> list[int]:
        """Return the processes that are still there two seconds after the last command ended."""
        poll(lambda: not self.leftovers(), 2.0)
        return self.leftovers()


def assert_loopback_only(run: Run) -> None:
    """Hold that no message of a run went to or came from anywhere but loopback."""
    for event in run.messages():
        for end in ("local", "remote"):
            assert event[end].startswith((f"{LOOPBACK}:", "[::1]:")), event[end]


def children(parent: int) -> list[int]:
    """Return the ids of the living child processes of a process."""
    found = []
    for pid, stat in _processes():
        # After the name, which may hold anything: state, then parent.
        state, its_parent = stat.rpartition(")")[2].split()[:2]
        if int(its_parent) == parent and state != "Z":
            found.append(pid)
    return found


def marked(mark: str) -> list[int]:
    """Return the ids of the living processes that carry a mark in their environment."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for pid, stat in _processes():
        with suppress(OSError):  # it may end while we look
            environment = Path("/proc", str(pid), "environ").read_bytes().split(b"\0")
            if wanted in environment and stat.rpartition(")")[2].split()[0] != "Z":
                found.append(pid)
    return found


def _processes() -> Iterator[tuple[int, str]]:
    """Yield each process's id and its line of /proc/PID/stat."""
    for name in os.listdir("/proc"):  # noqa: PTH208 - some hundred names, asked again and again
        if name.isdigit():
            with suppress(OSError):  # it may end while we look
                yield int(name), Path("/proc", name, "stat").read_text(errors="replace")
