"""What one side asks outside calls, subscribes to, and waits for.

A challenge is answered here, once for each realm: a second one for the same realm, unless it says
that only the nonce was stale, is the answer (see docs/decisions/0008-one-login-an-attempt.md).
"""

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from probe.agent.conversation import Content, Conversation
from probe.agent.inbox import Arrived, Inbox, Subscription
from probe.agent.loop import SETTLE_S, CallLeg, Loop
from probe.agent.port import AgentError, Trigger
from probe.agent.progress import Progress
from probe.plan.action import Action
from probe.plan.asks import WATCH_S, Ask, AskInCall, Await, Subscribe, Unsubscribe, Wanted
from probe.sip.digest import ANSWERED_BY, credentials
from probe.sip.message import SipMessage
from probe.sip.notification import in_order
from probe.trace.failure import Failure
from probe.trace.trace import MessageEvent

ACCEPTED = {
    "message-summary": "application/simple-message-summary",
    "dialog": "application/dialog-info+xml",
    "presence": "application/pidf+xml",
}
"""What we accept where a step does not say it (RFC 3842 §3.5, RFC 4235 §3.5, RFC 3856 §6.7)."""

_MOST_CHALLENGES = 4
"""Challenges that one request answers: 407 and 401, each stale once."""

Respond = Callable[[Progress, Action, str], Trigger | None]
AtAServer = Callable[
    [str, int, str, Callable[[Progress], None], Callable[[str], Progress]], str | None
]
"""Carries a request of a method and a handle to a URI out at one server after the other."""


class Outcome(Struct, frozen=True, kw_only=True):
    """What became of an action: what belongs to it."""

    call_id: str | None
    "Call-ID of its messages, None where there are none."

    began: float | None = None
    "Beginning on the trace's clock where that lies before the action's own."


class Heard(Progress):
    """Follows one request, and keeps its last final response."""

    def __init__(self, method: str, call_id: str) -> None:
        super().__init__(method, call_id)
        self.final: SipMessage | None = None
        "The last final response."

    def _response(self, event: MessageEvent, message: SipMessage) -> None:
        super()._response(event, message)
        if message.cseq[1] == self.method and (message.status or 0) >= 200:
            self.final = message


