"""What a killed run left up is ended by what its journal says, and only then called over."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from wirebuilder import Wire, register_ok

from probe.executor.janitor import Left, journals_in, registrations_left, sweep, tidy
from probe.executor.living import born, ours
from probe.sip.message import SipMessage, parse_message
from probe.trace.journal import DialogJournal, read_journal
from probe.trace.trace import MessageEvent

GONE = {"pid": 2**22 + 1, "born": 1}
"""A process that cannot be there."""


class FarEnd:
    """A UDP peer that answers requests by a table, and may repeat a late answer until its ACK."""

    def __init__(self) -> None:
        self.replies: dict[str, tuple[str, ...]] = {}
        self.late: tuple[str, tuple[str, int]] | None = None
        self.seen: list[SipMessage] = []
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind(("127.0.0.1", 0))
        self._sock.settimeout(0.05)
        self.port: int = self._sock.getsockname()[1]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self._over.is_set():
            if self.late is not None:
                self._sock.sendto(self.late[0].encode(), self.late[1])
            try:
                data, origin = self._sock.recvfrom(65535)
            except OSError:
                continue
            message = parse_message(data.decode())
            self.seen.append(message)
            if message.method == "ACK":
                self.late = None
            for status in self.replies.get(message.method or "", ()):
                code, _, method = status.partition(" ")
                number = message.cseq[0]
                reply = _reply(int(code), message, f"{number} {method or message.method}")
                self._sock.sendto(reply.encode(), origin)
                if method:  # a final response to an INVITE is repeated until its ACK
                    self.late = (reply, origin)

    def close(self) -> None:
        """End the thread."""
        self._over.set()
        self._thread.join(5.0)
        self._sock.close()

    def methods(self) -> list[str]:
        """Return the methods of what came; an ACK may still be on its way when a sweep is over."""
        limit = time.monotonic() + 2.0
        while not self.seen and time.monotonic() < limit:
            time.sleep(0.01)
        return [message.method or "" for message in self.seen]


def _reply(code: int, request: SipMessage, cseq: str) -> str:
    return (
        f"SIP/2.0 {code} Told\r\nVia: {request.first('Via')}\r\nFrom: {request.first('From')}\r\n"
        f"To: <sip:+12025550123@198.51.100.1>;tag=b1\r\nCall-ID: {request.call_id}\r\n"
        f"CSeq: {cseq}\r\nContact: <sip:b@127.0.0.1>\r\n\r\n"
    )


@pytest.fixture
def far() -> Iterator[FarEnd]:
    """Return a peer on loopback."""
    end = FarEnd()
    yield end
    end.close()


@pytest.fixture
def local() -> str:
    """Return an address of loopback that is free."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{wire.getsockname()[1]}"


@pytest.fixture
def journal(tmp_path: Path, far: FarEnd, local: str) -> Callable[..., Path]:
    """Return what writes the journal of a dead worker that spoke to the peer."""

    def write(*wires: Wire, supervisor: object = GONE, worker: object = GONE) -> Path:
        folder = tmp_path / "results" / "a-run"
        folder.mkdir(parents=True, exist_ok=True)
        header = {"run": "a-run", "aor": "sip:100@h", "supervisor": supervisor, "worker": worker}
        found = DialogJournal(folder / "dialogs-7.jsonl", header)
        for event in (event for wire in wires for event in wire.log.all()):
            if isinstance(event, MessageEvent):
                found.happened(replace(event, local=local, remote=f"127.0.0.1:{far.port}"))
        return folder / "dialogs-7.jsonl"

    return write


def up(far: FarEnd, *, acknowledged: bool = True) -> Wire:
    """Return a call that was answered."""
    contact = {"Contact": f"<sip:b@127.0.0.1:{far.port}>"}
    wire = Wire().send("INVITE").receive(180).receive(200, headers=contact)
    return wire.send("ACK") if acknowledged else wire


def swept(path: Path) -> Left:
    """Sweep with a short wait for late answers."""
    return sweep(path, listen_s=0.3)


def test_call_that_is_up_gets_its_bye_and_the_journal_goes(
    far: FarEnd, journal: Callable[..., Path]
) -> None:
    """The answer to the BYE is the proof."""
    far.replies = {"BYE": ("200",)}
    path = journal(up(far))
    (call,) = swept(path).calls
    assert (call.confirmed, call.detail) == (True, "BYE was answered with 200")
    assert call.to == "sip:+12025550123@198.51.100.1"
    assert far.methods() == ["BYE"]
    assert (far.seen[0].cseq, far.seen[0].to_tag) == ((2, "BYE"), "b1")
    assert not path.exists()


