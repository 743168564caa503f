"""The file form of an attempt: everything that was expected comes back, no secret goes out."""

import base64
import json
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from msgspec.structs import fields, replace
from soundmaker import wav

from probe.plan import action as actions
from probe.plan import asks
from probe.plan.action import Account, Action
from probe.plan.plan import Attempt
from probe.plan.resolve import resolve
from probe.plan.store import (
    _ACCOUNT,
    StoredAttemptError,
    attempt_as_text,
    attempt_from_json,
    attempt_to_json,
)
from probe.scenario.expectation import Expectation
from probe.scenario.loader import load_scenario, load_settings

PASSWORD = "pa$$ w0rd+&%ü"
SETTINGS = """\
trunks:
  carrier:
    uri: "sip:100@carrier.example;transport=tcp"
    auth_user: acc-100
    password: ${SECRET}
    realm: carrier.example
    proxy: "sip:edge.carrier.example"
    provider: sip.us
    headers: {X-Token: ${SECRET}}
    tls_min: "1.2"
"""
SCENARIO = """\
name: Everything
trunk: carrier
agents: {alice: {uri: "sip:200@carrier.example"}}
steps:
  - register:
  - call: "+12025550123"
    at: alice
    hangup_after: 1s
    headers: {X-Auth: "${SECRET}"}
    retry: {times: 2, wait: 5s, on: 408|503}
    expect:
      responses: 100? (180|183)* 200 ACK
      timing:
        pdd: max 3s
        setup: {max: 8s, warn: 4s}
      headers: {Allow: present, Server: "/^Asterisk/", Reason: absent}
      request_headers: {From: "x"}
      sdp: {codec: PCMU, address: public, direction: sendrecv}
      challenge: required
      callee: {from_user: "100", headers: {Diversion: absent}, codecs: [PCMU]}
      notify: 100? 200
      media:
        {rx_packets: min 50, loss: {max: 1%, warn: 0.5%}, jitter: max 30ms,
         heard: {what: speech, level: -30..-5, within: 1s}}
  - talk: 2s
    send_dtmf: {alice: "42#"}
    expect:
      alice: {mos: min 4, dtmf: "42# by info", echo: {delay: max 300ms, level: max -20}}
      media: {gap: max 100ms, like: "prompt.wav, min 0.9"}
  - call: "+12025550124"
    expect: {failure: NO_RESPONSE}
  - options:
  - subscribe: message-summary
    expect:
      notify: [{state: active, messages_waiting: yes}, {voice_new: min 1, headers: {X: absent}}]
"""


@pytest.fixture
def attempts(tmp_path: Path) -> tuple[Attempt, ...]:
    """Return the attempts of a scenario that uses every kind of expectation."""
    (tmp_path / "sipprobe.yaml").write_text(SETTINGS, encoding="utf-8")
    (tmp_path / "prompt.wav").write_bytes(wav(np.zeros(800)))
    (tmp_path / "all.sip.yaml").write_text(SCENARIO, encoding="utf-8")
    variables = {"SECRET": PASSWORD}
    settings = load_settings(tmp_path / "sipprobe.yaml", variables=variables, environ={})
    scenario = load_scenario(tmp_path / "all.sip.yaml", variables=variables, environ={})
    return resolve(scenario, settings, user_agent="sipprobe/test").attempts


def there_and_back(attempt: Attempt) -> Attempt:
    """Store an attempt as JSON text and read it."""
    return attempt_from_json(json.loads(json.dumps(attempt_to_json(attempt))))


def test_expectation_comes_back_as_it_was_read(attempts: tuple[Attempt, ...]) -> None:
    """Every key with its values, and the place of each in the file."""
    for attempt in attempts:
        again = there_and_back(attempt)
        assert again.expectation == attempt.expectation
        if attempt.expectation is not None:
            assert again.expectation is not None
            assert again.expectation.sources == attempt.expectation.sources


def test_the_scenario_of_these_tests_uses_every_key(attempts: tuple[Attempt, ...]) -> None:
    """A key that is added to the format must be shown to come back."""
    used = {
        key
        for attempt in attempts
        if attempt.expectation is not None
        for key in Expectation.keys()  # noqa: SIM118 - a method of the model
        if getattr(attempt.expectation, key)
    }
    assert used == set(Expectation.keys())


def test_what_the_diagnosis_asks_comes_back(attempts: tuple[Attempt, ...]) -> None:
    """Action, account and place are the same but for what is secret."""
    for attempt in attempts:
        again = there_and_back(attempt)
        assert again.account is not None
        assert attempt.account is not None
        assert replace(again.account, password=None) == replace(
            attempt.account, password=None, headers=()
        )
        without = {"headers": ()} if hasattr(attempt.action, "headers") else {}
        assert again.action == replace(attempt.action, **without)
        assert type(again.action) is type(attempt.action)
        for name in ("index", "step", "label", "method", "direction", "provider", "source"):
            assert getattr(again, name) == getattr(attempt, name)
        assert (again.retry and again.retry.times) == (attempt.retry and attempt.retry.times)


