"""An estimate of how a call sounds: the E-model (ITU-T G.107 06/2015, G.113 11/2007).

R is built up from what a network does to speech: noise, simultaneous impairments, delay, and the
codec with its losses. All parameters that no packet shows (loudness, side tone, room noise, echo
loss) have the default values of G.107 table 2. So the result compares calls; it is no measurement
of a telephone, and every report says that it is an estimate.
"""

import math

from msgspec import Struct

BUFFER_S = 0.06
"""Jitter buffer that the delay of an ear supposes, in seconds: that of ``rx_discarded``."""

# Defaults of G.107 table 2.
_SLR, _RLR, _STMR, _LSTR, _DS, _TELR, _WEPL = 8.0, 2.0, 15.0, 18.0, 3.0, 65.0, 110.0
_NC, _NFOR, _PS, _PR, _QDU = -70.0, -64.0, 35.0, 35.0, 1.0
_OLR = _SLR + _RLR


class Impairment(Struct, frozen=True):
    """What a codec takes away (G.113 appendix I)."""

    ie: float
    "Equipment impairment factor without loss."
    bpl: float | None
    "Packet-loss robustness factor; None where G.113 has none, and then no loss can be rated."


CODECS: dict[str, Impairment] = {
    "PCMU": Impairment(0.0, 25.1),
    "PCMA": Impairment(0.0, 25.1),
    "G729": Impairment(10.0, 19.0),
    "G723": Impairment(15.0, 16.1),
    "G728": Impairment(7.0, 17.0),
    "G726-32": Impairment(7.0, None),
    "GSM": Impairment(20.0, None),
    "GSM-EFR": Impairment(5.0, 10.0),
}
"""G.113 tables I.1 and I.4. G.711 is rated with packet-loss concealment (G.711 appendix I), which
receivers have. Wideband codecs have no place on this scale: for them there is no R."""


def rating(
    codec: str, *, one_way_s: float, loss: float, burst_ratio: float = 1.0
) -> tuple[float, float] | None:
    """Return R and MOS; None for a codec that has no published values.

    ``one_way_s`` is the delay from mouth to ear in seconds, ``loss`` the share of packets that are
    not played (0 to 1), ``burst_ratio`` how much longer runs of lost packets are than random ones.
    """
    known = CODECS.get(codec.upper())
    if known is None or (loss > 0 and known.bpl is None):
        return None
    percent = 100 * min(max(loss, 0.0), 1.0)
    ie = known.ie
    if percent and known.bpl is not None:
        ie += (95 - ie) * percent / (percent / max(burst_ratio, 1.0) + known.bpl)
    delay = max(one_way_s, 0.0) * 1000
    r = _signal() - _simultaneous(delay) - _delay(delay) - ie
    r = min(max(r, 0.0), 100.0)
    return r, mos(r)


def estimate(
    codec: str,
    *,
    rtt_s: float | None,
    ptime_s: float | None,
    loss: float,
    burst_ratio: float = 1.0,
) -> tuple[float, float] | None:
    """Return R and MOS of a call, or None.

    The delay from mouth to ear is half the round trip, one packet, and the jitter buffer; a round
    trip that nobody measured counts as none.
    """
    delay = (rtt_s or 0.0) / 2 + (ptime_s or 0.02) + BUFFER_S
    return rating(codec, one_way_s=delay, loss=loss, burst_ratio=burst_ratio)


def mos(r: float) -> float:
    """Return the mean opinion score of a rating (G.107 annex B)."""
    if r <= 0:
        return 1.0
    if r >= 100:
        return 4.5
    return max(1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6, 1.0)


def _power(*levels: float) -> float:
    """Add levels in decibels as powers."""
    return 10 * math.log10(math.fsum(math.pow(10, level / 10) for level in levels))


def _noise() -> float:
    """Return No in dBm0p: circuit, both rooms, the receiver's floor (G.107 §7.2)."""
    send = _PS - _SLR - _DS - 100 + 0.004 * (_PS - _OLR - _DS - 14) ** 2
    effective = _PR + 10 * math.log10(1 + 10 ** ((10 - _LSTR) / 10))
    receive = _RLR - 121 + effective + 0.008 * (effective - 35) ** 2
    return _power(_NC, send, receive, _NFOR + _RLR)


def _signal() -> float:
    """Return Ro: the basic ratio of signal to noise (G.107 §7.2)."""
    return 15 - 1.5 * (_SLR + _noise())


def _simultaneous(delay: float) -> float:
    """Return Is: loudness, side tone, quantising (G.107 §7.3)."""
    x = _OLR + 0.2 * (64 + _noise() - _RLR)
    loud = 20 * (math.pow(1 + (x / 8) ** 8, 1 / 8) - x / 8)
    side = -10 * math.log10(10 ** (-_STMR / 10) + math.exp(-delay / 4) * 10 ** (-_TELR / 10))
    own = (
        12 * (1 + ((side - 13) / 6) ** 8) ** (1 / 8)
        - 28 * (1 + ((side + 1) / 19.4) ** 35) ** (1 / 35)
        - 13 * (1 + ((side - 3) / 33) ** 13) ** (1 / 13)
        + 29
    )
    q = 37 - 15 * math.log10(_QDU)
    g = 1.07 + 0.258 * q + 0.0602 * q * q
    y = (_signal() - 100) / 15 + 46 / 8.4 - g / 9
    z = 46 / 30 - g / 40
    total: float = loud + own + 15 * math.log10(1 + 10**y + 10**z)
    return total


def _delay(delay: float) -> float:
    """Return Id: talker echo, listener echo, delay itself (G.107 §7.4); ``delay`` in ms."""
    noise, signal = _noise(), _signal()
    echo_loss = (
        _TELR
        - 40 * math.log10((1 + delay / 10) / (1 + delay / 150))
        + 6 * math.exp(-0.3 * delay * delay)
    )
    spread = -1.5 * (noise - _RLR) - (80 + 2.5 * (echo_loss - 14))
    talker = (spread / 2 + math.sqrt(spread * spread / 4 + 100) - 1) * (1 - math.exp(-delay))
    gap = signal - 10.5 * (_WEPL + 7) * (2 * delay + 1) ** -0.25
    listener = gap / 2 + math.sqrt(gap * gap / 4 + 169)
    late = 0.0
    if delay > 100:
        x = math.log2(delay / 100)
        late = 25 * ((1 + x**6) ** (1 / 6) - 3 * (1 + (x / 3) ** 6) ** (1 / 6) + 2)
    total: float = talker + listener + late
    return total
