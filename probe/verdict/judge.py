"""Judges one trace against what the file expects. Pure: the same trace gives the same verdict.

The order of the argument: what came is read once (``observation``), each kind of check holds it
against its part of the expectation, and then the fault is placed. Where our own side failed, only
what did come proves anything: a 486 that contradicts the sequence stays a mismatch, a 200 that
never came is no evidence, and the verdict is INCONCLUSIVE unless the trace was decided before.
"""

from probe.scenario.expectation import Expectation
from probe.scenario.source import NOWHERE, Source
from probe.trace.failure import Failure
from probe.trace.trace import Trace
from probe.verdict.challenge import check_challenge
from probe.verdict.default import check_default, default_words
from probe.verdict.headers import check_headers, check_request_headers
from probe.verdict.legs import check_legs
from probe.verdict.media import check_media, check_talk, talk_heard, talk_words
from probe.verdict.notify import check_notify
from probe.verdict.observation import Complaint, Observation, observe, status_words
from probe.verdict.sdp import check_sdp
from probe.verdict.sequence import check_sequence, shown_tokens
from probe.verdict.timing import check_timing, measure
from probe.verdict.transfer import check_transfer
from probe.verdict.verdict import Measured, MediaMeasured, Mismatch, Outcome, Verdict
from probe.verdict.warnings import find_warnings


def judge(expectation: Expectation | None, trace: Trace, source: Source) -> Verdict:
    """Return the verdict on a trace; ``source`` is the step's own place, for what has no other.

    Without ``responses`` and without ``failure`` the default holds beside whatever else is
    expected: a 2xx, and for a call its ACK and a clean BYE.
    """
    seen = observe(trace)
    wanted = expectation or Expectation()
    if wanted.agents or (wanted.media is not None and not trace.method):
        return _judge_talk(wanted, seen, source)
    complaints, measured, warnings = _check(wanted, seen, source)
    media: tuple[MediaMeasured, ...] = ()
    if wanted.media is not None and (not complaints or trace.media):
        media, heard, more = check_media(
            wanted.media, trace.media, seen, source, expectation=wanted
        )
        complaints += heard
        warnings = (*warnings, *more)
    certain = [c for c in complaints if not (c.ours or (c.by_absence and seen.ours))]
    unproven = [c for c in complaints if c.ours or (c.by_absence and seen.ours)]
    as_expected = wanted.failure is not None and seen.failed_with(wanted.failure)
    if certain:
        outcome, kept = Outcome.NOT_MET, certain
    elif any(c.ours for c in unproven):
        outcome, kept = Outcome.INCONCLUSIVE, unproven
    elif as_expected or not seen.ours:
        outcome, kept = Outcome.MET, []
    elif unproven:
        outcome, kept = Outcome.INCONCLUSIVE, unproven
    elif seen.final is None or seen.cut_short:
        outcome, kept = Outcome.INCONCLUSIVE, [_untested(wanted, seen, source)]
    else:
        outcome, kept = Outcome.MET, []
    if seen.failure is not None and seen.final is not None and not (as_expected or _told(kept)):
        warnings = (*warnings, f"after the final response: {seen.failure_words}")
    return Verdict(
        outcome=outcome,
        mismatches=tuple(c.mismatch for c in kept),
        warnings=tuple(dict.fromkeys(warnings)),
        timing=measure(seen),
        measured=measured,
        expected=_expected_words(wanted, seen),
        observed=seen.shown(shown_tokens(wanted.responses, seen)),
        media=media,
    )


