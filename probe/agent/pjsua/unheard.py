"""Callbacks of the bindings that nobody of ours hears: they are taken out of the library's table.

The bindings hang themselves into every callback of pjsua. For each they copy the whole event, its
message included, and go through Python, whether a method is there or not: for a call some twenty
times, which is more than our own work on it. The table has no interface; what lies in it has. So
the address of a function of the bindings is looked for where pjsua keeps its table, and replaced by
nothing where it stands just once. pjsua looks whether there is one before each call.
"""

import ctypes
import re

_TABLE = 1024
"""Bytes in which the pointers of the table lie together (pjsua_callback, pjsua.h)."""

_BEHIND_ACCOUNTS = 500_000
"""Bytes at the end of ``pjsua_var`` in which the table lies in the builds that are known."""

_SYMBOL = 1
"""RTLD_DL_SYMENT: dladdr1 tells the entry of the symbol, its size among it (dlfcn.h)."""

_SIGNALLING = ("_ZN2pj8Endpoint17on_call_tsx_stateEiP17pjsip_transactionP11pjsip_event",)
"""Every change of a transaction: the messages tell it."""

_MEDIA = (
    "_ZN2pj8Endpoint19on_call_media_stateEi",
    "_ZN2pj8Endpoint29on_call_media_transport_stateEiPK23pjsua_med_tp_state_info",
    "_ZN2pj8Endpoint19on_stream_precreateEiP31pjsua_on_stream_precreate_param",
    "_ZN2pj8Endpoint18on_stream_created2EiP29pjsua_on_stream_created_param",
    "_ZN2pj8Endpoint19on_stream_destroyedEiP14pjmedia_streamj",
)
"""What becomes of the stack's own media: ours goes beside it."""


class _Where(ctypes.Structure):
    """Dl_info (dlfcn.h)."""

    _fields_ = (
        ("file", ctypes.c_char_p),
        ("base", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
        ("address", ctypes.c_void_p),
    )


class _Symbol(ctypes.Structure):
    """Elf64_Sym (elf.h)."""

    _fields_ = (
        ("name", ctypes.c_uint32),
        ("info", ctypes.c_ubyte),
        ("other", ctypes.c_ubyte),
        ("section", ctypes.c_uint16),
        ("value", ctypes.c_uint64),
        ("size", ctypes.c_uint64),
    )


class Table:
    """The callbacks of a library that was initialised."""

    def __init__(self, library: ctypes.CDLL) -> None:
        """Find it; where the system does not tell how large ``pjsua_var`` is, it is not found."""
        self._library = library
        self._begin = self._size = 0
        begin = ctypes.addressof(ctypes.c_char.in_dll(library, "pjsua_var"))
        size = _size_of(begin)
        place = _found(_pointer(library, _SIGNALLING[0]), begin, size)
        if place is not None:
            self._begin = max(place - _TABLE, begin)
            self._size = min(2 * _TABLE, begin + size - self._begin)

    def leave_out(self, *, media: bool) -> tuple[str, ...]:
        """Take callbacks out, those of the stack's media with ``media``; return which ones.

        To be called between libInit and the first call.
        """
        names = (*_SIGNALLING, *(_MEDIA if media else ()))
        return tuple(name for name in names if self.replace(name, 0))

    def replace(self, name: str, by: int) -> int:
        """Put the address of another function in the place of one; return that one's, or 0."""
        held = ctypes.string_at(self._begin, self._size) if self._size else b""
        pointer = _pointer(self._library, name)
        place = held.find(pointer) if pointer else -1
        if place < 0 or (self._begin + place) % 8 or held.count(pointer) != 1:
            return 0
        ctypes.c_uint64.from_address(self._begin + place).value = by
        return int.from_bytes(pointer, "little")


def _found(pointer: bytes, begin: int, size: int) -> int | None:
    """Return where a pointer lies in memory, looking at the end first: before it are the accounts.

    An expression is five times as fast here as ``bytes.find``, and copies nothing.
    """
    wanted = re.compile(re.escape(pointer))
    for start in (max(size - _BEHIND_ACCOUNTS, 0), 0):
        memory = memoryview((ctypes.c_char * (size - start)).from_address(begin + start))
        found = wanted.search(memory.cast("B")) if pointer and size else None
        if found:
            return begin + start + found.start()
    return None


def _pointer(library: ctypes.CDLL, name: str) -> bytes:
    """Return the address of a function as it lies in memory; nothing where it is called otherwise.

    Another version of the library may name it so.
    """
    function = getattr(library, name, None)
    return b"" if function is None else ctypes.string_at(ctypes.addressof(function), 8)


def _size_of(address: int) -> int:
    """Return how many bytes the variable at an address has, 0 where nobody tells it."""
    tell = getattr(ctypes.CDLL(None), "dladdr1", None)
    where, symbol = _Where(), ctypes.POINTER(_Symbol)()
    if tell is None or ctypes.sizeof(ctypes.c_void_p) != 8:
        return 0
    tell.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)
    told = tell(address, ctypes.byref(where), ctypes.byref(symbol), _SYMBOL)
    known = bool(told) and bool(symbol) and where.address == address
    return symbol.contents.size if known else 0
