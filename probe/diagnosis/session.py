"""What happened to the offer and after the answer: SDP, ACK, BYE (RFC 3261, 3264)."""

import re
from collections.abc import Iterator

from probe.diagnosis.case import Case, seconds
from probe.diagnosis.explanation import Certainty, Evidence
from probe.diagnosis.quote import plain
from probe.diagnosis.rule import Gate, Hypothesis, Rule, Sign, contains, rows
from probe.reference import reference
from probe.sip.sdp import MediaDescription, SessionDescription, address_class
from probe.trace.failure import Failure
from probe.trace.trace import UNACKNOWLEDGED, UNASKED, MessageEvent, Transaction, TransactionFailed

G711 = frozenset({"PCMU", "PCMA"})
"""What nearly every trunk takes (ITU-T G.711)."""

_OFFER_CODES = (406, 415, 488, 606)
_SOON_S = 2.0
_ACK_GIVES_UP_S = (20.0, 40.0)
"""A peer without ACK repeats its 2xx for 64*T1 = 32 s and then ends the call (§13.3.1.4)."""

_ROUND_S = (60, 3600, 7200, 14400)
"""Seconds of which time limits of providers are usually multiples."""


# The offer was refused --------------------------------------------------------------------------


def offer_refused(case: Case) -> Iterator[Hypothesis]:
    """488, 606, 415 or 406 to our INVITE: compare what we offered with what trunks take."""
    reply = case.reply
    if reply is None or reply.ours or case.method != "INVITE":
        return
    if reply.status not in _OFFER_CODES:
        return
    evidence = (case.cite_start(reply.index), *case.cite_audio(reply.request))
    offer = case.offer
    if offer is None or offer.audio is None:
        yield Hypothesis(
            cause="F118",
            likelihood=Certainty.LIKELY,
            because="our INVITE carried no offer of audio",
            says="They want an offer in the INVITE, and ours had none.",
            evidence=evidence,
            weight=40,
        )
        return
    yield from _from_offer(case, offer, offer.audio, evidence)


def _from_offer(
    case: Case, offer: SessionDescription, audio: MediaDescription, evidence: tuple[Evidence, ...]
) -> Iterator[Hypothesis]:
    codecs = ", ".join(plain(codec) for codec in audio.codecs[:8])
    has_g711 = bool(G711 & {codec.upper() for codec in audio.codecs})
    provider = case.facts["provider"]
    yield Hypothesis(
        cause="F114",
        likelihood=Certainty.UNDECIDED if audio.secure or has_g711 else Certainty.LIKELY,
        because=f"we offered {codecs}, and they may want another codec",
        says=f"They did not accept our audio offer ({codecs}): most likely no codec in it is one "
        "of theirs.",
        evidence=evidence,
        steps=(
            (
                f"Compare {codecs} with the codec list in the portal of {provider}, and set "
                "`codecs:` to match (PCMU and PCMA are the safest)."
            ),
        ),
        weight=30 if not has_g711 else 20,
    )
    if audio.secure:
        yield Hypothesis(
            cause="F116",
            likelihood=Certainty.LIKELY,
            because=f"we offered encrypted audio only ({plain(audio.profile)})",
            says="They did not accept our encrypted audio offer: most likely they take no SRTP.",
            evidence=evidence,
            steps=(_other_keys(audio.profile),),
            weight=40,
        )
    else:
        encrypted = case.transport == "TLS"
        yield Hypothesis(
            cause="F115",
            likelihood=Certainty.UNDECIDED,
            because="we offered audio without encryption, and they may require SRTP"
            + (" as trunks over TLS often do" if encrypted else ""),
            evidence=evidence,
            weight=25 if encrypted else 15,
        )
    if len(offer.media) > 1 or any(name.startswith("ice-") for name, _ in audio.attributes):
        yield Hypothesis(
            cause="F117",
            likelihood=Certainty.LIKELY,
            because="our offer has more than one plain audio line",
            says="They did not accept our offer: it holds more than plain audio.",
            evidence=evidence,
            weight=35,
        )
    if address_class(audio.address) == "unspecified" or ":" in audio.address:
        yield Hypothesis(
            cause="F119",
            likelihood=Certainty.LIKELY,
            because=f"our offer names the audio address {plain(audio.address)}",
            says=f"They did not accept our offer: its audio address is {plain(audio.address)}.",
            evidence=evidence,
            weight=35,
        )


