"""A report in which nobody is named: every text of it is rewritten, after everything was judged."""

import re

from msgspec.structs import replace

from probe.plan.action import Account
from probe.report.kept import changed
from probe.report.model import RunReport
from probe.report.rewritten import rewritten
from probe.scenario.rows import Row
from probe.sip.pseudonym import Pseudonyms
from probe.trace.control import ControlRan
from probe.trace.route import DnsAnswer, NextHop
from probe.trace.trace import IcmpReceived, MessageEvent, NameLookup, Trace


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
    said = rewritten(replace(report, findings=(), cleanup=()), pseudonyms)
    return changed(
        replace(said, findings=report.findings, cleanup=report.cleanup),
        finding=lambda one: rewritten(one, pseudonyms),
        trace=lambda one: rewritten(one, pseudonyms),
    )


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
