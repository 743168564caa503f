"""The messages of an attempt in one line: what came, in its order."""

from probe.report.text import plain
from probe.sip.fragment import fragment_status
from probe.sip.message import SipMessage
from probe.trace.trace import MessageEvent, MessageSent, Trace

_NOTIFIED = frozenset({"SUBSCRIBE", "REFER"})
"""Methods whose outcome NOTIFYs tell (RFC 6665, RFC 3515)."""


def flow(trace: Trace) -> str:
    """Return the observed sequence in one line, e.g. ``407 → 100 180 200 ACK … BYE 200``.

    A challenge that was answered stands before an arrow; ``…`` is the talk between ACK and BYE.
    A request other than INVITE names its method first (``REGISTER 401 → 200``). Retransmissions
    are left out and neighbours that say the same are shown once.
    """
    if not trace.method:
        return ""
    answered = frozenset(trace.answered_challenges())
    hidden = acks_of(trace, answered)
    words: list[str] = []
    for index, event, message in trace.messages():
        other = trace.method != "INVITE" and message.cseq[1] != trace.method
        other = other and not (trace.method in _NOTIFIED and message.method == "NOTIFY")
        if event.retransmission or other or index in hidden:
            continue
        word = _flow_word(trace, event, message, answered=index in answered)
        if word.startswith("BYE") and words[-1:] == ["ACK"]:
            words.append("…")
        if word and words[-1:] != [word]:
            words.append(word)
    if trace.method != "INVITE" and words:
        words.insert(0, trace.method)
    return " ".join(words)


def _flow_word(trace: Trace, event: MessageEvent, message: SipMessage, *, answered: bool) -> str:
    """Return what a message adds to the flow; empty for the request under test itself."""
    if message.status is not None:
        return f"{message.status} →" if answered else str(message.status)
    sent = isinstance(event, MessageSent)
    if sent is not trace.serving and message.method == trace.method:
        return ""
    method = plain(message.method or "", 20)
    told = fragment_status(message) if trace.method == "REFER" and method == "NOTIFY" else None
    if told is not None:
        return f"NOTIFY {told}"
    theirs = sent or trace.method in _NOTIFIED  # NOTIFYs come from nobody else
    return method if theirs else f"{method} (from the peer)"


def acks_of(trace: Trace, answered: frozenset[int]) -> frozenset[int]:
    """Return the ACKs that answered challenges got: hop-by-hop, and nothing that a story needs."""
    return frozenset(
        ack
        for transaction in trace.transactions()
        if answered.intersection(transaction.responses)
        for ack in transaction.acks
    )
