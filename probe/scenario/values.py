"""Reads the single values of a scenario: text, durations, counts, switches, words, addresses.

Each function takes what the loader found (a `Located` text, a list, a `LocatedMap` or None for
nothing) or the finished value, and raises ScenarioError placed at the characters that are wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from probe.scenario.secret import Secret
from probe.scenario.source import (
    NOWHERE,
    Problem,
    ScenarioError,
    nearest,
    quoted,
    refuse,
    suggestion,
)

T = TypeVar("T")

LONGEST_DURATION = 24 * 3600.0
"Seconds; a test call that lasts longer than a day is a slip of the pen."
CODECS = (
    "PCMU", "PCMA", "G722", "G729", "opus", "iLBC", "GSM", "speex", "G7221", "AMR", "AMR-WB", "L16",
    "telephone-event",
)  # fmt: skip
"Encoding names as SDP has them (IANA RTP payload formats); what the agent can do is its own word."

_CODEC_NICKNAMES = {
    "G711U": "PCMU", "ULAW": "PCMU", "MULAW": "PCMU", "G711": "PCMU",
    "G711A": "PCMA", "ALAW": "PCMA",
    "G729A": "G729", "G729AB": "G729", "G729B": "G729", "DTMF": "telephone-event",
    "RFC2833": "telephone-event", "RFC4733": "telephone-event",
}  # fmt: skip
_DURATION = re.compile(r"(?:\d{1,12}(?:\.\d{1,9})?\s*(?:ms|s|sec|m|min|h)\s*)+")
_DURATION_PART = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)\s*(ms|sec|s|min|m|h)(?![a-z])")
_UNITS = {"h": 3600.0, "m": 60.0, "min": 60.0, "s": 1.0, "sec": 1.0, "ms": 0.001}
_NUMBER = r"\d{1,12}(?:\.\d{1,9})?"
_ON = frozenset({"on", "yes", "true"})
_OFF = frozenset({"off", "no", "false"})
_HEADER_NAME = r"[A-Za-z0-9.!%*_+`'~-]+"
_AGENT_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")
_TARGET = re.compile(r"[A-Za-z0-9+*#_.!~'()&=$,;:?/%@\[\]-]+")
_URI = re.compile(
    r"(?P<scheme>sips?):(?:(?P<user>[^@:\s<>]+)(?P<password>:[^@\s]*)?@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_.])?)"
    r"(?::(?P<port>\d{1,5}))?(?P<rest>[;?][^\s<>]*)?",
    re.IGNORECASE,
)
_HIGHEST_PORT = 65535


def text(value: object) -> str:
    """Return a text that is not empty."""
    if not isinstance(value, str):
        found = (
            "nothing is written here"
            if value is None
            else f"expected a text, found a {_kind(value)}"
        )
        raise refuse(value, found)
    if not value.strip():
        raise refuse(value, "the text is empty")
    return str(value)


def _kind(value: object) -> str:
    if isinstance(value, Mapping):
        return "mapping (key: value)"
    return "list" if isinstance(value, (list, tuple)) else type(value).__name__


def parse_duration(value: object) -> float:
    """Return the seconds of '500ms', '2s', '1m30s' or '2 min'; a unit must be given."""
    if isinstance(value, (int, float)):
        return float(value)
    written = text(value)
    parts = _DURATION_PART.findall(written)
    if not parts or not _DURATION.fullmatch(written.strip()):
        hint = "write a number and its unit: 500ms, 2s, 1m30s, 2 min"
        if re.fullmatch(_NUMBER, written.strip()):
            raise refuse(
                value, f"the unit of {quoted(_as(value))} is missing", f"did you mean '{written}s'?"
            )
        raise refuse(value, f"{quoted(_as(value))} is not a duration", hint)
    sizes = [_UNITS[unit] for _, unit in parts]
    if sizes != sorted(set(sizes), reverse=True):
        raise refuse(
            value, f"the units of {quoted(_as(value))} are out of order", "for example: 1m30s"
        )
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if seconds > LONGEST_DURATION:
        raise refuse(value, f"{quoted(_as(value))} is longer than a day")
    return round(seconds, 9)


def _as(value: object) -> str:
    """Keep a Located text as it is, so that a secret stays hidden in messages."""
    return value if isinstance(value, str) else str(value)


def some_duration(value: object) -> float:
    """Return the seconds of a duration that is longer than nothing."""
    seconds = parse_duration(value)
    if seconds <= 0:
        raise refuse(value, "this must be longer than 0 s")
    return seconds


def whole(low: int, high: int, unit: str = "") -> Callable[[object], int]:
    """Return the reader of a whole number within bounds; the unit may stand behind it."""

    def read(value: object) -> int:
        if isinstance(value, int):
            return value
        written = text(value).strip()
        digits = written[: -len(unit)].rstrip() if unit and written.endswith(unit) else written
        if not re.fullmatch(r"[0-9]{1,12}", digits) or not low <= int(digits) <= high:
            raise refuse(value, f"{quoted(_as(value))} is not a whole number from {low} to {high}")
        return int(digits)

    return read


def seconds_whole(value: object) -> int:
    """Return whole seconds: '300', '300s' or '5m'; 1 to 4294967295 (RFC 3261 section 20.19)."""
    written = str(value).strip()
    if isinstance(value, str) and not re.fullmatch(r"[0-9]+s?", written):
        seconds = parse_duration(value)
        if seconds < 1 or seconds != int(seconds):
            raise refuse(value, f"{quoted(value)} is not a whole number of seconds")
        return int(seconds)
    return whole(1, 2**32 - 1, "s")(value)


def switch(value: object) -> bool:
    """Return what 'on' or 'off' says."""
    if isinstance(value, bool):
        return value
    word = text(value).lower()
    if word not in _ON | _OFF:
        raise refuse(value, f"{quoted(_as(value))} is neither on nor off")
    return word in _ON


def choice(*words: str) -> Callable[[object], str]:
    """Return the reader of one of these words."""

    def read(value: object) -> str:
        written = text(value)
        if written not in words:
            raise refuse(
                value,
                f"{quoted(_as(value))} is not one of {', '.join(words)}",
                f"did you mean '{near}'?" if (near := nearest(written, words)) else None,
            )
        return written

    return read


def several(read: Callable[[object], str]) -> Callable[[object], tuple[str, ...]]:
    """Return the reader of one value or a list of them; nothing means none."""

    def read_all(value: object) -> tuple[str, ...]:
        if value is None:
            return ()
        if isinstance(value, str):
            return (read(value),)
        if not isinstance(value, Sequence):
            raise refuse(value, f"expected a text or a list of texts, found a {_kind(value)}")
        return tuple(each(value, read))

    return read_all


def each(values: Sequence[object], read: Callable[[object], T]) -> Iterator[T]:
    """Read every value, then raise the problems of all of them together."""
    problems: list[Problem] = []
    for value in values:
        try:
            yield read(value)
        except ScenarioError as error:  # every problem is wanted, not the first
            problems += error.problems
    if problems:
        raise ScenarioError(problems)


def mapped(read: Callable[[str, object], T]) -> Callable[[object], dict[str, T]]:
    """Return the reader of a mapping whose entries are read by `read(key, value)`."""

    def read_all(value: object) -> dict[str, T]:
        if not isinstance(value, Mapping):
            found = "nothing" if value is None else "a text" if isinstance(value, str) else "a list"
            raise refuse(value, f"expected a mapping (key: value), found {found}")
        problems: list[Problem] = []
        entries: dict[str, T] = {}
        for key, entry in value.items():
            try:
                entries[str(key)] = read(key, entry)
            except ScenarioError as error:  # every problem is wanted
                # A list or nothing has no place of its own: its key is the nearest thing to show.
                place = getattr(key, "source", NOWHERE)
                problems += [
                    p
                    if p.source != NOWHERE
                    else Problem(source=place, message=p.message, hint=p.hint)
                    for p in error.problems
                ]
        if problems:
            raise ScenarioError(problems)
        return entries

    return read_all


def secret(value: object) -> Secret:
    """Return a password; it is never quoted in a message."""
    if isinstance(value, Secret):
        return value
    if isinstance(value, str) and value:
        return Secret(str(value))
    raise refuse(value, "a password must be a text that is not empty", "quote it")


def keyring_entry(value: object) -> str:
    """Return 'service/user', the name of an entry of the system's keyring."""
    written = text(value)
    service, _, user = written.rpartition("/")
    if service and user:
        return written
    raise refuse(
        value,
        "an entry of the keyring is written service/user",
        "for example: sipprobe/carrier-100",
    )  # what was written is not repeated: it may be the password itself


