"""What is answered over HTTP: paths, statuses, refusals. No socket: the application is called."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families
from watchbuilder import PATIENCE_S, ByHand, check, monitor_in, result, rules

from probe.monitor.app import App
from probe.monitor.metrics import COUNTERS, OURS, exported
from probe.monitor.monitor import Monitor

HOSTILE = "</pre><script>alert(1)</script>\x1b[2J\u202e{{7*7}}'\""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An answer as a client sees it."""

    status: int
    headers: dict[str, str]
    text: str

    def values(self) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        """Return the samples of an exposition by name and labels."""
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(self.text)
            for sample in family.samples
        }

    def value(self, name: str, **labels: str) -> float | None:
        """Return one of them, or None."""
        return self.values().get((name, tuple(sorted(labels.items()))))


Ask = Callable[..., Answered]


def asking(app: App) -> Ask:
    """Return what asks an application."""

    def ask(path: str, query: str = "", *, method: str = "GET", **headers: str) -> Answered:
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query,
            "HTTP_HOST": "127.0.0.1:9817", "wsgi.url_scheme": "http",
            **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
        }  # fmt: skip
        told: list[Any] = []
        pieces: Iterable[bytes] = app(environ, lambda *about: told.append(about))  # type: ignore[arg-type,return-value]
        body = b"".join(pieces)
        status, fields = told[0]
        return Answered(status=int(status[:3]), headers=dict(fields), text=body.decode())

    return ask


def app_of(monitor: Monitor, trouble: str | None = None) -> App:
    """Return the application of a monitor; a reload comes to ``trouble``."""
    return App(
        monitor=monitor,
        reload=lambda: trouble,
        report=lambda run: [f"<p>{run}</p>"] if run.startswith("run-") else None,
        names=frozenset({"localhost", "watch.example"}),
    )


@pytest.fixture
def carry() -> ByHand:
    """Give what carries runs out."""
    return ByHand()


@pytest.fixture
def monitor(tmp_path: Path, carry: ByHand) -> Monitor:
    """Give a monitor of a scheduled check with two targets, and one that waits to be asked for."""
    scheduled = check(interval=60.0)
    other = replace(scheduled, target="second", owners=frozenset({"100@second"}))
    return monitor_in(tmp_path, carry, scheduled, other, check("asked", "third"))


@pytest.fixture
def ask(monitor: Monitor) -> Ask:
    """Give what asks it."""
    return asking(app_of(monitor))


def test_a_probe_that_is_met_says_success(ask: Ask) -> None:
    """With the series of /metrics, without module and target: the scraper knows what it asked."""
    got = ask("/probe", "module=asked&target=third")
    assert got.status == 200
    assert got.value("probe_success") == 1
    assert got.value("sipprobe_step_status_code", scenario="trunk", step="2") == 200
    assert got.value("sipprobe_run_outcome", outcome="met") == 1
    took = got.value("probe_duration_seconds")
    assert took is not None
    assert 0 <= took < PATIENCE_S


def test_a_probe_that_fails_is_an_answer_all_the_same(ask: Ask, carry: ByHand) -> None:
    """200, as blackbox_exporter has it: the failure is in the value."""
    carry.answer = lambda _ticket: result("not_met", certificate_ends=1_800_000_000.0)
    got = ask("/probe", "module=asked")
    assert got.status == 200
    assert got.value("probe_success") == 0
    assert got.value("probe_ssl_earliest_cert_expiry") == 1_800_000_000.0
    assert got.value("sipprobe_step_status_code", scenario="trunk", step="2") == 503


