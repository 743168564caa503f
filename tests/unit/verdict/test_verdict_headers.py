"""Header fields of the final response and of our request."""

from judging import STEP, judged, told
from wirebuilder import Wire, answered_call, refused_call, register_ok

from probe.scenario.expectation import parse_header_expectation
from probe.scenario.source import Located, Source
from probe.trace.failure import Failure
from probe.verdict.verdict import Outcome

PAI = {"P-Asserted-Identity": "<sip:+1202@pbx>"}


def test_a_field_that_should_be_absent_is_quoted() -> None:
    """The value that came is what the reader needs."""
    verdict = judged(
        refused_call(486, headers=PAI), responses="486", headers={"p-asserted-identity": "absent"}
    )
    (mismatch,) = verdict.mismatches
    assert mismatch.message == 'expected p-asserted-identity absent, got "<sip:+1202@pbx>"'
    assert mismatch.path == "expect.headers.p-asserted-identity"
    assert mismatch.evidence == (2,)


def test_fields_that_are_as_wanted_are_met() -> None:
    """Absent, present, exact and by pattern."""
    wire = refused_call(503, headers={"Retry-After": "30", "Server": "trunk/1.2"})
    wanted = {"Retry-After": "30", "Server": "/^trunk/", "Reason": "absent", "Via": "present"}
    assert judged(wire, responses="503", headers=wanted).outcome is Outcome.MET


def test_a_missing_field_is_called_absent() -> None:
    """The word is the same as in the file."""
    verdict = judged(refused_call(503), responses="503", headers={"Retry-After": "present"})
    assert told(verdict) == ["expected Retry-After present, got absent"]


def test_a_compact_name_means_the_long_one() -> None:
    """``t`` asks for To."""
    assert judged(register_ok(), headers={"t": "present"}).outcome is Outcome.MET


def test_the_mismatch_points_at_the_value_in_the_file() -> None:
    """The place of the expected value, where it is known."""
    place = Source(file="call.sip.yaml", line=8, column=30)
    header = parse_header_expectation("Server", Located.of("absent", place))
    wire = refused_call(503, headers={"Server": "x"})
    assert judged(wire, responses="503", headers={"Server": header}).mismatches[0].source == place
    plain = judged(wire, responses="503", headers={"Server": "absent"})
    assert plain.mismatches[0].source == STEP


def test_the_last_request_is_the_one_that_is_checked() -> None:
    """The first REGISTER carries no credentials, the second one does."""
    assert (
        judged(register_ok(), request_headers={"Authorization": "present"}).outcome is Outcome.MET
    )
    verdict = judged(register_ok(), request_headers={"Authorization": "absent"})
    assert verdict.mismatches[0].evidence == (2,)


def test_an_ack_is_not_the_request_that_is_checked() -> None:
    """Contact stands in the INVITE only."""
    assert judged(answered_call(), request_headers={"Contact": "present"}).outcome is Outcome.MET


def test_headers_of_a_response_that_never_came_are_told_once() -> None:
    """The sequence says already that nothing came."""
    silent = Wire().send("INVITE").fail(Failure.NO_RESPONSE)
    verdict = judged(silent, responses="200", headers={"Server": "present"})
    assert [m.path for m in verdict.mismatches] == ["expect.responses"]


def test_a_sequence_without_a_final_has_no_headers_to_check() -> None:
    """The sequence held, so the missing response is the mismatch of the header."""
    wire = Wire().send("INVITE").receive(180)
    verdict = judged(wire, responses="180", headers={"Server": "absent"})
    assert told(verdict) == ["expected Server absent, got no message to look at"]


def test_a_request_that_never_left_has_no_headers_to_check() -> None:
    """Told by the sequence where there is one, else by itself."""
    nothing = Wire().fail(Failure.NAME_RESOLUTION)
    both = judged(nothing, responses="200", request_headers={"From": "present"})
    assert [m.path for m in both.mismatches] == ["expect.responses"]
    alone = judged(nothing, failure="NAME_RESOLUTION", request_headers={"From": "present"})
    assert [m.path for m in alone.mismatches] == ["expect.request_headers.From"]
