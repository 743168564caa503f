"""`sipprobe explain RUN#STEP`: a stored run is judged and explained anew, without a packet."""

import base64
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from commandline import Ended, HandingOut
from msgspec.structs import replace
from wirebuilder import Wire, refused_call, register_ok

from probe.cli import stored_run
from probe.plan.plan import Attempt
from probe.trace.trace import Trace

Sipprobe = Callable[..., Ended]

PASSWORD = "pbx-hunter22"
"""That of the profile in commandline.CARRIER."""

SCENARIO = """\
trunk: carrier
steps:
  - call: "+12025550123"
    headers: {X-Auth: pbx-hunter22}
    retry: {times: 1, wait: 1ms, on: "503"}
    expect: {responses: 100? 183? 180 200, timing: {pdd: {max: 4s, warn: 2s}}}
  - wait: 1ms
  - register:
"""


def tries(attempt: Attempt) -> tuple[Trace, ...]:
    """Return two refusals of a call, with the password in a phrase, and a registration."""
    if attempt.method == "INVITE":
        one = refused_call(503, headers={"Retry-After": "30"}).trace()
        other = (
            Wire("INVITE")
            .send("INVITE")
            .receive(100)
            .receive(503, f"{PASSWORD} is no use", headers={"Reason": "Q.850;cause=34"})
            .send("ACK")
        )
        return one, other.trace()
    return (register_ok().trace(),)


@pytest.fixture
def ran(sipprobe: Sipprobe, carrier: Path, executor: HandingOut) -> Ended:
    """Return how the run ended that these tests explain."""
    executor.tries = tries
    (carrier / "scenarios" / "both.sip.yaml").write_text(SCENARIO)
    ended = sipprobe("run", "both", "--color", "never")
    assert ended.status == 1
    return ended


@pytest.fixture
def stored(ran: Ended, carrier: Path) -> str:
    """Return its folder."""
    del ran
    (folder,) = (carrier / "results").iterdir()
    return f"results/{folder.name}"


def block(text: str) -> str:
    """Return the block of the failed step: from FAIL to the line of its trace."""
    begin = text.index("FAIL  ")
    return text[begin : text.index("again: sipprobe run", begin)]


def change(path: Path, how: Callable[[Any], object]) -> None:
    """Rewrite a JSON file."""
    value = json.loads(path.read_text())
    how(value)
    path.write_text(json.dumps(value))


def test_the_block_is_that_of_the_run(sipprobe: Sipprobe, ran: Ended, stored: str) -> None:
    """Caret, ladder, why, evidence, next: character for character, though made anew."""
    ended = sipprobe("explain", stored)
    assert ended.status == 0
    assert ended.err == ""
    assert block(ended.out) == block(ran.out)
    assert "(attempt 2 of 2" in ended.out
    assert ended.out.startswith("Explained anew from the trace, by the rules of ")
    assert ended.out.endswith("\n1 step was met; `--all` shows what came.\n")


@pytest.mark.parametrize("written", ["{}", "{}/", "{}/report.json", "last", "last/"])
def test_ways_to_name_a_run(sipprobe: Sipprobe, stored: str, written: str) -> None:
    """A folder, a file in it, or the word for the newest."""
    ended = sipprobe("explain", written.format(stored))
    assert ended.status == 0
    assert "FAIL  both › call" in ended.out


def test_run_is_found_by_its_id(sipprobe: Sipprobe, stored: str, carrier: Path) -> None:
    """In results, or in the folder of --results."""
    run_id = Path(stored).name
    assert sipprobe("explain", f"{run_id}#1").status == 0
    (carrier / "results").rename(carrier / "elsewhere")
    assert sipprobe("explain", f"{run_id}#1").status == 2
    assert sipprobe("explain", f"{run_id}#1", "--results", "elsewhere").status == 0
    assert sipprobe("explain", "last", "--results", "elsewhere").status == 0


def test_last_is_the_run_that_began_last(sipprobe: Sipprobe, stored: str, carrier: Path) -> None:
    """Its name tells, not when its files were touched; within a second the later one counts."""
    shutil.copytree(stored, carrier / "results" / "2000-01-01T00-00-00Z-old")
    shutil.copytree(stored, carrier / "results" / f"{Path(stored).name}-2")
    change(
        carrier / "results" / f"{Path(stored).name}-2" / "report.json",
        lambda report: report["run"].update(id="second"),
    )
    told = json.loads(sipprobe("explain", "last", "--format", "json").out)
    assert told["run"]["id"] == "second"


