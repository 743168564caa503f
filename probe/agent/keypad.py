"""Presses keys in a call that is up: by RFC 4733, by SIP INFO, or as tones in the sound."""

from probe.agent.conversation import Content
from probe.agent.loop import CallLeg, Loop
from probe.agent.port import AgentError
from probe.agent.progress import Progress
from probe.plan.action import Press
from probe.playing.keys import PRESSED_S

_AGREED_S = 1.0
"""Longest wait for the clock's thread to take up what offer and answer agreed on."""

_INFO_S = 4.0
"""Longest wait for the answer to one INFO: T2 (RFC 3261 §17.1.2.2)."""


class Keypad:
    """Carries out what presses keys."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop

    def run(self, action: Press) -> str | None:
        """Press keys; return the call's Call-ID, or None where there is no such call."""
        found = self._loop.leg_of(action.call)
        if found is None:
            self._loop.note("warning", f"the keys {action.digits} were not sent: no such call")
            return None
        handle, leg = found
        self.press(handle, leg, action.digits, action.way)
        return leg.progress.call_id

    def press(self, handle: int, leg: CallLeg, digits: str, way: str) -> float:
        """Press keys in one call; return how much longer it takes until all are sent, s.

        INFO is sent key by key, each after the answer to the one before; the others go out with the
        packets of sound while the call goes on.
        """
        if leg.over:
            self._loop.note("warning", f"the keys {digits} were not sent: the call was over")
            return 0.0
        if way == "info":
            self._by_info(handle, leg, digits)
            return 0.0
        limit = self._loop.clock() + _AGREED_S
        while True:
            try:
                return self._loop.agent.press(handle, digits, way)
            except AgentError as error:
                if self._loop.clock() >= limit or self._loop.stopping():
                    self._loop.note("warning", f"keys {digits}: {error.detail}")
                    return 0.0
            self._loop.turn()

    def _by_info(self, handle: int, leg: CallLeg, digits: str) -> None:
        """Send one INFO a key (application/dtmf-relay)."""
        for digit in digits:
            progress = self._loop.begin(Progress("INFO", leg.progress.call_id))
            body = f"Signal={digit}\r\nDuration={round(PRESSED_S * 1000)}\r\n"
            try:
                self._loop.agent.inside(
                    handle,
                    "INFO",
                    Content(content_type="application/dtmf-relay", body=body),
                )
            except AgentError as error:
                self._loop.note("warning", f"key {digit}: {error.detail}")
                return
            self._wait(progress, leg)
            if not 200 <= (progress.final_status or 0) < 300:
                told = progress.final_status or "no response"
                self._loop.note("warning", f"key {digit} by INFO: {told}")

    def _wait(self, progress: Progress, leg: CallLeg) -> None:
        """Wait for the answer to one INFO."""
        self._loop.until(lambda: progress.decided or leg.over, _INFO_S)
        self._loop.unwatch(progress)
