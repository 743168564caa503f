"""A scenario and its profiles become a plan: every default filled in, every fault at its line."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from probe.plan.action import (
    Call,
    Cancel,
    Hangup,
    Options,
    Register,
    Talk,
    Unregister,
    Wait,
)
from probe.plan.capabilities import Capabilities
from probe.plan.plan import Plan
from probe.plan.resolve import DEFAULT_TALK_S, resolve
from probe.scenario.loader import load_scenario, load_settings
from probe.scenario.schema import EMBEDDED, CallStep, Scenario, Settings, TrunkProfile
from probe.scenario.source import Problem, ScenarioError

URI = 'uri: "sip:100@carrier.example"'

ABLE = Capabilities(
    version="2.15.1",
    max_calls=32,
    max_accounts=32,
    ipv6=False,
    tls=True,
    tls_library="OpenSSL 1.0.2k",
    tls13=False,
    dtls_srtp=False,
    codecs=("PCMU", "PCMA"),
    max_message=4000,
    live_asserts=False,
)
"""An old pjsua2 without IPv6, TLS 1.3 and all but G.711."""


def read(
    folder: Path, *steps: str, trunk: tuple[str, ...] = (URI,), agents: tuple[str, ...] = ()
) -> tuple[Scenario, Settings]:
    """Read a scenario of these steps and agents on a trunk with these keys.

    The steps begin in line 3 of the scenario, the trunk's keys in line 3 of sipprobe.yaml.
    """
    settings = folder / "sipprobe.yaml"
    lines = ["trunks:", "  carrier:", *(f"    {key}" for key in trunk)]
    settings.write_text("\n".join(lines) + "\n", encoding="utf-8")
    scenario = folder / "one.sip.yaml"
    lines = ["trunk: carrier", "steps:", *(f"  - {step}" for step in steps)]
    if agents:
        lines += ["agents:", *(f"  {agent}" for agent in agents)]
    scenario.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return (
        load_scenario(scenario, variables={}, environ={}),
        load_settings(settings, variables={}, environ={}),
    )


def plan(
    folder: Path, *steps: str, trunk: tuple[str, ...] = (URI,), agents: tuple[str, ...] = ()
) -> Plan:
    """Return the plan of such a scenario."""
    return resolve(*read(folder, *steps, trunk=trunk, agents=agents))


def problems_of(
    folder: Path, *steps: str, trunk: tuple[str, ...] = (URI,), agents: tuple[str, ...] = ()
) -> tuple[Problem, ...]:
    """Return why such a scenario has no plan."""
    with pytest.raises(ScenarioError) as caught:
        plan(folder, *steps, trunk=trunk, agents=agents)
    return tuple(caught.value.problems)


def call_in(made: Plan, index: int = 0) -> Call:
    """Return an action of a plan that is a call."""
    action = made.attempts[index].action
    assert isinstance(action, Call)
    return action


# -- what is not written ---------------------------------------------------------------------------


def test_scenario_without_a_title_is_called_by_its_file(tmp_path: Path) -> None:
    """Identity, title and timeout of a bare file are its name and the default of 120 s."""
    made = plan(tmp_path, "register:")
    assert (made.scenario, made.name, made.trunk) == ("one", "one", "carrier")
    assert made.timeout == 120.0
    assert made.warnings == ()


def test_bare_call_uses_the_trunk_account_and_talks_one_second(tmp_path: Path) -> None:
    """A call that nothing else ends is hung up after the default talk time."""
    made = plan(tmp_path, "call: '+12025550123'")
    call = call_in(made)
    assert call.account == "trunk"
    assert call.hangup_after == DEFAULT_TALK_S == 1.0
    assert call.wait_for == "final"
    assert made.attempts[0].method == "INVITE"
    assert made.attempts[0].direction == "outbound"
    assert made.attempts[0].label == "call +12025550123"


def test_only_accounts_that_act_are_part_of_the_plan(tmp_path: Path) -> None:
    """An agent that no step names costs no worker."""
    made = plan(tmp_path, "register:", agents=("alice: {auth_user: alice}",))
    assert [account.name for account in made.accounts] == ["trunk"]


# -- agents over their trunk -----------------------------------------------------------------------


def test_agent_inherits_from_the_trunk_what_it_does_not_say(tmp_path: Path) -> None:
    """An agent's own URI stands over the trunk's; the trunk's other keys hold for it too."""
    made = plan(
        tmp_path,
        "register: alice",
        trunk=(URI, "expires: 120"),
        agents=('alice: {uri: "sip:alice@carrier.example"}',),
    )
    (account,) = made.accounts
    assert account.aor == "sip:alice@carrier.example"
    assert account.expires == 120
    assert made.attempts[0].label == "register alice"


