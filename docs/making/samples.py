"""An example of each key, and what the loader says of a wrong value: both are tried when made.

A key is written into the smallest file in which it may stand; only what the loader says of the key
itself counts.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from docs.making.models import HOLDERS, STEPS, in_settings
from probe.scenario.expectation import CalleeExpectation, Expectation, SdpExpectation
from probe.scenario.loader import load_scenario, load_settings
from probe.scenario.notify_expectation import NotifyExpectation
from probe.scenario.schema import (
    Caps,
    Profile,
    Retry,
    Scenario,
    Settings,
    TrunkProfile,
    UseStep,
)
from probe.scenario.source import Problem, ScenarioError
from probe.scenario.written import Written

_AGENTS = """agents:
  alice: {uri: "sip:100@embedded", password: embedded}
  bob: {uri: "sip:101@embedded", password: embedded}
"""
_ONE_STEP = "steps: [{register: }]\n"
_BASES: dict[str, str] = {
    "register": "",
    "unregister": "",
    "call": '"101"',
    "cancel": "",
    "hangup": "",
    "ring": "bob",
    "answer": "bob",
    "reject": "bob",
    "redirect": "bob",
    "hold": "first",
    "resume": "first",
    "refresh": "first",
    "transfer": "first",
    "talk": "2s",
    "wait": "300ms",
    "options": "",
    "subscribe": "message-summary",
    "unsubscribe": "",
    "message": "hello",
    "request": "PUBLISH",
    "await": "notify",
    "use": "parts/login.sip.yaml",
}
"""What stands after a verb where another key of its step is looked at."""

_EXAMPLES: dict[str, str] = {
    "address": "public",
    "agents": '{alice: {uri: "sip:100@pbx.example", password: "${PW_100}"}}',
    "allow_to": '["+1202555*", "+12025550123"]',
    "after": "2 rings",
    "answer_after": "1 ring",
    "answer_within": "30s",
    "at": "bob",
    "at_site": "fra",
    "auth_user": "100",
    "basic": "open",
    "body": '"Signal=5"',
    "by": "bob",
    "ca_file": "carrier-ca.pem",
    "callee": '{from_user: "100"}',
    "caller_id": '"+12025550100"',
    "calls_per_day": "50",
    "calls_per_run": "10",
    "caps": "{calls_per_day: 50, minutes_per_day: 30}",
    "client_cert": "client.pem",
    "client_key": "client.key",
    "codecs": "[PCMU, PCMA]",
    "concurrent_calls": "4",
    "contact": '"102"',
    "cost_per_call": "0.05",
    "cost_per_day": "5",
    "cost_per_minute": "0.012",
    "cost_per_run": "1.50",
    "currency": "USD",
    "country": "US",
    "content_type": "application/dtmf-relay",
    "data": "numbers.csv",
    "dialog_state": "confirmed",
    "diversion": '"101"',
    "event": "message-summary",
    "expect": "{responses: 200}",
    "expires": "120",
    "from": "alice",
    "from_host": "pbx.example",
    "from_name": "Alice",
    "from_user": '"100"',
    "for": "10s",
    "hangup_after": "3s",
    "headers": '{X-Account: "4711"}',
    "identity": '"+12025550100"',
    "in": "first",
    "local_address": "192.0.2.10",
    "minutes_per_day": "30",
    "name": "second-call",
    "nameserver": "192.0.2.53",
    "notify": "100? 180? 200",
    "numbers": '["+12025550100"]',
    "of": "lamp",
    "on": "408|503|timeout",
    "pace": "6/min",
    "password": '"${CARRIER_PASSWORD}"',
    "password_cmd": "pass show sip/carrier",
    "password_file": "carrier.pw",
    "password_keyring": "sip/carrier-100",
    "play": "tone 1004Hz",
    "provider": "sip.us",
    "proxy": '"sip:edge.example:5070;transport=tcp"',
    "ptime": "20",
    "realm": "carrier.example",
    "refused_logins_per_day": "3",
    "register": "alice",
    "request_headers": "{User-Agent: /^sipprobe/}",
    "requests_per_second": "0.5",
    "retry": "{times: 2, wait: 5s, on: 408|503|timeout}",
    "ring_for": "3s",
    "row_name": '"${COUNTRY} ${NUMBER}"',
    "sdp": "{codec: PCMU, direction: sendrecv}",
    "tags": "[smoke, trunk]",
    "timeout": "5s",
    "times": "2",
    "timing": "{total: max 1s}",
    "to": '"102"',
    "to_user": '"101"',
    "trunk": "carrier",
    "trunks": '{carrier: {uri: "sip:100@sip.carrier.example"}}',
    "unregister": "alice",
    "uri": '"sip:100@sip.carrier.example;transport=tls"',
    "uri_user": '"101"',
    "user_agent": '"acme-probe/1.0"',
    "vars": '{TEST_NUMBER: "+12025550123"}',
    "verify": "on",
    "wait": "5s",
    "within": "10s",
    "options": '"101"',
}
"""Values as written, by key; a value of one model only is in `_OWN_EXAMPLES`."""

_OWN_EXAMPLES: dict[tuple[type[Written], str], str] = {
    (Scenario, "name"): "Our second line rings and answers",
    (Scenario, "steps"): '[{register: }, {call: "101"}]',
    (Scenario, "timeout"): "2m",
    (Expectation, "headers"): "{Server: present, P-Asserted-Identity: absent}",
    (CalleeExpectation, "headers"): "{Subject: present}",
    (NotifyExpectation, "headers"): "{Event: present}",
    (NotifyExpectation, "direction"): "initiator",
    (NotifyExpectation, "content_type"): "contains simple-message-summary",
    (UseStep, "with"): '{USER: "100"}',
    (Profile, "trunk"): "carrier",
}
_VARIABLES = dict.fromkeys(("PW_100", "CARRIER_PASSWORD"), "not-used")
_BEFORE = """  - {call: "101", name: first, from: alice, at: bob}
  - {subscribe: message-summary, name: lamp}
