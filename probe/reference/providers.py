"""Providers, and what a code means by their pages and in general."""

from __future__ import annotations

from probe.reference import load_providers
from probe.reference.codes import method, response
from probe.reference.load import plain
from probe.reference.meaning import ANY, Direction, Headers, Meaning
from probe.reference.spelling import UnknownSubjectError, nearest
from probe.reference.values import Provider


def provider(name: str) -> Provider | None:
    """Return a provider by its name, an alias or its domain; case and punctuation do not matter."""
    wanted = plain(name)
    if not wanted:
        return None
    path = load_providers.provider_files().get(wanted)
    if path is not None:
        return load_providers.provider(path)
    for entry in providers():
        if wanted in map(plain, (entry.name, *entry.aliases)):
            return entry
    return None


def providers() -> tuple[Provider, ...]:
    """Return every provider that the reference knows, by name."""
    entries = (load_providers.provider(path) for path in load_providers.provider_files().values())
    return tuple(sorted(entries, key=lambda entry: entry.name.casefold()))


def meanings(
    subject: int | str,
    *,
    direction: Direction | None = None,
    provider: str | None = None,
    phrase: str | None = None,
    headers: Headers | None = None,
) -> tuple[Meaning, ...]:
    """Return what a code, method or symptom can mean, the best supported first.

    The provider's own meanings come before the general ones. A meaning for another direction is
    left out, and so is one whose phrase or header hint the given phrase or headers contradict; one
    that they bear out comes first. With no phrase and no headers given, nothing is contradicted.
    Raises UnknownSubjectError for a provider that the reference does not know.
    """
    key = _subject(subject)
    own = _known_provider(provider).meanings if provider is not None else ()
    chosen: list[tuple[bool, Meaning]] = []
    for entry in own:
        if direction is not None and entry.direction not in {None, direction}:
            continue
        agrees = entry.agrees(phrase, headers)
        if (entry.subject == key and agrees is not False) or (entry.subject == ANY and agrees):
            chosen.append((agrees is not True, entry))
    chosen.sort(key=lambda pair: pair[0])
    general = (
        entry
        for entry in _general_meanings(key)
        if direction is None or entry.direction in {None, direction}
    )
    return (*(entry for _, entry in chosen), *general)


def providers_that_say(subject: int | str) -> tuple[Provider, ...]:
    """Return the providers that give a code, method or symptom a meaning of their own."""
    key = _subject(subject)
    return tuple(p for p in providers() if any(m.subject == key for m in p.meanings))


def suggest_provider(name: str) -> tuple[str, ...]:
    """Return the names of up to five providers nearest to a name, the nearest first."""
    names = {plain(n): p.name for p in providers() for n in (p.name, *p.aliases)}
    return tuple(dict.fromkeys(names[near] for near in nearest(plain(name), names)))


def _known_provider(name: str) -> Provider:
    entry = provider(name)
    if entry is None:
        raise UnknownSubjectError(name, suggest_provider(name))
    return entry


def _subject(subject: int | str) -> int | str:
    return subject.strip().upper() if isinstance(subject, str) else subject


def _general_meanings(key: int | str) -> tuple[Meaning, ...]:
    if isinstance(key, int):
        return response(key).meanings
    known = method(key)
    return () if known is None else known.meanings
