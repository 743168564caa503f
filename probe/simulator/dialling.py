"""Ringing the parties of a route until one of them answers (RFC 3261 §16.7, as a PBX does it)."""

from collections import deque
from collections.abc import Callable
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace
from sipmessage import Response

from probe.simulator.answers import PHRASES, Answer, q850
from probe.simulator.clock import Cancellable
from probe.simulator.dialogs import called
from probe.simulator.invitation import Invitation, Target
from probe.simulator.invites import InviteClient
from probe.simulator.legs import Leg
from probe.simulator.lines import Line, Lines
from probe.simulator.messages import contact_uri, tag_of, text_of, written_user
from probe.simulator.relayed import answer_from
from probe.simulator.routes import Route, Stage
from probe.simulator.site import Site
from probe.sip.message import uri_user

ELSEWHERE = ("Reason", 'SIP;cause=200;text="Call completed elsewhere"')
"""What a phone of a group is told that somebody else has the call (RFC 3326)."""

MAX_BRANCHES = 16
"""Parties rung for one call, redirections included; there are no loops for ever."""

AWAY = Answer(code=480, phrase=PHRASES[480], headers=(q850(20, "Subscriber absent"),))
"""The answer for a user who is not registered anywhere."""

_NO_ANSWER = Answer(code=480, phrase=PHRASES[480], headers=(q850(19, "No answer from user"),))


class Told(Protocol):
    """Who wants to know how the dialling goes."""

    def progress(self, response: Response, *, alone: bool) -> None:
        """Take a provisional response; ``alone`` where no other party can ring."""

    def answered(self, leg: Leg, response: Response) -> None:
        """Take the 2xx of the one who answered."""

    def failed(self, answer: Answer) -> None:
        """Take the refusal that speaks for all parties."""


class Switch(Struct, frozen=True, kw_only=True):
    """What dialling needs of the exchange."""

    site: Site
    "The surroundings."

    lines: Lines
    "Where parties are noted."

    targets: Callable[[Stage], list[Target]]
    "Returns the places of a stage, as they are registered now."

    route: Callable[[str], Route | None]
    "Returns where a number leads."


class Branch:
    """One place that rings."""

    def __init__(
        self, target: Target, invitation: Invitation, switch: Switch, dialling: "Dialling"
    ) -> None:
        request = invitation.to(target)
        self.user = target.user
        self._flow = target.flow
        self._switch = switch
        self._dialling = dialling
        self._leg: Leg | None = None
        self._given_up = False
        self._line = switch.lines.open(
            Line(
                user=target.user,
                call_id=request.call_id,
                remote=invitation.caller,
                transport=target.flow.transport,
                outgoing=True,
            )
        )
        self._client = InviteClient(
            request, target.flow, switch.site.transactions, self._take, self._silence
        )

    def cancel(self, *headers: tuple[str, str]) -> None:
        """Stop ringing; who answers all the same is hung up on."""
        self._given_up = True
        self._switch.lines.end(self._line, "cancel", 487)
        self._client.cancel(*headers)

    def _take(self, response: Response) -> None:
        if response.code < 200:
            if response.code > 100 and response.code != 199 and not self._given_up:
                self._switch.lines.become(self._line, "early")
                self._dialling.branch_rings(response)
        elif response.code < 300:
            self._answered(response)
        elif not self._given_up:
            self._switch.lines.end(self._line, "refused", response.code)
            self._dialling.branch_failed(self, response)

    def _silence(self) -> None:
        if not self._given_up:
            self._switch.lines.end(self._line, "refused", 408)
            self._dialling.branch_failed(self, None)

    def _answered(self, response: Response) -> None:
        if self._leg is not None and self._leg.dialog.id[2] == tag_of(response.headers["To"]):
            self._leg.acknowledge_again()
            return
        dialog = called(self._client.request, response, self._flow)
        leg = Leg(dialog, self._line, self._switch.site, sdp=text_of(response))
        if self._given_up or self._leg is not None:  # too late, or a second phone behind a contact
            leg.acknowledge(1)
            leg.hang_up(ELSEWHERE)
            return
        self._leg = leg
        leg.line.code = response.code
        self._dialling.branch_answered(self, leg, response)


