"""Whatever a capture holds, it is read to its end; only words about the file are raised."""

import random
from contextlib import suppress
from pathlib import Path

import pytest
from framebuilder import STARTED, THEM, US, Film, fragments, icmp, pcap, pcapng, tcp, udp
from hypothesis import given, settings
from hypothesis import strategies as st
from wirebuilder import answered_call, refused_call, register_ok

from probe.capture.file import CaptureError
from probe.capture.reading import read
from probe.capture.told import tell
from probe.diagnosis.diagnose import diagnose
from probe.scenario.source import NOWHERE
from probe.verdict.judge import judge


def everything(path: Path) -> int:
    """Read, judge and explain a capture; return how many attempts it holds."""
    with suppress(CaptureError):
        count = 0
        for told in tell(read(path)).told:
            verdict = judge(None, told.judged, NOWHERE)
            why = diagnose(told.attempt, told.trace, verdict)
            assert why.summary.isprintable()
            count += 1
        return count
    return 0


def whole() -> Film:
    """Return a film of everything that is read."""
    film = Film().dns(US[0], "pbx.example", THEM[0])
    film.wire(register_ok()).wire(refused_call(403)).connect(US, THEM)
    film.wire(answered_call(), stream=True, size=300, call_id="c2")
    large = udp(US, THEM, b"OPTIONS sip:x SIP/2.0\r\nCall-ID: y\r\n" + bytes(2000))
    for part in fragments(large):
        film.packet(part)
    return film.packet(icmp(THEM[0], large[:200], 3, 3)).packet(tcp(US, THEM, seq=0, flags=2))


def test_the_film_shows_something(tmp_path: Path) -> None:
    """Without damage there are attempts to be found."""
    assert everything(whole().pcap(tmp_path / "x.pcap")) == 4


@pytest.mark.parametrize("seed", range(25))
def test_damaged_frames(tmp_path: Path, seed: int) -> None:
    """Bytes flipped, frames cut, doubled and in another order."""
    chance = random.Random(seed)
    frames = []
    for at, data in whole().frames:
        spoilt = bytearray(data)
        for _ in range(chance.choice([0, 0, 1, 3, 20])):
            spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
        cut = len(spoilt) if chance.random() < 0.8 else chance.randrange(len(spoilt))
        frames += [(at, bytes(spoilt[:cut]))] * chance.choice([1, 1, 1, 2])
    if seed % 2:
        chance.shuffle(frames)
    (tmp_path / "x").write_bytes(pcap(frames, 1) if seed % 3 else pcapng([(1, frames)]))
    everything(tmp_path / "x")


@pytest.mark.parametrize("seed", range(25))
def test_damaged_files(tmp_path: Path, seed: int) -> None:
    """Bytes flipped anywhere in the file, its headers included."""
    chance = random.Random(seed)
    film = whole()
    data = bytearray(film.bytes() if seed % 2 else pcapng([(film.link, film.frames)]))
    for _ in range(chance.choice([1, 5, 200])):
        data[chance.randrange(len(data))] = chance.randrange(256)
    (tmp_path / "x").write_bytes(data)
    everything(tmp_path / "x")


HEADS = st.sampled_from(
    [
        b"INVITE sip:x@y SIP/2.0\r\n",
        b"REGISTER sip:y SIP/2.0\r\n",
        b"SIP/2.0 200 OK\r\n",
        b"SIP/2.0 401 \xff\xfe\r\n",
        b"BYE sip:x SIP/2.0\r\n",
        b"ACK sip:x SIP/2.0\r\n",
        b"CANCEL sip:x SIP/2.0\r\n",
        b"\r\nOPTIONS \x1b[2J SIP/2.0\r\n",
    ]
)
FIELDS = st.lists(
    st.one_of(
        st.sampled_from(
            [
                *(b"Call-ID: a", b"i: a", b"Call-ID: \x1b]0;x\x07", b"CSeq: 1 INVITE"),
                *(b"CSeq: 99999999999999999999 REGISTER", b"CSeq: x", b"From: <sip:a@b>;tag=1"),
                *(
                    b"To: <sip:a@b>;tag=2",
                    b"Contact: <sip:a@192.0.2.10:99999>;expires=",
                    b"Expires: -1",
                ),
                *(b"Via: SIP/2.0/UDP 192.0.2.10:99999;branch=z9hG4bK1", b"Content-Length: 5"),
                *(b'WWW-Authenticate: Digest realm="x", nonce="y"', b"Authorization: Digest \xff"),
                *(b"Route: <sip:\xff>", b"Retry-After: 1e9", b"Reason: Q.850;cause=16"),
            ]
        ),
        st.binary(max_size=30),
    ),
    max_size=8,
)
MESSAGES = st.builds(lambda head, held: head + b"\r\n".join([*held, b"", b""]), HEADS, FIELDS)


@settings(max_examples=100, deadline=None)
@given(
    sent=st.lists(st.tuples(MESSAGES, st.booleans(), st.booleans(), st.floats(0, 100)), max_size=8),
    end=st.floats(0, 300),
)
def test_messages_of_any_kind(
    tmp_path_factory: pytest.TempPathFactory,
    sent: list[tuple[bytes, bool, bool, float]],
    end: float,
) -> None:
    """Half messages, wrong fields, bytes that are no text, over UDP and TCP."""
    frames = []
    for place, (message, ours, stream, at) in enumerate(sent):
        near, far = (US, THEM) if ours else (THEM, US)
        packet = (
            tcp(near, far, seq=place * 1000, data=message) if stream else udp(near, far, message)
        )
        frames.append((STARTED + at, packet))
    frames.append((STARTED + end, udp(US, THEM, b"end")))
    path = tmp_path_factory.mktemp("any") / "x.pcap"
    path.write_bytes(pcap(frames, 101))
    everything(path)
