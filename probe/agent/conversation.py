"""A conversation outside calls: requests of ours under one Call-ID, written as text.

A SUBSCRIBE makes a dialog of it (RFC 6665 §4.1.2.1, RFC 3261 §12.1.2): refreshes then carry both
tags, go to the notifier's Contact, and follow its route set.
"""

import re

from msgspec import Struct

from probe.plan.action import Account
from probe.sip import chance
from probe.sip.message import SipMessage

_ADDRESS = re.compile(r"<([^>]*)>")
_FIRST_CSEQ_BITS = 15


class Content(Struct, frozen=True, kw_only=True):
    """What a request carries beside the fields of its conversation."""

    headers: tuple[tuple[str, str], ...] = ()
    "Header fields in order."

    body: str = ""
    "Body, empty for none."

    content_type: str = ""
    "Content-Type of the body; empty for none."


class Conversation:
    """Writes the requests of one Call-ID, each with the next CSeq number."""

    def __init__(self, account: Account, target: str, contact: str) -> None:
        """Begin with no dialog: the first request goes to ``target``, by the account's proxy."""
        self._account = account
        self._to = target
        self._contact = contact
        self._cseq = 1 + chance.bits(_FIRST_CSEQ_BITS)
        self._routes: tuple[str, ...] = (f"<{account.proxy}>",) if account.proxy else ()
        self.target = target
        "Request-URI of the next request."
        self.call_id = chance.token(16)
        "Its Call-ID."
        self.local_tag = chance.token(8)
        "Our tag."
        self.remote_tag = ""
        "The peer's tag, empty before there is a dialog."

    @property
    def next_hop(self) -> str:
        """The URI that decides where the next request is sent."""
        found = _ADDRESS.search(self._routes[0]) if self._routes else None
        return found[1] if found else self.target

    def write(self, method: str, content: Content) -> str:
        """Return the next request as text, without its Via: that is the stack's to add."""
        self._cseq += 1
        tag = f";tag={self.remote_tag}" if self.remote_tag else ""
        fields = [
            ("Max-Forwards", "70"),
            ("From", f"<{self._account.aor}>;tag={self.local_tag}"),
            ("To", f"<{self._to}>{tag}"),
            ("Call-ID", self.call_id),
            ("CSeq", f"{self._cseq} {method}"),
            *(("Route", route) for route in self._routes),
            ("Contact", self._contact),
            ("User-Agent", self._account.user_agent),
            *content.headers,
        ]
        if content.content_type:
            fields.append(("Content-Type", content.content_type))
        head = "".join(f"{name}: {value}\r\n" for name, value in fields)
        return f"{method} {self.target} SIP/2.0\r\n{head}\r\n{content.body}"

    def confirm(self, message: SipMessage) -> None:
        """Make the dialog of a 2xx, or of a NOTIFY that overtook it; once made, move its target."""
        theirs = message.from_tag if message.is_request else message.to_tag
        if not self.remote_tag and theirs:
            self.remote_tag = theirs
            recorded = [
                part for value in message.all("Record-Route") for part in _split_routes(value)
            ]
            self._routes = tuple(recorded if message.is_request else reversed(recorded))
        contact = _ADDRESS.search(message.first("Contact") or "")
        if theirs == self.remote_tag and contact and contact[1].lower().startswith("sip"):
            self.target = contact[1]

    def is_of(self, message: SipMessage) -> bool:
        """Whether a request of the peer belongs here: our tag, and its own once that is known."""
        return (
            message.call_id == self.call_id
            and message.to_tag == self.local_tag
            and self.remote_tag in {"", message.from_tag}
        )


def _split_routes(value: str) -> list[str]:
    """Split the value of a Record-Route field at the commas between its addresses."""
    return [part.strip() for part in re.split(r",(?=\s*(?:\"[^\"]*\"\s*)?<)", value)]
