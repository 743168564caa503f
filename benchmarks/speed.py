# ruff: noqa: INP001 - a script, not a package
"""What a verdict costs: one call, and how the cost grows to 10,000, as ratios against SIPp.

    python benchmarks/speed.py                      # 1 to 10,000 calls: some minutes
    python benchmarks/speed.py --short              # 1 to 100 calls: what CI prints
    python benchmarks/speed.py --python .venv/engine/bin/python --keep

Each figure is of whole processes, from the start of a command to its exit, workers included: wall
time, processor time, and the peak memory of the largest process. Our far end is SIPp on loopback,
which answers at once; SIPp's own caller then does the same calls against the same far end, in turn,
so that a ratio holds where the speed of the machine does not. No call may be lost, and the far end
counts them. `--keep` adds the figures to benchmarks/history.jsonl. The machine should be quiet.
Needs sipp (`tests/install-peers`); nothing leaves loopback.
"""

import argparse
import contextlib
import csv
import json
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
HISTORY = HERE / "history.jsonl"
LOOPBACK = "127.0.0.1"
SIZES = (1, 10, 100, 1_000, 10_000)
SHORT = (1, 10, 100)
SLOWEST = 20.0
"""Calls a second below which a run is broken off."""

ONE = """\
name: One registration and one call
agents:
  me: {{uri: "sip:alice@{host}:{port}"}}
steps:
  - register: me
    expect: {{responses: 200}}
  - call: "sip:service@{host}:{port}"
    from: me
    hangup_after: 0s
    expect: {{responses: 100? 180 200 ACK}}
"""

MANY = """\
name: Many calls
data: numbers.csv
agents:
  me: {{uri: "sip:alice@{host}:{port}", registers: no}}
steps:
  - call: "sip:${{NUMBER}}@{host}:{port}"
    from: me
    hangup_after: 0s
    expect: {{responses: 100? 180 200 ACK}}
"""


class Cost(NamedTuple):
    """What a command took, from its start to its exit."""

    wall: float
    "Seconds."

    cpu: float
    "Seconds of processor time, of it and every process that it waited for."

    peak: float
    "MiB, of the largest of these processes."


def cost(command: list[str], folder: Path, within_s: float) -> Cost:
    """Run a command to its end; raise SystemExit with its words where it fails."""
    log = folder / "out.txt"
    with log.open("wb") as out:
        began = time.monotonic()
        process = subprocess.Popen(  # noqa: S603 - of our own making
            command, cwd=folder, stdout=out, stderr=out, stdin=subprocess.DEVNULL
        )
        watch = threading.Timer(within_s, process.kill)
        watch.start()
        _, status, used = os.wait4(process.pid, 0)
        wall = time.monotonic() - began
        watch.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        words = log.read_text(errors="replace")
        words = words if len(words) < 20_000 else words[:2_000] + "\n[…]\n" + words[-2_000:]
        raise SystemExit(f"{' '.join(command)}: exit status {process.returncode}\n{words}")
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


