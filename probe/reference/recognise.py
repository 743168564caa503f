"""Whose host names and answers these are: every provider's marks, tried on them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

from probe.reference import load_providers
from probe.reference.mark import Answer, Mark, MarkKind, Recognition, Sighting, Stack


def recognise(hosts: Iterable[str] = (), answers: Sequence[Answer] = ()) -> Recognition:
    """Return whose marks stand in host names and in answers; pure, for any text from the wire.

    Two providers that show themselves are no provider: `Recognition.provider` is None then.
    """
    seen: dict[str, Sighting] = {}
    for host in hosts:
        for mark in _marks(MarkKind.DOMAIN):
            if mark.in_host(host):
                found = Sighting(mark=mark, place=None, field="", text=host)
                seen.setdefault(mark.provider, found)
    for place, answer in enumerate(answers):
        names = {name.casefold() for name, _ in answer.fields}
        for mark in _marks(*_OF_ANSWERS):
            if mark.provider in seen or not _may_stand(mark, names):
                continue
            where = mark.in_answer(answer)
            if where is not None:
                found = Sighting(mark=mark, place=place, field=where[0], text=where[1])
                seen[mark.provider] = found
    return Recognition(sightings=tuple(seen.values()))


def stack(answer: Answer) -> tuple[Stack, str, str] | None:
    """Return the product that an answer names, with header field and value; None if none."""
    for entry in load_providers.stacks():
        where = entry.in_answer(answer)
        if where is not None:
            return entry, *where
    return None


_OF_ANSWERS = (MarkKind.REALM, MarkKind.SERVER, MarkKind.HEADER, MarkKind.PHRASE)


def _may_stand(mark: Mark, names: set[str]) -> bool:
    """Whether a message has the field of the mark at all; cheap, before any pattern."""
    return (
        mark.kind is not MarkKind.HEADER or mark.name.endswith("*") or mark.name.casefold() in names
    )


@cache
def _marks(*kinds: MarkKind) -> tuple[Mark, ...]:
    every = map(load_providers.provider, load_providers.provider_files().values())
    return tuple(mark for entry in every for mark in entry.marks if mark.kind in kinds)
