"""``sipprobe serve``: run scenarios by themselves, and tell what came of them over HTTP."""

import contextlib
import fcntl
import os
import select
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from probe.cli.exits import Exit

if TYPE_CHECKING:  # the heavy rooms load once the flags are known to be right
    from probe.cli.carrying import Carrier
    from probe.cli.serving import Served
    from probe.monitor.monitor import Monitor
    from probe.monitor.store import Store

TIDY_S = 600.0
"""Distance of two looks for results that are too old."""

_LOOPBACK = ("localhost", "localhost.localdomain", "ip6-localhost")


@click.command(name="serve")
@click.argument(
    "file", required=False, metavar="[FILE]",
    type=click.Path(path_type=Path, dir_okay=False),
)  # fmt: skip
@click.option(
    "--config", type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="sipprobe.yaml to use instead of the nearest one upward.",
)  # fmt: skip
@click.option(
    "--listen", default="127.0.0.1:9817", show_default=True, metavar="HOST:PORT",
    help="Where HTTP is answered; port 0 picks a free one.",
)  # fmt: skip
@click.option(
    "--name", "names", multiple=True, metavar="HOST",
    help="A host name under which it is asked, e.g. behind a proxy. May be repeated.",
)  # fmt: skip
@click.option(
    "--state", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
    help="Folder of results; default: serve/ in sipprobe's state folder.",
)  # fmt: skip
@click.option("--title", default="sipprobe", show_default=True, help="Of the status page.")
@click.option("--check", is_flag=True, help="Read the configuration, say what it runs, and leave.")
def command(  # noqa: PLR0913, PLR0917 - one parameter a flag, as click wants it
    file: Path | None,
    config: Path | None,
    listen: str,
    names: tuple[str, ...],
    state: Path | None,
    title: str,
    check: bool,
) -> int:
    """Run scenarios by themselves, and tell Prometheus and people what came of them.

    What is run stands under serve: in sipprobe.yaml, or in FILE. SIGHUP reads it again. Answers
    /metrics, /probe, /-/healthy, /-/ready, /-/reload and a status page.

    Exit status: 0 ended in order, 2 usage, a wrong configuration, an address or a state folder
    that cannot be had; 3 without pjsua2.
    """
    from probe.cli import inputs  # noqa: PLC0415 - loads where it is needed

    address = _address(listen)
    _needs_packages()
    from probe.cli.serving import read_served  # noqa: PLC0415 - heavy

    with inputs.problems_end_the_command(color=inputs.stderr_color()):
        served = read_served(file, config)
    if check:
        return _tell(served)
    from probe.executor.engine import capabilities_of_engine  # noqa: PLC0415 - heavy

    if capabilities_of_engine() is None:
        click.echo("sipprobe: could not test: pjsua2 cannot be loaded", err=True)
        return Exit.UNTESTED
    service = _Service(served, state or _state_folder(), file, config)
    with service.open():
        service.serve(address, frozenset(names), title)
    return Exit.MET


