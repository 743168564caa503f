"""The embedded trunk as a command uses it: its profile, and what a report says of it."""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # loads only where it is needed
    from probe.scenario.schema import Profile, Scenario, Settings
    from probe.simulator.trunk import EmbeddedTrunk


def stand_in() -> "Profile":
    """Return a profile that stands for an embedded trunk that does not run."""
    from probe.scenario.schema import Profile  # noqa: PLC0415 - see profile_of

    return Profile(uri="sip:100@127.0.0.1:1")  # a port that nobody's server has


def started(
    scenarios: "tuple[Scenario, ...]",
    known: "Settings",
    trunk: str | None,
    until_end: contextlib.ExitStack,
) -> "EmbeddedTrunk | None":
    """Start the embedded trunk where an account of a scenario is one of it, else return None.

    A certificate is made for it where an account reaches it by TLS.
    """
    transports = _transports(scenarios, known, trunk)
    if not transports:
        return None
    from probe.simulator.trunk import EmbeddedTrunk  # noqa: PLC0415 - only where it is wanted

    tls = None
    if "TLS" in transports:
        import tempfile  # noqa: PLC0415 - 5 ms, only with a certificate

        from probe.simulator.certificate import make_certificate  # noqa: PLC0415 - as above

        folder = until_end.enter_context(tempfile.TemporaryDirectory(prefix="sipprobe-"))
        tls = make_certificate(Path(folder), "127.0.0.1")
    return until_end.enter_context(EmbeddedTrunk(tls=tls, names="DNS" in transports))


def _transports(
    scenarios: "tuple[Scenario, ...]", known: "Settings", trunk: str | None
) -> frozenset[str]:
    """Return the transports by which accounts reach the embedded trunk; none without it.

    DNS is among them where an account reaches it by a name that has to be looked up.
    """
    from probe.plan.embedded import FAILOVER  # noqa: PLC0415 - see profile_of
    from probe.plan.resolve import resolve  # noqa: PLC0415 - see profile_of
    from probe.scenario.schema import EMBEDDED  # noqa: PLC0415 - see profile_of
    from probe.scenario.source import ScenarioError  # noqa: PLC0415 - see profile_of

    found: set[str] = set()
    for scenario in scenarios:
        try:
            plan = resolve(scenario, known, trunk=trunk, embedded=stand_in())
        except ScenarioError:  # told where the plan is made that will be carried out
            if (trunk or scenario.trunk) == EMBEDDED:
                found.add("UDP")
        else:
            ours = [account for account in plan.accounts if account.embedded]
            found.update(account.transport for account in ours)
            if any(account.host.lower() == FAILOVER for account in ours):
                found.add("DNS")
    return frozenset(found)


def profile_of(trunk: "EmbeddedTrunk") -> "Profile":
    """Return the profile of a running embedded trunk."""
    from probe.scenario.schema import Profile  # noqa: PLC0415 - as above
    from probe.scenario.secret import Secret  # noqa: PLC0415 - as above

    return Profile(
        uri=f"sip:{trunk.user}@{trunk.host}:{trunk.udp_port}",
        password=Secret(trunk.password),
        local_address=trunk.host,
        nameserver=trunk.name_server,
        ca_file=str(trunk.certificate) if trunk.certificate else None,
    )


def notes_on(trunk: "EmbeddedTrunk | None") -> tuple[str, ...]:
    """Return what every report must say of a run on the embedded trunk."""
    if trunk is None:
        return ()
    where = f"{trunk.host}:{trunk.udp_port}"
    return (f"the embedded trunk answered at {where}: nothing left this machine",)


def faults_of(trunk: "EmbeddedTrunk") -> list[str]:
    """Return the embedded trunk's own faults: then what it answered says nothing."""
    return [f"the embedded trunk itself failed: {fault}" for fault in trunk.failures]
