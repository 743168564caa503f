"""Holds the observed responses and requests against the sequence of the file."""

from itertools import compress
from typing import TypeVar

from probe.scenario.sequence import END, Observed, SequencePattern
from probe.verdict.observation import Complaint, Observation, status_words
from probe.verdict.verdict import Mismatch

T = TypeVar("T")


def check_sequence(pattern: SequencePattern, seen: Observation) -> tuple[Complaint, ...]:
    """Return the first place where the sequence was not met, or nothing."""
    if _matches(pattern, seen.tokens):
        return ()
    result = pattern.match(seen.tokens)
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


_MOST_KNOWN = 1024
_KNOWN: dict[tuple[object, ...], object] = {}
"""What came of a sequence and tokens: a thousand rows of one story mostly see the same."""


def _kind(what: str, pattern: SequencePattern, tokens: tuple[Observed, ...]) -> tuple[object, ...]:
    """Return all that an answer about a sequence and tokens depends on, without their places."""
    return what, pattern.text, *(token.token for token in tokens), *(t.answered for t in tokens)


def _matches(pattern: SequencePattern, tokens: tuple[Observed, ...]) -> bool:
    """Whether tokens are as the sequence wants them."""
    kind = _kind("matches", pattern, tokens)
    known = _KNOWN.get(kind)
    if known is None:
        known = _remember(kind, pattern.match(tokens).matched)
    return known is True


def _shown(pattern: SequencePattern, tokens: tuple[Observed, ...]) -> tuple[Observed, ...]:
    """Return what of some tokens a report shows beside a sequence."""
    kind = _kind("shown", pattern, tokens)
    known = _KNOWN.get(kind)
    if not isinstance(known, tuple):
        of_challenges = pattern.names("401") or pattern.names("407")
        relevant = {
            token.index for token in pattern.relevant(tokens) if of_challenges or not token.answered
        }
        shown = [t.index in relevant or t.token == "100" for t in tokens]  # noqa: S105 - a code
        known = _remember(kind, tuple(shown))
    return tuple(compress(tokens, known))


def _remember(kind: tuple[object, ...], what: T) -> T:
    if len(_KNOWN) >= _MOST_KNOWN:
        _KNOWN.clear()
    _KNOWN[kind] = what
    return what


def shown_tokens(pattern: SequencePattern | None, seen: Observation) -> tuple[Observed, ...]:
    """Return what a report shows beside a sequence: what it speaks of, and 100."""
    if pattern is None:
        shown = {"NOTIFY"} if seen.trace.method == "SUBSCRIBE" else {"ACK", "BYE"}
        return tuple(
            token
            for token in seen.tokens
            if not token.answered and (token.token.isdigit() or token.token in shown)
        )
    return _shown(pattern, seen.tokens)


def _words(token: Observed, seen: Observation) -> str:
    """Return a token in words: a response with its reason phrase."""
    return status_words(seen.trace.message(token.index)) if token.token.isdigit() else token.token
