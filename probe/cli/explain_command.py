"""``sipprobe explain``: a code looked up; why a step of a run failed; what a capture shows."""

import sys
from pathlib import Path

import click

from probe.cli.completing import providers, subjects
from probe.cli.exits import Exit
from probe.cli.stored_run import NO_RUN, run_meant
from probe.cli.terminal import columns

_CAPTURES = (".pcap", ".pcapng", ".cap", ".pcap.gz", ".pcapng.gz", ".cap.gz")
_RUN_WIDTH = 100
"""Columns of a block where no terminal says otherwise: that of `run`."""


@click.command(name="explain")
@click.argument("subject", shell_complete=subjects)
@click.option(
    "--provider", metavar="NAME", shell_complete=providers,
    help="Whose meanings come first, e.g. sip.us.",
)  # fmt: skip
@click.option("--register", "direction", flag_value="register", help="As answer to our REGISTER.")
@click.option("--outbound", "direction", flag_value="outbound", help="In a call that we place.")
@click.option("--inbound", "direction", flag_value="inbound", help="In a call that reaches us.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True,
    help="Of a run or a capture: json as in report.json.",
)  # fmt: skip
@click.option(
    "--all", "everything", is_flag=True, help="Of a run or a capture: what went well too."
)
@click.option(
    "--results", type=click.Path(path_type=Path, file_okay=False), default=Path("results"),
    show_default=True, help="Folder in which runs are looked for.",
)  # fmt: skip
@click.option(
    "--us", metavar="ADDRESS",
    help="Of a capture: which address is ours, ip or ip:port. Default: who sends first.",
)  # fmt: skip
@click.option("--call-id", metavar="TEXT", help="Of a capture: only this Call-ID, good or bad.")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), help="Default: auto.")
def command(  # noqa: PLR0913, PLR0917 - each is a flag
    subject: str,
    provider: str | None,
    direction: str | None,
    form: str,
    everything: bool,
    results: Path,
    us: str | None,
    call_id: str | None,
    color: str | None,
) -> int:
    """Look up SUBJECT: 403, 4xx, INVITE, q850:34, warning:304, header:Retry-After, F047.

    SUBJECT may also be a stored run (a folder, a run's id, or the word last; RUN#STEP for one
    step, RUN#SCENARIO#STEP for one of a scenario or row): then it says again why what was not
    met was not. Or a capture, FILE.pcap, that any tool made: then it says of each dialog in it
    why it failed. No call is placed.

    Exit status: 0 explained, 2 usage, an unknown subject, a file that cannot be read.
    """
    width = max(60, columns(_RUN_WIDTH))
    if subject.lower().endswith(_CAPTURES):
        from probe.cli.explain_capture import Asked, explain_capture  # noqa: PLC0415 - as needed

        return explain_capture(
            Path(subject),
            Asked(
                us=us,
                call_id=call_id,
                everything=everything,
                provider=provider,
                form=form,
                width=width,
                color=_colored(color),
            ),
        )
    meant = run_meant(subject, results)
    if meant is not None:
        from probe.cli.explain_run import Wanted, explain_run  # noqa: PLC0415 - as needed

        folder, scenario, step = meant
        return explain_run(
            Wanted(
                folder=folder,
                scenario=scenario,
                step=step,
                everything=everything,
                form=form,
                width=width,
                color=_colored(color),
            )
        )
    return _look_up(subject, provider, direction)


def _colored(color: str | None) -> bool:
    from probe.cli.inputs import wants_color  # noqa: PLC0415 - the models: not for a code

    return wants_color(color, sys.stdout.isatty())


def _look_up(subject: str, provider: str | None, direction: str | None) -> int:
    """Print what the reference holds."""
    from probe.reference.explain import explain  # noqa: PLC0415 - data loads only here
    from probe.reference.reference import Direction  # noqa: PLC0415 - as above

    width = min(100, max(60, columns(88)))
    try:
        text = explain(
            subject,
            provider=provider,
            direction=Direction(direction) if direction else None,
            width=width,
        )
    except LookupError as error:
        click.echo(f"sipprobe: {error}", err=True)
        if Path(subject).is_dir():
            click.echo(f"  the folder {subject} is no run: {NO_RUN}", err=True)
        return Exit.USAGE
    click.echo(text.rstrip("\n"))
    return Exit.MET
