"""What an agent is told to do: plain values without expectations, small enough for a worker.

This module imports no models of files and no YAML, because every worker process imports it.
"""

import re
from typing import Any

from msgspec import Struct

ODD_CHARACTER = re.compile(
    r"^\s|\s$|[\u00a0\u2007\u202f\u200b-\u200f\u2018-\u201f\ufeff\x00-\x1f\x7f]"
)
"""What a value that was copied from a page or a mail carries beside its letters."""


class Account(Struct, frozen=True, kw_only=True, tag=True, tag_field="type"):
    """One user agent's identity, credentials and transport, fully resolved."""

    name: str
    "Name of the agent in the scenario; ``trunk`` for the trunk's own account."

    aor: str
    "Address of record, e.g. ``sip:100@pbx.example``."

    registrar: str
    "Request-URI of REGISTER, e.g. ``sip:pbx.example:5060;transport=tcp``."

    host: str
    "Host of the next hop as written: a name or an address (IPv6 without brackets)."

    port: int | None
    "Port of the next hop as written, or None."

    transport: str
    "UDP, TCP or TLS."

    user: str
    "User part of the address of record."

    auth_user: str
    "Digest user name."

    password: str | None = None
    "Digest password, or None. Never printed."

    realm: str = "*"
    "Digest realm to answer; ``*`` for any."

    any_transport: bool = False
    """Whether DNS chooses the transport (RFC 3263 §4.1), because the URI names none: no parameter,
    no port, no sips:, and a host name. ``transport`` is what is taken where DNS says nothing."""

    proxy: str | None = None
    "Outbound proxy URI with ``;lr``, or None."

    nameserver: str | None = None
    "Resolver to ask, ``ip`` or ``ip:port``; None for the system's."

    local_address: str | None = None
    "Address to bind, as ``ip``, ``ip:port`` or ``[ip]:port``; None for the one that routes there."

    ca_file: str | None = None
    "PEM file of trusted issuers, or None for the system's."

    verify: bool = True
    "Whether the TLS server is verified."

    client_cert: str | None = None
    "PEM certificate shown to the server, or None."

    client_key: str | None = None
    "PEM key of client_cert, or None."

    tls_min: str | None = None
    "Lowest TLS version accepted: 1.0, 1.1, 1.2, 1.3; None for 1.2."

    codecs: tuple[str, ...] = ("PCMU", "PCMA")
    "Encoding names to offer, in order; telephone-event is added."

    srtp: str = "off"
    "off, optional or required (keys in the SDP, RFC 4568), or dtls (RFC 5763)."

    ptime: int | None = None
    "Packet time in ms, or None for the codec's default."

    numbers: tuple[str, ...] = ()
    "Our own numbers: caller IDs that are ours, and destinations that lead back to us."

    caller_id: str | None = None
    "User or URI for From instead of the address of record, or None."

    headers: tuple[tuple[str, str], ...] = ()
    "Extra header fields on REGISTER and INVITE."

    user_agent: str = "sipprobe"
    "User-Agent value."

    expires: int = 300
    "Registration interval asked for, in seconds."

    session_timer: str | None = None
    "off, optional, required; None for off."

    prack: str | None = None
    "off, optional, required; None for off."

    awaited: tuple[str, ...] = ()
    "Requests that steps wait for, answered 200: ``INFO``, ``NOTIFY check-sync``."

    embedded: bool = False
    "Whether the peer is our own embedded trunk."

    site: str = ""
    "Site of a fleet at which it is; empty for any."

    @property
    def bound(self) -> tuple[str, int] | None:
        """Address (IPv6 without brackets) and port that are to be bound; port 0 is any."""
        if self.local_address is None:
            return None
        host, colon, port = self.local_address.rpartition(":")
        if colon and port.isdigit() and ("]" in host or ":" not in host):
            return host.strip("[]"), int(port)
        return self.local_address.strip("[]"), 0

    @property
    def bound_host(self) -> str | None:
        """The address alone, None where the system chooses."""
        return self.bound[0] if self.bound else None

    def __repr__(self) -> str:
        """Show the identity only: an account never prints its password."""
        return f"Account(name={self.name!r}, aor={self.aor!r}, transport={self.transport!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Show no more where rich prints it."""
        return [("name", self.name), ("aor", self.aor), ("transport", self.transport)]


class Hear(Struct, frozen=True, kw_only=True):
    """What an agent listens for in a call. Digits of RFC 4733 are heard always."""

    sound: bool = False
    "Whether it listens to what comes, after the call."

    wanted: bool = False
    "Whether something depends on it: then it is told where nothing can be heard."

    like: tuple[str, ...] = ()
    "WAV files that what comes is held against."

    record: str = ""
    "Beginning of the names of recordings in the run's folder; empty where nothing is recorded."


class Action(Struct, frozen=True, kw_only=True, tag=True, tag_field="type"):
    """Base of all actions."""

    attempt: int
    "Position of the attempt in its plan, from 0; one attempt may be tried several times."

    account: str
    "Name of the account that acts; empty for ``wait``."

    timeout: float = 10.0
    "Seconds without any response before we give up."

    answer_within: float = 60.0
    "Seconds from the first provisional response to a final one before we give up."


