"""What travels to a site: the texts of a run once, then a ticket for each scenario to carry out.

Both are JSON. A site reads the same texts as the user's machine did, resolves them itself, and
holds them against its own rails, so that nothing is dialled there that its own sipprobe refuses.
"""

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct, json

from probe.scenario.variables import is_hidden
from probe.sip.redact import SHORTEST_SECRET

AT_THE_SITE = "(known at the site)"
"""Stands on the user's machine for a secret variable that only the sites have."""

_NAMED = re.compile(rb"\$\{([A-Za-z_][A-Za-z0-9_]*)")


class Shipment(Struct, frozen=True, kw_only=True):
    """The texts of a run, as every site gets them."""

    run: str
    "The run's id."

    version: str
    "sipprobe's version, which a site must have as well."

    here: str
    "Folder in which the user worked: paths are shown from there."

    files: dict[str, bytes]
    "Contents of all files that were read, by absolute path; no password_file is among them."

    scenarios: tuple[str, ...]
    "The scenario files among them, in the order in which they were named."

    config: str | None
    "The sipprobe.yaml among them, or None."

    variables: dict[str, str]
    "Variables of the command."

    environ: dict[str, str]
    "Variables of the environment that the files name; none that sounds like a secret."

    trunk: str | None
    "Trunk profile over what the scenarios say, or None."

    cps: float | None
    "Calls a second of the whole fleet, or None."

    controls: bool
    "Whether a site may ask on after a failure."

    secrets: tuple[str, ...] = ()
    "Values that no report may show."

    def text(self) -> str:
        """Return it as JSON."""
        return json.encode(self).decode()

    def __repr__(self) -> str:
        """Show which run it is, and nothing of its texts."""
        return f"Shipment({self.run})"


class Ticket(Struct, frozen=True, kw_only=True):
    """Leave to carry out one scenario, once, in one process."""

    run: str
    "The run's id."

    station: str
    "The process that it is for; every other one refuses it."

    number: int
    "Its place in the run."

    scenario: str
    "Id of the scenario."

    named: str
    "What it is called in the report: the id, with its count where it is repeated."

    timeout: float
    "Seconds for all of it."

    labels: tuple[str, ...]
    "Its attempts in words: a site that reads others refuses."

    site: str
    "The site's name."

    def text(self) -> str:
        """Return it as JSON."""
        return json.encode(self).decode()


class Environment(dict[str, str]):
    """An environment in which every variable that sounds like a secret has a value: the sites'."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(environ)

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - as dict declares it
        """Return a value, for an unknown secret what stands for it."""
        found = super().get(name)
        if found:
            return found
        return AT_THE_SITE if is_hidden(name) else default


def wanted(files: Mapping[str, bytes], environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of the environment that files name, but no secret."""
    names = {name.decode() for data in files.values() for name in _NAMED.findall(data)}
    return {
        name: environ[name] for name in sorted(names) if name in environ and not is_hidden(name)
    }


def of_the_site(shipped: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a shipment: its own variables, and the secrets of this machine."""
    return {name: value for name, value in os.environ.items() if is_hidden(name)} | dict(shipped)


def told_openly(shipment: Shipment, secrets: Iterable[str]) -> str | None:
    """Return where a shipment holds one of these secrets, or None."""
    values = {s for s in secrets if len(s) >= SHORTEST_SECRET and s != AT_THE_SITE}
    for path, text in shipment.files.items():
        if any(secret.encode() in text for secret in values):
            return path
    given = {**shipment.variables, **shipment.environ}
    for name, value in given.items():
        if any(secret in value for secret in values):
            return f"variable {name}"
    return None
