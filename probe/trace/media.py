"""What one audio stream carried, per direction: RTP and RTCP as counted by our side (RFC 3550).

One report stands for one call of one agent, from the first agreed offer and answer to the end of
the call: hold, resume and re-INVITE change what is agreed (``agreed``) and not the report. Times
called ``at`` are seconds on the trace's clock, as those of events. What arrived carries the time
at which the kernel took it from the network, so that a busy Python process adds no jitter.
"""

from msgspec import Struct

TIMELY_S = 0.010
"""A frame of ours that left later than this after its time counts as late: half a packet of 20 ms,
beyond what a scheduler that is not starved lets a thread wait."""


class Agreed(Struct, frozen=True, kw_only=True):
    """What offer and answer agreed on, from one moment on (RFC 3264)."""

    at: float
    "When the answer was sent or came."

    local: str
    "Our RTP address as our session description says it, ip:port."

    remote: str
    "Theirs, ip:port; port 0 where the stream was refused."

    direction: str
    "sendrecv, sendonly, recvonly or inactive, seen from our side."

    codec: str
    "Encoding name of what we send."

    payload_type: int
    "Its RTP payload type, as the other side numbers it."

    clock_rate: int
    "RTP timestamp units a second."

    ptime_s: float
    "Length of a packet that we send, in seconds."

    events: int | None = None
    "Payload type of telephone-event (RFC 4733) that we send, or None where it was not agreed."

    srtp: str = ""
    "Crypto suite of SRTP (RFC 4568), or empty."

    early: bool = False
    "Whether it was agreed before the call was answered."


class Gap(Struct, frozen=True, kw_only=True):
    """A time in which packets were due and none came."""

    at: float
    "When the last packet before it came."

    length_s: float
    "Seconds to the next packet, or to the end where none came any more."


class PayloadType(Struct, frozen=True, kw_only=True):
    """How many packets of one payload type came."""

    number: int
    "RTP payload type."

    packets: int
    "Packets that carried it, duplicates left out."

    codec: str = ""
    "Encoding name that the session descriptions give the number; empty where they name none."


class SourceChange(Struct, frozen=True, kw_only=True):
    """The stream that reaches us got another source."""

    at: float
    "When the first packet of the new source came."

    what: str
    "ssrc or address."

    before: str
    "SSRC as 0x and eight hexadecimal digits, or ip:port."

    after: str
    "The same of the new source."


class MediaSlice(Struct, frozen=True, kw_only=True):
    """The received stream in one stretch of time, for charts."""

    at: float
    "Its beginning."

    length_s: float
    "Its length in seconds."

    packets: int
    "RTP packets received in it."

    lost: int
    "Packets found missing in it; those that came late after all are taken off again."

    jitter_s: float
    "Interarrival jitter at its end (RFC 3550 §6.4.1), in seconds."


class Heard(Struct, frozen=True, kw_only=True):
    """A stretch of one kind of sound in the received audio."""

    what: str
    """In the words of ``heard:``: tone 1004Hz (tone 350+440Hz), speech, silence, ringback, busy,
    congestion, dial, sit, dtmf; noise, sound (none of the others), missing (no packets came)."""

    at: float
    "When it began."

    length_s: float
    "Seconds."

    level_dbov: float | None = None
    "Mean level in dBov (RFC 6465: a full-scale sine is -3.01); None where nothing was there."

    hz: float | None = None
    "Of a tone the frequency, of two or three at once the lowest; Hz."

    second_hz: float | None = None
    "The highest of two or three at once, Hz."

    purity: float | None = None
    "Of a tone the share of the energy that lies at its frequencies, 0 to 1."

    countries: tuple[str, ...] = ()
    "Countries (ISO 3166) whose networks give such a signal, of those that are known to us."


class Digit(Struct, frozen=True, kw_only=True):
    """A DTMF digit that reached us."""

    digit: str
    "One of 0123456789*#ABCD."

    how: str
    "rfc4733, info or inband."

    at: float
    "When it began."

    length_s: float | None
    "How long it lasted, in seconds; None where the way does not say."

    level_dbov: float | None = None
    "Its level in dBov, where it has one."

    ended: bool = True
    "Whether its end came: of an event the packets with the E bit (RFC 4733 §2.5.1.4)."

    copies: int = 1
    "Of an event, how often its last packet came; three is usual."


class Likeness(Struct, frozen=True, kw_only=True):
    """A reference recording held against what was heard."""

    reference: str
    "The file, as the scenario names it."

    score: float
    "Short-time objective intelligibility (STOI): about 1 where they are the same."

    at: float
    "When the reference begins in what was heard."

    clipped_s: float
    "How much of the reference's beginning is missing, in seconds."


class Echo(Struct, frozen=True, kw_only=True):
    """A marker of ours that came back."""

    at: float
    "When it came back."

    delay_s: float
    "Its round trip, in seconds."

    level_db: float
    "Its level against what was sent, in dB; negative is fainter."


