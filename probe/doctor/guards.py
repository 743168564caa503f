"""What keeps a test call from doing harm: emergency numbers, and where passwords are kept."""

import importlib.metadata
import importlib.util
from collections.abc import Callable

from probe.doctor.check import Check, fault, ok, unchecked
from probe.plan.rails import emergency_number

_REFUSED = ("112", "911", "999", "+112", "0112", "sip:911@pbx.example")
"""Spellings that must be refused everywhere, or the rails are not there."""


def rails(refuses: Callable[[str], object] | None = None) -> Check:
    """Check that emergency numbers are refused; nothing is dialled."""
    judge = refuses or (lambda number: emergency_number(number, public=True))
    try:
        open_ones = [number for number in _REFUSED if not judge(number)]
    except Exception as error:  # noqa: BLE001 - whatever is wrong with them, calls must not be placed
        open_ones, why = list(_REFUSED), f": {type(error).__name__}"
    else:
        why = ""
    if not open_ones:
        return ok("emergency", f"loaded: {', '.join(_REFUSED[:3])} and their spellings are refused")
    return fault(
        "emergency",
        f"the list of emergency numbers is damaged{why}: {', '.join(open_ones)} would be dialled",
        "Place no call, and install sipprobe anew.",
    )


def keyring(*, wanted: bool) -> Check:
    """Check that the system's keyring can be asked; ``wanted``: the profile has its password there.

    No password is looked up.
    """
    if importlib.util.find_spec("keyring") is None:
        if wanted:
            return fault(
                "keyring",
                "the profile has its password there, and the package is not installed",
                "Install it: pip install 'sipprobe[keyring]'.",
            )
        return unchecked("keyring", "not installed; only `password_keyring:` needs it")
    version = importlib.metadata.version("keyring")
    if not wanted:
        return ok("keyring", f"installed ({version})")
    try:
        backend = importlib.import_module("keyring").get_keyring()
        priority = float(backend.priority)
    except Exception as error:  # noqa: BLE001 - a backend may raise whatever it likes
        return fault(
            "keyring", f"it cannot be used ({type(error).__name__})", "Try: keyring diagnose"
        )
    if priority <= 0:
        return fault("keyring", "it has no place to keep passwords", "Try: keyring diagnose")
    return ok("keyring", f"installed ({version}), {type(backend).__module__}")
