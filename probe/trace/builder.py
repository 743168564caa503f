"""Puts events in order and marks retransmissions as they are recorded."""

from dataclasses import replace

from probe.sip.message import MalformedMessageError, SipMessage
from probe.trace.trace import Event, MessageEvent, MessageSent


class EventLog:
    """An append-only list of events that knows which messages went the same way before."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._call_ids: list[str] = []
        self._seen: set[tuple[bool, str]] = set()

    def add(self, event: Event) -> Event:
        """Append an event and return it as recorded.

        A message is a retransmission where its bytes went the same way before (RFC 3261 §17): a
        retransmitted request keeps its branch, a retransmitted response is a copy.
        """
        if isinstance(event, MessageEvent):
            key = (isinstance(event, MessageSent), event.text)
            if key in self._seen:
                event = replace(event, retransmission=True)
            self._seen.add(key)
        self._events.append(event)
        self._call_ids.append(_call_id(event))
        return event

    def all(self) -> tuple[Event, ...]:
        """Return everything recorded so far."""
        return tuple(self._events)

    def about(self, call_ids: set[str], began: float, ended: float) -> tuple[Event, ...]:
        """Return the messages of some Call-IDs, and all other events of a time span, in order."""
        return tuple(
            event
            for event, call_id in zip(self._events, self._call_ids, strict=True)
            if (call_id in call_ids if call_id else began <= event.at <= ended)
        )

    def __len__(self) -> int:
        return len(self._events)


def _call_id(event: Event) -> str:
    """Return the Call-ID that an event belongs to, empty where it belongs to none."""
    if isinstance(event, MessageEvent):
        try:
            message: SipMessage = event.message
        except MalformedMessageError:
            return ""
        return message.call_id
    return getattr(event, "call_id", "")
