"""Server and client transactions (RFC 3261 §17.1.2, §17.2; RFC 6026 for accepted INVITEs).

A server transaction answers its own retransmissions, repeats a refused INVITE's final response over
UDP until the ACK comes (timers G and H), and forgets itself afterwards (I, J, L). A client
transaction, for the trunk's own BYE and NOTIFY (INVITE has a file of its own), repeats over UDP
until a final response or 64 x T1. Requests are matched as §17.2.3 says, with RFC 2543's way for
branches without the cookie.
"""

import secrets
from collections import OrderedDict
from collections.abc import Callable
from enum import Enum
from typing import Protocol

from sipmessage import Request, Response

from probe.simulator.answers import Answer
from probe.simulator.clock import Cancellable, Repeater, Scheduler, Timers
from probe.simulator.messages import reply_address, respond, tag_of
from probe.simulator.records import Address
from probe.simulator.transport import Flow

MAX_TRANSACTIONS = 4096
"""Server transactions kept; the oldest are dropped first."""

MAX_CLIENT_TRANSACTIONS = 1024
"""Client transactions at a time; the oldest are dropped first."""

_COOKIE = "z9hG4bK"

Key = tuple[str, ...]
"""What makes requests belong to one transaction."""


class State(Enum):
    """Where a server transaction stands (RFC 3261 §17.2, RFC 6026 §7.1)."""

    PROCEEDING = "no final response yet"
    COMPLETED = "a final response was sent"
    CONFIRMED = "its ACK came"
    ACCEPTED = "an INVITE was answered by a 2xx, which the call itself repeats"
    TERMINATED = "forgotten"


def key_of(request: Request, method: str | None = None) -> Key:
    """Return the transaction key of a request, as if it were of ``method``."""
    via = request.via[0]
    branch = via.parameters.get("branch") or ""
    name = method or ("INVITE" if request.method == "ACK" else request.method)
    if branch.startswith(_COOKIE):
        return (branch, via.host.lower(), str(via.port), name)
    return (
        request.call_id,
        tag_of(request.headers["From"]),
        str(request.cseq.sequence),
        f"{via.host}:{via.port}:{branch}",
        str(request.uri),
        name,
    )


class ServerTransaction:
    """One request and its answers."""

    def __init__(self, request: Request, flow: Flow, layer: "TransactionLayer") -> None:
        """Take a request whose topmost Via carries ``received`` and ``rport`` already."""
        self.request = request
        self.flow = flow
        self.to_tag = secrets.token_hex(8)
        "The To tag of every response, where the request had none."
        self.state = State.PROCEEDING
        self.key = key_of(request)
        self._layer = layer
        self._address: Address | None = None if flow.reliable else reply_address(request, flow.peer)
        self._last = b""
        self._repeater: Repeater | None = None
        self._forget: Cancellable | None = None

    @property
    def answered(self) -> bool:
        """Whether a final response was sent."""
        return self.state is not State.PROCEEDING

    def respond(self, answer: Answer) -> bytes:
        """Send a response and return its bytes; nothing is sent after a final one."""
        if self.answered:
            return b""
        data = respond(self.request, answer, to_tag=self.to_tag, server=self._layer.server)
        self._last = data
        self.flow.send(data, self._address)
        if answer.code >= 200:
            self._finish(answer.code)
        return data

    def send_again(self, data: bytes) -> None:
        """Send bytes the way the responses go, whatever the state."""
        self.flow.send(data, self._address)

    def repeated(self) -> None:
        """Answer a retransmission of the request."""
        if self._last and self.state in {State.PROCEEDING, State.COMPLETED}:
            self.flow.send(self._last, self._address)

    def acknowledged(self) -> None:
        """Take the ACK of a refused INVITE: stop repeating, absorb more ACKs for T4."""
        if self.state is State.COMPLETED:
            self.state = State.CONFIRMED
            self._stop()
            self._expire(0.0 if self.flow.reliable else self._layer.timers.t4)

    def terminate(self) -> None:
        """Forget the transaction."""
        self._stop()
        self.state = State.TERMINATED
        self._layer.forget(self)

    def _finish(self, code: int) -> None:
        timers = self._layer.timers
        if self.request.method != "INVITE":
            self.state = State.COMPLETED
            self._expire(0.0 if self.flow.reliable else timers.give_up)
        elif code < 300:
            self.state = State.ACCEPTED
            self._expire(timers.give_up)
        else:
            self.state = State.COMPLETED
            self._repeater = Repeater(
                self._layer.scheduler,
                timers=timers,
                send=self.repeated,
                give_up=self.terminate,
                repeat=not self.flow.reliable,
            )

    def _expire(self, delay: float) -> None:
        self._forget = self._layer.scheduler.call_later(delay, self.terminate)

    def _stop(self) -> None:
        if self._repeater is not None:
            self._repeater.stop()
            self._repeater = None
        if self._forget is not None:
            self._forget.cancel()
            self._forget = None


def sign(request: Request, flow: Flow) -> None:
    """Give a request of ours its Via, with a new branch."""
    branch = _COOKIE + secrets.token_hex(10)
    request.headers.setlist("Via", [f"SIP/2.0/{flow.transport} {flow.here};branch={branch};rport"])