@pytest.mark.parametrize(
    ("query", "status", "told"),
    [
        ("", 400, "'module' is missing"),
        ("module=nobody", 400, "unknown module"),
        ("module=trunk", 400, "'target' is missing: carrier, second"),
        ("module=trunk&target=third", 403, "not among the targets"),
        ("module=asked&target=sip:%2B4917012345@elsewhere.example", 403, "not among the targets"),
        ("module=asked&target=%1b%5b2J%0d%0aX-Evil:%201", 403, "not among the targets"),
        ("module=asked&module=trunk", 400, "more than once"),
        ("module=asked&to=%2B4917012345", 400, "unknown parameter"),
        ("&".join(f"a{n}=1" for n in range(50)), 400, "cannot be read"),
    ],
    ids=["none", "module", "several", "not-its", "stranger", "escape", "twice", "number", "many"],
)
def test_what_the_configuration_does_not_name_is_refused(
    ask: Ask, carry: ByHand, query: str, status: int, told: str
) -> None:
    """Whoever asks chooses among names; nothing is started, no word of his drives a terminal."""
    got = ask("/probe", query)
    assert got.status == status
    assert told in got.text
    assert "\x1b" not in got.text
    assert got.headers["Content-Type"].startswith("text/plain")
    assert not carry.carried


def test_debug_shows_log_findings_and_metrics(ask: Ask, carry: ByHand) -> None:
    """What a person wants to see who wonders why; what a peer wrote drives no terminal."""
    carry.answer = lambda _ticket: result("not_met", block=f"FAIL {HOSTILE}\n  503")
    got = ask("/probe", "module=asked&debug=true")
    assert got.status == 200
    for part in ("Logs for the probe:", "begins", "FAIL ", "probe_success 0.0"):
        assert part in got.text
    assert "\x1b" not in got.text
    assert "\u202e" not in got.text
    assert got.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("timeout", ["1", "0.2"])
def test_a_probe_answers_before_prometheus_gives_up(
    monitor: Monitor, carry: ByHand, timeout: str
) -> None:
    """A run that takes longer is ended in order and counts as failed; the answer does not wait."""
    carry.held = True
    carry.answer = lambda _ticket: result("not_met", interrupted=True)
    ask = asking(app_of(monitor))
    got = ask("/probe", "module=asked", X_PROMETHEUS_SCRAPE_TIMEOUT_SECONDS=timeout)
    assert got.status == 200
    assert got.value("probe_success") == 0
    assert carry.carried[0].timeout == 1.0, "the scenario's own deadline lies before that"
    assert carry.carried[0].stopper.stopped
    assert carry.carried[0].over.wait(PATIENCE_S)


@pytest.mark.parametrize("timeout", ["soon", "-1", "0", "inf", "nan"])
def test_a_timeout_that_is_none_is_refused(ask: Ask, timeout: str) -> None:
    """A bound that cannot be read is no bound."""
    got = ask("/probe", "module=asked", X_PROMETHEUS_SCRAPE_TIMEOUT_SECONDS=timeout)
    assert got.status == 400


def test_a_probe_that_was_not_made_is_no_failed_probe(ask: Ask, carry: ByHand) -> None:
    """While the same check is under way: 503, and nothing is said about the trunk."""
    carry.held = True
    first: list[Answered] = []
    asker = threading.Thread(target=lambda: first.append(ask("/probe", "module=asked")))
    asker.start()
    carry.wait()
    got = ask("/probe", "module=asked")
    assert got.status == 503
    assert "under way" in got.text
    assert "probe_success" not in got.text
    assert "Retry-After" in got.headers
    carry.gate.set()
    asker.join(PATIENCE_S)
    assert first[0].value("probe_success") == 1


def test_a_probe_whose_turn_never_came_is_no_failed_probe(
    monitor: Monitor, ask: Ask, carry: ByHand
) -> None:
    """Another run has its account for longer than the asker waits; then it is not made up for."""
    monitor.use(rules(check("busy", "third"), check("asked", "third")))
    carry.held = True
    busy = monitor.start(monitor.rules.checks[0], "schedule")
    carry.wait()
    got = ask("/probe", "module=asked", X_PROMETHEUS_SCRAPE_TIMEOUT_SECONDS="0.1")
    assert got.status == 503
    assert "busy with another run" in got.text
    carry.gate.set()
    assert busy.over.wait(PATIENCE_S)
    assert monitor.active() == ()
    assert len(carry.carried) == 1
    assert monitor.store.tallies("skip") == {("asked", "third", "no_turn"): 1}
    assert not monitor.store.unfinished()


