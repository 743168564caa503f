"""What a NOTIFY tells: the bodies of the event packages that the PBX serves.

RFC 3842 (message-summary), RFC 4235 (dialog), RFC 3856 and RFC 3863 (presence).
"""

from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

from probe.simulator.lines import Line

SUMMARY = "application/simple-message-summary"
DIALOG_INFO = "application/dialog-info+xml"
PIDF = "application/pidf+xml"


def message_summary(user: str, here: str, new: int, old: int) -> str:
    """Say how many voice messages wait."""
    waiting = "yes" if new else "no"
    return (
        f"Messages-Waiting: {waiting}\r\nMessage-Account: sip:{user}@{here}\r\n"
        f"Voice-Message: {new}/{old}\r\n"
    )


def dialog_info(user: str, here: str, lines: Iterable[Line], version: int) -> str:
    """Say what calls a user is in: the whole state, each time."""
    dialogs = "".join(_dialog(line, here) for line in lines)
    return (
        '<?xml version="1.0"?>\n<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" '
        f'version="{version}" state="full" entity={quoteattr(f"sip:{user}@{here}")}>\n'
        f"{dialogs}</dialog-info>\n"
    )


def _dialog(line: Line, here: str) -> str:
    role = "recipient" if line.outgoing else "initiator"
    remote = escape(f"sip:{line.remote}@{here}")
    return (
        f'<dialog id="{line.serial}" call-id={quoteattr(line.call_id)} direction="{role}">'
        f"<state>{line.state}</state>"
        f"<remote><identity>{remote}</identity></remote></dialog>\n"
    )


def pidf(user: str, here: str, *, is_open: bool) -> str:
    """Say whether a user can be reached."""
    basic = "open" if is_open else "closed"
    entity = quoteattr(f"sip:{user}@{here}")
    return (
        f'<?xml version="1.0"?>\n<presence xmlns="urn:ietf:params:xml:ns:pidf" entity={entity}>\n'
        f'<tuple id="registration"><status><basic>{basic}</basic></status></tuple>\n'
        "</presence>\n"
    )
