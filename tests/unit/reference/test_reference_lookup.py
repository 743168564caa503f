"""Look-ups answer for anything that the wire or a user may bring."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.reference import reference as ref
from probe.reference.reference import Direction, Retry, UnknownSubjectError


def texts(found: tuple[ref.Meaning, ...], provider: str | None = None) -> list[str]:
    """Texts of the meanings of one provider, or of the general ones."""
    return [meaning.text for meaning in found if meaning.provider == provider]


@given(st.integers(min_value=-10, max_value=100_000))
def test_any_number_has_an_answer(code: int) -> None:
    """No status code, however odd, breaks the look-up."""
    entry = ref.response(code)
    assert entry.code == code
    assert entry.meaning
    assert entry.registered or "not a registered code" in entry.meaning


@pytest.mark.parametrize(
    ("code", "instead"),
    [(101, 183), (299, 200), (399, 300), (431, 400), (409, 400), (599, 500), (699, 600)],
)
def test_unknown_code_is_treated_as_its_class(code: int, instead: int) -> None:
    """RFC 3261 §8.1.3.2: x00 of the class, and 183 for a provisional one."""
    assert ref.response(code).treated_as == instead


@pytest.mark.parametrize("code", [-1, 0, 99, 700, 4294967301])
def test_number_outside_sip_is_no_response(code: int) -> None:
    """A number outside 100 to 699 has no class to fall back on."""
    entry = ref.response(code)
    assert entry.treated_as is None
    assert entry.response_class is None
    assert not entry.registered


def test_unknown_code_takes_the_advice_of_its_class() -> None:
    """What a client may do with 599 is what it may do with 500."""
    assert ref.response(599).retry is ref.response(500).retry is Retry.LATER
    assert ref.response(799).retry is Retry.NO


def test_values_are_read_once() -> None:
    """The same question gives the same value, not a second reading of the file."""
    assert ref.response(403) is ref.response(403)
    assert ref.provider("sip.us") is ref.provider("SIP-US")


@pytest.mark.parametrize("name", ["4xx", "4XX", " 400-499 "])
def test_class_goes_by_short_name_and_range(name: str) -> None:
    """4xx and 400-499 are one class."""
    kind = ref.response_class(name)
    assert kind is not None
    assert kind.title == "Request Failure"


@pytest.mark.parametrize("name", ["7xx", "400-599", "4x", ""])
def test_other_words_are_no_class(name: str) -> None:
    """A word that only looks like a class is none."""
    assert ref.response_class(name) is None


def test_names_go_by_any_case() -> None:
    """Methods and headers are found however they are written."""
    method, header = ref.method(" invite "), ref.header("RETRY-after")
    assert method is not None
    assert method.name == "INVITE"
    assert header is not None
    assert header.name == "Retry-After"


def test_unknown_names_have_no_entry() -> None:
    """A method, header or provider that the reference lacks is None, not an error."""
    assert ref.method("FETCH") is None
    assert ref.header("X-Nothing") is None
    assert ref.provider("nobody telecom") is None
    assert ref.provider("...") is None


def test_unknown_cause_id_raises_with_near_ids() -> None:
    """A cause id is our own, so a wrong one is a fault and says what is near."""
    with pytest.raises(UnknownSubjectError, match="F1800") as caught:
        ref.cause("F1800")
    assert "F180" in caught.value.nearest


def test_cause_goes_by_any_case() -> None:
    """A cause is found as the user types it."""
    assert ref.cause(" f047 ").name == "Wrong password"


def test_error_carries_no_control_characters_and_is_short() -> None:
    """What was asked for may come from outside and is shown on a terminal."""
    error = UnknownSubjectError("\x1b[31m" + "x" * 1000)
    assert "\x1b" not in str(error)
    assert len(str(error)) < 100


def test_q850_cause_without_a_name_has_the_default_mapping() -> None:
    """RFC 3398 §7.2.4.1 sends an unlisted cause to 500."""
    entry = ref.q850(120)
    assert (entry.named, entry.sip) == (False, 500)


@pytest.mark.parametrize("number", [-1, 0, 128])
def test_number_outside_q850_maps_to_nothing(number: int) -> None:
    """A cause value has seven bits and is not zero."""
    entry = ref.q850(number)
    assert (entry.named, entry.sip) == (False, None)


def test_undefined_warn_code_is_placed_by_its_range() -> None:
    """RFC 3261 §20.43 reserves ranges for what no RFC has defined yet."""
    assert "network services" in ref.warning(335).meaning
    assert not ref.warning(335).registered
    assert ref.warning(110).defined_in == "no RFC"


def test_providers_own_meanings_come_first() -> None:
    """What the provider says goes before what the RFC says."""
    found = ref.meanings(403, provider="sip.us")
    assert found[0].provider == "SIP.US"
    assert found[-1].provider is None


def test_without_provider_only_the_general_meanings_are_given() -> None:
    """No provider's meaning is taken for a general one."""
    assert {meaning.provider for meaning in ref.meanings(403)} == {None}


