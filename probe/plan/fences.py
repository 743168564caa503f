"""Whether a profile lets a request go where a step sends it, under the number that it shows."""

import re
from collections.abc import Collection, Mapping

from probe.plan.action import Account
from probe.plan.rails import (
    allowed,
    dear_number,
    emergency_number,
    is_loopback,
    known_country,
    listed,
    owned,
)
from probe.scenario.schema import Profile
from probe.scenario.source import Filled, Problem, Source
from probe.sip.message import uri_host, uri_user

IDENTITIES = frozenset(
    {"from", "p-asserted-identity", "p-preferred-identity", "remote-party-id", "diversion"}
)
"""Headers that show a caller (RFC 3261, RFC 3325, RFC 5806), in small letters."""

FENCES = ("allow_to", "numbers", "country", "caps", "pace")
"""Keys of a profile that hold requests back."""

ALWAYS_THE_TRUNKS = frozenset({"caps", "pace"})
"""Those whose absence from a trunk profile is a fence too: the default."""

_URI = re.compile(r"(?:sips?|tel):[^\s>\"']*", re.IGNORECASE)


def emergency_problem(written: str, profile: Profile, source: Source) -> Problem | None:
    """Return a problem where a number or URI could reach an emergency desk, or None.

    A trunk with a ``provider`` leads to the public network: nothing there is a mere extension.
    """
    danger = emergency_number(
        written, countries=profile.country or (), public=profile.provider is not None
    )
    if danger is None:
        return None
    return Problem(
        source=source,
        message=f"{written} would reach the emergency number {danger}; it is never dialled",
        hint="use the provider's echo number or a number of your own",
    )


def destination_problem(  # noqa: PLR0913, PLR0917 - what leads where, and where it is written
    written: str,
    profile: Profile,
    account: Account,
    host: str,
    source: Source,
    literal: Collection[str] = (),
) -> Problem | None:
    """Return why a number or URI is not to be dialled, or None.

    ``host`` is the trunk's own; a number without a host goes there. ``literal`` are the
    destinations that stand in the scenario file itself.
    """
    danger = emergency_problem(written, profile, source)
    if danger is not None:
        return danger
    permitted = profile.allow_to
    if permitted is not None and not allowed(written, permitted, host):
        return Problem(
            source=source,
            message=f"{written} is not among the destinations of '{account.name}'",
            hint=_fence_hint(permitted, profile.source("allow_to")),
        )
    if account.embedded and is_loopback(uri_host(written)[0] or account.host):
        return None
    unnamed = [variable for variable in source.filled if not variable.typed]
    if permitted is None and unnamed and written not in literal:
        return _unnamed_problem(written, unnamed, profile, source)
    why = dear_number(written, profile.country or ())
    if why is not None and not listed(written, permitted or ()):
        return Problem(
            source=source,
            message=f"{written} is a dear number: {why}",
            hint="if it is meant, list it by itself, without *, under allow_to: of the profile",
        )
    return None


def _fence_hint(permitted: tuple[str, ...], place: Source) -> str:
    """Say what the fence lets through, where it stands, and what to do if that is too little."""
    where = f"{place.file}:{place.line}" if place.file else "the trunk profile"
    shown = ", ".join(permitted) or "nothing"
    return f"allow_to: at {where} lets through {shown}; if this may be dialled, add it there"


def _unnamed_problem(
    written: str, unnamed: list[Filled], profile: Profile, source: Source
) -> Problem:
    """Return the problem of a destination that neither the file nor the command names."""
    variable = unnamed[0]
    # A password in the place of a number must not be shown.
    hidden = any(one.hidden for one in unnamed)
    number = "this number" if hidden else written
    listed = f"NUMBER   (the value of {variable.variable})" if hidden else f'["{written}"]'
    place = profile.source("uri")
    where = f"the trunk profile at {place.file}:{place.line}" if place.file else "the trunk profile"
    return Problem(
        source=source,
        message=f"{number} stands neither in this file nor in the command: it came from"
        f" {variable.giver} through ${{{variable.variable}}}, and the trunk has no allow_to",
        hint=f"if the trunk may dial it, add to {where}: allow_to: {listed}",
    )


def caller_problem(
    caller_id: str | None, profile: Profile, account: Account, source: Source
) -> Problem | None:
    """Return why a caller ID is not to be shown, or None; no ``numbers:`` means no problem."""
    if caller_id is None or profile.numbers is None:
        return None
    if owned(caller_id, (account.user, *profile.numbers)):
        return None
    return Problem(
        source=source,
        message=f"caller ID {caller_id} is not among the numbers of '{account.name}'",
        hint=f"numbers: {', '.join(profile.numbers) or 'none'}"
        f"   ({profile.source('numbers').file})",
    )


def caller_warning(caller_id: str | None, profile: Profile, account: Account) -> str | None:
    """Return a warning for a caller ID of which nobody said that it is ours, or None."""
    if caller_id is None or profile.numbers is not None or account.embedded:
        return None
    if owned(caller_id, (account.user,)):
        return None
    return (
        f"{account.name}: nothing says that caller ID {caller_id} is yours:"
        " list it under numbers: of the profile"
    )


def header_problems(
    headers: Mapping[str, str], profile: Profile, account: Account, source: Source
) -> list[Problem]:
    """Return what is wrong with numbers in extra headers: where they lead and whom they show."""
    found: list[Problem] = []
    for name, value in headers.items():
        uris = _URI.findall(value)
        danger = next(filter(None, map(emergency_number, uris)), None)
        if danger is not None:
            message = f"{name} holds the emergency number {danger}; it is never sent"
            found.append(Problem(source=source, message=message))
        elif name.lower() in IDENTITIES:
            shown = [uri for uri in uris if uri_user(uri)]
            problems = (caller_problem(uri, profile, account, source) for uri in shown)
            found += [problem for problem in problems if problem is not None][:1]
    return found


def loosened_fences(agent: Profile, trunk: Profile) -> list[Problem]:
    """Return a problem for each fence of a trunk profile that an agent would replace.

    Whoever owns the trunk wrote them (or left the defaults of caps and pace); whoever wrote the
    scenario may be somebody else.
    """
    said = {key for key in FENCES if getattr(trunk, key) is not None} | ALWAYS_THE_TRUNKS
    return [
        Problem(
            source=agent.source(key),
            message=f"'{key}' of an agent would replace that of its trunk profile",
            hint="change it in the trunk profile, or give the agent a profile of its own there",
        )
        for key in FENCES
        if key in said and getattr(agent, key) is not None
    ]


def unknown_countries(profile: Profile, source: Source) -> list[Problem]:
    """Return a problem for each country whose emergency numbers are not known."""
    return [
        Problem(
            source=source,
            message=f"no emergency numbers are known for country '{country}'",
            hint="ISO 3166, two letters: US, DE, ZA; Great Britain is GB",
        )
        for country in profile.country or ()
        if not known_country(country)
    ]
