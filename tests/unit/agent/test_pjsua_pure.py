"""What the pjsua2 agent decides without a running library: names, rows of its log, logins."""

import ctypes
import errno
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from wirebuilder import Wire, answered_call

from probe.agent.pjsua.faults import from_status, from_words
from probe.trace.failure import Failure
from probe.trace.trace import AgentNote, BytesDropped, Event, MessageReceived, MessageSent

account = pytest.importorskip("probe.agent.pjsua.account")
wiretap = pytest.importorskip("probe.agent.pjsua.wiretap")
login = pytest.importorskip("probe.agent.pjsua.login")
in_dialog = pytest.importorskip("probe.agent.pjsua.in_dialog")
buffers = pytest.importorskip("probe.agent.pjsua.buffers")
connections = pytest.importorskip("probe.agent.pjsua.connections")

pytestmark = pytest.mark.pjsua2


# Faults -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (120000 + errno.ECONNREFUSED, Failure.TCP_REFUSED),
        (120000 + errno.ETIMEDOUT, Failure.TCP_TIMEOUT),
        (120000 + errno.ENETUNREACH, Failure.NO_ROUTE),
        (120000 + errno.EADDRINUSE, Failure.LOCAL_PORT),
        (70018, Failure.NAME_RESOLUTION),
        (320003, Failure.NAME_RESOLUTION),
        (171173, Failure.TLS_CERTIFICATE),
        (420000, Failure.TLS_HANDSHAKE),
        (499999, Failure.TLS_HANDSHAKE),
        (500000, None),
        (0, None),
        (486, None),
    ],
)
def test_what_a_status_number_means(status: int, failure: Failure | None) -> None:
    """Numbers of PJLIB, the system, PJSIP and OpenSSL are named; others are not."""
    assert from_status(status) is failure


@pytest.mark.parametrize(
    ("words", "failure"),
    [
        ("Connection refused", Failure.TCP_REFUSED),
        ("SSL certificate verification error", Failure.TLS_CERTIFICATE),
        ("TLSV1 ALERT protocol version", Failure.TLS_HANDSHAKE),
        ("Network is unreachable", Failure.NO_ROUTE),
        ("Request Timeout", None),
        ("", None),
    ],
)
def test_what_the_stack_words_mean(words: str, failure: Failure | None) -> None:
    """Words are read without regard to case; unknown ones name nothing."""
    assert from_words(words) is failure


# Caller IDs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("identity", "uri"),
    [
        ("+12025550123", "<sip:+12025550123@pbx.example>"),
        ("sip:a@b.example", "<sip:a@b.example>"),
        ("sips:a@b.example", "<sips:a@b.example>"),
        ("tel:+12025550123", "<tel:+12025550123>"),
        ('"A" <sip:a@b.example>', '"A" <sip:a@b.example>'),
    ],
)
def test_a_caller_id_becomes_a_uri(identity: str, uri: str) -> None:
    """A number is put at the account's host; a URI stays as it is, in angle brackets."""
    assert account.caller_uri(identity, "<sip:100@pbx.example>") == uri
    assert account.caller_uri(identity, "sip:100@pbx.example") == uri


# The wire log -------------------------------------------------------------------------------------


@dataclass
class Row:
    """A row of the library's log."""

    msg: str
    level: int = 4


OPTIONS = "OPTIONS sip:x SIP/2.0\r\nCall-ID: c\r\nContent-Length: 0\r\n\r\n"
PEER = "198.51.100.1:5060"


def row(  # noqa: PLR0913 - the parts of a row
    text: str = OPTIONS,
    *,
    way: str = "TX",
    size: int | None = None,
    mark: str = " ",
    end: str = "\n--end msg--",
    transport: str = "UDP",
) -> Row:
    """Return a row that holds a message."""
    length = len(text.encode("utf-8", "surrogateescape")) if size is None else size
    word = "to" if way == "TX" else "from"
    return Row(
        f"12:00:00.123   pjsua_core.c {mark}.{way} {length} bytes Request msg OPTIONS/cseq=1"
        f" (tdta0x1) {word} {transport} {PEER}:\n{text}{end}"
    )


