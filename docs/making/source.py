"""Everything that the site shows, in one folder: pages as they stand, and pages that are made."""

import posixpath
import re
import shutil
from pathlib import Path

from docs.making import codes, keys, stories, verbs
from docs.making.links import rewritten

ROOT = Path(__file__).resolve().parents[2]
_PLACES = (
    "*.md",
    "docs/*.md",
    "docs/decisions/*.md",
    "docs/recipes/**/*.md",
    "results/README.md",
    "benchmarks/*.md",
    "datasets/**/*.md",
)
_FILES = ("docs/report.schema.json", "LICENSE", "docs/recipes/**/*")
"""What pages link to and a reader may want to have: kept as files."""

_CONTENTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "Begin",
        (
            "docs/quick-start", "README", "docs/reading-a-report", "docs/explanations",
            "docs/glossary",
        ),
    ),
    (
        "Write scenarios",
        (
            "docs/scenario-files", "docs/asking", "docs/rows", "docs/hearing", "docs/media",
            "docs/scenario-library", "docs/embedded-trunk",
        ),
    ),
    (
        "Use it",
        (
            "docs/command-line", "docs/before-and-after", "docs/pytest", "docs/monitoring",
            "docs/json-report", "results/README", "docs/recipes/README",
        ),
    ),
    (
        "Look it up",
        (
            "docs/reference/codes", "docs/reference/causes", "docs/reference/providers",
            "docs/reference/methods", "docs/reference/q850", "docs/reference/warnings",
            "docs/reference/headers", "docs/reference/keys", "docs/reference/verbs",
            "scenarios/README",
        ),
    ),
    (
        "What to rely on",
        (
            "docs/security", "docs/engine", "docs/fault-lab", "docs/measurements",
            "docs/seed-statements", "datasets/fault-lab/README",
        ),
    ),
    (
        "The project",
        (
            "CHANGELOG", "CONTRIBUTING", "SECURITY", "docs/decisions/README", "docs/README",
        ),
    ),
)  # fmt: skip
"""Sections of the contents with their pages, first things first; a page may not be there yet."""


def write_source(folder: Path) -> int:
    """Write the source of the site into an empty folder; return how many pages it has."""
    made = _made()
    files = {
        path.relative_to(ROOT).as_posix(): path
        for place in (*_PLACES, *_FILES)
        for path in ROOT.glob(place)
        if path.is_file()
    }

    def held(path: str) -> bool:
        return path in files or path in made

    pages = dict(made)
    for name, path in files.items():
        if path.suffix == ".md":
            text = path.read_text(encoding="utf-8")
            # Sphinx knows no language csv.
            pages[name] = rewritten(text, name, ROOT, held).replace("```csv\n", "```text\n")
        else:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, folder / name)
    pages["docs/decisions/README.md"] = _decisions(pages)
    pages |= _below(pages)
    pages["index.md"] = _index(pages)
    for name, text in pages.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return len(pages)


def _made() -> dict[str, str]:
    made = {**codes.pages(), **keys.pages(), **stories.pages(ROOT / "scenarios")}
    made[verbs.PATH] = verbs.page()
    made["docs/reference/codes.md"] = _with_children(
        "# Status codes\n\nEach code that IANA lists, and those that products send without: "
        "what it means by direction and by provider, whether to try again, which causes stand "
        "behind it.\n",
        sorted(name for name in made if Path(name).match("codes-*.md")),
    )
    made["docs/reference/keys.md"] = _with_children(
        "# Keys\n\nEvery key of scenario files and of sipprobe.yaml: meaning, type, default, an "
        "example that loads, what is said of a wrong value, and since when.\n",
        [f"docs/reference/{name}.md" for name in ("keys-scenario", "keys-steps", "keys-settings")]
        + ["docs/reference/kinds.md"],
    )
    made["docs/decisions/README.md"] = ""
    return made


def _with_children(text: str, names: list[str]) -> str:
    return f"{text}\n{_toctree([Path(name).stem for name in names])}"


_NAMES = {
    "README": "What it is and does",
    "results/README": "What is in a run folder",
    "docs/README": "All pages",
    "datasets/fault-lab/README": "The data set of the fault lab",
}
"""Names in the contents of pages whose own title says too little there."""


def _entry(name: str) -> str:
    return f"{_NAMES[name]} <{name}>" if name in _NAMES else name


def _toctree(names: list[str], caption: str = "", *, hidden: bool = False) -> str:
    options = [":maxdepth: 1", *([f":caption: {caption}"] if caption else [])]
    options += [":hidden:"] if hidden else []
    return "\n".join(["```{toctree}", *options, "", *map(_entry, names), "```", ""])


_GROUPS = {
    "docs/decisions/README.md": ("docs/decisions/", "Decisions"),
    "docs/reference/causes.md": ("docs/reference/causes-", "Root causes"),
    "docs/reference/providers.md": ("docs/reference/provider-", "Providers"),
    "docs/recipes/README.md": ("docs/recipes/", "Recipes"),
    "scenarios/README.md": ("scenarios/", "Scenarios that are shipped"),
}
"""Pages that lead to many others, which the contents beside each page would only drown in."""


def _below(pages: dict[str, str]) -> dict[str, str]:
    """Return the pages that stand below others, with the way back, out of the contents."""
    below = {}
    for above, (start, title) in _GROUPS.items():
        for name, text in pages.items():
            if name.startswith(start) and name != above:
                back = posixpath.relpath(above, posixpath.dirname(name))
                below[name] = f"---\norphan: true\n---\n\n[← {title}]({back})\n\n{text}"
    return below


def _decisions(pages: dict[str, str]) -> str:
    """Return the list of the decisions, each with its title."""
    rows = []
    for name, text in sorted(pages.items()):
        found = re.match(r"# (\d{4}): (.+)", text)
        if found is not None and name.startswith("docs/decisions/"):
            rows.append(f"| [{found[1]}]({posixpath.basename(name)}) | {found[2]} |")
    return (
        "# Decisions\n\nWhy things are as they are, each told once: what was decided, when, what "
        "follows, and what was not taken.\n\n| decision | on |\n| --- | --- |\n"
        + "\n".join(rows)
        + "\n"
    )


def _index(pages: dict[str, str]) -> str:
    """Return the first page: what this is, the quick start, and the contents."""
    named = {name for _, names in _CONTENTS for name in names}
    under = re.compile(r"docs/(?:decisions|recipes|reference)/|scenarios/")
    other = sorted(
        name.removesuffix(".md")
        for name in pages
        if name.removesuffix(".md") not in named and not under.match(name) and name != "index.md"
    )
    trees = [
        _toctree([name for name in names if f"{name}.md" in pages], caption, hidden=True)
        for caption, names in (*_CONTENTS, *((("More", tuple(other)),) if other else ()))
    ]
    front = Path(__file__).with_name("front.md.in").read_text(encoding="utf-8")
    return front + "\n" + "\n".join(trees)
