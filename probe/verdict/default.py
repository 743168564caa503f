"""What is expected where the file does not say: a 2xx, and for a call its ACK and a clean BYE.

A call that was meant to be cancelled is expected to end with 487 after its CANCEL was answered
(RFC 3261 §9.1).
"""

from probe.scenario.source import Source
from probe.trace.trace import UNASKED, AgentNote, Transaction, TransactionFailed
from probe.verdict.observation import Complaint, Observation, status_words
from probe.verdict.sequence import shown_tokens
from probe.verdict.verdict import Mismatch


def default_words(seen: Observation) -> str:
    """Return the default expectation in the words of a sequence."""
    if seen.trace.serving and seen.trace.method == "INVITE":
        return "an INVITE, our answer, its ACK"
    if seen.trace.serving:
        return _a(seen.trace.method)
    if seen.trace.method == "SUBSCRIBE":
        return "2xx NOTIFY"
    if seen.trace.method == "INVITE":
        return "CANCEL 487" if seen.trace.our_cancel else "2xx ACK BYE"
    return "2xx" if seen.trace.method else ""


def check_default(seen: Observation, place: Source) -> tuple[Complaint, ...]:
    """Return what was not as it should be without any words in the file."""
    if not seen.trace.method:
        return () if seen.failure is None else (_missing("nothing to go wrong", seen, place),)
    return _served(seen, place) if seen.trace.serving else _asked(seen, place)


def _asked(seen: Observation, place: Source) -> tuple[Complaint, ...]:
    """Check what a request of ours came to."""
    cancelled = seen.trace.method == "INVITE" and seen.trace.our_cancel
    ended = _ended_before(seen, place)
    if ended is not None:
        return (ended,)
    final = seen.final
    if final is None:
        return (_missing("487" if cancelled else "2xx", seen, place),)
    good = final.status == 487 if cancelled else 200 <= final.status < 300
    if not good:
        wanted = "487 after our CANCEL" if cancelled else "2xx"
        observed = status_words(seen.trace.message(final.index))
        return (_complaint(wanted, observed, (final.index,), place),)
    if cancelled:
        return _cancel(seen, place)
    return _call(seen, place) if seen.trace.method == "INVITE" else ()


def _ended_before(seen: Observation, place: Source) -> Complaint | None:
    """Return the complaint that the call ended before a step ended it, or None."""
    unasked = _unasked(seen)
    if unasked is not None:
        return _complaint("a BYE when we ask for it", "one by itself", (unasked,), place)
    theirs = seen.trace.received("BYE")[:1]
    inside = seen.trace.method in _INSIDE and not seen.requests
    if theirs and seen.final is None and inside:
        wanted = _INSIDE[seen.trace.method]
        return _complaint(wanted, "their BYE before our step", theirs, place)
    return None


_INSIDE = {
    "BYE": "a call to hang up",
    "INVITE": "a call that is up",
    "REFER": "a call to transfer",
    "UPDATE": "a call that is up",
}
"""What a step inside a call needs, by its method."""


def _served(seen: Observation, place: Source) -> tuple[Complaint, ...]:
    """Check the called side: an INVITE came, we answered it, and the caller confirmed that.

    A caller that gives up while it rings is a complaint only where we had answered.
    """
    if not seen.requests:
        return (_missing(_a(seen.trace.method), seen, place),)
    if seen.trace.method != "INVITE":
        return ()
    if seen.final is None:
        if seen.trace.received("CANCEL"):
            index = seen.trace.received("CANCEL")[0]
            return (_complaint("a call to answer", "their CANCEL", (index,), place),)
        return ()
    served = [t for _, t in seen.trace.client_transactions()]
    if not any(t.acks for t in served):
        return (_missing("ACK", seen, place),)
    return ()


def _a(method: str) -> str:
    """Return a method with its article."""
    return f"{'an' if method[:1] in 'AEIOU' else 'a'} {method}"


def _unasked(seen: Observation) -> int | None:
    """Return the note that our stack ended the call by itself, or None."""
    return next(
        (
            index
            for index, event in enumerate(seen.trace.events)
            if isinstance(event, AgentNote) and event.kind == UNASKED
        ),
        None,
    )


