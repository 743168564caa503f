"""Whose trunk this is: by the configuration, else by a host name, else by the answers.

The configuration is never replaced by what the wire shows; where the two disagree, that is said.
Marks of two providers are no provider.
"""

from collections.abc import Iterator, Sequence
from enum import Enum

from msgspec import Struct
from msgspec.structs import replace

from probe.diagnosis.explanation import Evidence
from probe.diagnosis.quote import header_lines, quoted, start_line
from probe.plan.action import Account
from probe.plan.plan import Attempt
from probe.reference import reference
from probe.reference.reference import Answer, MarkKind, Provider, Sighting
from probe.sip.message import MalformedMessageError, SipMessage, uri_host
from probe.trace.trace import MessageEvent, MessageReceived, Trace

MOST_MESSAGES = 200
"""Messages that are searched for marks: a call has a dozen, a flood has thousands."""


class Origin(Enum):
    """What names the provider."""

    CONFIGURATION = "configuration"
    "The key ``provider`` of the trunk."

    HOST = "host"
    "The host name of the registrar or proxy."

    ANSWERS = "answers"
    "Something in the answers that only this provider sends."


class Whose(Struct, frozen=True, kw_only=True):
    """Whose trunk this is, and how that is known."""

    provider: Provider | None = None
    "The provider, or None where nothing names it, or two are named."

    origin: Origin | None = None
    "What names it."

    how: str = ""
    "That, in one sentence; empty where nobody is named."

    named: str = ""
    "The provider with what names it, to begin a sentence; empty where nobody is named."

    evidence: tuple[Evidence, ...] = ()
    "The marks that were seen, with their events."

    observed: tuple[str, ...] = ()
    "Marks that disagree with the configuration or with each other."


def whose(attempt: Attempt, trace: Trace) -> Whose:
    """Say whose trunk an attempt went to. Pure; any trace will do."""
    account = attempt.account
    configured = reference.provider(attempt.provider) if attempt.provider else None
    if (account is not None and account.embedded) or (attempt.provider and configured is None):
        return Whose() if configured is None else _configured(configured)
    arrived = tuple(_answers(trace))
    hosts = _hosts(account, trace)
    found = reference.recognise(hosts, [answer for _, answer in arrived])
    cited = {
        sighting.mark.provider: (
            _cite_host(sighting.text, hosts[sighting.text])
            if sighting.place is None
            else _cite(sighting, arrived[sighting.place][0], trace)
        )
        for sighting in found.sightings
    }
    if configured is not None:
        others = [s for s in found.sightings if s.mark.provider != configured.name]
        return _configured(configured, others, cited)
    if found.provider is None:
        return _nobody(found.sightings, cited)
    sighting = found.sightings[0]
    provider = reference.provider(found.provider)
    page = f"({sighting.mark.source}, {sighting.mark.date})"
    by_host = sighting.place is None
    seen = _seen(sighting, cited)
    where = f"from the host name {seen}" if by_host else f"from the answers: {seen}"
    briefly = f"from the host name {seen}" if by_host else "from the answers"
    return Whose(
        provider=provider,
        origin=Origin.HOST if by_host else Origin.ANSWERS,
        how=f"That the provider is {found.provider} was recognised {where} {page}.",
        named=f"{found.provider} (recognised {briefly})",
        evidence=(cited[found.provider],),
    )


def _configured(
    provider: Provider,
    others: Sequence[Sighting] = (),
    cited: dict[str, Evidence] | None = None,
) -> Whose:
    """Keep to the configuration, and say which marks disagree with it."""
    cited = cited or {}
    return Whose(
        provider=provider,
        origin=Origin.CONFIGURATION,
        how=f"That the provider is {provider.name} was taken from the configuration.",
        named=f"{provider.name} (taken from the configuration)",
        evidence=tuple(
            _noted(cited, s, f"but the configuration names {provider.name}") for s in others
        ),
        observed=tuple(
            f"The configuration names {provider.name}, but {_place(s)} a mark of "
            f"{s.mark.provider}: {_seen(s, cited)}."
            for s in others
        ),
    )


def _nobody(sightings: Sequence[Sighting], cited: dict[str, Evidence]) -> Whose:
    """Name nobody, and say so where two providers show themselves."""
    if not sightings:
        return Whose()
    marks = " and ".join(f"{s.mark.provider} ({_seen(s, cited)})" for s in sightings)
    return Whose(
        evidence=tuple(_noted(cited, s, "and not the only one") for s in sightings),
        observed=(f"Marks of {marks} were seen; none of them is taken for the provider.",),
    )


def _noted(cited: dict[str, Evidence], sighting: Sighting, note: str) -> Evidence:
    """Say beside the evidence whose mark it is."""
    evidence = cited[sighting.mark.provider]
    return replace(evidence, says=f"a mark of {sighting.mark.provider}, {note}: {evidence.says}")


def _place(sighting: Sighting) -> str:
    return "the host name is" if sighting.place is None else "the answers carry"


def _seen(sighting: Sighting, cited: dict[str, Evidence]) -> str:
    """Return the quotation of a mark."""
    says = cited[sighting.mark.provider].says
    return says[says.index('"') :]


def _hosts(account: Account | None, trace: Trace) -> dict[str, int | None]:
    """Return the host names that we are configured for, the next hop first.

    Without a configuration, as in a capture, it is the host of the first request line, with its
    event.
    """
    if account is not None:
        uris = (account.registrar, account.proxy)
        return dict.fromkeys((account.host, *(uri_host(uri)[0] for uri in uris)))
    first = next(iter(trace.sent(trace.method)), None)
    if first is None:
        return {}
    return {uri_host(trace.message(first).request_uri)[0]: first}


def _answers(trace: Trace) -> Iterator[tuple[int, Answer]]:
    """Yield what arrived and can be read, with its event."""
    left = MOST_MESSAGES
    for index, event in enumerate(trace.events):
        if not isinstance(event, MessageReceived) or not left:
            continue
        left -= 1
        try:
            message = trace.message(index)
        except (MalformedMessageError, TypeError):
            continue
        yield index, answer_of(message)


def answer_of(message: SipMessage) -> Answer:
    """Return a message as the reference reads it."""
    return Answer(status=message.status, phrase=message.reason or "", fields=message.fields)


def _cite_host(host: str, event: int | None) -> Evidence:
    """Cite the configuration, or the request line, that names a host."""
    by = "our configuration" if event is None else "the request line"
    return Evidence(event=event, says=f"{by} names {quoted(host)}")


def _cite(sighting: Sighting, index: int, trace: Trace) -> Evidence:
    """Cite where a mark stood."""
    if sighting.mark.kind is MarkKind.REALM:
        says = f"its challenge names the realm {quoted(sighting.text)}"
        return Evidence(event=index, says=says)
    return cite_field(trace, index, sighting.field, sighting.text)


def cite_field(trace: Trace, index: int, field: str, text: str) -> Evidence:
    """Cite a header line that holds a text, or the first line of the message."""
    event = trace.events[index]
    raw = event.text if isinstance(event, MessageEvent) else ""
    lines = header_lines(raw, field) if field else ()
    line = next((line for line in lines if text in line), next(iter(lines), ""))
    if line:
        return Evidence(event=index, says=f"it carries {quoted(line)}")
    verb = "they sent" if isinstance(event, MessageReceived) else "we sent"
    return Evidence(event=index, says=f"{verb} {quoted(start_line(raw))}")
