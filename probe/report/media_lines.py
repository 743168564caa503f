"""The sound of a call in words: one line for what came, one for what left, and an estimate.

The figures are those of the media report; MOS and R are estimates of the E-model and are called
so. What cannot be known (no RTCP came, nothing was measured) is said and not left out.
"""

from collections.abc import Iterable

from msgspec import Struct

from probe.report.text import plain
from probe.trace.media import MediaReport

_RECEIVES = frozenset({"", "sendrecv", "recvonly"})
_SENDS = frozenset({"", "sendrecv", "sendonly"})


class Way(Struct, frozen=True, kw_only=True):
    """One direction of a stream."""

    inbound: bool
    "Whether it comes to us."

    packets: int
    "Packets that came, or left."

    facts: tuple[str, ...]
    "What is worth saying of it, in words."

    missing: bool
    "Whether packets were due and there was none."


def ways(report: MediaReport) -> tuple[Way, Way]:
    """Return both directions, the one to us first."""
    return (
        Way(
            inbound=True,
            packets=report.rx_packets,
            facts=tuple(_received(report)) if report.rx_packets else (),
            missing=not report.rx_packets and report.direction in _RECEIVES,
        ),
        Way(
            inbound=False,
            packets=report.tx_packets,
            facts=tuple(_sent(report)),
            missing=not report.tx_packets and report.direction in _SENDS,
        ),
    )


def _received(report: MediaReport) -> Iterable[str]:
    due = report.rx_packets + report.rx_lost
    yield f"{report.rx_lost} lost ({100 * report.rx_lost / due:.1f} %)"
    most = f", at most {ms(report.rx_jitter_max_s)}" if report.rx_jitter_max_s else ""
    yield f"jitter {ms(report.rx_jitter_s)}{most}"
    for amount, words in (
        (report.rx_reordered, "out of order"),
        (report.rx_duplicates, "twice"),
        (report.rx_discarded, "too late to be played"),
        (report.rx_undecodable, "not decrypted"),
        (report.rx_comfort_noise, "comfort noise"),
        (report.rx_pauses, "pause" if report.rx_pauses == 1 else "pauses"),
        (len(report.rx_gaps), "gap" if len(report.rx_gaps) == 1 else "gaps"),
        (len(report.rx_changes), _changes(len(report.rx_changes))),
    ):
        if amount:
            yield f"{amount} {words}"


def _changes(count: int) -> str:
    return "change of source" if count == 1 else "changes of source"


def _sent(report: MediaReport) -> Iterable[str]:
    if report.tx_lost is not None:
        yield f"{report.tx_lost} lost there (RTCP)"
    elif report.tx_packets:
        told = "their RTCP does not mention it" if report.rtcp_received else "no RTCP came"
        yield f"loss unknown: {told}"
    if report.rtt_s is not None:
        yield f"{ms(report.rtt_s)} there and back"
    if report.tx_errors:
        yield f"{report.tx_errors} that our system would not send"
    if report.tx_unreachable:
        yield f"{report.tx_unreachable} ICMP errors"
    if report.tx_late:
        yield f"{report.tx_late} left late, by {ms(report.tx_worst_late_s)} at worst"


def estimate(report: MediaReport) -> str:
    """Return MOS and R, named an estimate; empty where there is none."""
    if report.mos is None:
        return ""
    rated = "" if report.r_factor is None else f", R {report.r_factor:.0f}"
    return f"MOS {report.mos:.1f} (estimate{rated})"


def ms(seconds: float) -> str:
    """Return a time in milliseconds."""
    return f"{1000 * seconds:.1f} ms"


def about(report: MediaReport) -> str:
    """Return codec, payload type, packet time and the addresses of a stream."""
    parts = [plain(report.codec or "unknown codec", 40)]
    if report.payload_type is not None:
        parts.append(f"payload type {report.payload_type}")
    if report.ptime_s:
        parts.append(f"{1000 * report.ptime_s:.0f} ms")
    if report.srtp:
        parts.append(f"SRTP {plain(report.srtp, 60)}")
    if report.direction:
        parts.append(report.direction)
    if report.local and report.remote:
        parts.append(f"{plain(report.local, 60)} ↔ {plain(report.remote, 60)}")
    return ", ".join(parts)


def media_lines(report: MediaReport) -> tuple[str, ...]:
    """Return a stream as lines of text, without any control character."""
    if report.unmeasured:
        return (f"{about(report)}: not measured ({plain(report.unmeasured, 80)})",)
    came, left = ways(report)
    rated = estimate(report)
    head = about(report) + (f", {rated}" if rated else "")
    lines = [
        head,
        ", ".join((f"in:  {came.packets} packets", *came.facts)),
        ", ".join((f"out: {left.packets} packets", *left.facts)),
    ]
    if report.late_by_us:
        lines.append("our own machine was too slow: jitter and lateness may be ours")
    return tuple(lines)