"""
"""Steps that stand before the step whose key is looked at."""

_BESIDE: dict[str, str] = {
    "redirect": 'to: "102"',
    "transfer": 'to: "102"',
    "message": 'to: "101"',
    "request": 'to: "101"',
}
"""What a verb cannot be without."""

_NEEDED: dict[str, str] = {
    "contact": "answer_with: 302",
    "content_type": "body: x",
    "cost_per_run": "cost_per_minute: 0.01",
    "cost_per_day": "cost_per_minute: 0.01",
}
"""What a key cannot be without."""

_NEEDS_AT = ("answer_after", "answer_with", "contact", "early_media")
_WRONG = ('"?"', "nonsense", "-1", "{a: b}", "[[a]]")
"""What is tried as a wrong value, in this order; the first that is refused is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """A value that is refused, and what is said of it."""

    written: str
    "The value as written."
    message: str
    "What the loader says."
    hint: str | None
    "What it suggests."


def example(model: type[Written], key: str, of_kind: object | None) -> str | None:
    """Return a value of a key as YAML; `of_kind` is an example of its kind of value."""
    verb = STEPS.get(model)
    if key == verb and _BASES.get(key):
        return _BASES[key]
    own = _OWN_EXAMPLES.get((model, key)) or _EXAMPLES.get(key)
    if own is not None:
        return own
    if of_kind is None:
        return None
    if isinstance(of_kind, str):
        return of_kind if of_kind.replace(" ", "").isalnum() else json.dumps(of_kind)
    return json.dumps(of_kind)


def refused(model: type[Written], key: str) -> Wrong | None:
    """Return a value that the loader refuses after a key; None where it takes any text."""
    for written in _WRONG:
        problem = problem_at(model, key, written)
        if problem is not None:
            return Wrong(written=written, message=problem.message, hint=problem.hint)
    return None


