"""What the provider says by its own pages about the code of this attempt, or about silence."""

from collections.abc import Iterator

from probe.diagnosis.case import Case
from probe.diagnosis.explanation import Certainty
from probe.diagnosis.rule import NAMED_BY_THEM, Hypothesis
from probe.reference import reference
from probe.reference.reference import Direction, Meaning
from probe.trace.failure import Failure


def provider_meanings(case: Case) -> tuple[Meaning, ...]:
    """Return the provider's own meanings that fit, the best supported first."""
    name = case.attempt.provider
    if name is None or reference.provider(name) is None or not _subjects(case):
        return ()
    headers = dict(reversed(case.reply.message.fields)) if case.reply else {}
    found = [
        meaning
        for subject in _subjects(case)
        for meaning in reference.meanings(
            subject,
            direction=_direction(case),
            provider=name,
            phrase=case.reply.phrase if case.reply else "",
            headers=headers,
        )
        if meaning.provider is not None and (subject != "any" or meaning.hint is not None)
    ]
    return tuple(sorted(found, key=lambda meaning: meaning.hint is None))


def provider_says(case: Case) -> Iterator[Hypothesis]:
    """Turn the provider's meanings of the code into hypotheses."""
    meanings = [meaning for meaning in provider_meanings(case) if meaning.causes]
    for meaning in meanings:
        marked = meaning.hint is not None
        clear = len(meaning.causes) == 1 and (marked or len(meanings) == 1)
        for place, cause in enumerate(meaning.causes):
            yield Hypothesis(
                cause=cause,
                likelihood=Certainty.LIKELY if clear else Certainty.UNDECIDED,
                because=f"{meaning.provider} documents {subject_of(case)} like this "
                f"({meaning.source}, {meaning.date}): {meaning.text}",
                evidence=(case.cite_start(case.reply.index),) if case.reply else (),
                weight=(NAMED_BY_THEM + 20 if marked else 45) - place,
            )


def subject_of(case: Case) -> str:
    """Return what the provider's meanings are about, in words: the code, or silence."""
    return str(case.status) if case.reply is not None else "silence"


def _direction(case: Case) -> Direction | None:
    return next((d for d in Direction if d.value == case.direction), None)


def _subjects(case: Case) -> tuple[int | str, ...]:
    """Return under which subjects a provider speaks of this case: its code, or silence."""
    if case.reply is not None:
        return (case.status, "any") if case.status >= 300 else ()
    return ("silence",) if case.failed(Failure.NO_RESPONSE) else ()
