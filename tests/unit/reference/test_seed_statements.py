"""Every statement of the two first pages is shown by the command that the table gives for it."""

import re
import shlex
from pathlib import Path

import pytest

from probe.reference.explain import explain
from probe.reference.reference import Direction

TABLE = Path(__file__).parents[3] / "docs" / "seed-statements.md"
FLAGS = {f"--{way.value}": way for way in Direction}


def rows() -> list[tuple[str, str, str]]:
    """Statement, command and words to be found, row by row."""
    found = []
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) == 4 and cells[1].startswith("`"):
            found.append((cells[0], cells[1].strip("`"), cells[2]))
    return found


def shown_by(command: str) -> str:
    """Run an explain command of the table, as one line."""
    program, verb, subject, *options = shlex.split(command)
    assert (program, verb) == ("sipprobe", "explain")
    provider, direction = None, None
    while options:
        option = options.pop(0)
        if option == "--provider":
            provider = options.pop(0)
        else:
            direction = FLAGS[option]
    return re.sub(r"\s+", " ", explain(subject, provider=provider, direction=direction))


@pytest.mark.parametrize(("statement", "command", "words"), rows())
def test_statement_is_shown_by_its_command(statement: str, command: str, words: str) -> None:
    """The table's command shows the table's statement."""
    assert words in shown_by(command), statement


def test_table_holds_every_code_and_method_of_both_pages() -> None:
    """No code or method that the pages speak of is missing from the table."""
    told = {
        (
            "sip.us"
            if "--provider sip.us" in command
            else "ninja"
            if "--provider ninja" in command
            else None,
            shlex.split(command)[2],
        )
        for _, command, _ in rows()
    }
    ours = ["401", "403", "404", "486", "487", "500", "503", "603", "100", "180", "200", "ACK"]
    assert {("sip.us", word) for word in ours} <= told
    assert {("ninja", code) for code in ("403", "404", "486", "488", "503")} <= told
    methods = ["REGISTER", "INVITE", "BYE", "CANCEL", "ACK", "SUBSCRIBE", "NOTIFY", "REFER"]
    classes = [f"{n}xx" for n in range(1, 7)] + [f"{n}00-{n}99" for n in range(1, 7)]
    assert {(None, word) for word in (*methods, *classes)} <= told


def test_slip_of_402_for_a_wrong_password_is_not_passed_on() -> None:
    """ICTGlobe's 402 in the text under heading 403 is put right, and said to be."""
    page = shown_by("sipprobe explain 403 --provider ninja")
    assert "heading says 403 and its text says 402, a slip" in page
    general = shown_by("sipprobe explain 402 --provider ninja")
    assert "says nothing of its own" in general


def test_local_failure_is_put_right() -> None:
    """The loose short wordings of 4xx and 5xx are corrected where the class is explained."""
    assert "Often called local failure. That is loose" in shown_by("sipprobe explain 4xx")
    assert "Often called internal error. That is loose" in shown_by("sipprobe explain 5xx")


def test_redial_is_advice_for_a_person_only() -> None:
    """ICTGlobe's advice to redial on 486 comes with the back-off that software owes."""
    page = shown_by("sipprobe explain 486 --provider ninja")
    assert "software must back off first" in page
