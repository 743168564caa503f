"""An agent at a site is told what to do as one that is here would be."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from probe.agent.channel import encode
from probe.fleet.across import AcrossSites, FarProcess, _Relay
from probe.fleet.lines import Hosted, Lines, Opening
from probe.fleet.members import Member
from probe.plan.action import Account
from probe.sip.redact import MARK

WITHIN_S = 20.0


class Near:
    """A fleet whose only site is this process: what is asked of it is done here."""

    def ask(self, _member: Member, act: Callable[..., Any], *words: object) -> object:
        """Do it, and return what the site would."""
        return asyncio.run(act(*words))


class Gone:
    """A fleet of which nobody answers."""

    def ask(self, *_words: object) -> None:
        """Say nothing."""


def member() -> Member:
    """Return a process of site fra."""
    return Member(address="tcp://192.0.2.1:1", site="fra", slots=1)


def heard(process: FarProcess, kind: str) -> dict[str, Any] | None:
    """Return the first answer of a kind, or None where the process has ended."""
    limit = time.monotonic() + WITHIN_S
    while time.monotonic() < limit and not process.ended:
        for answer in process.read():
            if answer["kind"] == kind:
                return answer
        time.sleep(0.005)  # between two looks, not instead of one
    return None


@pytest.mark.pjsua2
def test_a_line_carries_what_both_say_until_one_leaves() -> None:
    """The process of an agent answers, and ends when its supervisor has nothing more to say."""
    lines = Lines()
    lines.start("one")
    lines.pass_on("one", encode("capabilities"))
    data = b""
    limit = time.monotonic() + WITHIN_S
    while b'"ready"' not in data and time.monotonic() < limit:
        data += lines.take("one", 0.2).data
    assert b'"ready"' in data
    lines.pass_on("one", b"")
    codes = [lines.take("one", 0.2).code for _ in range(50) if not lines.idle]
    assert codes[-1] == 0
    assert lines.take("one", 0.2).code == -9


@pytest.mark.pjsua2
def test_a_password_that_a_peer_repeats_stays_at_the_site() -> None:
    """In whatever pieces the pipe gives the line."""
    hosted = Hosted()
    try:
        account = Account(
            name="a", aor="sip:1@127.0.0.1", registrar="sip:127.0.0.1", host="127.0.0.1",
            port=9, transport="UDP", user="1", auth_user="1", password='hunter"22',
        )  # fmt: skip
        hosted.open(account, Opening(line="x", ticket="", account="a", zero=0.0, port=0))
        assert hosted._whole(b'{"raw":"403 hunter\\') == b""
        assert hosted._whole(b'"22 refused"}\n{"kin') == b'{"raw":"403 *** refused"}\n'.replace(
            b"***", MARK.encode()
        )
        assert hosted._whole(b'd":1}\n') == b'{"kind":1}\n'
    finally:
        hosted.kill()
        hosted.close()


def test_where_the_site_does_not_answer_the_process_has_ended() -> None:
    """The supervisor sees what it would see of a process of its own that died."""
    process = FarProcess(_Relay(Gone(), member(), "{}"))  # type: ignore[arg-type]
    process.send("open", account=None, epoch=0.0, port=0)
    assert heard(process, "ready") is None
    assert process.ended
    assert process.close().startswith("exit status 1")


def test_a_ticket_of_another_process_begins_no_agent() -> None:
    """Its site says why."""
    ticket = (
        '{"run":"r","station":"else","number":0,"scenario":"s","named":"s","timeout":1.0,'
        '"labels":[],"site":"fra"}'
    )
    process = FarProcess(_Relay(Near(), member(), ticket))  # type: ignore[arg-type]
    process.send("open", account=None, epoch=0.0, port=0)
    assert heard(process, "ready") is None
    assert "the ticket is of another process" in process.close()


def test_where_nobody_is_left_at_a_site_its_agent_cannot_begin() -> None:
    """And the words say so."""
    executor = AcrossSites(Gone(), lambda _site: None)  # type: ignore[arg-type]
    process = executor.take_spare()
    assert isinstance(process, FarProcess)
    assert process.read() == []
    assert process.ended
    assert "no process of its site is left" in process.close()
    executor.close()