def _judge_talk(wanted: Expectation, seen: Observation, source: Source) -> Verdict:
    """Return the verdict on a talk: what its agents heard, and nothing else."""
    media, complaints, warnings = check_talk(wanted, seen, source)
    certain = [c for c in complaints if not (c.ours or (c.by_absence and seen.ours))]
    kept = certain or list(complaints)
    expected, observed = (
        "; ".join(part for part in parts if part)
        for parts in zip(talk_words(wanted, media), talk_heard(wanted, seen), strict=True)
    )
    return Verdict(
        outcome=Outcome.NOT_MET if certain else Outcome.INCONCLUSIVE if kept else Outcome.MET,
        mismatches=tuple(c.mismatch for c in kept),
        warnings=warnings,
        timing=measure(seen),
        measured=(),
        expected=expected,
        observed=observed,
        media=media,
    )


def _check(
    wanted: Expectation, seen: Observation, source: Source
) -> tuple[list[Complaint], tuple[Measured, ...], tuple[str, ...]]:
    """Run every check; the later ones keep silent about what the first have explained."""
    complaints: list[Complaint] = [*check_legs(wanted, seen, source)]
    if wanted.responses is not None:
        complaints += check_sequence(wanted.responses, seen)
    elif wanted.failure is None and not complaints:
        complaints += check_default(seen, source)
    complaints += check_transfer(wanted, seen, source)
    complaints += check_notify(wanted, seen, source)
    complaints += _check_failure(wanted, seen, source)
    explained = bool(complaints)
    measured, late, warnings = check_timing(
        wanted.timing, seen, source, explained=explained or wanted.failure is not None
    )
    complaints += late
    complaints += check_headers(wanted.headers, seen, source, explained=explained)
    complaints += check_request_headers(wanted.request_headers, seen, source, explained=explained)
    complaints += check_sdp(wanted, seen, source, explained=explained)
    complaints += check_challenge(wanted, seen, source, explained=explained)
    return complaints, measured, (*find_warnings(seen), *warnings)


def _check_failure(wanted: Expectation, seen: Observation, source: Source) -> tuple[Complaint, ...]:
    """Check ``failure:``, and that an answer that came could be used."""
    if wanted.failure is not None:
        if seen.failed_with(wanted.failure):
            return ()
        written = wanted.source("failure")
        final = seen.final
        observed = (
            status_words(seen.trace.message(final.index))
            if final is not None
            else seen.failure.failure.value
            if seen.failure is not None
            else "no failure"
        )
        mismatch = Mismatch(
            path="expect.failure",
            expected=wanted.failure,
            observed=observed,
            evidence=(final.index,) if final is not None else seen.proof_of_absence(),
            source=source if written == NOWHERE else written,
            message=f"expected {wanted.failure}, got {observed}",
        )
        return (Complaint(mismatch=mismatch, by_absence=final is None),)
    if seen.failure is None or seen.failure.failure is not Failure.UNUSABLE_ANSWER:
        return ()
    mismatch = Mismatch(
        path="answer",
        expected="an answer that our side can use",
        observed=seen.failure_words,
        evidence=seen.proof_of_absence()
        if seen.final is None
        else (seen.final.index, *([] if seen.failure_index is None else [seen.failure_index])),
        source=source,
        message=f"answered, but {seen.failure_words}",
    )
    return (Complaint(mismatch=mismatch),)


def _told(complaints: list[Complaint]) -> bool:
    """Whether a mismatch speaks of the failure already."""
    return any(c.by_absence or c.mismatch.path == "answer" for c in complaints)


def _untested(wanted: Expectation, seen: Observation, source: Source) -> Complaint:
    """Return what an inconclusive verdict shows where no single check was left open."""
    expected = _expected_words(wanted, seen)
    mismatch = Mismatch(
        path="expect",
        expected=expected,
        observed=seen.failure_words,
        evidence=seen.proof_of_absence(),
        source=source,
        message=f"expected {expected}, got {seen.failure_words}",
    )
    return Complaint(mismatch=mismatch, by_absence=True)


def _expected_words(wanted: Expectation, seen: Observation) -> str:
    """Return the expected sequence, or the failure, in the file's words or the default's."""
    if wanted.responses is not None:
        return wanted.responses.text
    return wanted.failure or default_words(seen)