def tapped(*rows: Row) -> list[Event]:
    """Return the events of some rows, at 2 s."""
    events: list[Event] = []
    tap = wiretap.Wiretap(lambda: 2.0, events.append, lambda kind, far: f"{kind}>{far}")
    for each in rows:
        tap.write(each)
    return events


def test_a_message_that_was_sent() -> None:
    """A TX row is a sent message: whole text, peer, and our own address beside it."""
    expected = MessageSent(at=2.0, transport="UDP", local=f"UDP>{PEER}", remote=PEER, text=OPTIONS)
    assert tapped(row()) == [expected]


def test_a_message_that_was_received() -> None:
    """An RX row is a received message."""
    (event,) = tapped(row(way="RX", transport="tls"))
    assert isinstance(event, MessageReceived)
    assert (event.transport, event.text) == ("TLS", OPTIONS)


def test_a_row_of_another_thread() -> None:
    """The mark of a thread that is not the main one changes nothing."""
    assert tapped(row(mark="!")) == tapped(row())


def test_a_body_that_ends_with_a_line_end() -> None:
    """The line end that the log adds is taken away, the message's own is not."""
    text = OPTIONS + "v=0\n"
    (event,) = tapped(row(text))
    assert isinstance(event, MessageSent)
    assert event.text == text


def test_bytes_that_are_no_utf_8() -> None:
    """A message's length counts bytes, however they read as text."""
    text = OPTIONS + b"\xff\xfe\xc3\xa9".decode("utf-8", "surrogateescape")
    assert [type(event) for event in tapped(row(text))] == [MessageSent]


@pytest.mark.parametrize("end", ["\n--end msg--", ""], ids=["short text", "cut row"])
def test_a_message_that_the_log_cut(end: str) -> None:
    """Where the text has fewer bytes than the message had, a note says so."""
    size = len(OPTIONS) + 7
    message, note = tapped(row(size=size, end=end))
    assert isinstance(message, MessageSent)
    assert message.text == OPTIONS
    assert isinstance(note, AgentNote)
    assert note.kind == "warning"
    assert f"{size} bytes after {len(OPTIONS)}" in note.detail


def test_text_longer_than_the_message() -> None:
    """What the row holds beyond the message's bytes is no part of it."""
    (event,) = tapped(row(OPTIONS + "xy", size=len(OPTIONS)))
    assert isinstance(event, MessageSent)
    assert event.text == OPTIONS


def test_a_message_that_holds_the_end_mark() -> None:
    """The mark inside a message does not end it: the last one counts."""
    text = OPTIONS + "\n--end msg--\nmore"
    (event,) = tapped(row(text))
    assert isinstance(event, MessageSent)
    assert event.text == text


def test_bytes_that_the_stack_dropped() -> None:
    """A complaint about unreadable bytes becomes an event: number, source, the last complaint."""
    told = "syntax error in 'To' on line 3 col 1:\nmissing header Call-ID:\n"
    (event,) = tapped(
        Row(f"12:00 sip_transport. Dropping 12 bytes packet from UDP {PEER} {told}\n", level=2)
    )
    assert event == BytesDropped(at=2.0, remote=PEER, size=12, detail="missing header Call-ID:")


def test_bytes_that_were_dropped_without_a_word() -> None:
    """Where the stack gives no reason, the detail is empty."""
    (event,) = tapped(Row(f"x Dropping 3 bytes packet from UDP {PEER} \n", level=2))
    assert event == BytesDropped(at=2.0, remote=PEER, size=3, detail="")


def test_a_message_that_lacks_a_header_field() -> None:
    """What was read and is not complete is dropped by the stack, too, at another place."""
    told = f"Error processing packet from {PEER}: Missing required header(s)  From [code 171050]:\n"
    text = "SIP/2.0 200 OK\r\nVia: x\r\n\r\n"
    (event,) = tapped(Row(f"12:00 sip_endpoint.c {told}{text}\n-- end of packet.\n", level=1))
    words = "Missing required header(s) From"
    assert event == BytesDropped(at=2.0, remote=PEER, size=len(text), detail=words)


