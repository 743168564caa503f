"""Holds what reached the called side against the file: did a call arrive, and with what."""

from collections.abc import Callable, Iterator

from probe.scenario.expectation import CalleeExpectation, Expectation
from probe.scenario.source import NOWHERE, Source
from probe.sip.message import COMPACT_FORMS, SipMessage, display_name, uri_host, uri_user
from probe.sip.notification import holds
from probe.trace.trace import Leg
from probe.verdict.observation import Complaint, Observation, quote, status_words
from probe.verdict.verdict import Mismatch


def check_legs(wanted: Expectation, seen: Observation, place: Source) -> tuple[Complaint, ...]:
    """Check that a call reached each agent of the step, and what its INVITE holds."""
    complaints: list[Complaint] = []
    for leg in seen.trace.legs:
        if not leg.reached:
            complaints.append(_not_reached(leg, wanted, seen, place))
            continue
        if wanted.callee is not None:
            invite = leg.trace.message(leg.trace.received("INVITE")[0])
            complaints += _check_callee(wanted, invite, leg.agent, seen, place)
        complaints += _unconfirmed(leg, seen, place)
    if seen.trace.serving and wanted.callee is not None:
        arrived = seen.trace.received(seen.trace.method)
        if arrived:
            invite = seen.trace.message(arrived[0])
            complaints += _check_callee(wanted, invite, "", seen, place)
    return tuple(complaints)


def _not_reached(leg: Leg, wanted: Expectation, seen: Observation, place: Source) -> Complaint:
    """Return the complaint that no INVITE reached an agent, with what the caller saw."""
    written = wanted.source("at")
    final = seen.final
    caller = status_words(seen.trace.message(final.index)) if final else seen.failure_words
    saw = f"the caller got {caller}" if caller else "the caller got no final response"
    return Complaint(
        mismatch=Mismatch(
            path="expect.at",
            expected=f"an INVITE at {leg.agent}",
            observed=f"no INVITE reached {leg.agent}; {saw}",
            evidence=(final.index,) if final is not None else seen.proof_of_absence(),
            source=place if written == NOWHERE else written,
            message=f"no INVITE reached {leg.agent}; {saw}",
        ),
        by_absence=True,
    )


def _unconfirmed(leg: Leg, seen: Observation, place: Source) -> Iterator[Complaint]:
    """Complain of an answer of the called side that no ACK confirmed (RFC 3261 §13.3.1.4)."""
    for _, transaction in leg.trace.client_transactions():
        statuses = [leg.trace.message(i).status or 0 for i in transaction.responses]
        if any(200 <= status < 300 for status in statuses) and not transaction.acks:
            words = f"{leg.agent} answered, and no ACK reached it"
            yield Complaint(
                mismatch=Mismatch(
                    path="expect.at",
                    expected=f"an ACK at {leg.agent}",
                    observed=words,
                    evidence=seen.proof_of_absence(),
                    source=place,
                    message=words,
                ),
                by_absence=True,
            )


def _check_callee(
    wanted: Expectation, invite: SipMessage, agent: str, seen: Observation, place: Source
) -> Iterator[Complaint]:
    """Hold the INVITE that arrived against the file."""
    expected = wanted.callee
    if expected is None:
        return
    for key, value, found in _facts(expected, invite):
        if value == found:
            continue
        observed = quote(found) if found else "absent"
        yield _complaint(wanted, f"callee.{key}", value, observed, agent, seen, place)
    if expected.body is not None and not holds(expected.body, _body(invite)):
        observed = quote(invite.body.strip()) or "absent"
        yield _complaint(wanted, "callee.body", expected.body, observed, agent, seen, place)
    for name, header in expected.headers.items():
        values = invite.all(COMPACT_FORMS.get(name.lower(), name))
        if header.check(values):
            continue
        observed = quote(", ".join(f'"{v}"' for v in values)) or "absent"
        at = place if header.source == NOWHERE else header.source
        yield _complaint(
            wanted, f"callee.headers.{name}", header.text, observed, agent, seen, at, at=at
        )


def _body(request: SipMessage) -> tuple[str, ...]:
    """Return the body without the white space around it, nothing where there is none."""
    return (request.body.strip(),) if request.body.strip() else ()


def _facts(expected: CalleeExpectation, invite: SipMessage) -> Iterator[tuple[str, str, str]]:
    """Yield each fact that is asked for: its key, what is wanted, what the INVITE says."""
    origin = invite.first("From") or ""
    identity = invite.first("P-Asserted-Identity") or invite.first("Remote-Party-ID") or ""
    history = invite.all("History-Info")
    diverted = invite.first("Diversion") or (history[-2] if len(history) > 1 else "")
    audio = invite.sdp.audio if invite.sdp is not None else None
    known: dict[str, Callable[[], str | None]] = {
        "from_user": lambda: uri_user(origin),
        "from_name": lambda: display_name(origin),
        "from_host": lambda: uri_host(origin)[0],
        "to_user": lambda: uri_user(invite.first("To") or ""),
        "uri_user": lambda: uri_user(invite.request_uri or ""),
        "identity": lambda: uri_user(identity),
        "diversion": lambda: uri_user(diverted),
        "direction": lambda: audio.direction if audio else "",
    }
    for key, read in known.items():
        value = getattr(expected, key)
        if value is not None:
            yield key, value, read() or ""
    if expected.codecs is not None:
        offered = [codec.upper() for codec in audio.codecs] if audio else []
        listed = [c for c in offered if c != "TELEPHONE-EVENT"]
        yield "codecs", " ".join(expected.codecs).upper(), " ".join(listed)


def _complaint(  # noqa: PLR0913, PLR0917 - the fields of one mismatch
    wanted: Expectation,
    path: str,
    expected: str,
    observed: str,
    agent: str,
    seen: Observation,
    place: Source,
    at: Source | None = None,
) -> Complaint:
    """Return the complaint about one fact of the INVITE that arrived."""
    written = wanted.callee.source(path.removeprefix("callee.")) if wanted.callee else NOWHERE
    own = at or (place if written == NOWHERE else written)
    name = path.removeprefix("callee.").removeprefix("headers.")
    where = f" at {agent}" if agent else ""
    return Complaint(
        mismatch=Mismatch(
            path=f"expect.{path}",
            expected=expected,
            observed=observed,
            evidence=seen.requests[:1],
            source=own,
            message=f"expected {name} {expected}{where}, got {observed}",
        )
    )
