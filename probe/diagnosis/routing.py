"""Whether and where they route the call: numbers, policy, identity, limits, people.

Nearly all of it is known to the other side only, so most rows speak of likely or possible causes.
Codes that carry their whole reason (420, 421, 422, 423, 513, 607, 608 …) are the exception.
"""

import re
from collections.abc import Iterator

from probe.diagnosis.case import Case, seconds
from probe.diagnosis.explanation import Certainty, Evidence
from probe.diagnosis.quote import plain
from probe.diagnosis.rule import Gate, Hypothesis, Rule, Sign, rows
from probe.reference import reference
from probe.sip.sdp import address_class
from probe.trace.failure import Failure

E164 = re.compile(r"\+[1-9]\d{6,14}")
"""A number in full international form (ITU-T E.164, RFC 3966 §5.1.4)."""

QUICK_S = 1.0
"""Seconds under which a refusal comes from a machine and not from a person."""

HUMAN_S = (1.0, 14.0)
"""Seconds of ringing after which people press the red key; longer ringing ends by a timer."""

LONG_RING_S = 15.0
"""Seconds of ringing from which nobody seems to answer."""

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
_TOO_SLOW = "Which hop behind {host} is at fault: only the provider can see it."


def _before_ringing(case: Case) -> bool:
    return case.rang is None


def _after_ringing(case: Case) -> bool:
    return case.rang is not None


def _like_a_person(case: Case) -> bool:
    return case.rang is not None and HUMAN_S[0] <= case.rang_s <= HUMAN_S[1]


def _rang_long(case: Case) -> bool:
    return case.rang is not None and case.rang_s >= LONG_RING_S


def _format_is_odd(case: Case) -> bool:
    """Whether the dialled number is long enough for a public one and not written as E.164."""
    digits = re.sub(r"\D", "", case.dialled)
    return len(digits) > 6 and E164.fullmatch(case.dialled) is None


def number_format(case: Case) -> Iterator[Hypothesis]:
    """Recognise: the number is not written as E.164, and was refused before it rang."""
    reply = case.reply
    if reply is None or reply.status not in _NUMBER_CODES or case.method != "INVITE":
        return
    if case.direction != "outbound" or case.rang is not None or not _format_is_odd(case):
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
            unknown=(case.fill(_TOO_SLOW),),
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
    long_ring = _rang_long(case)
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


