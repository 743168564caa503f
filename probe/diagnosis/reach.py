"""Messages that do not find us: answers of another branch, requests to a private Contact."""

from collections.abc import Iterator

from probe.diagnosis.case import Case, is_private
from probe.diagnosis.explanation import Certainty
from probe.diagnosis.quote import plain
from probe.diagnosis.rule import Gate, Hypothesis, Rule
from probe.sip.message import uri_host
from probe.trace.trace import MessageReceived


def answer_of_another_request(case: Case) -> Iterator[Hypothesis]:
    """Recognise: a response came for our Call-ID that no request of ours can take (§17.1.3)."""
    if case.reply is not None or not case.requests:
        return
    stray = _stray(case)
    if stray is None:
        return
    yield Hypothesis(
        cause="F034",
        likelihood=Certainty.CERTAIN,
        because="a response to our call came back under another branch than our request has, so "
        "our stack had to overlook it (RFC 3261 §17.1.3)",
        says=case.fill(
            "{host} did answer, but its response belongs to no request of ours: it carries "
            "another Via branch."
        ),
        evidence=(
            *case.cite("Via", index=case.requests[-1]),
            case.cite_start(stray),
            *case.cite("Via", index=stray)[:1],
        ),
        steps=(
            (
                "Send both Via lines to whoever runs the server: a response copies the Via of its "
                "request (RFC 3261 §8.2.6.2)."
            ),
        ),
        rules_out=("F013", "F015", "F024", "F030", "F131"),
    )


def _stray(case: Case) -> int | None:
    """Return the first final response of our Call-ID and method that no transaction took."""
    ours = {case.trace.message(index).call_id for index in case.requests}
    taken = {
        index
        for transaction in case.trace.transactions()
        if transaction.ours
        for index in (*transaction.responses, *transaction.repeated)
    }
    for index, event, message in case.trace.messages():
        if (
            isinstance(event, MessageReceived)
            and index not in taken
            and (message.status or 0) >= 200
            and message.call_id in ours
            and message.cseq[1] == case.method
        ):
            return index
    return None


def private_contact(case: Case) -> Iterator[Hypothesis]:
    """Recognise: they had ended the call, and what they sent went to an address of the inside."""
    seen = case.seen_address
    contact = uri_host(case.request.first("Contact"))[0] if case.request else ""
    if seen is None or not is_private(contact) or is_private(seen[0]):
        return
    if case.answer is None or case.their_bye is not None:
        return
    gone = next(
        (
            index
            for transaction in case.trace.transactions()
            if transaction.ours and transaction.method == "BYE"
            for index in transaction.responses
            if case.trace.message(index).status == 481
        ),
        None,
    )
    if gone is None or case.request_index is None:
        return
    yield Hypothesis(
        cause="F029",
        likelihood=Certainty.LIKELY,
        because=f"our Contact names {plain(contact)}, they see us at {plain(seen[0])}, and the "
        "call was over for them without a BYE that reached us",
        says=f"They had ended the call, and their BYE did not reach us: our Contact names "
        f"{plain(contact)}, an address of the inside.",
        evidence=(
            *case.cite("Contact", index=case.request_index),
            *case.cite("Via", index=seen[1])[:1],
            case.cite_start(gone),
        ),
        steps=(
            (
                "Have the provider send requests inside a call to the address that they see, or "
                "use `;transport=tcp`, where the connection is the way back."
            ),
        ),
        unknown=("Whether they sent a BYE at all, or lost the call in another way.",),
        rules_out=("F125",),
        weight=20,
    )


RULES = (
    Rule(
        name="answer of another request",
        gate=Gate.TRANSPORT,
        causes=("F034",),
        find=answer_of_another_request,
    ),
    Rule(name="private Contact", gate=Gate.SESSION, causes=("F029",), find=private_contact),
)