def test_agent_can_start_from_another_trunk(tmp_path: Path) -> None:
    """`trunk:` of an agent names the profile that it starts from instead of the scenario's."""
    scenario, settings = read(
        tmp_path, "register: bob", agents=("bob: {trunk: other, auth_user: b}",)
    )
    (tmp_path / "sipprobe.yaml").write_text(
        'trunks: {carrier: {uri: "sip:1@a.example"}, other: {uri: "sip:2@b.example"}}\n',
        encoding="utf-8",
    )
    settings = load_settings(tmp_path / "sipprobe.yaml", variables={}, environ={})
    (account,) = resolve(scenario, settings).accounts
    assert (account.host, account.user, account.auth_user) == ("b.example", "2", "b")


def test_several_agents_of_one_step_are_one_attempt_each(tmp_path: Path) -> None:
    """`register: [alice, bob]` is judged account by account."""
    made = plan(
        tmp_path,
        "register: [alice, bob]",
        agents=('alice: {uri: "sip:a@c.example"}', 'bob: {uri: "sip:b@c.example"}'),
    )
    assert [(a.index, a.step, a.label) for a in made.attempts] == [
        (0, 1, "register alice"),
        (1, 1, "register bob"),
    ]


def test_call_of_an_agent_says_who_calls(tmp_path: Path) -> None:
    """The label of a call names its agent."""
    made = plan(
        tmp_path,
        "{call: '2001', from: alice}",
        agents=('alice: {uri: "sip:a@carrier.example"}',),
    )
    assert made.attempts[0].label == "alice calls 2001"
    assert made.attempts[0].action.account == "alice"


# -- Request-URIs ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("uri", "written", "target"),
    [
        ("sip:100@carrier.example", "+12025550123", "sip:+12025550123@carrier.example"),
        ("sip:100@carrier.example:5080", "*97", "sip:*97@carrier.example:5080"),
        ("sip:100@carrier.example", "#31#2025550123", "sip:%2331%232025550123@carrier.example"),
        ("sip:100@carrier.example", "sip:echo@other.example", "sip:echo@other.example"),
        ("sip:100@carrier.example", "SIPS:echo@other.example", "SIPS:echo@other.example"),
        ("sip:100@carrier.example", "tel:+12025550123", "tel:+12025550123"),
        (
            "sip:100@carrier.example;transport=tcp",
            "2002",
            "sip:2002@carrier.example;transport=tcp",
        ),
        ("sips:100@carrier.example", "2002", "sips:2002@carrier.example;transport=tls"),
        ("sip:100@[2001:db8::1]:5070", "2002", "sip:2002@[2001:db8::1]:5070"),
    ],
)
def test_what_is_called_becomes_a_request_uri(
    tmp_path: Path, uri: str, written: str, target: str
) -> None:
    """A number is called at the trunk over its transport; a URI is taken as it is."""
    made = plan(tmp_path, f"call: '{written}'", trunk=(f'uri: "{uri}"',))
    assert call_in(made).target == target


def test_options_without_a_target_asks_the_trunk_itself(tmp_path: Path) -> None:
    """The Request-URI is then that of REGISTER: the trunk's host without a user."""
    made = plan(tmp_path, "options:", "options: '2002'")
    first, second = (attempt.action for attempt in made.attempts)
    assert isinstance(first, Options)
    assert isinstance(second, Options)
    assert first.target == "sip:carrier.example"
    assert second.target == "sip:2002@carrier.example"
    assert [a.label for a in made.attempts] == ["options carrier.example", "options 2002"]


# -- how calls end ---------------------------------------------------------------------------------


