"""What a search for servers found, as events of the trace."""

from probe.naming.targets import Located
from probe.trace.route import DnsAnswer
from probe.trace.trace import Event, NameLookup


def events_of(located: Located, at: float) -> list[Event]:
    """Return the questions and their answers as events, as of ``at``; none for an address."""
    found: list[Event] = [
        DnsAnswer(
            at=at,
            kind=answer.kind,
            name=answer.name,
            code=answer.code,
            records=answer.records,
            ttl=answer.ttl,
            servers=answer.servers,
            took_s=answer.took_s,
        )
        for answer in located.answers
    ]
    found += [
        NameLookup(
            at=at,
            name=lookup.name,
            addresses=lookup.addresses,
            error=lookup.error,
            detail=lookup.detail,
            took_s=lookup.took_s,
            ttl=lookup.ttl,
        )
        for lookup in located.lookups
    ]
    if located.denied:
        found.append(
            NameLookup(
                at=at,
                name=located.wanted.host,
                addresses=(),
                error="denied",
                detail=f"SRV {located.denied} names nobody",
                took_s=max(answer.took_s for answer in located.answers),
            )
        )
    return found
