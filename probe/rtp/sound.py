"""What a session sends and where what it receives goes: payload bytes, never samples.

A session knows nothing of codecs. A ``Source`` gives it the payload of each packet, a ``Sink``
takes the payload of each that came. A source is copied into the process that keeps the 20 ms
clock: what is done to it later is not seen there. There it may not block, sleep or import
anything, and must be done within about a millisecond. A sink stays where the call is signalled;
``Sink.finish`` is called after the last packet and may take its time.
"""

from enum import Enum
from typing import Any, Protocol

from msgspec import Struct

from probe.sip.message import SipMessage
from probe.trace.media import Agreed, MediaReport


class Kind(Enum):
    """Which of the agreed payload types a packet carries."""

    AUDIO = "audio"
    "The codec."

    EVENT = "event"
    "telephone-event (RFC 4733)."

    COMFORT_NOISE = "comfort noise"
    "RFC 3389."

    OTHER = "other"
    "A payload type that nobody agreed on; received only."


class Frame(Struct, frozen=True):
    """The payload of one packet that is to be sent."""

    payload: bytes
    "As the codec, or RFC 4733 §2.3, makes it."

    kind: Kind = Kind.AUDIO
    "Which payload type it is sent with; EVENT is left out where none was agreed."

    marker: bool = False
    "The marker bit: the first packet of an event, or of sound after a pause."

    back: int = 0
    """Timestamp units that the packet's timestamp lies back: all packets of an event carry the
    timestamp of its beginning (RFC 4733 §2.5.1.2)."""


class Packet(Struct, frozen=True):
    """One RTP packet that came, decrypted, duplicates left out."""

    at: float
    "When the kernel took it from the network, in seconds on the trace's clock."

    kind: Kind
    "What its payload type was agreed for."

    payload_type: int
    "RTP payload type as it came."

    codec: str
    "Encoding name that the session descriptions give the number; empty where they name none."

    clock_rate: int
    "Timestamp units a second of that encoding; 8000 where it is unknown."

    sequence: int
    "Sequence number, extended beyond 16 bits; it starts anew, higher, with each new SSRC."

    timestamp: int
    "RTP timestamp as it came, 32 bits."

    marker: bool
    "The marker bit."

    ssrc: int
    "Synchronisation source."

    payload: bytes
    "Without header, extension and padding."


class Source(Protocol):
    """Gives a call its sound."""

    def frame(self, agreed: Agreed) -> Frame | None:
        """Return what the next packet of ``agreed.ptime_s`` holds; None sends nothing this time.

        It is called once a packet time also where the direction lets us send nothing; what it
        returns is dropped then. ``agreed`` may change its codec from one call to the next.
        """
        ...

    def told(self, words: Any) -> None:  # noqa: ANN401 - between a source and its owner
        """Take what ``Session.tell`` was given."""
        ...

    @property
    def kept(self) -> list[Any] | None:
        """What was kept of what it gave; it is taken out of the list. None: nothing is kept."""
        ...


class Sink(Protocol):
    """Takes what a call receives."""

    def wants(self, kind: Kind) -> bool:
        """Whether packets of a kind are to be given to it."""
        ...

    def packet(self, packet: Packet) -> None:
        """Take one packet, in the order of arrival."""
        ...

    def info(self, message: SipMessage, at: float) -> None:
        """Take an INFO of the other side: keys may come in it. From the worker's own thread."""
        ...

    def finish(self, report: MediaReport) -> MediaReport:
        """Return the report with what was heard filled in; called once, after the last packet."""
        ...
