"""Configured values held against what the provider's pages want, before anything is sent."""

import re
from collections.abc import Callable, Mapping

from msgspec import Struct

from probe.plan.action import Account, Call, Register
from probe.plan.plan import Attempt
from probe.reference.reference import Provider, Requirement, Wanted, within
from probe.sip.message import uri_host, uri_user

SHORT = 6
"""Digits up to which a number is a short or internal one, whose form no page describes."""

IDENTITY_FIELDS = ("p-asserted-identity", "p-preferred-identity", "remote-party-id")
"""Header fields that carry the calling number beside From (RFC 3325; Remote-Party-ID is older)."""


class Violation(Struct, frozen=True, kw_only=True):
    """A configured value that the provider's list does not allow."""

    of: Wanted
    "Which value."

    key: str
    "Key of the scenario or profile that changes it."

    value: str
    "What is configured, as written: whoever prints it makes it safe. Never a password."

    wanted: str
    "What the provider wants, in words."

    documented: bool
    "Whether its page says so; False for common practice that its portal must confirm."

    source: str | None
    "The page; None for common practice."

    date: str
    "State of the provider's pages, year and month."

    @property
    def page(self) -> str:
        """Who says so, in words."""
        return f"{self.source}, {self.date}" if self.source else "common practice, to be confirmed"


def lint_against(
    provider: Provider, attempt: Attempt, *, passwords_known: bool = True
) -> tuple[Violation, ...]:
    """Return what an attempt's account and target have that the provider does not want.

    ``passwords_known`` is False for a plan whose passwords were not looked up; a missing one is no
    violation then. The embedded trunk and a step without an account want nothing.
    """
    account = attempt.account
    if account is None or account.embedded:
        return ()
    return tuple(
        _violation(row, of, found)
        for row in provider.requirements
        for of, wanted in row.wants
        if of is not Wanted.LOGIN or passwords_known
        for found in (_unmet(of, wanted, attempt, account),)
        if found is not None
    )


def _violation(row: Requirement, of: Wanted, value: str) -> Violation:
    return Violation(
        of=of,
        key=_KEYS[of],
        value=value,
        wanted=row.value.rstrip("."),
        documented=row.documented,
        source=row.source,
        date=row.date,
    )


def _unmet(of: Wanted, wanted: tuple[str, ...], attempt: Attempt, account: Account) -> str | None:
    """Return the configured value that is not wanted, or None where all is well."""
    return _CHECKS[of](wanted, attempt, account)


def _one_of(wanted: tuple[str, ...], value: str | None) -> str | None:
    return value if value is not None and value not in wanted else None


def _transport(wanted: tuple[str, ...], _attempt: Attempt, account: Account) -> str | None:
    return _one_of(wanted, account.transport.upper())


def _port(wanted: tuple[str, ...], _attempt: Attempt, account: Account) -> str | None:
    return _one_of(wanted, None if account.port is None else str(account.port))


def _srtp(wanted: tuple[str, ...], attempt: Attempt, account: Account) -> str | None:
    return _one_of(wanted, account.srtp if isinstance(attempt.action, Call) else None)


def _prack(wanted: tuple[str, ...], attempt: Attempt, account: Account) -> str | None:
    return _one_of(wanted, (account.prack or "off") if isinstance(attempt.action, Call) else None)


def _realm(wanted: tuple[str, ...], _attempt: Attempt, account: Account) -> str | None:
    return _one_of(("*", *wanted), account.realm)


def _login(wanted: tuple[str, ...], _attempt: Attempt, account: Account) -> str | None:
    return "no password" if wanted == ("digest",) and account.password is None else None


def _client_cert(_wanted: tuple[str, ...], _attempt: Attempt, account: Account) -> str | None:
    return "no client certificate" if account.client_cert is None else None


def _never(wanted: tuple[str, ...], attempt: Attempt, _account: Account) -> str | None:
    method = "REGISTER" if isinstance(attempt.action, Register) else attempt.method
    return method if method in wanted else None


def _codec(wanted: tuple[str, ...], attempt: Attempt, account: Account) -> str | None:
    if not isinstance(attempt.action, Call):
        return None
    offered = attempt.action.codecs or account.codecs
    common = {name.upper() for name in wanted} & {name.upper() for name in offered}
    return None if common else ", ".join(offered) or "no codec"


def _host(wanted: tuple[str, ...], attempt: Attempt, account: Account) -> str | None:
    target = attempt.action.target if isinstance(attempt.action, Call) else account.registrar
    host = uri_host(target)[0]
    return None if not host or any(within(host, domain) for domain in wanted) else host


def _number(wanted: tuple[str, ...], attempt: Attempt, _account: Account) -> str | None:
    if attempt.direction != "outbound" or not isinstance(attempt.action, Call):
        return None
    number = uri_user(attempt.action.target).partition(";")[0]
    if len(re.sub(r"\D", "", number)) <= SHORT or re.search(r"[A-Za-z]", number):
        return None
    return None if any(re.fullmatch(pattern, number) for pattern in wanted) else number


def _caller(wanted: tuple[str, ...], attempt: Attempt, account: Account) -> str | None:
    if attempt.direction != "outbound" or not isinstance(attempt.action, Call):
        return None
    fields = (*attempt.action.headers, *account.headers)
    said = [uri_user(value) for name, value in fields if name.lower() in IDENTITY_FIELDS]
    written = attempt.action.caller_id or account.caller_id or account.user
    callers = (*said, uri_user(written) or written)
    if any(re.fullmatch(pattern, caller) for pattern in wanted for caller in callers):
        return None
    return callers[0]


_CHECKS: Mapping[Wanted, Callable[[tuple[str, ...], Attempt, Account], str | None]] = {
    Wanted.TRANSPORT: _transport,
    Wanted.PORT: _port,
    Wanted.SRTP: _srtp,
    Wanted.CODEC: _codec,
    Wanted.NUMBER: _number,
    Wanted.CALLER: _caller,
    Wanted.HOST: _host,
    Wanted.REALM: _realm,
    Wanted.LOGIN: _login,
    Wanted.NEVER: _never,
    Wanted.PRACK: _prack,
    Wanted.CLIENT_CERT: _client_cert,
}

_KEYS: Mapping[Wanted, str] = {
    Wanted.TRANSPORT: "uri",
    Wanted.PORT: "uri",
    Wanted.SRTP: "srtp",
    Wanted.CODEC: "codecs",
    Wanted.NUMBER: "call",
    Wanted.CALLER: "caller_id",
    Wanted.HOST: "uri",
    Wanted.REALM: "realm",
    Wanted.LOGIN: "password",
    Wanted.NEVER: "registers",
    Wanted.PRACK: "prack",
    Wanted.CLIENT_CERT: "client_cert",
}
