"""docs/recipes/monitoring.md as it stands, with a real Nagios and Prometheus' own checker."""

import getpass
import grp
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from processes import poll, program, running

ROOT = Path(__file__).parents[2]
RECIPE = (ROOT / "docs/recipes/monitoring.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```\w*\n(.*?)^```", RECIPE, re.DOTALL | re.MULTILINE)
INSTALL = ROOT / "tests/install-nagios"
PATIENCE_S = 60.0
"""Seconds for Nagios to start, place both calls and write its status: five on an idle machine."""

SETTINGS = """\
log_file={here}/nagios.log
cfg_file={here}/objects.cfg
object_cache_file={here}/objects.cache
precached_object_file={here}/objects.precache
status_file={here}/status.dat
status_update_interval=1
temp_file={here}/nagios.tmp
temp_path={here}
check_result_path={here}/spool
lock_file={here}/nagios.lock
query_socket={here}/nagios.qh
nagios_user={user}
nagios_group={group}
check_external_commands=0
retain_state_information=0
check_for_updates=0
service_inter_check_delay_method=n
service_check_timeout=60
use_syslog=0
"""

OBJECTS = """\
define timeperiod {
    timeperiod_name 24x7
    alias           always
    monday 00:00-24:00
    tuesday 00:00-24:00
    wednesday 00:00-24:00
    thursday 00:00-24:00
    friday 00:00-24:00
    saturday 00:00-24:00
    sunday 00:00-24:00
}
define command {
    command_name nobody
    command_line /bin/true
}
define contact {
    contact_name                   nobody
    host_notifications_enabled     0
    service_notifications_enabled  0
    host_notification_period       24x7
    service_notification_period    24x7
    host_notification_options      n
    service_notification_options   n
    host_notification_commands     nobody
    service_notification_commands  nobody
}
define host {
    host_name              carrier
    contacts               nobody
    address                127.0.0.1
    active_checks_enabled  0
    max_check_attempts     1
    check_period           24x7
    notification_period    24x7
}
"""


def block(begins: str) -> str:
    """Return the block of the recipe in which a text stands."""
    (found,) = (text for text in BLOCKS if begins in text)
    return found


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    """Return a folder with the scenario of the recipe, on the embedded trunk, and a busy one."""
    scenario = block("name: The trunk takes a call").replace("trunk: carrier", "trunk: embedded")
    (tmp_path / "trunk-alive.sip.yaml").write_text(scenario)
    busy = scenario.replace("${TEST_NUMBER:-+12025550123}", "9486")
    (tmp_path / "busy.sip.yaml").write_text(busy)
    (tmp_path / "sipprobe.yaml").write_text("vars: {SITE: test}\n")
    (tmp_path / "sipprobe").write_text(
        f'#!/bin/sh\nexport HOME={tmp_path}\nexec {sys.executable} -m probe.cli "$@"\n'
    )
    (tmp_path / "sipprobe").chmod(0o755)
    return tmp_path


def here(text: str, etc: Path) -> str:
    """Return a text of the recipe with the paths of this test."""
    return (
        text.replace("/etc/sipprobe/scenarios", str(etc))
        .replace("/etc/sipprobe", str(etc))
        .replace("/var/lib/sipprobe", str(etc))
        .replace("/usr/local/bin", str(etc))
    )


