"""The sink of a call: keeps its packets, and listens to them when it is over.

NumPy, SciPy and pystoi are imported where somebody asked to hear, and where they are installed.
Digits that came as telephone-events are read always, without them.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from probe.agent.recordings import recording_name, write_received, write_sent
from probe.hearing.events import events, from_info
from probe.plan.action import Hear
from probe.playing.coder import Coders
from probe.playing.player import Player
from probe.rtp.sound import Kind, Packet
from probe.sip.message import SipMessage
from probe.trace.media import Digit, Likeness, MediaReport

if TYPE_CHECKING:
    from probe.hearing.recording import Recording

MOST_PACKETS = 90_000
"""Packets that are kept: half an hour of sound, some 45 MB; what comes later is counted only."""


class Listener:
    """A Sink (probe/rtp/sound.py)."""

    def __init__(
        self,
        hear: Hear,
        coders: Coders,
        player: Player | None,
        *,
        note: Callable[[str], None],
        folder: Callable[[], Path | None] = lambda: None,
    ) -> None:
        """``note`` takes what the user should know; ``folder`` says where recordings may lie."""
        self.hear = hear
        "May be changed before the first packet."
        self._coders = coders
        self.player = player
        "What this call plays; may be changed before the first packet."
        self._note = note
        self._folder = folder
        self._packets: list[Packet] = []
        self._told: dict[int, Digit] = {}

    def wants(self, kind: Kind) -> bool:
        """Whether packets of a kind are kept."""
        wanted = kind is Kind.EVENT or self.hear.sound or bool(self.hear.record)
        return wanted and len(self._packets) < MOST_PACKETS

    def packet(self, packet: Packet) -> None:
        """Take one packet, in the order of arrival."""
        self._packets.append(packet)

    def info(self, message: SipMessage, at: float) -> None:
        """Take an INFO of the other side: each once, however often it was sent."""
        digit = from_info(message, at)
        if digit is not None and message.cseq[0] not in self._told:
            self._told[message.cseq[0]] = digit

    def finish(self, report: MediaReport) -> MediaReport:
        """Return the report with what was heard filled in."""
        packets, self._packets = self._packets, []
        report = replace(
            report, digits=_in_order(report.digits + events(packets) + tuple(self._told.values()))
        )
        if not (self.hear.sound or self.hear.record) or not packets:
            return report
        try:
            from probe.hearing.layout import lay_out  # noqa: PLC0415 - NumPy, 85 ms
        except ImportError:
            if self.hear.record or self.hear.wanted:
                self._note("nothing can be heard: sipprobe[audio] is not installed")
            return report
        if len(packets) >= MOST_PACKETS:
            self._note("only the first half hour of the call was listened to")
        recordings = lay_out(packets, self._coders)
        if self.hear.sound:
            report = replace(self._heard(report, recordings), rx_other_law=_other_law(packets))
        if self.hear.record:
            report = self._recorded(report, recordings)
        return report

    def _heard(self, report: MediaReport, recordings: Sequence["Recording"]) -> MediaReport:
        """Fill in stretches, digits in sound, likeness and echo."""
        from probe.hearing.echo import echoes, sent_times  # noqa: PLC0415
        from probe.hearing.listen import listen  # noqa: PLC0415

        player = self.player
        heard, digits = list(report.heard), list(report.digits)
        likenesses, found = list(report.likeness), list(report.echoes)
        for recording in recordings:
            stretches, keys = listen(recording)
            heard += stretches
            digits += keys
            if player is not None and player.plays_marker and player.began_at is not None:
                until = recording.began + recording.duration_s
                found += echoes(recording, sent_times(player.began_at, until))
        if self.hear.like and recordings:
            likenesses += self._likenesses(max(recordings, key=lambda one: one.duration_s))
        return replace(
            report,
            heard=tuple(sorted(heard, key=lambda one: one.at)),
            digits=_in_order(tuple(digits)),
            likeness=tuple(likenesses),
            echoes=tuple(sorted(found, key=lambda one: one.at)),
        )

    def _likenesses(self, recording: "Recording") -> list[Likeness]:
        """Hold each reference against the longest recording."""
        from probe.hearing.likeness import RATE, likeness  # noqa: PLC0415
        from probe.hearing.samples import from_pcm  # noqa: PLC0415
        from probe.playing.wav import samples_of  # noqa: PLC0415

        found = []
        for path in self.hear.like:
            try:
                reference = from_pcm(samples_of(path, RATE))
            except ValueError as error:
                self._note(f"{path}: {error}")
                continue
            one = likeness(path, reference, recording)
            if one is not None:
                found.append(one)
        return found

    def _recorded(self, report: MediaReport, recordings: Sequence["Recording"]) -> MediaReport:
        """Write both directions as WAV files of the run's folder."""
        folder = self._folder()
        if folder is None:
            self._note("nothing was recorded: this run has no folder")
            return report
        name = recording_name(self.hear.record, report.call_id)
        try:
            if recordings:
                received = write_received(folder, name, recordings)
                report = replace(report, recording=received)
            if self.player is not None and self.player.sent:
                sent = write_sent(folder, name, self.player.sent, self._coders)
                report = replace(report, recording_sent=sent)
        except OSError as error:
            self._note(f"nothing was recorded: {error.strerror}")
        return report


def _other_law(packets: Sequence[Packet]) -> bool:
    """Whether G.711 came by the law that was not agreed."""
    from probe.hearing.law import other_law  # noqa: PLC0415

    codec = next((p.codec for p in packets if p.kind is Kind.AUDIO), "")
    payload = b"".join(p.payload for p in packets if p.kind is Kind.AUDIO and p.codec == codec)
    return other_law(payload, codec)


def _in_order(digits: tuple[Digit, ...]) -> tuple[Digit, ...]:
    return tuple(sorted(digits, key=lambda one: one.at))