def warning_codes(case: Case) -> Iterator[Hypothesis]:
    """Recognise: a Warning code beside the refusal (RFC 3261 §20.43)."""
    if case.reply is None or case.status not in (*_OFFER_CODES, 400, 403, 480, 500):
        return
    for code in case.warnings[:3]:
        entry = reference.warning(code)
        for place, cause in enumerate(entry.causes):
            yield Hypothesis(
                cause=cause,
                likelihood=Certainty.UNDECIDED if place else Certainty.LIKELY,
                because=f"the Warning header says {code} ({entry.name})",
                evidence=(case.cite_start(case.reply.index), *case.cite("Warning")),
                weight=80 - place,
            )


# Our side could not use the answer --------------------------------------------------------------


def unusable_answer(case: Case) -> Iterator[Hypothesis]:
    """Their 2xx cannot be used, and our side hung up (RFC 3264 §7)."""
    if case.answer is None or not _hung_up_on_the_answer(case):
        return
    if case.failure is not None and case.failure.detail == UNACKNOWLEDGED:
        yield _unacknowledged(case, case.answer)
        return
    fault, detail = _fault_of_answer(case, case.answer_sdp)
    evidence = (case.cite_start(case.answer), *case.cite_audio(case.answer), *_bye_reason(case))
    if fault == "plain":
        yield Hypothesis(
            cause="F116",
            likelihood=Certainty.LIKELY,
            because="we require encrypted audio, and the answer is not encrypted",
            says="They answered with unencrypted audio although the trunk profile requires SRTP, "
            "so our side hung up.",
            evidence=evidence,
            steps=("Set `srtp: optional` or `off`, or have the provider turn SRTP on.",),
        )
        return
    yield Hypothesis(
        cause="F121",
        likelihood=Certainty.CERTAIN,
        because=f"their 2xx {detail}, and our side ended the call at once",
        says=f"They answered, but the answer {detail}, so our side hung up.",
        evidence=evidence,
        steps=(
            case.fill("Tell the provider what {host} answered, with the trace; ")
            + f"our offer was {_offered(case)}.",
        ),
    )


def _unacknowledged(case: Case, answer: int) -> Hypothesis:
    """Say why no ACK could leave: it goes to the Contact of their 2xx (RFC 3261 §12.1.2)."""
    contact = plain(case.trace.message(answer).first("Contact") or "", 120)
    no_sip = re.search(r"(?:^|<)\s*(?!sips?:)[a-z][a-z0-9+.-]*:", contact, re.IGNORECASE)
    where = (
        f"its Contact ({contact}) is no SIP address" if no_sip else f"its Contact is '{contact}'"
    )
    return Hypothesis(
        cause="F121",
        likelihood=Certainty.CERTAIN if no_sip else Certainty.LIKELY,
        because=f"no ACK of ours could leave for their 2xx: {where}",
        says=f"They answered, but {where}, so our ACK had nowhere to go.",
        evidence=(case.cite_start(answer), *case.cite("Contact", index=answer)),
        steps=("Tell the provider which Contact its 200 carries, with the trace.",),
    )


def unusable_early_answer(case: Case) -> Iterator[Hypothesis]:
    """Recognise an answer in their 18x that our stack could not use (RFC 3261 §13.2.1)."""
    if case.answer is not None or case.early is None or not case.failed(Failure.UNUSABLE_ANSWER):
        return
    message = case.trace.message(case.early)
    _, detail = _fault_of_answer(case, message.sdp)
    yield Hypothesis(
        cause="F121",
        likelihood=Certainty.CERTAIN,
        because=f"their {message.status} {detail}, and our side cancelled the call at once",
        says=f"They sent early audio, but their {message.status} {detail}, so our side cancelled "
        "the call.",
        evidence=(case.cite_start(case.early), *case.cite_audio(case.early)),
        steps=(
            case.fill("Tell the provider what {host} sent with its early answer, with the trace; ")
            + f"our offer was {_offered(case)}.",
        ),
    )


