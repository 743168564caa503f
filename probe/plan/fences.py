"""Whether a profile lets a request go where a step sends it, under the number that it shows."""

import re
from collections.abc import Mapping

from probe.plan.action import Account
from probe.plan.rails import (
    allowed,
    dear_number,
    emergency_number,
    known_country,
    listed,
    owned,
)
from probe.scenario.schema import Profile
from probe.scenario.source import Problem, Source
from probe.sip.message import uri_user

IDENTITIES = frozenset(
    {"from", "p-asserted-identity", "p-preferred-identity", "remote-party-id", "diversion"}
)
"""Headers that show a caller (RFC 3261, RFC 3325, RFC 5806), in small letters."""

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


def destination_problem(
    written: str, profile: Profile, account: Account, host: str, source: Source
) -> Problem | None:
    """Return why a number or URI is not to be dialled, or None.

    ``host`` is the trunk's own; a number without a host goes there.
    """
    danger = emergency_problem(written, profile, source)
    if danger is not None:
        return danger
    permitted = profile.allow_to
    if permitted is not None and not allowed(written, permitted, host):
        return Problem(
            source=source,
            message=f"{written} is not among the destinations of '{account.name}'",
            hint=f"allow_to: {', '.join(permitted)}   ({profile.source('allow_to').file})",
        )
    if account.embedded:
        return None
    why = dear_number(written, profile.country or ())
    if why is not None and not listed(written, permitted or ()):
        return Problem(
            source=source,
            message=f"{written} is a dear number: {why}",
            hint="if it is meant, list it by itself, without *, under allow_to: of the profile",
        )
    return None


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
