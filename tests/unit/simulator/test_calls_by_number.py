"""What a caller sees for each dialled number, over real sockets."""

import re
import socket
from collections.abc import Callable

import pytest
from sip_phone import Phone

from probe.simulator.clock import Timers
from probe.simulator.numbers import TestNumber, behaviour_of, numbers
from probe.simulator.trunk import EmbeddedTrunk
from probe.sip.message import SipMessage

OFFER = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio {port} RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"
)
FINALS = [row for row in numbers() if row.number.startswith("9")]


def statuses(messages: list[SipMessage]) -> list[int | None]:
    """Return the status codes."""
    return [message.status for message in messages]


@pytest.fixture
def opened(start: Callable[..., EmbeddedTrunk], connect: Callable[..., Phone]) -> Phone:
    """Return a phone on a trunk that asks calls for no credentials."""
    return connect(start(challenge_calls=False, timers=Timers(t1=0.05, t2=0.4, t4=0.1)))


def test_an_ordinary_number_rings_and_answers(trunk: EmbeddedTrunk, phone: Phone) -> None:
    """After 407: 100, 180, 200 with an answer, ACK, and BYE gets 200."""
    challenged = phone.ask("INVITE", "+12025550123")
    assert challenged.status == 407
    seen = phone.invite("+12025550123")
    assert statuses(seen) == [100, 180, 200]
    answered = seen[-1]
    assert answered.sdp.audio.codecs == ("PCMU", "telephone-event")
    assert answered.sdp.address == "127.0.0.1"
    assert "Contact" in dict(answered.fields)
    assert seen[1].to_tag == answered.to_tag
    assert seen[0].to_tag == ""
    phone.acknowledge(answered)
    assert phone.ask("BYE", "+12025550123", to_tag=answered.to_tag).status == 200
    (call,) = trunk.calls
    assert (call.state, call.code, call.ended_by) == ("ended", 200, "caller")
    assert (call.dialled, call.caller) == ("+12025550123", "100")
    assert phone.ask("BYE", "+12025550123", to_tag=answered.to_tag).status == 481


@pytest.mark.parametrize("row", FINALS, ids=lambda row: row.number)
def test_each_code_has_a_number(opened: Phone, row: TestNumber) -> None:
    """9 and the code, or its name, lead to that code with its standard phrase."""
    for dialled in (row.number, row.alias):
        opened.call_id += "x"
        final = opened.invite(dialled)[-1]
        assert final.status == row.codes[-1]
        assert f"{final.status} {final.reason}" == row.does
        if final.status < 300:
            assert final.sdp is not None
            opened.acknowledge(final, dialled)


ENDING = [
    row
    for row in numbers()
    if row.number[0] in "+7"
    and row.number not in {"7010", "7011"}  # they take seconds: see test_slow_scripts
    and row.codes
    and row.codes[-1] >= 200
]


@pytest.mark.parametrize("row", ENDING, ids=lambda row: row.number)
def test_a_script_shows_the_codes_of_the_table(opened: Phone, row: TestNumber) -> None:
    """A row of the table is what a caller sees."""
    assert tuple(statuses(opened.invite(row.number))) == row.codes


@pytest.mark.parametrize(("number", "delay"), [("7010", 4.0), ("7011", 20.0)])
def test_slow_scripts_say_how_slow(number: str, delay: float) -> None:
    """The slow rows wait as long as they say."""
    assert delay in [reply.after for reply in behaviour_of(number).replies]


@pytest.mark.parametrize(("dialled", "name"), [("9401", "WWW"), ("9407", "Proxy")])
def test_a_challenge_that_is_never_satisfied(phone: Phone, dialled: str, name: str) -> None:
    """401 and 407 come with a challenge, and again after the right answer to it."""
    first = phone.invite(dialled)[-1]
    assert first.first(f"{name}-Authenticate").startswith("Digest ")
    line = phone.credentials(first, "INVITE")
    assert phone.invite(dialled, line)[-1].status == first.status


def test_wrong_credentials_for_a_call_are_forbidden(phone: Phone) -> None:
    """An INVITE with a wrong digest gets 403."""
    phone.password = "wrong"
    assert phone.invite("+12025550123")[-1].status == 403


