"""Which limits hold for whom, and what is beyond them before anything is sent."""

from pathlib import Path

import jsonschema
import pytest
import yaml

from probe.plan.caps import too_many_calls
from probe.plan.plan import Limits, Plan, Price
from probe.plan.resolve import resolve
from probe.scenario.json_schema import settings_schema
from probe.scenario.loader import load_scenario, load_settings
from probe.scenario.schema import Profile

STEPS = '  - register:\n  - call: "2000"\n  - hangup:\n'


def plan_of(
    folder: Path,
    profile: str,
    steps: str = STEPS,
    trunk: str = "carrier",
    cps: float | None = None,
) -> Plan:
    """Resolve steps on a trunk with these keys."""
    settings = folder / "sipprobe.yaml"
    settings.write_text(f"trunks: {{carrier: {{{profile}}}}}\n", encoding="utf-8")
    scenario = folder / "one.sip.yaml"
    scenario.write_text(f"trunk: {trunk}\nsteps:\n{steps}", encoding="utf-8")
    return resolve(
        load_scenario(scenario, variables={}, environ={}),
        load_settings(settings, variables={}, environ={}),
        embedded=Profile(uri="sip:100@127.0.0.1:5060"),
        cps=cps,
    )


def limits_of_call(plan: Plan) -> Limits | None:
    """Return the limits of the first call."""
    return next(a.limits for a in plan.attempts if a.method == "INVITE")


def test_trunk_elsewhere_has_careful_defaults(tmp_path: Path) -> None:
    """Nobody has to know of caps to be kept from a bill."""
    plan = plan_of(tmp_path, "uri: 'sip:100@sip.carrier.example', auth_user: me")
    assert limits_of_call(plan) == Limits(
        owner="me@sip:sip.carrier.example",
        calls_per_run=50,
        calls_per_day=200,
        minutes_per_day=60,
        refused_logins_per_day=3,
        gap=1.0,
        concurrent_calls=1,
        host="sip.carrier.example:5060",
        request_gap=1.0,
    )
    assert [attempt.limits is not None for attempt in plan.attempts] == [True, True, False]


def test_what_is_written_wins_over_the_defaults(tmp_path: Path) -> None:
    """A key left out keeps its default."""
    found = limits_of_call(
        plan_of(
            tmp_path,
            "uri: 'sip:100@h.example', pace: 6/min,"
            " caps: {calls_per_day: 7, minutes_per_day: 5 min, refused_logins_per_day: 1}",
        )
    )
    assert found is not None
    assert (found.calls_per_run, found.calls_per_day) == (50, 7)
    assert (found.minutes_per_day, found.refused_logins_per_day, found.gap) == (5, 1, 10.0)


@pytest.mark.parametrize("host", ["127.0.0.1:5070", "localhost", "LOCALHOST.", "127.8.9.1"])
def test_loopback_is_exempt(tmp_path: Path, host: str) -> None:
    """A PBX on this machine costs nothing."""
    assert limits_of_call(plan_of(tmp_path, f"uri: 'sip:100@{host}'")) is None


def test_embedded_trunk_is_exempt(tmp_path: Path) -> None:
    """Nothing leaves the machine."""
    plan = plan_of(tmp_path, "uri: 'sip:100@h.example'", trunk="embedded")
    assert limits_of_call(plan) is None


def test_caps_and_pace_that_are_written_hold_on_loopback_too(tmp_path: Path) -> None:
    """Each for itself: a pace brings no caps, caps bring no pace."""
    paced = limits_of_call(plan_of(tmp_path, "uri: 'sip:100@127.0.0.1', pace: 2/s"))
    assert paced is not None
    assert (paced.gap, paced.calls_per_run, paced.calls_per_day) == (0.5, None, None)
    capped = limits_of_call(plan_of(tmp_path, "uri: 'sip:100@127.0.0.1', caps: {calls_per_run: 3}"))
    assert capped is not None
    assert (capped.gap, capped.calls_per_run, capped.calls_per_day) == (0.0, 3, 200)


def test_call_that_leaves_a_loopback_account_for_another_host_is_not_exempt(tmp_path: Path) -> None:
    """The target counts, unless a proxy on this machine takes the call."""
    steps = '  - call: "sip:2000@elsewhere.example"\n'
    assert limits_of_call(plan_of(tmp_path, "uri: 'sip:100@127.0.0.1'", steps)) is not None
    proxied = "uri: 'sip:100@127.0.0.1', proxy: 'sip:127.0.0.1:5080'"
    assert limits_of_call(plan_of(tmp_path, proxied, steps)) is None


def test_call_beyond_the_cap_of_a_run_is_found_at_its_line(tmp_path: Path) -> None:
    """Calls of all plans count together, and only the first one too many is told."""
    plan = plan_of(
        tmp_path,
        "uri: 'sip:100@h.example', caps: {calls_per_run: 2}",
        '  - call: "2000"\n  - call: "2001"\n  - call: "2002"\n  - call: "2003"\n',
    )
    (problem,) = too_many_calls([plan, plan])
    assert problem.source.line == 5
    assert problem.message.startswith("this is call 3 of the run, and a run may make 2")


def test_calls_within_the_cap_and_calls_without_limits_are_no_problem(tmp_path: Path) -> None:
    """Two calls are not three; loopback has no cap, and a pace alone has none either."""
    within = plan_of(tmp_path, "uri: 'sip:100@h.example', caps: {calls_per_run: 1}")
    assert too_many_calls([within]) == ()
    free = plan_of(tmp_path, "uri: 'sip:100@127.0.0.1'")
    paced = plan_of(tmp_path, "uri: 'sip:100@127.0.0.1', pace: 1/s")
    assert too_many_calls([free, paced] * 60) == ()


