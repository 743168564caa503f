"""The process that keeps the time: it waits for the next packet that is due, and sends it.

It is forked from the process that signals, because two threads of one Python interpreter wait for
each other. It has no other thread, collects no garbage, imports nothing, and ends with the socket
through which it is told what to do.
"""

import contextlib
import gc
import heapq
import math
import mmap
import os
import resource
import select
import signal
import struct
import sys
import time
from collections import Counter
from typing import NoReturn

from probe.rtp.orders import (
    Answered,
    Begin,
    End,
    Ended,
    Follow,
    Kept,
    Order,
    Play,
    Tell,
    Wire,
)
from probe.rtp.stream import Stream

NICE = -10
"""Nice value where real time is not allowed and this is."""

SLICE_NS = 100_000
"""Time that it asks for at once otherwise (sched(7), since Linux 6.12); some five packets."""

_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}
"""Number of the system call; neither Python nor older C libraries have a function for it."""

WITHOUT_REST_S = 0.2
"""In real time: how long it may use a processor without a pause before it is an ordinary process
again. A packet takes some 20 us."""

GRID_S = 0.001
"""Calls begin to send at full milliseconds, at most one packet time later than they could."""

TOGETHER = 16
"""Calls that are due at the same millisecond, before another one is taken."""

_MANY = 250
"""Packets of a recording that are handed over at once: 5 s, well below a millisecond of work."""

_LONGEST_WAIT_S = 3600.0
_KEPT = 3
"""Descriptors that stay open beside its own: those of standard input, output and error."""


class Ticker:
    """The streams of a process, in the order in which they are due."""

    def __init__(self, wire: Wire, memory: mmap.mmap) -> None:
        self._wire, self._memory = wire, memory
        self._streams: dict[int, Stream] = {}
        self._due: list[tuple[float, int]] = []

    def run(self) -> None:
        """Keep the time until the other end is gone."""
        told = [self._wire.socket]
        clock = time.monotonic
        with contextlib.suppress(EOFError, ConnectionError):
            while True:
                wait = self._due[0][0] - clock() if self._due else _LONGEST_WAIT_S
                telling = told if self._wire.waiting else ()
                ready, room, _ = select.select(told, telling, (), max(wait, 0.0))
                if ready:
                    for order in self._wire.take():
                        self._obey(order)
                if room:
                    self._wire.flush()
                self._send_due(clock())

    def _send_due(self, now: float) -> None:
        """Let every stream send whose time has come; what comes to be due meanwhile waits."""
        queue = self._due
        while queue and queue[0][0] <= now:
            due, call = queue[0]
            stream = self._streams.get(call)
            if stream is None or stream.due != due:  # it ended, or was held and went on
                heapq.heappop(queue)
                continue
            again = self._sent(stream)
            if again is None:
                heapq.heappop(queue)
            else:
                heapq.heapreplace(queue, (again, call))

    def _sent(self, stream: Stream) -> float | None:
        """Let a stream send; return when it is due again."""
        try:
            stream.tick()
        except Exception as error:  # noqa: BLE001 - a source is not ours to trust
            stream.broke(error)
        if stream.keeps:
            self._pass_on(stream, _MANY)
        return stream.due

    def _obey(self, order: Order) -> None:
        if isinstance(order, Begin):
            self._streams[order.call] = Stream(
                order, self._wire.carried(), self._memory, time.monotonic
            )
        stream = self._streams.get(order.call)
        if stream is None:
            return
        before = None if isinstance(order, Begin) else stream.due
        try:
            self._change(stream, order)
        except Exception as error:  # noqa: BLE001 - it concerns one call
            stream.broke(error)
        if stream.due is not None and stream.due != before:
            heapq.heappush(self._due, (stream.due, stream.call))

    def _change(self, stream: Stream, order: Order) -> None:
        if isinstance(order, Begin):
            stream.follow(order.task, self._start)
        elif isinstance(order, End):
            del self._streams[order.call]
            stream.close()
            if stream.keeps:
                self._pass_on(stream, 1)
            self._wire.queue(Ended(order.call, stream.fault))
        elif isinstance(order, Follow):
            stream.follow(order.task, self._start)
        elif isinstance(order, Answered):
            stream.answered = True
        elif isinstance(order, Play):
            stream.source = order.source
        elif isinstance(order, Tell):
            stream.source.told(order.words)

    def _start(self, now: float, ptime_s: float) -> float:
        """Return when a call begins to send: at a full millisecond that it shares with others.

        To wake up costs more than to send. So calls are due together, up to what is sent in well
        below a millisecond; further ones have a moment of their own as long as there is one.
        """
        many = max(round(ptime_s / GRID_S), 1)
        first = math.ceil(now / GRID_S)
        crowd = Counter(
            round(stream.due / GRID_S) % many
            for stream in self._streams.values()
            if stream.due is not None
        )
        moments = range(first, first + many)
        shared = (moment for moment in moments if 0 < crowd[moment % many] < TOGETHER)
        found = next(shared, None)
        if found is None:
            found = min(moments, key=lambda moment: (crowd[moment % many], moment))
        return found * GRID_S

    def _pass_on(self, stream: Stream, many: int) -> None:
        """Hand over what a source has kept, where it is so much."""
        kept = stream.source.kept
        if kept is not None and len(kept) >= many:
            self._wire.queue(Kept(stream.call, kept[:]))
            kept.clear()


def keep_time(wire: Wire, memory: mmap.mmap) -> NoReturn:
    """Be that process, from the fork on; never return."""
    code = 0
    try:
        _close_others(wire.socket.fileno())
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever signals hangs up in order first
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        gc.disable()  # objects of the native library are not to be touched here
        come_first()
        Ticker(wire, memory).run()
    except BaseException as error:  # noqa: BLE001 - what called fork must not go on here
        sys.stderr.write(f"the process that sends audio: {type(error).__name__}: {error}\n")
        sys.stderr.flush()
        code = 70
    os._exit(code)


def _close_others(own: int) -> None:
    """Close what was inherited: the pipes of the parent must end with the parent."""
    os.closerange(_KEPT, own)
    os.closerange(own + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def come_first() -> None:
    """Go before other processes as far as the system lets us; say nothing where it does not."""
    try:
        limit = int(WITHOUT_REST_S * 1e6)
        signal.signal(signal.SIGXCPU, _be_ordinary)
        resource.setrlimit(resource.RLIMIT_RTTIME, (limit, resource.RLIM_INFINITY))
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except (OSError, ValueError, AttributeError):
        _be_ordinary()


def _be_ordinary(*_: object) -> None:
    """Be scheduled like others, but ask for little at a time: who does is served sooner."""
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, NICE)
    number = _SCHED_SETATTR.get(os.uname().machine)
    if number is None:
        return
    with contextlib.suppress(ImportError, OSError, AttributeError):
        import ctypes  # noqa: PLC0415 - only here, and mostly loaded already

        nice = os.getpriority(os.PRIO_PROCESS, 0)
        wanted = struct.pack("=IIQiIQQQ", 48, os.SCHED_OTHER, 0, nice, 0, SLICE_NS, 0, 0)
        ctypes.CDLL(None).syscall(number, 0, wanted, 0)  # before Linux 6.12 it does nothing
