"""Who takes part in a run: processes of sites that came, that went, and that cannot be used."""

import time
from collections.abc import Sequence

from probe.fleet.members import LOOK_S, FleetError, Member, Members
from probe.fleet.shipment import Shipment, Ticket
from probe.plan.plan import Plan
from probe.plan.repeats import without_count

GATHER_S = 10.0
"""How long a run waits for the sites that it needs before it begins."""


class Roster:
    """The processes that have read the texts of a run."""

    def __init__(self, members: Members, shipment: Shipment) -> None:
        """Take the fleet, and what everybody is sent."""
        self._members = members
        self._shipment = shipment
        self.ready: dict[str, Member] = {}
        "Who can be given something, by address."
        self._unfit: dict[str, Member] = {}
        self.looked_at = 0.0
        "When it was last looked, on the monotonic clock."

    def gather(self, plans: Sequence[Plan]) -> None:
        """Have the sites read the texts; raise FleetError where one that is needed is not there."""
        wanted = {site for plan in plans for site in plan.sites}
        limit = time.monotonic() + GATHER_S
        while True:
            self.look()
            here = {member.site for member in self.ready.values()}
            if (here and wanted <= here) or self._unfit or time.monotonic() > limit:
                break
            time.sleep(LOOK_S)
        faults = [
            f"{m.site} ({m.address}): {m.ready.fault}" for m in self._unfit.values() if m.ready
        ]
        missing = sorted(wanted - here) or ([] if here else ["any"])
        if missing:
            known = f"there are: {', '.join(sorted(here))}" if here else "no site is there"
            raise FleetError(
                f"no process of site {', '.join(missing)} takes part"
                + "".join(f"\n  {fault}" for fault in faults),
                f"{known}; at the site: dask worker {self._members.address} --name {missing[0]}",
            )

    def about(self) -> list[str]:
        """Return what the report says of each process: version, clock; and of the way to it."""
        notes = []
        for member in sorted(self.ready.values(), key=lambda one: (one.site, one.address)):
            ready = member.ready
            assert ready is not None  # noqa: S101 - it would not be among those that are ready
            notes.append(
                f"site {member.site}: {ready.host}, {member.slots} at a time, its clock"
                f" {member.ahead * 1000:+.1f} ms (± {member.within * 1000:.1f} ms) from ours"
            )
        if not self._members.encrypted:
            notes.append(f"what went to the sites by {self._members.address} was not encrypted")
        return notes

    def look(self) -> None:
        """See who came and who went; have newcomers read the texts."""
        self.looked_at = time.monotonic()
        try:
            present = self._members.present()
        except OSError:  # the scheduler is gone, which is seen by who asks for it
            return
        for address in self.ready.keys() - present.keys():
            del self.ready[address]
        known = {*self.ready, *self._unfit}
        fresh = [member for address, member in present.items() if address not in known]
        for member in self._members.prepare(fresh, self._shipment.text()):
            assert member.ready is not None  # noqa: S101 - prepare says it
            place = self._unfit if member.ready.fault else self.ready
            place[member.address] = member

    def ticket(self, plan: Plan, number: int, member: Member) -> Ticket:
        """Return a ticket of a scenario for one process; ``number`` is its place in the run."""
        assert member.ready is not None  # noqa: S101 - only who is ready is given anything
        return Ticket(
            run=self._shipment.run,
            station=member.ready.station,
            number=number,
            scenario=without_count(plan.scenario),
            named=plan.scenario,
            timeout=plan.timeout,
            labels=tuple(attempt.label for attempt in plan.attempts),
            site=member.site,
        )
