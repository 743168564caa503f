"""Agents at the built-in PBX: host and password `embedded` stand for what a run's PBX has.

So one file serves both: an agent with uri ``sip:101@${PBX:-embedded}`` and password
``${PW_101:-embedded}`` is a user of the built-in PBX until somebody gives PBX and PW_101.
"""

from typing import TypeAlias

from msgspec.structs import replace

from probe.plan.accounts import address_of
from probe.scenario.schema import EMBEDDED, Profile
from probe.scenario.source import Problem

FAILOVER = f"failover.{EMBEDDED}"
"""A name of the built-in PBX that leads to two servers, the first of which is dead."""


def same_hop(profile: Profile, other: Profile | None) -> bool:
    """Whether requests of one profile go where those of another go."""
    if other is None:
        return False
    ours, theirs = address_of(profile.uri or ""), address_of(other.uri or "")
    if ours is not None and ours.host.lower() == FAILOVER:
        return profile.nameserver == other.nameserver
    if ours is None or theirs is None or profile.proxy != other.proxy or ours.host != theirs.host:
        return False
    return ours.port == theirs.port or (
        ours.transport == "TLS" and ours.port == tls_port(theirs.port or 0)
    )


def tls_port(port: int) -> int:
    """Return where the built-in PBX has TLS: one number above its other port, as 5061 is."""
    return port + 1


def is_at_embedded(profile: Profile) -> bool:
    """Whether a profile names the built-in PBX as its host."""
    address = address_of(profile.uri or "")
    return address is not None and address.host.lower() in {EMBEDDED, FAILOVER}


def settled(
    agent: Profile, base: Profile, embedded: Profile | None
) -> tuple[Profile, Problem | None]:
    """Return an agent put over its base, and what is wrong with it.

    An agent at the built-in PBX starts from the running one, ``embedded``; an agent of the
    built-in trunk that names another host shares nothing with it, the password least of all.
    The rows of a scenario have their agents in common, so what came of one is remembered.
    """
    asked = (agent, base, embedded)
    known = _SETTLED.get(tuple(map(id, asked)))
    if known is None or any(a is not b for a, b in zip(known[0], asked, strict=True)):
        if len(_SETTLED) >= _MOST_SETTLED:
            _SETTLED.clear()
        known = _SETTLED[tuple(map(id, asked))] = (asked, _settled(agent, base, embedded))
    return known[1]


_Asked: TypeAlias = tuple[Profile, Profile, Profile | None]
_Settled: TypeAlias = tuple[Profile, Problem | None]
_SETTLED: dict[tuple[int, ...], tuple[_Asked, _Settled]] = {}
_MOST_SETTLED = 64


def _settled(agent: Profile, base: Profile, embedded: Profile | None) -> _Settled:
    if is_at_embedded(agent):
        return _user_of(agent, embedded or Profile()), None
    elsewhere = agent.uri is not None and not same_hop(agent, embedded)
    profile = agent.over(Profile() if base is embedded and elsewhere else base)
    return profile, _stand_in_problem(agent) if elsewhere else None


def _user_of(agent: Profile, embedded: Profile) -> Profile:
    """Return an agent with the host, and where it has none the password, of the running PBX."""
    here = address_of(embedded.uri or "")
    theirs = address_of(agent.uri or "")
    update: dict[str, object] = {}
    if here is not None and theirs is not None and theirs.host.lower() != FAILOVER:
        hostport = here.hostport
        if theirs.transport == "TLS":
            hostport = f"{here.shown_host}:{tls_port(here.port or 0)}"
        update["uri"] = f"{theirs.scheme}:{theirs.user}@{hostport}{theirs.suffix}"
    if _password(agent) == EMBEDDED:
        update["password"] = embedded.password
    return replace(agent.over(embedded), **update)


def _password(profile: Profile) -> str | None:
    return None if profile.password is None else profile.password.revealed()


def _stand_in_problem(agent: Profile) -> Problem | None:
    """Refuse the stand-in for a password where the host is a real one."""
    if _password(agent) != EMBEDDED:
        return None
    return Problem(
        source=agent.source("password"),
        message="the password 'embedded' is that of the built-in PBX, but the host is another",
        hint="give the variable of this password, by --secret or in the environment",
    )
