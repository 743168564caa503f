"""Text that is safe to show: what a peer wrote may hold anything, a terminal must see only signs.

RFC 3261 §7.3.1 lets a reason phrase or a header field carry any UTF-8, and a broken or hostile peer
sends what it likes: terminal escapes, direction overrides, bytes that are no text at all.
"""

import unicodedata

ELLIPSIS = "…"
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def plain(text: str, limit: int | None = 200) -> str:
    """Return a text on one line without anything that could drive a terminal or break XML.

    Line ends and tabs become spaces; every other character that is not a sign (control, format,
    surrogate, private, unassigned) becomes U+FFFD, one for one. Longer texts are cut to ``limit``
    characters, the last of which is then an ellipsis; None cuts nothing.
    """
    if limit is not None and len(text) > limit:
        text = text[: limit - 1] + ELLIPSIS
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else " " if char in "\t\r\n" else REPLACEMENT for char in text
    )


def plain_lines(text: str) -> tuple[str, ...]:
    """Return the lines of a text, each without anything that could drive a terminal."""
    return tuple(plain(line, None) for line in text.replace("\r\n", "\n").split("\n"))


def cells(text: str) -> int:
    """Return how many columns of a terminal a plain text takes; East Asian wide signs take two."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF")
        for char in text
    )


def cut(text: str, width: int) -> str:
    """Return a plain text cut to ``width`` columns, with an ellipsis where something was cut."""
    if cells(text) <= width:
        return text
    kept = text[: max(0, width - 1)]
    while cells(kept) > width - 1 and kept:
        kept = kept[:-1]
    return kept.rstrip() + ELLIPSIS
