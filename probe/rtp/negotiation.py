"""From the session descriptions of a call to what is agreed (RFC 3264, RFC 6337).

Every message of the call is shown to a ``Negotiation``, with who sent it. It keeps the last offer
and returns what is agreed each time an answer completes one. What it reads is what went over the
wire, so the same holds for any user agent. An answer in an unreliable provisional response counts:
RFC 3261 §13.2.1 lets the caller treat it as one, and early media flows by it.
"""

import re
from typing import Any

from msgspec import Struct

from probe.rtp.reception import UNKNOWN, Known
from probe.rtp.sound import Kind
from probe.sip.message import SipMessage
from probe.sip.sdp import STATIC_PAYLOADS, MediaDescription, address_class
from probe.trace.media import Agreed

DEFAULT_PTIME_S = 0.02
"""Packet time where nobody asks for another (RFC 3551 §4.2)."""

_PTIMES = {"ILBC": 0.03, "G723": 0.03}
"""Encodings whose frames do not fit into 20 ms (RFC 3952 §4.2, RFC 3551 §4.5.3)."""

SUITES = ("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32")
"""Crypto suites of SDES (RFC 4568 §6.2) that are spoken here."""

_RATES = {"L16": 44100}
_UNSAID = {13: Known(Kind.COMFORT_NOISE, STATIC_PAYLOADS[13], 8000)}
"""Many send the static comfort noise type without a word in their description (RFC 3551 §6)."""
_CRYPTO = re.compile(r"(\d+)\s+(\S+)\s+inline:([A-Za-z0-9+/=]+)(\|\S*)?")
_REACHABLE = frozenset({"public", "private", "loopback"})
_SENDS = frozenset({"sendrecv", "sendonly"})
_TAKES = frozenset({"sendrecv", "recvonly"})


class Keys(Struct, frozen=True):
    """Master keys of SDES (RFC 4568 §6.1); never in a repr, a trace or a log."""

    suite: str
    ours: str
    "Base64 of key and salt that we encrypt with."
    theirs: str
    "The same of the other side."

    def __repr__(self) -> str:
        """Show the suite only."""
        return f"Keys(suite={self.suite!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Show no more where rich prints it."""
        return [("suite", self.suite)]


class Terms(Struct, frozen=True, kw_only=True):
    """One agreement, with all that a session needs of it."""

    agreed: Agreed
    "What the report says."

    address: tuple[str, int] | None
    "Where RTP goes; None where the stream was refused or has no address."

    control: tuple[str, int] | None
    "Where RTCP goes."

    types: dict[int, Known]
    "What the payload types mean that we receive."

    comfort_noise: int | None
    "Payload type of comfort noise that we may send."

    keys: Keys | None
    "Keys of SRTP, or None for plain RTP."

    unmeasured: str
    "Why the stream cannot be read (``DTLS-SRTP`` …), or empty."

    @property
    def sends(self) -> bool:
        """Whether the direction lets us send."""
        return self.agreed.direction in _SENDS and self.address is not None

    @property
    def receives(self) -> bool:
        """Whether the direction lets packets come."""
        return self.agreed.direction in _TAKES


class _Offer(Struct, frozen=True):
    ours: bool
    audio: MediaDescription
    cseq: int


class Negotiation:
    """Follows the offers and answers of one call."""

    def __init__(self, ptime_s: float | None = None) -> None:
        """``ptime_s`` is the packet time that the profile asks for, None for the codec's own."""
        self._ptime_s = ptime_s
        self._offer: _Offer | None = None
        self._last: tuple[MediaDescription, MediaDescription] | None = None

    def see(self, message: SipMessage, *, ours: bool, at: float) -> Terms | None:
        """Take a message of the call; return the terms where it completes an offer and answer."""
        description = message.sdp
        audio = description.audio if description is not None else None
        status = message.status or 0
        cseq = message.cseq[0]
        if audio is None:
            if status >= 300 and self._offer is not None and self._offer.cseq == cseq:
                self._offer = None  # refused: what was agreed before stays (RFC 3261 §14.1)
            return None
        if not self._answers(message, ours=ours):
            self._offer = _Offer(ours, audio, cseq)
            return None
        offer = self._offer
        assert offer is not None  # noqa: S101 - _answers says so
        local, remote = (audio, offer.audio) if ours else (offer.audio, audio)
        if self._last == (local, remote):
            return None  # the 200 repeats the session description of the 183
        self._last = (local, remote)
        early = 100 < status < 200
        return terms(local, remote, at=at, answered_by_us=ours, early=early, wanted=self._ptime_s)

    def _answers(self, message: SipMessage, *, ours: bool) -> bool:
        """Whether a session description is an answer: the other side offered, in this exchange."""
        offer = self._offer
        if offer is None or offer.ours is ours:
            return False
        if message.status is not None or message.method == "PRACK":
            return offer.cseq == message.cseq[0] or message.method == "PRACK"
        return message.method == "ACK" and offer.cseq == message.cseq[0]