def _hung_up_on_the_answer(case: Case) -> bool:
    if case.failed(Failure.UNUSABLE_ANSWER):
        return True
    bye = case.our_bye
    return (
        bye is not None
        and case.after_answer(bye) <= _SOON_S
        and any(r.protocol == "SIP" and r.cause in {406, 415, 488} for r in case.reasons(bye))
    )


def _other_keys(profile: str) -> str:
    """Return what to try after an offer of this profile was refused (RFC 4568, RFC 5764 §8)."""
    if profile.upper().startswith("UDP/TLS/"):
        return (
            "Set `srtp: required` (keys in the SDP, over TLS) or `off` in the trunk profile and "
            "call again: they may take no keys by DTLS."
        )
    return (
        "Set `srtp: off` (or `optional`) in the trunk profile and call again; where a PBX takes "
        "keys by DTLS alone, `srtp: dtls`."
    )


def _fault_of_answer(case: Case, sdp: SessionDescription | None) -> tuple[str, str]:
    """Return a word for what is wrong with an answer, and the words to say it."""
    if sdp is None:
        return "none", "has no session description"
    audio = sdp.audio
    if audio is None:
        return "no audio", "has no audio line that can be read"
    if audio.port == 0:
        return "port", "refuses the audio (port 0)"
    required = case.account is not None and case.account.srtp in {"required", "dtls"}
    if required and not audio.secure:
        return "plain", "has unencrypted audio"
    offered = {codec.upper() for codec in _codecs(case.offer)}
    if audio.codec is not None and audio.codec.upper() not in offered and offered:
        return "codec", f"names the codec {plain(audio.codec)}, which we did not offer"
    return "other", "holds a session description that we cannot use"


def _codecs(sdp: SessionDescription | None) -> tuple[str, ...]:
    return sdp.audio.codecs if sdp is not None and sdp.audio is not None else ()


def _offered(case: Case) -> str:
    return ", ".join(plain(codec) for codec in _codecs(case.offer)[:8]) or "empty"


# After the answer -------------------------------------------------------------------------------


def ack_lost(case: Case) -> Iterator[Hypothesis]:
    """They repeat their 2xx although our ACK left (RFC 3261 §13.3.1.4)."""
    repeats = case.repeated_answers
    if case.invite is None or case.answer is None or not repeats:
        return
    ended = case.their_bye is not None and _between(
        case.after_answer(case.their_bye), _ACK_GIVES_UP_S
    )
    if len(repeats) < 2 and not ended:
        return
    ack = case.invite.acks[0]
    evidence = (
        case.cite_start(ack),
        Evidence(
            event=repeats[-1],
            says=f"the answer came {len(repeats) + 1} times, the last {seconds(_gap(case, ack))} "
            "after our first ACK",
        ),
    )
    other_way = _transport_at(case, ack) != _transport_at(case, case.invite.request)
    if other_way:
        yield Hypothesis(
            cause="F139",
            likelihood=Certainty.LIKELY,
            because="our ACK left over another transport than the INVITE",
            says="Our ACK left over another transport than the call, and they never saw it.",
            evidence=evidence,
            steps=("Use the transport that their Record-Route or Contact names in `uri:`.",),
            weight=10,
        )
    yield Hypothesis(
        cause="F136",
        likelihood=Certainty.LIKELY if other_way or _strayed(case) else Certainty.CERTAIN,
        because="they keep repeating their answer although our ACK left, so it does not reach them",
        says="They answered, our ACK left, and they never saw it: they keep repeating the answer "
        "and drop such a call after about 32 s.",
        evidence=(*evidence, *case.cite("Contact", "Record-Route", index=case.answer)),
        steps=(
            (
                "Check that the address in their Contact or Record-Route can be reached from here: "
                "the ACK goes there."
            ),
        ),
    )


