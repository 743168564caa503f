"""The pinned versions of tests/constraints.txt: exact, complete, one for each Python."""

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LINES = (ROOT / "tests/constraints.txt").read_text(encoding="utf-8").splitlines()
PINS = [Requirement(line) for line in LINES if line and not line.startswith("#")]
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def needed() -> set[str]:
    """Return what the package and its development tools ask for, by name."""
    lists = re.findall(r"^(?:dependencies|dev) = \[\n(.*?)^\]", PYPROJECT, re.MULTILINE | re.DOTALL)
    assert len(lists) == 2
    entries = re.findall(r'^\s*"([^"]+)"', "".join(lists), re.MULTILINE)
    return {canonicalize_name(Requirement(entry).name) for entry in entries}


def pinned(python: str) -> list[str]:
    """Return the names that are pinned for a version of Python."""
    environment = {"python_version": python}
    return [
        canonicalize_name(pin.name)
        for pin in PINS
        if pin.marker is None or pin.marker.evaluate(environment)
    ]


@pytest.mark.parametrize("python", ["3.10", "3.11", "3.12"])
def test_each_python_has_one_version_of_all_that_is_needed(python: str) -> None:
    """A name that is missing would float with the next release, two would be no answer."""
    names = pinned(python)
    assert sorted(set(names)) == sorted(names)
    assert needed() <= set(names)


@pytest.mark.parametrize("pin", PINS, ids=str)
def test_version_is_exact(pin: Requirement) -> None:
    """A range would not make two runs the same."""
    (only,) = pin.specifier
    assert only.operator == "=="
    assert "*" not in only.version


def test_the_checks_install_with_them() -> None:
    """A file that nobody reads pins nothing."""
    assert "--constraint tests/constraints.txt" in (ROOT / "tests/run").read_text(encoding="utf-8")
