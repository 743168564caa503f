"""What a killed run would leave up is on disk, and nothing else."""

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from wirebuilder import OFFER, Wire, answered_call, refused_call, register_ok

from probe.trace.failure import Failure
from probe.trace.journal import (
    DialogJournal,
    JournalError,
    append_event,
    granted_s,
    read_journal,
    removes,
)
from probe.trace.trace import AgentNote, MessageEvent

HEADER = {"run": "r", "aor": "sip:100@h"}


def written(folder: Path, wire: Wire, *, close: bool = True) -> Path:
    """Return the journal of a wire, after its worker has left."""
    file = folder / "dialogs-1.jsonl"
    journal = DialogJournal(file, HEADER, wall=lambda: 1000.0)
    for event in wire.log.all():
        journal.happened(event)
    if close:
        journal.close()
    return file


def unregistered() -> Wire:
    """Return a registration that was removed while another device stays registered."""
    wire = register_ok()
    wire.send("REGISTER", headers={"Expires": "0"})
    return wire.receive(200, headers={"Contact": "<sip:desk@192.0.2.99>;expires=600"})


def answered_call_without_answer_to_bye() -> Wire:
    """Return a call whose BYE got lost."""
    return Wire().send("INVITE").receive(200).send("ACK").send("BYE")


@pytest.mark.parametrize(
    "make",
    [
        Wire,
        answered_call,
        lambda: refused_call(486),
        unregistered,
        lambda: Wire().send("INVITE").receive(200).send("ACK").request("BYE").reply(200),
        lambda: Wire().send("INVITE").fail(Failure.NO_RESPONSE),
        lambda: Wire().send("INVITE").receive(180).send("CANCEL").receive(200)
        .receive(487, to="INVITE").send("ACK"),
    ],
)  # fmt: skip
def test_worker_that_left_nothing_up_leaves_no_file(
    tmp_path: Path, make: Callable[[], Wire]
) -> None:
    """Each call has a certain end, each registration is removed, or nothing was ever heard."""
    assert not written(tmp_path, make()).exists()


@pytest.mark.parametrize(
    "make",
    [
        lambda: Wire().send("INVITE"),
        lambda: Wire().send("INVITE").receive(180),
        lambda: Wire().send("INVITE").receive(180).fail(Failure.NO_FINAL_RESPONSE),
        lambda: Wire().send("INVITE").receive(200).send("ACK"),
        answered_call_without_answer_to_bye,
        register_ok,
    ],
)  # fmt: skip
def test_worker_that_left_something_up_leaves_the_file(
    tmp_path: Path, make: Callable[[], Wire]
) -> None:
    """A BYE that nobody answered is no certain end."""
    file = written(tmp_path, make())
    assert read_journal(file).header["run"] == "r"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_journal_holds_what_a_later_request_needs_and_no_credentials(tmp_path: Path) -> None:
    """No digest, no body, no reason phrase, no other header field."""
    wire = Wire().send("INVITE", body=OFFER).receive(407).send("ACK")
    wire.send("INVITE", auth=True, body=OFFER, headers={"Route": "<sip:p.example;lr>"})
    wire.receive(180, reason="hunter22", headers={"Record-Route": "<sip:p.example;lr>"})
    text = written(tmp_path, wire).read_text()
    for secret in (
        "Digest",
        "response",
        "nonce",
        "0123456789abcdef",
        "c0ffee",
        "hunter22",
        "m=audio",
    ):
        assert secret not in text
    events = read_journal(tmp_path / "dialogs-1.jsonl").events
    assert len(events) == 5
    last, ringing = (event for event in events[3:] if isinstance(event, MessageEvent))
    assert last.message.all("Route") == ("<sip:p.example;lr>",)
    assert last.message.branch
    assert ringing.message.first("Record-Route") == "<sip:p.example;lr>"
    assert (ringing.at, ringing.local) == (1000.0, last.local)


def test_message_that_is_repeated_or_of_another_kind_is_left_out(tmp_path: Path) -> None:
    """OPTIONS opens nothing; a copy says nothing new; neither does what is no SIP."""
    wire = Wire().send("INVITE").resend().send("OPTIONS").receive(200).raw("noise")
    wire.add(AgentNote(at=1.0, kind="warning", detail="x"))
    assert len(read_journal(written(tmp_path, wire)).events) == 1


def test_call_that_was_given_up_is_not_read_back(tmp_path: Path) -> None:
    """While another one is up."""
    file = tmp_path / "dialogs-1.jsonl"
    journal = DialogJournal(file, HEADER)
    silent = Wire(call_id="silent").send("INVITE").fail(Failure.NO_RESPONSE)
    for wire in (silent, Wire(call_id="up").send("INVITE").receive(180)):
        for event in wire.log.all():
            journal.happened(event)
    found = [e.message.call_id for e in read_journal(file).events if isinstance(e, MessageEvent)]
    assert found == ["up", "up"]


