"""What the loaded pjsua2 can do, found out by asking it and not by its version.

A build made for probing differs from the wheel in what was compiled in, not in its interface. Most
of it can be asked; what nobody tells is tried where that is harmless. It takes about 3 ms.
"""

import ctypes
import re

import pjsua2 as pj

from probe.agent.pjsua.module import Name
from probe.agent.pjsua.requests import RequestError, Requests
from probe.agent.pjsua.transport import TLS13_SUITES
from probe.plan.capabilities import Capabilities

SAFE_ACCOUNTS = 8
"""PJSUA_MAX_ACC of the default configuration. Nobody tells it, and where assertions are live one
account too many ends the process: there it is not tried."""

_MOST_ACCOUNTS = 1024
_MOST_CIPHERS = 400
_MOST_BODY = 65000
"""Bytes of a body up to which the largest message is looked for: a datagram holds no more."""


def measure(
    library: ctypes.CDLL,
    endpoint: pj.Endpoint,
    dump: list[str],
    requests: Requests,
    *,
    whole: bool,
) -> Capabilities:
    """Return what the library can do; ``dump`` is what pj_dump_config logged (0.3 ms).

    ``whole``: room for accounts is counted as well, where that is safe; nothing may be set up yet.
    """
    config = dict(_entries(dump))
    tls = config.get("PJ_HAS_SSL_SOCK") == "1"
    live_asserts = config.get("PJ_DEBUG") != "0"
    row = int(config.get("PJ_LOG_MAX_SIZE", "4000"))
    return Capabilities(
        version=endpoint.libVersion().full,
        max_calls=int(library.pjsua_call_get_max_count()),
        max_accounts=_accounts(endpoint) if whole and not live_asserts else SAFE_ACCOUNTS,
        ipv6=config.get("PJ_HAS_IPV6") == "1",
        tls=tls,
        tls_library=_tls_library(library),
        tls13=tls and not TLS13_SUITES.isdisjoint(_ciphers(library)),
        dtls_srtp=_keying_methods(library) > 1,
        codecs=tuple(dict.fromkeys(c.codecId.split("/")[0] for c in endpoint.codecEnum2())),
        max_message=min(row, _largest_message(requests)),
        live_asserts=live_asserts,
    )


def _entries(dump: list[str]) -> list[tuple[str, str]]:
    """Read the ``NAME : value`` lines of pj_dump_config."""
    found = (re.search(r"(PJ_\w+)[^:]*: (\S+)", line) for line in dump)
    return [(match.group(1), match.group(2)) for match in found if match]


def _accounts(endpoint: pj.Endpoint) -> int:
    """Return how many accounts there is room for, by making them; they are gone afterwards."""
    place = pj.TransportConfig()
    place.boundAddress = "127.0.0.1"  # an account wants a transport; nobody is told of this one
    transport = endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, place)
    config = pj.AccountConfig()
    config.idUri = "sip:room@localhost"
    made: list[pj.Account] = []
    while len(made) < _MOST_ACCOUNTS:
        account = pj.Account()
        try:
            account.create(config)
        except pj.Error:
            break
        made.append(account)
    for account in made:
        account.shutdown()
    endpoint.transportClose(transport)
    return len(made)


def _ciphers(library: ctypes.CDLL) -> set[int]:
    """Return the numbers of the cipher suites that the TLS library has for us."""
    count = ctypes.c_uint(_MOST_CIPHERS)
    suites = (ctypes.c_int * _MOST_CIPHERS)()
    if library.pj_ssl_cipher_get_availables(suites, ctypes.byref(count)) != 0:
        return set()
    return {number & 0xFFFF for number in suites[: count.value]}


def _keying_methods(library: ctypes.CDLL) -> int:
    """Return how many SRTP keying methods were compiled in: SDES, then DTLS-SRTP."""
    count = ctypes.c_int(16)
    methods = (ctypes.c_int * 16)()
    if library.pjmedia_srtp_enum_keying(ctypes.byref(count), methods) != 0:
        return 0
    return count.value


def _largest_message(requests: Requests) -> int:
    """Return how many bytes of a message find room where the stack writes it down."""
    paper = b"x" * _MOST_BODY
    found, low, high = 0, 0, _MOST_BODY
    while low <= high:
        middle = (low + high) // 2
        try:
            size = requests.printed(Name(paper, middle))
        except RequestError:
            break
        if size < 0:
            high = middle - 1
        else:
            found, low = size, middle + 1
    return found


def _tls_library(library: ctypes.CDLL) -> str:
    """Return the TLS library's own version text, cut to name and number."""
    for name in ("OpenSSL_version", "SSLeay_version"):
        function = getattr(library, name, None)
        if function is not None:
            function.restype = ctypes.c_char_p
            text: str = function(0).decode("ascii", "replace")
            return " ".join(text.split()[:2])
    return ""
