"""How a worker process begins: forked from us while we are small, else as a program of its own.

A fork has loaded what we have loaded, which is most of what a worker needs: that is half of its
start. It inherits our memory as well. So it is for the first worker of a command, before a file or
a password was read, and never where another thread runs, whose locks would stay shut in the child.
"""

import os
import signal
import sys
import time
from typing import NoReturn, Protocol

_LAUNCH = "import sys; sys.path[:] = {path!r}; from probe.agent.worker import main; main()"

_LOOK_S = 0.005
"""Distance of two looks at a process where the system cannot tell us of its end."""


class Child(Protocol):
    """A process that we began."""

    @property
    def pid(self) -> int:
        """Process id."""
        ...

    def poll(self) -> int | None:
        """Return its status, as ``subprocess`` gives it, or None while it runs."""
        ...

    def kill(self) -> None:
        """End it at once; harmless where it has ended and is known to have."""
        ...


def spawned(commands: int, answers: int, errors: int) -> Child:
    """Begin a worker as a program of its own; the descriptors are its pipes and its stderr."""
    import subprocess  # noqa: PLC0415 - 3 ms, and the first worker is forked

    launch = _LAUNCH.format(path=[entry or os.getcwd() for entry in sys.path])  # noqa: PTH109
    return subprocess.Popen(  # noqa: S603
        # -S: the path is handed over, so site's start-up work (10 to 20 ms) is not repeated.
        [sys.executable, "-S", "-c", launch, str(commands), str(answers)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=errors,
        pass_fds=(commands, answers),
        start_new_session=True,  # Ctrl-C is for the supervisor, which then hangs up in order
    )


def may_fork(*pipes: int) -> bool:
    """Whether a fork of us is sound: on Linux, and with one thread, native ones counted.

    ``pipes`` would be overwritten in the child where we were begun without stdin, stdout or stderr.
    """
    if sys.platform != "linux" or min(pipes) <= 2:
        return False
    try:
        return len(os.listdir("/proc/self/task")) == 1  # noqa: PTH208
    except OSError:
        return False


def forked(commands: int, answers: int, errors: int) -> Child:
    """Begin a worker as a copy of us; the descriptors are its pipes and its stderr."""
    import probe.agent.channel  # noqa: F401, PLC0415 - both need it: loaded once, before the fork

    pid = os.fork()
    if pid == 0:
        _work(commands, answers, errors)
    return _Forked(pid)


class _Forked:
    """A copy of us."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._status: int | None = None

    def poll(self) -> int | None:
        """Return its status or None."""
        if self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._status = os.waitstatus_to_exitcode(status)
        return self._status

    def kill(self) -> None:
        """End it."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)


def ended_within(child: Child, seconds: float) -> int | None:
    """Wait so long for a process to end; return its status, or None where it still runs."""
    status = child.poll()
    if status is None:
        _await_end(child, seconds)
        status = child.poll()
    return status


def _await_end(child: Child, seconds: float) -> None:
    """Return when a process has ended, or when time is up."""
    import select  # noqa: PLC0415 - loaded by then

    try:
        ending = os.pidfd_open(child.pid)
    except (AttributeError, OSError):  # an older system
        limit = time.monotonic() + seconds
        while child.poll() is None and time.monotonic() < limit:
            time.sleep(_LOOK_S)
        return
    try:
        waiting = select.poll()
        waiting.register(ending, select.POLLIN)
        waiting.poll(1000 * seconds)
    finally:
        os.close(ending)


def _work(commands: int, answers: int, errors: int) -> NoReturn:
    """Be a worker from here on, as one that was begun as a program is."""
    status = 70
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for caught in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(caught, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDWR)
        for place, descriptor in enumerate((nothing, nothing, errors)):
            os.dup2(descriptor, place)
        _close_all_but({0, 1, 2, commands, answers})
        # The old stream may hold words of the supervisor's; this one is written through at once.
        sys.stderr = os.fdopen(os.dup(2), "w", buffering=1, encoding="utf-8", errors="replace")
        sys.argv[:] = ["-c", str(commands), str(answers)]
        from probe.agent.worker import main  # noqa: PLC0415 - in the child alone

        main()
        status = 0
    except BaseException as error:  # noqa: BLE001 - nothing of the supervisor's may run here
        os.write(2, f"{type(error).__name__}: {error}\n".encode("utf-8", "backslashreplace"))
    finally:
        os._exit(status)


def _close_all_but(kept: set[int]) -> None:
    """Close what the supervisor had open."""
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208
        descriptor = int(name)
        if descriptor not in kept:
            try:
                os.close(descriptor)
            except OSError:
                continue  # the listing's own
