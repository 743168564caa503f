"""What a code, method or symptom can mean, who says so, and what on the wire bears it out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import Enum

from msgspec import Struct

ANY = "ANY"
"""Subject of a meaning that holds for every code, once its phrase or header hint is on the wire."""

LONGEST_PHRASE = 512
"""How much of a text from the wire is searched: hints stand at the start or end of a phrase."""


Headers = Mapping[str, str] | Sequence[tuple[str, str]]
"""Header fields by name, or as (name, value) in wire order, where a name may come again."""


class Direction(Enum):
    """Which way the request went, seen from the phone system that is tested."""

    REGISTER = "register"
    """We registered and somebody answered us."""
    OUTBOUND = "outbound"
    """We called and somebody answered us."""
    INBOUND = "inbound"
    """We were called and answered, or the caller answered us."""


def _said(pattern: str) -> str:
    """Say a pattern in words, where it is no more than a choice of words."""
    words = re.sub(r"\^|\$|\\b", "", pattern).removeprefix("(").removesuffix(")")
    if re.fullmatch(r"[\w =|-]+", words):
        return f"says {words.replace('|', ' or ')}"
    return f"matches “{pattern}”"


class Meaning(Struct, frozen=True, kw_only=True):
    """One thing that a code, method or symptom can mean, and who says so."""

    subject: int | str
    "What it is about: a response code, a method, a symptom such as `SILENCE`, or `ANY`."
    text: str
    "The meaning, in plain words."
    direction: Direction | None
    "The only direction for which it holds; None for any."
    source: str
    "Who says so: an RFC section, or the provider's page."
    date: str | None
    "State of a provider's page, year and month; None for an RFC."
    provider: str | None
    "The provider's name; None for a meaning that holds in general."
    causes: tuple[str, ...]
    "Root causes that it points to, as ids of causes.yaml."
    note: str | None
    "What a reader must know beside it: a correction, a difference from the RFC."
    phrase: str | None
    "Pattern that the reason phrase must contain, case ignored; None if any phrase will do."
    suffixes: tuple[str, ...]
    "Tokens such as Telnyx's D35, one of which the phrase must carry; empty if none is needed."
    header: tuple[str, str] | None
    "Header name and value pattern that single it out; None if no header is needed."

    @property
    def hint(self) -> str | None:
        """What on the wire singles this meaning out, in words; None if nothing is needed."""
        parts = []
        if self.phrase is not None:
            parts.append(f"phrase {_said(self.phrase)}")
        if self.suffixes:
            parts.append(f"phrase carries {' or '.join(self.suffixes)}")
        if self.header is not None:
            parts.append(f"{self.header[0]} {_said(self.header[1])}")
        return ", ".join(parts) or None

    def agrees(self, phrase: str | None, headers: Headers | None) -> bool | None:
        """Whether the wire bears this meaning out: None if it needs no hint or none was given."""
        verdicts: list[bool] = []
        if phrase is not None:
            text = phrase[:LONGEST_PHRASE]
            if self.phrase is not None:
                verdicts.append(re.search(self.phrase, text, re.IGNORECASE) is not None)
            if self.suffixes:
                tokens = set(re.split(r"[^A-Za-z0-9]+", text))
                verdicts.append(not tokens.isdisjoint(self.suffixes))
        if headers is not None and self.header is not None:
            name, pattern = self.header
            fields = headers.items() if isinstance(headers, Mapping) else headers
            values = (v for k, v in fields if k.casefold() == name.casefold())
            verdicts.append(any(re.search(pattern, v[:LONGEST_PHRASE]) for v in values))
        return all(verdicts) if verdicts else None
