"""``sipprobe validate``: check scenario files without placing a call."""

import click

from probe.cli.exits import Exit


@click.command(name="validate")
@click.argument("names", nargs=-1, metavar="[NAME or PATH]...")
@click.option("--trunk", metavar="NAME", help="Trunk profile, over what the scenarios say.")
@click.option("--var", "variables", multiple=True, metavar="NAME=VALUE", help="A variable.")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), help="Default: auto.")
def command(
    names: tuple[str, ...], trunk: str | None, variables: tuple[str, ...], color: str | None
) -> int:
    """Check scenario files: syntax, words, variables, references, what this pjsua2 can do.

    Nothing is sent. Every problem of every file is shown at once, as file:line:column.

    Exit status: 0 valid, 2 usage or a problem, 5 nothing selected.
    """
    from probe.cli import inputs  # noqa: PLC0415 - pydantic loads only where it is needed
    from probe.executor.engine import capabilities_of_engine  # noqa: PLC0415 - as above
    from probe.plan.resolve import resolve  # noqa: PLC0415 - as above
    from probe.scenario.schema import EMBEDDED, Profile  # noqa: PLC0415 - as above
    from probe.scenario.source import Problem, ScenarioError  # noqa: PLC0415 - as above

    with inputs.problems_end_the_command(
        color=inputs.stderr_color(None if color == "auto" else color)
    ):
        given = inputs.variables(variables)
        known = inputs.settings(given, None)
        scenarios = inputs.scenarios(inputs.paths(names), given, known)
        if not scenarios:
            click.echo("nothing was selected", err=True)
            return Exit.NOTHING
        problems: list[Problem] = []
        for scenario in scenarios:
            name = trunk or scenario.trunk
            # The embedded trunk is not started for this: any loopback address stands for it.
            embedded = Profile(uri="sip:100@127.0.0.1") if name == EMBEDDED else None
            try:
                resolve(
                    scenario, known, trunk=trunk, embedded=embedded, engine=capabilities_of_engine
                )
            except ScenarioError as error:
                problems += error.problems
            else:
                steps = len(scenario.steps)
                click.echo(f"ok  {scenario.file}  ({steps} step{'s' if steps != 1 else ''})")
        if problems:
            raise ScenarioError(problems)
    return Exit.MET
