"""Everything but REGISTER and INVITE: methods, refusals, retransmissions, hostile text."""

import re
from collections.abc import Callable

import pytest
from sip_phone import Phone

from probe.simulator import subscriptions, transactions
from probe.simulator.clock import Timers
from probe.simulator.trunk import EmbeddedTrunk


def test_options_tells_what_the_trunk_can_do(phone: Phone) -> None:
    """OPTIONS is 200 with Allow, Accept and Supported."""
    answer = phone.ask("OPTIONS", "x")
    assert answer.status == 200
    assert "INVITE" in answer.first("Allow")
    assert answer.first("Accept") == "application/sdp"
    assert answer.first("Supported")


def test_a_number_stands_for_its_code_in_any_method(phone: Phone) -> None:
    """OPTIONS and MESSAGE to 9503 are 503, to an answering number 200."""
    assert phone.ask("OPTIONS", "9503").status == 503
    assert phone.ask("MESSAGE", "code-404").status == 404
    assert phone.ask("OPTIONS", "9407").first("Proxy-Authenticate")
    assert phone.ask("OPTIONS", "9200").status == 200
    assert phone.ask("OPTIONS", "7001").status == 200


def test_message_takes_text_only(phone: Phone) -> None:
    """text/plain is 200, anything else 415 with Accept."""
    assert phone.ask("MESSAGE", "x", "Content-Type: text/plain", body="hello").status == 200
    refused = phone.ask("MESSAGE", "x", "Content-Type: text/html", body="<p>")
    assert (refused.status, refused.first("Accept")) == (415, "text/plain")


@pytest.mark.parametrize("method", ["BYE", "INFO", "NOTIFY", "PRACK", "UPDATE"])
def test_what_belongs_into_a_dialog_is_481_outside(phone: Phone, method: str) -> None:
    """A request that only makes sense in a dialog finds none."""
    assert phone.ask(method, "x").status == 481
    assert phone.ask(method, "x", to_tag="gone").status == 481


def test_publish_is_known_but_not_served(phone: Phone) -> None:
    """A registered method is 405, a word that nobody knows 501, both with Allow."""
    for method, code in (("PUBLISH", 405), ("FROBNICATE", 501)):
        answer = phone.ask(method, "x")
        assert answer.status == code
        assert "PUBLISH" not in answer.first("Allow")


def test_within_a_call(phone: Phone) -> None:
    """INFO, MESSAGE and OPTIONS are served in a call; what was never begun there is 481."""
    tag = phone.call().to_tag
    assert phone.ask("INFO", "x", to_tag=tag).status == 200
    assert phone.ask("INFO", "x", "Info-Package: foo", to_tag=tag).status == 469
    assert phone.ask("MESSAGE", "x", to_tag=tag).status == 200
    assert phone.ask("OPTIONS", "x", to_tag=tag).status == 200
    assert phone.ask("SUBSCRIBE", "x", "Event: message-summary", to_tag=tag).status == 481
    assert phone.ask("NOTIFY", "x", to_tag=tag).status == 481
    assert phone.ask("PUBLISH", "x", to_tag=tag).status == 405
    assert phone.ask("FROBNICATE", "x", to_tag=tag).status == 501


def test_an_old_cseq_in_a_call_is_refused(phone: Phone) -> None:
    """A request out of order in a dialog is 500."""
    tag = phone.call().to_tag
    phone.write(phone.text("OPTIONS", "x", to_tag=tag, cseq=1))
    assert phone.read().status == 500


def test_cancel_of_nothing(phone: Phone) -> None:
    """CANCEL without its transaction is 481."""
    assert phone.ask("CANCEL", "x").status == 481


def test_an_ack_for_nothing_is_dropped(phone: Phone) -> None:
    """ACK is never answered."""
    phone.write(phone.text("ACK", "x", to_tag="gone"))
    assert phone.nothing()


def test_no_more_hops(phone: Phone) -> None:
    """Max-Forwards 0 is 483, but OPTIONS is answered on the spot."""

    def without_hops(method: str) -> int | None:
        text = phone.text(method, "x").replace("Max-Forwards: 70", "Max-Forwards: 0")
        phone.write(text)
        return phone.final()[-1].status

    assert without_hops("MESSAGE") == 483
    assert without_hops("OPTIONS") == 200


def test_required_extensions_that_are_not_there(phone: Phone) -> None:
    """Require is 420 with Unsupported naming the tags."""
    refused = phone.ask("OPTIONS", "x", "Require: 100rel, norefersub, foo", "Proxy-Require: bar")
    assert (refused.status, refused.first("Unsupported")) == (420, "100rel, foo, bar")


