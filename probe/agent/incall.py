"""What one side does in a call that is up: hold, resume, refresh, transfer, being transferred."""

from collections.abc import Callable

from probe.agent.loop import CallLeg, Loop
from probe.agent.port import AgentError, Trigger
from probe.agent.progress import CalledProgress, Progress, TransferProgress
from probe.plan.action import Follow, Hold, Refresh, Transfer
from probe.trace.failure import Failure

_LEAVE_S = 2.0
"""Longest wait for the peer's BYE after a transfer, before ours (RFC 5589 §6.1 lets either)."""

_ACK_S = 1.0
"""Longest wait for the ACK of our own answer before a request of ours inside the call."""

HangUp = Callable[[int, CallLeg], None]


class InsideCall:
    """Carries out steps inside a dialog."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        loop.on_follow = self._followed

    def run(self, action: Hold | Refresh | Transfer, hang_up: HangUp) -> str | None:
        """Carry out one step; return the call's Call-ID, or None where there is no such call."""
        found = self._loop.leg_of(action.call)
        if found is None:
            return None
        handle, leg = found
        call_id = leg.progress.call_id
        method = self._method_of(action)
        progress: Progress = TransferProgress(call_id)
        if not isinstance(action, Transfer):
            progress = Progress(method, call_id)
        if leg.over:
            words = "the call was over before this step"
            self._loop.fail(method, progress, Failure.NOT_ATTEMPTED, None, words)
            return call_id
        if isinstance(leg.progress, CalledProgress):  # nothing of ours before their ACK
            self._loop.until(lambda: leg.over or leg.progress.acked, _ACK_S)
        self._loop.watch(progress)
        try:
            self._ask(handle, action)
        except AgentError as error:
            self._loop.fail(method, progress, error.failure, error.status, error.detail)
            return call_id
        self._wait(progress, leg, action)
        self._loop.unwatch(progress)
        if isinstance(progress, TransferProgress) and progress.done_well:
            self._loop.until(lambda: leg.over or leg.progress.peer_bye, _LEAVE_S)
            hang_up(handle, leg)
        return call_id

    def follow(self, action: Follow) -> None:
        """Let a call be transferred to the one target that a step names."""
        found = self._loop.leg_of(action.call)
        if found is None:
            return
        self._loop.agent.follow(found[0], -2 - action.attempt, action.target)

    def _followed(self, trigger: Trigger) -> None:
        """Take note of the call that a transfer made us place."""
        leg = CallLeg(progress=Progress("INVITE", trigger.call_id))
        self._loop.legs[trigger.handle] = leg
        self._loop.begin(leg.progress)

    @staticmethod
    def _method_of(action: Hold | Refresh | Transfer) -> str:
        if isinstance(action, Transfer):
            return "REFER"
        return action.method if isinstance(action, Refresh) else "INVITE"

    def _ask(self, handle: int, action: Hold | Refresh | Transfer) -> None:
        """Send the request; raise AgentError."""
        agent = self._loop.agent
        if isinstance(action, Hold):
            agent.hold(handle, resume=action.resume)
        elif isinstance(action, Refresh):
            agent.refresh(handle, action.method)
        else:
            other = None if action.replaces is None else self._loop.leg_of(action.replaces)
            if action.replaces is not None and (other is None or other[1].over):
                raise AgentError(Failure.NOT_ATTEMPTED, None, "the other call is not up")
            agent.transfer(handle, action.target, None if other is None else other[0])

    def _wait(self, progress: Progress, leg: CallLeg, action: Hold | Refresh | Transfer) -> None:
        """Wait for the end of a request inside the dialog, and of the transfer that it began."""
        loop = self._loop
        loop.until(lambda: leg.over or progress.decided, action.timeout)
        if not progress.decided and not leg.over and not loop.stopping():
            words = f"no final response within {action.timeout:g} s"
            failure = Failure.NO_FINAL_RESPONSE
            if progress.first_response_at is None:
                words, failure = f"no response within {action.timeout:g} s", Failure.NO_RESPONSE
            limit = f"timeout {action.timeout:g} s"
            loop.fail(progress.method, progress, failure, None, words, limit)
            return
        if isinstance(progress, TransferProgress) and not progress.refused:
            loop.until(lambda: progress.over or progress.refused, action.answer_within)
        elif progress.method == "INVITE" and not progress.refused:
            loop.until(lambda: leg.over or progress.acked, 1.0)
