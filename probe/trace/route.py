"""How a request found its server: what DNS was asked for, and which servers were tried."""

from msgspec import Struct


class DnsAnswer(Struct, frozen=True, kw_only=True, tag=True, tag_field="type"):
    """One question of ours about the services of a name (RFC 3263 §4), and what came back."""

    at: float
    "Seconds since the start of the trace, when it was known."

    kind: str
    "NAPTR or SRV."

    name: str
    "The name that was asked."

    code: str
    "NOERROR, empty (no such record), alias (that leads to none), silent, or another RCODE."

    records: tuple[str, ...]
    "The records in zone-file form; empty where there are none."

    ttl: int | None
    "Lowest TTL of the records in seconds; None without records."

    servers: tuple[str, ...]
    "The name servers that were asked, as ip:port; the last one answered."

    took_s: float
    "Duration in seconds."


class NextHop(Struct, frozen=True, kw_only=True, tag=True, tag_field="type"):
    """A server is tried, or left for the next one (RFC 3263 §4.3)."""

    at: float
    "Seconds since the start of the trace."

    place: int
    "Position among the servers of the name, from 1."

    of: int
    "How many servers the name has."

    host: str
    "The server's name."

    remote: str
    "Its address as ip:port."

    transport: str
    "UDP, TCP or TLS."

    left: str = ""
    "Why it was left, in words; empty where it begins to be tried."

    waited_s: float = 0.0
    "How long it was tried in seconds; 0 where it begins."

    unfinished: str = ""
    """Call-ID of an INVITE that this server may still be working on: it was sent, nothing came
    back, and nothing can be cancelled before a provisional response (RFC 3261 §9.1). Else empty."""
