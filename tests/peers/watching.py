"""`sipprobe serve` and a real Prometheus beside it, on free ports of loopback."""

import json
import os
import re
import signal
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ports import LOOPBACK, free_port
from processes import RunningProcess, poll, program, running
from prometheus_client.parser import text_string_to_metric_families
from sipprobe_command import RunningSipprobe
from userfolder import UserFolder

FILES = Path(__file__).parents[2] / "docs/recipes/prometheus"
PATIENCE_S = 60.0
"""Longest wait for what takes a second on an idle machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """An answer."""

    status: int
    "Its status."

    headers: Mapping[str, str]
    "Its header fields."

    text: str
    "Its body."


def get(url: str, *, method: str = "GET", **headers: str) -> Got:
    """Ask for a page; whatever the status, return the answer."""
    request = urllib.request.Request(url, method=method, headers=headers)  # noqa: S310 - ours
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310 - ours
            return Got(
                status=answer.status,
                headers=dict(answer.headers),
                text=answer.read().decode("utf-8"),
            )
    except urllib.error.HTTPError as refused:
        return Got(
            status=refused.code, headers=dict(refused.headers), text=refused.read().decode("utf-8")
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """A `sipprobe serve` that is ready."""

    command: RunningSipprobe
    "The command."

    port: int
    "Its port."

    def url(self, path: str) -> str:
        """Return the address of a path."""
        return f"http://{LOOPBACK}:{self.port}{path}"

    def value(self, name: str, **labels: str) -> float | None:
        """Return a value of /metrics, or None."""
        for family in text_string_to_metric_families(get(self.url("/metrics")).text):
            for sample in family.samples:
                if sample.name == name and labels.items() <= sample.labels.items():
                    return sample.value
        return None

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until it is so; raise AssertionError with the log."""
        assert poll(condition, PATIENCE_S), f"never: {what}\n{self.command.process.log()}"

    def stop(self) -> None:
        """End it in order; raise AssertionError where it does not end so."""
        os.kill(self.command.pid, signal.SIGTERM)
        ended = self.command.finish()
        assert ended.exit_code == 0, ended.stderr


def configure(
    place: UserFolder, trunk: Mapping[str, object], **modules: Mapping[str, object]
) -> None:
    """Write sipprobe.yaml: one trunk, `peer`, and modules, with bounds that no test meets."""
    settings = {
        "trunks": {"peer": {"local_address": LOOPBACK, **trunk}},
        "serve": {"calls_per_hour": 100_000, "calls_per_day": 100_000, "modules": modules},
    }
    (place.path / "sipprobe.yaml").write_text(json.dumps(settings, indent=1))


def start_serve(place: UserFolder) -> Serving:
    """Start it in a folder, with its state there; return it once it is ready."""
    command = place.start(
        "serve", "--listen", f"{LOOPBACK}:0", "--state", "serve-state",
        env={"XDG_STATE_HOME": str(place.path / "state")},
    )  # fmt: skip
    listening = re.compile(r"listening on http://[\d.]+:(\d+)/")
    command.process.wait_until(
        lambda: listening.search(command.process.log()) is not None, "serve", PATIENCE_S
    )
    found = listening.search(command.process.log())
    assert found is not None
    serving = Serving(command=command, port=int(found[1]))
    serving.until(lambda: get(serving.url("/-/ready")).status == 200, "it is ready")
    return serving


@dataclass(frozen=True, slots=True, kw_only=True)
class Prometheus:
    """A Prometheus that runs."""

    process: RunningProcess
    "Its process."

    port: int
    "Its port."

    def api(self, path: str, **query: str) -> Any:  # noqa: ANN401 - whatever JSON says
        """Return the data of an API call."""
        url = f"http://{LOOPBACK}:{self.port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        return json.loads(get(url).text)["data"]

    def value(self, expression: str) -> float | None:
        """Return the first value of an expression, or None."""
        found = self.api("query", query=expression)["result"]
        return float(found[0]["value"][1]) if found else None

    def firing(self, alert: str, **labels: str) -> dict[str, Any] | None:
        """Return an alert that fires, with these labels among its own, or None."""
        wanted = {"alertname": alert, **labels}.items()
        alerts = [a for a in self.api("alerts")["alerts"] if a["state"] == "firing"]
        return next((a for a in alerts if wanted <= a["labels"].items()), None)

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until it is so; raise AssertionError with the log."""
        assert poll(condition, PATIENCE_S), f"never: {what}\n{self.process.log()}"


@contextmanager
def running_prometheus(folder: Path, serve: Serving, probe: str) -> Iterator[Prometheus]:
    """Run one with our rules, made quicker, that scrapes /metrics and a module by /probe."""
    rules = (FILES / "sipprobe.rules.yml").read_text(encoding="utf-8")
    # The same expressions; nobody waits six minutes here.
    (folder / "sipprobe.rules.yml").write_text(re.sub(r"\bfor: \d+m", "for: 1s", rules))
    target = f"{LOOPBACK}:{serve.port}"
    jobs = [
        {"job_name": "sipprobe", "static_configs": [{"targets": [target]}]},
        {
            "job_name": "sipprobe-probe", "metrics_path": "/probe", "params": {"module": [probe]},
            "scrape_interval": "8s", "scrape_timeout": "8s",
            "static_configs": [{"targets": [target]}],
        },
    ]  # fmt: skip
    config = {
        "global": dict.fromkeys(
            ("scrape_interval", "scrape_timeout", "evaluation_interval"), "500ms"
        ),
        "rule_files": ["sipprobe.rules.yml"],
        "scrape_configs": jobs,
    }  # fmt: skip
    (folder / "prometheus.yml").write_text(json.dumps(config))
    port = free_port()
    command = [
        program("prometheus"), f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address={LOOPBACK}:{port}",
        "--log.level=warn",
    ]  # fmt: skip
    with running(command, folder / "log") as process:
        ready = f"http://{LOOPBACK}:{port}/-/ready"
        process.wait_until(lambda: _is_ready(ready), "prometheus", PATIENCE_S)
        yield Prometheus(process=process, port=port)


def _is_ready(url: str) -> bool:
    try:
        return get(url).status == 200
    except OSError:
        return False
