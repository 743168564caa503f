"""What the line of a pass shows: put together while its trace is at hand, laid out at the end."""

import msgspec
from msgspec import Struct

from probe.report.flow import flow
from probe.report.model import Finding, Try
from probe.report.text import plain
from probe.verdict.verdict import Outcome

BELONGS = "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}"

LONGEST_WARNING = 500
"""Characters of a warning that are shown."""


class Passed(Struct, frozen=True, array_like=True):
    """A finding that was met, in words, before anybody knows how wide the terminal is."""

    word: str
    "PASS or FLAKY."

    parts: tuple[str, ...]
    "What stands in the line, beginning with the word; it may be broken between two of them."

    warnings: tuple[str, ...]
    "What held but deserves a look."


def passed(finding: Finding) -> Passed | None:
    """Return what the line of a pass shows; None for a finding that was not met."""
    last = finding.last
    if last.verdict.outcome is not Outcome.MET:
        return None
    word, timing = label(finding), last.verdict.timing
    parts = [f"{word.ljust(5)} {name(finding)}", flow(last.trace)]
    parts += [
        f"{key} {value:.3f} s"
        for key, value in (("rrd", timing.rrd_s), ("pdd", timing.pdd_s), ("setup", timing.setup_s))
        if value is not None
    ]
    parts += [
        f"{plain(leg.agent)}: {' '.join(str(r.status) for r in leg.trace.responses())}"
        for leg in last.trace.legs
        if leg.reached
    ]
    if finding.flaky:
        parts.append(f"({tries(finding)})")
    shown = tuple(part for part in parts if part)
    return Passed(word=word, parts=shown, warnings=shown_warnings(last))


def shown_warnings(one: Try) -> tuple[str, ...]:
    """Return what held but deserves a look, as it may be shown."""
    return tuple(plain(warning, LONGEST_WARNING) for warning in one.verdict.warnings)


def packed(one: Passed | None) -> bytes:
    """Return as bytes what the line of a pass shows."""
    return _ENCODER.encode(one)


def unpacked(data: bytes) -> Passed | None:
    """Return what ``packed`` was given."""
    one: Passed | None = _DECODER.decode(data)
    return one


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Passed | None)


def label(finding: Finding) -> str:
    """Return PASS, FLAKY, FAIL or INCONCLUSIVE."""
    outcome = finding.last.verdict.outcome
    if outcome is Outcome.MET:
        return "FLAKY" if finding.flaky else "PASS"
    return "FAIL" if outcome is Outcome.NOT_MET else "INCONCLUSIVE"


def name(finding: Finding) -> str:
    """Return scenario and attempt in words, an angle between them."""
    at = f" at {finding.site}" if finding.site else ""
    return plain(f"{finding.scenario} {BELONGS} {finding.attempt.label}{at}")


def tries(finding: Finding) -> str:
    """Return which attempt of how many this was, empty where there was one and no more allowed."""
    retry = finding.attempt.retry
    allowed = max(len(finding.tries), 1 + retry.times) if retry else len(finding.tries)
    return f"attempt {len(finding.tries)} of {allowed}" if allowed > 1 else ""
