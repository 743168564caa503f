"""Who blocked a call and where to object is read from 603+ and 608, and cleaned."""

import base64
import json
import re

import pytest
from casebuilder import explain
from hypothesis import given
from hypothesis import strategies as st
from wirebuilder import refused_call

from probe.diagnosis.quote import visible
from probe.diagnosis.redress import LOCATIONS, Redress, of_analytics, of_call_info

CARD = [
    "vcard",
    [
        ["version", {}, "text", "4.0"],
        ["fn", {}, "text", "Robocall desk"],
        ["org", {}, "text", "Acme Analytics"],
        ["tel", {"type": "work"}, "uri", "tel:+1-202-555-0142"],
        ["email", {}, "text", "redress@acme.example"],
        ["url", {}, "uri", "https://acme.example/redress?id=7"],
    ],
]


def b64(value: object) -> str:
    """Return JSON as base64url without padding, as JWS writes it."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def jws(payload: object) -> str:
    """Return a JWS whose signature nobody checks."""
    return f"{b64({'alg': 'ES256'})}.{b64(payload)}.c2lnbmF0dXJl"


def call_info(body: str, kind: str = "application/jose", purpose: str = "jwscard") -> str:
    """Return a Call-Info value that brings a card along."""
    return f"<data:{kind},{body}>;purpose={purpose}"


def test_603_plus_says_where_to_object() -> None:
    """Page, number, address and reference of the Reason text become the first step."""
    text = (
        "v=analytics1;url=https://label.example/o?x=1;tel=+1-202-555-0199;email=a@b.example;id=Q7"
    )
    reason = f'SIP;cause=603;text="{text}";location=LN'
    why = explain(refused_call(603, "Network Blocked", {"Reason": reason}))
    assert (why.causes[0].id, why.certainty.value) == ("F096", "certain")
    assert why.next_steps[0] == (
        "Object where the answer says: page https://label.example/o?x=1, "
        "telephone +1-202-555-0199, e-mail a@b.example, and quote Q7. "
        "This contact came with the answer; nobody has checked it."
    )
    assert "the public network that serves the local user (RFC 8606)" in why.causes[0].because


def test_603_plus_without_a_contact_says_so() -> None:
    """The form wants a contact; one without is still a block."""
    reason = 'SIP;cause=603;text="v=analytics1;id=7"'
    why = explain(refused_call(603, "Network Blocked", {"Reason": reason}))
    assert why.next_steps[0].startswith("The answer gives no contact, although 603+ requires one.")


def test_phrase_in_the_reason_text_is_no_phrase() -> None:
    """Both marks means the status line and the Reason; one field with both words is one mark."""
    reason = 'SIP;cause=603;text="v=analytics1;url=https://a.example;note=network blocked"'
    why = explain(refused_call(603, "Decline", {"Reason": reason}))
    assert (why.causes[0].id, why.certainty.value) == ("F096", "likely")


@pytest.mark.parametrize("location", [*LOCATIONS, "ZZ"])
def test_location_is_said_in_words(location: str) -> None:
    """Each location of RFC 8606 has its words, any other none."""
    reason = f'SIP;cause=603;text="v=analytics1;tel=+12025550199";location={location}'
    why = explain(refused_call(603, "Network Blocked", {"Reason": reason}))
    assert ("RFC 8606" in why.causes[0].because) is (location != "ZZ")


@pytest.mark.parametrize(
    "value",
    [
        call_info(jws({"iat": 1, "jcard": CARD})),
        call_info(
            base64.b64encode(jws({"jcard": CARD}).encode()).decode(), "application/jose;base64"
        ),
        call_info(b64(CARD), "application/vcard+json;base64", "jcard"),
        "<https://other.example/icon.png>;purpose=icon, " + call_info(jws({"jcard": CARD})),
    ],
)
def test_608_card_is_read(value: str) -> None:
    """A card that came along is read, signed or not, and its signature is said to be unchecked."""
    why = explain(refused_call(608, "Rejected", {"Call-Info": value}))
    assert (why.causes[0].id, why.certainty.value) == ("F097", "certain")
    assert "They call themselves: Acme Analytics." in why.summary
    assert why.next_steps[0].startswith(
        "Object where the answer says: telephone +1-202-555-0142, e-mail redress@acme.example, "
        "page https://acme.example/redress?id=7. "
    )
    assert any("signature was not checked" in text for text in why.unknown)


def test_608_card_elsewhere_is_not_fetched() -> None:
    """A card at an address is named, and left where it is."""
    value = "<https://redress.example/card>;purpose=jwscard"
    why = explain(refused_call(608, "Rejected", {"Call-Info": value}))
    assert "the card at https://redress.example/card, which was not fetched" in why.next_steps[0]
    assert [e.event for e in why.evidence if "Call-Info" in e.says] == [2]


@pytest.mark.parametrize(
    "value",
    [
        "",
        "<>;purpose=jwscard",
        "https://redress.example/card;purpose=jwscard",
        "<https://redress.example/card>",
        "<https://redress.example/card>;purpose=icon",
        "<ftp://redress.example/card>;purpose=jwscard",
        "<javascript:alert(1)>;purpose=jwscard",
        "<data:application/jose>;purpose=jwscard",
        call_info("a.b.c"),
        call_info(jws({"jcard": 7})),
        call_info(jws({"jcard": ["vcard", 7]})),
        call_info(jws(["vcard", [7, [], ["fn"], ["fn", {}, "text", 7]]])),
        call_info("[" * 5000, "application/vcard+json", "jcard"),
        call_info("%00%ff%ff", "application/vcard+json;base64", "jcard"),
    ],
)
def test_608_without_a_usable_card_says_so(value: str) -> None:
    """What cannot be read gives no contact, and the cause stands."""
    why = explain(refused_call(608, "Rejected", {"Call-Info": value}))
    assert why.causes[0].id == "F097"
    assert why.next_steps[0] == (
        "The answer holds no contact that can be read; ask the provider who rejected it."
    )


HOSTILE = "\x1b[31m\u202e<script>`rm`\r\n"


def test_contact_of_another_form_is_left_out() -> None:
    """Only pages, numbers and addresses are passed on."""
    text = (
        "v=analytics1;url=file:///etc/passwd;tel=call me;email=a@b@c;url=https://u:p@evil.example"
    )
    assert of_analytics(text) == Redress()
    assert of_analytics(f"v=analytics1;url=https://a.example/{HOSTILE};id={HOSTILE}").contacts == ()


def test_many_contacts_are_few() -> None:
    """A flood of contacts does not flood the report."""
    text = "v=analytics1" + "".join(f";tel=+1202555{n:04}" for n in range(500))
    assert len(of_analytics(text).contacts) == 3


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_text_gives_printable_words(reason: str, uri: str) -> None:
    """No text breaks the reading, and nothing that does not print comes through."""
    cards = of_call_info([uri, f"<{uri}>;purpose=jwscard", call_info(uri), call_info(jws(uri))])
    for redress in (of_analytics(f"v=analytics1;{reason}"), cards):
        assert (redress.step + redress.who).isprintable()


@given(st.recursive(st.none() | st.integers() | st.text(max_size=30), st.lists, max_leaves=20))
def test_any_card_gives_printable_words(card: object) -> None:
    """Nor does any card."""
    wrapped = ["vcard", [["fn", {}, "text", card], ["tel", {}, "uri", card], card]]
    for value in (card, wrapped, {"jcard": card}, {"jcard": wrapped}):
        redress = of_call_info([call_info(jws(value))])
        assert (redress.step + redress.who).isprintable()


def test_evidence_holds_what_it_quotes() -> None:
    """Each quotation stands in the event that is cited."""
    wire = refused_call(608, "Rejected", {"Call-Info": call_info(jws({"jcard": CARD}))})
    events = wire.trace().events
    why = explain(wire)
    assert why.evidence
    for evidence in why.evidence:
        for quotation in re.findall(r'"([^"]*)"', evidence.says):
            assert quotation in visible(events[evidence.event].text)
