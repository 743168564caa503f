"""Judges a built wire in one call, for the tests of the verdict."""

from wirebuilder import Wire

from probe.scenario.expectation import Expectation
from probe.scenario.reading import read
from probe.scenario.sequence import SequencePattern, parse_sequence
from probe.scenario.source import Source
from probe.verdict.judge import judge
from probe.verdict.verdict import Verdict

STEP = Source(file="call.sip.yaml", line=4, column=5, length=4, text="  - call: '100'")
"""The place of the step under test: what has no place of its own is shown here."""

LINE = Source(file="call.sip.yaml", line=7, column=18, text="      responses: 100 180 200")
"""The place of its sequence."""


def sequence(text: str) -> SequencePattern:
    """Return a sequence as read from LINE."""
    return parse_sequence(text, LINE)


def expectation(**expect: object) -> Expectation:
    """Return an expectation as read from a file; ``responses`` stands at LINE."""
    if isinstance(expect.get("responses"), str):
        expect["responses"] = sequence(str(expect["responses"]))
    return read(Expectation, expect)


def judged(wire: Wire, **expect: object) -> Verdict:
    """Judge a wire; without expectations by what holds when the file says nothing."""
    return judge(expectation(**expect) if expect else None, wire.trace(), STEP)


def told(verdict: Verdict) -> list[str]:
    """Return the caret lines of a verdict."""
    return [mismatch.message for mismatch in verdict.mismatches]
