"""When a datagram reached us, by the kernel's own clock (Linux).

The stack reads a datagram when its turn comes, and what it read is told with the time of that turn.
On a busy machine, or with many calls at a time, that is later than its arrival: the wait would be
measured as the trunk's. The kernel stamps each datagram as it comes in, and tells the stamp of the
one that was read last from a socket (socket(7), SIOCGSTAMPNS). We share the stack's socket and ask.
A connection has no such stamp.
"""

import fcntl
import socket
import struct
import time
from collections.abc import Callable

from probe.agent.sockets import own_socket

_SIOCGSTAMPNS = 0x8907
_STAMP = struct.Struct("@qq")
"""struct timespec of a 64-bit system."""

MOST_S = 10.0
"""Longest wait that is believed: beyond it somebody set the clock meanwhile."""


class Arrivals:
    """Asks for the stamp of the datagram that was read last from one of our UDP sockets."""

    def __init__(self, local_port: int, real_ns: Callable[[], int] = time.time_ns) -> None:
        self._real_ns = real_ns
        self._socket = own_socket(socket.SOCK_DGRAM, local_port)
        self._stamp = bytearray(_STAMP.size)
        self.waited()  # the first question makes the kernel keep stamps

    def waited(self) -> float:
        """Return how long ago the datagram arrived that was read last, s; 0 where nobody knows."""
        if self._socket is None:
            return 0.0
        try:
            fcntl.ioctl(self._socket, _SIOCGSTAMPNS, self._stamp)
        except OSError:  # none was read yet
            return 0.0
        seconds, nanoseconds = _STAMP.unpack(self._stamp)
        waited = (self._real_ns() - seconds * 1_000_000_000 - nanoseconds) / 1e9
        return waited if 0.0 < waited < MOST_S else 0.0

    def close(self) -> None:
        """Give the shared descriptor back."""
        if self._socket is not None:
            self._socket.close()
