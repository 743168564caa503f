"""``sipprobe report``: stored runs as a page to read, or in another format; shards become one."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from probe.cli.completing import runs
from probe.cli.exits import Exit
from probe.cli.otlp_sending import must_be_there
from probe.cli.terminal import columns
from probe.cli.whole_file import write_whole

if TYPE_CHECKING:  # reading runs loads heavy rooms
    from probe.cli.report_runs import StoredRun
    from probe.report.model import RunReport

FORMATS = ("html", "json", "junit", "markdown", "text", "tap", "github", "prometheus", "otlp")
"""Formats, the default first."""

_WIDTH = 100
"""Columns of text and of blocks."""


@click.command(name="report")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", shell_complete=runs)
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="html", metavar="FORMAT",
    help=f"What is written: {', '.join(FORMATS)}.  [default: html]",
)  # fmt: skip
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Where it is written; default: standard output.",
)  # fmt: skip
@click.option(
    "--results", type=click.Path(path_type=Path, file_okay=False), default=Path("results"),
    show_default=True, help="Folder in which runs are looked for.",
)  # fmt: skip
def command(runs: tuple[str, ...], form: str, output: Path | None, results: Path) -> int:
    """Write a report of stored runs: of one, or of several as one (shards of a CI job).

    RUN is a folder, a run's id, or the word last. The page of html is one file that needs no
    network: `sipprobe report last -o report.html`. The verdicts are those of the day; no call is
    placed.

    Exit status: 0 written, whatever the runs found; 2 usage, a run that cannot be read, a file
    that cannot be written.
    """
    if form == "otlp":
        must_be_there()
    if form == "html" and output is None and sys.stdout.isatty():
        raise click.UsageError("a page is not for a terminal: add -o report.html")
    from probe.cli.report_runs import merged, stored_run  # noqa: PLC0415 - heavy

    stored = [stored_run(folder) for folder in _folders(runs, results)]
    report = merged(stored)
    pieces = _pieces(report, stored, form, results, watched=output is None)
    if output is None:
        for text in pieces:
            click.echo(text, nl=False, color=True)  # what is coloured was decided before
        return Exit.MET
    try:
        write_whole(output, pieces)
    except OSError as error:
        raise click.ClickException(f"cannot write {output}: {error.strerror}") from None
    counts = report.counts()
    met, wrong, open_ = counts["met"], counts["not_met"], counts["inconclusive"]
    click.echo(f"{output}: {met} met, {wrong} not met, {open_} inconclusive", err=True)
    return Exit.MET


def _folders(runs: tuple[str, ...], results: Path) -> list[Path]:
    """Return the folders of the runs, each once; raise click.ClickException."""
    from probe.cli.stored_run import run_meant  # noqa: PLC0415 - as needed
    from probe.report.text import plain  # noqa: PLC0415 - as needed

    found: dict[Path, Path] = {}
    for subject in runs:
        meant = run_meant(subject, results)
        if meant is None:
            raise click.ClickException(
                f"there is no run {plain(subject)}\n"
                f"  look into {results}/, or write last for the newest run"
            )
        folder, scenario, step = meant
        if scenario is not None or step is not None:
            raise click.UsageError(
                f"a report is of whole runs, not of a step: write {plain(folder.name)}, "
                f"or `sipprobe explain {plain(subject)}`"
            )
        found.setdefault(folder.resolve(), folder)
    return list(found.values())


def _pieces(
    report: "RunReport", stored: "list[StoredRun]", form: str, results: Path, *, watched: bool
) -> Iterable[str]:
    """Yield the report in a format; the page also says what each run came to.

    Text that is ``watched`` fits the terminal, and has its colours.
    """
    if form != "html":
        from probe.cli.inputs import wants_color  # noqa: PLC0415 - as needed
        from probe.report.formats import pieces  # noqa: PLC0415 - as needed

        terminal = watched and sys.stdout.isatty()
        wide = columns(_WIDTH) if terminal else _WIDTH
        color = watched and form == "text" and wants_color(None, terminal)
        return pieces(report, form, color=color, width=max(60, wide), verbosity=0)
    from probe.cli.beside import beside_of  # noqa: PLC0415 - as needed
    from probe.report.html.document import Shard, written_html  # noqa: PLC0415 - as needed

    return written_html(
        report,
        tuple(
            Shard(
                run_id=str(run.head["id"]),
                started=str(run.head["started_at"]),
                vantage=str(run.head["vantage"]),
                counts=run.findings.counts(),
                folder=str(run.folder),
                findings=len(run.findings),
            )
            for run in stored
        ),
        beside_of(results),
    )
