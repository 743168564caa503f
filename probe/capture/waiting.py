"""What ended a request, or why the capture cannot say: RFC 3261's timers held against its length.

A capture that ends proves nothing about what came later. Silence is a failure where the timer ran
out inside the capture, or where our side is seen to give up; otherwise the question stays open.
"""

from msgspec import Struct

from probe.trace.failure import Failure
from probe.trace.icmp import icmp_failure, icmp_words
from probe.trace.trace import (
    CHALLENGES,
    IcmpReceived,
    Trace,
    Transaction,
    TransactionFailed,
    TransportChanged,
)

TIMER_B_S = 32.0
"""Timers B, F and H, 64 times T1 (RFC 3261 §17.1.1.2, §17.1.2.2, §13.3.1.4)."""

TIMER_C_S = 180.0
"""Longest ringing that a proxy must allow (RFC 3261 §16.6 step 11)."""

LOGIN_S = 5.0
"""A challenge is answered at once; what ends sooner after one may miss the answer."""

NO_RINGING_S = 10.0
"""A caller who gives up after so long without ringing gave up waiting, and did not misdial."""


class End(Struct, frozen=True, kw_only=True):
    """How a request ended."""

    failure: TransactionFailed | None = None
    "What ended it without a final response, or None."

    open: str = ""
    "Why it cannot be said; empty where it can."

    cancelled: bool = False
    "Whether our side ended the ringing of its own will."


def end_of(trace: Trace, captured_until: float) -> End:
    """Return how the request under test ended; ``captured_until`` is on the trace's clock."""
    own = [transaction for _, transaction in trace.client_transactions()]
    if not own:
        return End()
    finals = [i for i in own[-1].responses if (trace.message(i).status or 0) >= 200]
    cancel = _our_cancel(trace, own[-1])
    if finals:
        return _after_final(trace, own[-1], finals[-1], cancel, captured_until)
    broken = _broken(trace, own[-1])
    if broken is not None:
        return End(failure=broken)
    if not own[-1].responses:
        return _unanswered(trace, own[-1], captured_until)
    if cancel is not None:
        return _cancelled(trace, own[-1], cancel, captured_until)
    return _unfinished(trace, own[-1], captured_until)


def _after_final(
    trace: Trace, last: Transaction, final: int, cancel: int | None, captured_until: float
) -> End:
    status = trace.message(final).status or 0
    left = captured_until - trace.events[final].at
    if status in CHALLENGES and left < LOGIN_S and not trace.message(last.request).has_credentials:
        return End(open=f"the capture ends {_words(left)} after the {status}, before a login")
    if cancel is not None and status == 487:
        if _gave_up(trace, last, cancel):
            return End(failure=_given_up(trace, last, cancel))
        return End(cancelled=True)
    if last.method == "INVITE" and status < 300:
        if not last.acks and left < TIMER_B_S:
            return End(open=f"the capture ends {_words(left)} after the {status}, before an ACK")
        bye = next(
            (t for t in reversed(trace.transactions()) if t.ours and t.method == "BYE"), None
        )
        answered = bye is None or any((trace.message(i).status or 0) >= 200 for i in bye.responses)
        if bye is not None and not answered:
            left = captured_until - trace.events[bye.request].at
            if left < TIMER_B_S:
                return End(open=f"the capture ends {_words(left)} after the BYE, before an answer")
    return End()


def _broken(trace: Trace, last: Transaction) -> TransactionFailed | None:
    """Return the fault that the network told: an ICMP error, or a connection that was closed."""
    for event in reversed(trace.events[last.request :]):
        if isinstance(event, IcmpReceived) and not last.responses:
            return _failed(last, event.at, icmp_failure(event), icmp_words(event))
        if isinstance(event, TransportChanged) and event.state == "disconnected":
            return _failed(last, event.at, Failure.CONNECTION_LOST, event.error)
    return None


def _unanswered(trace: Trace, last: Transaction, captured_until: float) -> End:
    asked = trace.events[last.request].at
    waited = captured_until - asked
    timer = "Timer B" if last.method == "INVITE" else "Timer F"
    if waited < TIMER_B_S:
        return End(
            open=f"the capture ends {_words(waited)} after the {last.method}, before {timer} "
            f"({TIMER_B_S:g} s) ends the wait for a first response"
        )
    copies = [
        trace.events[i].at
        for i, _, message in trace.messages()
        if i >= last.request and message.method == last.method and message.branch == last.branch
    ]
    at = max(asked + TIMER_B_S, copies[-1])
    words = f"no response in the capture for {_words(at - asked)}, as long as {timer} waits"
    return End(failure=_failed(last, at, Failure.NO_RESPONSE, words))


def _cancelled(trace: Trace, last: Transaction, cancel: int, captured_until: float) -> End:
    """Return the end of a call whose CANCEL left and whose INVITE was never ended."""
    if _gave_up(trace, last, cancel):
        return End(failure=_given_up(trace, last, cancel))
    left = captured_until - trace.events[cancel].at
    if left < TIMER_B_S:
        return End(
            open=f"the capture ends {_words(left)} after the CANCEL, before the 487", cancelled=True
        )
    at = trace.events[cancel].at + TIMER_B_S
    words = f"no 487 in the capture within {TIMER_B_S:g} s of the CANCEL"
    return End(failure=_failed(last, at, Failure.NO_FINAL_RESPONSE, words), cancelled=True)


def _unfinished(trace: Trace, last: Transaction, captured_until: float) -> End:
    """Return the end of a request that got provisional responses only."""
    since = trace.events[last.responses[-1]].at
    limit, timer = TIMER_C_S, "a proxy's Timer C"
    if last.method != "INVITE":
        since, limit, timer = trace.events[last.request].at, TIMER_B_S, "Timer F"
    waited = captured_until - since
    if waited < limit:
        after = trace.message(last.responses[-1]).status if last.method == "INVITE" else last.method
        return End(
            open=f"the capture ends {_words(waited)} after the {after}, before {timer} "
            f"({limit:g} s) ends the wait for a final response"
        )
    words = f"no final response in the capture for {limit:g} s, as long as {timer} waits"
    return End(failure=_failed(last, since + limit, Failure.NO_FINAL_RESPONSE, words))


def _our_cancel(trace: Trace, last: Transaction) -> int | None:
    """Return the index of our CANCEL of a request, or None."""
    return next((i for i in trace.sent("CANCEL") if trace.message(i).cseq[0] == last.cseq), None)


def _gave_up(trace: Trace, last: Transaction, cancel: int) -> bool:
    """Whether a CANCEL ended a wait in which not even ringing came."""
    rang = any(180 <= (trace.message(i).status or 0) < 200 for i in last.responses if i < cancel)
    waited = trace.events[cancel].at - trace.events[last.request].at
    return not rang and waited >= NO_RINGING_S


def _given_up(trace: Trace, last: Transaction, cancel: int) -> TransactionFailed:
    at = trace.events[cancel].at
    waited = _words(at - trace.events[last.request].at)
    words = f"the calling side gave up: CANCEL after {waited} without ringing"
    return _failed(last, at, Failure.NO_FINAL_RESPONSE, words)


def _failed(last: Transaction, at: float, failure: Failure, words: str) -> TransactionFailed:
    return TransactionFailed(
        at=at,
        method=last.method,
        call_id=last.call_id,
        failure=failure,
        stack_status=None,
        detail=words,
    )


def _words(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
