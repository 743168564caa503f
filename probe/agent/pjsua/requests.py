"""Requests outside a call as texts of ours, carried by pjsip's transaction layer.

pjsua2 sends any method, but lays down Call-ID, tags and CSeq itself, sets no Contact and answers no
challenge: good for one OPTIONS, not for a subscription, whose refresh must follow in the dialog of
its first SUBSCRIBE (RFC 6665 §4.1.2.2). So the whole request is written here and parsed by pjsip;
the stack adds the Via, finds the way, repeats over UDP, and tells how the transaction ended.

pjsip has no function that puts a message into its transmit buffer. A buffer that it makes itself
holds one, and where that pointer lies is found out once, in a short request of which we know what
it must show; where nothing fits, nothing is sent. Buffer, memory pool, route and transport stay the
stack's own.
"""

import ctypes
from collections.abc import Callable

from msgspec import Struct

from probe.agent.pjsua.module import Name

_EVENT_AT = 24
"""Offset of ``body`` in pjsip_event: list links, type, padding (pjsip/sip_event.h)."""

_TIMER, _TX_ERROR, _RX_MESSAGE, _TRANSPORT_ERROR = 1, 2, 3, 4
"""pjsip_event_id_e, counted from PJSIP_EVENT_UNKNOWN."""

_POOL_AT = 16
"""Offset of ``pool`` in pjsip_tx_data, behind the links of its list."""

_STRUCTURE = 1600
"""Bytes of a pjsip_tx_data that are searched for the pointer; it is at 392 in 2.15 and 2.17."""

_HEAD = 32
"""Bytes of a message that are looked at."""

_BLOCKS_AT = 80
"""Offset of ``block_list`` in pj_pool_t: links, name, factory, its data, two sizes (pj/pool.h)."""

_MOST_BLOCKS = 64

_PAPER = 1 << 17
"""Bytes in which every message finds room."""

_PROBE = b"SIPPROBE"
_SHORT = b"sip:a"

_POOL_NAME_AT = 16
_OTHER_METHOD = 6

_Ended = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)


class _Block(ctypes.Structure):
    """pj_pool_block (pj/pool.h)."""

    _fields_ = (
        ("prev", ctypes.c_void_p),
        ("next", ctypes.c_void_p),
        ("begin", ctypes.c_void_p),
        ("current", ctypes.c_void_p),
        ("end", ctypes.c_void_p),
    )


class _Method(ctypes.Structure):
    """pjsip_method (pjsip/sip_msg.h)."""

    _fields_ = (("id", ctypes.c_int), ("name", Name))


class Ending(Struct, frozen=True, kw_only=True):
    """How a transaction of ours ended."""

    received: bool
    "Whether by a response."

    status: int
    "The stack's error number where the transport failed, else 0."

    timed_out: bool
    "Whether by the stack's own timer."


