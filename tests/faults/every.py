"""All faults of the lab. A file of faults adds its `FAULTS` here."""

import dialling
import incall
import media
import naming
import network
import offers
import outcomes
import own
import policy
import registration
import tls
import unknown
import voices
from lab import Fault

FAULTS: tuple[Fault, ...] = (
    *registration.FAULTS,
    *dialling.FAULTS,
    *outcomes.FAULTS,
    *offers.FAULTS,
    *incall.FAULTS,
    *unknown.FAULTS,
    *tls.FAULTS,
    *policy.FAULTS,
    *own.FAULTS,
    *network.FAULTS,
    *naming.FAULTS,
    *media.FAULTS,
    *voices.FAULTS,
)


def chosen(only: str = "", families: str = "") -> tuple[Fault, ...]:
    """Return the faults whose cause or name is among `only` (commas) and whose family is wanted."""
    wanted = {word.strip() for word in only.split(",") if word.strip()}
    return tuple(
        fault
        for fault in FAULTS
        if (not wanted or wanted & {fault.cause or "none", fault.identity, fault.name})
        and (not families or fault.family in families)
    )