def their_ack_missing(case: Case) -> Iterator[Hypothesis]:
    """On an incoming call our 2xx is repeated and no ACK arrives."""
    for transaction in case.trace.transactions():
        if transaction.ours or transaction.method != "INVITE" or transaction.acks:
            continue
        repeated = [i for i in transaction.repeated if _is_2xx(case, i)]
        if len(repeated) >= 2:
            yield Hypothesis(
                cause="F137",
                likelihood=Certainty.CERTAIN,
                because="our answer was repeated and no ACK arrived",
                says="The incoming call was answered, and the caller's ACK never arrived here.",
                evidence=(
                    case.cite_start(repeated[-1]),
                    *case.cite("Contact", index=repeated[-1]),
                ),
                steps=("Check that the address in our Contact can be reached from outside.",),
            )
            return


def phantom_call(case: Case) -> Iterator[Hypothesis]:
    """CANCEL and 200 crossed (RFC 3261 §9.1)."""
    cancel, answer = case.our_cancel, case.answer
    if cancel is not None and answer is not None and answer > cancel:
        yield Hypothesis(
            cause="F123",
            likelihood=Certainty.CERTAIN,
            because="their answer arrived after our CANCEL had left",
            says="They answered at the moment when we cancelled, so the call came up after all.",
            evidence=(case.cite_start(cancel), case.cite_start(answer)),
            steps=(
                "Change `ring_for:`, so that the cancel does not fall on the answer."
                if case.our_bye is not None
                else "Check that the call is down: no BYE of ours is in the trace.",
            ),
        )


def forked(case: Case) -> Iterator[Hypothesis]:
    """Recognise: the call went through, and several devices answered for themselves."""
    if case.invite is None or "responses" not in case.kinds:
        return
    by_tag = {
        tag: index
        for index in reversed(case.invite.responses)
        if _status(case, index) > 100 and (tag := case.trace.message(index).to_tag)
    }
    if len(by_tag) < 2:
        return
    first, second, *_ = sorted(by_tag.values())
    yield Hypothesis(
        cause="F135",
        likelihood=Certainty.CERTAIN,
        because=f"responses came in {len(by_tag)} dialogs: their To tags differ (RFC 3261 §12.1)",
        says=f"The call was sent on to {len(by_tag)} devices, and each answered for itself.",
        evidence=(case.cite_start(first), case.cite_start(second)),
        steps=("Write the sequence so that each branch may ring: `180*`.",),
    )


def hung_up_by_them(case: Case) -> Iterator[Hypothesis]:
    """Recognise: the peer's BYE ended the call; when it came tells the suspects."""
    bye = case.their_bye
    if bye is None or case.answer is None or (case.our_bye is not None and case.our_bye < bye):
        return
    if case.repeated_answers:
        return
    after = case.after_answer(bye)
    evidence = (
        Evidence(event=bye, says=f"they sent BYE {seconds(after)} after the answer"),
        *case.cite("Reason", index=bye),
    )
    yield from _by_reason(case, bye, evidence)
    if after <= _SOON_S:
        yield Hypothesis(
            cause="F144",
            likelihood=Certainty.LIKELY,
            because=f"they hung up {seconds(after)} after answering",
            says=f"They answered and hung up {seconds(after)} later.",
            evidence=evidence,
            unknown=("Why they hung up: codec, audio path and fraud filters look the same.",),
            weight=20,
        )
    elif _is_round(after):
        yield Hypothesis(
            cause="F142",
            likelihood=Certainty.LIKELY,
            because=f"they hung up after {seconds(after)}, a round time",
            says=f"Their side ended the call after {seconds(after)}, like a time limit.",
            evidence=evidence,
            weight=10,
        )
    expires = _session_expires(case, case.answer)
    if expires and _between(after, (expires - min(32, expires / 3) - 3, expires + 3)):
        yield Hypothesis(
            cause="F140",
            likelihood=Certainty.LIKELY,
            because=f"the session timer is {expires} s and the call ended {seconds(after)} after "
            "the answer",
            says="The session timer ran out without a refresh, and their side ended the call.",
            evidence=(*evidence, *case.cite("Session-Expires", index=case.answer)),
            steps=("Set `session_timer: optional` in the trunk profile.",),
            weight=40,
        )


