"""Faults of our own in sound: a silent source, a machine that is too slow. They are asked first."""

from collections.abc import Iterator

from probe.diagnosis.case import Case, seconds
from probe.diagnosis.explanation import Certainty
from probe.diagnosis.rule import Gate, Hypothesis, Rule
from probe.diagnosis.streams import (
    PACKET_S,
    about,
    asked,
    fact,
    sending_s,
    streams,
    talk_s,
)
from probe.trace.media import MediaReport

HALF = 0.5
"""Share of a steady stream below which our own source was silent."""


def silent_source(case: Case) -> Iterator[Hypothesis]:
    """Recognise: we sent far fewer packets than the time in which we might send needs."""
    end = case.our_bye if case.our_bye is not None else case.their_bye
    if not asked(case) or case.answer is None or end is None or not streams(case):
        return
    for report in streams(case):
        due = sending_s(case, report)
        steady = due / (report.ptime_s or PACKET_S)
        # What our system would not send, because there is no way to their address, is theirs.
        if due < 1 or report.tx_packets + report.tx_errors >= HALF * steady or report.srtp:
            continue
        yield Hypothesis(
            cause="F177",
            likelihood=Certainty.LIKELY,
            because=f"we sent {report.tx_packets} packets in {due:.1f} s, less than half of a "
            "steady stream",
            says="Our own side hardly sent any audio, so the media result says little about the "
            "trunk.",
            evidence=(
                case.cite_start(end),
                fact(f"{report.tx_packets} RTP packets left in {due:.1f} s, {steady:.0f} were due"),
            ),
            steps=("Set `play: tone 1004Hz` on the call and run again.",),
            weight=20,
        )


def slow_machine(case: Case) -> Iterator[Hypothesis]:
    """Recognise: frames of ours left late, or our kernel dropped what we did not read in time.

    Late frames of ours come back as jitter from whoever echoes them; they make no hole in the
    numbers of what we receive. What the kernel drops does.
    """
    for report in streams(case):
        dropped = report.rx_overflow and about(case, r"media\.(loss|gap|mos|rx_packets|heard|like)")
        if not dropped and not (report.late_by_us and _spoilt(case, report)):
            continue
        parts = []
        if report.tx_late:
            parts.append(
                f"{report.tx_late} of our {report.tx_packets} packets left late, the worst by "
                f"{seconds(report.tx_worst_late_s)}"
            )
        if report.rx_overflow:
            parts.append(
                f"our kernel dropped {report.rx_overflow} packets that we did not read in time"
            )
        figures = ", and ".join(parts) or "our own clock was late"
        yield Hypothesis(
            cause="F178",
            likelihood=Certainty.CERTAIN,
            because=figures,
            says="This machine was too slow during the call, so its figures of sound say nothing "
            f"about the trunk: {figures}.",
            evidence=(fact(figures), fact(f"the call was up for {seconds(talk_s(case))}")),
            steps=(
                "Run fewer calls at a time (`concurrent_calls` in `caps:`), or on a free host.",
            ),
        )
        return


def _spoilt(case: Case, report: MediaReport) -> bool:
    """Whether late frames of ours can explain a figure: they come back from whoever echoes."""
    worst = report.tx_worst_late_s
    gap = max((one.length_s for one in report.rx_gaps), default=0.0)
    return (
        (about(case, "jitter") and worst >= report.rx_jitter_s)
        or (about(case, "gap") and worst >= gap)
        or (about(case, "discarded|mos") and 0 < report.rx_discarded <= report.tx_late)
        or about(case, "tx_packets")
    )


RULES = (
    Rule(name="our source was silent", gate=Gate.OWN, causes=("F177",), find=silent_source),
    Rule(name="our machine was slow", gate=Gate.OWN, causes=("F178",), find=slow_machine),
)
