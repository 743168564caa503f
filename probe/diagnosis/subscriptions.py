"""Why a subscription, its NOTIFYs, or a message did not come to what was wanted."""

from collections.abc import Iterator

from probe.diagnosis.case import Case, is_private
from probe.diagnosis.explanation import Certainty
from probe.diagnosis.rule import Gate, Hypothesis, Rule, Sign, rows
from probe.sip.message import uri_host
from probe.trace.failure import Failure

_SUBSCRIBE = ("SUBSCRIBE",)
_KNOWN = frozenset(
    {"REGISTER", "INVITE", "OPTIONS", "BYE", "CANCEL", "SUBSCRIBE", "MESSAGE", "REFER", "INFO"}
)
"""Methods of which another table says what 405 and 501 mean."""


def _after_login(case: Case) -> bool:
    return case.login.decided_after


def _before_login(case: Case) -> bool:
    return not case.login.decided_after


def _inside(case: Case) -> bool:
    """Whether the SUBSCRIBE belonged to a subscription that stood."""
    return case.request is not None and bool(case.request.to_tag)


def _outside(case: Case) -> bool:
    return not _inside(case)


REFUSED = rows(
    Sign(
        cause="F181",
        codes=(489,),
        because="489 says that they do not know the event package (RFC 6665 §4.1.2.3)",
        says="{host} does not offer the event package that our SUBSCRIBE names.",
        likelihood=Certainty.CERTAIN,
        fields=("Allow-Events",),
        steps=("Subscribe to a package that Allow-Events lists, or switch the feature on there.",),
    ),
    Sign(
        cause="F182",
        codes=(403, 603),
        when=_after_login,
        because="they know who we are, and refuse this state to us",
        says="{host} knows us and does not let us watch {number}.",
        steps=("Permit {user} to watch {number}: a hint, a group, or a rule of presence.",),
        weight=20,
    ),
    Sign(
        cause="F182",
        codes=(403, 603),
        when=_before_login,
        because="{status} to a SUBSCRIBE may speak of the state that we asked for",
        likelihood=Certainty.UNDECIDED,
        weight=20,
    ),
    Sign(
        cause="F183",
        codes=(404, 410, 480, 604),
        when=_outside,
        because="{status} says that nobody keeps the state of that address",
        says="{host} keeps no such state for {number}.",
        steps=("Check the address under `to:`, and whether a hint or a mailbox exists for it.",),
        weight=20,
    ),
    Sign(
        cause="F185",
        codes=(481,),
        when=_inside,
        because="they answered a SUBSCRIBE inside the subscription with 481",
        says="{host} no longer knows the subscription.",
        likelihood=Certainty.CERTAIN,
        steps=("Look for a NOTIFY that ended it, or for a restart of the server.",),
    ),
    methods=_SUBSCRIBE,
)

METHODS = rows(
    Sign(
        cause="F126",
        codes=(405, 501),
        when=lambda case: case.method not in _KNOWN,
        because="{status} says that the method {method} is unknown or not allowed",
        says="{host} does not take {method} at that address.",
        likelihood=Certainty.CERTAIN,
        fields=("Allow",),
        steps=("Check the target of the {method}; Allow lists what they take.",),
    ),
)


def no_notify(case: Case) -> Iterator[Hypothesis]:
    """Recognise: the SUBSCRIBE was accepted, and no NOTIFY came."""
    reply = case.reply
    if case.method != "SUBSCRIBE" or reply is None or case.trace.received("NOTIFY"):
        return
    if not 200 <= reply.status < 300:
        return
    contact = uri_host(case.request.first("Contact"))[0] if case.request is not None else ""
    hidden = is_private(contact) and not is_private(uri_host(f"sip:{case.target}")[0])
    yield Hypothesis(
        cause="F184",
        likelihood=Certainty.LIKELY,
        because="the notifier owes a NOTIFY at once (RFC 6665 §4.2.1.2), and none arrived",
        says=case.fill("{host} accepted our SUBSCRIBE with {answer}, and no NOTIFY reached us."),
        evidence=(case.cite_start(reply.index),),
        steps=(
            case.fill(
                "Our Contact holds an address that {host} may not reach: open the way for requests "
                "from outside, or have the far side answer to where we sent from."
            )
            if hidden
            else "Capture on the server: does it send a NOTIFY, and to which address?",
        ),
        unknown=("Whether a NOTIFY was sent and lost, or none was sent.",),
    )


def nothing_awaited(case: Case) -> Iterator[Hypothesis]:
    """Recognise: a request that a step waits for did not come."""
    if not case.failed(Failure.NO_REQUEST):
        return
    if case.method == "NOTIFY":
        yield Hypothesis(
            cause="F184",
            likelihood=Certainty.UNDECIDED,
            because="a NOTIFY was waited for, and none came",
            says="No NOTIFY came in time: the state did not change, or its NOTIFY did not reach "
            "us.",
            evidence=case.cite_failure(),
            steps=("See that the state changes in that time, or raise `within:` of the step.",),
            unknown=("Whether the state changed at all.",),
        )
    elif case.method == "MESSAGE":
        yield Hypothesis(
            cause="F186",
            likelihood=Certainty.LIKELY,
            because="the sender's MESSAGE was accepted, and it did not reach us",
            says="The message was accepted from its sender, and did not reach us in time.",
            evidence=case.cite_failure(),
            steps=(
                "Check that the recipient is registered, and look for messages kept for later.",
            ),
        )


RULES: tuple[Rule, ...] = (
    *REFUSED,
    *METHODS,
    Rule(name="no NOTIFY after 2xx", gate=Gate.SESSION, causes=("F184",), find=no_notify),
    Rule(
        name="nothing that was awaited",
        gate=Gate.SESSION,
        causes=("F184", "F186"),
        find=nothing_awaited,
    ),
)
"""The rules of this file."""
