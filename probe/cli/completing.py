"""What a shell may complete beside verbs and flags: scenarios, tags, trunks, runs, codes.

A file that cannot be read completes to nothing: a person who types is not to be told of it.
"""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def scenarios(
    ctx: click.Context, parameter: click.Parameter, incomplete: str
) -> "list[CompletionItem]":
    """Complete a scenario by its name; what holds a slash or a dot is a path."""
    del ctx, parameter
    if "/" in incomplete or "." in incomplete:
        return [_item(incomplete, "file")]
    from probe.scenario.loader import known_scenarios  # noqa: PLC0415 - the models, as needed

    return _beginning(incomplete, known_scenarios(Path.cwd()))


def trunks(
    ctx: click.Context, parameter: click.Parameter, incomplete: str
) -> "list[CompletionItem]":
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


def tags(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """Complete a tag of the scenarios that a command without names would take."""
    del ctx, parameter
    from probe.scenario.loader import scenario_files  # noqa: PLC0415 - as above

    found = {tag for file in scenario_files(Path("scenarios")) for tag in _tags_of(file)}
    return _beginning(incomplete, sorted(found))


def runs(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """Complete a stored run, the newest first; what holds a slash or a dot is a path."""
    del parameter
    if "/" in incomplete or "." in incomplete:
        return [_item(incomplete, "file")]
    return _beginning(incomplete, ["last", *_stored(ctx)])


def providers(
    ctx: click.Context, parameter: click.Parameter, incomplete: str
) -> "list[CompletionItem]":
    """Complete a provider by the word that finds it."""
    del ctx, parameter
    from probe.reference import reference as ref  # noqa: PLC0415 - data, as needed

    named = {provider.key: provider.name for provider in ref.providers()}
    return _explained(incomplete.casefold(), named)


def subjects(
    ctx: click.Context, parameter: click.Parameter, incomplete: str
) -> "list[CompletionItem]":
    """Complete what `explain` explains: a code, a method, a cause, a header, a stored run."""
    del parameter
    if "/" in incomplete or "." in incomplete:
        return [_item(incomplete, "file")]
    from probe.reference import reference as ref  # noqa: PLC0415 - data, as needed

    known = {str(entry.code): entry.name for entry in ref.responses()}
    known |= {method.name: method.does for method in ref.methods()}
    known |= {"last": "the newest run", **dict.fromkeys(_stored(ctx), "a stored run")}
    if incomplete:  # hundreds of words help nobody who has typed nothing yet
        known |= {cause.id: cause.name for cause in ref.causes()}
        known |= {entry.name: entry.tells for entry in ref.headers()}
        known |= {provider.key: provider.name for provider in ref.providers()}
    return _explained(incomplete, known)


_TAGS = re.compile(r"^tags:[ \t]*(?:\S.*|(?:\n[ \t]*-[ \t]*.+)+)", re.MULTILINE)


def _tags_of(file: Path) -> list[str]:
    """Return the tags of a scenario file, without reading the rest of it."""
    import yaml  # noqa: PLC0415 - as needed

    try:
        found = _TAGS.search(file.read_text(encoding="utf-8"))
        written = yaml.safe_load(found[0])["tags"] if found else []
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return []
    return [written] if isinstance(written, str) else [str(tag) for tag in written or ()]


def _stored(ctx: click.Context) -> Iterator[str]:
    """Yield the runs of the results folder that the command would look into."""
    folder = Path(ctx.params.get("results") or "results")
    try:
        names = sorted((entry.name for entry in folder.iterdir() if entry.is_dir()), reverse=True)
    except OSError:
        return
    for name in names:
        if (folder / name / "report.json").is_file() or (
            folder / name / "findings.jsonl"
        ).is_file():
            yield name


def _explained(incomplete: str, known: dict[str, str]) -> "list[CompletionItem]":
    """Return the words that begin so, with what they mean for shells that show it."""
    return [
        _item(word, told=told)
        for word, told in known.items()
        if word.casefold().startswith(incomplete.casefold())
    ]


def _beginning(incomplete: str, words: Iterable[str]) -> "list[CompletionItem]":
    return [_item(word) for word in words if word.startswith(incomplete)]


def _item(word: str, kind: str = "plain", told: str | None = None) -> "CompletionItem":
    """Return a word for a shell; ``kind`` file makes the shell complete a path."""
    from click.shell_completion import CompletionItem  # noqa: PLC0415 - only when a shell asks

    return CompletionItem(word, type=kind, help=told)
