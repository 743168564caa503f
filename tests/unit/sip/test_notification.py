"""What NOTIFYs say: summaries, dialogs, presence; and bodies that would attack their reader."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.sip.message import SipMessage, parse_message
from probe.sip.notification import DEEPEST_XML, LARGEST_XML, all_hold, facts_of, holds, in_order

PIDF = """<?xml version="1.0"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:r="urn:ietf:params:xml:ns:pidf:rpid"
 xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" entity="sip:101@pbx.example">
 <tuple id="a"><status><basic>open</basic></status><note>at lunch</note></tuple>
 <dm:person id="p"><r:activities><r:on-the-phone/></r:activities></dm:person>
</presence>"""
DIALOGS = """<?xml version="1.0"?>
<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="1" state="full"
 entity="sip:101@pbx.example">
 <dialog id="x" direction="recipient"><state event="replaced">terminated</state>
  <remote><identity display="Al">sip:100@pbx.example</identity></remote></dialog>
 <dialog id="y" direction="initiator"><state>early</state></dialog>
</dialog-info>"""


def notify(kind: str, body: str, state: str = "active;expires=300") -> SipMessage:
    """Return a NOTIFY with a body."""
    head = f"Event: x;id=1\r\nSubscription-State: {state}\r\nContent-Type: {kind};charset=utf-8"
    return parse_message(f"NOTIFY sip:a@b SIP/2.0\r\n{head}\r\n\r\n{body}")


def facts(kind: str, body: str) -> dict[str, tuple[str, ...]]:
    """Return the facts of a body beside those of every NOTIFY."""
    common = {"event", "state", "content_type", "body"}
    return {n: v for n, v in facts_of(notify(kind, body)).items() if n not in common}


def test_state_and_reason_of_a_subscription() -> None:
    """Parameters are no part of the state or the package; a reason may be quoted."""
    told = facts_of(notify("text/plain", "x", 'Terminated ; reason="noresource" '))
    assert told["event"] == ("x",)
    assert told["state"] == ("terminated",)
    assert told["reason"] == ("noresource",)


def test_message_summary() -> None:
    """Counts of each class, urgent ones apart (RFC 3842 §5.2)."""
    body = (
        "Messages-Waiting: Yes\r\nMessage-Account: sip:100@vm\r\n"
        "Voice-Message: 2/8 (0/2)\r\nFax-Message: 0/04\r\n"
    )
    assert facts("application/simple-message-summary", body) == {
        "messages_waiting": ("yes",),
        "account": ("sip:100@vm",),
        "voice_new": ("2",),
        "voice_old": ("8",),
        "voice_urgent_new": ("0",),
        "voice_urgent_old": ("2",),
        "fax_new": ("0",),
        "fax_old": ("4",),
    }


def test_dialog_information() -> None:
    """Every dialog counts; none at all is a state of its own (RFC 4235 §4.1)."""
    told = facts("application/dialog-info+xml", DIALOGS)
    assert told["dialog_state"] == ("terminated", "early")
    assert told["direction"] == ("recipient", "initiator")
    assert told["remote"] == ("sip:100@pbx.example",)
    empty = '<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="0" state="full"/>'
    assert facts("application/dialog-info+xml", empty)["dialog_state"] == ("none",)


def test_presence() -> None:
    """Basic state, note and activity, whatever the prefixes are."""
    told = facts("application/pidf+xml", PIDF)
    assert told == {
        "entity": ("sip:101@pbx.example",),
        "basic": ("open",),
        "note": ("at lunch",),
        "activity": ("on-the-phone",),
    }


def test_progress_of_a_transfer() -> None:
    """The status of the fragment."""
    assert facts("message/sipfrag", "SIP/2.0 180 Ringing\r\n")["sipfrag"] == ("180",)


BOMB = '<!DOCTYPE p [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><presence>&b;</presence>'
OUTSIDE = '<!DOCTYPE p SYSTEM "file:///etc/passwd"><presence/>'


@pytest.mark.parametrize(
    ("kind", "body", "says"),
    [
        ("application/pidf+xml", BOMB, "document type"),
        ("application/pidf+xml", OUTSIDE, "document type"),
        ("application/pidf+xml", "<presence>", "no element found in line 1"),
        ("application/pidf+xml", "hello", "syntax error"),
        ("application/pidf+xml", "<a/>", "root element is a, not presence"),
        ("application/pidf+xml", "<presence>" + "<a>" * DEEPEST_XML, "deeper than"),
        ("application/dialog-info+xml", "<" + "x" * LARGEST_XML, "more than"),
        ("application/simple-message-summary", "Voice-Message: many", "holds no counts"),
        ("message/sipfrag", "nothing", "status line"),
        ("application/pidf+xml", "<presence>\udcff</presence>", "not well-formed"),
    ],
)
def test_a_body_that_cannot_be_read(kind: str, body: str, says: str) -> None:
    """It is told as such, expands nothing, fetches nothing, and raises nothing."""
    told = facts(kind, body)
    assert says in told["unreadable"][0]


def test_an_unknown_body_is_only_text() -> None:
    """Nothing is guessed."""
    assert facts("text/plain", "Voice-Message: 1/1") == {}


@pytest.mark.parametrize(
    ("wanted", "values", "held"),
    [
        ("active", ("Active",), True),
        ("early|confirmed", ("trying", "confirmed"), True),
        ("early|confirmed", ("trying",), False),
        ("absent", (), True),
        ("absent", ("x",), False),
        ("present", ("x",), True),
        ("contains lift", ("the lift is out",), True),
        ("contains Lift", ("the lift is out",), False),
        ("/^sip:1/", ("sip:100@b",), True),
        ("/^sip:2/", ("sip:100@b",), False),
        ("min 1", ("2",), True),
        ("max 1", ("2",), False),
        ("1..3", ("3",), True),
        ("1..3", ("many",), False),
        ("2", (), False),
    ],
)
def test_what_holds(wanted: str, values: tuple[str, ...], held: bool) -> None:
    """Words, alternatives, patterns and bounds."""
    assert holds(wanted, values) is held


def test_header_fields_are_facts_too() -> None:
    """By their own name."""
    assert all_hold((("header:Event", "contains id=1"),), notify("text/plain", ""))


def test_order_allows_others_between_and_no_way_back() -> None:
    """A state may be repeated; what came before does not count for what is wanted after."""
    came = tuple(notify("text/plain", "", state) for state in ("pending", "pending", "active"))
    pending, active = (("state", "pending"),), (("state", "active"),)
    assert in_order((pending, active), came) == (0, 2)
    assert in_order((active, pending), came) == (2, None)
    assert in_order((active, pending, active), came) == (2, None, None)


@settings(max_examples=300, deadline=None)
@given(
    kind=st.sampled_from(
        ["application/simple-message-summary", "application/dialog-info+xml",
         "application/pidf+xml", "message/sipfrag"]
    ),
    seed=st.sampled_from([PIDF, DIALOGS, BOMB, OUTSIDE, "Voice-Message: 2/8 (0/2)\r\n"]),
    place=st.integers(0, 300),
    noise=st.binary(max_size=12),
)  # fmt: skip
def test_any_bytes_are_read_without_an_exception(
    kind: str, seed: str, place: int, noise: bytes
) -> None:
    """What a stranger sends ends no run."""
    body = seed[:place] + noise.decode("utf-8", "surrogateescape") + seed[place:]
    assert facts_of(notify(kind, body))["event"] == ("x",)
