"""The walk from a name to addresses: NAPTR, SRV, A and AAAA (RFC 3263 §4), each answer kept.

The agent's own look-up says whether a name led anywhere. This one says where it should have led:
what is published for each transport, which targets there are beside the first, and what DNS says
where the system used something else (a hosts file, a cache).
"""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from time import monotonic

from probe.plan.action import Account
from probe.sip.message import uri_host
from probe.sip.sdp import address_class

SERVICES = {"UDP": "_sip._udp", "TCP": "_sip._tcp", "TLS": "_sips._tcp"}
"""The SRV owner prefix of each transport (RFC 3263 §4.1)."""

PORTS = {"UDP": 5060, "TCP": 5060, "TLS": 5061}
"""The default port of each transport (RFC 3261 §19.1.2)."""

MOST_TARGETS = 6
"""SRV targets whose addresses are asked for."""

_TRY_S = 0.45
"""Longest wait for one answer of one name server."""

_SERVERS = 2
"""Name servers of the system that are tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One SRV record (RFC 2782)."""

    transport: str
    "UDP, TCP or TLS."

    priority: int
    "The lower is tried first."

    weight: int
    "Share among equals."

    host: str
    "Target without the last dot; empty for ``.``, which says that there is no such service."

    port: int
    "Port."


@dataclass(slots=True, kw_only=True)
class Walk:
    """What DNS says about a name."""

    name: str
    "The name that was asked, or a literal address."

    servers: tuple[str, ...] = ()
    "Name servers that were asked, as ip:port."

    codes: dict[tuple[str, str], str] = field(default_factory=dict)
    "RCODE of each (type, name); silent, empty (no such record) or alias (that leads to none)."

    pointers: list[str] = field(default_factory=list)
    "NAPTR records in words."

    services: list[Service] = field(default_factory=list)
    "SRV records of all transports, in order of priority."

    addresses: dict[str, list[str]] = field(default_factory=dict)
    "Addresses of each name, IPv4 first."

    ttl: dict[str, int] = field(default_factory=dict)
    "Lowest TTL of the addresses of each name, in seconds."

    took_s: float = 0.0
    "Duration."

    @property
    def literal(self) -> bool:
        """Whether there was no name to ask for."""
        return address_class(self.name) != "name"

    def of(self, transport: str) -> list[Service]:
        """Return the SRV records of a transport."""
        return [service for service in self.services if service.transport == transport]

    @property
    def result(self) -> str:
        """The outcome in one word."""
        if self.literal:
            return "literal"
        if self.addresses.get(self.name) or any(self.addresses.get(s.host) for s in self.services):
            return "resolves"
        targets = {service.host for service in self.services if service.host}
        if targets:
            kinds = [(kind, host) for host in targets for kind in ("A", "AAAA")]
            unknown = any(self.codes.get(key, "silent") == "silent" for key in kinds)
            return "silent" if unknown else "target-missing"
        return _worst({self.codes.get((kind, self.name), "silent") for kind in ("A", "AAAA")})


def _worst(codes: set[str]) -> str:
    if codes == {"silent"}:
        return "silent"
    if "NXDOMAIN" in codes:
        return "no-such-name"
    if "alias" in codes:
        return "alias"
    return "no-address" if codes & {"empty", "NOERROR"} else "failed"


def load_library() -> None:
    """Load what a walk needs, before its time begins to count."""
    import dns.query  # noqa: PLC0415 - start-up time
    import dns.resolver  # noqa: F401, PLC0415


def name_servers(account: Account) -> tuple[tuple[str, int], ...]:
    """Return the name servers of an account: its own, else the system's."""
    if account.nameserver:
        host, port = uri_host(f"sip:{_bracketed(account.nameserver)}")
        return ((host, port or 53),)
    import dns.resolver  # noqa: PLC0415 - start-up time

    try:
        found = dns.resolver.Resolver().nameservers
    except dns.resolver.NoResolverConfiguration:
        return ()
    return tuple((str(server), 53) for server in found[:_SERVERS])


