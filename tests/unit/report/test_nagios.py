"""The report as a monitoring plugin prints it."""

import re

import pytest
from msgspec.structs import replace
from reportbuilder import finding, report, timing, verdict
from wirebuilder import Wire, answered_call, refused_call

from probe.diagnosis.explanation import Certainty, Explanation
from probe.report.model import Finding, Try
from probe.report.nagios import State, refusal, state_of, written_nagios
from probe.verdict.verdict import Measured, Outcome

HOSTILE = (
    "</pre><script>alert(1)</script> | 'evil'=1;;;; \x1b[2J\u202eevil\u2028 `id` $(id)\n"
    "OK - all good"
)

VALUE = re.compile(
    r"^(?P<label>'(?:[^'=|]|'')+'|[^\s'=|]+)=(?P<value>-?[0-9.]+)(?P<unit>s|%|)"
    r"(?:;(?P<warn>[@~:0-9.-]*)(?:;(?P<crit>[@~:0-9.-]*)(?:;(?P<min>[0-9.-]*)(?:;(?P<max>[0-9.-]*))?)?)?)?$"
)
"""One value of performance data, as the Monitoring Plugins Development Guidelines have it."""


def output(*findings: Finding, **about: object) -> list[str]:
    """Return the lines of a plugin."""
    whole = replace(report(*findings), **about)  # type: ignore[arg-type]
    return "".join(written_nagios(whole)).removesuffix("\n").split("\n")


def data(line: str) -> dict[str, re.Match[str]]:
    """Return the performance data of the first line by label; each part must be valid."""
    _, _, after = line.partition(" | ")
    found = [VALUE.match(part) for part in re.findall(r"(?:'(?:[^']|'')*'|[^\s'])+", after)]
    assert all(found)
    return {match["label"].strip("'"): match for match in found if match}


def busy(outcome: Outcome = Outcome.NOT_MET, **more: object) -> Finding:
    """Return a refused call."""
    return finding(refused_call(486).trace(), verdict(outcome, **more))  # type: ignore[arg-type]


def explained(one: Finding, says: str) -> Finding:
    """Return a finding with an explanation."""
    why = Explanation(
        certainty=Certainty.LIKELY, causes=(), summary=says, observed=(), inferred=(),
        evidence=(), unknown=(), next_steps=(says,), reference=None,
    )  # fmt: skip
    return replace(one, tries=(*one.tries[:-1], replace(one.last, explanation=why)))


def test_all_is_well_in_one_line() -> None:
    """State, what it is about, and the numbers."""
    lines = output(finding(answered_call().trace(), verdict(delays=timing(pdd_s=0.25))))
    assert len(lines) == 1
    assert lines[0].startswith("SIPPROBE OK - 1 of 1 steps met in 2.9 s | met=1;;;0;1 ")
    assert data(lines[0])["trunk-check.2.pdd"]["value"] == "0.250"


@pytest.mark.parametrize(
    ("findings", "about", "state"),
    [
        ([Outcome.MET], {}, State.OK),
        ([Outcome.NOT_MET, Outcome.INCONCLUSIVE], {}, State.CRITICAL),
        ([Outcome.MET, Outcome.INCONCLUSIVE], {}, State.UNKNOWN),
        ([Outcome.MET], {"interrupted": True}, State.UNKNOWN),
        ([Outcome.MET, Outcome.NOT_MET], {"interrupted": True}, State.CRITICAL),
        ([Outcome.MET], {"complete": False}, State.UNKNOWN),
        ([], {}, State.UNKNOWN),
    ],
)
def test_the_state_is_the_worst_that_is_known(
    findings: list[Outcome], about: dict[str, object], state: State
) -> None:
    """What was not met weighs more than what could not be tested; nothing tested is not OK."""
    whole = replace(report(*map(busy, findings)), **about)  # type: ignore[arg-type]
    assert state_of(whole) is state
    assert "".join(written_nagios(whole)).startswith(f"SIPPROBE {state.name} - ")


