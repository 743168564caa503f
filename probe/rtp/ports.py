"""Pairs of UDP ports for RTP and RTCP (RFC 3550 §11): even, and the odd one above."""

import contextlib
import socket

RECEIVE_BUFFER = 1 << 20
"""Bytes that the kernel may keep for us: seconds of a call, should this process stand still."""

SO_TIMESTAMPNS = 35
"""socket(7); CPython 3.11 does not name it. Linux on x86-64 and ARM."""

SO_RXQ_OVFL = 40
"""socket(7): how many datagrams were dropped, beside each that was not."""

_IP_RECVERR, _IPV6_RECVERR = 11, 25
_TRIES = 64


class Pair:
    """Two bound sockets that do not block."""

    def __init__(self, host: str) -> None:
        """Bind; raise OSError where no pair of ports is free."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.rtp, self.rtcp = _bind(family, host)
        self.port = int(self.rtp.getsockname()[1])
        "The RTP port; RTCP has the next one."
        for one in (self.rtp, self.rtcp):
            one.setblocking(False)
            _prepare(one)

    def close(self) -> None:
        """Give the ports back."""
        self.rtp.close()
        self.rtcp.close()


def _bind(family: socket.AddressFamily, host: str) -> tuple[socket.socket, socket.socket]:
    for _ in range(_TRIES):
        first = socket.socket(family, socket.SOCK_DGRAM)
        second = socket.socket(family, socket.SOCK_DGRAM)
        try:
            first.bind((host, 0))
            port = first.getsockname()[1]
            second.bind((host, port ^ 1))
        except OSError:
            first.close()
            second.close()
            continue
        return (second, first) if port % 2 else (first, second)
    raise OSError(f"no free pair of RTP ports on {host}")


def _prepare(one: socket.socket) -> None:
    """Ask for kernel time stamps, for counts of dropped datagrams, and for ICMP errors."""
    options = [
        (socket.SOL_SOCKET, SO_TIMESTAMPNS, 1),
        (socket.SOL_SOCKET, SO_RXQ_OVFL, 1),
        (socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER),
        (socket.IPPROTO_IP, _IP_RECVERR, 1)
        if one.family == socket.AF_INET
        else (socket.IPPROTO_IPV6, _IPV6_RECVERR, 1),
    ]
    for level, name, value in options:
        with contextlib.suppress(OSError):  # another system: the figures are a little less fine
            one.setsockopt(level, name, value)
