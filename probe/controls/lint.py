"""Our configured values, read again with suspicion. Nothing is sent, and no secret is shown."""

import unicodedata
from collections.abc import Iterator

from probe.controls.told import printable
from probe.naming.questions import PORTS
from probe.plan.action import Account, Call
from probe.plan.plan import Attempt
from probe.sip.message import uri_user
from probe.sip.sdp import address_class
from probe.trace.control import Control, ControlRan
from probe.trace.trace import Trace

_NAMED = {
    " ": "space",
    "\t": "tab",
    "\r": "line end",
    "\n": "line end",
    **dict.fromkeys(
        "\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u00ab\u00bb", "typographic quote"
    ),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "typographic hyphen"),
}


def lint(account: Account, attempt: Attempt, trace: Trace) -> ControlRan:
    """Look for characters and pairs of values that nobody types on purpose."""
    odd = tuple(_odd(account))
    facts = (*odd, *_known(account, attempt))
    found = [fact.replace("=", ": ", 1) for fact in odd]
    return ControlRan(
        at=trace.ended,
        control=Control.LINT,
        target="our own settings",
        result="suspicious" if odd else "clean",
        detail=printable("; ".join(found), 300) if odd else "nothing odd in our own settings",
        facts=facts,
    )


def _odd(account: Account) -> Iterator[str]:
    for name, value in _texts(account):
        yield from (f"{name}={words}" for words in odd_characters(value))
    yield from _pairs(account)


def _texts(account: Account) -> Iterator[tuple[str, str]]:
    yield "password", account.password or ""
    yield "user", account.user
    if account.auth_user != account.user:
        yield "auth_user", account.auth_user
    yield "realm", account.realm
    yield "host", account.host


def odd_characters(value: str) -> Iterator[str]:
    """Yield kind and place (first, last, inside) of each odd character, once each."""
    found: dict[str, None] = {}
    for place, char in enumerate(value):
        kind = _kind(char)
        if kind is None or (kind == "space" and 0 < place < len(value) - 1):
            continue
        where = "first" if place == 0 else ("last" if place == len(value) - 1 else "inside")
        found[f"{kind}, {where}"] = None
    yield from found


def _kind(char: str) -> str | None:
    """Name what is odd about a character, or return None."""
    named = _NAMED.get(char)
    if named is not None:
        return named
    category = unicodedata.category(char)
    if category == "Zs":
        return "no-break space"
    if category in {"Cf", "Cc", "Co", "Cn", "Cs"}:
        return "invisible character"
    return None if char.isascii() else "letter outside ASCII"


def _pairs(account: Account) -> Iterator[str]:
    """Yield pairs of values that do not fit."""
    transport = account.transport.upper()
    if transport == "TLS" and account.port == PORTS["UDP"]:
        yield "port=5060 is the port without TLS"
    if transport != "TLS" and account.port == PORTS["TLS"]:
        yield f"port=5061 is the port of TLS, and the transport is {transport}"
    for name, value in (("user", account.user), ("auth_user", account.auth_user)):
        if "@" in value:
            yield f"{name}=holds @"
        if value.lower().startswith(("sip:", "sips:", "tel:")):
            yield f"{name}=begins like a URI"
    if account.host.count("@") or account.host.startswith(("sip.sip.", "http")):
        yield "host=is no host name"
    ours = account.bound_host
    if ours and address_class(ours) == "loopback" and address_class(account.host) == "public":
        yield "local_address=is of loopback, and the trunk is not"


def _known(account: Account, attempt: Attempt) -> Iterator[str]:
    """Yield what is not odd and may still matter."""
    yield f"login_name={'is the user' if account.auth_user == account.user else 'of its own'}"
    yield f"password={'none' if not account.password else 'set'}"
    if not {"PCMU", "PCMA"} & {codec.upper() for codec in account.codecs}:
        yield "codecs=without G.711"
    if isinstance(attempt.action, Call):
        number = uri_user(attempt.action.target)
        digits = number.lstrip("+").isdigit()
        form = "+E.164" if number.startswith("+") else "no plus sign"
        yield f"number={form if digits else 'no plain number'}"
