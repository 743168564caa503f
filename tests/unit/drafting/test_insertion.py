"""A trunk that comes to a sipprobe.yaml leaves every line of it as it was."""

from pathlib import Path

import pytest

from probe.drafting.draft import TrunkDraft, settings_text
from probe.drafting.insertion import with_trunk
from probe.scenario.loader import load_settings
from probe.scenario.schema import Settings

NEW = TrunkDraft(
    name="second", uri="sip:7@b.example", password_from=("env", "PW"), allow_to=("+49*", "0123")
)
EXAMPLE = Path(__file__).parents[3] / "scenarios/sipprobe.example.yaml"


def read(text: str) -> Settings:
    """Return what a sipprobe.yaml says, every variable set."""
    environ = {"PW": "x", "CARRIER_PASSWORD": "y", "PBX_PASSWORD": "z"}
    return load_settings("sipprobe.yaml", variables={}, environ=environ, written=text.encode())


@pytest.mark.parametrize(
    "old",
    [
        settings_text(TrunkDraft(name="first", uri="sip:1@a.example", registers=False)),
        "trunks:   # ours\n\n    # four\n    first:\n        uri: sip:1@a.example\nvars: {A: b}\n",
        "vars:\n  A: b",
        "trunks:\nvars: {A: b}\n",
        "# nothing yet\n",
        EXAMPLE.read_text(encoding="utf-8"),
    ],
    ids=["ours", "four-deep", "no-trunks", "no-trunk-yet", "comments-alone", "example"],
)
def test_old_lines_stay_and_the_trunk_is_there(old: str) -> None:
    """Comments, order and depth stay; the loader reads both."""
    new = with_trunk(old, NEW)
    assert new is not None
    kept = iter(new.splitlines())
    assert all(line in kept for line in old.splitlines()), "in the old order"
    found = read(new)
    assert found.trunks["second"].uri == "sip:7@b.example"
    assert found.trunks["second"].allow_to == ("+49*", "0123")
    if "uri:" in old or old.startswith("vars:"):
        before = read(old)
        assert {*found.trunks} == {*before.trunks, "second"}
        assert found.vars == before.vars


@pytest.mark.parametrize(
    "old",
    ["trunks: {a: {uri: sip:1@a.example}}\n", '"trunks":\n  a: {uri: sip:1@a.example}\n', "{}\n"],
    ids=["flow", "quoted-key", "all-flow"],
)
def test_a_form_of_its_own_is_left_to_its_author(old: str) -> None:
    """Nothing is guessed about a file that is written in another way."""
    assert with_trunk(old, NEW) is None


def test_line_ends_stay_as_they_are() -> None:
    """A file that was written on Windows is not half of one and half of the other afterwards."""
    new = with_trunk("trunks:\r\n  first: {uri: sip:1@a.example}\r\n", NEW)
    assert new is not None
    assert new.count("\n") == new.count("\r\n") == len(new.splitlines())
    assert {*read(new).trunks} == {"first", "second"}
