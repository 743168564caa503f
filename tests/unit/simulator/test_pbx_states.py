"""What the embedded PBX tells those who watch: waiting messages, calls of a user, who is there."""

import re
import socket
from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest
from pbx_phone import Party, connected

from probe.sip.message import SipMessage


def watch(party: Party, user: str, event: str, expires: int = 300) -> None:
    """Subscribe; the dialog is the party's from then on."""
    party.call_id = f"watch-{user}-{event}-{party.port}"
    answer = party.ask("SUBSCRIBE", user, f"Event: {event}", f"Expires: {expires}")
    assert answer.status == 200
    assert answer.first("Expires") == str(expires)


def told(party: Party) -> SipMessage:
    """Take a NOTIFY and answer it."""
    notify = party.take("NOTIFY")
    party.respond(notify, "200 OK")
    return notify


def states(notify: SipMessage) -> list[tuple[str, str]]:
    """Return direction and state of each dialog that a NOTIFY tells."""
    root = ET.fromstring(notify.body)  # noqa: S314 - our own PBX wrote it
    name = "{urn:ietf:params:xml:ns:dialog-info}"
    return [(d.get("direction"), d.findtext(f"{name}state")) for d in root.iter(f"{name}dialog")]


def voice(notify: SipMessage) -> str:
    """Return how many messages wait: new and old."""
    return re.search(r"Voice-Message: (\S+)", notify.body)[1]


def test_a_message_left_lights_the_lamp(party: Callable[..., Party]) -> None:
    """The mailbox's owner is told of a new message, and again when it was heard."""
    alice, bob, lamp = party("100"), party("101"), party("101")
    watch(lamp, "101", "message-summary")
    first = told(lamp)
    assert first.first("Content-Type") == "application/simple-message-summary"
    assert (voice(first), "Messages-Waiting: no" in first.body) == ("0/0", True)
    alice.dial("641")
    answered = alice.final()[-1]
    alice.confirm(answered)
    alice.send("BYE")
    alice.taken(200)
    second = told(lamp)
    assert (voice(second), "Messages-Waiting: yes" in second.body) == ("1/0", True)
    bob.dial("*97")
    bob.confirm(bob.final()[-1])
    assert voice(told(lamp)) == "0/1"


def test_no_message_without_a_word(party: Callable[..., Party]) -> None:
    """Who hangs up before the answer leaves none."""
    alice, lamp = party("100"), party("101")
    watch(lamp, "101", "message-summary")
    told(lamp)
    branch = alice.dial("641")
    alice.taken(100)
    alice.write(alice.text("CANCEL", "641", branch=branch, cseq=alice.cseq))
    assert lamp.nothing(0.3)


def test_a_lamp_follows_the_calls_of_a_user(party: Callable[..., Party]) -> None:
    """Trying, early, confirmed and terminated, seen from who is called (RFC 4235)."""
    alice, bob, lamp = party("100"), party("101"), party("103")
    watch(lamp, "101", "dialog")
    assert states(told(lamp)) == []
    alice.dial("101")
    alice.taken(100)
    invite = bob.take("INVITE")
    assert states(told(lamp)) == [("recipient", "trying")]
    bob.respond(invite, "180 Ringing")
    ringing = told(lamp)
    assert states(ringing) == [("recipient", "early")]
    assert "sip:100@" in ringing.body
    bob.respond(invite, "200 OK", body=bob.sdp())
    assert states(told(lamp)) == [("recipient", "confirmed")]
    alice.taken(180)
    alice.confirm(alice.taken(200))
    bob.take("ACK")
    bob.send("BYE")
    last = told(lamp)
    assert states(last) == [("recipient", "terminated")]
    versions = re.findall(r'version="(\d+)" state', ringing.body + last.body)
    assert versions == ["2", "4"]


def test_a_lamp_for_who_calls_a_number_of_the_pbx(party: Callable[..., Party]) -> None:
    """A call to the echo is a call."""
    alice, lamp = party("100"), party("103")
    watch(lamp, "100", "dialog")
    told(lamp)
    alice.dial("*43")
    assert states(told(lamp)) == [("initiator", "trying")]
    assert states(told(lamp)) == [("initiator", "early")]
    assert states(told(lamp)) == [("initiator", "confirmed")]
    alice.confirm(alice.final()[-1])
    alice.send("BYE")
    assert states(told(lamp)) == [("initiator", "terminated")]


