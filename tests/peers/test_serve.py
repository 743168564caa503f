"""`sipprobe serve` as its user runs it: watched by Prometheus, killed, stopped, reloaded, read."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from chromium import PROGRAM, Page, running_chromium
from cryptography import x509
from ports import LOOPBACK
from processes import program
from userfolder import UserFolder
from watching import FILES, Serving, configure, get, running_prometheus, start_serve

from probe.simulator.certificate import make_certificate
from probe.simulator.trunk import EmbeddedTrunk

pytestmark = pytest.mark.timeout(240)
"""Twenty seconds where nobody else works; each wait has a bound of its own."""

QUICK = '- call: "+12025550123"\n  hangup_after: 100ms'
LONG = '- register:\n- call: "+12025550123"\n  hangup_after: 60s'


@pytest.fixture
def trunk() -> Iterator[EmbeddedTrunk]:
    """Give a trunk in this process: it outlives the command and remembers all it saw."""
    with EmbeddedTrunk() as running:
        yield running


def profile(trunk: EmbeddedTrunk) -> dict[str, object]:
    """Return the trunk profile of a trunk."""
    return {"uri": f"sip:{trunk.user}@{LOOPBACK}:{trunk.udp_port}", "password": trunk.password}


def test_an_alert_fires_when_the_trunk_breaks_and_clears_when_it_mends(
    folder: UserFolder, peers: Callable[[str], tuple[ExitStack, Path]]
) -> None:
    """A real Prometheus with the rules that we ship; /probe is asked by it as well."""
    stack, place = peers("prometheus")
    watched = {"module": "watched", "target": "peer"}
    folder.scenario(QUICK, name="quick")
    with EmbeddedTrunk() as trunk:
        port, password = trunk.udp_port, trunk.password
        quick = {"scenario": "quick", "targets": "peer"}
        configure(
            folder, profile(trunk), watched={**quick, "interval": "2s", "jitter": "0s"}, asked=quick
        )
        serve = start_serve(folder)
        prometheus = stack.enter_context(running_prometheus(place, serve, "asked"))
        prometheus.until(
            lambda: prometheus.value('sipprobe_run_success{module="watched"}') == 1, "it is met"
        )
        prometheus.until(
            lambda: prometheus.value('probe_success{job="sipprobe-probe"}') == 1, "/probe is met"
        )
        assert prometheus.firing("SipTrunkNotMet", **watched) is None
    prometheus.until(
        lambda: prometheus.firing("SipTrunkNotMet", **watched) is not None, "the alert fires"
    )
    alert = prometheus.firing("SipTrunkNotMet", **watched)
    assert alert is not None
    assert alert["annotations"]["description"].startswith("Cause: F")
    assert prometheus.firing("SipTrunkNotMetAnyMore", **watched) is not None
    prometheus.until(
        lambda: prometheus.value('probe_success{job="sipprobe-probe"}') == 0, "/probe fails"
    )
    assert prometheus.value('up{job="sipprobe-probe"}') == 1, "a probe that fails is an answer"
    with EmbeddedTrunk(port=port, password=password):
        prometheus.until(
            lambda: prometheus.firing("SipTrunkNotMet", **watched) is None, "the alert clears"
        )
        assert prometheus.value('sipprobe_run_success{module="watched"}') == 1
    assert prometheus.firing("SipprobeConfigurationWrong") is None
    serve.stop()


def test_a_probe_over_tls_says_when_the_certificate_ends(folder: UserFolder) -> None:
    """Under the name that blackbox_exporter gives it, and on /metrics for alerts."""
    files = make_certificate(folder.path, LOOPBACK)
    with EmbeddedTrunk(tls=files) as trunk:
        folder.scenario("- options:", name="secure")
        uri = f"sip:{trunk.user}@{LOOPBACK}:{trunk.tls_port};transport=tls"
        about = {"uri": uri, "password": trunk.password, "ca_file": str(files.certificate)}
        configure(folder, about, secure={"scenario": "secure"})
        serve = start_serve(folder)
        got = get(serve.url("/probe?module=secure"))
        assert "probe_success 1.0" in got.text, got.text
        pem = files.certificate.read_bytes()
        ends = x509.load_pem_x509_certificate(pem).not_valid_after_utc.timestamp()
        told = serve.value("sipprobe_tls_certificate_expiry_timestamp_seconds", target="peer")
        assert told == pytest.approx(ends, abs=1)
        assert "probe_ssl_earliest_cert_expiry" in got.text
        serve.stop()


def in_mid_call(place: UserFolder, trunk: EmbeddedTrunk, finished: int = 0) -> Serving:
    """Start a service that is in a call, and has finished so many runs of another scenario."""
    place.scenario("- options:", name="short", trunk="embedded")
    place.scenario(LONG, name="long")
    configure(
        place, profile(trunk),
        short={"scenario": "short", "interval": "1s", "jitter": "0s"},
        long={"scenario": "long", "interval": "1h", "jitter": "0s"},
    )  # fmt: skip
    serve = start_serve(place)
    acks = lambda: sum(m.method == "ACK" for m in trunk.log)  # noqa: E731 - one for the 407
    serve.until(lambda: acks() >= 2, "the call is up")
    met = {"module": "short", "outcome": "met"}
    serve.until(
        lambda: (serve.value("sipprobe_runs_total", **met) or 0) >= finished, "some are over"
    )
    return serve


def test_kill_loses_no_finished_result(folder: UserFolder, trunk: EmbeddedTrunk) -> None:
    """The service and its workers die at once; the next one ends the call and tells all of it."""
    serve = in_mid_call(folder, trunk, finished=2)
    shown = serve.value("sipprobe_runs_total", module="short", outcome="met")
    last = serve.value("sipprobe_run_last_timestamp_seconds", module="short")
    assert shown is not None
    assert last is not None
    os.kill(serve.command.pid, signal.SIGSTOP)  # else it would hang up for its dead worker
    for pid in (*folder.workers(serve.command), serve.command.pid):
        os.kill(pid, signal.SIGKILL)
    serve.command.finish()
    assert len(trunk.bindings) == 1
    assert not any(call.state == "ended" for call in trunk.calls)

    again = start_serve(folder)
    assert [call.ended_by for call in trunk.calls if call.state == "ended"] == ["caller"]
    assert trunk.bindings == ()
    assert again.value("sipprobe_leftovers_unconfirmed") == 0
    counted = again.value("sipprobe_runs_total", module="short", outcome="met")
    told = again.value("sipprobe_run_last_timestamp_seconds", module="short")
    assert counted is not None
    assert told is not None
    assert counted >= shown
    assert told >= last
    assert again.value("sipprobe_runs_total", module="long", outcome="interrupted") == 1
    page = get(again.url("/")).text
    assert "interrupted" in page
    invites = sum(m.method == "INVITE" for m in trunk.log)
    again.until(
        lambda: (again.value("sipprobe_runs_total", module="short", outcome="met") or 0) > counted,
        "it goes on",
    )
    assert sum(m.method == "INVITE" for m in trunk.log) == invites, "an hour is an hour"
    again.stop()
    files = [path for path in (folder.path / "serve-state").rglob("*") if path.is_file()]
    assert len(files) > 3
    assert [path for path in files if trunk.password.encode() in path.read_bytes()] == []


def test_the_end_hangs_up(folder: UserFolder, trunk: EmbeddedTrunk) -> None:
    """Call ended, registration removed, the run told as interrupted, no process left, status 0."""
    serve = in_mid_call(folder, trunk)
    began = time.monotonic()
    os.kill(serve.command.pid, signal.SIGTERM)
    ended = serve.command.finish()
    assert ended.exit_code == 0, ended.stderr
    assert time.monotonic() - began < 20
    assert [call.ended_by for call in trunk.calls if call.state == "ended"] == ["caller"]
    assert trunk.bindings == ()
    assert folder.wait_for_silence() == []
    assert "long at peer: interrupted" in ended.stderr
    assert ended.stderr.rstrip().endswith("ended")
    assert trunk.password not in ended.stderr


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder that the tests of one service share."""
    return tmp_path_factory.mktemp("serve")


