"""Which server a request goes to, and when it goes on to the next one (RFC 3263 §4.3)."""

from collections.abc import Callable

import pytest
from fakeagent import ACCOUNT, Stage, What, trigger
from msgspec.structs import replace
from wirebuilder import REMOTE

from probe.agent.failover import SILENT_S, Hops
from probe.naming.addresses import Addresses
from probe.naming.questions import Answer
from probe.naming.targets import Located, Target, Wanted
from probe.plan.action import Call, Options, Register, Unregister
from probe.trace.failure import Failure
from probe.trace.route import DnsAnswer, NextHop
from probe.trace.trace import IcmpReceived, NameLookup

HOST = "pbx.example"
NAMED = replace(ACCOUNT, aor=f"sip:100@{HOST}", registrar=f"sip:{HOST}", host=HOST, port=None)
REGISTER = Register(attempt=0, account="trunk", timeout=5.0, answer_within=10.0)
OPTIONS = Options(attempt=0, account="trunk", target=f"sip:{HOST}", timeout=5.0)
CALL = Call(attempt=0, account="trunk", target=f"sip:1@{HOST}", timeout=5.0, hangup_after=1.0)


def server(last: int, port: int = 5060) -> Target:
    """Return a server of the documentation network."""
    return Target(host=f"s{last}.example", address=f"198.51.100.{last}", port=port, transport="UDP")


def finds(*targets: Target, ttl: int | None = 60) -> Callable[[Wanted], Located]:
    """Return a search that always finds these."""

    def find(wanted: Wanted) -> Located:
        answer = Answer(
            kind="SRV", name=f"_sip._udp.{wanted.host}", code="NOERROR", records=("x",), ttl=ttl
        )
        lookup = Addresses(
            name=wanted.host,
            addresses=tuple(target.address for target in targets),
            error=None if targets else "unknown",
            detail="" if targets else "told",
            ttl=None,
            took_s=0.0,
        )
        return Located(wanted=wanted, targets=targets, answers=(answer,), lookups=(lookup,))

    return find


def stage(method: str, *targets: Target) -> Stage:
    """Return a script whose account is behind a name with these servers."""
    return Stage(method, account=NAMED, find=finds(*targets or (server(1), server(2))))


def told(of: Stage) -> list[tuple[int, str]]:
    """Return place and reason of each server that was tried (empty) or left."""
    return [(e.place, e.left) for e in of.events if isinstance(e, NextHop)]


def sends(method: str) -> tuple[float, What]:
    """Return the step in which the request leaves."""
    return (0.0, lambda wire: wire.send(method))


def accepted(method: str, kind: str) -> tuple[tuple[float, What], ...]:
    """Return the story of a request that is answered 200."""
    return (
        sends(method),
        (0.1, lambda wire: wire.receive(200)),
        (0.1, trigger(kind, 200)),
    )


def test_a_silent_server_is_left_for_the_next() -> None:
    """After two seconds of silence the second server is asked; nothing has failed."""
    on = stage("REGISTER")
    on.on("REGISTER", sends("REGISTER")).on("REGISTER", *accepted("REGISTER", "registration"))
    assert on.took(REGISTER) == pytest.approx(SILENT_S + 0.1, abs=0.03)
    assert told(on) == [(1, ""), (1, "did not answer within 2 s"), (2, "")]
    assert on.agent.aims == ["198.51.100.1:5060", "198.51.100.2:5060"]
    assert on.agent.abandoned == [-1]
    assert not any(e.unfinished for e in on.events if isinstance(e, NextHop))
    assert not on.failed
    assert on.script.registered


def test_the_last_server_has_all_the_time() -> None:
    """Where there is no further server, the deadline of the step holds and is named."""
    on = stage("OPTIONS").on("OPTIONS", sends("OPTIONS")).on("OPTIONS", sends("OPTIONS"))
    assert on.took(OPTIONS) == pytest.approx(SILENT_S + 5.0, abs=0.05)
    assert [event.failure for event in on.failures] == [Failure.NO_RESPONSE]
    assert on.failures[0].deadline == "timeout 5 s"


def test_a_503_is_left_and_every_other_answer_stays() -> None:
    """503 sends us on; 403 is the answer, whoever else may be there."""
    busy = (
        sends("REGISTER"),
        (0.1, lambda wire: wire.receive(503)),
        (0.1, trigger("registration", 503)),
    )
    refused = (
        sends("REGISTER"),
        (0.1, lambda wire: wire.receive(403)),
        (0.1, trigger("registration", 403)),
    )
    on = stage("REGISTER", server(1), server(2), server(3))
    on.on("REGISTER", *busy).on("REGISTER", *refused)
    on.script.run(REGISTER)
    assert told(on) == [(1, ""), (1, "answered 503"), (2, "")]
    assert not on.script.registered


