"""``sipprobe list``: show what would run."""

import json

import click

from probe.cli.exits import Exit


@click.command(name="list")
@click.argument("names", nargs=-1, metavar="[NAME or PATH]...")
@click.option("-t", "--tag", "tags", multiple=True, help="Only scenarios with this tag.")
@click.option("--var", "variables", multiple=True, metavar="NAME=VALUE", help="A variable.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def command(
    names: tuple[str, ...], tags: tuple[str, ...], variables: tuple[str, ...], as_json: bool
) -> int:
    """Show the scenarios of ./scenarios, or of the names, paths and folders given.

    Exit status: 0 shown, 2 usage or an invalid file, 5 nothing selected.
    """
    from probe.cli import inputs  # noqa: PLC0415 - pydantic loads only where it is needed

    with inputs.problems_end_the_command(color=inputs.stderr_color()):
        given = inputs.variables(variables)
        found = inputs.scenarios(inputs.paths(names), given, inputs.settings(given, None))
    chosen = [s for s in found if not tags or set(tags) & set(s.tags)]
    if not chosen:
        click.echo("nothing was selected", err=True)
        return Exit.NOTHING
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
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return Exit.MET
    width = max(len(scenario.id) for scenario in chosen)
    for scenario in chosen:
        tags_shown = f"  [{', '.join(scenario.tags)}]" if scenario.tags else ""
        verbs = " → ".join(step.verb for step in scenario.steps)
        click.echo(f"{scenario.id:<{width}}  {scenario.name}{tags_shown}")
        click.echo(f"{'':<{width}}  {verbs}   ({scenario.trunk}, {scenario.file})")
    return Exit.MET