def test_call_that_a_later_step_hangs_up_stays_up(tmp_path: Path) -> None:
    """No talk time of its own: the hangup step ends it, and depends on it."""
    made = plan(tmp_path, "call: '2001'", "talk: 2s", "hangup:")
    assert call_in(made).hangup_after is None
    talk, hangup = made.attempts[1].action, made.attempts[2].action
    assert isinstance(talk, Talk)
    assert (talk.account, talk.duration) == ("trunk", 2.0)
    assert isinstance(hangup, Hangup)
    assert hangup.call == 0
    assert made.attempts[2].depends_on == (0,)
    assert [a.label for a in made.attempts[1:]] == ["talk 2 s", "hangup"]
    assert [a.method for a in made.attempts[1:]] == ["", "BYE"]


@pytest.mark.parametrize("pause", ["talk", "wait"])
def test_call_stays_up_while_a_later_step_lets_time_pass(tmp_path: Path, pause: str) -> None:
    """`talk` and `wait` after a call are meant for it, hung up or not."""
    made = plan(tmp_path, "call: '2001'", f"{pause}: 1s")
    assert call_in(made).hangup_after is None


def test_pause_before_a_call_does_not_keep_it_up(tmp_path: Path) -> None:
    """Only what comes later counts."""
    made = plan(tmp_path, "wait: 1s", "call: '2001'")
    assert isinstance(made.attempts[0].action, Wait)
    assert made.attempts[0].action.account == ""
    assert made.attempts[0].account is None
    assert call_in(made, 1).hangup_after == DEFAULT_TALK_S


def test_written_talk_time_is_kept(tmp_path: Path) -> None:
    """What the step says wins over every default."""
    made = plan(tmp_path, "{call: '2001', hangup_after: 7s}", "talk: 1s")
    assert call_in(made).hangup_after == 7.0


def test_call_that_rings_for_a_while_has_no_talk_time(tmp_path: Path) -> None:
    """`ring_for` ends the call before its answer."""
    call = call_in(plan(tmp_path, "{call: '2001', ring_for: 2s}"))
    assert (call.ring_for, call.hangup_after) == (2.0, None)


def test_call_to_be_cancelled_is_awaited_until_it_rings(tmp_path: Path) -> None:
    """The call's attempt must end before its final response, or no CANCEL could be sent."""
    made = plan(tmp_path, "call: '2001'", "cancel:")
    assert call_in(made).wait_for == "ringing"
    cancel = made.attempts[1].action
    assert isinstance(cancel, Cancel)
    assert cancel.call == 0
    assert made.attempts[1].method == "CANCEL"
    assert made.attempts[1].depends_on == (0,)


def test_hangup_can_name_a_call_by_its_step_or_its_agent(tmp_path: Path) -> None:
    """Without a name it is the latest call; with one, the latest that the name fits."""
    made = plan(
        tmp_path,
        "{call: '2001', name: first}",
        "{call: '2002', from: alice}",
        "call: '2003'",
        "hangup: first",
        "hangup: alice",
        "hangup:",
        agents=('alice: {uri: "sip:a@carrier.example"}',),
    )
    ended = [a.action.call for a in made.attempts if isinstance(a.action, Hangup)]
    assert ended == [0, 1, 2]
    assert made.attempts[3].label == "hangup first"
    assert made.attempts[4].action.account == "alice"


def test_hangup_of_an_agent_that_has_not_called_is_refused(tmp_path: Path) -> None:
    """A call of somebody else is not ended instead."""
    (problem,) = problems_of(
        tmp_path,
        "call: '2001'",
        "register: alice",
        "hangup: alice",
        agents=('alice: {uri: "sip:a@carrier.example"}',),
    )
    assert problem.message == "there is no earlier call to end"
    assert problem.source.line == 5


# -- what a step says of an account ----------------------------------------------------------------


def test_interval_of_a_step_wins_over_the_profile_for_the_whole_scenario(tmp_path: Path) -> None:
    """The stack keeps one interval an account, so every attempt sees the step's."""
    made = plan(tmp_path, "options:", "{register: , expires: 90s}", trunk=(URI, "expires: 600"))
    register = made.attempts[1].action
    assert isinstance(register, Register)
    assert register.expires == 90
    assert [account.expires for account in made.accounts] == [90]
    assert {a.account.expires for a in made.attempts if a.account} == {90}