def test_nothing_is_started_before_we_are_ready(monitor: Monitor, ask: Ask, carry: ByHand) -> None:
    """What an earlier process left is ended first."""
    monitor.ready = False
    assert ask("/probe", "module=asked").status == 503
    assert ask("/-/ready").status == 503
    assert ask("/-/healthy").status == 200
    assert not carry.carried


@pytest.mark.parametrize(
    "headers",
    [
        {"SEC_FETCH_SITE": "cross-site"},
        {"SEC_FETCH_SITE": "same-site"},
        {"ORIGIN": "http://x.example"},
        {"SEC_PURPOSE": "prefetch;prerender"},
    ],
    ids=["cross", "same", "origin", "prefetch"],
)
@pytest.mark.parametrize(("path", "method"), [("/probe", "GET"), ("/-/reload", "POST")])
def test_a_page_of_another_site_cannot_make_us_call(
    ask: Ask, carry: ByHand, path: str, method: str, headers: dict[str, str]
) -> None:
    """An <img> on any page that somebody on this machine opens would do."""
    assert ask(path, "module=asked", method=method, **headers).status == 403
    assert not carry.carried


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("evil.example", False), ("evil.example:9817", False), ("", False),
        ("watch.example", True), ("WATCH.example.:443", True), ("localhost:9817", True),
        ("192.0.2.1:9817", True), ("[::1]:9817", True),
    ],
)  # fmt: skip
def test_only_our_names_are_answered(ask: Ask, host: str, ours: bool) -> None:
    """Any name can be made to lead to 127.0.0.1; an address cannot."""
    assert ask("/", HOST=host).status == (200 if ours else 421)


