"""What reached the called side, and what was told of a transfer, held against the file."""

from typing import Any

import pytest
from judging import STEP, expectation, sequence
from msgspec.structs import replace
from wirebuilder import ANSWER, OFFER, Wire, sdp

from probe.scenario.expectation import CalleeExpectation
from probe.scenario.reading import read
from probe.trace.failure import Failure
from probe.trace.trace import Leg, Trace
from probe.verdict.judge import judge
from probe.verdict.verdict import Outcome, Verdict

HEADERS = {
    "From": '"Alice \\"A\\" Doe" <sip:100@pbx.example>;tag=caller',
    "P-Asserted-Identity": "<sip:+12025550100@pbx.example>",
    "Diversion": "<sip:199@pbx.example>;reason=unconditional",
}


def called(status: int = 200, *, headers: dict[str, str] | None = None, ack: bool = True) -> Trace:
    """Return what a called agent saw."""
    wire = Wire("INVITE", call_id="leg-1", number="101")
    wire.request("INVITE", headers=headers or HEADERS, body=sdp("PCMA", "telephone-event"))
    wire.reply(180).reply(status, body=ANSWER if status < 300 else "")
    if ack:
        wire.request("ACK", headers={"CSeq": "1 ACK"})
    return replace(wire.trace(), serving=True)


def caller(status: int = 200) -> Trace:
    """Return what the caller saw."""
    wire = Wire("INVITE").send("INVITE", body=OFFER).receive(180).receive(status, body=ANSWER)
    wire.send("ACK")
    if status < 300:
        wire.send("BYE").receive(200)
    return wire.trace()


def nobody() -> Trace:
    """Return what an agent saw that no call reached."""
    return replace(Wire("INVITE").trace(), serving=True)


def verdict(trace: Trace, *legs: Trace, **expect: Any) -> Verdict:  # noqa: ANN401 - any key
    """Judge a caller's trace with the legs of bob."""
    seen = replace(trace, legs=tuple(Leg(agent="bob", trace=leg) for leg in legs))
    return judge(expectation(**expect) if expect else None, seen, STEP)


def callee(**keys: Any) -> CalleeExpectation:  # noqa: ANN401 - any key
    """Return what is expected of the INVITE that arrived."""
    return read(CalleeExpectation, keys)


def test_call_that_reached_its_agent_is_met() -> None:
    """It arrived, was answered and confirmed."""
    assert verdict(caller(), called()).outcome is Outcome.MET


@pytest.mark.parametrize(("status", "saw"), [(200, "200 OK"), (404, "404 Not Found")], ids=str)
def test_call_that_reached_nobody_is_not_met_whatever_the_caller_got(status: int, saw: str) -> None:
    """A mailbox that answers is no colleague."""
    judged = verdict(caller(status), nobody(), responses="180 200|404")
    assert judged.outcome is Outcome.NOT_MET
    assert judged.mismatches[0].message == f"no INVITE reached bob; the caller got {saw}"


def test_call_that_reached_nobody_because_we_crashed_is_inconclusive() -> None:
    """What did not come proves nothing where the fault was ours."""
    wire = Wire("INVITE").send("INVITE", body=OFFER).fail(Failure.AGENT_CRASHED)
    assert verdict(wire.trace(), nobody()).outcome is Outcome.INCONCLUSIVE


def test_answer_without_ack_is_told() -> None:
    """The caller was told 200, and the phone never heard that it may speak."""
    judged = verdict(caller(), called(ack=False))
    assert [m.message for m in judged.mismatches] == ["bob answered, and no ACK reached it"]


