"""The last good run of a step beside a failure, in the page."""

import base64
import json
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commandline import Ended, HandingOut
from wirebuilder import answered_call, refused_call, sdp

from probe.plan.plan import Attempt
from probe.trace.trace import Trace

Sipprobe = Callable[..., Ended]


def busy(_attempt: Attempt) -> tuple[Trace, ...]:
    """Return a refusal."""
    return (refused_call(486).trace(),)


def other_codec(_attempt: Attempt) -> tuple[Trace, ...]:
    """Return a call that is answered with another codec."""
    return (answered_call(sdp("G722")).trace(),)


def details(page: Path) -> list[dict[str, Any]]:
    """Return what a page holds of each finding."""
    held = re.findall(
        r'<script type="text/plain" class="data">([A-Za-z0-9+/=]+)</script>', page.read_text()
    )
    return [json.loads(zlib.decompress(base64.b64decode(data), -15)) for data in held]


@pytest.fixture
def ran(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[dict[str, Any]]]:
    """Return what runs one call at a second of its own and reads its page."""
    seconds = iter(range(10, 60))
    monkeypatch.setattr(
        "probe.results.run_id", lambda _now, name: f"2026-11-21T01-02-{next(seconds)}Z-{name}"
    )

    def run(tries: Callable[[Attempt], tuple[Trace, ...]], *flags: str) -> list[dict[str, Any]]:
        executor.tries = tries
        sipprobe("run", "one-call", "--report", "html=page.html", *flags)
        return details(carrier / "page.html")

    return run


def good(_attempt: Attempt) -> tuple[Trace, ...]:
    """Return a call that is answered."""
    return (answered_call().trace(),)


def test_a_failure_shows_the_run_before_and_what_differs(
    ran: Callable[..., list[dict[str, Any]]], sipprobe: Sipprobe, carrier: Path
) -> None:
    """Its ladder, its date, the differences; also where the report is made later."""
    assert ran(good)[0]["good"] is None
    ran(busy)
    sipprobe("report", "last", "-o", "later.html")
    for page in ("page.html", "later.html"):
        (detail,) = details(carrier / page)
        beside = detail["good"]
        assert beside["run"] == "2026-11-21T01-02-10Z-one-call"
        assert beside["at"].startswith("2026-11-02T12:00:00")
        assert [row[2] for row in beside["rows"]][-2:] == ["BYE", "200 OK"]
        assert beside["differences"][0][:3] == ["sequence: responses", "180 200", "486"]
        assert not any(row[0] == "outcome" for row in beside["differences"])


def test_the_newest_run_counts_in_which_the_step_was_met(
    ran: Callable[..., list[dict[str, Any]]],
) -> None:
    """Failures between are passed over; a met step shows none."""
    ran(good)
    ran(other_codec)
    ran(busy)
    (detail,) = ran(busy)
    assert detail["good"]["run"] == "2026-11-21T01-02-11Z-one-call"
    assert ran(good)[0]["good"] is None


def test_a_strict_report_shows_no_run_with_real_names(
    ran: Callable[..., list[dict[str, Any]]],
) -> None:
    """What earlier runs kept is not for strangers."""
    ran(good)
    assert ran(busy, "--redact", "strict")[0]["good"] is None


def test_without_earlier_runs_nothing_is_beside(
    ran: Callable[..., list[dict[str, Any]]], carrier: Path
) -> None:
    """Nor where the folder cannot be read, or the trunk was another one."""
    assert ran(busy)[0]["good"] is None
    ran(good)
    (carrier / "sipprobe.yaml").write_text(
        'trunks: {carrier: {uri: "sip:100@other.example", password: pbx-hunter22}}\n'
    )
    assert ran(busy)[0]["good"] is None


def test_a_run_that_is_not_stored_is_held_against_those_that_are(
    ran: Callable[..., list[dict[str, Any]]],
) -> None:
    """--no-store writes no folder, and reads the others all the same."""
    ran(good)
    (detail,) = ran(busy, "--no-store")
    assert detail["good"]["run"] == "2026-11-21T01-02-10Z-one-call"
