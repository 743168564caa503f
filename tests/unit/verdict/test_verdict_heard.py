"""What was heard is held against the file; a mismatch says what was heard when."""

import pytest
from msgspec.structs import replace

from probe.scenario.reading import read
from probe.scenario.sound_expectation import (
    EchoExpectation,
    HeardExpectation,
    LikeExpectation,
    SoundExpectation,
)
from probe.scenario.sounds import Keys, Levels
from probe.trace.media import Digit, Echo, Heard, Likeness, MediaReport
from probe.verdict.heard import Side, check_sound

REPORT = MediaReport(
    call_id="1", codec="PCMU", rx_packets=500, rx_lost=0, rx_reordered=0, rx_duplicates=0,
    rx_jitter_s=0.0, tx_packets=500, tx_lost=None, rtt_s=None,
)  # fmt: skip


def stretch(what: str, at: float, length: float, hz: float | None = None) -> Heard:
    """Return a stretch at -15 dBov."""
    level = None if what == "missing" else -70.0 if what == "silence" else -15.0
    return Heard(what=what, at=at, length_s=length, level_dbov=level, hz=hz)


TONE = (stretch("silence", 1.0, 0.2), stretch("tone 1004Hz", 1.2, 3.8, 1004.2))
LATE = (stretch("silence", 1.0, 4.2), stretch("tone 425Hz", 5.2, 1.0, 425.0))


def wrong(
    wanted: SoundExpectation, *heard: Heard, since: float | None = 1.0, **parts: object
) -> list[str]:
    """Return the messages of what was not met."""
    report = replace(REPORT, heard=heard, **parts)  # type: ignore[arg-type]
    side = Side(reports=(report,), since=since)
    return [one.mismatch.message for one in check_sound(wanted, side)]


def heard(what: str, **more: object) -> SoundExpectation:
    """Return an expectation of one sound."""
    return SoundExpectation(heard=read(HeardExpectation, {"what": what, **more}))


@pytest.mark.parametrize(
    ("what", "came", "met"),
    [
        ("tone 1004Hz", TONE, True),
        ("tone 1000Hz", TONE, True),  # within 6 Hz
        ("tone 1020Hz", TONE, False),
        ("sound", TONE, True),
        ("silence", TONE, False),
        ("speech", TONE, False),
        ("silence", (stretch("silence", 1.0, 4.0),), True),
        ("silence", (stretch("silence", 1.0, 2.0), stretch("sound", 3.0, 0.1)), True),
        ("sound", (stretch("silence", 1.0, 4.0),), False),
        ("speech", (stretch("speech", 1.0, 0.4), stretch("silence", 1.4, 5.0)), False),
        ("busy", (stretch("busy", 1.0, 2.0, 425.0),), True),
        ("tone 425Hz", (stretch("busy", 1.0, 2.0, 425.0),), True),
    ],
)
def test_a_sound_is_heard_or_not(what: str, came: tuple[Heard, ...], met: bool) -> None:
    """Half a second is enough, and silence is broken by anything longer than a click."""
    assert (wrong(heard(what), *came) == []) is met


def test_a_mismatch_says_what_was_heard_when() -> None:
    """In order, with lengths."""
    assert wrong(heard("tone 697Hz"), *LATE) == [
        "expected tone 697Hz, heard silence for 4.2 s, then tone 425Hz for 1.0 s"
    ]


def test_level_begin_and_length_are_bounded() -> None:
    """Each is a mismatch of its own kind."""
    loud = heard("tone 1004Hz", level=Levels(max=-20.0, text="max -20"))
    assert wrong(loud, *TONE) == ["expected tone 1004Hz at max -20 dBov, heard -15.0 dBov"]
    assert wrong(heard("tone 425Hz", within=1.0), *LATE) == [
        (
            "expected tone 425Hz within 1 s, heard it began after 4.2 s: "
            "silence for 4.2 s, then tone 425Hz for 1.0 s"
        )
    ]
    assert "tone 425Hz for 2 s" in wrong(heard("tone 425Hz", lasts=2.0), *LATE)[0]


