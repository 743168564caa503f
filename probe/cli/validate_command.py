"""``sipprobe validate``: check scenario files without placing a call."""

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from probe.cli.exits import Exit
from probe.cli.selection import Selection, selection_flags

if TYPE_CHECKING:  # loads only where it is needed
    from probe.plan.plan import Plan
    from probe.scenario.schema import Scenario


@click.command(name="validate")
@selection_flags
@click.option("--color", type=click.Choice(["auto", "always", "never"]), help="Default: auto.")
def command(color: str | None, **flags: Any) -> int:  # noqa: ANN401 - click hands over the flags
    """Check scenario files: syntax, words, variables, references, what this pjsua2 can do.

    Nothing is sent. Every problem of every file is shown at once, as file:line:column.

    Exit status: 0 valid, 2 usage or a problem, 5 nothing selected.
    """
    from probe.cli import inputs  # noqa: PLC0415 - loads only where it is needed
    from probe.cli.embedded import stand_in  # noqa: PLC0415 - as above
    from probe.executor.engine import capabilities_of_engine  # noqa: PLC0415 - as above
    from probe.plan.caps import too_many_calls  # noqa: PLC0415 - as above
    from probe.plan.resolve import resolve  # noqa: PLC0415 - as above
    from probe.scenario.source import Problem, ScenarioError  # noqa: PLC0415 - as above

    selection = Selection.taken_from(flags)
    with inputs.problems_end_the_command(color=inputs.stderr_color(color), hide=selection.hide):
        scenarios, known = selection.read()
        problems: list[Problem] = []
        plans: list[Plan] = []
        for scenario in scenarios:
            trunk = selection.trunk
            try:
                plan = resolve(
                    scenario,
                    known,
                    trunk=trunk,
                    embedded=stand_in(),  # it is not started for this
                    engine=capabilities_of_engine,
                )
            except ScenarioError as error:
                problems += error.problems
            else:
                plans.append(plan)
        for file, (steps, rows) in _valid(scenarios, plans).items():
            told = f"{steps} step{'s' if steps != 1 else ''}"
            told += f", {rows} row{'s' if rows != 1 else ''}" if rows else ""
            click.echo(f"ok  {file}  ({told})")
        problems += too_many_calls(plans)
        if problems:
            raise ScenarioError(problems)
    return Exit.MET


def _valid(scenarios: "tuple[Scenario, ...]", plans: "list[Plan]") -> dict[str, tuple[int, int]]:
    """Return steps and rows of each file all of whose rows have a plan."""
    planned = Counter(plan.file for plan in plans)
    wanted = Counter(scenario.file for scenario in scenarios)
    return {
        scenario.file: (len(scenario.steps), wanted[scenario.file] if scenario.row else 0)
        for scenario in scenarios
        if planned[scenario.file] == wanted[scenario.file]
    }
