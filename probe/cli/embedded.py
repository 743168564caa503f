"""The embedded trunk as a command uses it: its profile, and what a report says of it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # pydantic loads only where it is needed
    from probe.scenario.schema import Profile, Scenario, Settings
    from probe.simulator.trunk import EmbeddedTrunk


def stand_in() -> "Profile":
    """Return a profile that stands for an embedded trunk that does not run."""
    from probe.scenario.schema import Profile  # noqa: PLC0415 - see profile_of

    return Profile(uri="sip:100@127.0.0.1:1")  # a port that nobody's server has


def is_wanted(scenarios: "tuple[Scenario, ...]", known: "Settings", trunk: str | None) -> bool:
    """Whether an account of a scenario is one of the embedded trunk."""
    from probe.plan.resolve import resolve  # noqa: PLC0415 - see profile_of
    from probe.scenario.schema import EMBEDDED  # noqa: PLC0415 - see profile_of
    from probe.scenario.source import ScenarioError  # noqa: PLC0415 - see profile_of

    for scenario in scenarios:
        try:
            plan = resolve(scenario, known, trunk=trunk, embedded=stand_in())
        except ScenarioError:  # told where the plan is made that will be carried out
            if (trunk or scenario.trunk) == EMBEDDED:
                return True
        else:
            if any(account.embedded for account in plan.accounts):
                return True
    return False


def profile_of(trunk: "EmbeddedTrunk") -> "Profile":
    """Return the profile of a running embedded trunk."""
    from pydantic import SecretStr  # noqa: PLC0415 - only with the embedded trunk

    from probe.scenario.schema import Profile  # noqa: PLC0415 - as above

    return Profile(
        uri=f"sip:{trunk.user}@{trunk.host}:{trunk.udp_port}",
        password=SecretStr(trunk.password),
        local_address=trunk.host,
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
