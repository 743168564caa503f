"""A network namespace of our own: what a hostile answer makes us send stays on its loopback.

A mutated Contact, Via or c= line names any address and any host. In a namespace that holds nothing
but ``lo``, the kernel refuses all of them at once, and no resolver can be asked.
"""

import ctypes
import os
import shutil
import subprocess
import sys
from functools import cache

_INSIDE = "SIPPROBE_TEST_NAMESPACE"
_ENTER = (shutil.which("unshare") or "unshare", "--map-root-user", "--net")
_SET_PDEATHSIG = 1


@cache
def why_not() -> str | None:
    """Say why no namespace can be made here, or return None."""
    try:
        asked = subprocess.run(
            [*_ENTER, "ip", "link", "set", "lo", "up"],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except OSError as error:
        return f"unshare cannot be run ({error.strerror}): install util-linux and iproute2"
    if asked.returncode != 0:
        return (
            f"no network namespace of our own: {asked.stderr.strip()}; run as root, or allow it "
            "with sysctl kernel.unprivileged_userns_clone=1"
        )
    return None


def command(*args: str) -> list[str]:
    """Return a command line that runs Python with these arguments in a new namespace."""
    return [*_ENTER, "sh", "-c", 'ip link set lo up && exec "$@"', "sh", sys.executable, *args]


def environment() -> dict[str, str]:
    """Return the environment of a command in the namespace, marked as such."""
    return {**os.environ, _INSIDE: "1"}


def enter() -> None:
    """Run this program again in a namespace of its own, unless it is in one already."""
    if os.environ.get(_INSIDE) == "1":
        # Whoever started us may be killed: nothing may outlive it here.
        ctypes.CDLL(None).prctl(_SET_PDEATHSIG, 15)
        return
    reason = why_not()
    if reason is not None:
        raise SystemExit(reason)
    wanted = command(*sys.argv)
    os.execve(wanted[0], wanted, environment())  # noqa: S606 - no shell but the one line above