_BYE_REASONS = (
    (
        "F141",
        r"rtp|media.{0,10}time|inactiv|no audio|3020",
        "their Reason speaks of missing audio",
        "They ended the call because no audio reached them.",
    ),
    (
        "F142",
        r"balance|credit|duration|max.{0,6}time|teardown|limit",
        "their Reason speaks of a limit or of credit",
        "They ended the call because a limit or the credit was reached.",
    ),
    (
        "F136",
        r"\back\b",
        "their Reason speaks of a missing ACK",
        "They ended the call because our ACK did not reach them.",
    ),
)
"""Words in the Reason of their BYE: cause, pattern, why, summary."""


def _by_reason(case: Case, bye: int, evidence: tuple[Evidence, ...]) -> Iterator[Hypothesis]:
    said = " ".join(case.trace.message(bye).all("Reason"))
    for cause, pattern, because, says in _BYE_REASONS:
        if contains(pattern, said):
            yield Hypothesis(
                cause=cause,
                likelihood=Certainty.LIKELY,
                because=because,
                says=says,
                evidence=evidence,
                weight=60,
            )
            return
    for reason in case.reasons(bye):
        if reason.protocol == "Q.850" and reason.cause in {58, 65, 79, 88}:
            yield Hypothesis(
                cause="F114",
                likelihood=Certainty.LIKELY,
                because=f"their BYE carries Q.850 cause {reason.cause}, as after a codec mismatch",
                says="They hung up because the audio did not suit them.",
                evidence=evidence,
                weight=30,
            )


def hang_up_unconfirmed(case: Case) -> Iterator[Hypothesis]:
    """Our BYE got no final response."""
    bye = _last(case, "BYE")
    if bye is None or any(_status(case, i) >= 200 for i in bye.responses):
        return
    if bye.copies >= 2 or bye.failure is not None:
        yield Hypothesis(
            cause="F145",
            likelihood=Certainty.CERTAIN,
            because=f"our BYE left {bye.copies} times and was never answered",
            says="They did not confirm our hang-up: the call may still be up, and billed, on "
            "their side.",
            evidence=(case.cite_start(bye.request),),
            steps=(
                "Check in the portal that the call has ended.",
                "Check that the address in their Contact or Record-Route can be reached from here.",
            ),
        )


def connection_gone(case: Case) -> Iterator[Hypothesis]:
    """Recognise: the call was up, and our BYE had no connection left to go by."""
    unsent = [
        (index, failed)
        for index, failed in case.all_of(TransactionFailed)
        if failed.method == "BYE" and failed.failure is Failure.CONNECTION_LOST
    ]
    if not unsent:
        return
    index, failed = unsent[-1]
    yield Hypothesis(
        cause="F146",
        likelihood=Certainty.LIKELY,
        because="the connection was lost while the call was up, and could not be made again",
        says="The connection to them was lost in the middle of the call, so our BYE could not be "
        "sent: they may still count the call.",
        evidence=(
            *(
                Evidence(event=i, says=f"{change.transport} {change.state}: {plain(change.error)}")
                for i, change in case.connections
                if change.state == "disconnected" and change.error
            ),
            Evidence(event=index, says=plain(failed.detail)),
        ),
        steps=(
            "See whether the call is still up at the provider, and end it there.",
            "Keep the connection alive, and look for a NAT or firewall that forgets it.",
        ),
        weight=60,
    )
    yield Hypothesis(
        cause="F145",
        likelihood=Certainty.UNDECIDED,
        because="nobody confirmed the end of the call",
        weight=10,
    )


