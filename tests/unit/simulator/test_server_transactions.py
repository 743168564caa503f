"""Server transactions on a clock that the test owns."""

import pytest
from sip_phone import Clock
from sipmessage import Request

from probe.simulator.answers import answer_of
from probe.simulator.clock import Timers
from probe.simulator.messages import read
from probe.simulator.records import Address, Records
from probe.simulator.transactions import ServerTransaction, State, TransactionLayer
from probe.simulator.transport import Flow


class User:
    """A transaction user that keeps what it is given."""

    def __init__(self) -> None:
        self.transactions: list[ServerTransaction] = []
        self.acks: list[Request] = []

    def serve(self, transaction: ServerTransaction) -> None:
        """Keep a transaction."""
        self.transactions.append(transaction)

    def acknowledge(self, request: Request) -> None:
        """Keep an ACK."""
        self.acks.append(request)


@pytest.fixture
def sent() -> list[tuple[float, str]]:
    """Return where sent bytes go, as (time, status line)."""
    return []


@pytest.fixture
def layer(clock: Clock) -> TransactionLayer:
    """Return a layer with the standard's timers."""
    return TransactionLayer(scheduler=clock, timers=Timers(), server="test")


@pytest.fixture
def flow(clock: Clock, sent: list[tuple[float, str]]) -> Flow:
    """Return a way that notes instead of sending."""

    def write(data: bytes, _address: Address) -> None:
        sent.append((clock.now, data.split(b"\r\n")[0].decode()))

    address = ("127.0.0.1", 5060)
    return Flow(transport="UDP", local=address, peer=address, write=write, records=Records())


def request(method: str, branch: str = "z9hG4bK-1") -> Request:
    """Return a parsed request."""
    return read(
        f"{method} sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch={branch}\r\n"
        "From: <sip:a@127.0.0.1>;tag=a\r\nTo: <sip:x@127.0.0.1>\r\nCall-ID: c\r\n"
        f"CSeq: 1 {method}\r\n\r\n".encode()
    )


def test_requests_before_the_user_is_there_are_dropped(
    layer: TransactionLayer, flow: Flow, sent: list[tuple[float, str]]
) -> None:
    """A layer without user serves nothing."""
    layer.receive_request(request("OPTIONS"), flow)
    assert sent == []


def test_timer_g_doubles_to_t2_and_timer_h_ends_it(
    layer: TransactionLayer, flow: Flow, sent: list[tuple[float, str]], clock: Clock
) -> None:
    """A refused INVITE goes out at 0, 0.5, 1.5, 3.5 s and then every 4 s, until 32 s."""
    user = User()
    layer.attach(user)
    layer.receive_request(request("INVITE"), flow)
    user.transactions[0].respond(answer_of(486, "x"))
    clock.pass_to(100)
    assert [at for at, _ in sent] == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert user.transactions[0].state is State.TERMINATED


def test_the_ack_ends_the_repetition_and_is_absorbed(
    layer: TransactionLayer, flow: Flow, sent: list[tuple[float, str]], clock: Clock
) -> None:
    """After the ACK nothing is sent, more ACKs reach nobody, and after T4 all is forgotten."""
    user = User()
    layer.attach(user)
    layer.receive_request(request("INVITE"), flow)
    (transaction,) = user.transactions
    transaction.respond(answer_of(486, "x"))
    for _ in range(2):
        layer.receive_request(request("ACK"), flow)
    clock.pass_to(4.9)
    assert transaction.state is State.CONFIRMED
    clock.pass_to(5.1)
    assert transaction.state is State.TERMINATED
    assert len(sent) == 1
    assert user.acks == []


def test_an_accepted_invite_absorbs_its_retransmissions(
    layer: TransactionLayer, flow: Flow, sent: list[tuple[float, str]], clock: Clock
) -> None:
    """RFC 6026: the 200 is the call's to repeat, and its ACK is the call's to take."""
    user = User()
    layer.attach(user)
    layer.receive_request(request("INVITE"), flow)
    user.transactions[0].respond(answer_of(200, "x"))
    layer.receive_request(request("INVITE"), flow)
    layer.receive_request(request("ACK", branch="z9hG4bK-2"), flow)
    clock.pass_to(33)
    assert len(sent) == len(user.transactions) == len(user.acks) == 1
    assert user.transactions[0].state is State.TERMINATED


def test_nothing_follows_a_final_response(
    layer: TransactionLayer, flow: Flow, sent: list[tuple[float, str]]
) -> None:
    """A second final response is not sent."""
    user = User()
    layer.attach(user)
    layer.receive_request(request("OPTIONS"), flow)
    assert user.transactions[0].respond(answer_of(200, "x"))
    assert user.transactions[0].respond(answer_of(500, "x")) == b""
    assert [line for _, line in sent] == ["SIP/2.0 200 OK"]


def test_a_request_without_response_yet_is_absorbed_when_repeated(
    layer: TransactionLayer, flow: Flow, sent: list[tuple[float, str]]
) -> None:
    """There is nothing to send again before the first response."""
    user = User()
    layer.attach(user)
    for _ in range(2):
        layer.receive_request(request("OPTIONS"), flow)
    assert sent == []
    assert len(user.transactions) == 1
