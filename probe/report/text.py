"""Text that is safe to show: what a peer wrote may hold anything, a terminal must see only signs.

RFC 3261 §7.3.1 lets a reason phrase or a header field carry any UTF-8, and a broken or hostile peer
sends what it likes: terminal escapes, direction overrides, bytes that are no text at all.
"""

import re

ELLIPSIS = "…"
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

_OURS = re.compile(r"[ -~…→↦↪›‹✗✓·×–—─▶◀│¦�]*")
"""ASCII and the signs that reports draw with: each takes a column."""


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
    if _narrow(text):
        return len(text)
    from wcwidth import width  # noqa: PLC0415 - only where a sign is not ours

    return width(text, control_codes="ignore")


def cut(text: str, width: int) -> str:
    """Return a plain text cut to ``width`` columns, with an ellipsis where something was cut.

    What stands together (a letter and its accents) is kept or cut together.
    """
    if cells(text) <= width:
        return text
    if _narrow(text):
        return text[: max(0, width - 1)].rstrip() + ELLIPSIS
    from wcwidth import iter_graphemes  # noqa: PLC0415 - as above

    kept, room = [], width - 1
    for sign in iter_graphemes(text):
        room -= cells(sign)
        if room < 0:
            break
        kept.append(sign)
    return "".join(kept).rstrip() + ELLIPSIS


def padded(text: str, width: int) -> str:
    """Return a plain text with spaces behind it, up to ``width`` columns."""
    return text + " " * (width - cells(text))


def wrapped(
    text: str, width: int, *, first: str = "", later: str | None = None, hyphens: bool = True
) -> list[str]:
    """Return a plain text in lines of at most ``width`` columns; none for an empty one.

    ``first`` stands before the first line, ``later`` (by default as wide) before the others. Words
    are broken where they do not fit a line, and behind their ``hyphens`` where that is wanted.
    """
    narrow = _narrow(text + first)
    if later is None:
        later = " " * (len(first) if narrow else cells(first))
    if narrow:
        from textwrap import wrap  # noqa: PLC0415 - the library's own where columns are signs

        return wrap(
            text,
            width,
            initial_indent=first,
            subsequent_indent=later,
            break_on_hyphens=hyphens,
        )
    from wcwidth import wrap as wrap_cells  # noqa: PLC0415 - as above

    return wrap_cells(
        text,
        width,
        initial_indent=first,
        subsequent_indent=later,
        break_on_hyphens=hyphens,
        control_codes="ignore",
    )


def folded(text: str, width: int) -> list[str]:
    """Return a plain text in pieces of at most ``width`` columns, sign by sign; at least one."""
    if cells(text) <= width:
        return [text]
    if _narrow(text):
        return [text[at : at + width] for at in range(0, len(text), width)]
    from wcwidth import iter_graphemes  # noqa: PLC0415 - as above

    rows, room = [""], width
    for sign in iter_graphemes(text):
        wide = cells(sign)
        if wide > room and rows[-1]:
            rows.append("")
            room = width
        rows[-1] += sign
        room -= wide
    return rows


def _narrow(text: str) -> bool:
    """Whether each sign of a text takes one column, as far as that is known without tables."""
    return text.isascii() or _OURS.fullmatch(text) is not None