def ended_by_our_stack(case: Case) -> Iterator[Hypothesis]:
    """Recognise: no step hung up, the peer did not either, and a session timer ran (RFC 4028)."""
    noted = [index for index, note in case.notes if note.kind == UNASKED]
    if not noted or case.answer is None or case.our_bye is None:
        return
    after = case.after_answer(case.our_bye)
    expires = _session_expires(case, case.answer)
    if not expires or after < expires - min(32, expires / 3) - 5:
        return
    yield Hypothesis(
        cause="F140",
        likelihood=Certainty.CERTAIN,
        because=f"the session timer is {expires} s, nothing refreshed it, and our side ended the "
        f"call {seconds(after)} after the answer, as RFC 4028 §10 demands",
        says="The session timer ran out without a refresh, so our side ended the call.",
        evidence=(
            Evidence(event=case.our_bye, says=f"our BYE left {seconds(after)} after the answer"),
            *case.cite("Session-Expires", index=case.answer),
        ),
        steps=("Have the refresher that the answer names refresh, or set `session_timer: off`.",),
        weight=50,
    )


def dialog_unknown(case: Case) -> Iterator[Hypothesis]:
    """Recognise: a request inside the call was answered 481, or refused as a stranger."""
    for transaction in case.trace.transactions():
        if not transaction.ours or not _in_dialog(case, transaction):
            continue
        for index in transaction.responses:
            status = _status(case, index)
            if status == 481:
                yield Hypothesis(
                    cause="F125",
                    likelihood=Certainty.CERTAIN,
                    because=f"they answered our {transaction.method} with 481",
                    says=f"They no longer know the call: our {transaction.method} was answered "
                    "with 481.",
                    evidence=(case.cite_start(transaction.request), case.cite_start(index)),
                    steps=("Ask whether their server restarted, or another node got the request.",),
                )
                return
            if status in {403, 404} and transaction.method in {"BYE", "UPDATE", "INFO", "REFER"}:
                yield Hypothesis(
                    cause="F138",
                    likelihood=Certainty.LIKELY,
                    because=f"our {transaction.method} inside the call was refused like a request "
                    "that belongs to no call",
                    says="Requests inside the call go to the wrong place on their side.",
                    evidence=(
                        case.cite_start(transaction.request),
                        case.cite_start(index),
                        *case.cite("Contact", "Record-Route", index=case.answer or index),
                    ),
                    weight=10,  # above an ACK that is lost on the same wrong way
                )
                return


def _strayed(case: Case) -> bool:
    """Whether a request inside the call was refused as a stranger: the ACK went the same way."""
    return any(
        _status(case, index) in {403, 404}
        for transaction in case.trace.transactions()
        if transaction.ours and transaction.method == "BYE"
        for index in transaction.responses
    )


def change_refused(case: Case) -> Iterator[Hypothesis]:
    """Recognise: a re-INVITE or UPDATE inside the call was refused."""
    for transaction in case.trace.transactions():
        if not transaction.ours or transaction.method not in {"INVITE", "UPDATE"}:
            continue
        if not case.trace.message(transaction.request).to_tag:
            continue
        refused = [i for i in transaction.responses if _status(case, i) >= 400]
        if refused and _status(case, refused[-1]) not in {401, 407, 481}:
            yield Hypothesis(
                cause="F143",
                likelihood=Certainty.CERTAIN,
                because="they refused a change of the call that is up",
                says="They refused a change of the running call.",
                evidence=(case.cite_start(transaction.request), case.cite_start(refused[-1])),
            )
            return


# Facts of these rules ---------------------------------------------------------------------------


def _status(case: Case, index: int) -> int:
    return case.trace.message(index).status or 0


def _is_2xx(case: Case, index: int) -> bool:
    return 200 <= _status(case, index) < 300


def _between(value: float, bounds: tuple[float, float]) -> bool:
    return bounds[0] <= value <= bounds[1]


def _is_round(value: float) -> bool:
    nearest = round(value / 60) * 60
    return nearest in _ROUND_S and abs(value - nearest) <= 1


def _gap(case: Case, ack: int) -> float:
    return case.events[case.repeated_answers[-1]].at - case.events[ack].at


