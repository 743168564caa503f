"""What a scenario and sipprobe.yaml hold, as pydantic models; each value knows where it stands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import Field, SecretStr, model_validator

from probe.scenario.caps import Caps
from probe.scenario.caps import pace as pace_of
from probe.scenario.expectation import FAILURES, Expectation
from probe.scenario.source import (
    NOWHERE,
    Located,
    Problem,
    ScenarioError,
    Source,
    nearest,
    quoted,
    refuse,
    suggestion,
)
from probe.scenario.values import (
    address,
    agent_name,
    choice,
    codec,
    header,
    keyring_entry,
    mapped,
    parse_duration,
    seconds_whole,
    secret,
    several,
    some_duration,
    sound,
    switch,
    text,
    whole,
)
from probe.scenario.values import (
    proxy as proxy_uri,
)
from probe.scenario.values import (
    target as called,
)
from probe.scenario.values import (
    uri as sip_uri,
)
from probe.scenario.written import Parsed, Written

Text: TypeAlias = Annotated[str | None, Parsed(text)]
Words: TypeAlias = Annotated[tuple[str, ...] | None, Parsed(several(text))]
Codecs: TypeAlias = Annotated[tuple[str, ...] | None, Parsed(several(codec))]
Headers: TypeAlias = Annotated[dict[str, str], Parsed(mapped(header))]
Seconds: TypeAlias = Annotated[float | None, Parsed(parse_duration)]
SomeSeconds: TypeAlias = Annotated[float, Parsed(some_duration)]
Support: TypeAlias = Annotated[
    Literal["off", "optional", "required"] | None, Parsed(choice("off", "optional", "required"))
]
Name: TypeAlias = Annotated[str | None, Parsed(agent_name)]

EMBEDDED = "embedded"
"Name of the built-in loopback trunk; sipprobe.yaml cannot give it to another."
PASSWORD_KEYS = ("password", "password_file", "password_cmd", "password_keyring")
"Where a profile may take its password from; one of them."
RETRY_TIMEOUT = "timeout"
"Word in `retry: on:` for an attempt that ended without a final response."
_NEVER_RETRIED = ("401", "403", "407")
_MOST_RETRIES = 10


def _country(value: object) -> str:
    """Return a country code (ISO 3166, two letters)."""
    written = text(value).strip()
    if not re.fullmatch(r"[A-Za-z]{2}", written):
        raise refuse(value, f"{quoted(written)} is not a country", "two letters: US, DE, ZA")
    return written.upper()


class Profile(Written):
    """A trunk profile, or an agent; an agent names a trunk and overrides what differs."""

    example = '{uri: "sip:100@pbx.example", password: "${PW_100}"}'
    later: ClassVar[Mapping[str, str]] = {"play": "what an agent plays in every call"}
    inner = Written.inner | {"password_cmd", "password_keyring"}

    trunk: Name = None
    "Agents only: the profile to start from; None stands for the trunk of the scenario."
    uri: Annotated[str | None, Parsed(sip_uri)] = None
    "Address of record, with port and transport where they matter."
    password: Annotated[SecretStr | None, Parsed(secret)] = None
    "Digest password."
    password_file: Text = None
    "File whose first line is the digest password."
    password_cmd: Text = None
    "Program, with arguments, whose first line of output is the digest password."
    password_keyring: Annotated[str | None, Parsed(keyring_entry)] = None
    "Entry of the system's keyring that holds the digest password: 'service/user'."
    auth_user: Text = None
    "Digest user; None stands for the user of `uri`."
    realm: Text = None
    "Digest realm that the credentials are for; None for any."
    proxy: Annotated[str | None, Parsed(proxy_uri)] = None
    "URI that requests are sent to; None for the host of `uri`."
    nameserver: Annotated[str | None, Parsed(address)] = None
    "Who resolves names: 'ip' or 'ip:port'; None for the system's resolver."
    local_address: Annotated[str | None, Parsed(address)] = None
    "What we bind: 'ip' or 'ip:port'; None leaves it to the system."
    ca_file: Text = None
    "File of CA certificates; None for the system's."
    verify: Annotated[bool | None, Parsed(switch)] = None
    "Whether the server's certificate is verified; None stands for yes."
    client_cert: Text = None
    "File of our certificate."
    client_key: Text = None
    "File of our private key."
    tls_min: Annotated[
        Literal["1.0", "1.1", "1.2", "1.3"] | None, Parsed(choice("1.0", "1.1", "1.2", "1.3"))
    ] = None
    "Lowest TLS version."
    codecs: Codecs = None
    "Codecs to offer, in order."
    srtp: Support = None
    "Whether media is encrypted."
    ptime: Annotated[int | None, Parsed(whole(5, 200, "ms"))] = None
    "Packet time, ms."
    provider: Text = None
    "Whose meanings and rules explain what happens, such as 'sip.us'."
    caller_id: Text = None
    "Number or URI that calls show as their origin."
    headers: Headers = Field(default_factory=dict)
    "Extra headers of requests, by name."
    user_agent: Text = None
    "Value of the User-Agent header."
    expires: Annotated[int | None, Parsed(seconds_whole)] = None
    "Registration time to ask for, s."
    session_timer: Support = None
    "Session timers (RFC 4028)."
    prack: Support = None
    "Reliable provisional responses (RFC 3262)."
    allow_to: Words = None
    "Destinations that may be dialled."
    numbers: Words = None
    "Caller IDs that are ours."
    country: Annotated[tuple[str, ...] | None, Parsed(several(_country))] = None
    "Countries (ISO 3166, two letters) whose network the trunk leads to."
    caps: Caps | None = None
    "What calls may come to at most; None stands for the defaults, and for no caps on loopback."
    pace: Annotated[float | None, Parsed(pace_of)] = None
    "Most calls begun in a time, such as '1/s', kept as seconds between two of them."
    registers: Annotated[bool, Parsed(switch)] = True
    "Whether this account registers; trunks that know us by address do not."

    @classmethod
    def _unknown(cls, key: Located, keys: tuple[str, ...]) -> Problem:
        if key in PASSWORD_KEYS and key not in keys:
            return Problem(
                source=key.source,
                message=f"'{key}' belongs in a trunk profile of sipprobe.yaml: a scenario file "
                "starts no program and opens no keyring",
                hint="name such a profile here with 'trunk:'",
            )
        return super()._unknown(key, keys)

    @model_validator(mode="after")
    def _one_password(self) -> Profile:
        given = [key for key in PASSWORD_KEYS if getattr(self, key) is not None]
        if len(given) > 1:
            raise ScenarioError(
                Problem(
                    source=self.source(key),
                    message=f"'{key}' and '{given[0]}' both say where the password is",
                    hint="keep one of them",
                )
                for key in given[1:]
            )
        return self

    def over(self, base: Profile) -> Profile:
        """Return `base` with everything that this profile says put over it."""
        said = self.model_fields_set - {"sources", "trunk"}
        replaced = PASSWORD_KEYS if said.intersection(PASSWORD_KEYS) else ()
        return base.model_copy(
            update={
                **dict.fromkeys(replaced),
                **{name: getattr(self, name) for name in said},
                "sources": {**base.sources, **self.sources},
            }
        )


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


class TrunkProfile(Profile):
    """A profile of sipprobe.yaml, which cannot lean on another."""

    inner = Written.inner | {"trunk"}


class Retry(Written):
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


class Step(Written):
    """One step of a scenario; its verb is the key of the step."""

    inner = frozenset({"sources", "index", "verb"})
    later: ClassVar[Mapping[str, str]] = {
        "at": "a call that reaches another agent",
        "answer_after": "answering as the called side",
        "send_dtmf": "sending digits",
        "use": "steps of another file",
        "matrix": "one story over many values",
        "data": "one story over many values",
    }
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

    @model_validator(mode="after")
    def _timings_fit(self) -> Step:
        wrong = [
            Problem(
                source=self.source(f"expect.timing.{name}"),
                message=f"'{name}' is not measured for '{self.verb}'",
                hint=suggestion("", self.timings),
            )
            for name in (self.expect.timing if self.expect else {})
            if name not in self.timings
        ]
        if wrong:
            raise ScenarioError(wrong)
        return self


class RegisterStep(Step):
    """Register agents (RFC 3261 section 10)."""

    may_be_empty = frozenset({"register"})
    timings = ("rrd", "total")

    verb: Literal["register"] = "register"
    agents: Annotated[tuple[str, ...], Parsed(several(text))] = Field(
        default=(), validation_alias="register"
    )
    "Who registers; nobody named stands for the trunk's own account."
    expires: Annotated[int | None, Parsed(seconds_whole)] = None
    "Registration time to ask for, s; None leaves it to the profile."


class UnregisterStep(Step):
    """Remove registrations (RFC 3261 section 10.2.2)."""

    may_be_empty = frozenset({"unregister"})
    timings = ("rrd", "total")

    verb: Literal["unregister"] = "unregister"
    agents: Annotated[tuple[str, ...], Parsed(several(text))] = Field(
        default=(), validation_alias="unregister"
    )
    "Whose registration ends; nobody named stands for the trunk's own account."


class CallStep(Step):
    """Place a call."""

    timings = ("srd", "pdd", "setup", "total")

    verb: Literal["call"] = "call"
    to: Annotated[str, Parsed(called)] = Field(validation_alias="call")
    "Number or URI to call."
    from_: Text = Field(default=None, validation_alias="from")
    "Agent that calls; None stands for the trunk's own account."
    hangup_after: Seconds = None
    "How long after the answer we send BYE, s; None leaves it to a later step or the end."
    ring_for: Seconds = None
    "How long after the first ringing we send CANCEL, s; None lets it ring."
    headers: Headers = Field(default_factory=dict)
    "Extra headers of the INVITE, by name."
    caller_id: Text = None
    "Number or URI that the call shows as its origin."
    play: Annotated[str | None, Parsed(sound)] = None
    "What we play once answered: 'tone 1004Hz' or 'silence'."
    codecs: Codecs = None
    "Codecs to offer in this call, in order."


class CancelStep(Step):
    """Cancel a call that is not yet answered (RFC 3261 section 9)."""

    may_be_empty = frozenset({"cancel"})

    verb: Literal["cancel"] = "cancel"
    call: Text = Field(default=None, validation_alias="cancel")
    "Name of the call step; None stands for the latest call."


class HangupStep(Step):
    """End a call with BYE (RFC 3261 section 15)."""

    may_be_empty = frozenset({"hangup"})

    verb: Literal["hangup"] = "hangup"
    by: Text = Field(default=None, validation_alias="hangup")
    "Agent that hangs up, or name of the call step; None stands for the latest call."


class TalkStep(Step):
    """Let the call go on for a while."""

    inner = Step.inner | {"expect", "retry", "timeout", "answer_within"}
    later: ClassVar[Mapping[str, str]] = {**Step.later, "expect": "what was heard"}

    verb: Literal["talk"] = "talk"
    duration: SomeSeconds = Field(validation_alias="talk")
    "How long, s."


class WaitStep(Step):
    """Do nothing for a while."""

    inner = Step.inner | {"expect", "retry", "timeout", "answer_within"}

    verb: Literal["wait"] = "wait"
    duration: SomeSeconds = Field(validation_alias="wait")
    "How long, s."


class OptionsStep(Step):
    """Ask what the other side can do, or whether it is there (RFC 3261 section 11)."""

    may_be_empty = frozenset({"options"})

    verb: Literal["options"] = "options"
    target: Annotated[str | None, Parsed(called)] = Field(default=None, validation_alias="options")
    "Number or URI to ask; None stands for the trunk itself."
    from_: Text = Field(default=None, validation_alias="from")
    "Agent that asks; None stands for the trunk's own account."


AnyStep: TypeAlias = (
    RegisterStep
    | UnregisterStep
    | CallStep
    | CancelStep
    | HangupStep
    | TalkStep
    | WaitStep
    | OptionsStep
)
VERBS: dict[str, type[AnyStep]] = {
    "register": RegisterStep,
    "unregister": UnregisterStep,
    "call": CallStep,
    "cancel": CancelStep,
    "hangup": HangupStep,
    "talk": TalkStep,
    "wait": WaitStep,
    "options": OptionsStep,
}
"The verbs of this version."
LATER_VERBS = {
    "ring": "the called side rings",
    "answer": "the called side answers",
    "reject": "the called side refuses",
    "redirect": "the called side redirects",
    "hold": "hold",
    "resume": "hold",
    "transfer": "transfer",
    "subscribe": "subscriptions",
    "message": "text messages",
    "request": "any other request",
    "use": "steps of another file",
}
"Verbs of later versions, and what they are for."


class Scenario(Written):
    """One scenario file."""

    inner = frozenset({"sources", "id", "file"})
    later: ClassVar[Mapping[str, str]] = {
        "use": "steps of another file",
        "matrix": "one story over many values",
        "data": "one story over many values",
    }

    id: str
    "Name of the file without '.sip.yaml'."
    file: str
    "The file, as the user would name it."
    name: Annotated[str, Parsed(text)] = ""
    "What the scenario is about; `id` where nothing is written."
    tags: Annotated[tuple[str, ...], Parsed(several(text))] = ()
    "Words to select it by."
    trunk: Annotated[str, Parsed(agent_name)] = EMBEDDED
    "Profile in sipprobe.yaml, or 'embedded' for the built-in loopback trunk."
    timeout: SomeSeconds = 120.0
    "Deadline of the whole scenario, s."
    agents: dict[Annotated[str, Parsed(agent_name)], Profile] = Field(default_factory=dict)
    "Accounts beside the trunk's own, by name."
    steps: tuple[Annotated[AnyStep, Field(discriminator="verb")], ...]
    "What is done, in order."


class Settings(Written):
    """What sipprobe.yaml holds."""

    inner = frozenset({"sources", "file", "unresolved"})

    file: str | None = None
    "The file; None where there is none."
    trunks: dict[Annotated[str, Parsed(agent_name)], Profile] = Field(default_factory=dict)
    "Trunk profiles, by name."
    vars: Annotated[dict[str, str], Parsed(mapped(lambda _, value: text(value)))] = Field(
        default_factory=dict
    )
    "Values of variables that neither the command line nor the environment gives."
    unresolved: dict[str, tuple[Problem, ...]] = Field(
        default_factory=dict, exclude=True, repr=False
    )
    "Trunks that cannot be used because a variable is missing: their problems, by name."

    def profile(self, name: str, *, source: Source = NOWHERE) -> Profile:
        """Return a trunk profile; raise ScenarioError, at `source` where the name is unknown."""
        if name in self.unresolved:
            raise ScenarioError(self.unresolved[name])
        if name in self.trunks:
            return self.trunks[name]
        known = (EMBEDDED, *self.trunks)
        near = nearest(name, known)
        raise ScenarioError(
            [
                Problem(
                    source=source,
                    message=f"there is no trunk {quoted(name)}"
                    + (f" in {self.file}" if self.file else ": no sipprobe.yaml was found"),
                    hint=f"did you mean '{near}'?" if near else suggestion(name, known),
                )
            ]
        )


__all__ = [
    "EMBEDDED", "LATER_VERBS", "VERBS", "AnyStep", "CallStep", "CancelStep", "Caps", "HangupStep",
    "OptionsStep", "Profile", "RegisterStep", "Retry", "Scenario", "Settings", "Step", "TalkStep",
    "TrunkProfile", "UnregisterStep", "WaitStep",
]  # fmt: skip
