"""What changed since the last good run of the same step, and what that speaks for.

That it worked until a moment separates causes which one trace shows alike: a block from a firewall
that was always there, a suspended account from one that never had the right. History is a witness
and no proof: it never makes more than likely, and it excludes only what the same run on the same
address could not have survived.
"""

import re
from collections.abc import Iterator

from probe.diagnosis.case import Case, seconds
from probe.diagnosis.differences import asked, host_of, our_address, refusals, when
from probe.diagnosis.explanation import Certainty, Evidence
from probe.diagnosis.history import Before, look
from probe.diagnosis.quote import plain
from probe.diagnosis.rule import Gate, Hypothesis, Rule
from probe.diagnosis.transport import is_silence
from probe.sip.message import SipMessage
from probe.sip.sdp import address_class
from probe.trace.control import Control
from probe.trace.failure import Failure

_RECEIVED = re.compile(r";\s*received\s*=\s*\[?([0-9A-Fa-f.:]+)")
_RPORT = re.compile(r";\s*rport\s*=\s*(\d{1,5})")

_UNREACHABLE = (
    Failure.HOST_UNREACHABLE,
    Failure.PORT_UNREACHABLE,
    Failure.TCP_REFUSED,
    Failure.TCP_TIMEOUT,
    Failure.CONNECTION_LOST,
    Failure.TLS_HANDSHAKE,
)
"""Failures that a machine shows which is not the one that answered before."""

_SOON_S = 600.0
"""Seconds within which a second call to the same number may meet a block of repeated calls."""

_NO_BAN_WITHOUT = "Whether they block us: a block sends nothing, as a stopped server does."

# Silence -----------------------------------------------------------------------------------------


def fell_silent(case: Case) -> Iterator[Hypothesis]:
    """Recognise: the address that answered before is silent now."""
    before = case.before
    if before is None or not before.remote or not _quiet(case) or not _same_target(case, before):
        return
    if any(ran.result == "answered" for _, ran in case.asked(Control.OPTIONS)):
        yield from _silent_to_one(case, before)
        return
    refused = before.refused_logins_since
    steps = (
        case.fill(f"Look at the provider's status page: {{target}} still answered {when(before)}."),
        (
            "Run it from another network: an answer there means that our address or our firewall "
            "is what changed."
        ),
    )
    if refused:
        yield Hypothesis(
            cause="F030",
            likelihood=Certainty.LIKELY,
            because=f"it answered {when(before)}, then {refusals(before)}, and now it is silent",
            says=case.fill("{target} answered us in the last good run, then ")
            + f"{refusals(before)}, and now it is silent: most likely it has blocked our address.",
            evidence=case.cite_failure(),
            steps=(
                "Send nothing for an hour: each try may make the block longer.",
                case.fill("Then correct the login of {login} before it is tried again."),
            ),
            unknown=(_NO_BAN_WITHOUT,),
            rules_out=("F013", "F032"),
            weight=70,
        )
    candidates = (
        ("F131", "it answered us {when} at the same address and is silent now", 36),
        ("F030", "it answered us {when}; they may have blocked our address since", 34),
        ("F015", "it answered us {when}; a firewall rule may be new since then", 32),
    )
    for cause, because, weight in candidates:
        if cause != "F030" or not refused:
            yield Hypothesis(
                cause=cause,
                likelihood=Certainty.UNDECIDED,
                because=because.replace("{when}", when(before)),
                steps=steps,
                unknown=(_NO_BAN_WITHOUT,),
                rules_out=("F013", "F032"),
                weight=weight,
            )
    if our_address(before) != our_address(look(case.trace)):
        yield Hypothesis(
            cause="F036",
            likelihood=Certainty.UNDECIDED,
            because=f"we send from {plain(our_address(look(case.trace)))} now; what answered us "
            f"was asked from {plain(our_address(before))}",
            weight=38,
        )


def _silent_to_one(case: Case, before: Before) -> Iterator[Hypothesis]:
    """Yield what a server may have that answers OPTIONS, and not what it answered before."""
    yield Hypothesis(
        cause="F061",
        likelihood=Certainty.UNDECIDED,
        because=case.fill(
            f"it answered our {{method}} {when(before)}; now it answers OPTIONS and is silent to "
            "{method}, as when the account was closed or suspended"
        ),
        rules_out=("F013", "F032", "F059"),
        weight=36,
    )


def _quiet(case: Case) -> bool:
    return is_silence(case) or case.failed(Failure.TCP_TIMEOUT)


def _same_target(case: Case, before: Before) -> bool:
    return asked(case) in {before.remote, host_of(before.remote)} and (
        case.transport == before.transport
    )


