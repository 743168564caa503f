"""Who may take the processor from whom: those who send come before those who judge (Linux).

A worker tells us of each message before it leaves. That wakes us, and on a busy machine whoever is
woken takes the processor from who woke it: the message leaves later than the trace says. A process
of the batch class is woken all the same and takes the processor from nobody (sched(7)).
"""

import os
from contextlib import suppress


def give_way() -> None:
    """Take the processor from no worker of ours, from here on, in this process.

    It needs no right; a system that has no such class is left as it is. A worker inherits the class
    and puts it off (``probe/agent/worker.py``).
    """
    with suppress(AttributeError, OSError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
