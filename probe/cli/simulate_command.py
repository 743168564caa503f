"""``sipprobe simulate``: start the embedded trunk by itself."""

import signal
import threading

import click

from probe.cli.exits import Exit


@click.command(name="simulate")
@click.option("--list", "show", is_flag=True, help="Show the numbers and what each of them does.")
@click.option("--port", type=click.IntRange(0, 65535), default=5060, show_default=True,
              help="UDP and TCP port; 0 picks a free one.")  # fmt: skip
@click.option("--host", default="127.0.0.1", show_default=True, help="A loopback address.")
@click.option("--user", default="100", show_default=True, help="Its own account's user name.")
@click.option(
    "--password", envvar="SIPPROBE_SIMULATE_PASSWORD",
    help="Of all users, better given as SIPPROBE_SIMULATE_PASSWORD; else a random one is shown.",
)  # fmt: skip
@click.option("--algorithm", type=click.Choice(["MD5", "SHA-256"]), default="MD5",
              show_default=True, help="Digest algorithm of its challenges.")  # fmt: skip
@click.option("--for", "duration", type=float, metavar="SECONDS", help="Stop after so long.")
def command(  # noqa: PLR0913, PLR0917 - one parameter a flag, as click wants it
    show: bool,
    port: int,
    host: str,
    user: str,
    password: str | None,
    algorithm: str,
    duration: float | None,
) -> int:
    """Start the embedded trunk: a registrar, test numbers and a small PBX on loopback.

    It speaks to this machine only. What a dialled number does: `sipprobe simulate --list`.

    Exit status: 0 ended by Ctrl-C or --for, 2 usage, or an address that cannot be had.
    """
    if show:
        return _list()
    from probe.simulator.trunk import EmbeddedTrunk  # noqa: PLC0415 - only where it is started
    from probe.simulator.users import USERS  # noqa: PLC0415 - as above

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        trunk = EmbeddedTrunk(
            host=host,
            port=port,
            user=user,
            password=password,
            algorithm="SHA-256" if algorithm == "SHA-256" else "MD5",
        )
        trunk.start()
    except (OSError, ValueError) as error:
        raise click.ClickException(
            f"the embedded trunk cannot start at {host}:{port}: {error}\n"
            "  use --port 0 for a free port and a loopback --host"
        ) from None
    try:
        shown = f"[{host}]" if ":" in host else host
        click.echo(f"embedded trunk at {shown}:{trunk.udp_port} (UDP and TCP), realm {trunk.realm}")
        click.echo(f"account {user}, " + (
            "password as given" if password else f"password {trunk.password} (for this run only)"
        ))  # fmt: skip
        if user in USERS:
            others = ", ".join(other for other in USERS if other != user)
            click.echo(f"users {others}: the same password")
        click.echo("Ctrl-C ends it; `sipprobe simulate --list` shows its numbers")
        stop.wait(None if duration is None else min(duration, threading.TIMEOUT_MAX))
    finally:
        trunk.stop()
    return Exit.MET


def _list() -> int:
    """Print the tables of numbers: those of the PBX, then one for each answer."""
    from probe.simulator.directory import directory  # noqa: PLC0415 - only where it is shown
    from probe.simulator.numbers import numbers  # noqa: PLC0415 - as above

    rows = [(e.number, e.alias, "", e.does) for e in directory()]
    rows += [(n.number, n.alias or "", " ".join(map(str, n.codes)), n.does) for n in numbers()]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        head = "  ".join(f"{row[column]:<{widths[column]}}" for column in range(3))
        click.echo(f"{head}  {row[3]}")
    return Exit.MET
