# ruff: noqa: INP001, T201 - a script, not a package; figures are what it prints
"""Does our clock hold? Calls with sound at a time, and how late their frames left.

    python benchmarks/media_clock.py                   20 calls of 30 s through `sipprobe run`
    python benchmarks/media_clock.py --agents 1        the same in one process (the engine has room)
    python benchmarks/media_clock.py --rows 1000 --seconds 3 --jobs 100
    python benchmarks/media_clock.py --most            how many sessions one process keeps in time

The first way is the whole program: an agent and a process for four calls, against the embedded
trunk, which echoes in the same machine. Rows are calls of a table with silence against SIPp's RTP
echo, so many at a time as `--jobs` says; `sipp` must be there, and what it loses is printed. Both
end with status 1 where a frame of ours left more than 10 ms late; the first also where a packet was
lost, or a clean call is rated below 4.3. The last lets sessions of one process speak with each
other, more and more of them, until one is late.

Beside each run a bare loop on every processor wakes up 250 times a second, with the same rights as
our clock and nothing to do. Where it is late, nobody on this machine could have been in time: a
virtual machine whose host takes a processor away stands still as a whole. What that alone would
have made late is printed beside what was late.

Run it with the interpreter whose pjsua2 is to be measured.
"""

import argparse
import contextlib
import gc
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from probe.rtp.metronome import Metronome
from probe.rtp.negotiation import Terms
from probe.rtp.reception import Known
from probe.rtp.session import Session
from probe.rtp.sound import Kind
from probe.trace.media import TIMELY_S, Agreed, MediaReport

LOOPBACK = "127.0.0.1"
LEAST_MOS = 4.3

ROWS = """\
name: Rows with sound
data: numbers.csv
agents:
  me: {{uri: "sip:alice@127.0.0.1:{port}", password: none, registers: no}}
steps:
  - call: "sip:${{NUMBER}}@127.0.0.1:{port}"
    from: me
    hangup_after: {seconds:g}s
    expect: {{responses: 100? 180 200 ACK}}
"""

CALLS_AN_AGENT = 4
"""Calls of one process: as many as the wheel of PyPI can hold."""