def test_a_retransmission_gets_the_stored_response(trunk: EmbeddedTrunk, phone: Phone) -> None:
    """The same request again is answered with the same bytes and served once."""
    text = phone.text("MESSAGE", "x")
    phone.write(text)
    first = phone.read()
    phone.write(text)
    assert phone.read() == first
    assert len([m for m in trunk.log if m.direction == "received"]) == 2


def test_a_refused_invite_is_repeated_until_its_ack(
    start: Callable[..., EmbeddedTrunk], connect: Callable[..., Phone]
) -> None:
    """Timer G repeats a final response over UDP; the ACK, also a second one, ends that."""
    phone = connect(start(challenge_calls=False, timers=Timers(t1=0.05, t2=0.1, t4=0.5)))
    phone.write(phone.text("INVITE", "9486", branch="z9hG4bK-g"))
    first, second = phone.final()[-1], phone.read()
    assert first == second
    for _ in range(2):
        phone.refused(first, "9486", "z9hG4bK-g")
    assert phone.nothing()


def test_a_refused_invite_is_given_up_without_ack(
    start: Callable[..., EmbeddedTrunk], connect: Callable[..., Phone]
) -> None:
    """Timer H ends the repetition after 64 x T1."""
    phone = connect(start(timers=Timers(t1=0.01, t2=0.05, t4=0.1)))
    phone.write(phone.text("INVITE", "7016"))
    count = 0
    while not phone.nothing(0.3):
        count += 1
    assert 10 <= count <= 20


def test_rport_brings_the_answer_back_to_the_source(phone: Phone) -> None:
    """Via gets received and rport, and the branch comes back as it was sent."""
    via = "Via: SIP/2.0/UDP pc.invalid:9;rport;branch=z9hG4bK.-+*!%41;ttl=1"
    answer = phone.ask("OPTIONS", "x", via=via)
    returned = answer.first("Via")
    assert f";rport={phone.port};" in returned
    assert returned.endswith("branch=z9hG4bK.-+*!%41;ttl=1;received=127.0.0.1")


def test_without_rport_the_answer_goes_to_the_port_in_via(
    phone: Phone, connect: Callable[..., Phone], trunk: EmbeddedTrunk
) -> None:
    """RFC 3261 §18.2.2: the source address, but the port of sent-by."""
    other = connect(trunk)
    phone.write(
        phone.text("OPTIONS", "x", via=f"Via: SIP/2.0/UDP 127.0.0.1:{other.port};branch=z9hG4bK-p")
    )
    assert other.read().status == 200


def test_several_vias_come_back_in_order(phone: Phone) -> None:
    """Every Via is copied; only the first is touched."""
    second = "SIP/2.0/UDP b.invalid;branch=z9hG4bK-b;rport"
    via = f"Via: SIP/2.0/UDP 127.0.0.1:{phone.port};rport;branch=z9hG4bK-a, {second}"
    answer = phone.ask("OPTIONS", "x", "Via: SIP/2.0/UDP c.invalid", via=via)
    assert answer.all("Via")[0].endswith(second)
    assert answer.all("Via")[1] == "SIP/2.0/UDP c.invalid"


