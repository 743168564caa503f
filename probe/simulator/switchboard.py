"""Where every message arrives and is given to the part that serves it."""

import secrets
from collections.abc import Callable
from typing import Literal

from msgspec import Struct
from sipmessage import Request, Response

from probe.simulator.answers import ACCEPT, ALLOW, EVENTS, SUPPORTED, Answer, answer_of
from probe.simulator.behaviour import Behaviour
from probe.simulator.calls import Call
from probe.simulator.dialogs import DialogId, dialog_of
from probe.simulator.digest import Authenticator, Judgement
from probe.simulator.messages import (
    Malformed,
    read,
    reply_address,
    respond,
    stamp_via,
    tag_of,
    user_of,
)
from probe.simulator.numbers import behaviour_of, final_code, in_table, normal
from probe.simulator.pbx import Pbx
from probe.simulator.registrar import Registrar
from probe.simulator.site import Site
from probe.simulator.transactions import Key, ServerTransaction
from probe.simulator.transport import Flow
from probe.simulator.users import USERS

WrongPassword = Literal["403", "challenge"]
"""What wrong credentials get: 403, or a fresh challenge."""

_REDIRECTION = 300
_OPTION_TAGS = frozenset(SUPPORTED.split(", "))
_ONLY_IN_DIALOG = frozenset({"BYE", "INFO", "NOTIFY", "PRACK", "UPDATE"})
_TEXT = "text/plain"


class Policy(Struct, frozen=True, kw_only=True):
    """How strict the trunk is."""

    challenge_calls: bool = True
    "Whether INVITE has to authenticate (407)."

    wrong_password: WrongPassword = "403"  # noqa: S105 - a status code
    "What wrong credentials get."

    max_calls: int = 64
    "Calls at a time; one more gets 486."


