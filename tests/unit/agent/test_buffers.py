"""Messages in the stack's buffers: found by what its log says, and left to the log elsewhere."""

import ctypes
import struct
from collections.abc import Callable
from typing import Any

import pytest

buffers = pytest.importorskip("probe.agent.pjsua.buffers")

pytestmark = pytest.mark.pjsua2

OPTIONS = b"OPTIONS sip:x SIP/2.0\r\nCall-ID: c\r\nX: \xff\x00\r\nContent-Length: 0\r\n\r\n"
ANSWER = b"SIP/2.0 200 OK\r\nCall-ID: c\r\nContent-Length: 0\r\n\r\n"
TEXT_AT, NAME_AT = 4424, 1232
"""Where 2.15.1 keeps them."""


class Stack:
    """The functions of the library, and memory as it lays messages out."""

    def __init__(self) -> None:
        self.level = 4
        self.kept: list[Any] = []
        self.pjsip_transport_get_type_name = self._function({1: b"UDP"}.get)
        self.pj_log_set_level = self._function(self._set_level)
        self.pjsua_get_pjsip_endpt = self._function(lambda: 1)
        self.pjsip_endpt_register_module = self._function(lambda *_: 0)
        transport = self._memory(256)
        struct.pack_into("=q", transport, 80, 1)
        self.transport = ctypes.addressof(transport)

    def _function(self, act: Callable[..., Any]) -> Any:  # noqa: ANN401 - a C function
        class Function:
            restype: Any = None
            argtypes: Any = None

            def __call__(self, *given: Any) -> Any:  # noqa: ANN401 - as above
                return act(*given)

        return Function()

    def _set_level(self, level: int) -> None:
        self.level = level

    def _memory(self, size: int) -> Any:  # noqa: ANN401 - an array of ctypes
        self.kept.append(ctypes.create_string_buffer(size))
        return self.kept[-1]

    def received(self, text: bytes, host: bytes = b"192.0.2.1", text_at: int = TEXT_AT) -> int:
        """Return a pjsip_rx_data."""
        memory = self._memory(80_000)
        struct.pack_into("=Q", memory, 8, self.transport)
        struct.pack_into(f"={len(text)}s", memory, 320, text)
        fields = (host, 5060, ctypes.addressof(memory) + 320, len(text))
        struct.pack_into("=46s2xi4xQi", memory, text_at - 56, *fields)
        return ctypes.addressof(memory)

    def sent(self, text: bytes, host: bytes = b"192.0.2.1", name_at: int = NAME_AT) -> int:
        """Return a pjsip_tx_data."""
        memory, held = self._memory(4000), self._memory(len(text) + 1)
        held.value = b""
        struct.pack_into(f"={len(text)}s", held, 0, text)
        begin = ctypes.addressof(held)
        struct.pack_into("=QQ", memory, 408, begin, begin + len(text))
        struct.pack_into("=46s2xi", memory, name_at, host, 5060)
        struct.pack_into("=Q", memory, name_at - 40, self.transport)
        return ctypes.addressof(memory)


Seen = list[tuple[float, str, str, str, bytes]]


def listening() -> tuple[Any, Stack, Seen]:
    """Return what reads the buffers, the stack, and what was read."""
    stack, seen = Stack(), Seen()
    made = buffers.Buffers(stack, lambda: 7.0, lambda *message: seen.append(message))
    assert made.install()
    return made, stack, seen


def told(text: bytes, host: str = "192.0.2.1", transport: str = "UDP") -> Any:  # noqa: ANN401
    """Return a message as the log told it."""
    return buffers.Told(transport, host, 5060, text)


def show_received(made: Any, stack: Stack, text: bytes, **where: Any) -> None:  # noqa: ANN401
    """Let a message come: the log tells of it first."""
    if not made.knows("RX"):
        made.told("RX", told(text))
    made._on_rx(stack.received(text, **where))


def show_sent(made: Any, stack: Stack, text: bytes, **where: Any) -> None:  # noqa: ANN401
    """Let a message leave: our module sees it first."""
    made._on_tx(stack.sent(text, **where))
    if not made.knows("TX"):
        made.told("TX", told(text))


@pytest.mark.parametrize(
    ("text_at", "name_at"), [(4424, 1232), (64424, 2584)], ids=["2.15.1", "2.17"]
)
def test_the_first_message_each_way_shows_where_the_next_ones_lie(
    text_at: int, name_at: int
) -> None:
    """From then on every byte is read there, and the log says its warnings only."""
    made, stack, seen = listening()
    show_sent(made, stack, OPTIONS, name_at=name_at)
    assert (made.knows("TX"), made.knows("RX"), stack.level) == (True, False, 4)
    show_received(made, stack, ANSWER, text_at=text_at)
    assert (made.knows("RX"), stack.level, seen) == (True, 2, [])
    show_sent(made, stack, OPTIONS, name_at=name_at)
    show_received(made, stack, OPTIONS, text_at=text_at, host=b"2001:db8::1")
    assert seen == [
        (7.0, "TX", "UDP", "192.0.2.1:5060", OPTIONS),
        (7.0, "RX", "UDP", "[2001:db8::1]:5060", OPTIONS),
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        told(ANSWER, host="192.0.2.2"),
        told(ANSWER, transport="TLS"),
        told(ANSWER.replace(b"200", b"486")),
        told(ANSWER[:-2]),
    ],
    ids=["another peer", "another transport", "another text", "another length"],
)
def test_what_does_not_agree_with_the_log_is_not_believed(wrong: Any) -> None:  # noqa: ANN401
    """The log goes on telling, and the next message is looked at."""
    made, stack, seen = listening()
    made.told("RX", wrong)
    made._on_rx(stack.received(ANSWER))
    made._on_tx(stack.sent(ANSWER))
    made.told("TX", wrong)
    assert (made.knows("RX"), made.knows("TX"), stack.level, seen) == (False, False, 4, [])
    show_received(made, stack, ANSWER)
    show_sent(made, stack, OPTIONS)
    assert stack.level == 2


def test_a_library_that_keeps_messages_otherwise() -> None:
    """After some messages nothing is searched any more: its log is what is read."""
    made, stack, seen = listening()
    for _ in range(20):
        made.told("RX", told(ANSWER, host="192.0.2.2"))
        made._on_rx(stack.received(ANSWER))
    show_received(made, stack, ANSWER)
    assert (made.knows("RX"), stack.level, seen) == (False, 4, [])
