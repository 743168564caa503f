"""What one direction received, packet by packet, without a network."""

import pytest

from probe.rtp.packet import RtpPacket
from probe.rtp.reception import Known, Reception
from probe.rtp.sound import Kind

TYPES = {
    0: Known(Kind.AUDIO, "PCMU", 8000),
    13: Known(Kind.COMFORT_NOISE, "CN", 8000),
    101: Known(Kind.EVENT, "telephone-event", 8000),
}
HERE = "192.0.2.1:4000"


class Sender:
    """Sends packets of 20 ms to a reception, at the moments that a test says."""

    def __init__(self, first: int = 65_530, ssrc: int = 7) -> None:
        self.heard = Reception()
        self.sequence, self.stamp, self.at = first, 1000, 1.0
        self.ssrc, self.address = ssrc, HERE

    def packets(self, count: int, kind: int = 0) -> "Sender":
        """Send some packets, evenly."""
        for _ in range(count):
            self.one(kind)
            self.pass_by()
        return self

    def one(self, kind: int = 0, *, sequence: int | None = None) -> None:
        """Send one packet now, without moving on."""
        number = (self.sequence if sequence is None else sequence) % 65_536
        packet = RtpPacket(kind, False, number, self.stamp % 2**32, self.ssrc, bytes(160))
        self.heard.take(packet, self.at, self.address, TYPES.__getitem__)

    def pass_by(self, count: int = 1) -> "Sender":
        """Let packets go by that nobody gets."""
        self.sequence += count
        self.stamp += 160 * count
        self.at += 0.02 * count
        return self

    def silent(self, seconds: float) -> "Sender":
        """Send nothing on purpose: the timestamps go on, the numbers do not."""
        self.stamp += round(8000 * seconds)
        self.at += seconds
        return self

    def stalled(self, seconds: float) -> "Sender":
        """Let time pass that neither number nor timestamp knows of."""
        self.at += seconds
        return self


def test_numbers_go_on_over_their_end() -> None:
    """Sequence numbers have 16 bits: 65535 is followed by 0, and nothing is lost."""
    heard = Sender().packets(20).heard
    assert (heard.packets, heard.lost, heard.reordered, heard.expected) == (20, 0, 0, 20)
    assert heard.ptime == pytest.approx(0.02)
    assert heard.jitter_mean == pytest.approx(0.0, abs=1e-9)


def test_a_hole_is_loss_and_a_gap() -> None:
    """Ten packets that never come are lost, and a time of 220 ms without any."""
    heard = Sender().packets(10).pass_by(10).packets(10).heard
    assert heard.lost == 10
    [gap] = heard.gaps
    assert gap.length_s == pytest.approx(0.22)
    assert heard.pauses == 0


def test_a_late_packet_is_lost_no_more() -> None:
    """What comes behind a higher number was reordered and not lost."""
    sender = Sender().packets(5)
    late = sender.sequence
    sender.pass_by().packets(2)
    sender.one(sequence=late)
    assert (sender.heard.lost, sender.heard.reordered, sender.heard.duplicates) == (0, 1, 0)
    sender.one(sequence=late)
    assert (sender.heard.packets, sender.heard.duplicates) == (8, 1)
    assert sum(piece.lost for piece in sender.heard.slices) == 0


@pytest.mark.parametrize("marked", [True, False], ids=["with comfort noise", "without a word"])
def test_a_silence_of_the_sender_is_no_loss(marked: bool) -> None:
    """Numbers without a hole and timestamps that go on: nobody spoke (RFC 3389, RFC 3551 §4.1)."""
    sender = Sender().packets(10)
    if marked:
        sender.packets(1, kind=13)
    heard = sender.silent(1.0).packets(10).heard
    assert (heard.lost, heard.gaps, heard.pauses) == (0, [], 1)
    assert heard.comfort_noise == marked
    assert heard.discarded == 0


