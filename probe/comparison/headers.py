"""The header fields of a response, as far as they say what the other side is and does.

What is another in each call (tags, branches, nonces, dates, lengths, ports of loopback) is left out
or masked, so that two runs against the same server show the same.
"""

import re
from collections.abc import Mapping

from probe.sip.message import SipMessage

ABSENT = "absent"
"""Stands for a field that a response does not have."""

_EACH_CALL = frozenset(
    {
        *("via", "from", "to", "call-id", "cseq", "date", "content-length", "timestamp", "rseq"),
        *("authentication-info", "proxy-authentication-info", "identity", "max-forwards"),
        *("record-route", "session-id", "p-access-network-info", "in-reply-to", "rack"),
    }
)
"""Fields that differ from call to call, or that repeat what we sent."""

_LISTS = frozenset(
    {"allow", "supported", "accept", "require", "allow-events", "accept-encoding", "unsupported"}
    | {"accept-language"}
)
"""Fields whose order says nothing."""

_ONLY_THERE = frozenset({"retry-after"})
"""Fields whose value counts down: only their presence is compared."""

_HOST = re.compile(r"(?:sips?|tel):(?:[^@\s<>]*@)?(\[[^\]]*\]|[^:;>?,\s]+)", re.IGNORECASE)
_CHALLENGE_NOISE = re.compile(
    r'\b(nonce|opaque|cnonce|nextnonce)\s*=\s*("[^"]*"|[^,\s]*)', re.IGNORECASE
)
_LOOPBACK_PORT = re.compile(r"(127(?:\.\d{1,3}){3}|\[::1\]|\blocalhost):\d{1,5}\b")
_IDENTIFIER = re.compile(r"(?=[0-9A-Za-z_.-]*\d)[0-9A-Za-z_-]{8,}")
_WITH_IDENTIFIERS = re.compile(r"(?:x-|p-charging-)", re.IGNORECASE)


def fields_of(message: SipMessage) -> Mapping[str, str]:
    """Return the comparable value of each field that is there, by its name in lower case."""
    there = dict.fromkeys(name.lower() for name, _ in message.fields)
    return {name: _comparable(name, message.all(name)) for name in there if name not in _EACH_CALL}


def without_ports(text: str) -> str:
    """Return a text in which addresses of loopback have no port: there it is another each time."""
    return _LOOPBACK_PORT.sub(r"\1", text)


def _comparable(name: str, values: tuple[str, ...]) -> str:
    """Return what a field says beside what each call has anew."""
    joined = ", ".join(values)
    if name in _ONLY_THERE:
        return "there"
    if name == "contact":
        return ", ".join(dict.fromkeys(host.lower() for host in _HOST.findall(joined))) or "there"
    if name in _LISTS:
        return ", ".join(sorted({part.strip() for part in joined.split(",")} - {""}))
    if name in {"www-authenticate", "proxy-authenticate"}:
        return _CHALLENGE_NOISE.sub(r"\1=…", joined)
    if _WITH_IDENTIFIERS.match(name):
        joined = _IDENTIFIER.sub("…", joined)
    return without_ports(joined)
