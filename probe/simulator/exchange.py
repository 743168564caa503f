"""The PBX: calls between its users, as a back-to-back user agent."""

import secrets
from collections.abc import Callable

from sipmessage import Response

from probe.simulator.answers import answer_of
from probe.simulator.bridges import Bridge
from probe.simulator.dialling import Switch
from probe.simulator.dialogs import DialogId, dialog_of
from probe.simulator.inbound import Inbound
from probe.simulator.invitation import Target, invitation_of
from probe.simulator.legs import Leg
from probe.simulator.lines import Lines
from probe.simulator.messages import build, text_of, user_of, written_user
from probe.simulator.numbers import normal
from probe.simulator.referrals import Parties, refer
from probe.simulator.registrar import Registrar
from probe.simulator.relayed import answer_from, content_type_of, fields_of
from probe.simulator.routes import Route, Stage, route_of
from probe.simulator.site import Site
from probe.simulator.transactions import Key, ServerTransaction
from probe.simulator.users import USERS


class Exchange:
    """Every call that goes through the PBX, and who is in it."""

    def __init__(
        self,
        site: Site,
        registrar: Registrar,
        lines: Lines,
        unserved: Callable[[ServerTransaction], None],
    ) -> None:
        """``unserved`` answers requests in a call that are not for the other party."""
        self.site = site
        self.lines = lines
        self.unserved = unserved
        self.cancels: dict[Key, Callable[..., None]] = {}
        "What a CANCEL does, by the INVITE that it means."
        self._registrar = registrar
        self._legs: dict[DialogId, Leg] = {}
        self._ringing: dict[Key, Inbound] = {}
        self.switch = Switch(site=site, lines=lines, targets=self.targets, route=self.route)
        "What dialling needs."

    @property
    def size(self) -> int:
        """How many parties are in calls, or on the way to one."""
        return len(self._legs) + len(self._ringing)

    def close(self) -> None:
        """End every call."""
        for inbound in tuple(self._ringing.values()):
            inbound.abandon()
        for leg in tuple(self._legs.values()):
            if isinstance(leg.owner, Bridge):
                leg.owner.end("stop")

    def invite(self, transaction: ServerTransaction, caller: str) -> bool:
        """Take a new call for a user or group; False where its number is neither.

        ``caller`` is the user whose credentials it carried.
        """
        dialled = user_of(transaction.request)
        route = route_of(dialled)
        if route is None:
            return False
        if not route.stages and not route.redirect:
            transaction.respond(answer_of(404, transaction.flow.here))
            return True
        try:
            inbound = Inbound(
                transaction=transaction,
                user=caller,
                invitation=invitation_of(transaction.request, caller, normal(dialled)),
                route=route,
                switch=self.switch,
                connect=self._connect,
                over=self._no_longer_ringing,
            )
        except ValueError:
            transaction.respond(answer_of(400, transaction.flow.here))
            return True
        self._ringing[transaction.key] = inbound
        self.cancels[transaction.key] = inbound.cancel
        inbound.start()
        return True

    def message(self, transaction: ServerTransaction) -> bool:
        """Pass a MESSAGE on to a user's latest contact; False where it is for none of the users.

        A text is not forked: one 200 is one delivery (RFC 3428 §8).
        """
        request, here = transaction.request, transaction.flow.here
        number = normal(user_of(request))
        if number not in USERS:
            return False
        bindings = self._registrar.reachable(number)
        if not bindings:
            transaction.respond(answer_of(480, here))
            return True
        latest = bindings[-1]
        text = build(
            "MESSAGE",
            latest.uri,
            (
                ("Max-Forwards", "69"),
                ("From", request.headers["From"]),
                ("To", request.headers["To"]),
                ("Call-ID", f"{secrets.token_hex(12)}@{self.site.host}"),
                ("CSeq", "1 MESSAGE"),
                *fields_of(request),
            ),
            body=text_of(request),
            content_type=content_type_of(request),
        )

        def on_final(response: Response | None) -> None:
            transaction.respond(answer_from(response))

        self.site.transactions.send_request(text, latest.flow, on_final)
        return True

    def in_dialog(self, transaction: ServerTransaction) -> bool:
        """Serve a request within a call through the PBX; False where it is in none."""
        request, flow = transaction.request, transaction.flow
        leg = self._legs.get(dialog_of(request))
        if leg is None or leg.owner is None:
            return False
        if not leg.dialog.accept(request, flow):
            transaction.respond(answer_of(500, flow.here))
        else:
            leg.owner.serve(leg, transaction)
        return True

    def leg(self, dialog: DialogId) -> Leg | None:
        """Return the leg of a dialog, None where it is none of a call through the PBX."""
        return self._legs.get(dialog)

    def cancel(self, invite: Key, *reason: tuple[str, str]) -> None:
        """Give up an INVITE that is under way."""
        cancelled = self.cancels.pop(invite, None)
        if cancelled is not None:
            cancelled(*reason)

    def targets(self, stage: Stage) -> list[Target]:
        """Return the places of a stage, as they are registered now."""
        found = [
            Target(uri=binding.uri, flow=binding.flow, user=user)
            for user in stage.users
            for binding in self._registrar.reachable(user)
        ]
        for number in stage.numbers:
            flow = self.site.own_flow()
            user = written_user(number)
            found.append(Target(uri=f"sip:{user}@{flow.here}", flow=flow, user=user))
        return found

    @staticmethod
    def route(number: str) -> Route | None:
        """Return where a number leads that a party was sent to: a number of ours always answers."""
        if not number:
            return None
        return route_of(number) or Route(stages=(Stage(numbers=(number,)),))

    def drop(self, leg: Leg) -> None:
        """Forget a leg."""
        self._legs.pop(leg.dialog.id, None)

    def refer(self, bridge: Bridge, leg: Leg, transaction: ServerTransaction) -> None:
        """Serve a REFER of a party."""
        parties = Parties(bridge=bridge, by=leg, switch=self.switch, join=self._join)
        refer(parties, transaction, self.leg)

    def _connect(self, inbound: Inbound, leg: Leg) -> Bridge:
        return self._join(inbound.leg, leg)

    def _join(self, one: Leg, other: Leg) -> Bridge:
        """Make a call of two legs."""
        for leg in (one, other):
            self._legs[leg.dialog.id] = leg
        return Bridge(one, other, self)

    def _no_longer_ringing(self, inbound: Inbound) -> None:
        self._ringing.pop(inbound.transaction.key, None)
        self.cancels.pop(inbound.transaction.key, None)