def stopped(case: Case) -> Iterator[Hypothesis]:
    """Recognise: the very port that answered before is closed now."""
    before = case.before
    if before is None or not before.remote or not case.failed(Failure.PORT_UNREACHABLE):
        return
    if _same_target(case, before):
        yield Hypothesis(
            cause="F131",
            likelihood=Certainty.LIKELY,
            because=f"this very port answered {when(before)}, and no program has it now",
            says=case.fill(
                f"{{target}} answered {when(before)}, and no program listens there now: the server "
                "was stopped, or has moved."
            ),
            evidence=case.cite_failure(),
            steps=(
                (
                    "If the server is yours, look whether it runs and on which port; else look at "
                    "the provider's status page."
                ),
            ),
            weight=10,
        )


def moved(case: Case) -> Iterator[Hypothesis]:
    """Recognise: another address is asked now than the one that answered, and in vain."""
    before = case.before
    if before is None or not before.remote or not (_quiet(case) or case.failed(*_UNREACHABLE)):
        return
    then, now = host_of(before.remote), host_of(asked(case)) or asked(case)
    if then == now or case.account is None or address_class(now) == "name":
        return
    if case.account.host == now:  # the profile names an address: whoever changed it knows
        return
    if now in before.addresses:
        yield Hypothesis(
            cause="F007",
            likelihood=Certainty.UNDECIDED,
            because=f"the name led to {plain(now)} then too, and {plain(then)} is what answered",
            weight=37,
        )
        return
    yield Hypothesis(
        cause="F009",
        likelihood=Certainty.LIKELY,
        because=f"{plain(then)} answered {when(before)}, and the name leads to {plain(now)} now",
        says=case.fill(
            f"{{host}} led to {plain(then)} in the last good run and leads to {plain(now)} now, "
            "where nobody answers us."
        ),
        evidence=case.cite_failure(),
        steps=(
            case.fill("Compare the addresses of {host} with the provider's page, and ask a second ")
            + "name server: an old record may be cached, or a new one may be wrong.",
            f"Let the firewall pass {plain(now)} where the provider has moved there.",
        ),
        unknown=("Whether the provider moved, or the name server tells something wrong.",),
        weight=45,
    )


# Refusals ----------------------------------------------------------------------------------------


def our_address_changed(case: Case) -> Iterator[Hypothesis]:
    """Recognise: they see us at another address than before, and refuse us before any login."""
    before = case.before
    if before is None or case.reply is None or case.reply.ours or case.login.challenges:
        return
    then, now = our_address(before), our_address(look(case.trace))
    if case.status not in {403, 404, 503, 603} or not then or not now or then == now:
        return
    yield Hypothesis(
        cause="F036",
        likelihood=Certainty.LIKELY if case.status == 403 else Certainty.UNDECIDED,
        because=f"they knew us at {plain(then)} {when(before)}, and we come from {plain(now)} now",
        says=case.fill(
            f"{{host}} refuses us since our address changed: {plain(then)} in the last good run, "
            f"{plain(now)} now."
        ),
        evidence=(case.cite_start(case.reply.index), *case.cite("Via")),
        steps=(
            (
                f"Have {plain(now)} added to the trunk's list of allowed addresses, or send from "
                f"{plain(then)} again (`local_address:`, the VPN, the fixed address of the line)."
            ),
        ),
        unknown=("Which list or rule refused us: the answer does not say.",),
        weight=44,
    )


def login_refused_since(case: Case) -> Iterator[Hypothesis]:
    """Recognise: the same login was accepted before."""
    before = case.before
    if before is None or not case.trace.login_refused():
        return
    refused = before.refused_logins_since
    if refused >= 2:
        yield Hypothesis(
            cause="F062",
            likelihood=Certainty.UNDECIDED,
            because=f"the same login was accepted {when(before)}, and {refusals(before)}: many "
            "servers lock it after some failures",
            rules_out=("F049",),
            weight=45,
        )
    yield Hypothesis(
        cause="F061",
        likelihood=Certainty.UNDECIDED,
        because=f"the same login was accepted {when(before)}; the account may be suspended since",
        rules_out=("F049",),
        weight=30,
    )


def worked_until(case: Case) -> Iterator[Hypothesis]:
    """Recognise: the same number was reached before from the same address, and is refused now."""
    before = case.before
    if before is None or case.reply is None or case.reply.ours or case.method != "INVITE":
        return
    now = look(case.trace)
    if case.status not in {402, 403, 404, 484, 503, 603, 604}:
        return
    if not our_address(now) or our_address(before) != our_address(now):
        return
    named = case.matching(r"format|invalid|prefix|e\.?164|number")
    listed = ("F060",) if now.seen and now.seen == before.seen else ()
    yield Hypothesis(
        cause="F061",
        likelihood=Certainty.UNDECIDED,
        because=f"the same call was answered {when(before)}; the account may be suspended or out "
        "of credit since",
        rules_out=() if named else ("F073", "F075", "F076", "F085", *listed),
        weight=26,
    )