def analytics(case: Case) -> Iterator[Hypothesis]:
    """603+ of ATIS-1000099 (47 CFR 64.1200(k)): phrase and Reason text, both marks."""
    if case.reply is None or case.status != 603:
        return
    phrase = case.matching(r"network blocked")
    texts = [reason for reason in case.reasons(case.reply.index) if "v=analytics1" in reason.text]
    if not phrase and not texts:
        return
    both = bool(phrase) and bool(texts)
    contact = plain(texts[0].text) if texts else ""
    yield Hypothesis(
        cause="F096",
        likelihood=Certainty.CERTAIN if both else Certainty.LIKELY,
        because="the answer carries "
        + ("both marks" if both else "one of the two marks")
        + " of a block by call analytics (603+)",
        says="A network on the way blocked the call because it labelled the calling number.",
        evidence=tuple(dict.fromkeys((*phrase, *case.cite("Reason")))),
        steps=(
            "Ask for redress at the contact that they give"
            + (f": {contact}" if contact else "")
            + ".",
        ),
        rules_out=("F093", "F095", "F061"),
        weight=100,
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


_N = Certainty.UNDECIDED
_OUT = ("outbound",)
_IN = ("inbound",)
_INVITE = ("INVITE",)

NUMBERS = rows(
    Sign(
        cause="F072",
        codes=(404, 410, 604),
        directions=_OUT,
        because="{status} is the usual answer to a number that does not exist",
        says="{host} says that it cannot reach {number}: most likely the number does not exist or "
        "is not in service.",
        when=lambda case: not _format_is_odd(case),
        steps=("Check {number} digit by digit, and call it from another phone.",),
        unknown=("Whether the number itself or the provider's route to it is at fault.",),
        weight=10,
    ),
    Sign(
        cause="F072",
        codes=(404, 410, 604),
        directions=_OUT,
        because="{status} is also the usual answer to a number that does not exist",
        when=_format_is_odd,
        likelihood=_N,
        weight=10,
    ),
    Sign(
        cause="F074",
        codes=(484,),
        because="484 says that the number is not complete",
        says="{host} says that {number} is incomplete.",
        steps=("Compare {number} with the full number: +<country><number>, no digit missing.",),
        weight=20,
    ),
    Sign(
        cause="F075",
        codes=(416,),
        because="416 refuses this form of address",
        says="{host} does not take this form of address.",
        when=lambda case: not _sips(case),
        steps=("Write the target as `sip:+<number>@<host>`.",),
        weight=10,
    ),
    Sign(
        cause="F046",
        codes=(416, 480, 403),
        pattern=r"\b38[01]\b|sips|tls (only|required)",
        because="the answer is about sips: or TLS",
        says="They disagree with us about sips: and TLS.",
        steps=("Use `sip:` with `;transport=tls`, or the reverse, as the provider documents.",),
    ),
    Sign(
        cause="F076",
        codes=(403, 404, 503),
        pattern=r"prefix",
        because="the answer speaks of a dialling prefix",
        says="They want another dialling prefix before {number}.",
        steps=("Put the prefix of the provider's page before the number.",),
    ),
    Sign(
        cause="F088",
        codes=(410, 301),
        because="410 says that the number is gone for good or has moved",
        likelihood=_N,
        directions=_OUT,
        weight=5,
    ),
    Sign(
        cause="F089",
        codes=(404, 484, 604),
        directions=_IN,
        because="the call for {number} reached the phone system, and no rule there takes it",
        says="The call for {number} reached the phone system, and nothing there is set up for it.",
        likelihood=Certainty.CERTAIN,
        steps=(
            (
                "Add a route for {number} exactly as it is written here (with or without +) to the "
                "PBX's incoming routes."
            ),
        ),
        weight=20,
    ),
    Sign(
        cause="F092",
        codes=(408, 504),
        directions=_IN,
        because="the phone system did not answer the call for {number} in time",
        says="The phone system did not answer in time.",
        weight=10,
    ),
    Sign(
        cause="F090",
        codes=(480,),
        directions=_IN,
        because="the number may have no registered device at the moment",
        says="No registered device was found for {number}.",
        steps=("Check that a device is registered for {number}.",),
        weight=10,
    ),
    Sign(
        cause="F102",
        codes=(403, 404, 503),
        pattern=r"region|wrong (edge|subdomain|server)|sub-?domain",
        because="the answer speaks of another region or host",
        says="The account seems to live at another regional host.",
    ),
    methods=_INVITE,
)

POLICY = rows(
    Sign(
        cause="F061",
        codes=(402,),
        because="402 asks for payment",
        says="The account seems to be out of credit or suspended.",
        steps=("Check balance and status of the account in the portal of {provider}.",),
        weight=40,
    ),
    Sign(
        cause="F061",
        codes=(),
        pattern=r"fund|balance|credit|suspend|billing|insert coin|account (disabled|inactive|closed"
        r"|paused)|payment|\bD1[5679]\b",
        because="the answer itself speaks of credit or of the account's state",
        says="The account seems to be out of credit or suspended.",
        steps=("Check balance and status of the account in the portal of {provider}.",),
        rules_out=("F060",),
        weight=10,
    ),
    Sign(
        cause="F060",
        codes=(),
        pattern=r"\bip\b.{0,20}(not|un)|(not|un)\w*.{0,12}\bip\b|acl|access list",
        because="the answer itself speaks of the address we call from",
        says="{host} does not accept calls from our address {seen}.",
        steps=("Add {seen} to the trunk's list of allowed addresses.",),
        gate=Gate.AUTHENTICATION,
    ),
    Sign(
        cause="F077",
        codes=(),
        methods=_INVITE,
        pattern=r"international|country|geo|\bD13\b|destination (not|is not|blocked|disabled)",
        because="the answer itself speaks of the country or destination",
        says="Calls to the country of {number} do not seem to be enabled.",
        steps=("Enable the country of {number} in the portal of {provider}.",),
        rules_out=("F060",),
    ),
    Sign(
        cause="F101",
        codes=(),
        pattern=r"domestic anchored|anchor(ed|ing)",
        because="the answer itself speaks of calls that must start in the country",
        says="The rules of that country want the call to start there.",
        rules_out=("F060",),
        weight=10,
    ),
    Sign(
        cause="F078",
        codes=(),
        methods=_INVITE,
        pattern=r"premium|satellite|barred|fraud|\bD41\b|\bD59\b",
        because="the answer itself speaks of a barred kind of number",
        says="{number} is of a kind that the provider bars.",
        rules_out=("F060",),
    ),
    Sign(
        cause="F079",
        codes=(),
        methods=_INVITE,
        pattern=r"outbound profile|\bD38\b|\bD7\b|\bD18\b|\bD40\b|trial|not verified",
        because="the answer itself speaks of an account that is not set up for outgoing calls",
        says="The account does not seem to be set up for outgoing calls.",
        rules_out=("F060",),
    ),
    Sign(
        cause="F080",
        codes=(),
        methods=_INVITE,
        pattern=r"(daily|spend|monthly|minute).{0,15}(limit|cap)|\bD24\b|\bD39\b|cost exceeded",
        because="the answer itself speaks of a spending or time limit",
        says="A spending or time limit of the account seems to be reached.",
        rules_out=("F060",),
    ),
    Sign(
        cause="F081",
        codes=(),
        methods=_INVITE,
        pattern=r"insufficient.{0,15}for|reservation",
        because="the answer itself says that the credit does not cover this call",
        says="The credit does not seem to cover a call to {number}.",
        rules_out=("F060",),
    ),
    Sign(
        cause="F082",
        codes=(),
        methods=_INVITE,
        pattern=r"caller.?id|\bcli\b|\bani\b|from number|\bD35\b|\bD36\b|\bD51\b|calling num"
        r"|originat(or|ing) num",
        because="the answer itself speaks of the caller ID {caller}",
        says="They do not accept the caller ID {caller}.",
        steps=("Set `caller_id:` to a number that the account owns, as +<country><number>.",),
        rules_out=("F060",),
    ),
    Sign(
        cause="F086",
        codes=(),
        methods=_INVITE,
        pattern=r"do.not.originate|\bdno\b|reputation|\bD46\b|\bD54\b",
        because="the answer itself says that the calling number is on a list",
        says="The calling number {caller} is on a list of numbers that are not let through.",
        rules_out=("F060",),
        weight=10,
    ),
    Sign(
        cause="F085",
        codes=(403,),
        pattern=r"\bD53\b|from equals to|self.?call",
        because="the answer itself says that caller and called number are the same",
        says="The call goes from a number to itself.",
        likelihood=Certainty.CERTAIN,
    ),
    Sign(
        cause="F099",
        codes=(428,),
        because="428 wants a signed caller identity (RFC 8224)",
        says="They want a signed caller identity, and the call has none.",
        weight=10,
    ),
    Sign(
        cause="F100",
        codes=(436, 437, 438),
        because="{status} says that the signed caller identity did not check out (RFC 8224)",
        says="The signed caller identity of the call did not check out.",
        fields=("Reason",),
        weight=10,
    ),
)

PEOPLE = rows(
    Sign(
        cause="F093",
        codes=(486, 600),
        because="{status} says busy, and it came before any ringing",
        says="{number} is busy, or somebody before it says so.",
        when=_before_ringing,
        steps=("Try again later; do not redial at once.",),
        weight=30,
    ),
    Sign(
        cause="F093",
        codes=(486, 600),
        because="{status} says busy",
        when=_after_ringing,
        says="{number} is busy, or somebody before it says so.",
        steps=("Try again later; do not redial at once.",),
        weight=20,
    ),
    Sign(
        cause="F095",
        codes=(486, 480, 600),
        because="it rang for {rang}, about as long as a person takes to press the red key",
        says="{number} rang for {rang} and was then refused: most likely somebody declined it.",
        when=_like_a_person,
        weight=25,
    ),
    Sign(
        cause="F095",
        codes=(486,),
        because="do-not-disturb is answered with busy too",
        when=_before_ringing,
        likelihood=_N,
        weight=12,
    ),
    Sign(
        cause="F129",
        codes=(486,),
        because="some providers answer busy when all channels of the trunk are in use",
        directions=_OUT,
        likelihood=_N,
        weight=8,
    ),
    Sign(
        cause="F095",
        codes=(603,),
        because="603 says that the called side declined",
        says="The called side declined the call.",
        steps=("Ask the called person, or look for a block of {caller} there.",),
        weight=30,
    ),
    Sign(
        cause="F096",
        codes=(603, 486),
        because="networks that block a labelled caller answered like this before 603+ was agreed",
        when=lambda case: _before_ringing(case) and case.direction == "outbound",
        likelihood=_N,
        weight=10,
    ),
    Sign(
        cause="F061",
        codes=(603,),
        because="some providers answer 603 for a suspended account",
        directions=_OUT,
        likelihood=_N,
        weight=8,
    ),
    Sign(
        cause="F097",
        codes=(608,),
        because="608 says that somebody between rejected the call (RFC 8688)",
        says="Somebody between the two sides rejected the call.",
        likelihood=Certainty.CERTAIN,
        fields=("Call-Info",),
        steps=("Ask for redress at the contact in Call-Info.",),
    ),
    Sign(
        cause="F098",
        codes=(607,),
        because="607 says that the called person does not want this caller (RFC 8197)",
        says="The called person has marked this caller as unwanted.",
        likelihood=Certainty.CERTAIN,
        steps=("Do not call this number again from {caller}.",),
    ),
    Sign(
        cause="F094",
        codes=(408, 480, 487),
        because="it rang for {rang} before it ended",
        says="{number} rang for {rang}, and nobody answered.",
        when=lambda case: _rang_long(case) and case.status != 487,
        unknown=("Whose timer ended the ringing.",),
        weight=30,
    ),
    Sign(
        cause="F094",
        codes=(480,),
        because="480 says that nobody could be reached there now",
        when=_before_ringing,
        directions=_OUT,
        likelihood=_N,
        weight=12,
    ),
    Sign(
        cause="F095",
        codes=(480,),
        because="do-not-disturb is often answered like this",
        when=_before_ringing,
        directions=_OUT,
        likelihood=_N,
        weight=10,
    ),
    Sign(
        cause="F132",
        codes=(480,),
        because="some gateways answer 480 where their route is full",
        when=_before_ringing,
        directions=_OUT,
        likelihood=_N,
        weight=8,
    ),
    Sign(
        cause="F090",
        codes=(480,),
        because="the called device may not be registered",
        when=_before_ringing,
        directions=_OUT,
        likelihood=_N,
        weight=11,
    ),
    methods=_INVITE,
)

EXTENSIONS = rows(
    Sign(
        cause="F110",
        codes=(420,),
        because="420 refuses an extension that our request demands",
        says="Our {method} demands an extension that they do not have.",
        likelihood=Certainty.CERTAIN,
        fields=("Unsupported",),
        steps=("Turn off what Unsupported names (`prack:`, `session_timer:`), and run again.",),
    ),
    Sign(
        cause="F111",
        codes=(421,),
        because="421 demands an extension that our request does not offer",
        says="They demand an extension that our {method} does not offer.",
        likelihood=Certainty.CERTAIN,
        fields=("Require",),
        steps=("Turn on what Require names (`prack:`, `session_timer:`), and run again.",),
    ),
    Sign(
        cause="F113",
        codes=(422,),
        because="422 says that our session timer is too short (RFC 4028 §6)",
        says="They find our session timer too short.",
        likelihood=Certainty.CERTAIN,
        fields=("Min-SE",),
        steps=("Set `session_timer: off`, or ask for at least the time in Min-SE.",),
    ),
    Sign(
        cause="F126",
        codes=(405, 501),
        methods=("INVITE", "OPTIONS", "BYE", "CANCEL", "SUBSCRIBE", "MESSAGE", "REFER", "INFO"),
        because="{status} says that they do not take {method} there",
        says="{host} does not take {method} at that address.",
        likelihood=Certainty.CERTAIN,
        fields=("Allow",),
        steps=("Check the target of the {method}; Allow lists what they take.",),
    ),
    Sign(
        cause="F127",
        codes=(417, 494, 580),
        because="{status} belongs to a feature of mobile networks",
        says="They demand a feature of mobile networks that we do not speak.",
        likelihood=Certainty.CERTAIN,
        fields=("Require", "Unsupported", "Security-Server"),
    ),
    Sign(
        cause="F120",
        codes=(400, 500),
        pattern=r"(malformed|bad|missing|invalid|broken|unparsable|syntax).{0,30}(header|cseq|via"
        r"|contact|\bfrom\b|\bto\b|max-forwards|call-id|content-length|request)",
        because="the answer itself names a part of our message that they cannot read",
        says="They cannot read our message, and their answer names the part.",
        steps=("Remove `headers:` of the scenario one by one; report what remains as a bug.",),
    ),
    Sign(
        cause="F124",
        codes=(491,),
        because="491 says that both sides wanted to change the call at once",
        says="Both sides changed the call at the same moment.",
        likelihood=Certainty.CERTAIN,
    ),
)

LIMITS = rows(
    Sign(
        cause="F128",
        codes=(),
        pattern=r"\bcps\b|calls? per sec|call rate|\bP05\b|rate limit|\b5180\b",
        because="the answer itself speaks of calls per second",
        says="They refuse the call because too many came within a second.",
        steps=("Lower `--cps` and `--jobs`, and run one call alone.",),
        rules_out=("F060",),
    ),
    Sign(
        cause="F129",
        codes=(),
        pattern=r"concurrent|channel|capacity|\bD[12345]\b|\bD22\b|\bD56\b|\b5190\b|all (lines|"
        r"circuits)|call limit",
        because="the answer itself speaks of channels or capacity",
        says="All channels of the trunk seem to be in use.",
        steps=("Count the calls that are up on this trunk, and run one call alone.",),
        rules_out=("F060",),
    ),
    Sign(
        cause="F130",
        codes=(500, 503, 600),
        because="the answer says when to come back (Retry-After), as an overloaded server does",
        says="{host} cannot take the call now and says when to come back.",
        when=lambda case: bool(case.header("Retry-After")) and case.method != "REGISTER",
        fields=("Retry-After", "Reason"),
        steps=("Wait the time of Retry-After, then run one call alone.",),
        weight=30,
    ),
    Sign(
        cause="F131",
        codes=(500, 503, 480),
        pattern=r"maintenance|draining|shutting down|out of service",
        because="the answer itself speaks of maintenance",
        says="{host} says that it is in maintenance.",
        steps=("Look at the provider's status page, and resolve its name anew.",),
    ),
    Sign(
        cause="F132",
        codes=(503,),
        because="503 often means that the provider's next route has no circuit",
        likelihood=_N,
        methods=_INVITE,
        weight=14,
    ),
    Sign(
        cause="F131",
        codes=(503,),
        because="the server may be down or in maintenance",
        likelihood=_N,
        weight=10,
    ),
    Sign(
        cause="F129",
        codes=(503,),
        because="all channels of the trunk may be in use",
        likelihood=_N,
        methods=_INVITE,
        weight=12,
    ),
    Sign(
        cause="F061",
        codes=(503,),
        because="some providers answer 503 when the credit is used up",
        likelihood=_N,
        directions=_OUT,
        weight=8,
    ),
    Sign(
        cause="F133",
        codes=(502, 504),
        because="{status} says that a server behind {host} failed or was silent",
        says="A server behind {host} failed or did not answer.",
        unknown=(_TOO_SLOW,),
        weight=10,
    ),
    Sign(
        cause="F133",
        codes=(500, 408),
        because="{status} came from {host}, after {took}; something behind it may have failed",
        when=lambda case: not _rang_long(case),
        directions=_OUT,
        likelihood=_N,
        unknown=(_TOO_SLOW,),
        weight=10,
    ),
    Sign(
        cause="F094",
        codes=(408,),
        because="408 is also sent when nobody answers",
        when=_before_ringing,
        directions=_OUT,
        likelihood=_N,
        weight=5,
    ),
)


def _sips(case: Case) -> bool:
    return case.request is not None and (case.request.request_uri or "").lower().startswith("sips:")


def sips_refused(case: Case) -> Iterator[Hypothesis]:
    """416 to a sips: address (RFC 5630)."""
    if case.reply is not None and case.status == 416 and _sips(case):
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
    Rule(name="redirect", gate=_POLICY, causes=("F106", "F107"), find=redirected),
    Rule(name="603+", gate=_POLICY, causes=("F096",), find=analytics),
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
