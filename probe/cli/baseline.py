"""``run --baseline``: the run that has just ended, beside an earlier one."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click
from msgspec import Struct

from probe.cli.exits import Exit

if TYPE_CHECKING:  # heavy, and only where a baseline is given
    from probe.comparison.model import Side
    from probe.plan.plan import Plan
    from probe.report.model import RunReport


class Shown(Protocol):
    """The flags of ``run`` that say how a comparison is shown."""

    @property
    def form(self) -> str:
        """The format on stdout."""
        ...

    @property
    def color(self) -> str | None:
        """When colours are written."""
        ...

    @property
    def quiet(self) -> bool:
        """Whether nothing is printed where all is well."""
        ...


class Baseline(Struct, frozen=True, kw_only=True):
    """What a run is compared with when it is over."""

    side: "Side | None"
    "The earlier run, as far as it is about the same scenarios; None for no comparison."

    @classmethod
    def read(cls, subject: str | None, results: Path, plans: "tuple[Plan, ...]") -> "Baseline":
        """Read the earlier run before anything is dialled; raise click.ClickException."""
        if subject is None:
            return cls(side=None)
        from probe.cli.compared import only, stored  # noqa: PLC0415 - only with a baseline

        side = only(stored(subject, results), (plan.scenario for plan in plans))
        if not side.samples:
            raise click.ClickException(f"{side.run} holds none of the selected scenarios")
        return cls(side=side)

    def status(
        self, status: int, report: "RunReport", shown: Shown, hide: Callable[[str], str]
    ) -> int:
        """Print the comparison; return the status of the run, or 1 where there is a regression.

        On stdout after the text report; on stderr where another format has stdout for itself.
        """
        if self.side is None:
            return status
        from probe.cli import compared, inputs  # noqa: PLC0415 - only with a baseline
        from probe.comparison.compare import compare  # noqa: PLC0415 - only with a baseline
        from probe.comparison.model import Kind  # noqa: PLC0415 - only with a baseline

        found = compare(self.side, compared.just_made(report))
        beside = shown.form != "text"
        color = inputs.wants_color(shown.color, (sys.stderr if beside else sys.stdout).isatty())
        if not (shown.quiet and all(step.kind is Kind.SAME for step in found.steps)):
            text = hide(compared.shown(found, "text", color=color))
            click.echo(f"\n{text}", err=beside, color=color)
        worse = compared.exit_of(found)
        if status in {Exit.MET, Exit.UNTESTED} and worse is Exit.NOT_MET:
            return worse
        return status if status != Exit.MET else worse
