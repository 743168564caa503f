"""What is written is read back as the very text, whatever YAML would make of it."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from probe.drafting.quoting import always_quoted, flow_list, scalar
from probe.scenario.loader import load_settings

TRAPS = (
    "+15551234567", "0123", "0012025550143", "*97", "#31#", "no", "Yes", "on", "null", "~", "1e3",
    "1_000", "0x1F", "12:30", "2026-11-21", "a: b", "a #b", "- a", "a ", "", "'", '"', "\\", "{a}",
    "${HOME}", "$${HOME}", "pass show sip/carrier", "%AB", "@x", "!x", "&x", ">= 3", "é", "\u2028",
)  # fmt: skip


def read_back(value: str) -> str:
    """Return what our loader reads of a value."""
    content = f"vars:\n  it: {value}\n".encode()
    found = load_settings("sipprobe.yaml", variables={}, environ={}, written=content)
    return found.vars["it"]


@pytest.mark.parametrize("text", [t for t in TRAPS if t.strip() and t.isprintable()])
def test_trap_is_read_back_as_it_was(text: str) -> None:
    """Numbers keep their plus and their zeros, switches stay words, variables stay text."""
    assert read_back(scalar(text)) == text
    assert read_back(always_quoted(text)) == text


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_yaml_reader_sees_the_text(text: str) -> None:
    """A plain loader of another program reads a text, and the same one, but for our `$${`."""
    for value in (scalar(text), always_quoted(text)):
        assert "\n" not in value
        assert yaml.safe_load(value) == text.replace("${", "$${")


def test_list_keeps_every_number_apart() -> None:
    """allow_to holds numbers and patterns."""
    assert flow_list(("+1202*", "0123")) == '["+1202*", "0123"]'