def called_again(case: Case) -> Iterator[Hypothesis]:
    """Recognise: the same number answered some minutes ago, and the call is refused now."""
    before = case.before
    if before is None or case.reply is None or case.reply.ours or case.method != "INVITE":
        return
    apart = (case.trace.started_at - before.at).total_seconds()
    if case.status not in {403, 404, 480, 486, 600, 603} or not 0 <= apart <= _SOON_S:
        return
    yield Hypothesis(
        cause="F134",
        likelihood=Certainty.LIKELY if case.status == 404 else Certainty.UNDECIDED,
        because=f"the same number was answered {seconds(apart)} ago, and some providers refuse a "
        "number that is called again too soon",
        says=case.fill(
            f"{{number}} was answered {seconds(apart)} ago and is refused with {{answer}} now: "
            "some providers refuse the same number when it is called again too soon."
        ),
        evidence=(case.cite_start(case.reply.index),),
        steps=("Wait a quarter of an hour, run it once more, and compare.",),
        weight=28,
    )


def certificate_changed(case: Case) -> Iterator[Hypothesis]:
    """Recognise: verification passed before and says "expired" now."""
    if case.before is None or not case.before.tls or not case.failed(Failure.TLS_CERTIFICATE):
        return
    for index, change in case.connections:
        if any("expired" in fault or "not yet" in fault for fault in change.certificate):
            yield Hypothesis(
                cause="F037",
                likelihood=Certainty.LIKELY,
                because=f"the certificate passed {when(case.before)} and is out of date now",
                evidence=(
                    Evidence(event=index, says=f"verification: {', '.join(change.certificate)}"),
                ),
            )
            return


# Calls in, and the path in mid-call --------------------------------------------------------------


def no_longer_called(case: Case) -> Iterator[Hypothesis]:
    """Recognise: calls reached us before, and none does now."""
    if case.before is None or case.direction != "inbound" or case.received or case.reply:
        return
    candidates = (
        ("F028", "calls reached us {when}; a router on the way may have forgotten us since", 20),
        ("F066", "calls reached us {when}; another device may hold the registration now", 18),
    )
    for cause, because, weight in candidates:
        yield Hypothesis(
            cause=cause,
            likelihood=Certainty.UNDECIDED,
            because=because.replace("{when}", when(case.before)),
            weight=weight,
        )


def path_changed(case: Case) -> Iterator[Hypothesis]:
    """Recognise: they saw us at one address when the call began, and at another one later."""
    if case.invite is None or case.transport != "UDP":
        return
    views = [
        (index, view)
        for index, _, message in case.trace.messages()
        if index in case.received and not message.is_request and (view := _view(message))
    ]
    other = next(((i, v) for i, v in views if v != views[0][1]), None)
    if other is None:
        return
    (first, then), (later, now) = views[0], other
    yield Hypothesis(
        cause="F146",
        likelihood=Certainty.LIKELY,
        because=f"they saw us at {then} when the call began and at {now} later in it",
        says=f"Our address changed while the call was up: they saw us at {then} first, then at "
        f"{now}.",
        evidence=(
            *case.cite("Via", index=first),
            *case.cite("Via", index=later),
        ),
        steps=(
            (
                "Look for a second line, a VPN or a router that drops idle UDP; keep-alives or TCP "
                "hold the path."
            ),
        ),
    )


def _view(response: SipMessage) -> str:
    """Return the address and port at which a response says that they see us (RFC 3581 §4)."""
    via = (response.first("Via") or "").partition(",")[0]
    found, port = _RECEIVED.search(via), _RPORT.search(via)
    return f"{found.group(1)}:{port.group(1)}" if found and port else ""


RULES = (
    Rule(
        name="silent since the last good run",
        gate=Gate.TRANSPORT,
        causes=("F015", "F030", "F036", "F061", "F131"),
        find=fell_silent,
    ),
    Rule(
        name="port closed that answered in the last good run",
        gate=Gate.TRANSPORT,
        causes=("F131",),
        find=stopped,
    ),
    Rule(
        name="another address than in the last good run",
        gate=Gate.TRANSPORT,
        causes=("F007", "F009"),
        find=moved,
    ),
    Rule(
        name="certificate passed in the last good run",
        gate=Gate.TLS,
        causes=("F037",),
        find=certificate_changed,
    ),
    Rule(
        name="our address is another than in the last good run",
        gate=Gate.AUTHENTICATION,
        causes=("F036",),
        find=our_address_changed,
    ),
    Rule(
        name="login accepted in the last good run",
        gate=Gate.AUTHENTICATION,
        causes=("F061", "F062"),
        find=login_refused_since,
    ),
    Rule(
        name="call answered in the last good run",
        gate=Gate.POLICY,
        causes=("F061",),
        find=worked_until,
    ),
    Rule(
        name="same number a short while ago",
        gate=Gate.POLICY,
        causes=("F134",),
        find=called_again,
    ),
    Rule(
        name="calls came in in the last good run",
        gate=Gate.SESSION,
        causes=("F028", "F066"),
        find=no_longer_called,
    ),
    Rule(
        name="seen at another address in mid-call",
        gate=Gate.SESSION,
        causes=("F146",),
        find=path_changed,
    ),
)
