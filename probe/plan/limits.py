"""What a plan asks of the installed pjsua2, held against what that can do."""

import ipaddress
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

from msgspec import Struct

from probe.plan.action import Account, Action
from probe.plan.capabilities import Capabilities
from probe.sip.message import uri_host

BASIC_CODECS = frozenset({"PCMU", "PCMA"})
"""Encodings of every build."""

BASIC_BODY = 3000
"""Bytes of a body that find room in a message of every build, header fields beside it."""

TRANSPORTS = ("UDP", "TCP", "TLS")
"""What a build of pjsua2 may speak; SCTP (RFC 4168) and WebSockets (RFC 7118) are in none."""

_NO_IPV6 = "IPv6 is asked for, and the installed pjsua2 was built without it"


class Lack(Struct, frozen=True, kw_only=True):
    """Something that a plan asks for and that cannot be had."""

    name: str
    "The account that asks; empty where an action does."

    key: str
    "Key of the account's profile that asks; empty where an action does."

    attempt: int
    "Position of the attempt whose action asks; -1 where an account does."

    why: str
    "What is asked for, and why it cannot be had."

    hint: str
    "What to do."


def lacks(
    accounts: Iterable[Account],
    actions: Sequence[Action],
    engine: Callable[[], Capabilities | None],
) -> list[Lack]:
    """Return what cannot be had; ``engine`` is asked only where not every build could do it."""
    accounts = tuple(accounts)
    found = [
        Lack(
            name=account.name,
            key="proxy" if account.proxy else "uri",
            attempt=-1,
            why=f"transport {account.transport} is not spoken",
            hint=f"one of {', '.join(TRANSPORTS)}, as in ;transport=tcp",
        )
        for account in accounts
        if account.transport not in TRANSPORTS
    ]
    if not need_more_than_basics(accounts, actions):
        return found
    able = engine()
    if able is None:
        return found
    hint = f"pjsua2 {able.version} is installed; another build may have it (docs/engine.md)"
    for account in accounts:
        missing = unsupported(account, able)
        if missing is not None:
            key, why = missing
            found.append(Lack(name=account.name, key=key, attempt=-1, why=why, hint=hint))
    for action in actions:
        words = beyond(action, able)
        if words:
            found.append(Lack(name="", key="", attempt=action.attempt, why=words, hint=hint))
    return found


def need_more_than_basics(accounts: Iterable[Account], actions: Iterable[Action] = ()) -> bool:
    """Whether a plan wants what not every pjsua2 can do: then the installed one is worth asking.

    UDP and TCP over IPv4 with G.711 are in every build.
    """
    return any(
        _ipv6_key(account) is not None
        or account.transport == "TLS"
        or account.tls_min is not None
        or account.srtp == "dtls"
        or not set(account.codecs) <= BASIC_CODECS
        for account in accounts
    ) or any(
        _is_ipv6(_target_host(action))
        or not _codecs(action) <= BASIC_CODECS
        or _body(action) > BASIC_BODY
        for action in actions
    )


def unsupported(account: Account, capabilities: Capabilities) -> tuple[str, str] | None:
    """Return (key, why) where the installed pjsua2 cannot do what an account asks, or None."""
    ipv6_key = _ipv6_key(account)
    if not capabilities.ipv6 and ipv6_key is not None:
        return ipv6_key, _NO_IPV6
    if account.transport == "TLS" and not capabilities.tls:
        return "uri", "TLS is asked for, and the installed pjsua2 was built without it"
    if account.tls_min == "1.3" and not capabilities.tls13:
        return (
            "tls_min",
            f"TLS 1.3 is asked for, and {capabilities.tls_library} cannot do it",
        )
    if account.srtp == "dtls" and not capabilities.dtls_srtp:
        return "srtp", "DTLS-SRTP is asked for, and the installed pjsua2 was built without it"
    why = _unknown_codec(account.codecs, capabilities)
    return ("codecs", why) if why else None


def beyond(action: Action, capabilities: Capabilities) -> str:
    """Return why the installed pjsua2 cannot do what an action asks, or ""."""
    if not capabilities.ipv6 and _is_ipv6(_target_host(action)):
        return _NO_IPV6
    body, most = _body(action), capabilities.max_message
    if body > most:
        return (
            f"the body has {body} bytes, and the installed pjsua2 carries messages of up to {most}"
        )
    return _unknown_codec(getattr(action, "codecs", ()), capabilities)


def _unknown_codec(codecs: Iterable[str], capabilities: Capabilities) -> str:
    known = {codec.lower() for codec in capabilities.codecs}
    for codec in codecs:
        if codec.lower() not in known:
            offered = ", ".join(capabilities.codecs)
            return f"codec {codec} is not in the installed pjsua2, which has {offered}"
    return ""


def _body(action: Action) -> int:
    """Return how many bytes of body an action sends."""
    return len(getattr(action, "body", "").encode("utf-8", "surrogateescape"))


def _codecs(action: Action) -> set[str]:
    return set(getattr(action, "codecs", ()))


def _target_host(action: Action) -> str:
    """Return the host of an action's Request-URI, empty where it has none."""
    return uri_host(getattr(action, "target", ""))[0]


def _ipv6_key(account: Account) -> str | None:
    """Return the key of a profile that asks for IPv6, or None."""
    hop = "proxy" if account.proxy else "uri"
    for key, address in (
        (hop, account.host),
        ("local_address", _address(account.local_address or "")),
    ):
        if _is_ipv6(address):
            return key
    return None


def _address(written: str) -> str:
    """Return the address of ``ip``, ``ip:port`` or ``[ip]:port``."""
    if written.startswith("["):
        return written[1:].partition("]")[0]
    return written


@lru_cache(maxsize=256)
def _is_ipv6(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).version == 6
    except ValueError:
        return False
