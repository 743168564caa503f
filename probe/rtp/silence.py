"""Silence as payload: what a call sends that has nothing to say, so that nobody hangs up on it.

A peer with an RTP time-out ends a call from which nothing comes. Silence is therefore sent in every
call that is up, as a telephone whose owner listens.
"""

from probe.rtp.sound import Frame
from probe.trace.media import Agreed

_FILLED = {"PCMU": 0xFF, "PCMA": 0xD5}
"""The byte of a sample of zero (ITU-T G.711)."""


class Silence:
    """A source of digital silence; None for codecs whose silence is not known here."""

    def frame(self, agreed: Agreed) -> Frame | None:
        """Return a packet of silence."""
        return silence(agreed)


def silence(agreed: Agreed) -> Frame | None:
    """Return the payload of one packet of silence."""
    codec = agreed.codec.upper()
    if codec in _FILLED:
        samples = round(agreed.clock_rate * agreed.ptime_s)
        return Frame(bytes((_FILLED[codec],)) * samples)
    return None
