"""The walk from a name to addresses: NAPTR, SRV, A and AAAA (RFC 3263 §4), each answer kept.

The agent's own look-up says whether a name led anywhere. This one says where it should have led:
what is published for each transport, which targets there are beside the first, and what DNS says
where the system used something else (a hosts file, a cache).
"""

from time import monotonic

from msgspec import Struct, field

from probe.naming.questions import (
    SERVICES,
    Server,
    ask_all,
    load_library,
    name_servers,
    shown,
)
from probe.plan.action import Account
from probe.sip.sdp import address_class

MOST_TARGETS = 6
"""SRV targets whose addresses are asked for."""

_TRY_S = 0.45
"""Longest wait for one answer of one name server."""


class Service(Struct, frozen=True, kw_only=True):
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


class Walk(Struct, kw_only=True):
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


def walk(account: Account, limit_s: float = 1.2) -> Walk:
    """Ask DNS about the next hop of an account; at most ``limit_s`` seconds, never raises."""
    host = account.host.rstrip(".").lower()
    if address_class(host) != "name":
        found = Walk(name=host)
        found.addresses[host] = [host]
        return found
    load_library()
    began = monotonic()
    servers = name_servers(account.nameserver)
    found = Walk(name=host, servers=tuple(map(shown, servers)))
    questions = _Questions(found, servers, began + limit_s)
    first = [("NAPTR", host), ("A", host), ("AAAA", host)]
    first += [("SRV", f"{prefix}.{host}") for prefix in SERVICES.values()]
    questions.ask_all(first)
    found.services.sort(key=_order)
    targets = [s.host for s in found.services if s.host and s.host not in found.addresses]
    names = list(dict.fromkeys(targets))[:MOST_TARGETS]
    questions.ask_all([(kind, name) for name in names for kind in ("A", "AAAA")])
    found.took_s = monotonic() - began
    return found


def _order(service: Service) -> tuple[int, int, int, str, int]:
    """Sort by priority, then by transport: UDP, TCP, TLS."""
    place = list(SERVICES).index(service.transport)
    return service.priority, place, -service.weight, service.host, service.port


class _Questions:
    """Puts questions to name servers and sorts the answers into a walk."""

    def __init__(self, found: Walk, servers: tuple[Server, ...], until: float) -> None:
        self._found = found
        self._servers = servers
        self._until = until

    def ask_all(self, questions: list[tuple[str, str]]) -> None:
        """Ask side by side, and keep the answers in the order of the questions."""
        for answer in ask_all(questions, self._servers, self._until, try_s=_TRY_S):
            kind, name = answer.kind, answer.name
            self._found.codes[kind, name] = answer.code
            for record in answer.records:
                self._keep(kind, name, record)
            if kind in {"A", "AAAA"} and answer.ttl is not None:
                self._found.ttl[name] = min(answer.ttl, self._found.ttl.get(name, answer.ttl))

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