def test_met_step_says_so(sipprobe: Sipprobe, stored: str) -> None:
    """Asked for by number, or with --all; what came is shown."""
    ended = sipprobe("explain", f"{stored}#3")
    assert ended.status == 0
    assert ended.out.startswith("PASS  both › register   REGISTER 401 → 200")
    assert ended.out.endswith("      Everything that was expected came.\n")
    assert ended.out in sipprobe("explain", stored, "--all").out


def test_run_that_was_met_says_so(sipprobe: Sipprobe, carrier: Path, executor: HandingOut) -> None:
    """Nothing to explain is an answer, too."""
    del executor
    assert sipprobe("run", "one-registration").status == 0
    ended = sipprobe("explain", "last")
    assert (ended.status, ended.out) == (0, "Every step was met; `--all` shows what came.\n")


@pytest.mark.parametrize("step", ["#2", "#9", "#0"])
def test_step_without_a_finding_is_wrong_usage(sipprobe: Sipprobe, stored: str, step: str) -> None:
    """A step that only waits has nothing to explain; the error lists those that have."""
    ended = sipprobe("explain", stored + step)
    assert ended.status == 2
    assert ended.err == (
        f"Error: {stored} has no step {step[1:]} to judge\n  steps that were judged: 1, 3\n"
    )


@pytest.mark.parametrize(
    "subject", ["results/nope", "nope#1", "2026-11-21T01-02-03Z-x", "./nope", "../nope/"]
)
def test_run_that_is_not_there(sipprobe: Sipprobe, here: Path, subject: str) -> None:
    """It is named, and where to look."""
    del here
    ended = sipprobe("explain", subject)
    assert ended.status == 2
    assert ended.err.startswith("Error: there is no run ")
    assert "look into results/" in ended.err


def test_last_of_no_run(sipprobe: Sipprobe, here: Path) -> None:
    """An empty folder is told."""
    del here
    ended = sipprobe("explain", "last")
    assert ended.status == 2
    assert ended.err == "Error: results/ holds no run yet: place one with `sipprobe run`\n"


def test_folder_that_is_no_run(sipprobe: Sipprobe, carrier: Path) -> None:
    """It is said what is missing in it."""
    del carrier
    ended = sipprobe("explain", "./scenarios")
    assert ended.status == 2
    assert ended.err == (
        "Error: ./scenarios is not the folder of a run: it holds neither report.json nor "
        "findings.jsonl\n"
    )


def test_run_that_judged_nothing_says_so(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut
) -> None:
    """A run of waits alone is stored, and holds nothing to explain."""
    del executor
    (carrier / "scenarios" / "w.sip.yaml").write_text("trunk: carrier\nsteps: [wait: 1ms]\n")
    assert sipprobe("run", "w").status == 0
    ended = sipprobe("explain", "last")
    assert ended.status == 2
    assert ended.err.endswith(" holds nothing to judge\n")


def test_json_is_the_finding_of_the_report(sipprobe: Sipprobe, stored: str) -> None:
    """The same schema, the chosen findings alone."""
    report = json.loads(Path(stored, "report.json").read_text())
    told = json.loads(sipprobe("explain", f"{stored}#1", "--format", "json").out)
    assert told == {**report, "findings": report["findings"][:1]}
    everything = json.loads(sipprobe("explain", stored, "--format", "json", "--all").out)
    assert everything == report


