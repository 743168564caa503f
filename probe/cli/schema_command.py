"""``sipprobe schema``: print a JSON Schema."""

import json

import click

from probe.cli.exits import Exit


@click.command(name="schema")
@click.argument("what", type=click.Choice(["scenario", "settings", "report"]), default="scenario")
def command(what: str) -> int:
    """Print the JSON Schema of scenario files, of sipprobe.yaml (settings), or of the report.

    Editors complete and check with it: `sipprobe schema > sipprobe.schema.json`.
    """
    from probe.report import json_report  # noqa: PLC0415 - only here
    from probe.scenario import json_schema  # noqa: PLC0415 - only here

    makers = {
        "scenario": json_schema.json_schema,
        "settings": json_schema.settings_schema,
        "report": json_report.json_schema,
    }
    click.echo(json.dumps(makers[what](), indent=2, ensure_ascii=False))
    return Exit.MET
