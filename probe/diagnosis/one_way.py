"""Sound that does not come, or does not arrive there: in both directions, in one, from a moment on.

The order of proof: what offer and answer say (addresses, direction), then what our own system says
(no way there, nobody listens), then what their RTCP says. Where none of it speaks, it stays open
whether nothing was sent or all was lost.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from probe.diagnosis.case import Case, is_private, seconds
from probe.diagnosis.explanation import Certainty, Evidence
from probe.diagnosis.quote import plain
from probe.diagnosis.rule import Gate, Hypothesis, Rule
from probe.diagnosis.streams import (
    SHORT_S,
    about,
    answered_at,
    asked,
    cite_sdp,
    counted,
    ended_at,
    fact,
    offer_index,
    streams,
    talk_s,
    too_short,
)
from probe.sip.sdp import MediaDescription, address_class
from probe.trace.media import MediaReport

ALMOST_ALL = 0.95
"""Share of our packets that the peer reports lost from which nothing is said to arrive."""

STOPPED_S = 1.0
"""Seconds without a packet, to the end of the call, from which a stream is said to have stopped."""

EARLY_S = 0.5
"""Seconds of early media from which a packet should have come."""

OVERTAKES_S = 0.2
"""Seconds by which the first packet of the answered call may come before its 200."""

_NOT_BOTH_WAYS = frozenset({"sendonly", "inactive", "recvonly"})
"""Directions with which audio does not go both ways (RFC 8866 §6.7)."""

_QUIET = frozenset({"inactive", "recvonly"})
"""Directions of theirs with which they send nothing."""

_OPEN = ("Have the firewall let the UDP audio ports in and out.",)


def nothing_came(case: Case) -> Iterator[Hypothesis]:
    """Recognise: the call was up and no RTP that can be read arrived."""
    reports = streams(case)
    if case.answer is None or not asked(case) or not reports:
        return
    if any(report.rx_packets for report in reports):
        return
    audio = case.answer_sdp.audio if case.answer_sdp else None
    evidence = (
        case.cite_start(case.answer),
        *case.cite_audio(case.answer),
        *(counted(report) for report in reports),
    )
    if audio is not None and audio.direction == "sendonly":
        yield replace(_held(audio, evidence), likelihood=Certainty.LIKELY, rules_out=("F147",))
    elif audio is not None and held(audio):
        yield _held(audio, evidence)
    elif any(report.rx_undecodable for report in reports):
        return  # packets came: a rule on encryption tells of them
    elif audio is not None and is_private(audio.address) and not same_network(case, audio):
        yield _out_of_reach(case, audio, evidence, reports)
    else:
        yield from _lost_on_the_way(case, reports, evidence)


def _lost_on_the_way(
    case: Case, reports: tuple[MediaReport, ...], evidence: tuple[Evidence, ...]
) -> Iterator[Hypothesis]:
    """Tell apart: nobody at their port, one direction blocked, both."""
    short = too_short(case)
    likelihood = Certainty.UNDECIDED if short else Certainty.LIKELY
    closed = sum(report.tx_unreachable for report in reports)
    if closed:
        where = plain(reports[0].remote) or "the address in their answer"
        yield Hypothesis(
            cause="F149",
            likelihood=Certainty.LIKELY,
            because=f"our packets to {where} came back with an ICMP error: nobody listens there",
            says=f"They told us to send audio to {where}, and nobody listens there.",
            evidence=(*evidence, fact(f"{closed} ICMP errors came back for our RTP and RTCP")),
            steps=("Show the provider the c= and m= lines of their answer.",),
            rules_out=("F147",),
            weight=40,
        )
        return
    reporting = sum(report.rtcp_received for report in reports)
    told = any(report.tx_lost is not None or report.rtt_s is not None for report in reports)
    if reporting or told:
        yield Hypothesis(
            cause="F150",
            likelihood=likelihood,
            because="their RTCP reports come in and their audio does not"
            if told
            else "their RTCP comes in and their audio does not",
            says="Audio goes one way only: theirs does not reach us.",
            evidence=evidence,
            steps=("Open the provider's UDP audio ports in the firewall, in both directions.",),
            unknown=("Whether they sent no audio, or it was lost on the way.", *short),
            rules_out=("F147",),
            weight=30,
        )
        return
    yield from _ours_is_private(case, evidence, likelihood)
    yield Hypothesis(
        cause="F147",
        likelihood=likelihood,
        because="the call was up, we sent audio, and not one packet came back",
        says="The call was up, but no audio packet reached us.",
        evidence=evidence,
        steps=_OPEN,
        unknown=("Whether they sent nothing, or it was lost on the way.", *short),
    )


def _ours_is_private(
    case: Case, evidence: tuple[Evidence, ...], likelihood: Certainty
) -> Iterator[Hypothesis]:
    """Recognise: our offer names an address inside our network, and they see us at another one."""
    ours = case.offer.audio.address if case.offer and case.offer.audio else ""
    seen = case.seen_address
    if not is_private(ours) or seen is None or is_private(seen[0]):
        return
    yield Hypothesis(
        cause="F148",
        likelihood=likelihood,
        because=f"our offer names {plain(ours)}, and they see us at {plain(seen[0])}: who sends to "
        "the address in the offer does not reach us",
        says=f"We told them to send audio to {plain(ours)}, an address inside our own network, and "
        "nothing came.",
        evidence=(
            *cite_sdp(case, offer_index(case), "c="),
            *case.cite("Via", index=seen[1]),
            *evidence,
        ),
        steps=("Have the trunk profile use the public address, or use STUN.",),
        unknown=("Whether they send to where our packets come from instead (latching).",),
        weight=30,
    )


def answer_not_as_wanted(case: Case) -> Iterator[Hypothesis]:
    """Recognise: their answer has another direction or address than the scenario wants."""
    audio = case.answer_sdp.audio if case.answer_sdp else None
    if case.answer is None or audio is None:
        return
    unmet = {mismatch.path for mismatch in case.verdict.mismatches}
    evidence = (case.cite_start(case.answer), *case.cite_audio(case.answer))
    if "expect.sdp.direction" in unmet and audio.direction in _NOT_BOTH_WAYS:
        yield _held(audio, evidence)
    private = is_private(audio.address) and not same_network(case, audio)
    if "expect.sdp.address" in unmet and private:
        yield _out_of_reach(case, audio, evidence, streams(case))


def held(audio: MediaDescription) -> bool:
    """Whether a description of theirs lets nothing come: by its direction or by 0.0.0.0."""
    return audio.direction in _QUIET or address_class(audio.address) == "unspecified"


def wants_nothing(case: Case) -> Iterator[Hypothesis]:
    """Recognise: their answer takes no audio of ours, and that is what is missing."""
    audio = case.answer_sdp.audio if case.answer_sdp else None
    if case.answer is None or audio is None or not asked(case):
        return
    came = any(report.rx_packets for report in streams(case))
    if audio.direction == "sendonly" and came:
        evidence = (case.cite_start(case.answer), *case.cite_audio(case.answer))
        yield _held(audio, (*evidence, *(counted(report) for report in streams(case))))


def _out_of_reach(
    case: Case,
    audio: MediaDescription,
    evidence: tuple[Evidence, ...],
    reports: tuple[MediaReport, ...],
) -> Hypothesis:
    address = plain(audio.address)
    refused = sum(report.tx_errors for report in reports)
    heard = any(report.rx_packets for report in reports)
    if refused:
        evidence = (
            *evidence,
            fact(f"our own system would not send {refused} RTP packets to {address}"),
        )
    return Hypothesis(
        cause="F149",
        likelihood=Certainty.LIKELY if heard or too_short(case) else Certainty.CERTAIN,
        because=f"their answer names {address}, which cannot be reached from here",
        says=f"They told us to exchange audio with {address}, an address that cannot be reached "
        "from here.",
        evidence=evidence,
        steps=("Have the other side put its public address into its SDP.",),
        unknown=too_short(case),
    )


def _held(audio: MediaDescription, evidence: tuple[Evidence, ...]) -> Hypothesis:
    nowhere = address_class(audio.address) == "unspecified"
    how = f"the address {plain(audio.address)}" if nowhere else audio.direction
    return Hypothesis(
        cause="F151",
        likelihood=Certainty.CERTAIN,
        because=f"their answer says {how}",
        says=f"They answered with a one-way or held audio line ({how}).",
        evidence=evidence,
        steps=("Check hold and mute on the other side.",),
        rules_out=("F150", "F164"),
    )


def not_heard_there(case: Case) -> Iterator[Hypothesis]:
    """Recognise: their audio comes, and their RTCP shows that ours does not arrive."""
    if case.answer is None or not asked(case):
        return
    for report in streams(case):
        unheard = _unheard(case, report)
        if not report.rx_packets or not unheard:
            continue
        ours = case.offer.audio.address if case.offer and case.offer.audio else ""
        seen = case.seen_address[0] if case.seen_address else ""
        if is_private(ours) and seen and not is_private(seen):
            yield Hypothesis(
                cause="F148",
                likelihood=Certainty.CERTAIN,
                because=f"our offer names {plain(ours)}, they see us at {plain(seen)}, and "
                f"{unheard}",
                says=f"We told them to exchange audio with {plain(ours)}, an address inside our "
                "own network, so they hear nothing.",
                evidence=(
                    *cite_sdp(case, offer_index(case), "c="),
                    *(case.cite("Via", index=case.seen_address[1]) if case.seen_address else ()),
                    counted(report),
                ),
                steps=("Have the trunk profile use the public address, or use STUN.",),
                rules_out=("F150",),
            )
        yield Hypothesis(
            cause="F150",
            likelihood=Certainty.LIKELY,
            because=unheard,
            says="Audio goes one way only: ours does not reach them.",
            evidence=(*cite_sdp(case, offer_index(case), "c=", "m=audio"), counted(report)),
            steps=("Open the provider's UDP audio ports in the firewall, in both directions.",),
            unknown=("Where on the way it is lost.",),
            rules_out=("F147",),
            weight=30,
        )


def _unheard(case: Case, report: MediaReport) -> str:
    """Return how their RTCP shows that nothing of ours arrives; empty where it does not."""
    if not report.tx_packets:
        return ""
    if report.tx_unheard:
        return (
            f"their reports stand still: of the last {report.tx_unheard} packets that we sent, "
            "they tell of none"
        )
    if report.tx_lost is not None:
        lost = report.tx_lost >= ALMOST_ALL * report.tx_packets
        return "their reports show that our audio is lost on the way to them" if lost else ""
    if report.rtcp_received >= 2 and talk_s(case) >= 2 * SHORT_S:
        return "their RTCP comes and speaks of no packet of ours, so none has arrived"
    return ""


def stopped(case: Case) -> Iterator[Hypothesis]:
    """Recognise: audio came, and none any more until the end of the call."""
    if case.answer is None or not asked(case) or _changed(case):
        return
    for report in streams(case):
        last = report.rx_last_at
        fell_silent = report.rx_comfort_noise or report.rx_pauses  # on purpose, as they said
        if last is None or fell_silent or ended_at(case) - last < STOPPED_S:
            continue
        begun = answered_at(case) or last
        for_s, rest = seconds(max(0.0, last - begun)), seconds(ended_at(case) - last)
        evidence = (
            *cite_sdp(case, case.answer, "c=", "m=audio"),
            fact(f"the last RTP packet came {for_s} after the answer, {rest} before the end"),
            counted(report),
        )
        says = f"Audio came for {for_s}, and then none any more for {rest}, to the end of the call."
        alive = report.rtcp_received > 1
        yield Hypothesis(
            cause="F150",
            likelihood=Certainty.LIKELY if alive else Certainty.UNDECIDED,
            because="their audio ended in mid-call" + (" while their RTCP came" if alive else ""),
            says=says,
            evidence=evidence,
            unknown=("Whether they stopped sending, or it was lost on the way.",),
            weight=30,
        )
        if not alive:
            yield Hypothesis(
                cause="F146",
                likelihood=Certainty.UNDECIDED,
                because="their audio and RTCP ended in mid-call, as after a lost NAT binding",
                evidence=evidence,
                weight=25,
            )


def _changed(case: Case) -> bool:
    """Whether the session was changed in the call: then hold explains silence."""
    return any(sum(not agreed.early for agreed in report.agreed) > 1 for report in case.trace.media)


def early_media_silent(case: Case) -> Iterator[Hypothesis]:
    """Recognise: a session description before the answer, and no RTP until it, or to the end."""
    if case.early is None or not asked(case):
        return
    begun, end = case.events[case.early].at, answered_at(case)
    until = ended_at(case) if end is None else end
    firsts = [report.rx_first_at for report in streams(case)]
    if end is None:
        silent = not any(report.rx_packets for report in streams(case))
    else:
        came = [first for first in firsts if first is not None]
        wanted = about(case, r"early|heard|ring|first|start")
        silent = (
            wanted and until - begun >= EARLY_S and bool(came) and min(came) >= until - OVERTAKES_S
        )
    if not silent:
        return
    waited = seconds(until - begun)
    yield Hypothesis(
        cause="F152",
        likelihood=Certainty.CERTAIN,
        because="audio was announced before the answer, and not one packet came",
        says="They announced audio before the answer and sent none: a caller hears no ringing.",
        evidence=(
            case.cite_start(case.early),
            *case.cite_audio(case.early),
            fact(f"no RTP packet came in the {waited} after it"),
        ),
        steps=("Play ringing locally until audio arrives.",),
        rules_out=("F153",),
    )


def same_network(case: Case, audio: MediaDescription) -> bool:
    """Whether the peer itself speaks to us from an address as private as its audio address."""
    return address_class(case.target.rpartition(":")[0]) == address_class(audio.address)


_SESSION = Gate.SESSION

RULES = (
    Rule(
        name="nothing came",
        gate=_SESSION,
        causes=("F147", "F148", "F149", "F150", "F151"),
        find=nothing_came,
    ),
    Rule(name="wants nothing", gate=_SESSION, causes=("F151",), find=wants_nothing),
    Rule(
        name="answer not as wanted",
        gate=_SESSION,
        causes=("F149", "F151"),
        find=answer_not_as_wanted,
    ),
    Rule(name="not heard there", gate=_SESSION, causes=("F148", "F150"), find=not_heard_there),
    Rule(name="audio stopped", gate=_SESSION, causes=("F146", "F150"), find=stopped),
    Rule(name="early media silent", gate=_SESSION, causes=("F152",), find=early_media_silent),
)
