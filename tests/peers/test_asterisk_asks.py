"""Subscriptions, messages and encrypted calls between our agents through Asterisk."""

import json
from collections.abc import Callable

import pytest
from asterisk import SECURE_USER, Asterisk
from ports import LOOPBACK
from userfolder import Run, UserFolder

USERS = {"alice": "100", "bob": "101", "carol": "102"}


@pytest.fixture
def story(asterisk: Asterisk, folder: UserFolder) -> Callable[[str], Run]:
    """Give a function that runs steps with alice (100), bob (101), carol (102) and erin (TLS)."""

    def run(steps: str) -> Run:
        folder.trunk(**asterisk.account("100"))
        accounts = {
            name: asterisk.account(user, local_address=LOOPBACK) for name, user in USERS.items()
        }
        accounts["erin"] = asterisk.account(
            SECURE_USER, "tls", srtp="required", local_address=LOOPBACK
        )
        folder.scenario(steps, top=f"agents: {json.dumps(accounts)}\n")
        return folder.run("check")

    return run


def met(run: Run, asterisk: Asterisk) -> None:
    """Hold that everything was met and that no call is left."""
    assert run.exit_code == 0, run.finished.stdout + asterisk.log()[-3000:]
    assert "0 active calls" in asterisk.cli("core show channels")


def test_the_mailbox_is_told_without_being_asked(
    story: Callable[[str], Run], asterisk: Asterisk
) -> None:
    """A phone that registers gets a NOTIFY of its mailbox outside any subscription."""
    run = story("""
- register: carol
- await: notify
  at: carol
  event: message-summary
  expect: {notify: {messages_waiting: no}}
""")
    met(run, asterisk)


def test_presence_follows_the_registration(story: Callable[[str], Run], asterisk: Asterisk) -> None:
    """Closed while the phone is away, open once it registers; an extension of nobody is 404."""
    run = story("""
- register: alice
- subscribe: presence
  to: "101"
  from: alice
  name: there
  expect: {responses: 200, notify: [{state: active, basic: closed}]}
- register: bob
- await: notify
  of: there
  expect: {notify: {basic: open}}
- unsubscribe: there
- subscribe: presence
  to: "4711"
  from: alice
  expect: {responses: 404}
""")
    met(run, asterisk)


def test_a_lamp_that_does_not_change_is_not_met(story: Callable[[str], Run]) -> None:
    """Nobody calls 101: the lamp stays off, and the step that awaits it says so."""
    run = story("""
- register: alice
- subscribe: dialog
  to: "101"
  from: alice
  name: lamp
- await: notify
  of: lamp
  within: 300ms
  expect: {notify: {dialog_state: confirmed}}
""")
    assert run.exit_code == 1
    outcomes = [finding["outcome"] for finding in run.findings]
    assert outcomes == ["MET", "MET", "NOT_MET"]


def test_a_text_to_somebody_who_is_away_does_not_arrive(story: Callable[[str], Run]) -> None:
    """Asterisk takes it with 202 all the same: only the called side knows that nothing came."""
    run = story("""
- register: [alice, bob]
- unregister: bob
- message: is anybody there
  to: "101"
  from: alice
  at: bob
  within: 300ms
  expect: {responses: 202}
""")
    assert run.exit_code == 1
    *_, sent, arrived = run.findings
    assert (sent["outcome"], sent["responses"]) == ("MET", [202])
    assert arrived["outcome"] == "NOT_MET"


def test_encrypted_and_plain_phones_speak_through_the_pbx(
    story: Callable[[str], Run], asterisk: Asterisk
) -> None:
    """Erin by TLS and SRTP, bob by UDP and plain RTP: each leg has its own kind of sound."""
    run = story("""
- register: [erin, bob]
- call: "101"
  from: erin
  at: bob
  hangup_after: 200ms
  expect: {responses: 180 200 ACK BYE, callee: {from_user: "104"}}
- call: "104"
  from: bob
  at: erin
  hangup_after: 200ms
  expect: {responses: 180 200 ACK BYE}
""")
    met(run, asterisk)
    kinds = {
        (m["transport"], "RTP/SAVP" in m["text"])
        for m in run.messages()
        if "\r\nm=audio" in m["text"]
    }
    assert kinds == {("TLS", True), ("UDP", False)}
