"""Ends a client transaction of the stack before its timers do.

A server that is left for the next one must not hear from us again, and pjsip would go on sending
copies for 32 s. The bindings cannot reach a transaction; the C library finds it by its key.
"""

import ctypes

from probe.agent.pjsua.module import Name
from probe.sip.message import SipMessage
from probe.trace.trace import Event, MessageSent

_TIMED_OUT = 408
"""What the stack's user is told; it stands in no report."""

_NO_OUTSET = frozenset({None, "ACK", "CANCEL"})
"""Methods that begin nothing; None is a response."""

_MOST_KEPT = 2000
"""Requests that are kept: more than a process has calls at a time."""


class Transactions:
    """Knows the requests outside a dialog that were sent last, the last of each Call-ID."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self._last: MessageSent | None = None
        self._of_call: dict[str, MessageSent] = {}
        self._stopped: list[SipMessage] = []
        library.pjsip_tsx_layer_find_tsx.restype = ctypes.c_void_p
        library.pjsip_tsx_layer_find_tsx.argtypes = (ctypes.POINTER(Name), ctypes.c_int)
        library.pjsip_tsx_stop_retransmit.argtypes = (ctypes.c_void_p,)
        library.pjsip_tsx_terminate.argtypes = (ctypes.c_void_p, ctypes.c_int)

    def see(self, event: Event) -> None:
        """Take note of a request that left."""
        if not isinstance(event, MessageSent):
            return
        seen = event.readable
        if seen is None or seen.method in _NO_OUTSET or seen.to_tag:
            return
        self._last = event
        self._of_call[seen.call_id] = event
        if len(self._of_call) > _MOST_KEPT:
            self._of_call.pop(next(iter(self._of_call)))

    def stop_copies(self, call_id: str) -> None:
        """Send no further copy of a call's request; its transaction goes on waiting."""
        last = self._of_call.get(call_id) or self._last
        if last is None:
            return
        request = last.message
        transaction = self._find(request)
        if transaction:
            self._stopped.append(request)
            self._library.pjsip_tsx_stop_retransmit(transaction)

    def end(self) -> None:
        """End the one that was sent last: whatever answers later belongs to nothing."""
        if self._last is not None:
            self._end(self._last.message)

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