def test_a_failed_assertion() -> None:
    """The library's own assertion is kept as a warning."""
    (event,) = tapped(Row("12:00 os_core_unix. Assert failed: call.c:12 x > 0\n", level=1))
    assert event == AgentNote(at=2.0, kind="warning", detail="assertion: call.c:12 x > 0")


@pytest.mark.parametrize("level", [1, 5])
def test_rows_that_say_nothing_of_the_call(level: int) -> None:
    """Other rows, complaints or not, are no events."""
    assert tapped(Row("12:00:00.123 pjsua_core.c Something happened\n", level)) == []


def test_rows_while_the_library_starts() -> None:
    """While rows are kept, all that are no messages are: with their level, without line ends."""
    events: list[Event] = []
    tap = wiretap.Wiretap(lambda: 0.0, events.append, lambda *_: "")
    tap.rows = []
    tap.write(Row("PJ_DEBUG : 0\n", 3))
    tap.write(row())
    assert tap.rows == [(3, "PJ_DEBUG : 0")]
    assert [type(event) for event in events] == [MessageSent]


# Logins -------------------------------------------------------------------------------------------


class Library:
    """The C functions that the guard calls, without C."""

    def __init__(self, status: int = 0) -> None:
        self.info: bytes | None = b"Request msg REGISTER/cseq=3 (tdta0x1)"
        self.pjsua_get_pjsip_endpt = self._function(1)
        self.pjsip_endpt_register_module = self._function(status)
        self.pjsip_tx_data_get_info: Any = Info(self)

    @staticmethod
    def _function(result: int) -> Any:  # noqa: ANN401 - a C function takes attributes
        class Function(SimpleNamespace):
            def __call__(self, *_: object) -> int:
                return result

        return Function()


class Info(SimpleNamespace):
    """The function that describes a request."""

    def __init__(self, library: Library) -> None:
        super().__init__(library=library)

    def __call__(self, _request: int) -> bytes | None:
        """Return what the test wants."""
        info: bytes | None = self.library.info
        return info


def guard(wire: Wire, info: bytes | None = b"Request msg REGISTER/cseq=3 (tdta0x1)") -> int:
    """Return what the guard says to a request after all events of a wire; 0 lets it pass."""
    library = Library()
    library.info = info
    made = login.LoginGuard(library)
    for event in wire.log.all():
        made.see(event)
    found: int = made._callback(1)
    return found


def refused(**challenge: Any) -> Wire:  # noqa: ANN401 - arguments of Wire.receive
    """Return a REGISTER whose credentials are answered by a challenge."""
    return (
        Wire("REGISTER")
        .send("REGISTER")
        .receive(401)
        .send("REGISTER", auth=True)
        .receive(401, **challenge)
    )


def test_credentials_that_were_refused_are_not_repeated() -> None:
    """After a refusal the stack's next REGISTER is stopped, a request of another method is not."""
    assert guard(refused()) == 70014
    assert guard(refused(), b"Request msg INVITE/cseq=3 (tdta0x1)") == 0


def test_a_request_that_the_stack_does_not_describe() -> None:
    """A request without a description passes."""
    assert guard(refused(), None) == 0


@pytest.mark.parametrize(
    "wire",
    [
        Wire("REGISTER").send("REGISTER"),
        Wire("REGISTER").send("REGISTER").receive(401),
        Wire("REGISTER").send("REGISTER").receive(401).send("REGISTER", auth=True),
        Wire("REGISTER").send("REGISTER").receive(401).send("REGISTER", auth=True).receive(200),
        Wire("REGISTER").send("REGISTER").receive(401).send("REGISTER", auth=True).receive(403),
        refused(stale=True),
        Wire("REGISTER").send("REGISTER").raw("\x00 not SIP").fail(Failure.NO_RESPONSE),
    ],
    ids=["sent", "challenged", "answered", "accepted", "forbidden", "stale", "unreadable"],
)
def test_a_login_that_was_not_refused(wire: Wire) -> None:
    """A first challenge, a stale nonce and any other answer let the next request pass."""
    assert guard(wire) == 0


def test_a_new_action_may_log_in_again() -> None:
    """What was refused is forgotten when an action begins."""
    made = login.LoginGuard(Library())
    for event in refused().log.all():
        made.see(event)
    made.begin()
    assert made._callback(1) == 0


