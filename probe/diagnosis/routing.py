"""Whether and where they route the call: what takes more than the code to see.

The meanings that follow from the code alone are rows in refusals.py.
"""

import re
from collections.abc import Iterator

from probe.diagnosis import redress, requirements
from probe.diagnosis.case import Case, seconds
from probe.diagnosis.explanation import Certainty, Evidence
from probe.diagnosis.quote import plain
from probe.diagnosis.refusals import (
    EXTENSIONS,
    LIMITS,
    NUMBERS,
    PEOPLE,
    POLICY,
    TOO_SLOW,
    format_is_odd,
    rang_long,
    to_sips,
)
from probe.diagnosis.rule import Gate, Hypothesis, Rule
from probe.reference import reference
from probe.sip.sdp import address_class
from probe.trace.failure import Failure

QUICK_S = 1.0
"""Seconds under which a refusal comes from a machine and not from a person."""

Q850_CAUSES = (
    *("F072", "F073", "F074", "F076", "F079", "F083", "F088", "F093", "F094", "F095", "F096"),
    *("F108", "F114", "F115", "F120", "F122", "F127", "F129", "F132", "F133", "F144"),
)
"""What the reference's Q.850 table can point to; written out, so that importing reads no file."""

_CLEARING = frozenset({16, 31})
"""Normal clearing and normal, unspecified: they say that a call ended and not why."""

ANNOUNCED_S = 2.0
"""Seconds of early media from which an announcement can have been heard."""

_NUMBER_CODES = (400, 403, 404, 410, 484, 485, 604)


def number_format(case: Case) -> Iterator[Hypothesis]:
    """Recognise: the number is not written as E.164, and was refused before it rang."""
    reply = case.reply
    if reply is None or reply.status not in _NUMBER_CODES or case.method != "INVITE":
        return
    if case.direction != "outbound" or case.rang is not None or not format_is_odd(case):
        return
    quick = case.took_s <= QUICK_S
    yield Hypothesis(
        cause="F073",
        likelihood=Certainty.LIKELY if quick and reply.status != 403 else Certainty.UNDECIDED,
        because=case.fill("{number} is not written as +<country><number>, and it was refused ")
        + f"{seconds(case.took_s)} after the request, before it rang",
        says=case.fill(
            "{host} refused {number} at once; most trunks want the number as +<country><number>."
        ),
        evidence=(case.cite_start(reply.request), case.cite_start(reply.index)),
        steps=(
            case.fill(
                "Call the same number as +<country code><number> instead of {number}; cancel it "
                "when it rings."
            ),
        ),
        rules_out=(),
        weight=30,
    )


def trying_only(case: Case) -> Iterator[Hypothesis]:
    """100 Trying and nothing more until our deadline."""
    if not case.failed(Failure.NO_FINAL_RESPONSE, Failure.SCENARIO_DEADLINE):
        return
    if case.reply is None and case.provisionals and case.rang is None:
        last = case.provisionals[-1]
        yield Hypothesis(
            cause="F103",
            likelihood=Certainty.LIKELY,
            because="their first server took the call, and nothing behind it said anything",
            says="Their first server took the call (100 Trying), and then nothing more came.",
            evidence=(case.cite_start(last.index), *case.cite_failure()),
            steps=(
                "Ask the provider what became of this Call-ID: "
                + plain(case.trace.message(last.index).call_id),
            ),
            unknown=(case.fill(TOO_SLOW),),
            weight=20,
        )


def rings_for_ever(case: Case) -> Iterator[Hypothesis]:
    """18x and no end until our deadline."""
    if not case.failed(Failure.NO_FINAL_RESPONSE, Failure.SCENARIO_DEADLINE):
        return
    if case.reply is None and case.rang is not None:
        rang = f"{case.rang.status} was all that came for {seconds(case.rang_s)}"
        if case.rang.status == 180:
            rang = f"It rang for {seconds(case.rang_s)}"
        yield Hypothesis(
            cause="F104",
            likelihood=Certainty.LIKELY,
            because=f"{rang}, and neither an answer nor a refusal followed",
            says=f"{rang}, and nobody, no voicemail and no timer of theirs ended it.",
            evidence=(case.cite_start(case.rang.index), *case.cite_failure()),
            steps=("Let somebody or a voicemail answer that number, or test with one that does.",),
            weight=20,
        )
        yield Hypothesis(
            cause="F094",
            likelihood=Certainty.UNDECIDED,
            because="nobody may have been there to answer",
            evidence=(case.cite_start(case.rang.index),),
            weight=10,
        )


