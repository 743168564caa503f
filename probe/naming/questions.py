"""Questions to name servers, each bounded in time, and what was answered to each."""

import ipaddress
from collections.abc import Iterable
from time import monotonic

from msgspec import Struct

SERVICES = {"UDP": "_sip._udp", "TCP": "_sip._tcp", "TLS": "_sips._tcp"}
"""The SRV owner prefix of each transport (RFC 3263 §4.1)."""

PORTS = {"UDP": 5060, "TCP": 5060, "TLS": 5061}
"""The default port of each transport (RFC 3261 §19.1.2)."""

SERVERS = 2
"""Name servers of the system that are tried."""

Server = tuple[str, int]
"""Address and port of a name server."""


class Answer(Struct, frozen=True, kw_only=True):
    """What came back to one question."""

    kind: str
    "NAPTR, SRV, A or AAAA."

    name: str
    "The name that was asked."

    code: str
    """NOERROR, empty (the name exists without such a record), alias (that leads to none), silent,
    or another RCODE (NXDOMAIN, SERVFAIL, REFUSED)."""

    records: tuple[str, ...] = ()
    "The records in zone-file form, in the order of the answer."

    ttl: int | None = None
    "Lowest TTL of the records in seconds; None without records."

    servers: tuple[str, ...] = ()
    "Who was asked, as ip:port; the last one answered unless the code is silent."

    took_s: float = 0.0
    "Duration in seconds."


def load_library() -> None:
    """Load what questions need, before their time begins to count."""
    import concurrent.futures.thread  # noqa: F401, PLC0415 - start-up time, as the others

    import dns.query  # noqa: PLC0415
    import dns.resolver  # noqa: F401, PLC0415


def chosen_server(nameserver: str) -> Server:
    """Take ``ip``, ``ip:port`` or ``[ip6]:port`` apart; port 53 where none is written."""
    try:
        return str(ipaddress.ip_address(nameserver.strip("[]"))), 53
    except ValueError:
        host, _, port = nameserver.rpartition(":")
        return host.strip("[]"), int(port)


def name_servers(nameserver: str | None) -> tuple[Server, ...]:
    """Return the name server that was chosen, else the first ones of this system."""
    if nameserver:
        return (chosen_server(nameserver),)
    import dns.resolver  # noqa: PLC0415 - start-up time

    try:
        found = dns.resolver.Resolver().nameservers
    except dns.resolver.NoResolverConfiguration:
        return ()
    return tuple((str(server), 53) for server in found[:SERVERS])


def shown(server: Server) -> str:
    """Return a name server as ip:port."""
    host, port = server
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def ask_all(
    questions: Iterable[tuple[str, str]],
    servers: tuple[Server, ...],
    until: float,
    *,
    try_s: float,
    rounds: int = 1,
) -> list[Answer]:
    """Ask (type, name) questions side by side; answers in their order, never raises.

    ``until`` is on the monotonic clock, ``try_s`` the longest wait for one server: then the next
    one is asked. All of them are asked ``rounds`` times, as long as there is time.
    """
    wanted = list(dict.fromkeys(questions))
    if not wanted:
        return []
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - 7 ms, only for names

    with ThreadPoolExecutor(max_workers=min(len(wanted), 12)) as pool:
        order = servers * rounds
        waiting = [pool.submit(_ask, kind, name, order, until, try_s) for kind, name in wanted]
        return [future.result() for future in waiting]


def _ask(kind: str, name: str, servers: tuple[Server, ...], until: float, try_s: float) -> Answer:
    """Ask one question of one server after the other until one answers or the time is over."""
    began = monotonic()
    asked: list[str] = []
    for server in servers:
        left = until - monotonic()
        if left <= 0:
            break
        asked.append(shown(server))
        answer = _query(kind, name, server, min(left, try_s))
        if answer is not None:
            code, records, ttl = answer
            return Answer(
                kind=kind,
                name=name,
                code=code,
                records=records,
                ttl=ttl,
                servers=tuple(dict.fromkeys(asked)),
                took_s=monotonic() - began,
            )
    return Answer(
        kind=kind,
        name=name,
        code="silent",
        servers=tuple(dict.fromkeys(asked)),
        took_s=monotonic() - began,
    )


def _query(
    kind: str, name: str, server: Server, wait_s: float
) -> tuple[str, tuple[str, ...], int | None] | None:
    """Ask one server one question; None where it gave no answer."""
    import dns.exception  # noqa: PLC0415 - start-up time
    import dns.message  # noqa: PLC0415
    import dns.query  # noqa: PLC0415
    import dns.rcode  # noqa: PLC0415
    import dns.rdatatype  # noqa: PLC0415

    try:
        question = dns.message.make_query(name, kind)
        answer, _ = dns.query.udp_with_fallback(question, server[0], port=server[1], timeout=wait_s)
    except (dns.exception.DNSException, OSError, ValueError, EOFError):
        return None
    code = dns.rcode.to_text(answer.rcode())
    wanted = dns.rdatatype.from_text(kind)
    found = [rrset for rrset in answer.answer if rrset.rdtype == wanted]
    records = tuple(record.to_text() for rrset in found for record in rrset)
    if code == "NOERROR" and not records:
        alias = any(rrset.rdtype == dns.rdatatype.CNAME for rrset in answer.answer)
        code = "alias" if alias else "empty"
    return code, records, min((rrset.ttl for rrset in found), default=None)
