"""Each situation gets its cause, and look-alikes do not."""

import re

import pytest
from casebuilder import case, explain
from stories import STORIES as WITHOUT_A_PAST
from stories import Story
from stories_asked import ASKED
from stories_called import CALLED
from stories_changed import CHANGED
from stories_reach import REACH
from stories_samerun import SAME_RUN
from stories_sound import SOUND
from stories_subscriptions import SUBSCRIPTIONS

from probe.diagnosis.case import Case
from probe.diagnosis.diagnose import RULES
from probe.diagnosis.explanation import Explanation
from probe.diagnosis.quote import visible
from probe.diagnosis.rule import Rule
from probe.reference import reference
from probe.trace.trace import MessageEvent

STORIES = (
    *WITHOUT_A_PAST,
    *CHANGED,
    *SAME_RUN,
    *SOUND,
    *ASKED,
    *REACH,
    *SUBSCRIPTIONS,
    *CALLED,
)
CERTAINTIES = {"certain", "likely", "undecided"}
every_story = pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)


def texts(why: Explanation) -> str:
    """Return everything that an explanation prints."""
    return "\n".join(
        (
            why.summary,
            *why.observed,
            *why.inferred,
            *(e.says for e in why.evidence),
            *why.unknown,
            *why.next_steps,
            *(c.because for c in why.causes),
        )
    )


_CASES: dict[int, Case] = {}
_TOLD: dict[int, Explanation] = {}


def case_of(story: Story) -> Case:
    """Return the case of a story, made once: a diagnosis, too, shows one case to all rules."""
    if id(story) not in _CASES:
        _CASES[id(story)] = case(story.trace, **story.facts)
    return _CASES[id(story)]


def told(story: Story) -> Explanation:
    """Return the explanation of a story; every promise is held against the same one."""
    if id(story) not in _TOLD:
        _TOLD[id(story)] = explain(story.trace, **story.facts)
    return _TOLD[id(story)]


@every_story
def test_cause_comes_first(story: Story) -> None:
    """The situation's own cause leads, with no more certainty than the evidence gives."""
    why = told(story)
    named = [cause.id for cause in why.causes]
    assert (named[:1], why.certainty.value) == (
        [] if story.cause is None else [story.cause],
        story.certainty,
    )
    assert set(story.also) <= set(named)


@every_story
def test_look_alikes_are_not_named(story: Story) -> None:
    """What only looks alike is no candidate."""
    assert not set(story.never) & {cause.id for cause in told(story).causes}


@every_story
def test_words_of_the_situation_are_said(story: Story) -> None:
    """Summary and steps say what a reader needs."""
    why = told(story)
    said = " ".join((why.summary, *why.next_steps))
    assert [word for word in story.says if word.lower() not in said.lower()] == []


@every_story
def test_certainty_is_of_one_provable_cause(story: Story) -> None:
    """Certain means one cause of class I; never more than four candidates."""
    why = told(story)
    assert len(why.causes) <= 4
    assert len({cause.id for cause in why.causes}) == len(why.causes)
    if why.certainty.value == "certain":
        assert len(why.causes) == 1
        assert reference.cause(why.causes[0].id).identifiability == "I"
    if why.causes:
        assert why.certainty is why.causes[0].likelihood


@every_story
def test_undecided_asks_one_question_or_names_a_test(story: Story) -> None:
    """Where only the other side knows, there is a question or a control to run."""
    why = told(story)
    if why.certainty.value != "certain" and why.causes:
        classes = {reference.cause(c.id).identifiability for c in why.causes}
        asked = [s for s in why.next_steps if s.startswith(("Ask ", "To be sure: "))]
        assert bool(asked) or classes == {"I"} or why.causes[0].id in {"F074", "F120"}
        assert sum(s.startswith("Ask ") and s.endswith("?") for s in why.next_steps) <= 1


@every_story
def test_evidence_can_be_found(story: Story) -> None:
    """Each index exists, and what is quoted from a message stands in that message."""
    events = story.trace.events
    for evidence in told(story).evidence:
        if evidence.event is None:
            continue
        event = events[evidence.event]
        if isinstance(event, MessageEvent):
            for quotation in re.findall(r'"([^"]*)"', evidence.says):
                assert quotation in visible(event.text)


@every_story
def test_no_code_that_nobody_sent(story: Story) -> None:
    """Where no response arrived, no text shows the stack's own code."""
    one = case_of(story)
    why = told(story)
    if one.failure is not None and one.reply is None:
        assert why.reference is None
        arrived = {str(r.status) for r in story.trace.responses(challenges=True)}
        shown = set(re.findall(r"\b[1-6]\d\d\b", f"{why.summary} {' '.join(why.observed)}"))
        assert shown & {"408", "502", "503", "487", "415", "406", "488"} <= arrived


@every_story
def test_no_secret_and_no_control_character(story: Story) -> None:
    """Nothing that is printed holds a password, a digest, a nonce or an escape sequence."""
    printed = texts(told(story))
    assert all(character.isprintable() or character == "\n" for character in printed)
    for secret in ("s3cret", "0123456789abcdef", "nonce-1", "c0ffee"):
        assert secret not in printed


@every_story
def test_a_class_that_only_they_know_is_never_certain(story: Story) -> None:
    """Causes of class N and C are likely at most."""
    for cause in told(story).causes:
        if reference.cause(cause.id).identifiability != "I":
            assert cause.likelihood.value != "certain"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_is_met_and_not_met(rule: Rule) -> None:
    """A rule that no story meets is not tested; one that every story meets says nothing."""
    met = [bool(list(rule.find(case_of(story)))) for story in STORIES]
    assert any(met)
    assert not all(met)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_rules_name_only_what_they_announce(rule: Rule) -> None:
    """A rule names causes of its own list, and each exists."""
    for story in STORIES:
        for hypothesis in rule.find(case_of(story)):
            assert hypothesis.cause in rule.causes
    for cause in rule.causes:
        assert reference.cause(cause)


def test_rule_names_are_unique() -> None:
    """A rule is found by its name."""
    names = [rule.name for rule in RULES]
    assert sorted(set(names)) == sorted(names)
