"""The command line reference: usage, words and flags of each verb, from the commands themselves."""

import inspect
import re

import click

from docs.making.pages import prose
from probe.cli import cli

PATH = "docs/reference/verbs.md"


def page() -> str:
    """Return the page, Markdown."""
    above = click.Context(cli, info_name="sipprobe", **cli.context_settings)
    parts = [
        "# Verbs and flags",
        (
            "What `sipprobe VERB --help` says, for all verbs on one page, made from the program. "
            "[The command line](../command-line.md) tells the same at length: exit statuses, what "
            "is sent, where values come from."
        ),
    ]
    for verb in cli.list_commands(above):
        command = cli.get_command(above, verb)
        assert command is not None  # noqa: S101 - it was listed
        parts += _verb(verb, command, click.Context(command, above, info_name=verb))
    return "\n\n".join(parts) + "\n"


def _verb(verb: str, command: click.Command, context: click.Context) -> list[str]:
    usage = re.sub(r"^Usage:\s*", "", re.sub(r"\s+", " ", command.get_usage(context)))
    parts = [f"(verb-{verb})=\n## {verb}", f"```text\n{usage}\n```", _told(command.help or "")]
    rows = [
        f"| {_code(record[0])} | {prose(record[1])} |"
        for parameter in command.get_params(context)
        if (record := parameter.get_help_record(context)) is not None
    ]
    return [*parts, "\n".join(["| flag | does |", "| --- | --- |", *rows])]


def _told(text: str) -> str:
    """Return the help of a verb as paragraphs."""
    paragraphs = inspect.cleandoc(text).replace("\b\n", "").split("\n\n")
    return "\n\n".join(map(prose, paragraphs))


def _code(flags: str) -> str:
    """Return flags as code, with the bar of a choice kept inside its cell."""
    return f"`{flags.replace('|', chr(92) + '|')}`"