def test_403_before_any_challenge(phone: Phone) -> None:
    """7016 refuses before it asks, as an address list does."""
    assert statuses(phone.invite("7016")) == [403]


@pytest.mark.parametrize(
    ("dialled", "field", "value"),
    [
        ("9302", "Contact", r"<sip:\+12025550123@127\.0\.0\.1:\d+>"),
        ("9404", "Reason", r"Q\.850;cause=1;.*"),
        ("9405", "Allow", ".+"),
        ("9415", "Accept", "application/sdp"),
        ("9420", "Unsupported", ".+"),
        ("9422", "Min-SE", r"\d+"),
        ("9423", "Min-Expires", r"\d+"),
        ("9480", "Retry-After", r"\d+"),
        ("9486", "Reason", r"Q\.850;cause=17;.*"),
        ("9488", "Warning", r'305 127\.0\.0\.1:\d+ ".+"'),
        ("9503", "Retry-After", "30"),
        ("7013", "Reason", r"Q\.850;cause=34;.*"),
        ("7015", "Reason", r"SIP;cause=603;.*v=analytics1.*"),
    ],
)
def test_a_refusal_carries_what_belongs_to_it(
    opened: Phone, dialled: str, field: str, value: str
) -> None:
    """A code brings the header fields that explain it."""
    assert re.fullmatch(value, opened.invite(dialled)[-1].first(field))


def test_603_plus_has_its_own_phrase(opened: Phone) -> None:
    """The analytics block is told from a plain decline by phrase and Reason."""
    assert opened.invite("7015")[-1].reason == "Network Blocked"
    assert opened.invite("9603")[-1].reason == "Decline"


@pytest.mark.parametrize(("dialled", "code"), [("7001", 100), ("7002", 180), ("7004", 183)])
def test_a_call_that_never_ends_by_itself_can_be_cancelled(
    trunk: EmbeddedTrunk, phone: Phone, dialled: str, code: int
) -> None:
    """CANCEL gets 200, the INVITE 487, both with one To tag."""
    branch, cseq = phone.ring(dialled, until=code)
    phone.write(phone.text("CANCEL", dialled, branch=branch, cseq=cseq))
    cancelled, terminated = phone.read(), phone.read()
    assert (cancelled.status, cancelled.cseq[1]) == (200, "CANCEL")
    assert (terminated.status, terminated.cseq[1]) == (487, "INVITE")
    assert cancelled.to_tag == terminated.to_tag
    phone.refused(terminated, dialled, branch)
    assert phone.nothing()
    assert trunk.calls[-1].ended_by == "cancel"


def test_cancel_after_the_answer_changes_nothing(trunk: EmbeddedTrunk, phone: Phone) -> None:
    """A CANCEL that comes too late gets 200, and the call lives."""
    branch, cseq = phone.ring("9200", until=200)
    phone.write(phone.text("CANCEL", "9200", branch=branch, cseq=cseq))
    while (message := phone.read()).cseq[1] != "CANCEL":
        pass
    assert message.status == 200
    assert trunk.calls[-1].state == "answered"


def test_silence_to_every_method(opened: Phone) -> None:
    """7017 responds to nothing at all."""
    for method in ("INVITE", "OPTIONS", "MESSAGE"):
        opened.write(opened.text(method, "7017"))
    assert opened.nothing()


def test_the_ack_that_is_ignored(trunk: EmbeddedTrunk, phone: Phone) -> None:
    """7020 repeats its 200 in spite of the ACK and sends BYE after 64 x T1."""
    answered = phone.invite("7020")[-1]
    phone.acknowledge(answered)
    repeats = 0
    while (message := phone.read()).status == 200:
        assert message.to_tag == answered.to_tag
        repeats += 1
    assert repeats >= 5
    assert message.method == "BYE"
    assert trunk.calls[-1].ended_by == "ack-timeout"


