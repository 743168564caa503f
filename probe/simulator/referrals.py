"""REFER in a call through the PBX, carried out by it: blind and attended transfer.

RFC 3515 (REFER), RFC 3891 (Replaces), RFC 5589 (transfer). The PBX says 202, tells with NOTIFY how
it goes, calls the target with the session of the one who is transferred, and connects both by a
re-INVITE. Only then does it hang up on the one who transferred; where it fails, the call stays.
"""

import re
from collections.abc import Callable
from urllib.parse import unquote

from msgspec import Struct
from sipmessage import Request, Response

from probe.simulator.answers import PHRASES, Answer, answer_of
from probe.simulator.bridges import Bridge
from probe.simulator.dialling import Dialling, Switch
from probe.simulator.dialogs import DialogId
from probe.simulator.invitation import Invitation
from probe.simulator.legs import SDP, Leg
from probe.simulator.messages import written_user
from probe.simulator.relayed import as_offer
from probe.simulator.transactions import ServerTransaction
from probe.simulator.users import USERS
from probe.sip.message import uri_user

_FRAGMENT = "message/sipfrag;version=2.0"
_HEADERS = re.compile(r"\?(?P<headers>[^>\s]*)")
_ACTIVE = "active;expires=60"


class Referral(Struct, frozen=True, kw_only=True):
    """What a REFER asks for."""

    number: str
    "The user part of Refer-To."

    replaces: DialogId | None
    "Call-ID, our tag and their tag of the dialog to replace; None for a blind transfer."

    silent: bool
    "Whether no NOTIFY is wanted (RFC 4488)."

    event: str
    "The value of Event in its NOTIFYs."

    by: str
    "The value of Referred-By that the target gets (RFC 3892); empty for none."


def referral_of(request: Request) -> Referral | None:
    """Read a REFER; None where it is not to be understood."""
    targets = request.headers.getlist("Refer-To")
    if len(targets) != 1:
        return None
    number = uri_user(targets[0])
    if not number:
        return None
    return Referral(
        number=unquote(number),
        replaces=_replaced(targets[0]),
        silent=(request.headers.get("Refer-Sub") or "").strip().lower() == "false",
        event=f"refer;id={request.cseq.sequence}",
        by=request.headers.get("Referred-By") or "",
    )


def _replaced(target: str) -> DialogId | None:
    """Return the dialog that Refer-To embeds as Replaces (RFC 3891 §6.1, escaped)."""
    found = _HEADERS.search(target)
    fields = (found["headers"] if found else "").split("&")
    value = next(
        (unquote(f.partition("=")[2]) for f in fields if f.lower().startswith("replaces=")), ""
    )
    call_id, *parameters = (part.strip() for part in value.split(";"))
    tags = dict(part.partition("=")[::2] for part in parameters)
    # The tags are named as the one who is referred would see them: `to-tag` is the remote end's,
    # which is us (RFC 3891 §3).
    return (call_id, tags.get("to-tag", ""), tags.get("from-tag", "")) if call_id else None


class Parties(Struct, frozen=True, kw_only=True):
    """Who takes part in a transfer."""

    bridge: Bridge
    "The call that is transferred."

    by: Leg
    "The leg of the one who transfers."

    switch: Switch
    "What dialling needs."

    join: Callable[[Leg, Leg], Bridge]
    "Makes a call of two legs."