def cancelled_upstream(case: Case) -> Iterator[Hypothesis]:
    """487 although we sent no CANCEL (RFC 3261 §21.4.25)."""
    if case.reply is None or case.status != 487 or case.our_cancel is not None:
        return
    when = f"{seconds(case.took_s)} after the request"
    long_ring = rang_long(case)
    yield Hypothesis(
        cause="F122",
        likelihood=Certainty.LIKELY,
        because="487 says that the call was cancelled, and we sent no CANCEL",
        says=f"Somebody upstream cancelled the call {when}; it was not us.",
        evidence=(case.cite_start(case.reply.index), *case.cite("Reason")),
        unknown=("Whether a timer or a failed route made them cancel.",),
        weight=20,
    )
    if long_ring:
        yield Hypothesis(
            cause="F094",
            likelihood=Certainty.LIKELY,
            because=case.fill("it rang for {rang} before, as when nobody answers"),
            weight=15,
        )


def loop(case: Case) -> Iterator[Hypothesis]:
    """482 or 483 (RFC 3261 §16.3, §21.4.20, §21.4.21)."""
    reply = case.reply
    if reply is None or reply.status not in {482, 483}:
        return
    hops = (case.request.first("Max-Forwards") or "") if case.request else ""
    ours = re.fullmatch(r"\s*1?[0-9]\s*", hops) is not None
    yield Hypothesis(
        cause="F108",
        likelihood=Certainty.UNDECIDED if ours or reply.status == 482 else Certainty.LIKELY,
        because=f"{reply.status} says that the call passed too many hops or came back",
        says="The call goes round in a circle on the other side.",
        evidence=(case.cite_start(reply.index), *case.cite("Max-Forwards", index=reply.request)),
        steps=("Look for two routes that point at each other, PBX to provider and back.",),
        weight=10,
    )
    if reply.status == 482:
        yield Hypothesis(
            cause="F109",
            likelihood=Certainty.UNDECIDED,
            because="one server may have got the same request on two paths",
        )


def redirected(case: Case) -> Iterator[Hypothesis]:
    """3xx (RFC 3261 §21.3)."""
    reply = case.reply
    if reply is None or not 300 <= reply.status < 400 or reply.ours:
        return
    other = reply.status in {305, 380}
    target = plain(case.header("Contact")) or "another address"
    yield Hypothesis(
        cause="F107" if other else "F106",
        likelihood=Certainty.CERTAIN,
        because=f"{reply.status} sends us elsewhere, and a test does not follow",
        says=f"They send us on to {target}, and a test call does not follow redirects.",
        evidence=(case.cite_start(reply.index), *case.cite("Contact")),
        steps=(f"If {target} is right, call it directly; else have the redirect removed.",),
    )


def telephone_network(case: Case) -> Iterator[Hypothesis]:
    """Recognise: a Q.850 cause in Reason (RFC 3326, RFC 6432)."""
    if case.q850 is None or case.q850.cause is None or case.reply is None:
        return
    if case.q850.cause in _CLEARING:
        return
    number = case.q850.cause
    entry = reference.q850(number)
    invented = reference.q850_for(case.status) == number or entry.sip == case.status
    why = f"the Reason header says Q.850 cause {number} ({entry.name})"
    caveat = (
        "Whether the telephone network said so: a gateway that has no cause of its own writes the "
        f"usual pair of {case.status} and {number}."
        if invented
        else "Which network set the cause: the header does not always name its place."
    )
    for place, cause in enumerate(entry.causes):
        yield Hypothesis(
            cause=cause,
            likelihood=Certainty.UNDECIDED
            if place or (invented and len(entry.causes) > 1)
            else Certainty.LIKELY,
            because=why,
            says=case.fill("{host} refused with {answer}, and ")
            + f"{why}: {reference.cause(cause).name}.",
            evidence=(case.cite_start(case.reply.index), *case.cite("Reason")),
            unknown=(caveat,),
            weight=(40 if invented else 60) - place,
        )


