"""Packets that are not what was agreed: type, length, encryption, law, source, RTCP."""

from collections.abc import Iterator

from probe.diagnosis.case import Case, seconds
from probe.diagnosis.explanation import Certainty, Evidence
from probe.diagnosis.quote import plain
from probe.diagnosis.rule import Gate, Hypothesis, Rule
from probe.diagnosis.streams import (
    PACKET_S,
    about,
    answered_at,
    asked,
    cite_sdp,
    counted,
    fact,
    offer_index,
    streams,
    talk_s,
)
from probe.trace.media import MediaReport, SourceChange

COMFORT_NOISE = frozenset({13, 19})
"""Static payload types of comfort noise, the second from before RFC 3551: never a surprise."""

AUTHENTICATION = frozenset({4, 10, 16})
"""Bytes that an SRTP packet is longer than its RTP packet (RFC 3711 §5.2, RFC 7714 §14)."""

NO_RTCP_S = 8.0
"""Seconds of talk from which RTCP should have come: every five seconds, half as early or late."""

_G711 = frozenset({"PCMU", "PCMA"})
_RATE = 8000
_STEADY_S = 0.001


def types_not_agreed(case: Case) -> Iterator[Hypothesis]:
    """Recognise: packets of a payload type that offer and answer do not contain (RFC 3264 §5.1)."""
    if case.answer is None or not asked(case):
        return
    for report in streams(case):
        strange = [
            one
            for one in report.rx_payload_types
            if not one.codec and one.number not in COMFORT_NOISE
        ]
        packets = sum(one.packets for one in strange)
        if not strange or 2 * packets < report.rx_packets:
            continue
        names = ", ".join(str(one.number) for one in strange[:4])
        yield Hypothesis(
            cause="F154",
            likelihood=Certainty.CERTAIN,
            because=f"{packets} of {report.rx_packets} packets have payload type {names}, which "
            "neither offer nor answer contains",
            says=f"They send audio as payload type {names}, which was never agreed, so it cannot "
            "be decoded.",
            evidence=(
                *cite_sdp(case, offer_index(case), "m=audio"),
                *cite_sdp(case, case.answer, "m=audio"),
                fact(f"{packets} of {report.rx_packets} RTP packets have payload type {names}"),
            ),
            rules_out=("F164", "F169", "F170"),
        )


def packet_length(case: Case) -> Iterator[Hypothesis]:
    """Recognise: their packets hold more or less sound than we asked for (a=ptime)."""
    if case.answer is None or not about(case, r"ptime|packet.?time|jitter|gap|mos|heard|like"):
        return
    wanted = _ptime(case)
    for report in streams(case):
        theirs = report.rx_ptime_s
        if theirs is None or abs(theirs - wanted) < _STEADY_S:
            continue
        yield Hypothesis(
            cause="F155",
            likelihood=Certainty.CERTAIN if about(case, "ptime|packet.?time") else Certainty.LIKELY,
            because=f"their packets hold {seconds(theirs)} of sound, and {seconds(wanted)} was "
            "agreed",
            says=f"Their packets hold {seconds(theirs)} of sound each instead of "
            f"{seconds(wanted)}.",
            evidence=(
                *cite_sdp(case, offer_index(case), "a=ptime"),
                *cite_sdp(case, case.answer, "a=ptime"),
                fact(f"the timestamps of their packets are {seconds(theirs)} apart"),
            ),
            rules_out=("F161",),
            weight=20,
        )


def _ptime(case: Case) -> float:
    """Return the packet time that our offer asks for, in seconds (RFC 8866 §6.4)."""
    audio = case.offer.audio if case.offer else None
    value = next((v for n, v in (audio.attributes if audio else ()) if n == "ptime"), "")
    return int(value) / 1000 if value.isascii() and value.isdigit() and len(value) < 4 else PACKET_S


def not_decrypted(case: Case) -> Iterator[Hypothesis]:
    """Recognise: packets that no key opens, or that are encrypted where nothing was agreed."""
    if case.answer is None or not asked(case):
        return
    for report in streams(case):
        lines = cite_sdp(case, case.answer, "m=audio")
        if report.rx_undecodable > report.rx_packets:
            yield Hypothesis(
                cause="F156",
                likelihood=Certainty.CERTAIN,
                because=f"{report.rx_undecodable} SRTP packets came that the agreed key does not "
                "open",
                says="They send encrypted audio, and the key in their answer does not open it.",
                evidence=(
                    *lines,
                    fact(f"{report.rx_undecodable} SRTP packets failed authentication"),
                ),
                rules_out=("F147", "F164"),
            )
        longer = _longer_by(report)
        if not report.srtp and longer in AUTHENTICATION:
            yield Hypothesis(
                cause="F156",
                likelihood=Certainty.LIKELY,
                because=f"each of their packets is {longer} bytes longer than its sound, as SRTP "
                "makes it, and plain RTP was agreed",
                says="They send what looks like encrypted audio (SRTP), and plain RTP was agreed.",
                evidence=(
                    *lines,
                    fact(
                        f"{report.rx_packets} packets carried {report.rx_bytes} bytes: {longer} "
                        f"more in each than {seconds(report.rx_ptime_s or 0)} of {report.codec} "
                        "have"
                    ),
                ),
                steps=("Have both sides use SRTP, or both plain RTP: `srtp:` in the profile.",),
                rules_out=("F164", "F169", "F170"),
                weight=50,
            )


