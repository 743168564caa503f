"""The file form of a trace: plain JSON values and back, without loss.

One object holds the fields of Trace under their own names; an event is an object with its class
name under ``type``. Bytes that are no UTF-8 reach a trace as lone surrogates (PEP 383), which many
JSON readers refuse: such a text is stored readable, with U+FFFD in their place, and beside it
under ``NAME_base64`` byte for byte.
"""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from enum import Enum
from functools import cache
from types import UnionType
from typing import Any, Union, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Raw, Struct, ValidationError, convert
from msgspec.structs import FieldInfo, fields, replace

from probe.sip.redact import Redactor
from probe.trace.control import ControlRan
from probe.trace.media import MediaReport
from probe.trace.plain import has_figures, plain
from probe.trace.route import DnsAnswer, NextHop
from probe.trace.trace import (
    AgentNote,
    BytesDropped,
    Event,
    Leg,
    MessageEvent,
    MessageReceived,
    MessageSent,
    NameLookup,
    Trace,
    TransactionFailed,
    TransportChanged,
)

SCHEMA = "sipprobe-trace/1"
"""Tag of the file form; a new number means that an old reader would misread it."""


class _Events(Struct, frozen=True):
    """The events of a trace: msgspec remembers how to read what stands in a class."""

    held: tuple[Event, ...]


class _Media(Struct, frozen=True):
    """The media reports of a trace."""

    held: tuple[MediaReport, ...]


_EVENTS: dict[str, type[Event]] = {kind.__name__: kind for kind in get_args(Event)}

_WORDS_OF_OTHERS: dict[type[object], tuple[str, ...]] = {
    MessageSent: ("text",),
    MessageReceived: ("text",),
    TransactionFailed: ("call_id", "detail"),
    NameLookup: ("name", "detail"),
    DnsAnswer: ("name", "records"),
    NextHop: ("host", "left"),
    TransportChanged: ("error", "certificate"),
    BytesDropped: ("detail",),
    AgentNote: ("detail",),
    ControlRan: ("target", "detail", "facts", "messages"),
    MediaReport: ("call_id",),
}
"""Fields that hold words of the peer, the stack or the kernel: where a secret could stand."""


_ENCODER = msgspec.json.Encoder(enc_hook=plain)

_PARTS = ("events", "media", "legs")
"""Fields of a trace that hold objects."""


class StoredTraceError(ValueError):
    """A stored trace cannot be read: another schema, or a field that is missing or of no use."""


def trace_to_json(trace: Trace) -> dict[str, object]:
    """Return a trace as values that ``json.dumps`` takes, without lone surrogates."""
    text = _in_c(trace)
    stored: dict[str, object] = _slowly(trace) if text is None else msgspec.json.decode(text)
    return stored


def trace_as_text(trace: Trace) -> bytes:
    """Return a trace as one JSON object in UTF-8."""
    text = _in_c(trace)
    return json.dumps(_slowly(trace)).encode("ascii") if text is None else text


def _in_c(trace: Trace) -> bytes | None:
    """Return a trace as msgspec writes it; None where it holds what UTF-8 and JSON cannot say."""
    legs = [_in_c(leg.trace) for leg in trace.legs]
    if None in legs or not has_figures(trace.media):
        return None
    told = {
        "schema": SCHEMA,
        "attempt": trace.attempt,
        "method": trace.method,
        "agent": trace.agent,
        "started_at": trace.started_at.isoformat(),
        "began": trace.began,
        "ended": trace.ended,
        "our_cancel": trace.our_cancel,
        "serving": trace.serving,
        "events": trace.events,
        "media": trace.media,
        "legs": [
            {"agent": leg.agent, "registered": leg.registered, "trace": Raw(text or b"")}
            for leg, text in zip(trace.legs, legs, strict=True)
        ],
    }
    try:
        return _ENCODER.encode(told)
    except UnicodeEncodeError:
        return None


def _slowly(trace: Trace) -> dict[str, object]:
    """Return a trace as values that ``json.dumps`` takes, text by text and figure by figure."""
    return {
        "schema": SCHEMA,
        **_fields_to_json(trace, skip=_PARTS),
        "events": [{"type": type(e).__name__, **_fields_to_json(e)} for e in trace.events],
        "media": [{"type": "MediaReport", **_fields_to_json(report)} for report in trace.media],
        "legs": [
            {
                "agent": leg.agent,
                "registered": leg.registered,
                "trace": _slowly(leg.trace),
            }
            for leg in trace.legs
        ],
    }