@pytest.fixture(scope="module")
def shared(place: Path) -> Iterator[Serving]:
    """Give a service of the embedded trunk: one check that is met, one refused, one to be asked."""
    from sipprobe_command import running_sipprobe  # noqa: PLC0415 - of this fixture alone

    with ExitStack() as stack:
        user = UserFolder(
            place,
            lambda args, **about: stack.enter_context(running_sipprobe(place, args, **about)),
        )
        user.scenario("- options:", name="fine", trunk="embedded")
        user.scenario(
            '- call: "9503"\n  expect: {responses: 180 200}', name="refused", trunk="embedded"
        )
        (place / "sipprobe.yaml").write_text(
            json.dumps(
                {
                    "serve": {
                        "modules": {
                            "fine": {"scenario": "fine", "interval": "1h", "jitter": "0s"},
                            "refused": {"scenario": "refused", "interval": "1h", "jitter": "0s"},
                            "asked": {"scenario": "refused"},
                        }
                    }
                }
            )
        )
        serve = start_serve(user)
        for name in ("fine", "refused"):
            serve.until(
                lambda name=name: serve.value("sipprobe_run_success", module=name) is not None,  # type: ignore[misc]
                f"{name} was run",
            )
        yield serve


def test_a_probe_tells_the_refusal(shared: Serving) -> None:
    """By its code; with debug=true by its ladder, its cause and its log."""
    got = get(shared.url("/probe?module=asked"))
    assert got.status == 200
    assert "probe_success 0.0" in got.text
    assert 'sipprobe_step_status_code{scenario="refused",step="1"} 503.0' in got.text
    assert 'cause="F130"' in got.text
    told = get(shared.url("/probe?module=asked&debug=true")).text
    for part in ("step 1: call 9503", "FAIL  refused", "503 Retry-After: 30", "F130", "Why"):
        assert part in told


