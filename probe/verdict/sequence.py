"""Holds the observed responses and requests against the sequence of the file."""

from probe.scenario.sequence import END, Observed, SequencePattern
from probe.verdict.observation import Complaint, Observation, status_words
from probe.verdict.verdict import Mismatch


def check_sequence(pattern: SequencePattern, seen: Observation) -> tuple[Complaint, ...]:
    """Return the first place where the sequence was not met, or nothing."""
    result = pattern.match(seen.tokens)
    if result.matched:
        return ()
    wanted = " or ".join("nothing more" if e == END else e for e in result.expected)
    if result.got is None:
        observed = seen.shown(shown_tokens(pattern, seen))
        evidence = seen.proof_of_absence()
    else:
        observed = _words(result.got, seen)
        evidence = (result.got.index,)
    return (
        Complaint(
            mismatch=Mismatch(
                path="expect.responses",
                expected=wanted,
                observed=observed,
                evidence=evidence,
                source=result.item_source or pattern.source,
                message=f"expected {wanted}, got {observed}",
            ),
            by_absence=result.got is None,
        ),
    )


def shown_tokens(pattern: SequencePattern | None, seen: Observation) -> tuple[Observed, ...]:
    """Return what a report shows beside a sequence: what it speaks of, and 100."""
    if pattern is None:
        shown = {"NOTIFY"} if seen.trace.method == "SUBSCRIBE" else {"ACK", "BYE"}
        return tuple(
            token
            for token in seen.tokens
            if not token.answered and (token.token.isdigit() or token.token in shown)
        )
    of_challenges = pattern.names("401") or pattern.names("407")
    relevant = {
        token.index
        for token in pattern.relevant(seen.tokens)
        if of_challenges or not token.answered
    }
    return tuple(t for t in seen.tokens if t.index in relevant or t.token == "100")  # noqa: S105


def _words(token: Observed, seen: Observation) -> str:
    """Return a token in words: a response with its reason phrase."""
    return status_words(seen.trace.message(token.index)) if token.token.isdigit() else token.token
