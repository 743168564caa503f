"""Puts a run's report on disk: finding by finding while it goes on, then whole."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from probe.results import ResultsError, RunFolder, worth_hiding

if TYPE_CHECKING:
    from probe.plan.plan import Plan
    from probe.report.kept import Kept
    from probe.report.model import RunReport


class Keeper:
    """Keeps what is found; a disk that fails never costs the calls that are still to come."""

    def __init__(
        self,
        folder: RunFolder | None,
        plans: "tuple[Plan, ...]",
        *,
        hidden: tuple[str, ...],
        shown: "Callable[[RunReport], RunReport]",
    ) -> None:
        """Take the run's folder, or None where nothing is to be stored.

        ``hidden`` are secrets beside the passwords of the plans; ``shown`` turns a report into what
        may be stored of it.
        """
        from probe.runner import public_of, secrets_of  # noqa: PLC0415 - heavy, loads with the plans

        self._folder = folder
        self._shown = shown
        self._secrets = worth_hiding(
            {*hidden, *(secret for plan in plans for secret in secrets_of(plan))},
            {name for plan in plans for name in public_of(plan)},
        )
        self._complained = False

    def room(self) -> "Kept":
        """Return where the findings are put away until the run is over."""
        from probe.report.kept import Kept  # noqa: PLC0415 - heavy, loads with the plans

        return Kept(None if self._folder is None else self._folder.path, secrets=self._secrets)

    def told(self, part: "RunReport") -> None:
        """Store what was just judged; say once on stderr where that fails."""
        if self._folder is None:
            return
        try:
            self._folder.add(self._shown(part), secrets=self._secrets)
        except ResultsError as error:
            if not self._complained:
                click.echo(f"\nsipprobe: {error}; the run goes on", err=True)
            self._complained = True

    def whole(self, report: "RunReport") -> None:
        """Store the report of the run; raise ResultsError."""
        if self._folder is not None:
            self._folder.write(report, secrets=self._secrets)
