"""Nothing failed, and still the file was not met: what differs is told, and no cause is named."""

from collections.abc import Callable

import pytest
from casebuilder import explain
from wirebuilder import ANSWER, OFFER, Wire, answered_call, refused_call, register_ok

from probe.diagnosis.explanation import Certainty, Explanation
from probe.scenario.expectation import Bound


def without_ringing() -> Wire:
    """Return a call that is answered at once."""
    return (
        Wire("INVITE")
        .send("INVITE", body=OFFER)
        .receive(200, body=ANSWER)
        .send("ACK")
        .send("BYE", at=2.0)
        .receive(200)
    )


def details(wire: Wire, **facts: object) -> Explanation:
    """Return an explanation that names no cause."""
    why = explain(wire, **facts)
    assert why.causes == ()
    assert why.certainty is Certainty.UNDECIDED
    return why


def test_refusal_that_did_not_come() -> None:
    """Expected 503, got 200: the call worked, and the file wants it to fail."""
    why = details(answered_call(), expect={"responses": "503"})
    assert "succeeded with 200 OK" in why.summary
    assert "503" in why.summary
    assert any("`responses:`" in step for step in why.next_steps)


def test_ringing_that_did_not_come() -> None:
    """Expected 180 200, got 200: answered without any 18x."""
    why = details(without_ringing(), expect={"responses": "180 200"})
    assert "without any ringing response (18x)" in why.summary


def test_other_order() -> None:
    """The end is as wanted, the way is not."""
    why = details(answered_call(), expect={"responses": "183 200"})
    assert "The end is as expected" in why.summary


def test_refusal_as_wanted_but_without_ringing() -> None:
    """A 486 that the file wants needs no explanation of the 486."""
    why = details(refused_call(486), expect={"responses": "180 4xx"})
    assert "The end is as expected" in why.summary


def test_answer_that_belongs_to_no_pattern() -> None:
    """Expected a failure, got an answer."""
    why = details(answered_call(), expect={"failure": "NO_RESPONSE"})
    assert "NO_RESPONSE" in why.summary


@pytest.mark.parametrize(
    ("name", "wire", "span"),
    [
        ("pdd", answered_call, "between the INVITE and the first 18x"),
        ("srd", answered_call, "RFC 6076 §4.3"),
        ("setup", answered_call, "its 200"),
        ("total", answered_call, "to its end"),
        ("rrd", register_ok, "RFC 6076 §4.1"),
    ],
)
def test_bound_says_between_which_messages(name: str, wire: Callable[[], Wire], span: str) -> None:
    """A bound that was not kept names its span and where the time went."""
    why = details(wire(), expect={"timing": {name: Bound(max=0.001, text="max 1ms")}})
    assert why.summary.startswith(f"{name} was ")
    assert span in why.summary
    assert "max 1ms" in why.summary
    assert any("more" in text for text in why.inferred)


def test_unknown_bound_is_told_plainly() -> None:
    """A delay that this version does not know is told all the same."""
    unmet = (("expect.timing.odd", "max 1 s", "2.0 s"),)
    why = details(Wire("INVITE").send("INVITE").receive(200).send("ACK"), unmet=unmet)
    assert "odd was 2.0 s" in why.summary


def test_header_that_should_be_absent() -> None:
    """The value is shown, and the line is cited."""
    why = details(answered_call(), expect={"headers": {"Contact": "absent"}})
    assert "present in their answer" in why.summary
    assert any('"Contact: <sip:198.51.100.1:5060>"' in e.says for e in why.evidence)


def test_header_that_is_missing() -> None:
    """A header that is absent is told as absent."""
    why = details(answered_call(), expect={"headers": {"P-Asserted-Identity": "present"}})
    assert "P-Asserted-Identity is absent from their answer" in why.summary


def test_header_with_another_value() -> None:
    """Both values are shown."""
    why = details(answered_call(), expect={"headers": {"Contact": "<sip:b>"}})
    assert "wants it <sip:b>" in why.summary


def test_header_of_our_own_request() -> None:
    """A header of ours is ours to set."""
    why = details(answered_call(), expect={"request_headers": {"Privacy": "present"}})
    assert "our own request" in why.summary
    assert "`headers:`" in why.next_steps[0]


def test_codec_of_the_answer() -> None:
    """The answer picks another codec than wanted."""
    why = details(answered_call(), unmet=(("expect.sdp.codec", "PCMA", "PCMU"),))
    assert "codec is PCMU" in why.summary
    assert "wants PCMA" in why.summary


def test_login_that_was_not_asked_for() -> None:
    """200 without a challenge: they let us in without a password."""
    wire = Wire("REGISTER").send("REGISTER").receive(200)
    why = details(wire, expect={"challenge": "required"})
    assert "did not ask for a login" in why.summary


def test_login_that_was_asked_for() -> None:
    """A challenge where none is wanted."""
    why = details(register_ok(), expect={"challenge": "absent"})
    assert "wants none" in why.summary


def test_several_details_are_all_told() -> None:
    """Each mismatch gets its sentence."""
    why = details(
        answered_call(),
        expect={
            "headers": {"Contact": "absent"},
            "timing": {"pdd": Bound(max=0.001, text="max 1ms")},
        },
    )
    assert "pdd" in why.summary
    assert "Contact" in why.summary


def test_nothing_to_tell() -> None:
    """A met verdict is told as what happened, should anybody ask."""
    why = details(answered_call())
    assert "200 OK" in why.summary
