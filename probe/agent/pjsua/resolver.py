"""Where pjsip sends to: we say it, because its own resolver cannot do what RFC 3263 wants.

pjsip knows no NAPTR and only port 53, keeps to the first server, and blocks in the system's
resolver. It lets an application resolve for it, though (pjsip_endpt_set_ext_resolver): it passes
host, port and transport of the next hop, and takes the address back. Request-URI, To and Route stay
as written, and TLS still asks for, and verifies, the name of the URI (RFC 5922 §4), not an address.

Two kinds of names are asked for: the next hop of the request in hand, whose server the script has
chosen (``aim``), and names that a peer brings up in Contact or Record-Route, which are looked up
on a thread meanwhile.
"""

import ctypes
import queue
import socket
import struct
import threading
from collections.abc import Callable

from probe.agent.lookups import events_of
from probe.agent.pjsua.module import Name
from probe.naming.targets import Located, Target, Wanted, locate
from probe.sip.sdp import address_class
from probe.trace.trace import Event

_TYPES = {"UDP": 1, "TCP": 2, "TLS": 3}
"""pjsip_transport_type_e (pjsip/sip_types.h)."""

_NAMES = {number: name for name, number in _TYPES.items()}
_IPV6 = 128
_SECURE = 4
"""PJSIP_TRANSPORT_SECURE of pjsip_transport_flags_e."""

_OK = 0
_UNRESOLVED = 70018
"""PJ_ERESOLVE (pj/errno.h)."""

_NAMED_SINCE = (2, 16)
"""The version in which a record got a name."""

_KEPT_S = 60.0
"""How long an address of the system's resolver, which tells no time, is kept."""

_MOST = 64
"""Room for more records than any build copies (PJSIP_MAX_RESOLVED_ADDRESSES is 16 or 32)."""


_HOST_INFO = struct.Struct("=IiQqi")
"""pjsip_host_info (pjsip/sip_types.h): flag, type, host as pointer and length, port."""

_MOST_PREPARED = 256
"""Answers that are kept ready: one for each address that was asked for."""


_RECORD = (
    ("type", ctypes.c_int),
    ("priority", ctypes.c_uint),
    ("weight", ctypes.c_uint),
    ("address", ctypes.c_uint32 * 7),  # union pj_sockaddr: 28 bytes
    ("address_length", ctypes.c_int),
)


class _Record(ctypes.Structure):
    """pjsip_server_address_record up to 2.15.1 (pjsip/sip_resolve.h)."""

    _fields_ = _RECORD


class _NamedRecord(ctypes.Structure):
    """The same in later versions."""

    _fields_ = (("name", Name), *_RECORD)


class _Records(ctypes.Structure):
    """pjsip_server_addresses."""

    _fields_ = (("count", ctypes.c_uint), ("entry", _Record * _MOST))


class _NamedRecords(ctypes.Structure):
    """The same in later versions."""

    _fields_ = (("count", ctypes.c_uint), ("entry", _NamedRecord * _MOST))


_Found = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
_Resolve = ctypes.CFUNCTYPE(
    None,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_void_p,
)


class _External(ctypes.Structure):
    """pjsip_ext_resolver (pjsip/sip_resolve.h)."""

    _fields_ = (("resolve", _Resolve),)


