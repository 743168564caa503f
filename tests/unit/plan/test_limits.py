"""What a plan asks of the installed pjsua2, held against what that can do."""

import pytest
from msgspec.structs import replace

from probe.plan.action import Account, Call, Options
from probe.plan.asks import Ask
from probe.plan.capabilities import Capabilities
from probe.plan.limits import lacks, need_more_than_basics, unsupported

PLAIN = Account(
    name="trunk",
    aor="sip:100@pbx.example",
    registrar="sip:pbx.example",
    host="pbx.example",
    port=None,
    transport="UDP",
    user="100",
    auth_user="100",
)

BARE = Capabilities(
    version="2.15.1",
    max_calls=32,
    max_accounts=32,
    ipv6=False,
    tls=False,
    tls_library="OpenSSL 1.0.2k",
    tls13=False,
    dtls_srtp=False,
    codecs=("PCMU", "PCMA"),
    max_message=4000,
    live_asserts=False,
)
FULL = replace(
    BARE, ipv6=True, tls=True, tls13=True, dtls_srtp=True, codecs=("PCMU", "PCMA", "G722")
)

DEMANDS = [
    (replace(PLAIN, host="2001:db8::1"), "uri", "IPv6"),
    (replace(PLAIN, host="2001:db8::1", proxy="sip:[2001:db8::1];lr"), "proxy", "IPv6"),
    (replace(PLAIN, local_address="::1"), "local_address", "IPv6"),
    (replace(PLAIN, local_address="[::1]:5060"), "local_address", "IPv6"),
    (replace(PLAIN, transport="TLS"), "uri", "TLS is asked for"),
    (replace(PLAIN, tls_min="1.3"), "tls_min", "OpenSSL 1.0.2k cannot do it"),
    (replace(PLAIN, codecs=("PCMU", "G722")), "codecs", "codec G722"),
    (replace(PLAIN, srtp="dtls"), "srtp", "DTLS-SRTP is asked for"),
]


@pytest.mark.parametrize(("account", "key", "why"), DEMANDS)
def test_demand_beyond_a_bare_build_is_noticed_and_refused(
    account: Account, key: str, why: str
) -> None:
    """The answer names the key that asks, and why it cannot be had."""
    assert need_more_than_basics([PLAIN, account])
    found = unsupported(account, BARE)
    assert found is not None
    assert found[0] == key
    assert why in found[1]


@pytest.mark.parametrize(("account", "key", "why"), DEMANDS)
def test_full_build_refuses_none_of_it(account: Account, key: str, why: str) -> None:
    """The same demands pass where the build has what they need."""
    assert unsupported(account, FULL) is None, (key, why)


@pytest.mark.parametrize(
    "account",
    [
        PLAIN,
        replace(PLAIN, transport="TCP"),
        replace(PLAIN, host="192.0.2.1", local_address="192.0.2.10"),
        replace(PLAIN, codecs=("PCMA",)),
    ],
)
def test_plain_account_needs_nothing_that_a_build_could_lack(account: Account) -> None:
    """UDP and TCP over IPv4 with G.711 are in every build."""
    assert not need_more_than_basics([account])
    assert unsupported(account, BARE) is None


def test_name_of_a_codec_is_compared_without_case() -> None:
    """Encoding names are case-insensitive (RFC 4566 §6)."""
    assert unsupported(replace(PLAIN, codecs=("g722", "pcmu")), FULL) is None


def test_lower_tls_version_needs_no_tls_1_3() -> None:
    """1.2 as the lowest version is met by a library that ends there."""
    account = replace(PLAIN, transport="TLS", tls_min="1.2")
    assert need_more_than_basics([account])
    assert unsupported(account, replace(BARE, tls=True)) is None


def test_a_step_may_ask_for_more_than_its_account() -> None:
    """An IPv6 destination and codecs of one call are held against the build, too."""
    six = Options(attempt=3, account="trunk", target="sip:[2001:db8::1]:5070")
    rich = Call(attempt=4, account="trunk", target="sip:1@pbx.example", codecs=("G722",))
    plain = Call(attempt=5, account="trunk", target="sip:1@pbx.example")
    found = lacks([PLAIN], [six, rich, plain], lambda: BARE)
    assert [(lack.attempt, lack.why[:11]) for lack in found] == [
        (3, "IPv6 is ask"),
        (4, "codec G722 "),
    ]
    assert lacks([PLAIN], [six, rich, plain], lambda: FULL) == []


def test_a_body_that_finds_no_room() -> None:
    """What no message of this build can hold is refused before it is tried."""
    long = Ask(attempt=2, account="trunk", target="sip:1@x", method="MESSAGE", body="x" * 20_000)
    short = Ask(attempt=3, account="trunk", target="sip:1@x", method="MESSAGE", body="x" * 2000)
    (lack,) = lacks([PLAIN], [long, short], lambda: BARE)
    assert lack.attempt == 2
    assert lack.why == (
        "the body has 20000 bytes, and the installed pjsua2 carries messages of up to 4000"
    )
    assert lacks([PLAIN], [long], lambda: replace(BARE, max_message=64_000)) == []


def test_a_transport_that_nobody_speaks() -> None:
    """WebSockets and SCTP are in no build: no engine is asked for that."""
    asked: list[int] = []

    def engine() -> Capabilities | None:
        asked.append(1)
        return BARE

    (lack,) = lacks([replace(PLAIN, transport="WS")], [], engine)
    assert (lack.key, lack.why) == ("uri", "transport WS is not spoken")
    assert asked == []


def test_without_an_engine_nothing_is_refused() -> None:
    """Where pjsua2 cannot be asked, the plan stands and the run will tell."""
    assert lacks([replace(PLAIN, host="2001:db8::1")], [], lambda: None) == []
