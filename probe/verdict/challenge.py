"""Whether the peer asked for credentials before it decided (RFC 3261 §22)."""

from probe.scenario.expectation import Expectation
from probe.scenario.source import NOWHERE, Source
from probe.verdict.observation import Complaint, Observation, is_challenge, status_words
from probe.verdict.verdict import Mismatch


def check_challenge(
    expectation: Expectation, seen: Observation, place: Source, *, explained: bool
) -> tuple[Complaint, ...]:
    """Check ``challenge: required`` or ``absent``; ``explained``: silence is told elsewhere.

    Required means that the first final response to the first request is a Digest challenge: a 403
    in its place is an access list, and the password was never looked at.
    """
    source = expectation.source("challenge")
    place = place if source == NOWHERE else source
    if expectation.challenge is None:
        return ()
    if expectation.challenge == "required":
        return _required(seen, place, explained=explained)
    asked = tuple(r.index for r in seen.responses if is_challenge(r.status))
    if not asked:
        return ()
    observed = status_words(seen.trace.message(asked[0]))
    return (_complaint("absent", "no challenge", observed, asked, place),)


def _required(seen: Observation, place: Source, *, explained: bool) -> tuple[Complaint, ...]:
    """Check that the first request was challenged."""
    wanted = "a challenge (401 or 407)"
    first = [
        r
        for r in seen.responses
        if r.status >= 200 and seen.trace.transactions()[r.transaction].request == seen.requests[0]
    ]
    if not first:
        if explained:
            return ()
        observed = seen.failure_words or "no response"
        evidence = seen.proof_of_absence()
        return (_complaint("required", wanted, observed, evidence, place, by_absence=True),)
    message = seen.trace.message(first[0].index)
    observed = status_words(message)
    if is_challenge(first[0].status):
        if any(challenge.scheme == "digest" for challenge in message.challenges):
            return ()
        observed += " without a Digest challenge"
    return (_complaint("required", wanted, observed, (first[0].index,), place),)


def _complaint(  # noqa: PLR0913 - the parts of one mismatch
    expected: str,
    wanted: str,
    observed: str,
    evidence: tuple[int, ...],
    source: Source,
    *,
    by_absence: bool = False,
) -> Complaint:
    """Build the complaint."""
    mismatch = Mismatch(
        path="expect.challenge",
        expected=expected,
        observed=observed,
        evidence=evidence,
        source=source,
        message=f"expected {wanted}, got {observed}",
    )
    return Complaint(mismatch=mismatch, by_absence=by_absence)
