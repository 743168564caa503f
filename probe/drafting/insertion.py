"""Puts a trunk profile into a sipprobe.yaml that is there; every line of it stays as it is."""

import re

from probe.drafting.draft import TrunkDraft, profile_lines

_TRUNKS = re.compile(r"trunks:[ \t]*(?:#.*)?")
_ENTRY = re.compile(r"(?P<indent> +)[^\s#]")
_TOP = re.compile(r"[^\s#-]")


def with_trunk(text: str, draft: TrunkDraft) -> str | None:
    """Return the text of a sipprobe.yaml with one profile more, or None where that is not safe.

    The profile stands straight behind ``trunks:``, at the depth of the others; a file without
    that key gets it at its end. A file in another form (``trunks: {…}``) is left to its author.
    """
    end = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines()
    found = [number for number, line in enumerate(lines) if _TRUNKS.fullmatch(line.rstrip())]
    if len(found) > 1:
        return None
    if not found:
        if any(re.match(r"""["']?trunks["']?\s*:|[{%?]|---|\.\.\.""", line) for line in lines):
            return None
        gap = [""] if lines and lines[-1].strip() else []
        return end.join((*lines, *gap, "trunks:", *profile_lines(draft))) + end
    place = found[0] + 1
    indent = "  "
    for line in lines[place:]:
        if entry := _ENTRY.match(line):
            indent = entry["indent"]
            break
        if _TOP.match(line):
            break
    new = profile_lines(draft, indent)
    return end.join((*lines[:place], *new, *lines[place:])) + end
