"""The states of calls that we place, without the bindings where they cost most.

At each change of a call the bindings copy the event with its message, describe the call in some
forty values, and go through Python for them; we want three. So pjsua calls us here, and we ask it
alone: ``pjsua_call_get_info`` fills a structure, whose fields are found out once, at the first
change that the bindings tell (they are where the pointer to the state's own name lies). What we do
not know goes on to the bindings: first changes, the end of a call with its fault, calls that reach
us or follow a transfer.
"""

import ctypes
import struct
from typing import Protocol

from probe.agent.pjsua.unheard import Table

_ON_CALL_STATE = "_ZN2pj8Endpoint13on_call_stateEiP11pjsip_event"
_DISCONNECTED = 6
"""PJSIP_INV_STATE_DISCONNECTED (pjsip-ua/sip_inv.h)."""

_ROOM = 1 << 17
"""Bytes for a pjsua_call_info, which has some 20,000."""

_SEARCHED = 4096
_OK = 0
_NAMED = struct.Struct("=QqixxxxQq")
"""``state_text``, ``last_status``, ``last_status_text`` (pjsua.h)."""

_Changed = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_void_p)


class Info(Protocol):
    """What is read of the bindings' CallInfo."""

    id: int
    state: int
    lastStatusCode: int  # noqa: N815 - pjsua2's name


class Placed(Protocol):
    """A call that we place."""

    over: bool

    def getId(self) -> int:  # noqa: N802 - pjsua2's name
        """Return its number in pjsua."""
        ...

    def changed(self, state: int, status: int, reason: str) -> None:
        """Take its new state."""
        ...


class States:
    """Stands in pjsua's table of callbacks before the bindings."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self._calls: dict[int, Placed] = {}
        self._buffer = ctypes.create_string_buffer(_ROOM)
        self._text_at: int | None = None
        self._state_at = 0
        self._tries = 4
        self._callback = _Changed(self._changed)
        self._bindings = _Changed()
        library.pjsip_inv_state_name.restype = ctypes.c_void_p
        library.pjsua_call_get_info.argtypes = (ctypes.c_int, ctypes.c_void_p)

    def install(self, table: Table) -> bool:
        """Stand before the bindings; return whether their place was found."""
        own = ctypes.cast(self._callback, ctypes.c_void_p).value or 0
        address = table.replace(_ON_CALL_STATE, own)
        if address:
            self._bindings = _Changed(address)
        else:
            self._tries = 0
        return bool(address)

    @property
    def known(self) -> bool:
        """Whether nothing is to be learnt any more."""
        return self._text_at is not None or not self._tries

    def learn(self, info: Info) -> None:
        """Find the fields in what pjsua says of a call, of which the bindings say the same."""
        self._tries -= 1
        if self._library.pjsua_call_get_info(info.id, self._buffer) != _OK:
            return
        name = self._library.pjsip_inv_state_name(info.state)
        held = self._buffer.raw[:_SEARCHED]
        place = held.find(struct.pack("=Qq", name, len(ctypes.string_at(name))))
        if place < 8 or place % 8:
            return
        _, _, status, words, length = _NAMED.unpack_from(held, place)
        begin = ctypes.addressof(self._buffer)
        if status != info.lastStatusCode or not begin <= words < begin + _ROOM or length < 0:
            return
        for before in (4, 8):
            if struct.unpack_from("=i", held, place - before)[0] == info.state:
                self._text_at, self._state_at = place, place - before
                return

    def follow(self, call: Placed) -> None:
        """Follow a call that was placed just now."""
        number = call.getId()
        if self._text_at is not None and number >= 0 and not call.over:
            self._calls[number] = call

    def forget(self) -> None:
        """Let go of every call: none may outlive the library."""
        self._calls.clear()

    def _changed(self, number: int, event: int | None) -> None:
        """Take a change; called by the library."""
        call, place = self._calls.get(number), self._text_at
        if call is None or place is None:
            self._bindings(number, event)
            return
        if self._library.pjsua_call_get_info(number, self._buffer) != _OK:
            self._bindings(number, event)
            return
        state = ctypes.c_int.from_buffer(self._buffer, self._state_at).value
        if state == _DISCONNECTED:
            del self._calls[number]
            self._bindings(number, event)
            return
        _, _, status, words, length = _NAMED.unpack_from(self._buffer, place)
        reason = ctypes.string_at(words, length).decode("utf-8", "surrogateescape")
        call.changed(state, status, reason)