def test_unregister_and_deadlines_reach_the_action(tmp_path: Path) -> None:
    """`timeout` and `answer_within` of a step stand in what the worker is told."""
    made = plan(tmp_path, "{unregister: , timeout: 3s, answer_within: 4s}")
    action = made.attempts[0].action
    assert isinstance(action, Unregister)
    assert (action.timeout, action.answer_within) == (3.0, 4.0)
    assert made.attempts[0].direction == "register"


def test_what_a_call_step_says_reaches_the_action(tmp_path: Path) -> None:
    """Caller ID, header fields, sound and codecs of a step are the call's own."""
    call = call_in(
        plan(
            tmp_path,
            "{call: '2001', caller_id: '200', headers: {X-Test: a}, play: silence, codecs: [PCMA]}",
        )
    )
    assert call.caller_id == "200"
    assert call.headers == (("X-Test", "a"),)
    assert call.play == "silence"
    assert call.codecs == ("PCMA",)


# -- which trunk -----------------------------------------------------------------------------------


def test_trunk_of_the_caller_overrides_the_scenario(tmp_path: Path) -> None:
    """The embedded trunk's profile comes from outside, because its port is known only there."""
    scenario, settings = read(tmp_path, "register:")
    running = TrunkProfile(uri="sip:sipprobe@127.0.0.1:5099")
    made = resolve(scenario, settings, trunk=EMBEDDED, embedded=running)
    assert made.trunk == EMBEDDED
    assert made.accounts[0].registrar == "sip:127.0.0.1:5099"
    assert made.accounts[0].embedded


def test_unknown_trunk_is_told_at_the_line_that_names_it(tmp_path: Path) -> None:
    """A misspelled trunk gets the name that was probably meant."""
    scenario, settings = read(tmp_path, "register:")
    with pytest.raises(ScenarioError) as caught:
        resolve(scenario, settings, trunk="carier")
    (problem,) = caught.value.problems
    assert problem.source.line == 1
    assert problem.hint == "did you mean 'carrier'?"


# -- faults at their lines -------------------------------------------------------------------------


def test_account_without_a_uri_is_refused_at_each_step_that_needs_it(tmp_path: Path) -> None:
    """Every step that would act with it is named."""
    found = problems_of(
        tmp_path, "register:", "call: '2001'", "options:", "unregister:", trunk=("expires: 60",)
    )
    assert {problem.message for problem in found} == {"'trunk' has no uri"}
    assert [problem.source.line for problem in found] == [3, 4, 5, 6]


def test_text_that_is_no_address_of_record_is_refused_where_it_stands(tmp_path: Path) -> None:
    """The place is the profile's line, not the step's."""
    scenario, settings = read(tmp_path, "register:")
    profile = replace(settings.trunks["carrier"], uri="mailto:a@b.example")
    settings = replace(settings, trunks={"carrier": profile})
    with pytest.raises(ScenarioError) as caught:
        resolve(scenario, settings)
    (problem,) = caught.value.problems
    assert problem.message == "'mailto:a@b.example' is not a SIP address of record"
    assert Path(problem.source.file).name == "sipprobe.yaml"
    assert problem.source.line == 3


def test_step_of_an_agent_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """A plan is never made for an account that nobody described."""
    scenario, settings = read(tmp_path, "call: '2001'")
    (step,) = scenario.steps
    assert isinstance(step, CallStep)
    ghost = replace(step, from_="ghost")
    with pytest.raises(ScenarioError) as caught:
        resolve(replace(scenario, steps=(ghost,)), settings)
    (problem,) = caught.value.problems
    assert problem.message == "there is no agent 'ghost'"
    assert problem.hint == "agents: trunk"


def test_file_that_is_not_there_is_told_with_the_path_that_was_tried(tmp_path: Path) -> None:
    """Each missing file is a problem of its own at its own line."""
    found = problems_of(
        tmp_path, "register:", trunk=(URI, "ca_file: ca.pem", "client_cert: /none/cert.pem")
    )
    assert [(p.source.line, p.message) for p in found] == [
        (4, f"ca_file: there is no file {tmp_path / 'ca.pem'}"),
        (5, "client_cert: there is no file /none/cert.pem"),
    ]


