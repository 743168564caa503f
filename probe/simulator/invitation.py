"""What a call brings along, and how the INVITE of its next leg is written."""

import secrets

from msgspec import Struct
from msgspec.structs import replace
from sipmessage import Request

from probe.simulator.answers import ALLOW
from probe.simulator.legs import SDP, SUPPORTED
from probe.simulator.messages import build, text_of, written_user
from probe.simulator.relayed import Fields, content_type_of, fields_of, supports_timer
from probe.simulator.transport import Flow
from probe.simulator.users import OUTSIDE, USERS

ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>'
"""Who calls where the caller wants not to be shown (RFC 3323 §4.1.1.3)."""

_DEFAULT_HOPS = 70


class Target(Struct, frozen=True, kw_only=True):
    """One place to ring."""

    uri: str
    "The Request-URI."

    flow: Flow
    "The way to it."

    user: str
    "The extension, or the number of the PBX's own that is called."


class Invitation(Struct, frozen=True, kw_only=True):
    """A call as its next leg sees it."""

    caller: str
    "The extension of the caller; the number shown where the caller is outside."

    name: str
    "The caller's display name; may be empty."

    hidden: bool = False
    "Whether the caller's identity is withheld (Privacy, RFC 3323)."

    outside: bool = False
    "Whether the call came from outside; then P-Asserted-Identity names the caller (RFC 3325)."

    dialled: str
    "What was dialled."

    body: str
    "The offer; empty for a late one."

    content_type: str = SDP
    "Its media type."

    fields: Fields = ()
    "Header fields that pass through."

    timer: bool = False
    "Whether the caller can do session timers."

    hops: int = _DEFAULT_HOPS
    "Max-Forwards of the next leg."

    def diverted(self, here: str, reason: str) -> "Invitation":
        """Return the call as it goes on from the one who was dialled first (RFC 5806)."""
        field = ("Diversion", f"<sip:{self.dialled}@{here}>;reason={reason}")
        others = tuple(entry for entry in self.fields if entry[0] != "Diversion")
        return replace(self, fields=(*others, field))

    def to(self, target: Target) -> Request:
        """Write the INVITE of a new leg."""
        flow = target.flow
        shown = f'"{self.name}" ' if self.name else ""
        who = f"<sip:{self.caller}@{flow.here}>"
        asserted: Fields = (("P-Asserted-Identity", f"{shown}{who}"),) if self.outside else ()
        privacy: Fields = (("Privacy", "id"),) if self.hidden else ()
        return build(
            "INVITE",
            target.uri,
            (
                ("Max-Forwards", str(self.hops)),
                ("From", f"{ANONYMOUS if self.hidden else shown + who};tag={secrets.token_hex(8)}"),
                ("To", f"<sip:{target.user}@{flow.here}>"),
                ("Call-ID", f"{secrets.token_hex(12)}@{flow.local[0]}"),
                ("CSeq", "1 INVITE"),
                ("Contact", flow.contact),
                ("Allow", ALLOW),
                ("Supported", SUPPORTED if self.timer else SUPPORTED.replace("timer, ", "")),
                *(privacy if self.hidden else asserted),
                *self.fields,
            ),
            body=self.body,
            content_type=self.content_type,
        )


def invitation_of(request: Request, caller: str, dialled: str) -> Invitation:
    """Return what an INVITE asks for; ``caller`` is the user whose credentials it carries.

    Users of the house show their extension and name, whatever their From says; the world outside
    shows what it likes.
    """
    address = request.from_address
    outside = caller == OUTSIDE
    own = caller in USERS and not outside
    privacy = (request.headers.get("Privacy") or "").lower().replace(" ", "").split(";")
    return Invitation(
        caller=caller if own else written_user(address.uri.user or caller or "anonymous"),
        name=USERS[caller] if own else _plain(address.name or ""),
        hidden=bool({"id", "user", "header"} & set(privacy)) or _is_anonymous(request),
        outside=outside,
        dialled=written_user(dialled),
        body=text_of(request),
        content_type=content_type_of(request) or SDP,
        fields=fields_of(request),
        timer=supports_timer(request),
        hops=(_DEFAULT_HOPS if request.max_forwards is None else request.max_forwards) - 1,
    )


def _is_anonymous(request: Request) -> bool:
    return (request.from_address.uri.host or "").lower() == "anonymous.invalid"


def _plain(name: str) -> str:
    """Return a display name that fits between quotes."""
    return "".join(c for c in name if c.isprintable() and c not in '"\\<>')