def _bracketed(server: str) -> str:
    return f"[{server}]" if server.count(":") > 1 and "[" not in server else server


def walk(account: Account, limit_s: float = 1.2) -> Walk:
    """Ask DNS about the next hop of an account; at most ``limit_s`` seconds, never raises."""
    host = account.host.rstrip(".").lower()
    if address_class(host) != "name":
        found = Walk(name=host)
        found.addresses[host] = [host]
        return found
    load_library()
    began = monotonic()
    servers = name_servers(account)
    found = Walk(name=host, servers=tuple(f"{ip}:{port}" for ip, port in servers))
    questions = _Questions(found, servers, began + limit_s)
    with ThreadPoolExecutor(max_workers=12) as pool:
        first = [("NAPTR", host), ("A", host), ("AAAA", host)]
        first += [("SRV", f"{prefix}.{host}") for prefix in SERVICES.values()]
        questions.ask_all(pool, first)
        found.services.sort(key=_order)
        targets = [s.host for s in found.services if s.host and s.host not in found.addresses]
        names = list(dict.fromkeys(targets))[:MOST_TARGETS]
        questions.ask_all(pool, [(kind, name) for name in names for kind in ("A", "AAAA")])
    found.took_s = monotonic() - began
    return found


def _order(service: Service) -> tuple[int, int, int, str, int]:
    """Sort by priority, then by transport: UDP, TCP, TLS."""
    place = list(SERVICES).index(service.transport)
    return service.priority, place, -service.weight, service.host, service.port


class _Questions:
    """Puts questions to name servers and sorts the answers into a walk."""

    def __init__(self, found: Walk, servers: tuple[tuple[str, int], ...], until: float) -> None:
        self._found = found
        self._servers = servers
        self._until = until

    def ask_all(self, pool: ThreadPoolExecutor, questions: list[tuple[str, str]]) -> None:
        """Ask side by side, and keep the answers in the order of the questions."""
        waiting: list[tuple[str, str, Future[tuple[str, list[str], int]]]] = [
            (kind, name, pool.submit(self._ask, kind, name)) for kind, name in questions
        ]
        for kind, name, future in waiting:
            code, records, ttl = future.result()
            self._found.codes[kind, name] = code
            for record in records:
                self._keep(kind, name, record)
            if kind in {"A", "AAAA"} and records:
                self._found.ttl[name] = min(ttl, self._found.ttl.get(name, ttl))

    def _keep(self, kind: str, name: str, record: str) -> None:
        if kind == "SRV":
            priority, weight, port, target = record.split()
            transport = next(t for t, prefix in SERVICES.items() if name.startswith(prefix))
            self._found.services.append(
                Service(
                    transport=transport,
                    priority=int(priority),
                    weight=int(weight),
                    port=int(port),
                    host=target.rstrip(".").lower(),
                )
            )
        elif kind == "NAPTR":
            self._found.pointers.append(record)
        else:
            self._found.addresses.setdefault(name, []).append(record)

    def _ask(self, kind: str, name: str) -> tuple[str, list[str], int]:
        """Return RCODE, records and lowest TTL; the next server is asked where one is silent."""
        for server in self._servers:
            left = self._until - monotonic()
            if left <= 0:
                break
            answer = _query(kind, name, server, min(left, _TRY_S))
            if answer is not None:
                return answer
        return "silent", [], 0


def _query(
    kind: str, name: str, server: tuple[str, int], wait_s: float
) -> tuple[str, list[str], int] | None:
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
    records = [record.to_text() for rrset in found for record in rrset]
    if code == "NOERROR" and not records:
        alias = any(rrset.rdtype == dns.rdatatype.CNAME for rrset in answer.answer)
        code = "alias" if alias else "empty"
    return code, records, min((rrset.ttl for rrset in found), default=0)
