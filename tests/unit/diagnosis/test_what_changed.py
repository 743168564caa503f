"""What is told of the last good run, and that a past changes nothing where it says nothing."""

from datetime import timedelta

import pytest
from casebuilder import case, explain
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from stories import STORIES, challenged, unanswered
from stories_changed import CHANGED, GOOD, Story, before, refused_at
from wirebuilder import STARTED, Wire, answered_call, refused_call

from probe.diagnosis.differences import cited, since
from probe.diagnosis.history import Before, look
from probe.reference import reference
from probe.trace.trace import NameLookup, TransportChanged

EVERYTHING = before(
    remote="198.51.100.7:5060",
    local="192.0.2.77:5060",
    seen="203.0.113.7",
    transport="TCP",
    server="Old",
    answered_after_s=0.05,
    tls="TLSv1.2 A",
    addresses=("198.51.100.7",),
    codec="GSM",
    outcomes_since=("NOT_MET", "NOT_MET"),
    refused_logins_since=1,
)


def told(wire: Wire, past: Before = GOOD) -> list[str]:
    """Return the observations of history, without the first, which says when."""
    first, *rest = since(case(wire, before=past))
    assert first.startswith("The last good run of this step was 2026-11-01T12-00-00Z-check")
    return rest


def test_nothing_is_told_without_a_good_run() -> None:
    """No past, no words."""
    assert since(case(unanswered())) == ()
    assert cited(case(unanswered())) == ()


def test_nothing_changed_is_told_as_such() -> None:
    """The one thing that is known is who answered."""
    same = (
        "Then it was answered by 198.51.100.1:5060, and nothing that this side can see has changed."
    )
    assert told(unanswered()) == [same]


def test_changes_are_told_the_most_telling_first_and_few() -> None:
    """At most five, of which the address comes first."""
    wire = refused_call(403, headers={"Via": "SIP/2.0/UDP 192.0.2.10;received=203.0.113.50"})
    found = told(wire, EVERYTHING)
    assert found[:4] == [
        "Then 198.51.100.7:5060 answered, now 198.51.100.1:5060 was asked.",
        "They saw us at 203.0.113.7, now at 203.0.113.50.",
        "We sent from 192.0.2.77, now from 192.0.2.10.",
        "It went over TCP, now over UDP.",
    ]
    assert len(found) == 5


@pytest.mark.parametrize(
    ("wire", "past", "words"),
    [
        (
            refused_call(403, headers={"Server": "New"}),
            before(),
            'The answer came from "Edge 4.1", now from "New".',
        ),
        (
            Wire("INVITE").send("INVITE").receive(503, at=4.0),
            before(server=""),
            "The first answer took 40 ms, now 4 s.",
        ),
        (challenged(), before(refused_logins_since=2, server=""), "2 logins were refused since."),
        (
            answered_call().media(codec="PCMA"),
            before(codec="PCMU", server=""),
            "The codec was PCMU, now PCMA.",
        ),
        (
            Wire("REGISTER").add(
                NameLookup(
                    at=0.0, name="x", addresses=("198.51.100.1", "198.51.100.9"), error=None,
                    detail="", took_s=0.1,
                )
            ).send("REGISTER"),
            before(addresses=("198.51.100.1",)),
            "The name led to 198.51.100.1, now to 198.51.100.1, 198.51.100.9.",
        ),
    ],
)  # fmt: skip
def test_one_change(wire: Wire, past: Before, words: str) -> None:
    """Both values stand in the sentence."""
    assert told(wire, past) == [words]


def test_a_certificate_that_passed() -> None:
    """What is wrong with it now has its own cause; that it passed is history."""
    wire = Wire("REGISTER", transport="TLS").add(
        TransportChanged(
            at=0.1, transport="TLS", remote="198.51.100.1:5061", state="disconnected", error="",
            tls="", certificate=("expired",),
        )
    )  # fmt: skip
    past = before(transport="TLS", tls="TLSv1.3 X", remote="198.51.100.1:5061", server="")
    assert told(wire, past) == ["Then the certificate passed, now it does not."]


def test_evidence_says_it_once() -> None:
    """One piece of evidence, beside those of the trace."""
    why = explain(unanswered(), before=before(outcomes_since=("NOT_MET",)))
    found = [evidence for evidence in why.evidence if "good run" in evidence.says]
    assert len(found) == 1
    assert found[0].event is None
    assert "1 run was not met since" in found[0].says


def test_hostile_past_is_made_plain() -> None:
    """A stored Server may hold anything."""
    past = before(server='x"\x1b[31m' + "y" * 500)
    printed = " ".join(told(refused_call(403, headers={"Server": "New"}), past))
    assert printed.isprintable()
    assert len(printed) < 300


@pytest.mark.parametrize("story", CHANGED, ids=lambda story: story.name)
def test_history_never_proves(story: Story) -> None:
    """What a past adds is likely at most; only the trace itself makes certain."""
    past = story.facts.get("before")
    if past is None:
        return
    facts = {name: value for name, value in story.facts.items() if name != "before"}
    alone, together = explain(story.trace, **facts), explain(story.trace, **story.facts)
    certain = {c.id for c in together.causes if c.likelihood.value == "certain"}
    assert certain <= {c.id for c in alone.causes if c.likelihood.value == "certain"}


def test_look_at_a_call() -> None:
    """Who answered, from where, over what, how soon."""
    seen = look(refused_at("203.0.113.7").trace())
    assert (seen.remote, seen.local, seen.seen, seen.transport) == (
        "198.51.100.1:5060",
        "192.0.2.10:5060",
        "203.0.113.7",
        "UDP",
    )
    assert seen.answered_after_s == pytest.approx(0.01)
    nothing = look(Wire("INVITE").trace())
    assert (nothing.remote, nothing.local, nothing.answered_after_s) == ("", "", None)


@settings(max_examples=80, deadline=None)
@given(
    story=st.sampled_from(STORIES),
    remote=st.sampled_from(["", "198.51.100.1:5060", "198.51.100.9:5060", "[2001:db8::1]:5060"]),
    seen=st.sampled_from(["", "203.0.113.7"]),
    ago=st.integers(-5, 5000),
    refused=st.integers(0, 3),
)
def test_no_past_breaks_an_explanation(
    story: Story, remote: str, seen: str, ago: int, refused: int
) -> None:
    """Whatever was stored, every promise of an explanation is kept."""
    past = replace(
        GOOD,
        remote=remote,
        seen=seen,
        at=STARTED - timedelta(seconds=ago),
        refused_logins_since=refused,
    )
    why = explain(story.trace, **{**story.facts, "before": past})
    assert why.summary
    assert len(why.causes) <= 4
    if why.certainty.value == "certain":
        assert [reference.cause(c.id).identifiability for c in why.causes] == ["I"]
    printed = [why.summary, *why.observed, *why.next_steps, *(c.because for c in why.causes)]
    assert all(text.isprintable() for text in printed)
