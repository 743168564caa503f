"""`sipprobe explain`: the code reference, and stored runs."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from commandline import Ended, HandingOut
from wirebuilder import Wire, refused_call

from probe.trace.trace import Trace

Sipprobe = Callable[..., Ended]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["403"], "403 Forbidden"),
        (["4xx"], "4xx"),
        (["invite"], "INVITE"),
        (["q850:34"], "34"),
        (["header:Retry-After"], "Retry-After"),
        (["warning:304"], "304"),
        (["F047"], "F047"),
    ],
)
def test_subject_is_looked_up(sipprobe: Sipprobe, arguments: list[str], says: str) -> None:
    """Whatever a trace shows can be asked for."""
    ended = sipprobe("explain", *arguments)
    assert ended.status == 0
    assert ended.err == ""
    assert says in ended.out.splitlines()[0]


def test_provider_comes_first(sipprobe: Sipprobe) -> None:
    """With --provider its own meaning of the code is added."""
    plain, own = sipprobe("explain", "403"), sipprobe("explain", "403", "--provider", "sip.us")
    assert own.status == 0
    assert own.out != plain.out
    assert "SIP.US" in own.out.upper()


def test_direction_picks_the_meaning(sipprobe: Sipprobe) -> None:
    """A 403 to our REGISTER is another matter than one to a call."""
    texts = {
        flag: sipprobe("explain", "403", flag).out
        for flag in ("--register", "--outbound", "--inbound")
    }
    assert len(set(texts.values())) == 3


@pytest.mark.parametrize("columns", ["40", "80", "200"])
def test_text_fits_the_terminal(
    sipprobe: Sipprobe, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    """No line is wider than the terminal, within what can be read: 60 to 100."""
    monkeypatch.setenv("COLUMNS", columns)
    width = max(len(line) for line in sipprobe("explain", "503").out.splitlines())
    assert width <= min(100, max(60, int(columns)))
    assert width > 50


@pytest.mark.parametrize(
    "arguments", [["frobnicate"], ["403", "--provider", "nobody"], ["results/no-such-run"]]
)
def test_unknown_subject_is_wrong_usage(sipprobe: Sipprobe, arguments: list[str]) -> None:
    """What the reference does not hold is status 2, in one line."""
    ended = sipprobe("explain", *arguments)
    assert ended.status == 2
    assert ended.out == ""
    assert ended.err.startswith("sipprobe: ")


@pytest.fixture
def stored(sipprobe: Sipprobe, carrier: Path, executor: HandingOut) -> str:
    """Return a stored run: a refused call, then a registration that was met."""

    def tries(attempt: object) -> tuple[Trace, ...]:
        if getattr(attempt, "method", "") == "INVITE":
            return (refused_call(503, headers={"Retry-After": "30"}).trace(),)
        wire = Wire("REGISTER").send("REGISTER").receive(200)
        return (wire.trace(),)

    executor.tries = tries
    path = carrier / "scenarios" / "both.sip.yaml"
    path.write_text("trunk: carrier\nsteps:\n  - call: '100'\n  - wait: 1ms\n  - register:\n")
    assert sipprobe("run", "both").status == 1
    (folder,) = (carrier / "results").iterdir()
    return f"results/{folder.name}"


def test_stored_run_is_explained_again(sipprobe: Sipprobe, stored: str) -> None:
    """Each step with its outcome, why, evidence, open questions, next acts; no call is placed."""
    report = json.loads(Path(stored, "report.json").read_text())
    why = report["findings"][0]["explanation"]
    ended = sipprobe("explain", stored)
    assert ended.status == 0
    assert ended.out.startswith("NOT_MET  both › call 100\n  Why   ")
    for fact in (why["summary"], *why["unknown"], *why["next_steps"]):
        assert fact in ended.out
    for cause in why["causes"]:
        assert f"{cause['id']} {cause['name']} ({cause['likelihood']})" in ended.out
    assert ended.out.count("  Next  ") == 1
    assert ended.out.endswith("MET  both › register\n  Everything that was expected came.\n")


@pytest.mark.parametrize("written", ["{}#3", "{}/#3"])
def test_one_step_can_be_asked_for(sipprobe: Sipprobe, stored: str, written: str) -> None:
    """#3 is the third step of the file."""
    ended = sipprobe("explain", written.format(stored))
    assert ended.status == 0
    assert ended.out == "MET  both › register\n  Everything that was expected came.\n"


@pytest.mark.parametrize("step", ["#2", "#9"])
def test_step_without_a_finding_is_wrong_usage(sipprobe: Sipprobe, stored: str, step: str) -> None:
    """A step that only waits has nothing to explain, one that is not there even less."""
    ended = sipprobe("explain", stored + step)
    assert ended.status == 2
    assert ended.err == f"Error: {stored} has no step {step[1:]} to judge\n"


def test_run_that_judged_nothing_says_so(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut
) -> None:
    """A run of waits alone is stored, and holds nothing to explain."""
    (carrier / "scenarios" / "w.sip.yaml").write_text("trunk: carrier\nsteps: [wait: 1ms]\n")
    assert sipprobe("run", "w").status == 0
    (folder,) = (carrier / "results").iterdir()
    ended = sipprobe("explain", f"results/{folder.name}")
    assert ended.status == 2
    assert ended.err == f"Error: results/{folder.name} holds nothing to judge\n"


def test_evidence_that_no_message_shows_has_no_number(sipprobe: Sipprobe, stored: str) -> None:
    """What our own configuration shows is told as such."""
    path = Path(stored, "report.json")
    report = json.loads(path.read_text())
    why = report["findings"][0]["explanation"]
    why["evidence"] = [
        {"event": None, "says": "no password is configured"},
        {"event": 2, "says": "503\x1b[2J"},
    ]
    path.write_text(json.dumps(report))
    out = sipprobe("explain", stored).out
    assert "        no password is configured\n" in out
    assert "        event 2: 503\N{REPLACEMENT CHARACTER}[2J\n" in out
    assert "event None" not in out


def test_stored_text_cannot_drive_the_terminal(sipprobe: Sipprobe, stored: str) -> None:
    """A report that somebody sent us is shown without control characters."""
    path = Path(stored, "report.json")
    path.write_text(path.read_text().replace("call 100", r"call \u001b]0;owned\u0007"))
    ended = sipprobe("explain", stored)
    assert ended.status == 0
    assert "\x1b" not in ended.out
    assert "\x07" not in ended.out


@pytest.mark.parametrize("content", ["not json", "[]", '{"schema": "other/1"}'])
def test_report_that_cannot_be_read_is_told(sipprobe: Sipprobe, here: Path, content: str) -> None:
    """A damaged file is named, and is no bug of ours."""
    (here / "run").mkdir()
    (here / "run" / "report.json").write_text(content)
    ended = sipprobe("explain", "run")
    assert ended.status == 2
    assert "run/report.json" in ended.err


@pytest.mark.parametrize(
    "content",
    [
        '{"schema": "sipprobe-report/1"}',
        '{"schema": "sipprobe-report/1", "findings": [{"step": 1}]}',
        '{"schema": "sipprobe-report/1", "findings": [1]}',
    ],
)
def test_report_with_parts_missing_is_told(sipprobe: Sipprobe, here: Path, content: str) -> None:
    """So is one that is cut short by hand."""
    (here / "run").mkdir()
    (here / "run" / "report.json").write_text(content)
    ended = sipprobe("explain", "run")
    assert ended.status == 2
    assert ended.err == "Error: run/report.json is not a whole report\n"
