"""What the same run tried before: one attempt of a scenario is evidence for the next.

A call that passed a moment ago excludes what would have refused it too; one that is still up takes
a channel; one that began within the same second counts against a rate.
"""

from collections.abc import Iterable
from functools import cached_property

from msgspec import Struct
from msgspec.structs import replace

from probe.plan.action import Account, Call
from probe.plan.plan import Attempt
from probe.sip.message import uri_user
from probe.trace.trace import MessageEvent, Trace


class Earlier(Struct, frozen=True, kw_only=True):
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


class Company:
    """What the accounts of one scenario tried, each attempt summed up once.

    A scenario of thousands of attempts that fail asks for it thousands of times.
    """

    def __init__(self, ran: Iterable[tuple[Attempt, Trace]]) -> None:
        """Take each attempt with its last try, in order; nothing is read yet."""
        self._ran = [(attempt, trace) for attempt, trace in ran if attempt.method]

    def before(self, attempt: Attempt, began: float) -> tuple[Earlier, ...]:
        """Return what the account of an attempt that began then tried before it, in order."""
        return tuple(
            replace(one, up=False) if one.up and self._ended_by(calls, began) else one
            for other, one, calls in self._summed_up
            if other.index < attempt.index and _same(other.account, attempt.account)
        )

    def placed_by(self, agent: str, moment: float) -> tuple[Attempt, Trace] | None:
        """Return the last call that an agent placed before a moment and that was answered."""
        for attempt, trace in reversed(self._ran):
            placed = isinstance(attempt.action, Call) and attempt.action.account == agent
            final = trace.final() if placed and trace.began < moment else None
            if final is not None and 200 <= final.status < 300:
                return attempt, trace
        return None

    def _ended_by(self, calls: frozenset[str], moment: float) -> bool:
        return any(self._ends.get(call, float("inf")) <= moment for call in calls)

    @cached_property
    def _ends(self) -> dict[str, float]:
        """When each call ended: its first BYE."""
        found: dict[str, float] = {}
        for _, trace in self._ran:
            for _, event, message in trace.messages():
                if message.method == "BYE":
                    known = found.get(message.call_id, event.at)
                    found[message.call_id] = min(known, event.at)
        return found

    @cached_property
    def _summed_up(self) -> list[tuple[Attempt, Earlier, frozenset[str]]]:
        """Each attempt with its summary, as if its call were up still, and its Call-IDs."""
        return [(attempt, *_summed_up(attempt, trace)) for attempt, trace in self._ran]


def _same(one: Account | None, other: Account | None) -> bool:
    return one is other or one == other


def earlier_of(
    attempt: Attempt, trace: Trace, ran: Iterable[tuple[Attempt, Trace]] | Company
) -> tuple[Earlier, ...]:
    """Return what the account of an attempt tried before it, in order."""
    company = ran if isinstance(ran, Company) else Company(ran)
    return company.before(attempt, trace.began)


def _summed_up(attempt: Attempt, trace: Trace) -> tuple[Earlier, frozenset[str]]:
    final = trace.final()
    call_ids = frozenset(m.call_id for _, _, m in trace.messages() if m.method == "INVITE")
    sent = trace.sent(trace.method)
    summary = Earlier(
        label=attempt.label,
        method=attempt.method,
        number=uri_user(attempt.action.target) if isinstance(attempt.action, Call) else "",
        caller=uri_user(trace.message(sent[0]).first("From")) if sent else "",
        began=trace.events[sent[0]].at if sent else trace.began,
        status=final.status if final else None,
        provisional=any(100 < r.status < 200 for r in trace.responses()),
        refused_login=trace.login_refused(),
        up=attempt.method == "INVITE" and final is not None and 200 <= final.status < 300,
        size=max((len(e.text) for e in trace.events if isinstance(e, MessageEvent)), default=0),
    )
    return summary, call_ids
