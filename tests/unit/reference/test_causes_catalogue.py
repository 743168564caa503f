"""The catalogue of root causes: complete, consistent, and written for the people who read it."""

import re
import time
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
import yaml

Cause = dict[str, Any]

COMMON_KEYS = ("id", "name", "layer", "class", "summary", "signature", "look_alikes", "fix")
CLASS_KEYS = {"I": (), "C": ("control",), "N": ("ask",)}
FAMILIES = (
    ("A. DNS", "F001", "F012"),
    ("B. Transport and path", "F013", "F036"),
    ("C. TLS", "F037", "F046"),
    ("D. Registration and authentication", "F047", "F071"),
    ("E. Call set-up: numbers, policy, identity", "F072", "F135"),
    ("F. In-call signalling", "F136", "F146"),
    ("G. Media", "F147", "F172"),
    ("S. Caused by the probe or its host", "F173", "F180"),
    ("T. Subscriptions and messages", "F181", "F186"),
)


def read_text() -> str:
    """Return the catalogue as it is installed."""
    return (files("probe") / "reference" / "data" / "causes.yaml").read_text(encoding="utf-8")


def texts(cause: Cause) -> Iterator[Any]:
    """Yield every value of one entry, those of its look-alikes included."""
    for key, value in cause.items():
        if key == "look_alikes":
            for look_alike in value:
                yield from look_alike.values()
        else:
            yield value


@pytest.fixture(scope="module")
def causes() -> list[Cause]:
    """Return the 186 entries in file order."""
    loaded: list[Cause] = yaml.load(read_text(), Loader=yaml.CSafeLoader)
    return loaded


def test_ids_run_from_f001_to_f186_without_gap(causes: list[Cause]) -> None:
    """There are 186 causes, numbered in order."""
    assert [cause["id"] for cause in causes] == [f"F{number:03d}" for number in range(1, 187)]


def test_every_entry_has_exactly_the_keys_of_its_class(causes: list[Cause]) -> None:
    """N brings the question, C brings the control, I brings neither; no key is new or missing."""
    wrong = [
        cause["id"]
        for cause in causes
        if tuple(cause) != (*COMMON_KEYS, *CLASS_KEYS[cause["class"]], "family")
    ]
    assert wrong == []


def test_layers_add_up(causes: list[Cause]) -> None:
    """Each cause belongs to one of six layers, in known numbers."""
    assert Counter(cause["layer"] for cause in causes) == {
        "config": 77,
        "signalling": 36,
        "media": 26,
        "transport": 24,
        "DNS": 12,
        "TLS": 11,
    }


def test_classes_add_up(causes: list[Cause]) -> None:
    """94 causes are shown by one trace, 58 by one more attempt, 34 only the far side can know."""
    assert Counter(cause["class"] for cause in causes) == {"I": 94, "C": 58, "N": 34}


def test_families_are_the_sections_in_order(causes: list[Cause]) -> None:
    """Every family is one unbroken run of ids."""
    expected = [
        family for family, first, last in FAMILIES for _ in range(int(first[1:]), int(last[1:]) + 1)
    ]
    assert [cause["family"] for cause in causes] == expected


def test_yaml_reads_every_value_as_text(causes: list[Cause]) -> None:
    """No value turns into a number, a date or a truth value, and none is empty."""
    odd = [
        (cause["id"], text)
        for cause in causes
        for text in texts(cause)
        if not isinstance(text, str) or not text.strip()
    ]
    assert odd == []


def test_look_alikes_name_other_entries_and_say_what_differs(causes: list[Cause]) -> None:
    """A look-alike is another entry of the catalogue, named once, or none; it always has a tell."""
    known = {cause["id"] for cause in causes}
    wrong = []
    for cause in causes:
        named = [look["cause"] for look in cause["look_alikes"] if "cause" in look]
        others = known - {cause["id"]}
        keys_fit = all(
            tuple(look) in {("cause", "tell"), ("tell",)} for look in cause["look_alikes"]
        )
        if not keys_fit or not set(named) <= others or len(set(named)) != len(named):
            wrong.append(cause["id"])
    assert wrong == []


def test_names_are_short_and_differ(causes: list[Cause]) -> None:
    """A name fits in a line of 70 characters, is no sentence, and belongs to one cause."""
    names = [cause["name"] for cause in causes]
    assert [name for name in names if len(name) > 70 or name.endswith(".")] == []
    assert [name for name, count in Counter(map(str.casefold, names)).items() if count > 1] == []


def test_summary_is_one_sentence(causes: list[Cause]) -> None:
    """A summary is a single sentence that starts with a capital and ends with a full stop."""
    wrong = [
        cause["id"]
        for cause in causes
        if not re.fullmatch(r"[A-Z].*\.", cause["summary"])
        or re.search(r"[.?!] [A-Z]", cause["summary"])
    ]
    assert wrong == []


def test_other_texts_are_whole_sentences(causes: list[Cause]) -> None:
    """What is shown, done and tried ends with a full stop."""
    wrong = [
        (cause["id"], text)
        for cause in causes
        for text in (
            cause["signature"],
            cause["fix"],
            cause.get("control", "."),
            *(look["tell"] for look in cause["look_alikes"]),
        )
        if not text.endswith(".")
    ]
    assert wrong == []


def test_far_side_is_asked_one_question(causes: list[Cause]) -> None:
    """What only the far side can know is put to it as one single question."""
    asked = [cause["ask"] for cause in causes if cause["class"] == "N"]
    assert [ask for ask in asked if not ask.endswith("?") or ask.count("?") != 1] == []


def test_no_working_notes_are_left() -> None:
    """No source tag, path or laboratory word of the catalogue's making reaches the reader."""
    text = read_text()
    assert re.findall(r"\[[A-Z]\d?(?: repro)?\]", text) == []
    assert re.findall(r"(?i)fault server|netns|nftables|/work\b|\bTODO\b|\bTBD\b", text) == []


def test_no_control_characters_are_hidden_in_the_text(causes: list[Cause]) -> None:
    """Every text is printable, with single spaces only."""
    wrong = [
        (cause["id"], text)
        for cause in causes
        for text in texts(cause)
        if not text.isprintable() or text != " ".join(text.split())
    ]
    assert wrong == []


def test_explain_does_not_wait_for_the_catalogue() -> None:
    """One explanation may read the whole file: that costs less than 0.25 s of processor time."""
    text = read_text()
    spent_s = []
    for _ in range(3):
        before_s = time.process_time()
        yaml.load(text, Loader=yaml.CSafeLoader)
        spent_s.append(time.process_time() - before_s)
    assert min(spent_s) < 0.25
