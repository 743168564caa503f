"""A page for each scenario that is shipped: what it says of itself, and the file."""

import re
from pathlib import Path

from docs.making.pages import escaped
from probe.scenario.loader import load_many

_COMMENT = re.compile(r"\A((?:#.*\n)+)")


def pages(scenarios: Path) -> dict[str, str]:
    """Return the pages of the files in a folder, Markdown by path from the root of the site."""
    made = {}
    rows = []
    for file in sorted(scenarios.glob("*.yaml")):
        text = file.read_text(encoding="utf-8")
        name = file.name.removesuffix(".yaml").removesuffix(".sip")
        title, tags = _told(file)
        found = _COMMENT.match(text)
        told = (
            " ".join(re.sub(r"^#\s?", "", line) for line in found[1].splitlines()) if found else ""
        )
        run = [f"    sipprobe run {name}"] if file.name.endswith(".sip.yaml") else []
        made[f"scenarios/{file.name.removesuffix('.yaml')}.md"] = "\n\n".join(
            [f"# {name}", escaped(title) + ".", escaped(told), *run, _block(text)]
        )
        rows.append(
            f"| [{name}]({file.name.removesuffix('.yaml')}.md) | {escaped(title)} "
            f"| {escaped(', '.join(map(str, tags)))} |"
        )
    made["scenarios/README.md"] = (
        "# Scenarios that are shipped\n\nEach runs by its name, `sipprobe run trunk-check`. What "
        "may differ on your PBX: [the scenario library](../docs/scenario-library.md).\n\n"
        "| name | story | tags |\n| --- | --- | --- |\n" + "\n".join(rows) + "\n"
    )
    return made


def _told(file: Path) -> tuple[str, tuple[str, ...]]:
    """Return what a scenario is about, and its tags."""
    if not file.name.endswith(".sip.yaml"):
        return "Settings to copy from, with every kind of trunk profile", ()
    first = load_many([file], variables={}, environ={})[0]
    return first.name, first.tags


def _block(text: str) -> str:
    return f"```yaml\n{text.rstrip()}\n```\n"