def test_early_media_is_what_came_before_the_answer() -> None:
    """And what came before it counts for nothing after it."""
    came = (stretch("ringback", 0.5, 2.0, 425.0), stretch("speech", 2.5, 3.0))
    assert wrong(heard("ringback", early=True), *came, since=2.5) == []
    assert wrong(heard("ringback"), *came, since=2.5) != []
    assert wrong(heard("speech"), *came, since=2.5) == []
    assert wrong(heard("ringback", early=True), *came, since=None) == []


def test_why_nothing_was_heard_is_said() -> None:
    """No packets, or packets that nobody could read."""
    assert wrong(heard("speech"), rx_packets=0) == [
        "expected speech, heard nothing: no packet came"
    ]
    assert wrong(heard("speech"), unmeasured="DTLS-SRTP")[0].endswith("cannot be listened to")
    assert wrong(heard("speech"))[0].endswith("what came could not be decoded")


def key(digit: str, at: float, how: str = "rfc4733", **more: object) -> Digit:
    """Return a key."""
    return Digit(digit=digit, how=how, at=at, length_s=0.1, **more)  # type: ignore[arg-type]


def test_keys_are_those_and_no_others() -> None:
    """By one way or by several, the same each time."""
    wanted = SoundExpectation(dtmf=Keys(digits="42#"))
    events = (key("4", 2.0), key("2", 2.2), key("#", 2.4))
    assert wrong(wanted, digits=events) == []
    both = tuple(sorted(events + tuple(key(d.digit, d.at, "inband") for d in events),
                        key=lambda one: one.at))  # fmt: skip
    assert wrong(wanted, digits=both) == []
    assert wrong(wanted) == ["expected keys 42#, got no key"]
    assert wrong(wanted, digits=(*events, key("#", 3.0))) == [
        "expected keys 42#, got 42## by rfc4733"
    ]
    assert wrong(wanted, digits=(*both, key("4", 3.0, "inband"))) != []
    only = SoundExpectation(dtmf=Keys(digits="42#", way="info"))
    assert wrong(only, digits=events) == ["expected keys 42# by info, got 42# by rfc4733"]
    cut = (*events[:2], key("8", 2.4, ended=False))
    assert wrong(wanted, digits=cut)[0].endswith("(the end of 8 never came)")


def test_a_reference_is_held_against_its_bounds() -> None:
    """Likeness first, then what is missing of its beginning."""
    wanted = SoundExpectation(like=LikeExpectation(file="a/prompt.wav", min=0.9, clipped=0.1))
    one = Likeness(reference="/tmp/a/prompt.wav", score=0.95, at=1.2, clipped_s=0.0)  # noqa: S108
    assert wrong(wanted, likeness=(one,)) == []
    assert wrong(wanted, likeness=(replace(one, clipped_s=0.4),)) == [
        "expected prompt.wav with at most 0.1 s missing, heard its first 0.40 s are missing"
    ]
    assert wrong(wanted, likeness=(replace(one, score=0.3),)) == [
        "expected prompt.wav with a likeness of 0.9, heard a likeness of 0.30"
    ]
    assert wrong(wanted, *TONE)[0].endswith("too little sound to compare")


def test_an_echo_is_within_its_bounds_or_absent() -> None:
    """Round trip and level."""
    back = Echo(at=2.0, delay_s=0.25, level_db=-12.0)
    slow = SoundExpectation(echo=EchoExpectation(delay=0.2))
    assert wrong(slow, echoes=(back,)) == ["expected an echo within 200 ms, heard 250 ms"]
    assert wrong(SoundExpectation(echo=EchoExpectation(delay=0.3)), echoes=(back,)) == []
    faint = SoundExpectation(echo=EchoExpectation(level=Levels(max=-20.0, text="max -20")))
    assert wrong(faint, echoes=(back,)) == ["expected an echo at max -20 dB, heard -12 dB"]
    absent = SoundExpectation(echo=EchoExpectation(absent=True))
    assert wrong(absent) == []
    assert wrong(absent, echoes=(back,)) == [
        "expected no echo, heard an echo after 250 ms at -12 dB"
    ]
    assert wrong(slow) == ["expected an echo of our marker, heard none came back"]
