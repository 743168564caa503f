"""What a control showed: a question of ours, put to the network after an attempt had failed.

A control is no part of the attempt. Its messages are kept inside its own event, so that no rule,
ladder or verdict can take them for the attempt's. Which controls there are is a closed vocabulary;
what each one answers is listed beside it, and a rule may rely on these words.
"""

from enum import Enum

from msgspec import Struct


class Control(Enum):
    """The questions that may be put after a failure."""

    LINT = "lint"
    "Our configured values, read again with suspicion. Nothing is sent."

    DIGEST = "digest"
    "The digest that we sent, computed again from the configured password. Nothing is sent."

    NAMES = "names"
    "The walk NAPTR, SRV, A and AAAA of the configured host (RFC 3263)."

    OPTIONS = "options"
    "One OPTIONS to a target over a transport (RFC 3261 §11); UDP with IP_RECVERR."

    TLS = "tls"
    "A TLS handshake alone: versions, chain, names, dates."

    CHALLENGE = "challenge"
    "One REGISTER without credentials: what the registrar asks for (RFC 3261 §22)."

    SLIM = "slim"
    "The same call with a small INVITE. Paid: it may be answered."

    E164 = "e164"
    "The same call to the number in +E.164 form. Paid."

    G711 = "g711"
    "The same call with G.711 alone. Paid."

    WITHOUT_SRTP = "without-srtp"
    "The same call with plain RTP. Paid."

    OTHER_TRANSPORT = "other-transport"
    "The same call over another transport. Paid."

    @property
    def paid(self) -> bool:
        """Whether it places a call, which may cost money, and so is never run unasked."""
        return self in _PAID


_PAID = frozenset(
    {
        Control.SLIM,
        Control.E164,
        Control.G711,
        Control.WITHOUT_SRTP,
        Control.OTHER_TRANSPORT,
    }
)


class ControlRan(Struct, frozen=True, kw_only=True, tag=True, tag_field="type"):
    """One control and what came of it."""

    at: float
    "Seconds since the start of the trace, when it began."

    control: Control
    "Which question."

    target: str
    "What was asked, e.g. ``udp 192.0.2.1:5060`` or ``sip.example.com``."

    result: str
    "The outcome in one word of the control's own list (docs/explanations.md)."

    detail: str
    "The outcome in words, without secrets."

    facts: tuple[str, ...] = ()
    "What was learned, as ``name=value``; a name may stand several times."

    took_s: float = 0.0
    "Duration in seconds."

    messages: tuple[str, ...] = ()
    "SIP messages sent and received by the control, in order."

    def fact(self, name: str) -> str | None:
        """Return the first value of a fact, or None."""
        return next(iter(self.all(name)), None)

    def all(self, name: str) -> tuple[str, ...]:
        """Return every value of a fact, in order."""
        start = f"{name}="
        return tuple(fact[len(start) :] for fact in self.facts if fact.startswith(start))
