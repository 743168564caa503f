"""What a scenario and sipprobe.yaml hold, as models; each value knows where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Literal, TypeAlias

from msgspec import field
from msgspec.structs import replace

from probe.scenario.ask_steps import (
    AwaitStep,
    MessageStep,
    RequestStep,
    SubscribeStep,
    UnsubscribeStep,
)
from probe.scenario.call_steps import (
    AnswerStep,
    CallStep,
    HoldStep,
    RedirectStep,
    RefreshStep,
    RejectStep,
    ResumeStep,
    RingStep,
    TransferStep,
)
from probe.scenario.caps import Caps
from probe.scenario.caps import pace as pace_of
from probe.scenario.kinds import Codecs, Headers, Name, SomeSeconds, Support, Text, Words
from probe.scenario.rows import Row
from probe.scenario.secret import Secret
from probe.scenario.serving import Serve
from probe.scenario.sounds import played
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
from probe.scenario.steps import (
    RETRY_TIMEOUT,
    CancelStep,
    HangupStep,
    OptionsStep,
    RegisterStep,
    Retry,
    Step,
    TalkStep,
    UnregisterStep,
    UseStep,
    WaitStep,
)
from probe.scenario.values import (
    address,
    agent_name,
    choice,
    keyring_entry,
    mapped,
    seconds_whole,
    secret,
    several,
    switch,
    text,
    whole,
)
from probe.scenario.values import (
    proxy as proxy_uri,
)
from probe.scenario.values import (
    uri as sip_uri,
)
from probe.scenario.written import Parsed, Written

EMBEDDED = "embedded"
"Name of the built-in loopback trunk; sipprobe.yaml cannot give it to another."
PASSWORD_KEYS = ("password", "password_file", "password_cmd", "password_keyring")
"Where a profile may take its password from; one of them."


def _country(value: object) -> str:
    """Return a country code (ISO 3166, two letters)."""
    written = text(value).strip()
    if not re.fullmatch(r"[A-Za-z]{2}", written):
        raise refuse(value, f"{quoted(written)} is not a country", "two letters: US, DE, ZA")
    return written.upper()


class Profile(Written, frozen=True, kw_only=True):
    """A trunk profile, or an agent; an agent names a trunk and overrides what differs."""

    example = '{uri: "sip:100@pbx.example", password: "${PW_100}"}'
    later: ClassVar[Mapping[str, str]] = {
        "ice": "candidates for media behind NAT, RFC 8445",
        "stun": "our public address, RFC 8489",
        "turn": "a relay for media, RFC 8656",
    }
    inner = Written.inner | {"password_cmd", "password_keyring"}

    trunk: Name = None
    "Agents only: the profile to start from; None stands for the trunk of the scenario."
    uri: Annotated[str | None, Parsed(sip_uri)] = None
    "Address of record, with port and transport where they matter."
    password: Annotated[Secret | None, Parsed(secret)] = None
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
    srtp: Annotated[
        Literal["off", "optional", "required", "dtls"] | None,
        Parsed(choice("off", "optional", "required", "dtls")),
    ] = None
    "Whether media is encrypted, and where its keys come from."
    ptime: Annotated[int | None, Parsed(whole(5, 200, "ms"))] = None
    "Packet time, ms."
    provider: Text = None
    "Whose meanings and rules explain what happens, such as 'sip.us'."
    caller_id: Text = None
    "Number or URI that calls show as their origin."
    headers: Headers = field(default_factory=dict)
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
    play: Annotated[str | None, Parsed(played)] = None
    "What this account plays in its calls where a step does not say."
    record: Annotated[bool, Parsed(switch)] = False
    "Whether its calls are recorded; the law may want everybody's consent (docs/hearing.md)."
    registers: Annotated[bool, Parsed(switch)] = True
    "Whether this account registers; trunks that know us by address do not."
    at_site: Name = None
    "Site of a fleet at which this account is; None stands for that of the scenario."

    @classmethod
    def unknown(cls, key: Located, keys: tuple[str, ...]) -> Problem:
        """Return the problem of a key that is none of ``keys``."""
        if key in PASSWORD_KEYS and key not in keys:
            return Problem(
                source=key.source,
                message=f"'{key}' belongs in a trunk profile of sipprobe.yaml: a scenario file "
                "starts no program and opens no keyring",
                hint="name such a profile here with 'trunk:'",
            )
        return super().unknown(key, keys)

    def disagreements(self) -> Iterator[Problem]:
        """Yield each further key that says where the password is."""
        given = [key for key in PASSWORD_KEYS if getattr(self, key) is not None]
        for key in given[1:]:
            yield Problem(
                source=self.source(key),
                message=f"'{key}' and '{given[0]}' both say where the password is",
                hint="keep one of them",
            )

    def over(self, base: Profile) -> Profile:
        """Return `base` with everything that this profile says put over it."""
        said = self.said() - {"trunk"}
        replaced = PASSWORD_KEYS if said.intersection(PASSWORD_KEYS) else ()
        changes = {
            **dict.fromkeys(replaced),
            **{name: getattr(self, name) for name in said},
            "sources": {**base.sources, **self.sources},
        }
        return replace(base, **changes)


class TrunkProfile(Profile, frozen=True, kw_only=True):
    """A profile of sipprobe.yaml, which cannot lean on another."""

    inner = Written.inner | {"trunk"}


AnyStep: TypeAlias = (
    RegisterStep
    | UnregisterStep
    | CallStep
    | CancelStep
    | HangupStep
    | TalkStep
    | WaitStep
    | OptionsStep
    | RingStep
    | AnswerStep
    | RejectStep
    | RedirectStep
    | HoldStep
    | ResumeStep
    | RefreshStep
    | TransferStep
    | SubscribeStep
    | UnsubscribeStep
    | MessageStep
    | RequestStep
    | AwaitStep
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
    "ring": RingStep,
    "answer": AnswerStep,
    "reject": RejectStep,
    "redirect": RedirectStep,
    "hold": HoldStep,
    "resume": ResumeStep,
    "refresh": RefreshStep,
    "transfer": TransferStep,
    "subscribe": SubscribeStep,
    "unsubscribe": UnsubscribeStep,
    "message": MessageStep,
    "request": RequestStep,
    "await": AwaitStep,
}
"The verbs of this version."
LATER_VERBS: dict[str, str] = {}
"Verbs of later versions, and what they are for."


class Scenario(Written, frozen=True, kw_only=True):
    """One scenario file."""

    inner = Written.inner | frozenset({"id", "file", "row"})

    id: str
    "Name of the file without '.sip.yaml', with the row in brackets where there are rows."
    row: Row | None = None
    "The row that gave its values, or None."
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
    at_site: Name = None
    "Site of a fleet from which it is carried out; None for any."
    agents: dict[Annotated[str, Parsed(agent_name)], Profile] = field(default_factory=dict)
    "Accounts beside the trunk's own, by name."
    matrix: dict[str, tuple[str, ...]] = field(default_factory=dict)
    "Values by variable; each combination of them is a story of its own."
    data: Text = None
    "File of rows (.csv, .tsv, .yaml, .json), each a story of its own; or the list of them."
    row_name: Text = None
    "What a row is called in reports, such as '${COUNTRY} ${NUMBER}'; nothing for its values."
    steps: tuple[AnyStep, ...]
    "What is done, in order."


class Settings(Written, frozen=True, kw_only=True):
    """What sipprobe.yaml holds."""

    inner = Written.inner | frozenset({"file", "unresolved"})

    file: str | None = None
    "The file; None where there is none."
    trunks: dict[Annotated[str, Parsed(agent_name)], Profile] = field(default_factory=dict)
    "Trunk profiles, by name."
    vars: Annotated[dict[str, str], Parsed(mapped(lambda _, value: text(value)))] = field(
        default_factory=dict
    )
    "Values of variables that neither the command line nor the environment gives."
    serve: Serve | None = None
    "What `sipprobe serve` runs by itself."
    unresolved: dict[str, tuple[Problem, ...]] = field(default_factory=dict)
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
                    hint=f"did you mean '{near}'?"
                    if near
                    else suggestion(name, known)
                    + ("" if self.file else "; `sipprobe init` writes one"),
                )
            ]
        )


__all__ = [
    "EMBEDDED", "LATER_VERBS", "RETRY_TIMEOUT", "VERBS", "AnswerStep", "AnyStep", "CallStep",
    "CancelStep", "Caps", "HangupStep", "HoldStep", "OptionsStep", "Profile", "RedirectStep",
    "RefreshStep", "RegisterStep", "RejectStep", "ResumeStep", "Retry", "RingStep", "Scenario",
    "Settings", "Step", "TalkStep", "TransferStep", "TrunkProfile", "UnregisterStep", "UseStep",
    "WaitStep",
]  # fmt: skip