def codec(value: object) -> str:
    """Return the name of a codec in the spelling of SDP."""
    written = text(value)
    for known in CODECS:
        if written.lower() == known.lower():
            return known
    plain = re.sub(r"[^A-Z0-9]", "", written.upper())
    near = _CODEC_NICKNAMES.get(plain) or nearest(written, CODECS)
    hint = f"did you mean '{near}'?" if near else suggestion(written, CODECS)
    raise refuse(value, f"{quoted(_as(value))} is not a codec that can be named here", hint)


def header(name: str, value: object) -> str:
    """Return the value of an extra header, after a look at its name (RFC 3261 section 25.1)."""
    header_name(name)
    return text(value)


def header_name(name: object) -> str:
    """Return a header name."""
    written = text(name)
    if not re.fullmatch(_HEADER_NAME, written):
        raise refuse(name, f"{quoted(_as(name))} is not the name of a header")
    return written


def agent_name(value: object) -> str:
    """Return the name of an agent or of a trunk: letters, digits, '_' and '-'."""
    written = text(value)
    if not _AGENT_NAME.fullmatch(written):
        raise refuse(
            value, f"{quoted(_as(value))} is not a name", "use letters, digits, '_' and '-' only"
        )
    return written


def target(value: object) -> str:
    """Return a number or URI to call, as written."""
    written = text(value)
    if written.lower().startswith(("sip:", "sips:")):
        return uri(value)
    if not _TARGET.fullmatch(written):
        odd = next(i for i, char in enumerate(written) if not _TARGET.fullmatch(char))
        dialable = re.sub(r"[^0-9A-Za-z+*#]", "", written)
        raise refuse(
            value,
            f"{quoted(written[odd])} cannot be part of a number",
            f"did you mean '{dialable}'?" if dialable else None,
            offset=odd,
            length=1,
        )
    return written


