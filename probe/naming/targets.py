"""The servers behind a SIP URI, in the order in which they are to be tried (RFC 3263 §4).

pjsip knows neither NAPTR nor a name server at another port than 53, chooses no transport, and does
not go on to the next server. So names are looked up here, all questions of a round side by side:
NAPTR, SRV and addresses of the name first, then what these lead to.
"""

from collections.abc import Iterable
from time import monotonic
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from probe.naming.addresses import (
    Addresses,
    InBackground,
    SystemResolver,
    merged,
    system_addresses,
)
from probe.naming.questions import (
    PORTS,
    SERVICES,
    Answer,
    Server,
    ask_all,
    load_library,
    name_servers,
    shown,
)
from probe.sip.sdp import address_class

if TYPE_CHECKING:
    import random

LOOKUP_S = 3.0
"""Longest look-up: a dead name server is told within this time."""

MOST_TARGETS = 8
"""Servers that are tried at most."""

_TRY_S = 1.0
"""Longest wait for one name server before the next is asked, or the same once more."""

_ROUNDS = 3

_KNOWN_WAIT_S = 1.5
"""Longest wait for SRV where the system itself (its hosts file) knows the name's address."""

_NAPTR = {"SIP+D2U": "UDP", "SIP+D2T": "TCP", "SIPS+D2T": "TLS"}
"""The NAPTR services of RFC 3263 §4.1 and RFC 3261's transports."""

_WORSE = ("silent", "refused", "failed", "empty", "unknown")
"""How a look-up failed, the least telling last."""


class Wanted(Struct, frozen=True, kw_only=True):
    """The next hop as a URI names it."""

    host: str
    "A name or an address (IPv6 without brackets)."

    port: int | None
    "The port as written: then SRV is not asked (RFC 3263 §4.2)."

    transport: str | None
    "UDP, TCP or TLS; None where DNS is to choose it (§4.1)."

    nameserver: str | None = None
    "The name server to ask, ``ip`` or ``ip:port``; None for those of the system."

    ipv6: bool = False
    "Whether IPv6 addresses are of use."


class Target(Struct, frozen=True, kw_only=True):
    """One server to try."""

    host: str
    "The name whose address this is: of SRV its target, else the next hop itself."

    address: str
    "IP address, IPv6 without brackets."

    port: int
    "Port."

    transport: str
    "UDP, TCP or TLS."

    @property
    def remote(self) -> str:
        """Address and port as ip:port."""
        return shown((self.address, self.port))


class Located(Struct, frozen=True, kw_only=True):
    """What became of a next hop."""

    wanted: Wanted
    "What was asked for."

    targets: tuple[Target, ...]
    "Servers in the order to try; empty where there is none."

    answers: tuple[Answer, ...]
    "NAPTR and SRV questions with what came back, in order."

    lookups: tuple[Addresses, ...]
    "Look-ups of addresses in order; the one that failed stands last where there is no target."

    denied: str = ""
    "The SRV name that says that there is no such service (target ``.``, RFC 2782); else empty."

    @property
    def ttl(self) -> int | None:
        """Seconds that all of this may be kept; None where nobody said."""
        told = [*(a.ttl for a in self.answers), *(a.ttl for a in self.lookups)]
        return min((ttl for ttl in told if ttl is not None), default=None)

    @property
    def why_not(self) -> str:
        """Why there is no target, with what was asked; empty where there is one."""
        if self.targets:
            return ""
        host = self.wanted.host
        if self.denied:
            return f"{host}: SRV {self.denied} names nobody (`.`): there is no such service"
        last = self.lookups[-1]
        via = f" (SRV of {host} leads there)" if last.name != host else ""
        asked = ", ".join(f"{answer.kind} {answer.name} {answer.code}" for answer in self.answers)
        return f"{last.name}{via}: {last.detail}" + (f"; before it: {asked}" if asked else "")


class _Service(Struct, frozen=True, kw_only=True):
    """An SRV record of a transport."""

    transport: str
    priority: int
    weight: int
    port: int
    host: str


