"""How far an attempt got, read from the wire and from nothing else."""

from probe.sip.fragment import fragment_status
from probe.sip.message import SipMessage
from probe.trace.trace import (
    BytesDropped,
    Event,
    IcmpReceived,
    MessageEvent,
    MessageReceived,
    TransportChanged,
)


class Progress:
    """Follows the messages of one attempt: the first Call-ID that our next request opens."""

    def __init__(self, method: str, call_id: str | None = None) -> None:
        self.method = method
        self.call_id = call_id
        "The Call-ID, None until our request was seen."
        self.watched_at = 0.0
        "When we began to look."
        self.sent_at: float | None = None
        "When the first copy of the latest request left (the one with credentials, if any)."
        self.first_response_at: float | None = None
        "When anything came back to it."
        self.heard = False
        "Whether anything ever came back to one of our requests, a challenge included."
        self.ringing_at: float | None = None
        "When the first 180 to 189 arrived."
        self.provisional_at: float | None = None
        "When the first provisional response arrived, 100 included."
        self.final_status: int | None = None
        "The last final status, challenges included."
        self.final_at: float | None = None
        "When it arrived."
        self.answered_at: float | None = None
        "When the first 2xx to INVITE arrived."
        self.acked = False
        "Whether our ACK left."
        self.cancelled = False
        "Whether our CANCEL left."
        self.cancel_final = False
        "Whether CANCEL was answered."
        self.bye_sent = False
        "Whether our BYE left."
        self.bye_final = False
        "Whether our BYE was answered by a final response that was no challenge."
        self.peer_bye = False
        "Whether the peer's BYE arrived."
        self.peer_bye_answered = False
        "Whether we answered it."
        self.icmp: list[IcmpReceived] = []
        "ICMP errors since the request left."
        self.accepted = False
        "Whether the peer's TCP is up and its TLS handshake is waited for."
        self.dropped = 0
        "Datagrams since the request left that the stack could not read."
        self._cseq = -1

    def see(self, event: Event) -> None:
        """Take note of one event."""
        if isinstance(event, TransportChanged):
            self.accepted = event.state == "accepted"
        elif isinstance(event, IcmpReceived):
            if self.sent_at is not None:
                self.icmp.append(event)
        elif isinstance(event, BytesDropped):
            self.dropped += self.sent_at is not None
        elif isinstance(event, MessageEvent):
            seen = event.readable
            if seen is not None:
                self.message(event, seen, received=isinstance(event, MessageReceived))

    @property
    def unanswered(self) -> bool:
        """Whether the request left and nothing came back."""
        return self.sent_at is not None and self.first_response_at is None

    @property
    def settled(self) -> bool:
        """Whether no message of the call is still owed by either side."""
        if self.bye_sent:
            return self.bye_final
        if self.peer_bye:
            return self.peer_bye_answered
        if self.cancelled and self.answered_at is None:
            return self.final_status is not None and self.final_status >= 300
        return self.answered_at is None or not self.acked

    @property
    def decided(self) -> bool:
        """Whether a final response came that our stack does not answer by asking again."""
        return self.final_status is not None and self.final_status not in {401, 407}

    @property
    def refused(self) -> bool:
        """Whether the final response says no."""
        return self.decided and (self.final_status or 0) >= 300

    def _begin(self, at: float, cseq: int) -> None:
        """Start over with a new request: what answered the challenged one says nothing of it."""
        self._cseq = cseq
        self.sent_at = at
        self.first_response_at = self.provisional_at = None
        self.final_status = self.final_at = None
        self.icmp.clear()
        self.dropped = 0

    def message(self, event: MessageEvent, message: SipMessage, *, received: bool) -> None:
        """Take note of one message."""
        if self.call_id is None:
            if received or message.method != self.method:
                return
            self.call_id = message.call_id
        if message.call_id != self.call_id:
            return
        if message.method is not None:
            self._request(event, message, received=received)
        elif received:
            self._response(event, message)
        elif message.cseq[1] == "BYE":
            self.peer_bye_answered = True

    def _request(self, event: MessageEvent, message: SipMessage, *, received: bool) -> None:
        if received:
            self.peer_bye = self.peer_bye or message.method == "BYE"
        elif message.method == self.method and message.cseq[0] > self._cseq:
            self._begin(event.at, message.cseq[0])
        elif message.method == "ACK":
            self.acked = True
        elif message.method == "CANCEL":
            self.cancelled = True
        elif message.method == "BYE":
            self.bye_sent = True

    def _response(self, event: MessageEvent, message: SipMessage) -> None:
        status, method = message.status or 0, message.cseq[1]
        if method == "BYE" and status >= 200 and status not in {401, 407}:
            self.bye_final = True
        if method == "CANCEL" and status >= 200:
            self.cancel_final = True
        if method != self.method:
            return
        self.heard = True
        if self.first_response_at is None:
            self.first_response_at = event.at
        if status < 200:
            self.provisional_at = self.provisional_at or event.at
            if status >= 180:
                self.ringing_at = self.ringing_at or event.at
            return
        self.final_status, self.final_at = status, event.at
        if status < 300 and method == "INVITE" and self.answered_at is None:
            self.answered_at = event.at


