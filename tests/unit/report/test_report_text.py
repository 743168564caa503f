"""Text that a peer wrote, made safe to show."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.report.text import cells, cut, folded, padded, plain, plain_lines, wrapped


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("Busy Here", "Busy Here"),
        ("Occupé 忙", "Occupé 忙"),
        ("\x1b[31mred\x1b[0m", "�[31mred�[0m"),
        ("a\x00b\x7fc\x9bd", "a�b�c�d"),
        ("one\r\ntwo\tthree", "one  two three"),
        ("abc\u202egnp.exe", "abc�gnp.exe"),
        ("zero\u200bwidth", "zero�width"),
        ("not text: \udcff", "not text: �"),
    ],
)
def test_only_signs_are_shown(hostile: str, shown: str) -> None:
    """Escapes, overrides, NUL and bytes that are no text are replaced one for one."""
    assert plain(hostile) == shown


def test_long_text_is_cut() -> None:
    """A reason phrase of a megabyte ends after the limit, with an ellipsis."""
    assert plain("x" * 1_000_000, 10) == "xxxxxxxxx…"


@given(st.text())
def test_any_text_becomes_printable(text: str) -> None:
    """Whatever comes in, what goes out can be printed and is as long."""
    shown = plain(text, None)
    assert shown.isprintable()
    assert len(shown) == len(text)


def test_lines_stay_lines() -> None:
    """A message keeps its lines, and each of them is safe."""
    assert plain_lines("INVITE\r\nVia: \x1b]0;x\r\n\r\n") == ("INVITE", "Via: �]0;x", "", "")


@pytest.mark.parametrize(("text", "width"), [("abc", 3), ("忙しい", 6), ("e\u0301", 1)])
def test_columns_are_counted_as_a_terminal_does(text: str, width: int) -> None:
    """East Asian wide signs take two columns, combining ones none."""
    assert cells(text) == width


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [("abcdef", 6, "abcdef"), ("abcdef", 4, "abc…"), ("忙しいね", 5, "忙し…"), ("ab cd", 4, "ab…")],
)
def test_cut_counts_columns(text: str, width: int, shown: str) -> None:
    """What is cut fits its columns."""
    assert cut(text, width) == shown


@pytest.mark.parametrize(
    ("text", "width"),
    [("ที่นี่", 2), ("한국어", 6), ("\u1112\u1161\u11ab", 2), ("→ ✗ │", 5), ("❤\ufe0f", 2), ("🇩🇪", 2)],
)
def test_columns_of_signs_that_stand_together(text: str, width: int) -> None:
    """Thai vowels, letters of Hangul, emoji: as tables of Unicode have them."""
    assert cells(text) == width


def test_a_cut_keeps_a_letter_with_its_accents() -> None:
    """Half a letter would take the mark of the one before."""
    assert cut("e\u0301e\u0301e\u0301", 2) == "e\u0301…"
    assert cut("忙忙忙", 4) == "忙…"


@given(st.text(), st.integers(min_value=4, max_value=40))
def test_whatever_was_written_is_padded_wrapped_and_folded_to_columns(
    text: str, width: int
) -> None:
    """No line of a report is wider than it may be, in any script."""
    shown = plain(text, None)
    assert cells(padded(cut(shown, width), width)) == width
    assert all(cells(line) <= width for line in wrapped(shown, width, first="  "))
    rows = folded(shown, width)
    assert all(cells(row) <= width for row in rows)
    assert "".join(rows) == shown


def test_further_lines_stand_under_the_first() -> None:
    """By columns, so a wide lead takes its room."""
    assert wrapped("忙しい 忙しい", 12, first="忙: ") == ["忙: 忙しい", "    忙しい"]
    assert wrapped("one two", 6, first="> ", later=">> ") == ["> one", ">> two"]
    assert wrapped("", 10) == []