def test_a_reload_says_what_is_wrong(monitor: Monitor) -> None:
    """POST alone, as Prometheus has it."""
    assert asking(app_of(monitor))("/-/reload", method="POST").status == 200
    got = asking(app_of(monitor, "sipprobe.yaml:3:1: wrong"))("/-/reload", method="POST")
    assert got.status == 500
    assert "the old one stays in use" in got.text
    assert "sipprobe.yaml:3:1" in got.text
    refused = asking(app_of(monitor))("/-/reload")
    assert (refused.status, refused.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize("path", ["/", "/metrics", "/probe", "/-/healthy", "/-/ready"])
def test_what_is_read_takes_no_post(ask: Ask, path: str) -> None:
    """And HEAD has no body."""
    assert ask(path, method="POST").status == 405
    head = ask(path, method="HEAD")
    assert (head.status, head.text) == (405 if path == "/probe" else 200, "")


@pytest.mark.parametrize(
    "path", ["/nothing", "/runs/run-1", "/runs/../../etc/passwd/report.html", "/runs//report.html"]
)
def test_other_paths_lead_nowhere(ask: Ask, path: str) -> None:
    """Least of all out of the folder."""
    assert ask(path).status == 404


def test_the_report_of_a_run_is_a_page_of_nobodys_site(ask: Ask, carry: ByHand) -> None:
    """Its script may run and may not ask us anything: the sandbox has an origin of its own."""
    ask("/probe", "module=asked")
    got = ask(f"/runs/{carry.carried[0].run_id}/report.html")
    assert got.status == 200
    assert got.headers["Content-Security-Policy"].startswith("sandbox allow-scripts;")
    assert "allow-same-origin" not in got.headers["Content-Security-Policy"]


def test_every_other_answer_is_closed(ask: Ask) -> None:
    """No script, no form, no frame, nothing loaded, nothing kept."""
    for path in ("/", "/metrics", "/-/healthy", "/nothing"):
        headers = ask(path).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "script-src" not in headers["Content-Security-Policy"]
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Frame-Options"] == "DENY"


def test_metrics_tell_the_last_run_of_each_check(monitor: Monitor, ask: Ask, carry: ByHand) -> None:
    """Values, counters and times, with module and target."""
    whose = {"module": "trunk", "target": "carrier"}
    first, _, _ = monitor.rules.checks
    assert ask("/metrics").value("sipprobe_run_success", **whose) is None
    for outcome in ("met", "not_met"):
        carry.answer = lambda _ticket, outcome=outcome: result(outcome)  # type: ignore[misc]
        assert monitor.start(first, "schedule").over.wait(PATIENCE_S)
    got = ask("/metrics")
    assert got.value("sipprobe_run_success", **whose) == 0
    assert got.value("sipprobe_run_outcome", **whose, outcome="not_met") == 1
    assert got.value("sipprobe_runs_total", **whose, outcome="met") == 1
    assert got.value("sipprobe_runs_total", **whose, outcome="not_met") == 1
    step = {**whose, "scenario": "trunk", "step": "2"}
    assert got.value("sipprobe_step_status_code", **step) == 503
    assert got.value("sipprobe_run_interval_seconds", **whose) == 60
    assert got.value("sipprobe_day_calls") == 2
    assert got.value("sipprobe_config_last_reload_successful") == 1
    assert got.value("sipprobe_ready") == 1


def test_metrics_follow_the_conventions(monitor: Monitor, ask: Ask) -> None:
    """Base units at the end, _total for counters alone, help for each, one place for names."""
    for one in monitor.rules.checks:
        assert monitor.start(one, "schedule").over.wait(PATIENCE_S)
    names = {name for name, _ in ask("/metrics").values() if name.startswith("sipprobe_")}
    assert names <= exported()
    counters = {measure.name for measure in COUNTERS}
    for measure in OURS:
        assert measure.about.endswith(".")
        assert not measure.name.endswith(("_total", "_ms", "_milliseconds", "_minutes"))
        assert (measure.name in counters) == (f"{measure.name}_total" in exported())


def test_metrics_of_what_is_no_longer_configured_are_gone(monitor: Monitor, ask: Ask) -> None:
    """A target that was taken out must not look alive for ever."""
    one = monitor.rules.checks[0]
    assert monitor.start(one, "schedule").over.wait(PATIENCE_S)
    assert 'target="carrier"' in ask("/metrics").text
    monitor.use(rules(check("asked", "third")))
    assert 'target="carrier"' not in ask("/metrics").text


def test_the_newer_text_format_is_spoken_as_well(ask: Ask) -> None:
    """Prometheus asks for OpenMetrics first."""
    got = ask("/metrics", ACCEPT="application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    assert got.headers["Content-Type"].startswith("application/openmetrics-text")
    assert got.text.endswith("# EOF\n")


def test_a_state_file_that_fails_is_an_answer(monitor: Monitor, ask: Ask) -> None:
    """Page and metrics say so instead of breaking."""
    monitor.store.close()
    assert ask("/metrics").value("sipprobe_state_readable") == 0
    got = ask("/")
    assert got.status == 200
    assert "cannot be read" in got.text


def test_the_page_shows_words_of_peers_as_words(monitor: Monitor, ask: Ask, carry: ByHand) -> None:
    """Markup, escapes and direction signs in the findings, in the summary, in a trouble."""
    step = replace(result("not_met").steps[0], summary=HOSTILE)
    carry.answer = lambda _ticket: result("not_met", block=f"FAIL\n{HOSTILE}", steps=(step,))
    assert monitor.start(monitor.rules.checks[0], "schedule").over.wait(PATIENCE_S)
    monitor.keep(f"sipprobe.yaml:1:1: {HOSTILE}")
    page = ask("/").text
    assert page.count("&lt;script&gt;alert(1)") == 4  # finding, two summaries, configuration
    for sign in ("<script", "\x1b", "\u202e", "49'"):
        assert sign not in page


def test_the_page_tells_state_history_and_next_run(
    monitor: Monitor, ask: Ask, carry: ByHand
) -> None:
    """In words, for readers and screen readers."""
    first = monitor.rules.checks[0]
    for outcome in ("met", "inconclusive", "not_met"):
        carry.answer = lambda _ticket, outcome=outcome: result(outcome)  # type: ignore[misc]
        assert monitor.start(first, "schedule").over.wait(PATIENCE_S)
    page = ask("/").text
    assert "<title>1 of 3 not met: sipprobe</title>" in page
    assert 'aria-label="last 3 runs: 1 met, 1 not met, 1 inconclusive"' in page
    assert "FAIL  trunk › call 9503" in page
    assert f'href="/runs/{carry.carried[-1].run_id}/report.html"' in page
    assert "when /probe asks" in page
    assert "not run yet" in page
    assert "<script" not in page
