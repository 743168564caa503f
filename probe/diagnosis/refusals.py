"""What a refusal by its code alone can mean: a row a meaning, in tables by subject.

Nearly all of it is known to the other side only, so most rows speak of likely or possible causes.
Codes that carry their whole reason (420, 421, 422, 423, 513, 607, 608 …) are the exception.
"""

import re

from probe.diagnosis.case import Case
from probe.diagnosis.explanation import Certainty
from probe.diagnosis.rule import Gate, Sign, rows

E164 = re.compile(r"\+[1-9]\d{6,14}")
"""A number in full international form (ITU-T E.164, RFC 3966 §5.1.4)."""

HUMAN_S = (1.0, 14.0)
"""Seconds of ringing after which people press the red key; longer ringing ends by a timer."""

LONG_RING_S = 15.0
"""Seconds of ringing from which nobody seems to answer."""

TOO_SLOW = "Which hop behind {host} is at fault: only the provider can see it."


_OUTBOUND = re.compile(r"\b(outbound|path|gruu)\b", re.IGNORECASE)
"""Option tags of SIP Outbound, Path and GRUU."""


def _about_outbound(case: Case) -> bool:
    """Whether the answer names SIP Outbound, Path or GRUU."""
    return bool(_OUTBOUND.search(f"{case.header('Require')} {case.header('Unsupported')}"))


def _our_own_number(case: Case) -> bool:
    """Whether the dialled number is one that the trunk profile calls our own."""
    own = case.account.numbers if case.account else ()
    digits = case.dialled.lstrip("+")
    return bool(digits) and any(number.lstrip("+") == digits for number in own)


def _before_ringing(case: Case) -> bool:
    return case.rang is None


def _after_ringing(case: Case) -> bool:
    return case.rang is not None


def _like_a_person(case: Case) -> bool:
    return case.rang is not None and HUMAN_S[0] <= case.rang_s <= HUMAN_S[1]


def rang_long(case: Case) -> bool:
    """Whether it rang for so long that nobody seems to answer."""
    return case.rang is not None and case.rang_s >= LONG_RING_S


def format_is_odd(case: Case) -> bool:
    """Whether the dialled number is long enough for a public one and not written as E.164."""
    digits = re.sub(r"\D", "", case.dialled)
    return len(digits) > 6 and E164.fullmatch(case.dialled) is None


def to_sips(case: Case) -> bool:
    """Whether our request went to a sips: address."""
    return case.request is not None and (case.request.request_uri or "").lower().startswith("sips:")


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
        when=lambda case: not format_is_odd(case),
        steps=("Check {number} digit by digit, and call it from another phone.",),
        unknown=("Whether the number itself or the provider's route to it is at fault.",),
        weight=10,
    ),
    Sign(
        cause="F072",
        codes=(404, 410, 604),
        directions=_OUT,
        because="{status} is also the usual answer to a number that does not exist",
        when=format_is_odd,
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
        when=lambda case: not to_sips(case),
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
        rules_out=("F060",),
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
        r"|paused)|payment",
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
        pattern=r"international|country|geo|destination (not|is not|blocked|disabled)",
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
        pattern=r"premium|satellite|barred|fraud",
        because="the answer itself speaks of a barred kind of number",
        says="{number} is of a kind that the provider bars.",
        rules_out=("F060", "F077"),
    ),
    Sign(
        cause="F079",
        codes=(),
        methods=_INVITE,
        pattern=r"outbound profile|trial|not verified",
        because="the answer itself speaks of an account that is not set up for outgoing calls",
        says="The account does not seem to be set up for outgoing calls.",
        rules_out=("F060",),
    ),
    Sign(
        cause="F080",
        codes=(),
        methods=_INVITE,
        pattern=r"(daily|spend|monthly|minute).{0,15}(limit|cap)|cost exceeded",
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
        pattern=r"caller.?id|\bcli\b|\bani\b|from number|calling num"
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
        pattern=r"do.not.originate|\bdno\b|reputation",
        because="the answer itself says that the calling number is on a list",
        says="The calling number {caller} is on a list of numbers that are not let through.",
        rules_out=("F060",),
        weight=10,
    ),
    Sign(
        cause="F085",
        codes=(403,),
        pattern=r"from equals to|self.?call",
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
        when=lambda case: rang_long(case) and case.status != 487,
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
        codes=(404, 480),
        because="{number} is a number of our own, and they have no device to send its calls to",
        says="They have no registered device to which calls for our own number {number} could go.",
        when=_our_own_number,
        directions=_OUT,
        steps=("Run a `register` step first, or set the number's target in the portal.",),
        rules_out=("F072",),
        weight=60,
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
        cause="F071",
        codes=(420, 421),
        methods=("REGISTER",),
        when=_about_outbound,
        because="{status} is about SIP Outbound or Path (RFC 5626, RFC 3327)",
        says="The registrar and our side disagree about SIP Outbound or Path.",
        likelihood=Certainty.CERTAIN,
        fields=("Require", "Unsupported"),
        rules_out=("F110", "F111"),
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
        cause="F084",
        codes=(),
        pattern=r"p-asserted|\bPAI\b|remote-party|\bRPID\b|p-preferred",
        because="the answer itself asks for the caller number in a header field of its own",
        says="They look for our caller number in another header field than From.",
        methods=_INVITE,
        steps=("Put the number into the field that the answer names, with `headers:`.",),
        rules_out=("F060", "F047"),
    ),
    Sign(
        cause="F128",
        codes=(),
        pattern=r"\bcps\b|calls? per sec|call rate|rate limit",
        because="the answer itself speaks of calls per second",
        says="They refuse the call because too many came within a second.",
        steps=("Lower `--cps` and `--jobs`, and run one call alone.",),
        rules_out=("F060",),
    ),
    Sign(
        cause="F129",
        codes=(),
        pattern=r"concurrent|channel|capacity|all (lines|circuits)|call limit",
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
        unknown=(TOO_SLOW,),
        weight=10,
    ),
    Sign(
        cause="F133",
        codes=(500, 408),
        because="{status} came from {host}, after {took}; something behind it may have failed",
        when=lambda case: not rang_long(case),
        directions=_OUT,
        likelihood=_N,
        unknown=(TOO_SLOW,),
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
