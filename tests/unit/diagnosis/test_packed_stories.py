"""What is put away of a finding comes back as it was, whatever was found."""

import typing

import pytest
from casebuilder import case
from msgspec.structs import replace
from stories import STORIES, Story
from wirebuilder import Wire, answered_call

from probe.diagnosis.diagnose import diagnose
from probe.plan.action import Action, Call, Expect, Hear, Manner
from probe.plan.any_action import AnyAction
from probe.report.model import Finding, Try
from probe.report.packing import ANYTHING, FINDINGS, TRACES
from probe.trace.trace import Trace


def found(trace: Trace, **facts: object) -> Finding:
    """Return the finding of a trace, judged and explained."""
    one = case(trace, **facts)
    why = diagnose(one.attempt, trace, one.verdict, one.before, one.earlier)
    return Finding(
        scenario="check",
        title="Check",
        attempt=one.attempt,
        tries=(Try(trace=trace, verdict=one.verdict, explanation=why),),
    )


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_a_finding_of_every_story(story: Story) -> None:
    """Each kind of event, verdict and explanation is packed by its types."""
    one = found(story.trace, **story.facts)
    assert FINDINGS.unpack(FINDINGS.pack(one)) == one
    assert TRACES.unpack(TRACES.pack(story.trace)) == story.trace
    assert ANYTHING.unpack(ANYTHING.pack(one)) == one


def test_bytes_that_are_no_utf_8() -> None:
    """They are lone surrogates in a trace, and come back as such."""
    odd = Wire().send("INVITE").raw("caf\udce9").trace()
    one = found(odd)
    assert FINDINGS.unpack(FINDINGS.pack(one)) == one
    assert TRACES.unpack(TRACES.pack(odd)) == odd


def test_every_action_is_one_that_can_be_read() -> None:
    """An action that is added to the plan is added to what is read back."""

    def all_of(kind: type[Action]) -> set[type[Action]]:
        return {kind}.union(*map(all_of, kind.__subclasses__()))

    ours = {kind for kind in all_of(Action) if kind.__module__.startswith("probe.plan.")}
    assert ours - {Action} == set(typing.get_args(AnyAction))


def test_actions_before_the_attempt() -> None:
    """What other agents are told before is packed with it, each as what it is."""
    one = found(answered_call().trace())
    hear = Manner(kind="answer", hear=Hear(sound=True))
    told = (
        Expect(attempt=0, account="bob", call=0, manner=hear),
        Call(attempt=1, account="eve", target="sip:x@y", press=("1", "info")),
    )
    one = replace(one, attempt=replace(one.attempt, prepares=told))
    assert FINDINGS.unpack(FINDINGS.pack(one)) == one
