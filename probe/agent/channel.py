"""The pipe between the supervisor and a worker: one JSON object a line.

JSON and not pickle: a worker handles hostile input in native code, so what comes out of it is
data to be checked, never code to be run. A value of a known kind is an object with its class name
under ``type``, and every field of it is of the type that the class says.

Lines are written and read in C. What JSON as UTF-8 has no word for takes the longer way over
Python's own ``json``: bytes of the wire that are no UTF-8 (lone surrogates, PEP 383), and figures
that are none (NaN).
"""

import json
from functools import reduce
from operator import or_
from typing import Any, get_args

import msgspec
from msgspec import Struct

from probe.plan.action import Account
from probe.plan.any_action import AnyAction
from probe.plan.capabilities import Capabilities
from probe.trace.media import MediaReport
from probe.trace.plain import has_figures, plain
from probe.trace.trace import Event


class _Mapping(Struct, frozen=True, tag="mapping", tag_field="type"):
    """An object that is no record, such as the first line of a journal."""

    held: dict[str, Any]


VALUES: tuple[type[Struct], ...] = (
    Account,
    Capabilities,
    MediaReport,
    *get_args(AnyAction),
    *get_args(Event),
)
"""What travels, beside plain values and tuples of both."""

_PLAIN: Any = str | int | float | bool | None
_ONE: Any = reduce(or_, (*VALUES, _Mapping), _PLAIN)
_ANY: Any = _ONE | tuple[_ONE, ...]


class _Held(Struct, frozen=True):
    """One field of a message: msgspec remembers how to read it where it stands in a class."""

    value: _ANY


class ChannelError(ValueError):
    """A line that is not a message of this channel."""


def encode(kind: str, **fields: object) -> bytes:
    """Return one line: ``kind`` and its fields; values of the known types keep their type."""
    message: dict[str, object] = {"kind": kind}
    for name, value in fields.items():
        message[name] = _Mapping(value) if type(value) is dict else value
    if kind != "media" or all(map(has_figures, fields.values())):
        try:
            return _ENCODER.encode(message) + b"\n"
        except UnicodeEncodeError:
            pass
    return json.dumps(msgspec.to_builtins(message, enc_hook=plain)).encode() + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """Read one line; raise ChannelError where it is not a message of this channel."""
    try:
        found: dict[str, Any] = _DECODER.decode(line)
    except (msgspec.DecodeError, RecursionError):
        return _read(line)
    if type(found.get("kind")) is not str:
        raise ChannelError(f"no kind: {line[:80]!r}")
    for name, value in found.items():
        if type(value) is _Mapping:
            found[name] = value.held
    return found


def decode_lines(lines: bytes) -> list[dict[str, Any] | ChannelError]:
    """Read whole lines; one that is not a message is its error."""
    try:
        told: list[dict[str, Any]] = _DECODER.decode_lines(lines)
    except (msgspec.DecodeError, RecursionError):
        told = []
    if len(told) == lines.count(b"\n") and all(map(_is_plain, told)):
        return [*told]
    found: list[dict[str, Any] | ChannelError] = []
    for line in lines.split(b"\n")[:-1]:
        try:
            found.append(decode(line))
        except ChannelError as error:
            found.append(error)
    return found


def _is_plain(message: dict[str, Any]) -> bool:
    """Whether a message names its kind and holds nothing that ``decode`` would unwrap."""
    return type(message.get("kind")) is str and not any(
        type(value) is _Mapping for value in message.values()
    )


def _read(line: bytes) -> dict[str, Any]:
    """Read a line the longer way: it says what is wrong, or that nothing is."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ChannelError(f"not JSON: {line[:80]!r}") from error
    if not isinstance(found, dict) or not isinstance(found.get("kind"), str):
        raise ChannelError(f"no kind: {line[:80]!r}")
    return {name: _value(name, value) for name, value in found.items()}


def _value(name: str, value: object) -> object:
    """Return a field of a message."""
    try:
        held = msgspec.convert({"value": value}, _Held).value
    except (msgspec.ValidationError, RecursionError) as error:
        raise ChannelError(f"{name} is of no use: {error}") from error
    return held.held if type(held) is _Mapping else held


_ENCODER = msgspec.json.Encoder(enc_hook=plain)
_DECODER = msgspec.json.Decoder(dict[str, _ANY])
