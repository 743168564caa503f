"""``run --fleet``: what is read for the sites, what may travel, and who takes part."""

import os
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from probe.cli.exits import Exit

if TYPE_CHECKING:  # dask loads only where a fleet is wanted
    from probe.cli.selection import Selection
    from probe.fleet.fleet import Fleet
    from probe.fleet.members import FleetError
    from probe.plan.plan import Plan
    from probe.scenario.schema import Scenario, Settings


class FleetUse:
    """A fleet as ``run`` uses it: the files are read first, then the sites are called."""

    def __init__(self, address: str) -> None:
        """Take the scheduler's address; raise UsageError where it is none."""
        if not address.startswith(("tcp://", "tls://")):
            raise click.UsageError(
                f"--fleet takes tcp://HOST:PORT or tls://HOST:PORT, got '{address}'"
            )
        self.address = address
        "The scheduler."
        self._files: Mapping[str, bytes] = {}
        self._config: Path | None = None

    def read(self, selection: "Selection") -> "tuple[tuple[Scenario, ...], Settings]":
        """Read what is selected, and keep what was read; secrets may be the sites' own."""
        from probe.fleet.shipment import Environment  # noqa: PLC0415 - only with a fleet
        from probe.scenario.files import noted  # noqa: PLC0415 - as above

        with noted() as files:
            scenarios, known = selection.read(Environment(os.environ))
        self._files = files
        self._config = Path(os.path.abspath(known.file)) if known.file else None  # noqa: PTH100
        return scenarios, known

    def gathered(
        self,
        plans: "tuple[Plan, ...]",
        selection: "Selection",
        *,
        cps: float | None,
        controls: str,
    ) -> "Fleet":
        """Return the fleet, with the texts read at every site; leave where that cannot be."""
        self._look_at(plans, controls)
        try:
            from probe.fleet.members import FleetError, Members  # noqa: PLC0415 - loads dask
        except ImportError as error:
            if (error.name or "").partition(".")[0] not in {"distributed", "dask", "tornado"}:
                raise
            raise click.UsageError(
                "--fleet needs dask.distributed, which is not installed: "
                "pip install 'sipprobe[fleet]'"
            ) from None
        from probe import __version__  # noqa: PLC0415 - as above
        from probe.cli import inputs  # noqa: PLC0415 - as above
        from probe.fleet.fleet import Fleet  # noqa: PLC0415 - as above
        from probe.fleet.shipment import Shipment, told_openly, wanted  # noqa: PLC0415
        from probe.runner import secrets_of  # noqa: PLC0415 - as above

        shipment = Shipment(
            run=f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{uuid.uuid4().hex[:12]}",
            version=__version__,
            here=str(Path.cwd()),
            files=dict(self._files),
            scenarios=tuple(map(os.path.abspath, inputs.paths(selection.names))),
            config=None if self._config is None else str(self._config),
            variables={
                **inputs.variables(selection.variables),
                **inputs.variables(selection.secrets, secret=True),
            },
            environ=wanted(self._files, os.environ),
            trunk=selection.trunk,
            cps=cps,
            controls=controls != "none",
            secrets=selection.hidden(),
        )
        secrets = {*selection.hidden(), *(s for plan in plans for s in secrets_of(plan))}
        place = None if self.address.startswith("tls://") else told_openly(shipment, secrets)
        if place is not None:
            raise click.UsageError(
                f"{place} holds a password, and {self.address} would carry it openly: use tls://,"
                " or let each site know it, with password_file: or a variable such as ${PW_FRA}"
                " that is set there"
            )
        try:
            members = Members(self.address)
            try:
                members.check()
                fleet = Fleet(members, shipment)
                fleet.gather(plans)
            except FleetError:
                members.close()
                raise
        except FleetError as error:
            raise _unusable(error) from None
        return fleet

    @staticmethod
    def _look_at(plans: "tuple[Plan, ...]", controls: str) -> None:
        """Refuse what a fleet cannot do."""
        if controls == "paid":
            raise click.UsageError("--controls paid places further calls: run it without --fleet")
        for plan in plans:
            if any(account.embedded for account in plan.accounts):
                raise click.UsageError(
                    f"{plan.scenario} calls the embedded trunk, which is on this machine alone:"
                    " name a trunk with --trunk, or run it without --fleet"
                )


def _unusable(error: "FleetError") -> click.exceptions.Exit:
    """Say why the fleet cannot be used."""
    click.echo(f"sipprobe: could not test: {error}\n  {error.hint}", err=True)
    return click.exceptions.Exit(Exit.UNTESTED)
