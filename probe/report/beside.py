"""The last good run of a step, as it is shown beside one that was not met."""

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from probe.report.model import Finding
from probe.trace.trace import Trace


class Differing(Struct, frozen=True, kw_only=True):
    """One thing that is not as it was."""

    what: str
    "Aspect and name, e.g. ``sdp: audio codecs``."

    before: str
    "What it was."

    after: str
    "What it is now."

    detail: str = ""
    "How sure that is, where it is a matter of chance."


class LastGood(Struct, frozen=True, kw_only=True):
    """The same step of the same scenario, in the last stored run in which it was met."""

    run_id: str
    "Id of that run."

    at: datetime
    "Aware, when the try that decided began."

    trace: Trace
    "That try, as it was stored: without secrets."

    differences: tuple[Differing, ...]
    "What a comparison of the two names, in its order."


Beside = Callable[[Finding, str], LastGood | None]
"""Finds it, given a finding and the folder of its run as shown (empty where nothing was stored).

None where there is none, or where none may be shown.
"""
