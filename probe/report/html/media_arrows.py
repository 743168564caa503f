"""Streams in the ladder: an arrow each way with codec, packets, loss, jitter and estimated MOS."""

from collections.abc import Iterator

from msgspec import Struct

from probe.report.media_lines import estimate, ms, ways
from probe.report.text import plain
from probe.trace.media import MediaReport
from probe.trace.trace import Trace


class MediaArrow(Struct, frozen=True, kw_only=True):
    """One direction of one stream."""

    inbound: bool
    "Whether it comes to us."

    missing: bool
    "Whether packets were due and there was none."

    at: float
    "When its first packet came or left; when it was agreed, where there was none."

    host: str
    "IP address of the other end."

    label: str
    "What it is, on one line."

    note: str
    "What is worth knowing beside it."


def media_arrows(trace: Trace) -> list[MediaArrow]:
    """Return the directions of every stream that carried something, or should have, in order."""
    return sorted(_arrows(trace), key=lambda arrow: arrow.at)


def _arrows(trace: Trace) -> Iterator[MediaArrow]:
    for report in trace.media:
        if report.unmeasured:
            continue
        codec = plain(report.codec or "RTP", 30)
        for way in ways(report):
            if not way.packets and not way.missing:
                continue
            begun = report.rx_first_at if way.inbound else report.tx_first_at
            verb = "came" if way.inbound else "left"
            yield MediaArrow(
                inbound=way.inbound,
                missing=way.missing,
                at=_agreed_at(trace, report) if begun is None else begun,
                host=(report.rx_source or report.remote).rpartition(":")[0],
                label=f"no RTP {verb}"
                if way.missing
                else f"RTP {codec}, {_told(report, way.inbound)}",
                note=_note(report, inbound=way.inbound) if way.packets else "",
            )


def _told(report: MediaReport, inbound: bool) -> str:
    if not inbound:
        return f"{report.tx_packets} packets"
    due = report.rx_packets + report.rx_lost
    return f"{report.rx_packets} packets, {100 * report.rx_lost / due:.1f} % lost"


def _note(report: MediaReport, *, inbound: bool) -> str:
    if inbound:
        rated = estimate(report).partition(" (")[0]
        return f"jitter {ms(report.rx_jitter_s)}" + (f", {rated}" if rated else "")
    return "loss there unknown" if report.tx_lost is None else f"{report.tx_lost} lost there"


def _agreed_at(trace: Trace, report: MediaReport) -> float:
    return report.agreed[-1].at if report.agreed else trace.ended
