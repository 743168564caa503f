"""Holds what the NOTIFYs of a transfer tell against the file (RFC 3515 §2.4.4, RFC 3420)."""

from probe.scenario.expectation import Expectation
from probe.scenario.sequence import END, Observed, SequencePattern
from probe.scenario.source import Source
from probe.sip.fragment import fragment_status
from probe.verdict.observation import Complaint, Observation
from probe.verdict.verdict import Mismatch


def told(seen: Observation) -> tuple[Observed, ...]:
    """Return the status codes that the NOTIFYs of a REFER carried, in order."""
    found = []
    for index in seen.trace.received("NOTIFY"):
        status = fragment_status(seen.trace.message(index))
        if status is not None:
            found.append(Observed(token=str(status), index=index))
    return tuple(found)


def check_transfer(wanted: Expectation, seen: Observation, place: Source) -> tuple[Complaint, ...]:
    """Check what was told of a transfer: the file's sequence, else that it ended with a 2xx."""
    if seen.trace.method != "REFER":
        return ()
    fragments = told(seen)
    shown = " ".join(fragment.token for fragment in fragments) or "no NOTIFY"
    if isinstance(wanted.notify, SequencePattern):
        result = wanted.notify.match(fragments)
        if result.matched:
            return ()
        item = " or ".join("nothing more" if e == END else e for e in result.expected)
        got = result.got
        source = result.item_source or wanted.notify.source
        return (_complaint(item, got.token if got else shown, seen, source, got),)
    accepted = seen.final is not None and 200 <= seen.final.status < 300
    if not accepted or wanted.responses is not None:
        return ()  # the refusal is told, or the file says what it wants
    last = fragments[-1] if fragments else None
    if last is not None and last.token.startswith("2"):
        return ()
    ended = last is not None and int(last.token) >= 300
    return (_complaint("2xx", shown, seen, place, last if ended else None),)


def _complaint(
    wanted: str, observed: str, seen: Observation, source: Source, got: Observed | None
) -> Complaint:
    """Return the complaint about what the NOTIFYs told."""
    message = f"expected a NOTIFY that tells {wanted}, got {observed}"
    return Complaint(
        mismatch=Mismatch(
            path="expect.notify",
            expected=wanted,
            observed=observed,
            evidence=seen.proof_of_absence() if got is None else (got.index,),
            source=source,
            message=message,
        ),
        by_absence=got is None,
    )