class Resolver:
    """Answers every question of the stack for the address of a next hop."""

    def __init__(
        self,
        library: ctypes.CDLL,
        clock: Callable[[], float],
        record: Callable[[Event], None],
        *,
        nameserver: str | None = None,
    ) -> None:
        self._library = library
        self._clock = clock
        self._record = record
        self.nameserver = nameserver
        "The name server of the profile, None for the system's."
        self._prepared: dict[tuple[bytes, int, int, int, bool], _Records | _NamedRecords] = {}
        self._callbacks: dict[int, ctypes._FuncPointer] = {}
        self.ipv6 = False
        "Whether our socket speaks IPv6; else it speaks IPv4."
        self._named = False
        self._aim: tuple[Wanted, Target] | None = None
        self._pending = 0
        self._theirs: dict[Wanted, tuple[Target, float]] = {}
        self._found: queue.Queue[tuple[Located, int, int]] = queue.Queue()
        self._callback = _Resolve(self._resolve)
        self._external = _External(resolve=self._callback)

    def install(self, version: tuple[int, int]) -> None:
        """Take the place of the resolver of a stack of this version."""
        self._named = version >= _NAMED_SINCE
        library = self._library
        library.pjsua_get_pjsip_endpt.restype = ctypes.c_void_p
        library.pjsip_endpt_set_ext_resolver.argtypes = (ctypes.c_void_p, ctypes.c_void_p)
        library.pj_sockaddr_init.argtypes = (
            ctypes.c_int,
            ctypes.c_void_p,
            ctypes.POINTER(Name),
            ctypes.c_uint16,
        )
        endpoint = library.pjsua_get_pjsip_endpt()
        library.pjsip_endpt_set_ext_resolver(endpoint, ctypes.byref(self._external))

    def aim(self, wanted: Wanted, target: Target) -> None:
        """Let the next hop be this server from now on."""
        self._aim = (wanted, target)

    @property
    def busy(self) -> bool:
        """Whether a request waits for a name that a peer brought up."""
        return self._pending > 0

    def deliver(self) -> None:
        """Pass on to the stack what look-ups on threads have found."""
        while self._pending and not self._found.empty():
            located, token, callback = self._found.get()
            for event in events_of(located, self._clock()):
                self._record(event)
            near = (t for t in located.targets if (":" in t.address) == self.ipv6)
            target = next(near, None)
            if target is not None:
                kept = _KEPT_S if located.ttl is None else located.ttl
                self._theirs[located.wanted] = (target, self._clock() + kept)
            self._pending -= 1
            self._answer(token, callback, target)

    def _resolve(
        self, _resolver: int | None, _pool: int | None, info: int, token: int, found: int
    ) -> None:
        """Answer at once where we know, else from ``deliver``; called by the stack."""
        flag, kind, pointer, length, port = _HOST_INFO.unpack(
            ctypes.string_at(info, _HOST_INFO.size)
        )
        octets = ctypes.string_at(pointer, length)
        key = (octets, port, kind, flag & _SECURE, self.ipv6)
        records = self._prepared.get(key)
        if records is not None:
            self._function(found)(_OK, token, ctypes.byref(records))
            return
        host = octets.decode("ascii", "replace")
        wanted = Wanted(
            host=host.strip("[]").rstrip(".").lower(),
            port=port or None,
            transport=_NAMES.get(kind & ~_IPV6) or ("TLS" if flag & _SECURE else "UDP"),
            nameserver=self.nameserver,
            ipv6=self.ipv6,
        )
        target = self._known(wanted)
        if target is None:
            self._pending += 1
            threading.Thread(
                target=self._look_up, args=(wanted, token, found), daemon=True, name="resolver"
            ).start()
            return
        made = self._answer(token, found, target)
        if made is not None and address_class(wanted.host) != "name":
            if len(self._prepared) >= _MOST_PREPARED:
                self._prepared.clear()
            self._prepared[key] = made

    def _function(self, address: int) -> "ctypes._FuncPointer":
        """Return the function at an address that the stack named."""
        function = self._callbacks.get(address)
        if function is None:
            function = self._callbacks[address] = _Found(address)
        return function

    def _known(self, wanted: Wanted) -> Target | None:
        """Return the server that was chosen for this hop, or an address as it stands."""
        if address_class(wanted.host) != "name":
            return locate(wanted).targets[0]
        if wanted in self._theirs:
            theirs, until = self._theirs[wanted]
            if self._clock() < until:
                return theirs
        if self._aim is None:
            return None
        hop, target = self._aim
        same = wanted.host == hop.host.rstrip(".").lower() and wanted.port == hop.port
        return target if same else None

    def _look_up(self, wanted: Wanted, token: int, found: int) -> None:
        """Find the servers of a name that a peer brought up; runs on a thread of its own."""
        try:
            located = locate(wanted)
        except Exception:  # noqa: BLE001 - whatever it was, the stack waits for an answer
            located = Located(wanted=wanted, targets=(), answers=(), lookups=())
        self._found.put((located, token, found))

    def _answer(
        self, token: int, found: int, target: Target | None
    ) -> "_Records | _NamedRecords | None":
        """Call the stack back; return what it was given, None where that was nothing."""
        callback = self._function(found)
        if target is None:
            callback(_UNRESOLVED, token, None)
            return None
        six = ":" in target.address
        records = _NamedRecords(count=1) if self._named else _Records(count=1)
        record = records.entry[0]
        if self._named:
            host = target.host.encode()
            record.name = Name(host, len(host))
        record.type = _TYPES[target.transport] + (_IPV6 if six else 0)
        address = target.address.encode()
        family = socket.AF_INET6 if six else socket.AF_INET
        text = Name(address, len(address))
        place = ctypes.byref(record, type(record).address.offset)
        status = self._library.pj_sockaddr_init(int(family), place, ctypes.byref(text), target.port)
        record.address_length = 28 if six else 16
        callback(status, token, ctypes.byref(records) if status == _OK else None)
        return records if status == _OK else None
