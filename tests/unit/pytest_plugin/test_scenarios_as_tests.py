"""Scenario files as tests of pytest, on the built-in trunk."""

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

import probe.pytest_plugin.calls  # noqa: F401 - a run in this process forgets what it loads itself

pytest_plugins = ["pytester"]

LIBRARY = Path(__file__).parents[3] / "scenarios"
INSTALLED = any(found.name == "sipprobe" for found in entry_points(group="pytest11"))
OURS = ("-p", "sipprobe" if INSTALLED else "probe.pytest_plugin")
OTHERS = ("randomly", "cacheprovider", "hypothesispytest", "cov", "pytest_cov")
PLAIN = (*OURS, *(word for name in OTHERS for word in ("-p", f"no:{name}")))

REFUSED = """\
name: Our second line
tags: [second-line, skip, "a:b", _x]
steps:
  - call: "9503"
    expect: {responses: 180 200}
"""

NOT_OURS = """\
agents:
  alice: {uri: "sip:100@127.0.0.1:9", local_address: 192.0.2.7}
steps:
  - options:
    from: alice
"""

AGENTS = """\
import pytest

@pytest.fixture
def sipprobe_agents():
    return {
        "alice": {"uri": "sip:100@embedded", "password": "embedded"},
        "bob": {"uri": "sip:101@embedded", "password": "embedded"},
    }
"""

TESTS = """\
def test_called_side(sipprobe):
    call = sipprobe.call("101", from_="alice", at="bob")
    assert call.responses == "100 180 200"
    assert call.met

def test_a_refusal_is_the_test_s_to_judge(sipprobe):
    assert sipprobe.call("9503").responses == "100 503"

def test_register(sipprobe):
    assert sipprobe.register().responses == "200"
    assert sipprobe.register("alice").met

def test_what_was_expected_is_judged(sipprobe):
    sipprobe.call("9503", expect="180 200")

def test_problem(sipprobe):
    sipprobe.run("steps:\\n  - rgister:\\n")

def test_text(sipprobe):
    (found,) = sipprobe.run("steps:\\n  - register:\\n")
    assert found.last.verdict.outcome.value == "MET"
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Return a project with two scenarios, one of which is refused, and a home of its own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(pytester.path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(pytester.path / "config"))
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    folder = pytester.mkdir("scenarios")
    (folder / "options.sip.yaml").write_bytes((LIBRARY / "options.sip.yaml").read_bytes())
    (folder / "refused.sip.yaml").write_text(REFUSED)
    return pytester


def test_a_folder_is_left_alone_until_it_is_asked_for(project: pytest.Pytester) -> None:
    """An installed sipprobe places no call in somebody else's project, but says what to write."""
    left = project.runpytest_inprocess(*PLAIN, "scenarios", "--collect-only", "-q")
    left.stdout.fnmatch_lines(["sipprobe: 2 scenario files were left alone: add --sipprobe*"])
    named = project.runpytest_inprocess(*PLAIN, "scenarios/refused.sip.yaml", "--co", "-q")
    named.stdout.fnmatch_lines(["scenarios/refused.sip.yaml::refused"])
    project.makeini("[pytest]\nsipprobe_collect = true\naddopts = --strict-markers\n")
    by_tag = project.runpytest_inprocess(*PLAIN, "--co", "-q", "-m", "second-line")
    by_tag.stdout.fnmatch_lines(["scenarios/refused.sip.yaml::refused"])
    by_tag.stdout.no_fnmatch_line("*options*")
    by_title = project.runpytest_inprocess(*PLAIN, "--co", "-q", "-k", "second")
    by_title.stdout.fnmatch_lines(["scenarios/refused.sip.yaml::refused"])
    assert not (project.path / "results").exists()


