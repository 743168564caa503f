"""``sipprobe list``: show what would run."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from probe.cli.exits import Exit
from probe.cli.selection import Selection, selection_flags

if TYPE_CHECKING:  # loads only where it is needed
    from probe.scenario.schema import Scenario


@click.command(name="list")
@selection_flags
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def command(as_json: bool, **flags: Any) -> int:  # noqa: ANN401 - click hands over the flags
    """Show the scenarios of ./scenarios, or of the names, paths and folders given.

    Exit status: 0 shown, 2 usage or an invalid file, 5 nothing selected.
    """
    from probe.cli import inputs  # noqa: PLC0415 - loads only where it is needed

    selection = Selection.taken_from(flags)
    with inputs.problems_end_the_command(color=inputs.stderr_color(), hide=selection.hide):
        chosen, _ = selection.read()
    rows = [
        {
            "id": scenario.id,
            "row": _row(scenario),
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
    by_story: dict[tuple[str, str], list[Scenario]] = {}
    for scenario in chosen:
        story = scenario.row.story if scenario.row else scenario.id
        by_story.setdefault((story, scenario.file), []).append(scenario)
    width = max(len(story) for story, _ in by_story)
    for (story, _), scenarios in by_story.items():
        for line in _lines(story, scenarios, width):
            click.echo(selection.hide(line))
    return Exit.MET


def _lines(story: str, scenarios: "list[Scenario]", width: int) -> Iterator[str]:
    """Yield what is shown of a scenario and of its rows."""
    first = scenarios[0]
    titles = {scenario.name for scenario in scenarios}
    tags_shown = f"  [{', '.join(first.tags)}]" if first.tags else ""
    verbs = " → ".join(step.verb for step in first.steps)
    title = first.name if len(titles) == 1 else story
    yield f"{story:<{width}}  {title}{tags_shown}"
    yield f"{'':<{width}}  {verbs}   (trunk {first.trunk}, {first.file})"
    rows = [(scenario.row, scenario.name) for scenario in scenarios if scenario.row]
    if not rows:
        return
    widest = max(len(row.name) for row, _ in rows)
    yield f"{'':<{width}}  {len(rows)} row{'s' if len(rows) > 1 else ''}:"
    for row, name in rows:
        own = f"  {name}" if len(titles) > 1 else ""
        place = f"  {row.source.file}:{row.source.line}" if row.source.file else ""
        yield f"{'':<{width}}    {row.name:<{widest}}{own}{place}"


def _row(scenario: "Scenario") -> dict[str, object] | None:
    """Return the row of a scenario as a report has it."""
    row = scenario.row
    if row is None:
        return None
    return {
        "name": row.name,
        "story": row.story,
        "values": dict(row.values),
        "source": str(row.source) if row.source.file else None,
    }
