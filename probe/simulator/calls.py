"""One call, from its authenticated INVITE to its end, as its Behaviour says.

RFC 3261 §13.3 (answering), §14.2 (re-INVITE), §15 (BYE).
"""

from collections.abc import Callable

from sipmessage import Request, Response

from probe.simulator.answers import ALLOW, SUPPORTED, Answer, answer_of
from probe.simulator.behaviour import Behaviour, Reply, Sdp
from probe.simulator.clock import Cancellable, Repeater
from probe.simulator.dialogs import DialogId, opened_by
from probe.simulator.media import CallMedia
from probe.simulator.messages import user_of
from probe.simulator.records import CallRecord
from probe.simulator.sdp import Chosen, Refusal, choose
from probe.simulator.service import Service
from probe.simulator.session_timer import SessionTimer
from probe.simulator.site import Site
from probe.simulator.transactions import ServerTransaction
from probe.sip.sdp import SessionDescription, parse_sdp

_FINAL = 200
_EXPIRED = ("Reason", 'SIP;cause=408;text="Session timer expired"')
_REDIRECTION = 300
_NO_SOUND = ("Reason", 'Q.850;cause=41;text="RTP Timeout"')


class Call:
    """One call. ``closed`` is called once, when the call is over."""

    def __init__(
        self,
        *,
        transaction: ServerTransaction,
        behaviour: Behaviour,
        site: Site,
        closed: Callable[["Call"], None],
        service: Service | None = None,
    ) -> None:
        """Raise ValueError where the INVITE has no Contact to send a BYE to."""
        invite = transaction.request
        self.transaction = transaction
        self._behaviour = behaviour
        self._site = site
        self._closed = closed
        self._service = service
        self.told: Callable[[str], None] = lambda _state: None
        "Gets the state of the call as RFC 4235 names it."
        self._state = "early"
        self._code: int | None = None
        self._ended_by = ""
        self._dialled = user_of(invite)
        self._caller = invite.from_address.uri.user or ""
        fork = next((r.fork for r in behaviour.replies if r.code // 100 == 2), "")
        self.dialog = opened_by(invite, transaction.flow, transaction.to_tag + fork)
        self._offer: SessionDescription | None = _sdp_in(invite)
        self._chosen: Chosen | None = None
        self._media = CallMedia(site, behaviour.sound, lambda: self.hang_up("trunk", _NO_SOUND))
        self._repeater: Repeater | None = None
        self._next: Cancellable | None = None
        self._timer = SessionTimer(
            site.scheduler, self._refresh_session, lambda: self.hang_up("trunk", _EXPIRED)
        )
        self._limit = site.scheduler.call_later(site.max_call_s, self._over_limit)
        site.records.opened(id(self), self._record)

    @property
    def id(self) -> DialogId:
        """The id of the dialog that the call will be."""
        return self.dialog.id

    @property
    def info_code(self) -> int:
        """The code that INFO gets."""
        return self._behaviour.info

    def start(self) -> None:
        """Begin to answer."""
        too_small = self._timer.refusal(self.transaction.request)
        if too_small is not None:
            self._refuse(too_small, "refused")
            return
        if self._offer is not None and any(r.sdp is not Sdp.NONE for r in self._behaviour.replies):
            chosen = choose(self._offer)
            if isinstance(chosen, Refusal):
                here = self.transaction.flow.here
                warning = ("Warning", f'{chosen.warning} {here} "{chosen.text}"')
                refusal = Answer(code=488, phrase="Not Acceptable Here", headers=(warning,))
                self._refuse(refusal, "refused")
                return
            self._chosen = chosen
        self._schedule(0)

    def cancel(self) -> None:
        """End a call that the caller gave up while it rang (RFC 3261 §9.2)."""
        if not self.transaction.answered:
            self._refuse(answer_of(487, self.transaction.flow.here), "cancel")

    def acknowledge(self, request: Request) -> None:
        """Take the ACK for the 200."""
        answer = _sdp_in(request)
        if answer is not None and self._offer is None:
            self._media.answered_by(answer)
        if self._behaviour.hears_ack and self._repeater is not None:
            self._repeater.stop()
            self._repeater = None
            if self._state == "answered":
                self._state = "confirmed"
                if self._service is not None:
                    self._service.confirmed(self)
                if self._behaviour.hangs_up_after is not None:
                    self._next = self._site.scheduler.call_later(
                        self._behaviour.hangs_up_after, lambda: self.hang_up("trunk")
                    )

    def bye(self, transaction: ServerTransaction) -> None:
        """End a call because the caller hung up (RFC 3261 §15.1.2)."""
        if self.transaction.answered:
            self._end("caller")
        else:
            self._refuse(answer_of(487, transaction.flow.here), "caller")
        if self._behaviour.answers_bye:
            transaction.respond(answer_of(200, transaction.flow.here))

    def reinvite(self, transaction: ServerTransaction) -> None:
        """Answer a re-INVITE or UPDATE: the session changes or is only refreshed (RFC 3311)."""
        here = transaction.flow.here
        if self._repeater is not None or self._state == "early":
            transaction.respond(answer_of(491, here))
            return
        too_small = self._timer.refusal(transaction.request)
        if too_small is not None:
            transaction.respond(too_small)
            return
        body = self._new_description(transaction.request)
        if body is None:
            transaction.respond(answer_of(488, here))
            return
        headers = (*self._headers(), *self._timer.agree(transaction.request))
        data = transaction.respond(Answer(code=200, phrase="OK", headers=headers, body=body))
        if transaction.request.method == "INVITE":
            self._repeat(transaction, data)

    def info(self, request: Request) -> None:
        """Take an INFO of the caller's."""
        if self._service is not None:
            self._service.info(self, request)

    def hear_events(self, heard: Callable[[str], None]) -> None:
        """Call ``heard`` with each digit that comes as a telephone-event (RFC 4733)."""
        self._media.hear_events(heard)

    def hang_up(self, by: str, *headers: tuple[str, str]) -> None:
        """Send BYE and end the call, whether or not the other side responds."""
        bye = self.dialog.request("BYE", *self._behaviour.bye_headers, *headers)
        self._end(by)
        self._site.transactions.send_request(bye, self.dialog.flow)

    def abandon(self) -> None:
        """End the call because the trunk stops."""
        if self.transaction.answered:
            self.hang_up("stop")
        else:
            self._refuse(answer_of(503, self.transaction.flow.here), "stop")

    def _new_description(self, request: Request) -> str | None:
        """Answer the offer of a re-INVITE or UPDATE; None where it cannot be taken."""
        offer = _sdp_in(request)
        if offer is None and request.method == "UPDATE":
            return ""
        chosen = choose(offer) if offer is not None else None
        if isinstance(chosen, Refusal):
            return None
        return self._media.describe(offer, chosen, Sdp.ANSWER)

    def _schedule(self, index: int) -> None:
        if index >= len(self._behaviour.replies):
            return
        reply = self._behaviour.replies[index]
        if reply.after == 0:
            self._play(index)
        else:
            self._next = self._site.scheduler.call_later(reply.after, lambda: self._play(index))

    def _play(self, index: int) -> None:
        reply = self._behaviour.replies[index]
        answer = self._answer(reply)
        if answer is None:
            self._refuse(answer_of(500, self.transaction.flow.here), "refused")
        elif reply.code >= _REDIRECTION:
            self._refuse(answer, "refused")
        elif reply.code >= _FINAL:
            self._pick_up(answer)
        else:
            if reply.code > 100:
                self.told("early")
            self.transaction.respond(answer)
            if reply.sdp is not Sdp.NONE:
                self._media.ring()
            self._schedule(index + 1)

    def _answer(self, reply: Reply) -> Answer | None:
        """Write one reply of the script; None where no RTP port is free."""
        standard = answer_of(reply.code, self.transaction.flow.here)
        body = ""
        if reply.sdp is not Sdp.NONE:
            described = self._media.describe(self._offer, self._chosen, reply.sdp)
            if described is None:
                return None
            body = described
        own = self._headers() if 100 < reply.code < _REDIRECTION else ()
        if reply.code // 100 == 2:
            own = (*own, *self._timer.agree(self.transaction.request))
        return Answer(
            code=reply.code,
            phrase=reply.phrase or standard.phrase,
            headers=(*own, *_merged(standard.headers, reply.headers)),
            body=body,
            tag_suffix=reply.fork,
        )

    def _headers(self) -> tuple[tuple[str, str], ...]:
        """Return what a response that makes or changes a dialog carries (RFC 3261 §12.1.1)."""
        routes = self.transaction.request.headers.getlist("Record-Route")
        contact = self._behaviour.contact or self.transaction.flow.contact
        return (
            *(("Record-Route", value) for value in routes),
            ("Contact", contact),
            ("Allow", ALLOW),
            ("Supported", SUPPORTED),
        )

    def _pick_up(self, answer: Answer) -> None:
        self._state, self._code = "answered", answer.code
        self.told("confirmed")
        self._repeat(self.transaction, self.transaction.respond(answer))
        self._media.answered()

    def _repeat(self, transaction: ServerTransaction, data: bytes) -> None:
        """Send a 2xx again until its ACK comes, over any transport (RFC 3261 §13.3.1.4)."""
        self._repeater = Repeater(
            self._site.scheduler,
            timers=self._site.timers,
            send=lambda: transaction.send_again(data),
            give_up=lambda: self.hang_up("ack-timeout"),
        )

    def _refuse(self, answer: Answer, by: str) -> None:
        self._code = answer.code
        self._end(by)  # first: who has seen the response must find the call ended
        self.transaction.respond(answer)

    def _refresh_session(self) -> None:
        """Refresh the session by UPDATE, where that is ours to do (RFC 4028 §7.4)."""
        expires = ("Session-Expires", f"{self._timer.interval};refresher=uac")
        update = self.dialog.request("UPDATE", ("Supported", "timer"), expires)

        def on_final(response: Response | None) -> None:
            if response is not None and response.code < 300 and self._state != "ended":
                self._timer.refreshed()

        self._site.transactions.send_request(update, self.dialog.flow, on_final)

    def _over_limit(self) -> None:
        if self.transaction.answered:
            self.hang_up("limit")
        else:
            self._refuse(answer_of(408, self.transaction.flow.here), "limit")

    def _end(self, by: str) -> None:
        self._state, self._ended_by = "ended", by
        self._limit.cancel()
        if self._next is not None:
            self._next.cancel()
        if self._repeater is not None:
            self._repeater.stop()
        self._timer.stop()
        self._media.close()
        if self._service is not None:
            self._service.ended()
        self._site.records.closed(id(self))
        self._closed(self)

    def _record(self) -> CallRecord:
        heard, sent, reports = self._media.counts
        return CallRecord(
            call_id=self.id[0],
            dialled=self._dialled,
            caller=self._caller,
            transport=self.dialog.flow.transport,
            state=self._state,
            code=self._code,
            ended_by=self._ended_by,
            rtp_packets=heard,
            rtp_echoed=sent,
            rtcp_packets=reports,
        )


def _sdp_in(request: Request) -> SessionDescription | None:
    """Return the session description of a request, None where it has no body."""
    return parse_sdp(request.body.decode("utf-8", "replace")) if request.body.strip() else None


def _merged(
    standard: tuple[tuple[str, str], ...], own: tuple[tuple[str, str], ...]
) -> tuple[tuple[str, str], ...]:
    """Return the standard header fields, but for those that the script gives itself."""
    names = {name for name, _ in own}
    return (*((n, v) for n, v in standard if n not in names), *own)
