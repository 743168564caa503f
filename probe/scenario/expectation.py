"""What a step expects: a sequence, bounds on times, headers, the SDP answer, a challenge."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from probe.scenario.notify_expectation import NotifyExpectation, wanted_text
from probe.scenario.sequence import SequencePattern, parse_sequence
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
from probe.scenario.written import Parsed, Written

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

_NUMBER = r"\d{1,12}(?:\.\d{1,9})?"
_QUANTITY = rf"{_NUMBER}(?:\s*(?:%|[a-z]+))?(?:\s*{_NUMBER}\s*[a-z]+)*"
_BOUND = re.compile(
    rf"(?:(?P<word>max|min)\s+(?P<one>{_QUANTITY})|(?P<low>{_QUANTITY})\s*\.\.\s*(?P<high>{_QUANTITY}))"
)
_COMPARISON = re.compile(rf"(?P<sign>[<>]=?|≤|≥)\s*(?P<rest>{_QUANTITY})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """Limits of a measured value, both ends included."""

    min: float | None = None
    "Lowest value that holds."
    max: float | None = None
    "Highest value that holds."
    warn: float | None = None
    "Beyond this (towards `max`; towards `min` where only that is given) the value holds barely."
    text: str = ""
    "As written."
    unit: Literal["s", "%", ""] = "s"
    "Unit of the three numbers; '' for a plain number."
    source: Source = NOWHERE
    "Where it stands."

    def __str__(self) -> str:
        return self.text

    def check(self, value: float) -> Literal["ok", "warn", "fail"]:
        """Hold a measured value against the limits; a value that is not a number fails."""
        above = self.min is None or value >= self.min
        below = self.max is None or value <= self.max
        if not (above and below) or value != value:  # noqa: PLR0124  # only NaN differs from itself
            return "fail"
        if self.warn is None:
            return "ok"
        downwards = self.max is None and self.min is not None
        return "warn" if (value < self.warn if downwards else value > self.warn) else "ok"


def parse_bound(value: object) -> Bound:
    """Read `max 3s`, `min 3.8`, `8s..16s` or a mapping of min, max and warn."""
    if isinstance(value, Bound):
        return value
    if isinstance(value, Mapping):
        return _bound_of_mapping(value)
    written = text(value)
    found = _BOUND.fullmatch(written.strip())
    if not found:
        hint = "write 'max 3s', 'min 3.8', '8s..16s' or {max: 4s, warn: 2s}"
        if comparison := _COMPARISON.fullmatch(written.strip()):
            word = "max" if comparison["sign"] in "<=≤" else "min"
            hint = f"did you mean '{word} {comparison['rest']}'?"
        elif re.fullmatch(_QUANTITY, written.strip()):
            hint = f"did you mean 'max {written.strip()}'?"
        raise refuse(value, f"{quoted(written)} is not a bound", hint)
    limits = {"min": found["low"], "max": found["high"]}
    if found["word"]:
        limits[found["word"]] = found["one"]
    return _bound({k: (v, value) for k, v in limits.items() if v}, value, written)


def _bound_of_mapping(value: Mapping[str, object]) -> Bound:
    words = ("min", "max", "warn")
    problems = [
        Problem(
            source=getattr(key, "source", NOWHERE),
            message=f"unknown key {quoted(key)} in a bound",
            hint=suggestion(key, words),
        )
        for key in value
        if key not in words
    ]
    if problems:
        raise ScenarioError(problems)
    limits = {str(key): (text(entry).strip(), entry) for key, entry in value.items()}
    if not limits:
        raise refuse(value, "this bound has no limit", "for example: {max: 4s, warn: 2s}")
    written = ", ".join(f"{word} {limits[word][0]}" for word in words if word in limits)
    first = next(iter(value.values()))
    return _bound(limits, first, written)


def _bound(limits: Mapping[str, tuple[str, object]], value: object, written: str) -> Bound:
    numbers: dict[str, float] = {}
    units: set[Literal["s", "%", ""]] = set()
    for word, (quantity, place) in limits.items():
        numbers[word], unit = _quantity(quantity, place)
        units.add(unit)
    if len(units) > 1:
        raise refuse(value, f"the limits of {quoted(written)} have different units")
    low, high, warn = (numbers.get(word) for word in ("min", "max", "warn"))
    if low is not None and high is not None and low > high:
        raise refuse(value, f"{quoted(written)} can never be met: its lowest is above its highest")
    if warn is not None and not (low or 0) <= warn <= (warn if high is None else high):
        raise refuse(limits["warn"][1], "'warn' lies outside the bound, so it could never be seen")
    return Bound(
        min=low,
        max=high,
        warn=warn,
        text=written,
        unit=units.pop(),
        source=value.source if isinstance(value, Located) else NOWHERE,
    )


def _quantity(quantity: str, place: object) -> tuple[float, Literal["s", "%", ""]]:
    if re.fullmatch(_NUMBER, quantity):
        return float(quantity), ""
    if re.fullmatch(rf"{_NUMBER}\s*%", quantity):
        return float(quantity.rstrip("% ")), "%"
    try:
        return parse_duration(quantity), "s"
    except ScenarioError as error:
        problem = error.problems[0]
        raise refuse(place, problem.message, problem.hint) from None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderExpectation:
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


class SdpExpectation(Written):
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


class CalleeExpectation(Written):
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
        Field(default_factory=dict)
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


def _kind_of_notify(value: object) -> str:
    """Say how `notify:` is written: as one text, or as NOTIFYs."""
    return "sequence" if isinstance(value, (str, SequencePattern)) else "list"


def _listed(value: object) -> object:
    """Return a list of NOTIFYs also where one stands alone."""
    return [value] if isinstance(value, Mapping) else value


class Expectation(Written):
    """What a step expects; what is not named is not checked."""

    example = "expect: {responses: 180 200 ACK}"
    later: ClassVar[Mapping[str, str]] = {
        "media": "audio quality",
        "heard": "audio quality",
        "loss": "audio quality",
        "jitter": "audio quality",
        "mos": "audio quality",
        "dtmf": "digits that were heard",
    }

    responses: Annotated[SequencePattern | None, Parsed(_sequence)] = None
    "Responses, and requests where named, in order."
    timing: Annotated[dict[TimingName, Bound], Parsed(mapped(_timing))] = Field(
        default_factory=dict
    )
    "Bounds on times in seconds."
    headers: Annotated[dict[str, HeaderExpectation], Parsed(mapped(parse_header_expectation))] = (
        Field(default_factory=dict)
    )
    "Headers of the final response, by name."
    request_headers: Annotated[
        dict[str, HeaderExpectation], Parsed(mapped(parse_header_expectation))
    ] = Field(default_factory=dict)
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
    notify: (
        Annotated[
            Annotated[SequencePattern, Parsed(_sequence), Tag("sequence")]
            | Annotated[tuple[NotifyExpectation, ...], BeforeValidator(_listed), Tag("list")],
            Discriminator(_kind_of_notify),
        ]
        | None
    ) = None
    "NOTIFYs in order; of a transfer the status codes that they tell, as a sequence."
