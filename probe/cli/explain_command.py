"""``sipprobe explain``: look up a code, a method, a cause; or say why a step of a run failed."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from probe.cli.exits import Exit


@click.command(name="explain")
@click.argument("subject")
@click.option("--provider", metavar="NAME", help="Whose meanings come first, e.g. sip.us.")
@click.option("--register", "direction", flag_value="register", help="As answer to our REGISTER.")
@click.option("--outbound", "direction", flag_value="outbound", help="In a call that we place.")
@click.option("--inbound", "direction", flag_value="inbound", help="In a call that reaches us.")
def command(subject: str, provider: str | None, direction: str | None) -> int:
    """Look up SUBJECT: 403, 4xx, INVITE, q850:34, warning:304, header:Retry-After, F047.

    SUBJECT may also be a stored run, results/RUN or results/RUN#STEP: then it says again why
    that step was not met. No call is placed.

    Exit status: 0 explained, 2 usage or an unknown subject.
    """
    folder = Path(re.sub(r"#\d+$", "", subject))
    if any((folder / name).is_file() for name in ("report.json", "findings.jsonl")):
        return _explain_run(folder, subject)
    from probe.reference.explain import explain  # noqa: PLC0415 - data loads only here
    from probe.reference.reference import Direction  # noqa: PLC0415 - as above

    width = min(100, max(60, shutil.get_terminal_size((88, 24)).columns))
    try:
        text = explain(
            subject,
            provider=provider,
            direction=Direction(direction) if direction else None,
            width=width,
        )
    except LookupError as error:
        click.echo(f"sipprobe: {error}", err=True)
        return Exit.USAGE
    click.echo(text.rstrip("\n"))
    return Exit.MET


def _explain_run(folder: Path, subject: str) -> int:
    """Print the explanation of the steps of a stored run that were not met."""
    from probe.results import REPORT, ResultsError, load  # noqa: PLC0415 - only for stored runs

    step = re.search(r"#(\d+)$", subject)
    try:
        report = load(folder)
        lines = [
            line
            for finding in report["findings"]
            if step is None or finding["step"] == int(step[1])
            for line in _retold(finding)
        ]
    except ResultsError as error:
        raise click.ClickException(str(error)) from None
    except (KeyError, TypeError, AttributeError):
        raise click.ClickException(f"{folder / REPORT} is not a whole report") from None
    if not lines:
        missing = f"has no step {step[1]} to judge" if step else "holds nothing to judge"
        raise click.ClickException(f"{folder} {missing}")
    for line in lines:
        click.echo(line)
    return Exit.MET


def _retold(finding: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of one stored finding; the file may come from anybody."""
    from probe.report.text import plain  # noqa: PLC0415 - only for stored runs

    def safe(text: object) -> str:
        return plain(str(text), None)

    yield safe(f"{finding['outcome']}  {finding['scenario']} › {finding['attempt']}")
    why = finding["explanation"]
    if why is None:
        yield "  Everything that was expected came."
        return
    yield f"  Why   {safe(why['summary'])}"
    for cause in why["causes"]:
        yield safe(f"        {cause['id']} {cause['name']} ({cause['likelihood']})")
    for fact in why["evidence"]:
        event = "" if fact["event"] is None else f"event {fact['event']}: "
        yield safe(f"        {event}{fact['says']}")
    for unknown in why["unknown"]:
        yield f"  Open  {safe(unknown)}"
    for number, act in enumerate(why["next_steps"]):
        yield f"  {'    ' if number else 'Next'}  {safe(act)}"
