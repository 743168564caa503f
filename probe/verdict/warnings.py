"""What held but deserves a look: signs of trouble that no expectation asked about."""

from probe.sip.message import SipMessage
from probe.trace.failure import Failure
from probe.trace.route import NextHop
from probe.trace.trace import MessageReceived, Transaction
from probe.verdict.default import answered, our_byes
from probe.verdict.observation import Observation, quote, status_words


def find_warnings(seen: Observation) -> tuple[str, ...]:
    """Return every warning about a trace, in the order of the checks."""
    return (
        *_moved_on(seen),
        *_repeated(seen),
        *_untagged(seen),
        *_foreign(seen),
        *_branches(seen),
        *_crossed(seen),
        *_ended_by_peer(seen),
        *_unanswered_bye(seen),
        *_late(seen),
    )


def _moved_on(seen: Observation) -> list[str]:
    """Report servers that were left for the next one (RFC 3263 §4.3), and what may go on there."""
    hops = [event for event in seen.trace.events if isinstance(event, NextHop)]
    left = [hop for hop in hops if hop.left]
    if not left:
        return []
    last = next((hop for hop in reversed(hops) if not hop.left), left[-1])
    before = "; ".join(
        f"{_place(hop.place)}, {quote(hop.remote)}, {quote(hop.left)}" for hop in left
    )
    answered_by = "answered" if seen.responses else "was tried last"
    warnings = [
        f"{_place(last.place)} of {last.of} servers {answered_by} ({quote(last.remote)}); {before}"
    ]
    warnings += [
        f"the INVITE to {quote(hop.remote)} was given up unanswered: it cannot be cancelled, and"
        " that server may still ring"
        for hop in left
        if hop.unfinished
    ]
    return warnings


def _place(number: int) -> str:
    names = {1: "the first", 2: "the second", 3: "the third"}
    return names.get(number, f"number {number}")


def _repeated(seen: Observation) -> list[str]:
    """Report responses that came again (RFC 3261 §13.3.1.4; provisionals §13.3.1.1)."""
    warnings = []
    for _, transaction in seen.trace.client_transactions():
        counts: dict[str, int] = {}
        for index in transaction.repeated:
            message = seen.trace.message(index)
            status = message.status or 0
            if status >= 200 and not any(ack < index for ack in transaction.acks):
                continue
            counts[status_words(message)] = counts.get(status_words(message), 0) + 1
        for words, count in counts.items():
            times = "once more" if count == 1 else f"{count} more times"
            if words[0] == "1":
                warnings.append(f"{words} was sent {times}")
            else:
                warnings.append(
                    f"{words} came {times} although our ACK had left: "
                    "the ACK did not reach the peer, or came too late"
                )
    return warnings


def _untagged(seen: Observation) -> list[str]:
    """Report responses without a To tag (RFC 3261 §8.2.6.2)."""
    found = [
        response.status
        for response in seen.responses
        if response.status > 100 and not seen.trace.message(response.index).to_tag
    ]
    return [f"{_listed(found)} without a tag in To"] if found else []


def _foreign(seen: Observation) -> list[str]:
    """Report received responses whose identity differs from that of their request (§17.1.3).

    A response to a request outside this trace (an earlier step of the same call) is none of them.
    """
    own = [transaction for transaction in seen.trace.transactions() if transaction.ours]
    owners = {i: t for t in own for i in (*t.responses, *t.repeated)}
    same = {(t.call_id, t.cseq, t.method): t for t in own}
    warnings = []
    for index, event, message in seen.trace.messages():
        if message.is_request or not isinstance(event, MessageReceived):
            continue
        owner = owners.get(index) or same.get((message.call_id, *message.cseq))
        if owner is not None and _same(message, owner):
            continue
        wrong = _wrong(message, owner) if owner is not None else ""
        if wrong:
            warnings.append(f"{status_words(message)} has another {wrong} than its request")
    return list(dict.fromkeys(warnings))


def _same(message: SipMessage, owner: Transaction) -> bool:
    """Whether a response repeats what makes a transaction its own."""
    return (
        message.branch == owner.branch
        and message.call_id == owner.call_id
        and message.cseq[0] == owner.cseq
    )


def _wrong(message: SipMessage, owner: Transaction) -> str:
    """Return which fields of a response differ from its request, empty where none does."""
    differing = [
        name
        for name, differs in (
            ("Via branch", message.branch != owner.branch),
            ("Call-ID", message.call_id != owner.call_id),
            ("CSeq number", message.cseq[0] != owner.cseq),
        )
        if differs
    ]
    return " and ".join(differing)


def _branches(seen: Observation) -> list[str]:
    """Report a call that several branches of a fork answered (§13.2.2.4)."""
    tags = {
        seen.trace.message(response.index).to_tag
        for response in seen.responses
        if 200 <= response.status < 300 and seen.trace.method == "INVITE"
    }
    return [f"{len(tags)} branches of a fork answered the call"] if len(tags) > 1 else []


def _crossed(seen: Observation) -> list[str]:
    """Report a call that was answered although our CANCEL had left (§9.1)."""
    cancels = seen.trace.sent("CANCEL")
    crossed = [
        response
        for response in (*seen.responses, *seen.late)
        if 200 <= response.status < 300 and cancels and response.index > cancels[0]
    ]
    if seen.trace.method != "INVITE" or not crossed:
        return []
    return ["the call was answered after our CANCEL had left: both crossed, or CANCEL was ignored"]


def _ended_by_peer(seen: Observation) -> list[str]:
    """Report a call that the peer hung up, with the reason it gave (RFC 3326)."""
    byes = seen.trace.received("BYE")
    answers = [r for r in seen.responses if 200 <= r.status < 300]
    if seen.trace.method != "INVITE" or not byes or not answers:
        return []
    ours = seen.trace.sent("BYE")
    if ours and ours[0] < byes[0]:
        return []
    talked = seen.trace.events[byes[0]].at - answers[0].at
    reasons = seen.trace.message(byes[0]).all("Reason")
    why = f" (Reason: {quote(', '.join(reasons))})" if reasons else ""
    who = _agent_that_hung_up(seen, byes[0]) or "the peer"
    warnings = [f"{who} hung up first, after {talked:.1f} s{why}"]
    bye = next(t for t in seen.trace.transactions() if t.request == byes[0])
    if not answered(bye, seen):
        warnings.append("our side did not answer the peer's BYE")
    return warnings


def _agent_that_hung_up(seen: Observation, bye: int) -> str:
    """Return which agent of ours at the other end sent a BYE before this one came, if one did."""
    came = seen.trace.events[bye].at
    for leg in seen.trace.legs:
        sent = leg.trace.sent("BYE")
        if sent and leg.trace.events[sent[0]].at <= came:
            return leg.agent
    return ""


def _unanswered_bye(seen: Observation) -> list[str]:
    """Report a BYE of ours without an answer: the call may still be up and billed."""
    if seen.trace.method != "INVITE" or all(answered(bye, seen) for bye in our_byes(seen)):
        return []
    return ["our BYE was not answered: the call may still be up at the peer"]


def _late(seen: Observation) -> list[str]:
    """Report an answer that came when we had given up waiting."""
    if seen.failure is None or seen.failure.failure is not Failure.NO_RESPONSE or not seen.late:
        return []
    words = status_words(seen.trace.message(seen.late[0].index))
    return [f"{words} came after we had given up waiting"]


def _listed(statuses: list[int]) -> str:
    """Return status codes as one phrase, each once."""
    return ", ".join(map(str, dict.fromkeys(statuses)))
