"""What the network did to our requests: ICMP errors, connections refused, silent or closed."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator

from msgspec import Struct, field

from probe.capture.dialog import Story, Us
from probe.capture.packets import End, IcmpError
from probe.capture.reading import Capture
from probe.capture.stream import Connection
from probe.capture.waiting import TIMER_B_S
from probe.trace.failure import Failure
from probe.trace.icmp import icmp_failure, icmp_words
from probe.trace.trace import Event, IcmpReceived, TransportChanged

ICMP_WITHIN_S = 35.0
"""An ICMP error comes within seconds; a later one is about something else."""

_UDP, _TCP = 17, 6

_ALERTS = {
    10: "unexpected message",
    40: "handshake failure",
    42: "bad certificate",
    43: "unsupported certificate",
    44: "certificate revoked",
    45: "certificate expired",
    46: "certificate unknown",
    47: "illegal parameter",
    48: "unknown ca",
    49: "access denied",
    50: "decode error",
    51: "decrypt error",
    70: "protocol version",
    71: "insufficient security",
    80: "internal error",
    112: "unrecognized name",
    116: "certificate required",
}
"""TLS alerts (RFC 8446 §6, RFC 6066 §3)."""

_OF_CERTIFICATE = frozenset({42, 43, 44, 45, 46, 48})


class Faults(Struct):
    """ICMP errors and connections by the story that they belong to."""

    errors: dict[int, list[IcmpError]] = field(default_factory=dict)
    "By the identity of the story."

    connections: dict[frozenset[End], list[Connection]] = field(default_factory=dict)
    "By their two ends."

    def events(self, story: Story, base: float) -> list[tuple[float, Event]]:
        """Return what happened beside the messages of a story, with its times since 1970."""
        found: list[tuple[float, Event]] = [
            (error.at, _received(error, base)) for error in self.errors.get(id(story), ())
        ]
        for connection in self._used(story):
            found += _closed(connection, story, base)
        return found

    def _used(self, story: Story) -> Iterable[Connection]:
        """Return the connections that carried messages of a story while it went on."""
        ends = {frozenset((m.source, m.target)) for m, _ in story.messages if m.transport == "TCP"}
        until = story.messages[-1][0].at
        return (
            connection
            for pair in ends
            for connection in self.connections.get(pair, ())
            if connection.began <= until
        )


def _closed(connection: Connection, story: Story, base: float) -> Iterator[tuple[float, Event]]:
    """Yield that the other side closed a connection after the last message on it."""
    at, by = connection.closed_at, connection.closed_by
    if at is None or by is None or by.host != story.remote.host or by == story.local:
        return
    if story.first.at <= at:
        how = "reset" if connection.reset else "closed"
        yield (
            at,
            TransportChanged(
                at=round(at - base, 6),
                transport="TCP",
                remote=str(by),
                state="disconnected",
                error=f"{by} {how} the connection",
                tls="",
            ),
        )


def faults_of(capture: Capture, stories: list[Story]) -> Faults:
    """Return which story each ICMP error and each connection belongs to."""
    faults = Faults()
    for connection in capture.connections:
        if connection.messages:
            pair = frozenset((connection.client, connection.server))
            faults.connections.setdefault(pair, []).append(connection)
    sent: dict[tuple[End, End], list[tuple[float, Story]]] = {}
    for story in stories:
        for message, ours in story.messages:
            if ours and message.transport == "UDP":
                sent.setdefault((message.source, message.target), []).append((message.at, story))
    for held in sent.values():
        held.sort(key=lambda pair: pair[0])
    for error in capture.errors:
        if error.protocol == _UDP:
            about = _story_of(error, sent.get((error.source, error.target), []))
            if about is not None:
                faults.errors.setdefault(id(about), []).append(error)
    return faults


def _story_of(error: IcmpError, sent: list[tuple[float, Story]]) -> Story | None:
    """Return the story whose datagram an error quotes: by its Call-ID, else the one sent last."""
    place = bisect_right(sent, error.at, key=lambda pair: pair[0])
    near = [story for at, story in sent[:place][-200:] if error.at - at <= ICMP_WITHIN_S]
    for story in reversed(near):
        if story.call_id.encode("utf-8", "surrogateescape") in error.quoted:
            return story
    if b"Call-ID" in error.quoted or not near:
        return None
    return near[-1]


# Connections that carried nothing ---------------------------------------------------------------


class Tried(Struct, frozen=True, kw_only=True):
    """A connection for SIP that did not come to be; several tries of it are one."""

    client: End
    "Who asked, with the port of the first try."

    server: End
    "Whom."

    transport: str
    "TCP or TLS."

    failure: Failure
    "What became of it."

    words: str
    "The same in words."

    at: float
    "When it was first asked for, seconds since 1970."

    ended: float
    "When it failed last."

    tries: int
    "How often it was asked for."

    frame: int
    "Number of its first frame."

    errors: tuple[IcmpError, ...] = ()
    "ICMP errors about it."


def tried(capture: Capture, us: Us | None) -> list[Tried]:
    """Return the connections to ports of SIP that failed before a message was sent on them."""
    ports = capture.ports
    errors: dict[tuple[End, End], list[IcmpError]] = {}
    for error in capture.errors:
        if error.protocol == _TCP:
            errors.setdefault((error.source, error.target), []).append(error)
    found: dict[tuple[str, End, Failure], list[Tried]] = {}
    for connection in capture.connections:
        ours = us is None or us.is_at(connection.client) or us.host == connection.client.host
        if connection.server.port not in ports or connection.messages or not ours:
            continue
        about = tuple(errors.get((connection.client, connection.server), ()))
        one = _fault(connection, about, capture.ended)
        if one is not None:
            found.setdefault((one.client.host, one.server, one.failure), []).append(one)
    return sorted((_together(same) for same in found.values()), key=lambda one: one.at)


def _together(same: list[Tried]) -> Tried:
    first, last = same[0], same[-1]
    return Tried(
        client=first.client,
        server=first.server,
        transport=first.transport,
        failure=first.failure,
        words=first.words,
        at=first.at,
        ended=last.ended,
        tries=sum(one.tries for one in same),
        frame=first.frame,
        errors=tuple(error for one in same for error in one.errors),
    )


def _fault(
    connection: Connection, errors: tuple[IcmpError, ...], captured_until: float
) -> Tried | None:
    """Return what kept a connection from coming to be, or None."""
    transport, tries = "TCP", max(1, connection.syns)
    if connection.refused_at is not None:
        failure, ended = Failure.TCP_REFUSED, connection.refused_at
        words = f"RST from {connection.server} to our SYN"
    elif connection.alert is not None:
        ended, by, number = connection.alert
        transport, tries = "TLS", 1
        ours = by == connection.client
        own = ours and number in _OF_CERTIFICATE
        failure = Failure.TLS_CERTIFICATE if own else Failure.TLS_HANDSHAKE
        words = f"TLS alert {_ALERTS.get(number, 'of an unknown kind')} ({number}) from {by}"
    elif connection.syns and connection.accepted_at is None:
        if errors:
            event = _received(errors[-1], 0.0)
            failure, ended, words = icmp_failure(event), errors[-1].at, icmp_words(event)
            if failure is Failure.PORT_UNREACHABLE:
                failure = Failure.TCP_REFUSED
        elif captured_until - connection.began >= TIMER_B_S:
            failure, ended = Failure.TCP_TIMEOUT, connection.began + TIMER_B_S
            words = f"no answer to {connection.syns} SYN in the capture for {TIMER_B_S:g} s"
        else:
            return None
    else:
        return None
    return Tried(
        client=connection.client,
        server=connection.server,
        transport=transport,
        failure=failure,
        words=words,
        at=connection.began,
        ended=ended,
        tries=tries,
        frame=connection.frame,
        errors=errors,
    )


def events_of(one: Tried) -> list[Event]:
    """Return what happened to a connection, on a clock that begins with it."""
    found: list[Event] = [_received(error, one.at) for error in one.errors[:5]]
    found.append(
        TransportChanged(
            at=round(one.ended - one.at, 6),
            transport=one.transport,
            remote=str(one.server),
            state="disconnected",
            error=one.words,
            tls="",
        )
    )
    return found


def _received(error: IcmpError, base: float) -> IcmpReceived:
    return IcmpReceived(
        at=round(error.at - base, 6),
        remote=str(error.target),
        offender=error.offender,
        icmp_type=error.kind,
        icmp_code=error.code,
    )
