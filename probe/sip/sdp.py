"""A tolerant reading of session descriptions (RFC 4566), as far as a call check asks."""

import ipaddress
import re
from functools import lru_cache

from msgspec import Struct

STATIC_PAYLOADS = {
    0: "PCMU",
    3: "GSM",
    4: "G723",
    8: "PCMA",
    9: "G722",
    13: "CN",
    15: "G728",
    18: "G729",
    26: "JPEG",
    31: "H261",
    34: "H263",
}
"""Static RTP payload types and their encoding names (RFC 3551 §6)."""

DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
"""The direction attributes (RFC 4566 §6); sendrecv is the default (RFC 3264 §5.1)."""

NOT_AUDIO = frozenset({"telephone-event", "CN"})
"""Encodings beside a codec: RFC 4733 events and RFC 3389 comfort noise."""


class MediaDescription(Struct, frozen=True, kw_only=True):
    """One ``m=`` section."""

    kind: str
    "audio, video, text, image …"

    port: int
    "The transport port; 0 means refused or removed (RFC 3264 §6)."

    profile: str
    "RTP/AVP, RTP/SAVP, UDP/TLS/RTP/SAVPF …"

    formats: tuple[str, ...]
    "The format list as written: payload types for RTP."

    codecs: tuple[str, ...]
    "Encoding names in the order of the format list, telephone-event included."

    address: str
    "The connection address that applies to this section; empty where there is none."

    direction: str
    "One of DIRECTIONS; the session's or sendrecv where the section has none."

    attributes: tuple[tuple[str, str], ...]
    "The ``a=`` lines as (name, value)."

    @property
    def codec(self) -> str | None:
        """The first encoding that carries sound or picture, or None."""
        return next((name for name in self.codecs if name not in NOT_AUDIO), None)

    @property
    def secure(self) -> bool:
        """Whether the profile is SRTP (RFC 3711)."""
        return "SAVP" in self.profile.upper()


class SessionDescription(Struct, frozen=True, kw_only=True):
    """A session description."""

    address: str
    "The session-level connection address, empty where there is none."

    media: tuple[MediaDescription, ...]
    "The media sections in order."

    @property
    def audio(self) -> MediaDescription | None:
        """The first audio section, or None."""
        return next((section for section in self.media if section.kind == "audio"), None)


def parse_sdp(text: str) -> SessionDescription:
    """Read a session description; what cannot be read is left out, nothing is raised."""
    session_address = ""
    session_direction = "sendrecv"
    sections: list[dict[str, list[str] | str]] = []
    for line in re.split(r"\r?\n", text):
        kind, equals, value = line.strip().partition("=")
        if not equals or len(kind) != 1:
            continue
        if kind == "m":
            sections.append({"m": value, "c": "", "a": []})
        elif kind == "c":
            address = _connection(value)
            if not sections:
                session_address = address
            elif not sections[-1]["c"]:
                sections[-1]["c"] = address
        elif kind == "a":
            if sections:
                attributes = sections[-1]["a"]
                assert isinstance(attributes, list)  # noqa: S101 - narrows the union for mypy
                attributes.append(value)
            elif value in DIRECTIONS:
                session_direction = value
    return SessionDescription(
        address=session_address,
        media=tuple(
            _section(str(s["m"]), str(s["c"]) or session_address, list(s["a"]), session_direction)
            for s in sections
        ),
    )


def _connection(value: str) -> str:
    """Return the address of a ``c=`` value (RFC 4566 §5.7), without TTL."""
    parts = value.split()
    return parts[2].split("/")[0] if len(parts) >= 3 else ""


def _section(line: str, address: str, raw: list[str], direction: str) -> MediaDescription:
    """Build one media section from its ``m=`` value, its address and its ``a=`` values."""
    parts = line.split()
    port_text = (parts[1] if len(parts) > 1 else "").split("/")[0]
    formats = tuple(parts[3:])
    attributes = tuple((a.partition(":")[0], a.partition(":")[2]) for a in raw)
    maps: dict[str, str] = {}
    for name, value in attributes:
        if name == "rtpmap":
            payload, _, encoding = value.partition(" ")
            maps[payload] = encoding.split("/")[0].strip()
    own = next((name for name, _ in attributes if name in DIRECTIONS), direction)
    return MediaDescription(
        kind=parts[0].lower() if parts else "",
        port=int(port_text)
        if port_text.isascii() and port_text.isdigit() and len(port_text) < 6
        else 0,
        profile=parts[2] if len(parts) > 2 else "",
        formats=formats,
        codecs=tuple(_codec(f, maps) for f in formats),
        address=address,
        direction=own,
        attributes=attributes,
    )


def _codec(payload: str, maps: dict[str, str]) -> str:
    """Return the encoding name of a payload type, or the type itself where nothing names it."""
    if payload in maps:
        return maps[payload]
    if payload.isascii() and payload.isdigit() and len(payload) < 4:
        return STATIC_PAYLOADS.get(int(payload), payload)
    return payload


@lru_cache(maxsize=256)
def address_class(address: str) -> str:
    """Class an address as ``public``, ``private``, ``loopback``, ``unspecified`` or ``name``.

    ``private`` covers RFC 1918, the carrier-grade NAT range 100.64.0.0/10 (RFC 6598), link-local
    and unique local IPv6.
    """
    try:
        ip = ipaddress.ip_address(address.strip("[]"))
    except ValueError:
        return "name"
    if ip.is_unspecified:
        return "unspecified"
    if ip.is_loopback:
        return "loopback"
    shared = ip.version == 4 and ip in ipaddress.ip_network("100.64.0.0/10")
    return "private" if ip.is_private or ip.is_link_local or shared else "public"
