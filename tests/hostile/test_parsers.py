"""What reads the peer's bytes stands any of them, and takes no longer for a twisted long one."""

import random
import time
from collections.abc import Callable

import pytest
from fuzz_parsers import seeds
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import Mutator
from reading import everything, store

from probe.diagnosis.quote import header_lines, plain, quoted
from probe.sip.challenge import parse_auth_field
from probe.sip.message import MalformedMessageError, parse_message, uri_host, uri_user
from probe.sip.redact import Redactor
from probe.sip.sdp import parse_sdp

SIZE = 65_536
WITHIN_S = 0.5
"""CPU time for 64 kB on a busy machine; what was quadratic took from 3 to 80 s."""


def parse(text: str) -> None:
    """Read a message with one long header field, and all that is asked of it."""
    try:
        message = parse_message(f"SIP/2.0 200 OK\r\n{text}")
    except MalformedMessageError:
        return
    for name in ("branch", "from_tag", "to_tag", "cseq", "challenges", "credentials", "sdp"):
        getattr(message, name)


READERS: dict[str, Callable[[str], object]] = {
    "parse": parse,
    "start line": lambda text: parse(f"\r\n\r\n{text}"),
    "uri_user": uri_user,
    "uri_host": uri_host,
    "challenge": parse_auth_field,
    "redact": lambda text: Redactor(("secret-password",)).message(text),
    "sdp": parse_sdp,
    "plain": plain,
    "quoted": quoted,
    "header_lines": lambda text: header_lines(text, "Via"),
}


UNITS = (
    *("a", " ", "\t", ";", ",", "<", '"', "\\", '\\"', "=", "a=", "a= ", "sip:", "sip:a:", "tel:"),
    *(";tag=", "; ", "\r\n ", "\n", "a@", "@", "[", "nonce=", 'nonce="', 'a="b",', "inline:", "A-"),
    *("Digest ", "Digest a=", "response ", "a-", "1", "::", "%", "\x00", "\udcff", "a,<", "()"),
)
"""What a twisted value may be made of, over and over."""


@pytest.mark.parametrize("name", READERS)
def test_64_kilobytes_are_read_in_linear_time(name: str) -> None:
    """No pattern of ours begins again at each character."""
    for field in ("", "WWW-Authenticate: Digest ", "a=crypto:1 A inline:"):
        for unit in UNITS:
            text = field + (unit * (SIZE // len(unit) + 1))[:SIZE]
            began = time.process_time()
            READERS[name](text)
            assert time.process_time() - began < WITHIN_S, (field, unit)


@pytest.mark.parametrize("data", seeds())
def test_messages_to_begin_from_are_read_in_every_way(data: bytes) -> None:
    """Valid answers, the messages of RFC 4475 and RFC 5118, and traces of several of them."""
    everything(data)


def test_mutations_are_read_in_every_way() -> None:
    """120 of them, other ones than the peers' campaign sends."""
    mutator = Mutator(random.Random("readers"))
    valid = seeds()
    for number in range(120):
        everything(mutator.mutate(valid[number % len(valid)], keep_framing=0.5))


@settings(max_examples=25)
@given(st.lists(st.sampled_from(seeds()) | st.binary(max_size=200), max_size=5))
def test_any_trace_of_any_bytes_is_read_in_every_way(pieces: list[bytes]) -> None:
    """Whole messages beside noise."""
    everything(b"\x1e".join(pieces))


def test_run_folder_of_noise_is_written() -> None:
    """What was received stands in the files whatever it was."""
    store(bytes(range(256)) + b"\x1e" + seeds()[8] + b"\x1e" + b"SIP/2.0 200 \xff\xfe\r\n\r\n\xff")
