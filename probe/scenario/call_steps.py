"""Steps that place and take calls, and steps inside a call that is up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal, TypeAlias

from msgspec import field

from probe.scenario.kinds import Codecs, Headers, Seconds, SomeSeconds, Text
from probe.scenario.sounds import Keys, played, pressed
from probe.scenario.source import Problem, quoted, refuse
from probe.scenario.steps import Step
from probe.scenario.values import choice, parse_duration, switch, text
from probe.scenario.values import target as called
from probe.scenario.written import Parsed

RING_S = 5.0
"""Length of one ring: a tone of 1 s and a pause of 4 s, as most countries have it (ITU-T E.180)."""

_RINGS = r"(\d{1,2})\s*rings?"
_ANSWER = r"([3-6]\d\d)(?:\s+(\S.*))?"


def ringing(value: object) -> float:
    """Return the seconds of a duration, or of '2 rings'."""
    if isinstance(value, (int, float)):
        return float(value)
    found = re.fullmatch(_RINGS, text(value).strip())
    return int(found[1]) * RING_S if found else parse_duration(value)


def refusal(value: object) -> tuple[int, str]:
    """Return status code and reason phrase of '486' or '486 Busy Here'; the phrase may be empty."""
    if isinstance(value, tuple):
        return value
    found = re.fullmatch(_ANSWER, text(value).strip())
    if not found:
        raise refuse(
            value, f"{quoted(text(value))} refuses no call", "for example: 486, or 603 Decline"
        )
    return int(found[1]), found[2] or ""


Ringing = Annotated[float, Parsed(ringing)]
Refusal = Annotated[tuple[int, str] | None, Parsed(refusal)]


_OF_AN_AGENT = (
    ("answer_after", 0.0), ("answer_with", None), ("contact", None), ("early_media", False),
)  # fmt: skip
"""Keys that say how an agent takes a call, and what stands where they are not written."""


class Reaching(Step, frozen=True, kw_only=True):
    """A step whose call is to reach an agent of ours."""

    at: Text = None
    "Agent that the call must reach; the step is not met where no INVITE arrives there."
    answer_after: Ringing = 0.0
    "How long that agent rings before it answers: a duration, or '2 rings' of 5 s."
    answer_with: Refusal = None
    "What it answers instead of 200: a final status, such as 486 or '603 Decline'."
    contact: Annotated[str | None, Parsed(called)] = None
    "Where an `answer_with` of 3xx leads."
    early_media: Annotated[bool, Parsed(switch)] = False
    "Whether that agent sends 183 with a session description in place of 180."

    def disagreements(self) -> Iterator[Problem]:
        """Yield what is said of an agent that is not named, and a redirection to nowhere."""
        yield from super().disagreements()
        if self.at is None:
            for key, unsaid in _OF_AN_AGENT:
                if key in self.sources or getattr(self, key) != unsaid:
                    yield Problem(
                        source=self.source(key),
                        message=f"'{key}' says how an agent takes the call, and no 'at:' names it",
                        hint="name the agent: at: bob",
                    )
            return
        status = self.answer_with[0] if self.answer_with else 200
        if (300 <= status < 400) != (self.contact is not None):
            yield Problem(
                source=self.source("contact" if self.contact else "answer_with"),
                message="a redirection has a 3xx under 'answer_with' and a 'contact:'",
                hint='for example: answer_with: 302, contact: "102"',
            )


class CallStep(Reaching, frozen=True, kw_only=True):
    """Place a call, to another agent where `at` names it."""

    timings = ("srd", "pdd", "setup", "total")

    verb: Literal["call"] = "call"
    to: Annotated[str, Parsed(called)] = field(name="call")
    "Number or URI to call."
    from_: Text = field(default=None, name="from")
    "Agent that calls; None stands for the trunk's own account."
    hangup_after: Seconds = None
    "How long after the answer we send BYE, s; None leaves it to a later step or the end."
    ring_for: Seconds = None
    "How long after the first ringing we send CANCEL, s; None lets it ring."
    headers: Headers = field(default_factory=dict)
    "Extra headers of the INVITE, by name."
    caller_id: Text = None
    "Number or URI that the call shows as its origin."
    play: Annotated[str | None, Parsed(played)] = None
    "What we play once answered: 'tone 1004Hz', 'dtmf 1234', 'silence', 'marker' or a WAV file."
    send_dtmf: Annotated[Keys | None, Parsed(pressed)] = None
    "Keys that we press once answered: '42#', or '42# by info'."
    record: Annotated[bool, Parsed(switch)] = False
    "Whether the call is recorded; the law may want everybody's consent (docs/hearing.md)."
    codecs: Codecs = None
    "Codecs to offer in this call, in order."
    late_offer: Annotated[bool, Parsed(switch)] = False
    "Whether the INVITE carries no session description, so that the other side offers."


class TakingStep(Step, frozen=True, kw_only=True):
    """A step that takes a call which rings at an agent, or which arrives within a time."""

    within: SomeSeconds = 30.0
    "How long we wait for the call, s."
    after: Ringing = 0.0
    "How long the agent lets it ring before that: a duration, or '2 rings' of 5 s."
    headers: Headers = field(default_factory=dict)
    "Extra headers of the answer, by name."


class RingStep(TakingStep, frozen=True, kw_only=True):
    """Let a call ring at an agent."""

    verb: Literal["ring"] = "ring"
    agent: Annotated[str, Parsed(text)] = field(name="ring")
    "Agent that rings."
    early_media: Annotated[bool, Parsed(switch)] = False
    "Whether 183 with a session description is sent in place of 180."


class AnswerStep(TakingStep, frozen=True, kw_only=True):
    """Answer a call."""

    verb: Literal["answer"] = "answer"
    agent: Annotated[str, Parsed(text)] = field(name="answer")
    "Agent that answers."
    play: Annotated[str | None, Parsed(played)] = None
    "What it plays once answered: 'tone 1004Hz', 'dtmf 1234', 'silence', 'marker' or a WAV file."
    record: Annotated[bool, Parsed(switch)] = False
    "Whether the call is recorded; the law may want everybody's consent (docs/hearing.md)."
    early_media: Annotated[bool, Parsed(switch)] = False
    "Whether 183 with a session description is sent while it rings."


class RejectStep(TakingStep, frozen=True, kw_only=True):
    """Refuse a call."""

    verb: Literal["reject"] = "reject"
    agent: Annotated[str, Parsed(text)] = field(name="reject")
    "Agent that refuses."
    with_: Annotated[tuple[int, str], Parsed(refusal)] = field(default=(486, ""), name="with")
    "Status code, and reason phrase where it matters: 486, or '603 Decline'."


class RedirectStep(TakingStep, frozen=True, kw_only=True):
    """Redirect a call (RFC 3261 section 21.3)."""

    verb: Literal["redirect"] = "redirect"
    agent: Annotated[str, Parsed(text)] = field(name="redirect")
    "Agent that redirects."
    to: Annotated[str, Parsed(called)]
    "Number or URI that the call should go to."
    with_: Annotated[tuple[int, str], Parsed(refusal)] = field(default=(302, ""), name="with")
    "Status code 3xx."

    def disagreements(self) -> Iterator[Problem]:
        """Yield a status that redirects nobody."""
        yield from super().disagreements()
        if not 300 <= self.with_[0] < 400:
            yield Problem(source=self.source("with"), message="a redirection is a 3xx")


class InCallStep(Step, frozen=True, kw_only=True):
    """A step inside a call that is up."""

    by: Text = None
    "Agent that does it; nobody named stands for the one that placed the call."


class HoldStep(InCallStep, frozen=True, kw_only=True):
    """Put a call on hold (RFC 3264 section 8.4)."""

    may_be_empty = frozenset({"hold"})

    verb: Literal["hold"] = "hold"
    call: Text = field(default=None, name="hold")
    "Name of the call step; nothing stands for the latest call."


class ResumeStep(InCallStep, frozen=True, kw_only=True):
    """Resume a call that is on hold."""

    may_be_empty = frozenset({"resume"})

    verb: Literal["resume"] = "resume"
    call: Text = field(default=None, name="resume")
    "Name of the call step; nothing stands for the latest call."


class RefreshStep(InCallStep, frozen=True, kw_only=True):
    """Refresh the session of a call (RFC 4028)."""

    may_be_empty = frozenset({"refresh"})

    verb: Literal["refresh"] = "refresh"
    call: Text = field(default=None, name="refresh")
    "Name of the call step; nothing stands for the latest call."
    with_: Annotated[Literal["invite", "update"], Parsed(choice("invite", "update"))] = field(
        default="invite", name="with"
    )
    "invite (re-INVITE) or update (UPDATE, RFC 3311)."


class TransferStep(Reaching, frozen=True, kw_only=True):
    """Transfer a call: blind with `to`, attended with `with` (RFC 5589)."""

    may_be_empty = frozenset({"transfer"})

    verb: Literal["transfer"] = "transfer"
    by: Text = None
    "Agent that does it; nobody named stands for the one that placed the call."
    call: Text = field(default=None, name="transfer")
    "Name of the call step that is transferred; nothing stands for the latest call."
    to: Annotated[str | None, Parsed(called)] = None
    "Number or URI of a blind transfer."
    with_: Text = field(default=None, name="with")
    "Name of the call step whose far end takes the call over: an attended transfer."

    def disagreements(self) -> Iterator[Problem]:
        """Yield that the transfer leads nowhere, or to two."""
        yield from super().disagreements()
        if (self.to is None) == (self.with_ is None):
            yield Problem(
                source=self.source("with" if self.to else "transfer"),
                message="a transfer has either 'to:' (blind) or 'with:' (attended)",
                hint='for example: to: "102"',
            )


Taking: TypeAlias = RingStep | AnswerStep | RejectStep | RedirectStep
InCall: TypeAlias = HoldStep | ResumeStep | RefreshStep | TransferStep

__all__ = [
    "RING_S", "AnswerStep", "CallStep", "HoldStep", "InCall", "Reaching", "RedirectStep",
    "RefreshStep", "RejectStep", "ResumeStep", "RingStep", "Taking", "TransferStep",
]  # fmt: skip
