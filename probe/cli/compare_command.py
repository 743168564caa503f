"""``sipprobe compare``: what differs between two stored runs."""

import sys
from pathlib import Path

import click

from probe.cli.completing import runs

FORMATS = ("text", "json", "markdown")
"""Formats of a comparison."""


@click.command(name="compare")
@click.argument("before", metavar="BEFORE", shell_complete=runs)
@click.argument("after", metavar="AFTER", shell_complete=runs)
@click.option(
    "--ignore", "ignore", multiple=True, metavar="WHAT",
    help="Leave out: sequence, requests, login, headers, sdp, address, tls, route, timing, media; "
    "headers.server for one of them. May be repeated.",
)  # fmt: skip
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="text", show_default=True,
    help="What goes to stdout.",
)  # fmt: skip
@click.option(
    "--results", type=click.Path(path_type=Path, file_okay=False), default=Path("results"),
    show_default=True, help="Folder with the runs.",
)  # fmt: skip
@click.option("--color", type=click.Choice(["auto", "always", "never"]), help="Default: auto.")
def command(  # noqa: PLR0913, PLR0917 - click hands over one argument a flag
    before: str, after: str, ignore: tuple[str, ...], form: str, results: Path, color: str | None
) -> int:
    """Say what differs between two stored runs, and whether it is worse.

    BEFORE and AFTER are runs as `explain` takes them (a folder, its name, `last`, RUN#SCENARIO) or
    files that `run --report json=FILE` wrote. Nothing is sent.

    Exit status: 0 no regression, 1 a regression, 2 usage or a run that cannot be read, 3 something
    could be tested before and not now.
    """
    from probe.cli import compared, inputs  # noqa: PLC0415 - heavy, and --help needs neither
    from probe.comparison.compare import compare  # noqa: PLC0415 - as above

    left_out = compared.ignored(ignore)
    first, then = compared.stored(before, results), compared.stored(after, results)
    if not first.samples.keys() & then.samples.keys():
        raise click.ClickException(
            f"{first.run} and {then.run} have no step in common\n  steps are the same by scenario, "
            "number and attempt; runs with --redact strict never share one that names anybody"
        )
    found = compare(first, then, left_out)
    colored = inputs.wants_color(color, sys.stdout.isatty())
    click.echo(compared.shown(found, form, color=colored), color=colored)
    return compared.exit_of(found)
