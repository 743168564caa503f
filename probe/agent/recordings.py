"""Recordings of a call that was asked to be recorded: one WAV file a direction, for its owner only.

They lie in the run's folder under names that no peer chose.
"""

import os
import re
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from probe.playing.coder import Coders

if TYPE_CHECKING:
    from probe.hearing.recording import Recording

_LONGEST_S = 1800.0


def recording_name(begin: str, call_id: str) -> str:
    """Return what the files of a call are called, without direction: unique in a run."""
    import hashlib  # noqa: PLC0415 - 3 ms, only for recordings

    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", begin).strip("-") or "call"
    return f"{plain[:60]}-{hashlib.sha256(call_id.encode()).hexdigest()[:8]}"


def write_received(folder: Path, name: str, recordings: Sequence["Recording"]) -> str:
    """Write what came, in its time; gaps are silent. Return the file's name; raise OSError."""
    import numpy as np  # noqa: PLC0415 - the extra `audio`

    from probe.hearing.samples import to_pcm  # noqa: PLC0415

    rate = recordings[0].rate
    parts = [one for one in recordings if one.rate == rate]
    began = min(one.began for one in parts)
    ends = [round((one.began - began) * rate) + len(one.samples) for one in parts]
    line = np.zeros(min(max(ends), round(_LONGEST_S * rate)))
    for one in parts:
        first = round((one.began - began) * rate)
        piece = one.samples[: max(len(line) - first, 0)]
        line[first : first + len(piece)] = piece
    return _write(folder, f"{name}-received.wav", to_pcm(line), rate)


def write_sent(
    folder: Path, name: str, sent: Sequence[tuple[str, int, bytes]], coders: Coders
) -> str:
    """Write what left, by its first codec; return the file's name; raise OSError."""
    codec, clock_rate, _ = sent[0]
    coder = coders(codec, clock_rate)
    if coder is None:
        return ""
    pcm, last = [], 0
    for own, own_rate, payload in sent:
        clear = coder.decode(payload) if (own, own_rate) == (codec, clock_rate) and payload else b""
        last = len(clear) or last
        pcm.append(clear or bytes(last))
    coder.close()
    return _write(folder, f"{name}-sent.wav", b"".join(pcm), coder.rate)


def _write(folder: Path, name: str, pcm: bytes, rate: int) -> str:
    """Write 16-bit samples of one channel to a new file of mode 0600."""
    made = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(made, "wb") as file, wave.open(file) as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(pcm)
    return name
