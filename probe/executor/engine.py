"""Asks the installed pjsua2 what it can do, once a process, in a worker of its own."""

import selectors
import time
from functools import lru_cache

from probe.executor.process import WorkerProcess
from probe.plan.capabilities import Capabilities

LIMIT_S = 10.0
"""Longest wait for the answer; it takes about 0.1 s."""


@lru_cache(maxsize=1)
def capabilities_of_engine() -> Capabilities | None:
    """Return what the installed pjsua2 can do, or None where it does not load."""
    process = WorkerProcess()
    try:
        process.send("capabilities")
        limit = time.monotonic() + LIMIT_S
        with selectors.DefaultSelector() as selector:
            selector.register(process, selectors.EVENT_READ)
            while not process.ended and time.monotonic() < limit:
                selector.select(0.1)
                for answer in process.read():
                    if answer["kind"] == "ready":
                        found: Capabilities = answer["capabilities"]
                        return found
    finally:
        process.kill()
        process.close()
    return None
