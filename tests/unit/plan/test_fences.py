"""What a profile lets through: dear numbers, caller IDs, identities in headers, countries."""

from pathlib import Path

import pytest

from probe.plan.plan import Plan
from probe.plan.rails import dear_number, listed, owned
from probe.plan.resolve import resolve
from probe.scenario.loader import load_scenario, load_settings
from probe.scenario.schema import Profile
from probe.scenario.source import Problem, ScenarioError

LINE = 3
"""Line of the step in the scenarios of this file."""


def plan_of(folder: Path, step: str, profile: str = "", trunk: str = "carrier") -> Plan:
    """Resolve one step on a trunk with these further keys."""
    settings = folder / "sipprobe.yaml"
    settings.write_text(
        f'trunks: {{carrier: {{uri: "sip:100@sip.carrier.example", {profile}}}}}\n',
        encoding="utf-8",
    )
    scenario = folder / "one.sip.yaml"
    scenario.write_text(f"trunk: {trunk}\nsteps:\n  - {step}\n", encoding="utf-8")
    return resolve(
        load_scenario(scenario, variables={}, environ={}),
        load_settings(settings, variables={}, environ={}),
        embedded=Profile(uri="sip:100@127.0.0.1:5060"),
    )


def problem_of(folder: Path, step: str, profile: str = "") -> Problem:
    """Return the one problem of a step."""
    with pytest.raises(ScenarioError) as caught:
        plan_of(folder, step, profile)
    (problem,) = caught.value.problems
    return problem


@pytest.mark.parametrize(
    ("number", "why"),
    [
        ("+870773123456", "+870 (Inmarsat)"),
        ("00870773123456", "+870 (Inmarsat)"),
        ("9011881612345678", "+881 (satellite phones)"),
        ("sip:+882161234567@h", "+882 (international networks)"),
        ("883510012345678", "+883 (international networks)"),
        ("tel:+979-1-2345-6789", "+979 (international premium rate)"),
        ("+19005551234", "premium rate"),
        ("19005551234", "premium rate"),
        ("9005551234", "premium rate"),
        ("0900-1234567", "premium rate"),
        ("+44 909 8790000", "premium rate"),
        ("900449098790000", "premium rate"),
    ],
)
def test_dear_number_is_recognised(number: str, why: str) -> None:
    """Satellite networks and premium rates are seen behind prefixes and in URIs."""
    assert dear_number(number) == why


@pytest.mark.parametrize(
    "number",
    [
        "+12025550123",
        "8702345678",
        "98702345678",
        "2000",
        "alice",
        "00",
        "+999123456789",
        "09098790",
    ],
)
def test_other_number_is_not_dear(number: str) -> None:
    """870 is also an area code of Arkansas; what is no number costs nothing."""
    assert dear_number(number) is None


def test_national_form_is_read_as_that_of_the_countries() -> None:
    """0909 is a premium rate in Great Britain and nothing known elsewhere."""
    assert dear_number("09098790000") is None
    assert dear_number("09098790000", ("DE", "GB")) == "premium rate"


def test_dear_number_is_refused_at_its_line(tmp_path: Path) -> None:
    """The refusal says why, and how to allow it."""
    problem = problem_of(tmp_path, 'call: "+870773123456"')
    assert (problem.source.line, problem.source.column) == (LINE, 12)
    assert problem.message == "+870773123456 is a dear number: +870 (Inmarsat)"
    assert "without *" in str(problem.hint)


def test_dear_number_is_not_let_through_by_a_pattern(tmp_path: Path) -> None:
    """Everything is allowed, so nobody thought of this number."""
    problem = problem_of(tmp_path, 'call: "+870773123456"', 'allow_to: ["*"]')
    assert "dear number" in problem.message


def test_dear_number_that_is_listed_by_itself_is_let_through(tmp_path: Path) -> None:
    """Whoever writes the number out means it."""
    plan = plan_of(tmp_path, 'call: "+870773123456"', 'allow_to: ["*", "+870773123456"]')
    assert plan.attempts[0].label == "call +870773123456"


def test_listing_looks_at_digits() -> None:
    """Form and separators make no difference, another digit does."""
    assert listed("sip:+870773123456@h", ("+870-773-123456",))
    assert not listed("+870773123456", ("+870773123457", "+87077312345*"))


def test_embedded_trunk_may_be_called_on_any_dear_number(tmp_path: Path) -> None:
    """Nothing leaves the machine."""
    assert plan_of(tmp_path, 'call: "+870773123456"', trunk="embedded").attempts


def test_emergency_number_is_refused_at_its_line(tmp_path: Path) -> None:
    """It stands before every other refusal, and on the embedded trunk as well."""
    problem = problem_of(tmp_path, 'call: "9,112"', "allow_to: []")
    assert (problem.source.line, problem.source.column) == (LINE, 12)
    assert "emergency number 112; it is never dialled" in problem.message
    with pytest.raises(ScenarioError, match="emergency"):
        plan_of(tmp_path, 'call: "112"', trunk="embedded")