def announced(case: Case) -> Iterator[Hypothesis]:
    """Early media, then a refusal: the announcement names the reason."""
    early, reply = case.early_media, case.reply
    if early is None or reply is None or reply.status < 400 or case.our_cancel is not None:
        return
    spoke = reply.at - early.at
    heard = any(report.rx_packets for report in case.trace.media)
    if spoke >= ANNOUNCED_S:
        yield Hypothesis(
            cause="F105",
            likelihood=Certainty.LIKELY if heard else Certainty.UNDECIDED,
            because=f"they opened an audio path for {spoke:.1f} s and then refused the call, as "
            "with an announcement",
            says="They played something, probably an announcement that says why, and then refused "
            "the call.",
            evidence=(case.cite_start(early.index), case.cite_start(reply.index)),
            steps=(case.fill("Call {number} by hand and listen to what is said."),),
            weight=35,
        )


def wrong_domain(case: Case) -> Iterator[Hypothesis]:
    """Recognise: the request line names an address, and they say they do not know it."""
    reply = case.reply
    if reply is None or reply.status not in {403, 404, 604} or case.direction != "outbound":
        return
    host = case.dialled_host
    if case.rang is not None or not host or address_class(host) != "public":
        return
    yield Hypothesis(
        cause="F032",
        likelihood=Certainty.UNDECIDED,
        because=f"the request line names the address {plain(host)}; some providers route by their "
        "domain only",
        evidence=(case.cite_start(reply.request),),
        weight=8,
    )


def own_number(case: Case) -> Iterator[Hypothesis]:
    """We called ourselves."""
    codes = {403, 404, 482, 486, 488, 603}
    if case.reply is None or case.status not in codes or not case.caller:
        return
    if case.direction == "outbound" and case.caller.lstrip("+") == case.dialled.lstrip("+"):
        yield Hypothesis(
            cause="F085",
            likelihood=Certainty.LIKELY,
            because=case.fill("caller and called number are both {number}"),
            says=case.fill("The call goes from {number} to itself, which many networks refuse."),
            evidence=(
                *case.cite("From", "To", index=case.reply.request),
                case.cite_start(case.reply.index),
            ),
            steps=("Call another number, or set another `caller_id:`.",),
            weight=60,
        )


def withheld(case: Case) -> Iterator[Hypothesis]:
    """Recognise: the caller is anonymous and was refused."""
    if case.reply is None or case.status not in {403, 433, 603} or case.request is None:
        return
    privacy = case.request.first("Privacy") or ""
    hidden = "anonymous" in (case.request.first("From") or "").lower() or "id" in re.split(
        r"\W+", privacy
    )
    if case.status == 433 or hidden:
        yield Hypothesis(
            cause="F083",
            likelihood=Certainty.CERTAIN if case.status == 433 else Certainty.LIKELY,
            because="the call shows no caller, and the called side refuses such calls",
            says="The call was refused because it shows no caller ID.",
            evidence=(
                case.cite_start(case.reply.index),
                *case.cite("Privacy", index=case.reply.request),
            ),
            steps=("Set `caller_id:` to a number that the account owns.",),
            weight=60,
        )


