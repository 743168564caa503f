"""Events in order, retransmissions marked."""

from wirebuilder import LOCAL, OFFER, REMOTE, Wire, answered_call

from probe.trace.builder import EventLog
from probe.trace.trace import AgentNote, BytesDropped, MessageReceived, MessageSent


def message(text: str, at: float = 0.0, *, sent: bool = True) -> MessageSent | MessageReceived:
    """Return one message event."""
    kind = MessageSent if sent else MessageReceived
    return kind(at=at, transport="UDP", local=LOCAL, remote=REMOTE, text=text)


def test_the_same_bytes_the_same_way_are_a_retransmission() -> None:
    """RFC 3261 §17: a retransmitted request keeps its branch, a response is a copy."""
    log = EventLog()
    first, second = log.add(message("OPTIONS")), log.add(message("OPTIONS", 0.5))
    assert isinstance(first, MessageSent)
    assert isinstance(second, MessageSent)
    assert (first.retransmission, second.retransmission) == (False, True)
    assert log.all() == (first, second)
    assert len(log) == 2


def test_an_echo_is_no_retransmission() -> None:
    """Bytes that come back the other way are another message."""
    log = EventLog()
    log.add(message("OPTIONS"))
    echo = log.add(message("OPTIONS", sent=False))
    assert isinstance(echo, MessageReceived)
    assert not echo.retransmission


def test_an_attempt_gets_its_messages_and_its_time() -> None:
    """Messages go by Call-ID, whatever has none goes by time."""
    log = EventLog()
    for event in Wire(call_id="mine").send("INVITE", body=OFFER).trace().events:
        log.add(event)
    for event in Wire(call_id="other").send("INVITE", body=OFFER).trace().events:
        log.add(event)
    early = log.add(AgentNote(at=0.0, kind="restart", detail="before"))
    inside = log.add(BytesDropped(at=2.0, remote=REMOTE, size=4, detail="short"))
    rubbish = log.add(message("rubbish", 2.5, sent=False))
    found = log.about({"mine"}, 1.0, 3.0)
    assert found == (log.all()[0], inside, rubbish)
    assert early not in found


def test_a_failure_goes_by_its_call() -> None:
    """An event that names a Call-ID belongs to it at any time."""
    log = EventLog()
    for event in answered_call().trace().events:
        log.add(event)
    assert log.about({"c1@192.0.2.10"}, 99.0, 100.0) == log.all()


def test_whether_a_registration_stood() -> None:
    """By the 2xx of the last REGISTER, and whether that removed it."""
    wire = Wire("REGISTER").send("REGISTER").receive(401).send("REGISTER", auth=True)
    wire.receive(200, at=1.0).send("REGISTER", headers={"Expires": "0"}).receive(200, at=2.0)
    stood = [wire.log.registered(at) for at in (0.5, 1.5, 2.5)]
    assert stood == [False, True, False]


def test_the_time_of_what_was_sent_last_is_corrected() -> None:
    """It was told before it left; what was received meanwhile keeps its own."""
    log = EventLog()
    text = "OPTIONS sip:b SIP/2.0\r\nCall-ID: one\r\n\r\n"
    for at in (0.1, 0.2):
        log.add(MessageSent(at=at, transport="UDP", local="", remote="", text=text))
    log.add(MessageReceived(at=0.21, transport="UDP", local="", remote="", text=text))
    log.left(0.25)
    log.left(0.24)  # never back
    assert [event.at for event in log.all()] == [0.1, 0.25, 0.21]
    assert [event.at for event in log.about({"one"}, 0.0, 1.0)] == [0.1, 0.21, 0.25]


def test_a_correction_of_nothing() -> None:
    """Nothing was sent yet."""
    log = EventLog()
    log.left(1.0)
    assert log.all() == ()