def test_an_invalid_file_is_an_error_of_its_collection(project: pytest.Pytester) -> None:
    """Place, caret and remedy of our own; the rows of a table are items."""
    (project.path / "scenarios/refused.sip.yaml").write_text("steps:\n  - call: ${SPARE_LINE}\n")
    (project.path / "scenarios/table.sip.yaml").write_text(
        "matrix: {N: ['9486', '9404']}\nsteps:\n  - call: ${N}\n"
    )
    ended = project.runpytest_inprocess(*PLAIN, "--sipprobe", "--co", "-q")
    ended.assert_outcomes(errors=1)
    ended.stdout.fnmatch_lines(
        [
            "scenarios/table.sip.yaml::table[[]9486]",
            "scenarios/table.sip.yaml::table[[]9404]",
            "scenarios/refused.sip.yaml:2:11: variable SPARE_LINE is not set",
            "*hint: give it with --sipprobe-var SPARE_LINE=value*",
        ]
    )
    ended.stdout.no_fnmatch_line("*Traceback*")
    wrong = project.runpytest_inprocess(*PLAIN, "--sipprobe-var", "SPARE_LINE")
    assert wrong.ret is pytest.ExitCode.USAGE_ERROR
    wrong.stderr.fnmatch_lines(["ERROR: --sipprobe-var takes NAME=VALUE, got 'SPARE_LINE'"])
    given = project.runpytest_inprocess(
        *PLAIN, "--sipprobe", "--co", "-q", "--sipprobe-var", "SPARE_LINE=9503"
    )
    given.stdout.fnmatch_lines(["scenarios/refused.sip.yaml::refused"])


@pytest.mark.pjsua2
def test_two_processes_write_one_result_file(project: pytest.Pytester) -> None:
    """A failure is our report without a traceback; a tag called skip skips nothing."""
    ended = project.runpytest_subprocess(*PLAIN, "--sipprobe", "-n", "2", "--junitxml", "j.xml")
    ended.assert_outcomes(passed=1, failed=1)
    ended.stdout.fnmatch_lines(
        [
            "FAIL  refused › call 9503*",
            "  --> scenarios/refused.sip.yaml:5:25",
            "*INVITE*",
            "  Why *",
            "FAILED scenarios/refused.sip.yaml::refused - FAIL  refused*",
        ]
    )
    ended.stdout.no_fnmatch_line("*Traceback*")
    cases = ET.parse(project.path / "j.xml").getroot().iter("testcase")  # noqa: S314 - our own
    told = {case.get("name"): case for case in cases}
    assert sorted(filter(None, told)) == ["options", "refused"]
    failure = told["refused"].find("failure")
    assert failure is not None
    assert "503" in (failure.text or "")
    folders = [folder.name[21:] for folder in (project.path / "results").iterdir()]
    assert sorted(folders) == ["options", "refused"]


@pytest.mark.pjsua2
def test_a_test_in_python_places_calls(project: pytest.Pytester) -> None:
    """What was expected fails the test by itself, and so does a problem, without a traceback.

    Nobody is blamed for a local address that this machine does not have.
    """
    project.makeconftest(AGENTS)
    project.makepyfile(test_made_by_pytester=TESTS)
    untested = project.path / "scenarios/untested.sip.yaml"
    untested.write_text(NOT_OURS)
    ended = project.runpytest_inprocess(*PLAIN, "test_made_by_pytester.py", str(untested))
    ended.assert_outcomes(passed=4, failed=3)
    ended.stdout.fnmatch_lines(["could not test: *", "INCONCLUSIVE*untested*"])
    ended.stdout.fnmatch_lines(
        ["FAIL *call 9503*", "*observed  503*", "*:2:5: unknown verb 'rgister'"]
    )
    ended.stdout.no_fnmatch_line("*During handling*")


def test_nothing_of_ours_is_loaded_for_those_who_do_not_use_it() -> None:
    """The plugin is loaded in every project of an environment."""
    code = (
        "import probe.pytest_plugin, sys;"
        "print(*sorted(m for m in sys.modules if m.startswith(('probe', 'msgspec', 'yaml'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["probe", "probe.pytest_plugin"]
