"""What the same run tried before: one attempt of a scenario is evidence for the next.

A call that passed a moment ago excludes what would have refused it too; one that is still up takes
a channel; one that began within the same second counts against a rate.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from probe.plan.action import Call
from probe.plan.plan import Attempt
from probe.sip.message import uri_user
from probe.trace.trace import MessageEvent, Trace


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """One earlier attempt of the same account in the same scenario."""

    label: str
    "The attempt in words."

    method: str
    "Its method."

    number: str
    "User part of what was called; empty for other methods."

    caller: str
    "User part of From; empty where nothing was sent."

    began: float
    "Seconds on the trace's clock when its first request left; all traces of a scenario share it."

    status: int | None
    "Its last status code, or None where none came."

    provisional: bool
    "Whether a provisional response beyond 100 came."

    refused_login: bool
    "Whether credentials of ours were refused."

    up: bool
    "Whether its call was answered and not yet ended when the later attempt began."

    size: int
    "Bytes of its largest request."


def earlier_of(
    attempt: Attempt, trace: Trace, ran: Iterable[tuple[Attempt, Trace]]
) -> tuple[Earlier, ...]:
    """Return what the account of an attempt tried before it, in order."""
    before = [
        (other, old)
        for other, old in ran
        if other.index < attempt.index and other.method and other.account == attempt.account
    ]
    ended = {
        message.call_id
        for _, old in before
        for _, event, message in old.messages()
        if message.method == "BYE" and event.at <= trace.began
    }
    return tuple(_summed_up(other, old, ended) for other, old in before)


def _summed_up(attempt: Attempt, trace: Trace, ended: set[str]) -> Earlier:
    final = trace.final()
    call_ids = {m.call_id for _, _, m in trace.messages() if m.method == "INVITE"}
    sent = trace.sent(trace.method)
    return Earlier(
        label=attempt.label,
        method=attempt.method,
        number=uri_user(attempt.action.target) if isinstance(attempt.action, Call) else "",
        caller=uri_user(trace.message(sent[0]).first("From")) if sent else "",
        began=trace.events[sent[0]].at if sent else trace.began,
        status=final.status if final else None,
        provisional=any(100 < r.status < 200 for r in trace.responses()),
        refused_login=trace.login_refused(),
        up=attempt.method == "INVITE"
        and final is not None
        and 200 <= final.status < 300
        and not call_ids & ended,
        size=max((len(e.text) for e in trace.events if isinstance(e, MessageEvent)), default=0),
    )