def _transport_at(case: Case, index: int) -> str:
    event = case.events[index]
    return event.transport.upper() if isinstance(event, MessageEvent) else ""


def _last(case: Case, method: str) -> Transaction | None:
    found = [t for t in case.trace.transactions() if t.ours and t.method == method]
    return found[-1] if found else None


def _in_dialog(case: Case, transaction: Transaction) -> bool:
    return transaction.method == "CANCEL" or bool(case.trace.message(transaction.request).to_tag)


def _session_expires(case: Case, answer: int) -> int:
    value = case.trace.message(answer).first("Session-Expires") or ""
    found = re.match(r"\s*([0-9]{1,6})\b", value)
    return int(found.group(1)) if found else 0


def _bye_reason(case: Case) -> tuple[Evidence, ...]:
    if case.our_bye is None:
        return ()
    return (case.cite_start(case.our_bye), *case.cite("Reason", index=case.our_bye))


def _offers_srtp(case: Case) -> bool:
    return case.offer is not None and any(section.secure for section in case.offer.media)


_SESSION = Gate.SESSION

RULES = (
    Rule(
        name="offer refused",
        gate=_SESSION,
        causes=("F114", "F115", "F116", "F117", "F118", "F119"),
        find=offer_refused,
    ),
    Rule(
        name="warning code",
        gate=_SESSION,
        causes=("F046", "F114", "F115", "F116", "F117", "F119"),
        find=warning_codes,
    ),
    Rule(name="answer unusable", gate=_SESSION, causes=("F116", "F121"), find=unusable_answer),
    Rule(name="early answer unusable", gate=_SESSION, causes=("F121",), find=unusable_early_answer),
    Rule(name="forked", gate=_SESSION, causes=("F135",), find=forked),
    Rule(name="answer crossed CANCEL", gate=_SESSION, causes=("F123",), find=phantom_call),
    Rule(name="ACK lost", gate=_SESSION, causes=("F136", "F139"), find=ack_lost),
    Rule(name="their ACK missing", gate=_SESSION, causes=("F137",), find=their_ack_missing),
    Rule(name="481 inside the call", gate=_SESSION, causes=("F125", "F138"), find=dialog_unknown),
    Rule(name="change refused", gate=_SESSION, causes=("F143",), find=change_refused),
    Rule(
        name="they hung up",
        gate=_SESSION,
        causes=("F114", "F136", "F140", "F141", "F142", "F144"),
        find=hung_up_by_them,
    ),
    Rule(
        name="connection gone in the call",
        gate=_SESSION,
        causes=("F145", "F146"),
        find=connection_gone,
    ),
    Rule(name="ended by our stack", gate=_SESSION, causes=("F140",), find=ended_by_our_stack),
    Rule(name="hang-up unconfirmed", gate=_SESSION, causes=("F145",), find=hang_up_unconfirmed),
    *rows(
        Sign(
            cause="F115",
            codes=(403, 415, 488, 606),
            pattern=r"srtp|encrypt",
            because="the answer itself speaks of encryption",
            says="They require encrypted audio (SRTP).",
            when=lambda case: not _offers_srtp(case),
            steps=("Set `srtp: required` and a TLS transport in the trunk profile.",),
            gate=_SESSION,
        ),
        Sign(
            cause="F116",
            codes=(403, 415, 488, 606),
            pattern=r"srtp|encrypt|savp",
            because="the answer itself speaks of encryption",
            says="They do not take encrypted audio (SRTP).",
            when=_offers_srtp,
            steps=("Set `srtp: off` in the trunk profile.",),
            gate=_SESSION,
        ),
        Sign(
            cause="F114",
            codes=(415, 480, 488, 500, 503, 606),
            pattern=r"codec|g\.?711|g\.?729",
            because="the answer itself speaks of codecs",
            says="They find no codec of theirs in our offer.",
            steps=("Set `codecs:` to what the provider's page lists.",),
            gate=_SESSION,
        ),
    ),
)