def loads(model: type[Written], key: str, written: str) -> bool:
    """Say whether a key may be followed by that; a file that it names need not be there."""
    problem = problem_at(model, key, written)
    return problem is None or problem.message.startswith("there is no file")


def problem_at(model: type[Written], key: str, written: str) -> Problem | None:
    """Return what the loader says of a key with a value, where it says something."""
    before, after = _around(model, key)
    text = f"{before}{key}: {written}{after}"
    line = before.count("\n") + 1
    column = len(before) - before.rfind("\n")
    place = Path("here.sip.yaml")
    try:
        if in_settings(model):
            load_settings("sipprobe.yaml", variables=_VARIABLES, environ={}, written=text.encode())
        else:
            load_scenario(place, variables=_VARIABLES, environ={}, written=text.encode())
    except ScenarioError as error:
        for problem in error.problems:
            at = (problem.source.line, problem.source.column)
            if (line, column) <= at <= (line, column + len(key) + len(written) + 2):
                return problem
    return None


def _keys(model: type[Written]) -> tuple[str, ...]:
    return model.keys()


def _around(model: type[Written], key: str) -> tuple[str, str]:
    """Return what stands before and after a key in the smallest file that may hold it."""
    verb = STEPS.get(model)
    if verb is not None:
        known = _keys(model)
        beside = _BESIDE.get(verb, "")
        parts = [
            "" if key == verb else f"{verb}: {_BASES.get(verb, '')}",
            "at: bob" if key in _NEEDS_AT and "at" in known else "",
            "" if key in {"to", "with", "in"} else beside,
            _NEEDED.get(key, "") if set(_NEEDED.get(key, "").split(":")[:1]) <= set(known) else "",
        ]
        kept = "".join(f"{part}, " for part in parts if part)
        return f"{_AGENTS}steps:\n{_BEFORE}  - {{{kept}", "}\n"
    within = {
        Scenario: (
            "matrix: {COUNTRY: [de], NUMBER: ['101']}\n" if key == "row_name" else "",
            "\n" if key == "steps" else f"\n{_ONE_STEP}",
        ),
        Profile: ("agents:\n  carol: {", f"}}\n{_ONE_STEP}"),
        Settings: ("", "\n"),
        TrunkProfile: ("trunks:\n  carrier: {", "}\n"),
        Caps: (
            "trunks:\n  carrier: {uri: 'sip:1@h.example', caps: {"
            + (f"{_NEEDED[key]}, " if key in _NEEDED else ""),
            "}}\n",
        ),
        Retry: (
            _AGENTS
            + "steps:\n  - {call: '101', retry: {"
            + ("" if key == "times" else "times: 2, "),
            "}}\n",
        ),
        Expectation: (_AGENTS + "steps:\n  - {call: '101', expect: {", "}}\n"),
        SdpExpectation: (_AGENTS + "steps:\n  - {call: '101', expect: {sdp: {", "}}}\n"),
        CalleeExpectation: (
            _AGENTS + "steps:\n  - {call: '101', from: alice, at: bob, expect: {callee: {",
            "}}}\n",
        ),
        NotifyExpectation: (
            _AGENTS + "steps:\n  - {subscribe: message-summary, expect: {notify: [{",
            "}]}}\n",
        ),
    }
    return within.get(model) or _below_another(model)


def _below_another(model: type[Written]) -> tuple[str, str]:
    """Return what stands around a model in the key of the model that holds it."""
    above = HOLDERS.get(model)
    if above is None:
        return "", ""
    holder, key, many = above
    before, after = _around(holder, key)
    opened, closed = {"one": ("{", "}"), "named": ("{one: {", "}}"), "list": ("[{", "}]")}[many]
    return f"{before}{key}: {opened}", f"{closed}{after}"
