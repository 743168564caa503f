"""What a shell completes: the words that the command would take here."""

from pathlib import Path

import pytest
from click.shell_completion import BashComplete

from probe.cli import cli


def completed(line: str) -> list[str]:
    """Return what the shell gets for a line; its last word is the one that is being typed."""
    *words, last = line.split(" ")
    complete = BashComplete(cli, {}, "sipprobe", "_SIPPROBE_COMPLETE")
    return [item.value for item in complete.get_completions(words, last)]


@pytest.mark.usefixtures("carrier")
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("val", ["validate"]),
        ("run one-", ["one-call", "one-registration"]),
        ("list trunk", ["trunk-check"]),
        ("run --trunk ", ["embedded", "carrier"]),
        ("doctor --trunk c", ["carrier"]),
        ("init --observe 100 --trunk e", ["embedded"]),
        ("run --exitf", ["--exitfirst"]),
        ("simulate --algorithm S", ["SHA-256"]),
        ("rum --t", []),
    ],
)
def test_words_that_fit_are_completed(line: str, words: list[str]) -> None:
    """Verbs, flags, choices, scenarios of ./scenarios and of ours, trunks."""
    assert completed(line) == words


def test_path_is_left_to_the_shell(carrier: Path) -> None:
    """What holds a slash or a dot is completed as a file."""
    del carrier
    complete = BashComplete(cli, {}, "sipprobe", "_SIPPROBE_COMPLETE")
    (item,) = complete.get_completions(["run"], "./scen")
    assert item.type == "file"


def test_settings_that_cannot_be_read_complete_to_the_embedded_trunk(here: Path) -> None:
    """Whoever types is not told of a fault in a file."""
    (here / "sipprobe.yaml").write_text("trunks: [")
    assert completed("run --trunk ") == ["embedded"]
