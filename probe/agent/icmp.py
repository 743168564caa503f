"""ICMP errors for datagrams of our own SIP socket, from the kernel's error queue (Linux).

pjsip opens the socket and ignores what ICMP says, so a closed port looks like silence to it. The
kernel can keep the error with the datagram that caused it (ip(7) IP_RECVERR, ipv6(7)
IPV6_RECVERR); we share the socket and read that queue. No packet is sent for it.
"""

import select
import socket
from collections.abc import Callable

from probe.agent.sockets import own_socket
from probe.trace.icmp import icmp_event as _event
from probe.trace.trace import IcmpReceived

_IP_RECVERR = 11
_IPV6_RECVERR = 25

_QUOTE = 512
"""Bytes of our datagram that are read with the error: routers quote as much (RFC 1812 §4.3.2.3)."""


class IcmpWatch:
    """Reads the error queue of one of this process's UDP sockets."""

    def __init__(self, local_port: int, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._socket = own_socket(socket.SOCK_DGRAM, local_port)
        self._errors = select.poll()
        self.quotes: list[str] = []
        "The beginning of the datagram that each error read last is about, as far as it is quoted."
        if self._socket is not None:
            six = self._socket.family == socket.AF_INET6
            level, option = (
                (socket.IPPROTO_IPV6, _IPV6_RECVERR) if six else (socket.IPPROTO_IP, _IP_RECVERR)
            )
            self._socket.setsockopt(level, option, 1)
            self._errors.register(self._socket, 0)

    def read(self) -> list[IcmpReceived]:
        """Return the errors that arrived since the last call."""
        found: list[IcmpReceived] = []
        self.quotes = []
        if self._socket is None or not self._errors.poll(0):
            return found
        while True:
            try:
                quoted, ancillary, _, address = self._socket.recvmsg(
                    _QUOTE, 512, socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT
                )
            except OSError:
                return found
            for _, _, data in ancillary:
                event = _event(data, address, self._clock())
                if event is not None:
                    found.append(event)
                    self.quotes.append(quoted.decode("utf-8", "surrogateescape"))

    def fileno(self) -> int:
        """Return a descriptor of the socket, -1 where there is none."""
        return -1 if self._socket is None else self._socket.fileno()

    def close(self) -> None:
        """Give the shared descriptor back."""
        if self._socket is not None:
            self._socket.close()
