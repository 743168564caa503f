"""What one finding shows, in values that can be held against those of another run.

The report says what was judged; the trace, where the run still has it, says the rest.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct, field

from probe.comparison.headers import fields_of
from probe.sip.sdp import MediaDescription, address_class
from probe.trace.control import Control, ControlRan
from probe.trace.route import DnsAnswer, NextHop
from probe.trace.trace import MessageReceived, NameLookup, Trace, TransportChanged

_NOISE = ("ACK", "OPTIONS", "NOTIFY")
"""Requests of the other side that come by its own clock or follow from ours."""

_OF_THE_FINAL = frozenset({"headers", "sdp", "address"})

_EMBEDDED_SRV = re.compile(r"^(\d+ \d+) \d+ (\S+\.embedded\.)$")
"""A record of the embedded trunk's own names: its port is another in each run."""

_CERTIFICATE = {"issuer": "issuer", "san": "names", "not_after": "certificate ends"}
"""What a handshake after a failure tells of a certificate, and how it is called here."""

Fact = tuple[str, str]
"""An aspect and a name within it, e.g. headers and server."""


class Sample(Struct, frozen=True, kw_only=True):
    """One finding, as it is compared."""

    outcome: str
    "MET, NOT_MET or INCONCLUSIVE."

    sequence: str
    "The responses, without 100, and what ended the attempt where no response did."

    final: int | None
    "The final response, or None."

    facts: Mapping[Fact, str] = field(default_factory=dict)
    "What the trace shows."

    seconds: Mapping[str, float] = field(default_factory=dict)
    "Delays by their name in the report (pdd_s …)."

    heard: int | None = None
    "RTP packets that came, or None where no sound was to come."

    traced: bool = False
    "Whether the trace was there."


def observe(told: Mapping[str, Any], trace: Trace | None) -> Sample:
    """Return what is compared of a finding of report.json and of the trace that decided it.

    Raise KeyError or TypeError where it is no finding.
    """
    codes = [int(code) for code in told["responses"]]
    facts = {} if trace is None else dict(_facts(trace))
    streams = told.get("media") or []
    return Sample(
        outcome=str(told["outcome"]),
        sequence=_sequence(codes, told),
        final=codes[-1] if codes and codes[-1] >= 200 else None,
        facts=facts,
        seconds={k: float(v) for k, v in told["timing"].items() if v is not None},
        heard=sum(int(stream["rx_packets"]) for stream in streams) if streams else None,
        traced=trace is not None,
    )


def of_the_final(fact: Fact) -> bool:
    """Whether a fact is one of the final response, and comparable only among equal ones."""
    return fact[0] in _OF_THE_FINAL


def _sequence(codes: list[int], told: Mapping[str, Any]) -> str:
    """Return the responses in short.

    A 100 is sent by whoever stands next to us, and only where the rest takes more than 200 ms
    (RFC 3261 §17.2.1): whether it comes says nothing of the call.
    """
    shown = [str(code) for code in codes if code != 100] or [str(code) for code in codes]
    text = " ".join(shown) or "no response"
    failure = told.get("failure")
    return f"{text}, then {str(failure).replace('_', ' ')}" if failure else text


def _facts(trace: Trace) -> Iterator[tuple[Fact, str]]:
    """Yield every fact of a trace."""
    if not trace.serving:
        yield ("requests", "of the other side"), _requests(trace)
    asked = {str(trace.message(index).status) for index in trace.answered_challenges()}
    yield ("login", "asked for"), " ".join(sorted(asked)) or "no"
    final = trace.final()
    if final is not None:
        message = trace.message(final.index)
        for name, value in fields_of(message).items():
            yield ("headers", name), value
    if trace.method == "INVITE" and not trace.serving:
        yield from _session(trace)
    yield from _tls(trace)
    yield from _route(trace)


def _requests(trace: Trace) -> str:
    """Return the methods of the other side's requests in order, those left out that are noise."""
    theirs = [
        message.method
        for _, event, message in trace.messages()
        if isinstance(event, MessageReceived)
        and not event.retransmission
        and message.method is not None
        and message.method not in _NOISE
    ]
    return " ".join(theirs) or "none"


def _session(trace: Trace) -> Iterator[tuple[Fact, str]]:
    """Yield what the answer of the session says, and whether sound was offered before it."""
    bodies = [(r.status, trace.message(r.index).sdp) for r in trace.responses()]
    early = any(s < 200 and sdp is not None for s, sdp in bodies)
    yield ("sdp", "early media"), "yes" if early else "no"
    answers = [sdp for status, sdp in bodies if sdp is not None and status < 300]
    answer = answers[-1] if answers else None
    yield ("sdp", "answer"), "there" if answer is not None else "missing"
    if answer is not None:
        yield ("sdp", "media"), " ".join(section.kind for section in answer.media) or "none"
    for place, section in enumerate(answer.media if answer is not None else (), 1):
        kind = section.kind or "media"
        yield from _section(section, kind if place == 1 else f"{kind} {place}")


def _section(section: MediaDescription, called: str) -> Iterator[tuple[Fact, str]]:
    """Yield what one section of an answer says; never a key."""
    yield ("sdp", f"{called} codecs"), " ".join(section.codecs) or "none"
    yield ("sdp", f"{called} direction"), section.direction
    yield ("sdp", f"{called} profile"), section.profile
    yield ("sdp", f"{called} port"), "refused by port 0" if section.port == 0 else "open"
    values: dict[str, list[str]] = {}
    for name, value in section.attributes:
        values.setdefault(name, []).append(value)
    for name in ("ptime", "maxptime", "setup"):
        yield ("sdp", f"{called} {name}"), " ".join(values.get(name, [])) or "absent"
    suites = [suite for value in values.get("crypto", []) for suite in value.split()[1:2]]
    yield ("sdp", f"{called} SRTP suites"), " ".join(suites) or "none"
    yield ("sdp", f"{called} address class"), address_class(section.address)
    yield ("address", f"{called} address"), section.address or "none"


def _tls(trace: Trace) -> Iterator[tuple[Fact, str]]:
    """Yield what a TLS handshake of the attempt showed."""
    for event in trace.events:
        if isinstance(event, TransportChanged) and event.tls:
            yield ("tls", "protocol"), event.tls
        if isinstance(event, TransportChanged) and event.transport == "TLS":
            yield ("tls", "certificate"), "; ".join(sorted(event.certificate)) or "accepted"
        if isinstance(event, ControlRan) and event.control is Control.TLS:
            for name, words in _CERTIFICATE.items():
                if values := event.all(name):
                    yield ("tls", words), ", ".join(values)


def _route(trace: Trace) -> Iterator[tuple[Fact, str]]:
    """Yield what DNS answered, and which servers were left for the next one."""
    left = []
    for event in trace.events:
        if isinstance(event, DnsAnswer):
            records = sorted(_EMBEDDED_SRV.sub(r"\1 … \2", record) for record in event.records)
            yield ("route", f"{event.kind} {event.name}"), ", ".join(records) or event.code
        elif isinstance(event, NameLookup):
            addresses = ", ".join(sorted(event.addresses)) or event.error or "none"
            yield ("route", f"address of {event.name}"), addresses
        elif isinstance(event, NextHop) and event.left:
            left.append(f"{event.host} {event.transport}")
    yield ("route", "servers left for the next"), ", ".join(sorted(set(left))) or "none"
