"""Ends a client transaction of the stack before its timers do.

A server that is left for the next one must not hear from us again, and pjsip would go on sending
copies for 32 s. The bindings cannot reach a transaction; the C library finds it by its key.
"""

import ctypes

from probe.agent.pjsua.module import Name
from probe.sip.message import MalformedMessageError, SipMessage
from probe.trace.trace import Event, MessageSent

_TIMED_OUT = 408
"""What the stack's user is told; it stands in no report."""


class Transactions:
    """Knows the request outside a dialog that was sent last."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self._last: SipMessage | None = None
        self._stopped: list[SipMessage] = []
        library.pjsip_tsx_layer_find_tsx.restype = ctypes.c_void_p
        library.pjsip_tsx_layer_find_tsx.argtypes = (ctypes.POINTER(Name), ctypes.c_int)
        library.pjsip_tsx_stop_retransmit.argtypes = (ctypes.c_void_p,)
        library.pjsip_tsx_terminate.argtypes = (ctypes.c_void_p, ctypes.c_int)

    def see(self, event: Event) -> None:
        """Take note of a request that left."""
        if not isinstance(event, MessageSent):
            return
        try:
            message = event.message
        except MalformedMessageError:
            return
        if message.is_request and not message.to_tag and message.method not in {"ACK", "CANCEL"}:
            self._last = message

    def stop_copies(self) -> None:
        """Send no further copy of it; its transaction goes on waiting for an answer."""
        if self._last is None:
            return
        transaction = self._find(self._last)
        if transaction:
            self._stopped.append(self._last)
            self._library.pjsip_tsx_stop_retransmit(transaction)

    def end(self) -> None:
        """End it: whatever answers later belongs to nothing."""
        if self._last is not None:
            self._end(self._last)

    def end_stopped(self) -> None:
        """End those that still wait for an answer: the stack would wait with us for them."""
        for request in self._stopped:
            self._end(request)

    def _end(self, request: SipMessage) -> None:
        transaction = self._find(request)
        if transaction:
            self._library.pjsip_tsx_terminate(transaction, _TIMED_OUT)

    def _find(self, request: SipMessage) -> int | None:
        """Return the transaction of a request, None where the stack has none any more.

        Its key is ``c$METHOD$branch``, without the method for INVITE (sip_transaction.c).
        """
        method = "" if request.method == "INVITE" else f"{request.method}$"
        key = f"c${method}{request.branch}".encode()
        name = Name(key, len(key))
        found: int | None = self._library.pjsip_tsx_layer_find_tsx(ctypes.byref(name), 0)
        return found
