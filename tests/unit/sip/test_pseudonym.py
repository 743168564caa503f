"""Nobody's number, address or name survives, and what explains a failure does."""

import ipaddress
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.sip.message import parse_message
from probe.sip.pseudonym import Pseudonyms
from probe.sip.sdp import address_class

INVITE = """\
INVITE sip:+12025550123@carrier.example:5060;user=phone SIP/2.0
Via: SIP/2.0/UDP 192.168.1.5:5062;rport=5062;branch=z9hG4bKx;received=8.8.4.4
From: "Alice Smith" <sip:alice@10.1.2.3>;tag=1
t: Reception <sip:100@pbx>
Call-ID: abc@192.168.1.5
CSeq: 1002 INVITE
Contact: <sip:alice@192.168.1.5:5062>
P-Asserted-Identity: <tel:+1-202-555-0124>
Subject: Alice Smith wants 2025550123, not 0012025550123
Content-Type: application/sdp
Content-Length: {length}

{body}"""
BODY = """\
v=0
o=alice 4004227149 4004227149 IN IP4 192.168.1.5
c=IN IP4 192.168.1.5
m=audio 4002 RTP/AVP 0
a=rtcp:4003 IN IP4 192.168.1.5
""".replace("\n", "\r\n")


def invite() -> str:
    """Return an INVITE that names a number of people and places."""
    head, _, _ = INVITE.format(length=len(BODY), body="").rpartition("\n")
    return head.replace("\n", "\r\n") + "\r\n" + BODY


def other(text: str, *more: str) -> str:
    """Learn a sentence and more, and return it rewritten."""
    pseudonyms = Pseudonyms(b"key")
    for one in (text, *more):
        pseudonyms.learn(one)
    return pseudonyms.text(text)


def test_nobody_of_a_message_survives() -> None:
    """Users, numbers in every spelling, names, hosts and addresses are others afterwards."""
    pseudonyms = Pseudonyms()
    pseudonyms.learn(invite())
    shown = pseudonyms.message(invite())
    for gone in (
        *("alice", "Alice", "Smith", "Reception", "carrier", "pbx", "192.168.1.5", "10.1.2.3"),
        *("8.8.4.4", "5550123", "555-0124", "sip:100@"),
    ):
        assert gone not in shown


def test_message_stays_the_message_it_was() -> None:
    """Fields, counters, ports, tags and the length of the body fit as before."""
    pseudonyms = Pseudonyms()
    pseudonyms.learn(invite())
    before, after = parse_message(invite()), parse_message(pseudonyms.message(invite()))
    assert after.cseq == before.cseq == (1002, "INVITE")
    assert (after.branch, after.from_tag) == (before.branch, before.from_tag)
    assert after.call_id.startswith("abc@10.")
    body = pseudonyms.message(invite()).partition("\r\n\r\n")[2]
    assert after.first("Content-Length") == str(len(body))
    assert "m=audio 4002 RTP/AVP 0" in body
    assert "4004227149 4004227149" in body
    assert (before.sdp is None, after.sdp is None) == (False, False)
    assert ";user=phone" in pseudonyms.message(invite())
    assert "rport=5062" in pseudonyms.message(invite())


def test_one_subscriber_stays_one_in_every_spelling() -> None:
    """National, international and with separators: the same last digits, the same beginning."""
    told = other(
        "sip:+12025550123@h.example tel:+1-202-555-0123 0012025550123 2025550123",
    ).split()
    ends = {re.sub(r"\D", "", word.partition("@")[0])[-7:] for word in told}
    assert len(ends) == 1
    assert ends != {"5550123"}
    assert re.fullmatch(r"tel:\+1-202-\d{3}-\d{4}", told[1])
    assert re.fullmatch(r"001202\d{7}", told[2])


