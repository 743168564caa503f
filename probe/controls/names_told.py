"""What a walk through DNS showed, as one event."""

from collections.abc import Iterator

from probe.controls.names import Walk
from probe.controls.told import printable
from probe.naming.questions import PORTS
from probe.plan.action import Account
from probe.sip.sdp import address_class
from probe.trace.control import Control, ControlRan
from probe.trace.trace import MessageSent, NameLookup, Trace

_WORDS = {
    "literal": "it is an address, so DNS is not asked",
    "no-such-name": "the name does not exist",
    "no-address": "the name exists and has no address",
    "alias": "the name is an alias that leads to no address",
    "target-missing": "SRV names a host that has no address",
    "silent": "no name server answered",
    "failed": "the name server answers with a failure of its own",
}


def names_event(walk: Walk, account: Account, trace: Trace, *, asked: bool) -> ControlRan:
    """Return the event of a walk; ``asked``: it was made just now."""
    return ControlRan(
        at=trace.ended,
        control=Control.NAMES,
        target=printable(walk.name),
        result=walk.result,
        detail=_detail(walk),
        facts=tuple(_facts(walk, account, trace)),
        took_s=walk.took_s if asked else 0.0,
    )


def _detail(walk: Walk) -> str:
    if walk.result != "resolves":
        return _WORDS[walk.result]
    parts = [
        f"SRV for {transport} names "
        + (", ".join(f"{s.host}:{s.port}" if s.host else "nobody (`.`)" for s in found[:4]))
        for transport in PORTS
        if (found := walk.of(transport))
    ]
    own = walk.addresses.get(walk.name, [])
    parts = parts or ["it has no SRV records"]
    if own:
        parts.append(f"its own {'address is' if len(own) == 1 else 'addresses are'} ")
        parts[-1] += ", ".join(own[:4])
    return printable("; ".join(parts), 400)


def _facts(walk: Walk, account: Account, trace: Trace) -> Iterator[str]:
    for server in walk.servers:
        yield f"server={server}"
    for (kind, name), code in walk.codes.items():
        yield f"rcode={kind} {name} {code}"
    for pointer in walk.pointers[:6]:
        yield f"naptr={printable(pointer)}"
    for service in walk.services:
        yield (
            f"srv={service.transport} {service.priority} {service.weight} "
            f"{service.host or '.'} {service.port}"
        )
    for name, addresses in walk.addresses.items():
        for address in addresses:
            yield f"a={name} {address} {address_class(address)}"
    for name, seconds in walk.ttl.items():
        yield f"ttl={name} {seconds}"
    yield f"srv_asked={'no' if account.port is not None else 'yes'}"
    for address in _used(trace):
        yield f"used={address}"
        known = {a for found in walk.addresses.values() for a in found}
        if known and not walk.literal:
            yield f"used_is={'named' if address in known else 'unknown to DNS'}"


def _used(trace: Trace) -> list[str]:
    """Return the addresses that the attempt used, or was led to by the system."""
    sent = [
        e.remote.rpartition(":")[0].strip("[]") for e in trace.events if isinstance(e, MessageSent)
    ]
    led = [a for e in trace.events if isinstance(e, NameLookup) for a in e.addresses]
    return list(dict.fromkeys(sent or led))