def client_key(request: Request) -> Key:
    """Return the key by which responses to a request of ours are known (§17.1.3)."""
    return (request.via[0].parameters.get("branch") or "", request.method)


class ClientSide(Protocol):
    """A client transaction as the layer sees it."""

    key: Key

    def receive(self, response: Response) -> None:
        """Take a response."""

    def stop(self) -> None:
        """Send nothing more and tell nobody."""


class ClientTransaction:
    """One request of the trunk's own (never an INVITE) until its final response."""

    def __init__(
        self,
        request: Request,
        flow: Flow,
        layer: "TransactionLayer",
        on_final: Callable[[Response | None], None],
    ) -> None:
        """``on_final`` gets the final response, or None where none came in 64 x T1.

        A request that has a Via already, as a CANCEL has (§9.1), keeps it.
        """
        if "Via" not in request.headers.keys():  # noqa: SIM118 - it is no mapping
            sign(request, flow)
        self.key: Key = client_key(request)
        self._data = bytes(request)
        self._flow = flow
        self._layer = layer
        self._on_final = on_final
        self._send()
        self._repeater = Repeater(
            layer.scheduler,
            timers=layer.timers,
            send=self._send,
            give_up=lambda: self.finish(None),
            repeat=not flow.reliable,
        )

    def _send(self) -> None:
        self._flow.send(self._data)

    def receive(self, response: Response) -> None:
        """Take a response; a provisional one changes nothing."""
        if response.code >= 200:
            self.finish(response)

    def finish(self, response: Response | None) -> None:
        """End the transaction."""
        self.stop()
        self._layer.forget_client(self.key)
        self._on_final(response)

    def stop(self) -> None:
        """Send it no more."""
        self._repeater.stop()


class TransactionUser(Protocol):
    """What sits above the transactions (RFC 3261 §5: the TU)."""

    def serve(self, transaction: ServerTransaction) -> None:
        """Take a new request, once."""

    def acknowledge(self, request: Request) -> None:
        """Take an ACK that belongs to no refused INVITE."""


class TransactionLayer:
    """Every transaction of the trunk."""

    def __init__(
        self,
        *,
        scheduler: Scheduler,
        timers: Timers,
        server: str,
    ) -> None:
        """``server`` is the Server header field of every response."""
        self.scheduler = scheduler
        self.timers = timers
        self.server = server
        self._user: TransactionUser | None = None
        self._server: OrderedDict[Key, ServerTransaction] = OrderedDict()
        self._client: OrderedDict[Key, ClientSide] = OrderedDict()

    def attach(self, user: TransactionUser) -> None:
        """Name the transaction user; before it is named, requests are dropped."""
        self._user = user

    def receive_request(self, request: Request, flow: Flow) -> None:
        """Match a request to its transaction or open a new one."""
        if self._user is None:
            return
        transaction = self._server.get(key_of(request))
        if request.method == "ACK":
            if transaction is not None and transaction.state is not State.ACCEPTED:
                transaction.acknowledged()
            else:
                self._user.acknowledge(request)
        elif transaction is not None:
            transaction.repeated()
        else:
            transaction = ServerTransaction(request, flow, self)
            self._server[transaction.key] = transaction
            while len(self._server) > MAX_TRANSACTIONS:
                next(iter(self._server.values())).terminate()
            self._user.serve(transaction)

    def receive_response(self, response: Response) -> None:
        """Match a response to the trunk's own request; others are dropped (RFC 3261 §18.1.2)."""
        branch = response.via[0].parameters.get("branch") or ""
        transaction = self._client.get((branch, response.cseq.method))
        if transaction is not None:
            transaction.receive(response)

    def invite_of(self, cancel: Request) -> ServerTransaction | None:
        """Return the INVITE transaction that a CANCEL means (RFC 3261 §9.2)."""
        return self._server.get(key_of(cancel, "INVITE"))

    def send_request(
        self,
        request: Request,
        flow: Flow,
        on_final: Callable[[Response | None], None] = lambda _response: None,
    ) -> ClientTransaction:
        """Send a request of our own and repeat it as UDP needs."""
        transaction = ClientTransaction(request, flow, self, on_final)
        self.enter(transaction)
        return transaction

    def enter(self, transaction: ClientSide) -> None:
        """Keep a client transaction, so that it gets its responses."""
        self._client[transaction.key] = transaction
        while len(self._client) > MAX_CLIENT_TRANSACTIONS:
            _, oldest = self._client.popitem(last=False)
            oldest.stop()

    def is_ours(self, request: Request) -> bool:
        """Whether a request that came in is one that the trunk sent to itself."""
        return client_key(request) in self._client

    def forget(self, transaction: ServerTransaction) -> None:
        """Drop a server transaction."""
        self._server.pop(transaction.key, None)

    def forget_client(self, key: Key) -> None:
        """Drop a client transaction."""
        self._client.pop(key, None)

    def close(self) -> None:
        """Stop every timer."""
        for server in tuple(self._server.values()):
            server.terminate()
        for client in tuple(self._client.values()):
            client.stop()
        self._client.clear()
