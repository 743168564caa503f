"""How well packets travel: lost, uneven, out of order, far away, late at the start; and by whom.

Comfort noise and silences that the sender announced by its timestamps are no loss: the report
counts them apart, and nothing here looks at the number of packets that came.
"""

from collections.abc import Iterator

from probe.diagnosis.case import Case, seconds
from probe.diagnosis.explanation import Certainty
from probe.diagnosis.rule import Gate, Hypothesis, Rule
from probe.diagnosis.streams import about, answered_at, asked, cite_sdp, fact, streams, too_short
from probe.trace.media import MediaReport

LONG_RTT_S = 0.3
"""Round-trip time above which people talk over each other (ITU-T G.114: 150 ms one way)."""

LATE_START_S = 0.3
"""Seconds from the answer to the first packet from which the first word is missed."""

CROWD = 5
"""Calls of our own at the same time from which a narrow line comes into question."""

_TIME = r"jitter|late|discard|mos|r_factor|delay|gap"


def lost(case: Case) -> Iterator[Hypothesis]:
    """Recognise: numbers are missing in the sequence of what came, or of what left."""
    if not asked(case) or not about(case, r"loss|lost|mos|r_factor|gap|heard|like|dtmf|digits"):
        return
    named = about(case, "loss|lost")
    for report in streams(case):
        due = report.rx_packets + report.rx_lost
        if report.rx_lost and not report.rx_overflow:
            share = (
                f"{report.rx_lost} of {due} audio packets were lost ({report.rx_lost / due:.1%})"
            )
            yield _crowded(case, f"On the way to us, {share}.", share, named, report)
        there = (report.tx_lost or 0) - report.tx_unheard
        if there > 0 and report.tx_packets and about(case, r"tx|sent|peer|their|loss|lost"):
            share = (
                f"{there} of {report.tx_packets} of our audio packets were lost, as their RTCP says"
            )
            yield _crowded(case, f"On the way to them, {share}.", share, named, report)


def _crowded(case: Case, says: str, share: str, named: bool, report: MediaReport) -> Hypothesis:
    pauses = report.rx_comfort_noise or report.rx_pauses
    return Hypothesis(
        cause="F160",
        likelihood=Certainty.CERTAIN if named else Certainty.LIKELY,
        because=share,
        says=says,
        evidence=(
            fact(share),
            *((fact(f"{_paused(report)}: not counted as loss"),) if pauses else ()),
        ),
        unknown=("Where on the way they were lost.", *too_short(case)),
        weight=10,
    )


def _paused(report: MediaReport) -> str:
    return f"{report.rx_comfort_noise} packets of comfort noise, {report.rx_pauses} pauses"


def many_calls(case: Case) -> Iterator[Hypothesis]:
    """Recognise: loss or jitter while many calls of ours are up."""
    up = sum(one.up for one in case.earlier)
    if not about(case, r"loss|lost|jitter|mos") or up < CROWD:
        return
    if any(report.rx_lost or report.rx_discarded for report in streams(case)):
        yield Hypothesis(
            cause="F171",
            likelihood=Certainty.UNDECIDED,
            because=f"{up} other calls of ours were up: together they need {87 * (up + 1)} kbit/s "
            "in each direction (G.711 over Ethernet)",
            evidence=(fact(f"{up} calls of the same account were up"),),
        )


def uneven(case: Case) -> Iterator[Hypothesis]:
    """Recognise: packets come unevenly, and it is not our own clock."""
    if not about(case, _TIME):
        return
    for report in streams(case):
        if report.late_by_us or not report.rx_jitter_s:
            continue
        if not about(case, "jitter|late|discard") and not report.rx_discarded:
            continue
        most = report.rx_jitter_max_s or report.rx_jitter_s
        says = (
            f"audio packets arrived unevenly: jitter {report.rx_jitter_s * 1000:.1f} ms, at most "
            f"{most * 1000:.1f} ms"
        )
        late = (
            (
                fact(
                    f"{report.rx_discarded} packets came later than a jitter buffer of "
                    f"{seconds(report.rx_buffer_s)} waits"
                ),
            )
            if report.rx_discarded
            else ()
        )
        yield Hypothesis(
            cause="F161",
            likelihood=Certainty.LIKELY,
            because=says,
            says=f"On the way to us, {says}.",
            evidence=(fact(says), *late),
            unknown=("Whether they left unevenly, or the way made them so.", *too_short(case)),
        )


def out_of_order(case: Case) -> Iterator[Hypothesis]:
    """Recognise: packets come in another order, or twice."""
    if not about(case, r"reorder|order|duplicate|twice|copies"):
        return
    for report in streams(case):
        if report.rx_reordered or report.rx_duplicates:
            says = (
                f"{report.rx_reordered} audio packets came out of order and "
                f"{report.rx_duplicates} twice"
            )
            yield Hypothesis(
                cause="F162",
                likelihood=Certainty.CERTAIN,
                because=says,
                says=f"On the way to us, {says}.",
                evidence=(fact(f"{says}, of {report.rx_packets}"),),
            )


def far_away(case: Case) -> Iterator[Hypothesis]:
    """Recognise: a long way there and back, by RTCP."""
    if not about(case, "rtt|delay|latency|mos|echo"):
        return
    for report in streams(case):
        if report.rtt_s is None or report.rtt_s <= LONG_RTT_S:
            continue
        says = f"audio takes {seconds(report.rtt_s)} there and back (RTCP)"
        yield Hypothesis(
            cause="F163",
            likelihood=Certainty.LIKELY,
            because=says,
            says=f"On the way to us, {says}.",
            evidence=(fact(says),),
            unknown=("Which of the two ways takes how long.",),
        )


def late_start(case: Case) -> Iterator[Hypothesis]:
    """Recognise: the first packet came well after the answer."""
    begun = answered_at(case)
    if begun is None or not about(case, r"first|start|clip|like|heard|gap|early"):
        return
    for report in streams(case):
        first = report.rx_first_at
        if first is None or first - begun <= LATE_START_S:
            continue
        ours = report.tx_first_at
        waited = ours is not None and 0 <= first - ours < LATE_START_S < ours - begun
        after = seconds(first - begun)
        yield Hypothesis(
            cause="F153",
            likelihood=Certainty.LIKELY,
            because=f"their first packet came {after} after the answer"
            + (", as soon as ours had left" if waited else ""),
            says=f"The first {after} after the answer were without sound: the beginning of a "
            "greeting is cut off.",
            evidence=(
                *((case.cite_start(case.answer),) if case.answer is not None else ()),
                *cite_sdp(case, case.answer, "c=", "m=audio"),
                fact(f"the first RTP packet came {after} after the answer"),
                *(
                    (fact(f"our own first packet left {seconds(max(0.0, ours - begun))} after it"),)
                    if ours is not None
                    else ()
                ),
            ),
            unknown=("Whether they began late, or the first packets were lost on the way.",),
            weight=15,
        )


_SESSION = Gate.SESSION

RULES = (
    Rule(name="packets lost", gate=_SESSION, causes=("F160",), find=lost),
    Rule(name="many calls", gate=_SESSION, causes=("F171",), find=many_calls),
    Rule(name="uneven", gate=_SESSION, causes=("F161",), find=uneven),
    Rule(name="out of order", gate=_SESSION, causes=("F162",), find=out_of_order),
    Rule(name="far away", gate=_SESSION, causes=("F163",), find=far_away),
    Rule(name="late start", gate=_SESSION, causes=("F153",), find=late_start),
)
