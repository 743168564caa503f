"""The pipe's lines: what goes in comes out, and what is no message is refused."""

import types
import typing
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.agent import channel
from probe.agent.channel import ChannelError, decode, encode
from probe.trace.failure import Failure

LEAVES: dict[object, st.SearchStrategy[Any]] = {
    str: st.text(st.characters(), max_size=20),
    int: st.integers(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    type(None): st.none(),
    Failure: st.sampled_from(Failure),
}
"""How to make a value of each plain type; text may hold lone surrogates, as wire text does."""


def making(kind: Any) -> st.SearchStrategy[Any]:  # noqa: ANN401 - any type of a field
    """Return a strategy for a field's type."""
    if kind in LEAVES:
        return LEAVES[kind]
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return of_fields(kind)
    parts = typing.get_args(kind)
    if typing.get_origin(kind) in {typing.Union, types.UnionType}:
        return st.one_of([making(part) for part in parts])
    assert typing.get_origin(kind) is tuple, kind
    if parts[-1] is Ellipsis:
        return st.lists(making(parts[0]), max_size=3).map(tuple)
    return st.tuples(*(making(part) for part in parts))


def of_fields(kind: Any) -> st.SearchStrategy[Any]:  # noqa: ANN401 - any record
    """Return a strategy for a record."""
    hints = typing.get_type_hints(kind)
    return st.builds(kind, **{name: making(hints[name]) for name in kind.__struct_fields__})


def values() -> st.SearchStrategy[Any]:
    """Return a strategy for values of every type that the channel knows."""
    return st.one_of([of_fields(kind) for kind in channel._VALUES.values()])


@given(values())
def test_every_value_comes_back_as_it_went(value: object) -> None:
    """A value of a known type keeps its type and all its fields, on one line."""
    line = encode("event", event=value)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode(line) == {"kind": "event", "event": value}


def test_plain_fields() -> None:
    """Plain values pass; a list comes back as a tuple, an enum as its value."""
    line = encode("refused", failure=Failure.LOCAL_PORT, port=5060, names=["a", ("b", 1)], no=None)
    assert decode(line) == {
        "kind": "refused",
        "failure": "LOCAL_PORT",
        "port": 5060,
        "names": ("a", ("b", 1)),
        "no": None,
    }


def test_a_mapping_without_a_type() -> None:
    """A mapping that names no type is left as it is."""
    assert decode(b'{"kind": "x", "facts": {"a": 1}}') == {"kind": "x", "facts": {"a": 1}}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"", "not JSON"),
        (b"pjsip says: assertion failed", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[1, 2]", "no kind"),
        (b'"kind"', "no kind"),
        (b"{}", "no kind"),
        (b'{"kind": 3}', "no kind"),
        (b'{"kind": "event", "event": {"is": "Path"}}', "unknown value: 'Path'"),
        (b'{"kind": "event", "event": {"is": ["Path"]}}', "unknown value"),
        (b'{"kind": "event", "event": {"is": "AgentNote"}}', "not a AgentNote"),
        (b'{"kind": "event", "event": {"is": "AgentNote", "x": 1}}', "not a AgentNote"),
        (b'{"kind": "event", "event": {"is": "TransactionFailed"}}', "not a TransactionFailed"),
        (
            b'{"kind": "event", "event": {"is": "TransactionFailed", "failure": "BAD"}}',
            "not a TransactionFailed",
        ),
        (
            b'{"kind": "event", "event": {"is": "TransactionFailed", "failure": {"a": 1}}}',
            "not a TransactionFailed",
        ),
    ],
)
def test_what_is_no_message(line: bytes, words: str) -> None:
    """Garbage, unknown types and wrong fields are refused with one kind of error."""
    with pytest.raises(ChannelError, match=words):
        decode(line)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_message_or_refused(line: bytes) -> None:
    """No bytes raise anything but ChannelError."""
    try:
        found = decode(line)
    except ChannelError:
        return
    assert isinstance(found["kind"], str)


def test_a_nest_too_deep_to_read() -> None:
    """A line that nests without end is refused too."""
    with pytest.raises(ChannelError):
        decode(b"[" * 100_000)
