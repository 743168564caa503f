"""Hands every request that arrives to a decision of ours, and gives the answer that it decides.

A small pjsip module looks before the dialog layer does. What it answers goes out statelessly: a
copy of the request is decided, and answered, alike.
"""

import ctypes

from probe.agent.inbox import Decide, Reply
from probe.agent.pjsua.module import Callback, Name, PjsipModule
from probe.sip.message import SipMessage
from probe.trace.trace import Event, MessageEvent, MessageReceived

_PRIORITY = 27
"""Before PJSIP_MOD_PRIORITY_UA_PROXY_LAYER (32), and before our module of calls (28)."""

_OK = 0
_TAKEN = 1


class _Head(ctypes.Structure):
    """The head of a list of header fields: only its links are looked at (pj/list.h)."""

    _fields_ = (("prev", ctypes.c_void_p), ("next", ctypes.c_void_p))


class Inbound:
    """Asks for each request that arrives what becomes of it."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self._last: tuple[SipMessage, float] | None = None
        self.decide: Decide = lambda _message, _at: None
        "Returns the answer to a request, or None where the stack gives it."
        self._callback = Callback(self._look)
        self._module = PjsipModule(
            name=Name(b"mod-sipprobe-inbound", 20),
            id=-1,
            priority=_PRIORITY,
            on_rx_request=self._callback,
        )
        pointer = ctypes.c_void_p
        library.pjsip_parse_hdr.restype = pointer
        library.pjsip_parse_hdr.argtypes = (pointer, pointer, pointer, ctypes.c_size_t, pointer)
        library.pj_list_insert_before.restype = None
        library.pj_list_insert_before.argtypes = (pointer, pointer)

    def install(self) -> bool:
        """Register the module; return whether the stack took it."""
        endpoint = self._library.pjsua_get_pjsip_endpt()
        status = self._library.pjsip_endpt_register_module(endpoint, ctypes.byref(self._module))
        return bool(status == _OK)

    def see(self, event: Event) -> None:
        """Take note of what came last: the log tells of a message before the modules see it."""
        if isinstance(event, MessageEvent):
            seen = event.readable if isinstance(event, MessageReceived) else None
            self._last = (seen, event.at) if seen and seen.method else None

    def _look(self, received: int) -> int:
        """Answer a request, or leave it to the stack; called for each one that arrives."""
        last, self._last = self._last, None
        if last is None:
            return 0
        reply = self.decide(*last)
        if reply is None:
            return 0
        return _TAKEN if self._answer(received, reply) else 0

    def _answer(self, received: int, reply: Reply) -> bool:
        """Send a response; return whether the stack took it."""
        library = self._library
        pool = library.pjsua_pool_create(b"sipprobe-reply", 1024, 1024)
        try:
            head = _Head()
            own = ctypes.addressof(head)
            head.prev = head.next = own
            for name, value in reply.headers:
                octets = value.encode("utf-8")
                held = library.pj_pool_alloc(pool, len(octets) + 1)
                ctypes.memmove(held, octets + b"\0", len(octets) + 1)
                named = Name(name.encode(), len(name))
                field = library.pjsip_parse_hdr(pool, ctypes.byref(named), held, len(octets), None)
                if field:
                    library.pj_list_insert_before(own, field)
            status = library.pjsip_endpt_respond_stateless(
                library.pjsua_get_pjsip_endpt(), received, reply.status, None, own, None
            )
            return bool(status == _OK)
        finally:
            library.pj_pool_release(pool)
