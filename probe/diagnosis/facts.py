"""The values into which a case is read: the deciding response, a Reason, how far a login came."""

import re

from msgspec import Struct

from probe.sip.challenge import AuthField
from probe.sip.message import SipMessage

_ONE_VALUE = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*")+')
"One value of a comma-separated header field; a quoted string may hold commas."
_LONGEST_FIELD = 2000
"Characters of a header field that are looked at."


class Reply(Struct, frozen=True, kw_only=True):
    """The final response that decides the attempt."""

    index: int
    "Index of the event."

    at: float
    "Seconds on the trace's clock."

    status: int
    "Status code, 200 to 699."

    phrase: str
    "Reason phrase as written."

    message: SipMessage
    "The parsed view."

    request: int
    "Index of the request that it answers."

    ours: bool = False
    "Whether our side sent it, as a PBX does on an incoming call."


class ReasonValue(Struct, frozen=True, kw_only=True):
    """One value of a Reason header field (RFC 3326)."""

    protocol: str
    "SIP, Q.850, STIR … in upper case."

    cause: int | None
    "The cause, or None where there is none."

    text: str
    "The text parameter, empty where there is none."

    index: int
    "Index of the message that carries it."


class Login(Struct, frozen=True, kw_only=True):
    """How far the digest login of the method under test came (RFC 3261 §22)."""

    challenges: tuple[int, ...]
    "Indices of 401 and 407 responses, in order."

    sent: tuple[int, ...]
    "Indices of our requests that carry credentials."

    fields: tuple[AuthField, ...]
    "Every Digest challenge, in order."

    decided_after: bool
    "Whether the deciding response answers a request with credentials."

    again: bool
    "Whether a challenge came back to a request with credentials."

    stale_again: bool
    "Whether every challenge to our credentials says stale=true."

    @property
    def realms(self) -> tuple[str, ...]:
        """The realms asked for, each once, in order."""
        return tuple(dict.fromkeys(challenge.realm for challenge in self.fields))


def reason_values(field: str, index: int) -> tuple[ReasonValue, ...]:
    """Return the values of one Reason header field (RFC 3326, several by RFC 9366)."""
    return tuple(
        _reason_value(one, index)
        for one in _ONE_VALUE.findall(field[:_LONGEST_FIELD])
        if one.strip()
    )


def _reason_value(value: str, index: int) -> ReasonValue:
    protocol, _, parameters = value.partition(";")
    cause = re.search(r"\bcause\s*=\s*\"?(\d{1,6})", parameters, re.IGNORECASE)
    text = re.search(r"\btext\s*=\s*\"((?:[^\"\\]|\\.)*)\"", parameters, re.IGNORECASE)
    return ReasonValue(
        protocol=protocol.strip().upper(),
        cause=int(cause.group(1)) if cause else None,
        text=text.group(1) if text else "",
        index=index,
    )