@pytest.fixture
def nagios(etc: Path) -> Iterator[Callable[[], dict[str, dict[str, str]]]]:
    """Run Nagios with the definitions of the recipe; return what gives its services by name."""
    where = subprocess.run([INSTALL, "--where"], capture_output=True, text=True, check=True)
    core = where.stdout.strip()
    if not os.access(core, os.X_OK):
        pytest.skip("Nagios is not in place: run tests/install-nagios")
    own = here(block("define command"), etc)
    service = own[own.index("define service") :]
    other = service.replace("trunk-alive", "busy").replace("SIP trunk", "Busy number")
    settings = SETTINGS.format(
        here=etc, user=getpass.getuser(), group=grp.getgrgid(os.getgid()).gr_name
    )
    (etc / "nagios.cfg").write_text(settings)
    (etc / "objects.cfg").write_text(f"{OBJECTS}{own}{other}")
    (etc / "spool").mkdir()
    checked = subprocess.run(
        [core, "-v", etc / "nagios.cfg"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout
    assert "Total Errors:   0" in checked.stdout

    def services() -> dict[str, dict[str, str]]:
        try:
            text = (etc / "status.dat").read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        found = {}
        for one in re.findall(r"^servicestatus \{\n(.*?)^\s*\}", text, re.DOTALL | re.MULTILINE):
            pairs = dict(line.strip().split("=", 1) for line in one.splitlines() if "=" in line)
            found[pairs["service_description"]] = pairs
        return found

    with running([core, etc / "nagios.cfg"], etc / "nagios.out", cwd=etc):
        yield services


def test_nagios_sees_states_and_keeps_performance_data(
    nagios: Callable[[], dict[str, dict[str, str]]],
) -> None:
    """The service of the recipe is OK, with its delays; a busy number is CRITICAL, and why."""

    def both() -> bool:
        found = nagios()
        return len(found) == 2 and all(one["has_been_checked"] == "1" for one in found.values())

    assert poll(both, PATIENCE_S)
    good, busy = nagios()["SIP trunk"], nagios()["Busy number"]
    assert (good["current_state"], busy["current_state"]) == ("0", "2")
    assert good["plugin_output"].startswith("SIPPROBE OK - 3 of 3 steps met")
    assert re.search(r"'trunk-alive\.2\.pdd'=[0-9.]+s;3;6;0(\s|$)", good["performance_data"])
    assert re.search(r"'trunk-alive\.1\.rrd'=[0-9.]+s;1;3;0(\s|$)", good["performance_data"])
    assert "486 Busy Here" in busy["plugin_output"]
    assert "not_met=1;;0;0;3" in busy["performance_data"]
    assert "Why: " in busy["long_plugin_output"]


def test_a_textfile_is_what_prometheus_reads(etc: Path) -> None:
    """Written by the line of the recipe; promtool has nothing to say against names and units."""
    cron = block("*/5 * * * *").strip().split("  ", 1)[1]
    command = here(cron, etc).replace("/var/lib/node_exporter", str(etc)).split()
    command[0] = str(etc / "sipprobe")
    subprocess.run(command, check=True, capture_output=True, cwd=etc)
    text = (etc / "textfile/sipprobe.prom").read_bytes()
    checked = subprocess.run(
        [program("promtool"), "check", "metrics"], input=text, capture_output=True, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, b"")
    assert b'sipprobe_step_outcome{outcome="met",scenario="trunk-alive",step="2"} 1.0' in text


def test_the_alert_rules_of_the_recipe_fire(etc: Path) -> None:
    """On a step that is not met, one that is slow, and a file that nobody renews."""
    (etc / "rules.yaml").write_text(block("alert: SipStepNotMet"))
    step = 'scenario="a", step="2"'
    series = {
        f'sipprobe_step_outcome{{instance="p", {step}, outcome="not_met"}}': "0 1+0x60",
        f'sipprobe_step_delay_seconds{{instance="p", {step}, delay="pdd"}}': "4+0x60",
        f'sipprobe_step_bound_seconds{{instance="p", {step}, delay="pdd", limit="warn"}}': "3+0x60",
        'sipprobe_run_started_timestamp_seconds{instance="p"}': "0+0x60",
        'sipprobe_run_complete{instance="p"}': "1+0x60",
    }
    names = ("SipStepNotMet", "SipStepSlow", "SipNotTested")

    def fires(name: str, *, at: str, times: int) -> dict[str, object]:
        return {
            "expr": f'count(ALERTS{{alertname="{name}", alertstate="firing"}})',
            "eval_time": at,
            "exp_samples": [{"labels": "{}", "value": times}] if times else [],
        }

    tests = {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": k, "values": v} for k, v in series.items()],
                "promql_expr_test": [
                    *(fires(name, at="0m", times=0) for name in names),
                    fires("SipStepNotMet", at="2m", times=1),
                    fires("SipStepSlow", at="20m", times=1),
                    fires("SipNotTested", at="30m", times=1),
                ],
            }
        ],
    }
    (etc / "tests.yaml").write_text(yaml.safe_dump(tests))
    done = subprocess.run(
        [program("promtool"), "test", "rules", "tests.yaml"],
        capture_output=True,
        text=True,
        check=False,
        cwd=etc,
    )
    assert done.returncode == 0, done.stdout + done.stderr
