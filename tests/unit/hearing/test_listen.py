"""What is heard in made sound: tones, signals of networks, speech, silence, noise, keys."""

import numpy as np
import pytest
from soundmaker import keys, noise, recorded, silence, speech, tone

from probe.hearing.listen import listen
from probe.hearing.samples import level_dbov
from probe.trace.media import Heard

LOSS = (0.0, 0.03, 0.05)
SENTENCE = "Hello, this is the company. Please hold the line, we will be with you."


def words(samples: np.ndarray, loss: float = 0.0) -> list[str]:
    """Return what is heard, without silence."""
    heard, _ = listen(recorded(samples, loss=loss))
    return [one.what for one in heard if one.what != "silence"]


def the_one(samples: np.ndarray, loss: float = 0.0) -> Heard:
    """Return the only thing that is heard beside silence."""
    heard, _ = listen(recorded(samples, loss=loss))
    [one] = [one for one in heard if one.what != "silence"]
    return one


def test_a_full_scale_sine_is_3_db_below_the_overload_point() -> None:
    """RFC 6465 takes the square wave for 0 dBov."""
    assert level_dbov(tone(1000, seconds=1, level=1.0)) == pytest.approx(-3.01, abs=0.01)
    assert level_dbov(np.ones(8000)) == 0.0
    assert level_dbov(silence(1)) == -96.0


@pytest.mark.parametrize("loss", LOSS)
@pytest.mark.parametrize("hz", [204, 425, 1004, 2804, 3400])
def test_a_tone_is_told_with_its_frequency_level_and_time(hz: int, loss: float) -> None:
    """Within 1 Hz, half a dB and one packet, also where packets are missing."""
    one = the_one(np.concatenate((silence(0.5), tone(hz, seconds=2), silence(0.5))), loss)
    assert one.what == f"tone {hz}Hz"
    assert one.level_dbov == pytest.approx(-13.5, abs=0.5)
    assert one.at == pytest.approx(0.5, abs=0.041)
    assert one.length_s == pytest.approx(2.0, abs=0.061)
    assert one.purity is not None
    assert one.purity > 0.95


def test_a_faint_tone_is_heard_and_a_fainter_one_is_silence() -> None:
    """-45 dBov is a tone, -60 dBov is not."""
    assert words(tone(1004, seconds=1, level=0.0079)) == ["tone 1004Hz"]
    assert words(tone(1004, seconds=1, level=0.0014)) == []


def test_tones_that_follow_each_other_are_told_one_by_one() -> None:
    """A change of frequency ends the first."""
    found = words(np.concatenate((tone(697, seconds=1), tone(1004, seconds=1))))
    assert found == ["tone 697Hz", "tone 1004Hz"]


SIGNALS = {
    "ringback DE": ("ringback", "DE", (425,), (1, 4)),
    "ringback US": ("ringback", "US", (440, 480), (2, 4)),
    "ringback GB": ("ringback", "GB", (400, 450), (0.4, 0.2, 0.4, 2)),
    "ringback FR": ("ringback", "FR", (440,), (1.5, 3.5)),
    "ringback JP": ("ringback", "JP", (384, 400, 416), (1, 2)),
    "busy US": ("busy", "US", (480, 620), (0.5, 0.5)),
    "busy DE": ("busy", "DE", (425,), (0.48, 0.48)),
    "busy GB": ("busy", "GB", (400,), (0.375, 0.375)),
    "congestion US": ("congestion", "US", (480, 620), (0.25, 0.25)),
    "congestion DE": ("congestion", "DE", (425,), (0.24, 0.24)),
    "congestion GB": ("congestion", "GB", (400,), (0.4, 0.35, 0.225, 0.525)),
}


@pytest.mark.parametrize("loss", LOSS)
@pytest.mark.parametrize("name", SIGNALS)
def test_signals_of_networks_are_told_by_their_cadence(name: str, loss: float) -> None:
    """Two or three rounds are enough."""
    what, country, hz, cadence = SIGNALS[name]
    rounds = 2 if sum(cadence) > 2 else 4
    parts = [silence(0.3)]
    for place, seconds in enumerate(cadence * rounds):
        parts.append(silence(seconds) if place % 2 else tone(*hz, seconds=seconds))
    one = the_one(np.concatenate(parts), loss)
    assert one.what == what
    assert country in one.countries


