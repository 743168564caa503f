"""A value of the report model with every text in it rewritten.

The walk goes over the fields of the values, so that a field that is added later is rewritten too.
What is listed here as kept are our own words: without the list a user called ``invite`` would
change what a trace means.
"""

from enum import Enum
from typing import Any, Protocol, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from probe.diagnosis.explanation import Cause, CodeReference
from probe.plan.action import Account
from probe.plan.plan import Attempt
from probe.plan.repeats import count_of
from probe.report.model import Finding, RunReport
from probe.scenario.expectation import Bound, HeaderExpectation
from probe.scenario.notify_expectation import NotifyExpectation
from probe.scenario.rows import Row
from probe.scenario.sequence import SequencePattern
from probe.scenario.sound_expectation import HeardExpectation
from probe.scenario.sounds import Keys
from probe.scenario.source import Source
from probe.scenario.steps import Retry
from probe.trace.control import ControlRan
from probe.trace.media import Agreed, Digit, Heard, MediaReport, PayloadType, SourceChange
from probe.trace.route import DnsAnswer, NextHop
from probe.trace.trace import (
    AgentNote,
    Leg,
    MessageEvent,
    NameLookup,
    Trace,
    TransactionFailed,
    TransportChanged,
)
from probe.verdict.verdict import Measured, Mismatch


class Rewriter(Protocol):
    """What says otherwise what a text says."""

    def text(self, text: str) -> str:
        """Return a sentence rewritten."""
        ...

    def message(self, text: str) -> str:
        """Return a SIP message rewritten."""
        ...


_T = TypeVar("_T")

_KEPT: dict[type[object], frozenset[str]] = {
    RunReport: frozenset({"run_id", "versions", "folder"}),
    Finding: frozenset({"scenario", "file"}),
    Attempt: frozenset({"method", "direction", "retry", "provider"}),
    Account: frozenset({"name", "password", "transport", "tls_min", "codecs", "srtp"}),
    Row: frozenset({"story"}),
    Source: frozenset({"file"}),
    SequencePattern: frozenset(SequencePattern.__struct_fields__) - {"source"},
    Bound: frozenset({"text", "unit"}),
    HeaderExpectation: frozenset({"kind"}),
    NotifyExpectation: frozenset(
        {"state", "messages_waiting", "dialog_state", "direction", "basic"}
    ),
    HeardExpectation: frozenset({"what"}),
    Keys: frozenset({"way"}),
    Retry: frozenset({"on"}),
    Cause: frozenset({"id", "name"}),
    CodeReference: frozenset({"name", "defined_in", "provider"}),
    Mismatch: frozenset({"path"}),
    Measured: frozenset({"name", "bound", "state"}),
    Leg: frozenset({"agent"}),
    Trace: frozenset({"method", "agent"}),
    MessageEvent: frozenset({"transport"}),
    TransactionFailed: frozenset({"method", "deadline"}),
    NameLookup: frozenset({"error"}),
    DnsAnswer: frozenset({"kind", "code"}),
    NextHop: frozenset({"transport"}),
    TransportChanged: frozenset({"transport", "state", "tls"}),
    AgentNote: frozenset({"kind"}),
    ControlRan: frozenset({"control", "result"}),
    MediaReport: frozenset({"codec", "unmeasured", "direction", "srtp", "rx_ssrc"}),
    Agreed: frozenset({"direction", "codec", "srtp"}),
    PayloadType: frozenset({"codec"}),
    SourceChange: frozenset({"what"}),
    Heard: frozenset({"what", "countries"}),
    Digit: frozenset({"digit", "how"}),
}
"""Fields that hold words of ours or of a standard."""


def rewritten(value: _T, rewriter: Rewriter) -> _T:
    """Return a value with every text in it rewritten; enums, keys and numbers stay."""
    changed: object = value
    if isinstance(value, str) and not isinstance(value, Enum):
        changed = rewriter.text(value)
    elif isinstance(value, tuple):
        changed = tuple(rewritten(one, rewriter) for one in value)
    elif isinstance(value, dict):
        changed = {name: rewritten(one, rewriter) for name, one in value.items()}
    elif isinstance(value, Struct):
        changes = _changes(value, value.__struct_fields__, rewriter)
        if isinstance(value, Finding) and isinstance(row := changes["row"], Row):
            changes["scenario"] = f"{row.story}[{row.name}]{count_of(value.scenario)}"
        if isinstance(value, MessageEvent):
            changes["text"] = rewriter.message(value.text)
        changed = replace(value, **changes)
    return changed  # type: ignore[return-value]  # each branch keeps the type of its value


def _changes(value: object, names: tuple[str, ...], rewriter: Rewriter) -> dict[str, Any]:
    """Return the rewritten fields of a value, without those that are kept."""
    kept = next((_KEPT[kind] for kind in type(value).__mro__ if kind in _KEPT), frozenset())
    return {name: rewritten(getattr(value, name), rewriter) for name in names if name not in kept}
