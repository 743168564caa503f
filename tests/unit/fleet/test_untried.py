"""What is said of scenarios that no site carried out to their end."""

import pytest
from shipments import plan_with

from probe.fleet.untried import untried


@pytest.mark.parametrize(("begun", "failure"), [(True, "AGENT_CRASHED"), (False, "NOT_ATTEMPTED")])
def test_each_attempt_is_inconclusive(begun: bool, failure: str) -> None:
    """With the reason, the site, and nothing that nobody saw."""
    carried = untried(plan_with("{calls_per_run: 9}", calls=2), 7, "gone", site="fra", begun=begun)
    assert carried.number == 7
    assert [one.attempt.label for one in carried.findings] == [
        "call +12025550100",
        "call +12025550101",
    ]
    for finding in carried.findings:
        assert finding.site == "fra"
        assert finding.last.verdict.outcome.value == "INCONCLUSIVE"
        failed = finding.last.trace.failure()
        assert failed is not None
        assert (failed.failure.value, failed.detail) == (failure, "gone")
        assert finding.last.trace.responses() == ()
