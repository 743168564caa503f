"""RTP statistics of one attempt, per direction (RFC 3550)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaReport:
    """What the user agent counted for one audio stream."""

    call_id: str
    "Call-ID of the dialog that negotiated the stream."

    codec: str | None
    "Encoding name in use, or None where the agent could not say."

    rx_packets: int
    "RTP packets received."

    rx_lost: int
    "RTP packets missing in the received sequence."

    rx_reordered: int
    "RTP packets received out of order."

    rx_duplicates: int
    "RTP packets received twice."

    rx_jitter_s: float
    "Interarrival jitter of the received stream in seconds (RFC 3550 §6.4.1), mean."

    tx_packets: int
    "RTP packets sent."

    tx_lost: int | None
    "Packets of ours that the peer's RTCP reported lost; None where no report came."

    rtt_s: float | None
    "Round-trip time from RTCP in seconds, mean; None where no report came."
