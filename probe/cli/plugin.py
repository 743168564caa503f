"""``run --format nagios``: each way out is a state of a monitoring plugin, told on stdout.

A monitoring system reads stdout and the exit status, and takes 2 for CRITICAL. So a wrong flag, an
invalid scenario or a bug of ours must not leave by their own statuses: nobody is to be woken up
because of a trunk that nobody called.
"""

import contextlib
import io
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import click
from msgspec.structs import replace

from probe.cli.exits import Exit

if TYPE_CHECKING:  # the report loads only where there is one
    from probe.report.model import RunReport

_FLAG = "--format"
_FORM = "nagios"


def asked(arguments: Sequence[str]) -> bool:
    """Whether a command line is that of a plugin."""
    if "run" not in arguments[:1]:
        return False
    flags = arguments[: arguments.index("--")] if "--" in arguments else arguments
    pairs = pairwise(flags)
    return f"{_FLAG}={_FORM}" in flags or (_FLAG, _FORM) in pairs


def carried_out(verb: Callable[[], int | None]) -> int:
    """Run a verb that returns its status, and return the state that the plugin leaves with.

    What it writes to stderr becomes the output where there is no report; else it goes there after.
    """
    from probe.report.nagios import State, refusal  # noqa: PLC0415 - only for a plugin

    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        status = verb() or Exit.MET
    if isinstance(status, State) or status == Exit.MET:  # a report, or --help
        sys.stderr.write(said.getvalue())
        return int(status)
    click.echo(refusal(said.getvalue()), nl=False)
    return State.UNKNOWN


def told(report: "RunReport", faults: Sequence[str]) -> int:
    """Print a report as a plugin does and return its state.

    ``faults`` say what could not be stored; they change no state, for the trunk was tested.
    """
    from probe.report.nagios import state_of, written_nagios  # noqa: PLC0415 - only for a plugin

    whole = replace(report, notes=(*report.notes, *faults))
    with contextlib.suppress(OSError):  # who reads it may have lost patience
        for text in written_nagios(whole):
            click.echo(text, nl=False)
        sys.stdout.flush()
    return state_of(whole)