@pytest.mark.parametrize(
    "text",
    [
        "SIP/2.0 100 Trying",
        "expected 100 180 200, got 503 Service Unavailable",
        "127.0.0.1:5060 and [::1]:5060 and 0.0.0.0",
        "255.255.255.255",
        "at 05:38:00 std::bad_alloc 999.1.1.1",
        "Retry-After: 1800",
        "sip:anonymous@anonymous.invalid",
        "sip:localhost",
        "",
    ],
)
def test_what_names_nobody_stays(text: str) -> None:
    """Codes, times, loopback and anonymity are no secret."""
    assert other(text) == text


def test_user_of_a_digest_is_the_user_of_the_uri() -> None:
    """A login that differs from its URI explains a refusal; equal ones stay equal."""
    told = other('Authorization: Digest username="alice", uri="sip:h.example" sip:alice@h.example')
    assert told.count("user-1") == 2
    assert "alice" not in told


def test_short_number_is_replaced_where_it_is_meant() -> None:
    """An extension 100 and a status 100 look alike; the place tells them apart."""
    told = other(
        'call 100: 100 Trying, login "100", calls 9503 and 9503, 9503 ms', "sip:100@h sip:9503@h"
    )
    assert re.fullmatch(
        r'call (\d{3}): 100 Trying, login "\1", calls (\d{4}) and \2, 9503 ms', told
    )
    assert "call 100" not in told
    assert "calls 9503" not in told


def test_names_that_are_words_of_sip_are_replaced_in_their_place_only() -> None:
    """A user called trunk does not take the word out of every sentence."""
    assert other("the trunk of sip:trunk@h.example") == "the trunk of sip:user-1@host-1.example"
    assert other('"trunk" and "sip"', "sip:trunk@h.example") == '"user-1" and "sip"'


def test_names_before_addresses_are_replaced() -> None:
    """Quoted or not, also where they are a number."""
    text = 'From: "+12025550123" <sip:a1@h.example>\r\nTo: Bob Ray <sip:bob@h.example>'
    pseudonyms = Pseudonyms()
    pseudonyms.learn(text + '\r\nContact: "Anonymous" <sip:h.example>')
    told = pseudonyms.message(text)
    assert re.match(r'From: "\+1202\d{7}" <sip:user-\d@host-1\.example>\r\nTo: name-1 <sip', told)
    assert "5550123" not in told
    assert pseudonyms.text('"Anonymous"') == '"Anonymous"'


def test_realms_warnings_and_origins_name_hosts_too() -> None:
    """Whoever signs a challenge, a warning or a session description is known by it."""
    text = (
        'WWW-Authenticate: Digest realm="sip.carrier.example", domain="x"\r\n'
        'Warning: 399 edge7.carrier.example "no"\r\no=operator 1 1 IN IP4 host.carrier.example'
    )
    pseudonyms = Pseudonyms()
    pseudonyms.learn(text)
    assert "carrier" not in pseudonyms.message(text)
    assert "operator" not in pseudonyms.text("operator at edge7.carrier.example")


def test_escaped_users_and_their_parameters() -> None:
    """An escape does not carry a number through, a hash stays escaped, parameters stay."""
    told = other("sip:%2B12025550123;npdi@h.example sip:%23100@h.example sip:@h.example")
    assert re.fullmatch(
        r"sip:\+1202\d{7};npdi@host-1\.example sip:%23\d{3}@host-1\.example sip:@host-1\.example",
        told,
    )
    assert "5550123" not in told
    assert "%23100" not in told
    assert re.fullmatch(r"sip:\d{3} tel:\d{3}", other("sip:100 tel:100"))


def test_user_with_a_number_in_it_hides_the_number_elsewhere() -> None:
    """A login made of a number gives that number away."""
    told = other("login line-12025550123@h and 12025550123", "sip:line-12025550123@h.example")
    assert "5550123" not in told
    assert "user-1" in told


