"""Whatever happens, the command line ends with a documented status and says why."""

import errno
import importlib
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from commandline import Ended

from probe import __version__
from probe.cli import _VERBS

ROOT = Path(__file__).parents[3]


def test_version_is_printed(sipprobe: Callable[..., Ended]) -> None:
    """--version names the program and its version, and is no failure."""
    assert sipprobe("--version") == Ended(status=0, out=f"sipprobe {__version__}\n", err="")


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_names_every_verb(sipprobe: Callable[..., Ended], flag: str) -> None:
    """The verbs stand in the help with what they do, in the order of use."""
    ended = sipprobe(flag)
    assert ended.status == 0
    verbs = ended.out.partition("Verbs:")[2]
    named = [
        line.split()[0] for line in verbs.splitlines() if line.startswith("  ") and line[2:3] != " "
    ]
    assert named == list(_VERBS)
    assert {"run", "validate", "list", "explain", "doctor", "simulate", "schema"} <= set(named)


def test_no_verb_is_wrong_usage(sipprobe: Callable[..., Ended]) -> None:
    """Without a verb nothing is done, and the help comes with the usage status."""
    ended = sipprobe()
    assert ended.status == 2
    assert "First call: `sipprobe run trunk-check`" in ended.out + ended.err


def test_mistyped_verb_gets_the_nearest(sipprobe: Callable[..., Ended]) -> None:
    """A slip of the fingers is answered with the verb that was meant."""
    ended = sipprobe("explian", "403")
    assert ended.status == 2
    assert "there is no verb 'explian': did you mean 'explain'?" in ended.err


def test_word_that_is_near_no_verb_gets_all_of_them(sipprobe: Callable[..., Ended]) -> None:
    """Where nothing is near, every verb is named."""
    ended = sipprobe("frobnicate")
    assert ended.status == 2
    assert f"verbs: {', '.join(_VERBS)}" in ended.err


def test_flag_that_does_not_exist_is_wrong_usage(sipprobe: Callable[..., Ended]) -> None:
    """An unknown flag before the verb is named."""
    ended = sipprobe("--frobnicate")
    assert ended.status == 2
    assert "--frobnicate" in ended.err


def test_group_knows_its_verbs_only() -> None:
    """What asks for the commands of the group gets those, and None for any other word."""
    from probe.cli import cli  # noqa: PLC0415 - the group, not the module

    context = click.Context(cli)
    assert cli.list_commands(context)[0] == "run"
    assert cli.get_command(context, "__init__") is None


@pytest.fixture
def verb_that(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Return what makes `sipprobe schema` end with an exception."""

    def fails(error: BaseException) -> None:
        def command(*_: object, **__: object) -> None:
            raise error

        module = importlib.import_module("probe.cli.schema_command")
        monkeypatch.setattr(module.command, "callback", command)

    return fails


def test_bug_of_ours_is_named_and_no_pass(
    sipprobe: Callable[..., Ended], verb_that: Callable[[BaseException], None]
) -> None:
    """An unexpected exception is status 4, one line, and a hint how to see more."""
    verb_that(ZeroDivisionError("division by zero"))
    ended = sipprobe("schema")
    assert ended.status == 4
    assert ended.out == ""
    assert ended.err == (
        "sipprobe: internal error: ZeroDivisionError: division by zero\n"
        "set SIPPROBE_TRACEBACK=1 for the traceback\n"
    )


def test_traceback_is_shown_on_request(
    sipprobe: Callable[..., Ended],
    verb_that: Callable[[BaseException], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With SIPPROBE_TRACEBACK the place of the bug is shown."""
    monkeypatch.setenv("SIPPROBE_TRACEBACK", "1")
    verb_that(ZeroDivisionError("division by zero"))
    ended = sipprobe("schema")
    assert ended.status == 4
    assert "Traceback (most recent call last)" in ended.err
    assert "set SIPPROBE_TRACEBACK" not in ended.err


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort(), EOFError()])
def test_ctrl_c_outside_a_run_is_an_interruption(
    sipprobe: Callable[..., Ended],
    verb_that: Callable[[BaseException], None],
    error: BaseException,
) -> None:
    """Before the first call there is nothing to hang up: status 130 at once."""
    verb_that(error)
    ended = sipprobe("schema")
    assert ended.status == 130
    assert ended.err.strip() == "interrupted"


def test_reader_that_left_is_no_verdict(
    sipprobe: Callable[..., Ended], verb_that: Callable[[BaseException], None]
) -> None:
    """A broken pipe ends the command silently, and not with the status of an unmet expectation."""
    verb_that(BrokenPipeError(errno.EPIPE, "Broken pipe"))
    assert sipprobe("schema") == Ended(status=4, out="", err="")


def test_reader_of_errors_that_left_is_no_verdict(
    sipprobe: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same holds where the pipe breaks while an error is told."""

    def broken(*_: object, **__: object) -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr(click.UsageError, "show", broken)
    assert sipprobe("frobnicate").status == 4


@pytest.mark.parametrize(
    ("arguments", "closed", "other"),
    [(["explain", "403"], "stdout", "stderr"), (["frobnicate"], "stderr", "stdout")],
)
def test_pipe_that_is_closed_for_real_leaves_no_traceback(
    arguments: list[str], closed: str, other: str
) -> None:
    """Nothing is said on the other stream, not even by the interpreter while it ends."""
    command = [sys.executable, "-m", "probe.cli", *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        getattr(process, closed).close()
        assert getattr(process, other).read() == b""
        assert process.wait(timeout=30) == 4


def test_terminal_without_our_signs_still_gets_the_text(
    sipprobe: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where an arrow cannot be encoded, its number stands in its place."""
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding="latin-1", write_through=True) as narrow:
        monkeypatch.setattr(sys, "stdout", narrow)
        ended = sipprobe("list", str(ROOT / "scenarios" / "trunk-check.sip.yaml"))
        said = raw.getvalue()
    assert ended.status == 0
    assert rb"register \u2192 call" in said


def test_stream_that_is_no_text_wrapper_is_left_alone(
    sipprobe: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever embeds us may hand us any stream."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    assert sipprobe("--version").status == 0
    assert stream.getvalue() == f"sipprobe {__version__}\n"


def test_package_runs_as_a_module(capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m probe.cli` is the command; importing its file runs nothing."""
    importlib.import_module("probe.cli.__main__")
    assert capsys.readouterr().out == ""
    ended = subprocess.run(
        [sys.executable, "-m", "probe.cli", "--version"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (0, f"sipprobe {__version__}\n")