def locate(
    wanted: Wanted,
    *,
    limit_s: float = LOOKUP_S,
    resolver: SystemResolver | None = None,
    dice: "random.Random | None" = None,
) -> Located:
    """Find the servers of a next hop within a limit; a name that leads nowhere is no exception.

    ``resolver`` stands for the system's, ``dice`` draws among equals of SRV (RFC 2782).
    """
    host = wanted.host.rstrip(".").lower()
    wanted = replace(wanted, host=host)
    if address_class(host) != "name":
        transport = wanted.transport or "UDP"
        target = Target(
            host=host, address=host, port=wanted.port or PORTS[transport], transport=transport
        )
        return Located(wanted=wanted, targets=(target,), answers=(), lookups=())
    import random  # noqa: PLC0415 - 2 ms, only for names

    return _Search(wanted, resolver or system_addresses, dice or random.SystemRandom()).run(limit_s)


class _Search:
    """One walk from a name to its servers."""

    def __init__(self, wanted: Wanted, resolver: SystemResolver, dice: "random.Random") -> None:
        self._wanted = wanted
        self._resolver = resolver
        self._dice = dice
        self._servers: tuple[Server, ...] = ()
        self._answers: list[Answer] = []
        self._until = 0.0

    def run(self, limit_s: float) -> Located:
        """Ask name servers and sort what they say."""
        wanted = self._wanted
        load_library()
        self._servers = name_servers(wanted.nameserver)
        self._until = monotonic() + limit_s
        own, services = self._first_round()
        if services and all(service.host == "" for service in services):
            named = next(a.name for a in self._answers if a.kind == "SRV" and a.records)
            return self._located((), (), denied=named)
        services = [service for service in services if service.host]
        if services:
            return self._behind(services, own)
        transport = wanted.transport or "UDP"
        port = wanted.port or PORTS[transport]
        targets = tuple(
            Target(host=own.name, address=address, port=port, transport=transport)
            for address in own.addresses[:MOST_TARGETS]
        )
        return self._located(targets, (own,))

    def _located(
        self, targets: tuple[Target, ...], lookups: tuple[Addresses, ...], denied: str = ""
    ) -> Located:
        return Located(
            wanted=self._wanted,
            targets=targets,
            answers=tuple(self._answers),
            lookups=lookups,
            denied=denied,
        )

    def _first_round(self) -> tuple[Addresses, list[_Service]]:
        """Ask for the name's own records, and return its addresses and the services in use."""
        host = self._wanted.host
        questions: list[tuple[str, str]] = []
        if self._wanted.port is None and self._has_services(host):
            transports = (self._wanted.transport,) if self._wanted.transport else tuple(SERVICES)
            questions = [("SRV", f"{SERVICES[transport]}.{host}") for transport in transports]
            if self._wanted.transport is None:
                questions.insert(0, ("NAPTR", host))
        if self._wanted.nameserver is not None:
            kinds = self._kinds()
            found = self._ask([*questions, *((kind, host) for kind in kinds)])
            own = merged(host, found[len(questions) :])
            self._answers += found[: len(questions)]
            return own, self._services()
        lookup = InBackground(self._resolver, host)
        if questions:
            self._until_known(lookup, questions)
        own = lookup.result(max(self._until - monotonic(), 0.05), ipv6=self._wanted.ipv6)
        return own, self._services()

    def _until_known(self, lookup: InBackground, questions: list[tuple[str, str]]) -> None:
        """Ask, but not for long where a hosts file knows the name and no name server is there."""
        until = self._until
        if lookup.is_quick():
            until = min(until, monotonic() + _KNOWN_WAIT_S)
        self._answers += ask_all(questions, self._servers, until, try_s=_TRY_S, rounds=_ROUNDS)

    def _has_services(self, host: str) -> bool:
        """Whether DNS is asked for services: not of names that are no domain names (RFC 6761)."""
        named = "." in host and not host.endswith((".localhost", ".local"))
        return bool(self._servers) and named

    def _kinds(self) -> tuple[str, ...]:
        return ("A", "AAAA") if self._wanted.ipv6 else ("A",)

    def _ask(self, questions: list[tuple[str, str]]) -> list[Answer]:
        return ask_all(questions, self._servers, self._until, try_s=_TRY_S, rounds=_ROUNDS)

    def _services(self) -> list[_Service]:
        """Return the SRV records of the transport in use, in the order to try them."""
        by_name = {a.name.lower(): a for a in self._answers if a.kind == "SRV"}
        if self._wanted.transport is not None:
            return self._of(self._wanted.transport, by_name.values())
        for transport, name in _pointers(self._answers):
            if name not in by_name:
                (answer,) = self._ask([("SRV", name)])
                self._answers.append(answer)
                by_name[name] = answer
            found = self._of(transport, [by_name[name]])
            if found:
                return found
        host = self._wanted.host
        named = (
            [
                found
                for transport, prefix in SERVICES.items()
                if (found := self._of(transport, [by_name[f"{prefix}.{host}"]]))
            ]
            if by_name
            else []
        )
        usable = [found for found in named if any(service.host for service in found)]
        return next(iter(usable or named), [])

    def _of(self, transport: str, answers: Iterable[Answer]) -> list[_Service]:
        """Return the services of SRV answers, sorted as RFC 2782 wants."""
        found = []
        for answer in answers:
            for record in answer.records:
                priority, weight, port, host = record.split()
                found.append(
                    _Service(
                        transport=transport,
                        priority=int(priority),
                        weight=int(weight),
                        port=int(port),
                        host=host.rstrip(".").lower(),
                    )
                )
        return drawn(found, self._dice)

    def _behind(self, services: list[_Service], own: Addresses) -> Located:
        """Return the targets that SRV records lead to."""
        names = list(dict.fromkeys(service.host for service in services))[:MOST_TARGETS]
        lookups = {own.name: own}
        missing = [name for name in names if name != own.name]
        if self._wanted.nameserver is not None:
            questions = [(kind, name) for name in missing for kind in self._kinds()]
            found = self._ask(questions)
            for name in missing:
                lookups[name] = merged(name, [a for a in found if a.name == name])
        else:
            waiting = {name: InBackground(self._resolver, name) for name in missing}
            for name, lookup in waiting.items():
                left = max(self._until - monotonic(), 0.05)
                lookups[name] = lookup.result(left, ipv6=self._wanted.ipv6)
        targets = tuple(
            Target(
                host=service.host,
                address=address,
                port=service.port,
                transport=service.transport,
            )
            for service in services
            if service.host in lookups
            for address in lookups[service.host].addresses
        )
        told = [lookups[name] for name in names]
        if not targets:
            told.sort(key=lambda lookup: -_WORSE.index(lookup.error or "unknown"))
        return self._located(targets[:MOST_TARGETS], tuple(told))


def drawn(services: list[_Service], dice: "random.Random") -> list[_Service]:
    """Order by priority, and draw among equals by weight (RFC 2782, page 4)."""
    ordered = []
    for priority in sorted({service.priority for service in services}):
        # Those of weight 0 stand first, so that they have a very small chance.
        left = sorted((s for s in services if s.priority == priority), key=lambda s: s.weight > 0)
        while left:
            number = dice.randint(0, sum(service.weight for service in left))
            running = 0
            for service in left:
                running += service.weight
                if running >= number:
                    break
            ordered.append(service)
            left.remove(service)
    return ordered


def _pointers(answers: Iterable[Answer]) -> list[tuple[str, str]]:
    """Return (transport, SRV name) of the NAPTR records of use, the preferred first."""
    found = []
    for answer in answers:
        for record in answer.records if answer.kind == "NAPTR" else ():
            order, preference, flags, service, _, replacement = record.split()
            transport = _NAPTR.get(service.strip('"').upper())
            if transport is not None and flags.strip('"').lower() == "s":
                name = replacement.rstrip(".").lower()
                found.append(((int(order), int(preference)), transport, name))
    return [(transport, name) for _, transport, name in sorted(found)]
