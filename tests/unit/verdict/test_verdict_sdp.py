"""The session description that answered our offer."""

import pytest
from judging import STEP, judged, told
from wirebuilder import OFFER, Wire, answered_call, refused_call, sdp

from probe.scenario.source import Source
from probe.verdict.verdict import Outcome


def test_the_first_codec_of_the_answer_counts() -> None:
    """Telephone events are no codec, and letters of either case are the same."""
    answer = sdp("telephone-event", "PCMA", "PCMU")
    assert judged(answered_call(answer), sdp={"codec": "PCMA"}).outcome is Outcome.MET
    place = Source(file="call.sip.yaml", line=9, column=21)
    wanted = {"codec": "PCMU"}
    verdict = judged(answered_call(answer), sdp=wanted, sources={"sdp.codec": place})
    (mismatch,) = verdict.mismatches
    assert mismatch.message == "expected codec PCMU, got PCMA"
    assert (mismatch.path, mismatch.source, mismatch.evidence) == ("expect.sdp.codec", place, (3,))


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("8.8.8.8", "public"),
        ("10.0.0.1", "private"),
        ("100.64.1.1", "private"),
        ("127.0.0.1", "private"),
        ("2001:db8:0::1", "2001:db8::1"),
        ("10.0.0.1", "10.0.0.1"),
    ],
)
def test_an_address_as_wanted_is_met(address: str, wanted: str) -> None:
    """A literal in any spelling, or the class it belongs to."""
    assert (
        judged(answered_call(sdp(address=address)), sdp={"address": wanted}).outcome is Outcome.MET
    )


@pytest.mark.parametrize(
    ("address", "wanted", "observed"),
    [
        ("10.0.0.1", "public", "10.0.0.1 (private)"),
        ("8.8.8.8", "private", "8.8.8.8 (public)"),
        ("0.0.0.0", "private", "0.0.0.0 (unspecified)"),
        ("media.example", "public", "media.example"),
        ("media.example", "8.8.8.8", "media.example"),
        ("8.8.4.4", "8.8.8.8", "8.8.4.4 (public)"),
    ],
)
def test_another_address_is_shown_with_its_class(address: str, wanted: str, observed: str) -> None:
    """A private address in the answer is the usual reason for silence."""
    verdict = judged(answered_call(sdp(address=address)), sdp={"address": wanted})
    assert told(verdict) == [f"expected address {wanted}, got {observed}"]
    assert verdict.mismatches[0].source == STEP


def test_the_direction_is_compared() -> None:
    """An answer on hold is no two-way call."""
    answer = sdp(direction="sendonly")
    assert judged(answered_call(answer), sdp={"direction": "sendonly"}).outcome is Outcome.MET
    verdict = judged(answered_call(answer), sdp={"direction": "sendrecv"})
    assert told(verdict) == ["expected direction sendrecv, got sendonly"]


@pytest.mark.parametrize(
    ("answer", "lack"),
    [
        (sdp(port=0), "audio refused (port 0)"),
        ("v=0\r\nm=image 4000 udptl t38\r\n", "no audio section"),
        ("", "no session description"),
    ],
)
def test_an_answer_without_audio_says_what_is_lacking(answer: str, lack: str) -> None:
    """Each way of having no audio is named."""
    wanted = {"codec": "PCMU", "address": "public"}
    verdict = judged(answered_call(answer), sdp=wanted)
    assert told(verdict) == [
        f"expected codec PCMU, got {lack}",
        f"expected address public, got {lack}",
    ]


def test_an_answer_without_a_codec_or_address_says_so() -> None:
    """Only telephone events, and no connection line."""
    answer = "v=0\r\nm=audio 4000 RTP/AVP 101\r\na=rtpmap:101 telephone-event/8000\r\n"
    verdict = judged(answered_call(answer), sdp={"codec": "PCMU", "address": "public"})
    assert told(verdict) == [
        "expected codec PCMU, got no codec",
        "expected address public, got no address",
    ]


def test_an_answer_in_a_provisional_counts_where_the_2xx_has_none() -> None:
    """The last 18x with a body answered the offer (RFC 3262 §5)."""
    wire = Wire().send("INVITE", body=OFFER).receive(183, body=sdp("PCMU"))
    wire.receive(183, body=sdp("PCMA")).receive(200).send("ACK")
    assert judged(wire, sdp={"codec": "PCMA"}).outcome is Outcome.MET


def test_early_media_does_not_hide_the_answer() -> None:
    """The 2xx counts where it has a body."""
    wire = Wire().send("INVITE", body=OFFER).receive(183, body=sdp("PCMU"))
    wire.receive(200, body=sdp("PCMA")).send("ACK")
    assert judged(wire, sdp={"codec": "PCMU"}).outcome is Outcome.NOT_MET


def test_a_refused_call_is_not_asked_for_its_answer_again() -> None:
    """The sequence says already why there is none."""
    verdict = judged(refused_call(488), responses="200", sdp={"codec": "PCMU"})
    assert [m.path for m in verdict.mismatches] == ["expect.responses"]


def test_a_refusal_as_expected_still_lacks_the_answer() -> None:
    """Whoever expects an answer beside a 488 is told."""
    verdict = judged(refused_call(488), responses="488", sdp={"codec": "PCMU"})
    assert told(verdict) == ["expected codec PCMU, got no session description"]