class _Service:
    """The command under way."""

    def __init__(
        self, served: "Served", state: Path, file: Path | None, config: Path | None
    ) -> None:
        self._served = served
        self._state = state
        self._files = (file, config)
        self._reading = threading.Lock()
        self._store: Store
        self._carrier: Carrier
        self._monitor: Monitor

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """Take the state folder, which is nobody else's meanwhile; raise ClickException."""
        from probe.cli.carrying import Carrier  # noqa: PLC0415 - heavy
        from probe.monitor.monitor import Monitor  # noqa: PLC0415 - heavy
        from probe.monitor.store import Store, StoreError  # noqa: PLC0415 - heavy

        with contextlib.ExitStack() as until_end:
            try:
                until_end.enter_context(_alone_in(self._state))
                self._store = Store(self._state / "serve.sqlite3")
                until_end.callback(self._store.close)
                self._carrier = Carrier(self._served, self._results)
                self._carrier.recover(self._store, _say)
            except StoreError as error:
                raise click.ClickException(str(error)) from None
            self._monitor = Monitor(self._store, self._carrier, told=_say)
            yield

    def serve(self, address: tuple[str, int], names: frozenset[str], title: str) -> None:
        """Answer and run until a signal ends it; raise ClickException."""
        from probe.monitor.app import App  # noqa: PLC0415 - heavy
        from probe.monitor.server import HttpServer  # noqa: PLC0415 - heavy

        self._monitor.use(self._served.rules)
        app = App(
            monitor=self._monitor,
            reload=self._reload,
            report=self._carrier.page,
            names=_names(address[0], names),
            title=title,
        )
        try:
            server = HttpServer(app, *address)
        except OSError as error:
            raise click.ClickException(
                f"cannot listen on {address[0]}:{address[1]}: {error.strerror or error}\n"
                "  choose another address with --listen"
            ) from None
        with _signals() as told:
            server.begin()
            host = f"[{address[0]}]" if ":" in address[0] else address[0]
            _say(f"listening on http://{host}:{server.port}/")
            self._see_to_leftovers()
            self._monitor.begin()
            _say(f"{len(self._served.rules.checks)} checks, results in {self._state}")
            self._until_signal(told)
            _say("ending: calls are hung up, registrations removed")
            whole = self._monitor.stop()
            server.close()
            _say("ended" if whole else "ended; a run did not come to its end in time")

    def _until_signal(self, told: int) -> None:
        """Wait for what ends us; read the configuration again on SIGHUP."""
        while True:
            ready, _, _ = select.select([told], [], [], TIDY_S)
            numbers = os.read(told, 64) if ready else b""
            if any(number != signal.SIGHUP for number in numbers):
                return
            if numbers:
                trouble = self._reload()
                _say(trouble or "the configuration was read again and is in use")
            self._tidy()

    def _reload(self) -> str | None:
        """Read the configuration again; return what is wrong with it, which changes nothing."""
        from probe.cli.serving import read_served  # noqa: PLC0415 - heavy
        from probe.monitor.store import StoreError  # noqa: PLC0415 - heavy
        from probe.scenario.source import ScenarioError  # noqa: PLC0415 - heavy

        with self._reading:
            try:
                served = read_served(*self._files)
                self._carrier.served = served
                self._monitor.use(served.rules)
            except ScenarioError as error:
                trouble = error.render()
            except (StoreError, OSError) as error:
                trouble = str(error)
            else:
                self._served = served
                return None
            self._monitor.keep(trouble)
            return trouble

    def _see_to_leftovers(self) -> None:
        """End what an earlier process left up, before anything new is dialled."""
        from probe.cli.doctor_command import end_orphans  # noqa: PLC0415 - heavy
        from probe.executor.janitor import journals_in  # noqa: PLC0415 - heavy

        if journals_in([self._results]):
            done = end_orphans(self._results, self._files[1] or self._files[0])
            self._monitor.leftovers = done != Exit.MET

    def _tidy(self) -> None:
        from probe.monitor.store import StoreError  # noqa: PLC0415 - heavy

        rules = self._monitor.rules
        try:
            self._carrier.forget(self._store.tidy(rules.keep_days, rules.keep_runs))
        except StoreError as error:
            _say(str(error))

    @property
    def _results(self) -> Path:
        return self._state / "runs"


def _tell(served: "Served") -> int:
    """Say what a configuration runs."""
    for check in served.rules.checks:
        often = "when /probe asks" if check.interval is None else f"every {check.interval:g} s"
        calls = "1 call" if check.calls == 1 else f"{check.calls} calls"
        click.echo(f"{check.module} at {check.target}: {often}, {calls} a run at most")
    rules = served.rules
    click.echo(f"at most {rules.calls_per_hour} calls an hour, {rules.calls_per_day} a day")
    return Exit.MET


def _say(line: str) -> None:
    """Write to the log, which systemd and containers take from stderr."""
    from probe.report.text import plain_lines  # noqa: PLC0415 - loaded by now

    with contextlib.suppress(OSError):  # whoever read it has left; the runs go on
        for part in plain_lines(line):
            click.echo(part, err=True)


def _address(listen: str) -> tuple[str, int]:
    """Read HOST:PORT; raise UsageError."""
    host, _, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise click.UsageError(f"--listen takes HOST:PORT, got '{listen}'")
    return host, int(port)


def _names(host: str, given: frozenset[str]) -> frozenset[str] | None:
    """Return the names under which we may be asked; None for any, where nobody said one.

    An address always may. Where it listens to other machines, they have names for this one.
    """
    import ipaddress  # noqa: PLC0415 - only here

    known = {name.lower().rstrip(".") for name in given}
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = host.lower() in _LOOPBACK
    if not local and not known:
        return None
    return frozenset({*known, *_LOOPBACK, host.lower()})


def _needs_packages() -> None:
    """Raise ClickException where the packages of the extra are missing."""
    from importlib.util import find_spec  # noqa: PLC0415 - only here

    missing = [name for name in ("prometheus_client", "waitress") if find_spec(name) is None]
    if missing:
        raise click.ClickException(
            f"serve needs {' and '.join(missing)}: pip install 'sipprobe[serve]'"
        )


def _state_folder() -> Path:
    from probe.executor.ledger import ledger_file  # noqa: PLC0415 - heavy

    return ledger_file().parent / "serve"


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Hold a folder's lock: two processes would place the calls of one configuration twice."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise click.ClickException(
            f"the state folder {folder} cannot be used: {error.strerror}\n  choose one with --state"
        ) from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise click.ClickException(
                f"another sipprobe serve uses {folder}\n  end it, or choose a folder with --state"
            ) from None
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _signals() -> Iterator[int]:
    """Give a descriptor from which the numbers of signals are read, one byte each."""
    read, write = os.pipe()
    os.set_blocking(write, False)

    def note(number: int, _frame: FrameType | None) -> None:
        with contextlib.suppress(OSError):
            os.write(write, bytes([number]))

    wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, note) for number in wanted}
    try:
        yield read
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(read)
        os.close(write)