def uri(value: object) -> str:
    """Return a SIP URI (RFC 3261 section 19.1) as written; it may not carry a password."""
    written = text(value)
    found = _URI.fullmatch(written)
    if not found:
        hint = "for example: sip:100@pbx.example:5060;transport=tcp"
        if (bare := _URI.fullmatch(f"sip:{written}")) and not bare["password"]:
            hint = f"did you mean 'sip:{written}'?"
        raise refuse(value, f"{quoted(_as(value))} is not a SIP URI", hint)
    if found["password"]:
        raise refuse(value, "a URI may not carry a password", "give it under 'password:'")
    if found["port"] and not 0 < int(found["port"]) <= _HIGHEST_PORT:
        begin, end = found.span("port")
        raise refuse(
            value, f"{found['port']} is not a port (1 to 65535)", offset=begin, length=end - begin
        )
    return written


def proxy(value: object) -> str:
    """Return the URI of a proxy; a bare host stands for 'sip:host'."""
    written = text(value)
    if written.lower().startswith(("sip:", "sips:")) or not _URI.fullmatch(f"sip:{written}"):
        return uri(value)
    return f"sip:{written}"


def address(value: object) -> str:
    """Return 'ip' or 'ip:port' ('[ip]:port' for IPv6) as written."""
    import ipaddress  # noqa: PLC0415  # only profiles that name an address need it

    written = text(value)
    bracketed = re.fullmatch(r"\[([^\]]*)\](?::(\d{1,5}))?", written)
    plain = re.fullmatch(r"([^:]*):(\d{1,5})", written)
    found = bracketed or plain
    host, port = (found[1], found[2]) if found else (written, None)
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise refuse(value, f"{quoted(_as(value))} is not an IP address or ip:port") from None
    if port and not 0 < int(port) <= _HIGHEST_PORT:
        raise refuse(value, f"{port} is not a port (1 to 65535)")
    return written
