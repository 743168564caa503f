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

_AT_ONCE_S = 0.00002
"""Longest distance of two clocks that were read together: a process may lose its processor between
any two steps, and that would be taken for a wait."""

_TRIES = 4


class Arrivals:
    """Asks for the stamp of the datagram that was read last from one of our UDP sockets."""

    def __init__(
        self,
        local_port: int,
        clock: Callable[[], float],
        real_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._clock = clock
        self._real_ns = real_ns
        self._socket = own_socket(socket.SOCK_DGRAM, local_port)
        self._stamp = bytearray(_STAMP.size)
        self.last(0.0)  # the first question makes the kernel keep stamps

    def last(self, read_at: float) -> float:
        """Return when the datagram arrived that was read last; ``read_at`` where nobody knows."""
        if self._socket is None:
            return read_at
        try:
            fcntl.ioctl(self._socket, _SIOCGSTAMPNS, self._stamp)
        except OSError:  # none was read yet
            return read_at
        seconds, nanoseconds = _STAMP.unpack(self._stamp)
        for _ in range(_TRIES):
            now = self._clock()
            real_ns = self._real_ns()
            if self._clock() - now < _AT_ONCE_S:
                break
        else:
            return read_at
        arrived = now - (real_ns - seconds * 1_000_000_000 - nanoseconds) / 1e9
        return arrived if read_at - MOST_S < arrived < read_at else read_at

    def close(self) -> None:
        """Give the shared descriptor back."""
        if self._socket is not None:
            self._socket.close()
