"""The scenario reference: every key of scenario files and of sipprobe.yaml, from the schema."""

from collections.abc import Mapping
from typing import Any

from docs.making import samples
from docs.making.models import MODELS, STEPS, TITLES, in_settings
from docs.making.pages import escaped, prose
from docs.making.since import since
from probe.scenario.json_schema import json_schema, settings_schema
from probe.scenario.schema import Scenario, Settings
from probe.scenario.written import Key, Written, fields

FOLDER = "docs/reference"
_KINDS: dict[str, str] = {
    "variable": "a variable, `${NAME}` or `${NAME:-default}`",
    "name": "a name: letters, digits, `_` and `-`",
    "uri": "a SIP URI",
    "target": "a number or a SIP URI",
    "duration": "a duration",
    "refusal": "a final status of 300 to 699, with or without words",
    "ringing": "a duration, or a number of rings",
    "method": "a method of SIP",
    "count": "a number, or a bound on it",
    "wanted": "a text, `contains` a text, a `/regular expression/`, `present` or `absent`",
    "switch": "`on` or `off`",
    "support": "`off`, `optional` or `required`",
    "seconds": "whole seconds, or a duration",
    "codec": "the name of a codec",
    "rate": "how many in a second",
    "amount": "an amount of money",
    "headers": "header fields with their values",
    "bound": "a bound",
    "sequence": "a sequence of responses",
}
"""Words for the kinds of value that several keys share; another is called by its own name."""


def pages() -> dict[str, str]:
    """Return the pages of the scenario reference, Markdown by path from the root of the site."""
    definitions: dict[str, Any] = {}
    for root, schema in ((Scenario, json_schema()), (Settings, settings_schema())):
        found: Any = schema["$defs"]
        definitions |= {**found, root.__name__: schema}
    steps = [model for model in MODELS if model in STEPS]
    settings = [model for model in MODELS if in_settings(model)]
    rest = [m for m in MODELS if m not in {*steps, *settings, Scenario}]
    return {
        f"{FOLDER}/keys-scenario.md": _page(
            "Keys of a scenario file",
            "What a file `scenarios/NAME.sip.yaml` may hold around its steps. [Scenario files]"
            "(../scenario-files.md) tells it as a story; here is every key, made from the "
            "program's own models. The error is what `sipprobe validate` says of a wrong value.",
            [Scenario, *rest],
            definitions,
        ),
        f"{FOLDER}/keys-steps.md": _page(
            "Keys of the steps",
            "One section for each verb. What may stand below `expect:` and `retry:` is among the "
            "[keys of a scenario file](keys-scenario.md).",
            steps,
            definitions,
        ),
        f"{FOLDER}/keys-settings.md": _page(
            "Keys of sipprobe.yaml",
            "Trunk profiles and variables.",
            settings,
            definitions,
        ),
        f"{FOLDER}/kinds.md": _kinds(definitions),
    }


def _page(
    title: str, lead: str, models: list[type[Written]], definitions: Mapping[str, Any]
) -> str:
    parts = [f"# {title}", lead]
    for model in models:
        schema = definitions.get(model.__name__)
        if schema is None:
            continue
        parts += [
            f"(keys-{model.__name__.lower()})=\n## {TITLES.get(model, model.__name__)}",
            prose(str(schema["description"])),
        ]
        for field in fields(model).values():
            if field.name not in model.inner:
                parts += _key(model, field, schema, definitions)
    return "\n\n".join(parts) + "\n"


def _key(
    model: type[Written],
    field: Key,
    schema: Mapping[str, Any],
    definitions: Mapping[str, Any],
) -> list[str]:
    key = field.key
    own: Mapping[str, Any] = schema["properties"][key]
    rows = [
        ("type", kind_of(own, definitions)),
        ("default", _default(field, own, required=key in schema.get("required", ()))),
    ]
    of_kind = _example_of(own, definitions)
    if of_kind is None and isinstance(field.default, (int, str)):
        of_kind = field.default or None
    shown = samples.example(model, key, of_kind)
    if shown is not None and samples.loads(model, key, shown):
        rows.append(
            ("example", f"`{key}: {shown}`" if "`" not in shown else f"`` {key}: {shown} ``")
        )
    wrong = samples.refused(model, key)
    if wrong is not None:
        hint = f"; hint: {wrong.hint}" if wrong.hint else ""
        rows.append(("error", f"`{key}: {wrong.written}`: {escaped(_cut(wrong.message + hint))}"))
    rows.append(("since", since(model.__name__, key)))
    return [
        f"### `{key}`",
        prose(str(own.get("description", ""))),
        "\n".join(f"{label}\n: {text}\n" for label, text in rows),
    ]


