"""One request to one target and what came of it, below any SIP stack.

UDP goes through a socket that asks the kernel for ICMP errors (ip(7), IP_RECVERR), so a closed
port, a filter and silence are three results. Nothing is retried but one copy of a UDP request.
"""

import errno
import re
import select
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from time import monotonic

from msgspec import Struct

from probe.sip.message import MalformedMessageError, SipMessage, parse_message
from probe.trace.failure import Failure
from probe.trace.icmp import icmp_event, icmp_failure
from probe.trace.trace import IcmpReceived

COPY_AFTER_S = 0.45
"""When the one further copy of a UDP request is sent (T1 of RFC 3261 §17.1.1.1 is 0.5 s)."""

_MOST_BYTES = 65_535
_LEVELS = {
    socket.AF_INET: (socket.IPPROTO_IP, 11),
    socket.AF_INET6: (socket.IPPROTO_IPV6, 25),
}
"""IP_RECVERR and IPV6_RECVERR."""

_OF_ICMP = {
    Failure.PORT_UNREACHABLE: "port-closed",
    Failure.PROHIBITED: "prohibited",
    Failure.HOST_UNREACHABLE: "unreachable",
}

Builder = Callable[[tuple[str, int]], str]
"""Makes the request for the local address that it leaves from."""


class Place(Struct, frozen=True, kw_only=True):
    """Where a request goes."""

    transport: str
    "UDP, TCP or TLS."

    address: str
    "IP address without brackets."

    port: int
    "Port."

    source: str | None = None
    "Local address to leave from, or None for the one that routes there."

    server_name: str | None = None
    "Name to ask for in a TLS handshake; None for none."

    @property
    def shown(self) -> str:
        """The place in words: ``udp 192.0.2.1:5060``."""
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.transport.lower()} {address}:{self.port}"


class Outcome(Struct, kw_only=True):
    """What came of one request."""

    result: str
    "One of the results of OPTIONS (docs/explanations.md)."

    sent: str = ""
    "The request, empty where none left."

    received: str = ""
    "The last answer, empty where none came."

    local: tuple[str, int] = ("", 0)
    "Where it left from."

    icmp: IcmpReceived | None = None
    "The ICMP error, or None."

    odd: bytes = b""
    "The first bytes of what came and is no SIP."

    words: str = ""
    "The kernel's or the library's words."

    took_s: float = 0.0
    "Seconds from sending to the result."

    @property
    def answer(self) -> SipMessage | None:
        """The answer, read."""
        return parse_message(self.received) if self.received else None


def exchange(place: Place, build: Builder, wait_s: float) -> Outcome:
    """Send a request and wait for its final response; never raises for what the network does."""
    began = monotonic()
    family = socket.AF_INET6 if ":" in place.address else socket.AF_INET
    try:
        if place.transport == "UDP":
            outcome = _by_datagram(place, family, build, began + wait_s)
        else:
            outcome = _by_stream(place, family, build, began + wait_s)
    except OSError as error:
        outcome = Outcome(result=_of_error(error), words=error.strerror or str(error))
    outcome.took_s = monotonic() - began
    return outcome


def _of_error(error: OSError) -> str:
    """Name what the kernel says."""
    return {
        errno.ECONNREFUSED: "refused",
        errno.ENETUNREACH: "no-route",
        errno.EHOSTUNREACH: "unreachable",
        errno.EACCES: "prohibited",
        errno.EPERM: "prohibited",
        errno.EADDRNOTAVAIL: "no-address",
        errno.EMSGSIZE: "too-long",
        errno.ETIMEDOUT: "silent",
    }.get(error.errno or 0, "silent" if isinstance(error, TimeoutError) else "failed")


# UDP --------------------------------------------------------------------------------------------


def _by_datagram(
    place: Place, family: socket.AddressFamily, build: Builder, until: float
) -> Outcome:
    local = _local_address(place, family)
    with socket.socket(family, socket.SOCK_DGRAM) as ours:
        ours.bind((local, 0))
        with suppress(OSError):  # not Linux: ICMP stays unknown
            ours.setsockopt(*_LEVELS[family], 1)
        here = (local, int(ours.getsockname()[1]))
        text = build(here)
        raw = text.encode("utf-8", "surrogateescape")
        outcome = Outcome(result="silent", sent=text, local=here)
        ours.sendto(raw, (place.address, place.port))
        copy_at = monotonic() + COPY_AFTER_S
        waiting = select.poll()
        waiting.register(ours, select.POLLIN | select.POLLERR)
        while (now := monotonic()) < until:
            if now >= copy_at and outcome.result == "silent":
                copy_at = until
                with suppress(OSError):  # a waiting ICMP error is reported here as well
                    ours.sendto(raw, (place.address, place.port))
            ready = waiting.poll(max(1.0, (min(until, copy_at) - now) * 1000))
            if ready and _read_datagram(ours, outcome):
                return outcome
    return outcome


