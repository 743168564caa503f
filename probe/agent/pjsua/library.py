"""The loaded pjsua2 library: the C functions that the Python bindings lack, and what it can do."""

import ctypes
import re
from pathlib import Path

import pjsua2 as pj

from probe.plan.capabilities import Capabilities

MAX_ACCOUNTS = 8
"""PJSUA_MAX_ACC of the default configuration; the ninth account aborts the process."""


def load() -> ctypes.CDLL:
    """Return the library with its logging to stdout switched off."""
    folder = Path(pj.__file__).parent
    found = [*folder.glob("_pjsua2*.so"), *folder.parent.glob("_pjsua2*.so")]
    library = ctypes.CDLL(str(found[0]))
    library.pj_log_set_level(0)
    return library


def measure(library: ctypes.CDLL, endpoint: pj.Endpoint, dump: list[str]) -> Capabilities:
    """Return what the library can do; ``dump`` is what pj_dump_config logged (0.3 ms)."""
    config = dict(_entries(dump))
    tls_library = _tls_library(library)
    number = re.search(r"(\d+)\.(\d+)\.(\d+)", tls_library)
    modern = number is not None and tuple(map(int, number.groups())) >= (1, 1, 1)
    return Capabilities(
        version=endpoint.libVersion().full,
        max_calls=int(library.pjsua_call_get_max_count()),
        max_accounts=MAX_ACCOUNTS,
        ipv6=config.get("PJ_HAS_IPV6") == "1",
        tls=config.get("PJ_HAS_SSL_SOCK") == "1",
        tls_library=tls_library,
        tls13=modern,
        dtls_srtp=_keying_methods(library) > 1,
        codecs=tuple(dict.fromkeys(c.codecId.split("/")[0] for c in endpoint.codecEnum2())),
        max_message=int(config.get("PJ_LOG_MAX_SIZE", "4000")),
        live_asserts=config.get("PJ_DEBUG") != "0",
    )


def _keying_methods(library: ctypes.CDLL) -> int:
    """Return how many SRTP keying methods were compiled in: SDES, then DTLS-SRTP."""
    count = ctypes.c_int(16)
    methods = (ctypes.c_int * 16)()
    if library.pjmedia_srtp_enum_keying(ctypes.byref(count), methods) != 0:
        return 0
    return count.value


def _entries(dump: list[str]) -> list[tuple[str, str]]:
    """Read the ``NAME : value`` lines of pj_dump_config."""
    found = (re.search(r"(PJ_\w+)[^:]*: (\S+)", line) for line in dump)
    return [(match.group(1), match.group(2)) for match in found if match]


def _tls_library(library: ctypes.CDLL) -> str:
    """Return the TLS library's own version text, cut to name and number."""
    for name in ("OpenSSL_version", "SSLeay_version"):
        function = getattr(library, name, None)
        if function is not None:
            function.restype = ctypes.c_char_p
            text: str = function(0).decode("ascii", "replace")
            return " ".join(text.split()[:2])
    return ""
