"""Both ends of a call through Asterisk: who is reached, what arrives, what a transfer tells."""

import json
from typing import Any

import pytest
from asterisk import Asterisk
from ports import LOOPBACK
from processes import poll
from userfolder import Run, UserFolder

NAMES = {"alice": "100", "bob": "101", "carol": "102"}


def agents(asterisk: Asterisk, *names: str) -> str:
    """Return the agents of a scenario, one line of JSON each, which is YAML."""
    lines = [
        f"  {name}: {json.dumps(asterisk.account(NAMES[name], local_address=LOOPBACK))}\n"
        for name in names
    ]
    return "agents:\n" + "".join(lines)


def told(run: Run, number: int = -1) -> dict[str, Any]:
    """Return a finding."""
    return run.findings[number]


@pytest.fixture
def story(asterisk: Asterisk, folder: UserFolder) -> Any:  # noqa: ANN401 - a function
    """Return what runs steps with alice (100), bob (101) and carol (102), all registered."""

    def _story(steps: str, *names: str) -> Run:
        names = names or ("alice", "bob")
        folder.trunk(**asterisk.account("100"))
        register = f"- register: [{', '.join(names)}]\n"
        folder.scenario(register + steps.strip("\n"), top=agents(asterisk, *NAMES))
        run = folder.run("check")
        assert "0 active calls" in asterisk.cli("core show channels"), run.finished.stdout
        return run

    return _story


def met(run: Run, asterisk: Asterisk) -> None:
    """Hold that everything was met."""
    assert run.exit_code == 0, run.finished.stdout + asterisk.log()[-3000:]


def test_a_colleague_is_called_and_sees_who_calls(story: Any, asterisk: Asterisk) -> None:  # noqa: ANN401
    """180 and 200 come from bob's phone; caller ID, number and offer are what reached it."""
    run = story("""
- call: "101"
  from: alice
  at: bob
  answer_after: 200ms
  hangup_after: 100ms
  expect:
    responses: 100? 180 200 ACK BYE
    timing: {setup: min 200ms}
    callee: {from_user: "100", uri_user: "101", codecs: [PCMU, PCMA], headers: {X-Odd: absent}}
""")
    met(run, asterisk)
    (leg,) = told(run)["legs"]
    assert (leg["agent"], leg["reached"], leg["responses"]) == ("bob", True, [100, 180, 200])
    assert [stream["codec"] for stream in leg["media"]] == ["PCMU"]


def test_what_arrives_is_held_against_the_file(story: Any) -> None:  # noqa: ANN401
    """Each difference has its own line, at its own place."""
    run = story("""
- call: "101"
  from: alice
  at: bob
  hangup_after: 100ms
  expect:
    callee: {from_user: "199", uri_user: "101", headers: {Diversion: present}}
""")
    assert run.exit_code == 1
    assert [m["path"] for m in told(run)["mismatches"]] == [
        "expect.callee.from_user",
        "expect.callee.headers.Diversion",
    ]
    assert "expected from_user 199 at bob, got 100" in run.finished.stdout


def test_a_refusal_of_the_phone_is_what_the_caller_gets(story: Any, asterisk: Asterisk) -> None:  # noqa: ANN401
    """Busy stays 486; a declined call is 403, because Asterisk never says 603."""
    run = story("""
- call: "101"
  from: alice
  at: bob
  answer_with: 486
  expect: {responses: 180? 486 ACK}
- call: "101"
  from: alice
  at: bob
  answer_with: 603 Not now
  expect: {responses: 180? 403 ACK}
""")
    met(run, asterisk)
    assert [f["legs"][0]["responses"][-1] for f in run.findings[2:]] == [486, 603]
    assert any("SIP/2.0 603 Not now" in m["text"] for m in run.messages("MessageSent"))


def test_a_redirection_of_the_phone_leads_to_the_other(story: Any, asterisk: Asterisk) -> None:  # noqa: ANN401
    """302 of bob: Asterisk calls carol, who answers."""
    run = story(
        """
- call: "101"
  from: alice
  at: bob
  name: first
- redirect: bob
  to: "102"
- wait: 200ms
- hangup: first
""",
        "alice",
        "bob",
        "carol",
    )
    (redirected,) = [f for f in run.findings if f["attempt"] == "bob redirects"]
    assert (redirected["outcome"], redirected["responses"]) == ("MET", [100, 180, 302])
    assert "a call that no step expects reached carol" in run.finished.stdout


def test_a_phone_that_is_not_there_is_named(story: Any) -> None:  # noqa: ANN401
    """101 does not ring: the step says so, and what 100 was told."""
    run = story(
        """
- call: "101"
  from: alice
  at: bob
  expect: {responses: 180? 200}
""",
        "alice",
    )
    assert run.exit_code == 1
    (finding,) = run.findings[1:]
    assert finding["mismatches"][0]["path"] == "expect.at"
    assert "no INVITE reached bob; the caller got 480" in run.finished.stdout
    assert finding["legs"] == [{"agent": "bob", "reached": False, "responses": [], "media": None}]


