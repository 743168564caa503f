"""Links of the repository's pages, as the site needs them.

In the repository a link may lead to a folder or to a piece of the program. On the site a folder is
its README, a scenario is its page, and what the site does not hold is named without a link.
"""

import posixpath
import re
from collections.abc import Callable
from pathlib import Path

FENCE = re.compile(r"^(?P<fence>```+|~~~+).*?^(?P=fence)[ \t]*$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\[(?P<text>(?:[^\[\]]|\[[^\[\]]*\])*)\]\((?P<target>[^()\s]+)\)")
OUTSIDE = ("https://", "http://", "mailto:")


class BrokenLinkError(ValueError):
    """A page links to a file that the repository does not have."""


def rewritten(text: str, page: str, root: Path, held: Callable[[str], bool]) -> str:
    """Return a page with its links as the site has them.

    `page` is its path from the root of the repository, `held` says of such a path whether the site
    has it. Raises BrokenLinkError for a link to a file that is not there.
    """

    def one(found: re.Match[str]) -> str:
        target, _, anchor = found["target"].partition("#")
        if not target or found["target"].startswith(OUTSIDE):
            return found[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(page), target))
        goal = _goal(path, held)
        if goal is None:
            if not (root / path).exists():
                raise BrokenLinkError(f"{page}: there is no {target}")
            return found["text"]
        link = posixpath.relpath(goal, posixpath.dirname(page) or ".")
        # A link that is called by its file gets the title of the page.
        text = "" if found["text"].endswith(".md") and not anchor else found["text"]
        return f"[{text}]({link}{'#' + anchor if anchor else ''})"

    def outside_fences(piece: str) -> str:
        return _LINK.sub(one, piece)

    parts = []
    at = 0
    for fence in FENCE.finditer(text):
        parts += [outside_fences(text[at : fence.start()]), fence[0]]
        at = fence.end()
    return "".join([*parts, outside_fences(text[at:])])


def _goal(path: str, held: Callable[[str], bool]) -> str | None:
    """Return the file of the site for a path of the repository; None where it has none."""
    if path.startswith("scenarios/") and path.endswith(".yaml"):
        path = path.removesuffix(".yaml") + ".md"
    return next((goal for goal in (path, posixpath.join(path, "README.md")) if held(goal)), None)


def outside_of(text: str) -> list[str]:
    """Return the addresses on other hosts that a page links to."""
    shown = FENCE.sub("", text)
    return [
        found["target"] for found in _LINK.finditer(shown) if found["target"].startswith(OUTSIDE)
    ]
