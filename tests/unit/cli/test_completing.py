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
        ("run one-c", ["one-call"]),
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


def test_runs_are_completed_newest_first(here: Path) -> None:
    """Only folders that hold a run, and the word for the newest."""
    for name in ("2026-11-20T10-00-00Z-a", "2026-11-21T10-00-00Z-b", "notes"):
        (here / "results" / name).mkdir(parents=True)
        if name != "notes":
            (here / "results" / name / "report.json").write_text("{}")
    stored = ["2026-11-21T10-00-00Z-b", "2026-11-20T10-00-00Z-a"]
    assert completed("compare ") == ["last", *stored]
    assert completed("report 2026") == stored
    assert completed("run --baseline 2026-11-20") == stored[1:]
    assert completed("explain 2026-11-21") == stored[:1]


def test_runs_of_another_folder_are_completed(here: Path) -> None:
    """Where `--results` stands before them."""
    (here / "kept" / "2026-11-20T10-00-00Z-a").mkdir(parents=True)
    (here / "kept" / "2026-11-20T10-00-00Z-a" / "report.json").write_text("{}")
    assert completed("compare --results kept 2") == ["2026-11-20T10-00-00Z-a"]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("explain 40", [str(code) for code in range(400, 409)]),
        ("explain f04", [f"F04{digit}" for digit in range(10)]),
        ("explain INV", ["INVITE"]),
        ("explain retry", ["Retry-After"]),
        ("explain telny", ["telnyx"]),
        ("explain --provider telny", ["telnyx"]),
        ("explain 403 --provider sip", ["sip-us", "sipcity"]),
        ("init --provider plivo", ["plivo"]),
    ],
)
def test_words_of_the_reference_are_completed(line: str, words: list[str]) -> None:
    """Codes, causes, methods, headers and providers, case ignored."""
    assert completed(line) == words


def test_words_of_the_reference_say_what_they_are() -> None:
    """Zsh and fish show it beside the word."""
    complete = BashComplete(cli, {}, "sipprobe", "_SIPPROBE_COMPLETE")
    (item,) = complete.get_completions(["explain"], "403")
    assert item.help == "Forbidden"


def test_tags_are_those_of_the_scenarios_here(here: Path) -> None:
    """However a list of YAML is written; a file that cannot be read has none."""
    folder = here / "scenarios"
    folder.mkdir(exist_ok=True)
    (folder / "a.sip.yaml").write_text("name: a\ntags: [smoke, 'night run']\n")
    (folder / "b.sip.yaml").write_text("tags:\n  - transfer  # slow\n  - smoke\nsteps: []\n")
    (folder / "c.sip.yaml").write_bytes(b"tags: [\xff]\n")
    (folder / "d.sip.yaml").write_text("tags: [one\n")
    assert completed("run --tag ") == ["night run", "smoke", "transfer"]
    assert completed("list -t sm") == ["smoke"]