def test_hold_resume_refresh_and_the_called_side_hangs_up(story: Any, asterisk: Asterisk) -> None:  # noqa: ANN401
    """Steps of either side inside the call, each judged by its own answer."""
    run = story("""
- call: "101"
  name: first
  from: alice
  at: bob
- answer: bob
  after: 100ms
- hold: first
  by: bob
  expect: {sdp: {direction: recvonly}}
- resume: first
  by: bob
  expect: {sdp: {direction: sendrecv}}
- refresh: first
  by: alice
- refresh: first
  by: alice
  with: update
- hangup: bob
""")
    met(run, asterisk)
    assert [f["method"] for f in run.findings[4:]] == [
        "INVITE",
        "INVITE",
        "INVITE",
        "UPDATE",
        "BYE",
    ]


def test_blind_transfer_tells_each_step(story: Any, asterisk: Asterisk) -> None:  # noqa: ANN401
    """202, NOTIFY 100 and 200; carol's phone rings and has the call, bob is out of it."""
    run = story(
        """
- call: "101"
  name: first
  from: alice
  at: bob
  expect: {responses: 180 200}
- transfer: first
  by: bob
  to: "102"
  at: carol
  answer_after: 200ms
  expect: {responses: 202, notify: 100? 180? 200, callee: {from_user: "100"}}
- talk: 200ms
- hangup: alice
  expect: {responses: 200}
""",
        "alice",
        "bob",
        "carol",
    )
    met(run, asterisk)
    (transfer,) = [f for f in run.findings if f["method"] == "REFER"]
    (leg,) = transfer["legs"]
    assert (leg["agent"], leg["reached"], leg["responses"]) == ("carol", True, [100, 180, 200])
    notifies = [m for m in run.messages("MessageReceived") if m["text"].startswith("NOTIFY ")]
    assert notifies
    assert "terminated" in notifies[-1]["text"]


def test_attended_transfer_replaces_the_second_call(story: Any, asterisk: Asterisk) -> None:  # noqa: ANN401
    """Bob asks carol first, then joins the two: his calls end, alice speaks with carol."""
    run = story(
        """
- call: "101"
  name: first
  from: alice
  at: bob
- hold: first
  by: bob
- call: "102"
  name: second
  from: bob
  at: carol
- transfer: first
  by: bob
  with: second
  expect: {responses: 202, notify: 100? 180? 200}
- talk: 200ms
- hangup: alice
""",
        "alice",
        "bob",
        "carol",
    )
    met(run, asterisk)
    (refer,) = [m for m in run.messages("MessageSent") if m["text"].startswith("REFER ")]
    assert "Replaces=" in refer["text"]


def test_transfer_to_nobody_says_what_the_notify_told(story: Any) -> None:  # noqa: ANN401
    """A target that does not exist: the REFER is not enough, its NOTIFY says how it went."""
    run = story("""
- call: "101"
  name: first
  from: alice
  at: bob
- transfer: first
  by: bob
  to: "4711"
- hangup: alice
""")
    assert run.exit_code == 1
    (transfer,) = [f for f in run.findings if f["method"] == "REFER"]
    assert transfer["outcome"] == "NOT_MET"


def test_early_media_and_late_offer(story: Any, asterisk: Asterisk) -> None:  # noqa: ANN401
    """183 with sound from bob's phone; an INVITE without SDP gets its offer in the 200."""
    run = story("""
- call: "101"
  from: alice
  at: bob
  early_media: yes
  answer_after: 200ms
  hangup_after: 100ms
  expect: {responses: 183 200}
- call: "101"
  from: alice
  at: bob
  late_offer: yes
  hangup_after: 100ms
  expect: {responses: 180 200 ACK, sdp: {codec: PCMU}}
""")
    met(run, asterisk)


def test_a_call_from_outside_is_waited_for(asterisk: Asterisk, folder: UserFolder) -> None:
    """`answer: bob` without a call before it: our side of an inbound call is judged."""
    carrier = asterisk.account("199")
    folder.trunks(peer=asterisk.account("100"), carrier=carrier)
    folder.scenario(
        """
- register: bob
- answer: bob
  within: 20s
  expect: {callee: {uri_user: "101"}}
- talk: 100ms
- hangup: bob
- answer: bob
  name: second
  within: 300ms
""",
        top=agents(asterisk, "bob"),
    )
    folder.scenario('- call: "+12025550101"\n  hangup_after: 20s', name="outside", trunk="carrier")
    before = asterisk.log().count("Added contact 'sip:101@")
    running = folder.start("run", "check", "--results", "results")
    seen = poll(lambda: asterisk.log().count("Added contact 'sip:101@") > before, 15.0)
    assert seen, folder.read(running).finished
    outside = folder.start("run", "outside", "--results", "elsewhere")
    run = folder.read(running)
    ended = outside.finish(30.0)
    assert ended.exit_code == 0, ended.stdout + run.finished.stdout + asterisk.log()[-2500:]
    assert run.exit_code == 1
    answered, hangup, missed = run.findings[1:]
    assert (answered["outcome"], answered["responses"]) == ("MET", [100, 180, 200])
    assert hangup["outcome"] == "MET"
    assert (missed["outcome"], missed["failure"]) == ("NOT_MET", "NO_CALL")
    assert "no INVITE" in run.finished.stdout