def trace_from_json(stored: Mapping[str, object]) -> Trace:
    """Return the trace that trace_to_json stored; raise StoredTraceError where it cannot be read.

    Unknown fields are passed over: a newer version may have added them under the same schema.
    """
    if stored.get("schema") != SCHEMA:
        raise StoredTraceError(f"expected a trace of schema {SCHEMA}, got {stored.get('schema')!r}")
    own = _fields_from_json(Trace, stored, "trace", skip=_PARTS)
    return Trace(**own, events=_events(stored), media=_media(stored), legs=_legs(stored))


def _events(stored: Mapping[str, object]) -> tuple[Event, ...]:
    """Return the events of a trace; raise StoredTraceError."""
    entries = _objects(stored, "events")
    if _as_they_are(entries):
        with suppress(ValidationError):  # the longer way says what is wrong, and where
            return convert({"held": entries}, _Events).held
    events: list[Event] = []
    for place, entry in enumerate(entries):
        kind = _EVENTS.get(str(entry.get("type")))
        if kind is None:
            raise StoredTraceError(f"events[{place}]: unknown type {entry.get('type')!r}")
        events.append(kind(**_fields_from_json(kind, entry, f"events[{place}]")))
    return tuple(events)


def _media(stored: Mapping[str, object]) -> tuple[MediaReport, ...]:
    """Return the media reports of a trace; raise StoredTraceError."""
    entries = _objects(stored, "media")
    if _as_they_are(entries):
        with suppress(ValidationError):  # as above
            return convert({"held": entries}, _Media).held
    return tuple(
        MediaReport(**_fields_from_json(MediaReport, entry, f"media[{place}]"))
        for place, entry in enumerate(entries)
    )


def _as_they_are(entries: list[Mapping[str, object]]) -> bool:
    """Whether no text was stored beside itself in base64."""
    return not any(name.endswith("_base64") for entry in entries for name in entry)


def _legs(stored: Mapping[str, object]) -> tuple[Leg, ...]:
    """Return what other agents saw; a trace of an older version has none."""
    if "legs" not in stored:
        return ()
    found = []
    for place, entry in enumerate(_objects(stored, "legs")):
        trace = entry.get("trace")
        if not isinstance(entry.get("agent"), str) or not isinstance(trace, dict):
            raise StoredTraceError(f"legs[{place}]: agent or trace is missing")
        found.append(
            Leg(
                agent=str(entry["agent"]),
                trace=trace_from_json(trace),
                registered=entry.get("registered") is not False,
            )
        )
    return tuple(found)


def redact_trace(trace: Trace, redactor: Redactor) -> Trace:
    """Return the trace without secrets, events at the same indices and as equal as before.

    One that holds none is returned itself, with all that was read of it already.
    """
    if redactor.harmless("\n".join(_words_of_others(trace))):
        return trace
    return replace(
        trace,
        attempt=redactor.text(trace.attempt),
        events=tuple(_redacted(event, redactor) for event in trace.events),
        media=tuple(_redacted(report, redactor) for report in trace.media),
        legs=tuple(replace(leg, trace=redact_trace(leg.trace, redactor)) for leg in trace.legs),
    )


def _words_of_others(trace: Trace) -> Iterator[str]:
    """Yield every text of a trace in which a secret could stand."""
    yield trace.attempt
    for value in (*trace.events, *trace.media):
        if isinstance(value, MessageEvent):
            yield value.text
            continue
        for name in _WORDS_OF_OTHERS.get(type(value), ()):
            held = getattr(value, name)
            if isinstance(held, str):
                yield held
            else:
                yield from held
    for leg in trace.legs:
        yield from _words_of_others(leg.trace)


def _redacted(value: Any, redactor: Redactor) -> Any:  # noqa: ANN401 - any event, the same back
    """Return an event or a media report without secrets."""
    changes: dict[str, object] = {}
    for name in _WORDS_OF_OTHERS.get(type(value), ()):
        whole = isinstance(value, MessageEvent) or name == "messages"
        clean: Callable[[str], str] = redactor.message if whole else redactor.text
        held = getattr(value, name)
        changes[name] = clean(held) if isinstance(held, str) else tuple(map(clean, held))
    return replace(value, **changes)