def test_a_200_without_ack_is_repeated_until_the_ack(trunk: EmbeddedTrunk, phone: Phone) -> None:
    """An ordinary answer comes again after T1, and no more after its ACK."""
    answered = phone.invite("+12025550123")[-1]
    assert phone.read().status == 200
    phone.acknowledge(answered)
    phone.ask("BYE", "x", to_tag=answered.to_tag)
    assert trunk.calls[-1].ended_by == "caller"


def test_the_trunk_hangs_up(trunk: EmbeddedTrunk, phone: Phone) -> None:
    """7022 sends BYE with its cause, and takes 200 for an answer."""
    phone.call("7022")
    bye = phone.read()
    assert bye.method == "BYE"
    assert bye.first("Reason").startswith("Q.850;cause=88")
    assert bye.request_uri == f"sip:100@127.0.0.1:{phone.port}"
    phone.reply(bye)
    assert phone.nothing()
    assert trunk.calls[-1].ended_by == "trunk"


def test_a_bye_without_answer_is_repeated(phone: Phone) -> None:
    """Over UDP the trunk's own BYE comes again until it is answered."""
    phone.call("7022")
    first, second = phone.read(), phone.read()
    assert first.method == second.method == "BYE"
    assert first.branch == second.branch
    phone.reply(second, "100 Trying")
    assert phone.read().method == "BYE"


def test_bye_that_is_ignored(trunk: EmbeddedTrunk, phone: Phone) -> None:
    """7023 ends the call but never responds to BYE."""
    answered = phone.call("7023")
    phone.write(phone.text("BYE", "7023", to_tag=answered.to_tag))
    assert phone.nothing()
    assert trunk.calls[-1].ended_by == "caller"


def test_bye_before_the_answer_ends_the_call(trunk: EmbeddedTrunk, phone: Phone) -> None:
    """BYE in an early dialog gets 200, the INVITE 487."""
    phone.write(phone.text("OPTIONS", "x"))
    phone.final()
    phone.ring("7002", until=180)
    ringing = next(m for m in reversed(trunk.log) if m.code == 180)
    tag = re.search(r"To: .*;tag=(\w+)", ringing.text).group(1)
    phone.write(phone.text("BYE", "7002", to_tag=tag))
    assert {phone.read().status, phone.read().status} == {200, 487}


def test_forks_differ_in_their_tag(opened: Phone) -> None:
    """Two early dialogs have two To tags, and the 200 belongs to the second."""
    _, first, ended, second, answered = opened.invite("code-199")
    assert first.to_tag == ended.to_tag != second.to_tag == answered.to_tag
    opened.acknowledge(answered)
    assert opened.ask("BYE", "x", to_tag=answered.to_tag).status == 200


@pytest.mark.parametrize(
    ("dialled", "port_is_zero", "codecs"),
    [
        ("7031", True, ("PCMU", "PCMA", "101")),
        ("7032", False, ("L16",)),
        ("7033", False, ("PCMU", "telephone-event")),
    ],
)
def test_answers_that_are_no_use(
    opened: Phone, dialled: str, port_is_zero: bool, codecs: tuple[str, ...]
) -> None:
    """Port 0, an unoffered codec and an inactive stream are answered as the table says."""
    audio = opened.invite(dialled)[-1].sdp.audio
    assert (audio.port == 0) is port_is_zero
    assert audio.codecs == codecs
    assert (audio.direction == "inactive") is (dialled == "7033")


def test_an_answer_without_description(opened: Phone) -> None:
    """7030 answers 200 with no body."""
    assert opened.invite("7030")[-1].body == ""


def test_an_unusable_contact(opened: Phone) -> None:
    """7036 gives a tel URI where an ACK should go."""
    assert opened.invite("7036")[-1].first("Contact") == "<tel:+12025550123>"


def test_an_invite_without_offer_gets_one(opened: Phone) -> None:
    """The 200 to a late offer carries the trunk's own."""
    audio = opened.invite("+12025550123", body="")[-1].sdp.audio
    assert audio.codecs == ("PCMU", "PCMA", "telephone-event")


