"""Only a destination that the file or the command names is dialled; any other needs `allow_to`."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from probe.plan.plan import Plan
from probe.plan.resolve import resolve
from probe.scenario.loader import load_scenario, load_settings
from probe.scenario.schema import Profile
from probe.scenario.source import Problem, ScenarioError

CARRIER = 'uri: "sip:100@sip.carrier.example"'


def plan_of(  # noqa: PLR0913 - each is where a number may come from
    folder: Path,
    *calls: str,
    keys: str = CARRIER,
    typed: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
    settings_vars: str = "{}",
    trunk: str = "carrier",
    agents: str = "{}",
) -> Plan:
    """Resolve calls on a trunk with these keys, with variables from each giver."""
    settings = folder / "sipprobe.yaml"
    settings.write_text(f"trunks:\n  carrier: {{{keys}}}\nvars: {settings_vars}\n", "utf-8")
    scenario = folder / "one.sip.yaml"
    steps = "".join(f"  - call: {call}\n" for call in calls)
    scenario.write_text(f"trunk: {trunk}\nagents: {agents}\nsteps:\n{steps}", "utf-8")
    known = load_settings(settings, variables=typed or {}, environ=environ or {})
    return resolve(
        load_scenario(
            scenario, variables=typed or {}, environ=environ or {}, defaults=known.vars
        ),
        known,
        embedded=Profile(uri="sip:100@127.0.0.1:5060"),
    )  # fmt: skip


def refused(folder: Path, *calls: str, **given: object) -> Problem:
    """Return the one problem of a scenario."""
    with pytest.raises(ScenarioError) as caught:
        plan_of(folder, *calls, **given)  # type: ignore[arg-type]  # handed through
    (problem,) = caught.value.problems
    return problem


def test_number_from_the_environment_is_refused_with_its_origin_and_the_line_to_add(
    tmp_path: Path,
) -> None:
    """The place of the call, the variable, its giver, and what to write where."""
    problem = refused(tmp_path, "${TEST_NUMBER}", environ={"TEST_NUMBER": "+12025550199"})
    assert (problem.source.line, problem.source.column) == (4, 11)
    assert problem.message == (
        "+12025550199 stands neither in this file nor in the command: it came from"
        " the environment through ${TEST_NUMBER}, and the trunk has no allow_to"
    )
    assert problem.hint == (
        f"if the trunk may dial it, add to the trunk profile at {tmp_path}/sipprobe.yaml:2:"
        ' allow_to: ["+12025550199"]'
    )


def test_number_from_the_settings_file_is_refused(tmp_path: Path) -> None:
    """`vars:` of sipprobe.yaml are no list of what a trunk may dial."""
    problem = refused(tmp_path, "${N}", settings_vars="{N: '2000'}")
    assert "it came from vars: of sipprobe.yaml through ${N}" in problem.message


@pytest.mark.parametrize("call", ["+1202555${END}", "sip:2000@${END}.example", "${A:-7}${END}"])
def test_a_part_of_a_destination_counts_as_the_whole(tmp_path: Path, call: str) -> None:
    """Whoever gives the last digits, or the host, gives the destination."""
    assert "the environment through ${END}" in refused(tmp_path, call, environ={"END": "0"}).message


@pytest.mark.parametrize(
    ("call", "given"),
    [
        ("2000", {}),
        ("${N:-2000}", {}),
        ("${N:-2000}", {"environ": {"N": "2000"}}),
        ("${N}", {"typed": {"N": "2000"}}),
        ("${N}", {"typed": {"N": "2000"}, "environ": {"N": "2001"}}),
        ("${N}", {"environ": {"N": "2000"}, "keys": f'{CARRIER}, allow_to: ["20*"]'}),
        ("${N}", {"environ": {"N": "2000"}, "trunk": "embedded"}),
    ],
)
def test_what_is_named_is_dialled(tmp_path: Path, call: str, given: dict[str, object]) -> None:
    """In the file, in the command, in allow_to; or nothing leaves the machine."""
    plan = plan_of(tmp_path, call, **given)  # type: ignore[arg-type]  # handed through
    assert plan.attempts[0].label == "call 2000"


def test_number_that_stands_elsewhere_in_the_file_is_named_by_it(tmp_path: Path) -> None:
    """Whoever reads the file sees it."""
    plan = plan_of(tmp_path, '"2000"', "${N}", environ={"N": "2000"})
    assert [attempt.label for attempt in plan.attempts] == ["call 2000"] * 2


def test_value_of_a_secret_variable_is_not_shown(tmp_path: Path) -> None:
    """A slip may put a password where a number belongs."""
    problem = refused(tmp_path, "${PBX_PASSWORD}", environ={"PBX_PASSWORD": "hunter22"})
    assert problem.message.startswith("this number stands neither in this file")
    assert "hunter22" not in f"{problem.message} {problem.hint}"
    assert "allow_to: NUMBER" in str(problem.hint)


@pytest.mark.parametrize(
    ("trunks", "agents"),
    [
        ("allow_to: ['2*']", "allow_to: ['*']"),
        ("numbers: ['100']", "numbers: ['*']"),
        ("country: US", "country: NO"),
        ("expires: 60s", "caps: {calls_per_run: 1000}"),
        ("expires: 60s", "pace: 50/s"),
    ],
)
def test_agent_cannot_replace_the_fences_of_its_trunk(
    tmp_path: Path, trunks: str, agents: str
) -> None:
    """The scenario may be by somebody else than the owner of the trunk."""
    problem = refused(
        tmp_path, '"2000"', keys=f"{CARRIER}, {trunks}", agents=f"{{a: {{{agents}}}}}"
    )
    key = agents.partition(":")[0]
    assert problem.message == f"'{key}' of an agent would replace that of its trunk profile"
    assert problem.source.line == 2


def test_agent_of_the_embedded_trunk_may_say_what_it_likes(tmp_path: Path) -> None:
    """Nothing leaves the machine, and there is no owner to ask."""
    plan = plan_of(
        tmp_path, '"2000"', trunk="embedded", agents="{a: {allow_to: ['2*'], pace: 50/s}}"
    )
    assert plan.accounts[0].embedded


def test_agent_that_leaves_the_embedded_trunk_is_not_exempt(tmp_path: Path) -> None:
    """Its calls go elsewhere: caps hold, and so does the rule of named destinations."""
    agents = "{a: {trunk: carrier}}"
    plan = plan_of(tmp_path, '"2000"\n    from: a', trunk="embedded", agents=agents)
    assert not plan.accounts[0].embedded
    assert plan.attempts[0].limits is not None
    call = "${N}\n    from: a"
    problem = refused(tmp_path, call, trunk="embedded", agents=agents, environ={"N": "2000"})
    assert "the environment through ${N}" in problem.message


def test_target_elsewhere_is_not_exempt_on_the_embedded_trunk(tmp_path: Path) -> None:
    """A URI at another host is another destination, whoever calls."""
    problem = refused(
        tmp_path, "sip:2000@${H}", trunk="embedded", environ={"H": "gateway.carrier.example"}
    )
    assert "the environment through ${H}" in problem.message
