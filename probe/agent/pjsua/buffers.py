"""Messages out of the stack's own buffers, seven looks a call instead of thirty rows of a log.

A pjsip module of ours stands where the stack's message log stands (priority 7, just outside the
transport layer), and is shown every message that the log would show, at the same moment: as a
buffer, not as text. What lies where in a buffer depends on how the library was built, and nobody
tells. So the first message each way is read from the log, found again in its buffer, and only where
text, length, peer and transport are all found at one place are they read there from then on. The
kernel reads for the search (proc(5), /proc/pid/mem): a place that is none costs an error. Once
both ways are known the log keeps silent below its warnings. Where they are not found, the log goes
on telling, as it does on a system whose structures are others.
"""

import ctypes
import os
import struct
from collections.abc import Callable

from msgspec import Struct

from probe.agent.pjsua.module import Callback, Name, PjsipModule

_PRIORITY = 7
"""PJSIP_MOD_PRIORITY_TRANSPORT_LAYER - 1, as the stack's message log has it (pjsua_core.c)."""

_WARNINGS = 2
"""The level of what the stack says of bytes that it drops and of its assertions."""

_TRIES = 16
"""Messages each way that are looked through before the log is left to tell."""

_PACKET_AT = 320
"""Offset of ``packet`` in pjsip_rx_data: pool, transport, data, operation key, time stamp."""

_LARGEST_PACKET = 70_000
_STEP = 1024
_NAME_TO_TEXT = struct.Struct("=46s2xi4xQi")
"""``src_name``, ``src_port``, then ``msg_buf`` and ``len`` (sip_transport.h)."""

_TEXT_BEHIND_NAME = 56
_BUFFER_AT = 408
"""Offset of ``buf`` in pjsip_tx_data: start, then current end of the text."""

_TRANSMIT = 3000
"""Bytes of a pjsip_tx_data that are searched: it has 1,600 in 2.15 and 2,952 in 2.17, and lies at
the beginning of a block of 4,000 (PJSIP_POOL_LEN_TDATA)."""

_ENDS = struct.Struct("=QQ")
_NAME = struct.Struct("=46s2xi")
_TRANSPORT_BEFORE_NAME = 40
"""``transport`` lies before ``dst_addr`` (28 bytes) and its length."""

_RX_TRANSPORT_AT = 8
_TYPE_AT = 80
"""Offset of ``key.type`` in pjsip_transport."""

_MOST_TYPE = 512
_OK = 0

Take = Callable[[float, str, str, str, bytes], None]
"""Takes a message: time, TX or RX, transport, the peer's ip:port, its bytes."""


class Told(Struct, frozen=True):
    """A message as the log told it."""

    transport: str
    host: str
    "Address of the peer, without brackets."
    port: int
    text: bytes
    "The whole message."


