"""The Markdown report."""

import pytest
from reportbuilder import finding, report, verdict
from wirebuilder import Wire, answered_call, refused_call

from probe.report import markdown
from probe.report.markdown import written_markdown
from probe.verdict.verdict import Outcome


def test_a_table_of_all_and_a_block_of_what_was_not_met() -> None:
    """One row a finding; the ladder of a pass is left out."""
    text = "".join(
        written_markdown(
            report(
                finding(answered_call().trace(), step=1),
                finding(refused_call(403).trace(), verdict(Outcome.NOT_MET)),
                notes=("embedded trunk used",),
            )
        )
    )
    assert text.startswith("## sipprobe: 1 met, 1 not met, 0 inconclusive\n")
    assert text.count("\n| PASS | ") == 1
    assert text.count("\n| FAIL | ") == 1
    assert text.count("```text\n") == 1
    assert "> embedded trunk used\n" in text
    assert "──── INVITE" in text


def test_what_a_peer_wrote_closes_no_fence_and_makes_no_markup() -> None:
    """A reason phrase with backticks gets a longer fence; signs of Markdown are escaped."""
    phrase = "```` <b>no</b> | [x](y) @all"
    trace = Wire().send("INVITE").receive(403, phrase).trace()
    judged = verdict(Outcome.NOT_MET, observed=phrase)
    text = "".join(written_markdown(report(finding(trace, judged))))
    table, _, block = text.partition("### ")
    assert "<b>" not in table.replace("\\<b\\>", "")
    assert "\\`\\`\\`\\` \\<b\\>no\\</b\\> \\| \\[x\\](y) \\@all" in table
    assert block.count("`````") == 2


def test_long_reports_are_cut_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages that show Markdown cut without a word."""
    monkeypatch.setattr(markdown, "MOST_ROWS", 2)
    monkeypatch.setattr(markdown, "MOST_BLOCKS", 1)
    broken = [finding(refused_call(403).trace(), verdict(Outcome.NOT_MET)) for _ in range(3)]
    text = "".join(written_markdown(report(*broken)))
    assert text.count("\n| FAIL") == 2
    assert "\n1 more steps are left out of this table.\n" in text
    assert "\n2 more that were not met are left out here.\n" in text
