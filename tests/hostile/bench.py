"""One `sipprobe run` against a hostile peer: its files, its process watched, its report read."""

import contextlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from peer import LOOPBACK, HostilePeer

REPOSITORY = Path(__file__).resolve().parents[2]
LOOK_S = 0.25
"""Distance of two looks at the process."""


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What a run left."""

    exit_code: int | None
    "Exit status; None where it had to be killed."

    took_s: float
    "Wall time."

    report: dict[str, Any] | None
    "report.json, None where there is none."

    traces: dict[str, Any] | None = field(repr=False, default=None)
    "trace.json, None where it was not read."

    peak_kib: int
    "Largest resident set of the command, KiB."

    descriptors: tuple[int, int]
    "Open descriptors of the command: after one second, and the most that was seen."

    stderr: str
    "What it said on stderr, the last 4,000 characters."

    output: str
    "What it printed, the last 4,000 characters."

    @property
    def findings(self) -> list[dict[str, Any]]:
        """What was found; empty where there is no report."""
        found: list[dict[str, Any]] = self.report["findings"] if self.report else []
        return found


def write_profile(folder: Path, peer: HostilePeer, **keys: object) -> None:
    """Write sipprobe.yaml with one profile, ``peer``, that leads to a hostile peer."""
    suffix = "" if peer.transport == "udp" else f";transport={peer.transport}"
    profile = {
        "uri": f"sip:100@{LOOPBACK}:{peer.port}{suffix}",
        "local_address": LOOPBACK,
        **({"verify": "off"} if peer.transport == "tls" else {}),
        **keys,
    }
    text = json.dumps({"trunks": {"peer": profile}}, indent=1)  # JSON is YAML
    (folder / "sipprobe.yaml").write_text(text)


def write_scenario(folder: Path, name: str, steps: Sequence[object], **top: object) -> str:
    """Write a scenario on the profile ``peer``; return its name."""
    (folder / "scenarios").mkdir(exist_ok=True)
    text = json.dumps({"trunk": "peer", **top, "steps": list(steps)}, indent=1)
    # A verb with nothing behind it: the word null would be read as text.
    (folder / "scenarios" / f"{name}.sip.yaml").write_text(text.replace(": null", ": "))
    return name


def run(
    folder: Path, names: Sequence[str], *, within_s: float, read_traces: bool = False
) -> Outcome:
    """Run scenarios of a folder to their end, or kill the command after so long."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SIPPROBE_")}
    environment |= {
        **{name: str(folder) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME")},
        "NO_COLOR": "1",
        "PYTHONPATH": str(REPOSITORY),
    }
    began = time.monotonic()
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
        process = subprocess.Popen(
            [sys.executable, "-m", "probe.cli", "run", "--results", "results", *names],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
        first = most = 0
        killed = False
        while True:
            pid, status, used = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            elapsed = time.monotonic() - began
            with contextlib.suppress(OSError):
                now = len(os.listdir(f"/proc/{process.pid}/fd"))  # noqa: PTH208 - asked often
                first = first or (now if elapsed > 1 else 0)
                most = max(most, now)
            if elapsed > within_s and not killed:
                killed = True
                process.kill()
            time.sleep(LOOK_S)
        process.returncode = os.waitstatus_to_exitcode(status)
    took = time.monotonic() - began
    stored = sorted((folder / "results").glob("*/report.json"))
    report = json.loads(stored[-1].read_text()) if stored and not killed else None
    traces = None
    if report is not None and read_traces:
        traces = json.loads((stored[-1].parent / "trace.json").read_text())
    return Outcome(
        exit_code=None if killed else process.returncode,
        took_s=took,
        report=report,
        traces=traces,
        peak_kib=used.ru_maxrss,
        descriptors=(first, most),
        stderr=(folder / "stderr").read_text(errors="replace")[-4000:],
        output=(folder / "stdout").read_text(errors="replace")[-4000:],
    )


def events(outcome: Outcome) -> list[dict[str, Any]]:
    """Return every event of every try and of the cleaning up."""
    if outcome.traces is None:
        return []
    tries = [t for finding in outcome.traces["findings"] for t in finding["tries"]]
    return [event for trace in (*tries, *outcome.traces["cleanup"]) for event in trace["events"]]


def dialled(outcome: Outcome) -> set[str]:
    """Return the Request-URIs of all INVITEs that we sent outside a dialog."""
    found = set()
    for event in events(outcome):
        if event["type"] == "MessageSent" and event["text"].startswith("INVITE "):
            to = re.search(r"(?im)^to:.*", event["text"])
            if to and ";tag=" not in to[0]:
                found.add(event["text"].split(" ", 2)[1])
    return found
