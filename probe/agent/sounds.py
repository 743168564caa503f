"""From the words of ``play:`` to a source of payload."""

import re

from probe.rtp.silence import Silence
from probe.rtp.sound import Source
from probe.rtp.tone import Tone

_TONE = re.compile(r"tone (\d+)\s*Hz", re.IGNORECASE)


def source_of(play: str | None) -> Source:
    """Return what a call sends: ``tone 1004Hz``, or silence."""
    found = _TONE.fullmatch(play or "")
    return Tone(int(found[1])) if found else Silence()
