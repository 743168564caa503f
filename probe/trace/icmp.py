"""What an ICMP error says of a request of ours, and how the kernel hands it over (Linux)."""

import socket
import struct

from probe.trace.failure import Failure
from probe.trace.trace import IcmpReceived

_SO_EE_ORIGIN_ICMP = 2
_SO_EE_ORIGIN_ICMP6 = 3
_EXTENDED_ERROR = struct.Struct("=IBBBBII")


def icmp_failure(event: IcmpReceived) -> Failure:
    """Name what an ICMP error means (RFC 792, RFC 1812 §5.2.7.1, RFC 4443 §3.1)."""
    six = ":" in event.offender
    unreachable = 1 if six else 3
    if event.icmp_type != unreachable:
        return Failure.HOST_UNREACHABLE
    if event.icmp_code == (4 if six else 3):
        return Failure.PORT_UNREACHABLE
    prohibited = {1, 5, 6} if six else {9, 10, 13}
    return Failure.PROHIBITED if event.icmp_code in prohibited else Failure.HOST_UNREACHABLE


def icmp_words(event: IcmpReceived) -> str:
    """Say where an ICMP error came from."""
    return (
        f"ICMP type {event.icmp_type} code {event.icmp_code} from {event.offender or 'unknown'}"
        f" for our datagram to {event.remote}"
    )


def icmp_event(data: bytes, address: tuple[str, int], at: float) -> IcmpReceived | None:
    """Read one ``struct sock_extended_err`` with the offender's address behind it."""
    if len(data) < _EXTENDED_ERROR.size:
        return None
    _, origin, kind, code, _, _, _ = _EXTENDED_ERROR.unpack_from(data)
    if origin not in {_SO_EE_ORIGIN_ICMP, _SO_EE_ORIGIN_ICMP6}:
        return None
    offender = data[_EXTENDED_ERROR.size :]
    host = ""
    if origin == _SO_EE_ORIGIN_ICMP and len(offender) >= 8:
        host = socket.inet_ntop(socket.AF_INET, offender[4:8])
    elif origin == _SO_EE_ORIGIN_ICMP6 and len(offender) >= 24:
        host = socket.inet_ntop(socket.AF_INET6, offender[8:24])
    shown = f"[{address[0]}]" if ":" in address[0] else address[0]
    return IcmpReceived(
        at=at, remote=f"{shown}:{address[1]}", offender=host, icmp_type=kind, icmp_code=code
    )
