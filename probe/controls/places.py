"""Where the trunk could be: the place that was used, and those beside it."""

from collections.abc import Iterator

from msgspec import Struct

from probe.controls.exchange import Place
from probe.controls.names import Walk
from probe.controls.request import PLAIN, Form
from probe.naming.questions import PORTS
from probe.plan.action import Account
from probe.sip.sdp import address_class
from probe.trace.trace import MessageSent, NameLookup, Trace


class Probe(Struct, frozen=True, kw_only=True):
    """One question."""

    place: Place
    "Where it goes."

    role: str
    "Why: used, named, transport, standard, source, unnamed, sized, headers, web."

    form: Form = PLAIN
    "How it differs from the plain one."

    host: str = ""
    "The name that DNS leads from, empty for none."


def places_of(account: Account, trace: Trace, walk: Walk) -> Iterator[Probe]:
    """Yield the places, the one that was used first, each once."""
    seen: set[tuple[str, str, int]] = set()
    for probe in _all_places(account, trace, walk):
        key = (probe.place.transport, probe.place.address, probe.place.port)
        if key not in seen:
            seen.add(key)
            yield probe


def _all_places(account: Account, trace: Trace, walk: Walk) -> Iterator[Probe]:
    used = used_places(account, trace, walk)[:1]
    for transport, address, port in used:
        yield Probe(place=place_of(account, transport, address, port), role="used")
    if account.embedded:
        return  # what else stands on this machine is not ours to ask
    yield from _named(account, walk)
    for _, address, port in used:
        yield from _beside(account, address, port)


def place_of(account: Account, transport: str, address: str, port: int) -> Place:
    """Return a place as an account goes there."""
    by_name = transport == "TLS" and address_class(account.host) == "name"
    return Place(
        transport=transport,
        address=address,
        port=port,
        source=account.bound_host,
        server_name=account.host if by_name else None,
    )


def _named(account: Account, walk: Walk) -> Iterator[Probe]:
    """Yield the targets that DNS names, those of our transport first (RFC 3263 §4)."""
    own = account.transport.upper()
    if account.port is None:
        for service in sorted(walk.services, key=lambda s: s.transport != own):
            for address in walk.addresses.get(service.host, ())[:2]:
                place = place_of(account, service.transport, address, service.port)
                yield Probe(place=place, role="named", host=service.host)
    if account.port is not None or not walk.of(own):
        for address in walk.addresses.get(walk.name, ())[:3]:
            place = place_of(account, own, address, account.port or PORTS[own])
            yield Probe(place=place, role="named", host=walk.name)


def _beside(account: Account, address: str, port: int) -> Iterator[Probe]:
    """Yield the same machine over other transports, and on the standard port."""
    own = account.transport.upper()
    unencrypted = PORTS["UDP"] if port == PORTS["TLS"] else port
    for transport in ("UDP", "TCP"):
        role = "transport" if transport != own else "standard"
        yield Probe(place=place_of(account, transport, address, unencrypted), role=role)
    yield Probe(place=place_of(account, own, address, PORTS[own]), role="standard")
    if own == "TLS":
        for transport in ("UDP", "TCP"):
            yield Probe(place=place_of(account, transport, address, PORTS["UDP"]), role="transport")
    if own == "TCP":
        yield Probe(place=place_of(account, "TLS", address, port), role="transport")
    yield Probe(place=place_of(account, "TLS", address, PORTS["TLS"]), role="transport")


def used_places(account: Account, trace: Trace, walk: Walk) -> list[tuple[str, str, int]]:
    """Return where the attempt went, or would have gone, as (transport, address, port)."""
    own = account.transport.upper()
    for event in trace.events:
        if isinstance(event, MessageSent) and _outside_a_call(event):
            address, _, digits = event.remote.rpartition(":")
            return [(event.transport.upper(), address.strip("[]"), int(digits))]
    port = account.port or PORTS[own]
    for event in trace.events:
        if isinstance(event, NameLookup) and event.addresses:
            return [(own, address, port) for address in event.addresses]
    if account.port is None:
        named = [(s, a) for s in walk.of(own) for a in walk.addresses.get(s.host, ())]
        if named:
            return [(own, address, service.port) for service, address in named]
    return [(own, address, port) for address in walk.addresses.get(walk.name, ())]


def _outside_a_call(event: MessageSent) -> bool:
    """Whether a request goes where the profile says: inside a call the peer says where."""
    message = event.readable
    return (
        message is not None
        and message.is_request
        and not message.to_tag
        and message.method != "ACK"
    )
