"""The help of every verb."""

import re
from collections.abc import Callable

import click
import pytest
from commandline import Ended

from probe.cli import _VERBS, cli

Sipprobe = Callable[..., Ended]
VERBS = tuple(_VERBS)


def command_of(verb: str) -> tuple[click.Command, click.Context]:
    """Return a verb's command and the context of the program above it."""
    above = click.Context(cli, info_name="sipprobe", **cli.context_settings)
    command = cli.get_command(above, verb)
    assert command is not None
    return command, above


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("columns", [60, 80])
def test_help_fits_a_terminal(verb: str, columns: int) -> None:
    """No line of the help is wider than the terminal, nor is a paragraph broken by hand."""
    command, above = command_of(verb)
    context = click.Context(command, above, info_name=verb, terminal_width=columns)
    lines = command.get_help(context).splitlines()
    assert len(lines) > 5
    assert max(map(len, lines)) <= columns


@pytest.mark.parametrize("verb", VERBS)
def test_help_says_what_the_list_of_verbs_promises(sipprobe: Sipprobe, verb: str) -> None:
    """-h and --help are the same text, which is no failure and begins with what the verb does."""
    ended = sipprobe(verb, "--help")
    assert ended.status == 0
    assert ended.err == ""
    assert ended.out == sipprobe(verb, "-h").out


@pytest.mark.parametrize(
    ("verb", "statuses"),
    [
        ("run", {0, 1, 2, 3, 5, 130}),
        ("validate", {0, 2, 5}),
        ("list", {0, 2, 5}),
        ("explain", {0, 2}),
        ("simulate", {0, 2}),
    ],
)
def test_help_names_the_exit_statuses(sipprobe: Sipprobe, verb: str, statuses: set[int]) -> None:
    """A script is written from the help."""
    told = re.sub(r"\s+", " ", sipprobe(verb, "--help").out)
    found = re.search(r"Exit status: ([^.]+)\.", told)
    assert found is not None
    assert {int(number) for number in re.findall(r"\b\d+\b", found[1])} == statuses


@pytest.mark.parametrize("verb", VERBS)
def test_every_flag_says_what_it_does(verb: str) -> None:
    """No option stands in the help without a word."""
    command, _ = command_of(verb)
    silent = [
        option.name
        for option in command.params
        if isinstance(option, click.Option) and not option.help
    ]
    assert silent == []