def test_pace_may_be_given_as_the_gap_it_stands_for() -> None:
    """A profile that a program makes has seconds already."""
    assert Profile(uri="sip:100@h.example", pace=0.5).pace == 0.5


@pytest.mark.parametrize(
    ("profile", "right"),
    [
        ("country: [US, de], pace: 6/min, caps: {calls_per_run: 5, minutes_per_day: 5 min}", True),
        ("country: NO, pace: 0.5/s, caps: {}", True),
        (
            "caps: {cost_per_minute: 0.012, cost_per_call: '0.5', cost_per_day: 3, currency: EUR}",
            True,
        ),
        ("caps: {calls_per_second: 0.5, concurrent_calls: 2, requests_per_second: '5'}", True),
        ("caps: {calls_per_second: 0}", False),
        ("caps: {requests_per_second: 51}", False),
        ("caps: {concurrent_calls: 0}", False),
        ("caps: {cost_per_minute: cheap}", False),
        ("caps: {cost_per_minute: -1}", False),
        ("country: Germany", False),
        ("pace: fast", False),
        ("caps: {calls_per_hour: 5}", False),
        ("caps: {refused_logins_per_day: 0}", False),
    ],
)
def test_an_editor_knows_the_keys(profile: str, right: bool) -> None:
    """The JSON Schema of sipprobe.yaml has what the loader takes, and refuses what it refuses."""
    written = yaml.safe_load(f"trunks: {{carrier: {{uri: 'sip:100@h.example', {profile}}}}}")
    assert jsonschema.Draft202012Validator(settings_schema()).is_valid(written) is right


def test_price_and_budgets_reach_the_limits(tmp_path: Path) -> None:
    """What is not written is no cap; a price alone is counted for the day and holds nothing."""
    plan = plan_of(
        tmp_path,
        "uri: 'sip:100@h.example', caps: {cost_per_minute: 0.02, cost_per_day: 5, currency: USD}",
    )
    found = limits_of_call(plan)
    assert found is not None
    assert found.price == Price(minute=0.02, call=0.0, currency="USD")
    assert (found.cost_per_run, found.cost_per_day) == (None, 5.0)
    free = limits_of_call(plan_of(tmp_path, "uri: 'sip:100@h.example'"))
    assert free is not None
    assert free.price is None


@pytest.mark.parametrize(
    ("seconds", "cost"), [(0.0, 0.0), (0.4, 0.52), (60.0, 0.52), (60.1, 0.54), (125.0, 0.56)]
)
def test_minutes_that_have_begun_are_paid(seconds: float, cost: float) -> None:
    """A call that nobody answered costs nothing."""
    price = Price(minute=0.02, call=0.5, currency="EUR")
    assert price.of(seconds) == pytest.approx(cost)


def test_amounts_are_shown_as_short_as_they_are() -> None:
    """No zeros behind, and no currency where none was said."""
    assert Price(minute=1, call=0, currency="EUR").shown(1.5) == "1.5 EUR"
    assert Price(minute=1, call=0, currency="").shown(3.0) == "3"


@pytest.mark.parametrize(
    ("profile", "cps", "gap"),
    [
        ("", None, 1.0),
        ("", 4.0, 0.25),
        ("pace: 6/min", 4.0, 10.0),
        ("pace: 10/s", 4.0, 0.25),
        ("caps: {calls_per_second: 0.5}", None, 2.0),
        ("caps: {calls_per_second: 0.5}, pace: 6/min", 4.0, 10.0),
    ],
)
def test_slowest_rate_that_somebody_wrote_holds(
    tmp_path: Path, profile: str, cps: float | None, gap: float
) -> None:
    """The command may be faster than the default, never faster than the profile."""
    found = limits_of_call(plan_of(tmp_path, f"uri: 'sip:100@h.example', {profile}", cps=cps))
    assert found is not None
    assert found.gap == gap


def test_rate_of_the_command_brings_no_cap_on_loopback(tmp_path: Path) -> None:
    """The run keeps it over all of its calls; there is nothing to keep over runs."""
    assert limits_of_call(plan_of(tmp_path, "uri: 'sip:100@127.0.0.1'", cps=2.0)) is None


def test_other_machines_get_no_load(tmp_path: Path) -> None:
    """Whatever rate the command asks for."""
    found = limits_of_call(plan_of(tmp_path, "uri: 'sip:100@h.example'", cps=1000.0))
    assert found is not None
    assert found.gap == 0.02


def test_caps_on_loopback_bring_no_pace(tmp_path: Path) -> None:
    """What counts by the second or at a time must be written there by itself."""
    found = limits_of_call(plan_of(tmp_path, "uri: 'sip:100@127.0.0.1', caps: {calls_per_run: 3}"))
    assert found is not None
    assert (found.gap, found.request_gap, found.concurrent_calls) == (0.0, 0.0, None)
    written = "caps: {concurrent_calls: 2, requests_per_second: 4}"
    found = limits_of_call(plan_of(tmp_path, f"uri: 'sip:100@127.0.0.1:5070', {written}"))
    assert found is not None
    assert (found.request_gap, found.concurrent_calls) == (0.25, 2)
    assert found.host == "127.0.0.1:5070"