def test_presence_is_registration(party: Callable[..., Party]) -> None:
    """Open and closed as the user comes and goes (RFC 3863)."""
    lamp = party("103")
    watch(lamp, "102", "presence")
    assert "<basic>closed</basic>" in told(lamp).body
    carol = party("102")
    assert "<basic>open</basic>" in told(lamp).body
    assert carol.register("Expires: 0", carol.contact).status == 200
    assert "<basic>closed</basic>" in told(lamp).body


def test_a_watcher_who_knows_nothing_of_it_is_forgotten(party: Callable[..., Party]) -> None:
    """481 to a NOTIFY ends the subscription (RFC 6665 §4.2.2)."""
    lamp = party("103")
    watch(lamp, "102", "presence")
    lamp.respond(lamp.take("NOTIFY"), "481 Subscription Does Not Exist")
    party("102")
    assert lamp.nothing(0.2)


def test_a_text_reaches_the_user(party: Callable[..., Party]) -> None:
    """MESSAGE goes to the user's phone and its answer comes back; nobody there is 480."""
    alice, bob = party("100"), party("101")
    alice.write(alice.text("MESSAGE", "101", "Content-Type: text/plain", body="hello"))
    text = bob.take("MESSAGE")
    assert (text.body, text.first("Content-Type")) == ("hello", "text/plain")
    bob.respond(text, "202 Accepted")
    assert alice.read().status == 202
    assert alice.ask("MESSAGE", "102", "Content-Type: text/plain", body="hello").status == 480


def test_a_menu_by_info(party: Callable[..., Party]) -> None:
    """The keys come back in the Reason of the PBX's BYE."""
    alice, _bob = party("100"), party("101")
    alice.dial("670")
    alice.confirm(alice.final()[-1])
    for key in "42#":
        alice.send("INFO", "Content-Type: application/dtmf-relay", body=f"Signal={key}\r\n")
        assert alice.taken(200)
    bye = alice.take("BYE")
    assert bye.first("Reason") == 'SIP;cause=200;text="digits 42"'


def test_a_menu_by_telephone_events(party: Callable[..., Party]) -> None:
    """RFC 4733: an event is one key, however often its end is sent."""
    alice = party("100")
    alice.dial("menu")
    answered = alice.final()[-1]
    alice.confirm(answered)
    port = int(re.search(r"m=audio (\d+)", answered.body)[1])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sound:
        for number, event in enumerate((7, 10, 11)):  # 7 * #
            for end in (0, 0x80, 0x80, 0x80):
                head = bytes((0x80, 101)) + bytes(2) + (number * 400).to_bytes(4, "big") + bytes(4)
                sound.sendto(head + bytes((event, end | 10, 0, 160)), ("127.0.0.1", port))
    message = alice.take("BYE")
    assert message.first("Reason") == 'SIP;cause=200;text="digits 7*"'


def test_a_menu_that_hears_nothing(
    party: Callable[..., Party], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Silence ends the call, too."""
    monkeypatch.setattr("probe.simulator.services.MENU_IDLE_S", 0.1)
    alice = party("100")
    alice.dial("670")
    alice.confirm(alice.final()[-1])
    assert alice.take("BYE").first("Reason") == 'SIP;cause=200;text="no digits"'


@pytest.mark.parametrize("accepted", [False, True])
def test_a_fax_asks_for_t38(party: Callable[..., Party], accepted: bool) -> None:
    """Who refuses stays in the call; who accepts is hung up on."""
    alice = party("100")
    alice.dial("680")
    alice.confirm(alice.final()[-1])
    asked = alice.take("INVITE")
    assert "m=image 9 udptl t38" in asked.body
    alice.respond(asked, "200 OK" if accepted else "488 Not Acceptable Here", body=asked.body)
    alice.take("ACK")
    if accepted:
        assert "accepted" in (alice.take("BYE").first("Reason") or "")
    else:
        assert alice.nothing(0.3)


def test_a_lamp_that_watches_who_is_connected(party: Callable[..., Party]) -> None:
    """A watcher that comes later is told of the call that is up; its end of watch is told, too."""
    alice, bob, lamp = party("100"), party("101"), party("103")
    connected(alice, bob)
    watch(lamp, "100", "dialog", expires=0)
    only = told(lamp)
    assert states(only) == [("initiator", "confirmed")]
    assert only.first("Subscription-State") == "terminated;reason=timeout"
