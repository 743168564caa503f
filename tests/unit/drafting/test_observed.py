"""What is written of a call is met by that call, and not by one that came out otherwise."""

from datetime import datetime, timezone
from pathlib import Path

import pytest
import reportbuilder
from judging import STEP
from wirebuilder import ANSWER, OFFER, Wire, answered_call, refused_call, register_ok, sdp

from probe.drafting.observed import (
    NothingToExpectError,
    ObservedScenario,
    Occasion,
    Seen,
    asking,
    observed_scenario,
    scenario_name,
)
from probe.scenario.loader import load_scenario
from probe.scenario.schema import Scenario
from probe.trace.failure import Failure
from probe.trace.trace import Trace
from probe.verdict.judge import judge
from probe.verdict.verdict import Outcome

NUMBER = "+12025550123"
OCCASION = Occasion(
    command=f"sipprobe init --observe {NUMBER} --trunk carrier",
    version="0.1.0",
    at=datetime(2026, 11, 21, 16, 40, 59, tzinfo=timezone.utc),
    trunk="carrier",
    folder="results/2026-11-21T16-40-59Z-observe",
)


def seen(wire: Wire) -> Seen:
    """Return a wire as it was carried out and judged without expectations."""
    trace = wire.trace()
    return Seen(attempt=reportbuilder.attempt(trace), trace=trace, verdict=judge(None, trace, STEP))


def written(call: Wire, *, registration: Wire | None = None) -> ObservedScenario:
    """Return what is written of a call, on an account that registered before."""
    first = seen(registration or register_ok())
    return observed_scenario(first, seen(call), NUMBER, OCCASION)


def read(text: str) -> Scenario:
    """Return a scenario file as the loader reads it."""
    return load_scenario(Path("x.sip.yaml"), variables={}, environ={}, written=text.encode())


def held_against(text: str, trace: Trace) -> Outcome:
    """Judge a trace by the last step of a scenario."""
    return judge(read(text).steps[-1].expect, trace, STEP).outcome


def challenged(status: int, **more: str) -> Wire:
    """Return a call that is challenged, rings, and ends with a status."""
    wire = Wire("INVITE").send("INVITE", body=OFFER).receive(407).send("ACK")
    wire.send("INVITE", auth=True, body=OFFER).receive(100).receive(180, at=0.4)
    body = more.get("body", ANSWER) if status < 300 else ""
    wire.receive(status, at=1.0, body=body).send("ACK")
    return wire.send("BYE", at=3.0).receive(200) if status < 300 else wire


STORIES = {
    "answered": answered_call(),
    "challenged-and-answered": challenged(200),
    "busy": refused_call(486),
    "rings-then-busy": challenged(486),
    "forbidden-unasked": refused_call(403),
    "moved": refused_call(302, "Moved Temporarily"),
    "wants-a-password": Wire("INVITE").send("INVITE", body=OFFER).receive(401).send("ACK"),
    "other-codec": answered_call(sdp("PCMA")),
    "on-hold": answered_call(sdp("PCMU", direction="inactive")),
}


@pytest.mark.parametrize("name", STORIES)
def test_what_was_seen_meets_what_is_written(name: str) -> None:
    """Whatever came, the same again is a pass."""
    drafted = written(STORIES[name])
    assert drafted.as_seen
    assert held_against(drafted.text, STORIES[name].trace()) is Outcome.MET


@pytest.mark.parametrize("other", STORIES)
@pytest.mark.parametrize("name", STORIES)
def test_another_answer_does_not(name: str, other: str) -> None:
    """Each story's scenario tells it from every other story."""
    outcome = held_against(written(STORIES[name]).text, STORIES[other].trace())
    # Where no challenge came then, one that comes now is nothing to complain about.
    same = {name, other} == {"answered", "challenged-and-answered"} and name == "answered"
    assert outcome is (Outcome.MET if name == other or same else Outcome.NOT_MET)


def test_repeated_ringing_is_written_once() -> None:
    """A proxy repeats its 180 as often as it likes; 100 is perhaps."""
    wire = Wire("INVITE").send("INVITE", body=OFFER).receive(180)
    for place in range(3):
        wire.receive(180, headers={"X-Number": str(place)})
    wire.receive(183, body=ANSWER).receive(200, body=ANSWER).send("ACK").send("BYE").receive(200)
    assert "responses: 100? 180 183 200 ACK BYE\n" in written(wire).text


def test_slow_answer_has_room() -> None:
    """Ringing after half a second may take 1.5, and who picked up after 1.5 s may take five."""
    text = written(answered_call()).text
    assert "pdd: max 1.5s                   # it was 0.500 s" in text
    assert "setup: max 5s                   # it was 1.500 s" in text


