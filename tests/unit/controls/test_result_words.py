"""Each control says one of its own words, and the documentation explains each."""

import re
from pathlib import Path

import pytest
from asking import account, answer, attempt, closed_port, datagrams, empty_trace

from probe.controls.inquiry import Inquiry
from probe.controls.results import RESULTS
from probe.trace.control import Control

PAGE = Path(__file__).parents[3] / "docs" / "explanations.md"


@pytest.mark.parametrize("control", list(RESULTS), ids=lambda control: control.value)
def test_each_word_is_explained(control: Control) -> None:
    """The section of a control names its words."""
    section = (
        PAGE.read_text().split(f"### {control.value}\n")[1].split("\n### ")[0].split("\n## ")[0]
    )
    assert [word for word in RESULTS[control] if f"`{word}`" not in section] == []


def test_no_other_control_is_explained_as_free() -> None:
    """The page has a section for each free control, and for no other."""
    asked = re.findall(r"^### ([\w-]+)$", PAGE.read_text(), re.MULTILINE)
    assert sorted(asked) == sorted(control.value for control in RESULTS)


@pytest.mark.parametrize("control", list(RESULTS), ids=lambda control: control.value)
@pytest.mark.parametrize("peer", ["answers", "is silent", "is gone"])
def test_each_says_one_of_its_words(control: Control, peer: str) -> None:
    """Whatever the peer does."""
    reply = answer if peer == "answers" else lambda _: None
    with datagrams(reply) as (port, _):
        of = account(port=closed_port() if peer == "is gone" else port)
        found = Inquiry().ask(control, attempt(of), empty_trace())
    assert found
    assert {event.result for event in found} <= {*RESULTS[control], "not-run"}
    assert all(event.control is control for event in found)
    assert all(text.isprintable() for e in found for text in (e.detail, e.target, *e.facts))
