"""Holds header fields of the final response and of our request against the file."""

from collections.abc import Mapping

from probe.scenario.expectation import HeaderExpectation
from probe.scenario.source import NOWHERE, Source
from probe.sip.message import COMPACT_FORMS
from probe.verdict.observation import Complaint, Observation, quote
from probe.verdict.verdict import Mismatch


def check_headers(
    wanted: Mapping[str, HeaderExpectation], seen: Observation, place: Source, *, explained: bool
) -> tuple[Complaint, ...]:
    """Check the last final response; ``explained`` says that its absence is already told."""
    if not wanted or (seen.final is None and explained):
        return ()
    index = seen.final.index if seen.final is not None else None
    return _check("expect.headers", wanted, seen, place, index)


def check_request_headers(
    wanted: Mapping[str, HeaderExpectation], seen: Observation, place: Source, *, explained: bool
) -> tuple[Complaint, ...]:
    """Check the last request of the method under test that we sent (never its ACK)."""
    if not wanted or (not seen.requests and explained):
        return ()
    index = seen.requests[-1] if seen.requests else None
    return _check("expect.request_headers", wanted, seen, place, index)


def _check(
    path: str,
    wanted: Mapping[str, HeaderExpectation],
    seen: Observation,
    place: Source,
    index: int | None,
) -> tuple[Complaint, ...]:
    """Hold one message, or the lack of it, against the expected header fields."""
    complaints = []
    for name, header in wanted.items():
        if index is None:
            observed = "no message to look at"
        else:
            values = seen.trace.message(index).all(COMPACT_FORMS.get(name.lower(), name))
            if header.check(values):
                continue
            observed = quote(", ".join(f'"{value}"' for value in values)) or "absent"
        mismatch = Mismatch(
            path=f"{path}.{name}",
            expected=header.text,
            observed=observed,
            evidence=seen.proof_of_absence() if index is None else (index,),
            source=place if header.source == NOWHERE else header.source,
            message=f"expected {name} {header.text}, got {observed}",
        )
        complaints.append(Complaint(mismatch=mismatch, by_absence=index is None))
    return tuple(complaints)
