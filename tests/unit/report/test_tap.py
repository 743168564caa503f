"""The TAP report."""

import re

import yaml
from msgspec.structs import replace
from reportbuilder import finding, report, verdict
from wirebuilder import Wire, answered_call, refused_call

from probe.report.tap import written_tap
from probe.verdict.verdict import Outcome


def test_a_point_for_each_attempt_and_a_story_for_what_was_not_met() -> None:
    """The plan counts them; what could not be tested passes in no consumer."""
    text = "".join(
        written_tap(
            report(
                finding(answered_call().trace()),
                finding(refused_call(403).trace(), verdict(Outcome.NOT_MET)),
                finding(refused_call(403).trace(), verdict(Outcome.INCONCLUSIVE)),
                notes=("embedded trunk used",),
            )
        )
    )
    lines = text.splitlines()
    assert lines[:3] == ["TAP version 14", "1..3", "# embedded trunk used"]
    points = [line for line in lines if re.match(r"(not )?ok ", line)]
    assert [point.split(" - ")[0] for point in points] == ["ok 1", "not ok 2", "not ok 3"]
    assert not any("#" in point for point in points)
    blocks = re.findall(r"^  ---\n(.*?)^  \.\.\.\n", text, re.DOTALL | re.MULTILINE)
    told = [yaml.safe_load(block) for block in blocks]
    assert [one["outcome"] for one in told] == ["NOT_MET", "INCONCLUSIVE"]
    assert told[0]["at"] == {"file": "scenarios/trunk-check.sip.yaml", "line": 9, "column": 5}
    assert any("──── INVITE" in line for line in told[0]["report"])


def test_what_a_peer_wrote_makes_no_directive_and_ends_no_block() -> None:
    """A reason phrase stands in one quoted text; a label that ends in a directive is escaped."""
    phrase = '"\n  ...\nok 2 - forged # SKIP \\" \x85\u2028'
    trace = replace(
        Wire().send("INVITE").receive(403, phrase).trace(), attempt="call 1 # TODO later"
    )
    text = "".join(written_tap(report(finding(trace, verdict(Outcome.NOT_MET, observed=phrase)))))
    lines = text.split("\n")
    assert [line for line in lines if re.match(r"\s*(not )?ok\b", line)] == [lines[2]]
    assert not re.search(r"(?<!\\)#", lines[2])
    assert lines.count("  ...") == 1
    block = yaml.safe_load(text.partition("  ---\n")[2].partition("\n  ...\n")[0])
    assert "forged" in block["message"]