def test_what_held_barely_is_a_warning() -> None:
    """A bound's warn value was passed, or a retry was needed."""
    slow = busy(
        Outcome.MET,
        measured=(Measured(name="pdd", value_s=3.0, bound="max 4s, warn 2s", state="warn"),),
        warnings=("pdd was 3.000 s: within max 4s, warn 2s, but barely",),
        delays=timing(pdd_s=3.0),
    )
    lines = output(slow)
    assert state_of(report(slow)) is State.WARNING
    assert "pdd was 3.000 s" in lines[0]
    found = data(lines[0])["trunk-check.2.pdd"]
    assert (found["warn"], found["crit"]) == ("2", "4")
    first = Try(trace=refused_call(503).trace(), verdict=verdict(Outcome.NOT_MET), explanation=None)
    flaky = finding(answered_call().trace(), before=(first,))
    assert state_of(report(flaky)) is State.WARNING
    assert "met only at attempt 2" in output(flaky)[0]


@pytest.mark.parametrize(
    ("bound", "warn", "crit"),
    [
        ("max 4s", "", "4"),
        ("max 4s, warn 2s", "2", "4"),
        ("min 500ms", "", "0.5:"),
        ("min 1s, warn 2s", "2:", "1:"),
        ("8s..16s", "", "8:16"),
        ("words of another version", "", ""),
    ],
)
def test_bounds_are_thresholds(bound: str, warn: str, crit: str) -> None:
    """A plain number alerts outside of 0 to it; `8:16` outside of both, `0.5:` below."""
    judged = verdict(
        delays=timing(pdd_s=1.0),
        measured=(Measured(name="pdd", value_s=1.0, bound=bound, state="ok"),),
    )
    found = data(output(finding(answered_call().trace(), judged))[0])["trunk-check.2.pdd"]
    assert (found["warn"], found["crit"]) == (warn, crit)


def test_a_failure_says_why_and_what_to_do() -> None:
    """In the lines that a monitoring system shows below the first."""
    lines = output(explained(busy(), "The line is busy."), notes=("embedded trunk",))
    assert lines[0].startswith("SIPPROBE CRITICAL - 1 not met, 0 of 1 met: trunk-check › call ")
    assert lines[1] == "note: embedded trunk"
    assert lines[3:] == [
        "  Why: The line is busy.",
        "  Next: The line is busy.",
        "  Again: sipprobe run trunk-check",
    ]


def test_a_peer_makes_no_state_no_data_and_no_markup() -> None:
    """Reason phrases, names and hosts hold neither a separator nor a tag nor a line end."""
    trace = Wire().send("INVITE").receive(403, HOSTILE).trace()
    one = finding(trace, verdict(Outcome.NOT_MET, observed=HOSTILE), host=HOSTILE, scenario=HOSTILE)
    clean = output(explained(busy(), "why"))
    lines = output(explained(one, HOSTILE), notes=(HOSTILE,), folder=HOSTILE)
    assert len(lines) == len(clean) + 2
    assert not any(line.startswith(("OK", "SIPPROBE")) for line in lines[1:])
    text = "\n".join(lines)
    assert not set("<>`\x1b\u202e\u2028") & set(text)
    assert text.count("|") == 1
    assert data(lines[0]).keys() >= {"met", "not_met", "inconclusive", "time"}
    assert not any("evil'" in label for label in data(lines[0]))


def test_a_large_run_stays_within_what_nagios_keeps() -> None:
    """Nagios cuts the output of a plugin at 8 kB: the numbers come first, then the worst."""
    many = [
        explained(replace(busy(delays=timing(pdd_s=1.0)), scenario=f"s{number}"), "because " * 40)
        for number in range(300)
    ]
    text = "\n".join(output(*many))
    assert len(text.encode()) < 8000
    assert text.endswith("\n...")
    assert data(text.split("\n", maxsplit=1)[0])["not_met"]["value"] == "300"


def test_a_refusal_names_what_was_wrong_first() -> None:
    """The reminder of the usage comes after it; an empty word is no state."""
    said = "Usage: sipprobe run\nTry 'sipprobe run --help'\n\nError: No such option '--x|y'.\n"
    assert refusal(said).split("\n")[0] == "SIPPROBE UNKNOWN - No such option '--x¦y'."
    assert refusal("").startswith("SIPPROBE UNKNOWN - ")