def test_rfc_2543_requests_are_matched_without_the_cookie(
    trunk: EmbeddedTrunk, phone: Phone
) -> None:
    """A branch without z9hG4bK is matched by the other fields."""
    text = phone.text("MESSAGE", "x", via=f"Via: SIP/2.0/UDP 127.0.0.1:{phone.port};rport")
    phone.write(text)
    first = phone.read()
    phone.write(text)
    assert phone.read().to_tag == first.to_tag


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda t: t.replace("CSeq: 1 OPTIONS", "CSeq: 1 INVITE"), 400),
        (lambda t: t.replace("CSeq: 1", "CSeq: 99999999999"), 400),
        (lambda t: t.replace("CSeq: 1", "CSeq: one"), 400),
        (lambda t: t.replace("Max-Forwards: 70", "Max-Forwards: lots"), 400),
        (lambda t: t.replace("Max-Forwards: 70", "Max-Forwards: 999"), 400),
        (lambda t: t.replace("Content-Length: 0", "Content-Length: 9"), 400),
        (lambda t: t.replace("Call-ID", "Call-ID: a\r\nCall-ID"), 400),
        (lambda t: t.replace("To: <", "To: <<"), 400),
        (lambda t: t.replace("From: <sip", "From: <http"), 400),
        (lambda t: t.replace("Contact: <sip", "Contact: <http"), 400),
        (lambda t: t.replace("Max-Forwards", "no colon here\r\nMax-Forwards"), 400),
        (lambda t: t.replace("Max-Forwards", "Subject: a\0b\r\nMax-Forwards"), 400),
        (lambda t: t.replace("Max-Forwards", f"Subject: {'a' * 9000}\r\nMax-Forwards"), 400),
        (lambda t: t.replace("Contact: <sip:100@", "Contact: <sip:100;self=1@"), 200),
        (lambda t: t.replace("sip:x@127.0.0.1 SIP", "sip:x@127.0.0.1;self=1 SIP"), 400),
        (lambda t: t.replace("SIP/2.0\r\n", "SIP/3.0\r\n", 1), 505),
        (lambda t: t.replace("OPTIONS sip:", "OPTIONS mailto:", 1), 416),
        (lambda t: t.replace("OPTIONS sip:x@127.0.0.1", "OPTIONS ?", 1), 400),
        (lambda t: t.replace("OPTIONS sip:x@127.0.0.1", "OPTIONS tel:+12025550123", 1), 200),
        (lambda t: t.replace("Max-Forwards: 70", "Subject: a\r\n folded: b"), 200),
        (lambda t: t.replace("Max-Forwards: 70", "Max-Forwards : 70"), 200),
        (lambda t: t.replace("Call-ID:", "i:").replace("Via:", "v:"), 200),
        (lambda t: re.sub(r"Content-Length: 0\r\n", "", t), 200),
    ],
)
def test_odd_and_broken_requests(phone: Phone, change: Callable[[str], str], code: int) -> None:
    """What breaks RFC 3261 is refused with its code; what it allows is served."""
    phone.write(change(phone.text("OPTIONS", "x")))
    assert phone.read().status == code


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.replace("Via:", "Nothing:"),
        lambda t: t.replace("Via: SIP/2.0", "Via: HTTP/1.1"),
        lambda t: t.replace("Call-ID", "Other"),
        lambda t: t.replace("Call-ID", "Other").replace("OPTIONS sip:", "OPTIONS mailto:", 1),
        lambda t: t.replace("OPTIONS", "ACK").replace("70", "lots"),
        lambda t: "SIP/2.0 200 OK" + t[t.index("\r\n") :],
        lambda t: "SIP/2.0 200 OK" + t[t.index("\r\n") :].replace("CSeq", "Other"),
        lambda t: "SIP/2.0 abc OK" + t[t.index("\r\n") :],
        lambda t: t.rstrip(),
        lambda _: "\r\n\r\n\r\n",
        lambda _: "\r\n\r\n",
        lambda _: "nonsense\r\n\r\n",
        lambda _: " \r\n\r\n x",
    ],
)
def test_what_cannot_be_answered_is_dropped(phone: Phone, change: Callable[[str], str]) -> None:
    """No Via, no identity, a stray response or no SIP: silence, and life goes on."""
    phone.write(change(phone.text("OPTIONS", "x")))
    assert phone.nothing(0.1)
    assert phone.ask("OPTIONS", "x").status == 200


def test_message_waiting(phone: Phone) -> None:
    """SUBSCRIBE to message-summary is 200 with a NOTIFY; refresh and end bring another each."""
    event = "Event: message-summary"
    accepted = phone.ask("SUBSCRIBE", "100", event, "Expires: 600")
    assert (accepted.status, accepted.first("Expires")) == (200, "600")
    first = phone.read()
    assert first.method == "NOTIFY"
    assert first.first("Subscription-State") == "active;expires=600"
    assert "Messages-Waiting: no" in first.body
    phone.reply(first)
    tag = accepted.to_tag
    assert first.from_tag == tag
    assert phone.ask("SUBSCRIBE", "100", event, to_tag=tag).first("Expires") == "3600"
    phone.reply(phone.read())
    phone.write(phone.text("SUBSCRIBE", "100", event, to_tag=tag, cseq=1))
    assert phone.read().status == 500
    assert phone.ask("SUBSCRIBE", "100", event, "Expires: 0", to_tag=tag).status == 200
    assert phone.read().first("Subscription-State").startswith("terminated")
    assert phone.ask("SUBSCRIBE", "100", event, to_tag=tag).status == 481


def test_a_subscription_runs_out(phone: Phone) -> None:
    """After its lifetime a last NOTIFY says terminated."""
    phone.ask("SUBSCRIBE", "100", "Event: message-summary", "Expires: 1")
    phone.reply(phone.read())
    assert phone.read().first("Subscription-State") == "terminated;reason=timeout"


