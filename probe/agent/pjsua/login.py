"""Keeps the stack from repeating itself: one refused login is an answer, not an invitation.

Where a registrar refuses a password and sends a new nonce with its refusal, pjsip takes that for a
stale nonce and tries again, three times in all (PJSIP_MAX_STALE_COUNT): enough for fail2ban or for
a locked account. pjsua2 has no switch for it. So a small pjsip module of ours looks at each request
just before it is sent, and stops one that would repeat credentials which were refused. A challenge
that says ``stale=true`` (RFC 7616 §3.3) is no refusal and is answered as ever.

A 423 is met in the same way: pjsip asks again with the registrar's Min-Expires (RFC 3261 §10.2.8),
and would do so without end where each answer wants more. One correction is ours to make, no second.
"""

import ctypes
import re

from probe.agent.pjsua.module import Callback, Name, PjsipModule
from probe.sip.message import SipMessage
from probe.trace.trace import Event, MessageEvent, MessageSent

_PRIORITY = 40
"""After PJSIP_MOD_PRIORITY_UA_PROXY_LAYER (16..32): our look comes before the message log's."""

_OK = 0
_CANCELLED = 70014
"""PJ_ECANCELLED (pj/errno.h): the stack reports the request as not sent."""

_INTERVAL_TOO_BRIEF = 423
_SAID_NO = frozenset({401, 407, _INTERVAL_TOO_BRIEF})
CORRECTIONS = 1
"""How often a registration interval is corrected for one action."""

_REQUEST = re.compile(rb"Request msg ([^/]+)/cseq=(\d+)")
_MOST_KEPT = 64
"""Requests of which is known what became of their credentials: what follows comes at once."""


class LoginGuard:
    """Stops requests that would repeat refused credentials."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self._refused: dict[tuple[str, int], None] = {}
        self._with_credentials: dict[tuple[str, int, str], None] = {}
        self._too_brief: set[tuple[str, int, str]] = set()
        self._callback = Callback(self._look)
        # It is asked about requests only while something was refused: the stack looks here anew
        # for each one.
        self._module = PjsipModule(name=Name(b"mod-sipprobe-login", 18), id=-1, priority=_PRIORITY)
        library.pjsip_tx_data_get_info.restype = ctypes.c_char_p
        library.pjsip_tx_data_get_info.argtypes = (ctypes.c_void_p,)
        library.pjsua_get_pjsip_endpt.restype = ctypes.c_void_p
        library.pjsip_endpt_register_module.argtypes = (ctypes.c_void_p, ctypes.c_void_p)

    def install(self) -> bool:
        """Register the module; return whether the stack took it."""
        endpoint = self._library.pjsua_get_pjsip_endpt()
        status = self._library.pjsip_endpt_register_module(endpoint, ctypes.byref(self._module))
        return bool(status == _OK)

    def begin(self) -> None:
        """Let a new action log in again, and a registration's interval be corrected again.

        What was refused to a call stays so under its own number: others may be in progress beside.
        """
        self._too_brief.clear()
        calls = [key for key in self._refused if key[0] == "INVITE"]
        self._refused = dict.fromkeys(calls[-_MOST_KEPT:])
        if not self._refused:
            self._module.on_tx_request = Callback()
        while len(self._with_credentials) > _MOST_KEPT:
            self._with_credentials.pop(next(iter(self._with_credentials)))

    def see(self, event: Event) -> None:
        """Take note of credentials that left, and of their refusal."""
        if not isinstance(event, MessageEvent):
            return
        seen = event.readable
        if seen is None or not (seen.has_credentials or seen.status in _SAID_NO):
            return
        key = (seen.call_id, *seen.cseq)
        if isinstance(event, MessageSent):
            if seen.has_credentials:
                self._with_credentials[key] = None
        elif seen.status == _INTERVAL_TOO_BRIEF:
            self._too_brief.add(key)
            if len(self._too_brief) > CORRECTIONS:
                self._refuse(seen)
        elif (
            seen.status in _SAID_NO
            and key in self._with_credentials
            and not any(challenge.stale for challenge in seen.challenges)
        ):
            self._refuse(seen)

    def _refuse(self, refusal: SipMessage) -> None:
        """Let the request that would follow on a refusal not leave: its number is one higher."""
        number, method = refusal.cseq
        self._refused[method, number + 1] = None
        self._module.on_tx_request = self._callback

    def _look(self, request: int) -> int:
        """Let a request pass, or not; called by the stack for each one that it sends."""
        if not self._refused:
            return _OK
        # The stack's words for a request begin with: Request msg, then method and CSeq number.
        words: bytes = self._library.pjsip_tx_data_get_info(request) or b""
        found = _REQUEST.match(words)
        if found is None:
            return _OK
        key = found[1].decode("ascii", "replace"), int(found[2])
        return _CANCELLED if key in self._refused else _OK
