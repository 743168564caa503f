"""The sequence diagram of the Markdown report."""

import re

from reportbuilder import finding, report, verdict
from wirebuilder import Wire, refused_call

from probe.report.markdown import MOST_DIAGRAMS, written_markdown
from probe.report.sequence import coded, diagram
from probe.verdict.verdict import Outcome

_LINE = re.compile(
    r"  (participant (us|peer) as|us->>peer:|peer-->>us:|peer--xus:|Note over us,peer:)"
    r"( [A-Za-z0-9 .,/()+#;-]*)?"
)


def test_a_refused_call_is_drawn() -> None:
    """Requests go right, answers come back; times are seconds since the attempt began."""
    text = diagram(finding(refused_call(403).trace(), verdict(Outcome.NOT_MET)))
    lines = text.splitlines()
    assert lines[:4] == [
        "```mermaid", "sequenceDiagram", "  participant us as probe",
        "  participant peer as pbx.example",
    ]  # fmt: skip
    assert any(re.match(r"  us->>peer: 0\.\d{3} INVITE", line) for line in lines)
    assert any(re.match(r"  peer-->>us: 0\.\d{3} 403", line) for line in lines)
    assert lines[-1] == "```"


def test_what_a_peer_wrote_stays_in_its_line() -> None:
    """No line end, no comment, no fence, no markup: each sign of these is a character code."""
    phrase = 'x; end\n```\n%% <img src=x onerror="a()"> #59; `` Ω'
    text = diagram(finding(Wire().send("INVITE").receive(403, phrase).trace()))
    lines = text.splitlines()
    assert all(_LINE.fullmatch(line) for line in lines[2:-1]), text
    assert not re.search(r"#(?!\d+;)", text)
    assert text.count("```") == 2
    assert coded("a;#") == "a#59;#35;"


def test_a_page_has_ten_diagrams_at_most() -> None:
    """More of them make a page slow."""
    broken = [finding(refused_call(403).trace(), verdict(Outcome.NOT_MET)) for _ in range(12)]
    text = "".join(written_markdown(report(*broken)))
    assert text.count("```mermaid\n") == MOST_DIAGRAMS
    assert text.count("```text\n") == 12


def test_nothing_is_drawn_where_no_message_was_seen() -> None:
    """A diagram without an arrow says less than the block."""
    assert not diagram(finding(Wire().trace()))
