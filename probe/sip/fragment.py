"""The body of a NOTIFY that tells how a transfer goes: message/sipfrag (RFC 3420)."""

import re

from probe.sip.message import SipMessage

_STATUS_LINE = re.compile(r"SIP/2\.0 ([1-6]\d\d)\b")


def fragment_status(message: SipMessage) -> int | None:
    """Return the status code that a message/sipfrag body begins with, or None."""
    found = _STATUS_LINE.match(message.body.lstrip())
    return int(found.group(1)) if found else None