class RequestError(Exception):
    """The stack would not send; ``status`` is its pj_status_t, 0 where it never got so far."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


class Requests:
    """Sends texts as requests of one account."""

    def __init__(self, library: ctypes.CDLL, ended: Callable[[Ending], None]) -> None:
        self._library = library
        self._ended = ended
        self._callback = _Ended(self._on_end)
        self._place: int | None = None
        self._latest = 0
        pointer, number = ctypes.c_void_p, ctypes.c_int
        for name, result, arguments in (
            ("pjsip_method_init_np", None, (pointer, pointer)),
            ("pjsua_acc_create_request", number, (number, pointer, pointer, pointer)),
            (
                "pjsip_endpt_create_request",
                number,
                (*[pointer] * 7, number, pointer, pointer),
            ),
            ("pjsua_acc_create_uac_contact", number, (pointer, pointer, number, pointer)),
            ("pjsua_pool_create", pointer, (ctypes.c_char_p, ctypes.c_size_t, ctypes.c_size_t)),
            ("pj_pool_release", None, (pointer,)),
            ("pj_pool_alloc", pointer, (pointer, ctypes.c_size_t)),
            ("pjsip_parse_msg", pointer, (pointer, pointer, ctypes.c_size_t, pointer)),
            ("pjsip_msg_find_hdr_by_name", pointer, (pointer, pointer, pointer)),
            ("pj_list_erase", None, (pointer,)),
            ("pjsip_tx_data_dec_ref", number, (pointer,)),
            ("pjsip_tx_data_encode", number, (pointer,)),
            ("pjsip_msg_print", ctypes.c_ssize_t, (pointer, pointer, ctypes.c_size_t)),
            ("pjsua_get_pjsip_endpt", pointer, ()),
            (
                "pjsip_endpt_send_request",
                number,
                (pointer, pointer, ctypes.c_int32, pointer, _Ended),
            ),
        ):
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments

    def contact(self, account: int, target: str) -> str:
        """Return our Contact, as the stack would write it in a request to a target."""
        pool = self._library.pjsua_pool_create(b"sipprobe-contact", 512, 512)
        try:
            found, uri = Name(), _name(target)
            status = self._library.pjsua_acc_create_uac_contact(
                pool, ctypes.byref(found), account, ctypes.byref(uri)
            )
            if status != 0:
                raise RequestError(status, "no contact of ours reaches the target")
            octets = ctypes.c_void_p.from_buffer(found).value or 0
            return ctypes.string_at(octets, found.slen).decode("utf-8", "surrogateescape")
        finally:
            self._library.pj_pool_release(pool)

    def send(self, account: int, target: str, text: str) -> None:
        """Send a request; raise RequestError. ``target`` is its next hop's URI, for the way."""
        octets = text.encode("utf-8", "surrogateescape")
        name = octets.partition(b" ")[0]
        place = self._place_of_message()
        buffer = self._buffer(account, name, target)
        try:
            pool = ctypes.c_void_p.from_address(buffer + _POOL_AT).value
            message = self._parsed(pool, octets)
        except RequestError:
            self._library.pjsip_tx_data_dec_ref(buffer)
            raise
        ctypes.c_void_p.from_address(buffer + place).value = message
        self._latest += 1
        status = self._library.pjsip_endpt_send_request(
            self._library.pjsua_get_pjsip_endpt(), buffer, -1, self._latest, self._callback
        )
        if status != 0:
            raise RequestError(status, "the request could not be sent")

    def printed(self, body: Name) -> int:
        """Return the size of a request with a body, -1 where no buffer of the stack holds it.

        Nothing is sent. ``body`` has at most 65,000 bytes. Raise RequestError.
        """
        place = self._place_of_message()
        buffer = self._short_buffer(body)
        try:
            if self._library.pjsip_tx_data_encode(buffer) != 0:
                return -1
            message = ctypes.c_void_p.from_address(buffer + place).value
            paper = ctypes.create_string_buffer(_PAPER)
            size: int = self._library.pjsip_msg_print(message, paper, _PAPER)
            return size
        finally:
            self._library.pjsip_tx_data_dec_ref(buffer)

    def _parsed(self, pool: int | None, octets: bytes) -> int:
        """Return pjsip's form of a request; raise RequestError where it cannot read it."""
        held = self._library.pj_pool_alloc(pool, len(octets) + 1)
        ctypes.memmove(held, octets + b"\0", len(octets) + 1)
        message: int | None = self._library.pjsip_parse_msg(pool, held, len(octets), None)
        if not message:
            raise RequestError(0, "the stack cannot read the request that was written")
        # Printing adds it from the body, and would not look for one that stands there already.
        name = Name(b"Content-Type", 12)
        field = self._library.pjsip_msg_find_hdr_by_name(message, ctypes.byref(name), None)
        if field:
            self._library.pj_list_erase(field)
        return message

    def _buffer(self, account: int, name: bytes, target: str) -> int:
        """Return a transmit buffer with the account's transport and a message to be replaced."""
        method, uri, made = _Method(), _name(target), ctypes.c_void_p()
        self._library.pjsip_method_init_np(
            ctypes.byref(method), ctypes.byref(Name(name, len(name)))
        )
        status = self._library.pjsua_acc_create_request(
            account, ctypes.byref(method), ctypes.byref(uri), ctypes.byref(made)
        )
        if status != 0 or made.value is None:
            raise RequestError(status, "the stack cannot make a request to this target")
        return made.value

    def _place_of_message(self) -> int:
        """Return the offset of the pointer to the message; raise RequestError where none fits.

        The message lies in the same pool of memory as its buffer: only pointers into what that pool
        has given out are followed.
        """
        if self._place is None:
            buffer = self._short_buffer()
            try:
                self._place = _found_place(buffer)
            finally:
                self._library.pjsip_tx_data_dec_ref(buffer)
        return self._place

    def _short_buffer(self, body: Name | None = None) -> int:
        """Return a transmit buffer with a request whose every text but the body is short."""
        method, made = _Method(), ctypes.c_void_p()
        name, uri = Name(_PROBE, len(_PROBE)), Name(_SHORT, len(_SHORT))
        self._library.pjsip_method_init_np(ctypes.byref(method), ctypes.byref(name))
        status = self._library.pjsip_endpt_create_request(
            self._library.pjsua_get_pjsip_endpt(),
            ctypes.byref(method),
            *[ctypes.byref(uri)] * 3,
            None,
            None,
            -1,
            None if body is None else ctypes.byref(body),
            ctypes.byref(made),
        )
        if status != 0 or made.value is None:
            raise RequestError(status, "the stack cannot make a request")
        return made.value

    def _on_end(self, token: int | None, event: int | None) -> None:
        """Tell how the latest transaction ended; called by the stack, must not raise.

        One that we gave up goes on in the stack and ends later: that is nobody's end any more.
        """
        if not event or token != self._latest:
            return
        source = ctypes.c_void_p.from_address(event + _EVENT_AT).value or 0
        kind = ctypes.c_int.from_address(event + _EVENT_AT + 20).value
        self._ended(
            Ending(
                received=kind == _RX_MESSAGE,
                status=source & 0x7FFFFFFF if kind == _TRANSPORT_ERROR else 0,
                timed_out=kind == _TIMER,
            )
        )