class Transfer:
    """One transfer under way."""

    def __init__(self, parties: Parties, referral: Referral) -> None:
        """Say so to the one who transfers; nothing else is sent before it starts."""
        self._parties = parties
        self._referral = referral
        self._left = parties.bridge.other(parties.by)
        self._told: set[int] = set()
        self._dialling: Dialling | None = None
        parties.bridge.leaving = parties.by
        self._notify(100)

    def blind(self) -> None:
        """Call the target in the name of the one who is transferred."""
        left, number = self._left, self._referral.number
        by = (("Referred-By", self._referral.by),) if self._referral.by else ()
        invitation = Invitation(
            caller=left.line.user,
            name=USERS.get(left.line.user, ""),
            dialled=written_user(number),
            body=as_offer(left.sdp),
            fields=by,
        )
        route = self._parties.switch.route(number)
        if route is None or not (route.stages or route.redirect):
            self.failed(answer_of(404, self._parties.by.dialog.flow.here))
            return
        if route.redirect:
            route = self._parties.switch.route(route.redirect) or route
        self._dialling = Dialling(route, invitation, self._parties.switch, self)
        self._parties.bridge.when_over(self._dialling.cancel)
        self._dialling.start()

    def attended(self, consulted: Leg) -> None:
        """Connect the one who is transferred with whom ``consulted`` is talking to."""
        second = consulted.owner
        if not isinstance(second, Bridge) or second is self._parties.bridge or second.busy:
            self.failed(answer_of(491, self._parties.by.dialog.flow.here))
            return
        target = second.other(consulted)
        second.leaving, second.changing = consulted, True
        target.origin.take_over()

        def on_final(response: Response | None, cseq: int) -> None:
            second.changing = False
            if response is None or response.code >= 300:
                second.leaving = None
                self.failed(Answer(code=503, phrase=PHRASES[503]))
                return
            target.acknowledge(cseq)
            second.release()
            self._connect(target, lambda: second.leave(consulted))

        target.reinvite((), as_offer(self._left.sdp), SDP, on_final)

    def progress(self, response: Response, *, alone: bool) -> None:
        """Tell that the target rings."""
        del alone
        if response.code == 180:
            self._notify(180)

    def answered(self, leg: Leg, response: Response) -> None:
        """Connect the one who is transferred with the target that answered."""
        del response
        leg.acknowledge(1)
        if self._parties.bridge.over:  # hung up in the same moment
            leg.hang_up()
            return
        self._parties.switch.lines.become(leg.line, "confirmed")
        self._connect(leg, lambda: None)

    def failed(self, answer: Answer) -> None:
        """Tell that it came to nothing; the call stays as it was."""
        self._notify(answer.code, answer.phrase)
        bridge = self._parties.bridge
        bridge.leaving = None
        if self._parties.by.over:
            bridge.end("trunk")

    def _connect(self, target: Leg, done: Callable[[], None]) -> None:
        """Join both, and give the one who is transferred the session of the target."""
        old, left = self._parties.bridge, self._left
        old.release()
        new = self._parties.join(left, target)
        new.changing = True
        left.line.remote, target.line.remote = target.line.user, left.line.user
        left.origin.take_over()

        def on_final(response: Response | None, cseq: int) -> None:
            new.changing = False
            done()
            code = 200
            if response is None or response.code >= 300:
                new.end("trunk")
                code = 503
            else:
                left.acknowledge(cseq)
            self._notify(code, PHRASES[code], lambda: old.leave(self._parties.by))

        left.reinvite((), as_offer(target.sdp), SDP, on_final)

    def _notify(self, code: int, phrase: str = "", then: Callable[[], None] = lambda: None) -> None:
        """Tell the one who transfers, once a code, and go on when that was answered."""
        by = self._parties.by
        if self._referral.silent or by.over or code in self._told:
            then()
            return
        self._told.add(code)
        state = "terminated;reason=noresource" if code >= 200 else _ACTIVE
        by.ask(
            "NOTIFY",
            (("Event", self._referral.event), ("Subscription-State", state)),
            f"SIP/2.0 {code} {phrase or PHRASES[code]}\r\n",
            _FRAGMENT,
            lambda _response: then(),
        )


def refer(
    parties: Parties, transaction: ServerTransaction, consulted: Callable[[DialogId], Leg | None]
) -> None:
    """Serve a REFER of a party; ``consulted`` finds the leg that a Replaces names."""
    request, flow = transaction.request, transaction.flow
    referral = referral_of(request)
    if referral is None:
        transaction.respond(answer_of(400, flow.here))
        return
    if parties.bridge.leaving is not None or parties.bridge.busy:
        transaction.respond(answer_of(491, flow.here))
        return
    silent = (("Refer-Sub", "false"),) if referral.silent else ()
    transaction.respond(answer_of(202, flow.here, ("Contact", flow.contact), *silent))
    transfer = Transfer(parties, referral)
    if referral.replaces is None:
        transfer.blind()
        return
    leg = consulted(referral.replaces)
    if leg is None:
        transfer.failed(answer_of(481, flow.here))
    else:
        transfer.attended(leg)
