"""What pjsip's own status numbers mean, in the closed vocabulary.

Numbers below 120000 are PJLIB's, 120000 + errno the operating system's, 170000 + x PJSIP's,
171171 to 171179 its TLS transport's, 420000 and up OpenSSL's (pj/errno.h, pjsip/sip_errno.h).
"""

import errno

from probe.trace.failure import Failure

_OS = 120000
_EXACT = {
    70016: Failure.CONNECTION_LOST,  # PJ_EEOF
    70018: Failure.NAME_RESOLUTION,  # PJ_ERESOLVE
    70009: Failure.TCP_TIMEOUT,  # PJ_ETIMEDOUT
    171023: Failure.MESSAGE_TOO_LONG,  # PJSIP_EMSGTOOLONG
    171060: Failure.CONNECTION_LOST,  # PJSIP_ETPNOTAVAIL
    171173: Failure.TLS_CERTIFICATE,  # PJSIP_TLS_ECERTVERIF
    171171: Failure.TLS_HANDSHAKE,
    171172: Failure.TLS_HANDSHAKE,
    171174: Failure.TLS_HANDSHAKE,
    171175: Failure.TLS_HANDSHAKE,
    171176: Failure.TLS_HANDSHAKE,
    _OS + errno.ECONNREFUSED: Failure.TCP_REFUSED,
    _OS + errno.ETIMEDOUT: Failure.TCP_TIMEOUT,
    _OS + errno.ECONNRESET: Failure.CONNECTION_LOST,
    _OS + errno.EPIPE: Failure.CONNECTION_LOST,
    _OS + errno.ENETUNREACH: Failure.NO_ROUTE,
    _OS + errno.EHOSTUNREACH: Failure.HOST_UNREACHABLE,
    _OS + errno.EADDRINUSE: Failure.LOCAL_PORT,
    _OS + errno.EADDRNOTAVAIL: Failure.LOCAL_PORT,
    _OS + errno.EACCES: Failure.PROHIBITED,
    _OS + errno.EPERM: Failure.PROHIBITED,
    _OS + errno.EMSGSIZE: Failure.MESSAGE_TOO_LONG,
}
_DNS_ERRORS = range(320000, 320200)
_OPENSSL_ERRORS = range(420000, 500000)

_WORDS = (
    ("certificate verif", Failure.TLS_CERTIFICATE),
    ("handshake", Failure.TLS_HANDSHAKE),
    ("tlsv1 alert", Failure.TLS_HANDSHAKE),
    ("sslv3 alert", Failure.TLS_HANDSHAKE),
    ("unknown protocol", Failure.TLS_HANDSHAKE),
    ("wrong version number", Failure.TLS_HANDSHAKE),
    ("connection refused", Failure.TCP_REFUSED),
    ("connection reset", Failure.CONNECTION_LOST),
    ("end of file", Failure.CONNECTION_LOST),
    ("broken pipe", Failure.CONNECTION_LOST),
    ("network is unreachable", Failure.NO_ROUTE),
    ("no route to host", Failure.HOST_UNREACHABLE),
    ("connection timed out", Failure.TCP_TIMEOUT),
    ("pj_eresolve", Failure.NAME_RESOLUTION),
    ("nxdomain", Failure.NAME_RESOLUTION),
    ("dns", Failure.NAME_RESOLUTION),
)


def from_status(status: int) -> Failure | None:
    """Name a pj_status_t, or return None where it names no failure of ours."""
    if status in _EXACT:
        return _EXACT[status]
    if status in _DNS_ERRORS:
        return Failure.NAME_RESOLUTION
    if status in _OPENSSL_ERRORS:
        return Failure.TLS_HANDSHAKE
    return None


def from_words(reason: str) -> Failure | None:
    """Name the stack's reason text, for callbacks that carry no number."""
    lowered = reason.lower()
    return next((failure for words, failure in _WORDS if words in lowered), None)
