"""What several verbs read: variables, settings, scenario files, and their problems."""

import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click

from probe.cli.exits import Exit
from probe.cli.terminal import columns
from probe.scenario.loader import find_scenario, find_settings, load_many, load_settings
from probe.scenario.loader import scenario_files as files_of
from probe.scenario.schema import Scenario, Settings
from probe.scenario.source import ScenarioError

Hide = Callable[[str], str]
"""Takes the values of ``--secret`` out of a text."""

_MAY_WRAP = re.compile(
    r"(?P<lead> *)(?P<begins>\x1b\[[0-9;]*m)?"
    r"(?P<text>(?:hint: |there are: |tags that |scenarios that )[^\x1b]*)(?P<ends>\x1b\[0m)?"
)
"""Lines that are sentences or lists; others show a file, with marks under its columns."""


@contextmanager
def problems_end_the_command(*, color: bool, hide: Hide = str) -> Iterator[None]:
    """Show every problem of the user's files and leave with the usage status."""
    try:
        yield
    except ScenarioError as error:
        click.echo(fitting(hide(error.render(color=color))), err=True, color=color)
        raise click.exceptions.Exit(Exit.USAGE) from None


def fitting(text: str) -> str:
    """Return a text whose hints and lists fit the terminal; in a file lines stay as they are."""
    if not sys.stderr.isatty():
        return text
    from probe.report.text import wrapped  # noqa: PLC0415 - only for a person

    width = max(60, columns(100))
    lines = []
    for line in text.split("\n"):
        found = _MAY_WRAP.fullmatch(line) if len(line) > width else None
        if found is None:
            lines.append(line)
            continue
        lead, begins, ends = found["lead"], found["begins"] or "", found["ends"] or ""
        rows = wrapped(found["text"], width, first=lead, later=f"{lead}  ", hyphens=False)
        lines += [f"{begins}{row}{ends}" for row in rows]
    return "\n".join(lines)


def wants_color(setting: str | None, stream_is_terminal: bool) -> bool:
    """Decide on colour: the flag, NO_COLOR, FORCE_COLOR, then whether a person is looking.

    As Python's own tools do, so that one setting of a CI job serves all of them.
    """
    if setting in {"always", "never"}:
        return setting == "always"
    if os.environ.get("NO_COLOR"):
        return False
    forced = os.environ.get("FORCE_COLOR", "")
    if forced:
        return forced not in {"0", "false"}
    return stream_is_terminal and os.environ.get("TERM") != "dumb"


def stderr_color(setting: str | None = None) -> bool:
    """Whether stderr is coloured."""
    return wants_color(setting, sys.stderr.isatty())


def variables(pairs: tuple[str, ...], *, secret: bool = False) -> dict[str, str]:
    """Read ``name=value`` pairs; raise UsageError for one that is none.

    What was given for a secret is not repeated: it may be the secret itself.
    """
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.isidentifier():
            if secret:
                raise click.UsageError("--secret takes NAME=VALUE")
            raise click.UsageError(f"--var takes NAME=VALUE, got '{name[:40]}'")
        found[name] = value
    return found


def settings(
    given: Mapping[str, str], config: Path | None, environ: Mapping[str, str] = os.environ
) -> Settings:
    """Read the nearest sipprobe.yaml, or return empty settings."""
    path = config or find_settings(Path.cwd(), os.environ)
    if path is None:
        return Settings()
    return load_settings(path, variables=given, environ=environ)


def paths(names: tuple[str, ...]) -> tuple[Path, ...]:
    """Return the files of names and paths; a folder stands for its scenarios, nothing for all."""
    start = Path.cwd()
    found: list[Path] = []
    for name in names or ("scenarios",):
        folder = start / name
        if folder.is_dir():
            found += files_of(folder)
        elif names:
            found.append(find_scenario(name, start=start))
    return tuple(dict.fromkeys(found))


def scenarios(
    files: tuple[Path, ...],
    given: Mapping[str, str],
    known: Settings,
    environ: Mapping[str, str] = os.environ,
) -> tuple[Scenario, ...]:
    """Read scenario files; what sipprobe.yaml says of variables counts last."""
    return load_many(files, variables=given, environ=environ, defaults=known.vars)
