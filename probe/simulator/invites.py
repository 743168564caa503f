"""INVITE client transactions: the calls that the PBX itself places (RFC 3261 §17.1.1, §9.1).

RFC 6026 §7.2 for what comes after a 2xx: the transaction stays for 64 x T1 and hands every
2xx up, because the ACK of a 2xx is the caller's business and not the transaction's.
"""

from collections.abc import Callable

from msgspec.structs import replace
from sipmessage import Request, Response

from probe.simulator.clock import Cancellable, Repeater
from probe.simulator.messages import build
from probe.simulator.transactions import Key, TransactionLayer, client_key, sign
from probe.simulator.transport import Flow

_FINAL = 200
_REFUSED = 300


class InviteClient:
    """One INVITE of ours, with its CANCEL and the ACK of a refusal."""

    def __init__(
        self,
        request: Request,
        flow: Flow,
        layer: TransactionLayer,
        on_response: Callable[[Response], None],
        on_silence: Callable[[], None],
    ) -> None:
        """Send it. ``on_response`` gets every response but repeated refusals.

        ``on_silence`` is called where 64 x T1 pass without a response, or without a final one
        after our CANCEL.
        """
        sign(request, flow)
        self.key: Key = client_key(request)
        self.request = request
        self._flow = flow
        self._layer = layer
        self._on_response = on_response
        self._on_silence = on_silence
        self._data = bytes(request)
        self._code = 0
        self._cancel_headers: tuple[tuple[str, str], ...] | None = None
        self._refusal_ack = b""
        self._linger: Cancellable | None = None
        layer.enter(self)
        self._send()
        # Timer A doubles without a ceiling, unlike timer E (§17.1.1.2).
        timers = replace(layer.timers, t2=layer.timers.give_up)
        self._repeater = Repeater(
            layer.scheduler,
            timers=timers,
            send=self._send,
            give_up=self._silence,
            repeat=not flow.reliable,
        )

    def receive(self, response: Response) -> None:
        """Take a response."""
        if self._code >= _REFUSED:
            self._flow.send(self._refusal_ack)
            return
        if response.code < _FINAL and self._code >= _FINAL:
            return  # overtaken
        first = self._code == 0
        self._code = response.code
        if first or response.code >= _FINAL:
            self._repeater.stop()
        if response.code >= _FINAL:
            self._completed(response)
        elif first and self._cancel_headers is not None:
            self._send_cancel()
        self._on_response(response)

    def cancel(self, *headers: tuple[str, str]) -> None:
        """Give the call up; CANCEL waits for the first response (§9.1)."""
        if self._cancel_headers is None and self._code < _FINAL:
            self._cancel_headers = headers
            if self._code:
                self._send_cancel()

    def stop(self) -> None:
        """Send nothing more and tell nobody."""
        self._repeater.stop()
        if self._linger is not None:
            self._linger.cancel()
        self._layer.forget_client(self.key)

    def _send(self) -> None:
        self._flow.send(self._data)

    def _completed(self, response: Response) -> None:
        timers = self._layer.timers
        if response.code >= _REFUSED:
            ack = self._related("ACK", response.headers["To"])
            self._refusal_ack = bytes(ack)
            self._flow.send(self._refusal_ack)
        if self._linger is None or response.code >= _REFUSED:
            if self._linger is not None:
                self._linger.cancel()
            wait = 0.0 if self._flow.reliable and response.code >= _REFUSED else timers.give_up
            self._linger = self._layer.scheduler.call_later(wait, self.stop)

    def _silence(self) -> None:
        self.stop()
        self._on_silence()

    def _send_cancel(self) -> None:
        cancel = self._related("CANCEL", self.request.headers["To"], *(self._cancel_headers or ()))
        self._layer.send_request(cancel, self._flow)
        if self._linger is None:
            self._linger = self._layer.scheduler.call_later(
                self._layer.timers.give_up, self._silence
            )

    def _related(self, method: str, to: str, *headers: tuple[str, str]) -> Request:
        """Write a request of this transaction: one Via, the same CSeq number (§9.1, §17.1.1.3)."""
        invite = self.request.headers
        return build(
            method,
            str(self.request.uri),
            (
                ("Via", invite["Via"]),
                ("Max-Forwards", invite["Max-Forwards"]),
                *(("Route", value) for value in invite.getlist("Route")),
                ("From", invite["From"]),
                ("To", to),
                ("Call-ID", self.request.call_id),
                ("CSeq", f"{self.request.cseq.sequence} {method}"),
                *headers,
            ),
        )
