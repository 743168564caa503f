"""Answers what pjsua2 leaves unanswered inside a call: OPTIONS and INFO of the peer.

pjsua2 says 500 to both. Trunks ask OPTIONS inside a call to see whether we are still there (RFC
3261 §11.2) and may end the call on an error; an INFO without an Info-Package is to be answered 200
as well (RFC 6086 §4.2.2). So a small pjsip module of ours answers them, before the dialog layer
sees them. A copy of the request is answered alike.
"""

import ctypes

from probe.agent.pjsua.module import Callback, Name, PjsipModule
from probe.sip.message import SipMessage
from probe.trace.trace import Event, MessageEvent, MessageReceived

_PRIORITY = 28
"""Before PJSIP_MOD_PRIORITY_UA_PROXY_LAYER (32), which would hand it to the dialog."""

_ANSWERED = frozenset({"OPTIONS", "INFO"})
_OK = 0
_TAKEN = 1


class InDialog:
    """Answers requests of the peer inside a dialog that nobody else would."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self._last: SipMessage | None = None
        self._callback = Callback(self._look)
        self._module = PjsipModule(
            name=Name(b"mod-sipprobe-in-dialog", 22),
            id=-1,
            priority=_PRIORITY,
            on_rx_request=self._callback,
        )
        library.pjsip_endpt_respond_stateless.restype = ctypes.c_int
        library.pjsip_endpt_respond_stateless.argtypes = (
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_int,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_void_p,
        )

    def install(self) -> bool:
        """Register the module; return whether the stack took it."""
        endpoint = self._library.pjsua_get_pjsip_endpt()
        status = self._library.pjsip_endpt_register_module(endpoint, ctypes.byref(self._module))
        return bool(status == _OK)

    def see(self, event: Event) -> None:
        """Take note of what came last: the log tells of a message before the modules see it."""
        if isinstance(event, MessageEvent):
            seen = event.readable if isinstance(event, MessageReceived) else None
            self._last = seen if seen and seen.method in _ANSWERED else None

    def _look(self, received: int) -> int:
        """Answer a request, or leave it to the stack; called for each one that arrives."""
        last = self._last
        if last is None or not last.to_tag:
            return 0
        if last.method == "INFO" and last.first("Info-Package"):
            return 0
        endpoint = self._library.pjsua_get_pjsip_endpt()
        status = self._library.pjsip_endpt_respond_stateless(
            endpoint, received, 200, None, None, None
        )
        return _TAKEN if status == _OK else 0