def terms(  # noqa: PLR0913 - the facts of one agreement
    local: MediaDescription,
    remote: MediaDescription,
    *,
    at: float,
    answered_by_us: bool,
    early: bool = False,
    wanted: float | None = None,
) -> Terms:
    """Return what an offer and its answer agree on, seen from our side."""
    ours, theirs = _encodings(local), _encodings(remote)
    # The answer orders the codecs (RFC 3264 §6.1), its number in their description is what we send.
    order = ours if answered_by_us else theirs
    spoken = {known.codec.upper() for known in ours.values()}
    both = [
        known
        for known in order.values()
        if known.kind is Kind.AUDIO
        and known.codec.upper() in spoken
        and _number(theirs, known) is not None
    ]
    chosen = both[0] if both else UNKNOWN
    keys = _keys(local, remote)
    open_ = remote.port > 0 and local.port > 0 and bool(both)
    reachable = open_ and address_class(remote.address) in _REACHABLE
    agreed = Agreed(
        at=at,
        local=_written(local.address, local.port),
        remote=_written(remote.address, remote.port),
        direction=_direction(local, remote) if open_ else "inactive",
        codec=chosen.codec,
        payload_type=_number(theirs, chosen) or 0,
        clock_rate=chosen.clock_rate,
        ptime_s=_ptime(remote, chosen.codec, wanted),
        events=_event_type(ours, theirs, chosen.clock_rate),
        srtp=keys.suite if keys else "",
        early=early,
    )
    return Terms(
        agreed=agreed,
        address=(remote.address, remote.port) if reachable else None,
        control=_control(remote) if reachable else None,
        types={**_UNSAID, **theirs, **ours},
        comfort_noise=next((n for n, k in theirs.items() if k.kind is Kind.COMFORT_NOISE), None),
        keys=keys,
        unmeasured=_unmeasured(local, remote, keys) if open_ else "",
    )


def _encodings(section: MediaDescription) -> dict[int, Known]:
    """Return what each payload type of a section means, in its order."""
    rates: dict[str, int] = {}
    for name, value in section.attributes:
        if name == "rtpmap":
            mapped, _, encoding = value.partition(" ")
            parts = encoding.split("/")
            if len(parts) > 1 and parts[1].strip().isdigit():
                rates[mapped] = int(parts[1])
    found: dict[int, Known] = {}
    for written, codec in zip(section.formats, section.codecs, strict=True):
        if not written.isdigit() or int(written) > 127:
            continue
        number = int(written)
        rate = rates.get(written) or _RATES.get(codec, 8000)
        if codec.lower() == "telephone-event":
            kind = Kind.EVENT
        elif codec.upper() == "CN":
            kind = Kind.COMFORT_NOISE
        else:
            kind = Kind.AUDIO
        found[number] = Known(kind, codec, rate)
    return found


def _number(types: dict[int, Known], wanted: Known) -> int | None:
    """Return the number that a description gives an encoding."""
    for number, known in types.items():
        same = known.codec.upper() == wanted.codec.upper()
        if same and known.kind is wanted.kind and known.clock_rate == wanted.clock_rate:
            return number
    return None


def _event_type(ours: dict[int, Known], theirs: dict[int, Known], rate: int) -> int | None:
    if all(known.kind is not Kind.EVENT for known in ours.values()):
        return None
    events = [(n, known) for n, known in theirs.items() if known.kind is Kind.EVENT]
    same_rate = [n for n, known in events if known.clock_rate == rate]
    return next(iter(same_rate or [n for n, _ in events]), None)


def _ptime(remote: MediaDescription, codec: str, wanted: float | None) -> float:
    """Return the packet time: what they ask for, what the profile asks for, or the codec's."""
    asked = next((v for name, v in remote.attributes if name == "ptime"), "")
    if re.fullmatch(r"\d{1,3}(\.\d+)?", asked.strip()) and 5 <= float(asked) <= 200:
        return float(asked) / 1000
    return wanted or _PTIMES.get(codec.upper(), DEFAULT_PTIME_S)


def _direction(local: MediaDescription, remote: MediaDescription) -> str:
    """Return the direction from our side: what both descriptions allow."""
    sends = local.direction in _SENDS and remote.direction in _TAKES
    takes = local.direction in _TAKES and remote.direction in _SENDS
    if sends and takes:
        return "sendrecv"
    return "sendonly" if sends else "recvonly" if takes else "inactive"


def _control(remote: MediaDescription) -> tuple[str, int]:
    """Return where RTCP goes: the next port, or what a=rtcp says (RFC 3605)."""
    attributes = dict(remote.attributes)
    if "rtcp-mux" in attributes:
        return remote.address, remote.port
    parts = attributes.get("rtcp", "").split()
    if not parts or not parts[0].isdigit() or not 0 < int(parts[0]) < 65536:
        return remote.address, remote.port + 1
    return (parts[3] if len(parts) > 3 else remote.address), int(parts[0])


def _keys(local: MediaDescription, remote: MediaDescription) -> Keys | None:
    """Return the keys of SDES: the lines of both sides with one tag and suite (RFC 4568 §5.1)."""
    ours, theirs = _crypto(local), _crypto(remote)
    for tag, (suite, key) in theirs.items():
        if tag in ours and ours[tag][0] == suite and suite in SUITES:
            return Keys(suite, ours[tag][1], key)
    return None


def _crypto(section: MediaDescription) -> dict[str, tuple[str, str]]:
    found = {}
    for name, value in section.attributes:
        if name == "crypto" and (line := _CRYPTO.match(value)):
            found[line[1]] = (line[2], line[3])
    return found


def _unmeasured(local: MediaDescription, remote: MediaDescription, keys: Keys | None) -> str:
    """Return why the packets cannot be read, or empty."""
    if keys is not None:
        return ""
    if any(name == "fingerprint" for name, _ in remote.attributes) and (
        "TLS" in remote.profile.upper()
        or any(name == "fingerprint" for name, _ in local.attributes)
    ):
        return "DTLS-SRTP"
    return "SRTP without a crypto suite that we speak" if remote.secure else ""


def _written(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
