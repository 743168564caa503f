"""Says why nothing was selected, and what there is."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # loads only where it is needed
    from probe.scenario.schema import Scenario


def why_nothing(
    there: "tuple[Scenario, ...]", *, folders: tuple[str, ...], tags: tuple[str, ...], text: str
) -> str:
    """Return a sentence, and what can be done about it.

    ``there`` are the scenarios before ``tags`` and ``text`` (of -k) were held against them;
    ``folders`` is where they were looked for.
    """
    if not there:
        return _no_files(folders)
    wanted = [f"has the tag {' or '.join(tags)}"] if tags else []
    wanted += [f"fits -k '{text}'"] if text else []
    count = f"{len(there)} scenario{'s' if len(there) > 1 else ''}"
    lines = [f"nothing was selected: of {count} none {' and '.join(wanted)}"]
    known = dict.fromkeys(tag for scenario in there for tag in scenario.tags)
    if tags:
        lines.append("  tags that are there: " + (", ".join(sorted(known)) or "none"))
    if text:
        ids = dict.fromkeys(scenario.id for scenario in there)
        lines.append("  scenarios that are there: " + ", ".join(list(ids)[:20]))
    return "\n".join(lines)


def _no_files(folders: tuple[str, ...]) -> str:
    """Return what to say where there is no scenario file at all."""
    from probe.scenario.loader import SUFFIX, known_scenarios  # noqa: PLC0415 - as needed

    where = " and ".join(f"{folder.rstrip('/')}/" for folder in folders)
    lines = [f"nothing was selected: there is no *{SUFFIX} in {where}"]
    shipped = ", ".join(known_scenarios(Path.cwd()))
    if folders == ("scenarios",):
        lines += [
            "  sipprobe run trunk-check   one that comes with sipprobe",
            "  sipprobe init              writes one for your trunk",
            f"  there are: {shipped}",
        ]
    return "\n".join(lines)