def test_bye_comes_after_every_request_of_the_dialog(
    far: FarEnd, journal: Callable[..., Path]
) -> None:
    """A PRACK and a BYE that was lost have numbers, too (RFC 3261 §12.2.1.1)."""
    far.replies = {"BYE": ("200",)}
    wire = up(far).send("PRACK").receive(200).send("BYE")
    assert swept(journal(wire)).calls[0].confirmed
    assert far.seen[0].cseq == (4, "BYE")


def test_answer_without_ack_gets_it_first(far: FarEnd, journal: Callable[..., Path]) -> None:
    """The kill came between the 200 and its ACK."""
    far.replies = {"BYE": ("481",)}
    (call,) = swept(journal(up(far, acknowledged=False))).calls
    assert far.methods() == ["ACK", "BYE"]
    assert far.seen[0].cseq == (1, "ACK")
    assert (call.confirmed, call.detail) == (True, "BYE was answered with 481")


@pytest.mark.parametrize("heard", [True, False])
def test_call_that_rings_is_cancelled(
    far: FarEnd, journal: Callable[..., Path], heard: bool
) -> None:
    """Also one of which nothing had come back: by now its INVITE is there or lost."""
    far.replies = {"CANCEL": ("200", "487 INVITE")}
    wire = Wire().send("INVITE")
    (call,) = swept(journal(wire.receive(180) if heard else wire)).calls
    assert (call.confirmed, call.detail) == (True, "CANCEL ended it with 487")
    assert far.methods()[0] == "CANCEL"


def test_refusal_that_is_repeated_gets_its_ack(
    far: FarEnd, journal: Callable[..., Path], local: str
) -> None:
    """The peer refused after the kill: nothing is cancelled (RFC 3261 §17.1.1.3)."""
    wire = Wire().send("INVITE").receive(180)
    path = journal(wire)
    invite = wire.log.all()[0]
    assert isinstance(invite, MessageEvent)
    host, _, port = local.partition(":")
    far.late = (_reply(486, invite.message, "1 INVITE"), (host, int(port)))
    (call,) = swept(path).calls
    assert (call.confirmed, call.detail) == (True, "it was refused with 486")
    assert far.methods() == ["ACK"]
    ack = far.seen[0]
    assert (ack.cseq, ack.to_tag, ack.branch) == ((1, "ACK"), "b1", invite.message.branch)


@pytest.mark.parametrize("heard", [True, False])
def test_phone_that_was_picked_up_after_the_kill_is_hung_up(
    far: FarEnd, journal: Callable[..., Path], local: str, heard: bool
) -> None:
    """Its 200 is repeated until somebody says ACK: then there is a dialog for a BYE."""
    far.replies = {"BYE": ("200",)}
    wire = Wire().send("INVITE")
    path = journal(wire.receive(180) if heard else wire)
    invite = wire.log.all()[0]
    assert isinstance(invite, MessageEvent)
    host, _, port = local.partition(":")
    answer = _reply(200, invite.message, "1 INVITE").replace(
        "<sip:b@127.0.0.1>", f"<sip:b@127.0.0.1:{far.port}>"
    )
    far.late = (answer, (host, int(port)))
    (call,) = swept(path).calls
    assert (call.confirmed, call.detail) == (True, "BYE was answered with 200")
    assert far.methods() == ["ACK", "BYE"]


