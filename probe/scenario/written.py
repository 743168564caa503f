"""The base of every model of a written file: keys it knows, and where each value stands.

A model says what there is; ``probe/scenario/reading.py`` reads it. Each field that a user may write
names in its annotation who reads it. Annotations stay texts until a file has such a key, because
a program that reads one scenario needs few of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, ClassVar, NamedTuple

from msgspec import NODEFAULT, Struct, field

from probe.scenario.source import NOWHERE, Located, LocatedMap, Problem, Source, quoted, suggestion


class Parsed:
    """Says in an annotation which function reads the field; it raises ScenarioError."""

    def __init__(self, read: Callable[[Any], object]) -> None:
        self.read = read


class Arranged:
    """Says in an annotation which function makes a short form the long one, before it is read."""

    def __init__(self, arrange: Callable[[Any], object]) -> None:
        self.arrange = arrange


class Either:
    """Says in an annotation which function names the annotation that a value is read by."""

    def __init__(self, choose: Callable[[object], object]) -> None:
        self.choose = choose


class Key(NamedTuple):
    """One field of a model."""

    name: str
    "Name of the field."
    key: str
    "What a user writes; the name of the field where that is no word of Python."
    default: object
    "The value where nothing is written; NODEFAULT where something must be."

    @property
    def required(self) -> bool:
        """Whether the key must be there."""
        return self.default is NODEFAULT


class Written(Struct, frozen=True, kw_only=True):
    """A part of a file as a user wrote it."""

    sources: dict[str, Source] = field(default_factory=dict)

    inner: ClassVar[frozenset[str]] = frozenset({"sources"})
    "Fields that are not keys of the file."
    later: ClassVar[Mapping[str, str]] = {}
    "Keys of later versions, and what they are for."
    may_be_empty: ClassVar[frozenset[str]] = frozenset()
    "Keys after which nothing need be written."
    example: ClassVar[str] = ""
    "How this part looks, for whoever wrote a plain value in its place."

    @classmethod
    def keys(cls) -> tuple[str, ...]:
        """Return the keys that a user may write, in the order of the fields."""
        return tuple(one.key for one in fields(cls).values() if one.name not in cls.inner)

    @classmethod
    def arranged(cls, written: LocatedMap) -> LocatedMap:
        """Return what is read in the place of what was written."""
        return written

    @classmethod
    def unknown(cls, key: Located, keys: tuple[str, ...]) -> Problem:
        """Return the problem of a key that is none of ``keys``."""
        if key in cls.later:
            return not_yet(key, cls.later[key])
        return Problem(
            source=key.source, message=f"unknown key {quoted(key)}", hint=suggestion(key, keys)
        )

    def disagreements(self) -> Iterable[Problem]:
        """Yield what is wrong with values that are right one by one, and not together."""
        return ()

    def source(self, path: str = "") -> Source:
        """Return where `path` stands: the value, or the nearest part around it that was written."""
        while path and path not in self.sources:
            path = path.rpartition(".")[0]
        return self.sources.get(path, NOWHERE)

    def said(self) -> frozenset[str]:
        """Return the fields that somebody gave, the same value as the default included."""
        return frozenset(
            name
            for name, key, default in fields(type(self)).values()
            if name not in self.inner and (key in self.sources or getattr(self, name) != default)
        )

    def values(self) -> dict[str, object]:
        """Return the values by field, wherever they stand, those of parts below as such too."""
        found = {name: getattr(self, name) for name in fields(type(self)) if name != "sources"}
        return {n: v.values() if isinstance(v, Written) else v for n, v in found.items()}

    def __repr__(self) -> str:
        """Show what was said; where it stands would bury it."""
        told = (
            f"{name}={getattr(self, name)!r}"
            for name in fields(type(self))
            if name not in _NOT_SHOWN
        )
        return f"{type(self).__name__}({', '.join(told)})"


_NOT_SHOWN = frozenset({"sources", "row", "unresolved"})


@cache
def fields(model: type[Written]) -> dict[str, Key]:
    """Return the fields of a model by name, those of its bases first."""
    keys = dict(zip(model.__struct_fields__, model.__struct_encode_fields__, strict=True))
    given = model.__struct_defaults__
    defaults = dict(zip(model.__struct_fields__[-len(given) :], given, strict=True))
    names = dict.fromkeys(
        name for part in reversed(model.__mro__) for name in vars(part).get("__annotations__", ())
    )
    return {
        name: Key(name, keys[name], _value_of(defaults.get(name, NODEFAULT)))
        for name in names
        if name in keys
    }


def _value_of(default: object) -> object:
    """Return a default as a new model would have it."""
    factory = getattr(default, "factory", None)
    return default if factory is None else factory()


def not_yet(key: Located, purpose: str) -> Problem:
    """Return the problem of a word that a later version will know."""
    return Problem(
        source=key.source,
        message=f"'{key}' ({purpose}) is not in this version of sipprobe",
        hint="leave it out for now",
    )


def nothing_after(key: Located) -> Problem:
    """Return the problem of a key without a value."""
    return Problem(source=key.source, message=f"nothing is written after '{key}:'")