def test_an_icmp_error_sends_us_on() -> None:
    """Port unreachable, said twice, is no reason to wait for two seconds."""
    gone = IcmpReceived(at=0.0, remote=REMOTE, offender="198.51.100.1", icmp_type=3, icmp_code=3)
    on = stage("OPTIONS")
    on.on(
        "OPTIONS",
        sends("OPTIONS"),
        (0.0, lambda wire: wire.add(gone)),
        (0.5, lambda wire: wire.add(gone)),
    ).on("OPTIONS", *accepted("OPTIONS", "answered"))
    assert on.took(OPTIONS) < 1
    assert told(on)[1] == (1, "has nothing at that port (ICMP)")
    assert not on.failed


def test_a_refused_connection_sends_us_on() -> None:
    """What the stack itself reports of a connection counts as well."""
    refused = trigger("answered", 503, fault=Failure.TCP_REFUSED)
    on = stage("OPTIONS").on("OPTIONS", (0.1, refused))
    on.on("OPTIONS", *accepted("OPTIONS", "answered"))
    on.script.run(OPTIONS)
    assert told(on)[1] == (1, "refused the connection")
    assert not on.failed


def test_a_server_that_asked_for_the_password_is_not_left() -> None:
    """Once anything but 503 came back, silence is that server's: the call is not placed again."""
    on = stage("INVITE").on(
        "INVITE",
        sends("INVITE"),
        (0.1, lambda wire: wire.receive(407)),
        (0.1, lambda wire: wire.send("INVITE", auth=True)),
    )
    on.script.run(CALL)
    assert told(on) == [(1, "")]
    assert on.agent.asked.count("INVITE") == 1
    assert on.failed == [("INVITE", Failure.NO_RESPONSE)]


def test_a_call_that_rang_is_not_placed_again() -> None:
    """A 503 after 180 ends the call: somebody was called already."""
    on = stage("INVITE").on(
        "INVITE",
        sends("INVITE"),
        (0.1, lambda wire: wire.receive(180)),
        (0.2, lambda wire: wire.receive(503)),
        (0.2, trigger("disconnected", 503)),
    )
    on.script.run(CALL)
    assert told(on) == [(1, "")]
    assert on.agent.asked.count("INVITE") == 1


def test_an_invite_that_was_given_up_is_named() -> None:
    """The trace says which INVITE may still ring somewhere, and its messages stay with the call."""
    on = stage("INVITE").on("INVITE", sends("INVITE"))
    on.on(
        "INVITE",
        sends("INVITE"),
        (0.1, lambda wire: wire.receive(486)),
        (0.1, trigger("disconnected", 486)),
    )
    done = on.script.run(CALL)
    (left,) = [e for e in on.events if isinstance(e, NextHop) and e.left]
    assert left.unfinished == "c1@192.0.2.10"
    assert left.waited_s == pytest.approx(SILENT_S, abs=0.03)
    assert on.agent.abandoned == [0]
    assert done.call_id == "c1@192.0.2.10"  # the fake has one Call-ID for all
    assert done.left == ()


def test_the_server_that_answered_is_asked_first_next_time() -> None:
    """A dead server costs two seconds once, and not each request."""
    on = stage("REGISTER").on("REGISTER", sends("REGISTER"))
    on.on("REGISTER", *accepted("REGISTER", "registration"))
    on.on("REGISTER", *accepted("REGISTER", "registration"))
    on.script.run(REGISTER)
    away = Unregister(attempt=1, account="trunk", timeout=5.0)
    assert on.took(away) == pytest.approx(0.1, abs=0.02)
    assert told(on)[-1] == (2, "")


def test_how_a_name_was_found_is_told_once() -> None:
    """Questions and answers stand in the trace of the first step that used them."""
    on = stage("OPTIONS").on("OPTIONS", *accepted("OPTIONS", "answered"))
    on.on("OPTIONS", *accepted("OPTIONS", "answered"))
    on.script.run(OPTIONS)
    on.script.run(OPTIONS)
    assert [type(e) for e in on.events if isinstance(e, DnsAnswer | NameLookup)] == [
        DnsAnswer,
        NameLookup,
    ]


