"""A call from a party until somebody answers it: the caller's side of setting it up."""

from collections.abc import Callable

from sipmessage import Response

from probe.simulator.answers import Answer, answer_of
from probe.simulator.bridges import Bridge
from probe.simulator.dialling import Dialling, Switch
from probe.simulator.dialogs import opened_by
from probe.simulator.invitation import Invitation
from probe.simulator.legs import SDP, Leg
from probe.simulator.lines import Line
from probe.simulator.relayed import answer_from
from probe.simulator.routes import Route
from probe.simulator.transactions import ServerTransaction


class Inbound:
    """One INVITE that is not answered yet."""

    def __init__(  # noqa: PLR0913 - each has a name
        self,
        *,
        transaction: ServerTransaction,
        user: str,
        invitation: Invitation,
        route: Route,
        switch: Switch,
        connect: Callable[["Inbound", Leg], Bridge],
        over: Callable[["Inbound"], None],
    ) -> None:
        """``user`` is the caller. Raise ValueError where the INVITE has no usable Contact.

        ``connect`` makes a bridge of both parties; ``over`` is called once, at the end of this.
        """
        request = transaction.request
        dialog = opened_by(request, transaction.flow, transaction.to_tag)
        self.transaction = transaction
        self._switch = switch
        self._connect = connect
        self._over = over
        self._route = route
        self._line = switch.lines.open(
            Line(
                user=user,
                call_id=request.call_id,
                remote=invitation.dialled,
                transport=transaction.flow.transport,
                outgoing=False,
            )
        )
        self.leg = Leg(dialog, self._line, switch.site, sdp=invitation.body)
        if route.forwarded:
            invitation = invitation.diverted(switch.site.host, "unconditional")
        self._dialling = Dialling(route, invitation, switch, self)

    def start(self) -> None:
        """Ring, or send the caller elsewhere."""
        here = self.transaction.flow.here
        self.transaction.respond(answer_of(100, here))
        if self._route.redirect:
            to = ("Contact", f"<sip:{self._route.redirect}@{here}>")
            self.failed(Answer(code=302, phrase="Moved Temporarily", headers=(to,)))
            return
        if self._route.forwarded:
            self.transaction.respond(self._early(answer_of(181, here)))
        self._dialling.start()

    def cancel(self, *reason: tuple[str, str]) -> None:
        """End it because the caller gave up (RFC 3261 §9.2)."""
        self._dialling.cancel(*reason)
        self._refuse(answer_of(487, self.transaction.flow.here), "cancel")

    def abandon(self) -> None:
        """End it because the PBX stops."""
        self._dialling.cancel()
        self._refuse(answer_of(503, self.transaction.flow.here), "stop")

    def progress(self, response: Response, *, alone: bool) -> None:
        """Let the caller hear how it goes; sound only from the one party that can answer."""
        self._switch.lines.become(self._line, "early")
        self.transaction.respond(self._early(answer_from(response, body=alone)))

    def answered(self, leg: Leg, response: Response) -> None:
        """Connect the caller with the one who answered."""
        self._over(self)
        bridge = self._connect(self, leg)
        for each in bridge.legs:
            self._switch.lines.become(each.line, "confirmed")
        self._line.code = response.code
        answer = bridge.answer_to(self.leg, self.transaction, answer_from(response))
        self.leg.answer(self.transaction, answer, lambda body, kind: leg.acknowledge(1, body, kind))

    def failed(self, answer: Answer) -> None:
        """Tell the caller that nobody answered."""
        self._refuse(answer, "refused")

    def _refuse(self, answer: Answer, by: str) -> None:
        self._over(self)
        self._switch.lines.end(self._line, by, answer.code)
        self.transaction.respond(answer)

    def _early(self, answer: Answer) -> Answer:
        return Answer(
            code=answer.code,
            phrase=answer.phrase,
            headers=(
                *(
                    ("Record-Route", value)
                    for value in self.transaction.request.headers.getlist("Record-Route")
                ),
                ("Contact", self.transaction.flow.contact),
                *answer.headers,
            ),
            body=self.leg.origin.shown(answer.body) if answer.body else "",
            content_type=answer.content_type or SDP,
        )
