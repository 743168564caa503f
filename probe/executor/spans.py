"""Cuts the logs of a plan's workers into one trace a try."""

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from probe.plan.action import Call, Cancel, Expect, Hangup, Hold, Refresh, Take, Transfer
from probe.plan.asks import Await
from probe.plan.plan import Attempt, Plan
from probe.trace.builder import EventLog
from probe.trace.media import MediaReport
from probe.trace.trace import (
    UNEXPECTED,
    AgentNote,
    Event,
    Leg,
    MessageSent,
    Trace,
    TransactionFailed,
)

_INSIDE = Hangup | Hold | Refresh | Transfer


class Span(Struct, kw_only=True):
    """Where one try of an attempt lies in its account's log."""

    attempt: Attempt
    "What was tried."

    call_id: str | None = None
    "Call-ID of its messages, None where none was sent."

    left: tuple[str, ...] = ()
    "Call-IDs of its requests to servers that were left for the next one."

    began: float
    "Beginning, on the plan's clock."

    ended: float
    "End, on the plan's clock."


class Recording(Struct, frozen=True, kw_only=True):
    """What is the same for every trace of a plan."""

    agent: str
    "Name and version of the user agent."

    started_at: datetime
    "Aware UTC wall time at which the plan's clock was zero."


def cut(
    span: Span,
    log: EventLog,
    recording: Recording,
    media: tuple[MediaReport, ...] = (),
    *,
    our_cancel: bool = False,
) -> Trace:
    """Return the trace of one try.

    A call keeps every message of its Call-ID to the end of the scenario, because its BYE may come
    in a later step; so does a hang-up that had nothing to end, because why stands there. Anything
    else is what happened between its beginning and its end.
    """
    own = {call_id for call_id in (span.call_id, *span.left) if call_id}
    whole = log.about(own, span.began, span.ended)
    events = tuple(event for event in whole if span.began <= event.at <= span.ended)
    action = span.attempt.action
    if isinstance(action, Call | Take) or (
        isinstance(action, _INSIDE) and not _asks(events, span.attempt.method)
    ):
        events = whole
    return Trace(
        attempt=span.attempt.label,
        method=span.attempt.method,
        agent=recording.agent,
        started_at=recording.started_at,
        began=span.began,
        ended=span.ended,
        events=events,
        media=tuple(report for report in media if report.call_id == span.call_id),
        our_cancel=our_cancel,
        serving=isinstance(action, Take | Await),
    )


def leg_of(  # noqa: PLR0913, PLR0917 - what is known of one agent
    expect: Expect,
    span: Span,
    until: float,
    log: EventLog,
    recording: Recording,
    media: tuple[MediaReport, ...] = (),
) -> Leg:
    """Return what an agent saw of the call that was to reach it.

    Calls that arrive from the beginning of the try on belong to it, until another step expects one
    at the same agent; each keeps its messages to the end of the scenario.
    """
    # An empty span of time: its messages, nothing beside.
    calls = log.arrived(span.began, until)
    events = log.about(calls, 1.0, 0.0)
    return Leg(
        agent=expect.account,
        registered=log.registered(span.began),
        trace=Trace(
            attempt=f"{expect.account}: {span.attempt.label}",
            method="INVITE",
            agent=recording.agent,
            started_at=recording.started_at,
            began=span.began,
            ended=max((span.ended, *(event.at for event in events))),
            events=events,
            media=tuple(report for report in media if report.call_id in calls),
            serving=True,
        ),
    )


def heard_in_talk(
    span: Span, trace: Trace, media_between: Callable[[str, float, float], tuple[MediaReport, ...]]
) -> Trace:
    """Return the trace of a talk, with the audio of each agent that the step names."""
    wanted = span.attempt.expectation
    agents = tuple(wanted.agents) if wanted is not None else ()
    return replace(
        trace,
        media=media_between(span.attempt.action.account, span.began, span.ended),
        legs=tuple(
            Leg(
                agent=agent,
                trace=replace(
                    trace,
                    attempt=f"{agent}: {trace.attempt}",
                    events=(),
                    media=media_between(agent, span.began, span.ended),
                ),
            )
            for agent in agents
        ),
    )


def unexpected_calls(logs: tuple[EventLog, ...]) -> tuple[str, ...]:
    """Return a sentence for each call that reached an agent and that no step expects."""
    return tuple(
        event.detail
        for log in logs
        for event in log.all()
        if isinstance(event, AgentNote) and event.kind == UNEXPECTED
    )


def _asks(events: tuple[Event, ...], method: str) -> bool:
    """Whether a request of ours with this method is among the events, sent or failed."""
    return any(
        (isinstance(event, MessageSent) and event.text.startswith(f"{method} "))
        or (isinstance(event, TransactionFailed) and event.method == method)
        for event in events
    )


def cut_rest(
    logs: tuple[EventLog, ...],
    judged: tuple[Trace, ...],
    began: float,
    ended: float,
    recording: Recording,
) -> Trace | None:
    """Return what happened from ``began`` on, and all that is in no judged trace, or None.

    After the last attempt comes the cleaning up. Before it there may be a successor's REGISTER, or
    a request of the peer while nothing was tried: a capture shows them, so the traces must too.
    """
    known = {id(event) for trace in judged for view in trace.views() for event in view.events}
    events = tuple(
        event for log in logs for event in log.all() if event.at >= began or id(event) not in known
    )
    if not events:
        return None
    return Trace(
        attempt="clean-up",
        method="REGISTER",
        agent=recording.agent,
        started_at=recording.started_at,
        began=min(began, *(event.at for event in events)),
        ended=ended,
        events=events,
    )


def opened_call_id(span: Span, log: EventLog) -> str | None:
    """Return the Call-ID that a try opened: that of the first request of its method."""
    for event in log.all():
        if isinstance(event, MessageSent) and event.at >= span.began:
            message = event.readable
            if message is not None and message.method == span.attempt.method:
                return message.call_id
    return None


def cancelled_later(plan: Plan) -> frozenset[int]:
    """Return the positions of the calls that a later step cancels."""
    return frozenset(
        attempt.action.call for attempt in plan.attempts if isinstance(attempt.action, Cancel)
    )


def is_cancelled(attempt: Attempt, later: frozenset[int]) -> bool:
    """Whether the scenario means a call to be cancelled; ``later`` is ``cancelled_later``."""
    action = attempt.action
    return isinstance(action, Call) and (action.ring_for is not None or attempt.index in later)
