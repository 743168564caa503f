"""The signalling process' end of the clock: starts the process that sends, and tells it what.

Only sending has to be in time. It is done by a process of its own (``probe.rtp.ticking``), which is
forked with the first call and ends with the last ``close``. Receiving stays here: the kernel notes
when each packet came and keeps it, so it is enough to look every 200 ms. ``listen`` does that; the
loop that drives the user agent calls it in every turn. All of it is one thread.
"""

import contextlib
import mmap
import os
import select
import signal
import socket
import time
import warnings
from collections import deque
from collections.abc import Callable

from probe.rtp.orders import Answered, Begin, End, Ended, Follow, Kept, Play, Tell, Wire
from probe.rtp.session import Session
from probe.rtp.ticking import keep_time
from probe.rtp.transmission import PLACE

MOST_CALLS = 4096
"""Calls that may send at a time; half a megabyte of shared memory, used as it is needed."""

LOOK_S = 0.2
"""How often each call's sockets are read: some ten packets; the kernel keeps some hundred."""

_AT_A_TIME_S = 0.001
"""How long one turn reads: signalling waits meanwhile."""

_LONG_S, _AT_MOST_S = 1.0, 0.02
"""Calls that were not read for so long get more of a turn: the kernel keeps some seconds."""

_LEAVES_WITHIN_S = 2.0
_CONTROL_BUFFER = 1 << 20
_SLOW = "the process that sends audio does not answer"
_LOST = "the process that sends audio has ended"


class Metronome:
    """Runs sessions."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """``clock`` gives seconds on the trace's clock, from the monotonic one."""
        self._clock = clock
        self._wire: Wire | None = None
        self._process = 0
        self._memory: mmap.mmap | None = None
        self._free: list[int] = []
        self._sessions: dict[int, Session] = {}
        self._ending: dict[int, Session] = {}
        "Those whose last figures are still to come."
        self._looks: deque[tuple[float, Session]] = deque()
        self._count = 0

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._wire is not None

    def start(self, *, secure: bool = False) -> None:
        """Fork the process, once; a few milliseconds, so better before a call than in it.

        ``secure``: SRTP will be spoken. Its library is loaded beforehand, because the process that
        keeps the time must not wait for it.
        """
        if self._wire is not None:
            return
        if secure:
            with contextlib.suppress(ImportError):
                import pylibsrtp  # noqa: F401, PLC0415 - see above
        ours, theirs = socket.socketpair()
        for one in (ours, theirs):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _CONTROL_BUFFER)
        self._memory = mmap.mmap(-1, MOST_CALLS * PLACE)
        self._free = list(range(MOST_CALLS - 1, -1, -1))
        with warnings.catch_warnings():
            # Python 3.12 warns of other threads: the new process has one, and never waits for any.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._process = os.fork()
        if self._process == 0:
            keep_time(Wire(theirs), self._memory)
        theirs.close()
        ours.settimeout(_LEAVES_WITHIN_S)
        self._wire = Wire(ours)

    def add(self, session: Session) -> None:
        """Run a session from now on: it has terms."""
        try:
            self.start()
        except OSError as error:
            session.lost(f"no process could be started that sends audio: {error.strerror}")
            return
        assert self._memory is not None  # noqa: S101 - start made it
        if not self._free:
            session.lost(f"more than {MOST_CALLS} calls at a time")
            return
        self._count += 1
        place = self._free.pop()
        self._sessions[self._count] = session
        session.run(self, self._count, self._memory, place)
        self._looks.append((time.monotonic() + LOOK_S, session))

    def order(
        self, message: Begin | Follow | Answered | Play | Tell | End, carried: socket.socket | None
    ) -> None:
        """Tell the process something about a call; where it is gone, its calls are told."""
        if self._wire is None:
            return
        try:
            self._wire.send(message, carried)
        except OSError:
            self._gone()
            return
        if isinstance(message, End):
            self._ending[message.call] = self._sessions.pop(message.call)

    def listen(self) -> None:
        """Read what has come for the calls whose turn it is; a millisecond or two at most.

        What is left waits for the next turn. Only where calls have waited for long it goes on.
        """
        now, looks = time.monotonic(), self._looks
        if looks and looks[0][0] <= now:
            behind = now - looks[0][0]
            until = now + (_AT_A_TIME_S if behind < _LONG_S else _AT_MOST_S)
            while looks and looks[0][0] <= now < until:
                _, session = looks.popleft()
                if session.closed:
                    continue
                session.look()
                now = time.monotonic()
                looks.append((now + LOOK_S, session))
        if self._ending:
            self._hear(0.0)

    def remove(self, session: Session) -> bool:
        """Let a session end and wait until it has; False where it did not in time."""
        session.close()
        until = time.monotonic() + _LEAVES_WITHIN_S
        while session.waits:
            left = until - time.monotonic()
            if left <= 0:
                session.lost(_SLOW)
                return False
            self._hear(left)
        return True

    def close(self) -> None:
        """End the process; sessions must be closed before, and get their last figures."""
        until = time.monotonic() + _LEAVES_WITHIN_S
        while self._ending and (left := until - time.monotonic()) > 0:
            self._hear(left)
        for session in self._ending.values():
            session.lost(_SLOW)
        self._looks.clear()
        if self._wire is None:
            return
        self._wire.socket.close()
        self._wire = None
        _wait(self._process, _LEAVES_WITHIN_S)
        self._forget_all()

    def _hear(self, seconds: float) -> None:
        """Take what the process tells, waiting for so long at most."""
        if self._wire is None:
            self._ending.clear()
            return
        try:
            if not select.select([self._wire.socket], (), (), seconds)[0]:
                return
            told = self._wire.take()
        except (OSError, EOFError):
            self._gone()
            return
        for message in told:
            if isinstance(message, Kept):
                known = self._ending.get(message.call) or self._sessions.get(message.call)
                if known is not None:
                    known.kept += message.some
            elif isinstance(message, Ended):
                ended = self._ending.pop(message.call, None)
                if ended is not None:
                    self._free.append(ended.ended(message.fault))

    def _gone(self) -> None:
        """Say to every call that nothing is sent any more; the next one starts another process."""
        assert self._wire is not None  # noqa: S101 - it was there a moment ago
        self._wire.socket.close()
        self._wire = None
        for session in (*self._sessions.values(), *self._ending.values()):
            session.lost(_LOST)
        _wait(self._process, _LEAVES_WITHIN_S)
        self._forget_all()

    def _forget_all(self) -> None:
        self._sessions.clear()
        self._ending.clear()
        self._memory = None  # sessions that are being told of hold it still


def _wait(process: int, seconds: float) -> None:
    """Wait for a process that is about to end; end it where it does not."""
    try:
        handle = os.pidfd_open(process)
    except (OSError, AttributeError):  # reaped by somebody, or another system
        with contextlib.suppress(ChildProcessError):
            os.waitpid(process, 0)
        return
    try:
        waiting = select.poll()  # its number may be above what select can take
        waiting.register(handle, select.POLLIN)
        if not waiting.poll(seconds * 1000):
            os.kill(process, signal.SIGKILL)
    finally:
        os.close(handle)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(process, 0)
