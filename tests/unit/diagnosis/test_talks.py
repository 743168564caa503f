"""A talk is explained by the call in which it was."""

import pytest
from casebuilder import attempt
from msgspec.structs import replace
from stories import PUBLIC, talked, with_text
from wirebuilder import sdp

from probe.diagnosis.earlier import Company
from probe.diagnosis.explanation import Certainty, Explanation
from probe.diagnosis.talks import explain_talk
from probe.plan.action import Talk
from probe.scenario.source import NOWHERE
from probe.trace.trace import Trace
from probe.verdict.judge import judge
from probe.verdict.verdict import Mismatch, Outcome


def explained(call: Trace | None, path: str, outcome: Outcome = Outcome.NOT_MET) -> Explanation:
    """Return why a talk in a call of our trunk account was not as wanted."""
    placed = attempt(call or talked().trace())
    talk = Talk(attempt=1, account="trunk", duration=2.0)
    step = replace(placed, index=1, step=2, label="talk 2 s", method="", action=talk)
    empty = replace(talked().trace(), method="", events=(), media=(), began=1.6, ended=3.4)
    wrong = Mismatch(
        path=path,
        expected="tone 1004Hz",
        observed="silence",
        evidence=(),
        source=NOWHERE,
        message="expected tone 1004Hz, heard silence",
    )
    verdict = replace(judge(None, empty, NOWHERE), outcome=outcome, mismatches=(wrong,))
    company = Company([(placed, call)] if call is not None else [])
    return explain_talk(step, empty, verdict, company)


@pytest.mark.parametrize("path", ["expect.media.heard", "expect.agents.trunk.heard"])
def test_the_call_of_the_agent_shows_the_cause(path: str) -> None:
    """Offer, answer and RTP of the call name it; events of another trace are not numbered."""
    theirs = talked(sdp(address="10.1.2.3"), rx_packets=0, tx_packets=0, tx_errors=100)
    call = with_text(theirs, *PUBLIC)
    why = explained(call, path)
    assert [cause.id for cause in why.causes][:1] == ["F149"]
    assert why.summary.startswith("In the call")
    assert ("of trunk" in why.summary) == ("agents" in path)
    assert why.evidence
    assert all(one.event is None for one in why.evidence)


@pytest.mark.parametrize(
    ("call", "path"),
    [
        (None, "expect.media.heard"),
        (talked().trace(), "expect.agents.bob.heard"),
    ],
)
def test_no_cause_is_guessed_for_who_was_called(call: Trace | None, path: str) -> None:
    """What was heard is said, and that this side does not show why."""
    why = explained(call, path)
    assert why.causes == ()
    assert why.certainty is Certainty.UNDECIDED
    assert "no final response" not in why.summary
    assert why.observed == ("expected tone 1004Hz, heard silence",)
    assert why.unknown
    assert why.next_steps


def test_what_cannot_be_judged_says_so() -> None:
    """An open verdict is no failure of anybody."""
    why = explained(None, "expect.agents.bob.heard", Outcome.INCONCLUSIVE)
    assert "cannot be judged" in why.summary
