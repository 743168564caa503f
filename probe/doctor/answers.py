"""What the trunk's own places said to one OPTIONS each: reached, seen through NAT, rewritten."""

from collections.abc import Sequence

from msgspec import Struct

from probe.doctor.check import Check, fault, ok, unchecked, warning
from probe.sip.sdp import address_class

_HARD = frozenset({"port-closed", "refused", "unreachable", "no-route", "prohibited", "no-address"})
"""Results of OPTIONS that say for certain that nobody is there, or that nothing can leave."""

_STRANGERS = (
    "Place a call to be sure: some trunks do not answer OPTIONS. If that is silent too, let the "
    "firewall pass."
)


class Answer(Struct, frozen=True, kw_only=True):
    """What came of OPTIONS to one place."""

    target: str
    "The place in words, e.g. ``udp 192.0.2.1:5060``."

    result: str
    "The outcome in one word (docs/explanations.md), answered where a response came."

    words: str
    "The outcome in words."

    facts: tuple[str, ...] = ()
    "What was learned, as ``name=value``."

    local: tuple[str, int] = ("", 0)
    "Where the request left from."

    def fact(self, name: str) -> str | None:
        """Return the value of a fact, or None."""
        start = f"{name}="
        return next((f[len(start) :] for f in self.facts if f.startswith(start)), None)


def reached(answers: Sequence[Answer]) -> tuple[Check, ...]:
    """Check each place; one that answers is enough for calls."""
    if not answers:
        return (unchecked("OPTIONS", "there is no address to ask"),)
    some = any(answer.result == "answered" for answer in answers)
    return tuple(_reached(answer, others=some) for answer in answers)


def _reached(answer: Answer, *, others: bool) -> Check:
    said = f"{answer.target}: {answer.words}"
    if answer.result == "answered":
        server = answer.fact("server") or answer.fact("user-agent")
        return ok("OPTIONS", f"{said}, {server}" if server else said)
    if others:
        return warning("OPTIONS", said, "Another place answers; tell the provider of this one.")
    if answer.result in _HARD or answer.result.startswith("no-tls"):
        return fault(
            "OPTIONS", said, "Check host, port and transport in `uri:`; they lead to this place."
        )
    return warning("OPTIONS", said, _STRANGERS)


def nat(answers: Sequence[Answer]) -> Check:
    """Check whether they see us where we are (RFC 3581)."""
    answer = next((a for a in answers if a.result == "answered"), None)
    if answer is None:
        return unchecked("NAT", "nothing answered")
    host, port = answer.local
    seen, seen_port = answer.fact("received"), answer.fact("rport")
    if seen is None and not seen_port:
        return unchecked("NAT", "the answer does not say where they see us (no received, no rport)")
    there = _shown(seen or host, seen_port or port)
    here = _shown(host, port)
    if there == here:
        return ok("NAT", f"none: they see us where we are, at {here}")
    return warning(
        "NAT",
        f"we are at {here}, and they see us at {there}",
        "Calls out should work; calls in need a registration, and audio a trunk that answers to "
        "where it comes from.",
    )


def _shown(host: str, port: int | str) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def rewriting(answers: Sequence[Answer]) -> Check:
    """Check for signs of something on the way that rewrites SIP (a SIP ALG)."""
    answer = next((a for a in answers if a.result == "answered"), None)
    if answer is None:
        return unchecked("SIP ALG", "nothing answered")
    altered = [f[len("altered=") :] for f in answer.facts if f.startswith("altered=")]
    if altered:
        return warning(
            "SIP ALG",
            f"{', '.join(altered)} came back other than we sent it: something on the way rewrites "
            "SIP",
            "Switch SIP ALG (also: SIP helper, SIP passthrough) off in the router, or use TLS.",
        )
    if address_class(answer.local[0]) == "loopback":
        return ok("SIP ALG", "the trunk is on this machine: nothing is between")
    if answer.target.startswith("tls"):
        return ok("SIP ALG", "over TLS nothing on the way can rewrite our messages")
    return unchecked(
        "SIP ALG",
        "Via, From, Call-ID and CSeq came back unchanged; whether a router rewrites Contact or SDP "
        "shows only where the far side echoes them",
    )