class CalledProgress(Progress):
    """Follows a call that reached us: the INVITE is the peer's, the responses are ours."""

    def __init__(self, call_id: str) -> None:
        super().__init__("INVITE", call_id)
        self.first_response_at = 0.0  # somebody is there: it is who calls
        self.peer_cancelled = False
        "Whether the caller gave up before an answer."

    @property
    def settled(self) -> bool:
        """Whether no message of the call is still owed by either side."""
        if self.bye_sent:
            return self.bye_final
        if self.peer_bye:
            return self.peer_bye_answered
        return self.final_status is None or self.acked

    def _request(self, event: MessageEvent, message: SipMessage, *, received: bool) -> None:
        if message.method == "BYE":
            super()._request(event, message, received=received)
        elif message.method == "ACK":
            self.acked = self.acked or received
        elif message.method == "CANCEL":
            self.peer_cancelled = self.peer_cancelled or received

    def message(self, event: MessageEvent, message: SipMessage, *, received: bool) -> None:
        """Take note of one message."""
        if message.call_id != self.call_id:
            return
        status, method = message.status or 0, message.cseq[1]
        if received or message.method is not None or method != "INVITE":
            super().message(event, message, received=received)
        elif status >= 200 and self.final_status is None:
            self.final_status, self.final_at = status, event.at
            if status < 300:
                self.answered_at = event.at
        elif 180 <= status < 200:
            self.ringing_at = self.ringing_at or event.at


class TransferProgress(Progress):
    """Follows a REFER and the NOTIFYs of the subscription that it makes (RFC 3515 §2.4)."""

    def __init__(self, call_id: str | None) -> None:
        super().__init__("REFER", call_id)
        self.fragments: list[int] = []
        "Status codes of the message/sipfrag bodies, in order."
        self.ended = False
        "Whether a NOTIFY said that the subscription is terminated."

    @property
    def over(self) -> bool:
        """Whether nothing more will be told of the transfer."""
        return self.ended or (bool(self.fragments) and self.fragments[-1] >= 200)

    @property
    def done_well(self) -> bool:
        """Whether the transfer was told to have succeeded."""
        return bool(self.fragments) and 200 <= self.fragments[-1] < 300

    def _request(self, event: MessageEvent, message: SipMessage, *, received: bool) -> None:
        super()._request(event, message, received=received)
        if received and message.method == "NOTIFY":
            status = fragment_status(message)
            if status is not None:
                self.fragments.append(status)
            state = (message.first("Subscription-State") or "").strip().lower()
            self.ended = self.ended or state.startswith("terminated")


class Watched:
    """The attempts that are followed: each message goes to those of its Call-ID, and to no other.

    A worker carries thousands of calls one after the other, so what a message costs may not grow
    with the number of calls that are over.
    """

    def __init__(self) -> None:
        self._opening: list[Progress] = []
        self._of_call: dict[str, list[Progress]] = {}
        self._under_way: dict[int, Progress] = {}

    def begin(self, progress: Progress) -> None:
        """Follow one more attempt."""
        self._under_way[id(progress)] = progress
        if progress.call_id is None:
            self._opening.append(progress)
        else:
            self._of_call.setdefault(progress.call_id, []).append(progress)

    def rest(self, progress: Progress) -> None:
        """Show an attempt only its messages from now on, nothing of connections and of ICMP.

        One that never sent anything has no messages, and is forgotten.
        """
        self._under_way.pop(id(progress), None)
        if progress.call_id is None:
            self.end(progress)

    def end(self, progress: Progress) -> None:
        """Follow an attempt no more."""
        self._under_way.pop(id(progress), None)
        self._opening = [one for one in self._opening if one is not progress]
        own = [one for one in self._of_call.get(progress.call_id or "", ()) if one is not progress]
        if own:
            self._of_call[progress.call_id or ""] = own
        else:
            self._of_call.pop(progress.call_id or "", None)

    def see(self, event: Event) -> None:
        """Show an event to those whom it concerns."""
        if not isinstance(event, MessageEvent):
            for progress in self._under_way.values():
                progress.see(event)
            return
        seen = event.readable
        if seen is None:
            return
        received = isinstance(event, MessageReceived)
        for progress in self._of_call.get(seen.call_id, ()):
            progress.message(event, seen, received=received)
        if not self._opening or received:
            return
        for progress in self._opening:
            progress.message(event, seen, received=received)
            if progress.call_id is not None:
                self._of_call.setdefault(progress.call_id, []).append(progress)
        self._opening = [one for one in self._opening if one.call_id is None]