@pytest.mark.parametrize(
    ("media", "warning"),
    [
        ("m=audio 4000 RTP/AVP 18\r\n", "305"),
        ("m=audio 4000 RTP/SAVP 0\r\n", "302"),
        ("m=video 4000 RTP/AVP 31\r\n", "304"),
    ],
)
def test_an_offer_that_cannot_be_taken(opened: Phone, media: str, warning: str) -> None:
    """A foreign codec, SRTP or no audio is 488 with the Warning that says which."""
    body = f"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n{media}"
    final = opened.invite("+12025550123", body=body)[-1]
    assert final.status == 488
    assert final.first("Warning").startswith(warning)


def test_a_body_that_is_no_description(opened: Phone) -> None:
    """Anything but SDP in an INVITE is 415 with Accept."""
    final = opened.invite("+12025550123", "Content-Type: text/html", body="<p>")[-1]
    assert final.status == 415
    assert final.first("Accept") == "application/sdp"


def test_no_number_is_not_found(phone: Phone) -> None:
    """A Request-URI without user is 404."""
    text = phone.text("INVITE", "x").replace("INVITE sip:x@127.0.0.1", "INVITE sip:127.0.0.1", 1)
    phone.write(text)
    assert phone.final()[-1].status == 404


@pytest.mark.parametrize("contact", ["Contact: <tel:+12025550123>", "Contact: *"])
def test_an_invite_that_cannot_be_called_back(opened: Phone, contact: str) -> None:
    """Without a SIP URI in Contact no BYE could be sent: 400."""
    assert opened.invite("+12025550123", contact)[-1].status == 400


def test_too_many_calls_are_busy(
    start: Callable[..., EmbeddedTrunk], connect: Callable[..., Phone]
) -> None:
    """One call more than allowed gets 486."""
    phone = connect(start(max_calls=1))
    phone.call()
    phone.call_id += "x"
    assert phone.invite("+12025550123")[-1].status == 486


@pytest.mark.parametrize(("dialled", "seen"), [("7002", 408), ("9200", "BYE")])
def test_a_call_has_a_longest_time(
    start: Callable[..., EmbeddedTrunk],
    connect: Callable[..., Phone],
    dialled: str,
    seen: int | str,
) -> None:
    """A call over its limit is ended by 408 while it rings, by BYE when it was answered."""
    phone = connect(start(max_call_s=0.3, challenge_calls=False))
    phone.write(phone.text("INVITE", dialled))
    while (message := phone.read()).status not in {200, 408}:
        pass
    if message.status == 200:
        phone.acknowledge(message)
        message = phone.read()
    assert seen in {message.status, message.method}