class Switchboard:
    """Reads messages, keeps transactions and dialogs apart, and calls the right part."""

    def __init__(
        self, *, site: Site, policy: Policy, authenticator: Authenticator, registrar: Registrar
    ) -> None:
        """Become the transaction user of ``site.transactions``."""
        site.transactions.attach(self)
        self._site = site
        self._policy = policy
        self._authenticator = authenticator
        self._registrar = registrar
        self._pbx = Pbx(site, registrar, self._unserved_in_call)
        self._notifier, self._exchange = self._pbx.notifier, self._pbx.exchange
        self._calls: dict[DialogId, Call] = {}
        self._by_invite: dict[Key, Call] = {}
        self._handlers: dict[str, Callable[[ServerTransaction], None]] = {
            "INVITE": self._invite,
            "MESSAGE": self._message,
            "OPTIONS": self._options,
            "REFER": lambda transaction: self._notifier.refer(transaction, None),
            "REGISTER": self._register,
            "SUBSCRIBE": self._notifier.subscribe,
        }

    def close(self) -> None:
        """End every call: BYE where it was answered, 503 where it was not."""
        for call in tuple(self._calls.values()):
            call.abandon()
        self._pbx.close()
        self._site.transactions.close()

    def receive(self, data: bytes, flow: Flow) -> None:
        """Take one message off the wire."""
        try:
            message = read(data)
        except Malformed as malformed:
            self._refuse_malformed(malformed, flow)
            return
        if isinstance(message, Response):
            self._site.transactions.receive_response(message)
        else:
            stamp_via(message, flow.peer)
            self._site.transactions.receive_request(message, flow)

    def acknowledge(self, request: Request) -> None:
        """Take the ACK for a 2xx; one for no call of ours is dropped."""
        call = self._calls.get(dialog_of(request))
        leg = self._exchange.leg(dialog_of(request))
        if call is not None:
            call.acknowledge(request)
        elif leg is not None:
            leg.acknowledged(request)

    def serve(self, transaction: ServerTransaction) -> None:
        """Take a new request."""
        request, here = transaction.request, transaction.flow.here
        dialled = self._dialled(request)
        unsupported = [
            tag
            for tag in (*request.require, *request.proxy_require)
            if tag.lower() not in _OPTION_TAGS
        ]
        if request.method == "CANCEL":
            self._cancel(transaction)
        elif not behaviour_of(dialled).replies:
            self._site.scheduler.call_later(self._site.timers.give_up, transaction.terminate)
        elif request.max_forwards == 0 and request.method != "OPTIONS":
            transaction.respond(answer_of(483, here))
        elif unsupported:
            refusal = Answer(
                code=420, phrase="Bad Extension", headers=(("Unsupported", ", ".join(unsupported)),)
            )
            transaction.respond(refusal)
        elif tag_of(request.headers["To"]):
            self._in_dialog(transaction)
        else:
            self._out_of_dialog(transaction, dialled)

    @staticmethod
    def _dialled(request: Request) -> str:
        """Return who is meant: the address of record for REGISTER, else the Request-URI's user."""
        if request.method == "REGISTER":
            return request.to_address.uri.user or ""
        return user_of(request)

    def _refuse_malformed(self, malformed: Malformed, flow: Flow) -> None:
        request = malformed.request
        if request is None or request.method == "ACK":
            return
        stamp_via(request, flow.peer)
        tag, server = secrets.token_hex(8), self._site.transactions.server
        data = respond(request, malformed.answer, to_tag=tag, server=server)
        flow.send(data, None if flow.reliable else reply_address(request, flow.peer))

    def _cancel(self, transaction: ServerTransaction) -> None:
        here = transaction.flow.here
        invite = self._site.transactions.invite_of(transaction.request)
        if invite is None:
            transaction.respond(answer_of(481, here))
            return
        transaction.to_tag = invite.to_tag  # RFC 3261 §9.2: the same tag in both
        transaction.respond(answer_of(200, here))
        call = self._by_invite.get(invite.key)
        if call is not None:
            call.cancel()
        reasons = transaction.request.headers.getlist("Reason")
        self._exchange.cancel(invite.key, *(("Reason", reason) for reason in reasons))

    def _in_dialog(self, transaction: ServerTransaction) -> None:
        """Serve a request within a call or a subscription; 481 where there is none."""
        request, flow = transaction.request, transaction.flow
        if self._notifier.refresh(transaction) or self._exchange.in_dialog(transaction):
            return
        call = self._calls.get(dialog_of(request))
        if call is None:
            transaction.respond(answer_of(481, flow.here))
        elif not call.dialog.accept(request, flow):
            transaction.respond(answer_of(500, flow.here))
        elif request.method == "BYE":
            call.bye(transaction)
        elif request.method in {"INVITE", "UPDATE"}:
            call.reinvite(transaction)
        elif request.method == "REFER":
            self._notifier.refer(transaction, call.dialog)
        elif request.method == "INFO":
            self._info_in_call(transaction, call)
        elif request.method in {"MESSAGE", "OPTIONS"}:
            self._handlers[request.method](transaction)
        elif request.method in {"NOTIFY", "PRACK", "SUBSCRIBE"}:  # for nothing that we began
            transaction.respond(answer_of(481, flow.here))
        else:
            self._unserved(transaction)

    def _info_in_call(self, transaction: ServerTransaction, call: Call) -> None:
        """Answer INFO; what it says is for the number's service."""
        if call.info_code == 200:
            self._info(transaction)
            call.info(transaction.request)
        else:
            transaction.respond(answer_of(call.info_code, transaction.flow.here))

    def _unserved_in_call(self, transaction: ServerTransaction) -> None:
        """Answer a request in a call between two parties that is for neither of them."""
        method = transaction.request.method
        if method == "OPTIONS":
            self._options(transaction)
        elif method in {"NOTIFY", "PRACK", "SUBSCRIBE"}:
            transaction.respond(answer_of(481, transaction.flow.here))
        else:
            self._unserved(transaction)

    def _out_of_dialog(self, transaction: ServerTransaction, dialled: str) -> None:
        request, flow = transaction.request, transaction.flow
        scripted = final_code(behaviour_of(dialled)) if in_table(dialled) else None
        handler = self._handlers.get(request.method)
        if request.method in _ONLY_IN_DIALOG:
            transaction.respond(answer_of(481, flow.here))
        elif handler is None:
            self._unserved(transaction)
        elif request.method != "INVITE" and scripted is not None and scripted >= _REDIRECTION:
            transaction.respond(self._scripted(scripted, flow))
        else:
            handler(transaction)

    def _scripted(self, code: int, flow: Flow) -> Answer:
        """Return the answer of a number that stands for a status code."""
        if code in {401, 407}:
            return self._challenge(code, flow)
        return answer_of(code, flow.here)

    def _unserved(self, transaction: ServerTransaction) -> None:
        """Refuse a method: 405 where it is a known one, else 501 (RFC 3261 §21.5.2)."""
        known = transaction.request.method in {"PUBLISH", "REGISTER"}
        code, phrase = (405, "Method Not Allowed") if known else (501, "Not Implemented")
        transaction.respond(Answer(code=code, phrase=phrase, headers=(("Allow", ALLOW),)))

    def _challenge(self, code: int, flow: Flow, *, stale: bool = False) -> Answer:
        name = "WWW-Authenticate" if code == 401 else "Proxy-Authenticate"
        return answer_of(code, flow.here, (name, self._authenticator.challenge(stale=stale)))

    def _admitted(self, transaction: ServerTransaction, code: int) -> bool:
        """Judge the credentials; where they are not right, respond and return False."""
        request, flow = transaction.request, transaction.flow
        name = "Authorization" if code == 401 else "Proxy-Authorization"
        judgement = self._authenticator.judge(request.method, request.headers.getlist(name))
        if judgement is Judgement.RIGHT:
            return True
        if judgement is Judgement.WRONG and self._policy.wrong_password == "403":  # noqa: S105
            transaction.respond(answer_of(403, flow.here))
        else:
            stale = judgement is Judgement.STALE
            transaction.respond(self._challenge(code, flow, stale=stale))
        return False

    def _register(self, transaction: ServerTransaction) -> None:
        if self._admitted(transaction, 401) and self._owns(transaction):
            answer = self._registrar.register(transaction.request, transaction.flow)
            transaction.respond(answer)
            self._pbx.presence.look(transaction.request.to_address.uri.user or "")

    def _owns(self, transaction: ServerTransaction) -> bool:
        """Whether who registers is whose address it is; else respond and return False."""
        request = transaction.request
        user = request.to_address.uri.user or ""
        who = self._authenticator.who(request.headers.getlist("Authorization"))
        if user in USERS and who != user:
            transaction.respond(answer_of(403, transaction.flow.here))
            return False
        return True

    def _invite(self, transaction: ServerTransaction) -> None:
        request, flow = transaction.request, transaction.flow
        behaviour = behaviour_of(user_of(request))
        if not user_of(request):
            transaction.respond(answer_of(404, flow.here))
        elif final_code(behaviour) in {401, 407}:
            transaction.respond(self._challenge(final_code(behaviour) or 401, flow))
        elif not self._may_call(transaction, behaviour):
            return
        elif request.body.strip() and _media_type(request) != ACCEPT:
            transaction.respond(answer_of(415, flow.here))
        elif len(self._calls) + self._exchange.size >= self._policy.max_calls:
            transaction.respond(answer_of(486, flow.here))
        elif not self._exchange.invite(transaction, self._caller(request)):
            self._open(transaction, behaviour)

    def _caller(self, request: Request) -> str:
        """Return who calls: whose credentials it has, else who From says."""
        given = self._authenticator.who(request.headers.getlist("Proxy-Authorization"))
        return given or request.from_address.uri.user or ""

    def _may_call(self, transaction: ServerTransaction, behaviour: Behaviour) -> bool:
        if not self._policy.challenge_calls or not behaviour.challenged:
            return True
        if self._site.transactions.is_ours(transaction.request):
            return True  # a caller whom the PBX sends on to a number of its own
        return self._admitted(transaction, 407)

    def _open(self, transaction: ServerTransaction, behaviour: Behaviour) -> None:
        request, flow = transaction.request, transaction.flow
        caller, dialled = self._caller(request), user_of(request)
        try:
            call = Call(
                transaction=transaction,
                behaviour=behaviour,
                site=self._site,
                closed=self._ended,
                service=self._pbx.service(dialled, caller),
            )
        except ValueError:
            transaction.respond(answer_of(400, flow.here))
            return
        self._calls[call.id] = call
        self._by_invite[transaction.key] = call
        if not self._site.transactions.is_ours(request):  # else the caller has a line already
            call.told = self._pbx.line(request, caller, normal(dialled), flow.transport)
        call.start()

    def _ended(self, call: Call) -> None:
        self._calls.pop(call.id, None)
        self._by_invite.pop(call.transaction.key, None)
        call.told("terminated")

    def _options(self, transaction: ServerTransaction) -> None:
        """Say what the trunk can do (RFC 3261 §11.2)."""
        transaction.respond(
            answer_of(
                200,
                transaction.flow.here,
                ("Allow", ALLOW),
                ("Accept", ACCEPT),
                ("Accept-Encoding", "identity"),
                ("Accept-Language", "en"),
                ("Supported", SUPPORTED),
                ("Allow-Events", EVENTS),
            )
        )

    def _message(self, transaction: ServerTransaction) -> None:
        """Pass a text on to a user; take and forget any other (RFC 3428)."""
        request, here = transaction.request, transaction.flow.here
        if request.body and _media_type(request) != _TEXT:
            refusal = Answer(
                code=415, phrase="Unsupported Media Type", headers=(("Accept", _TEXT),)
            )
            transaction.respond(refusal)
        elif not self._exchange.message(transaction):
            transaction.respond(answer_of(200, here))

    @staticmethod
    def _info(transaction: ServerTransaction) -> None:
        """Take legacy INFO (DTMF); packages we have none of (RFC 6086 §4.2.2)."""
        package = transaction.request.headers.get("Info-Package")
        code, phrase = (200, "OK") if package is None else (469, "Bad Info Package")
        headers = () if package is None else (("Recv-Info", ""),)
        transaction.respond(Answer(code=code, phrase=phrase, headers=headers))


def _media_type(request: Request) -> str:
    """Return the media type of a body in lower case, without parameters."""
    kind = request.content_type
    return kind.mime_type.lower() if kind else ""