def test_missing_file_of_a_profile_without_lines_is_told_at_the_trunk_key(tmp_path: Path) -> None:
    """A profile that no file holds has no line; the scenario's trunk key stands for it."""
    scenario, settings = read(tmp_path, "register:")
    running = TrunkProfile(uri="sip:a@127.0.0.1", ca_file="/none/ca.pem")
    with pytest.raises(ScenarioError) as caught:
        resolve(scenario, settings, trunk=EMBEDDED, embedded=running)
    (problem,) = caught.value.problems
    assert Path(problem.source.file).name == "one.sip.yaml"
    assert problem.source.line == 1


def test_unknown_provider_is_told_once_with_all_that_are_known(tmp_path: Path) -> None:
    """Two attempts of one account do not double the problem."""
    found = problems_of(
        tmp_path, "register:", "call: '2001'", trunk=(URI, "provider: nobody.example")
    )
    (problem,) = found
    assert problem.source.line == 4
    assert problem.message == "the code reference knows no provider 'nobody.example'"
    assert "Twilio" in str(problem.hint)


def test_known_provider_explains_every_attempt_of_its_account(tmp_path: Path) -> None:
    """The name is handed on to the reading of codes."""
    made = plan(tmp_path, "register:", trunk=(URI, "provider: twilio"))
    assert made.attempts[0].provider == "twilio"


def test_every_problem_of_a_scenario_is_told_at_once(tmp_path: Path) -> None:
    """Nobody mends a file one message at a time."""
    found = problems_of(
        tmp_path, "register:", trunk=(URI, "provider: nobody.example", "ca_file: none.pem")
    )
    assert len(found) == 2


# -- warnings and what the installed stack can do --------------------------------------------------


def test_tls_without_verification_is_warned_of_once(tmp_path: Path) -> None:
    """A report must say that the server could have been anyone."""
    made = plan(
        tmp_path,
        "register:",
        "call: '2001'",
        trunk=('uri: "sips:100@carrier.example"', "verify: off"),
    )
    assert made.warnings == ("trunk: the TLS server is not verified (verify: off)",)


def test_verification_that_is_off_without_tls_is_no_warning(tmp_path: Path) -> None:
    """Nothing would be verified anyway."""
    assert plan(tmp_path, "register:", trunk=(URI, "verify: off")).warnings == ()


@pytest.mark.parametrize(
    ("uri", "key", "line", "message"),
    [
        ("sip:1@[2001:db8::1]", "expires: 60", 3, "IPv6 is asked for"),
        ("sips:1@carrier.example", "tls_min: '1.3'", 4, "TLS 1.3 is asked for"),
        ("sip:1@carrier.example", "codecs: [G722]", 4, "codec G722 is not in"),
    ],
)
def test_what_the_stack_cannot_do_is_refused_at_the_line_that_asks(
    tmp_path: Path, uri: str, key: str, line: int, message: str
) -> None:
    """The problem names the build that is installed."""
    scenario, settings = read(tmp_path, "register:", trunk=(f'uri: "{uri}"', key))
    with pytest.raises(ScenarioError) as caught:
        resolve(scenario, settings, engine=lambda: ABLE)
    (problem,) = caught.value.problems
    assert problem.source.line == line
    assert problem.message.startswith(message)
    assert "2.15.1" in str(problem.hint)


def test_stack_that_can_do_it_refuses_nothing(tmp_path: Path) -> None:
    """TLS is in this build."""
    scenario, settings = read(tmp_path, "register:", trunk=('uri: "sips:1@c.example"',))
    assert resolve(scenario, settings, engine=lambda: ABLE).accounts[0].transport == "TLS"


def test_stack_that_does_not_load_is_no_problem_of_the_scenario(tmp_path: Path) -> None:
    """Validation works without pjsua2."""
    scenario, settings = read(tmp_path, "register:", trunk=(URI, "codecs: [G722]"))
    assert resolve(scenario, settings, engine=lambda: None).accounts[0].codecs == ("G722",)


def test_stack_is_not_asked_for_what_every_build_can_do(tmp_path: Path) -> None:
    """The question costs a process, so a plain scenario does not ask it."""
    asked: list[bool] = []

    def engine() -> Capabilities:
        asked.append(True)
        return replace(ABLE, codecs=())

    scenario, settings = read(tmp_path, "register:")
    assert resolve(scenario, settings, engine=engine).accounts
    assert asked == []
