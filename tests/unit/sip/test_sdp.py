"""The tolerant reading of session descriptions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.sip.sdp import address_class, parse_sdp

TWO_SECTIONS = (
    "v=0\r\n"
    "c=IN IP4 198.51.100.1/127\r\n"
    "a=recvonly\r\n"
    "m=audio 4000/2 RTP/SAVP 101 0 96 xyz 77\r\n"
    "a=rtpmap:101 telephone-event/8000\r\n"
    "a=rtpmap:96 opus/48000/2\r\n"
    "m=video 0 RTP/AVP 34\r\n"
    "c=IN IP6 2001:db8::1\r\n"
    "c=IN IP4 203.0.113.9\r\n"
    "a=inactive\r\n"
)


def test_codecs_are_named_by_map_or_static_number() -> None:
    """An rtpmap wins, static numbers follow RFC 3551, the rest stays as written."""
    audio = parse_sdp(TWO_SECTIONS).audio
    assert audio is not None
    assert audio.codecs == ("telephone-event", "PCMU", "opus", "xyz", "77")
    assert audio.formats == ("101", "0", "96", "xyz", "77")


def test_the_codec_is_the_first_that_carries_sound() -> None:
    """DTMF events in front of the list are no codec."""
    audio = parse_sdp(TWO_SECTIONS).audio
    assert audio is not None
    assert audio.codec == "PCMU"
    only_events = parse_sdp("m=audio 1 RTP/AVP 101\r\na=rtpmap:101 telephone-event/8000").audio
    assert only_events is not None
    assert only_events.codec is None


def test_a_section_inherits_address_and_direction() -> None:
    """What stands before the first section holds for each that says nothing else."""
    audio, video = parse_sdp(TWO_SECTIONS).media
    assert (audio.address, audio.direction, audio.port) == ("198.51.100.1", "recvonly", 4000)
    assert (video.address, video.direction, video.port) == ("2001:db8::1", "inactive", 0)


def test_sendrecv_is_the_default_direction() -> None:
    """RFC 3264 §5.1."""
    assert parse_sdp("m=audio 1 RTP/AVP 0").media[0].direction == "sendrecv"


def test_srtp_is_seen_in_the_profile() -> None:
    """SAVP and SAVPF are secure, AVP is not."""
    audio, video = parse_sdp(TWO_SECTIONS).media
    assert audio.secure
    assert not video.secure


def test_a_description_without_audio_has_none() -> None:
    """A fax or text call has other sections only."""
    assert parse_sdp("m=image 1 udptl t38").audio is None


@pytest.mark.parametrize(
    "line", ["m=", "m=audio", "m=audio x RTP/AVP 0", "m=audio 123456 RTP/AVP 0"]
)
def test_a_broken_media_line_is_a_refused_section(line: str) -> None:
    """A section whose port cannot be read offers nothing."""
    assert parse_sdp(line).media[0].port == 0


def test_lines_that_are_no_lines_of_sdp_are_passed_over() -> None:
    """A long type name, a missing equals sign and a short c= change nothing."""
    found = parse_sdp("hello\r\nmm=audio 1\r\nc=IN IP4\r\na=ptime:20\r\n")
    assert (found.address, found.media) == ("", ())


@given(st.text())
def test_no_text_makes_the_reading_raise(text: str) -> None:
    """A hostile body is read as far as it goes."""
    assert parse_sdp(f"m=audio 1 RTP/AVP 0\r\n{text}").audio is not None


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("198.51.100.1", "private"),  # documentation ranges are not global (RFC 5737)
        ("8.8.8.8", "public"),
        ("10.1.2.3", "private"),
        ("100.64.0.1", "private"),
        ("fe80::1", "private"),
        ("127.0.0.1", "loopback"),
        ("[::1]", "loopback"),
        ("0.0.0.0", "unspecified"),
        ("media.example", "name"),
        ("", "name"),
    ],
)
def test_addresses_are_classed(address: str, kind: str) -> None:
    """Where media should go decides whether it can arrive."""
    assert address_class(address) == kind
