"""The base of every model of a written file: keys it knows, and where each value stands."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, get_args

from pydantic import BaseModel, ConfigDict, Field, SkipValidation, ValidationInfo, model_validator
from pydantic.annotated_handlers import GetCoreSchemaHandler
from pydantic_core import core_schema

from probe.scenario.source import (
    NOWHERE,
    Located,
    LocatedMap,
    Problem,
    Source,
    quoted,
    refuse,
    suggestion,
)


class Parsed:
    """Says in an annotation which function reads the field; pydantic adds nothing of its own."""

    def __init__(self, read: Callable[[Any], object]) -> None:
        self.read = read

    def __get_pydantic_core_schema__(
        self, source_type: object, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        del handler  # the type beside us is what `read` returns, not something to check again
        schema = core_schema.no_info_plain_validator_function(
            self.read,
            serialization=core_schema.to_string_ser_schema() if _is_own_type(source_type) else None,
        )
        if types.NoneType in get_args(source_type):
            return core_schema.nullable_schema(schema)
        return schema


def _is_own_type(source_type: object) -> bool:
    """Say whether JSON cannot hold the value, so that a dump must show its text."""
    found = [t for t in (source_type, *get_args(source_type)) if isinstance(t, type)]
    return any(t.__module__.startswith(("probe.", "pydantic.")) for t in found)


class Written(BaseModel):
    """A part of a file as a user wrote it."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    sources: Annotated[dict[str, Source], SkipValidation] = Field(
        default_factory=dict, exclude=True, repr=False
    )

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
        return tuple(
            str(field.validation_alias or name)
            for name, field in cls.model_fields.items()
            if name not in cls.inner
        )

    def source(self, path: str = "") -> Source:
        """Return where `path` stands: the value, or the nearest part around it that was written."""
        while path and path not in self.sources:
            path = path.rpartition(".")[0]
        return self.sources.get(path, NOWHERE)

    @model_validator(mode="before")
    @classmethod
    def _look_at_keys(cls, data: object, info: ValidationInfo) -> object:
        """Note unknown keys, later keys and empty values in the context, and go on without them."""
        if isinstance(data, Located):
            hint = f"for example: {cls.example}" if cls.example else None
            raise refuse(data, f"expected keys and values, found {quoted(data)}", hint)
        if not isinstance(data, LocatedMap):
            return data
        problems: list[Problem] = info.context if info.context is not None else []
        keys = cls.keys()
        fields = {str(f.validation_alias or n): f for n, f in cls.model_fields.items()}
        kept: dict[str, object] = {**data.given, "sources": data.sources}
        for key, value in data.items():
            if key not in keys:
                problems.append(cls._unknown(key, keys))
            elif value is None and key not in cls.may_be_empty:
                if fields[key].is_required():
                    kept[str(key)] = None  # its reader says so
                else:
                    problems.append(nothing_after(key))
            else:
                kept[str(key)] = value
        return kept

    @classmethod
    def _unknown(cls, key: Located, keys: tuple[str, ...]) -> Problem:
        if key in cls.later:
            return not_yet(key, cls.later[key])
        return Problem(
            source=key.source, message=f"unknown key {quoted(key)}", hint=suggestion(key, keys)
        )


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
