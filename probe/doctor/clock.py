"""Is this machine's clock right: as far as the kernel knows, and beside the trunk's own."""

import ctypes

from probe.doctor.check import Check, ok, unchecked, warning

_TIMEX_BYTES = 512
"""More than struct timex of any Linux (adjtimex(2)); modes 0 asks and changes nothing."""

_UNSYNCHRONISED = 5
"TIME_ERROR of adjtimex(2)."

_APART_S = 10.0
"""Seconds between two clocks that are worth a word; a Date header has whole seconds."""

_REMEDY = "Switch time synchronisation on: timedatectl set-ntp true."


def kernel_state() -> int | None:
    """Return the clock state of adjtimex(2), None where the system has no such call."""
    try:
        library = ctypes.CDLL(None, use_errno=True)
        state = int(library.adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES)))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state


def own(state: int | None) -> Check:
    """Check whether the kernel calls its clock synchronised."""
    if state is None:
        return unchecked("clock", "this system does not say whether its clock is synchronised")
    if state == _UNSYNCHRONISED:
        return warning("clock", "the kernel says that it is not synchronised by NTP", _REMEDY)
    return ok("clock", "the kernel says that it is synchronised")


def beside_the_trunk(ahead_s: float | None) -> Check:
    """Check our clock against the Date of the trunk (RFC 3261 §20.17)."""
    if ahead_s is None:
        return unchecked("their clock", "the answer carries no Date")
    if abs(ahead_s) <= _APART_S:
        return ok("their clock", f"within {_APART_S:.0f} s of ours, by their Date")
    way = "ahead of" if ahead_s > 0 else "behind"
    return warning(
        "their clock",
        f"ours is {abs(ahead_s):.0f} s {way} theirs, by their Date: one of the two is wrong",
        f"Compare ours with a third clock. {_REMEDY}",
    )