def _read_datagram(ours: socket.socket, outcome: Outcome) -> bool:
    """Take what is there; return whether it decides."""
    error = _icmp(ours)
    if error is not None:
        outcome.icmp = error
        outcome.result = _OF_ICMP[icmp_failure(error)]
        return True
    try:
        data, _ = ours.recvfrom(_MOST_BYTES, socket.MSG_DONTWAIT)
    except OSError:
        return False
    return _take(data, outcome)


def _icmp(ours: socket.socket) -> IcmpReceived | None:
    """Read one entry of the error queue."""
    try:
        _, ancillary, _, address = ours.recvmsg(64, 512, socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT)
    except (OSError, AttributeError):
        return None
    found = (icmp_event(data, address, 0.0) for _, _, data in ancillary)
    return next((event for event in found if event is not None), None)


def _local_address(place: Place, family: socket.AddressFamily) -> str:
    """Return the address that datagrams to a place leave from."""
    if place.source:
        return place.source
    with socket.socket(family, socket.SOCK_DGRAM) as asking:
        asking.connect((place.address, place.port))
        return str(asking.getsockname()[0])


# TCP and TLS ------------------------------------------------------------------------------------


def _by_stream(place: Place, family: socket.AddressFamily, build: Builder, until: float) -> Outcome:
    with socket.socket(family, socket.SOCK_STREAM) as plain:
        plain.settimeout(max(0.05, until - monotonic()))
        if place.source:
            plain.bind((place.source, 0))
        plain.connect((place.address, place.port))
        if place.transport != "TLS":
            return _over(plain, build, until)
        try:
            with _context().wrap_socket(plain, server_hostname=place.server_name) as secure:
                return _over(secure, build, until)
        except (ssl.SSLError, TimeoutError, ConnectionError) as error:
            return Outcome(result="no-tls", words=_words_of(error))


def _words_of(error: OSError) -> str:
    return str(getattr(error, "reason", None) or error.strerror or error)


def _context() -> ssl.SSLContext:
    """Return a client that speaks to anybody: the TLS control judges certificates."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _over(stream: socket.socket, build: Builder, until: float) -> Outcome:
    """Send over a connection and read until a final response, an end or the limit."""
    name = stream.getsockname()
    here = (str(name[0]), int(name[1]))
    text = build(here)
    outcome = Outcome(result="mute", sent=text, local=here)
    buffer = b""
    try:
        stream.sendall(text.encode("utf-8", "surrogateescape"))
        while (left := until - monotonic()) > 0:
            stream.settimeout(left)
            data = stream.recv(_MOST_BYTES)
            if not data:
                outcome.result = outcome.result if outcome.odd else "closed"
                return outcome
            buffer = (buffer + data)[-_MOST_BYTES:]
            while (whole := _whole(buffer)) is not None:
                message, buffer = buffer[:whole], buffer[whole:]
                if _take(message, outcome):
                    return outcome
            if not b"SIP/2.0".startswith(buffer[:7]):
                outcome.result, outcome.odd = "not-sip", buffer[:16]
                return outcome
    except TimeoutError:
        return outcome
    except OSError as error:
        outcome.result, outcome.words = "closed", _words_of(error)
    return outcome


def _whole(buffer: bytes) -> int | None:
    """Return the length of the first whole message of a stream, or None (RFC 3261 §18.3)."""
    start = len(buffer) - len(buffer.lstrip(b"\r\n"))
    end = buffer.find(b"\r\n\r\n", start)
    if end < 0:
        return None
    length = re.search(rb"(?im)^(?:content-length|l)[ \t]*:[ \t]*(\d{1,6})", buffer[start:end])
    total = end + 4 + (int(length.group(1)) if length else 0)
    return total if total <= len(buffer) else None


def _take(data: bytes, outcome: Outcome) -> bool:
    """Take a message; return whether it decides: a final response, or no SIP at all."""
    text = data.decode("utf-8", "surrogateescape")
    if not text.strip("\r\n\x00 "):
        return False  # a keep-alive
    try:
        message = parse_message(text)
    except MalformedMessageError:
        outcome.result, outcome.odd = "not-sip", data[:16]
        return True
    if message.status is None:
        return False  # a request of theirs
    outcome.result, outcome.received = "answered", text
    return message.status >= 200
