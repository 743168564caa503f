"""Session descriptions that the trunk offers and answers (RFC 3264, RFC 4566)."""

from msgspec import Struct

from probe.simulator.behaviour import Sdp
from probe.sip.sdp import MediaDescription, SessionDescription

SERVED = ("PCMU", "PCMA")
"""The codecs that the trunk takes (RFC 3551 §4.5.14), in the order of its own offer."""

EVENTS = "telephone-event"
"""The encoding name of RFC 4733, in lower case."""

_PRIVATE = {"IP4": "192.168.77.10", "IP6": "fd00:77::10"}  # not loopback: the kernel sends nothing
_NOWHERE = {"IP4": "0.0.0.0", "IP6": "::"}  # noqa: S104 - values of the c= line, nothing is bound
_DISCARD = 9  # a port that no machine of today serves
_OFFER_FORMATS = (("0", "PCMU"), ("8", "PCMA"), ("101", "telephone-event"))
_MIRROR = {
    "sendrecv": "sendrecv",
    "sendonly": "recvonly",
    "recvonly": "sendonly",
    "inactive": "inactive",
}


class Refusal(Struct, frozen=True, kw_only=True):
    """Why an offer cannot be taken: 488 with a Warning (RFC 3261 §20.43)."""

    warning: int
    "The warning code."

    text: str
    "Its text."


class Chosen(Struct, frozen=True, kw_only=True):
    """The audio that an offer and the trunk have in common."""

    index: int
    "Which media section of the offer, from 0."

    formats: tuple[tuple[str, str], ...]
    "Payload type and encoding name of the codec, then of telephone-event where it was offered."

    direction: str
    "The answer's direction attribute."

    peer: tuple[str, int]
    "Where the other side says it receives RTP; never trusted beyond loopback."

    control: tuple[str, int]
    "The same for RTCP: one port higher, or as a=rtcp says (RFC 3605)."


def choose(offer: SessionDescription) -> Chosen | Refusal:
    """Pick the first audio stream over plain RTP with a codec that the trunk takes.

    One codec only: a client that is left a choice may ask again (pjsua sends UPDATE).
    """
    audio = [(i, m) for i, m in enumerate(offer.media) if m.kind == "audio"]
    if not audio:
        return Refusal(warning=304, text="Media type not available")
    plain = [(i, m) for i, m in audio if m.profile.upper() == "RTP/AVP"]
    if not plain:
        return Refusal(warning=302, text="Incompatible transport protocol")
    for index, section in plain:
        named = tuple(zip(section.formats, section.codecs, strict=True))
        codec = next((entry for entry in named if entry[1].upper() in SERVED), None)
        if codec is not None:
            events = (entry for entry in named if entry[1].lower() == EVENTS)
            return Chosen(
                index=index,
                formats=(codec, *events),
                direction=_direction(section),
                peer=(section.address, section.port),
                control=_control(section),
            )
    return Refusal(warning=305, text="Incompatible media format")


def _control(section: MediaDescription) -> tuple[str, int]:
    """Return where a stream's RTCP goes."""
    value = next((value for name, value in section.attributes if name == "rtcp"), "")
    port, *rest = value.split() or [""]
    address = rest[2] if len(rest) == 3 else section.address
    if port.isascii() and port.isdigit() and len(port) < 6:
        return address, int(port)
    return section.address, section.port + 1


def _direction(section: MediaDescription) -> str:
    """Answer a direction; an unspecified address is RFC 2543's way to hold."""
    if section.address == "0.0.0.0":  # noqa: S104 - a value of the c= line, nothing is bound
        return "inactive"
    return _MIRROR[section.direction]


class Session(Struct):
    """The trunk's side of one call's media description: one id, a version for each change."""

    host: str
    "The loopback address that RTP is received on."

    port: int
    "The RTP port."

    number: int
    "The session id of the o= line."

    version: int = 0
    "The version of the o= line, one more for each description written."

    def answer(self, offer: SessionDescription, chosen: Chosen, kind: Sdp = Sdp.ANSWER) -> str:
        """Write the answer to an offer: as many media sections as it has (RFC 3264 §6)."""
        lines: list[str] = []
        for index, section in enumerate(offer.media):
            if index != chosen.index or kind is Sdp.PORT_ZERO:
                formats = " ".join(section.formats) or "0"
                lines.append(f"m={section.kind} 0 {section.profile} {formats}")
            elif kind is Sdp.UNOFFERED:
                payload = _unused(section)
                lines += [f"m=audio {self.port} RTP/AVP {payload}", f"a=rtpmap:{payload} L16/44100"]
            else:
                lines += self._audio(chosen.formats, said_direction(kind, chosen.direction), kind)
        return self._write(lines, kind)

    def offer(self, kind: Sdp = Sdp.ANSWER) -> str:
        """Write an offer, for an INVITE that had none (RFC 3261 §13.3.1.4)."""
        return self._write(
            self._audio(_OFFER_FORMATS, said_direction(kind, "sendrecv"), kind), kind
        )

    def _audio(self, formats: tuple[tuple[str, str], ...], direction: str, kind: Sdp) -> list[str]:
        if kind is Sdp.NO_EVENTS:
            formats = tuple(entry for entry in formats if entry[1].lower() != EVENTS)
        port = _DISCARD if kind is Sdp.CLOSED else self.port
        lines = [f"m=audio {port} RTP/AVP " + " ".join(payload for payload, _ in formats)]
        for payload, name in formats:
            lines.append(f"a=rtpmap:{payload} {name}/8000")
            if name.lower() == EVENTS:
                lines.append(f"a=fmtp:{payload} 0-16")
        return [*lines, "a=ptime:20", f"a={direction}"]

    def _write(self, media: list[str], kind: Sdp) -> str:
        family = "IP6" if ":" in self.host else "IP4"
        address = {Sdp.PRIVATE: _PRIVATE[family], Sdp.NOWHERE: _NOWHERE[family]}.get(
            kind, self.host
        )
        self.version += 1
        head = [
            "v=0",
            f"o=embedded {self.number} {self.version} IN {family} {self.host}",
            "s=-",
            f"c=IN {family} {address}",
            "t=0 0",
        ]
        return "\r\n".join([*head, *media]) + "\r\n"


def said_direction(kind: Sdp, agreed: str) -> str:
    """Return the direction that a description of a kind says."""
    return {
        Sdp.INACTIVE: "inactive",
        Sdp.SENDONLY: "sendonly",
        Sdp.RECVONLY: "recvonly",
    }.get(kind, agreed)


def _unused(section: MediaDescription) -> str:
    """Return a dynamic payload type that the offer does not name."""
    return next(str(p) for p in range(127, 95, -1) if str(p) not in section.formats)
