"""What `explain` prints for each kind of word."""

import re

import pytest

from probe.reference.explain import UnknownSubjectError, explain
from probe.reference.reference import Direction
from probe.reference.spelling import vocabulary


def page(subject: str, provider: str | None = None, direction: Direction | None = None) -> str:
    """Explain a subject as one line, so that wrapping does not hide words."""
    return re.sub(r"\s+", " ", explain(subject, provider=provider, direction=direction))


def every_subject() -> list[str]:
    """Every word that the reference offers."""
    return list(vocabulary())


@pytest.mark.parametrize("subject", every_subject())
def test_every_word_of_the_reference_is_explained(subject: str) -> None:
    """Nothing is offered that cannot be shown, and no line is too wide or empty-ended."""
    text = explain(subject)
    assert text.endswith("\n")
    for line in text.splitlines():
        assert len(line) <= 88
        assert line == line.rstrip()
        assert line.isprintable()


@pytest.mark.parametrize("width", [40, 72, 200])
def test_width_is_kept(width: int) -> None:
    """Text is wrapped to the columns there are."""
    assert max(map(len, explain("403", width=width).splitlines())) <= width


def test_width_has_a_lower_bound() -> None:
    """A terminal of one column does not break the page."""
    assert explain("403", width=1) == explain("403", width=40)


def test_code_shows_name_section_class_and_retry() -> None:
    """403: what it is, where it is defined, whether to repeat it."""
    text = page("403")
    assert text.startswith("403 Forbidden")
    for part in ("RFC 3261 §21.4.4", "4xx Request Failure", "no; the same request fails again"):
        assert part in text


def test_code_shows_directions_causes_and_headers() -> None:
    """503: the three directions, the root causes, the headers to read."""
    text = page("503")
    for part in ("[when we register]", "[when we call]", "[when we are called]"):
        assert part in text
    assert "F130 " in text
    assert "Header fields worth reading with it: Retry-After" in text


def test_code_names_the_providers_that_differ() -> None:
    """Without a provider, those with a meaning of their own are named."""
    text = page("603")
    assert "Providers that give it a meaning of their own (--provider)" in text
    assert "Twilio" in text


def test_code_that_no_provider_explains_names_none() -> None:
    """No empty list of providers is printed."""
    assert "--provider" not in page("493")


def test_providers_meaning_has_source_and_date() -> None:
    """A provider's meaning says which page says so, and of when."""
    text = page("403", "sip.us")
    assert "What SIP.US says:" in text
    assert "Source: SIP.US Support: common SIP error codes, 2026-11" in text
    assert "--provider" not in text


def test_provider_that_says_nothing_is_told() -> None:
    """Silence of a provider is said, not passed over."""
    assert "VoIP.ms says nothing of its own about it" in page("403", "voip.ms")
    assert "SIP.US says nothing of its own about it" in page("BYE", "sip.us")


def test_direction_leaves_the_others_out() -> None:
    """486 of an inbound call is not explained by carriers."""
    text = page("486", "sip.us", Direction.INBOUND)
    assert "by its carrier" not in text
    assert "[when we call]" not in text
    assert "by Do Not Disturb" in text


def test_causes_of_the_provider_come_first() -> None:
    """Twilio's 603 points to the account before the callee."""
    text = page("603", "twilio")
    assert text.index("F061 ") < text.index("F095 ")


def test_unregistered_code_says_so_and_what_to_treat_it_as() -> None:
    """499 is nobody's, 477 is Kamailio's; both are treated as 400."""
    assert "not a registered code" in page("499")
    assert "Treat as 400 Bad Request" in page("499")
    assert "not a registered code; seen with Kamailio" in page("477")
    assert "Treat as 183 Session Progress" in page("147")


def test_number_that_is_no_response_is_explained_too() -> None:
    """9999 is no SIP response, and the page says why."""
    assert "cannot be one" in page("9999")


def test_class_shows_range_examples_and_members() -> None:
    """4xx: its range, examples, correction and every registered code."""
    text = page("400-499")
    assert "400 to 499" in text
    assert "Often called local failure" in text
    assert "499" not in text.split("All registered codes")[1]
    assert "Final no, another response follows" in page("1xx")


def test_method_shows_charge_disturbance_and_usual_responses() -> None:
    """INVITE may cost and rings; ACK is never answered."""
    text = page("invite")
    assert "Rings somebody's phone" in text
    assert "180 Ringing" in text
    assert "Usual" not in page("ACK")