class Dialling:
    """Rings the stages of a route one after the other."""

    def __init__(self, route: Route, invitation: Invitation, switch: Switch, told: Told) -> None:
        """Nothing is sent before start."""
        self._invitation = invitation
        self._switch = switch
        self._told = told
        self._stages = deque(route.stages)
        self._branches: list[Branch] = []
        self._rung = 0
        self._best: Answer = AWAY
        self._over = False
        self._timer: Cancellable | None = None

    def start(self) -> None:
        """Ring the first stage at which somebody can be reached."""
        while self._stages and not self._over and not self._branches:
            stage = self._stages.popleft()
            self._set_timer(stage.seconds)
            for target in self._switch.targets(stage):
                self._ring(target)
        if not self._over and not self._branches:
            self._finish()
            self._told.failed(self._best)

    def cancel(self, *headers: tuple[str, str]) -> None:
        """Give the call up."""
        if not self._over:
            self._finish()
            for branch in self._branches:
                branch.cancel(*headers)

    def branch_rings(self, response: Response) -> None:
        """Take a provisional response of a branch."""
        if not self._over:
            alone = self._rung == 1 and not self._stages
            self._told.progress(response, alone=alone)

    def branch_answered(self, branch: Branch, leg: Leg, response: Response) -> None:
        """Take the first 2xx: everybody else stops ringing."""
        self._finish()
        for other in self._branches:
            if other is not branch:
                other.cancel(ELSEWHERE)
        self._told.answered(leg, response)

    def branch_failed(self, branch: Branch, response: Response | None) -> None:
        """Take a refusal; a redirection within the house is followed (RFC 3261 §8.1.3.4)."""
        self._branches.remove(branch)
        if self._over:
            return
        answer = answer_from(response, body=False)
        self._invitation = self._invitation.diverted(
            self._switch.site.host, "user-busy" if answer.code in {486, 600} else "unknown"
        )
        if response is not None and response.code < 400 and self._redirected(response):
            return
        if not 300 <= answer.code < 400:
            self._best = answer if self._best is AWAY else _better(self._best, answer)
        if not self._branches:
            self.start()

    def _redirected(self, response: Response) -> bool:
        """Ring where a 3xx points to, if that is a number of ours."""
        route = self._switch.route(uri_user(contact_uri(response) or ""))
        if route is None or not route.stages:
            return False
        self._invitation = self._invitation.diverted(self._switch.site.host, "unconditional")
        before = len(self._branches)
        self._invitation = replace(
            self._invitation, dialled=written_user(uri_user(contact_uri(response) or ""))
        )
        for target in self._switch.targets(route.stages[0]):
            self._ring(target)
        return len(self._branches) > before

    def _ring(self, target: Target) -> None:
        if self._rung < MAX_BRANCHES:
            self._rung += 1
            self._branches.append(Branch(target, self._invitation, self._switch, self))

    def _set_timer(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        wait = self._switch.site.timers.ring if seconds is None else seconds
        self._timer = self._switch.site.scheduler.call_later(wait, self._no_answer)

    def _no_answer(self) -> None:
        """Leave a stage that rang in vain (timer C, RFC 3261 §16.8)."""
        self._best = _NO_ANSWER if self._best is AWAY else _better(self._best, _NO_ANSWER)
        self._invitation = self._invitation.diverted(self._switch.site.host, "no-answer")
        branches, self._branches = self._branches, []
        for branch in branches:
            branch.cancel()
        self.start()

    def _finish(self) -> None:
        self._over = True
        if self._timer is not None:
            self._timer.cancel()


def _better(one: Answer, other: Answer) -> Answer:
    """Return which refusal tells the caller more: 6xx, busy, then the lower code (§16.7 step 6)."""

    def rank(answer: Answer) -> tuple[int, int]:
        if answer.code >= 600:
            return (0, answer.code)
        return (1, 0) if answer.code == 486 else (2, answer.code)

    return min(one, other, key=rank)
