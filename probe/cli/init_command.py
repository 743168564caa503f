"""``sipprobe init``: a first sipprobe.yaml and scenario, from answers or from one call."""

import os
from pathlib import Path
from typing import Any

import click

from probe.cli.completing import providers, trunks
from probe.cli.exits import Exit
from probe.cli.init_flags import InitFlags


@click.command(name="init")
@click.option("--uri", metavar="URI", help="Your account, sip:USER@HOST, or HOST with --user.")
@click.option("--user", metavar="NAME", help="User name of the account.")
@click.option("--transport", type=click.Choice(["udp", "tcp", "tls"]), help="Default: udp.")
@click.option("--name", metavar="NAME", help="What the trunk is called; default from its host.")
@click.option("--auth-user", metavar="NAME", help="User of the password, where it is another.")
@click.option(
    "--password-from", metavar="WHERE",
    help="env:VARIABLE, file:PATH, cmd:COMMAND, keyring:SERVICE/USER, or none. Never a password.",
)  # fmt: skip
@click.option(
    "--provider", metavar="NAME", shell_complete=providers,
    help="Whose meanings explain what comes back.",
)  # fmt: skip
@click.option("--country", metavar="CODE", help="Where the trunk leads to: US, DE, ZA.")
@click.option("--number", metavar="NUMBER", help="What the first scenario calls.")
@click.option(
    "--allow-to", multiple=True, metavar="NUMBER",
    help="What may be dialled, * for any digits; may be repeated. Default: --number alone.",
)  # fmt: skip
@click.option(
    "--observe", metavar="NUMBER or URI", help="Place ONE call and write what it came to."
)
@click.option(
    "--trunk", metavar="NAME", shell_complete=trunks,
    help="With --observe: the profile that places the call.",
)  # fmt: skip
@click.option(
    "--answer-within", metavar="DURATION", help="With --observe: how long it may ring. Default 60s."
)
@click.option("--scenario", metavar="NAME", help="Name of the scenario file.")
@click.option(
    "--config", type=click.Path(path_type=Path, dir_okay=False),
    help="sipprobe.yaml to write, or to use, instead of the nearest one upward.",
)  # fmt: skip
@click.option(
    "--results", type=click.Path(path_type=Path, file_okay=False), default=Path("results"),
    show_default=True, help="With --observe: folder for the run's own folder.",
)  # fmt: skip
@click.option("--no-store", "store", flag_value=False, default=True, help="Write no run folder.")
@click.option("-y", "--yes", is_flag=True, help="Ask nothing; what is missing is an error.")
@click.option(
    "--force", is_flag=True,
    help="Put the trunk into a sipprobe.yaml that is there, and write over the scenario; "
    "copies are kept.",
)  # fmt: skip
@click.option("--color", type=click.Choice(["auto", "always", "never"]), help="Default: auto.")
def command(**flags: Any) -> int:  # noqa: ANN401 - click hands over what the flags declare
    """Write sipprobe.yaml and a first scenario: asked at a terminal, or from flags.

    No password is asked for or written: the profile says where it comes from. Nothing is sent,
    and nothing is written over what is there.

    With --observe one call is placed, as `run` would place it, and the scenario asks for what
    came of it.

    Exit status: 0 written, 1 (with --observe) no answer that a scenario could ask for, 2 usage or
    a file that is there, 3 could not test, 130 interrupted.
    """
    from probe.cli import inputs  # noqa: PLC0415 - loads only where it is needed

    asked = InitFlags(**flags)
    with inputs.problems_end_the_command(color=inputs.stderr_color(asked.color)):
        if asked.observe is not None:
            if asked.number is not None:
                raise click.UsageError("--observe names the number: leave out --number")
            if asked.trunk is not None and asked.uri is not None:
                raise click.UsageError("--trunk names a profile that is there: leave out --uri")
            from probe.cli.init_observe import observe  # noqa: PLC0415 - as needed

            return observe(asked.observe, asked)
        for flag in ("trunk", "answer_within"):
            if getattr(asked, flag) is not None:
                raise click.UsageError(f"--{flag.replace('_', '-')} goes with --observe")
        return _from_answers(asked)


def _from_answers(asked: InitFlags) -> int:
    """Ask or take what is wanted, check it, and write both files."""
    from probe.cli.init_files import Desk  # noqa: PLC0415 - as above
    from probe.cli.init_questions import Questions  # noqa: PLC0415 - as above
    from probe.drafting.first import first_scenario  # noqa: PLC0415 - as above

    desk = Desk.here(asked)
    questions = Questions(asked)
    desk.may_add_a_trunk(questions)
    questions.introduce()
    draft = questions.trunk()
    desk.name_is_free(draft.name)
    desk.scenario_file(asked.scenario or draft.name)
    number = questions.number(draft)
    draft = questions.fenced(draft, number)
    desk.add(draft)
    desk.write_scenario(asked.scenario or draft.name, first_scenario(draft, number))
    desk.tell()
    click.echo("\nNext:")
    rows = []
    if draft.variable and not os.environ.get(draft.variable):
        rows.append(
            (
                f"read -rs {draft.variable} && export {draft.variable}",
                "type the password; it goes to no history",
            )
        )
    name = asked.scenario or draft.name
    calls = f" and calls {number}" if number else "; nothing is dialled"
    rows += [
        (f"sipprobe doctor --trunk {draft.name}", "names, OPTIONS, NAT; nothing is dialled"),
        (f"sipprobe run {name}", ("registers" if draft.password_from else "asks") + calls),
        (
            f"sipprobe run {name} --trunk embedded",
            "on the built-in trunk: nothing leaves this machine",
        ),
    ]
    width = max(len(what) for what, _ in rows)
    for what, why in rows:
        click.echo(f"  {what:<{width}}   # {why}")
    return Exit.MET
