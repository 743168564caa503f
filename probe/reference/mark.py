"""What gives a provider away on the wire: a host name, a realm, a header field, a phrase.

A mark is the provider's alone, or it is none: the name of a product that many run, such as Asterisk
in Server, names a stack and never a provider.
"""

from __future__ import annotations

import re
from enum import Enum

from msgspec import Struct

from probe.reference.meaning import LONGEST_PHRASE
from probe.sip.challenge import parse_auth_field

LONGEST_HOST = 255
"""Characters of a domain name (RFC 1035 §2.3.4); a longer one is nobody's."""

MOST_FIELDS = 100
"""Header fields of a message that are searched for marks."""

_CHALLENGES = frozenset({"www-authenticate", "proxy-authenticate"})
_AGENTS = frozenset({"server", "user-agent"})


class MarkKind(Enum):
    """Where a mark stands."""

    DOMAIN = "domain"
    """In the name of the registrar or proxy that we are configured for."""
    REALM = "realm"
    """In the realm of a challenge, which must be equal."""
    SERVER = "server"
    """In Server or User-Agent."""
    HEADER = "header"
    """In a header field of the provider's own, or in Reason."""
    PHRASE = "phrase"
    """In the reason phrase."""


class Answer(Struct, frozen=True, kw_only=True):
    """One message that arrived, as far as marks can stand in it."""

    status: int | None
    "Status code; None for a request."
    phrase: str
    "Reason phrase; empty for a request."
    fields: tuple[tuple[str, str], ...]
    "Header fields as (name, value), in wire order."


def within(host: str, domain: str) -> bool:
    """Whether a host name is a domain or lies below it; `*` in the domain is any one label."""
    if len(host) > LONGEST_HOST:
        return False
    labels, wanted = host.casefold().rstrip(".").split("."), domain.casefold().split(".")
    tail = labels[-len(wanted) :]
    return len(tail) == len(wanted) and all(
        want in {"*", label} and bool(label) for want, label in zip(wanted, tail, strict=True)
    )


class Mark(Struct, frozen=True, kw_only=True):
    """One thing that only this provider shows."""

    provider: str
    "The provider's name."
    kind: MarkKind
    "Where it stands."
    name: str
    "Header field of a HEADER mark, `X-Name-*` for any that begins so; else empty."
    pattern: str
    "A domain (`*` for one label), a realm, or a regular expression; upper and lower case differ."
    codes: tuple[int, ...]
    "Response codes that it must stand beside; empty for any message."
    source: str
    "The page, or the published trace, that shows it."
    date: str
    "State of that page, year and month."

    def in_host(self, host: str) -> bool:
        """Whether a host name stands within the domain of the mark."""
        return self.kind is MarkKind.DOMAIN and within(host, self.pattern)

    def in_answer(self, answer: Answer) -> tuple[str, str] | None:
        """Return header name (empty for the phrase) and text in which it stands, or None."""
        if self.kind is MarkKind.DOMAIN or (self.codes and answer.status not in self.codes):
            return None
        if self.kind is MarkKind.PHRASE:
            phrase = answer.phrase[:LONGEST_PHRASE]
            return ("", phrase) if re.search(self.pattern, phrase) else None
        for name, value in answer.fields[:MOST_FIELDS]:
            text = self._in_field(name.casefold(), value[:LONGEST_PHRASE])
            if text is not None:
                return name, text
        return None

    def _in_field(self, name: str, value: str) -> str | None:
        """Return the text of a field in which it stands, of a challenge the realm alone."""
        if self.kind is MarkKind.REALM:
            realm = parse_auth_field(value).realm if name in _CHALLENGES else ""
            return realm if realm == self.pattern else None
        wanted = self.name.casefold()
        if self.kind is MarkKind.SERVER:
            here = name in _AGENTS
        else:
            here = name.startswith(wanted[:-1]) if wanted.endswith("*") else name == wanted
        return value if here and re.search(self.pattern, value) else None


class Sighting(Struct, frozen=True, kw_only=True):
    """A mark, and where it stood."""

    mark: Mark
    "The mark."
    place: int | None
    "Position of the answer among those given; None for a host name."
    field: str
    "Header field as written; empty for a host name and for the phrase."
    text: str
    "The host name, realm, field value or phrase in which it stood."


class Recognition(Struct, frozen=True, kw_only=True):
    """Who shows itself in host names and answers."""

    sightings: tuple[Sighting, ...]
    "The first mark of each provider, host names before answers."

    @property
    def provider(self) -> str | None:
        """The only provider whose marks were seen; None where none or two were."""
        names = self.providers
        return names[0] if len(names) == 1 else None

    @property
    def providers(self) -> tuple[str, ...]:
        """Every provider whose marks were seen."""
        return tuple(dict.fromkeys(sighting.mark.provider for sighting in self.sightings))


class Stack(Struct, frozen=True, kw_only=True):
    """A product that many parties run: it tells what a code of it is worth, and nobody's name."""

    name: str
    "The product."
    server: str | None
    "Pattern of its Server or User-Agent; None if it shows itself otherwise."
    header: str | None
    "Header field that only it sends; None if it has none."
    tells: str
    "What its codes are worth, in plain words."
    source: str
    "Where that was read."
    date: str
    "When, year and month."

    def in_answer(self, answer: Answer) -> tuple[str, str] | None:
        """Return header field and value that name the product, or None."""
        for name, value in answer.fields[:MOST_FIELDS]:
            folded, text = name.casefold(), value[:LONGEST_PHRASE]
            if self.header is not None and folded == self.header.casefold():
                return name, text
            if self.server is not None and folded in _AGENTS and re.search(self.server, text):
                return name, text
        return None