@pytest.mark.parametrize(("status", "taken"), [(0, True), (70004, False)])
def test_whether_the_stack_took_the_guard(status: int, *, taken: bool) -> None:
    """The guard says whether it could be installed."""
    assert login.LoginGuard(Library(status)).install() is taken


def test_a_registration_interval_is_corrected_once() -> None:
    """A longer interval may be asked for after one 423, not after a second; a copy is none."""
    once = Wire("REGISTER").send("REGISTER").receive(423)
    assert guard(once) == 0
    assert guard(once.again()) == 0
    assert guard(once.send("REGISTER").receive(423)) == 70014


# Requests inside a call ---------------------------------------------------------------------------


def looked_at(wire: Wire, status: int = 0) -> int:
    """Return what the module says to a request that just came: 1 takes it from the stack."""
    library = Library()
    library.pjsip_endpt_respond_stateless = Library._function(status)
    made = in_dialog.InDialog(library)
    assert made.install()
    for event in wire.log.all():
        made.see(event)
    found: int = made._callback(1)
    return found


@pytest.mark.parametrize(
    ("method", "headers", "taken"),
    [
        ("OPTIONS", {}, 1),
        ("INFO", {}, 1),
        ("INFO", {"Info-Package": "trickle-ice"}, 0),
        ("UPDATE", {}, 0),
        ("BYE", {}, 0),
    ],
)
def test_what_is_answered_inside_a_call(
    method: str, headers: dict[str, str | None], taken: int
) -> None:
    """OPTIONS and a plain INFO are answered by us, all else by the stack."""
    assert looked_at(answered_call().request(method, headers=headers)) == taken


def test_what_is_left_to_the_stack() -> None:
    """A request outside a call, what cannot be read, a message of ours, and what cannot be sent."""
    call = answered_call()
    assert looked_at(call) == 0
    assert looked_at(answered_call().raw("\x00 not SIP")) == 0
    assert looked_at(answered_call().request("OPTIONS"), status=70004) == 0


@pytest.mark.parametrize(
    ("allowed", "cipher", "name", "version"),
    [
        (16 | 32, 0x1302, "TLS_AES_256_GCM_SHA384", "1.3"),
        (16 | 32, 0x03001301, "TLS_AES_128_GCM_SHA256", "1.3"),
        (16 | 32, 0xC030, "ECDHE-RSA-AES256-GCM-SHA384", "1.2"),
        (16 | 32, 0xC014, "ECDHE-RSA-AES256-SHA", "1.2"),
        (4 | 8 | 16, 0xC014, "ECDHE-RSA-AES256-SHA", "1.0 to 1.2"),
        (4 | 8 | 16, 0xC027, "ECDHE-RSA-AES128-SHA256", "1.2"),
        (0, 0, "", ""),
    ],
)
def test_version_of_tls_is_told_by_the_cipher(
    allowed: int, cipher: int, name: str, version: str
) -> None:
    """The stack tells which versions were allowed, not which one was agreed."""
    assert connections.agreed_version(allowed, cipher, name) == version


# Memory -------------------------------------------------------------------------------------------


def test_memory_of_our_own_is_read() -> None:
    """It is the process's own."""
    text = ctypes.create_string_buffer(b"INVITE sip:b SIP/2.0")
    assert buffers.peek(ctypes.addressof(text), 6) == b"INVITE"


@pytest.mark.parametrize("address", [0, 8, 1 << 46, (1 << 63) - 1, 1 << 70])
def test_an_address_of_nobody_is_no_crash(address: int) -> None:
    """What another build has there may point anywhere."""
    assert buffers.peek(address, 100) == b""


def test_the_guard_is_asked_only_while_something_was_refused() -> None:
    """The stack finds its function after a refusal, and none when a new action begins."""
    made = login.LoginGuard(Library())
    assert not made._module.on_tx_request
    for event in refused().log.all():
        made.see(event)
    assert made._module.on_tx_request
    assert made._module.on_tx_request(1) == 70014
    made.begin()
    assert not made._module.on_tx_request