@pytest.mark.parametrize("loss", LOSS)
def test_ringing_ends_in_the_middle_of_a_tone_when_somebody_answers(loss: float) -> None:
    """What comes after it is no part of it."""
    ringing = (tone(425, seconds=1), silence(4), tone(425, seconds=0.5))
    assert words(np.concatenate((*ringing, speech(SENTENCE))), loss) == ["ringback", "speech"]


@pytest.mark.parametrize("loss", LOSS)
def test_a_special_information_tone_stands_before_an_announcement(loss: float) -> None:
    """Three rising tones (E.180 §6)."""
    three = [tone(hz, seconds=0.33) for hz in (950, 1400, 1800)]
    spoken = speech("The number you have dialled is not in service.")
    assert words(np.concatenate((silence(0.2), *three, silence(1), spoken)), loss) == [
        "sit",
        "speech",
    ]


@pytest.mark.parametrize("loss", LOSS)
@pytest.mark.parametrize("voice", ["en", "en+f3", "de", "fr", "es+m4"])
def test_speech_is_speech(voice: str, loss: float) -> None:
    """Voices of men and women, and what is lost of them, are nothing else."""
    assert words(speech(SENTENCE, voice), loss) == ["speech"]


def test_noise_is_noise_and_silence_is_silence() -> None:
    """White noise has neither pitch nor syllables."""
    assert words(noise(2)) == ["noise"]
    [one] = listen(recorded(silence(2)))[0]
    assert (one.what, one.length_s) == ("silence", 2.0)
    assert words(noise(2, level=0.001)) == []


def test_a_long_gap_is_told_and_a_short_one_is_bridged() -> None:
    """Five packets in a row are a stretch; one is loss."""
    recording = recorded(tone(1004, seconds=2))
    recording.arrived[3200:3360] = False
    recording.arrived[8000:9600] = False
    recording.samples[~recording.arrived] = 0
    heard, _ = listen(recording)
    assert [one.what for one in heard] == ["tone 1004Hz", "missing", "tone 1004Hz"]
    assert heard[1].length_s == pytest.approx(0.2)
    assert heard[1].level_dbov is None


@pytest.mark.parametrize("loss", [0.0, 0.02])
def test_keys_in_sound_are_told_each_once(loss: float) -> None:
    """All sixteen, and nothing beside them."""
    heard, digits = listen(
        recorded(np.concatenate((silence(0.3), keys("0123456789*#ABCD"))), loss=loss)
    )
    assert "".join(one.digit for one in digits) == "0123456789*#ABCD"
    assert {one.how for one in digits} == {"inband"}
    assert [one.what for one in heard if one.what != "silence"] == ["dtmf"]
    assert all(one.length_s == pytest.approx(0.1, abs=0.03) for one in digits)


def test_a_key_that_is_pressed_twice_is_two_digits() -> None:
    """The pause of 40 ms that Q.24 asks for is enough."""
    _, digits = listen(recorded(keys("55", on=0.05, off=0.04)))
    assert [one.digit for one in digits] == ["5", "5"]


def test_what_q24_refuses_is_no_digit() -> None:
    """20 ms are too short, and 15 dB of twist too much."""
    assert listen(recorded(np.concatenate((keys("5", on=0.02), silence(1)))))[1] == ()
    twisted = tone(770, seconds=0.2, level=0.4) + tone(1336, seconds=0.2, level=0.05)
    assert listen(recorded(np.concatenate((twisted, silence(1)))))[1] == ()


def test_speech_holds_no_digits() -> None:
    """No talk-off in what espeak-ng says in three languages."""
    for voice in ("en", "de", "en+f3"):
        assert listen(recorded(speech(SENTENCE * 3, voice)))[1] == ()


def test_times_are_those_of_the_trace() -> None:
    """The recording says when it began."""
    heard, digits = listen(recorded(np.concatenate((silence(1), keys("7"))), began=12.5))
    assert heard[0].at == 12.5
    assert digits[0].at == pytest.approx(13.5, abs=0.015)


def test_nothing_is_heard_where_nothing_came() -> None:
    """An empty recording has no stretches."""
    assert listen(recorded(silence(0))) == ((), ())
    assert [one.what for one in listen(recorded(silence(0.04)))[0]] == ["silence"]
