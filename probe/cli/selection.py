"""Which scenarios a command is about, and with which variables: the same flags for every verb."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from msgspec import Struct

from probe.cli.completing import scenarios, tags, trunks
from probe.cli.exits import Exit

if TYPE_CHECKING:  # loads only where it is needed
    from probe.scenario.choice import Choice
    from probe.scenario.schema import Scenario, Settings

_Command = TypeVar("_Command", bound=Callable[..., Any])


def selection_flags(command: _Command) -> _Command:
    """Give a command the flags that a Selection is made from."""
    for decorate in reversed(
        (
            click.argument(
                "names", nargs=-1, metavar="[NAME or PATH]...", shell_complete=scenarios
            ),
            click.option(
                "-t",
                "--tag",
                "tags",
                multiple=True,
                shell_complete=tags,
                help="Only those with this tag.",
            ),
            click.option(
                "-k",
                "expression",
                metavar="EXPR",
                help="Only names and rows with this text; and, or, not, ( ) join several.",
            ),
            click.option(
                "--trunk",
                metavar="NAME",
                shell_complete=trunks,
                help="Trunk profile, over what the scenario says.",
            ),
            click.option(
                "--var", "variables", multiple=True, metavar="NAME=VALUE", help="A variable."
            ),
            click.option(
                "--secret",
                "secrets",
                multiple=True,
                metavar="NAME=VALUE",
                help="A variable whose value is never shown; an environment variable is safer.",
            ),
            click.option(
                "--config",
                type=click.Path(path_type=Path, exists=True, dir_okay=False),
                help="sipprobe.yaml to use instead of the nearest one upward.",
            ),
        )
    ):
        command = decorate(command)
    return command


class Selection(Struct, frozen=True, kw_only=True):
    """The flags of ``selection_flags``."""

    names: tuple[str, ...]
    "Names, paths and folders; empty for ./scenarios."

    tags: tuple[str, ...]
    "Tags of which one must match; empty for all."

    expression: str | None
    "What names and rows must be like (probe/scenario/choice.py), or None."

    trunk: str | None
    "Trunk profile over what the scenarios say, or None."

    variables: tuple[str, ...]
    "``NAME=VALUE`` pairs."

    secrets: tuple[str, ...]
    "``NAME=VALUE`` pairs whose values are never shown."

    config: Path | None
    "sipprobe.yaml to use, or None for the nearest."

    @classmethod
    def taken_from(cls, flags: dict[str, Any]) -> "Selection":
        """Take the selection's own flags out of a command's."""
        return cls(**{name: flags.pop(name) for name in cls.__struct_fields__})

    def hidden(self) -> tuple[str, ...]:
        """Return the values of ``--secret``."""
        return tuple(pair.partition("=")[2] for pair in self.secrets)

    def hide(self, text: str) -> str:
        """Return a text without them."""
        if not self.secrets:
            return text
        from probe.sip.redact import MARK, SHORTEST_SECRET  # noqa: PLC0415 - only with secrets

        for secret in sorted(self.hidden(), key=len, reverse=True):
            if len(secret) >= SHORTEST_SECRET:
                text = text.replace(secret, MARK)
        return text

    def read(
        self, environ: Mapping[str, str] = os.environ
    ) -> "tuple[tuple[Scenario, ...], Settings]":
        """Read what is selected; raise ScenarioError, or leave where nothing is."""
        from probe.cli import inputs  # noqa: PLC0415 - loads only where it is needed

        meant = self._meant()
        given = inputs.variables(self.variables)
        given |= inputs.variables(self.secrets, secret=True)
        known = inputs.settings(given, self.config, environ)
        there = inputs.scenarios(inputs.paths(self.names), given, known, environ)
        found = tuple(
            scenario for scenario in there if self._has_tag(scenario) and meant(_told(scenario))
        )
        if not found:
            from probe.cli.nothing import why_nothing  # noqa: PLC0415 - only where it is so

            folders = self.names or ("scenarios",)
            why = why_nothing(there, folders=folders, tags=self.tags, text=self.expression or "")
            click.echo(inputs.fitting(self.hide(why)), err=True)
            raise click.exceptions.Exit(Exit.NOTHING)
        return found, known

    def _has_tag(self, scenario: "Scenario") -> bool:
        """Whether tags select a scenario."""
        return not self.tags or bool(set(self.tags) & set(scenario.tags))

    def _meant(self) -> "Choice":
        """Return what ``-k`` means; raise UsageError."""
        from probe.scenario.choice import ChoiceError, choice  # noqa: PLC0415 - see read

        try:
            return choice(self.expression or "")
        except ChoiceError as error:
            raise click.UsageError(f"-k '{self.expression}' cannot be read: {error}") from None


def _told(scenario: "Scenario") -> str:
    """Return what ``-k`` looks into: id, title, and the values of the row."""
    values = scenario.row.values if scenario.row else ()
    return " ".join((scenario.id, scenario.name, *(value for _, value in values)))
