"""A pressed key as telephone-events (RFC 4733 §2.5)."""

import struct
from collections.abc import Iterator

from probe.playing.keys import KEYS
from probe.rtp.sound import Frame, Kind

VOLUME = 10
"""Level of the key in -dBm0 (RFC 4733 §2.3.4); what telephones say."""

_ENDINGS = 3
"""The last packet is sent three times, so that the loss of two does no harm (§2.5.1.4)."""

_END = 0x80
_LONGEST = 0xFFFF


def pressed(key: str, *, seconds: float, ptime_s: float, clock_rate: int) -> Iterator[Frame]:
    """Yield the packets of one event, one a packet time.

    All carry the timestamp of the beginning: ``back`` counts how far each lies after it. The
    duration grows from packet to packet, in timestamp units.
    """
    unit = round(clock_rate * ptime_s)
    count = max(round(seconds / ptime_s), 1)
    for place in range(count - 1 + _ENDINGS):
        last = place >= count - 1
        duration = min(min(place + 1, count) * unit, _LONGEST)
        yield Frame(
            struct.pack("!BBH", KEYS.index(key), (_END if last else 0) | VOLUME, duration),
            Kind.EVENT,
            marker=place == 0,
            back=place * unit,
        )