def test_body_that_looks_like_a_field_or_a_uri_is_rewritten() -> None:
    """Text of a MESSAGE has no field names; a field named like a user is renamed with him."""
    pseudonyms = Pseudonyms()
    pseudonyms.learn("sip:marina@h.example")
    head = "MESSAGE sip:marina@h.example SIP/2.0\r\nMarina: 1\r\n\r\n"
    told = pseudonyms.message(head + "sip:marina@h.example\r\nmarina: hello\r\nmarina, hello")
    assert "arina" not in told
    assert parse_message(told).method == "MESSAGE"


def test_text_without_a_body_is_rewritten_as_a_message_too() -> None:
    """A cut message is hidden like a whole one."""
    pseudonyms = Pseudonyms()
    assert pseudonyms.message("OPTIONS sip:h.example SIP/2.0\r\nTo: sip:bob@h.example") == (
        "OPTIONS sip:host-1.example SIP/2.0\r\nTo: sip:user-1@host-1.example"
    )


@pytest.mark.parametrize(
    ("real", "kind"),
    [
        ("10.1.2.3", r"10\."),
        ("172.16.5.4", r"10\."),
        ("192.168.1.1", r"10\."),
        ("100.64.1.1", r"100\."),
        ("169.254.1.1", r"169\.254\."),
        ("224.2.0.1", r"239\."),
        ("250.0.0.1", r"2[45]\d\."),
        ("0.1.2.3", r"0\."),
        ("54.172.60.1", r"(192\.0\.2|198\.51\.100|203\.0\.113)\."),
        ("fd12::1", "fd"),
        ("fe80::2", "fe80:"),
        ("ff02::1", "ff0e::db8"),
        ("2600:1::5", "2001:db8:"),
        ("::ffff:8.8.8.8", "::ffff:"),
    ],
)
def test_class_of_an_address_is_kept(real: str, kind: str) -> None:
    """Private stays private, public becomes a documentation address."""
    told = other(f"from {real}")
    assert told != f"from {real}"
    assert re.match(f"from {kind}", told)
    bracketed = other(f"sip:[{real}]:5060" if ":" in real else f"sip:{real}:5060")
    assert bracketed.removeprefix("sip:").removesuffix(":5060").strip("[]") == told[5:]


def test_more_public_addresses_than_documentation_has() -> None:
    """The ranges of RFC 5737 hold 762; the others come from the range for benchmarks (RFC 2544)."""
    pseudonyms = Pseudonyms(b"key")
    real = [f"54.1.{n // 250}.{n % 250 + 1}" for n in range(800)]
    told = [pseudonyms.text(address) for address in real]
    assert len(set(told)) == len(real)
    assert all(
        map(re.compile(r"192\.0\.2\.|198\.51\.100\.|203\.0\.113\.|198\.1[89]\.").match, told)
    )


def test_more_short_numbers_than_there_are() -> None:
    """Ten extensions of one digit can only change places."""
    pseudonyms = Pseudonyms(b"key")
    text = " ".join(f"sip:{digit}@h.example" for digit in range(10))
    pseudonyms.learn(text)
    before, after = (re.findall(r"sip:(\d)@", one) for one in (text, pseudonyms.text(text)))
    assert all(one != another for one, another in zip(before, after, strict=True))


def test_no_pseudonym_is_a_number_for_emergencies() -> None:
    """A report is copied from: nobody shall find 112 in it."""
    pseudonyms = Pseudonyms(b"key")
    told = [pseudonyms.text(f"sip:{number}@h.example") for number in range(200, 500)]
    assert not [one for one in told if re.match(r"sip:(1\d\d|911|999|000)@", one)]