def _fields_to_json(value: Any, skip: tuple[str, ...] = ()) -> dict[str, object]:  # noqa: ANN401
    """Return the fields of a record as JSON values."""
    stored: dict[str, object] = {}
    for name in value.__struct_fields__:
        if name in skip:
            continue
        held = getattr(value, name)
        if isinstance(held, str):
            stored[name], lossless = _text_to_json(held)
            if lossless is not None:
                stored[f"{name}_base64"] = lossless
        elif isinstance(held, tuple) and any(isinstance(one, Struct) for one in held):
            stored[name] = [_fields_to_json(one) for one in held]
        elif isinstance(held, tuple):
            pairs = [_text_to_json(text) for text in held]
            stored[name] = [shown for shown, _ in pairs]
            if any(lossless is not None for _, lossless in pairs):
                stored[f"{name}_base64"] = [_base64(text) for text in held]
        elif isinstance(held, Enum):
            stored[name] = held.value
        elif isinstance(held, datetime):
            stored[name] = held.isoformat()
        else:
            stored[name] = held
    return stored


def _text_to_json(text: str) -> tuple[str, str | None]:
    """Return a text without lone surrogates, and its bytes in base64 where it had any."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raw = text.encode("utf-8", "surrogateescape")
        return raw.decode("utf-8", "replace"), _base64(text)
    return text, None


def _base64(text: str) -> str:
    """Return the bytes of a text in base64."""
    return base64.b64encode(text.encode("utf-8", "surrogateescape")).decode("ascii")


def _fields_from_json(
    kind: type[Struct], stored: Mapping[str, object], place: str, skip: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return the constructor arguments of a record from JSON values."""
    found: dict[str, Any] = {}
    for field in _fields(kind):
        if field.name in skip:
            continue
        if field.name not in stored:
            if field.default is not NODEFAULT:
                continue
            raise StoredTraceError(f"{place}: {field.name} is missing")
        held = stored.get(f"{field.name}_base64", stored[field.name])
        try:
            found[field.name] = _value_from_json(
                field.type, held, encoded=f"{field.name}_base64" in stored
            )
        except ValueError as error:
            raise StoredTraceError(f"{place}: {field.name} cannot be read: {error}") from error
    return found


@cache
def _fields(kind: type[Struct]) -> tuple[FieldInfo, ...]:
    """Return the fields of a record with the types that they are to have."""
    return fields(kind)


def _value_from_json(wanted: object, held: object, *, encoded: bool) -> object:
    """Return one field's value; raise ValueError where it is not of the field's type."""
    if get_origin(wanted) is tuple:
        if not isinstance(held, list):
            raise ValueError("not a list")
        kind = get_args(wanted)[0]
        if issubclass(kind, Struct):
            return tuple(_part_from_json(kind, entry) for entry in held)
        return tuple(_text(entry, encoded=encoded) for entry in held)
    choices = get_args(wanted) if get_origin(wanted) in {Union, UnionType} else (wanted,)
    value = held
    words = [c for c in choices if isinstance(c, type) and issubclass(c, Enum)]
    if words:
        value = words[0](held)
    elif datetime in choices:
        value = datetime.fromisoformat(_text(held))
    elif float in choices and type(held) is int:
        value = float(held)
    elif str in choices and held is not None:
        value = _text(held, encoded=encoded)
    if type(value) not in choices:
        raise ValueError(f"a {type(value).__name__} is of no use here")
    return value


def _part_from_json(kind: Any, held: object) -> object:  # noqa: ANN401 - a class of values
    """Return one value of a list; raise ValueError where it is none of that kind."""
    if not isinstance(held, dict):
        raise ValueError("not an object")  # noqa: TRY004 - told to the reader as a StoredTraceError
    return kind(**_fields_from_json(kind, held, kind.__name__))


def _text(held: object, *, encoded: bool = False) -> str:
    """Return a text, from base64 where it was stored so; raise ValueError where it is none."""
    if not isinstance(held, str):
        raise ValueError("not a text")  # noqa: TRY004 - told to the reader as a StoredTraceError
    return base64.b64decode(held).decode("utf-8", "surrogateescape") if encoded else held


def _objects(stored: Mapping[str, object], name: str) -> list[Mapping[str, object]]:
    """Return a list of objects; raise StoredTraceError where it is none."""
    held = stored.get(name)
    if not isinstance(held, list) or not all(isinstance(entry, dict) for entry in held):
        raise StoredTraceError(f"{name} is not a list of objects")
    return held
