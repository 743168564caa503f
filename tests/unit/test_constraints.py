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
    lists = re.findall(
        r"^(?:dependencies|dev|docs) = \[\n(.*?)^\]", PYPROJECT, re.MULTILINE | re.DOTALL
    )
    assert len(lists) == 3
    entries = re.findall(r'^\s*"([^"]+)"', "".join(lists), re.MULTILINE)
    return {canonicalize_name(Requirement(entry).name) for entry in entries} - {"sipprobe"}


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


LOCKED = (ROOT / "tests/locked.txt").read_text(encoding="utf-8")
LOCKS = [
    Requirement(entry.partition("\\")[0].strip())
    for entry in re.findall(r"^[a-z].*$", LOCKED, re.MULTILINE)
]


@pytest.mark.parametrize("python", ["3.10", "3.11", "3.12"])
def test_what_ci_installs_by_hash_is_what_is_pinned(python: str) -> None:
    """The same versions, and all that is needed; `.ci/lock` makes the file again."""
    environment = {"python_version": python, "python_full_version": f"{python}.1"}
    locked = {
        canonicalize_name(lock.name): str(lock.specifier)
        for lock in LOCKS
        if lock.marker is None or lock.marker.evaluate(environment)
    }
    assert needed() <= set(locked)
    versions = {
        canonicalize_name(pin.name): str(pin.specifier)
        for pin in PINS
        if pin.marker is None or pin.marker.evaluate(environment)
    }
    both = locked.keys() & versions.keys()
    assert {name: locked[name] for name in both} == {name: versions[name] for name in both}


def test_each_file_that_ci_installs_has_its_hash_and_no_address() -> None:
    """The build backend too; where the files come from is the installer's own setting."""
    entries = re.split(r"^(?=[a-z])", LOCKED, flags=re.MULTILINE)[1:]
    assert {"hatchling", "editables"} <= {lock.name for lock in LOCKS}
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", entry) for entry in entries)
    assert "://" not in LOCKED
    assert "--require-hashes" in (ROOT / "tests/run").read_text(encoding="utf-8")