def test_object_shows_nothing_that_it_knows() -> None:
    """It would end in a traceback otherwise."""
    pseudonyms = Pseudonyms()
    pseudonyms.text("sip:+12025550123@10.1.2.3")
    assert repr(pseudonyms) == "Pseudonyms(1 numbers, 1 addresses)"


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "value",
    [
        "a" + " " * 60000,
        '"' + "1" * 60000 + "x",
        "(" * 30000 + "1" * 30000,
        "a:" * 30000,
        "1." * 30000,
        "sip:" + "a-" * 30000,
        "sip:" * 15000,
        "@" * 60000,
        "," * 60000,
        "<sip:a@b>," * 6000,
        "".join(f"<sip:user{n}@host{n}.example>," for n in range(2000)),
        "".join(f"<sip:{n}5550123@10.0.{n // 250}.{n % 250}>," for n in range(2000)),
    ],
    ids=lambda value: value[:12],
)
def test_text_that_was_made_to_take_long_does_not(value: str) -> None:
    """A peer must not hold a report up: every place is bounded, and so is what is looked for."""
    message = f"SIP/2.0 200 OK\r\nFrom: {value}\r\nX-More: {value}\r\nContent-Length: 0\r\n\r\n"
    pseudonyms = Pseudonyms()
    pseudonyms.learn(message)
    told = pseudonyms.message(message)
    assert told.startswith("SIP/2.0 200 OK\r\nFrom: ")
    assert told.count("\r\n") == 5


# Whatever stands in a message

numbers = st.from_regex(r"\+?[1-9]\d{7,13}", fullmatch=True)
names = st.from_regex(r"[a-z]{3,8}[0-9]{2}[a-z]{2}", fullmatch=True)
public = st.ip_addresses(v=4).filter(lambda a: a.is_global).map(str)
private = st.ip_addresses(network="192.168.0.0/16").map(str)
sixes = st.ip_addresses(network="2600::/12").map(str)
hosts = st.from_regex(r"[a-z]{4,8}[0-9]{3}\.(com|net|local)", fullmatch=True)


@settings(max_examples=60, deadline=None)
@given(
    number=numbers, user=names, address=st.one_of(public, private), six=sixes, host=hosts,
    body=st.text(alphabet=st.characters(codec="utf-8", categories=("L", "N", "P")), max_size=40),
)  # fmt: skip
def test_no_original_of_any_message_survives(  # noqa: PLR0913, PLR0917 - each a fact of a message
    number: str, user: str, address: str, six: str, host: str, body: str
) -> None:
    """Same class, length and pseudonym everywhere; the message parses, its length is right."""
    content = f"{body} {number} {user} {address} {host} [{six}]"
    message = (
        f"INVITE sip:{number}@{host} SIP/2.0\r\nVia: SIP/2.0/UDP [{six}]:5060;branch=z9hG4bKx;"
        f"received={address}\r\nFrom: <sip:{user}@{address}>;tag=1\r\nTo: <sip:{number}@{host}>\r\n"
        f"Call-ID: q@{address}\r\nCSeq: 1 INVITE\r\nContent-Type: text/plain\r\n"
        f"Content-Length: {len(content.encode())}\r\n\r\n{content}"
    )
    pseudonyms = Pseudonyms()
    pseudonyms.learn(message)
    told = pseudonyms.message(message)
    sentence = pseudonyms.text(f"call {number} from {user} at {address}:5060 of {host}, [{six}]:5")
    for original in (number, number.lstrip("+")[-7:], user, host):
        assert original not in sentence
        assert original not in told
    assert told == pseudonyms.message(message)
    found = re.fullmatch(
        r"call (\+?\d+) from (user-\d+) at ([\d.]+):5060 of (host-\d+\.example), \[(.+)\]:5",
        sentence,
    )
    assert found is not None
    assert len(found[1]) == len(number)
    assert found[1][0] == number[0]
    assert found[3] != address
    assert ipaddress.ip_address(found[5]) in ipaddress.ip_network("2001:db8::/32")
    if address_class(address) == "private":
        assert found[3].startswith("10.")
    parsed = parse_message(told)
    length = len(told.partition("\r\n\r\n")[2].encode())
    assert parsed.first("Content-Length") == str(length)
    assert f"sip:{found[1]}@{found[4]}" in told
    assert f"sip:{found[2]}@{found[3]}" in told
    assert f"Call-ID: q@{found[3]}" in told