def test_registration_says_what_it_was() -> None:
    """The challenge is asked for, with a second at least."""
    first = read(written(answered_call()).text).steps[0]
    assert first.verb == "register"
    assert first.expect is not None
    assert (first.expect.challenge, str(first.expect.responses)) == ("required", "200")
    assert str(first.expect.timing["rrd"]) == "max 1s"


def test_no_registration_is_written_where_none_was() -> None:
    """A trunk that knows us by our address is called at once."""
    drafted = observed_scenario(None, seen(answered_call()), NUMBER, OCCASION)
    assert [step.verb for step in read(drafted.text).steps] == ["call"]


def test_head_says_what_was_seen_and_when() -> None:
    """A reader of the file knows where it came from."""
    text = written(challenged(486)).text
    assert text.startswith("# Written from one call on 2026-11-21 16:40 UTC by sipprobe 0.1.0:\n")
    assert "#     sipprobe init --observe +12025550123 --trunk carrier\n" in text
    assert "#     call +12025550123   407 → 100 180 486 ACK, pdd 0.400 s" in text
    assert "# All messages: results/2026-11-21T16-40-59Z-observe/\n" in text
    assert 'name: "+12025550123 is refused with 486 Busy Here"\n' in text
    assert "tags: [call, negative]\n" in text


def test_number_that_nobody_answers_is_rung_and_cancelled() -> None:
    """It rang until we gave up; the scenario rings for a moment, so the trace does not meet it."""
    wire = Wire("INVITE").send("INVITE", body=OFFER).receive(100).receive(180)
    wire.fail(Failure.NO_FINAL_RESPONSE, at=60.0)
    wire.send("CANCEL").receive(200).receive(487, to="INVITE").send("ACK")
    drafted = written(wire)
    assert not drafted.as_seen
    step = read(drafted.text).steps[-1]
    assert getattr(step, "ring_for", None) == 3.0
    assert str(step.expect and step.expect.responses) == "100? 180 CANCEL 487 ACK"


@pytest.mark.parametrize(
    ("failure", "says"),
    [
        (Failure.NO_RESPONSE, "no answer came: no response"),
        (Failure.PORT_UNREACHABLE, "no answer came: port unreachable"),
        (Failure.LOCAL_PORT, "the fault was ours"),
    ],
)
def test_silence_is_nothing_to_expect(failure: Failure, says: str) -> None:
    """A number that nobody answers for makes no scenario."""
    wire = Wire("INVITE").send("INVITE", body=OFFER).fail(failure)
    with pytest.raises(NothingToExpectError, match=says):
        written(wire)


def test_refused_registration_is_no_ground_for_a_scenario() -> None:
    """What the trunk says to a stranger's call is another story."""
    refused = Wire("REGISTER").send("REGISTER").receive(403)
    with pytest.raises(NothingToExpectError, match="registration was not accepted"):
        written(answered_call(), registration=refused)


def test_words_of_the_peer_stay_in_their_comment() -> None:
    """A reason phrase or a Server header cannot add a line, a key or a variable to the file."""
    evil = 'Busy\u2028steps: ${HOME}\x85- call: "112" \x1b[2J\' #'
    wire = Wire("INVITE").send("INVITE", body=OFFER)
    wire.receive(486, evil, headers={"Server": evil}).send("ACK")
    text = written(wire).text
    scenario = read(text)
    assert [step.verb for step in scenario.steps] == ["register", "call"]
    assert text.isprintable() or set(text) - {"\n"} <= {c for c in text if c.isprintable()}
    assert "${HOME}" in scenario.name, "it is text, and no variable"


def test_call_that_was_not_clean_says_so() -> None:
    """A BYE that nobody answered is not asked for, and not hidden."""
    wire = Wire("INVITE").send("INVITE", body=OFFER).receive(200, body=ANSWER).send("ACK")
    wire.send("BYE").fail(Failure.NO_RESPONSE, method="BYE")
    assert "# Not asked for, but not clean either: expected BYE answered 2xx" in written(wire).text


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("+12025550123", "call-12025550123"),
        ("*97", "call-97"),
        ("sip:echo%2Btest@pbx.example", "call-echo-test"),
        ("sip:pbx.example", "call-pbx-example"),
        ("tel:+49-30-1", "call-49-30-1"),
        ("***", "call-target"),
    ],
)
def test_name_of_the_file_comes_from_the_target(target: str, name: str) -> None:
    """It is one that any shell and file system takes."""
    assert scenario_name(target) == name


def test_what_places_the_call_expects_nothing() -> None:
    """The target stands in it as it was typed, traps of YAML included."""
    scenario = read(asking("*97", trunk="carrier", registers=True, within="5s"))
    assert [step.verb for step in scenario.steps] == ["register", "call"]
    call = scenario.steps[1]
    assert (getattr(call, "to", None), call.answer_within, call.expect) == ("*97", 5.0, None)