def test_q850_shows_both_mappings_and_products_that_differ() -> None:
    """q850:34 becomes 503; q850:21 becomes 603 in FreeSWITCH."""
    assert "To SIP 503 Service Unavailable (RFC 3398 §7.2.4.1)" in page("q850:34")
    assert "Asterisk turns 503 into it" in page("q850:34")
    assert "FreeSWITCH turns it into 603" in page("Q850:21")
    assert "From SIP 401 Unauthorized" in page("q.850:21")
    assert "To SIP no response" in page("q850:16")
    assert "no name in this reference" in page("q850:120")


def test_warning_shows_meaning() -> None:
    """warning:304 is a media type; warning:335 is not defined and placed by range."""
    assert "Media type not available" in page("warning:304")
    assert "not a defined warn-code" in page("warning:335")


def test_header_shows_what_it_tells_and_where() -> None:
    """A header is found with its prefix and by its bare name."""
    assert page("header:retry-after") == page("Retry-After")
    assert "503 Service Unavailable" in page("Retry-After")


def test_header_shows_what_the_provider_says_in_it() -> None:
    """Microsoft's subcodes are listed under Reason when Teams is chosen."""
    assert "560xxx: the customer's own SBC" in page("Reason", "teams")
    assert "What SIP.US says in it" not in page("Reason", "sip.us")


def test_cause_shows_trace_fix_look_alikes_and_codes() -> None:
    """F047: what it looks like, what else looks so, which codes show it."""
    text = page("f47")
    assert text.startswith("F047 Wrong password")
    for part in ("In trace", "Fix", "What looks like it:", "401 Unauthorized", "Telnyx: 403"):
        assert part in text


def test_cause_shows_the_question_and_the_control() -> None:
    """A cause that only the provider knows has a question, a confirmable one a control."""
    assert "Ask " in page("F061")
    assert "only the other side knows" in page("F061")
    assert "Control " in page("F006")


def test_lack_of_credit_shows_the_code_of_each_provider() -> None:
    """One cause, another code at each provider: the table that a list of codes gets wrong."""
    text = page("F061")
    for part in ("Plivo: 402", "SIP.US: 403", "Telnyx: 404 (phrase carries D19)", "Twilio: 603"):
        assert part in text


def test_provider_shows_requirements_and_doubt() -> None:
    """What the provider's page says is told apart from common practice."""
    text = page("provider:twilio")
    assert "transport: UDP, TCP or TLS (common practice, confirm in its portal)" in text
    assert "number format: +E.164 Source: Twilio docs: sip-trunking/troubleshooting" in text
    assert page("twilio") == text


def test_provider_by_direction_shows_that_direction() -> None:
    """Only what concerns the direction is listed."""
    text = page("provider:twilio", direction=Direction.REGISTER)
    assert "603:" not in text
    assert "415" not in text


def test_provider_with_nothing_to_say_shows_its_note() -> None:
    """VoIP.ms has no page, and the reference says so."""
    text = page("provider:voip.ms")
    assert "Nothing found" in text
    assert "Its own meanings" not in text


def test_symptom_is_shown_for_one_provider_or_all() -> None:
    """Silence is an answer too: one provider's, or every one that speaks of it."""
    own = page("silence", "twilio")
    assert "What Twilio says:" in own
    assert "What BAS-IP says:" not in own
    everyone = page("silence")
    assert "What Twilio says:" in everyone
    assert "What BAS-IP says:" in everyone


@pytest.mark.parametrize(
    "subject",
    ["teapot", "F999", "q850:", "q850:x", "warning:30", "header:X-No", "nonsense:403", "", "٤٠٣"],
)
def test_unknown_word_raises(subject: str) -> None:
    """What the reference does not hold is refused, as a LookupError."""
    with pytest.raises(LookupError):
        explain(subject)


def test_unknown_word_comes_with_near_ones() -> None:
    """A slip of the finger is met with the word that was meant."""
    with pytest.raises(UnknownSubjectError, match="did you mean INVITE"):
        explain("INVTE")
    with pytest.raises(UnknownSubjectError, match="Telnyx"):
        explain("403", provider="telnix")
    with pytest.raises(UnknownSubjectError, match="Telnyx"):
        explain("provider:telnix")


def test_provider_shows_what_gives_it_away() -> None:
    """Each mark is told with its page, and with the code that it must stand beside."""
    said = " ".join(explain("provider:didww").split())
    assert "a host name within didww.com Source: doc.didww.com: outbound SIP information" in said
    assert "the realm out.didww.com" in said
    said = " ".join(explain("provider:teams").split())
    assert "“\\b(511404)\\b” with 404" in said
    assert "Server or User-Agent that matches" in said
    telnyx = " ".join(explain("provider:telnyx").split())
    assert telnyx.count("a phrase that ends, with its code, in a suffix listed below") == 1
