"""What a plan asks of the installed pjsua2, held against what that can do."""

import ipaddress
from collections.abc import Iterable

from probe.plan.action import Account
from probe.plan.capabilities import Capabilities

BASIC_CODECS = frozenset({"PCMU", "PCMA"})
"""Encodings of every build."""


def need_more_than_basics(accounts: Iterable[Account]) -> bool:
    """Whether accounts want what not every pjsua2 can do: then the installed one is worth asking.

    UDP and TCP over IPv4 with G.711 are in every build.
    """
    return any(
        _wants_ipv6(account)
        or account.transport == "TLS"
        or account.tls_min is not None
        or not set(account.codecs) <= BASIC_CODECS
        for account in accounts
    )


def unsupported(account: Account, capabilities: Capabilities) -> tuple[str, str] | None:
    """Return (key, why) where the installed pjsua2 cannot do what an account asks, or None."""
    if not capabilities.ipv6 and _wants_ipv6(account):
        return "uri", "IPv6 is asked for, and the installed pjsua2 was built without it"
    if account.transport == "TLS" and not capabilities.tls:
        return "uri", "TLS is asked for, and the installed pjsua2 was built without it"
    if account.tls_min == "1.3" and not capabilities.tls13:
        return (
            "tls_min",
            f"TLS 1.3 is asked for, and {capabilities.tls_library} cannot do it",
        )
    known = {codec.lower() for codec in capabilities.codecs}
    for codec in account.codecs:
        if codec.lower() not in known:
            offered = ", ".join(capabilities.codecs)
            return "codecs", f"codec {codec} is not in the installed pjsua2, which has {offered}"
    return None


def _wants_ipv6(account: Account) -> bool:
    """Whether an address of an account is an IPv6 literal."""
    addresses = (account.host, (account.local_address or "").strip("[]"))
    return any(map(_is_ipv6, addresses))


def _is_ipv6(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).version == 6
    except ValueError:
        return False