class FarEnd:
    """A SIPp that answers, and its port."""

    def __init__(self, folder: Path, scenario: list[str]) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind((LOOPBACK, 0))
            self.port = free.getsockname()[1]
        self._counts = folder / f"counts-{self.port}.csv"
        command = [_sipp(), *scenario, "-i", LOOPBACK, "-mi", LOOPBACK, "-ci", LOOPBACK]
        command += ["-p", str(self.port), "-buff_size", "4000000", "-nostdin"]
        command += ["-trace_stat", "-stf", str(self._counts), "-fd", "1"]
        self._process = subprocess.Popen(  # noqa: S603 - of our own making
            command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        _until_bound(self.port)

    def cpu(self) -> float:
        """Return the seconds of processor time that it took so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()

    def answered(self) -> dict[str, int]:
        """Let it end and return how many calls it saw, how many went well, what was sent again."""
        self._process.send_signal(10)  # SIGUSR1: SIPp ends in order and writes its last counts
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        self.close()
        with self._counts.open(newline="") as file:
            last = list(csv.DictReader(file, delimiter=";"))[-1]
        names = {"seen": "TotalCallCreated", "well": "SuccessfulCall(C)"}
        return {name: int(last[column]) for name, column in names.items()}


def _sipp() -> str:
    found = shutil.which("sipp")
    if found is None:
        raise SystemExit("there is no sipp here (Debian, Ubuntu: apt-get install sip-tester)")
    return found


def _until_bound(port: int) -> None:
    """Wait until somebody holds a UDP port, at most five seconds."""
    wanted = f"{int.from_bytes(socket.inet_aton(LOOPBACK), 'little'):08X}:{port:04X}"
    until = time.monotonic() + 5
    while wanted not in Path("/proc/net/udp").read_text():
        if time.monotonic() > until:
            raise SystemExit("sipp does not listen")
        time.sleep(0.01)


def caller(port: int, calls: int) -> list[str]:
    """Return SIPp's own caller, as fast as it goes with 64 calls at a time."""
    rate = min(calls * 10, 20_000)
    line = [_sipp(), "-sn", "uac", "-i", LOOPBACK, "-mi", LOOPBACK, "-ci", LOOPBACK, "-nostdin"]
    line += ["-m", str(calls), "-r", str(rate), "-l", "64", "-buff_size", "4000000"]
    return [*line, f"{LOOPBACK}:{port}"]


def one_verdict(python: str, folder: Path, rounds: int) -> dict[str, Any]:
    """Return what one registration and one answered call cost, and SIPp's one call, in turn."""
    far, plain = FarEnd(folder, ["-sf", str(HERE / "answering.xml")]), FarEnd(folder, UAS)
    try:
        (folder / "one.sip.yaml").write_text(ONE.format(host=LOOPBACK, port=far.port))
        ours = [python, "-m", "probe.cli", "run", "one.sip.yaml"]
        pairs = [
            (cost(ours, folder, 60), cost(caller(plain.port, 1), folder, 60))
            for _ in range(rounds + 1)
        ][1:]  # the first one fills caches
    finally:
        far.close()
        plain.close()
    mine, theirs = (_medians(list(costs)) for costs in zip(*pairs, strict=True))
    return {"ours": mine._asdict(), "sipp": theirs._asdict()}


UAS = ["-sn", "uas"]


def _medians(costs: list[Cost]) -> Cost:
    return Cost(*(statistics.median(column) for column in zip(*costs, strict=True)))


def many(python: str, folder: Path, calls: int, rounds: int, jobs: str) -> dict[str, Any]:
    """Return what so many calls cost, and SIPp's, in turn; SystemExit where one was lost."""
    rows = "\n".join(f"{5_550_000_000 + number}" for number in range(calls))
    (folder / "numbers.csv").write_text(f"NUMBER\n{rows}\n")
    within_s = 60 + calls / SLOWEST
    pairs, far_cpu = [], []
    for _ in range(rounds):
        far, plain = FarEnd(folder, UAS), FarEnd(folder, UAS)
        try:
            (folder / "many.sip.yaml").write_text(MANY.format(host=LOOPBACK, port=far.port))
            command = [python, "-m", "probe.cli", "run", "many.sip.yaml"]
            command += ["--jobs", jobs] if jobs else []
            spent = far.cpu()
            mine = cost([*command, "--results", f"results-{calls}"], folder, within_s)
            far_cpu.append(far.cpu() - spent)
            theirs = cost(caller(plain.port, calls), folder, within_s)
            seen = far.answered()
        finally:
            far.close()
            plain.close()
        if seen["well"] < calls:
            raise SystemExit(f"{calls} calls, and the far end saw {seen} of them to their end")
        pairs.append((mine, theirs))
    mine, theirs = (_medians(list(costs)) for costs in zip(*pairs, strict=True))
    return {
        "calls": calls,
        "ours": mine._asdict(),
        "sipp": theirs._asdict(),
        "far_end_cpu": statistics.median(far_cpu),
    }


def report(python: str, folder: Path, calls: int) -> dict[str, Any]:
    """Return what an HTML and a JSON report of a stored run of so many calls cost."""
    run = max((folder / f"results-{calls}").iterdir())
    found = {}
    for kind, name in (("html", "page.html"), ("json", "report.json")):
        command = [python, "-m", "probe.cli", "report", str(run), "--format", kind]
        spent = cost([*command, "--output", name], folder, 300)
        found[kind] = {**spent._asdict(), "mib": (folder / name).stat().st_size / 2**20}
    return found


def engine_of(python: str) -> str:
    """Return the pjproject version that an interpreter has."""
    code = (
        "import pjsua2 as p;e=p.Endpoint();e.libCreate();print(e.libVersion().full);"
        "import os,sys;sys.stdout.flush();os._exit(0)"
    )
    done = subprocess.run(  # noqa: S603 - of our own making
        [python, "-c", code], capture_output=True, text=True, check=False
    )
    lines = [line for line in done.stdout.splitlines() if line[:1].isdigit() and ":" not in line]
    return lines[-1] if lines else "no pjsua2"


def yardstick() -> float:
    """Return the seconds that ten million additions in Python take here now."""
    began, total = time.process_time(), 0
    for number in range(10_000_000):
        total += number
    return time.process_time() - began


def table(found: dict[str, Any]) -> Iterator[str]:
    """Yield the lines that tell the figures of one interpreter."""
    one = found["one"]
    mine, sipp = Cost(**one["ours"]), Cost(**one["sipp"])
    yield f"## pjsip {found['engine']}, Python {found['python']}"
    yield ""
    yield (
        f"One registration and one call: {mine.wall:.2f} s, {mine.cpu:.2f} s of processor time,"
        f" {mine.peak:.0f} MiB. SIPp's one call: {sipp.wall:.2f} s, {sipp.cpu:.3f} s."
    )
    yield (
        f"Ten million additions in Python took {found['yardstick_s']:.2f} s: the two calls cost"
        f" {mine.cpu / found['yardstick_s']:.2f} times that."
    )
    yield ""
    yield (
        "| calls | wall | calls/s | CPU a call | more CPU a call than the run of 1 | peak |"
        " SIPp calls/s | SIPp CPU a call | CPU: ours to SIPp's | far end CPU a call |"
    )
    yield "| --- " * 10 + "|"
    base = found["many"][0]["ours"]["cpu"]
    for row in found["many"]:
        calls, mine, sipp = row["calls"], Cost(**row["ours"]), Cost(**row["sipp"])
        growth = f"{1000 * (mine.cpu - base) / (calls - 1):.2f} ms" if calls > 1 else ""
        yield (
            f"| {calls:,} | {mine.wall:.2f} s | {calls / mine.wall:,.0f} |"
            f" {1000 * mine.cpu / calls:.2f} ms | {growth} | {mine.peak:.0f} MiB |"
            f" {calls / sipp.wall:,.0f} | {1000 * sipp.cpu / calls:.2f} ms |"
            f" {mine.cpu / sipp.cpu:.1f} | {1000 * row['far_end_cpu'] / calls:.2f} ms |"
        )
    for kind, spent in found.get("report", {}).items():
        yield ""
        yield (
            f"{kind} report of the last: {spent['wall']:.1f} s, {spent['peak']:.0f} MiB of memory,"
            f" a file of {spent['mib']:.1f} MiB."
        )


def main() -> None:
    """Run what the command line asks for."""
    wanted = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    wanted.add_argument("--python", action="append", help="an interpreter that has sipprobe")
    wanted.add_argument("--short", action="store_true", help="1 to 100 calls only")
    wanted.add_argument("--sizes", help="numbers of calls, such as 1,100,1000")
    wanted.add_argument("--rounds", type=int, default=3, help="of each; the median counts")
    wanted.add_argument("--jobs", default="auto", help="plans at a time (default: auto)")
    wanted.add_argument("--keep", action="store_true", help=f"add the figures to {HISTORY.name}")
    chosen = wanted.parse_args()
    sizes = SHORT if chosen.short else SIZES
    if chosen.sizes:
        sizes = tuple(sorted({1, *map(int, chosen.sizes.split(","))}))
    now = datetime.now(timezone.utc)
    print(f"{now:%Y-%m-%d}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")  # noqa: T201 - figures are what this prints
    for python in map(str, map(Path.absolute, map(Path, chosen.python or [sys.executable]))):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            found: dict[str, Any] = {
                "date": f"{now:%Y-%m-%d}",
                "cores": os.cpu_count(),
                "machine": _processor(),
                "python": platform.python_version(),
                "engine": engine_of(python),
                "load": round(os.getloadavg()[0], 1),
                "commit": _commit(),
                "yardstick_s": yardstick(),
                "one": one_verdict(python, folder, chosen.rounds),
                "many": [
                    many(python, folder, size, 1 if size > 1_000 else chosen.rounds, chosen.jobs)
                    for size in sizes
                ],
            }
            if sizes[-1] >= 1_000:
                found["report"] = report(python, folder, sizes[-1])
        print("\n".join(table(found)), "\n", flush=True)  # noqa: T201 - as above
        if chosen.keep:
            with HISTORY.open("a") as file:
                file.write(json.dumps(found) + "\n")


def _processor() -> str:
    """Return the processor's name as the kernel tells it."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _commit() -> str:
    """Return the commit that is measured."""
    done = subprocess.run(  # noqa: S603 - of our own making
        ["git", "-C", str(HERE), "describe", "--always", "--dirty"],  # noqa: S607 - whichever git
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip()


if __name__ == "__main__":
    main()
