"""The called side: what becomes of an INVITE that reaches us.

A step says beforehand how the next call is taken (``Expect``); then the loop rings, answers,
refuses or redirects when its time has come, whatever else the agent does meanwhile. A step may also
take a call that rings already, or wait for one (``Take``). A call that no step expects is refused
and noted: a phone that nobody watches must not pick up.
"""

from msgspec import Struct

from probe.agent.loop import CallLeg, Loop
from probe.agent.port import Trigger
from probe.agent.progress import CalledProgress
from probe.plan.action import Expect, Manner, Take
from probe.trace.failure import Failure
from probe.trace.trace import UNEXPECTED

UNEXPECTED_STATUS = 480
"""What a call gets that no step expects: Temporarily Unavailable (RFC 3261 §21.4.18)."""

_RINGING = 180
_EARLY_MEDIA = 183
_FOUND = 302


class _Due(Struct, kw_only=True):
    """What is still to be done with a call that rings."""

    handle: int
    manner: Manner
    at: float


class CalledSide:
    """Takes the calls that reach one user agent."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._expected: Expect | None = None
        self._due: list[_Due] = []
        loop.on_arrival = self._arrived
        loop.on_turn = self._look

    def expect(self, action: Expect) -> None:
        """Take the next call as this says; one that was expected before and never came is not."""
        self._loop.places.pop(action.call, None)
        self._expected = action

    def take(self, action: Take) -> str | None:
        """Wait for the call, take it, and wait until the caller has confirmed it."""
        loop, call = self._loop, action.call
        if call == action.attempt:
            self.expect(
                Expect(
                    attempt=action.attempt,
                    account=action.account,
                    call=call,
                    manner=Manner(kind="ring", early_media=action.manner.early_media),
                )
            )
        loop.until(lambda: call in loop.places, action.within)
        found = loop.leg_of(call) if call in loop.places else None
        if found is None:
            words = f"no INVITE reached us within {action.within:g} s"
            nobody = CalledProgress("")
            loop.fail("INVITE", nobody, Failure.NO_CALL, None, words, f"within {action.within:g} s")
            return None
        handle, leg = found
        if action.manner.kind == "ring":
            return leg.progress.call_id
        loop.until(lambda: leg.over, action.manner.after)
        if not leg.over:
            self._act(handle, action.manner)
            loop.until(lambda: leg.over or leg.progress.acked, action.timeout)
        return leg.progress.call_id

    def _arrived(self, trigger: Trigger) -> None:
        """Begin with a call: ring, or refuse what nobody expects."""
        expected, self._expected = self._expected, None
        progress = CalledProgress(trigger.call_id)
        self._loop.legs[trigger.handle] = CallLeg(progress=progress)
        self._loop.begin(progress)
        if expected is None:
            words = f"a call that no step expects reached {self._loop.account.name}"
            self._loop.note(UNEXPECTED, f"{words}: refused with {UNEXPECTED_STATUS}")
            self._loop.agent.answer(trigger.handle, UNEXPECTED_STATUS, Manner())
            return
        self._loop.places[expected.call] = trigger.handle
        manner = expected.manner
        if manner.kind in {"answer", "ring"} or manner.after > 0:
            ringing = _EARLY_MEDIA if manner.early_media else _RINGING
            self._loop.agent.answer(trigger.handle, ringing, manner)
        if manner.kind != "ring":
            at = self._loop.clock() + manner.after
            self._due.append(_Due(handle=trigger.handle, manner=manner, at=at))
            self._look()

    def _look(self) -> None:
        """Do what is due."""
        for due in tuple(self._due):
            leg = self._loop.legs[due.handle]
            if leg.over:
                self._due.remove(due)
            elif due.at <= self._loop.clock():
                self._due.remove(due)
                self._act(due.handle, due.manner)

    def _act(self, handle: int, manner: Manner) -> None:
        """Answer, refuse or redirect."""
        status = _FOUND if manner.kind == "redirect" and manner.status < 300 else manner.status
        self._loop.agent.answer(handle, status, manner)
