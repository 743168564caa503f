"""What was heard in a call: stretches of sound and digits, with their times (no judgement)."""

from dataclasses import dataclass

KINDS = (
    "silence", "tone", "ringback", "busy", "congestion", "dial", "sit", "dtmf", "speech", "noise",
    "sound", "missing",
)  # fmt: skip
"""What a stretch can be; ``sound`` is none of the others, ``missing`` had no packets at all."""

EVENT, INFO, INBAND = "rfc4733", "info", "inband"
"""The ways that a digit travels: telephone-event (RFC 4733), SIP INFO, tones in the sound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A stretch of one kind of sound."""

    kind: str
    "One of ``KINDS``."

    begin: float
    "Seconds on the trace's clock."

    end: float
    "Seconds on the trace's clock."

    level_dbov: float | None = None
    "Mean level in dBov (RFC 6465: a full-scale sine is -3.01); None where nothing was there."

    frequencies_hz: tuple[float, ...] = ()
    "Frequencies of a tone, ascending."

    purity: float | None = None
    "Share of the energy that lies at those frequencies, 0 to 1."

    countries: tuple[str, ...] = ()
    "Countries whose networks use such a signal (ISO 3166), of those that are known to us."


@dataclass(frozen=True, slots=True, kw_only=True)
class Digit:
    """One key that was pressed at the other end."""

    digit: str
    "0 to 9, *, #, A to D."

    way: str
    "``rfc4733``, ``info`` or ``inband``."

    begin: float
    "Seconds on the trace's clock."

    duration_s: float | None = None
    "How long it was pressed; None where the way does not say."

    ended: bool = True
    "Whether its end arrived: of a telephone-event the packets with the E bit (RFC 4733 §2.5.1.4)."

    copies: int = 1
    "How often the last packet of an event arrived; 3 is usual."


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """How alike a reference recording and what was heard are."""

    reference: str
    "The file."

    score: float
    "Short-time objective intelligibility (STOI), about 1 where they are the same."

    offset_s: float
    "Where the reference begins in what was heard: seconds after the first packet."

    clipped_s: float
    "How much of the reference's beginning is missing, in seconds."


@dataclass(frozen=True, slots=True, kw_only=True)
class Echo:
    """What came back of a marker that we played."""

    delay_s: float
    "Round trip of the marker."

    level_db: float
    "Level of what came back against what was sent, in dB; negative is fainter."


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What one stream let us hear."""

    stretches: tuple[Stretch, ...] = ()
    "In order, without overlap, from the first packet to the last."

    digits: tuple[Digit, ...] = ()
    "By all ways, in order of their beginning."

    level_dbov: float | None = None
    "Mean level of all that is not silence; None where all is."

    first_sound_at: float | None = None
    "When something else than silence was heard first, on the trace's clock; None for never."

    likeness: Likeness | None = None
    "Where a reference was given."

    echo: Echo | None = None
    "Where a marker was played and came back."

    recording: str | None = None
    "Name of the WAV file in the run folder; None where nothing was recorded."
