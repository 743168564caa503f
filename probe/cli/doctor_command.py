"""``sipprobe doctor``: what this machine can and cannot do; and end what killed runs left up."""

from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import click

from probe.cli.completing import trunks
from probe.cli.exits import Exit

if TYPE_CHECKING:  # the heavy rooms load only where something was left
    from probe.executor.janitor import Left, LeftRegistration
    from probe.scenario.schema import Settings


@click.command(name="doctor")
@click.option(
    "--trunk", metavar="NAME", shell_complete=trunks,
    help="Look at a trunk, too; sends OPTIONS, no call.",
)  # fmt: skip
@click.option(
    "--orphans", is_flag=True,
    help="End calls and registrations that killed runs left up; sends BYE, CANCEL, REGISTER.",
)  # fmt: skip
@click.option(
    "--results", type=click.Path(path_type=Path, file_okay=False), default=Path("results"),
    show_default=True, help="Folder of the runs.",
)  # fmt: skip
@click.option(
    "--config", type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="sipprobe.yaml to use instead of the nearest one upward.",
)  # fmt: skip
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True,
    help="How the examination is told.",
)  # fmt: skip
@click.option("--color", type=click.Choice(["auto", "always", "never"]), help="Default: auto.")
def command(  # noqa: PLR0913 - each is a flag
    *,
    trunk: str | None,
    orphans: bool,
    results: Path,
    config: Path | None,
    form: str,
    color: str | None,
) -> int:
    """Say what this machine can and cannot do, before a call is placed. Nothing is dialled.

    Without --trunk nothing leaves the machine. With it: DNS, one OPTIONS to each place of the
    trunk, and for TLS some handshakes.

    Exit status: 0 no fault, 1 a fault (with --orphans: something could not be ended), 2 usage.
    """
    if not orphans:
        from probe.cli.doctor_examination import Asked, examination  # noqa: PLC0415 - as needed

        return examination(
            Asked(trunk=trunk, results=results, config=config, form=form, color=color)
        )
    if trunk is not None:
        raise click.UsageError("--orphans looks at every run; it takes no --trunk")
    return end_orphans(results, config)


def end_orphans(results: Path, config: Path | None) -> int:
    """Sweep the journals of runs that are gone."""
    from probe.executor.janitor import journals_in, sweep  # noqa: PLC0415 - for this flag alone
    from probe.executor.ledger import ledger_file  # noqa: PLC0415 - as above

    found = journals_in((results, ledger_file().parent / "live"))
    clean = True
    told = False
    for path in found:
        left = sweep(path)
        clean = _tell(left) and clean
        told = told or bool(left.calls or left.registrations or left.trouble)
        for registration in left.registrations:
            clean = _removed(registration, left, config) and clean
    if not told:
        click.echo("no call or registration was left by a killed run")
    return Exit.MET if clean else Exit.NOT_MET


def _tell(left: "Left") -> bool:
    """Print what a worker left; return whether all its calls are over."""
    from probe.scenario.source import printable  # noqa: PLC0415 - only where there is something

    if left.trouble is not None:
        click.echo(printable(f"{left.run}: left alone, {left.trouble}   ({left.journal})"))
        return left.trouble == "the run goes on"
    for call in left.calls:
        mark = "confirmed" if call.confirmed else "UNCONFIRMED"
        line = f"{left.run}: call to {call.to} of {_time(call.began)}: {mark}: {call.detail}"
        click.echo(printable(line))
        if not call.confirmed:
            click.echo("  look at the trunk whether it is over, and run this again")
    return all(call.confirmed for call in left.calls)


def _removed(registration: "LeftRegistration", left: "Left", config: Path | None) -> bool:
    """Remove a registration where a profile has its password; else say when it ends by itself."""
    from probe.scenario.source import printable  # noqa: PLC0415 - only where there is something

    what = f"{left.run}: registration of {registration.aor} at {registration.local}"
    why_not = _unregister(registration, config)
    if why_not is None:
        left.journal.unlink(missing_ok=True)
        click.echo(printable(f"{what}: removed"))
        return True
    ends = _time(registration.ends_at)
    click.echo(printable(f"{what}: ends by itself at {ends}; not removed: {why_not}"))
    return False


def _unregister(registration: "LeftRegistration", config: Path | None) -> str | None:
    """Register the same contact again and remove it, in a run of its own; say why not, or None."""
    from msgspec.structs import replace  # noqa: PLC0415 - only here

    from probe.cli import inputs  # noqa: PLC0415 - loads only where it is needed
    from probe.executor.crew import EngineMissingError  # noqa: PLC0415 - as above
    from probe.executor.local import LocalExecutor  # noqa: PLC0415 - as above
    from probe.plan.resolve import resolve  # noqa: PLC0415 - as above
    from probe.plan.secrets import Passwords  # noqa: PLC0415 - as above
    from probe.scenario.schema import (  # noqa: PLC0415 - as above
        RegisterStep,
        Scenario,
        UnregisterStep,
    )
    from probe.scenario.source import ScenarioError  # noqa: PLC0415 - as above

    try:
        known = inputs.settings({}, config)
        trunk = _trunk_of(registration, known)
        if trunk is None:
            unread = [f"{n} cannot be used: {p[0].message}" for n, p in known.unresolved.items()]
            return "; ".join(("no profile of sipprobe.yaml is this account", *unread))
        profile = replace(known.trunks[trunk], local_address=registration.local)
        scenario = Scenario(
            id="orphans", file="", trunk=trunk,
            steps=(RegisterStep(index=1), UnregisterStep(index=2)),
        )  # fmt: skip
        plan = resolve(
            scenario,
            replace(known, trunks={trunk: profile}),
            passwords=Passwords(),
        )
    except ScenarioError as error:
        return error.problems[0].message
    executor = LocalExecutor()
    try:
        finals = [ran.tries[-1].final() for ran in executor.run(plan).ran]
    except EngineMissingError as error:
        return str(error)
    finally:
        executor.close()
    if finals[-1] is not None and 200 <= finals[-1].status < 300:
        return None
    # A REGISTER that was refused leaves nothing to take away: then its answer is the reason.
    answers = [final.status for final in finals if final is not None]
    return f"answer {answers[-1]}" if answers else "the registrar did not answer"


def _trunk_of(registration: "LeftRegistration", known: "Settings") -> str | None:
    """Return the profile whose account a registration belongs to, or None."""
    from probe.plan.accounts import address_of  # noqa: PLC0415 - as above

    for name, profile in known.trunks.items():
        address = address_of(profile.uri or "")
        if address is None:
            continue
        aor = f"{address.scheme}:{address.user}@{address.shown_host}"
        registrar = f"{address.scheme}:{address.hostport}{address.suffix}"
        if (aor, registrar) == (registration.aor, registration.registrar):
            return name
    return None


def _time(at: float) -> str:
    """Return a time in UTC."""
    return datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%d %H:%M:%SZ")
