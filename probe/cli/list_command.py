"""``sipprobe list``: show what would run."""

import json
from typing import Any

import click

from probe.cli.exits import Exit
from probe.cli.selection import Selection, selection_flags


@click.command(name="list")
@selection_flags
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def command(as_json: bool, **flags: Any) -> int:  # noqa: ANN401 - click hands over the flags
    """Show the scenarios of ./scenarios, or of the names, paths and folders given.

    Exit status: 0 shown, 2 usage or an invalid file, 5 nothing selected.
    """
    from probe.cli import inputs  # noqa: PLC0415 - pydantic loads only where it is needed

    selection = Selection.taken_from(flags)
    with inputs.problems_end_the_command(color=inputs.stderr_color(), hide=selection.hide):
        chosen, _ = selection.read()
    rows = [
        {
            "id": scenario.id,
            "name": scenario.name,
            "file": scenario.file,
            "tags": list(scenario.tags),
            "trunk": scenario.trunk,
            "steps": [step.verb for step in scenario.steps],
        }
        for scenario in chosen
    ]
    if as_json:
        click.echo(selection.hide(json.dumps(rows, indent=2, ensure_ascii=False)))
        return Exit.MET
    width = max(len(scenario.id) for scenario in chosen)
    for scenario in chosen:
        tags_shown = f"  [{', '.join(scenario.tags)}]" if scenario.tags else ""
        verbs = " → ".join(step.verb for step in scenario.steps)
        click.echo(f"{scenario.id:<{width}}  {scenario.name}{tags_shown}")
        click.echo(f"{'':<{width}}  {verbs}   ({scenario.trunk}, {scenario.file})")
    return Exit.MET
