"""What a command that places calls owes: an orderly end, and a journal of what is up until then."""

import contextlib
import os
import signal
from collections.abc import Iterator
from types import FrameType
from typing import TYPE_CHECKING

import click
from msgspec import Struct

from probe.cli.exits import Exit

if TYPE_CHECKING:  # the heavy rooms load while the first worker starts
    from probe.executor.crew import JournalPlace
    from probe.executor.local import LocalExecutor
    from probe.fleet.fleet import Fleet
    from probe.results import RunFolder


class Ending(Struct):
    """Why a run was ended before it was over."""

    late: bool = False
    "Whether its deadline had passed."


@contextlib.contextmanager
def interruptible(
    executor: "LocalExecutor | Fleet", deadline: float | None = None, *, before: bytes = b""
) -> Iterator[Ending]:
    """Turn SIGINT, SIGTERM and SIGHUP into an orderly end: hang up, un-register, report.

    So does ``deadline``: seconds from now, None for none. ``before`` takes a line of progress back.
    """
    ending = Ending()

    def stop(number: int, _frame: FrameType | None) -> None:
        if not executor.interrupted:
            ending.late = number == signal.SIGALRM
            with contextlib.suppress(OSError):  # a terminal that was closed takes no words
                os.write(2, before + b"ending: calls are hung up, registrations removed ...\n")
        executor.interrupt()

    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup wants to go on
        numbers.append(signal.SIGHUP)
    if deadline is not None:
        numbers.append(signal.SIGALRM)
    handlers = {number: signal.signal(number, stop) for number in numbers}
    if deadline is not None:
        signal.setitimer(signal.ITIMER_REAL, max(deadline, 0.001))
    try:
        yield ending
    finally:
        if deadline is not None:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in handlers.items():
            signal.signal(number, handler)


def journals(folder: "RunFolder | None", run: str) -> "JournalPlace | None":
    """Return where workers write down what is up: the run's folder, else our own state folder."""
    from probe.executor.crew import JournalPlace  # noqa: PLC0415 - heavy, loads with the plans
    from probe.executor.ledger import ledger_file  # noqa: PLC0415 - heavy, loads with the plans

    if folder is not None:
        path = folder.path.absolute()
        return JournalPlace(folder=path, run=run, recordings=path)
    place = ledger_file().parent / "live"
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return None  # the calls are worth more than what a kill would leave
    return JournalPlace(folder=place, run=run)


def engine_missing(error: Exception) -> Exit:
    """Say that there is no user agent."""
    click.echo(f"sipprobe: could not test: {error}", err=True)
    click.echo("  install it: pip install pjsua2-python (Python 3.10 to 3.12)", err=True)
    return Exit.UNTESTED