@pytest.mark.parametrize("action", [REGISTER, OPTIONS, CALL], ids=["REGISTER", "OPTIONS", "INVITE"])
def test_a_name_without_a_server(action: Register | Options | Call) -> None:
    """Nothing is sent to a name that leads nowhere, and each attempt asks again."""
    on = Stage(account=NAMED, find=finds())
    on.script.run(action)
    on.script.run(action)
    assert on.agent.asked == []
    assert [failure.failure for failure in on.failures] == [Failure.NAME_RESOLUTION] * 2
    assert on.failures[0].detail.startswith(f"{HOST}: told; before it: SRV _sip._udp.{HOST}")
    assert sum(isinstance(event, NameLookup) for event in on.events) == 2


def test_records_are_asked_for_again_when_their_time_is_over() -> None:
    """A TTL is kept, and what was found stays in use where DNS fails later."""
    ticks = [0.0]
    found = [finds(server(1), ttl=30), finds(server(2), ttl=30), finds()]
    asked: list[Wanted] = []

    def find(wanted: Wanted) -> Located:
        asked.append(wanted)
        return found[min(len(asked), 3) - 1](wanted)

    hops = Hops(NAMED, lambda: ticks[-1], lambda _event: None, find=find)
    remotes = []
    for at in (0.0, 29.0, 31.0, 62.0):
        ticks.append(at)
        assert hops.begin(NAMED.registrar) == ""
        remotes.append(hops.target.remote if hops.target else "")
    assert remotes == ["198.51.100.1:5060"] * 2 + ["198.51.100.2:5060"] * 2
    assert len(asked) == 3


def test_dns_may_choose_the_transport() -> None:
    """Where the URI leaves it open, the account gets the transport of the first server."""
    open_ = replace(NAMED, any_transport=True)
    secure = replace(server(1, 5061), transport="TLS")
    hops = Hops(open_, lambda: 0.0, lambda _event: None, find=finds(secure))
    assert hops.wanted.transport is None
    assert hops.settle().transport == "TLS"


@pytest.mark.parametrize(
    ("uri", "proxy", "wanted"),
    [
        (f"sip:1@{HOST}", None, (HOST, None, "UDP")),
        ("sip:1@other.example:5070;transport=tcp", None, ("other.example", 5070, "TCP")),
        ("sip:1@other.example", None, ("other.example", None, "UDP")),
        ("sip:1@other.example", f"sip:{HOST};lr", (HOST, None, "UDP")),
        ("tel:+12025550123", None, (HOST, None, "UDP")),
    ],
)
def test_the_next_hop_of_a_request(
    uri: str, proxy: str | None, wanted: tuple[str, int | None, str]
) -> None:
    """It is the Request-URI's host, unless a proxy stands before it (RFC 3261 §8.1.2)."""
    hops = Hops(
        replace(NAMED, proxy=proxy), lambda: 0.0, lambda _event: None, find=finds(server(1))
    )
    hops.begin(uri)
    assert (hops.wanted.host, hops.wanted.port, hops.wanted.transport) == wanted


@pytest.mark.parametrize(
    ("bound", "remote"), [(None, "[2001:db8::1]:5060"), ("192.0.2.9", "198.51.100.2:5060")]
)
def test_servers_that_our_socket_cannot_reach_are_left_out(bound: str | None, remote: str) -> None:
    """One socket is of one family: that of `local_address`, else of the first server."""
    six = replace(server(1), address="2001:db8::1")
    account = replace(NAMED, local_address=bound)
    hops = Hops(account, lambda: 0.0, lambda _event: None, find=finds(six, server(2)), ipv6=True)
    hops.settle()
    assert hops.wanted.ipv6 is (bound is None)  # AAAA is not asked where it is of no use
    assert hops.target is not None
    assert hops.target.remote == remote
    assert not hops.more


def test_what_the_stack_would_find_by_itself() -> None:
    """One address of the name itself, by the system's resolver: nothing else is plain."""
    own = Target(host=HOST, address="198.51.100.1", port=5060, transport="UDP")
    cases = [
        (NAMED, (own,)),
        (NAMED, (own, server(2))),
        (NAMED, (server(1),)),
        (replace(NAMED, nameserver="127.0.0.1:9"), (own,)),
    ]
    plain = []
    for account, targets in cases:
        hops = Hops(account, lambda: 0.0, lambda _event: None, find=finds(*targets))
        hops.settle()
        plain.append(hops.plain)
    assert plain == [True, False, False, False]
