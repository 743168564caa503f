"""What a step expects: a sequence, bounds on times, headers, the SDP answer, a challenge."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from msgspec import Struct, field

from probe.scenario.bounds import Bound, parse_bound
from probe.scenario.media_expectation import MediaExpectation
from probe.scenario.notify_expectation import NotifyExpectation, wanted_text
from probe.scenario.sequence import SequencePattern, parse_sequence
from probe.scenario.source import (
    NOWHERE,
    Located,
    LocatedMap,
    Source,
    nearest,
    quoted,
    refuse,
    suggestion,
)
from probe.scenario.values import (
    choice,
    header_name,
    mapped,
    parse_duration,
    several,
    text,
)
from probe.scenario.values import (
    codec as codec_name,
)
from probe.scenario.written import Arranged, Either, Parsed, Written

__all__ = [
    "FAILURES",
    "TIMINGS",
    "Bound",
    "CalleeExpectation",
    "Expectation",
    "HeaderExpectation",
    "SdpExpectation",
    "parse_bound",
    "parse_duration",
    "parse_header_expectation",
]

TimingName = Literal["rrd", "srd", "pdd", "setup", "total"]
TIMINGS: tuple[TimingName, ...] = ("rrd", "srd", "pdd", "setup", "total")
"Times that can be bounded; rrd and srd are those of RFC 6076 sections 4.1 and 4.3."
FAILURES = (
    "NO_RESPONSE",
    "NO_FINAL_RESPONSE",
    "PORT_UNREACHABLE",
    "HOST_UNREACHABLE",
    "PROHIBITED",
    "NAME_RESOLUTION",
    "NO_ROUTE",
    "LOCAL_PORT",
    "TCP_REFUSED",
    "TCP_TIMEOUT",
    "CONNECTION_LOST",
    "TLS_CERTIFICATE",
    "TLS_HANDSHAKE",
    "MESSAGE_TOO_LONG",
    "UNUSABLE_ANSWER",
    "RESPONSE_DISCARDED",
    "NO_CALL",
    "NO_REQUEST",
)
"Ways to fail without a final response that a negative test may expect."


def _timing(name: str, value: object) -> Bound:
    if name not in TIMINGS:
        near = nearest(name, TIMINGS)
        raise refuse(
            name,
            f"{quoted(name)} is not a time that is measured",
            f"did you mean '{near}'?" if near else suggestion(name, TIMINGS),
        )
    bound = parse_bound(value)
    if bound.unit != "s":
        place = next(iter(value.values())) if isinstance(value, Mapping) else value
        raise refuse(
            place, f"the bound {quoted(bound.text)} lacks a unit of time", "for example: max 500ms"
        )
    return bound


class HeaderExpectation(Struct, frozen=True, kw_only=True):
    """What a header should be."""

    kind: Literal["absent", "present", "equals", "matches"]
    "How `value` is to be read."
    value: str = ""
    "The exact text, or the regular expression without its slashes."
    text: str
    "As written."
    source: Source = NOWHERE
    "Where it stands."

    def __str__(self) -> str:
        return self.text

    def check(self, values: Sequence[str]) -> bool:
        """Hold the values of all headers of that name in a message against the expectation."""
        match self.kind:
            case "absent":
                return not values
            case "present":
                return bool(values)
            case "equals":
                return any(value.strip() == self.value for value in values)
            case "matches":
                return any(re.search(self.value, value) for value in values)


def parse_header_expectation(name: str, value: object) -> HeaderExpectation:
    """Read `absent`, `present`, an exact text or a `/regular expression/`."""
    header_name(name)
    if isinstance(value, HeaderExpectation):
        return value
    written = text(value).strip()
    source = value.source if isinstance(value, Located) else NOWHERE
    if written == "absent":
        return HeaderExpectation(kind="absent", text=written, source=source)
    if written == "present":
        return HeaderExpectation(kind="present", text=written, source=source)
    if re.fullmatch(r"/.+/", written):
        try:
            re.compile(written[1:-1])
        except re.error as error:
            raise refuse(
                value,
                f"this regular expression cannot be read: {error.msg}",
                offset=(error.pos or 0) + 1,
                length=1,
            ) from None
        return HeaderExpectation(kind="matches", value=written[1:-1], text=written, source=source)
    return HeaderExpectation(kind="equals", value=written, text=written, source=source)


def _sequence(value: object) -> SequencePattern:
    if isinstance(value, SequencePattern):
        return value
    if isinstance(value, list):
        words = " ".join(str(word) for word in value if isinstance(word, str))
        raise refuse(value, "a sequence is one text, not a list", f"write: responses: {words}")
    written = text(value)
    return parse_sequence(
        value if isinstance(value, Located) else written,
        value.source
        if isinstance(value, Located)
        else Source(file="", line=1, column=1, text=written),
    )


def _sdp_address(value: object) -> str:
    import ipaddress  # noqa: PLC0415  # only an expectation on an address needs it

    written = text(value)
    if written in {"public", "private"}:
        return written
    try:
        return str(ipaddress.ip_address(written))
    except ValueError:
        near = nearest(written, ("public", "private"))
        raise refuse(
            value,
            f"{quoted(written)} is not an IP address, 'public' or 'private'",
            f"did you mean '{near}'?" if near else None,
        ) from None


class SdpExpectation(Written, frozen=True, kw_only=True):
    """What the SDP answer of the other side should hold."""

    example = "sdp: {codec: PCMU}"

    codec: Annotated[str | None, Parsed(codec_name)] = None
    "Codec that the answer puts first."
    address: Annotated[str | None, Parsed(_sdp_address)] = None
    "Address that media should go to: an IP address, 'public' or 'private'."
    direction: Annotated[
        Literal["sendrecv", "sendonly", "recvonly", "inactive"] | None,
        Parsed(choice("sendrecv", "sendonly", "recvonly", "inactive")),
    ] = None
    "Direction as the answer states it (RFC 8866 section 6.7)."


class CalleeExpectation(Written, frozen=True, kw_only=True):
    """What the INVITE should hold that reaches the called side."""

    example = 'callee: {from_user: "100"}'

    from_user: Annotated[str | None, Parsed(text)] = None
    "User part of From: the caller ID where nothing else carries it."
    from_name: Annotated[str | None, Parsed(text)] = None
    "Display name of From."
    from_host: Annotated[str | None, Parsed(text)] = None
    "Host part of From."
    to_user: Annotated[str | None, Parsed(text)] = None
    "User part of To."
    uri_user: Annotated[str | None, Parsed(text)] = None
    "User part of the Request-URI: is our number routed?"
    identity: Annotated[str | None, Parsed(text)] = None
    "User part of P-Asserted-Identity, else of Remote-Party-ID."
    diversion: Annotated[str | None, Parsed(text)] = None
    "User part of Diversion, else of the last but one History-Info: who forwarded the call."
    headers: Annotated[dict[str, HeaderExpectation], Parsed(mapped(parse_header_expectation))] = (
        field(default_factory=dict)
    )
    "Headers of the INVITE, by name."
    body: Annotated[str | None, Parsed(wanted_text)] = None
    "The body: `contains …`, a /regular expression/, `absent`, or the whole of it."
    codecs: Annotated[tuple[str, ...] | None, Parsed(several(codec_name))] = None
    "Codecs that its offer lists, in order."
    direction: Annotated[
        Literal["sendrecv", "sendonly", "recvonly", "inactive"] | None,
        Parsed(choice("sendrecv", "sendonly", "recvonly", "inactive")),
    ] = None
    "Direction of its offer (RFC 8866 section 6.7)."


def _kind_of_notify(value: object) -> object:
    """Say how `notify:` is written: as one text, or as NOTIFYs."""
    return _SEQUENCE if isinstance(value, (str, SequencePattern)) else _NOTIFYS


def _listed(value: object) -> object:
    """Return a list of NOTIFYs also where one stands alone."""
    return [value] if isinstance(value, Mapping) else value


_SEQUENCE = Annotated[SequencePattern, Parsed(_sequence)]
_NOTIFYS = Annotated[tuple[NotifyExpectation, ...], Arranged(_listed)]


class Expectation(Written, frozen=True, kw_only=True):
    """What a step expects; what is not named is not checked."""

    example = "expect: {responses: 180 200 ACK}"
    inner = Written.inner | frozenset({"agents"})

    responses: Annotated[SequencePattern | None, Parsed(_sequence)] = None
    "Responses, and requests where named, in order."
    timing: Annotated[dict[TimingName, Bound], Parsed(mapped(_timing))] = field(
        default_factory=dict
    )
    "Bounds on times in seconds."
    headers: Annotated[dict[str, HeaderExpectation], Parsed(mapped(parse_header_expectation))] = (
        field(default_factory=dict)
    )
    "Headers of the final response, by name."
    request_headers: Annotated[
        dict[str, HeaderExpectation], Parsed(mapped(parse_header_expectation))
    ] = field(default_factory=dict)
    "Headers of the request that we sent, by name."
    sdp: SdpExpectation | None = None
    "The SDP answer."
    challenge: Annotated[
        Literal["required", "absent"] | None, Parsed(choice("required", "absent"))
    ] = None
    "Whether the other side asks for credentials (401 or 407)."
    failure: Annotated[str | None, Parsed(choice(*FAILURES))] = None
    "The failure that a negative test expects instead of a final response."
    callee: CalleeExpectation | None = None
    "The INVITE that reaches the called side."
    notify: Annotated[
        SequencePattern | tuple[NotifyExpectation, ...] | None, Either(_kind_of_notify)
    ] = None
    "NOTIFYs in order; of a transfer the status codes that they tell, as a sequence."
    media: MediaExpectation | None = None
    "The audio of the call, as the agent of this step received and sent it."
    agents: dict[str, MediaExpectation] = field(default_factory=dict)
    "The audio of a talk, by agent."


class TalkExpectation(Expectation, frozen=True, kw_only=True):
    """What a talk expects: under the name of each agent, what its audio should be like."""

    example = "expect: {alice: {loss: max 0.5%}, bob: {rx_packets: min 200}}"

    @classmethod
    def arranged(cls, written: LocatedMap) -> LocatedMap:
        """Read the names of agents as keys; `media` stands for the agent that placed the call."""
        whole, agents = LocatedMap(), LocatedMap()
        for key, value in written.items():
            (whole if key == "media" else agents)[key] = value
        whole.sources = {
            path if path == "media" or path.startswith("media.") else f"agents.{path}": place
            for path, place in written.sources.items()
        }
        agents.sources = written.sources
        whole.given = {**written.given, "agents": dict(agents)}
        return whole
