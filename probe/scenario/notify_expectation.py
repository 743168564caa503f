"""What a NOTIFY should say, in the words of its event package."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated

from msgspec import field

from probe.scenario.source import quoted, refuse
from probe.scenario.values import choice, header_name, mapped, switch, text
from probe.scenario.written import Parsed, Written, fields

_COUNT = r"\d{1,9}|(?:min|max)\s+\d{1,9}|\d{1,9}\s*\.\.\s*\d{1,9}"
_STATES = ("active", "pending", "terminated")
_DIALOG_STATES = ("trying", "proceeding", "early", "confirmed", "terminated", "none")


def wanted_text(value: object) -> str:
    """Return `absent`, `present`, `contains …`, a /regular expression/, or words (`a|b`)."""
    written = text(value).strip()
    if len(written) > 2 and written[0] == written[-1] == "/":
        try:
            re.compile(written[1:-1])
        except re.error as error:
            raise refuse(
                value,
                f"this regular expression cannot be read: {error.msg}",
                offset=(error.pos or 0) + 1,
                length=1,
            ) from None
    return written


def wanted_count(value: object) -> str:
    """Return `2`, `min 1`, `max 3`, `1..3`, `present` or `absent`."""
    written = text(value).strip()
    if not (re.fullmatch(_COUNT, written) or written in {"present", "absent"}):
        raise refuse(value, f"{quoted(written)} is not a count", "for example: 2, or min 1")
    return written


def one_or_other(*words: str) -> Callable[[object], str]:
    """Return the reader of one of these words, or several with `|` between them."""
    one = choice(*words)

    def read(value: object) -> str:
        written = text(value).strip()
        if "|" in written:
            for word in written.split("|"):
                if word.strip() not in words:
                    raise refuse(value, f"{quoted(word.strip())} is not one of {', '.join(words)}")
            return written
        return one(value)

    return read


def _header(name: str, value: object) -> str:
    header_name(name)
    return wanted_text(value)


def _yes_or_no(value: object) -> str:
    return "yes" if switch(value) else "no"


WantedText = Annotated[str | None, Parsed(wanted_text)]
Count = Annotated[str | None, Parsed(wanted_count)]


class NotifyExpectation(Written, frozen=True, kw_only=True):
    """One NOTIFY; what is not named is not looked at."""

    example = "notify: [{state: active, messages_waiting: yes, voice_new: 2}]"

    state: Annotated[str | None, Parsed(one_or_other(*_STATES))] = None
    "State of the subscription: active, pending or terminated (RFC 6665 section 4.1.3)."
    reason: WantedText = None
    "Why it ended, such as timeout or noresource."
    event: WantedText = None
    "Event package."
    content_type: WantedText = None
    "Content-Type of the body, without parameters."
    body: WantedText = None
    "The body: `contains …`, a /regular expression/, `absent`, or the whole of it."
    messages_waiting: Annotated[str | None, Parsed(_yes_or_no)] = None
    "Whether messages wait: yes or no (RFC 3842 section 5.2)."
    voice_new: Count = None
    "New voice messages."
    voice_old: Count = None
    "Old voice messages."
    voice_urgent_new: Count = None
    "New urgent voice messages."
    voice_urgent_old: Count = None
    "Old urgent voice messages."
    fax_new: Count = None
    "New fax messages."
    fax_old: Count = None
    "Old fax messages."
    account: WantedText = None
    "Message-Account: whose box it is."
    dialog_state: Annotated[str | None, Parsed(one_or_other(*_DIALOG_STATES))] = None
    "State of a dialog that it tells of; none where it tells of no dialog (RFC 4235 section 4.1)."
    direction: Annotated[str | None, Parsed(one_or_other("initiator", "recipient"))] = None
    "Which side of the dialog the watched one is: initiator or recipient."
    remote: WantedText = None
    "Identity of the other side of the dialog."
    local: WantedText = None
    "Identity of the watched side of the dialog."
    entity: WantedText = None
    "Whose state it is, as the body names it."
    basic: Annotated[str | None, Parsed(one_or_other("open", "closed"))] = None
    "Presence: open or closed (RFC 3863 section 4.1.4)."
    note: WantedText = None
    "A note of the presence."
    activity: WantedText = None
    "An activity of the presence, such as on-the-phone (RFC 4480 section 3.2)."
    headers: Annotated[dict[str, str], Parsed(mapped(_header))] = field(default_factory=dict)
    "Headers of the NOTIFY, by name."

    def wanted(self) -> tuple[tuple[str, str], ...]:
        """Return what is expected as (name, wanted) pairs; a header's name begins ``header:``."""
        own = [
            (name, str(getattr(self, name)))
            for name in fields(type(self))
            if name not in {"sources", "headers"} and getattr(self, name) is not None
        ]
        return (*own, *((f"header:{name}", value) for name, value in self.headers.items()))
