"""Every file in tests/invalid is refused with exactly the text that stands beside it."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from probe.scenario.loader import load_scenario, load_settings
from probe.scenario.source import ScenarioError

INVALID = Path(__file__).parents[2] / "invalid"
ENVIRON: Mapping[str, str] = {
    "EMPTY": "",
    "NUMBER": "12025550123",
    "PW": "hunter2 hunter2",
    "TWO_LINES": "a\nb",
}


def names(folder: Path, ending: str) -> list[str]:
    """Return the names of the files that end so."""
    return sorted(file.name.removesuffix(ending) for file in folder.glob(f"*{ending}"))


@pytest.mark.parametrize("name", names(INVALID, ".sip.yaml"))
def test_scenario_is_refused_with_this_text(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An author sees every problem at its place, and what to write instead."""
    monkeypatch.chdir(INVALID)
    with pytest.raises(ScenarioError) as caught:
        load_scenario(f"{name}.sip.yaml", variables={}, environ=ENVIRON)
    assert caught.value.render() + "\n" == Path(f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", names(INVALID / "settings", ".yaml"))
def test_settings_are_refused_with_this_text(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same holds for sipprobe.yaml."""
    monkeypatch.chdir(INVALID / "settings")
    with pytest.raises(ScenarioError) as caught:
        load_settings(f"{name}.yaml", variables={}, environ=ENVIRON)
    assert caught.value.render() + "\n" == Path(f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted(INVALID.rglob("*.txt")), ids=lambda path: path.stem)
def test_no_password_is_in_any_text(path: Path) -> None:
    """Every password in these files is hunter2, and no message shows it."""
    assert "hunter" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted(INVALID.rglob("*.txt")), ids=lambda path: path.stem)
def test_text_belongs_to_a_file(path: Path) -> None:
    """A text whose file was renamed would never be compared."""
    assert path.with_suffix(".sip.yaml").exists() or path.with_suffix(".yaml").exists()


@pytest.mark.parametrize("name", names(INVALID, ".sip.yaml"))
def test_problems_are_sorted(name: str) -> None:
    """Problems come in the order of the lines, whichever check found them."""
    with pytest.raises(ScenarioError) as caught:
        load_scenario(INVALID / f"{name}.sip.yaml", variables={}, environ=ENVIRON)
    places = [(p.source.file, p.source.line, p.source.column) for p in caught.value.problems]
    assert places == sorted(places)
