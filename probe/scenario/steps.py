"""The steps of a scenario: what is done, by whom, and what should come of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from msgspec import field

from probe.scenario.expectation import FAILURES, Expectation, TalkExpectation
from probe.scenario.kinds import Name, SomeSeconds, Text
from probe.scenario.sounds import Keys, keys_by_agent
from probe.scenario.source import Problem, ScenarioError, nearest, quoted, refuse, suggestion
from probe.scenario.values import mapped, parse_duration, seconds_whole, several, text, whole
from probe.scenario.values import target as called
from probe.scenario.written import Parsed, Written

RETRY_TIMEOUT = "timeout"
"Word in `retry: on:` for an attempt that ended without a final response."
_NEVER_RETRIED = ("401", "403", "407")
_MOST_RETRIES = 10


def _retry_on(value: object) -> tuple[str, ...]:
    """Read `408|503|timeout`; a refused credential is never tried again."""
    if isinstance(value, (list, tuple)):
        return tuple(word for part in value for word in _retry_on(part))
    problems: list[Problem] = []
    words: list[str] = []
    for found in re.finditer(r"[^|\s]+", text(value)):
        word = found[0]
        try:
            words.append(_retry_word(word, value, found.start()))
        except ScenarioError as error:
            problems += error.problems
    if problems:
        raise ScenarioError(problems)
    if not words:
        raise refuse(value, "nothing is named that would be tried again")
    return tuple(words)


def _retry_word(word: str, value: object, offset: int) -> str:
    place: dict[str, int] = {"offset": offset, "length": len(word)}
    if re.fullmatch(r"[3-6](?:\d\d|\dx|xx)", word):
        if any(code.startswith(word.rstrip("x")) for code in _NEVER_RETRIED):
            raise refuse(
                value,
                f"'{word}' would repeat a refusal, and ban systems react to 401, 403 and 407",
                "name the codes that are worth another try: 408|503|timeout",
                **place,
            )
        return word
    known = (RETRY_TIMEOUT, *FAILURES)
    if word in known:
        return word
    raise refuse(
        value,
        f"{quoted(word)} is neither a final status code nor a failure",
        suggestion(word, known) if nearest(word, known) else "for example: 408|503|timeout",
        **place,
    )


class Retry(Written, frozen=True, kw_only=True):
    """When and how often an attempt is repeated."""

    example = "retry: {times: 2, wait: 5s, on: 408|503|timeout}"

    times: Annotated[int, Parsed(whole(1, _MOST_RETRIES))]
    "How often the attempt is repeated after the first."
    wait: Annotated[float, Parsed(parse_duration)] = 0.0
    "Pause before each repetition, s."
    on: Annotated[tuple[str, ...], Parsed(_retry_on)] = ("408", "503", RETRY_TIMEOUT)
    "Codes, classes such as 50x, 'timeout' (no final response) and names of failures."

    def allows(self, outcome: str) -> bool:
        """Say whether a status code ('503') or failure ('NO_RESPONSE') is worth another try."""
        if outcome in {"NO_RESPONSE", "NO_FINAL_RESPONSE"} and RETRY_TIMEOUT in self.on:
            return True
        return any(
            outcome == word
            or (word.endswith("x") and outcome.isdigit() and outcome.startswith(word.rstrip("x")))
            for word in self.on
        )


class Step(Written, frozen=True, kw_only=True):
    """One step of a scenario; its verb is the key of the step."""

    inner = Written.inner | frozenset({"index", "verb"})
    timings: ClassVar[tuple[str, ...]] = ("total",)
    "Times that this verb has."

    index: int = 1
    "Place among the steps of the scenario, from 1."
    verb: str
    "What the step does."
    name: Name = None
    "Name that later steps can use."
    expect: Expectation | None = None
    "What should come of it; None stands for a 2xx, its ACK and a clean BYE."
    retry: Retry | None = None
    "When the attempt is repeated."
    timeout: SomeSeconds = 10.0
    "How long we wait for any response, s."
    answer_within: SomeSeconds = 60.0
    "How long after the first provisional response we wait for a final one, s."

    def disagreements(self) -> Iterator[Problem]:
        """Yield a problem for each time that the verb does not have."""
        for name in self.expect.timing if self.expect else ():
            if name not in self.timings:
                yield Problem(
                    source=self.source(f"expect.timing.{name}"),
                    message=f"'{name}' is not measured for '{self.verb}'",
                    hint=suggestion("", self.timings),
                )


class RegisterStep(Step, frozen=True, kw_only=True):
    """Register agents (RFC 3261 section 10)."""

    may_be_empty = frozenset({"register"})
    timings = ("rrd", "total")

    verb: Literal["register"] = "register"
    agents: Annotated[tuple[str, ...], Parsed(several(text))] = field(default=(), name="register")
    "Who registers; nobody named stands for the trunk's own account."
    expires: Annotated[int | None, Parsed(seconds_whole)] = None
    "Registration time to ask for, s; None leaves it to the profile."


class UnregisterStep(Step, frozen=True, kw_only=True):
    """Remove registrations (RFC 3261 section 10.2.2)."""

    may_be_empty = frozenset({"unregister"})
    timings = ("rrd", "total")

    verb: Literal["unregister"] = "unregister"
    agents: Annotated[tuple[str, ...], Parsed(several(text))] = field(default=(), name="unregister")
    "Whose registration ends; nobody named stands for the trunk's own account."


class CancelStep(Step, frozen=True, kw_only=True):
    """Cancel a call that is not yet answered (RFC 3261 section 9)."""

    may_be_empty = frozenset({"cancel"})

    verb: Literal["cancel"] = "cancel"
    call: Text = field(default=None, name="cancel")
    "Name of the call step; None stands for the latest call."


class HangupStep(Step, frozen=True, kw_only=True):
    """End a call with BYE (RFC 3261 section 15)."""

    may_be_empty = frozenset({"hangup"})

    verb: Literal["hangup"] = "hangup"
    by: Text = field(default=None, name="hangup")
    "Agent that hangs up, or name of the call step; None stands for the latest call."


class TalkStep(Step, frozen=True, kw_only=True):
    """Let the call go on for a while."""

    inner = Step.inner | {"retry", "timeout", "answer_within"}
    timings = ()

    verb: Literal["talk"] = "talk"
    expect: TalkExpectation | None = None
    "What each agent hears meanwhile, by agent."
    duration: SomeSeconds = field(name="talk")
    "How long, s."
    send_dtmf: Annotated[dict[str, Keys], Parsed(keys_by_agent)] = field(default_factory=dict)
    "Keys that are pressed, by agent: {alice: '42#'}; without an agent by the one that called."


class WaitStep(Step, frozen=True, kw_only=True):
    """Do nothing for a while."""

    inner = Step.inner | {"expect", "retry", "timeout", "answer_within"}

    verb: Literal["wait"] = "wait"
    duration: SomeSeconds = field(name="wait")
    "How long, s."


class OptionsStep(Step, frozen=True, kw_only=True):
    """Ask what the other side can do, or whether it is there (RFC 3261 section 11)."""

    may_be_empty = frozenset({"options"})

    verb: Literal["options"] = "options"
    target: Annotated[str | None, Parsed(called)] = field(default=None, name="options")
    "Number or URI to ask; None stands for the trunk itself."
    from_: Text = field(default=None, name="from")
    "Agent that asks; None stands for the trunk's own account."


class UseStep(Written, frozen=True, kw_only=True):
    """The steps of another file, in the place of this one (probe/scenario/use.py)."""

    use: Annotated[str, Parsed(text)]
    "The file, relative to this one; no variable is filled in there."
    with_: Annotated[dict[str, str], Parsed(mapped(lambda _, value: text(value)))] = field(
        default_factory=dict, name="with"
    )
    "Variables of that file and their values."
