"""Who judges gives way to who calls."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from probe.executor.process import WorkerProcess

pytestmark = pytest.mark.skipif(
    not hasattr(os, "sched_setscheduler"), reason="this system has no such classes"
)


def test_a_supervisor_takes_the_processor_from_nobody() -> None:
    """It is of the batch class from then on."""
    program = (
        "import os; from probe.executor.priority import give_way; give_way();"
        "print(os.sched_getscheduler(0))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) == os.SCHED_BATCH


@pytest.mark.pjsua2
@pytest.mark.parametrize("forks", [False, True])
def test_a_worker_of_a_batch_supervisor_is_ordinary(*, forks: bool) -> None:
    """Else it would wait as long as we do."""
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    try:
        worker = WorkerProcess(forks=forks)
        try:
            while not worker.read():  # hello: it has begun
                assert not worker.ended
            assert os.sched_getscheduler(worker.pid) == os.SCHED_OTHER
            assert Path(f"/proc/{worker.pid}").exists()
        finally:
            worker.close()
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
