"""What passes from one leg of a call to the other, and how it is changed on the way.

A back-to-back user agent keeps Call-ID, tags, CSeq, Via, routes and Contact of each leg apart
(RFC 7092); what belongs to the call itself goes through.
"""

import re

from sipmessage import Request, Response

from probe.simulator.answers import PHRASES, Answer
from probe.simulator.messages import text_of

_REQUEST_FIELDS = (
    "Alert-Info", "Answer-Mode", "Call-Info", "Content-Disposition", "Info-Package", "Min-SE",
    "Reason", "Referred-By", "Session-Expires", "Subject", "User-to-User",
)  # fmt: skip
_RESPONSE_FIELDS = (
    "Accept", "Alert-Info", "Call-Info", "Content-Disposition", "Min-SE", "P-Early-Media", "Reason",
    "Recv-Info", "Retry-After", "Session-Expires", "Unsupported", "User-to-User", "Warning",
)  # fmt: skip
_DIRECTION = re.compile(r"^a=(?:sendrecv|sendonly|recvonly|inactive)\r?\n", re.MULTILINE)
_ORIGIN = re.compile(r"^o=(?P<user>\S+) (?P<session>\d+) (?P<version>\d+) ", re.MULTILINE)

Fields = tuple[tuple[str, str], ...]
"""Header fields in order."""


def fields_of(message: Request | Response) -> Fields:
    """Return the header fields of a message that the other leg gets as well.

    `X-` fields go through, too: they are how test calls are told apart.
    """
    names = _REQUEST_FIELDS if isinstance(message, Request) else _RESPONSE_FIELDS
    own = [name for name in message.headers.keys() if name.lower().startswith("x-")]  # noqa: SIM118
    found = [(name, value) for name in (*names, *own) for value in message.headers.getlist(name)]
    if "timer" in (tag.lower() for tag in message.require):
        found.append(("Require", "timer"))
    return tuple(found)


def supports_timer(message: Request | Response) -> bool:
    """Whether a party can do session timers (RFC 4028)."""
    return "timer" in (tag.lower() for tag in message.supported)


def content_type_of(message: Request | Response) -> str:
    """Return the media type of a body as it is written."""
    return message.headers.get("Content-Type") or ""


def answer_from(response: Response | None, *extra: tuple[str, str], body: bool = True) -> Answer:
    """Return a response of one leg as the other gets it; None is a 408 (RFC 3261 §8.1.3.1)."""
    if response is None:
        return Answer(code=408, phrase=PHRASES[408])
    phrase = response.phrase or PHRASES.get(response.code, "")
    text = text_of(response) if body else ""
    return Answer(
        code=response.code,
        phrase=phrase,
        headers=(*extra, *fields_of(response)),
        body=text,
        content_type=content_type_of(response),
    )


def as_offer(description: str) -> str:
    """Return a party's last description as an offer to somebody new: no hold is handed on."""
    return _DIRECTION.sub("", description)


class Origin:
    """Keeps the o= line that a party sees one session, whoever speaks to it (RFC 3264 §8)."""

    def __init__(self) -> None:
        """Pass descriptions on as they are until somebody else speaks."""
        self._first: tuple[str, str] | None = None
        self._version = 0
        self._last = ""
        self._taken_over = False

    def take_over(self) -> None:
        """From now on somebody else speaks to the party."""
        self._taken_over = True

    def shown(self, description: str) -> str:
        """Return a description as the party may see it."""
        found = _ORIGIN.search(description)
        if found is None:
            return description
        if self._first is None or not self._taken_over:
            self._first = (found["user"], found["session"])
            self._version, self._last = int(found["version"]), description
            return description
        if description != self._last:
            self._version, self._last = self._version + 1, description
        user, session = self._first
        return (
            f"{description[: found.start()]}o={user} {session} {self._version} "
            f"{description[found.end() :]}"
        )
