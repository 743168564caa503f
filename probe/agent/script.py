"""Actions become calls on the user agent; deadlines are kept here and not by the stack.

pjsip waits for ever after a 100 or a 180, reports silence after 32 s only, and never hears ICMP.
So each action runs in a loop of ours: let the stack work for some milliseconds, look at the wire,
look at the clock. Every way out of a loop is one of: the stack says it is over, a deadline of ours
passed, ICMP says that nobody is there, or the supervisor wants us to stop.
"""

from collections.abc import Callable

from msgspec import Struct

from probe.agent.asking import Asking
from probe.agent.called import CalledSide
from probe.agent.failover import OVERLOADED, Hops, MovesOn, why_left
from probe.agent.incall import InsideCall
from probe.agent.keypad import Keypad
from probe.agent.loop import SETTLE_S, CallLeg, Loop
from probe.agent.port import AgentError, Trigger, UserAgent
from probe.agent.progress import Progress
from probe.plan.action import (
    Account,
    Action,
    Call,
    Cancel,
    Expect,
    Follow,
    Hangup,
    Hold,
    Options,
    Press,
    Refresh,
    Register,
    Take,
    Talk,
    Transfer,
    Unregister,
    Wait,
)
from probe.plan.asks import Ask, AskInCall, Await, Subscribe, Unsubscribe
from probe.trace.failure import Failure
from probe.trace.icmp import icmp_failure, icmp_words
from probe.trace.trace import UNACKNOWLEDGED, UNASKED, AgentNote, Event

ICMP_GRACE_S = 1.2
"""A first ICMP error may be a server that restarts; a second copy (T1 = 0.5 s) must fail too."""

FAREWELL_S = 0.3
"""Longest wait for the peer's BYE at the end of a scenario before we send our own."""

STACK_GRACE_S = 0.4
"""The stack's own timer runs a little longer than ours, so that ours names the deadline."""

AFTER_KEYS_S = 0.5
"""Talk after the last key: what it leads to may come, and its last packets leave."""

_LOCAL_VERDICTS = frozenset({406, 415, 488})
"""Statuses that pjsip invents when it cannot use the session description of a 2xx."""


class Done(Struct, kw_only=True):
    """What became of an action."""

    call_id: str | None = None
    "Call-ID of the messages that belong to it."

    began: float = 0.0
    "Beginning on the trace's clock."

    ended: float = 0.0
    "End on the trace's clock."

    left: tuple[str, ...] = ()
    "Call-IDs of requests to servers that were left for the next one."


ACK_WITHIN_S = 8.0
"""Longest time from their 2xx to our ACK: a name in their Contact may have to be looked up, which
takes up to 5 s; who got none hangs up after 32 s (RFC 3261 §13.3.1.4)."""