def test_options_to_an_emergency_number_is_refused(tmp_path: Path) -> None:
    """A request that is no call may be routed as one."""
    problem = problem_of(tmp_path, 'options: "112"')
    assert (problem.source.line, problem.source.column) == (LINE, 15)
    assert plan_of(tmp_path, 'options: "100"').attempts


@pytest.mark.parametrize("profile", ["provider: sip.us", "country: UA"])
def test_customary_extension_is_refused_on_the_public_network(tmp_path: Path, profile: str) -> None:
    """101 is a desk phone on a PBX, and a rescue number where the profile says so."""
    assert plan_of(tmp_path, 'call: "101"').attempts
    assert "emergency number 101" in problem_of(tmp_path, 'call: "101"', profile).message


def test_unknown_country_is_refused_at_its_line(tmp_path: Path) -> None:
    """A misspelt country would protect nobody."""
    problem = problem_of(tmp_path, 'call: "2000"', "country: [DE, UK]")
    assert problem.message == "no emergency numbers are known for country 'UK'"
    assert problem.source.file.endswith("sipprobe.yaml")


def test_header_with_an_emergency_number_is_refused(tmp_path: Path) -> None:
    """A Route or Diversion leads there as well as the Request-URI does."""
    step = 'call: "2000"\n    headers: {Route: "<sip:112@pbx.example>"}'
    problem = problem_of(tmp_path, step)
    assert problem.message == "Route holds the emergency number 112; it is never sent"
    assert problem.source.line == LINE + 1


@pytest.mark.parametrize(
    ("caller_id", "numbers"),
    [
        ("+12025550100", ("+12025550100",)),
        ("sip:+1-202-555-0100@h", ("+12025550100",)),
        ("+12025550100", ("sip:+12025550100@h",)),
        ("+12025550188", ("+120255501*",)),
        ("Anonymous", ()),
        ("sip:anonymous@anonymous.invalid", ()),
    ],
)
def test_caller_id_that_is_ours(caller_id: str, numbers: tuple[str, ...]) -> None:
    """The number counts, however it is written; no number at all is nobody's."""
    assert owned(caller_id, numbers)


@pytest.mark.parametrize("numbers", [(), ("+12025550100",), ("12025550199",)])
def test_caller_id_that_is_not_ours(numbers: tuple[str, ...]) -> None:
    """Another number, and the same one without its plus, is not ours."""
    assert not owned("+12025550199", numbers)


def test_caller_id_of_a_step_that_is_not_ours_is_refused_at_its_line(tmp_path: Path) -> None:
    """The refusal names what is ours."""
    problem = problem_of(
        tmp_path, 'call: "2000"\n    caller_id: "+12025550199"', 'numbers: ["+12025550100"]'
    )
    assert problem.source.line == LINE + 1
    assert problem.message == "caller ID +12025550199 is not among the numbers of 'trunk'"
    assert "+12025550100" in str(problem.hint)


def test_caller_id_of_a_profile_that_is_not_ours_is_refused_there(tmp_path: Path) -> None:
    """The problem stands in sipprobe.yaml."""
    problem = problem_of(tmp_path, 'call: "2000"', 'numbers: [], caller_id: "+12025550199"')
    assert problem.source.file.endswith("sipprobe.yaml")
    assert "numbers: none" in str(problem.hint)


def test_own_user_may_always_be_shown(tmp_path: Path) -> None:
    """It is in From anyway."""
    plan = plan_of(tmp_path, 'call: "2000"\n    caller_id: "100"', "numbers: []")
    assert plan.warnings == ()


def test_identity_in_a_header_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    """P-Asserted-Identity shows a caller as From does; a header without a user shows none."""
    header = 'headers: {P-Asserted-Identity: "<sip:+12025550199@h>"}'
    step = f'call: "2000"\n    {header}'
    assert "caller ID sip:+12025550199@h" in problem_of(tmp_path, step, "numbers: []").message
    assert plan_of(tmp_path, step).attempts
    nobody = 'call: "2000"\n    headers: {P-Asserted-Identity: "<sip:h>", X-Note: "tel:+1"}'
    assert plan_of(tmp_path, nobody, "numbers: []").attempts


def test_caller_id_of_which_nobody_said_that_it_is_ours_is_noted(tmp_path: Path) -> None:
    """Without `numbers:` the report says so, once; the own user needs no note."""
    step = 'call: "2000"\n    caller_id: "+12025550199"'
    (warning,) = plan_of(tmp_path, step).warnings
    assert "nothing says that caller ID +12025550199 is yours" in warning
    assert plan_of(tmp_path, 'call: "2000"\n    caller_id: "100"').warnings == ()
    assert plan_of(tmp_path, step, trunk="embedded").warnings == ()
