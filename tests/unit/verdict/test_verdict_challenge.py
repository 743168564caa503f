"""Whether the password was looked at."""

import pytest
from judging import STEP, judged, told
from wirebuilder import Wire, register_ok

from probe.scenario.source import Source
from probe.trace.failure import Failure
from probe.verdict.verdict import Outcome


def test_a_refusal_after_a_challenge_looked_at_the_password() -> None:
    """401 first, then 403: the credentials were refused."""
    wire = Wire("REGISTER").send("REGISTER").receive(401).send("REGISTER", auth=True).receive(403)
    assert judged(wire, challenge="required", responses="403").outcome is Outcome.MET


def test_a_403_before_any_challenge_is_an_access_list() -> None:
    """The sequence matched, and still the password was never looked at."""
    place = Source(file="wrong.sip.yaml", line=8, column=18)
    verdict = judged(
        Wire("REGISTER").send("REGISTER").receive(100).receive(403),
        challenge="required",
        responses="403",
        sources={"challenge": place},
    )
    (mismatch,) = verdict.mismatches
    assert mismatch.message == "expected a challenge (401 or 407), got 403 Forbidden"
    assert (mismatch.path, mismatch.expected) == ("expect.challenge", "required")
    assert (mismatch.source, mismatch.evidence) == (place, (2,))


@pytest.mark.parametrize("header", [None, 'Basic realm="x"'])
def test_a_challenge_must_be_digest(header: str | None) -> None:
    """A 401 that nobody can answer with a digest is no challenge."""
    wire = Wire("REGISTER").send("REGISTER").receive(401, headers={"WWW-Authenticate": header})
    verdict = judged(wire, challenge="required", responses="401")
    assert told(verdict) == [
        "expected a challenge (401 or 407), got 401 Unauthorized without a Digest challenge"
    ]


def test_an_unwanted_challenge_is_a_mismatch_though_it_was_answered() -> None:
    """A trunk that knows us by address should not ask."""
    verdict = judged(register_ok(), challenge="absent")
    assert told(verdict) == ["expected no challenge, got 401 Unauthorized"]
    assert (verdict.mismatches[0].evidence, verdict.mismatches[0].source) == ((1,), STEP)


def test_no_challenge_where_none_is_wanted() -> None:
    """Straight to the 200."""
    wire = Wire("REGISTER").send("REGISTER").receive(200)
    assert judged(wire, challenge="absent").outcome is Outcome.MET


def test_silence_is_told_once() -> None:
    """The default says already that nothing came."""
    wire = Wire("REGISTER").send("REGISTER").fail(Failure.NO_RESPONSE)
    verdict = judged(wire, challenge="required")
    assert [m.path for m in verdict.mismatches] == ["expect"]


def test_silence_as_expected_still_lacks_the_challenge() -> None:
    """Both cannot hold, and the challenge is the one that did not."""
    wire = Wire("REGISTER").send("REGISTER").fail(Failure.NO_RESPONSE)
    verdict = judged(wire, challenge="required", failure="NO_RESPONSE")
    assert told(verdict) == ["expected a challenge (401 or 407), got no response"]
    quiet = Wire("REGISTER").send("REGISTER").receive(100)
    assert told(judged(quiet, challenge="required", responses="100")) == [
        "expected a challenge (401 or 407), got no response"
    ]
