"""What one stream brought, decoded and laid out on a line of time."""

from msgspec import Struct

from probe.hearing.samples import Mask, Samples


class Recording(Struct, frozen=True, kw_only=True, eq=False):
    """Decoded sound with its gaps: where no packet came, nothing is invented."""

    samples: Samples
    "Shape (n,); zero where nothing arrived."

    rate: int
    "Samples per second: 8000 or 16000, Opus 48000."

    arrived: Mask
    "Shape (n,): whether a packet brought the sample."

    began: float = 0.0
    "When the first sample arrived, seconds on the trace's clock."

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.rate