class Register(Action, frozen=True, kw_only=True):
    """Register the account's contact (RFC 3261 §10.2)."""

    expires: int = 300
    "Interval asked for in seconds."


class Unregister(Action, frozen=True, kw_only=True):
    """Remove our contact (RFC 3261 §10.2.2)."""


class Call(Action, frozen=True, kw_only=True):
    """Send an INVITE and carry the call through."""

    target: str
    "Request-URI."

    hangup_after: float | None = None
    "Seconds of talk after the answer before we send BYE; None leaves the call up for later steps."

    ring_for: float | None = None
    "Seconds of ringing (from the first 18x) after which we CANCEL; None never."

    caller_id: str | None = None
    "User or URI for From, over the account's; None for the account's."

    headers: tuple[tuple[str, str], ...] = ()
    "Extra header fields on the INVITE."

    play: str | None = None
    """What to play: ``tone 1004Hz``, ``dtmf 1234``, ``silence``, ``marker``, or the path of a WAV
    file; None for silence."""

    hear: Hear | None = None
    "What to listen for; None for nothing beside digits."

    press: tuple[str, str] | None = None
    "Keys to press once answered, and their way: rfc4733, info or inband."

    codecs: tuple[str, ...] = ()
    "Encoding names to offer instead of the account's; empty for the account's."

    wait_for: str = "final"
    "final, or ringing where a later step ends or answers the call."

    late_offer: bool = False
    "Whether the INVITE carries no session description (RFC 3261 §13.2.1)."


class Cancel(Action, frozen=True, kw_only=True):
    """CANCEL a call that is not answered yet."""

    call: int
    "Attempt number of the call."


class Hangup(Action, frozen=True, kw_only=True):
    """Send BYE in a call that is up."""

    call: int
    "Attempt number of the call."


class Talk(Action, frozen=True, kw_only=True):
    """Let calls that are up go on for a while."""

    duration: float
    "Seconds."


class Press(Action, frozen=True, kw_only=True):
    """Press keys in a call that is up; the talk that follows lets them be sent."""

    call: int
    "Attempt number of the call."

    digits: str
    "0 to 9, *, #, A to D."

    way: str = "rfc4733"
    "rfc4733, info or inband."


class Wait(Action, frozen=True, kw_only=True):
    """Do nothing for a while."""

    duration: float
    "Seconds."


class Options(Action, frozen=True, kw_only=True):
    """Ask for capabilities outside a dialog (RFC 3261 §11)."""

    target: str
    "Request-URI."


class Manner(Struct, frozen=True, kw_only=True):
    """How the called side takes a call."""

    kind: str = "answer"
    "answer, reject, redirect, or ring where a later step decides."

    after: float = 0.0
    "Seconds of ringing before that."

    status: int = 200
    "Status code of the answer, refusal or redirection."

    reason: str = ""
    "Reason phrase; empty for that of the RFC."

    contact: str | None = None
    "URI that a redirection names."

    early_media: bool = False
    "Whether 183 with a session description is sent in place of 180."

    play: str | None = None
    "What to play once answered, as in ``Call``; None for silence."

    hear: Hear | None = None
    "What to listen for; None for nothing beside digits."

    headers: tuple[tuple[str, str], ...] = ()
    "Extra header fields of the final response."


class Expect(Action, frozen=True, kw_only=True):
    """Say beforehand how the account takes the next call that reaches it."""

    call: int
    "Attempt number of the step whose call is to arrive."

    manner: Manner
    "How it is taken."


class Follow(Action, frozen=True, kw_only=True):
    """Say beforehand that the account may be transferred to one target (RFC 3515)."""

    call: int
    "Attempt number of the call that is transferred."

    target: str
    "The only URI whose user part a Refer-To may name."


class Take(Action, frozen=True, kw_only=True):
    """Answer, refuse or redirect a call that rings here, or that arrives within a time."""

    call: int
    "Attempt number of the step whose call rings; its own where somebody else places the call."

    manner: Manner
    "How it is taken."

    within: float
    "Seconds to wait for its INVITE."


class Hold(Action, frozen=True, kw_only=True):
    """Put a call on hold, or resume it, by re-INVITE (RFC 3264 §8.4)."""

    call: int
    "Attempt number of the call."

    resume: bool = False
    "Whether it is resumed."


class Refresh(Action, frozen=True, kw_only=True):
    """Refresh the session of a call (RFC 4028 §7.4)."""

    call: int
    "Attempt number of the call."

    method: str = "INVITE"
    "INVITE or UPDATE."


class Transfer(Action, frozen=True, kw_only=True):
    """Transfer a call with REFER (RFC 3515, RFC 5589)."""

    call: int
    "Attempt number of the call that is transferred."

    target: str | None = None
    "URI of a blind transfer."

    replaces: int | None = None
    "Attempt number of the call that is replaced by an attended one (RFC 3891)."
