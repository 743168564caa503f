"""What a shell may complete beside verbs and flags: scenarios, trunks, tags.

A file that cannot be read completes to nothing: a person who types is not to be told of it.
"""

import os
from collections.abc import Iterable
from pathlib import Path

import click
from click.shell_completion import CompletionItem


def scenarios(
    ctx: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete a scenario by its name; what holds a slash or a dot is a path."""
    del ctx, parameter
    if "/" in incomplete or "." in incomplete:
        return [CompletionItem(incomplete, type="file")]
    from probe.scenario.loader import known_scenarios  # noqa: PLC0415 - pydantic, as needed

    return _beginning(incomplete, known_scenarios(Path.cwd()))


def trunks(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete a trunk profile, with the sipprobe.yaml that the command would use."""
    del parameter
    from probe.scenario.loader import find_settings, load_settings  # noqa: PLC0415 - as above
    from probe.scenario.schema import EMBEDDED  # noqa: PLC0415 - as above
    from probe.scenario.source import ScenarioError  # noqa: PLC0415 - as above

    path = ctx.params.get("config") or find_settings(Path.cwd(), os.environ)
    names = [EMBEDDED]
    if path is not None:
        try:
            known = load_settings(path, variables={}, environ=os.environ)
            names += [*known.trunks, *known.unresolved]
        except ScenarioError:
            pass
    return _beginning(incomplete, names)


def _beginning(incomplete: str, words: Iterable[str]) -> list[CompletionItem]:
    return [CompletionItem(word) for word in words if word.startswith(incomplete)]