def _cancel(seen: Observation, place: Source) -> tuple[Complaint, ...]:
    """Check that our CANCEL was sent and not refused."""
    cancels = [t for t in seen.trace.transactions() if t.ours and t.method == "CANCEL"]
    if not cancels:
        final = seen.final.index if seen.final is not None else 0
        return (_complaint("487 after our CANCEL", "487 without a CANCEL", (final,), place),)
    refused = _refusal(cancels[-1], seen)
    if refused is None:
        return ()
    observed = f"CANCEL answered {status_words(seen.trace.message(refused))}"
    return (_complaint("CANCEL answered 200", observed, (refused,), place),)


def _call(seen: Observation, place: Source) -> tuple[Complaint, ...]:
    """Check the ACK and every BYE of an answered call.

    A call without any BYE is complete here: a later step of the scenario hangs up.
    """
    complaints: list[Complaint] = []
    calls = [t for _, t in seen.trace.client_transactions()]
    if not any(t.acks for t in calls[-1:]):
        complaints.append(_missing("ACK", seen, place))
    for bye in our_byes(seen):
        refused = _refusal(bye, seen)
        if refused is not None and _crossed(bye, refused, seen):
            continue
        if refused is not None:
            observed = f"BYE answered {status_words(seen.trace.message(refused))}"
            complaints.append(
                _complaint("BYE answered 2xx", observed, (bye.request, refused), place)
            )
        elif not answered(bye, seen):
            evidence = (bye.request, *([bye.failure] if bye.failure is not None else []))
            complaints.append(
                Complaint(
                    mismatch=_mismatch("BYE answered 2xx", "BYE without answer", evidence, place),
                    by_absence=True,
                )
            )
    unsent = [
        index
        for index, event in enumerate(seen.trace.events)
        if isinstance(event, TransactionFailed) and event.method == "BYE"
    ]
    if unsent and not our_byes(seen):
        mismatch = _mismatch("BYE answered 2xx", "a BYE that could not be sent", (*unsent,), place)
        complaints.append(Complaint(mismatch=mismatch, by_absence=True))
    if seen.ours and "BYE" not in {token.token for token in seen.tokens}:
        complaints.append(_missing("BYE", seen, place))
    return tuple(complaints)


def _crossed(bye: Transaction, refused: int, seen: Observation) -> bool:
    """Whether a 481 says only that their own BYE had ended the call (RFC 3261 §15.1.2)."""
    if seen.trace.message(refused).status != 481:
        return False
    return any(
        bye.request < index < refused and seen.trace.message(index).call_id == bye.call_id
        for index in seen.trace.received("BYE")
    )


def our_byes(seen: Observation) -> tuple[Transaction, ...]:
    """Return our BYE of each dialog, the last one where an earlier one was challenged."""
    byes = {}
    for bye in seen.trace.transactions():
        if bye.ours and bye.method == "BYE":
            byes[bye.call_id, seen.trace.message(bye.request).to_tag] = bye
    return tuple(byes.values())


def answered(transaction: Transaction, seen: Observation) -> bool:
    """Whether a transaction has a final response."""
    return any((seen.trace.message(i).status or 0) >= 200 for i in transaction.responses)


def _refusal(transaction: Transaction, seen: Observation) -> int | None:
    """Return the index of a final response other than 2xx, or None."""
    return next(
        (i for i in transaction.responses if (seen.trace.message(i).status or 0) >= 300), None
    )


def _missing(wanted: str, seen: Observation, place: Source) -> Complaint:
    """Return the complaint that something never came."""
    observed = seen.shown(shown_tokens(None, seen))
    mismatch = _mismatch(wanted, observed, seen.proof_of_absence(), place)
    return Complaint(mismatch=mismatch, by_absence=True)


def _complaint(wanted: str, observed: str, evidence: tuple[int, ...], place: Source) -> Complaint:
    """Return a complaint about something that came."""
    return Complaint(mismatch=_mismatch(wanted, observed, evidence, place))


def _mismatch(wanted: str, observed: str, evidence: tuple[int, ...], place: Source) -> Mismatch:
    """Build the mismatch."""
    return Mismatch(
        path="expect",
        expected=wanted,
        observed=observed,
        evidence=evidence,
        source=place,
        message=f"expected {wanted}, got {observed}",
    )