def test_a_sender_that_stalls_makes_a_gap() -> None:
    """Neither numbers nor timestamps went on: the sound broke off for that long."""
    heard = Sender().packets(10).stalled(0.5).packets(10).heard
    assert heard.lost == 0
    [gap] = heard.gaps
    assert gap.length_s == pytest.approx(0.52)


def test_hold_is_no_gap_and_an_end_without_sound_is_one() -> None:
    """While no packet is due none is missed; after that each silence counts."""
    sender = Sender().packets(10)
    sender.heard.not_due(sender.at)
    sender.silent(5.0)
    sender.heard.due(sender.at)
    sender.packets(10)
    assert sender.heard.gaps == []
    sender.stalled(2.0)
    sender.heard.not_due(sender.at)
    assert [round(gap.length_s, 2) for gap in sender.heard.gaps] == [2.02]


def test_each_change_of_source_is_told() -> None:
    """A new SSRC begins a count of its own; a new address does not."""
    sender = Sender().packets(5)
    sender.address = "192.0.2.9:4000"
    sender.packets(5)
    sender.ssrc, sender.sequence, sender.stamp = 8, 100, 5
    sender.packets(5)
    heard = sender.heard
    assert (heard.packets, heard.lost) == (15, 0)
    assert [(c.what, c.before, c.after) for c in heard.changes] == [
        ("address", "192.0.2.1:4000", "192.0.2.9:4000"),
        ("ssrc", "0x00000007", "0x00000008"),
    ]


def test_a_packet_later_than_the_buffer_is_discarded() -> None:
    """One packet that is held for 100 ms comes too late for a buffer of 60 ms."""
    sender = Sender().packets(20)
    sender.at += 0.1
    sender.one()
    sender.at -= 0.1
    sender.pass_by().packets(5)
    assert sender.heard.discarded == 1


def test_a_buffer_moves_where_the_way_becomes_longer() -> None:
    """From some moment on all packets take 100 ms longer: only the first of them are too late."""
    heard = Sender().packets(20).stalled(0.1).packets(200).heard
    assert 0 < heard.discarded <= 50


def test_events_have_no_jitter_of_their_own() -> None:
    """Packets of one key press share a timestamp (RFC 4733 §2.5.1.2)."""
    sender = Sender().packets(10)
    stamp = sender.stamp
    for _ in range(10):
        sender.stamp = stamp
        sender.packets(1, kind=101)
    sender.stamp = stamp + 1600
    heard = sender.packets(10).heard
    assert heard.jitter_max == pytest.approx(0.0, abs=1e-9)
    assert heard.lost == 0
    assert [(one.number, one.packets) for one in heard.types] == [(0, 20), (101, 10)]


def test_a_long_call_keeps_few_slices() -> None:
    """Twenty minutes come in at most 300 stretches, with all their packets."""
    heard = Sender().packets(60_000).heard
    assert len(heard.slices) <= 300
    assert sum(piece.packets for piece in heard.slices) == 60_000
    assert heard.lost == 0


def test_a_stray_number_is_left_out_and_a_restart_is_followed() -> None:
    """One packet far off is a stray; two in a row are a sender that began anew (RFC 3550 A.1)."""
    sender = Sender(first=100).packets(5)
    sender.one(sequence=30_000)
    assert sender.heard.packets == 5
    sender.sequence = 40_000
    sender.packets(10)
    assert (sender.heard.packets, sender.heard.lost) == (14, 0)


@pytest.mark.parametrize("stands_still", [True, False])
def test_a_clock_that_stood_still_on_hold_is_no_jitter(stands_still: bool) -> None:
    """After a hold some go on with the timestamp that they left off with: neither way is late."""
    sender = Sender().packets(50)
    sender.heard.not_due(sender.at)
    (sender.stalled if stands_still else sender.silent)(3.0)
    sender.heard.due(sender.at)
    sender.packets(50)
    heard = sender.heard
    assert heard.jitter_max == pytest.approx(0.0, abs=1e-9)
    assert (heard.discarded, heard.lost, heard.gaps) == (0, 0, [])
