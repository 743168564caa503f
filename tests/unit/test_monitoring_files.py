"""Alert rules, dashboard, unit and page of monitoring name what `serve` exports and takes."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from probe.cli import cli
from probe.monitor.metrics import exported
from probe.monitor.monitor import SKIPS
from probe.scenario.loader import load_settings
from probe.scenario.serving import Module, Serve

ROOT = Path(__file__).parents[2]
FILES = ROOT / "docs/recipes/prometheus"
PAGE = (ROOT / "docs/monitoring.md").read_text(encoding="utf-8")
SERIES = re.compile(r"\b(?:sipprobe|probe)_[a-z_]+\b")
OF_PROBES = {"probe_success", "probe_duration_seconds", "probe_ssl_earliest_cert_expiry"}
OF_PROMETHEUS = {"up"}


def dashboard() -> dict[str, Any]:
    """Return the dashboard."""
    loaded: dict[str, Any] = json.loads((FILES / "grafana-dashboard.json").read_text("utf-8"))
    return loaded


def expressions() -> Iterator[tuple[str, str]]:
    """Yield each expression of dashboard and rules with its place."""
    for panel in dashboard()["panels"]:
        for target in panel["targets"]:
            yield f"panel {panel['title']}", target["expr"]
    for variable in dashboard()["templating"]["list"]:
        if variable["type"] == "query":
            yield f"variable {variable['name']}", variable["definition"]
    rules = yaml.safe_load((FILES / "sipprobe.rules.yml").read_text(encoding="utf-8"))
    for group in rules["groups"]:
        for rule in group["rules"]:
            texts = (rule["expr"], *rule["annotations"].values())
            yield from ((f"alert {rule['alert']}", text) for text in texts)


EXPRESSIONS = sorted(set(expressions()))


@pytest.mark.parametrize(("place", "text"), EXPRESSIONS, ids=lambda part: part[:40])
def test_every_series_of_an_expression_is_exported(place: str, text: str) -> None:
    """A name that nobody exports is a panel that stays empty and an alert that stays silent."""
    assert set(SERIES.findall(text)) <= exported(), place


def test_the_rules_ask_for_something() -> None:
    """An empty reading would prove nothing."""
    found = {name for _, text in EXPRESSIONS for name in SERIES.findall(text)}
    assert {"sipprobe_run_outcome", "sipprobe_step_delay_seconds", "sipprobe_step_cause"} <= found


def test_the_dashboard_can_be_imported_anywhere() -> None:
    """No data source of ours, no panel twice, none upon another."""
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        place = panel["gridPos"]
        fields = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not fields & taken, panel["title"]
        taken |= fields


def test_the_page_names_real_series_and_all_of_them() -> None:
    """Those of media by their beginning."""
    told = set(SERIES.findall(PAGE)) - OF_PROBES
    assert {name for name in told if not name.endswith("_")} <= exported()
    untold = {name for name in exported() - told if not name.startswith("sipprobe_media_")}
    assert untold <= {  # of a run as a whole, as `--format prometheus` has them
        "sipprobe_build_info", "sipprobe_run_complete", "sipprobe_run_flaky_steps",
        "sipprobe_run_started_timestamp_seconds", "sipprobe_run_steps", "sipprobe_step_tries",
    }  # fmt: skip
    assert [word for word in SKIPS if f"`{word}`" not in PAGE] == []


def test_the_page_names_every_key() -> None:
    """What nobody can look up is not there."""
    assert [key for key in (*Serve.keys(), *Module.keys()) if f"`{key}`" not in PAGE] == []


def test_the_settings_of_the_page_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a stranger copies is a configuration that serve runs."""
    (block,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    (tmp_path / "sipprobe.yaml").write_text(block, encoding="utf-8")
    known = load_settings(tmp_path / "sipprobe.yaml", variables={}, environ={"TRUNK_PASSWORD": "x"})
    assert known.serve is not None
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, ["serve", "--check"], env={"TRUNK_PASSWORD": "example"})
    assert done.exit_code == 0, done.output
    assert "trunk-check at carrier: every 20 s" in done.output


def test_the_unit_starts_what_the_program_takes() -> None:
    """Verb and flags of the unit; it leaves the service time to hang up."""
    unit = (FILES / "sipprobe-serve.service").read_text(encoding="utf-8")
    lines = re.findall(r"^Exec\w+=\S+/sipprobe (\w+) (.*)$", unit, re.MULTILINE)
    verb = cli.get_command(None, "serve")  # type: ignore[arg-type]
    assert verb is not None
    assert len(lines) == 2
    for name, arguments in lines:
        assert name == "serve"
        verb.make_context(name, arguments.split())
    assert "KillMode=mixed" in unit
    assert "TimeoutStopSec=40" in unit
