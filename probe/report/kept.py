"""What a run found, put away as it is judged: a run of any length takes the same memory.

Each value is packed and written to a file without a name, which the kernel takes away with the
process, however that ends. The first ones stay in memory, so that a short run writes nothing
here, and so does what a disk refuses. Nobody but this process can open the file; still no password
and no header field of a profile is put into it, and a value in which another secret is found is put
away without it.

This is working space and not the record: what survives a kill is the journal of the run's folder
(``probe/results.py``).
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TypeVar, overload

from msgspec.structs import replace

from probe.plan.store import without_credentials
from probe.report import encoded
from probe.report.model import Finding, Findings, RunReport, counted
from probe.report.packing import ANYTHING, FINDINGS, TRACES, Packing
from probe.report.passed import Passed, packed, passed, unpacked
from probe.report.pcap import Capture
from probe.report.pile import Pile
from probe.report.rewritten import rewritten
from probe.sip.redact import Redactor
from probe.trace.trace import Trace

IN_MEMORY = 200_000
"""Packed bytes of a shelf that are not written to its file yet: some dozen calls."""

_T = TypeVar("_T")


class Shelf(Sequence[_T]):
    """Values that are put away one after the other and read again by their place."""

    def __init__(
        self,
        folder: Path | None = None,
        *,
        packing: Packing[_T] = ANYTHING,
        secrets: Collection[str] = (),
        in_memory: int = IN_MEMORY,
    ) -> None:
        """Take the folder whose disk has the room, None for that of temporary files.

        ``packing`` knows the kind of the values. ``secrets`` are put away in no value.
        """
        self._packing = packing
        self._pile = Pile(folder, in_memory=in_memory)
        self._secrets = tuple(secrets)
        self._sought = [secret.encode("utf-8", "surrogatepass") for secret in self._secrets]

    def arrange(self, order: Sequence[int] | None) -> None:
        """Let values stand in another order than they came: the place where each was put away."""
        self._pile.arrange(order)

    def add(self, value: _T) -> _T:
        """Put a value away and return it as it was put away, without secrets."""
        data = self._packing.pack(value)
        if any(secret in data for secret in self._sought):
            value = rewritten(value, Redactor(self._secrets))
            data = self._packing.pack(value)
        self._pile.add(data)
        return value

    def __len__(self) -> int:
        return len(self._pile)

    @overload
    def __getitem__(self, place: int) -> _T: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[_T]: ...
    def __getitem__(self, place: int | slice) -> _T | Sequence[_T]:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        number = place + len(self) if place < 0 else place
        if not 0 <= number < len(self):
            raise IndexError(place)
        return self._packing.unpack(self._pile[number])


class KeptFindings(Findings):
    """The findings of a run in their order, and how they came out."""

    def __init__(
        self, shelf: Shelf[Finding], folder: Path | None = None, capture: Capture | None = None
    ) -> None:
        """Take where the findings go, the folder for what is written of them, and their capture."""
        self._shelf = shelf
        self._told = Pile(folder)
        self._stored = Pile(folder)
        self._passes = Pile(folder)
        self._counts: Counter[str] = Counter()
        self.capture = capture
        "The packets of their traces and of the cleaning up, or None where nobody gathered them."

    def add(self, finding: Finding) -> "OneFinding":
        """Put a finding away and return it as it was put away.

        What nobody may read of its attempt is left out.
        """
        self._counts.update(counted((finding,)))
        bare = replace(finding, attempt=without_credentials(finding.attempt))
        one = OneFinding(self._shelf.add(bare))
        self._told.add(one.told_json)
        self._stored.add(one.stored_json)
        self._passes.add(packed(passed(one.finding)))
        if self.capture is not None:
            for each in one.finding.tries:
                self.capture.add(each.trace)
        return one

    def arrange(self, order: Sequence[int] | None) -> None:
        """Let findings stand in another order than they came."""
        self._shelf.arrange(order)
        self._told.arrange(order)
        self._stored.arrange(order)
        self._passes.arrange(order)

    def counts(self) -> dict[str, int]:
        """Return how many were met, not met, inconclusive and flaky."""
        return {name: self._counts[name] for name in counted(())}

    def told(self) -> Iterator[bytes]:
        """Yield each as the JSON report has it, as JSON in UTF-8."""
        return iter(self._told)

    def stored(self) -> Iterator[bytes]:
        """Yield each as trace.json has it, as JSON in UTF-8."""
        return iter(self._stored)

    def passes(self) -> Iterator[Passed | None]:
        """Yield what the line of each pass shows, None for other findings."""
        return map(unpacked, self._passes)

    def __len__(self) -> int:
        return len(self._shelf)

    @overload
    def __getitem__(self, place: int) -> Finding: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Finding]: ...
    def __getitem__(self, place: int | slice) -> Finding | Sequence[Finding]:
        return self._shelf[place]


class OneFinding(Findings):
    """One finding alone, with what is written of it."""

    def __init__(self, finding: Finding) -> None:
        """Take the finding; what is written of it is made here, once."""
        self.finding = finding
        "The finding."
        self.told_json = encoded.told(finding)
        "The finding as report.json has it."
        self.stored_json = encoded.stored(finding)
        "The finding as trace.json has it."

    def counts(self) -> dict[str, int]:
        """Return how it came out."""
        return counted((self.finding,))

    def told(self) -> Iterator[bytes]:
        """Yield it as the JSON report has it."""
        yield self.told_json

    def stored(self) -> Iterator[bytes]:
        """Yield it as trace.json has it."""
        yield self.stored_json

    def __len__(self) -> int:
        return 1

    @overload
    def __getitem__(self, place: int) -> Finding: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Finding]: ...
    def __getitem__(self, place: int | slice) -> Finding | Sequence[Finding]:
        return (self.finding,)[place]


class Swept(Shelf[Trace]):
    """What was sent after the last attempt of each scenario."""

    capture: Capture | None = None
    "Where its packets go, too."

    def add(self, value: Trace) -> Trace:
        """Put a trace away."""
        value = super().add(value)
        if self.capture is not None:
            self.capture.add(value)
        return value


class Kept:
    """All that a run found."""

    def __init__(self, folder: Path | None = None, *, secrets: Collection[str] = ()) -> None:
        """Take the folder whose disk has the room, and what must not be put away."""
        capture = Capture(folder)
        self.findings = KeptFindings(
            Shelf(folder, packing=FINDINGS, secrets=secrets), folder, capture
        )
        "In the order of the scenarios and their steps."
        self.cleanup = Swept(folder, packing=TRACES, secrets=secrets)
        "What was sent after the last attempt of each scenario."
        self.cleanup.capture = capture

    @staticmethod
    def tidy() -> None:
        """Give the memory that a scenario has left back to the system.

        glibc does so only at the end of its heap. What lies behind anything that stays, be it a
        hundred bytes, is kept, and a run of thousands of calls grew by 2 kB for each of them.
        """
        _malloc_trim()(0)


@cache
def _malloc_trim() -> Callable[[int], object]:
    """Return malloc_trim(3), or what does nothing where the C library has none."""
    import ctypes  # noqa: PLC0415 - 5 ms that only a run pays

    try:
        trim: Callable[[int], object] = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return lambda _spare: None
    return trim


def changed(
    report: RunReport,
    *,
    finding: Callable[[Finding], Finding],
    trace: Callable[[Trace], Trace],
) -> RunReport:
    """Return a report whose findings, and the traces of its cleaning up, were changed one by one.

    What is in memory stays there; what was put away is put away again.
    """
    if not isinstance(report.findings, Findings) or isinstance(report.findings, OneFinding):
        return replace(
            report,
            findings=tuple(map(finding, report.findings)),
            cleanup=tuple(map(trace, report.cleanup)),
        )
    kept = Kept()
    for one in report.findings:
        kept.findings.add(finding(one))
    for swept in report.cleanup:
        kept.cleanup.add(trace(swept))
    return replace(report, findings=kept.findings, cleanup=kept.cleanup)
