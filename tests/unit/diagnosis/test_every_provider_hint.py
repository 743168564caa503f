"""Every mark that a provider's page speaks of is read, and nothing is claimed without it."""

import re

import pytest
from casebuilder import case, explain
from hypothesis import given, settings
from hypothesis import strategies as st
from wirebuilder import ANSWER, OFFER, Wire, refused_call

from probe.diagnosis.explanation import Explanation
from probe.diagnosis.quote import visible
from probe.diagnosis.whose import Origin
from probe.reference import reference
from probe.reference.reference import ANY, Direction, Meaning
from probe.trace.trace import MessageEvent

HINTED = [m for p in reference.providers() for m in p.meanings if m.hint is not None]
ANY_CODE = 500
"""A code under which nothing else is said, for meanings that hold for any."""

ASCII = st.characters(min_codepoint=32, max_codepoint=126)
"""What a phrase of these tests is made of."""


def gives_away(meaning: Meaning) -> bool:
    """Whether the hint is its provider's alone; a number of Microsoft's if it has six digits."""
    if meaning.provider == "Microsoft Teams Direct Routing":
        return bool(meaning.causes) and meaning.subject != ANY and meaning.header[1] != r"\b1106\b"
    return bool(meaning.suffixes) or (
        meaning.header is not None and meaning.provider in {"Plivo", "Twilio"}
    )


def named(meaning: Meaning) -> str:
    """Return a name for a test case."""
    return f"{meaning.provider} {meaning.subject} {meaning.hint}"


def wire(meaning: Meaning, phrase: str, headers: dict[str, str]) -> Wire:
    """Return the wire of a refusal, or of a call that they hang up."""
    if meaning.subject == "BYE":
        return (
            Wire("INVITE")
            .send("INVITE", body=OFFER)
            .receive(200, at=1.0, body=ANSWER)
            .send("ACK")
            .request("BYE", at=1.5, headers=headers)
            .reply(200)
        )
    status = meaning.subject if isinstance(meaning.subject, int) else ANY_CODE
    if meaning.direction is Direction.REGISTER:
        return Wire("REGISTER").send("REGISTER").receive(status, phrase, headers=headers)
    return refused_call(status, phrase, headers)


def facts(meaning: Meaning) -> dict[str, object]:
    """Return what else the case needs: the direction, and that the end was not as wanted."""
    found: dict[str, object] = {}
    if meaning.direction is not None:
        found["direction"] = meaning.direction.value
    if meaning.subject == "BYE":
        found["unmet"] = (("expect.call", "our BYE", "their BYE"),)
    return found


@st.composite
def carriers(draw: st.DrawFn, meaning: Meaning) -> tuple[str, dict[str, str]]:
    """Return a phrase and header fields that carry the hint of a meaning."""
    printable = st.characters(min_codepoint=33, max_codepoint=126)
    phrase, headers = "Refused", {}
    if meaning.phrase is not None:
        phrase = draw(st.from_regex(rf"(?i:{meaning.phrase})", fullmatch=True, alphabet=ASCII))
    if meaning.suffixes:
        phrase = f"Refused {draw(st.sampled_from(meaning.suffixes))}"
    if meaning.header is not None:
        name, pattern = meaning.header
        text = draw(st.from_regex(pattern, fullmatch=True, alphabet=printable))
        protocol = "" if text.startswith("Q.850") or name != "Reason" else "SIP;cause=500;text="
        headers[name] = f"{protocol}{text}"
    return phrase, headers


def said(why: Explanation) -> str:
    """Return what is inferred, and why each cause is a candidate."""
    return "\n".join((*why.inferred, *(cause.because for cause in why.causes)))


def assert_quoted(one: Wire, why: Explanation) -> None:
    """Assert that each event that is cited holds what is quoted from it."""
    events = one.trace().events
    assert why.evidence
    for evidence in why.evidence:
        if evidence.event is not None:
            event = events[evidence.event]
            assert isinstance(event, MessageEvent)
            for quotation in re.findall(r'"([^"]*)"', evidence.says):
                assert quotation in visible(event.text)


@pytest.mark.parametrize("meaning", HINTED, ids=named)
@settings(max_examples=3)
@given(data=st.data())
def test_hint_is_explained_by_the_page(meaning: Meaning, data: st.DataObject) -> None:
    """What carries the hint is explained with the cause that the provider's page names."""
    phrase, headers = data.draw(carriers(meaning))
    one = wire(meaning, phrase, headers)
    why = explain(one, provider=meaning.provider, **facts(meaning))
    assert meaning.text in said(why)
    assert any("taken from the configuration" in text for text in why.inferred)
    if meaning.causes:
        assert why.causes[0].id in meaning.causes, [c.id for c in why.causes]
        assert meaning.text in why.summary or why.certainty.value != "undecided"
    assert_quoted(one, why)


@pytest.mark.parametrize("meaning", HINTED, ids=named)
def test_same_code_without_the_hint_is_not_claimed(meaning: Meaning) -> None:
    """Without the hint, the meaning that needs it is not said, whoever is configured."""
    one = wire(meaning, "Refused", {})
    assert meaning.text not in said(explain(one, provider=meaning.provider, **facts(meaning)))
    assert meaning.text not in said(explain(one, **facts(meaning)))


@pytest.mark.parametrize("meaning", [m for m in HINTED if gives_away(m)], ids=named)
@settings(max_examples=3)
@given(data=st.data())
def test_own_hint_needs_no_configuration(meaning: Meaning, data: st.DataObject) -> None:
    """A hint that is the provider's alone gives it away, and is never certain for that."""
    phrase, headers = data.draw(carriers(meaning))
    one = wire(meaning, phrase, headers)
    found = case(one, **facts(meaning)).whose
    assert found.provider is not None
    assert (found.provider.name, found.origin) == (meaning.provider, Origin.ANSWERS)
    why = explain(one, **facts(meaning))
    assert meaning.text in said(why)
    assert any("recognised from the answers" in text for text in why.inferred)
    if why.certainty.value == "certain":  # then the code alone proves it, as 405 does
        assert explain(wire(meaning, "Refused", {}), **facts(meaning)).certainty is why.certainty
    if meaning.causes:
        assert why.causes[0].id in meaning.causes
    assert found.evidence[0] in why.evidence
    assert_quoted(one, why)
    cited = one.trace().events[found.evidence[0].event]
    for quotation in re.findall(r'"([^"]*)"', found.how):
        assert quotation in visible(cited.text)
