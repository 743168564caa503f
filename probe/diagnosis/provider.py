"""What the provider says by its own pages about the code of this attempt, a BYE, or silence.

Nothing here is ever certain: a page may be out of date, and a provider that was recognised by a
mark is an inference.
"""

import re
from collections.abc import Iterator

from msgspec import Struct

from probe.diagnosis.case import Case
from probe.diagnosis.explanation import Certainty, Evidence
from probe.diagnosis.rule import NAMED_BY_THEM, Hypothesis
from probe.diagnosis.whose import answer_of, cite_field
from probe.diagnosis.words import what_happened
from probe.reference import reference
from probe.reference.reference import ANY, Direction, Meaning
from probe.trace.failure import Failure


class _Said(Struct, frozen=True, kw_only=True):
    """What was said that a provider's page can explain."""

    subjects: tuple[int | str, ...]
    "Under which subjects a page would list it."

    words: str
    "What it is, in a word: the code, BYE or silence."

    index: int | None
    "The message, or None for silence."

    phrase: str = ""
    "Its reason phrase."

    fields: tuple[tuple[str, str], ...] = ()
    "Its header fields."


def provider_meanings(case: Case) -> tuple[Meaning, ...]:
    """Return the provider's own meanings that fit, the best supported first."""
    provider, said = case.whose.provider, _said(case)
    if provider is None or said is None:
        return ()
    found = [
        meaning
        for subject in said.subjects
        for meaning in reference.meanings(
            subject,
            direction=_direction(case),
            provider=provider.name,
            phrase=said.phrase,
            headers=said.fields,
        )
        if meaning.provider is not None
    ]
    once = dict.fromkeys(m for m in found if m.subject != ANY or m.hint is not None)
    return tuple(sorted(once, key=lambda meaning: meaning.hint is None))


def provider_says(case: Case) -> Iterator[Hypothesis]:
    """Turn the provider's meanings of the code into hypotheses."""
    said = _said(case)
    meanings = [meaning for meaning in provider_meanings(case) if meaning.causes]
    for meaning in meanings:
        marked = meaning.hint is not None
        clear = len(meaning.causes) == 1 and (marked or len(meanings) == 1)
        for place, cause in enumerate(meaning.causes):
            yield Hypothesis(
                cause=cause,
                likelihood=Certainty.LIKELY if clear else Certainty.UNDECIDED,
                because=f"{case.whose.named} documents {subject_of(case)} like this "
                f"({meaning.source}, {meaning.date}): {meaning.text}",
                says=_told(case, meaning) if marked else "",
                evidence=_cited(case, said, meaning) if said else (),
                weight=(NAMED_BY_THEM + 20 if marked else 45) - place,
            )


def _told(case: Case, meaning: Meaning) -> str:
    """Return the summary where a mark of the provider's decides."""
    return f"{what_happened(case)} {case.whose.named} says on its page what that means: " + (
        f"{meaning.text} {meaning.note or ''}".strip()
    )


def marked_causes(case: Case) -> frozenset[str]:
    """Return the causes that the provider's page names for what is marked in the answer."""
    return frozenset(
        cause for m in provider_meanings(case) if m.hint is not None for cause in m.causes
    )


def subject_of(case: Case) -> str:
    """Return what the provider's meanings are about, in words: the code, BYE, or silence."""
    said = _said(case)
    return said.words if said is not None else "silence"


def product_says(case: Case) -> tuple[str, tuple[Evidence, ...]]:
    """Return which product refused and what its codes are worth, with the field that says so."""
    account = case.account
    if case.reply is None or case.reply.ours or case.status < 400 or (account and account.embedded):
        return "", ()
    found = reference.stack(answer_of(case.reply.message))
    if found is None:
        return "", ()
    stack, field, text = found
    says = (
        f"{field} names the product {stack.name}, which many run: that says nothing about the "
        f"provider. {stack.tells}"
    )
    return says, (cite_field(case.trace, case.reply.index, field, text),)


def _direction(case: Case) -> Direction | None:
    return next((d for d in Direction if d.value == case.direction), None)


def _said(case: Case) -> _Said | None:
    """Return what a provider can have a page about: a refusal, a BYE of theirs, silence."""
    if case.reply is not None and case.status >= 300:
        message, index = case.reply.message, case.reply.index
        subjects: tuple[int | str, ...] = (case.status, ANY)
        words = str(case.status)
    elif case.their_bye is not None:
        index = case.their_bye
        message, subjects, words = case.trace.message(index), ("BYE", ANY), "BYE"
    elif case.reply is None and case.failed(Failure.NO_RESPONSE):
        return _Said(subjects=("SILENCE",), words="silence", index=None)
    else:
        return None
    return _Said(
        subjects=subjects,
        words=words,
        index=index,
        phrase=message.reason or "",
        fields=message.fields,
    )


def _cited(case: Case, said: _Said, meaning: Meaning) -> tuple[Evidence, ...]:
    """Cite the message, and the field of it that singles the meaning out."""
    if said.index is None:
        return ()
    first = case.cite_start(said.index)
    if meaning.header is None:
        return (first,)
    name, pattern = meaning.header
    texts = (v for k, v in said.fields if k.casefold() == name.casefold() and re.search(pattern, v))
    text = next(texts, "")
    return tuple(dict.fromkeys((first, cite_field(case.trace, said.index, name, text))))
