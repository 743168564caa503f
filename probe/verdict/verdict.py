"""The verdict and its parts."""

from enum import Enum

from msgspec import Struct

from probe.scenario.source import Source


class Outcome(Enum):
    """What the attempt says about the trunk."""

    MET = "MET"
    "Everything expected came."

    NOT_MET = "NOT_MET"
    "Something expected did not come, or something else came."

    INCONCLUSIVE = "INCONCLUSIVE"
    "We could not test: the fault was ours."


class Mismatch(Struct, frozen=True, kw_only=True):
    """One thing that was not as expected."""

    path: str
    "Which expectation, e.g. ``expect.responses`` or ``expect.timing.pdd``."

    expected: str
    "What was wanted, in the words of the file."

    observed: str
    "What happened instead, in the same words where possible."

    evidence: tuple[int, ...]
    "Indices of the events that prove it, in order."

    source: Source
    "The exact place in the file that was not met."

    message: str
    "One phrase for the caret line, e.g. ``expected 180, got 503 Service Unavailable``."


class Measured(Struct, frozen=True, kw_only=True):
    """One bound with its measured value, kept also where it held."""

    name: str
    "rrd, srd, pdd, setup or total (RFC 6076 §4 where it has the term)."

    value_s: float | None
    "Measured seconds, or None where the event that ends it never came."

    bound: str
    "The bound in the words of the file; empty where none was set."

    state: str
    "ok, warn, fail, or none where no value came and another mismatch says why, or nobody can say."


class MediaMeasured(Struct, frozen=True, kw_only=True):
    """One bound on audio with its measured value, kept also where it held."""

    agent: str
    "Agent of a talk; empty for the agent of the step itself."

    name: str
    "loss, jitter, mos … (probe/scenario/media_expectation.py)."

    value: float | None
    "Measured value in ``unit``, or None where there is none."

    unit: str
    "s, %, or empty for a plain number."

    bound: str
    "The bound in the words of the file."

    state: str
    "ok, warn, fail, or none where the value could not be known."


class Timing(Struct, frozen=True, kw_only=True):
    """The delays of an attempt in seconds; None where the event that ends one never came."""

    rrd_s: float | None
    "Registration request delay (RFC 6076 §4.1): first REGISTER to its 200."

    srd_s: float | None
    "Session request delay (RFC 6076 §4.3): first INVITE to the first status beyond 100."

    pdd_s: float | None
    "Post-dial delay: first INVITE to first 18x."

    setup_s: float | None
    "First INVITE to the 200 of INVITE."

    total_s: float
    "Beginning to end of the attempt."


class Verdict(Struct, frozen=True, kw_only=True):
    """What was judged."""

    outcome: Outcome
    "MET, NOT_MET or INCONCLUSIVE."

    mismatches: tuple[Mismatch, ...]
    "Empty where MET; where INCONCLUSIVE, what was left open."

    warnings: tuple[str, ...]
    "What held but deserves a look: a bound's warn value, a repeated 200, a wrong CSeq."

    timing: Timing
    "Every delay that could be measured."

    measured: tuple[Measured, ...]
    "Every bound of the file with its value."

    expected: str
    "The expected sequence in the file's words, or the default's."

    observed: str
    "The observed sequence in the same vocabulary, e.g. ``100 183 503``."

    media: tuple[MediaMeasured, ...] = ()
    "Every bound on audio with its value."