class BareLoops:
    """A loop on each processor that does nothing but wake up in time, or not."""

    def __init__(self) -> None:
        self._stolen = stolen()
        self._loops = [
            subprocess.Popen(  # noqa: S603 - of our own making
                [sys.executable, __file__, "--bare", str(processor)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for processor in sorted(os.sched_getaffinity(0))
        ]

    def end(self, frames_a_second: float) -> str:
        """End them; return what they saw in words."""
        stalls: list[float] = []
        for loop in self._loops:
            said, _ = loop.communicate()
            stalls += json.loads(said)
        late = sum((stall - TIMELY_S) * frames_a_second for stall in stalls)
        return (
            f"{len(stalls)} awakenings late (> {TIMELY_S * 1000:.0f} ms), worst "
            f"{1000 * max(stalls, default=0.0):.2f} ms: up to {late:.0f} frames; the host of this"
            f" machine took {stolen() - self._stolen:.1f} s"
        )


def stolen() -> float:
    """Return the seconds that the host of a virtual machine took from it (proc(5), steal)."""
    fields = Path("/proc/stat").read_text().split(maxsplit=9)
    return int(fields[8]) / os.sysconf("SC_CLK_TCK")


def bare(processor: int) -> None:
    """Wake up every 4 ms until standard input ends; print by how much it was too late, s."""
    os.sched_setaffinity(0, {processor})
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    gc.disable()
    stalls, due = [], time.monotonic()
    while not select.select([sys.stdin], [], [], max(0.0, due - time.monotonic()))[0]:
        late = time.monotonic() - due
        if late > TIMELY_S:
            stalls.append(late)
            due += late
        if late >= 0:
            due += 0.004
    print(json.dumps(stalls))


def scenario(calls: int, seconds: float, many: int) -> str:
    """Return a scenario in which so many agents call at a time and talk for so long."""
    account = 'uri: "sip:100@embedded", password: embedded'
    agents = "".join(f"  agent{n}: {{{account}}}\n" for n in range(many))
    steps = "".join(
        f'  - call: "+12025550123"\n    from: agent{n * many // calls}\n'
        f"    name: call{n}\n    play: tone 1004Hz\n"
        for n in range(calls)
    )
    ends = "".join(f"  - hangup: call{n}\n" for n in range(calls))
    limit = f"timeout: {seconds + 180:g}s\n"
    head = "name: Many calls with sound\ntrunk: embedded\n"
    return f"{head}{limit}agents:\n{agents}steps:\n{steps}  - talk: {seconds:g}s\n{ends}"


def whole_program(calls: int, seconds: float, agents: int) -> int:
    """Run calls at a time through the command line; return the exit status."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        text = scenario(calls, seconds, agents)
        (folder / "many.sip.yaml").write_text(text, encoding="utf-8")
        print(f"{calls} calls of {seconds:g} s at a time, agents: {agents}")
        return run(folder, "many.sip.yaml", calls)


def rows(calls: int, seconds: float, jobs: int) -> int:
    """Run rows of a table through the command line, some at a time; return the exit status."""
    port, media = free_ports()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        numbers = "".join(f"service{n}\n" for n in range(calls))
        (folder / "numbers.csv").write_text(f"NUMBER\n{numbers}", encoding="utf-8")
        (folder / "rows.sip.yaml").write_text(ROWS.format(port=port, seconds=seconds))
        command = ["sipp", "-sn", "uas", "-i", LOOPBACK, "-p", str(port), "-nostdin", "-rtp_echo"]
        command += ["-mi", LOOPBACK, "-mp", str(media)]
        with subprocess.Popen(  # noqa: S603
            command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as peer:
            try:
                print(f"{calls} calls of {seconds:g} s, {jobs} at a time")
                return run(folder, "rows.sip.yaml", calls, "-j", str(jobs))
            finally:
                peer.terminate()


def free_ports() -> tuple[int, int]:
    """Return a free UDP port for signalling, and one for sound with room beside it."""
    found = []
    for _ in range(2):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.bind((LOOPBACK, 0))
            found.append(one.getsockname()[1])
    return found[0], found[1] - found[1] % 2


def run(folder: Path, file: str, calls: int, *options: str) -> int:
    """Run a scenario and print what its calls carried; return the exit status."""
    began, used = time.monotonic(), os.times()
    program = [sys.executable, "-m", "probe.cli", "run", file, "--results", "results", *options]
    loops = BareLoops()
    ran = subprocess.run(program, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
    took, after = time.monotonic() - began, os.times()
    found = list((folder / "results").glob("*/trace.json"))
    if ran.returncode not in {0, 1} or not found:
        print(ran.stdout, ran.stderr, sep="\n")
        return 2
    stored = json.loads(found[0].read_text(encoding="utf-8"))
    reports = [
        media
        for finding in stored["findings"]
        for media in finding["tries"][-1]["media"]
        if finding["tries"][-1]["method"] == "INVITE"
    ]
    cpu = after.children_user + after.children_system - used.children_user - used.children_system
    sent = sum(int(str(report["tx_packets"])) for report in reports)
    print(f"bare loops beside it   {loops.end(sent / took)}")
    return told(reports, calls, took, cpu, ours=not options)


def told(
    reports: list[dict[str, object]], calls: int, took: float, cpu: float, *, ours: bool
) -> int:
    """Print what was measured; return the exit status. ``ours``: the echo is, too."""

    def every(name: str) -> list[float]:
        return [float(str(report[name])) for report in reports if report[name] is not None]

    sent, late = sum(every("tx_packets")), sum(every("tx_late"))
    worst, lost = max(every("tx_worst_late_s"), default=0), sum(every("rx_lost"))
    least = min(every("mos"), default=0.0)
    jitter = max(every("rx_jitter_s"), default=0.0)
    print(f"calls with sound       {len(reports)} of {calls}, {took:.1f} s in all")
    print(f"processor              {cpu:.1f} s, {100 * cpu / took:.0f} % of one")
    print(
        f"frames of ours         {sent:.0f}, late (> {TIMELY_S * 1000:.0f} ms) {late:.0f}, "
        f"worst {worst * 1000:.2f} ms"
    )
    print(
        f"echo received          {sum(every('rx_packets')):.0f}, lost {lost:.0f} "
        f"({sum(every('rx_overflow')):.0f} at our sockets), "
        f"largest mean jitter {jitter * 1000:.2f} ms"
    )
    print(f"lowest MOS (estimate)  {least:.2f}")
    print(f"calls a second         {len(reports) / took:.1f}")
    for why in sorted({str(report["unmeasured"]) for report in reports} - {""}):
        print(f"not measured           {why}")
    good = len(reports) == calls and not late
    if ours:
        good = good and not lost and least >= LEAST_MOS
    print("holds" if good else "does not hold")
    return 0 if good else 1


def most(seconds: float) -> int:
    """Find out how many sessions one process keeps in time; print each try."""
    held, count = 0, 20
    print("sessions  frames  late  worst ms  processor %")
    while count <= 1000:
        before = time.process_time(), time.monotonic()
        reports = paired(count, seconds)
        load = (time.process_time() - before[0]) / (time.monotonic() - before[1])
        late, frames = sum(r.tx_late for r in reports), sum(r.tx_packets for r in reports)
        worst = max(r.tx_worst_late_s for r in reports)
        print(f"{count:8}  {frames:6}  {late:4}  {worst * 1000:8.2f}  {100 * load:11.0f}")
        if late:
            break
        held, count = count, count + (20 if count < 100 else 50)
    print(f"one process keeps {held} calls in time")
    return 0 if held else 1


def paired(count: int, seconds: float) -> list[MediaReport]:
    """Let sessions speak with each other in pairs; return their reports."""
    epoch = time.monotonic()

    def clock() -> float:
        return time.monotonic() - epoch

    metronome = Metronome(clock)
    sessions = [Session(LOOPBACK, clock=clock) for _ in range(count)]
    for place, session in enumerate(sessions):
        session.answered = True
        session.apply(_terms(session, sessions[place ^ 1]))
        metronome.add(session)
        time.sleep(0.02 * 7 / count)  # frames are due at different moments, as in life
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        metronome.listen()
        time.sleep(0.005)
    for session in sessions:
        metronome.remove(session)
    metronome.close()
    return [report for s in sessions if (report := s.report("")) is not None]


def _terms(one: Session, other: Session) -> Terms:
    agreed = Agreed(
        at=0.0,
        local=f"{LOOPBACK}:{one.port}",
        remote=f"{LOOPBACK}:{other.port}",
        direction="sendrecv",
        codec="PCMU",
        payload_type=0,
        clock_rate=8000,
        ptime_s=0.02,
    )
    return Terms(
        agreed=agreed,
        address=(LOOPBACK, other.port),
        control=(LOOPBACK, other.port + 1),
        types={0: Known(Kind.AUDIO, "PCMU", 8000)},
        comfort_noise=None,
        keys=None,
        unmeasured="",
    )


def main() -> int:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--calls", type=int, default=20, help="calls at a time (20)")
    add("--seconds", type=float, default=30.0, help="how long they talk (30)")
    add("--agents", type=int, help="agents, each with a process, that share the calls")
    add("--rows", type=int, help="so many calls, one a row")
    add("--jobs", type=int, default=20, help="how many rows at a time (20)")
    add("--most", action="store_true", help="how many one process keeps in time")
    add("--bare", type=int, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.bare is not None:
        bare(wanted.bare)
        return 0
    if wanted.most:
        return most(min(wanted.seconds, 4.0))
    if wanted.rows:
        return rows(wanted.rows, wanted.seconds, wanted.jobs)
    agents = wanted.agents or -(-wanted.calls // CALLS_AN_AGENT)
    return whole_program(wanted.calls, wanted.seconds, agents)


if __name__ == "__main__":
    sys.exit(main())
