"""The command line: one file a verb; the only room that knows click and exit statuses."""

from probe.cli import early  # noqa: I001 - before anything that takes time to load

import importlib
import io
import sys

import click

from probe.cli.exits import Exit

_VERBS = {
    "run": "execute scenarios and say what happened",
    "validate": "check scenario files without placing a call",
    "list": "show what would run",
    "init": "write a first sipprobe.yaml and scenario, or a scenario from one call",
    "explain": "look up a code, a method, a cause; or say why a step of a run failed",
    "report": "write a page, or another report, of stored runs; of several as one",
    "compare": "say what differs between two stored runs, and whether it is worse",
    "doctor": "say what this machine can do; end what killed runs left up",
    "serve": "run scenarios by themselves, and tell Prometheus what came of them",
    "simulate": "start the embedded trunk by itself",
    "schema": "print a JSON Schema",
}


class _LazyGroup(click.Group):
    """Loads a verb's file only when that verb is called: start-up time is the user's time."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _VERBS:
            return None
        module = importlib.import_module(f"probe.cli.{cmd_name}_command")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        mistyped = args and args[0] not in _VERBS and not args[0].startswith("-")
        if mistyped and not ctx.resilient_parsing:  # a shell that completes is told nothing
            import difflib  # noqa: PLC0415 - only for a mistyped verb

            near = difflib.get_close_matches(args[0], _VERBS, 1)
            hint = f"did you mean '{near[0]}'?" if near else "verbs: " + ", ".join(_VERBS)
            raise click.UsageError(f"there is no verb '{args[0]}': {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Verbs"):
            formatter.write_dl(list(_VERBS.items()))


def _version(ctx: click.Context, _parameter: click.Parameter, asked: bool) -> None:
    if asked:
        from probe import __version__  # noqa: PLC0415 - only where it is asked for

        click.echo(f"sipprobe {__version__}")
        ctx.exit()


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    invoke_without_command=False,
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version,
    help="Print the version and leave.",
)  # fmt: skip
def cli() -> None:
    """Place SIP test calls and say, with evidence, what came back and why.

    First call: `sipprobe run trunk-check`, on the embedded trunk, no server needed.
    """


def main() -> None:
    """Run the command line; every way out is one of the documented exit statuses."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that lacks our arrows must not cost the report.
            stream.reconfigure(errors="backslashreplace")
    plugin = "nagios" in sys.argv[1:] or "--format=nagios" in sys.argv[1:]
    try:
        status = _plugin_state() if plugin else _status()
    except (BrokenPipeError, SystemExit):
        # Whoever read our output has left. click answers that with SystemExit(1), which would say
        # NOT_MET.
        status = Exit.UNTESTED if plugin else Exit.INTERNAL
    if early.is_program():
        _leave(int(status or 0))
    sys.exit(int(status or 0))


def _leave(status: int) -> None:
    """End the process without taking it apart, which takes 50 ms once all of it is loaded.

    Return where a thread is to be waited for, and where what was said cannot be written any more:
    Python has its own ways for both.
    """
    import atexit  # noqa: PLC0415 - only on the way out
    import os  # noqa: PLC0415 - only on the way out
    import threading  # noqa: PLC0415 - only on the way out

    others = (one for one in threading.enumerate() if one is not threading.main_thread())
    if any(not one.daemon for one in others):
        return
    atexit._run_exitfuncs()  # noqa: SLF001 - what libraries want done, as multiprocessing does
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except (OSError, ValueError):
        return
    os._exit(status)


def _plugin_state() -> int | None:
    """Run a verb as a monitoring plugin, where it is asked to be one."""
    from probe.cli import plugin  # noqa: PLC0415 - only for a plugin

    return plugin.carried_out(_status) if plugin.asked(sys.argv[1:]) else _status()


def _status() -> int | None:
    """Run a verb and return its status; a failure is told on stderr."""
    try:
        status: int | None = cli.main(standalone_mode=False)
    except click.Abort:
        click.echo("interrupted", err=True)
        return Exit.INTERRUPTED
    except click.ClickException as error:
        error.show()
        return Exit.USAGE
    except Exception as error:  # noqa: BLE001 - our own bug is a named outcome, never a pass
        _report_bug(error)
        return Exit.INTERNAL
    return status


def _report_bug(error: Exception) -> None:
    """Name our own bug; the traceback only where it is asked for."""
    import os  # noqa: PLC0415 - only on the way out
    import traceback  # noqa: PLC0415 - only on the way out

    click.echo(f"sipprobe: internal error: {type(error).__name__}: {error}", err=True)
    if os.environ.get("SIPPROBE_TRACEBACK"):
        traceback.print_exception(error)
    else:
        click.echo("set SIPPROBE_TRACEBACK=1 for the traceback", err=True)