def _found_place(buffer: int) -> int:
    """Return where a short buffer points to its message; raise RequestError."""
    pool = ctypes.c_void_p.from_address(buffer + _POOL_AT).value
    if pool is None or ctypes.string_at(pool + _POOL_NAME_AT, 4) != b"tdta":
        raise RequestError(0, "this build of pjsip keeps its buffers otherwise")
    blocks = _blocks(pool)
    own = next((end for begin, end in blocks if begin <= buffer < end), 0)
    for place in range(_POOL_AT, min(_STRUCTURE, own - buffer), 8):
        found = ctypes.c_void_p.from_address(buffer + place).value or 0
        inside = any(begin <= found <= end - _HEAD for begin, end in blocks)
        if not inside or found % 8 or found == buffer:
            continue
        kind = ctypes.c_int.from_address(found).value
        method = _Method.from_address(found + 8)
        if (kind, method.id, method.name.slen) == (0, _OTHER_METHOD, len(_PROBE)):
            return place
    raise RequestError(0, "this build of pjsip keeps its messages otherwise")


def _blocks(pool: int) -> list[tuple[int, int]]:
    """Return begin and end of what a memory pool has given out, block by block."""
    head = pool + _BLOCKS_AT
    found: list[tuple[int, int]] = []
    block = _Block.from_address(head).next
    while block and block != head and len(found) < _MOST_BLOCKS:
        known = _Block.from_address(block)
        found.append((known.begin or 0, known.current or 0))
        block = known.next
    return found


def _name(text: str) -> Name:
    octets = text.encode("utf-8", "surrogateescape")
    return Name(octets, len(octets))
