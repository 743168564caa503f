"""What a call plays: steady, without clicks, with keys pressed into it."""

from pathlib import Path

import numpy as np
import pytest
from soundmaker import speech, wav

from probe.playing.g711 import G711
from probe.playing.keys import KEYS
from probe.playing.player import Player, Tracks
from probe.playing.programme import AMPLITUDE
from probe.playing.wav import WavError, header_of, samples_of
from probe.rtp.sound import Frame, Kind
from probe.trace.media import Agreed

LAW = G711("PCMU")


def agreed(ptime_s: float = 0.02) -> Agreed:
    """Return PCMU with telephone-events."""
    return Agreed(
        at=0.0, local="", remote="", direction="sendrecv", codec="PCMU", payload_type=0,
        clock_rate=8000, ptime_s=ptime_s, events=101,
    )  # fmt: skip


def player(play: str | None) -> Player:
    """Return a player of something in PCMU."""
    made = Player(play, Tracks(lambda codec, _: G711(codec)))
    made.prepare("PCMU")
    return made


def press(one: Player, digits: str, way: str) -> None:
    """Press keys as a call does it."""
    one.reel.told(one.press(digits, way))


def sound(frames: list[Frame | None]) -> np.ndarray:
    """Return the samples of frames of sound."""
    return np.frombuffer(LAW.decode(b"".join(f.payload for f in frames if f)), dtype=np.int16)


@pytest.mark.parametrize("ptime_s", [0.01, 0.02, 0.03, 0.06])
def test_a_tone_goes_on_without_a_click(ptime_s: float) -> None:
    """Over several rounds of the loop no sample leaps more than the tone itself does."""
    one = player("tone 1004Hz")
    heard = sound([one.reel.frame(agreed(ptime_s)) for _ in range(round(7 / ptime_s))]).astype(
        float
    )
    steepest = AMPLITUDE * 2 * np.pi * 1004 / 8000
    assert np.abs(np.diff(heard)).max() < steepest * 1.1
    spectrum = np.abs(np.fft.rfft(heard[: 8000 * 6] * np.hanning(8000 * 6)))
    assert np.argmax(spectrum) / 6 == pytest.approx(1004, abs=0.2)


def test_silence_is_silence() -> None:
    """Nothing to play is silence as well."""
    for play in (None, "silence"):
        one = player(play)
        assert not np.abs(sound([one.reel.frame(agreed()) for _ in range(200)])).max() > 8


def test_a_codec_that_nobody_prepared_sends_nothing() -> None:
    """Rather than sound in a wrong codec."""
    made = Player("tone 440Hz", Tracks(lambda _codec, _rate: None))
    made.prepare("G729")
    assert made.reel.frame(agreed()) is None


def test_keys_are_events_with_the_timestamp_of_their_beginning() -> None:
    """Marker first, three endings, a growing duration, sound between two keys (RFC 4733 §2.5)."""
    one = player("tone 440Hz")
    press(one, "4#", "rfc4733")
    frames = [one.reel.frame(agreed()) for _ in range(22)]
    kinds = "".join("e" if f is not None and f.kind is Kind.EVENT else "s" for f in frames)
    assert kinds == "eeeeeeessseeeeeeesssss"
    first = [f for f in frames[:7] if f is not None]
    assert [f.marker for f in first] == [True] + [False] * 6
    assert [f.back for f in first] == [160 * n for n in range(7)]
    assert {f.payload[0] for f in first} == {KEYS.index("4")}
    assert [bool(f.payload[1] & 0x80) for f in first] == [False] * 4 + [True] * 3
    durations = [int.from_bytes(f.payload[2:], "big") for f in first]
    assert durations == [160, 320, 480, 640, 800, 800, 800]


def test_keys_in_the_sound_take_the_place_of_what_is_played() -> None:
    """100 ms of two tones, 100 ms of silence, then the programme goes on."""
    one = player("silence")
    press(one, "5", "inband")
    heard = sound([one.reel.frame(agreed()) for _ in range(15)]).astype(float)
    spectrum = np.abs(np.fft.rfft(heard[:800] * np.hanning(800)))
    strongest = sorted(np.argsort(spectrum)[-2:] * 10)
    assert strongest == pytest.approx([770, 1336], abs=10)
    assert np.abs(heard[800:]).max() <= 8


def test_what_was_sent_is_kept_only_where_it_is_asked_for() -> None:
    """Keys leave holes: they are no sound."""
    quiet, kept = player("tone 440Hz"), player("tone 440Hz")
    kept.keep(True)
    press(kept, "1", "rfc4733")
    for one in (quiet, kept):
        for _ in range(10):
            one.reel.frame(agreed())
    assert quiet.reel.kept is None
    assert [bool(payload) for _, _, payload in kept.reel.kept or []] == [False] * 7 + [True] * 3


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 44100, 48000])
def test_a_recording_of_any_usual_rate_is_played(rate: int, tmp_path: Path) -> None:
    """At the rate of the codec, as long as it was."""
    path = tmp_path / "a.wav"
    original = speech("Hello there", rate=rate)
    path.write_bytes(wav(original, rate))
    assert header_of(path).rate == rate
    assert len(samples_of(str(path), 8000)) / 2 == pytest.approx(len(original) * 8000 / rate, abs=2)


@pytest.mark.parametrize(
    ("held", "words"),
    [
        (b"", "no WAV file"),
        (b"RIFF\0\0\0\0WAVEfmt ", "no samples"),
        (b"ID3" + bytes(200), "no WAV file"),
        (wav(np.zeros(80))[:20] + b"\x06\0" + wav(np.zeros(80))[22:], "compressed (format 6)"),
        (wav(np.zeros(80), 4000), "4000 samples a second"),
    ],
)
def test_what_cannot_be_played_says_why(held: bytes, words: str, tmp_path: Path) -> None:
    """Without SciPy: the header is enough."""
    path = tmp_path / "a.wav"
    path.write_bytes(held)
    with pytest.raises(WavError) as caught:
        header_of(path)
    assert words in str(caught.value)