def test_no_rtp_port_is_a_server_error(opened: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no port is free the call is refused with 500."""
    monkeypatch.setattr("probe.simulator.media.RtpPort", raise_os_error)
    assert opened.invite("+12025550123")[-1].status == 500


def raise_os_error(*_arguments: object) -> None:
    """Stand for an exhausted machine."""
    raise OSError


def test_hold_and_resume(opened: Phone) -> None:
    """A re-INVITE is answered with the mirrored direction and needs an ACK of its own."""
    answered = opened.call()
    hold = OFFER.format(port=4000) + "a=sendonly\r\n"
    opened.write(opened.text("INVITE", "x", body=hold, to_tag=answered.to_tag))
    held = opened.final()[-1]
    assert held.sdp.audio.direction == "recvonly"
    assert opened.ask("UPDATE", "x", to_tag=answered.to_tag).status == 491
    opened.acknowledge(held)
    assert opened.ask("UPDATE", "x", to_tag=answered.to_tag).status == 200
    resumed = opened.ask("UPDATE", "x", to_tag=answered.to_tag, body=OFFER.format(port=4000))
    assert resumed.sdp.audio.direction == "sendrecv"


def test_a_session_refresh_without_offer_gets_one(opened: Phone) -> None:
    """A re-INVITE without body is answered with an offer."""
    answered = opened.call()
    opened.write(opened.text("INVITE", "x", to_tag=answered.to_tag))
    refreshed = opened.final()[-1]
    assert refreshed.sdp.audio.codec == "PCMU"


def test_a_re_invite_that_cannot_be_taken(opened: Phone) -> None:
    """A foreign codec in a re-INVITE is 488, and the call goes on."""
    answered = opened.call()
    body = OFFER.format(port=4000).replace("0 8 101", "18")
    refused = opened.ask("INVITE", "x", to_tag=answered.to_tag, body=body)
    assert refused.status == 488
    assert opened.ask("OPTIONS", "x", to_tag=answered.to_tag).status == 200


def test_a_re_invite_without_free_port(opened: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call without media so far cannot get some where no port is free."""
    answered = opened.call("7030")
    monkeypatch.setattr("probe.simulator.media.RtpPort", raise_os_error)
    body = OFFER.format(port=4000)
    assert opened.ask("INVITE", "x", to_tag=answered.to_tag, body=body).status == 488


def test_record_route_comes_back_and_is_used(opened: Phone) -> None:
    """Record-Route is copied into the answer, and the trunk's BYE has it as Route."""
    answered = opened.invite("7022", "Record-Route: <sip:127.0.0.1;lr>")[-1]
    assert answered.first("Record-Route") == "<sip:127.0.0.1;lr>"
    opened.acknowledge(answered)
    assert opened.read().first("Route") == "<sip:127.0.0.1;lr>"


def echo(answered: SipMessage) -> bytes | None:
    """Send one RTP packet to the answer's port and return what comes back, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rtp:
        rtp.bind(("127.0.0.1", 0))
        rtp.settimeout(0.3)
        port = answered.sdp.audio.port
        packet = bytes([0x80, 0x00, 0, 7, 0, 0, 0, 160, 1, 2, 3, 4]) + b"sound"
        rtp.sendto(packet, ("127.0.0.1", port + 1))  # RTCP is counted apart
        rtp.sendto(b"no rtp", ("127.0.0.1", port))
        rtp.sendto(packet, ("127.0.0.1", port))
        try:
            return rtp.recv(2048)
        except TimeoutError:
            return None


def test_sound_comes_back(trunk: EmbeddedTrunk, phone: Phone) -> None:
    """RTP is sent back with the same payload and time, and the trunk's own source."""
    back = echo(phone.call())
    assert back[12:] == b"sound"
    assert back[4:8] == bytes([0, 0, 0, 160])
    assert back[8:12] != bytes([1, 2, 3, 4])
    (call,) = trunk.calls
    assert (call.rtp_packets, call.rtp_echoed, call.rtcp_packets) == (1, 1, 1)
    assert call.state == "confirmed"


def test_sound_that_does_not_come_back(trunk: EmbeddedTrunk, phone: Phone) -> None:
    """7034 counts what it hears and stays mute."""
    assert echo(phone.call("7034")) is None
    assert trunk.calls[0].rtp_packets == 1


def test_early_media_is_a_tone_and_ends_with_the_answer(opened: Phone) -> None:
    """7003 plays 20 ms frames of PCMU before the answer, and echoes after it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rtp:
        rtp.bind(("127.0.0.1", 0))
        rtp.settimeout(2)
        seen = opened.invite("7003", rtp=rtp.getsockname()[1])
        first, second = rtp.recv(2048), rtp.recv(2048)
        assert statuses(seen) == [100, 183, 200]
        assert seen[1].has_sdp
        assert len(first) == 172
        assert (first[:2], second[:2]) == (b"\x80\x80", b"\x80\x00")  # a talk spurt begins
        assert int.from_bytes(second[4:8], "big") - int.from_bytes(first[4:8], "big") == 160
    assert echo(seen[-1]) is not None


def test_cancel_of_an_invite_that_was_refused(phone: Phone) -> None:
    """CANCEL for an INVITE that got 407 is 200 and changes nothing."""
    phone.write(phone.text("INVITE", "+12025550123", branch="z9hG4bK-late"))
    challenged = phone.final()[-1]
    phone.refused(challenged, "+12025550123", "z9hG4bK-late")
    phone.write(phone.text("CANCEL", "+12025550123", branch="z9hG4bK-late", cseq=phone.cseq))
    while (message := phone.read()).cseq[1] != "CANCEL":
        pass
    assert message.status == 200