def test_a_stranger_cannot_choose_whom_we_call(shared: Serving) -> None:
    """Over real HTTP: target, host name, site, method, size, half a request."""
    assert get(shared.url("/probe?module=asked&target=sip:1@192.0.2.1")).status == 403
    assert get(shared.url("/metrics"), Host="rebound.example").status == 421
    assert get(shared.url("/probe?module=asked"), **{"Sec-Fetch-Site": "cross-site"}).status == 403
    assert get(shared.url("/-/reload"), method="PUT").status == 405
    assert get(shared.url("/"), **{"X-Long": "x" * 20_000}).status in {400, 431}
    assert get(shared.url("/-/healthy")).status == 200


def test_a_wrong_configuration_changes_nothing(shared: Serving, place: Path) -> None:
    """By POST and by SIGHUP; the page shows the line; the right one is taken again."""
    file = place / "sipprobe.yaml"
    right = file.read_text()
    try:
        file.write_text(right.replace('"1h"', '"1 fortnight"', 1))
        got = get(shared.url("/-/reload"), method="POST")
        assert got.status == 500
        assert "sipprobe.yaml:1:" in got.text
        assert "'1 fortnight' is not a duration" in got.text
        assert shared.value("sipprobe_config_last_reload_successful") == 0
        assert shared.value("sipprobe_run_interval_seconds", module="fine") == 3600
        assert "1 fortnight" in get(shared.url("/")).text
        file.write_text(right.replace('"1h"', '"2h"', 1))
        os.kill(shared.command.pid, signal.SIGHUP)
        shared.until(
            lambda: shared.value("sipprobe_config_last_reload_successful") == 1, "it is taken"
        )
        assert shared.value("sipprobe_run_interval_seconds", module="fine") == 7200
    finally:
        file.write_text(right)
        assert get(shared.url("/-/reload"), method="POST").status == 200


