"""Two parties in a call: what one asks goes to the other (RFC 7092: a B2BUA of the signalling).

Sound goes from party to party: their session descriptions pass through.
"""

from collections.abc import Callable
from typing import Protocol

from sipmessage import Response

from probe.simulator.answers import ALLOW, Answer, answer_of
from probe.simulator.clock import Cancellable
from probe.simulator.legs import SDP, SUPPORTED, Leg
from probe.simulator.lines import Lines
from probe.simulator.messages import text_of
from probe.simulator.relayed import answer_from, content_type_of, fields_of
from probe.simulator.site import Site
from probe.simulator.transactions import Key, ServerTransaction

_PASSED_ON = frozenset({"INFO", "MESSAGE", "UPDATE"})
_GONE = frozenset({408, 481})


class House(Protocol):
    """What a bridge needs of the exchange."""

    site: Site
    lines: Lines
    cancels: dict[Key, Callable[..., None]]

    def drop(self, leg: Leg) -> None:
        """Forget a leg."""

    def refer(self, bridge: "Bridge", leg: Leg, transaction: ServerTransaction) -> None:
        """Serve a REFER of a party."""

    def unserved(self, transaction: ServerTransaction) -> None:
        """Answer a request that nothing is passed on for."""


class Bridge:
    """Two legs that belong together."""

    def __init__(self, one: Leg, other: Leg, house: House) -> None:
        self.legs = (one, other)
        self.over = False
        self.leaving: Leg | None = None
        "The party that transfers the call and may hang up without ending it."
        self.changing = False
        "Whether a change of the session is under way."
        self._house = house
        self._when_over: Callable[[], None] = lambda: None
        for leg in self.legs:
            leg.owner = self
        self._limit: Cancellable = house.site.scheduler.call_later(
            house.site.max_call_s, lambda: self.end("limit")
        )

    def other(self, leg: Leg) -> Leg:
        """Return the other party's leg."""
        one, other = self.legs
        return other if leg is one else one

    @property
    def busy(self) -> bool:
        """Whether a change of the session is under way or not confirmed yet."""
        return self.changing or any(leg.unacknowledged for leg in self.legs)

    def serve(self, leg: Leg, transaction: ServerTransaction) -> None:
        """Take a request of a party."""
        method = transaction.request.method
        if method == "BYE":
            self._bye(leg, transaction)
        elif method == "INVITE":
            self._reinvite(leg, transaction)
        elif method == "REFER":
            self._house.refer(self, leg, transaction)
        elif method in _PASSED_ON:
            self._pass_on(leg, transaction)
        else:
            self._house.unserved(transaction)

    def lost(self, leg: Leg) -> None:
        """End the call of a party that sent no ACK or answers no more."""
        self.end("ack-timeout", by=leg)

    def end(self, why: str, *reason: tuple[str, str], by: Leg | None = None) -> None:
        """Hang up on both parties; ``by`` is the one that ended it."""
        if self.over:
            return
        self.release()
        self._when_over()
        for leg in self.legs:
            if not leg.over:  # first the record: who has seen the BYE must find the call ended
                self._closed(leg, why)
                leg.hang_up(*(() if leg is by else reason))

    def release(self) -> None:
        """Stop being the owner of the call; the legs stay."""
        self.over = True
        self._limit.cancel()

    def when_over(self, what: Callable[[], None]) -> None:
        """Do something when the call ends by itself."""
        self._when_over = what

    def leave(self, leg: Leg, *reason: tuple[str, str]) -> None:
        """Hang up on one party alone."""
        if not leg.over:
            self._closed(leg, "trunk")
            leg.hang_up(*reason)

    def _closed(self, leg: Leg, why: str) -> None:
        self._house.lines.end(leg.line, why)
        self._house.drop(leg)

    def _bye(self, leg: Leg, transaction: ServerTransaction) -> None:
        by = "callee" if leg.line.outgoing else "caller"
        leg.close()
        self._closed(leg, by)
        transaction.respond(answer_of(200, transaction.flow.here))
        if leg is not self.leaving:
            reason = (("Reason", v) for v in transaction.request.headers.getlist("Reason"))
            self.end(by, *reason)

    def _reinvite(self, leg: Leg, transaction: ServerTransaction) -> None:
        request, here = transaction.request, transaction.flow.here
        if self.busy or self.leaving is not None:
            transaction.respond(answer_of(491, here))
            return
        transaction.respond(answer_of(100, here))
        self.changing = True
        other = self.other(leg)
        offered = text_of(request)

        def on_final(response: Response | None, cseq: int) -> None:
            self.changing = False
            self._house.cancels.pop(transaction.key, None)
            answer = answer_from(response)
            if response is None or response.code >= 300:
                transaction.respond(answer)
                if answer.code in _GONE:
                    self.end("trunk")
                return
            if offered.strip():
                leg.sdp = offered
            leg.answer(
                transaction,
                self.answer_to(leg, transaction, answer),
                lambda body, kind: other.acknowledge(cseq, body, kind),
            )

        client = other.reinvite(fields_of(request), offered, content_type_of(request), on_final)
        self._house.cancels[transaction.key] = client.cancel

    @staticmethod
    def answer_to(leg: Leg, transaction: ServerTransaction, answer: Answer) -> Answer:
        """Return a 2xx of one party as the other gets it, with what opens or keeps its dialog."""
        routes = transaction.request.headers.getlist("Record-Route")
        return Answer(
            code=answer.code,
            phrase=answer.phrase,
            headers=(
                *(("Record-Route", value) for value in routes),
                ("Contact", transaction.flow.contact),
                ("Allow", ALLOW),
                ("Supported", SUPPORTED),
                *answer.headers,
            ),
            body=leg.origin.shown(answer.body) if answer.body else "",
            content_type=answer.content_type or SDP,
        )

    def _pass_on(self, leg: Leg, transaction: ServerTransaction) -> None:
        """Pass on a request that is no INVITE, and its answer back."""
        request = transaction.request
        if request.method == "UPDATE" and (self.changing or self.leaving is not None):
            transaction.respond(answer_of(491, transaction.flow.here))
            return
        other, body = self.other(leg), text_of(request)

        def on_final(response: Response | None) -> None:
            answer = answer_from(response)
            if request.method == "UPDATE" and answer.code < 300:
                leg.sdp, other.sdp = body or leg.sdp, answer.body or other.sdp
                answer = self.answer_to(leg, transaction, answer)
            transaction.respond(answer)

        shown = other.origin.shown(body) if request.method == "UPDATE" and body else body
        timer = (("Supported", SUPPORTED),) if request.method == "UPDATE" else ()
        other.ask(
            request.method, (*timer, *fields_of(request)), shown, content_type_of(request), on_final
        )
