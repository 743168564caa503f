"""What a case reads from a trace."""

import pytest
from casebuilder import ACCOUNT, attempt, case, explain
from msgspec.structs import replace
from stories import challenged, icmp, inbound
from wirebuilder import ANSWER, OFFER, Wire, answered_call, refused_call, register_ok

from probe.diagnosis.case import Case, kind_of, seconds
from probe.diagnosis.diagnose import diagnose
from probe.plan.action import Wait
from probe.trace.failure import Failure
from probe.trace.trace import NameLookup


def test_own_giving_up_is_no_answer() -> None:
    """A 487 that follows our own CANCEL after a deadline does not decide."""
    wire = (
        Wire("INVITE")
        .send("INVITE", body=OFFER)
        .receive(100)
        .fail(Failure.NO_FINAL_RESPONSE, at=60.0)
        .send("CANCEL")
        .receive(487, to="INVITE")
    )
    one = case(wire)
    assert one.reply is None
    assert one.status == 0


def test_answer_before_the_deadline_decides() -> None:
    """A final response that came before our giving up counts."""
    assert case(refused_call(486).fail(Failure.SCENARIO_DEADLINE)).status == 486


def test_position_of_the_login() -> None:
    """Before and after the login are told apart."""
    assert not case(refused_call(403)).login.decided_after
    assert case(challenged().receive(403)).login.decided_after
    assert case(register_ok()).login.realms == ("trunk.example",)


def test_reason_values() -> None:
    """Several values, quoted commas and a missing cause are read."""
    header = 'Q.850;cause=17;text="a, b" , SIP;cause=486, X;, ;cause=1'
    one = case(refused_call(486, headers={"Reason": header}))
    values = one.reasons(one.reply.index)
    assert [(v.protocol, v.cause, v.text) for v in values] == [
        ("Q.850", 17, "a, b"),
        ("SIP", 486, ""),
        ("X", None, ""),
        ("", 1, ""),
    ]
    assert one.q850 is not None


def test_warning_codes() -> None:
    """Several warn-codes in one field are read."""
    header = '305 gw "a, b", 399 gw "c"'
    assert case(refused_call(488, headers={"Warning": header})).warnings == (305, 399)


def test_no_reply_has_no_headers() -> None:
    """Questions about a response that never came have empty answers."""
    one = case(Wire("INVITE").send("INVITE").fail(Failure.NO_RESPONSE))
    assert one.warnings == ()
    assert one.q850 is None
    assert one.header("Server") == ""
    assert one.matching("x") == ()
    assert one.cite("Via") == ()
    assert one.seen_address is None


def test_address_they_saw() -> None:
    """Via received of the deciding response; unreadable text and our own requests are skipped."""
    via = "SIP/2.0/UDP 192.0.2.10:5060;received=203.0.113.7;branch=z9hG4bK-1"
    wire = Wire("INVITE").send("INVITE").raw("garbage").receive(180, headers={"Via": via})
    assert case(wire.fail(Failure.NO_FINAL_RESPONSE)).seen_address == ("203.0.113.7", 2)


def test_reply_of_our_own_pbx() -> None:
    """On an incoming call the deciding response is ours."""
    one = case(inbound(180, 486), direction="inbound")
    assert one.reply.ours
    assert one.status == 486
    assert "The phone system answered" in explain(inbound(180, 499), direction="inbound").summary


def test_incoming_call_without_a_final_response() -> None:
    """Nothing decided yet."""
    assert case(inbound(180), direction="inbound").reply is None
    assert case(inbound(486), direction="outbound").reply is None
    assert case(register_ok(), direction="inbound").status == 200


def test_other_requests_that_came_do_not_decide() -> None:
    """Only our answer to the method under test counts."""
    wire = inbound(486).request("OPTIONS").reply(200)
    assert case(wire, direction="inbound").status == 486


def test_look_up_without_account() -> None:
    """A failed name needs no account to be told."""
    bad = NameLookup(at=0.0, name="x.example", addresses=(), error="unknown", detail="", took_s=0.1)
    why = explain(Wire("INVITE").add(bad).fail(Failure.NAME_RESOLUTION), account=None)
    assert why.causes[0].id == "F001"


