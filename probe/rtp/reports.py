"""Sender and receiver reports of a call: what we tell the peer, and what it tells us (§6.4)."""

from probe.rtp.packet import (
    ReportBlock,
    RtcpReport,
    SenderInfo,
    build_rtcp,
    ntp_time,
    parse_rtcp,
)
from probe.rtp.reception import Reception
from probe.rtp.transmission import Transmission

_MIDDLE = 1 << 32
_SANE_RTT_S = 60.0
_IN_FLIGHT = 25
"""Packets that may be on their way when a report is written: half a second of sound."""


class Reports:
    """What both sides report."""

    def __init__(self) -> None:
        self.sent = 0
        self.received = 0
        self.lost: int | None = None
        "Packets of ours that the peer has missed, as it said last; None where it said nothing."
        self.jitter_s: float | None = None
        "Jitter of our stream as the peer said last, in seconds."
        self.rtts: list[float] = []
        self._last_sr: dict[int, tuple[int, float]] = {}
        self._expected = 0
        self._received = 0
        self._told = 0
        self.unheard = 0
        "Packets of ours that left after the last one that the peer's reports tell of."
        self._highest: int | None = None
        self._progress = 0
        "How many of our packets had left when the peer last told of one that it had not told of."

    def build(  # noqa: PLR0913 - the facts of one report
        self,
        ssrc: int,
        cname: str,
        heard: Reception,
        sent: Transmission,
        *,
        rtp_now: int,
        rate: int,
        wall: float,
        now: float,
        bye: bool,
    ) -> bytes:
        """Return our next report: SR where we sent since the last one, else RR (§6.4)."""
        sender = None
        if sent.packets > self._told:
            sender = SenderInfo(ntp_time(wall), rtp_now, sent.packets, sent.octets)
            self._told = sent.packets
        blocks: tuple[ReportBlock, ...] = ()
        if heard.ssrc is not None:
            blocks = (self._block(heard.ssrc, heard, rate, now),)
        return build_rtcp(RtcpReport(ssrc, sender, blocks), cname, bye=bye)

    def _block(self, whose: int, heard: Reception, rate: int, now: float) -> ReportBlock:
        expected = heard.expected - self._expected
        received = heard.packets - self._received
        self._expected, self._received = heard.expected, heard.packets
        fraction = 0
        if expected > 0 and received < expected:
            fraction = min(256 * (expected - received) // expected, 255)
        last, at = self._last_sr.get(whose, (0, now))
        delay = min(int((now - at) * 65536), 0xFFFFFFFF) if last else 0
        jitter = min(int(heard.jitter * rate), 0xFFFFFFFF)
        return ReportBlock(whose, fraction, heard.lost, heard.highest, jitter, last, delay)

    def take(  # noqa: PLR0913 - the facts of one arrival
        self, data: bytes, ours: int, *, at: float, wall: float, rate: int, sent: int = 0
    ) -> None:
        """Read a compound packet that came ``at`` (trace's clock), ``wall`` seconds since 1970.

        ``sent`` is how many packets of ours had left by then.
        """
        found = parse_rtcp(data)
        self.received += bool(found)
        for report in found:
            if report.sender is not None:
                self._last_sr[report.ssrc] = (report.sender.ntp >> 16 & 0xFFFFFFFF, at)
            for block in report.blocks:
                if block.ssrc == ours:
                    self._about_us(block, wall, rate, sent)

    def _about_us(self, block: ReportBlock, wall: float, rate: int, sent: int) -> None:
        self.lost = max(block.lost, 0)
        if block.highest != self._highest:
            self._highest, self._progress = block.highest, sent
        # A receiver cannot miss what follows the last packet that it got (§6.4.1); we can.
        self.unheard = sent - self._progress if sent - self._progress > _IN_FLIGHT else 0
        self.lost += self.unheard
        self.jitter_s = block.jitter / rate
        if block.last_sr:
            now = ntp_time(wall) >> 16 & 0xFFFFFFFF
            rtt = ((now - block.last_sr - block.delay) % _MIDDLE) / 65536
            if rtt < _SANE_RTT_S:
                self.rtts.append(rtt)
            elif rtt > _MIDDLE / 65536 - 0.01:  # their delay is rounded up: less than nothing
                self.rtts.append(0.0)
