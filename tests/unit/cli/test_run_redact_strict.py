"""`sipprobe run --redact strict`: nothing that is printed or stored says who called whom."""

import platform
import re
from collections.abc import Callable
from pathlib import Path

from commandline import Ended, HandingOut
from wirebuilder import refused_call, register_ok

from probe.plan.plan import Attempt
from probe.trace.trace import Trace

TRUNK = """\
trunks:
  carrier:
    uri: "sip:line77@carrier-7.example"
    password: pbx-hunter22
    caller_id: "+12025550199"
    numbers: ["+12025550199"]
    allow_to: ["+1202*", "desk42"]
"""
SCENARIO = """\
name: Calls +12025550123 through carrier-7.example
trunk: carrier
agents:
  other: {uri: "sip:second88@pbx-8.example"}
steps:
  - register:
  - call: "+12025550123"
  - call: "sip:desk42@carrier-7.example"
    expect:
      responses: 100* 503
      timing: {total: max 90s}
      headers: {Contact: "<sip:line77@192.0.2.10>"}
      request_headers: {From: "/sip:line77@carrier-7/"}
      sdp: {address: 198.51.100.1}
"""
NAMED = re.compile(
    r"line77|carrier-7|second88|pbx-8|desk42|5550123|5550199|192\.0\.2\.10(?!\d)"
    r"|198\.51\.100\.1(?!\d)"
)
"""What the files and the traces of wirebuilder say of people and places."""


def refused(attempt: Attempt) -> tuple[Trace, ...]:
    """Return a refusal of every call."""
    return ((register_ok() if attempt.method == "REGISTER" else refused_call(503)).trace(),)


def files(here: Path, scenario: str = SCENARIO) -> None:
    """Write a trunk profile and a scenario that name people and places."""
    (here / "sipprobe.yaml").write_text(TRUNK)
    (here / "one.sip.yaml").write_text(scenario)


def test_nothing_that_a_run_writes_names_anybody(
    here: Path, sipprobe: Callable[..., Ended], executor: HandingOut
) -> None:
    """Screen, reports, traces and capture are rewritten alike; the verdict is the same."""
    files(here)
    executor.tries = refused
    executor.alarms = ("a call to sip:desk42@carrier-7.example is still there",)
    ended = sipprobe(
        "run", "one.sip.yaml", "--redact", "strict", "-vv",
        "--report", "json=own.json", "--report", "junit=own.xml",
    )  # fmt: skip
    assert ended.status == 1
    assert "expected" in ended.out
    assert not NAMED.search(ended.out + ended.err)
    assert platform.node() == "localhost" or platform.node() not in ended.out
    written = [*here.glob("results/*/*"), here / "own.json", here / "own.xml"]
    assert len(written) == 5
    for path in written:
        assert not NAMED.search(path.read_bytes().decode("latin-1")), path.name


def test_without_it_numbers_and_hosts_are_evidence(
    here: Path, sipprobe: Callable[..., Ended], executor: HandingOut
) -> None:
    """The default takes out secrets only; the search above would find the rest."""
    files(here)
    executor.tries = refused
    ended = sipprobe("run", "one.sip.yaml", "--no-store")
    assert NAMED.search(ended.out)
    assert "pbx-hunter22" not in ended.out


def test_plan_of_a_dry_run_names_nobody(here: Path, sipprobe: Callable[..., Ended]) -> None:
    """What would be tried can be shown to strangers as well."""
    files(here)
    ended = sipprobe("run", "one.sip.yaml", "--redact", "strict", "--dry-run")
    assert ended.status == 0
    assert "INVITE sip:" in ended.out
    assert not NAMED.search(ended.out + ended.err)


def test_refusal_before_the_run_names_nobody(here: Path, sipprobe: Callable[..., Ended]) -> None:
    """A number outside the fence is shown with the line of the file, and both are rewritten."""
    files(here, SCENARIO.replace("+1202555", "+1312555"))
    ended = sipprobe("run", "one.sip.yaml", "--redact", "strict")
    assert ended.status == 2
    assert "one.sip.yaml:7" in ended.err
    assert not NAMED.search(ended.out + ended.err)
