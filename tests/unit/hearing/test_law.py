"""Bytes of one law marked as the other: told for speech and tones, never for anything else."""

import numpy as np
import pytest
from soundmaker import Samples, noise, silence, speech, tone

from probe.hearing.law import other_law

LAWS = ("PCMU", "PCMA")


def coded(sound: Samples, law: str) -> bytes:
    """Return sound in G.711, worked out from the standard's segments and not by our tables."""
    wanted = np.clip(np.round(sound * 32767), -32767, 32767).astype(int)
    return bytes(_ulaw(v) if law == "PCMU" else _alaw(v) for v in wanted.tolist())


def _ulaw(value: int) -> int:
    magnitude = min(abs(value), 32635) + 132
    segment = magnitude.bit_length() - 8
    return 0xFF ^ ((value < 0) << 7 | segment << 4 | (magnitude >> segment + 3) & 15)


def _alaw(value: int) -> int:
    magnitude = (value if value >= 0 else -value - 1) >> 4
    segment = max(0, magnitude.bit_length() - 4)
    low = magnitude if segment == 0 else magnitude >> segment - 1
    return ((value >= 0) << 7 | segment << 4 | low & 15) ^ 0x55


SOUNDS = {
    "1004 Hz": lambda: tone(1004, seconds=1.0),
    "faint 1004 Hz": lambda: tone(1004, seconds=1.0, level=0.006),
    "3000 Hz": lambda: tone(3000, seconds=1.0),
    "busy": lambda: tone(480, 620, seconds=1.0),
    "speech": lambda: speech("Nobody answers the telephone today, please leave a message."),
    "low speech": lambda: speech("Nobody answers the telephone today, please try again.") / 30,
}


@pytest.mark.parametrize("name", SOUNDS)
@pytest.mark.parametrize("law", LAWS)
def test_sound_is_told_from_its_other_law(name: str, law: str) -> None:
    """Marked rightly it is nothing; marked wrongly it is seen."""
    other = LAWS[1 - LAWS.index(law)]
    payload = coded(SOUNDS[name](), law)
    assert not other_law(payload, law)
    assert other_law(payload, other)


@pytest.mark.parametrize("law", LAWS)
def test_what_has_no_law(law: str) -> None:
    """Silence, noise, encrypted bytes and too little of anything are told of nobody."""
    for sound in (silence(1.0), noise(1.0), noise(1.0, 0.0005), tone(1004, seconds=0.1)):
        for made in LAWS:
            assert not other_law(coded(sound, made), law)
    assert not other_law(np.random.default_rng(3).bytes(8000), law)
    assert not other_law(b"", law)


def test_other_codecs_have_no_law() -> None:
    """G.722 and GSM are not asked."""
    assert not other_law(bytes(8000), "G722")
