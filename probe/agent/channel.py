"""The pipe between the supervisor and a worker: one JSON object a line.

JSON and not pickle: a worker handles hostile input in native code, so what comes out of it is
data to be checked, never code to be run.
"""

import json
from enum import Enum
from typing import Any

from msgspec import Struct

from probe.plan import action as actions
from probe.plan import asks
from probe.plan.capabilities import Capabilities
from probe.trace import media
from probe.trace import trace as events
from probe.trace.failure import Failure
from probe.trace.route import DnsAnswer, NextHop

_VALUES: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        actions.Account,
        actions.Register,
        actions.Unregister,
        actions.Call,
        actions.Cancel,
        actions.Hangup,
        actions.Talk,
        actions.Press,
        actions.Hear,
        actions.Wait,
        actions.Options,
        actions.Manner,
        actions.Expect,
        actions.Follow,
        actions.Take,
        actions.Hold,
        actions.Refresh,
        actions.Transfer,
        asks.Ask,
        asks.AskInCall,
        asks.Subscribe,
        asks.Unsubscribe,
        asks.Await,
        events.MessageSent,
        events.MessageReceived,
        events.TransactionFailed,
        events.IcmpReceived,
        events.NameLookup,
        DnsAnswer,
        NextHop,
        events.TransportChanged,
        events.BytesDropped,
        events.Stalled,
        events.AgentNote,
        media.Agreed,
        media.Digit,
        media.Echo,
        media.Gap,
        media.Heard,
        media.Likeness,
        media.MediaReport,
        media.MediaSlice,
        media.PayloadType,
        media.SourceChange,
        Capabilities,
    )
}


class ChannelError(ValueError):
    """A line that is not a message of this channel."""


def encode(kind: str, **fields: object) -> bytes:
    """Return one line: ``kind`` and its fields; values of the known types keep their type."""
    return json.dumps({"kind": kind, **{k: _plain(v) for k, v in fields.items()}}).encode() + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """Read one line; raise ChannelError where it is not a message of this channel."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ChannelError(f"not JSON: {line[:80]!r}") from error
    if not isinstance(found, dict) or not isinstance(found.get("kind"), str):
        raise ChannelError(f"no kind: {line[:80]!r}")
    return {key: _value(value) for key, value in found.items()}


def _plain(value: object) -> object:
    """Turn a value into what JSON can carry, with its type's name beside it."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Struct):
        fields = {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
        return {"is": type(value).__name__, **fields}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _value(value: object) -> object:
    """Undo ``_plain``."""
    if isinstance(value, list):
        return tuple(_value(item) for item in value)
    if isinstance(value, dict) and "is" in value:
        kind = _VALUES.get(str(value["is"]))
        if kind is None:
            raise ChannelError(f"unknown value: {value['is']!r}")
        fields = {key: _value(item) for key, item in value.items() if key != "is"}
        try:
            if kind is events.TransactionFailed:
                fields["failure"] = Failure(fields["failure"])
            return kind(**fields)
        except (TypeError, ValueError, KeyError) as error:
            raise ChannelError(f"not a {kind.__name__}: {error}") from error
    return value
