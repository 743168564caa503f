"""The process that keeps the time: when it is stopped, killed, or told much."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from types import SimpleNamespace

import pytest
from twosessions import LOOPBACK, clock_from_now, sent, sessions, terms

from probe.playing.reel import Reel
from probe.rtp.metronome import Metronome
from probe.rtp.orders import Play, Wire
from probe.rtp.session import Session
from probe.rtp.ticking import GRID_S, TOGETHER, Ticker
from probe.rtp.track import Track
from probe.trace.media import Agreed


def reel(track: Track) -> Reel:
    """Return what plays a track in PCMU."""
    made = Reel()
    made.tracks["PCMU", 8000] = track
    return made


def test_frames_that_left_late_are_counted_and_owned_up_to() -> None:
    """A process that stands still for 150 ms: its frames are ours to blame, not the trunk's."""
    with sessions() as (one, two, metronome):
        one.apply(terms(two.port))
        metronome.add(one)
        sent(metronome, (one, 10))
        os.kill(metronome._process, signal.SIGSTOP)
        time.sleep(0.15)
        os.kill(metronome._process, signal.SIGCONT)
        sent(metronome, (one, one.sent.packets + 5))
        assert metronome.remove(one)
        report = one.report("c")
    assert report is not None
    assert report.tx_late > 10
    assert report.tx_worst_late_s > 0.1
    assert report.late_by_us


def test_a_process_that_dies_is_told_and_replaced() -> None:
    """The call that it sent for says so; the next one has another process."""
    metronome = Metronome(clock := clock_from_now())
    found = []
    for killed in (True, False):
        session = Session(LOOPBACK, clock=clock)
        session.answered = True
        session.apply(terms(9))
        metronome.add(session)
        sent(metronome, (session, 10))
        if killed:
            os.kill(metronome._process, signal.SIGKILL)
            os.waitid(os.P_PID, metronome._process, os.WEXITED | os.WNOWAIT)
        assert metronome.remove(session)
        found.append(session.report("c"))
    metronome.close()
    dead, whole = found
    assert dead is not None
    assert whole is not None
    assert dead.unmeasured == "the process that sends audio has ended"
    assert dead.tx_packets > 5  # what it had counted is in memory that we share
    assert whole.unmeasured == ""
    assert whole.tx_packets > 5


def test_what_is_kept_for_a_recording_comes_back_whole() -> None:
    """Some of it while the call goes on, the rest at its end, in order."""
    source = reel(Track(0.001, [], [bytes([n]) * 8 for n in range(250)]))
    source.keep(True)
    with sessions() as (one, two, metronome):
        one.source = source
        one.apply(terms(two.port, ptime_s=0.001))
        metronome.add(one)
        sent(metronome, (one, 300))
        assert metronome.remove(one)
        assert one.sent.packets == len(one.kept) > 250
        assert [payload[0] for _, _, payload in one.kept] == [n % 250 for n in range(len(one.kept))]


def test_a_source_is_exchanged_in_the_call() -> None:
    """Silence before the answer, then what is played, then something else."""
    first, second = (reel(Track(0.005, [], [bytes([n]) * 40])) for n in (1, 2))
    with sessions() as (one, two, metronome), socket.socket(type=socket.SOCK_DGRAM) as far:
        far.bind((LOOPBACK, 0))
        far.settimeout(5.0)
        one.answered, one.source = False, first
        one.apply(terms(far.getsockname()[1]))
        metronome.add(one)
        seen = [far.recv(200)[12]]
        one.answered = True
        while seen[-1] != 1:
            seen.append(far.recv(200)[12])
        one.source = second
        while seen[-1] != 2:
            seen.append(far.recv(200)[12])
        assert metronome.remove(one)
        assert two.port
    assert list(dict.fromkeys(seen)) == [0xFF, 1, 2]


def test_a_track_crosses_once() -> None:
    """Calls that play the same share it: the second one is told of it in a few bytes."""
    left, right = socket.socketpair()
    track = Track(0.02, [b"once" * 40], [bytes([n]) * 160 for n in range(150)])
    agreed = Agreed(
        at=0.0, local="", remote="", direction="sendrecv", codec="PCMU", payload_type=0,
        clock_rate=8000, ptime_s=0.02,
    )  # fmt: skip
    sizes, heard = [], []
    with left, right:
        near, far = Wire(left), Wire(right)
        for call in (1, 2):
            near.queue(Play(call, reel(track)))
            sizes.append(len(right.recv(1 << 20, socket.MSG_PEEK)))
            (order,) = far.take()
            heard.append([order.source.frame(agreed).payload for _ in range(152)])
    assert sizes[0] > 24_000
    assert sizes[1] < 1000
    assert heard[0] == heard[1]
    assert heard[0] == [*track.once, *track.again, track.again[0]]


def test_a_message_that_finds_no_room_leaves_later() -> None:
    """Nobody waits for a reader; what did not fit comes whole, and in order."""
    left, right = socket.socketpair()
    with left, right:
        near, far = Wire(left), Wire(right)
        for number in range(40):
            near.queue((number, bytes(50_000)))
        assert near.waiting
        found: list[tuple[int, bytes]] = []
        while len(found) < 40:
            found += far.take()
            near.flush()
    assert [number for number, _ in found] == list(range(40))


def test_the_end_of_the_other_side_is_noticed() -> None:
    """So the process ends with the one that it was forked from."""
    left, right = socket.socketpair()
    left.close()
    with right, pytest.raises(EOFError):
        Wire(right).take()


def test_calls_share_moments_until_they_are_many() -> None:
    """Few are sent for in one awakening; many are spread over the packet time."""
    left, right = socket.socketpair()
    with left, right:
        ticker = Ticker(Wire(left), None)  # type: ignore[arg-type] # no call is run
        starts = []
        for call in range(400):
            start = ticker._start(7.0001 + call * 0.0001, 0.02)
            ticker._streams[call] = SimpleNamespace(due=start)  # type: ignore[assignment]
            starts.append((start, 7.0001 + call * 0.0001))
    assert all(0 <= start - now <= 0.02 + GRID_S for start, now in starts)
    phases = Counter(round(start / GRID_S) % 20 for start, _ in starts)
    assert len(phases) == 20
    assert max(phases.values()) <= TOGETHER + 5
    assert len({round(start / GRID_S) % 20 for start, _ in starts[:TOGETHER]}) == 1


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become nobody")
def test_without_any_right_it_asks_for_short_turns() -> None:
    """Nobody's process: no real time, no better nice value, and no error."""
    text = (
        "import ctypes, os, resource\n"
        "from probe.rtp.ticking import come_first\n"
        "os.setresgid(65534, 65534, 65534)\n"
        "os.setresuid(65534, 65534, 65534)\n"
        "resource.setrlimit(resource.RLIMIT_RTPRIO, (0, 0))\n"
        "come_first()\n"
        "print(os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == [str(os.SCHED_OTHER), "0"]
