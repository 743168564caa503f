"""Quoting the wire: one line, visible, bounded, and never a secret.

Every text of an explanation that comes from outside passes through here. `visible` works character
by character, so a quoted piece of a message is still a piece of the message made visible: a reader,
or a test, can find it there.
"""

import re
from functools import lru_cache

from probe.sip.message import COMPACT_FORMS

LONGEST = 120
"""Characters of one quotation."""

SECRET_FIELDS = frozenset(
    {
        "authorization",
        "proxy-authorization",
        "www-authenticate",
        "proxy-authenticate",
        "authentication-info",
        "proxy-authentication-info",
        "identity",
    }
)
"""Header fields that are never quoted: nonces, digests and signatures stand in them."""

_SECRET_PART = re.compile(
    r"\b(response|nonce|cnonce|nextnonce|rspauth|opaque|password|inline)\b\s*[=:]\s*\S+",
    re.IGNORECASE,
)
_LONG_FORMS = {name.lower(): compact for compact, name in COMPACT_FORMS.items()}


def visible(text: str) -> str:
    """Return a text with everything that does not print written out, and quotes made single."""
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    if character == '"':
        return "'"
    if character.isprintable():
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was no UTF-8 (PEP 383)
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def plain(text: str, limit: int = LONGEST) -> str:
    """Return a text on one line, visible, without secrets, and cut to a length."""
    shown = visible(_SECRET_PART.sub(r"\1 withheld", text[: 4 * limit]).strip())
    return shown if len(shown) <= limit else f"{shown[:limit]}…"


def quoted(text: str, limit: int = LONGEST) -> str:
    """Return a piece of the wire between double quotes; the mark of a cut stands outside them."""
    shown = visible(text.strip()[: limit + 1])
    return f'"{shown}"' if len(shown) <= limit else f'"{shown[:limit]}"…'


def start_line(text: str) -> str:
    """Return the first line of a message as written."""
    return text.lstrip("\r\n").split("\n", 1)[0].rstrip("\r")


def header_lines(text: str, name: str) -> tuple[str, ...]:
    """Return the raw lines of a header field, long or compact; none of a field with secrets."""
    wanted = {name.lower(), _LONG_FORMS.get(name.lower(), name.lower())}
    if wanted & SECRET_FIELDS:
        return ()
    return tuple(
        line.strip()
        for key, line in _named_lines(text)
        if key in wanted and not _SECRET_PART.search(line)
    )


@lru_cache(maxsize=8)
def _named_lines(text: str) -> tuple[tuple[str, str], ...]:
    """Return the lines below the first of a message's head, each with its name in small letters.

    Every rule asks the deciding response for its telling fields.
    """
    head = re.split(r"\r?\n\r?\n", text.lstrip("\r\n"), maxsplit=1)[0]
    lines = re.split(r"\r?\n", head)[1:]
    return tuple((line.partition(":")[0].strip().lower(), line) for line in lines)
