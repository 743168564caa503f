"""The provider's own meanings come first, and are called what they are: a setting of ours."""

import pytest
from casebuilder import explain
from stories import after_login, challenged, unanswered
from wirebuilder import refused_call

from probe.diagnosis.explanation import Explanation
from probe.diagnosis.routing import Q850_CAUSES
from probe.reference import reference


def ids(why: Explanation) -> list[str]:
    """Return the ids of the causes in order."""
    return [cause.id for cause in why.causes]


def test_provider_is_said_to_be_configured() -> None:
    """Whoever answered, the provider is what our configuration says."""
    why = explain(refused_call(404), provider="sip.us")
    assert any("taken from the configuration" in text for text in why.inferred)
    assert any(text.startswith("SIP.US on 404") for text in why.inferred)
    assert why.reference is not None
    assert why.reference.provider == "SIP.US"
    assert why.next_steps[-1] == "`sipprobe explain 404 --provider sip.us` tells more."


def test_direction_changes_the_meaning() -> None:
    """404 on the way out is the number, on the way in our own routing."""
    assert ids(explain(refused_call(404), provider="sip.us"))[0] == "F072"
    why = explain(refused_call(404), provider="sip.us", direction="inbound")
    assert ids(why) == ["F089"]
    assert why.next_steps[-1].endswith("--inbound` tells more.")


def test_same_code_other_provider() -> None:
    """503 is credit or caller ID at one provider, and no route at another."""
    assert {"F061", "F082"} <= set(ids(explain(refused_call(503), provider="ictglobe"))[:3])
    assert ids(explain(refused_call(503), provider="ictglobe"))[0] != "F132"
    assert ids(explain(refused_call(503), provider="sip.us"))[0] == "F132"


def test_603_is_the_account_at_twilio() -> None:
    """603 of Twilio speaks of the account, not of a person."""
    why = explain(refused_call(603), provider="twilio")
    assert ids(why)[0] in {"F061", "F095"}
    assert "F061" in ids(why)[:2]


def test_suffix_in_the_phrase_decides() -> None:
    """Telnyx's D35 separates the caller ID from every other 403."""
    why = explain(refused_call(403, "Forbidden D35"), provider="telnyx")
    assert ids(why)[0] == "F082"
    assert why.certainty.value == "likely"


def test_position_overrules_the_provider() -> None:
    """SIP.US counts the password among the meanings of 403; before any login it cannot be."""
    before = ids(explain(refused_call(403), provider="sip.us"))
    assert before[0] == "F060"
    assert "F047" not in before
    after = ids(explain(challenged().receive(403), provider="sip.us"))
    assert after[0] == "F047"
    assert "F060" not in after


def test_password_of_a_call_at_a_provider_that_answers_403() -> None:
    """Twilio answers a wrong digest of a call with 403."""
    assert ids(explain(after_login(403), provider="twilio"))[0] == "F047"


def test_silence_has_a_meaning_at_some_providers() -> None:
    """Twilio drops what does not name its domain."""
    why = explain(unanswered("INVITE"), provider="twilio")
    assert "F032" in ids(why)
    assert any("silence" in text for text in why.inferred)


@pytest.mark.parametrize("name", ["nobody", "", "\x1b[31m"])
def test_unknown_provider_is_passed_over(name: str) -> None:
    """A provider without an entry changes nothing."""
    why = explain(refused_call(486), provider=name)
    assert ids(why)[0] == "F093"
    assert why.reference is not None
    assert why.reference.provider is None
    assert "--provider" not in why.next_steps[-1]


def test_cause_of_the_telephone_network_is_taken_with_care() -> None:
    """The usual pair of code and Q.850 cause may be the gateway's own."""
    usual = explain(refused_call(404, headers={"Reason": "Q.850;cause=1"}))
    assert any("usual pair" in text for text in usual.unknown)
    other = explain(refused_call(503, headers={"Reason": 'Q.850;cause=1;text="no"'}))
    assert ids(other)[0] == "F072"
    assert not any("usual pair" in text for text in other.unknown)


@pytest.mark.parametrize("number", [16, 31])
def test_normal_clearing_says_nothing(number: int) -> None:
    """Causes 16 and 31 do not say why."""
    with_it = explain(refused_call(480, headers={"Reason": f"Q.850;cause={number}"}))
    assert ids(with_it) == ids(explain(refused_call(480)))


def test_every_cause_of_the_q850_table_is_announced() -> None:
    """The rule's list, written out for speed, holds whatever the table can point to."""
    pointed = {cause for entry in reference.q850_causes() for cause in entry.causes}
    assert pointed <= set(Q850_CAUSES)
