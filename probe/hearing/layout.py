"""Packets laid out on a line of time, decoded: what is lost stays a hole."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from probe.hearing.recording import Recording
from probe.hearing.samples import from_pcm
from probe.playing.coder import Coder, Coders
from probe.rtp.sound import Kind, Packet

_HALF = 1 << 31
_LEAP_S = 2.0
"""A timestamp this far from where its arrival puts it begins a line of its own."""

_LONGEST_S = 1800.0
"""Longest line, in seconds: memory is bounded, whatever timestamps say."""


def lay_out(packets: Sequence[Packet], coders: Coders) -> list[Recording]:
    """Return one recording a source and codec, in order of time; unknown codecs are left out."""
    found = []
    for part in _parts(packets):
        coder = coders(part[0].codec, part[0].clock_rate)
        if coder is not None:
            found.append(_decoded(part, coder, packets))
            coder.close()
    return found


def _parts(packets: Sequence[Packet]) -> Iterable[list[Packet]]:
    """Split the audio packets where source or codec change, or timestamps leap."""
    part: list[Packet] = []
    for packet in sorted(packets, key=lambda one: one.sequence):
        if packet.kind is not Kind.AUDIO:
            continue
        if part and not _goes_on(part, packet):
            yield part
            part = []
        part.append(packet)
    if part:
        yield part


def _goes_on(part: list[Packet], packet: Packet) -> bool:
    first, before = part[0], part[-1]
    if (packet.ssrc, packet.codec, packet.clock_rate) != (
        before.ssrc,
        before.codec,
        before.clock_rate,
    ):
        return False
    step = _since(before, packet) / packet.clock_rate
    if abs(step - (packet.at - before.at)) > _LEAP_S:
        return False
    return 0 <= _since(first, packet) / packet.clock_rate < _LONGEST_S


def _since(first: Packet, packet: Packet) -> int:
    """Return timestamp units between two packets (RFC 3550 §5.1: they wrap)."""
    return (packet.timestamp - first.timestamp + _HALF) % (2 * _HALF) - _HALF


def _decoded(part: list[Packet], coder: Coder, packets: Sequence[Packet]) -> Recording:
    """Decode packets and put each at its place."""
    first, scale = part[0], coder.rate / part[0].clock_rate
    pieces: list[tuple[int, NDArray[np.float64], int]] = []
    for packet in part:
        place = round(_since(first, packet) * scale)
        pieces.append((place, from_pcm(coder.decode(packet.payload)), packet.sequence))
    length = max(place + len(samples) for place, samples, _ in pieces)
    line, arrived = np.zeros(length), np.zeros(length, dtype=bool)
    others = sorted(one.sequence for one in packets if one.kind is not Kind.AUDIO)
    end, last = 0, pieces[0][2] - 1
    for place, samples, sequence in pieces:
        line[place : place + len(samples)] = samples
        arrived[place : place + len(samples)] = True
        between = sum(1 for one in others if last < one < sequence) if sequence - last > 1 else 0
        if place > end and sequence - last - 1 <= between:
            arrived[end:place] = True  # nothing is missing: the sender was silent on purpose
        end, last = max(end, place + len(samples)), sequence
    # Delay varies: the packet that was quickest says when the line began.
    began = min(
        packet.at - place / coder.rate for packet, (place, _, _) in zip(part, pieces, strict=True)
    )
    return Recording(samples=line, rate=coder.rate, arrived=arrived, began=began)