class Buffers:
    """Reads messages; learns how from the log."""

    def __init__(self, library: ctypes.CDLL, clock: Callable[[], float], take: Take) -> None:
        self._library = library
        self._clock = clock
        self._take = take
        self.left: Callable[[float, float], None] = lambda _at, _left_at: None
        "Told when we have done with a message that we were told of, and it leaves."
        self._rx_text: int | None = None
        self._tx_name: int | None = None
        self._told: Told | None = None
        self._waiting = 0
        self._left = {"RX": _TRIES, "TX": _TRIES}
        self._types: dict[int, str] = {}
        self._on_rx = Callback(self._received)
        self._on_tx = Callback(self._sent)
        self._module = PjsipModule(
            name=Name(b"mod-sipprobe-messages", 21),
            id=-1,
            priority=_PRIORITY,
            on_rx_request=self._on_rx,
            on_rx_response=self._on_rx,
            on_tx_request=self._on_tx,
            on_tx_response=self._on_tx,
        )
        library.pjsip_transport_get_type_name.restype = ctypes.c_char_p
        library.pjsip_transport_get_type_name.argtypes = (ctypes.c_int,)
        library.pj_log_set_level.argtypes = (ctypes.c_int,)

    def install(self) -> bool:
        """Register the module; return whether the stack took it."""
        endpoint = self._library.pjsua_get_pjsip_endpt()
        status = self._library.pjsip_endpt_register_module(endpoint, ctypes.byref(self._module))
        return bool(status == _OK)

    def knows(self, way: str) -> bool:
        """Whether messages of a way are read from their buffers: the log's rows say them again."""
        return (self._rx_text if way == "RX" else self._tx_name) is not None

    def told(self, way: str, told: Told) -> None:
        """Learn from a message as the log told it.

        What was received is shown to the log first, what is sent to our module first.
        """
        if way == "RX":
            self._told = told
        elif self._waiting:
            transmit, self._waiting = self._waiting, 0
            if self._may_try("TX"):
                self._tx_name = self._place_of_name(transmit, told)
            self._silence_log()

    # Called by the stack, for each message -----------------------------------------------------

    def _received(self, received: int) -> int:
        at = self._clock()
        if self._rx_text is None:
            told, self._told = self._told, None
            if told is not None and self._may_try("RX"):
                self._rx_text = self._place_of_text(received, told)
            self._silence_log()
            return 0
        name, port, text, size = _NAME_TO_TEXT.unpack(
            ctypes.string_at(received + self._rx_text - _TEXT_BEHIND_NAME, _NAME_TO_TEXT.size)
        )
        transport = self._type_of(received + _RX_TRANSPORT_AT)
        self._take(at, "RX", transport, _peer(name, port), ctypes.string_at(text, size))
        return 0

    def _sent(self, transmit: int) -> int:
        at = self._clock()
        if self._tx_name is None:
            self._waiting = transmit
            return 0
        start, end = _ENDS.unpack(ctypes.string_at(transmit + _BUFFER_AT, _ENDS.size))
        name, port = _NAME.unpack(ctypes.string_at(transmit + self._tx_name, _NAME.size))
        transport = self._type_of(transmit + self._tx_name - _TRANSPORT_BEFORE_NAME)
        self._take(at, "TX", transport, _peer(name, port), ctypes.string_at(start, end - start))
        self.left(at, self._clock())
        return 0

    # Where things lie --------------------------------------------------------------------------

    def _may_try(self, way: str) -> bool:
        self._left[way] -= 1
        return self._left[way] >= 0

    def _silence_log(self) -> None:
        if self._rx_text is not None and self._tx_name is not None:
            self._library.pj_log_set_level(_WARNINGS)

    def _place_of_text(self, received: int, told: Told) -> int | None:
        """Return the offset of ``msg_buf``: it points into the packet that lies before it."""
        size = len(told.text)
        if peek(received + _PACKET_AT, size) != told.text:
            return None
        wanted = (received + _PACKET_AT).to_bytes(8, "little") + size.to_bytes(4, "little")
        seen = b""
        while len(seen) < _LARGEST_PACKET:
            more = peek(received + _PACKET_AT + len(seen), _STEP)
            if not more:
                return None
            seen += more
            found = seen.find(wanted, max(len(seen) - 2 * _STEP, 0))
            if found >= 0:
                place = _PACKET_AT + found
                fits = place % 8 == 0 and self._is_peer(received + place - _TEXT_BEHIND_NAME, told)
                known = fits and self._is_type(received + _RX_TRANSPORT_AT, told)
                return place if known else None
        return None

    def _place_of_name(self, transmit: int, told: Told) -> int | None:
        """Return the offset of ``dst_name``; its port follows, its transport stands before it."""
        held = peek(transmit, _TRANSMIT)
        if len(held) < _TRANSMIT:
            return None
        start, end = _ENDS.unpack_from(held, _BUFFER_AT)
        if end - start != len(told.text) or peek(start, end - start) != told.text:
            return None
        wanted = told.host.encode() + b"\0"
        place = held.find(wanted, _BUFFER_AT)
        while place >= 0:
            fits = place % 4 == 0 and self._is_peer(transmit + place, told)
            if fits and self._is_type(transmit + place - _TRANSPORT_BEFORE_NAME, told):
                return place
            place = held.find(wanted, place + 1)
        return None

    @staticmethod
    def _is_peer(address: int, told: Told) -> bool:
        held = peek(address, _NAME.size)
        if len(held) < _NAME.size:
            return False
        name, port = _NAME.unpack(held)
        return bool(name.partition(b"\0")[0] == told.host.encode() and port == told.port)

    def _is_type(self, pointer: int, told: Told) -> bool:
        transport = int.from_bytes(peek(pointer, 8), "little")
        kind = int.from_bytes(peek(transport + _TYPE_AT, 8), "little")
        return 0 < kind < _MOST_TYPE and self._type_of(pointer) == told.transport

    def _type_of(self, pointer: int) -> str:
        """Return the name of a transport's type, as the log writes it."""
        transport = ctypes.c_uint64.from_address(pointer).value
        kind = ctypes.c_long.from_address(transport + _TYPE_AT).value
        name = self._types.get(kind)
        if name is None:
            name = (self._library.pjsip_transport_get_type_name(kind) or b"").decode("ascii")
            self._types[kind] = name
        return name


def peek(address: int, size: int) -> bytes:
    """Return bytes of our own memory; fewer, or none, where there is none at that place.

    The kernel answers an address that is nobody's with an error, and not with a signal.
    """
    try:
        memory = os.open("/proc/self/mem", os.O_RDONLY)
    except OSError:
        return b""
    try:
        return os.pread(memory, size, address)
    except (OSError, OverflowError):
        return b""
    finally:
        os.close(memory)


def _peer(name: bytes, port: int) -> str:
    """Return ip:port, an IPv6 address in brackets."""
    host = name.partition(b"\0")[0].decode("ascii", "replace")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
