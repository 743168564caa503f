"""Five ways of not reaching anybody are five explanations, and none of them shows a code."""

import re

from casebuilder import explain
from stories import NAMES, TLS, TRANSPORT

from probe.diagnosis.explanation import Explanation

WANTED = {
    "closed UDP port": ("certain", "F014"),
    "silence": ("undecided", "F015"),
    "name does not exist": ("certain", "F001"),
    "TCP refused": ("certain", "F018"),
    "issuer unknown": ("certain", "F039"),
}


def five() -> dict[str, Explanation]:
    """Return the explanations of the five."""
    return {
        story.name: explain(story.trace, **story.facts)
        for story in (*NAMES, *TRANSPORT, *TLS)
        if story.name in WANTED
    }


def test_each_has_its_own_cause() -> None:
    """Each is told apart from the other four."""
    assert {name: (why.certainty.value, why.causes[0].id) for name, why in five().items()} == WANTED


def test_each_has_its_own_words() -> None:
    """Summaries and first steps differ."""
    found = five().values()
    assert len({why.summary for why in found}) == 5
    assert len({why.next_steps[0] for why in found}) == 5


def test_none_shows_a_code() -> None:
    """Nobody sent 408, 502 or 503, so nobody reads them."""
    for why in five().values():
        assert why.reference is None
        assert not re.search(r"\b(408|502|503)\b", " ".join((why.summary, *why.observed)))


def test_only_silence_speaks_of_our_deadline() -> None:
    """The deadline that ended it is named with its key; the others ended at once."""
    spoken = {name: "`timeout:`" in why.summary for name, why in five().items()}
    assert [name for name, said in spoken.items() if said] == ["silence"]