class Asking:
    """Carries out requests, subscriptions and waits of one user agent."""

    def __init__(self, loop: Loop, respond: Respond, at_a_server: AtAServer) -> None:
        self._loop = loop
        self._respond = respond
        self._at_a_server = at_a_server
        self._inbox = Inbox(loop.account.awaited)
        loop.agent.answer_by(self._inbox.decide)

    def run(self, action: Ask | AskInCall | Subscribe | Unsubscribe | Await) -> Outcome:
        """Carry out one action."""
        match action:
            case Ask():
                return Outcome(call_id=self._ask(action))
            case AskInCall():
                return Outcome(call_id=self._inside(action))
            case Subscribe():
                return Outcome(call_id=self._subscribe(action))
            case Unsubscribe():
                return Outcome(call_id=self._unsubscribe(action))
            case Await():
                return self._await(action)

    def finish(self) -> None:
        """End every subscription that still stands, and wait for the answers within bounds."""
        for number, subscription in self._inbox.subscriptions.items():
            if subscription.stands:
                self._loop.agent.set_timeout(SETTLE_S)
                action = Unsubscribe(
                    attempt=-1,
                    account=self._loop.account.name,
                    subscription=number,
                    timeout=SETTLE_S,
                    answer_within=SETTLE_S,
                )
                self._unsubscribe(action)

    # Outside a call ----------------------------------------------------------------------------

    def _ask(self, action: Ask) -> str | None:
        """Send one request and wait for its end."""
        conversation = self._conversation(action.method, action.target)
        if conversation is None:
            return None
        content = Content(
            headers=(*self._loop.account.headers, *action.headers),
            body=action.body,
            content_type=action.content_type,
        )
        self._carry(conversation, action.method, action, content)
        return conversation.call_id

    def _conversation(self, method: str, target: str) -> Conversation | None:
        """Begin a conversation; None where the stack has no contact for it."""
        try:
            contact = self._loop.agent.contact(target)
        except AgentError as error:
            nobody = Progress(method)
            self._loop.fail(method, nobody, error.failure, error.status, error.detail)
            return None
        return Conversation(self._loop.account, target, contact)

    def _carry(
        self, conversation: Conversation, method: str, action: Action, content: Content
    ) -> SipMessage | None:
        """Send a request, answer its challenges, return its last final response or None."""
        made: list[Heard] = []
        finals: list[SipMessage | None] = []

        def begin(of: str) -> Progress:
            made.append(Heard(of, conversation.call_id))
            return made[-1]

        def there(_progress: Progress) -> None:
            finals.append(self._challenged(conversation, made[-1], action, content))

        try:
            self._at_a_server(method, -1, conversation.next_hop, there, begin)
        finally:
            for progress in made:
                self._loop.unwatch(progress)
        return finals[-1] if finals else None

    def _challenged(
        self, conversation: Conversation, progress: Heard, action: Action, content: Content
    ) -> SipMessage | None:
        """Send a request once, and again with credentials for each new challenge."""
        account, method = self._loop.account, progress.method
        given: dict[tuple[str, str], str] = {}
        for _ in range(_MOST_CHALLENGES):
            with_login = replace(
                content,
                headers=(*content.headers, *((name, value) for (name, _), value in given.items())),
            )
            text = conversation.write(method, with_login)
            try:
                self._loop.agent.request(action.attempt, conversation.next_hop, text)
            except AgentError as error:
                self._loop.fail(method, progress, error.failure, error.status, error.detail)
                return None
            self._respond(progress, action, "answered")
            final = progress.final if progress.final_status is not None else None
            if final is None or final.status not in ANSWERED_BY or account.password is None:
                return final
            new = credentials(
                final,
                user=account.auth_user,
                password=account.password,
                realm=account.realm,
                method=method,
                uri=conversation.target,
            )
            stale = any(challenge.stale for challenge in final.challenges)
            name = ANSWERED_BY[final.status]
            if not new or (not stale and any((name, realm) in given for realm in new)):
                return final
            given.update({(name, realm): value for realm, value in new.items()})
        return progress.final

    # Inside a call -----------------------------------------------------------------------------

    def _inside(self, action: AskInCall) -> str | None:
        """Send one request in a call that is up, and wait for its end."""
        loop = self._loop
        found = loop.leg_of(action.call)
        if found is None:
            return None
        handle, leg = found
        progress = Progress(action.method, leg.progress.call_id)
        if leg.over:
            words = "the call was over before this step"
            loop.fail(action.method, progress, Failure.NOT_ATTEMPTED, None, words)
            return progress.call_id
        loop.watch(progress)
        content = Content(
            headers=action.headers, body=action.body, content_type=action.content_type
        )
        try:
            loop.agent.inside(handle, action.method, content)
        except AgentError as error:
            loop.unwatch(progress)
            loop.fail(action.method, progress, error.failure, error.status, error.detail)
            return progress.call_id
        loop.until(lambda: _is_over(leg) or progress.decided, action.timeout)
        loop.unwatch(progress)
        if not (progress.decided or _is_over(leg) or loop.stopping()):
            silent = progress.first_response_at is None
            failure = Failure.NO_RESPONSE if silent else Failure.NO_FINAL_RESPONSE
            words = f"no {'' if silent else 'final '}response within {action.timeout:g} s"
            limit = f"timeout {action.timeout:g} s"
            loop.fail(action.method, progress, failure, None, words, limit)
        return progress.call_id

    # Subscriptions -----------------------------------------------------------------------------

    def _subscribe(self, action: Subscribe) -> str | None:
        """Send SUBSCRIBE, then watch NOTIFYs."""
        conversation = self._conversation("SUBSCRIBE", action.target)
        if conversation is None:
            return None
        subscription = Subscription(conversation=conversation, package=action.package)
        self._inbox.subscriptions[action.attempt] = subscription
        final = self._carry(
            conversation, "SUBSCRIBE", action, self._wish(action.package, action.expires, action)
        )
        if final is None or not 200 <= (final.status or 0) < 300:
            subscription.over = True
            return conversation.call_id
        subscription.accepted = True
        conversation.confirm(final)
        self._watch(subscription, action.watch, action.wanted)
        # One that asked once is over with its first NOTIFY, whatever that says (RFC 6665 §4.4.3).
        subscription.over = subscription.over or action.expires == 0
        return conversation.call_id

    def _unsubscribe(self, action: Unsubscribe) -> str | None:
        """Send SUBSCRIBE with Expires: 0 in the dialog, then watch the last NOTIFY."""
        subscription = self._inbox.subscriptions.get(action.subscription)
        if subscription is None:
            return None
        conversation = subscription.conversation
        if not subscription.stands:
            nobody = Progress("SUBSCRIBE", conversation.call_id)
            words = "the subscription was over before this step"
            self._loop.fail("SUBSCRIBE", nobody, Failure.NOT_ATTEMPTED, None, words)
            return conversation.call_id
        for one in subscription.arrived:
            one.taken = True
        final = self._carry(conversation, "SUBSCRIBE", action, self._wish(subscription.package, 0))
        if final is not None and (final.status or 0) < 300:
            ends = action.wanted or ((("state", "terminated"),),)
            self._watch(subscription, action.watch, ends)
        subscription.over = True
        return conversation.call_id

    def _wish(self, package: str, expires: int, action: Subscribe | None = None) -> Content:
        """Return what a SUBSCRIBE carries."""
        own = action.headers if action is not None else ()
        accept = ACCEPTED.get(package.partition(";")[0].strip().lower())
        fields = [("Event", package), ("Expires", str(expires))]
        if accept is not None and not any(name.lower() == "accept" for name, _ in own):
            fields.append(("Accept", accept))
        return Content(headers=(*fields, *self._loop.account.headers, *own))

    def _watch(self, subscription: Subscription, seconds: float | None, wanted: Wanted) -> None:
        """Let NOTIFYs come in: for a given time, or until everything wanted has come."""

        def complete() -> bool:
            fresh = [one for one in subscription.arrived if not one.taken]
            return seconds is None and _complete(fresh, wanted)

        self._loop.until(complete, WATCH_S if seconds is None else seconds)
        for one in subscription.arrived:
            one.taken = True

    # Waiting -----------------------------------------------------------------------------------

    def _await(self, action: Await) -> Outcome:
        """Wait for requests of the peer."""

        def fresh() -> tuple[Arrived, ...]:
            return self._inbox.waiting(action.method, action.package, action.subscription)

        self._loop.until(lambda: _complete(fresh(), action.wanted), action.within)
        came = fresh()
        for one in came:
            one.taken = True
        if not came:
            limit = f"within {action.within:g} s"
            words = f"no {action.method} reached us {limit}"
            nobody = Progress(action.method)
            self._loop.fail(action.method, nobody, Failure.NO_REQUEST, None, words, limit)
            return Outcome(call_id=None)
        # Outside subscriptions each request may have a Call-ID of its own: the last one is meant.
        call_id = came[-1].message.call_id
        first = next(one for one in came if one.message.call_id == call_id)
        return Outcome(call_id=call_id, began=first.at)


def _is_over(leg: CallLeg) -> bool:
    """Whether a call is over by now; asked anew, where the stack worked in between."""
    return leg.over


def _complete(came: "tuple[Arrived, ...] | list[Arrived]", wanted: Wanted) -> bool:
    """Whether nothing more need be waited for."""
    if not wanted:
        return bool(came)
    return None not in in_order(wanted, tuple(one.message for one in came))