def test_refused_login_without_account() -> None:
    """Values that we do not know cannot be odd."""
    assert explain(challenged().receive(401), account=None).causes[0].id == "F047"


def test_nothing_observed() -> None:
    """A verdict without an observed sequence is explained without one."""
    one = case(refused_call(486))
    why = diagnose(one.attempt, one.trace, replace(one.verdict, observed=""))
    assert not any(text.startswith("Observed") for text in why.observed)


def test_two_proofs_prove_nothing() -> None:
    """Where two causes seem proved at one gate, both are likely."""
    detail = "wrong version number; alert certificate required"
    why = explain(Wire("REGISTER", transport="TLS").fail(Failure.TLS_HANDSHAKE, detail=detail))
    assert [(c.id, c.likelihood.value) for c in why.causes] == [
        ("F023", "likely"),
        ("F042", "likely"),
    ]


def test_attempt_without_account() -> None:
    """A wait has no account and no target, and can be explained all the same."""
    trace = Wire("").fail(Failure.SCENARIO_DEADLINE, deadline="scenario timeout 120 s").trace()
    tried = replace(attempt(trace, account=None), action=Wait(attempt=0, account="", duration=1.0))
    one = Case(tried, trace, case(trace).verdict)
    assert one.target == "the target"
    assert one.transport == "UDP"
    assert one.port is None
    assert one.facts["number"] == ""
    assert "`timeout:` at the top" in explain(trace, account=None).summary


def test_target_is_written_with_brackets_and_port() -> None:
    """An IPv6 host and a port are shown as in a URI."""
    trace = Wire("REGISTER").fail(Failure.NO_ROUTE).trace()
    assert case(trace, host="2001:db8::1", port=5080).target == "[2001:db8::1]:5080"
    assert case(trace).target == ACCOUNT.host


def test_calls_that_were_never_answered_have_no_answer() -> None:
    """Answer, repeats and session description are those of a 2xx only."""
    one = case(refused_call(486))
    assert one.invite is None
    assert one.answer_sdp is None
    assert one.repeated_answers == ()
    two = case(answered_call())
    assert two.answer_sdp is not None
    assert two.after_answer(two.our_bye) == pytest.approx(2.0)


def test_answer_without_ack_has_no_repeats() -> None:
    """Copies before our ACK prove nothing."""
    wire = Wire("INVITE").send("INVITE", body=OFFER).receive(200, body=ANSWER).again().again()
    assert case(wire).repeated_answers == ()


def test_requested_interval_is_that_of_a_registration() -> None:
    """A call asks for none."""
    assert case(register_ok()).requested_expires == 300
    assert case(answered_call()).requested_expires is None


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("expect.responses", "responses"),
        ("expect.timing.pdd", "timing"),
        ("expect", "responses"),
        ("answer", "responses"),
        ("expect.headers.X-A.b", "headers"),
    ],
)
def test_kind_of_a_mismatch(path: str, kind: str) -> None:
    """The word after expect is the kind."""
    assert kind_of(path) == kind


def test_durations() -> None:
    """Short ones in milliseconds, whole ones without a fraction."""
    assert [seconds(v) for v in (0.041, 1.0, 2.35, 60.0)] == ["41 ms", "1 s", "2.4 s", "60 s"]


def test_wrong_ends_of_a_sequence() -> None:
    """The last code that the file wants is compared with the one that came."""
    assert case(refused_call(486), expect={"responses": "180|183 4xx ACK"}).final_as_wanted
    assert not case(refused_call(486), expect={"responses": "180 200|503"}).final_as_wanted
    assert not case(Wire("INVITE").send("INVITE")).final_as_wanted


def test_icmp_is_read() -> None:
    """ICMP events keep their index."""
    assert case(Wire("INVITE").send("INVITE").add(icmp(3, 3))).icmp[0][0] == 1


def test_cited_messages_only() -> None:
    """What is no message is cited without words of the wire."""
    one = case(Wire("INVITE").send("INVITE").add(icmp(3, 3)))
    assert one.cite("Via", index=1) == ()
    assert one.cite_failure() == ()
