"""What comes back from a site."""

from msgspec import Struct

from probe.report.model import Finding
from probe.trace.trace import Trace


class Ready(Struct, frozen=True, kw_only=True):
    """A process at a site that has read the texts of a run."""

    station: str
    "Its own id: another process at the same address has another."

    host: str
    "Name of its machine."

    python: str
    "Version of Python."

    scenarios: int
    "How many scenarios it read."

    fault: str = ""
    "Why it cannot take part, or empty."


class Carried(Struct, frozen=True, kw_only=True):
    """One scenario as a site carried it out."""

    number: int
    "Its place in the run."

    findings: tuple[Finding, ...] = ()
    "What was found, without secrets."

    cleanup: tuple[Trace, ...] = ()
    "What was sent after its last attempt."

    notes: tuple[str, ...] = ()
    "What the report must say."

    engine: str = ""
    "pjproject's version."

    refused: str = ""
    "Why nothing of it was tried, or empty."

    broken: str = ""
    "The error of sipprobe itself that ended it, or empty."
