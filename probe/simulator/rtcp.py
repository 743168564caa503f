"""RTCP of the trunk: what it sent, what it heard, and when (RFC 3550 §6.4, appendix A)."""

import struct

EVERY_S = 1.0
"""Seconds between two reports: RFC 3550 §6.2 says five, and test calls are over by then."""

_SENDER, _RECEIVER, _SOURCE, _BYE = 200, 201, 202, 203
_EPOCHS = 2_208_988_800  # seconds from 1900 (NTP) to 1970
_RATE = 8000
_FRACTION = 256


class Heard:
    """What arrived from one source of the caller's (RFC 3550 A.3, A.8)."""

    def __init__(self, ssrc: int, sequence: int) -> None:
        self.ssrc = ssrc
        self._base = sequence
        self._highest = sequence  # with the number of wraps above 16 bits
        self._received = 0
        self._expected_before = 0
        self._received_before = 0
        self._transit: float | None = None
        self._jitter = 0.0
        self.last_report = 0
        "The middle 32 bits of the NTP time in the last sender report; 0 for none."
        self.last_report_at = 0.0
        "When it arrived."

    def packet(self, sequence: int, timestamp: int, at: float) -> None:
        """Count a packet; ``at`` is its arrival in seconds."""
        step = (sequence - self._highest) % 2**16
        if 0 < step < 2**15:
            self._highest += step
        self._received += 1
        transit = at * _RATE - timestamp
        if self._transit is not None:
            self._jitter += (abs(transit - self._transit) - self._jitter) / 16
        self._transit = transit

    def block(self, now: float) -> bytes:
        """Return a report block and begin the next interval (§6.4.1)."""
        expected = self._highest - self._base + 1
        lost = max(-(2**23), min(expected - self._received, 2**23 - 1))
        due = expected - self._expected_before
        missing = due - (self._received - self._received_before)
        self._expected_before, self._received_before = expected, self._received
        share = max(0, min(missing * _FRACTION // due, 255)) if due > 0 else 0
        delay = round((now - self.last_report_at) * 65536) if self.last_report else 0
        return struct.pack(
            "!IB3sIIII",
            self.ssrc,
            share,
            (lost % 2**24).to_bytes(3, "big"),
            self._highest % 2**32,
            int(self._jitter),
            self.last_report,
            delay % 2**32,
        )


def report(  # noqa: PLR0913 - a sender report has that many parts
    ssrc: int,
    *,
    sent: int,
    octets: int,
    timestamp: int,
    wall: float,
    block: bytes,
    over: bool = False,
) -> bytes:
    """Return a compound packet: SR where something was sent, else RR, then SDES and maybe BYE.

    ``timestamp`` is the RTP time of ``wall`` (seconds since the epoch); ``block`` is the report
    block, empty where nothing was heard.
    """
    count = len(block) // 24
    head = struct.pack("!I", ssrc)
    if sent:
        seconds, rest = divmod(wall, 1)
        ntp = (int(seconds) + _EPOCHS) % 2**32
        head += struct.pack("!IIIII", ntp, int(rest * 2**32), timestamp, sent, octets)
    kind = _SENDER if sent else _RECEIVER
    name = b"embedded"
    item = struct.pack("!IBB", ssrc, 1, len(name)) + name
    item += bytes(4 - len(item) % 4)  # ends with at least one zero (§6.5)
    found = _packet(kind, count, head + block) + _packet(_SOURCE, 1, item)
    return found + (_packet(_BYE, 1, struct.pack("!I", ssrc)) if over else b"")


def _packet(kind: int, count: int, body: bytes) -> bytes:
    return struct.pack("!BBH", 2 << 6 | count, kind, len(body) // 4) + body


def sender_time(data: bytes) -> tuple[int, int] | None:
    """Return SSRC and middle 32 bits of the NTP time of a sender report; None where it is none."""
    if len(data) < 28 or data[0] >> 6 != 2 or data[1] != _SENDER:
        return None
    ssrc, seconds, rest = struct.unpack_from("!III", data, 4)
    return ssrc, (seconds << 16 | rest >> 16) % 2**32
