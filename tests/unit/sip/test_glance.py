"""A glance at a message says what the parsed message says."""

import random
from pathlib import Path

import pytest

from probe.sip.glance import glance
from probe.sip.message import MalformedMessageError, parse_message

INVITE = (
    "INVITE sip:bob@example.com SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1\r\n"
    "From: <sip:alice@example.com>;tag=a1\r\n"
    'To: "Bob ;tag=no" <sip:bob@example.com;tag=no>\r\n'
    "Call-ID: c1@192.0.2.1\r\n"
    "CSeq: 0007 INVITE\r\n"
    "Authorization: Digest username=x\r\n"
    "Content-Length: 4\r\n"
    "\r\n"
    "v=0\n"
)
ANSWER = (
    "SIP/2.0 200 OK\r\n"
    "v: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1\r\n"
    "t: <sip:bob@example.com>;tag=b1\r\n"
    "i: c1@192.0.2.1\r\n"
    "CSeq: 7 INVITE\r\n"
    "\r\n"
)
ODD = {
    "only LF": INVITE.replace("\r\n", "\n"),
    "LF within": INVITE.replace("\r\nCall-ID", "\nCall-ID"),
    "LF after the start line": ANSWER.replace("OK\r\n", "OK\n"),
    "folded": INVITE.replace("CSeq: 0007 INVITE", "CSeq: 0007\r\n INVITE"),
    "folded at once": INVITE.replace("SIP/2.0\r\nVia", "SIP/2.0\r\n Via"),
    "empty lines before": "\r\n\r\n" + ANSWER,
    "no empty line": ANSWER.rstrip(),
    "small letters": ANSWER.replace("SIP/2.0 200", "sip/2.0 200"),
    "small method": INVITE.replace("INVITE", "invite"),
    "another version": INVITE.replace("com SIP/2.0", "com SIP/3.0"),
    "status of two digits": ANSWER.replace("200", "20"),
    "status of four digits": ANSWER.replace("200", "2000"),
    "no reason": ANSWER.replace("200 OK", "200"),
    "two Call-IDs": INVITE.replace("CSeq", "call-id: other\r\nCSeq"),
    "a compact one first": INVITE.replace("Call-ID", "I : first\r\nCall-ID"),
    "no colon": INVITE.replace("Call-ID", "Call-ID\r\nCall-ID"),
    "no Call-ID": INVITE.replace("Call-ID", "X-ID"),
    "CSeq with words": INVITE.replace("0007", "seven"),
    "CSeq with other digits": INVITE.replace("0007", "٧"),
    "a long CSeq": INVITE.replace("0007", "9" * 40),
    "not SIP": "HTTP/1.1 200 OK\r\n\r\n",
    "nothing": "",
    "not text": "\x00\x01\udcff",
}


def both_say(text: str) -> None:
    """Hold a glance against the parsed message."""
    try:
        message = parse_message(text)
    except MalformedMessageError:
        assert glance(text) is None
        return
    seen = glance(text)
    assert seen is not None
    assert (seen.method, seen.status) == (message.method, message.status or 0)
    assert (seen.call_id, (seen.cseq, seen.of)) == (message.call_id, message.cseq)
    assert (seen.to, seen.to_tag) == (message.first("To") or "", message.to_tag)
    assert (seen.body, seen.has_credentials) == (bool(message.body), message.has_credentials)


@pytest.mark.parametrize("text", [INVITE, ANSWER], ids=["request", "response"])
def test_messages_in_the_plain_form(text: str) -> None:
    """What a glance tells is what parsing tells."""
    both_say(text)
    assert glance(text) is glance(text)


@pytest.mark.parametrize("name", ODD)
def test_messages_in_another_form(name: str) -> None:
    """However a message is written, both say the same."""
    both_say(ODD[name])


def test_messages_with_errors() -> None:
    """Bytes that were removed, doubled or changed make no difference between the two."""
    rng = random.Random(Path(__file__).name)
    marks = ["\r", "\n", " ", "\t", ":", "SIP/2.0", "\r\n\r\n", "Call-ID:", ";tag=", "\x00", ""]
    for _ in range(3000):
        text = rng.choice([INVITE, ANSWER])
        for _ in range(rng.randint(1, 4)):
            place = rng.randrange(len(text))
            text = text[:place] + rng.choice(marks) + text[place + rng.randint(0, 3) :]
        both_say(text)