def test_subscriptions_are_bounded(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest subscription makes room."""
    monkeypatch.setattr(subscriptions, "MAX_SUBSCRIPTIONS", 1)
    oldest = phone.ask("SUBSCRIBE", "100", "Event: message-summary")
    phone.reply(phone.read())
    phone.call_id += "x"
    phone.ask("SUBSCRIBE", "100", "Event: message-summary")
    phone.reply(phone.read())
    phone.call_id = phone.call_id[:-1]
    again = phone.ask("SUBSCRIBE", "100", "Event: message-summary", to_tag=oldest.to_tag)
    assert again.status == 481


def test_other_events_are_refused(phone: Phone) -> None:
    """An unknown event package, or none, is 489 with the known ones."""
    refused = phone.ask("SUBSCRIBE", "100", "Event: conference")
    assert refused.status == 489
    assert refused.first("Allow-Events") == "message-summary, dialog, presence"
    assert phone.ask("SUBSCRIBE", "100").status == 489


@pytest.mark.parametrize("method", ["SUBSCRIBE", "REFER"])
def test_a_subscription_that_cannot_be_notified(phone: Phone, method: str) -> None:
    """Without a SIP URI in Contact there is nowhere to send NOTIFY: 400."""
    headers = ("Event: message-summary", "Refer-To: <sip:101@127.0.0.1>", "Contact: <tel:+1>")
    assert phone.ask(method, "100", *headers).status == 400


def test_a_transfer_in_a_call(phone: Phone) -> None:
    """REFER is 202, then NOTIFY 100 Trying and NOTIFY 200 OK in the same dialog."""
    answered = phone.call()
    refer_to = "Refer-To: <sip:102@127.0.0.1?Replaces=a%40b>"
    accepted = phone.ask("REFER", "x", refer_to, to_tag=answered.to_tag)
    assert accepted.status == 202
    trying = phone.read()
    phone.reply(trying)
    done = phone.read()
    phone.reply(done)
    assert trying.first("Event") == f"refer;id={accepted.cseq[0]}"
    assert (trying.body, done.body) == ("SIP/2.0 100 Trying\r\n", "SIP/2.0 200 OK\r\n")
    assert done.first("Subscription-State").startswith("terminated")
    assert done.from_tag == answered.to_tag


def test_a_referral_outside_a_call_tells_the_targets_code(phone: Phone) -> None:
    """The last NOTIFY has the final code of the number that was referred to."""
    assert phone.ask("REFER", "x", "Refer-To: <sip:9486@127.0.0.1>").status == 202
    phone.reply(phone.read())
    assert phone.read().body == "SIP/2.0 486 Busy Here\r\n"


def test_a_referral_to_one_that_rings_for_ever(phone: Phone) -> None:
    """No final code, no final NOTIFY."""
    phone.ask("REFER", "x", "Refer-To: <sip:7002@127.0.0.1>")
    phone.reply(phone.read())
    assert phone.nothing()


def test_a_referral_without_subscription(phone: Phone) -> None:
    """Refer-Sub: false is honoured: no NOTIFY at all (RFC 4488)."""
    accepted = phone.ask("REFER", "x", "Refer-To: <sip:102@127.0.0.1>", "Refer-Sub: false")
    assert (accepted.status, accepted.first("Refer-Sub")) == (202, "false")
    assert phone.nothing()


def test_a_referral_to_nowhere(phone: Phone) -> None:
    """REFER needs exactly one Refer-To."""
    assert phone.ask("REFER", "x").status == 400


def test_transactions_are_bounded(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest transaction is forgotten: its retransmission is served anew."""
    monkeypatch.setattr(transactions, "MAX_TRANSACTIONS", 1)
    text = phone.text("MESSAGE", "x")
    phone.write(text)
    first = phone.read()
    phone.ask("OPTIONS", "x")
    phone.write(text)
    assert phone.read().to_tag != first.to_tag


def test_requests_of_our_own_are_bounded(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest unanswered request of the trunk's is dropped."""
    monkeypatch.setattr(transactions, "MAX_CLIENT_TRANSACTIONS", 0)
    phone.ask("SUBSCRIBE", "100", "Event: message-summary")
    assert phone.read().method == "NOTIFY"
    assert phone.nothing()


def test_an_unanswered_request_of_ours_is_given_up(
    start: Callable[..., EmbeddedTrunk], connect: Callable[..., Phone]
) -> None:
    """NOTIFY is repeated for 64 x T1 and then no more."""
    phone = connect(start(timers=Timers(t1=0.01, t2=0.05, t4=0.1)))
    phone.ask("SUBSCRIBE", "100", "Event: message-summary")
    count = 0
    while not phone.nothing(0.3):
        count += 1
    assert 10 <= count <= 20