def test_long_run_does_not_fill_the_disk(tmp_path: Path) -> None:
    """Where nothing is up the file begins anew; the registration stays in it."""
    file = tmp_path / "dialogs-1.jsonl"
    journal = DialogJournal(file, HEADER)
    sizes = []
    for event in register_ok().log.all():
        journal.happened(event)
    for number in range(300):
        for event in answered_call_of(f"c{number}").log.all():
            journal.happened(event)
        sizes.append(file.stat().st_size)
    assert max(sizes) < 400_000
    assert sizes[-1] < max(sizes)
    methods = [e.message.cseq[1] for e in read_journal(file).events if isinstance(e, MessageEvent)]
    assert methods[:2] == ["REGISTER", "REGISTER"]
    assert [path.name for path in tmp_path.iterdir()] == ["dialogs-1.jsonl"]


def answered_call_of(call_id: str) -> Wire:
    """Return a whole call."""
    wire = Wire(call_id=call_id).send("INVITE").receive(100).receive(180).receive(200).send("ACK")
    return wire.send("BYE").receive(200)


def test_disk_that_is_full_is_told_and_does_not_stop_the_call(tmp_path: Path) -> None:
    """The reason stands in `fault`; no error reaches the library's callback."""
    journal = DialogJournal(tmp_path / "gone" / "dialogs-1.jsonl", HEADER)
    for event in answered_call().log.all():
        journal.happened(event)
    assert journal.fault == "No such file or directory"
    journal.close()


def test_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    """A kill in the middle of a write costs that line only."""
    file = written(tmp_path, Wire().send("INVITE").receive(180))
    file.write_bytes(file.read_bytes()[:-20])
    assert len(read_journal(file).events) == 1


def test_supervisor_adds_what_it_did_for_a_dead_worker(tmp_path: Path) -> None:
    """Its BYE and the answer to it."""
    wire = Wire().send("INVITE").receive(200).send("ACK")
    file = written(tmp_path, wire)
    for event in wire.send("BYE").receive(200).log.all()[3:]:
        append_event(file, event, 5.0)
    append_event(file, AgentNote(at=1.0, kind="cleanup", detail="x"), 5.0)
    assert len(read_journal(file).events) == 5


@pytest.mark.parametrize(
    "content",
    [
        "", "\n", "[]\n", "{}\n", '{"schema": "other/1"}\n', "no json\n", "[" * 100_000 + "\n",
        '{"schema": "sipprobe-dialogs/1"}\n{"sent": true}\n',
        '{"schema": "sipprobe-dialogs/1"}\n7\n',
    ],
)  # fmt: skip
def test_file_that_is_no_journal_is_refused(tmp_path: Path, content: str) -> None:
    """Anybody may leave a file of this name."""
    file = tmp_path / "dialogs-1.jsonl"
    file.write_text(content)
    with pytest.raises(JournalError):
        read_journal(file)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Contact": "<sip:a@h>;expires=60"}, 60),
        ({"Contact": "<sip:a@h>;expires=60, <sip:b@h>;q=0.5;expires=90"}, 90),
        ({"Contact": "<sip:a@h>", "Expires": "120"}, 120),
        ({"Contact": '<sip:a@h>;expires="30"'}, 30),
        ({"Contact": "<sip:a@h>;expires=soon"}, 3600),
    ],
)
def test_lease_is_that_of_the_answer(headers: dict[str, str], seconds: int) -> None:
    """The parameter of the contact wins over the header field (RFC 3261 §10.3)."""
    wire = Wire("REGISTER").send("REGISTER").receive(200, headers=headers)
    answer = wire.log.all()[-1]
    assert isinstance(answer, MessageEvent)
    assert granted_s(answer.message) == seconds


@pytest.mark.parametrize(
    ("headers", "removed"),
    [
        ({"Expires": "0"}, True),
        ({"Contact": "<sip:a@h>;expires=0"}, True),
        ({"Expires": "60"}, False),
        ({"Contact": "<sip:a@h>;expires=60", "Expires": "0"}, False),
    ],
)
def test_register_that_removes_is_told_from_one_that_binds(
    headers: dict[str, str], removed: bool
) -> None:
    """Both spellings of zero."""
    request = Wire("REGISTER").send("REGISTER", headers=headers).log.all()[-1]
    assert isinstance(request, MessageEvent)
    assert removes(request.message) is removed


def test_header_is_the_first_line(tmp_path: Path) -> None:
    """Who wrote it can be read without the rest."""
    first = written(tmp_path, Wire().send("INVITE")).read_text().splitlines()[0]
    assert json.loads(first) == {"schema": "sipprobe-dialogs/1", **HEADER}
