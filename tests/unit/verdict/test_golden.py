"""Stored traces are read and judged as on the day they were stored."""

import json
from pathlib import Path

import pytest
from judging import STEP, expectation

from probe.sip.redact import Redactor
from probe.trace.store import redact_trace, trace_from_json, trace_to_json
from probe.trace.trace import Trace
from probe.verdict.judge import judge
from probe.verdict.verdict import Outcome

GOLDEN = Path(__file__).parents[2] / "golden"

CASES: list[tuple[str, dict[str, object], Outcome, str, tuple[str, ...]]] = [
    ("register-401-200", {}, Outcome.MET, "200", ()),
    (
        "register-401-200",
        {"responses": "401 200", "challenge": "required", "request_headers": {"To": "present"}},
        Outcome.MET,
        "401 200",
        (),
    ),
    ("register-401-403", {"responses": "403", "challenge": "required"}, Outcome.MET, "403", ()),
    (
        "register-401-403",
        {"responses": "200"},
        Outcome.NOT_MET,
        "403",
        ("expected 200, got 403 Forbidden (Bad auth)",),
    ),
    (
        "register-403",
        {"responses": "403", "challenge": "required"},
        Outcome.NOT_MET,
        "403",
        ("expected a challenge (401 or 407), got 403 Forbidden",),
    ),
    ("call-407-180-200-bye", {}, Outcome.MET, "100 180 200 ACK BYE", ()),
    (
        "call-407-180-200-bye",
        {"responses": "407 ACK 100 180 200 ACK BYE", "headers": {"P-Asserted-Identity": "absent"}},
        Outcome.MET,
        "407 ACK 100 180 200 ACK BYE",
        (),
    ),
    (
        "call-183-503",
        {"responses": "100? 183? 180 200"},
        Outcome.NOT_MET,
        "100 183 503",
        ("expected 180, got 503 Service Unavailable",),
    ),
    (
        "call-183-503",
        {"responses": "183 503", "headers": {"Retry-After": "/^[0-9]+$/", "Reason": "/cause=34/"}},
        Outcome.MET,
        "100 183 503",
        (),
    ),
    (
        "call-silence",
        {"responses": "180 200"},
        Outcome.NOT_MET,
        "no response (timeout 10 s)",
        ("expected 180, got no response (timeout 10 s)",),
    ),
    ("call-silence", {"failure": "NO_RESPONSE"}, Outcome.MET, "no response (timeout 10 s)", ()),
    (
        "call-port-unreachable",
        {},
        Outcome.NOT_MET,
        "port unreachable",
        ("expected 2xx, got port unreachable",),
    ),
    (
        "call-port-unreachable",
        {"failure": "NO_RESPONSE"},
        Outcome.NOT_MET,
        "port unreachable",
        ("expected NO_RESPONSE, got PORT_UNREACHABLE",),
    ),
    (
        "call-crash",
        {},
        Outcome.INCONCLUSIVE,
        "100 180 200 ACK, then our own agent crashed",
        ("expected BYE, got 100 180 200 ACK, then our own agent crashed",),
    ),
    (
        "call-crash",
        {"responses": "180 200"},
        Outcome.INCONCLUSIVE,
        "100 180 200, then our own agent crashed",
        ("expected 180 200, got our own agent crashed",),
    ),
    ("call-cancel-487", {}, Outcome.MET, "100 180 487 ACK", ()),
    ("call-cancel-487", {"responses": "180 CANCEL 487"}, Outcome.MET, "100 180 CANCEL 487", ()),
    (
        "call-cancel-crossing",
        {},
        Outcome.NOT_MET,
        "100 180 200 ACK BYE",
        ("expected 487 after our CANCEL, got 200 OK",),
    ),
    ("call-cancel-crossing", {"responses": "180 200|487"}, Outcome.MET, "100 180 200", ()),
    ("call-fork", {"responses": "180 200"}, Outcome.MET, "100 180 180 200", ()),
    (
        "call-fork",
        {"responses": "180{1} 200"},
        Outcome.NOT_MET,
        "100 180 180 200",
        ("expected 200, got 180 Ringing",),
    ),
    ("call-200-repeated", {}, Outcome.MET, "100 180 200 ACK BYE", ()),
]


def stored(name: str) -> Trace:
    """Read one stored trace."""
    return trace_from_json(json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("name", "expect", "outcome", "observed", "messages"),
    CASES,
    ids=[
        f"{name}-{' '.join(map(str, expect.values())) or 'default'}" for name, expect, *_ in CASES
    ],
)
def test_a_stored_trace_is_judged_as_ever(
    name: str,
    expect: dict[str, object],
    outcome: Outcome,
    observed: str,
    messages: tuple[str, ...],
) -> None:
    """Outcome, observed sequence and caret lines are part of the contract."""
    verdict = judge(expectation(**expect) if expect else None, stored(name), STEP)
    assert verdict.outcome is outcome
    assert verdict.observed == observed
    assert tuple(mismatch.message for mismatch in verdict.mismatches) == messages


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("call-cancel-crossing", "the call was answered after our CANCEL had left"),
        ("call-200-repeated", "200 OK came 3 more times although our ACK had left"),
    ],
)
def test_a_stored_trace_warns_as_ever(name: str, words: str) -> None:
    """What deserved a look then deserves it now."""
    verdict = judge(expectation(responses="180 200"), stored(name), STEP)
    assert any(warning.startswith(words) for warning in verdict.warnings)


def test_stored_delays_are_measured_as_ever() -> None:
    """From the first INVITE, through the challenge."""
    timing = judge(None, stored("call-407-180-200-bye"), STEP).timing
    assert (timing.srd_s, timing.pdd_s, timing.setup_s) == (1.218, 1.218, 4.731)
    assert judge(None, stored("register-401-200"), STEP).timing.rrd_s == pytest.approx(0.0453)


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*.json")), ids=lambda file: file.stem)
def test_every_stored_trace_is_complete_redacted_and_judged(file: Path) -> None:
    """No file lies about unread, loses a field, or holds a digest."""
    trace = stored(file.stem)
    assert trace_from_json(trace_to_json(trace)) == trace
    assert redact_trace(trace, Redactor()) == trace
    assert file.stem in {name for name, *_ in CASES}
