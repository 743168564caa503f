"""From what a session counted to its report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from probe.rtp import emodel
from probe.rtp.reception import BUFFER_S, Reception
from probe.trace.media import MediaReport

if TYPE_CHECKING:
    from probe.rtp.session import Session

STANDSTILL_S = 0.04
"""Lateness of one frame of ours from which our figures of time are not to be trusted."""

LATE_SHARE = 0.01
"""Share of late frames from which they are not."""


def figures(session: Session, call_id: str) -> MediaReport:
    """Return the report of a session that has ended, without what was heard."""
    heard, sent, told = session.reception, session.sent, session.reports
    last = session.history[-1]
    rtt = sum(told.rtts) / len(told.rtts) if told.rtts else None
    estimate = rated(heard, last.codec, rtt)
    return MediaReport(
        call_id=call_id,
        codec=last.codec or None,
        rx_packets=heard.packets,
        rx_lost=heard.lost,
        rx_reordered=heard.reordered,
        rx_duplicates=heard.duplicates,
        rx_jitter_s=heard.jitter_mean,
        tx_packets=sent.packets,
        tx_lost=told.lost,
        tx_unheard=told.unheard,
        rtt_s=rtt,
        unmeasured=session.unmeasured,
        local=last.local,
        remote=last.remote,
        direction=last.direction,
        payload_type=last.payload_type,
        clock_rate=last.clock_rate,
        ptime_s=last.ptime_s,
        srtp=last.srtp,
        agreed=tuple(session.history),
        rx_bytes=heard.octets,
        rx_discarded=heard.discarded,
        rx_buffer_s=BUFFER_S,
        rx_jitter_max_s=heard.jitter_max,
        rx_first_at=heard.first_at,
        rx_last_at=heard.last_at,
        rx_source=heard.source,
        rx_ssrc=heard.first_ssrc,
        rx_gaps=tuple(heard.gaps),
        rx_payload_types=heard.types,
        rx_ptime_s=heard.ptime,
        rx_changes=tuple(heard.changes),
        rx_undecodable=session.undecodable,
        rx_malformed=session.malformed,
        rx_comfort_noise=heard.comfort_noise,
        rx_pauses=heard.pauses,
        rx_slices=heard.slices,
        tx_bytes=sent.octets,
        tx_first_at=session.moment(sent.first_at),
        tx_last_at=session.moment(sent.last_at),
        tx_late=sent.late,
        tx_worst_late_s=sent.worst,
        tx_unreachable=session.unreachable,
        tx_errors=sent.errors,
        tx_jitter_s=told.jitter_s,
        rtt_max_s=max(told.rtts, default=None),
        rtcp_received=told.received,
        rtcp_sent=told.sent,
        r_factor=estimate[0] if estimate else None,
        mos=estimate[1] if estimate else None,
        late_by_us=session.overflow > 0
        or sent.worst > STANDSTILL_S
        or sent.late > LATE_SHARE * sent.frames,
        rx_overflow=session.overflow,
    )


def rated(heard: Reception, codec: str, rtt_s: float | None) -> tuple[float, float] | None:
    """Return R and MOS of what was received, or None."""
    if not heard.packets or not heard.expected:
        return None
    loss = min((heard.lost + heard.discarded) / heard.expected, 1.0)
    ratio = 1.0
    if heard.lost and heard.bursts:
        ratio = max(heard.lost / heard.bursts * (1 - loss), 1.0)
    return emodel.estimate(codec, rtt_s=rtt_s, ptime_s=heard.ptime, loss=loss, burst_ratio=ratio)
