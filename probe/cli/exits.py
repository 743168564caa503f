"""Exit statuses, as documented in docs/command-line.md."""

from enum import IntEnum


class Exit(IntEnum):
    """What a status says to the shell or the CI job."""

    MET = 0
    "Every expectation was met."

    NOT_MET = 1
    "An expectation was not met, an unreachable target included."

    USAGE = 2
    "Wrong usage, an invalid scenario, a missing variable, a destination that is refused."

    UNTESTED = 3
    "We could not test: no pjsua2, no port, no route, the agent crashed."

    INTERNAL = 4
    "A bug of ours."

    NOTHING = 5
    "Nothing was selected."

    INTERRUPTED = 130
    "Interrupted, after hanging up every call and removing every registration."


def exit_for(counts: dict[str, int], *, interrupted: bool) -> Exit:
    """Return the status of a run; NOT_MET wins over UNTESTED."""
    if interrupted:
        return Exit.INTERRUPTED
    if counts["not_met"]:
        return Exit.NOT_MET
    if counts["inconclusive"]:
        return Exit.UNTESTED
    return Exit.MET
