"""Holds the session description that answered our offer against the file (RFC 3264)."""

import ipaddress

from probe.scenario.expectation import Expectation
from probe.scenario.source import NOWHERE, Source
from probe.sip.sdp import MediaDescription, address_class
from probe.verdict.observation import Complaint, Observation, quote
from probe.verdict.verdict import Mismatch


def check_sdp(
    expectation: Expectation, seen: Observation, place: Source, *, explained: bool
) -> tuple[Complaint, ...]:
    """Check codec, address and direction of the answer; ``explained``: its absence is told."""
    wanted = expectation.sdp
    if wanted is None:
        return ()
    index = answer_index(seen)
    if index is None and explained:
        return ()
    audio, lack = _audio(seen, index)
    found = {
        "codec": (wanted.codec, lack or (audio and audio.codec) or "no codec"),
        "address": (wanted.address, lack or (audio and audio.address) or "no address"),
        "direction": (wanted.direction, lack or (audio and audio.direction) or ""),
    }
    complaints = []
    for key, (expected, raw) in found.items():
        if expected is None or _holds(key, expected, raw):
            continue
        observed = quote(raw) if key != "address" or lack else _address_words(raw)
        source = expectation.source(f"sdp.{key}")
        mismatch = Mismatch(
            path=f"expect.sdp.{key}",
            expected=expected,
            observed=observed,
            evidence=seen.proof_of_absence() if index is None else (index,),
            source=place if source == NOWHERE else source,
            message=f"expected {key} {expected}, got {observed}",
        )
        complaints.append(Complaint(mismatch=mismatch, by_absence=index is None))
    return tuple(complaints)


def answer_index(seen: Observation) -> int | None:
    """Return the index of the response that holds the answer: the 2xx, else the last 18x with SDP.

    A 2xx without a body is complete where a reliable provisional response answered before
    (RFC 3262 §5).
    """
    with_sdp = [r for r in seen.responses if seen.trace.message(r.index).has_sdp]
    answers = [r for r in with_sdp if 200 <= r.status < 300] or [
        r for r in with_sdp if 100 < r.status < 200
    ]
    return answers[-1].index if answers else None


def _audio(seen: Observation, index: int | None) -> tuple[MediaDescription | None, str]:
    """Return the audio section of the answer, or None and what is lacking."""
    answer = seen.trace.message(index).sdp if index is not None else None
    if answer is None:
        return None, "no session description"
    if answer.audio is None:
        return None, "no audio section"
    if answer.audio.port == 0:
        return None, "audio refused (port 0)"
    return answer.audio, ""


def _holds(key: str, expected: str, observed: str) -> bool:
    """Whether one property of the answer is as wanted."""
    if key != "address":
        return observed.lower() == expected.lower()
    kind = address_class(observed)
    if expected in {"public", "private"}:
        return (kind in {"private", "loopback"}) if expected == "private" else kind == expected
    try:
        return ipaddress.ip_address(observed.strip("[]")) == ipaddress.ip_address(expected)
    except ValueError:
        return False


def _address_words(address: str) -> str:
    """Return an address with its class."""
    kind = address_class(address)
    return quote(address) if kind == "name" else f"{address} ({kind})"