def _longer_by(report: MediaReport) -> int:
    """Return the bytes by which each G.711 packet is longer than its time says; 0 if unsure."""
    only = len(report.rx_payload_types) <= 1
    if not only or report.codec not in _G711 or not report.rx_ptime_s or not report.rx_packets:
        return 0
    each, rest = divmod(report.rx_bytes, report.rx_packets)
    return 0 if rest else each - round(report.rx_ptime_s * _RATE)


def source_changed(case: Case) -> Iterator[Hypothesis]:
    """Recognise: the stream got another source in mid-call that no description announced."""
    if case.answer is None or not asked(case):
        return
    named = about(case, r"source|ssrc|change|address")
    for report in streams(case):
        changes = [c for c in report.rx_changes if not _announced(report, c)]
        if not changes:
            continue
        first = changes[0]
        lost = first.what == "address" and report.tx_unheard > 0  # we send to where nobody is now
        what = "source address" if first.what == "address" else "stream (SSRC)"
        moved = f"from {plain(first.before)} to {plain(first.after)}"
        after = seconds(max(0.0, first.at - (answered_at(case) or first.at)))
        evidence = (
            *cite_sdp(case, case.answer, "c=", "m=audio"),
            fact(f"the {what} changed {moved}, {after} after the answer"),
            *(counted(report),),
        )
        yield Hypothesis(
            cause="F165",
            likelihood=Certainty.CERTAIN if named else Certainty.LIKELY,
            because=f"their {what} changed in mid-call, and no session description announced it",
            says=f"In mid-call, {after} after the answer, the {what} of their audio changed "
            f"{moved}.",
            evidence=evidence,
            unknown=("Why it changed: a gateway that took over, or a NAT binding that was lost.",),
            rules_out=("F150",) if lost else (),
            weight=25 if named or lost else 5,
        )
        if first.what == "address":
            yield Hypothesis(
                cause="F146",
                likelihood=Certainty.LIKELY if lost else Certainty.UNDECIDED,
                because="a NAT on their side may have lost its binding: then their port changes"
                + (", and what we send to the old one is lost, as here" if lost else ""),
                evidence=evidence,
                weight=4,
            )


def _announced(report: MediaReport, change: SourceChange) -> bool:
    """Whether an agreement of that moment names the new source, or one changed the session."""
    if any(agreed.remote == change.after for agreed in report.agreed):
        return True
    return any(abs(agreed.at - change.at) < 1.0 for agreed in report.agreed[1:])


def other_port(case: Case) -> Iterator[Hypothesis]:
    """Recognise: their audio comes from another port than their description names."""
    if case.answer is None or not about(case, r"source|port|address"):
        return
    for report in streams(case):
        said, came = report.remote, report.rx_source
        if not said or not came or said == came:
            continue
        yield Hypothesis(
            cause="F166",
            likelihood=Certainty.LIKELY,
            because=f"their description names {plain(said)}, and their audio comes from "
            f"{plain(came)}",
            says=f"Their audio comes from {plain(came)}, and their answer names {plain(said)}: a "
            "strict firewall or phone drops it.",
            evidence=(
                *cite_sdp(case, case.answer, "c=", "m=audio"),
                fact(f"the first RTP packet came from {plain(came)}"),
            ),
            weight=20,
        )


def no_rtcp(case: Case) -> Iterator[Hypothesis]:
    """Recognise: audio came and RTCP did not, in a call that was long enough for it."""
    if case.answer is None or not about(case, r"rtcp|rtt|delay|latency|tx|sent|peer"):
        return
    for report in streams(case):
        if report.rtcp_received or not report.rx_packets or not report.rtcp_sent:
            continue
        mux = _mux(case)
        evidence = (
            *mux,
            fact(
                f"{report.rx_packets} RTP packets came and no RTCP in {seconds(talk_s(case))}; we "
                f"sent {report.rtcp_sent} RTCP packets"
            ),
        )
        short = talk_s(case) < NO_RTCP_S
        yield Hypothesis(
            cause="F172",
            likelihood=Certainty.LIKELY if short else Certainty.CERTAIN,
            because="audio came and not one RTCP packet"
            + (", and rtcp-mux was answered although not offered" if mux else ""),
            says="They send no RTCP, or it is lost: how our audio arrives there, and how long the "
            "way is, cannot be known.",
            evidence=evidence,
            unknown=(_too_early(case),) if short else (),
            weight=20,
        )


def _too_early(case: Case) -> str:
    return (
        f"Whether RTCP would have come later: the call was up for {seconds(talk_s(case))}, and "
        "reports come every five seconds."
    )


def _mux(case: Case) -> tuple[Evidence, ...]:
    """Cite a=rtcp-mux of an answer to an offer without it (RFC 8035)."""
    if cite_sdp(case, offer_index(case), "a=rtcp-mux"):
        return ()
    return cite_sdp(case, case.answer, "a=rtcp-mux")


_SESSION = Gate.SESSION

RULES = (
    Rule(name="type not agreed", gate=_SESSION, causes=("F154",), find=types_not_agreed),
    Rule(name="packet length", gate=_SESSION, causes=("F155",), find=packet_length),
    Rule(name="not decrypted", gate=_SESSION, causes=("F156",), find=not_decrypted),
    Rule(name="source changed", gate=_SESSION, causes=("F146", "F165"), find=source_changed),
    Rule(name="other port", gate=_SESSION, causes=("F166",), find=other_port),
    Rule(name="no RTCP", gate=_SESSION, causes=("F172",), find=no_rtcp),
)