_LONGEST = 400


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _default(field: Key, schema: Mapping[str, Any], *, required: bool) -> str:
    value = field.default
    if required or field.required:
        return "none: the key must be there"
    if value is None or value in ({}, (), ""):
        return "nothing"
    if isinstance(value, tuple):
        return ", ".join(f"`{part}`" for part in value)
    if isinstance(value, bool):
        return "`on`" if value else "`off`"
    if isinstance(value, float):
        timed = str(schema.get("$ref", "")).endswith(("/duration", "/ringing"))
        return f"`{value:g}s`" if timed else f"`{value:g}`"
    return f"`{value}`"


def _example_of(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> object | None:
    """Return an example of a schema or of what it refers to; else the first of its words."""
    if schema.get("examples"):
        first: object = schema["examples"][0]
        return first
    if "$ref" in schema:
        return _example_of(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "enum" in schema:
        word: object = schema["enum"][0]
        return word
    for part in schema.get("anyOf", ()):
        found = _example_of(part, definitions)
        if found is not None:
            return found
    return None


def kind_of(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """Say in words what a schema takes, Markdown."""
    if "$ref" in schema:
        return _named(schema["$ref"].rpartition("/")[2])
    if "enum" in schema or "const" in schema:
        words = schema.get("enum", [schema.get("const")])
        shown = (str(word).lower() if isinstance(word, bool) else str(word) for word in words)
        return ", ".join(f"`{word}`" for word in dict.fromkeys(shown))
    if "anyOf" in schema:
        return _one_of(schema["anyOf"], definitions)
    if "oneOf" in schema:
        return "a step"
    return _plain(schema, definitions)


def _one_of(parts: list[Mapping[str, Any]], definitions: Mapping[str, Any]) -> str:
    one, *more = parts
    if len(more) == 1 and more[0].get("type") == "array" and more[0].get("items") == one:
        return f"{kind_of(one, definitions)}; or a list of such"
    kinds = [
        kind_of(part, definitions)
        for part in parts
        if not str(part.get("$ref", "")).endswith("/variable")
    ]
    if kinds[0].startswith(("a whole number", "a number")):
        kinds = [kind for kind in kinds if kind != "text"]  # as which YAML may have it, too
    return " or ".join(dict.fromkeys(kind for kind in kinds if kind))


def _plain(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    if kind == "array":
        return f"a list: {kind_of(schema.get('items', {}), definitions)}"
    if kind == "object" or "properties" in schema:
        return _mapping(schema, definitions)
    if kind == "integer" and "maximum" in schema:
        return f"a whole number, {schema.get('minimum', 0)} to {schema['maximum']}"
    words = {"integer": "a whole number", "number": "a number", "null": "nothing"}
    if kind is None and not schema.get("pattern"):
        return ""
    return words.get(str(kind), "text")


def _mapping(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    inner = schema.get("properties")
    if "oneOf" in schema:
        return "a step"
    if inner:
        return "keys " + ", ".join(f"`{word}`" for word in inner)
    below = schema.get("additionalProperties")
    return f"names, each with {kind_of(below, definitions)}" if below else "keys and values"


def _named(name: str) -> str:
    model = next((model for model in MODELS if model.__name__ == name), None)
    if model is not None:
        return f"[{TITLES.get(model, name)}](#keys-{name.lower()})"
    return f"[{_KINDS.get(name, name)}](#kind-{name})" if name in _KINDS else name


def _kinds(definitions: Mapping[str, Any]) -> str:
    """Return the page of the kinds of value that several keys share."""
    names = [name for name in definitions if name[0].islower()]
    parts = [
        "# Kinds of value",
        (
            "Every value is read as the text that was written: a number keeps its plus and its "
            "zeros. A `${VARIABLE}` may stand for any of them."
        ),
    ]
    for name in names:
        schema = definitions[name]
        rows = [("takes", _KINDS.get(name, kind_of(schema, definitions)))]
        if schema.get("examples"):
            rows.append(("examples", ", ".join(f"`{_shown(x)}`" for x in schema["examples"])))
        if "enum" in str(schema.get("anyOf", "")) or "enum" in schema:
            rows.append(("words", kind_of(schema, definitions)))
        told = "\n".join(f"{label}\n: {text}\n" for label, text in rows)
        parts += [f"(kind-{name})=\n## {name}", told]
    return "\n\n".join(parts) + "\n"


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {entry}" for key, entry in value.items()) + "}"
    return str(value)