def test_peer_that_is_silent_leaves_the_call_unconfirmed_and_the_journal_there(
    far: FarEnd, journal: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next sweep tries again, with a higher number."""
    monkeypatch.setattr("probe.executor.orphan.WAITS_S", (0.05, 0.05))
    path = journal(up(far))
    (call,) = swept(path).calls
    assert (call.confirmed, call.detail) == (False, "BYE was sent and not answered")
    far.replies = {"BYE": ("200",)}
    assert swept(path).calls[0].confirmed
    assert [message.cseq[0] for message in far.seen] == [2, 2, 3]
    assert not path.exists()


@pytest.mark.parametrize(
    ("replies", "detail", "confirmed"),
    [
        ((), "CANCEL was sent and not answered", False),
        (("200",), "CANCEL was answered with 200, its INVITE with nothing", False),
        (("481",), "CANCEL was answered with 481: no such call", True),
    ],
)
def test_cancel_is_told_as_far_as_it_went(  # noqa: PLR0913, PLR0917 - fixtures and a table
    far: FarEnd,
    journal: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    replies: tuple[str, ...],
    detail: str,
    confirmed: bool,
) -> None:
    """A 200 to a CANCEL says that it was read, not that nobody picked up."""
    monkeypatch.setattr("probe.executor.orphan.WAITS_S", (0.05, 0.05))
    far.replies = {"CANCEL": replies}
    (call,) = swept(journal(Wire().send("INVITE").receive(180))).calls
    assert (call.detail, call.confirmed) == (detail, confirmed)


def test_call_over_tcp_is_named(far: FarEnd, journal: Callable[..., Path]) -> None:
    """Its connection is gone; nothing is sent, and nothing is called over."""
    wire = Wire(transport="TCP").send("INVITE").receive(200).send("ACK")
    (call,) = swept(journal(wire)).calls
    assert not call.confirmed
    assert call.detail == "its TCP connection went with the run: nothing could be sent"
    assert far.seen == []


def test_run_that_goes_on_is_left_alone(far: FarEnd, journal: Callable[..., Path]) -> None:
    """Its own worker will hang up."""
    us = ours()
    path = journal(up(far), supervisor={"pid": us.pid, "born": us.born})
    left = swept(path)
    assert (left.trouble, left.calls) == ("the run goes on", ())
    assert far.seen == []
    assert path.exists()


def test_worker_that_is_leaving_is_waited_for(far: FarEnd, journal: Callable[..., Path]) -> None:
    """It hangs up by itself once its run is gone; what it wrote until then counts."""
    far.replies = {"BYE": ("200",)}
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(0.5)"]) as worker:
        path = journal(up(far), worker={"pid": worker.pid, "born": born(worker.pid)})
        reaper = threading.Thread(target=worker.wait)
        reaper.start()
        began = time.monotonic()
        assert swept(path).calls[0].confirmed
        assert time.monotonic() - began > 0.2
        reaper.join()


def test_id_that_another_process_has_by_now_is_no_run_that_goes_on(
    far: FarEnd, journal: Callable[..., Path]
) -> None:
    """The moment of its beginning tells the two apart."""
    far.replies = {"BYE": ("200",)}
    reused = {"pid": os.getpid(), "born": ours().born + 1}
    assert swept(journal(up(far), supervisor=reused)).calls[0].confirmed


@pytest.mark.parametrize("mode", [0o622, 0o606 | 0o002])
def test_file_that_others_could_write_is_not_believed(
    far: FarEnd, journal: Callable[..., Path], mode: int
) -> None:
    """Whoever could write it could let us send requests anywhere."""
    path = journal(up(far))
    path.chmod(mode)
    assert swept(path).trouble == "others may have written it"
    assert far.seen == []


def test_link_and_nonsense_are_not_believed(tmp_path: Path) -> None:
    """A journal is a file of ours."""
    (tmp_path / "dialogs-1.jsonl").symlink_to("/etc/hostname")
    (tmp_path / "dialogs-2.jsonl").write_text("nonsense\n")
    told = [swept(path).trouble for path in journals_in([tmp_path, tmp_path / "none"])]
    assert told[0] == "it is no file"
    assert str(told[1]).startswith("it cannot be read")


def test_registration_is_named_until_its_lease_ends(journal: Callable[..., Path]) -> None:
    """With the moment, counted from the answer."""
    wire = (
        Wire("REGISTER").send("REGISTER").receive(200, headers={"Contact": "<sip:a@h>;expires=60"})
    )
    path = journal(wire)
    (lease,) = swept(path).registrations
    assert 50 < lease.ends_at - time.time() <= 60
    assert (lease.aor, lease.registrar) == ("sip:100@198.51.100.1", "sip:198.51.100.1")
    assert path.exists()
    assert registrations_left(read_journal(path).events, time.time() + 61) == ()


def test_register_whose_answer_nobody_heard_may_have_been_granted(
    journal: Callable[..., Path],
) -> None:
    """The kill came between the request with credentials and its 200."""
    asked = {"Expires": "90"}
    wire = Wire("REGISTER").send("REGISTER", headers=asked).receive(401)
    assert swept(journal(wire)).registrations == ()
    (lease,) = swept(journal(wire.send("REGISTER", auth=True, headers=asked))).registrations
    assert 80 < lease.ends_at - time.time() <= 90


def test_refresh_that_was_refused_leaves_the_lease(journal: Callable[..., Path]) -> None:
    """What was granted before goes on."""
    wire = register_ok().send("REGISTER").receive(503)
    assert len(swept(journal(wire)).registrations) == 1


def test_registration_that_was_removed_is_not_named(journal: Callable[..., Path]) -> None:
    """Whatever other contacts the registrar still lists."""
    wire = register_ok().send("REGISTER", headers={"Expires": "0"}).receive(200)
    assert swept(journal(wire)).registrations == ()


def test_supervisor_tidies_what_is_over(far: FarEnd, journal: Callable[..., Path]) -> None:
    """Only where no call is up and no registration stands."""
    path = journal(up(far))
    tidy(path, registered=False)
    assert path.exists()
    path = journal(up(far).send("BYE").receive(200))
    tidy(path, registered=True)
    assert path.exists()
    tidy(path, registered=False)
    assert not path.exists()
    tidy(path, registered=False)
