"""The reports of a run: one on stdout, others in files."""

import contextlib
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

from probe.cli.exits import exit_for
from probe.cli.orderly import engine_missing
from probe.cli.otlp_sending import FORM, is_address, must_be_there, send
from probe.cli.terminal import columns
from probe.cli.whole_file import write_whole

if TYPE_CHECKING:  # the report loads when the run is over
    from probe.report.model import RunReport

FORMATS = (
    *("text", "json", "junit", "html", "markdown", "tap", "github"),
    *("nagios", "prometheus", "otlp"),
)
"""Formats of --format and --report; spelt here too, so that a wrong one is refused at once."""


class Wanted(Protocol):
    """Which reports are wanted, and how."""

    @property
    def form(self) -> str:
        """The format on stdout."""
        ...

    @property
    def reports(self) -> tuple[str, ...]:
        """``FORMAT=FILE`` pairs."""
        ...

    @property
    def results(self) -> Path:
        """The folder of runs."""
        ...

    @property
    def redact(self) -> str:
        """``secrets`` or ``strict``."""
        ...

    @property
    def quiet(self) -> bool:
        """Whether nothing is printed where all is well."""
        ...

    @property
    def verbosity(self) -> int:
        """How much text tells: 0, 1 or 2."""
        ...

    @property
    def color(self) -> str | None:
        """auto, always, never, or None."""
        ...


def checked(reports: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse a --report that names no format or no file, before anything is dialled."""
    for wanted in reports:
        form, equals, file = wanted.partition("=")
        if form == FORM:
            must_be_there()
        if form not in FORMATS or not equals or not file:
            raise click.UsageError(
                f"--report takes FORMAT=FILE with a format of {', '.join(FORMATS)}; got '{wanted}'"
            )
    return reports


def tell(report: "RunReport", wanted: Wanted, faults: list[str], broken: Exception | None) -> int:
    """Print and write the report, then say what could not be stored and what broke."""
    faults += _write(report, wanted)
    if "github" in {wanted.form, *(one.partition("=")[0] for one in wanted.reports)}:
        from probe.cli.step_summary import add_summary  # noqa: PLC0415 - only where it is wanted

        faults += filter(None, [add_summary(report)])
    if wanted.form == "nagios":
        from probe.cli.plugin import told  # noqa: PLC0415 - only where it is wanted

        return told(report, faults)
    with contextlib.suppress(OSError) if report.interrupted else contextlib.nullcontext():
        _print(report, wanted)  # the terminal may be what went away
    if broken is not None:
        for fault in faults:
            click.echo(f"Error: {fault}", err=True)
        from probe.executor.crew import EngineMissingError  # noqa: PLC0415 - as needed

        if isinstance(broken, EngineMissingError):
            return engine_missing(broken)
        raise broken
    if faults:  # told last: what the calls showed is not lost for a full disk
        raise click.ClickException("\n  ".join(faults))
    return exit_for(report.counts(), interrupted=report.interrupted)


def _print(report: "RunReport", wanted: Wanted) -> None:
    """Write the chosen format to stdout."""
    from probe.cli import inputs  # noqa: PLC0415 - as needed

    color = inputs.wants_color(wanted.color, sys.stdout.isatty())
    width = max(60, columns(100))
    met = report.counts()["met"] == len(report.findings)
    if not (wanted.quiet and met and wanted.form == "text"):
        for text in _pieces(report, wanted, wanted.form, color=color, width=width):
            click.echo(text, nl=False, color=color)


def _write(report: "RunReport", wanted: Wanted) -> list[str]:
    """Write the reports that go to files; return which could not be written, and why."""
    faults: list[str] = []
    for one in wanted.reports:
        form, _, file = one.partition("=")
        text = _pieces(report, wanted, form, color=False, width=100)
        if form == FORM and is_address(file):
            faults += filter(None, [send(report, file)])
            continue
        try:
            write_whole(Path(file), text)
        except OSError as error:
            faults.append(f"cannot write {file}: {error.strerror}")
    return faults


def _pieces(
    report: "RunReport", wanted: Wanted, form: str, *, color: bool, width: int
) -> Iterable[str]:
    """Yield a report; a page shows the last good run beside what was not met.

    Not where names are to be hidden: earlier runs have them, or others in their place.
    """
    if form == "html" and wanted.redact != "strict":
        from probe.cli.beside import beside_of  # noqa: PLC0415 - only for a page
        from probe.report.html.document import written_html  # noqa: PLC0415 - only for a page

        return written_html(report, beside=beside_of(wanted.results))
    from probe.report.formats import pieces  # noqa: PLC0415 - as needed

    return pieces(report, form, color=color, width=width, verbosity=wanted.verbosity)