def test_other_direction_is_left_out() -> None:
    """A 404 to our own call is not explained by our own routing."""
    ways = {m.direction for m in ref.meanings(404, direction=Direction.OUTBOUND, provider="sip.us")}
    assert ways == {None, Direction.OUTBOUND}


def test_method_has_meanings_by_direction() -> None:
    """ACK says another thing on a call we place than on one we take."""
    (own,) = texts(ref.meanings("ack", direction=Direction.INBOUND, provider="sip.us"), "SIP.US")
    assert "now knows that the call is active" in own


def test_word_that_nobody_explains_has_no_meanings() -> None:
    """A word that is neither method nor symptom gives an empty answer."""
    assert ref.meanings("teapot") == ()


def test_unknown_provider_raises_with_near_names() -> None:
    """A misspelt provider is not passed over in silence."""
    with pytest.raises(UnknownSubjectError) as caught:
        ref.meanings(403, provider="telnix")
    assert caught.value.nearest[0] == "Telnyx"


def test_suffix_of_the_phrase_chooses_the_meaning() -> None:
    """Telnyx's token decides; the other meanings of its 403 are contradicted."""
    found = ref.meanings(403, provider="telnyx", phrase="Caller Origination Number Invalid D35")
    assert texts(found, "Telnyx") == [
        "The caller ID is invalid, belongs to another customer, or is not verified."
    ]


def test_suffix_must_be_a_whole_token() -> None:
    """D3 is not read out of D35, nor R14 out of R147."""
    found = ref.meanings(403, provider="telnyx", phrase="Forbidden XD3 R147")
    assert texts(found, "Telnyx") == []


def test_suffix_without_a_code_of_its_own_holds_for_any_code() -> None:
    """Telnyx's D60 is understood whatever code it comes with."""
    found = ref.meanings(480, provider="telnyx", phrase="Unavailable D60")
    assert "order or porting is not finished" in texts(found, "Telnyx")[0]
    assert texts(ref.meanings(480, provider="telnyx", phrase="Unavailable"), "Telnyx") == []


def test_phrase_that_bears_a_meaning_out_puts_it_first() -> None:
    """Twilio's phrase puts the caller ID before the causes that have no phrase."""
    found = ref.meanings(403, provider="twilio", phrase="Invalid Caller ID")
    assert "not owned" in texts(found, "Twilio")[0]
    assert len(texts(found, "Twilio")) == 3


def test_without_a_phrase_nothing_is_contradicted() -> None:
    """When the phrase is not known, every meaning of the code remains."""
    assert len(texts(ref.meanings(503, provider="connexcs"), "ConnexCS")) == 4


def test_header_chooses_the_meaning() -> None:
    """Plivo's hang-up code tells credentials from caller ID inside one 403."""
    found = ref.meanings(403, provider="plivo", headers={"x-zt-hangup-code": "4130"})
    assert texts(found, "Plivo") == [
        "4130, 4140, 4190, 4200: the caller ID is refused or on a do-not-originate list."
    ]


def test_header_that_comes_twice_is_read_twice() -> None:
    """The first Reason is the telephone network's, the second Microsoft's."""
    fields = (("Reason", "Q.850;cause=1"), ("Reason", 'SIP;cause=404;text="511404"'))
    found = ref.meanings(404, provider="teams", phrase="Not Found", headers=fields)
    assert "511404: the number's format." in texts(found, "Microsoft Teams Direct Routing")


def test_absent_header_contradicts_a_meaning_that_needs_it() -> None:
    """Without Plivo's header its header meanings say nothing."""
    assert texts(ref.meanings(403, provider="plivo", headers={"Via": "x"}), "Plivo") == []


def test_header_value_is_read_to_a_limit() -> None:
    """A huge hostile header is not searched to its end."""
    value = "x" * 10_000 + " v=analytics1"
    found = ref.meanings(603, provider="bandwidth", phrase="Decline", headers={"Reason": value})
    assert texts(found, "Bandwidth") == []


def test_hint_says_what_to_look_for() -> None:
    """Each hint can be read: a phrase, a token, a header, or none."""
    hints = {m.hint for p in ref.providers() for m in p.meanings}
    assert None in hints
    assert "phrase says funds required" in hints
    assert "phrase carries D4 or D5 or D56" in hints
    assert "X-ZT-Hangup-Code says 3030 or 4030" in hints
    assert any(hint and "no international authori[sz]ation”" in hint for hint in hints)


def test_providers_that_give_a_code_a_meaning() -> None:
    """603 has a meaning of its own with some providers, 493 with none."""
    names = [provider.name for provider in ref.providers_that_say(603)]
    assert {"SIP.US", "Twilio", "PhoneIQ"} <= set(names)
    assert ref.providers_that_say(493) == ()
    assert {p.name for p in ref.providers_that_say("ack")} == {"SIP.US"}


def test_suggestions_are_words_that_explain_takes() -> None:
    """A misspelt word leads to the near one."""
    assert "INVITE" in ref.suggest("INVIT")
    assert "header:Retry-After" in ref.suggest("header:retry-afer")
    assert ref.suggest("zzzzzzzz") == ()
