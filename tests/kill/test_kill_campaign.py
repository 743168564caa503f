"""The short form of the kill campaign: nothing that was found is lost, nothing stays up."""

import pytest
from kills import campaign, table

KILLS = 10
"""The long form has 200, of runs of 50 calls: `python tests/kill/kills.py --kills 200`."""

SCENARIOS = 4
"""Of five calls each: a run of some seconds, of which its start is not the most."""


@pytest.mark.peer
@pytest.mark.pjsua2
@pytest.mark.timeout(600)
def test_killed_runs_lose_nothing_and_leave_nothing() -> None:
    """Each scenario that was over is on disk, and doctor ends every call and registration.

    Whether a kill hits a call is chance; that one which does is seen to is test_run_orphans.py's.
    """
    done = campaign(KILLS, seed=11, jobs=2, scenarios=SCENARIOS)
    assert all(kill.good for kill in done), table(done)
