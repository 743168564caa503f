"""JSON Schemas of scenario files and of sipprobe.yaml (draft 2020-12), for editors.

They describe what is written, not what becomes of it. An editor reads YAML with the types of YAML,
so a value that we take as text may reach it as a number or a boolean (`call: +12025550123`,
`verify: off`). Which keys there are comes from the models, and what each is for from the line under
its field. A schema is looser than the loader: it knows no line of the file but its own.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterable
from functools import cache
from itertools import pairwise
from typing import TypeAlias

from probe.scenario.ask_steps import PACKAGES, RequestStep, SubscribeStep
from probe.scenario.caps import MOST_A_SECOND
from probe.scenario.expectation import (
    FAILURES,
    TIMINGS,
    CalleeExpectation,
    Expectation,
    SdpExpectation,
)
from probe.scenario.media_expectation import MediaExpectation
from probe.scenario.notify_expectation import NotifyExpectation
from probe.scenario.schema import (
    EMBEDDED,
    VERBS,
    Caps,
    Profile,
    RedirectStep,
    RefreshStep,
    RejectStep,
    Retry,
    Scenario,
    Settings,
    Step,
    TalkStep,
    TrunkProfile,
    UseStep,
)
from probe.scenario.serving import Module, Serve
from probe.scenario.sound_expectation import EchoExpectation, HeardExpectation, LikeExpectation
from probe.scenario.sounds import SIGNALS
from probe.scenario.values import CODECS
from probe.scenario.written import Written, fields

Schema: TypeAlias = dict[str, object]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_VARIABLE = r"\$\{"
_NUMBER = r"\d+(\.\d+)?"
_DURATION = rf"({_NUMBER}\s*(ms|s|sec|m|min|h)\s*)+"
_LEVEL = rf"-?{_NUMBER}"
_QUANTITY = rf"({_DURATION}|{_NUMBER}\s*%?)"


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _pattern(pattern: str) -> Schema:
    """Return the schema of a text; one that holds a variable may turn out as anything."""
    return {"type": "string", "pattern": rf"^\s*({pattern})\s*$|{_VARIABLE}"}


def _words(*words: object) -> Schema:
    return {"anyOf": [{"enum": list(words)}, _ref("variable")]}


def _whole(low: int, high: int, text: str) -> Schema:
    return {"anyOf": [{"type": "integer", "minimum": low, "maximum": high}, _pattern(text)]}


def _several(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "array", "items": schema}]}


def _any_case(word: str) -> str:
    """Return a pattern without flags, which JSON Schema does not have."""
    return "".join(f"[{c.upper()}{c.lower()}]" if c.isalpha() else c for c in word)


_TEXT: Schema = {"type": ["string", "number", "boolean"], "minLength": 1}
_NAME = _ref("name")
_HEADER_NAMES: Schema = {"pattern": r"^[A-Za-z0-9.!%*_+`'~-]+$"}
_VARIABLE_NAME: Schema = {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}
_VALUES_BY_VARIABLE: Schema = {
    "type": "object",
    "propertyNames": _VARIABLE_NAME,
    "additionalProperties": {"type": ["string", "number", "boolean"]},
}
_EXPECTED_HEADERS: Schema = {
    "type": "object",
    "propertyNames": _HEADER_NAMES,
    "additionalProperties": {
        "anyOf": [{"enum": ["absent", "present"]}, _TEXT],
        "description": "absent, present, the exact text, or a /regular expression/.",
    },
}

_DEFINITIONS: dict[str, Schema] = {
    "variable": {"type": "string", "pattern": _VARIABLE},
    "name": {
        "type": ["string", "integer", "boolean"],
        "pattern": rf"^[A-Za-z0-9_][A-Za-z0-9_-]*$|{_VARIABLE}",
    },
    "uri": _pattern("[Ss][Ii][Pp][Ss]?:.+"),
    "target": {
        "type": ["string", "integer"],
        "pattern": rf"^[A-Za-z0-9+*#_.!~'()&=$,;:?/%@\[\]-]+$|{_VARIABLE}",
        "examples": ["+12025550123", "sip:100@pbx.example"],
    },
    "duration": {**_pattern(_DURATION), "examples": ["500ms", "2s", "1m30s"]},
    "refusal": {
        "anyOf": [
            {"type": "integer", "minimum": 300, "maximum": 699},
            _pattern(r"[3-6]\d\d(\s+\S.*)?"),
        ],
        "examples": [486, "603 Decline"],
    },
    "ringing": {
        "anyOf": [_ref("duration"), _pattern(r"\d{1,2}\s*rings?")],
        "examples": ["2 rings", "3s"],
    },
    "keys": {
        "anyOf": [
            {"type": "integer", "minimum": 0},
            _pattern(
                r"[0-9A-Da-d*#-]+(\s+[Bb][Yy]\s+([Rr][Ff][Cc]4733|[Ii][Nn][Ff][Oo]|[Ii][Nn][Bb][Aa][Nn][Dd]))?"
            ),
        ],
        "examples": ["42#", "1234 by info", "5 by inband"],
    },
    "sound": {
        "anyOf": [
            {"enum": list(SIGNALS)},
            _pattern(r"[Tt][Oo][Nn][Ee]\s+\d+(\s*\+\s*\d+)*\s*[Hh][Zz]"),
        ],
        "examples": ["tone 1004Hz"],
    },
    "method": {**_pattern(r"[A-Za-z0-9.!%*_+`'~-]+"), "examples": ["INFO", "PUBLISH"]},
    "count": {
        "anyOf": [
            {"type": "integer", "minimum": 0},
            _pattern(r"\d{1,9}|(min|max)\s+\d{1,9}|\d{1,9}\s*\.\.\s*\d{1,9}|present|absent"),
        ],
        "examples": [2, "min 1"],
    },
    "wanted": {
        "type": ["string", "number", "boolean"],
        "examples": ["active", "contains hello", "/^sip:1/", "absent"],
    },
    "switch": _words("on", "off", "yes", "no", "true", "false", True, False),
    # YAML 1.1 reads `off` as false.
    "support": _words("off", "optional", "required", False),
    "seconds": _whole(1, 2**32 - 1, rf"\d+s?|{_DURATION}"),
    "codec": {
        "anyOf": [{"enum": list(CODECS)}, _pattern("|".join(_any_case(word) for word in CODECS))]
    },
    "rate": {
        "anyOf": [
            {"type": "number", "exclusiveMinimum": 0, "maximum": MOST_A_SECOND},
            _pattern(r"\d{1,2}(\.\d{1,3})?"),
        ]
    },
    "amount": {"anyOf": [{"type": "number", "minimum": 0}, _pattern(r"\d{1,7}(\.\d{1,6})?")]},
    "headers": {"type": "object", "propertyNames": _HEADER_NAMES, "additionalProperties": _TEXT},
    "bound": {
        "anyOf": [
            _pattern(rf"(max|min)\s+{_QUANTITY}|{_QUANTITY}\s*\.\.\s*{_QUANTITY}"),
            {
                "type": "object",
                "properties": {
                    word: {"anyOf": [{"type": "number", "minimum": 0}, _pattern(_QUANTITY)]}
                    for word in ("min", "max", "warn")
                },
                "minProperties": 1,
                "additionalProperties": False,
            },
        ],
        "examples": ["max 3s", "min 3.8", "8s..16s", {"max": "4s", "warn": "2s"}],
    },
    "sequence": {
        "anyOf": [
            {"type": "integer", "minimum": 100, "maximum": 699},
            _pattern(r"[0-9A-Zx?*+|(){},\s]+"),
        ],
        "examples": ["200", "100? 183? 180 200 ACK", "401|403"],
    },
}
"What several keys share, and the schemas of the models beside them."

_VALUES: dict[str, Schema] = {
    "address": {"anyOf": [{"enum": ["public", "private"]}, {"type": "string"}]},
    "allow_to": _several(_TEXT),
    "after": _ref("ringing"),
    "answer": _TEXT,
    "answer_after": _ref("ringing"),
    "answer_with": _ref("refusal"),
    "answer_within": _ref("duration"),
    "at": _TEXT,
    "auth_user": _TEXT,
    "ca_file": _TEXT,
    "by": _TEXT,
    "call": _ref("target"),
    "callee": _ref("CalleeExpectation"),
    "caller_id": _TEXT,
    "calls_per_day": _whole(0, 100_000, r"\d+"),
    "calls_per_hour": _whole(0, 100_000, r"\d+"),
    "calls_per_run": _whole(0, 10_000, r"\d+"),
    "calls_per_second": _ref("rate"),
    "cancel": _TEXT,
    "caps": _ref("Caps"),
    "challenge": _words("required", "absent"),
    "client_cert": _TEXT,
    "client_key": _TEXT,
    "codec": _ref("codec"),
    "codecs": _several(_ref("codec")),
    "concurrent_calls": _whole(1, 1000, r"\d+"),
    "contact": _ref("target"),
    "cost_per_call": _ref("amount"),
    "cost_per_day": _ref("amount"),
    "cost_per_minute": _ref("amount"),
    "cost_per_run": _ref("amount"),
    "currency": _pattern(r"[^\W\d_]{1,8}|[$€£¥₹]"),
    # YAML 1.1 reads `NO` as false.
    "country": _several({"anyOf": [{"const": False}, _pattern("[A-Za-z]{2}")]}),
    "diversion": _TEXT,
    "direction": _words("sendrecv", "sendonly", "recvonly", "inactive"),
    "early_media": _ref("switch"),
    "expect": _ref("Expectation"),
    "expires": _ref("seconds"),
    "failure": _words(*FAILURES),
    "from": _TEXT,
    "from_host": _TEXT,
    "from_name": _TEXT,
    "from_user": _TEXT,
    "hangup": _TEXT,
    "hangup_after": _ref("duration"),
    "headers": _ref("headers"),
    "hold": _TEXT,
    "identity": _TEXT,
    "late_offer": _ref("switch"),
    "local_address": {"type": "string"},
    "minutes_per_day": _whole(0, 100_000, r"\d+\s*(min)?"),
    "nameserver": {"type": "string"},
    "notify": {
        "anyOf": [
            _ref("sequence"),
            _ref("NotifyExpectation"),
            {"type": "array", "minItems": 1, "items": _ref("NotifyExpectation")},
        ]
    },
    "numbers": _several(_TEXT),
    "on": _several(_pattern(rf"(\s*\|?\s*([3-6](\d\d|\dx|xx)|timeout|{'|'.join(FAILURES)}))+")),
    "options": _ref("target"),
    "pace": _pattern(r"\d+(\.\d+)?\s*/\s*(s|sec|m|min|h)"),
    "password": _TEXT,
    "password_cmd": _TEXT,
    "password_file": _TEXT,
    "password_keyring": _pattern(r".+/[^/]+"),
    "play": _pattern(
        r"silence|marker|[Tt][Oo][Nn][Ee]\s+\d+(\s*\+\s*\d+)*\s*[Hh][Zz]"
        r"|[Dd][Tt][Mm][Ff]\s+[0-9A-Da-d*# -]+|.+\.[Ww][Aa][Vv]"
    ),
    "prack": _ref("support"),
    "provider": _TEXT,
    "proxy": {"type": "string"},
    "ptime": _whole(5, 200, r"\d+\s*(ms)?"),
    "realm": _TEXT,
    "record": _ref("switch"),
    "redirect": _TEXT,
    "refresh": _TEXT,
    "refused_logins_per_day": _whole(1, 100, r"\d+"),
    "register": _several(_TEXT),
    "registers": _ref("switch"),
    "reject": _TEXT,
    "requests_per_second": _ref("rate"),
    "responses": _ref("sequence"),
    "resume": _TEXT,
    "retry": _ref("Retry"),
    "ring": _TEXT,
    "ring_for": _ref("duration"),
    "row_name": _TEXT,
    "sdp": _ref("SdpExpectation"),
    "send_dtmf": _ref("keys"),
    "session_timer": _ref("support"),
    "srtp": _words("off", "optional", "required", "dtls", False),
    "tags": _several(_TEXT),
    "talk": _ref("duration"),
    "timeout": _ref("duration"),
    "times": _whole(1, 10, r"\d+"),
    "timing": {
        "type": "object",
        "properties": {name: _ref("bound") for name in TIMINGS},
        "additionalProperties": False,
    },
    # An editor reads 1.2 as a number.
    "tls_min": _words("1.0", "1.1", "1.2", "1.3", 1.0, 1.1, 1.2, 1.3),
    "to": _ref("target"),
    "to_user": _TEXT,
    "transfer": _TEXT,
    "trunk": _NAME,
    "at_site": _NAME,
    "unregister": _several(_TEXT),
    "uri": _ref("uri"),
    "uri_user": _TEXT,
    "use": {"type": "string", "pattern": r"^[^$]+\.ya?ml$"},
    "user_agent": _TEXT,
    "vars": {"type": "object", "additionalProperties": _TEXT},
    "verify": _ref("switch"),
    "wait": _ref("duration"),
    "with": _TEXT,
    "within": _ref("duration"),
}
"What may stand after a key, wherever it means the same."

_HOURS = _pattern(r"\d{1,2}:\d\d\s*-\s*\d{1,2}:\d\d")
_VALUES.update(  # those of `serve:`
    {
        "interval": _ref("duration"),
        "jitter": _ref("duration"),
        "keep_days": _whole(1, 3650, r"\d+"),
        "keep_runs": _whole(1, 100_000, r"\d+"),
        "modules": {
            "type": "object",
            "minProperties": 1,
            "propertyNames": _NAME,
            "additionalProperties": _ref("Module"),
        },
        "quiet_hours": {**_several(_HOURS), "examples": ["22:00-06:00"]},
        "runs_at_a_time": _whole(1, 20, r"\d+"),
        "scenario": _TEXT,
        "serve": _ref("Serve"),
        "targets": _several(_NAME),
        "timezone": _TEXT,
        "variables": _VALUES_BY_VARIABLE,
    }
)
_VALUES.update(
    {
        **dict.fromkeys(NotifyExpectation.keys(), _ref("wanted")),
        **{
            key: _ref("count")
            for key in fields(NotifyExpectation)
            if key.endswith(("_new", "_old"))
        },
        **{key: _VALUES[key] for key in ("headers", "direction")},
        "await": _ref("method"),
        "content_type": _pattern(r"[^\s/]+/\S.*"),
        "event": _TEXT,
        "for": _ref("duration"),
        "in": _TEXT,
        "message": _TEXT,
        "messages_waiting": _ref("switch"),
        "of": _NAME,
        "request": _ref("method"),
        "subscribe": {"anyOf": [{"examples": [*PACKAGES]}, _TEXT]},
        "unsubscribe": _TEXT,
    }
)

_VALUES.update(dict.fromkeys(MediaExpectation.keys(), _ref("bound")))
_VALUES.update(
    {
        "absent": _ref("switch"),
        "clipped": _pattern(rf"(max\s+)?{_DURATION}"),
        "delay": _pattern(rf"(max\s+)?{_DURATION}"),
        "dtmf": _ref("keys"),
        "early": _ref("switch"),
        "echo": {
            "anyOf": [_words("absent"), _pattern(rf"(max\s+)?{_DURATION}"), _ref("EchoExpectation")]
        },
        "file": _TEXT,
        "heard": {"anyOf": [_ref("sound"), _ref("HeardExpectation")]},
        "lasts": _pattern(rf"(min\s+)?{_DURATION}"),
        "level": _pattern(
            rf"((max|min)\s+{_LEVEL}|{_LEVEL}\s*\.\.\s*{_LEVEL})(\s*[Dd][Bb]([Oo][Vv])?)?"
        ),
        "like": {
            "anyOf": [
                _pattern(r".+\.[Ww][Aa][Vv](\s*,\s*(min\s+)?[01](\.\d+)?)?"),
                _ref("LikeExpectation"),
            ]
        },
        "min": {
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": 1},
                _pattern(r"(min\s+)?[01](\.\d+)?"),
            ]
        },
        "what": _ref("sound"),
    }
)
_VALUES["media"] = _ref("MediaExpectation")

_SPECIAL: dict[tuple[type[Written], str], Schema] = {
    (TalkStep, "expect"): {
        "type": "object",
        "properties": {"media": _ref("MediaExpectation")},
        "additionalProperties": _ref("MediaExpectation"),
        "examples": [{"alice": {"loss": "max 0.5%"}}],
    },
    (Expectation, "headers"): _EXPECTED_HEADERS,
    (Expectation, "request_headers"): _EXPECTED_HEADERS,
    (CalleeExpectation, "headers"): _EXPECTED_HEADERS,
    (NotifyExpectation, "headers"): _EXPECTED_HEADERS,
    (NotifyExpectation, "direction"): _ref("wanted"),
    (NotifyExpectation, "content_type"): _ref("wanted"),
    (NotifyExpectation, "event"): _ref("wanted"),
    (HeardExpectation, "within"): _pattern(rf"(max\s+)?{_DURATION}"),
    (RequestStep, "body"): _TEXT,
    (SubscribeStep, "expires"): {"anyOf": [{"const": 0}, _ref("seconds")]},
    (RedirectStep, "with"): _ref("refusal"),
    (RefreshStep, "with"): _words("invite", "update"),
    (RejectStep, "with"): _ref("refusal"),
    (Retry, "on"): {
        "anyOf": [{"type": "integer", "minimum": 300, "maximum": 699}, _VALUES["on"]],
        "examples": ["408|503|timeout"],
    },
    (Scenario, "name"): _TEXT,
    (Scenario, "agents"): {
        "type": "object",
        "propertyNames": _NAME,
        "additionalProperties": _ref("Profile"),
    },
    (Scenario, "steps"): {
        "type": "array",
        "minItems": 1,
        "items": {
            "type": "object",
            "oneOf": [_ref(model.__name__) for model in (*VERBS.values(), UseStep)],
        },
    },
    (Scenario, "matrix"): {
        "type": "object",
        "minProperties": 1,
        "propertyNames": _VARIABLE_NAME,
        "additionalProperties": {"type": "array", "minItems": 1, "items": _TEXT},
        "examples": [{"PREFIX": ["+", "00"], "CODEC": ["PCMU", "PCMA"]}],
    },
    (Scenario, "data"): {
        "anyOf": [
            {
                "type": "string",
                "pattern": rf"\.([cCtT][sS][vV]|[yY][aA]?[mM][lL]|[jJ][sS][oO][nN])$|{_VARIABLE}",
            },
            {"type": "array", "minItems": 1, "items": _VALUES_BY_VARIABLE},
        ],
        "examples": ["numbers.csv"],
    },
    (UseStep, "with"): _VALUES_BY_VARIABLE,
    (Settings, "trunks"): {
        "type": "object",
        "propertyNames": {"allOf": [_NAME, {"not": {"const": EMBEDDED}}]},
        "additionalProperties": _ref("TrunkProfile"),
    },
    (TalkStep, "send_dtmf"): {
        "anyOf": [
            _ref("keys"),
            {
                "type": "object",
                "minProperties": 1,
                "propertyNames": _NAME,
                "additionalProperties": _ref("keys"),
            },
        ],
        "examples": [{"alice": "42#"}],
    },
    **{(model, "name"): _NAME for model in VERBS.values()},
}
"What may stand after a key of one model only."


def json_schema() -> Schema:
    """Return the JSON Schema of scenario files."""
    expectations = (
        *(Expectation, SdpExpectation, CalleeExpectation, NotifyExpectation),
        *(MediaExpectation, HeardExpectation, LikeExpectation, EchoExpectation),
    )
    models = (Profile, Caps, Retry, *expectations, UseStep, *VERBS.values())
    return _schema(Scenario, "sipprobe scenario", models)


def settings_schema() -> Schema:
    """Return the JSON Schema of sipprobe.yaml."""
    return _schema(Settings, "sipprobe settings", (TrunkProfile, Caps, Serve, Module))


def _schema(root: type[Written], title: str, models: Iterable[type[Written]]) -> Schema:
    described = {model.__name__: _object(model) for model in models}
    return {
        "$schema": _DIALECT,
        "title": title,
        **_object(root),
        "$defs": {**_DEFINITIONS, **described},
    }


def _object(model: type[Written]) -> Schema:
    """Return the schema of a model: its keys, each with the line that describes it."""
    lines = _lines(model)
    properties: dict[str, Schema] = {}
    required: list[str] = []
    for name, field in fields(model).items():
        if name in model.inner:
            continue
        key = field.key
        schema = _SPECIAL.get((model, key)) or _VALUES[key]
        if key in model.may_be_empty:
            schema = {"anyOf": [{"type": "null"}, schema]}
        if key == "expect" and issubclass(model, Step) and model is not TalkStep:
            measured: Schema = {"propertyNames": {"enum": list(model.timings)}}
            schema = {**schema, "properties": {"timing": measured}}
        properties[key] = {"description": lines[name], **schema}
        if field.required or VERBS.get(key) is model:
            required.append(key)
    return {
        "description": inspect.cleandoc(model.__doc__ or ""),
        "type": "object",
        "properties": properties,
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }


def _lines(model: type[Written]) -> dict[str, str]:
    """Return the line that stands under each field of a model, by name."""
    lines: dict[str, str] = {}
    for part in reversed(model.__mro__):
        if issubclass(part, Written):
            lines |= _lines_by_class(part.__module__)[part.__name__]
    return lines


@cache
def _lines_by_class(module: str) -> dict[str, dict[str, str]]:
    """Read them from the source, only where somebody asks."""
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {
        node.name: {
            field.target.id: line.value.value.replace("None ", "nothing ")
            for field, line in pairwise(node.body)
            if isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(line, ast.Expr)
            and isinstance(line.value, ast.Constant)
            and isinstance(line.value.value, str)
        }
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    }
