"""A reference found in what was heard, a greeting cut off, a marker that came back."""

import numpy as np
import pytest
from soundmaker import RATE, noise, recorded, silence, speech

from probe.hearing.echo import echoes, sent_times
from probe.hearing.likeness import likeness
from probe.hearing.samples import from_pcm
from probe.playing.programme import marker

PROMPT = "Welcome to the test line. Please enter your number and press the hash key."
OTHER = "The person you are calling is not available, leave a message after the tone."


def test_a_reference_is_found_where_it_begins() -> None:
    """The same recording is alike, whatever stands before it and however faint it is."""
    prompt = speech(PROMPT)
    recording = recorded(np.concatenate((silence(0.7), 0.2 * prompt, silence(0.3))), began=10.0)
    found = likeness("prompt.wav", prompt, recording)
    assert found is not None
    assert found.score > 0.98
    assert found.at == pytest.approx(10.7, abs=0.1)
    assert found.clipped_s == 0.0


def test_another_recording_is_not_alike() -> None:
    """Neither another sentence of the same voice, nor noise."""
    for heard in (speech(OTHER), noise(4)):
        found = likeness("prompt.wav", speech(PROMPT), recorded(heard))
        assert found is not None
        assert found.score < 0.6


@pytest.mark.parametrize("loss", [0.01, 0.03])
def test_loss_lowers_the_likeness_and_does_not_end_it(loss: float) -> None:
    """3 % of lost packets without concealment leave more than the default asks for."""
    prompt = speech(PROMPT)
    found = likeness("prompt.wav", prompt, recorded(prompt, loss=loss))
    assert found is not None
    assert 0.75 < found.score < 0.999


@pytest.mark.parametrize("cut", [0.3, 0.6])
def test_a_greeting_whose_beginning_is_missing_is_told_with_how_much(cut: float) -> None:
    """The path opened late: the first part was never sent."""
    prompt = speech(PROMPT)
    heard = np.concatenate((silence(0.2), silence(cut), prompt[round(cut * RATE) :]))
    found = likeness("prompt.wav", prompt, recorded(heard))
    assert found is not None
    assert found.clipped_s == pytest.approx(cut, abs=0.12)


def test_too_little_sound_has_no_likeness() -> None:
    """Less than STOI looks at is not judged."""
    assert likeness("prompt.wav", speech(PROMPT), recorded(silence(0.2))) is None


def test_a_marker_that_comes_back_is_told_with_delay_and_level() -> None:
    """120 ms later and 20 dB fainter, under speech of the other side."""
    sweep = from_pcm(marker(RATE))
    line = 0.1 * speech(PROMPT)[: 4 * RATE]
    for sent in (0.5, 2.5):
        begin = round((sent + 0.12) * RATE)
        line[begin : begin + len(sweep)] += 0.1 * sweep
    found = echoes(recorded(line, began=5.0), sent_times(5.0, 9.0))
    assert [one.delay_s for one in found] == pytest.approx([0.12, 0.12], abs=0.001)
    assert [one.level_db for one in found] == pytest.approx([-20.0, -20.0], abs=1.5)


def test_without_an_echo_none_is_told() -> None:
    """Neither in speech, nor in noise, nor in silence."""
    for line in (speech(PROMPT), noise(4), silence(4)):
        assert echoes(recorded(line), sent_times(0.0, 4.0)) == ()
