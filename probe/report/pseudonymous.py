"""A report in which nobody is named: every text of it is rewritten, after everything was judged.

The walk goes over the fields of the values, so that a field that is added later is rewritten too.
What is listed here as kept are our own words: without the list a user called ``invite`` would
change what a trace means.
"""

import re
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import TypeVar

from probe.diagnosis.explanation import Cause, CodeReference
from probe.plan.action import Account
from probe.plan.plan import Attempt
from probe.report.model import Finding, RunReport
from probe.scenario.expectation import Bound, Expectation, HeaderExpectation, SdpExpectation
from probe.scenario.rows import Row
from probe.scenario.sequence import SequencePattern
from probe.scenario.source import Source
from probe.sip.pseudonym import Pseudonyms
from probe.trace.control import ControlRan
from probe.trace.media import MediaReport
from probe.trace.route import DnsAnswer, NextHop
from probe.trace.trace import (
    AgentNote,
    IcmpReceived,
    Leg,
    MessageEvent,
    NameLookup,
    Trace,
    TransactionFailed,
    TransportChanged,
)
from probe.verdict.verdict import Measured, Mismatch

_T = TypeVar("_T")

_KEPT: dict[type[object], frozenset[str]] = {
    RunReport: frozenset({"run_id", "versions", "folder"}),
    Finding: frozenset({"scenario", "file"}),
    Attempt: frozenset({"method", "direction", "retry", "provider"}),
    Account: frozenset({"name", "password", "transport", "tls_min", "codecs", "srtp"}),
    Row: frozenset({"story"}),
    Source: frozenset({"file"}),
    SequencePattern: frozenset(f.name for f in fields(SequencePattern)) - {"source"},
    Bound: frozenset({"text", "unit"}),
    HeaderExpectation: frozenset({"kind"}),
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
    MediaReport: frozenset({"codec"}),
}
"""Fields that hold words of ours or of a standard."""


def pseudonymous(report: RunReport, pseudonyms: Pseudonyms) -> RunReport:
    """Return a report without real numbers, addresses and host names (probe/sip/pseudonym.py)."""
    pseudonyms.learn_host(report.vantage)
    for finding in report.findings:
        account = finding.attempt.account
        if account is not None:
            learn_account(account, pseudonyms)
        for number in _numbers(finding.row):
            pseudonyms.learn_user(number)
        pseudonyms.learn(f"{finding.attempt.label}\n{finding.attempt.source.text}")
        for one in finding.tries:
            _learn_trace(one.trace, pseudonyms)
    for trace in report.cleanup:
        _learn_trace(trace, pseudonyms)
    return _rewritten(report, pseudonyms)


def learn_account(account: Account, pseudonyms: Pseudonyms) -> None:
    """Take note of what an account says of its owner, before anything of it is printed."""
    for user in (account.user, account.auth_user, account.caller_id or ""):
        pseudonyms.learn_user(user.rpartition("sip:")[2].partition("@")[0])
    pseudonyms.learn_host(account.host)
    for text in (account.aor, account.registrar, account.proxy, account.nameserver):
        pseudonyms.learn(text or "")


def _numbers(row: Row | None) -> tuple[str, ...]:
    """Return the values of a row that are numbers; a word there may be anything."""
    values = row.values if row else ()
    return tuple(value for _, value in values if re.fullmatch(r"\+?\d{3,}", value))


def _learn_trace(trace: Trace, pseudonyms: Pseudonyms) -> None:
    """Take note of what stands in a trace."""
    for event in (event for view in trace.views() for event in view.events):
        match event:
            case MessageEvent():
                pseudonyms.learn(f"{event.text}\n{event.local}\n{event.remote}")
            case NameLookup():
                pseudonyms.learn_host(event.name)
                for address in event.addresses:
                    pseudonyms.learn_host(address)
            case DnsAnswer():
                pseudonyms.learn_host(event.name)
                for host in _hosts(event):
                    pseudonyms.learn_host(host)
                pseudonyms.learn("\n".join(event.servers))
            case NextHop():
                pseudonyms.learn_host(event.host)
                pseudonyms.learn(event.remote)
            case ControlRan():
                pseudonyms.learn("\n".join((event.target, *event.facts, *event.messages)))
            case IcmpReceived():
                pseudonyms.learn(f"{event.remote}\n{event.offender}")
            case _:
                pass  # nothing there has a place from which it could be known


def _hosts(event: DnsAnswer) -> list[str]:
    """Return the names that records lead to: the last word of SRV and NAPTR."""
    names = [record.split()[-1].rstrip(".") for record in event.records if record.split()]
    return [name for name in names if name]


def _rewritten(value: _T, pseudonyms: Pseudonyms) -> _T:
    """Return a value with every text in it rewritten; enums, keys and numbers stay."""
    changed: object = value
    if isinstance(value, str) and not isinstance(value, Enum):
        changed = pseudonyms.text(value)
    elif isinstance(value, tuple):
        changed = tuple(_rewritten(one, pseudonyms) for one in value)
    elif isinstance(value, dict):
        changed = {name: _rewritten(one, pseudonyms) for name, one in value.items()}
    elif isinstance(value, Expectation | SdpExpectation):
        parts = {name: getattr(value, name) for name in type(value).model_fields}
        changed = value.model_copy(update=_rewritten(parts, pseudonyms))
    elif is_dataclass(value) and not isinstance(value, type):
        kept = next((_KEPT[kind] for kind in type(value).__mro__ if kind in _KEPT), frozenset())
        changes = {
            field.name: _rewritten(getattr(value, field.name), pseudonyms)
            for field in fields(value)
            if field.init and field.name not in kept
        }
        if isinstance(value, Finding) and isinstance(row := changes["row"], Row):
            changes["scenario"] = f"{row.story}[{row.name}]"
        if isinstance(value, MessageEvent):
            changes["text"] = pseudonyms.message(value.text)
        changed = replace(value, **changes)
    return changed  # type: ignore[return-value]  # each branch keeps the type of its value
