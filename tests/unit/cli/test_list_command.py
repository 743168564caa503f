"""`sipprobe list`: what would run."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from commandline import Ended

Sipprobe = Callable[..., Ended]


def test_list_shows_what_each_scenario_does(sipprobe: Sipprobe, carrier: Path) -> None:
    """Name, title, tags, steps, trunk and file."""
    (carrier / "scenarios" / "plain.sip.yaml").write_text(
        "trunk: carrier\nsteps: [register: , wait: 1s]\n"
    )
    assert sipprobe("list") == Ended(
        status=0,
        out="one-call          One call  [call]\n"
        "                  call   (trunk carrier, scenarios/one-call.sip.yaml)\n"
        "one-registration  One registration  [smoke]\n"
        "                  register   (trunk carrier, scenarios/one-registration.sip.yaml)\n"
        "plain             plain\n"
        "                  register → wait   (trunk carrier, scenarios/plain.sip.yaml)\n",
        err="",
    )


def test_json_is_for_programs(sipprobe: Sipprobe, carrier: Path) -> None:
    """--json says the same as values."""
    ended = sipprobe("list", "--json", "-t", "call")
    assert ended.status == 0
    assert json.loads(ended.out) == [
        {
            "id": "one-call",
            "row": None,
            "name": "One call",
            "file": "scenarios/one-call.sip.yaml",
            "tags": ["call"],
            "trunk": "carrier",
            "steps": ["call"],
        }
    ]


@pytest.mark.parametrize(
    ("tags", "chosen"),
    [(["call"], ["one-call"]), (["call", "smoke"], ["one-call", "one-registration"])],
)
def test_tags_add_up(sipprobe: Sipprobe, carrier: Path, tags: list[str], chosen: list[str]) -> None:
    """A scenario with any of the tags is shown."""
    flags = [word for tag in tags for word in ("--tag", tag)]
    assert [row["id"] for row in json.loads(sipprobe("list", "--json", *flags).out)] == chosen


@pytest.mark.parametrize("flags", [["-t", "nightly"], ["-t", "nightly", "--json"]])
def test_nothing_selected_is_a_status_of_its_own(
    sipprobe: Sipprobe, carrier: Path, flags: list[str]
) -> None:
    """As for run."""
    ended = sipprobe("list", *flags)
    assert (ended.status, ended.out) == (5, "")
    assert ended.err.startswith("nothing was selected: of 2 scenarios none has the tag nightly\n")


def test_variable_is_needed_to_read_a_file(sipprobe: Sipprobe, carrier: Path) -> None:
    """A missing one is told at its place; --var gives it."""
    (carrier / "scenarios" / "v.sip.yaml").write_text("name: ${TITLE}\nsteps: [register: ]\n")
    ended = sipprobe("list", "v")
    assert ended.status == 2
    assert "scenarios/v.sip.yaml:1:7: variable TITLE is not set" in ended.err
    assert "given title" in sipprobe("list", "v", "--var", "TITLE=given title").out
