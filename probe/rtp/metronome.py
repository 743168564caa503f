"""The thread that keeps the time of every session of a process.

It waits for the next packet that is due or for one that comes, and ends when the last session has
left. It never calls the user agent's library. ``epoll`` counts in milliseconds; what is left below
one is slept.
"""

import contextlib
import os
import select
import socket
import sys
import threading
import time
from collections.abc import Callable

from probe.rtp.session import Session

SWITCH_S = 0.001
"""How long another Python thread may keep the interpreter once this one wants it."""

PRIORITY = -10
"""Nice value of this thread where it is allowed: it needs little time, but at its moment."""

_LEAVES_WITHIN_S = 2.0
_LONGEST_WAIT_S = 1.0


class Metronome:
    """Runs sessions; add and remove are called from the worker's thread."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._orders: list[tuple[str, Session, threading.Event]] = []
        self._alarm, self._bell = socket.socketpair()
        self._alarm.setblocking(False)
        self._bell.setblocking(False)

    def add(self, session: Session) -> None:
        """Run a session from now on."""
        self._order("add", session)

    def nudge(self) -> None:
        """Look at once at what sessions were told."""
        with contextlib.suppress(BlockingIOError):  # it is about to look anyway
            self._bell.send(b"!")

    def remove(self, session: Session) -> bool:
        """Let a session end and wait until it has; False where it did not in time."""
        done = self._order("remove", session)
        return done.wait(_LEAVES_WITHIN_S)

    @property
    def running(self) -> bool:
        """Whether the thread is there."""
        thread = self._thread
        return thread is not None and thread.is_alive()

    def close(self) -> None:
        """Give the two sockets of the bell back; sessions must be removed before."""
        thread = self._thread
        if thread is not None:
            thread.join(_LEAVES_WITHIN_S)
        self._alarm.close()
        self._bell.close()

    def _order(self, what: str, session: Session) -> threading.Event:
        done = threading.Event()
        with self._lock:
            self._orders.append((what, session, done))
            if self._thread is None:
                sys.setswitchinterval(SWITCH_S)
                self._thread = threading.Thread(target=self._run, name="rtp", daemon=True)
                self._thread.start()
        self.nudge()
        return done

    # The thread --------------------------------------------------------------------------------

    def _run(self) -> None:
        sessions: dict[int, tuple[Session, socket.socket]] = {}
        running: list[Session] = []
        with contextlib.suppress(OSError, AttributeError):  # only root may; else we share fairly
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), PRIORITY)
        with select.epoll() as waiting:
            waiting.register(self._alarm, select.EPOLLIN)
            while self._carry_out(waiting, sessions, running):
                self._turn(waiting, sessions, running)

    def _carry_out(
        self,
        waiting: select.epoll,
        sessions: dict[int, tuple[Session, socket.socket]],
        running: list[Session],
    ) -> bool:
        """Add and remove what was asked for; False where nothing is left to run.

        ``running`` holds each session once: it changes here alone, and is walked for every packet.
        """
        with self._lock:
            orders, self._orders = self._orders, []
            for what, session, done in orders:
                if what == "add":
                    for one in (session.rtp, session.rtcp):
                        waiting.register(one, select.EPOLLIN)
                        sessions[one.fileno()] = (session, one)
                elif session.rtp.fileno() in sessions:
                    for one in (session.rtp, session.rtcp):
                        session.read(one)
                        waiting.unregister(one)
                        del sessions[one.fileno()]
                    session.close()
                done.set()
            if orders:
                running[:] = {id(session): session for session, _ in sessions.values()}.values()
            if not sessions:
                self._thread = None
                return False
            return True

    def _turn(
        self,
        waiting: select.epoll,
        sessions: dict[int, tuple[Session, socket.socket]],
        running: list[Session],
    ) -> None:
        """Wait once; send what is due, then read what has come."""
        for session in running:
            session.obey()
        times = [due for session in running if (due := session.due) is not None]
        wait = min(times) - self._clock() if times else _LONGEST_WAIT_S
        ready = waiting.poll(max(int(min(wait, _LONGEST_WAIT_S) * 1000) / 1000, 0.0))
        if not ready and 0 < (rest := min(times, default=0.0) - self._clock()) < 0.002:
            time.sleep(rest)
        now = self._clock()
        for session in running:
            if (due := session.due) is not None and due <= now:
                try:
                    session.tick(now)
                except Exception as error:  # noqa: BLE001 - a source is not ours to trust
                    session.broke(error)
        for number, events in ready:
            if number == self._alarm.fileno():
                self._alarm.recv(4096)
                continue
            session, one = sessions[number]
            if events & select.EPOLLERR:
                session.clear_errors(one)
            try:
                session.read(one)
            except Exception as error:  # noqa: BLE001 - a sink is not ours to trust
                session.broke(error)
