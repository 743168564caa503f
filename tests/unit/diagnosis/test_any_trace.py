"""Whatever a peer sends, the diagnosis answers, and keeps its promises."""

import re
from collections.abc import Callable

import pytest
from casebuilder import SOURCE, attempt
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from stories import STORIES, Story
from wirebuilder import OFFER, Wire

from probe.diagnosis.diagnose import diagnose
from probe.diagnosis.quote import visible
from probe.reference import reference
from probe.trace.failure import Failure
from probe.trace.trace import (
    AgentNote,
    BytesDropped,
    IcmpReceived,
    MessageEvent,
    NameLookup,
    Trace,
    TransportChanged,
)
from probe.verdict.judge import judge

HEADERS = st.dictionaries(
    st.sampled_from(
        [
            *("Reason", "Warning", "Retry-After", "Via", "Contact", "Server", "WWW-Authenticate"),
            *("Proxy-Authenticate", "Min-Expires", "P-Registrar-Error", "Session-Expires"),
            *("Expires", "RSeq", "CSeq", "To", "From", "Call-ID", "Record-Route", "Error-Info"),
        ]
    ),
    st.one_of(
        st.none(),
        st.text(st.characters(blacklist_characters="\r\n"), max_size=60),
        st.sampled_from(
            [
                "Q.850;cause=17",
                'SIP;cause=603;text="v=analytics1"',
                'Digest realm="a", nonce="secretnonce", stale=true',
                'Digest realm="", algorithm=SHA-512-256',
                "Basic realm=x",
                '305 gw "no"',
                "<sip:a@10.0.0.1>;expires=999999999999",
                "SIP/2.0/UDP 192.0.2.10;received=203.0.113.9;branch=z9hG4bK-1",
                "²",
            ]
        ),
    ),
    max_size=4,
)
PHRASES = st.one_of(st.none(), st.text(st.characters(blacklist_characters="\r\n"), max_size=40))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.sampled_from(["INVITE", "REGISTER", "BYE", "CANCEL", "ACK"])),
        st.tuples(st.just("receive"), st.integers(100, 699), PHRASES, HEADERS),
        st.tuples(st.just("request"), st.sampled_from(["INVITE", "BYE", "OPTIONS"]), HEADERS),
        st.tuples(st.just("again")),
        st.tuples(st.just("raw"), st.text(max_size=80)),
        st.tuples(st.just("fail"), st.sampled_from(Failure), st.text(max_size=40)),
        st.tuples(st.just("icmp"), st.integers(0, 20), st.integers(0, 20)),
        st.tuples(st.just("lookup"), st.sampled_from([None, "unknown", "empty", "odd"])),
        st.tuples(st.just("dropped"), st.text(max_size=30)),
        st.tuples(st.just("tls"), st.text(max_size=30)),
        st.tuples(st.just("note"), st.text(max_size=30)),
    ),
    max_size=9,
)


def _icmp(wire: Wire, kind: int, code: int) -> None:
    wire.add(IcmpReceived(at=wire.now, remote="x", offender="", icmp_type=kind, icmp_code=code))


def _lookup(wire: Wire, error: str | None) -> None:
    wire.add(
        NameLookup(at=wire.now, name="n\x1b", addresses=(), error=error, detail="", took_s=0.1)
    )


def _tls(wire: Wire, words: str) -> None:
    wire.add(
        TransportChanged(
            at=wire.now,
            transport="TLS",
            remote="x",
            state="disconnected",
            error="",
            tls="",
            certificate=(words,),
        )
    )


ACTS: dict[str, Callable[..., object]] = {
    "send": lambda wire, method: wire.send(method, auth=wire.now > 0.02),
    "receive": lambda wire, code, phrase, more: wire.receive(code, phrase, headers=more),
    "request": lambda wire, method, more: wire.request(method, headers=more).reply(200),
    "again": lambda wire: wire.again(),
    "raw": lambda wire, text: wire.raw(text),
    "fail": lambda wire, failure, text: wire.fail(failure, detail=text, deadline=text),
    "icmp": _icmp,
    "lookup": _lookup,
    "dropped": lambda wire, text: wire.add(
        BytesDropped(at=wire.now, remote="x", size=1, detail=text)
    ),
    "tls": _tls,
    "note": lambda wire, text: wire.add(AgentNote(at=wire.now, kind="warning", detail=text)),
}


def build(method: str, steps: list[tuple[object, ...]]) -> Trace:
    """Return the trace of whatever steps were drawn."""
    wire = Wire(method)
    wire.send(method, body=OFFER if method == "INVITE" else "")
    for kind, *rest in steps:
        ACTS[str(kind)](wire, *rest)
    return wire.trace()


def keeps_its_promises(trace: Trace, **facts: object) -> None:
    """Diagnose a trace and check what must hold of any explanation."""
    tried = attempt(trace, **facts)
    why = diagnose(tried, trace, judge(None, trace, SOURCE))
    assert why.summary
    assert len(why.causes) <= 4
    if why.certainty.value == "certain":
        assert [reference.cause(c.id).identifiability for c in why.causes] == ["I"]
    printed = [why.summary, *why.observed, *why.inferred, *why.unknown, *why.next_steps]
    printed += [e.says for e in why.evidence] + [c.because for c in why.causes]
    assert all(text.isprintable() for text in printed)
    assert not any("secretnonce" in text or "s3cret" in text for text in printed)
    for evidence in why.evidence:
        if evidence.event is None:
            continue
        event = trace.events[evidence.event]
        if isinstance(event, MessageEvent):
            for quotation in re.findall(r'"([^"]*)"', evidence.says):
                assert quotation in visible(event.text)


@settings(max_examples=200, deadline=None)
@given(
    method=st.sampled_from(["INVITE", "REGISTER", "OPTIONS"]),
    steps=STEPS,
    direction=st.sampled_from(["", "inbound"]),
    provider=st.sampled_from([None, "sip.us", "telnyx", "twilio", "nobody"]),
    known=st.booleans(),
)
def test_no_trace_breaks_it(
    method: str, steps: list[tuple[object, ...]], direction: str, provider: str | None, known: bool
) -> None:
    """Random responses and failures are explained, with an account and without, as of a capture."""
    account = {} if known else {"account": None}
    keeps_its_promises(build(method, steps), direction=direction, provider=provider, **account)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_no_story_needs_an_account(story: Story) -> None:
    """A capture has none: less may be known, and what is certain rests on no setting of ours."""
    facts = {k: v for k, v in story.facts.items() if k in {"direction", "provider"}}
    keeps_its_promises(story.trace, account=None, **facts)


@settings(max_examples=150, deadline=None)
@given(
    story=st.sampled_from(STORIES),
    cut=st.integers(0, 12),
    where=st.floats(0, 1),
    patch=st.text(max_size=12),
)
def test_damaged_stories(story: object, cut: int, where: float, patch: str) -> None:
    """A story with an event missing and a message patched is still explained."""
    events = list(story.trace.events)
    del events[cut : cut + 1]
    for index, event in enumerate(events):
        if isinstance(event, MessageEvent):
            place = int(len(event.text) * where)
            text = event.text[:place] + patch + event.text[place + len(patch) :]
            events[index] = replace(event, text=text)
            break
    facts = {k: v for k, v in story.facts.items() if k in {"direction", "provider", "realm"}}
    keeps_its_promises(replace(story.trace, events=tuple(events)), **facts)
