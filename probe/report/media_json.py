"""The media report as JSON, and its schema: field by field, under the names of the report itself.

A fact that is absent is null: an empty text, a time of nothing.
"""

import ast
import inspect
import math
from collections.abc import Callable, Mapping
from functools import cache
from itertools import pairwise
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

from msgspec import Struct
from msgspec.structs import asdict

from probe.trace import media
from probe.trace.media import MediaReport
from probe.verdict.verdict import MediaMeasured

Schema = dict[str, Any]

OF_THE_FIRST_VERSION = (
    *("codec", "rx_packets", "rx_lost", "rx_reordered", "rx_duplicates", "rx_jitter_s"),
    *("tx_packets", "tx_lost", "rtt_s"),
)
"""Properties that were there from the first report on; the others joined the same version."""

_NOT_TOLD = frozenset({"call_id"})
_TYPES = {int: "integer", float: "number", str: "string", bool: "boolean"}


def media_to_json(report: MediaReport, text: Callable[[str], str]) -> dict[str, object]:
    """Return the report as JSON values; ``text`` makes words of others fit to be shown."""
    told = asdict(report)
    for name in _NOT_TOLD:
        del told[name]
    for name, held in told.items():
        kind = type(held)
        if kind is float:
            told[name] = round(held, 6) if math.isfinite(held) else None
        elif kind is not int and held is not None and kind is not bool:
            told[name] = _value(held, text)
    return told


def bound_to_json(one: MediaMeasured, text: Callable[[str], str]) -> dict[str, object]:
    """Return a bound on audio with its value."""
    return {
        "agent": text(one.agent) or None,
        "name": one.name,
        "value": _value(one.value, text),
        "unit": one.unit or None,
        "bound": text(one.bound),
        "state": one.state,
    }


def _value(held: object, text: Callable[[str], str]) -> object:
    if isinstance(held, str):
        return text(held) or None
    if isinstance(held, float):
        return round(held, 6) if math.isfinite(held) else None
    if isinstance(held, tuple):
        return [_value(one, text) for one in held]
    if isinstance(held, Struct):
        return {name: _value(getattr(held, name), text) for name in held.__struct_fields__}
    return held


def stream_schema() -> Schema:
    """Return the schema of one media report."""
    schema = _object(MediaReport)
    for name in _NOT_TOLD:
        del schema["properties"][name]
    schema["required"] = list(OF_THE_FIRST_VERSION)
    return schema


def bound_schema() -> Schema:
    """Return the schema of a bound on audio."""
    schema = _object(MediaMeasured)
    schema["properties"]["state"] = {"enum": ["ok", "warn", "fail", "none"]}
    schema["properties"]["unit"] = {
        "enum": ["s", "%", None],
        "description": "null for a plain number.",
    }
    return schema


def _object(kind: Any) -> Schema:  # noqa: ANN401 - a class of values
    lines = _lines()[kind.__name__] if kind.__module__ == media.__name__ else {}
    hints = get_type_hints(kind)
    names = kind.__struct_fields__
    properties = {name: _property(hints[name], lines.get(name, "")) for name in names}
    return {"type": "object", "properties": properties, "required": list(properties)}


def _property(hint: Any, line: str) -> Schema:  # noqa: ANN401 - an annotation
    """Return the schema of a field from its annotation and the line under it."""
    about: Schema = {"description": line} if line else {}
    if get_origin(hint) is tuple:
        part = get_args(hint)[0]
        items = _object(part) if hasattr(part, "__struct_fields__") else _property(part, "")
        return {"type": "array", "items": items, **about}
    kinds = [kind for kind in (get_args(hint) or (hint,)) if kind is not NoneType]
    names = [_TYPES[kind] for kind in kinds]
    # An empty text and a number that is none are absent, and absent is null.
    may_lack = NoneType in get_args(hint) or {str, float} & set(kinds)
    whole = {"minimum": 0} if kinds == [int] else {}
    return {"type": [*names, "null"] if may_lack else names[0], **whole, **about}


@cache
def _lines() -> Mapping[str, dict[str, str]]:
    """Return the line under each field of the classes of probe/trace/media.py."""
    tree = ast.parse(inspect.getsource(media))
    return {
        node.name: {
            field.target.id: " ".join(line.value.value.replace("``", "").split())
            for field, line in pairwise(node.body)
            if isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(line, ast.Expr)
            and isinstance(line.value, ast.Constant)
            and isinstance(line.value.value, str)
        }
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    }