def reliable_ringing(case: Case) -> Iterator[Hypothesis]:
    """Recognise: a reliable 18x was repeated, because no PRACK got through (RFC 3262 §3)."""
    for _, transaction in case.trace.client_transactions():
        repeats = [i for i in transaction.repeated if case.trace.message(i).first("RSeq")]
        confirmed = any(
            t.ours and t.method == "PRACK" and t.responses for t in case.trace.transactions()
        )
        if len(repeats) >= 2 and not confirmed:
            yield Hypothesis(
                cause="F112",
                likelihood=Certainty.CERTAIN,
                because="they repeated a reliable ringing response, and no PRACK of ours was "
                "answered",
                says="Their ringing has to be confirmed (PRACK), and the confirmation did not get "
                "through.",
                evidence=tuple(
                    evidence
                    for i in repeats[:2]
                    for evidence in (case.cite_start(i), *case.cite("RSeq", index=i))
                ),
                steps=("Set `prack: off` in the trunk profile and run again.",),
            )
            return


def two_accounts(case: Case) -> Iterator[Hypothesis]:
    """403 to a call after the login: policy, not the password (unless the provider says so)."""
    if case.reply is None or case.status != 403 or case.method != "INVITE":
        return
    if case.direction != "outbound" or not case.login.decided_after:
        return
    evidence = (case.cite_start(case.reply.request), case.cite_start(case.reply.index))
    candidates = (
        ("F082", "the caller ID {caller} may not be one that the account owns", 24),
        ("F077", "the country or kind of number {number} may not be enabled", 22),
        ("F061", "the account may be suspended or out of credit", 20),
        ("F047", "some servers answer a wrong password with 403 instead of a new challenge", 18),
    )
    for cause, because, weight in candidates:
        yield Hypothesis(
            cause=cause,
            likelihood=Certainty.UNDECIDED,
            because=case.fill(because),
            evidence=tuple(Evidence(event=item.event, says=item.says) for item in evidence[1:]),
            unknown=("Which of their rules refused the call: a bare 403 does not say.",),
            rules_out=("F060",),
            weight=weight,
        )


def sips_refused(case: Case) -> Iterator[Hypothesis]:
    """416 to a sips: address (RFC 5630)."""
    if case.reply is not None and case.status == 416 and to_sips(case):
        yield Hypothesis(
            cause="F046",
            likelihood=Certainty.CERTAIN,
            because="416 refuses the sips: form of the address",
            says="They do not take sips: addresses.",
            evidence=(case.cite_start(case.reply.request), case.cite_start(case.reply.index)),
            steps=("Use `sip:` with `;transport=tls` in `uri:`.",),
        )


_POLICY = Gate.POLICY

RULES = (
    *redress.RULES,
    *requirements.RULES,
    Rule(name="redirect", gate=_POLICY, causes=("F106", "F107"), find=redirected),
    Rule(name="sips refused", gate=_POLICY, causes=("F046",), find=sips_refused),
    Rule(name="number format", gate=_POLICY, causes=("F073",), find=number_format),
    Rule(name="trying only", gate=_POLICY, causes=("F103",), find=trying_only),
    Rule(name="rings for ever", gate=_POLICY, causes=("F094", "F104"), find=rings_for_ever),
    Rule(name="487 without CANCEL", gate=_POLICY, causes=("F094", "F122"), find=cancelled_upstream),
    Rule(name="loop", gate=_POLICY, causes=("F108", "F109"), find=loop),
    Rule(
        name="Q.850 cause",
        gate=_POLICY,
        causes=Q850_CAUSES,
        find=telephone_network,
    ),
    Rule(name="announcement", gate=_POLICY, causes=("F105",), find=announced),
    Rule(name="address as domain", gate=_POLICY, causes=("F032",), find=wrong_domain),
    Rule(name="calling oneself", gate=_POLICY, causes=("F085",), find=own_number),
    Rule(name="withheld caller", gate=_POLICY, causes=("F083",), find=withheld),
    Rule(name="PRACK lost", gate=_POLICY, causes=("F112",), find=reliable_ringing),
    Rule(
        name="403 after the login",
        gate=_POLICY,
        causes=("F047", "F061", "F077", "F082"),
        find=two_accounts,
    ),
    *NUMBERS,
    *POLICY,
    *PEOPLE,
    *EXTENSIONS,
    *LIMITS,
)
