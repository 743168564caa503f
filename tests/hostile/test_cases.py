"""What peers do that no peer should, one thing at a time: the run says what was, and goes on."""

from collections.abc import Callable
from typing import Any

import pytest
from behaviours import SINGLE
from torture import cases

pytestmark = pytest.mark.timeout(600)  # the first test of a fixture waits for all its runs

LONG_FORM = {"StormOfProvisionals", "ManyDeaths"}
"""Left to `python tests/hostile/cases.py udp tcp tls`, which runs everything on each transport."""

ON_STREAMS = {
    *("LongHeader", "SlowLoris", "HalfClosed", "ResetInMidCall", "ContentLength", "LengthTooShort"),
    *("LengthHuge", "RedirectingRegister", "EmptyTagWhileForking"),
}
"""Run by TLS here; the others by UDP."""

RFC_MESSAGES = ("TortureResponses", "TortureRequests")
"""Messages of RFC 4475 and RFC 5118, by UDP."""

NAMES = [kind.__name__ for kind in SINGLE if kind.__name__ not in LONG_FORM]

Case = dict[str, Any]


@pytest.fixture(scope="session")
def seen(in_namespace: Callable[..., Any]) -> dict[str, Case]:
    """Give what happened in each case, by behaviour.

    The messages of the RFCs take longest: the others run beside them.
    """
    found = []
    for transport, names in (
        ("udp", [*RFC_MESSAGES, *(name for name in NAMES if name not in ON_STREAMS)]),
        ("tls", [name for name in NAMES if name in ON_STREAMS]),
    ):
        only = [part for name in names for part in ("--only", name)]
        found += in_namespace("cases.py", transport, *only, within_s=500)
    return {case["behaviour"]: case for case in found}


@pytest.mark.parametrize("name", NAMES)
def test_every_step_is_decided_in_time(seen: dict[str, Case], name: str) -> None:
    """The command ends by itself with a verdict on each step; nothing else was dialled."""
    case = seen[name]
    assert case["faults"] == []
    assert case["exit_code"] in {0, 1, 3}, case["stderr"]
    assert len(case["findings"]) == case["planned"]
    assert all(finding["total_s"] < 12.0 for finding in case["findings"])
    assert set(case["dialled"]) <= set(case["targets"])
    assert not case["trap_caught"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("FailingMediaThenAnswer", "pjsua_media_channel_update: Assertion"),
        ("EmptyTagWhileForking", "pjsip_dlg_fork: Assertion"),
        ("ContactThatIsNoSip", "Unable to send ACK!"),
    ],
)
def test_death_of_the_stack_is_contained_and_named(
    seen: dict[str, Case], name: str, words: str
) -> None:
    """The finding says which assertion failed or survives it; the next step is judged as ever."""
    case = seen[name]
    assert case["findings"][-1]["outcome"] == "MET"
    if case["findings"][0]["failure"] == "AGENT_CRASHED":
        (death,) = case["deaths"]
        assert "SIGABRT" in death
        assert words in death
    else:  # a build of pjsua2 without live assertions
        assert case["deaths"] == []


def test_redirection_is_shown_and_not_followed(seen: dict[str, Case]) -> None:
    """No packet goes to where a 3xx points, neither by UDP nor by TCP."""
    case = seen["Redirecting"]
    assert case["findings"][0]["responses"] == [302]
    other = seen["RedirectingRegister"]
    assert [finding["responses"] for finding in other["findings"]] == [[301], [301]]
    assert not case["trap_caught"]
    assert not other["trap_caught"]


def test_peer_that_wants_us_to_dial_is_refused(seen: dict[str, Case]) -> None:
    """REFER is declined (RFC 3515); neither it nor an INVITE with Replaces makes a call."""
    case = seen["WantsUsToDial"]
    assert case["heard"].get("603 REFER") == 1
    assert "202 REFER" not in case["heard"]
    assert case["heard"]["INVITE"] == 1
    assert [finding["outcome"] for finding in case["findings"]] == ["MET", "MET", "MET"]


def test_second_answer_of_a_fork_is_acknowledged_and_ended(seen: dict[str, Case]) -> None:
    """RFC 3261 §13.2.2.4: an ACK and a BYE for it, or that phone stays off the hook."""
    heard = seen["SecondAnswerOfAFork"]["heard"]
    assert heard["ACK"] == 2
    assert heard["BYE"] == 2


def test_endless_provisionals_end_at_our_deadline(seen: dict[str, Case]) -> None:
    """The attempt is given up, cancelled, and says that no final response came."""
    case = seen["EndlessProvisionals"]
    assert case["findings"][0]["failure"] == "NO_FINAL_RESPONSE"
    assert case["heard"]["CANCEL"] >= 1


def test_connection_without_a_close_notify_is_lost(seen: dict[str, Case]) -> None:
    """A stream that ends below TLS is no certificate fault and no silence."""
    case = seen["HalfClosed"]
    assert case["findings"][0]["failure"] == "CONNECTION_LOST"
    assert case["findings"][1]["outcome"] == "MET"


def test_messages_of_the_rfcs_are_all_there() -> None:
    """49 in RFC 4475, 11 in RFC 5118, each under its section and name."""
    found = list(cases())
    assert [sum(case.rfc == rfc for case in found) for rfc in (4475, 5118)] == [49, 11]
    assert len({case.name for case in found}) == 60


@pytest.mark.parametrize("name", RFC_MESSAGES)
def test_messages_of_the_rfcs_lose_no_finding(seen: dict[str, Case], name: str) -> None:
    """As responses, matching ours or not, and as requests in a call: each call has its finding."""
    case = seen[name]
    assert case["exit_code"] in {0, 1, 3}, case["stderr"]
    assert len(case["findings"]) == case["planned"]
    assert all(finding["total_s"] < 12.0 for finding in case["findings"])
    assert all("SIG" in death for death in case["deaths"])
    assert set(case["dialled"]) <= set(case["targets"])


def test_requests_of_the_rfcs_disturb_no_call(seen: dict[str, Case]) -> None:
    """The call in which they come is answered, acknowledged and ended as if they had not."""
    findings = seen["TortureRequests"]["findings"]
    assert {finding["outcome"] for finding in findings} == {"MET"}
