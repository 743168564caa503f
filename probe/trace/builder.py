"""Puts events in order and marks retransmissions as they are recorded."""

from bisect import bisect_left, insort
from collections.abc import Iterable
from heapq import merge

from msgspec.structs import replace

from probe.sip.message import SipMessage
from probe.trace.trace import Event, MessageEvent, MessageReceived, MessageSent

REMEMBERED_S = 40.0
"""Seconds for which a message is remembered at least: its last copy leaves 32 s after the first
(RFC 3261 §17, 64*T1)."""


_BACK = 8
"""Events among which the last message is looked for: its correction comes with the next answer."""


class Repeats:
    """Knows which messages went the same way before."""

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._before: set[int] = set()
        self._since: float | None = None

    def marked(self, event: Event) -> Event:
        """Return an event as it is to be recorded.

        A message is a retransmission where its bytes went the same way before (RFC 3261 §17): a
        retransmitted request keeps its branch, a retransmitted response is a copy.
        """
        if not isinstance(event, MessageEvent):
            return event
        if self._since is None:
            self._since = event.at
        elif event.at - self._since > REMEMBERED_S:
            self._before, self._seen, self._since = self._seen, set(), event.at
        key = hash((isinstance(event, MessageSent), event.text))
        if key in self._seen or key in self._before:
            return replace(event, retransmission=True)
        self._seen.add(key)
        return event


class EventLog:
    """An append-only list of events; what is asked of it takes as long as what is found is large.

    A scenario may have thousands of attempts, and each is cut out of the log several times.
    """

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._repeats = Repeats()
        self._of_calls: dict[str, list[int]] = {}
        self._of_none: list[tuple[float, int]] = []
        self._arrived: list[tuple[float, str]] = []
        self._registrations: list[tuple[float, bool]] = []
        self._removes = False

    def add(self, event: Event) -> Event:
        """Append an event and return it as recorded, marked where it is a retransmission."""
        event = self._repeats.marked(event)
        place = len(self._events)
        self._events.append(event)
        message = _message(event)
        call_id = message.call_id if message else getattr(event, "call_id", "")
        if call_id:
            self._of_calls.setdefault(call_id, []).append(place)
        else:
            insort(self._of_none, (event.at, place))
        begins = message is not None and message.method == "INVITE" and not message.to_tag
        if begins and isinstance(event, MessageReceived):
            insort(self._arrived, (event.at, call_id))
        if message is not None and message.cseq[1] == "REGISTER":
            self._register(event.at, message)
        return event

    def left(self, at: float) -> None:
        """Correct the time of the last message that was sent: it is told before it leaves."""
        for place in reversed(range(max(0, len(self._events) - _BACK), len(self._events))):
            event = self._events[place]
            if isinstance(event, MessageSent):
                if event.at < at:
                    self._events[place] = replace(event, at=at)
                return

    def registered(self, at: float) -> bool:
        """Whether a registration of the account stood at a time, by what it sent and got."""
        place = bisect_left(self._registrations, (at, False))
        return place > 0 and self._registrations[place - 1][1]

    def _register(self, at: float, message: SipMessage) -> None:
        """Take note of a REGISTER and of its 2xx (RFC 3261 §10.2.2: an expiry of 0 removes)."""
        if message.is_request:
            contact = message.first("Contact") or ""
            self._removes = message.first("Expires") == "0" or ";expires=0" in contact
        elif 200 <= (message.status or 0) < 300:
            insort(self._registrations, (at, not self._removes))

    def all(self, since: int = 0) -> tuple[Event, ...]:
        """Return everything recorded so far, from a place on."""
        return tuple(self._events[since:])

    def about(self, call_ids: Iterable[str], began: float, ended: float) -> tuple[Event, ...]:
        """Return the messages of some Call-IDs, and all other events of a time span, in order.

        The order is that of their times: a datagram may have come before what we did until we read
        it.
        """
        begin = bisect_left(self._of_none, (began, -1))
        end = bisect_left(self._of_none, (ended, len(self._events)))
        others = sorted(place for _, place in self._of_none[begin:end])
        own = (self._of_calls.get(call_id, []) for call_id in set(call_ids))
        found = [self._events[place] for place in merge(others, *own)]
        found.sort(key=_time)
        return tuple(found)

    def size_of(self, call_id: str) -> int:
        """Return how many events a Call-ID has so far."""
        return len(self._of_calls.get(call_id, ()))

    def arrived(self, began: float, until: float) -> set[str]:
        """Return the Call-IDs of the calls that reached the account in a time span.

        Each INVITE outside a dialog begins one; ``until`` is no part of the span.
        """
        begin = bisect_left(self._arrived, (began, ""))
        end = bisect_left(self._arrived, (until, ""))
        return {call_id for _, call_id in self._arrived[begin:end]}

    def __len__(self) -> int:
        return len(self._events)


def _time(event: Event) -> float:
    return event.at


def _message(event: Event) -> SipMessage | None:
    """Return the message of an event, None where it is none that can be read."""
    return event.readable if isinstance(event, MessageEvent) else None
