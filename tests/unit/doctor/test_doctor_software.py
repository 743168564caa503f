"""What is said of Python and of the user agent."""

import pytest
from msgspec.structs import replace

from probe.doctor import software
from probe.doctor.check import Check, State
from probe.plan.action import Account
from probe.plan.capabilities import Capabilities

ABLE = Capabilities(
    version="2.15.1",
    max_calls=4,
    max_accounts=8,
    ipv6=False,
    tls=True,
    tls_library="OpenSSL 1.0.2k-fips",
    tls13=False,
    dtls_srtp=False,
    codecs=("PCMU", "PCMA", "G722"),
    max_message=4000,
    live_asserts=True,
)
ACCOUNT = Account(
    name="trunk",
    aor="sip:100@pbx.example",
    registrar="sip:pbx.example",
    host="pbx.example",
    port=None,
    transport="UDP",
    user="100",
    auth_user="100",
    password=None,
)


def about(topic: str, able: Capabilities | None = ABLE, **changes: object) -> Check:
    """Return the check of a topic for an account; without changes for none."""
    account = replace(ACCOUNT, **changes) if changes else None  # type: ignore[arg-type]
    (found,) = [check for check in software.engine(able, account) if check.topic == topic]
    return found


@pytest.mark.parametrize(
    ("version", "state"),
    [
        ((3, 9, 18), State.FAULT),
        ((3, 10, 0), State.OK),
        ((3, 12, 9), State.OK),
        ((3, 13, 0), State.FAULT),
    ],
)
def test_python_for_which_there_is_a_user_agent(
    version: tuple[int, int, int], state: State
) -> None:
    """3.10 to 3.12, as the wheel is built."""
    found = software.python(version, loads=False)
    assert found.state is state
    assert ".".join(map(str, version)) in found.says
    assert bool(found.remedy) is (state is State.FAULT)


def test_python_in_which_a_user_agent_loads() -> None:
    """A build of one's own may be for a version that the wheel does not know."""
    assert software.python((3, 13, 0), loads=True).state is State.OK


def test_missing_user_agent_is_a_fault() -> None:
    """It says how to get one; what depends on it is not checked."""
    first, *others = software.engine(None, None)
    assert first.state is State.FAULT
    assert "pip install pjsua2-python" in first.remedy
    assert {other.state for other in others} == {State.NOT_CHECKED}


def test_user_agent_says_its_version_and_limits() -> None:
    """Version, calls, accounts, size."""
    said = about("user agent").says
    assert all(word in said for word in ("2.15.1", "4 calls", "8 accounts", "4000 bytes"))


def test_codecs_of_the_profile_must_be_there() -> None:
    """A codec that the user agent lacks is a fault and is named."""
    assert about("codecs").state is State.OK
    assert about("codecs", codecs=("g722",)).state is State.OK
    missing = about("codecs", codecs=("PCMU", "opus"))
    assert missing.state is State.FAULT
    assert missing.says.startswith("opus is not among")
    assert about("codecs", replace(ABLE, codecs=("speex",))).state is State.FAULT


@pytest.mark.parametrize(
    ("able", "changes", "state"),
    [
        (replace(ABLE, tls13=True), {}, State.OK),
        (ABLE, {}, State.OK),
        (ABLE, {"transport": "TLS"}, State.OK),
        (ABLE, {"transport": "TLS", "tls_min": "1.3"}, State.FAULT),
        (replace(ABLE, tls=False), {"transport": "UDP"}, State.WARNING),
        (replace(ABLE, tls=False), {"transport": "TLS"}, State.FAULT),
    ],
)
def test_tls_of_the_user_agent(
    able: Capabilities, changes: dict[str, object], state: State
) -> None:
    """What lacks is a fault only where the trunk needs it."""
    assert about("TLS", able, **changes).state is state


PROBING = replace(
    ABLE,
    max_calls=512,
    ipv6=True,
    tls13=True,
    dtls_srtp=True,
    codecs=("PCMU", "PCMA", "opus"),
    max_message=64000,
    live_asserts=False,
)


@pytest.mark.parametrize(
    ("able", "words"),
    [
        (
            ABLE,
            "it lacks TLS 1.3, IPv6, DTLS-SRTP, Opus, more than 4 calls at a time, messages of",
        ),
        (replace(PROBING, ipv6=False), "it lacks IPv6"),
        (replace(PROBING, live_asserts=True), "it lacks nothing that sipprobe can use; some"),
    ],
)
def test_engine_that_lacks_something(able: Capabilities, words: str) -> None:
    """One line sums up what this build lacks, with the way to another."""
    found = about("engine", able)
    assert found.state is State.WARNING
    assert found.says.startswith(words)
    assert "docs/engine.md" in found.remedy


def test_engine_made_for_probing() -> None:
    """It lacks nothing."""
    assert about("engine", PROBING).state is State.OK


@pytest.mark.parametrize(("able", "state"), [(ABLE, State.FAULT), (PROBING, State.OK)])
def test_dtls_srtp_of_the_profile(able: Capabilities, state: State) -> None:
    """Over UDP, too: its keys are in no message that can be read (RFC 5763 §1)."""
    assert about("SRTP", able, srtp="dtls").state is state


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, State.OK),
        ({"srtp": "required", "transport": "TLS"}, State.OK),
        ({"srtp": "off", "transport": "UDP"}, State.OK),
        ({"srtp": "required", "transport": "UDP"}, State.WARNING),
    ],
)
def test_srtp_keys_in_the_clear(changes: dict[str, object], state: State) -> None:
    """SDES keys over UDP can be read by anybody on the way (RFC 4568 §8.3)."""
    assert about("SRTP", **changes).state is state


def test_ipv6_trunk_without_ipv6() -> None:
    """A fault for a trunk at an IPv6 address, none for others."""
    assert about("IPv6").state is State.OK
    assert about("IPv6", host="pbx.example").state is State.OK
    assert about("IPv6", host="2001:db8::1").state is State.FAULT
    assert about("IPv6", replace(ABLE, ipv6=True), host="2001:db8::1").state is State.OK
