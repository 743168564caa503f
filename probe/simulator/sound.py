"""What the trunk does with the sound of a call, and what goes wrong with it: data, no sockets."""

from enum import Enum

from msgspec import Struct, field

PACKET_S = 0.02
"""Seconds of sound in a packet (RFC 3551 §4.2)."""

AGREED = -1
"""The payload type that offer and answer agreed on."""


class Source(Enum):
    """Where the sound comes from that the trunk sends."""

    NOTHING = "no packet at all"
    ECHO = "what it hears"
    RINGING = "400 and 450 Hz without a pause: the British ringing tone"
    TONE = "1004 Hz, the test tone of telephony"
    SILENCE = "packets that hold silence"
    PAUSES = "speech-like: tone, then comfort noise (RFC 3389), and again"
    UNOBTAINABLE = "950, 1400 and 1800 Hz, one after the other (ITU-T E.180): number unobtainable"
    BUSY = "480 and 620 Hz, half a second on and half a second off"
    DIGITS = "1234# as telephone-events (RFC 4733)"
    KEY_TONES = "1234# as tones in the sound (ITU-T Q.23)"
    BOTH_DIGITS = "1234# by events and by tones at the same time"


class Way(Struct, frozen=True, kw_only=True):
    """What happens to packets between the trunk and the caller."""

    loses: int = 0
    "Every how many packets one of the trunk's is lost; 0 for none."

    swaps: int = 0
    "Every how many packets one of the trunk's is overtaken by the next; 0 for none."

    doubles: int = 0
    "Every how many packets one of the trunk's comes twice; 0 for none."

    together: int = 1
    "How many packets of the trunk's arrive at once, the first of them late: jitter."

    delay_s: float = 0.0
    "Seconds that every packet takes, RTP and RTCP, in each direction."


class Sound(Struct, frozen=True, kw_only=True):
    """What the trunk sends and hears, and how."""

    source: Source = Source.ECHO
    "What it sends once it has answered."

    early: Source | None = None
    "What it sends after a provisional response with a session description; None: the same."

    level: int = 8000
    "Peak of the tones it makes, of 32767: 8000 is -15 dBov."

    hears_for: float | None = None
    "Seconds after the answer from which what comes in is lost on the way; None: it hears always."

    begins_after: float = 0.0
    "Seconds from the answer to its first packet."

    ends_after: float | None = None
    "Seconds from the answer to its last packet; None: it goes on."

    packet_s: float = PACKET_S
    "Seconds of sound in each packet of a sound that it makes itself."

    payload: int = AGREED
    "The payload type in its packets."

    other_law: bool = False
    "Whether its bytes are A-law where mu-law was agreed, and the other way round."

    encrypted: bool = False
    "Whether its packets are as SRTP leaves them: unreadable, and 10 bytes longer (RFC 3711)."

    late_by: float = 0.0
    "Seconds by which an echo comes back late, as at the far end of a long line."

    other_port: bool = False
    "Whether it sends from a port that its session description does not name."

    new_port_after: float | None = None
    "Seconds after the answer at which it goes on from a new port, and the old one is gone."

    new_ssrc_after: float | None = None
    "Seconds after the answer at which another source (SSRC) goes on in its place."

    rtcp: bool = True
    "Whether it sends RTCP."

    gives_up_after: float | None = None
    "Seconds without a packet of the caller's after which it hangs up; None: never."

    way: Way = field(default_factory=Way)
    "What happens to packets on their way."
