"""What an ICMP error says of a request of ours."""

from probe.trace.failure import Failure
from probe.trace.trace import IcmpReceived


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
