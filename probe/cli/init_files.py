"""Where ``init`` writes: what is there is seen first, and every draft is checked before it lies."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec import Struct, field

if TYPE_CHECKING:
    from probe.cli.init_flags import InitFlags
    from probe.cli.init_questions import Questions
    from probe.drafting.draft import TrunkDraft
    from probe.scenario.schema import Settings

SCENARIOS = Path("scenarios")
"""Folder in which ``run NAME`` looks."""


class Desk(Struct, kw_only=True):
    """The files of one ``init``: drafted, checked, and then written together."""

    settings: Path
    "The sipprobe.yaml that counts here, there or not."

    old: str | None
    "Its text, or None where there is none yet."

    force: bool
    "Whether what is there may be changed."

    new: str | None = None
    "Its text with the trunk that came to it; None where none came."

    pending: list[tuple[Path, str]] = field(default_factory=list)
    "Files that are checked and not yet written."

    variables: tuple[str, ...] = ()
    "Password variables that need not be set yet."

    @classmethod
    def here(cls, asked: "InitFlags") -> "Desk":
        """Look at what is there."""
        from probe.scenario.loader import SETTINGS, find_settings  # noqa: PLC0415 - the models

        path = asked.config or find_settings(Path.cwd(), os.environ) or Path.cwd() / SETTINGS
        old = None
        if path.exists():
            try:
                old = path.read_bytes().decode("utf-8")  # line ends as they are
            except (OSError, UnicodeDecodeError) as error:
                raise click.ClickException(f"{shown(path)} cannot be read: {error}") from None
        return cls(settings=path, old=old, force=asked.force)

    def may_add_a_trunk(self, questions: "Questions") -> None:
        """Leave where a sipprobe.yaml is there and nobody says that it may be changed."""
        if self.old is None or self.force:
            return
        where = shown(self.settings)
        if questions.confirmed(f"{where} is there already. Put one more trunk into it?"):
            self.force = True
            return
        raise click.ClickException(
            f"{where} is there already\n"
            "  --force puts the trunk into it: its lines stay as they are, and a copy is kept;\n"
            "  --config FILE writes another file"
        )

    def add(self, draft: "TrunkDraft") -> None:
        """Draft sipprobe.yaml with one trunk more; raise ScenarioError, or leave."""
        from probe.drafting.checking import read_settings, same_but_for  # noqa: PLC0415 - as above
        from probe.drafting.draft import profile_lines, settings_text  # noqa: PLC0415 - as above
        from probe.drafting.insertion import with_trunk  # noqa: PLC0415 - as above

        self.variables = (draft.variable,) if draft.variable else ()
        if self.old is None:
            self.new = settings_text(draft)
        else:
            before = read_settings(self.settings, self.old, os.environ)
            self.new = with_trunk(self.old, draft)
            if self.new is None or not same_but_for(before, self._read(self.variables), draft.name):
                click.echo("\n".join(profile_lines(draft)))
                raise click.ClickException(
                    f"nothing was written: the form of {shown(self.settings)} is its author's own\n"
                    "  put the lines above under its trunks: by hand"
                )
        self._read(self.variables).profile(draft.name)

    def name_is_free(self, name: str) -> None:
        """Leave where sipprobe.yaml has a trunk of that name."""
        known = self.known()
        if name in {*known.trunks, *known.unresolved}:
            raise click.ClickException(
                f"{shown(self.settings)} has a trunk '{name}' already\n"
                "  --name NAME gives this one another name"
            )

    def known(self, *, for_a_call: bool = False) -> "Settings":
        """Return what sipprobe.yaml says, with the trunk that comes to it.

        ``for_a_call`` takes no password variable for set that is not: nobody logs in with a
        stand-in.
        """
        from probe.scenario.schema import Settings  # noqa: PLC0415 - as above

        if self.new is None and self.old is None:
            return Settings()
        return self._read(() if for_a_call else self.variables)

    def _read(self, variables: tuple[str, ...]) -> "Settings":
        from probe.drafting.checking import read_settings  # noqa: PLC0415 - as above

        text = self.new if self.new is not None else self.old or ""
        return read_settings(self.settings, text, os.environ, *variables)

    def scenario_file(self, name: str) -> Path:
        """Return where a scenario is to be written; leave where one is there already."""
        if not name.replace("-", "").replace("_", "").replace(".", "").isalnum():
            raise click.UsageError(
                f"--scenario takes a name of letters, digits, '-' and '_', got '{name[:40]}'"
            )
        from probe.scenario.loader import SUFFIX  # noqa: PLC0415 - as above

        path = SCENARIOS / f"{name}{SUFFIX}"
        if path.exists() and not self.force:
            raise click.ClickException(
                f"{path} is there already\n"
                "  --scenario NAME writes another file;"
                " --force writes this one anew and keeps a copy"
            )
        return path

    def write_scenario(self, name: str, text: str) -> None:
        """Check a scenario and write it, with the sipprobe.yaml that it needs.

        Raise ScenarioError, and leave where a file cannot be written.
        """
        from probe.drafting.checking import check_scenario  # noqa: PLC0415 - as above
        from probe.executor.engine import capabilities_of_engine  # noqa: PLC0415 - as above

        path = self.scenario_file(name)
        check_scenario(path, text, self.known(), os.environ, engine=capabilities_of_engine)
        if self.new is not None:
            self.pending.append((self.settings, self.new))
        self.pending.append((path, text))

    def tell(self) -> None:
        """Write what was checked, and say so."""
        from probe.drafting.filing import (  # noqa: PLC0415 - as above
            FilingError,
            replace_keeping,
            write_new,
        )

        try:
            for path, text in self.pending:
                kept = ""
                if path.exists() and self.force:
                    kept = f"; {shown(replace_keeping(path, text))} is what it was"
                else:
                    write_new(path, text)
                click.echo(f"wrote {shown(path)}{kept}")
        except FilingError as error:
            raise click.ClickException(str(error)) from None
        unset = [name for name in self.variables if not os.environ.get(name)]
        if unset:
            click.echo(f"valid, by the checks of `sipprobe validate`, once {unset[0]} is set")
        else:
            click.echo("valid, by the checks of `sipprobe validate`")


def shown(path: Path) -> str:
    """Return a path relative to here where it lies below."""
    absolute = path.absolute()
    here = Path.cwd()
    return str(absolute.relative_to(here)) if absolute.is_relative_to(here) else str(path)
