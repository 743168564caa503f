"""Reads mappings into models, each value by what the annotation of its field names.

Every problem is wanted, not the first: a value that cannot be read leaves its problem and the rest
is read on. An annotation is looked at when a file has its key for the first time.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import cache
from types import NoneType, SimpleNamespace
from typing import Annotated, Any, Final, TypeAlias, TypeVar, get_args, get_origin, get_type_hints

from msgspec.structs import replace

from probe.scenario.source import (
    NOWHERE,
    Located,
    LocatedMap,
    Problem,
    ScenarioError,
    Source,
    quoted,
    refuse,
)
from probe.scenario.written import (
    Arranged,
    Either,
    Key,
    Parsed,
    Written,
    fields,
    nothing_after,
)

Model = TypeVar("Model", bound=Written)


class _Failed:
    """What stands for a value that cannot be read; its problem is told."""


_FAILED: Final = _Failed()
_EXPECTED = "a mapping (key: value) is expected here"


def read(model: type[Model], written: object) -> Model:
    """Return the model of what is written; raise ScenarioError with every problem."""
    problems: list[Problem] = []
    found = read_into(model, written, problems)
    if problems or found is None:
        raise ScenarioError(problems)
    return found


def read_into(
    model: type[Model], written: object, problems: list[Problem], *, place: Source = NOWHERE
) -> Model | None:
    """Return the model, or None; add its problems, each at the nearest place that is known.

    A key that nobody knows, or that has no value, is a problem, and does not prevent a model.
    """
    reading = _Reading(written.sources if isinstance(written, LocatedMap) else {}, place)
    found = reading.model(model, written, "")
    problems += (*reading.keys, *reading.values)
    return found if isinstance(found, model) else None


def read_again(
    model: Model, written: Mapping[str, object], sources: dict[str, Source]
) -> Model | None:
    """Return a model in which some keys are read anew, or None where something is wrong."""
    kind = type(model)
    reading = _Reading(sources, NOWHERE)
    values: dict[str, object] = {}
    for key, value in written.items():
        name = _fields_by_key(kind)[key].name
        reader = _reader_of(kind, name)
        values[name] = value if reader is None else reader(reading, value, key)
    if reading.keys or reading.values:
        return None
    found = replace(model, sources=sources, **values)
    return None if any(True for _ in found.disagreements()) else found


class _Reading:
    """What came up while one mapping was read, the parts below it included."""

    def __init__(self, sources: Mapping[str, Source], place: Source) -> None:
        self.keys: list[Problem] = []
        "Problems of keys."
        self.values: list[Problem] = []
        "Problems of values."
        self._sources = sources
        self._place = place

    def problem(self, path: str, message: str, hint: str | None = None) -> _Failed:
        """Note what is wrong at a path, or at the nearest part around it that was written."""
        while path and path not in self._sources:
            path = path.rpartition(".")[0]
        source = self._sources.get(path, self._place)
        self.values.append(Problem(source=source, message=message, hint=hint))
        return _FAILED

    def refused(self, path: str, error: Exception) -> _Failed:
        """Note what a reader says is wrong."""
        if not isinstance(error, ScenarioError):
            return self.problem(path, _EXPECTED)
        for problem in error.problems:
            if problem.source == NOWHERE:
                self.problem(path, problem.message, problem.hint)
            else:
                self.values.append(problem)
        return _FAILED

    def parsed(self, reader: Callable[[object], object], value: object, path: str) -> object:
        """Return what a function makes of a value."""
        try:
            return reader(value)
        except (ValueError, AssertionError) as error:
            return self.refused(path, error)

    def model(self, model: type[Model], written: object, path: str) -> Model | _Failed:
        """Return the model of a mapping."""
        if isinstance(written, model):
            return written
        if isinstance(written, Located):
            hint = f"for example: {model.example}" if model.example else None
            message = f"expected keys and values, found {quoted(written)}"
            return self.refused(path, refuse(written, message, hint))
        if not isinstance(written, Mapping):
            return self.problem(path, _EXPECTED)
        before = len(self.values)
        values = (
            self.written(model, model.arranged(written))
            if isinstance(written, LocatedMap)
            else self.given(model, written, path)
        )
        self.read(model, values, f"{path}." if path else "")
        if len(self.values) > before:
            return _FAILED
        found = model(**values)
        for problem in found.disagreements():
            self.refused(path, ScenarioError([problem]))
        return found if len(self.values) == before else _FAILED

    def written(self, model: type[Written], written: LocatedMap) -> dict[str, Any]:
        """Return the values of a mapping by field; note keys that are not to be read."""
        fields_by_key = _fields_by_key(model)
        values: dict[str, Any] = {**written.given, "sources": written.sources}
        for key, value in written.items():
            field = fields_by_key.get(key)
            if field is None:
                self.keys.append(model.unknown(key, model.keys()))
            elif value is None and not field.required and field.key not in model.may_be_empty:
                self.keys.append(nothing_after(key))
            else:
                values[field.name] = value  # a reader says so where nothing stands
        return values

    def given(self, model: type[Written], given: Mapping[str, object], path: str) -> dict[str, Any]:
        """Return the values of a mapping that stands in no file, by key or by field."""
        names = {key.key: name for name, key in fields(model).items()}
        values = {names.get(key, key): value for key, value in given.items()}
        for name in values.keys() - names.values():
            self.problem(path, f"unknown key {quoted(name)}")
        return values

    def read(self, model: type[Written], values: dict[str, object], below: str) -> None:
        """Put what was read in the place of each value; note those that are missing."""
        for name, key in fields(model).items():
            if name in values:
                reader = _reader_of(model, name)
                if reader is not None:
                    values[name] = reader(self, values[name], f"{below}{key.key}")
            elif key.required:
                self.problem(f"{below}{key.key}", f"'{key.key}:' is missing")

    def mapping(self, of: _Pair, value: object, path: str) -> object:
        """Return a mapping with its keys and its values read."""
        if not isinstance(value, Mapping):
            return self.problem(path, _EXPECTED)
        found: dict[object, object] = {}
        failed = False
        for written, entry in value.items():
            at = f"{path}.{written}"
            key, inner = (
                part if reader is None else reader(self, part, at)
                for reader, part in zip(of, (str(written), entry), strict=True)
            )
            failed = failed or key is _FAILED or inner is _FAILED
            found[key] = inner
        return _FAILED if failed else found

    def several(self, reader: _Reader, value: object, path: str) -> object:
        """Return a list with its values read."""
        if not isinstance(value, (list, tuple)):
            return self.problem(path, _EXPECTED)
        found = tuple(reader(self, one, f"{path}.{number}") for number, one in enumerate(value))
        return _FAILED if _FAILED in found else found


_Reader: TypeAlias = Callable[[_Reading, object, str], object]
"""Takes a value and its path, and returns it read; or notes in the reading why it cannot be."""
_Pair: TypeAlias = tuple[_Reader | None, _Reader | None]
"""Readers of the keys and of the values of a mapping."""


@cache
def _fields_by_key(model: type[Written]) -> dict[str, Key]:
    """Return the fields that a user may write, by key."""
    return {key.key: key for name, key in fields(model).items() if name not in model.inner}


@cache
def _reader_of(model: type[Written], name: str) -> _Reader | None:
    """Return the reader of a field; None where its value is taken as it is."""
    owner = next(part for part in model.__mro__ if name in vars(part).get("__annotations__", ()))
    alone = SimpleNamespace(__annotations__={name: owner.__annotations__[name]})
    names = vars(sys.modules[owner.__module__])
    return _reader(get_type_hints(alone, names, include_extras=True)[name])


@cache
def _reader(annotation: object) -> _Reader | None:
    """Return what an annotation says of reading."""
    origin, parts = get_origin(annotation), get_args(annotation)
    found: _Reader | None = None
    if origin is Annotated:
        found = _annotated(*parts)
    elif isinstance(annotation, type) and issubclass(annotation, Written):
        found = _model(annotation)
    elif origin is dict:
        found = _mapping((_reader(parts[0]), _reader(parts[1])))
    elif origin is tuple and parts[1:] == (...,):
        found = _several(_reader(parts[0]))
    elif NoneType in parts and len(parts) == 2:
        found = _or_nothing(_reader(next(part for part in parts if part is not NoneType)))
    return found


def _annotated(kind: object, *notes: object) -> _Reader | None:
    """Return the reader that an annotation names."""
    for note in notes:
        if isinstance(note, Parsed):
            found = _parsed(note.read)
            return _or_nothing(found) if NoneType in get_args(kind) else found
        if isinstance(note, Arranged):
            return _arranged(note.arrange, _reader(kind))
        if isinstance(note, Either):
            return _or_nothing(_chosen(note.choose))
    return _reader(kind)


def _parsed(read: Callable[[object], object]) -> _Reader:
    return lambda reading, value, path: reading.parsed(read, value, path)


def _model(model: type[Written]) -> _Reader:
    return lambda reading, value, path: reading.model(model, value, path)


def _mapping(of: _Pair) -> _Reader | None:
    if of == (None, None):
        return None
    return lambda reading, value, path: reading.mapping(of, value, path)


def _several(reader: _Reader | None) -> _Reader | None:
    return reader and (lambda reading, value, path: reading.several(reader, value, path))


def _or_nothing(reader: _Reader | None) -> _Reader | None:
    return reader and (
        lambda reading, value, path: None if value is None else reader(reading, value, path)
    )


def _arranged(arrange: Callable[[object], object], reader: _Reader | None) -> _Reader:
    def found(reading: _Reading, value: object, path: str) -> object:
        long = reading.parsed(arrange, value, path)
        return long if long is _FAILED or reader is None else reader(reading, long, path)

    return found


def _chosen(choose: Callable[[object], object]) -> _Reader:
    def found(reading: _Reading, value: object, path: str) -> object:
        reader = _reader(choose(value))
        return value if reader is None else reader(reading, value, path)

    return found