def test_todays_rules_explain(
    sipprobe: Sipprobe, stored: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the stored explanation says is not what is shown."""
    change(
        Path(stored, "report.json"),
        lambda r: r["findings"][0]["explanation"].update(summary="An old belief."),
    )
    assert "An old belief." not in sipprobe("explain", stored).out
    from probe.diagnosis import diagnose  # noqa: PLC0415 - what is replaced

    real = diagnose.diagnose
    monkeypatch.setattr(
        diagnose, "diagnose", lambda *parts: replace(real(*parts), summary="A new insight.")
    )
    assert "  Why   A new insight." in sipprobe("explain", stored).out


def test_run_of_an_earlier_version_keeps_its_explanation(
    sipprobe: Sipprobe, ran: Ended, stored: str
) -> None:
    """Without the attempt the stored one is shown, it is said why, and the ladder is there."""

    def earlier(traces: Any) -> None:  # noqa: ANN401 - what JSON holds
        for finding in traces["findings"]:
            del finding["attempt"]

    change(Path(stored, "trace.json"), earlier)
    change(
        Path(stored, "report.json"),
        lambda r: r["findings"][0]["explanation"].update(summary="What was thought that day."),
    )
    ended = sipprobe("explain", stored)
    assert ended.status == 0
    name = Path(stored).name
    assert ended.out.startswith(
        f"note: the stored explanation is shown of step 1 of {name}: {stored}/trace.json does not "
        "hold what was expected: an earlier version wrote it\n"
    )
    assert "  Why   What was thought that day." in ended.out
    rungs = [line for line in ran.out.splitlines() if "◀───" in line or "───▶" in line]
    assert rungs
    assert all(rung in ended.out for rung in rungs)
    (mismatch, *_) = json.loads(Path(stored, "report.json").read_text())["findings"][0][
        "mismatches"
    ]
    assert mismatch["message"] in ended.out


def test_trace_that_judges_otherwise_keeps_the_verdict_of_the_day(
    sipprobe: Sipprobe, stored: str
) -> None:
    """What was judged before secrets were taken out stands; it is said that it differs."""

    def met(traces: Any) -> None:  # noqa: ANN401 - what JSON holds
        keys = traces["findings"][0]["attempt"]["expectation"]["keys"]
        keys["responses"]["text"] = "100? 503"
        del keys["timing"]

    change(Path(stored, "trace.json"), met)
    ended = sipprobe("explain", stored)
    assert ended.status == 0
    assert (
        "judged anew, the stored trace, which holds no secrets, gives MET and not NOT_MET"
        in ended.out
    )
    assert "FAIL  both › call" in ended.out


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot read {}/trace.json: No such file or directory"),
        ("half of it {", "{}/trace.json is not JSON: "),
        ('{"schema": "sipprobe-traces/1"}', "{}/trace.json cannot be read: "),
        ('{"schema": "sipprobe-traces/1", "findings": [5]}', "{}/trace.json cannot be read: "),
        ('{"schema": "sipprobe-traces/1", "findings": []}', "are those of 0 steps, not 2"),
        (
            '{"schema": "sipprobe-traces/7"}',
            "{}/trace.json was written by a newer sipprobe (sipprobe-traces/7; this one reads s",
        ),
    ],
)
def test_trace_that_cannot_be_read(
    sipprobe: Sipprobe, stored: str, content: str | None, says: str
) -> None:
    """The stored explanation is shown, and the file and what is wrong with it are named."""
    path = Path(stored, "trace.json")
    path.unlink() if content is None else path.write_text(content)
    ended = sipprobe("explain", stored)
    assert ended.status == 0
    assert says.format(stored) in ended.out
    assert "  Why   " in ended.out
    assert "  Next  " in ended.out


def test_attempt_of_a_newer_version(sipprobe: Sipprobe, stored: str) -> None:
    """It is not guessed at: the remedy is named and the stored explanation shown."""
    change(
        Path(stored, "trace.json"),
        lambda t: t["findings"][0]["attempt"].update(schema="sipprobe-attempt/2"),
    )
    ended = sipprobe("explain", stored)
    assert ended.status == 0
    assert "was written by a newer sipprobe (sipprobe-attempt/2; this one reads" in ended.out
    assert "FAIL  both › call" in ended.out


@pytest.mark.parametrize("content", ["not json", "[]", '{"schema": "other/1"}'])
def test_report_that_cannot_be_read_is_told(sipprobe: Sipprobe, here: Path, content: str) -> None:
    """A damaged file is named, and is no bug of ours."""
    (here / "run").mkdir()
    (here / "run" / "report.json").write_text(content)
    ended = sipprobe("explain", "run")
    assert ended.status == 2
    assert "run/report.json" in ended.err


def test_report_of_a_newer_version_is_told(sipprobe: Sipprobe, stored: str) -> None:
    """File and remedy."""
    change(Path(stored, "report.json"), lambda r: r.update(schema="sipprobe-report/2"))
    ended = sipprobe("explain", stored)
    assert ended.status == 2
    assert ended.err == (
        f"Error: {stored}/report.json was written by a newer sipprobe (sipprobe-report/2; this one "
        "reads sipprobe-report/1): update it\n"
    )


@pytest.mark.parametrize(
    "content",
    [
        '{"schema": "sipprobe-report/1"}',
        '{"schema": "sipprobe-report/1", "findings": [{"step": 1}]}',
        '{"schema": "sipprobe-report/1", "findings": [1]}',
        '{"schema": "sipprobe-report/1", "findings": []}',
        '{"schema": "sipprobe-report/1", "findings": 5, "run": {"versions": {}, "notes": []}}',
    ],
)
def test_report_with_parts_missing_is_told(sipprobe: Sipprobe, here: Path, content: str) -> None:
    """So is one that is cut short by hand."""
    (here / "run").mkdir()
    (here / "run" / "report.json").write_text(content)
    ended = sipprobe("explain", "run")
    assert ended.status == 2
    assert ended.err == "Error: run/report.json is not a whole report\n"


@pytest.mark.parametrize(
    "damage",
    [
        lambda f: f.update(outcome="PERHAPS"),
        lambda f: f.update(explanation=7),
        lambda f: f.update(mismatches=[{}]),
        lambda f: f.update(timing=None),
        lambda f: f["explanation"].update(certainty="maybe"),
        lambda f: f["explanation"].update(observed="text"),
    ],
)
def test_finding_that_is_damaged_is_told(
    sipprobe: Sipprobe, stored: str, damage: Callable[[Any], object]
) -> None:
    """Whatever stands in a report that somebody sent us, it ends in words."""
    change(Path(stored, "report.json"), lambda r: damage(r["findings"][0]))
    ended = sipprobe("explain", stored)
    assert (ended.status, ended.err) == (2, f"Error: {stored}/report.json is not a whole report\n")


def test_stored_text_cannot_drive_the_terminal(sipprobe: Sipprobe, stored: str) -> None:
    """A run that somebody sent us is shown without control characters."""
    evil = "\x1b]0;owned\x07\x9b2J\N{RIGHT-TO-LEFT OVERRIDE}"

    def spoil(value: Any) -> Any:  # noqa: ANN401 - what JSON holds
        if isinstance(value, dict):
            kept = {"schema", "outcome", "is", "type", "method", "state", "certainty"}
            kept |= {"likelihood", "started_at", "unit", "kind", "password", "failure", "name"}
            return {k: v if k in kept else spoil(v) for k, v in value.items()}
        if isinstance(value, list):
            return [spoil(one) for one in value]
        return f"{value}{evil}" if isinstance(value, str) else value

    for name in ("report.json", "trace.json"):
        path = Path(stored, name)
        told = json.loads(path.read_text())
        path.write_text(json.dumps({**spoil(told), "schema": told["schema"]}))
    for form in ("text", "json"):
        ended = sipprobe("explain", stored, "--all", "--format", form)
        assert ended.status == 0, ended.err
        assert not {"\x1b", "\x07", "\x9b", "\N{RIGHT-TO-LEFT OVERRIDE}"} & set(ended.out)


def test_nothing_of_the_password_reaches_the_disk(stored: str) -> None:
    """Not from account, header fields, scenario lines or what the peer repeats, in no spelling."""
    for path in Path(stored).iterdir():
        content = path.read_bytes()
        for form in (
            PASSWORD.encode(),
            quote(PASSWORD, safe="").encode(),
            base64.b64encode(PASSWORD.encode()),
            PASSWORD.encode().hex().encode(),
            b"hunter22",
        ):
            assert form not in content, (path.name, form)
    attempt = json.loads(Path(stored, "trace.json").read_text())["findings"][0]["attempt"]
    assert attempt["schema"] == "sipprobe-attempt/1"
    assert attempt["account"]["password"] == "set"


def test_killed_run_is_explained_from_its_journal(sipprobe: Sipprobe, stored: str) -> None:
    """What was judged until then is in it, with what was tried."""
    report = json.loads(Path(stored, "report.json").read_text())
    traces = json.loads(Path(stored, "trace.json").read_text())
    folder = Path("results", "2030-01-01T00-00-00Z-killed")
    folder.mkdir()
    line = json.dumps({"report": {**report}, "traces": traces})
    (folder / "findings.jsonl").write_text(f"{line}\n{line[:100]}")
    ended = sipprobe("explain", "last#1")
    assert ended.status == 0
    assert ended.out.startswith("Explained anew from the trace")
    assert "FAIL  both › call" in ended.out


def test_words_of_the_reference_mean_no_run() -> None:
    """Only what looks like a path, a run's id or a step is looked for on disk."""
    assert stored_run.run_meant("403", Path("results")) is None
    assert stored_run.run_meant("INVITE", Path("results")) is None
    assert stored_run.run_meant("q850:34", Path("results")) is None