@pytest.mark.parametrize(
    ("password", "stands"),
    [(None, None), ("", None), ("s3cret", "redacted"), (" s3cret", "redacted ")],
)
def test_of_a_password_two_facts_stay(
    attempts: tuple[Attempt, ...], password: str | None, stands: str | None
) -> None:
    """That there is one, and that it holds what was hardly meant."""
    account = attempts[0].account
    assert account is not None
    again = there_and_back(replace(attempts[0], account=replace(account, password=password)))
    assert again.account is not None
    assert again.account.password == stands


def test_no_form_of_the_password_is_stored(attempts: tuple[Attempt, ...]) -> None:
    """Neither from the account nor from header fields that carry it, in no spelling."""
    stored = json.dumps([attempt_to_json(a) for a in attempts], ensure_ascii=False).encode()
    for form in (
        PASSWORD.encode(),
        quote(PASSWORD).encode(),
        base64.b64encode(PASSWORD.encode()),
        json.dumps(PASSWORD).encode(),
        b"w0rd",
    ):
        assert form not in stored


def test_password_in_a_uri_is_taken_out(attempts: tuple[Attempt, ...]) -> None:
    """A proxy may have been written with one."""
    account = attempts[0].account
    assert account is not None
    proxied = replace(account, proxy="sip:me:s3cret@edge.example;lr")
    stored = json.dumps(attempt_to_json(replace(attempts[0], account=proxied)))
    assert "s3cret" not in stored
    assert "sip:me:redacted@edge.example" in stored


def test_every_action_has_a_file_form(attempts: tuple[Attempt, ...]) -> None:
    """The kinds are those that there are."""
    values = {"attempt": 0, "account": "trunk", "target": "sip:x", "call": 1, "duration": 1.0}
    values |= {"manner": actions.Manner(kind="reject", status=486), "within": 1.0}
    values |= {"digits": "42#", "hear": actions.Hear(sound=True, like=("a.wav",))}
    values |= {"method": "INFO", "package": "dialog", "subscription": 2}
    known = {**vars(actions), **vars(asks)}.values()
    kinds = [k for k in known if isinstance(k, type) and issubclass(k, Action)]
    assert len(kinds) > 5
    for kind in kinds:
        needed = {name: values[name] for name in kind.__struct_fields__ if name in values}
        action = kind(**needed)
        assert there_and_back(replace(attempts[0], action=action)).action == action


def test_an_attempt_without_account_and_expectation(attempts: tuple[Attempt, ...]) -> None:
    """A wait has neither."""
    bare = replace(attempts[0], account=None, expectation=None, retry=None)
    again = there_and_back(bare)
    assert (again.account, again.expectation, again.retry) == (None, None, None)


def test_what_is_kept_of_an_account_is_enough_to_make_one() -> None:
    """A field without a default that is not kept would make every stored run unreadable."""
    needed = {f.name for f in fields(Account) if f.required}
    assert needed <= set(_ACCOUNT) <= {*Account.__struct_fields__}
    assert not {"password", "headers", "client_key"} & set(_ACCOUNT)


@pytest.mark.parametrize(
    "damage",
    [
        {"schema": "sipprobe-attempt/2"},
        {"schema": None},
        {"action": {"is": "Juggle"}},
        {"action": {"is": "Account"}},
        {"action": {"is": "re"}},
        {"action": None},
        {"account": {}},
        {"account": {"password": "s3cret"}},
        {"expectation": {"is": "part", "keys": {"responses": 1}, "sources": {}}},
        {"expectation": {"is": "magic"}},
        {"expectation": {"is": "part", "keys": {"responses": {"is": "sequence", "text": "(("}}}},
        {"expectation": []},
        {"source": {"file": "x"}},
        {"retry": {"times": "often"}},
        {"step": "second"},
    ],
)
def test_damage_is_told(attempts: tuple[Attempt, ...], damage: dict[str, object]) -> None:
    """Whatever stands there, one exception says so."""
    with pytest.raises(StoredAttemptError):
        attempt_from_json({**attempt_to_json(attempts[1]), **damage})


def test_expectation_of_an_unknown_kind_is_refused(attempts: tuple[Attempt, ...]) -> None:
    """What could not be read back is not stored."""
    odd = Expectation(responses=object())
    with pytest.raises(TypeError, match="has no file form"):
        attempt_to_json(replace(attempts[0], expectation=odd))


def test_the_text_is_the_same_form(attempts: tuple[Attempt, ...]) -> None:
    """What rows have in common is written once, and never for a step that has it otherwise."""
    first = next(one for one in attempts if one.expectation is not None)
    assert first.account is not None
    others = (
        replace(first, label="alice calls sip:service7@carrier.example", index=7),
        replace(first, expectation=None),
        replace(first, account=replace(first.account, password=None)),
        replace(first, account=None, retry=None),
        replace(first, label="kim calls", provider="nonce=abcdef"),
    )
    for attempt in (*attempts, *others, *attempts):
        assert json.loads(attempt_as_text(attempt)) == json.loads(
            json.dumps(attempt_to_json(attempt))
        )
