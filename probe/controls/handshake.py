"""One TLS handshake and all that it shows, also where it fails (RFC 5246, RFC 8446).

Verification does not end it: each fault of the certificate is written down and the handshake goes
on. No application data is sent.
"""

import select
import socket
from time import monotonic
from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from OpenSSL.SSL import Connection, Context

VERSIONS = {"TLSv1": 0x0301, "TLSv1.1": 0x0302, "TLSv1.2": 0x0303, "TLSv1.3": 0x0304}
"""Protocol versions and their numbers on the wire."""

ALERTS = {
    10: "unexpected message",
    20: "bad record mac",
    40: "handshake failure",
    42: "bad certificate",
    43: "unsupported certificate",
    44: "certificate revoked",
    45: "certificate expired",
    46: "certificate unknown",
    47: "illegal parameter",
    48: "unknown CA",
    49: "access denied",
    50: "decode error",
    70: "protocol version",
    71: "insufficient security",
    80: "internal error",
    86: "inappropriate fallback",
    109: "missing extension",
    112: "unrecognized name",
    116: "certificate required",
    120: "no application protocol",
}
"""Alerts of a handshake (RFC 8446 §6.2)."""

_READ_ALERT = 0x4004
"SSL_CB_READ_ALERT of openssl/ssl.h."
_LATE_ALERT_S = 0.15
"""How long a TLS 1.3 server is given to refuse our missing certificate after its handshake."""


class Hello(Struct, frozen=True, kw_only=True):
    """How a handshake is begun."""

    address: str
    "IP address."

    port: int
    "Port."

    server_name: str | None
    "Name to ask for (SNI), or None."

    lowest: str
    "Lowest version offered."

    highest: str
    "Highest version offered."

    ca_file: str | None = None
    "Trusted issuers, or None for the system's."

    client_cert: str | None = None
    "Certificate that we show, or None."

    client_key: str | None = None
    "Its key, or None."

    source: str | None = None
    "Local address, or None."


class Shake(Struct, kw_only=True):
    """What came of a handshake."""

    result: str = "mute"
    "done, alert, not-tls, closed, mute; or why there is no connection: refused, silent, failed."

    words: str = ""
    "Words of the library or the kernel."

    version: str = ""
    "Protocol version that was agreed."

    cipher: str = ""
    "Cipher suite that was agreed."

    alert: int | None = None
    "The alert of theirs, or None."

    asked_for_ours: bool = False
    "Whether they asked for a certificate of ours."

    chain: "list[Certificate]" = field(default_factory=list)
    "Certificates that they sent, their own first."

    faults: list[tuple[int, int, str]] = field(default_factory=list)
    "What verification said: number (X509_V_ERR_*), depth, words."


def shake_hands(hello: Hello, wait_s: float) -> Shake:
    """Connect and shake hands; never raises for what the network does."""
    until = monotonic() + wait_s
    found = Shake()
    source = (hello.source, 0) if hello.source else None
    try:
        plain = socket.create_connection((hello.address, hello.port), wait_s, source)
    except OSError as error:
        refused = isinstance(error, ConnectionRefusedError)
        silent = isinstance(error, TimeoutError)
        found.result = "refused" if refused else ("silent" if silent else "failed")
        found.words = error.strerror or str(error)
        return found
    with plain:
        _over(plain, hello, found, until)
    return found


def _over(plain: socket.socket, hello: Hello, found: Shake, until: float) -> None:
    from OpenSSL import SSL  # noqa: PLC0415 - start-up time

    try:
        connection = SSL.Connection(_context(hello, found), plain)
    except (SSL.Error, OSError, ValueError) as error:
        found.result, found.words = "failed", f"our own files: {_said(error)}"
        return
    if hello.server_name:
        connection.set_tlsext_host_name(hello.server_name.encode("idna"))
    connection.set_connect_state()
    plain.setblocking(False)
    try:
        if not _until_done(connection, plain, until):
            return
        found.result = "done"
        found.version = connection.get_protocol_version_name()
        found.cipher = connection.get_cipher_name() or ""
        found.chain = connection.get_peer_cert_chain(as_cryptography=True) or []
        _late_alert(connection, plain)
    except SSL.SysCallError as error:
        found.result, found.words = "closed", str(error.args[-1])
    except SSL.ZeroReturnError:
        found.result = "closed"
    except SSL.Error as error:
        found.words = _said(error)
        found.result = "alert" if found.alert is not None else _kind(found.words)


def _until_done(connection: "Connection", plain: socket.socket, until: float) -> bool:
    """Shake hands until it is done; False where the time is over."""
    from OpenSSL import SSL  # noqa: PLC0415

    while (left := until - monotonic()) > 0:
        try:
            connection.do_handshake()
        except SSL.WantReadError:
            select.select([plain], [], [], left)
        except SSL.WantWriteError:
            select.select([], [plain], [], left)
        else:
            return True
    return False


def _late_alert(connection: "Connection", plain: socket.socket) -> None:
    """Read once: a TLS 1.3 server refuses after the client believes to be through."""
    from OpenSSL import SSL  # noqa: PLC0415

    if connection.get_protocol_version_name() == "TLSv1.3":
        select.select([plain], [], [], _LATE_ALERT_S)
    try:
        connection.recv(1)
    except SSL.WantReadError:
        return


def _context(hello: Hello, found: Shake) -> "Context":
    from OpenSSL import SSL  # noqa: PLC0415

    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(VERSIONS[hello.lowest])
    context.set_max_proto_version(VERSIONS[hello.highest])
    context.set_cipher_list(b"ALL:@SECLEVEL=0")
    if hello.ca_file:
        context.load_verify_locations(hello.ca_file)
    else:
        context.set_default_verify_paths()
    if hello.client_cert:
        context.use_certificate_chain_file(hello.client_cert)
        context.use_privatekey_file(hello.client_key or hello.client_cert)

    def verified(_: "Connection", __: object, number: int, depth: int, ok: int) -> bool:
        if not ok:
            found.faults.append((number, depth, _verify_words(number)))
        return True

    def informed(connection: "Connection", where: int, value: int) -> None:
        if b"certificate request" in connection.get_state_string().lower():
            found.asked_for_ours = True
        if where & _READ_ALERT == _READ_ALERT and value & 0xFF:
            found.alert = value & 0xFF

    context.set_verify(SSL.VERIFY_PEER, verified)
    context.set_info_callback(informed)
    return context


def _verify_words(number: int) -> str:
    return {
        2: "the issuer's certificate is missing",
        9: "not valid yet",
        10: "expired",
        18: "signed by itself",
        19: "its root is not trusted",
        20: "the issuer is not known",
        21: "the first certificate cannot be verified",
        23: "revoked",
    }.get(number, f"verification error {number}")


def _said(error: Exception) -> str:
    """Return the reasons of OpenSSL's error queue."""
    queue = error.args[0] if error.args else ""
    if isinstance(queue, list):
        return "; ".join(str(entry[-1]) for entry in queue)
    return str(error)


def _kind(words: str) -> str:
    """Name a failure without an alert of theirs."""
    if any(sign in words for sign in ("wrong version number", "packet length", "http request")):
        return "not-tls"
    if "unexpected eof" in words:
        return "closed"
    return "alert" if "alert" in words else "failed"