@pytest.mark.parametrize(
    ("key", "good", "bad", "observed"),
    [
        ("from_user", "100", "199", "100"),
        ("from_name", 'Alice "A" Doe', "Bob", 'Alice "A" Doe'),
        ("from_host", "pbx.example", "x", "pbx.example"),
        ("identity", "+12025550100", "100", "+12025550100"),
        ("diversion", "199", "100", "199"),
        ("codecs", ["PCMA"], ["PCMU", "PCMA"], "PCMA"),
        ("direction", "sendrecv", "sendonly", "sendrecv"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.islower() else "",
)
def test_each_fact_of_the_invite(key: str, good: object, bad: object, observed: str) -> None:
    """It is met as written, and told as it was otherwise."""
    assert verdict(caller(), called(), callee=callee(**{key: good})).outcome is Outcome.MET
    (mismatch,) = verdict(caller(), called(), callee=callee(**{key: bad})).mismatches
    assert mismatch.path == f"expect.callee.{key}"
    assert mismatch.observed == observed


def test_identity_without_any_header_is_absent() -> None:
    """And who diverted a call that nobody diverted."""
    bare = called(headers={"From": "<sip:100@pbx.example>;tag=c"})
    judged = verdict(caller(), bare, callee=callee(identity="100", diversion="199", from_name="A"))
    assert [m.observed for m in judged.mismatches] == ["absent"] * 3


def test_remote_party_id_and_history_stand_in() -> None:
    """RFC 3325 is not everywhere; RFC 7044 lists who was called before."""
    old = called(
        headers={
            "From": "<sip:anonymous@anonymous.invalid>;tag=c",
            "Remote-Party-ID": "<sip:100@pbx.example>;party=calling",
            "History-Info": "<sip:199@pbx.example>;index=1",
        }
    )
    assert verdict(caller(), old, callee=callee(identity="100")).outcome is Outcome.MET


def test_our_side_of_a_call_from_outside() -> None:
    """Without words in the file: an INVITE came, and our answer was confirmed."""
    assert judge(None, called(), STEP).outcome is Outcome.MET
    assert judge(None, called(486), STEP).outcome is Outcome.MET
    assert judge(None, called(ack=False), STEP).mismatches[0].expected == "ACK"
    wanted = expectation(callee=callee(from_user="199"), responses="180 200")
    (mismatch,) = judge(wanted, called(), STEP).mismatches
    assert mismatch.message == "expected from_user 199, got 100"


def test_caller_who_gave_up_while_it_rang() -> None:
    """Their CANCEL came before our answer."""
    wire = Wire("INVITE", call_id="leg-1").request("INVITE", body=OFFER).reply(180)
    wire.request("CANCEL").reply(200)
    judged = judge(None, replace(wire.trace(), serving=True), STEP)
    assert judged.mismatches[0].observed == "their CANCEL"


def test_call_from_outside_that_never_came() -> None:
    """The failure says so, and may be what a test wants."""
    trace = replace(Wire("INVITE").fail(Failure.NO_CALL).trace(), serving=True)
    assert judge(None, trace, STEP).mismatches[0].observed == "no INVITE reached us"
    assert judge(expectation(failure="NO_CALL"), trace, STEP).outcome is Outcome.MET


# Transfers


def transferred(*told: str, status: int = 202) -> Trace:
    """Return a REFER and the NOTIFYs that tell of it."""
    wire = Wire("REFER").send("REFER", headers={"Refer-To": "<sip:102@x>"}).receive(status)
    for line in told:
        wire.request("NOTIFY", headers={"Content-Type": "message/sipfrag"}, body=f"SIP/2.0 {line}")
        wire.reply(200)
    return wire.trace()


def test_transfer_ends_with_a_2xx() -> None:
    """Without words in the file: accepted, and told to have succeeded."""
    assert judge(None, transferred("100 Trying", "200 OK"), STEP).outcome is Outcome.MET


@pytest.mark.parametrize(
    ("told", "observed"),
    [((), "no NOTIFY"), (("100 Trying",), "100"), (("100 Trying", "404 Not Found"), "100 404")],
    ids=["nothing", "trying", "failed"],
)
def test_accepted_is_not_transferred(told: tuple[str, ...], observed: str) -> None:
    """202 promises nothing."""
    (mismatch,) = judge(None, transferred(*told), STEP).mismatches
    assert (mismatch.path, mismatch.observed) == ("expect.notify", observed)


def test_refused_transfer_is_told_once() -> None:
    """The final response says it all."""
    (mismatch,) = judge(None, transferred(status=603), STEP).mismatches
    assert mismatch.path == "expect"


def test_notifies_are_held_against_the_file() -> None:
    """A sequence of their status codes."""
    wanted = expectation(responses="202", notify=sequence("100? 180 200"))
    assert judge(wanted, transferred("100 T", "180 R", "200 OK"), STEP).outcome is Outcome.MET
    (mismatch,) = judge(wanted, transferred("100 T", "200 OK"), STEP).mismatches
    assert mismatch.message == "expected a NOTIFY that tells 180, got 200"
    (mismatch,) = judge(wanted, transferred("100 T", "180 R"), STEP).mismatches
    assert mismatch.observed == "100 180"


@pytest.mark.parametrize(("own", "who"), [(True, "bob"), (False, "the peer")])
def test_who_hung_up_first_is_named_where_it_was_ours(own: bool, who: str) -> None:
    """Bob's own BYE comes to the caller through the PBX: not the PBX ended the call."""
    ours = Wire("INVITE").send("INVITE", body=OFFER).receive(200, body=ANSWER, at=1.0).send("ACK")
    theirs = Wire("INVITE", call_id="leg-1", number="101")
    theirs.request("INVITE", headers=HEADERS, body=sdp("PCMA")).reply(200, body=ANSWER)
    theirs.request("ACK", headers={"CSeq": "1 ACK"})
    if own:
        theirs.send("BYE", at=1.9).receive(200)
    trace = ours.request("BYE", at=2.0).reply(200).trace()
    found = verdict(trace, replace(theirs.trace(), serving=True))
    assert found.warnings == (f"{who} hung up first, after 1.0 s",)