def promtool(*arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run promtool to its end."""
    return subprocess.run(
        [program("promtool"), *arguments], input=text, capture_output=True, text=True, timeout=60,
        check=False, cwd=FILES,
    )  # fmt: skip


def test_promtool_finds_nothing_wrong_with_the_metrics(shared: Serving) -> None:
    """Names, help, types, units: its linter, over what is really answered."""
    done = promtool("check", "metrics", text=get(shared.url("/metrics")).text)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "rules", "sipprobe.rules.yml"),
        ("check", "config", "prometheus.yml"),
        ("test", "rules", "sipprobe.rules.test.yml"),
    ],
    ids=["rules", "config", "stories"],
)
def test_promtool_takes_the_files(arguments: tuple[str, ...]) -> None:
    """Each alert of the stories fires when it should and not before."""
    done = promtool(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Give a browser."""
    if not PROGRAM:
        pytest.skip("chromium is not installed")
    with running_chromium(tmp_path_factory.mktemp("chromium")) as page:
        yield page


def shown(browser: Page, url: str) -> None:
    """Open an address and wait until it is there."""
    browser.logged.clear()
    browser.requested.clear()
    browser.call("Page.navigate", url=url)
    browser.wait(f"location.href === {json.dumps(url)} && document.readyState === 'complete'")


CONTRAST = """(() => {
  const linear = (v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = (css) => {
    const [r, g, b] = css.match(/[\\d.]+/g).map((v) => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (node) => {
    for (; node; node = node.parentElement) {
      const css = getComputedStyle(node).backgroundColor;
      if (!/, 0\\)$/.test(css)) return css;
    }
    return 'rgb(255, 255, 255)';
  };
  const says = (node) => [...node.childNodes].some((c) => c.nodeType === 3 && c.data.trim());
  const contrast = (node) => {
    const pair = [light(getComputedStyle(node).color), light(ground(node))];
    return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
  };
  return Math.min(...[...document.querySelectorAll('body *')].filter(says).map(contrast));
})()"""
"""The lowest contrast of any text on the page (WCAG 2.1, 1.4.3: at least 4.5)."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_in_a_browser(shared: Serving, browser: Page, tmp_path: Path, scheme: str) -> None:
    """No error, no request but its own; states, history and findings; readable in both schemes."""
    browser.call(
        "Emulation.setEmulatedMedia",
        features=[{"name": "prefers-color-scheme", "value": scheme}],
    )
    shown(browser, shared.url("/"))
    browser.screenshot(tmp_path / f"status-{scheme}.png", width=1200)
    assert browser.logged == []
    assert [
        url for url in browser.requested if not url.startswith(("data:", shared.url("/")))
    ] == []
    assert browser.run("document.title").endswith(" of 3 not met: sipprobe")
    assert browser.run("document.querySelectorAll('svg.history rect').length") >= 2
    assert "503 Retry-After: 30" in browser.run(
        "document.querySelector('details[open] pre').innerText"
    )
    assert browser.run("document.documentElement.scrollWidth <= innerWidth")
    assert browser.run(CONTRAST) >= 4.5


NAMED = frozenset({"link", "image", "img", "heading", "DisclosureTriangle"})
"""Roles of what must have a name."""


def test_the_page_by_keys_and_by_ear(shared: Serving, browser: Page) -> None:
    """Tab reaches every link and every check, in order; each has a name."""
    shown(browser, shared.url("/"))
    reached = []
    for _ in range(40):
        browser.press("Tab", 9)
        reached.append(browser.run("document.activeElement.outerHTML.slice(0, 140)"))
        if reached[-1].startswith("<body") or reached.count(reached[0]) > 1:
            break  # round
    assert reached[0].startswith('<a class="skip"')
    assert sum(one.startswith("<summary") for one in reached) == 3
    assert any("/report.html" in one for one in reached), reached
    tree = browser.call("Accessibility.getFullAXTree")["nodes"]
    names = [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in tree
        if not node.get("ignored") and node.get("role", {}).get("value") in NAMED
    ]
    assert len(names) > 8
    assert [role for role, name in names if not name] == []
    assert "last run: 1 met, 0 not met, 0 inconclusive" in {name for _, name in names}


def test_the_report_of_a_run_opens_in_its_sandbox(shared: Serving, browser: Page) -> None:
    """Its script draws the ladder, and cannot ask the service anything."""
    shown(browser, shared.url("/"))
    link = browser.run("document.querySelector('details[open] a[href$=\"report.html\"]').href")
    shown(browser, link)
    browser.wait("document.documentElement.dataset.ready === 'yes'")
    browser.run("document.getElementById('open-all').click()")
    browser.wait("document.querySelectorAll('.finding .detail .picture').length > 0")
    assert browser.logged == []
    assert browser.run("origin") == "null"
    asked = browser.run("fetch('/probe?module=asked').then(() => 'asked', () => 'refused')")
    assert asked == "refused"


def test_state_is_readable_by_its_owner_alone(shared: Serving, place: Path) -> None:
    """And holds no password of the built-in trunk's users."""
    assert shared.value("sipprobe_ready") == 1
    assert (place / "serve-state/serve.sqlite3").exists()
    for path in (place / "serve-state").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
