"""What came of a request, as facts and in words: short, printable, without secrets."""

from collections.abc import Iterator
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

from probe.controls.exchange import Outcome
from probe.sip.message import SipMessage

_LONGEST = 160
_ECHOED = ("From", "Call-ID", "CSeq")
"""Header fields that a response copies from its request (RFC 3261 §8.2.6.2), beside Via and To."""

_WORDS = {
    "silent": "nothing came back",
    "port-closed": "no program has that UDP port (ICMP port unreachable{from_})",
    "prohibited": "a filter refuses it (ICMP{from_})",
    "unreachable": "it cannot be reached{from_}",
    "no-route": "this machine has no route to it",
    "refused": "the connection was refused",
    "closed": "the connection was taken, and closed without an answer",
    "mute": "the connection was taken, and nothing was answered",
    "no-tls": "the connection was taken, and no TLS came up",
    "not-sip": "what came back is no SIP",
    "too-long": "the network of this machine does not take a packet of that size",
    "no-address": "the local address cannot be used",
}


def printable(text: str, longest: int = _LONGEST) -> str:
    """Return a text on one line, without control characters, cut to a length."""
    clean = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(clean.split())[:longest]


def in_words(outcome: Outcome, like: str = "") -> str:
    """Say what came of a request."""
    if outcome.answer is not None:
        text = f"it answered {outcome.answer.status} after {outcome.took_s * 1000:.0f} ms"
    else:
        offender = outcome.icmp.offender if outcome.icmp else ""
        said = _WORDS.get(outcome.result, f"it failed: {outcome.words}")
        text = said.format(from_=f" from {offender}" if offender else "")
        if outcome.result in {"silent", "mute"}:
            text += f" within {outcome.took_s:.1f} s"
        if outcome.result == "no-tls" and outcome.words:
            text += f" ({outcome.words})"
        if outcome.odd:
            text += f" ({_speaks(outcome.odd)})"
    return printable(f"{text}, {like}" if like else text, 300)


def answer_facts(outcome: Outcome) -> Iterator[str]:
    """Yield what was learned, as ``name=value``."""
    if outcome.local[0]:
        yield f"local={outcome.local[0]}"
    if outcome.sent:
        yield f"size={len(outcome.sent.encode('utf-8', 'surrogateescape'))}"
    if outcome.icmp is not None:
        yield f"icmp={outcome.icmp.icmp_type}/{outcome.icmp.icmp_code}"
        yield f"offender={outcome.icmp.offender}"
    if outcome.odd:
        yield f"speaks={_speaks(outcome.odd)}"
    if outcome.words:
        yield f"words={printable(outcome.words)}"
    answer = outcome.answer
    if answer is not None:
        yield f"status={answer.status}"
        yield from _fields(answer)
        yield from _echo(outcome, answer)


def _speaks(odd: bytes) -> str:
    """Name the protocol of a few first bytes."""
    if odd[:2] in {b"\x15\x03", b"\x16\x03"}:
        return "TLS"
    for start, name in ((b"HTTP/", "HTTP"), (b"SSH-", "SSH"), (b"220 ", "SMTP or FTP")):
        if odd.startswith(start):
            return name
    return f"unknown bytes {odd[:8].hex(' ')}"


def _fields(answer: SipMessage) -> Iterator[str]:
    for name in ("Server", "User-Agent", "Allow", "Supported", "Contact", "Retry-After", "Warning"):
        value = answer.first(name)
        if value:
            yield f"{name.lower()}={printable(value)}"
    date = answer.first("Date")
    if date:
        offset = _clock_offset(date)
        yield f"date={printable(date)}"
        if offset is not None:
            yield f"clock={offset:+.0f}"


def _clock_offset(date: str) -> float | None:
    """Return by how many seconds our clock is ahead of a Date (RFC 3261 §20.17)."""
    try:
        theirs = parsedate_to_datetime(date)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if theirs.tzinfo is None:
        theirs = theirs.replace(tzinfo=timezone.utc)
    return (datetime.now(timezone.utc) - theirs).total_seconds()


def _echo(outcome: Outcome, answer: SipMessage) -> Iterator[str]:
    """Yield how they saw us (RFC 3581), and what came back other than it was sent."""
    via = (answer.first("Via") or "").split(",")[0]
    parameters = dict(part.strip().partition("=")[::2] for part in via.split(";")[1:])
    for name in ("received", "rport"):
        if name in parameters:
            yield f"{name}={printable(parameters[name].strip('[]'), 60)}"
    sent = Outcome(result="", received=outcome.sent).answer if outcome.sent else None
    if sent is None:
        return
    ours = (sent.first("Via") or "").partition(";")[0]
    if via.partition(";")[0].split() != ours.split():
        yield "altered=Via"
    for name in _ECHOED:
        theirs = answer.first(name)
        if theirs is None:
            yield f"lacks={name}"
        elif theirs.split() != (sent.first(name) or "").split():
            yield f"altered={name}"
