"""What was heard, or why nothing was: addresses and directions of SDP, and counts of RTP."""

from collections.abc import Iterator

from probe.diagnosis.case import Case, is_private, seconds
from probe.diagnosis.explanation import Certainty, Evidence
from probe.diagnosis.quote import plain
from probe.diagnosis.rule import Gate, Hypothesis, Rule, contains
from probe.sip.sdp import MediaDescription, address_class
from probe.trace.media import MediaReport

ALMOST_ALL = 0.95
"""Share of our packets that the peer reports lost from which nothing is said to arrive."""

LONG_RTT_S = 0.3
"""Round-trip time above which people talk over each other (ITU-T G.114: 150 ms one way)."""

_NOT_BOTH_WAYS = frozenset({"sendonly", "inactive", "recvonly"})
"""Directions with which audio does not go both ways (RFC 8866 §6.7)."""


def nothing_heard(case: Case) -> Iterator[Hypothesis]:
    """Recognise: the call was up and no RTP arrived."""
    reports = case.trace.media
    if case.answer is None or "media" not in case.kinds or not reports:
        return
    if any(report.rx_packets for report in reports):
        return
    audio = case.answer_sdp.audio if case.answer_sdp else None
    sent = sum(report.tx_packets for report in reports)
    evidence = (
        case.cite_start(case.answer),
        *case.cite_audio(case.answer),
        Evidence(event=None, says=f"we sent {sent} RTP packets and received none"),
    )
    if audio is not None and audio.direction in _NOT_BOTH_WAYS:
        yield _held(audio, evidence)
    elif audio is not None and is_private(audio.address) and not _same_network(case, audio):
        yield _out_of_reach(audio, evidence, Certainty.CERTAIN)
    else:
        yield Hypothesis(
            cause="F147",
            likelihood=Certainty.LIKELY,
            because="the call was up, we sent audio, and not one packet came back",
            says="The call was up, but no audio packet reached us.",
            evidence=evidence,
            steps=("Have the firewall let the UDP audio ports in and out.",),
            unknown=("Whether they sent nothing, or it was lost on the way.",),
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
    private = is_private(audio.address) and not _same_network(case, audio)
    if "expect.sdp.address" in unmet and private:
        heard = any(report.rx_packets for report in case.trace.media)
        yield _out_of_reach(audio, evidence, Certainty.LIKELY if heard else Certainty.CERTAIN)


def _out_of_reach(
    audio: MediaDescription, evidence: tuple[Evidence, ...], likelihood: Certainty
) -> Hypothesis:
    address = plain(audio.address)
    return Hypothesis(
        cause="F149",
        likelihood=likelihood,
        because=f"their answer names {address}, which cannot be reached from here",
        says=f"They told us to exchange audio with {address}, an address that cannot be reached "
        "from here.",
        evidence=evidence,
        steps=("Have the other side put its public address into its SDP.",),
    )


def _held(audio: MediaDescription, evidence: tuple[Evidence, ...]) -> Hypothesis:
    return Hypothesis(
        cause="F151",
        likelihood=Certainty.CERTAIN,
        because=f"their answer says {audio.direction}",
        says=f"They answered with a one-way or held audio line ({audio.direction}).",
        evidence=evidence,
        steps=("Check hold and mute on the other side.",),
    )


def poor_audio(case: Case) -> Iterator[Hypothesis]:
    """Recognise: a bound on loss, jitter or order was not met."""
    names = " ".join(mismatch.path for mismatch in case.verdict.mismatches)
    if case.answer is None or "media" not in case.kinds:
        return
    for report in case.trace.media:
        for cause, word, amount, says in (
            ("F160", "loss", report.rx_lost, f"{report.rx_lost} audio packets were lost"),
            (
                "F161",
                "jitter",
                report.rx_jitter_s,
                f"audio packets arrived unevenly: jitter {report.rx_jitter_s * 1000:.1f} ms",
            ),
            (
                "F162",
                "reorder",
                report.rx_reordered + report.rx_duplicates,
                (
                    f"{report.rx_reordered} audio packets came out of order and "
                    f"{report.rx_duplicates} twice"
                ),
            ),
            (
                "F163",
                "rtt|delay|latency",
                report.rtt_s is not None and report.rtt_s > LONG_RTT_S,
                f"audio takes {seconds(report.rtt_s or 0.0)} there and back (RTCP)",
            ),
        ):
            if amount and contains(word, names):
                yield Hypothesis(
                    cause=cause,
                    likelihood=Certainty.LIKELY,
                    because=says,
                    says=f"On the way to us, {says}.",
                    evidence=(Evidence(event=None, says=says),),
                )


def early_media_silent(case: Case) -> Iterator[Hypothesis]:
    """Recognise: a session description before the answer, and no RTP until the end."""
    if case.early is None or case.answer is not None or "media" not in case.kinds:
        return
    if any(report.rx_packets for report in case.trace.media):
        return
    yield Hypothesis(
        cause="F152",
        likelihood=Certainty.CERTAIN,
        because="audio was announced before the answer, and not one packet came",
        says="They announced audio before the answer and sent none: a caller hears no ringing.",
        evidence=(case.cite_start(case.early), *case.cite_audio(case.early)),
        steps=("Play ringing locally until audio arrives.",),
    )


def one_way(case: Case) -> Iterator[Hypothesis]:
    """Recognise: audio goes one way only, by our counts and by the peer's RTCP reports."""
    if case.answer is None or "media" not in case.kinds:
        return
    for report in case.trace.media:
        if report.rx_packets == 0 and report.tx_packets and report.tx_lost is not None:
            yield _blocked("in", report, Certainty.LIKELY)
        elif report.rx_packets and _nothing_arrives(report):
            ours = case.offer.audio.address if case.offer and case.offer.audio else ""
            seen = case.seen_address[0] if case.seen_address else ""
            if is_private(ours) and seen and not is_private(seen):
                yield Hypothesis(
                    cause="F148",
                    likelihood=Certainty.CERTAIN,
                    because=f"our offer names {plain(ours)}, they see us at {plain(seen)}, and "
                    "their reports show that our audio does not arrive",
                    says=f"We told them to exchange audio with {plain(ours)}, an address inside "
                    "our own network, so they hear nothing.",
                    evidence=(_counts(report),),
                    steps=("Have the trunk profile use the public address, or use STUN.",),
                    rules_out=("F150",),
                )
            yield _blocked("out", report, Certainty.LIKELY)


def _nothing_arrives(report: MediaReport) -> bool:
    lost = report.tx_lost
    return lost is not None and report.tx_packets > 0 and lost >= ALMOST_ALL * report.tx_packets


def _blocked(way: str, report: MediaReport, likelihood: Certainty) -> Hypothesis:
    inbound = way == "in"
    return Hypothesis(
        cause="F150",
        likelihood=likelihood,
        because="their RTCP reports come in and their audio does not"
        if inbound
        else "their reports show that our audio is lost on the way to them",
        says="Audio goes one way only: "
        + ("theirs does not reach us." if inbound else "ours does not reach them."),
        evidence=(_counts(report),),
        steps=("Open the provider's UDP audio ports in the firewall, in both directions.",),
        rules_out=("F147",),
        weight=30,
    )


def _counts(report: MediaReport) -> Evidence:
    lost = "no report" if report.tx_lost is None else f"{report.tx_lost} reported lost"
    return Evidence(
        event=None,
        says=f"{report.rx_packets} RTP packets came, {report.tx_packets} left ({lost})",
    )


def keys_not_agreed(case: Case) -> Iterator[Hypothesis]:
    """Recognise: key presses were wanted, and telephone-event was not agreed (RFC 4733)."""
    names = " ".join(mismatch.path for mismatch in case.verdict.mismatches)
    offered = case.offer.audio if case.offer else None
    answered = case.answer_sdp.audio if case.answer_sdp else None
    if not contains("dtmf", names) or offered is None or answered is None or case.answer is None:
        return
    if "telephone-event" in offered.codecs and "telephone-event" not in answered.codecs:
        yield Hypothesis(
            cause="F157",
            likelihood=Certainty.CERTAIN,
            because="we offered telephone-event and their answer leaves it out",
            says="Key presses cannot arrive: their answer does not take telephone-event.",
            evidence=(case.cite_start(case.answer), *case.cite_audio(case.answer)),
            steps=("Have them enable RFC 4733 (RFC 2833) DTMF, or send it another way.",),
        )


def _same_network(case: Case, audio: MediaDescription) -> bool:
    """Whether the peer itself speaks to us from an address as private as its audio address."""
    return address_class(case.target.rpartition(":")[0]) == address_class(audio.address)


_SESSION = Gate.SESSION

RULES = (
    Rule(name="nothing heard", gate=_SESSION, causes=("F147", "F149", "F151"), find=nothing_heard),
    Rule(
        name="answer not as wanted",
        gate=_SESSION,
        causes=("F149", "F151"),
        find=answer_not_as_wanted,
    ),
    Rule(name="early media silent", gate=_SESSION, causes=("F152",), find=early_media_silent),
    Rule(name="one way", gate=_SESSION, causes=("F148", "F150"), find=one_way),
    Rule(name="keys not agreed", gate=_SESSION, causes=("F157",), find=keys_not_agreed),
    Rule(
        name="poor audio",
        gate=_SESSION,
        causes=("F160", "F161", "F162", "F163"),
        find=poor_audio,
    ),
)
