"""Values as bytes and back, for the time that they are put away.

Records are packed by msgspec, whose types say how to read them: a finding takes a tenth of what
pickle takes. What it cannot carry is pickled: what a scenario file expects (once for rows that
expect the same), bytes of the wire that are no UTF-8, and values of any other kind. Nobody but the
process that packed it reads it.
"""

import pickle
from collections.abc import Callable
from struct import Struct as Layout
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import asdict, replace

from probe.plan.any_action import AnyAction
from probe.plan.plan import Attempt
from probe.report.model import Finding
from probe.report.remembered import Remembered
from probe.trace.plain import plain
from probe.trace.trace import Trace

_T = TypeVar("_T")


class Packing(Struct, Generic[_T], frozen=True, kw_only=True):
    """How values of one kind become bytes."""

    pack: Callable[[_T], bytes]
    "Return the bytes of a value. A text in it can be found in them, in UTF-8."

    unpack: Callable[[bytes], _T]
    "Return the value that ``pack`` was given."


class _Attempt(Attempt, frozen=True, kw_only=True):
    """An attempt as it is packed: what it expects is pickled beside it."""

    action: AnyAction
    prepares: tuple[AnyAction, ...] = ()
    expectation: None = None
    retry: None = None


class _Finding(Finding, frozen=True, kw_only=True):
    """A finding as it is packed."""

    attempt: _Attempt


_LENGTH = Layout("<I")
"""Before what msgspec packed: its length; 0 where all of the value is a pickle."""

_ENCODER = msgspec.msgpack.Encoder(enc_hook=plain)
_FINDING = msgspec.msgpack.Decoder(_Finding)
_TRACE = msgspec.msgpack.Decoder(Trace)


def _pickled(value: object) -> bytes:
    return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)


_promised: Remembered[tuple[Any, Any], bytes] = Remembered(_pickled)
_promise: Remembered[bytes, tuple[Any, Any]] = Remembered(pickle.loads)


def _parts(data: bytes) -> tuple[memoryview, memoryview]:
    """Return what msgspec packed, empty where it is nothing, and what was pickled."""
    (length,) = _LENGTH.unpack_from(data)
    view = memoryview(data)[_LENGTH.size :]
    return view[:length], view[length:]


def _joined(record: bytes, rest: bytes) -> bytes:
    return b"".join((_LENGTH.pack(len(record)), record, rest))


def _finding_packed(finding: Finding) -> bytes:
    attempt = finding.attempt
    bare = replace(finding, attempt=replace(attempt, expectation=None, retry=None))
    try:
        return _joined(_ENCODER.encode(bare), _promised((attempt.expectation, attempt.retry)))
    except UnicodeEncodeError:
        return _joined(b"", _pickled(finding))


def _finding_unpacked(data: bytes) -> Finding:
    record, rest = _parts(data)
    if not record:
        return pickle.loads(rest)  # type: ignore[no-any-return]  # noqa: S301 - packed by this process
    found = _FINDING.decode(record)
    expectation, retry = _promise(bytes(rest))
    attempt = {**asdict(found.attempt), "expectation": expectation, "retry": retry}
    return Finding(**{**asdict(found), "attempt": Attempt(**attempt)})


def _trace_packed(trace: Trace) -> bytes:
    try:
        return _joined(_ENCODER.encode(trace), b"")
    except UnicodeEncodeError:
        return _joined(b"", _pickled(trace))


def _trace_unpacked(data: bytes) -> Trace:
    record, rest = _parts(data)
    if not record:
        return pickle.loads(rest)  # type: ignore[no-any-return]  # noqa: S301 - as above
    return _TRACE.decode(record)


ANYTHING: Packing[Any] = Packing(pack=_pickled, unpack=pickle.loads)
FINDINGS: Packing[Finding] = Packing(pack=_finding_packed, unpack=_finding_unpacked)
TRACES: Packing[Trace] = Packing(pack=_trace_packed, unpack=_trace_unpacked)
