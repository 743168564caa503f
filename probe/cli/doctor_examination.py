"""What ``sipprobe doctor`` looks at and prints where no orphans are to be ended."""

import contextlib
import difflib
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec import Struct

from probe.cli import inputs
from probe.cli.exits import Exit
from probe.cli.terminal import columns
from probe.doctor.check import State
from probe.doctor.examine import examine
from probe.doctor.subject import Patient, Subject
from probe.doctor.told import as_json, as_text
from probe.plan.accounts import address_of, make_account, missing_files
from probe.scenario.schema import EMBEDDED, Profile, Settings

if TYPE_CHECKING:
    from probe.simulator.trunk import EmbeddedTrunk


class Asked(Struct, frozen=True, kw_only=True):
    """The flags."""

    trunk: str | None
    "Name of the trunk profile, or None."

    results: Path
    "Folder of the runs."

    config: Path | None
    "sipprobe.yaml to use, or None for the nearest one."

    form: str
    "text or json."

    color: str | None
    "auto, always, never or None."


def examination(asked: Asked) -> int:
    """Look at everything, print it, and return 1 where there is a fault."""
    from probe import __version__  # noqa: PLC0415 - with its use

    with contextlib.ExitStack() as until_end:
        with inputs.problems_end_the_command(color=inputs.stderr_color(asked.color)):
            patient = _patient(asked, until_end)
        found = examine(Subject(asked.results, patient))
    if asked.form == "json":
        text = as_json(found, version=__version__, vantage=platform.node(), trunk=asked.trunk or "")
    else:
        text = as_text(
            found,
            trunk=_named(asked.trunk, patient),
            width=max(60, columns(100)),
            color=inputs.wants_color(asked.color, sys.stdout.isatty()),
        )
    click.echo(text, color=True)
    return Exit.NOT_MET if any(c.state is State.FAULT for c in found.checks) else Exit.MET


def _named(trunk: str | None, patient: Patient | None) -> str:
    if patient is None:
        return ""
    account = patient.account
    return f"{trunk}: {account.registrar} over {account.transport}"


def _patient(asked: Asked, until_end: contextlib.ExitStack) -> Patient | None:
    """Return the trunk that was named; raise click.UsageError where there is none of that name."""
    if asked.trunk is None:
        return None
    if asked.trunk == EMBEDDED:
        from probe.simulator.trunk import EmbeddedTrunk  # noqa: PLC0415 - only where it is wanted

        return _of(EMBEDDED, _profile(until_end.enter_context(EmbeddedTrunk())), embedded=True)
    known = inputs.settings({}, asked.config)
    if asked.trunk in known.unresolved:
        known.profile(asked.trunk)  # says which variable is missing
    profile = known.trunks.get(asked.trunk)
    if profile is None:
        raise click.UsageError(f"there is no trunk profile '{asked.trunk}': {_hint(asked, known)}")
    return _of(asked.trunk, profile, embedded=False)


def _hint(asked: Asked, known: Settings) -> str:
    names = [*known.trunks, EMBEDDED]
    near = difflib.get_close_matches(asked.trunk or "", names, 1)
    return f"did you mean '{near[0]}'?" if near else f"there are {', '.join(names)}"


def _profile(trunk: "EmbeddedTrunk") -> Profile:
    return Profile(uri=f"sip:{trunk.user}@{trunk.host}:{trunk.udp_port}", local_address=trunk.host)


def _of(name: str, profile: Profile, *, embedded: bool) -> Patient:
    """Return a profile as an account without its password, which nobody needs here."""
    from probe import __version__  # noqa: PLC0415 - with its use

    address = address_of(profile.uri or "")
    if address is None:
        raise click.UsageError(f"the trunk profile '{name}' has no usable `uri:`")
    account = make_account(
        name,
        profile,
        address,
        password=None,
        user_agent=f"sipprobe/{__version__}",
        embedded=embedded,
    )
    return Patient(
        account=account,
        missing_files=tuple(sorted(missing_files(profile).items())),
        keyring=profile.password_keyring is not None,
    )
