"""What a met run loads is the user's time: names and numbers of modules, no seconds."""

from collections.abc import Callable
from pathlib import Path

from loading import ONLY_FOR_SOMEBODY, loaded_by, of
from ports import LOOPBACK
from sipp import SippUas

SCENARIO = """\
name: one
agents:
  me: {{uri: "sip:100@{host}", password: "x"}}
steps:
  - call: "sip:service@{host}:{port}"
    from: me
    hangup_after: 0s
    expect: {{responses: {responses}}}
"""

RULES = ("probe.diagnosis.case", "probe.diagnosis.diagnose", "probe.diagnosis.questions")


def called(uas: SippUas, folder: Path, responses: str, status: int) -> frozenset[str]:
    """Return what a run loads that calls a far end once."""
    text = SCENARIO.format(host=LOOPBACK, port=uas.port, responses=responses)
    (folder / "one.sip.yaml").write_text(text)
    return loaded_by(["run", "one.sip.yaml"], cwd=folder, status=status)


def test_met_run_loads_no_rule_control_or_report_that_nobody_wants(
    sipp_uas: Callable[..., SippUas], tmp_path: Path
) -> None:
    """On a real peer: neither what explains failures nor the embedded trunk nor a page."""
    modules = called(sipp_uas("answer"), tmp_path, "100? 180? 200 ACK", 0)
    assert of((*ONLY_FOR_SOMEBODY, *RULES), modules) == []
    assert of(("probe.report.junit", "probe.report.markdown", "probe.report.nagios"), modules) == []
    assert len(modules) < 360


def test_run_that_is_not_met_loads_what_explains_it(
    sipp_uas: Callable[..., SippUas], tmp_path: Path
) -> None:
    """The list of the other test names modules that there are."""
    modules = called(sipp_uas("busy"), tmp_path, "200", 1)
    assert set(RULES) <= modules
    assert "probe.history" in modules
