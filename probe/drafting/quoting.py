"""Texts as YAML values: quoted where any loader could read something else than the text."""

import re

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./()+-]+)*")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
"""Plain words that YAML 1.1 takes for something else than a text."""

_ESCAPES = {"\\": "\\\\", '"': '\\"', "\t": "\\t", "\n": "\\n", "\r": "\\r"}


def scalar(text: str) -> str:
    """Return a text as a value that is read back as that very text, variables in it included.

    ``+1202…``, ``0123``, ``*97``, ``no`` and the like are quoted; ``${`` is written ``$${``, which
    the loader takes for two plain characters.
    """
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return '"' + "".join(map(_escaped, text.replace("${", "$${"))) + '"'


def always_quoted(text: str) -> str:
    """Return a text as a value in quotes, also where none are needed: numbers, URIs, patterns."""
    return '"' + "".join(map(_escaped, text.replace("${", "$${"))) + '"'


def flow_list(texts: tuple[str, ...]) -> str:
    """Return texts as a list in one line, each in quotes."""
    return "[" + ", ".join(map(always_quoted, texts)) + "]"


def _escaped(char: str) -> str:
    """Return a character as it stands between double quotes (YAML 1.1 section 5.6)."""
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable():
        return char
    code = ord(char)
    return (
        f"\\x{code:02x}"
        if code < 0x100
        else f"\\u{code:04x}"
        if code < 0x10000
        else f"\\U{code:08x}"
    )
