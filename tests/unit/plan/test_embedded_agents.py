"""Agents at the built-in PBX: what host and password `embedded` become."""

import pytest
from msgspec.structs import replace

from probe.plan.embedded import FAILOVER, is_at_embedded, same_hop, settled
from probe.scenario.reading import read
from probe.scenario.schema import Profile
from probe.scenario.secret import Secret
from probe.simulator.names import NAME

RUNNING = Profile(uri="sip:100@127.0.0.1:4711", password=Secret("right"), local_address="127.0.0.1")


def agent(**keys: object) -> Profile:
    """Return an agent as a file says it."""
    return read(Profile, keys)


@pytest.mark.parametrize("password", [{}, {"password": Secret("embedded")}])
def test_an_agent_at_the_built_in_pbx_gets_its_place_and_password(
    password: dict[str, Secret],
) -> None:
    """Host, port and password are those of the running PBX; the user and transport stay."""
    written = agent(uri="sip:101@embedded;transport=tcp", **password)
    profile, problem = settled(written, Profile(), RUNNING)
    assert problem is None
    assert profile.uri == "sip:101@127.0.0.1:4711;transport=tcp"
    assert profile.password == RUNNING.password
    assert profile.local_address == "127.0.0.1"


def test_a_wrong_password_stays_wrong() -> None:
    """Only the word `embedded` is replaced."""
    profile, _ = settled(agent(uri="sip:101@embedded", password=Secret("wrong")), RUNNING, RUNNING)
    assert profile.password == Secret("wrong")


def test_an_agent_elsewhere_shares_nothing_with_the_built_in_trunk() -> None:
    """The password of the built-in trunk is not tried on somebody's PBX, nor loopback bound."""
    profile, problem = settled(agent(uri="sip:101@pbx.example"), RUNNING, RUNNING)
    assert problem is None
    assert profile.password is None
    assert profile.local_address is None


def test_the_stand_in_is_no_password_elsewhere() -> None:
    """A PBX without its passwords is an error with a remedy."""
    written = agent(uri="sip:101@pbx.example", password=Secret("embedded"))
    _, problem = settled(written, RUNNING, RUNNING)
    assert problem is not None
    assert "--secret" in (problem.hint or "")


def test_an_agent_without_uri_is_the_trunks_account() -> None:
    """It says only what differs."""
    profile, problem = settled(agent(user_agent="x"), RUNNING, RUNNING)
    assert (profile.uri, profile.user_agent, problem) == (RUNNING.uri, "x", None)


def test_who_is_at_the_built_in_pbx() -> None:
    """The host says it, in any case of letters."""
    assert is_at_embedded(agent(uri="sip:101@Embedded"))
    assert not is_at_embedded(agent(uri="sip:embedded@pbx.example"))
    assert not is_at_embedded(agent())
    assert not same_hop(RUNNING, None)


@pytest.mark.parametrize(
    ("written", "becomes"),
    [
        ("sip:101@embedded;transport=tls", "sip:101@127.0.0.1:4712;transport=tls"),
        ("sips:101@embedded", "sips:101@127.0.0.1:4712;transport=tls"),
    ],
)
def test_tls_is_one_port_higher(written: str, becomes: str) -> None:
    """As 5061 follows 5060; it is the built-in PBX all the same."""
    profile, _ = settled(agent(uri=written), Profile(), RUNNING)
    assert profile.uri == becomes
    assert same_hop(profile, RUNNING)
    assert not same_hop(agent(uri="sip:101@127.0.0.1:4712"), RUNNING)


def test_a_name_that_has_to_be_looked_up_stays() -> None:
    """The agent asks the name server of the built-in PBX, and is its user all the same."""
    running = replace(RUNNING, nameserver="127.0.0.1:5300")
    profile, _ = settled(agent(uri=f"sip:100@{FAILOVER}"), Profile(), running)
    assert (profile.uri, profile.nameserver) == (f"sip:100@{FAILOVER}", "127.0.0.1:5300")
    assert profile.password == RUNNING.password
    assert same_hop(profile, running)
    assert FAILOVER == NAME