class MediaReport(Struct, frozen=True, kw_only=True, tag=True, tag_field="type"):
    """What the user agent counted for the audio of one call."""

    call_id: str
    "Call-ID of the dialog that negotiated the stream."

    codec: str | None
    "Encoding name in use, or None where the agent could not say."

    rx_packets: int
    "RTP packets received, duplicates and what could not be decoded left out."

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
    """Packets of ours that the peer's RTCP reported lost, ``tx_unheard`` included; None where no
    report came."""

    rtt_s: float | None
    "Round-trip time from RTCP in seconds, mean; None where no report came."

    # What was agreed ---------------------------------------------------------------------------

    unmeasured: str = ""
    "Why packets were not measured (``DTLS-SRTP``, ``ICE`` …); empty where they were."

    local: str = ""
    "Our RTP address in SDP, ip:port; empty where nothing was agreed."

    remote: str = ""
    "Theirs in SDP, ip:port, as last agreed."

    direction: str = ""
    "Direction as last agreed, seen from our side."

    payload_type: int | None = None
    "Payload type that we send."

    clock_rate: int | None = None
    "RTP timestamp units a second."

    ptime_s: float | None = None
    "Length of our packets in seconds."

    srtp: str = ""
    "Crypto suite of SRTP, or empty."

    agreed: tuple[Agreed, ...] = ()
    "Each agreement in order: early media, the answer, hold, resume."

    # Received ----------------------------------------------------------------------------------

    rx_bytes: int = 0
    "Payload bytes received."

    rx_discarded: int = 0
    "Packets that came too late for a jitter buffer of ``rx_buffer_s``."

    rx_buffer_s: float = 0.06
    "The jitter buffer that ``rx_discarded`` supposes, in seconds."

    rx_jitter_max_s: float = 0.0
    "Largest interarrival jitter in seconds."

    rx_first_at: float | None = None
    "When the first packet came, or None."

    rx_last_at: float | None = None
    "When the last packet came, or None."

    rx_source: str = ""
    "Address that the first packet came from, ip:port."

    rx_ssrc: str = ""
    "SSRC of the first packet, as 0x and eight hexadecimal digits."

    rx_gaps: tuple[Gap, ...] = ()
    """Times without packets longer than ``rx_buffer_s`` and three packets, in order: not on hold,
    not in a silence that the sender announced (CN, or a marker after it)."""

    rx_payload_types: tuple[PayloadType, ...] = ()
    "What came, by payload type, most frequent first."

    rx_ptime_s: float | None = None
    "Length of their packets as their timestamps show it: the most frequent; None where unknown."

    rx_changes: tuple[SourceChange, ...] = ()
    "Changes of SSRC and of source address, in order; the first 50."

    rx_undecodable: int = 0
    "SRTP packets that failed authentication or could not be decrypted."

    rx_malformed: int = 0
    "Datagrams at the RTP port that were no RTP."

    rx_comfort_noise: int = 0
    "Comfort noise packets (RFC 3389)."

    rx_other_law: bool = False
    "Whether the bytes are smooth sound only by the law that was not agreed: A-law marked as PCMU."

    rx_pauses: int = 0
    "Silences in which the sender sent nothing on purpose: timestamps went on, numbers did not."

    rx_slices: tuple[MediaSlice, ...] = ()
    "The stream second by second, coarser where it is long; at most 300."

    # Sent --------------------------------------------------------------------------------------

    tx_bytes: int = 0
    "Payload bytes sent."

    tx_unheard: int = 0
    """Packets of ours that left after the last one that the peer's reports tell of: from then on
    its reports stood still. 0 where they went on."""

    tx_first_at: float | None = None
    "When the first packet left, or None."

    tx_last_at: float | None = None
    "When the last packet left, or None."

    tx_late: int = 0
    "Frames of ours that left more than TIMELY_S after their time."

    tx_worst_late_s: float = 0.0
    "The worst of it, in seconds."

    tx_unreachable: int = 0
    "ICMP errors that came back for our RTP and RTCP: nobody listens there, or it is forbidden."

    tx_errors: int = 0
    "Packets that our own system would not send."

    tx_jitter_s: float | None = None
    "Jitter of our stream as the peer's last RTCP report says it, in seconds; None without one."

    rtt_max_s: float | None = None
    "Longest round-trip time from RTCP in seconds; None where no report came."

    rtcp_received: int = 0
    "RTCP packets received."

    rtcp_sent: int = 0
    "RTCP packets sent."

    # What it amounts to ------------------------------------------------------------------------

    r_factor: float | None = None
    "Estimated transmission rating R of what we heard (ITU-T G.107); None where nothing came."

    mos: float | None = None
    "The same as an estimated mean opinion score, 1 to 4.5."

    late_by_us: bool = False
    """Whether our own machine was too slow for the figures of jitter and of what we sent to be held
    against anybody: frames of ours were late, or the kernel dropped packets before we read them."""

    rx_overflow: int = 0
    "Datagrams that our kernel dropped because we did not read them in time (SO_RXQ_OVFL)."

    heard: tuple[Heard, ...] = ()
    "What was heard, in order."

    digits: tuple[Digit, ...] = ()
    "DTMF digits that reached us, in order, each once."

    likeness: tuple[Likeness, ...] = ()
    "Reference recordings held against what was heard."

    echoes: tuple[Echo, ...] = ()
    "Markers of ours that came back, in order."

    recording: str = ""
    "Name of the file with what was received, in the run's folder; empty where none was asked for."

    recording_sent: str = ""
    "Name of the file with what was sent."