class Script(Loop):
    """Carries out one action after the other on one user agent."""

    def __init__(  # noqa: PLR0913 - what a worker is made of
        self,
        agent: UserAgent,
        account: Account,
        *,
        clock: Callable[[], float],
        record: Callable[[Event], None],
        stopping: Callable[[], bool],
        hops: Hops | None = None,
    ) -> None:
        super().__init__(agent, account, clock=clock, record=record, stopping=stopping)
        self._registered = False
        self._hops = hops or Hops(account, clock, record)
        self._trying: Progress | None = None
        self._left: list[str] = []
        self._called = CalledSide(self)
        self._inside = InsideCall(self)
        self._keypad = Keypad(self)
        self._asking = Asking(self, self._response, self._at_a_server)

    def run(self, action: Action) -> Done:  # noqa: C901 - a table of actions
        """Carry out one action; failures are recorded as events, never raised."""
        began = self.clock()
        done = Done(began=began)
        self._left.clear()
        self.look_from_now()
        self.agent.set_timeout(action.timeout + STACK_GRACE_S)
        match action:
            case Register() | Unregister():
                done.call_id = self._registration(action)
            case Call():
                done.call_id = self._call(action)
            case Options():
                done.call_id = self._options(action)
            case Cancel() | Hangup():
                done.call_id = self._end(action.call)
            case Expect():
                self._called.expect(action)
            case Take():
                done.call_id = self._called.take(action)
            case Follow():
                self._inside.follow(action)
            case Hold() | Refresh() | Transfer():
                done.call_id = self._inside.run(action, self.hang_up)
            case Ask() | AskInCall() | Subscribe() | Unsubscribe() | Await():
                came = self._asking.run(action)
                done.call_id = came.call_id
                began = began if came.began is None else min(began, came.began)
                done.began = began
            case Press():
                done.call_id = self._keypad.run(action)
            case Talk() | Wait():
                self._pass(action.duration)
            case _:
                raise TypeError(f"unknown action {type(action).__name__}")
        done.ended = self.clock()
        done.left = tuple(dict.fromkeys(one for one in self._left if one != done.call_id))
        return done

    def idle(self, seconds: float) -> None:
        """Let the stack work between two actions."""
        self.turn(seconds)

    def finish(self) -> None:
        """Hang up what is up, remove our registration, wait for the answers within bounds."""
        # The other end may have been hung up by the last step: its BYE is still under way to us.
        self.until(lambda: not any(_is_up(leg) for leg in self.legs.values()), FAREWELL_S)
        for handle, leg in tuple(self.legs.items()):
            if not leg.over:
                self.agent.hangup(handle)
                self.turn(0.0)  # the answers to many BYEs at once would overflow the socket
        self.until(
            lambda: all(leg.over and leg.progress.settled for leg in self.legs.values()), SETTLE_S
        )
        for leg in self.legs.values():
            self._note_unanswered_bye(leg.progress)
        self._asking.finish()
        if self._registered:
            progress = self.watch(Progress("REGISTER"))
            try:
                self.agent.unregister()
            except AgentError as error:
                self.fail("REGISTER", progress, error.failure, error.status, error.detail)
            else:
                self.until(lambda: self.trigger("registration") is not None, SETTLE_S)
            self._registered = not 200 <= (progress.final_status or 0) < 300

    @property
    def registered(self) -> bool:
        """Whether a registration of ours stands."""
        return self._registered

    # Each kind of action -----------------------------------------------------------------------

    def _registration(self, action: Register | Unregister) -> str | None:
        """Send REGISTER and wait for the end of it."""
        return self._at_a_server(
            "REGISTER", -1, self.account.registrar, lambda p: self._register_there(action, p)
        )

    def _register_there(self, action: Register | Unregister, progress: Progress) -> None:
        """Send REGISTER to the server in hand."""
        try:
            if isinstance(action, Register):
                self.agent.register(action.expires)
            else:
                self.agent.unregister()
        except AgentError as error:
            self.fail("REGISTER", progress, error.failure, error.status, error.detail)
            return
        trigger = self._response(progress, action, "registration")
        if trigger is not None and progress.final_status is not None:
            ok = 200 <= progress.final_status < 300
            self._registered = isinstance(action, Register) if ok else self._registered

    def _options(self, action: Options) -> str | None:
        """Send OPTIONS and wait for the end of it."""
        return self._at_a_server(
            "OPTIONS", -1, action.target, lambda p: self._options_there(action, p)
        )

    def _options_there(self, action: Options, progress: Progress) -> None:
        """Send OPTIONS to the server in hand."""
        try:
            self.agent.options(action.attempt, action.target)
        except AgentError as error:
            self.fail("OPTIONS", progress, error.failure, error.status, error.detail)
            return
        self._response(progress, action, "answered")

    def _call(self, action: Call) -> str | None:
        """Send INVITE, wait for its end or its answer, talk, hang up."""
        return self._at_a_server(
            "INVITE", action.attempt, action.target, lambda p: self._call_there(action, p)
        )

    def _call_there(self, action: Call, progress: Progress) -> None:
        """Send INVITE to the server in hand, and carry the call through."""
        leg = self.legs[action.attempt] = CallLeg(progress=progress)
        try:
            self.agent.call(action.attempt, action)
        except AgentError as error:
            leg.over = True
            self.fail("INVITE", progress, error.failure, error.status, error.detail)
            return
        self._set_up(action, leg)
        if leg.over or self.stopping() or progress.answered_at is None:
            return
        pressing = 0.0
        if action.press is not None and not progress.cancelled:
            pressing = self._keypad.press(action.attempt, leg, *action.press)
        if action.hangup_after is not None and not progress.cancelled:
            talk = max(action.hangup_after, pressing + AFTER_KEYS_S if pressing else 0.0)
            self.until(lambda: leg.over or progress.peer_bye, talk)
            self.hang_up(action.attempt, leg)

    def _at_a_server(
        self,
        method: str,
        handle: int,
        uri: str,
        act: Callable[[Progress], None],
        begin: Callable[[str], Progress] = Progress,
    ) -> str | None:
        """Carry a request out at one server after the other until one is there (RFC 3263 §4.3)."""
        progress = self.watch(begin(method))
        why_not = self._hops.begin(uri)
        if why_not:
            self.fail(method, progress, Failure.NAME_RESOLUTION, None, why_not)
            return None
        while True:
            self.agent.aim(self._hops.wanted, self._hops.target)
            self._hops.tries()
            self._trying = progress
            try:
                act(progress)
            except MovesOn as left:
                self.unwatch(progress)
                self._left += [progress.call_id] if progress.call_id else []
                self._hops.leave(left, progress.call_id if method == "INVITE" else None)
                self.agent.abandon(handle)
                self.turn(0.0)
                progress = self.watch(begin(method))
                continue
            finally:
                self._trying = None
            if progress.heard:
                self._hops.answered()
            if method == "INVITE":
                self.rest(progress)
            else:
                self.unwatch(progress)
            return progress.call_id

    def fail(  # noqa: PLR0913, PLR0917 - the fields of one event
        self,
        method: str,
        progress: Progress,
        failure: Failure,
        status: int | None,
        detail: str,
        deadline: str | None = None,
    ) -> None:
        """Record a failure, or leave the server in hand for the next one."""
        if not progress.heard:
            waited = self.clock() - (progress.sent_at or progress.watched_at)
            self._move_on(progress, why_left(failure, waited))
        super().fail(method, progress, failure, status, detail, deadline)

    def _move_on(self, progress: Progress, left: MovesOn | None) -> None:
        """Leave the server in hand for the next one, where there is one and nothing stands."""
        if left is not None and progress is self._trying and self._hops.more:
            raise left

    def _set_up(self, action: Call, leg: CallLeg) -> None:
        """Wait until a call is answered, refused, cancelled as planned, or given up."""
        progress = leg.progress
        while not self.stopping():
            self.turn()
            now = self.clock()
            if leg.over or progress.cancelled:
                self._name_the_end(leg)
                return
            if any(trigger.kind == "confirmed" for trigger in leg.triggers):
                if progress.bye_sent and not progress.peer_bye:
                    # Ours came before the ACK: the stack could not use the answer.
                    self.until(lambda: leg.over, SETTLE_S)
                    if self._is_over(leg):
                        continue
                    leg.ending = True
                    leg.over = True  # nobody answers its BYE, and the stack would wait 32 s
                    words = "our stack ended the call before its ACK"
                    self.fail("INVITE", progress, Failure.UNUSABLE_ANSWER, None, words)
                    self._note_unanswered_bye(progress)
                return
            if progress.answered_at is not None and now - progress.answered_at > ACK_WITHIN_S:
                # One that survives a Contact that is no SIP URI would wait for ever.
                self.fail("INVITE", progress, Failure.UNUSABLE_ANSWER, None, UNACKNOWLEDGED)
                self.hang_up(action.attempt, leg)
                return
            if action.wait_for == "ringing" and progress.ringing_at is not None:
                return
            if self._cancel_due(action, progress, now):
                self.hang_up(action.attempt, leg)
                return
            given_up = self._given_up(progress, action, now)
            if given_up is not None:
                failure, detail, deadline = given_up
                self.fail("INVITE", progress, failure, None, detail, deadline)
                self.hang_up(action.attempt, leg)
                return

    def _end(self, call: int) -> str | None:
        """Hang up or cancel one call and wait until that is answered."""
        found = self.leg_of(call)
        if found is None:
            return None
        self.hang_up(*found)
        return found[1].progress.call_id

    def _pass(self, duration: float) -> None:
        """Let time pass while the stack works."""
        self.until(lambda: False, duration)

    # Parts of them -----------------------------------------------------------------------------

    def hang_up(self, handle: int, leg: CallLeg) -> None:
        """Send BYE or CANCEL where it is due, and wait for the answers within bounds."""
        if leg.progress.bye_sent and not (leg.ending or leg.progress.peer_bye):
            words = "our stack ended the call by itself: no step asked for its BYE"
            self.record(AgentNote(at=self.clock(), kind=UNASKED, detail=words))
        leg.ending = True
        if not leg.over:
            self.agent.hangup(handle)
        if leg.progress.first_response_at is None:
            # Nobody was there: there is no dialog to end and nothing to wait for. Should a 18x come
            # late, the stack answers it with the CANCEL that it holds back.
            leg.over = True
            self.turn()
            return
        self.until(lambda: leg.over and leg.progress.settled, SETTLE_S)
        self._note_unanswered_bye(leg.progress)
        self._note_unsent_bye(leg.progress)

    def _note_unanswered_bye(self, progress: Progress) -> None:
        """Record a BYE of ours that nobody answered: the call may still be up and billed."""
        if progress.bye_sent and not progress.bye_final:
            self.fail(
                "BYE", progress, Failure.NO_RESPONSE, None, "BYE was not answered", "settle 4 s"
            )
            progress.bye_final = True

    def _note_unsent_bye(self, progress: Progress) -> None:
        """Record a BYE that could not leave: the connection is gone, the call may still be up."""
        up = progress.answered_at is not None and progress.acked
        if up and not (progress.bye_sent or progress.peer_bye or progress.bye_final):
            words = "our BYE could not be sent"
            self.fail("BYE", progress, Failure.CONNECTION_LOST, None, words)
            progress.bye_final = True

    def _response(self, progress: Progress, action: Action, kind: str) -> Trigger | None:
        """Wait for the end of a request outside a dialog; return the stack's trigger."""
        while not self.stopping():
            self.turn()
            trigger = self.trigger(kind)
            if trigger is not None:
                if progress.final_status == 503:
                    self._move_on(progress, MovesOn(OVERLOADED))
                if progress.final_status is None or trigger.fault is not None:
                    self._end_without_final(progress, trigger)
                return trigger
            given_up = self._given_up(progress, action, self.clock())
            if given_up is not None:
                failure, detail, deadline = given_up
                self.fail(progress.method, progress, failure, None, detail, deadline)
                return None
        return None

    def _name_the_end(self, leg: CallLeg) -> None:
        """Say why a call that the stack ended has no usable final response."""
        progress = leg.progress
        if progress.final_status == 503 and progress.ringing_at is None:
            self._move_on(progress, MovesOn(OVERLOADED))
        if progress.cancelled and not leg.ending:
            # The stack cancels by itself where it cannot use an early answer, and would wait 32 s
            # for a peer that answers the CANCEL and never ends the INVITE (RFC 3261 §9.1).
            self.until(lambda: leg.over and progress.settled, SETTLE_S)
            leg.over = True
            status = next((t.status for t in leg.triggers if t.kind == "disconnected"), None)
            words = "our stack could not use the early answer"
            self.fail("INVITE", progress, Failure.UNUSABLE_ANSWER, status, words)
            return
        last = next(t for t in reversed(leg.triggers) if t.kind == "disconnected")
        by_the_stack = progress.bye_sent and not progress.peer_bye and not leg.ending
        if progress.answered_at is not None and (last.status in _LOCAL_VERDICTS or by_the_stack):
            leg.ending = True
            self.until(lambda: progress.settled, SETTLE_S)
            self.fail("INVITE", progress, Failure.UNUSABLE_ANSWER, last.status, last.reason)
        elif progress.final_status is None:
            self._end_without_final(progress, last)

    def _end_without_final(self, progress: Progress, trigger: Trigger) -> None:
        """Record the failure that the stack's trigger stands for."""
        failure = trigger.fault
        if failure is None:
            if progress.unanswered and not progress.dropped:
                self.agent.unread()
            if progress.dropped and progress.first_response_at is None:
                failure = Failure.RESPONSE_DISCARDED
            elif progress.unanswered:
                failure = Failure.NO_RESPONSE
            else:
                failure = Failure.NO_FINAL_RESPONSE
        self.fail(progress.method, progress, failure, trigger.status or None, trigger.reason)

    def _cancel_due(self, action: Call, progress: Progress, now: float) -> bool:
        """Whether the scenario wants us to stop ringing now."""
        return (
            action.ring_for is not None
            and progress.ringing_at is not None
            and progress.answered_at is None
            and now - progress.ringing_at >= action.ring_for
        )

    def _given_up(
        self, progress: Progress, action: Action, now: float
    ) -> tuple[Failure, str, str | None] | None:
        """Return why we stop waiting, or None: a deadline passed, or ICMP says nobody is there."""
        if progress.first_response_at is None:
            return self._unanswered(progress, action, now)
        provisional = progress.provisional_at
        if provisional is None or now - provisional < action.answer_within:
            return None
        limit = f"{action.answer_within:g} s"
        return (
            Failure.NO_FINAL_RESPONSE,
            f"no final response within {limit} of the first provisional",
            f"answer_within {limit}",
        )

    def _unanswered(
        self, progress: Progress, action: Action, now: float
    ) -> tuple[Failure, str, str | None] | None:
        """Return why we stop waiting for the first response, or None."""
        waited = now - (progress.watched_at if progress.sent_at is None else progress.sent_at)
        if progress.icmp and (len(progress.icmp) > 1 or waited > ICMP_GRACE_S):
            return icmp_failure(progress.icmp[-1]), icmp_words(progress.icmp[-1]), None
        patience = action.timeout
        if not (progress.heard or progress.dropped):
            patience = self._hops.patience(action.timeout)
        if waited < patience:
            return None
        limit = f"{patience:g} s"
        if progress.sent_at is not None and not progress.dropped:
            self.agent.unread()
        if progress.sent_at is None and progress.accepted:
            failure, words = Failure.TLS_HANDSHAKE, f"the TLS handshake timed out after {limit}"
        elif progress.sent_at is None:
            failure, words = Failure.TCP_TIMEOUT, f"no connection within {limit}"
        elif progress.dropped:
            failure = Failure.RESPONSE_DISCARDED
            words = "what came back could not be read as SIP"
        else:
            failure, words = Failure.NO_RESPONSE, f"no response within {limit}"
        return failure, words, f"timeout {limit}"

    @staticmethod
    def _is_over(leg: CallLeg) -> bool:
        """Whether a call is over by now; asked anew, where the stack worked in between."""
        return leg.over


def _is_up(leg: CallLeg) -> bool:
    """Whether a call is answered, confirmed and not being ended by anybody."""
    progress = leg.progress
    ended = leg.over or leg.ending or progress.bye_sent or progress.peer_bye
    return progress.answered_at is not None and progress.acked and not ended
