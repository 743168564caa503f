"""Ends what a killed run left up: reads the journals of workers that are gone.

A run whose process is still there is left alone, and no process is ended. A call is over when its
BYE was answered; whatever else is known, it is told as unconfirmed. Only UDP: a TCP or TLS
connection went with the run.
"""

import os
import re
import stat
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from probe.executor.living import Life
from probe.executor.orphan import OpenCall, ack_text, cancel_text, end_call, next_hop, open_calls
from probe.sip.message import MalformedMessageError, SipMessage, parse_message
from probe.trace.journal import (
    PATTERN,
    Journal,
    JournalError,
    append_event,
    granted_s,
    read_journal,
    removes,
)
from probe.trace.trace import Event, MessageReceived, MessageSent, readable

_Message = MessageSent | MessageReceived

LISTEN_S = 4.2
"""A 2xx is repeated at least every 4 s until its ACK comes (RFC 3261 §13.3.1.4, T2)."""

CLEANING_S = 10.0
"""Longest time that a worker takes to leave in order once its run is gone."""


class LeftCall(Struct, frozen=True, kw_only=True):
    """A call that a killed run left, and what became of it."""

    to: str
    "Request-URI of its INVITE."

    began: float
    "When its INVITE left, seconds since 1970."

    confirmed: bool
    "Whether it is over for certain."

    detail: str
    "What was done and heard."


class LeftRegistration(Struct, frozen=True, kw_only=True):
    """A registration that a killed run left."""

    aor: str
    "Address of record."

    registrar: str
    "Request-URI of its REGISTER."

    local: str
    "Our address that is registered, as ip:port."

    ends_at: float
    "When its lease ends, seconds since 1970."


class Left(Struct, frozen=True, kw_only=True):
    """What one worker left."""

    journal: Path
    "Its file."

    run: str
    "The run that it belonged to."

    account: str
    "The account that it spoke for, as aor."

    calls: tuple[LeftCall, ...] = ()
    "Its calls that had no end."

    registrations: tuple[LeftRegistration, ...] = ()
    "Its registrations whose lease goes on."

    trouble: str | None = None
    "Why nothing was done: the run goes on, or the file cannot be read."


def journals_in(folders: Iterable[Path]) -> tuple[Path, ...]:
    """Return the journals of all runs in results folders, and those beside each other."""
    found: dict[Path, None] = {}
    for folder in folders:
        if folder.is_dir():
            found |= dict.fromkeys(sorted([*folder.glob(PATTERN), *folder.glob(f"*/{PATTERN}")]))
    return tuple(found)


def sweep(path: Path, *, listen_s: float = LISTEN_S, wall: Callable[[], float] = time.time) -> Left:
    """End the calls of one journal; remove the file where nothing of it is up any more."""
    try:
        _refuse_foreign(path)
        journal = read_journal(path)
        lives = [_life(journal.header[who]) for who in ("supervisor", "worker")]
        run, account = str(journal.header["run"]), str(journal.header["aor"])
    except (OSError, JournalError, KeyError, TypeError, ValueError) as error:
        return Left(journal=path, run=path.parent.name, account="", trouble=_why(error))
    left = Left(journal=path, run=run, account=account)
    if lives[0].goes_on() or not _gone(lives[1]):
        return replace(left, trouble="the run goes on")
    journal = read_journal(path)  # its worker may have ended some of it by itself
    calls = tuple(_end(call, journal, listen_s, wall) for call in calls_left(journal.events))
    leases = registrations_left(journal.events, wall())
    if all(call.confirmed for call in calls) and not leases:
        path.unlink(missing_ok=True)
    return replace(left, calls=calls, registrations=leases)


def tidy(path: Path, *, registered: bool) -> None:
    """Remove the journal of a worker that is gone, unless something of it is up."""
    try:
        if not registered and not calls_left(read_journal(path).events):
            path.unlink()
    except (OSError, JournalError):
        return


def calls_left(events: tuple[Event, ...]) -> tuple[OpenCall, ...]:
    """Return the calls without a certain end: a BYE counts once it was answered."""
    answered: set[tuple[str, int]] = set()
    lost: dict[str, int] = {}
    for event, message in readable(events):
        if message.cseq[1] == "BYE" and (message.status or 0) >= 200:
            answered.add((message.call_id, message.cseq[0]))
        elif message.method == "BYE" and isinstance(event, MessageSent):
            lost[message.call_id] = message.cseq[0]
    unanswered = {key for key in lost.items() if key not in answered}
    kept = tuple(
        event
        for event, message in readable(events)
        if not (message.method == "BYE" and (message.call_id, message.cseq[0]) in unanswered)
    )
    return tuple(
        replace(call, number=max(call.number, lost.get(call.invite.call_id, 0)))
        for call in open_calls(kept, unheard=True)
    )


def registrations_left(events: tuple[Event, ...], now: float) -> tuple[LeftRegistration, ...]:
    """Return the registrations whose lease goes on.

    A REGISTER whose answer nobody was there to hear may have been granted what it asked for.
    """
    found: dict[str, LeftRegistration] = {}
    removing: set[str] = set()
    for event, message in readable(events):
        key, status = message.call_id, message.status or 0
        if message.cseq[1] != "REGISTER":
            continue
        if message.is_request:
            if removes(message):
                removing.add(key)
                continue
            removing.discard(key)
            found[key] = LeftRegistration(
                aor=_uri(message.first("To")),
                registrar=message.request_uri or "",
                local=event.local,
                ends_at=max(event.at + granted_s(message), _end_of(found.get(key))),
            )
        elif 200 <= status < 300 and key in removing:
            found.pop(key, None)
        elif 200 <= status < 300 and key in found:
            ends_at = event.at + granted_s(message)
            found[key] = replace(found[key], ends_at=ends_at)
        elif status >= 300 and key not in removing and not _was_granted(events, key):
            found.pop(key, None)
    return tuple(lease for lease in found.values() if lease.ends_at > now)


def _end_of(lease: LeftRegistration | None) -> float:
    return 0.0 if lease is None else lease.ends_at


def _was_granted(events: tuple[Event, ...], call_id: str) -> bool:
    """Whether a registrar ever said yes: a refusal of a refresh leaves the lease as it was."""
    return any(
        message.call_id == call_id
        and message.cseq[1] == "REGISTER"
        and 200 <= (message.status or 0) < 300
        for _, message in readable(events)
    )


def _end(call: OpenCall, journal: Journal, listen_s: float, wall: Callable[[], float]) -> LeftCall:
    """End one call and write down what was exchanged for it."""
    heard: list[SipMessage] = []

    def record(event: Event) -> None:
        if isinstance(event, MessageReceived):
            heard.extend(message for _, message in readable((event,)))
        append_event(journal.path, event, wall())

    told = LeftCall(
        to=call.invite.request_uri or "", began=call.sent.at, confirmed=False, detail=""
    )
    if call.sent.transport != "UDP":
        detail = f"its {call.sent.transport} connection went with the run: nothing could be sent"
        return replace(told, detail=detail)
    answered = call.answer is not None
    if not answered:
        # Whoever answered after the kill repeats the 2xx until somebody says ACK.
        call = _with_late_answer(call, listen_s, record)
    if call.answer is None and not heard:
        end_call(call, time.monotonic, record)
        cancelled = next((m.status for m in heard if m.cseq[1] == "CANCEL"), None)
        call = _with_late_answer(call, listen_s, record)
        if call.answer is None:
            return _cancelled(told, call, cancelled, heard)
    if call.answer is None:
        return replace(told, confirmed=True, detail=f"it was refused with {heard[-1].status}")
    if not answered or not _acknowledged(call, journal.events):
        _send(call, ack_text(call.invite, call.answer), next_hop(call), record)
    if end_call(call, time.monotonic, record):
        status = next((m.status for m in reversed(heard) if m.cseq[1] == "BYE"), None)
        return replace(told, confirmed=True, detail=f"BYE was answered with {status}")
    return replace(told, detail="BYE was sent and not answered")


def _cancelled(
    told: LeftCall, call: OpenCall, status: int | None, heard: list[SipMessage]
) -> LeftCall:
    """Say what became of a call that was not answered."""
    final = next((m.status for m in heard if m.cseq == call.invite.cseq), None)
    if final is not None:
        return replace(told, confirmed=True, detail=f"CANCEL ended it with {final}")
    if status == 481:
        return replace(told, confirmed=True, detail="CANCEL was answered with 481: no such call")
    if status is not None:
        return replace(told, detail=f"CANCEL was answered with {status}, its INVITE with nothing")
    return replace(told, detail="CANCEL was sent and not answered")


def _with_late_answer(
    call: OpenCall, listen_s: float, record: Callable[[Event], object]
) -> OpenCall:
    """Listen at the dead worker's port for a final response to its INVITE; say ACK to a refusal."""
    host, _, port = call.sent.local.rpartition(":")
    host = host.strip("[]")
    import socket  # noqa: PLC0415 - 6 ms, only after a killed run

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_DGRAM)) as wire:
        try:
            wire.bind((host, int(port)))
        except (OSError, ValueError, OverflowError):
            return call  # somebody has the port by now
        limit = time.monotonic() + listen_s
        while (rest := limit - time.monotonic()) > 0:
            wire.settimeout(rest)
            try:
                data, origin = wire.recvfrom(65535)
                answer = parse_message(data.decode("utf-8", "surrogateescape"))
            except (OSError, MalformedMessageError):
                continue
            ours = (answer.call_id, answer.cseq) == (call.invite.call_id, call.invite.cseq)
            if not ours or (answer.status or 0) < 200:
                continue
            shown = f"{origin[0]}:{origin[1]}"
            record(
                MessageReceived(
                    at=time.monotonic(), transport="UDP", local=call.sent.local, remote=shown,
                    text=data.decode("utf-8", "surrogateescape"),
                )
            )  # fmt: skip
            if (answer.status or 0) < 300:
                return replace(call, answer=answer)
            wire.sendto(_ack_of_refusal(call.invite, answer), origin)
            return call
    return call


def _ack_of_refusal(invite: SipMessage, answer: SipMessage) -> bytes:
    """Build the ACK of a final response that is no 2xx (RFC 3261 §17.1.1.3)."""
    text = re.sub(r"^CANCEL |(?<= )CANCEL\r$", lambda m: m[0].replace("CANCEL", "ACK"),
                  cancel_text(invite), flags=re.MULTILINE)  # fmt: skip
    to = answer.first("To") or invite.first("To") or ""
    text = re.sub(r"^To: .*\r$", lambda _: f"To: {to}\r", text, flags=re.MULTILINE)
    return text.encode("utf-8", "surrogateescape")


def _send(
    call: OpenCall, text: str, remote: tuple[str, int], record: Callable[[Event], object]
) -> None:
    """Send a request that nobody answers, from the dead worker's port where it is free."""
    host, _, port = call.sent.local.rpartition(":")
    import socket  # noqa: PLC0415 - as above

    family = socket.AF_INET6 if ":" in remote[0] else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_DGRAM)) as wire:
        try:
            wire.bind((host.strip("[]"), int(port)))
            wire.sendto(text.encode("utf-8", "surrogateescape"), remote)
        except (OSError, ValueError, OverflowError):
            return
    shown = f"{remote[0]}:{remote[1]}"
    record(
        MessageSent(
            at=time.monotonic(), transport="UDP", local=call.sent.local, remote=shown, text=text
        )
    )


def _acknowledged(call: OpenCall, events: tuple[Event, ...]) -> bool:
    """Whether the worker could still send the ACK of the 2xx."""
    wanted = (call.invite.call_id, call.invite.cseq[0])
    return any(
        message.method == "ACK" and (message.call_id, message.cseq[0]) == wanted
        for _, message in readable(events)
    )


def _uri(value: str | None) -> str:
    return (value or "").partition("<")[2].partition(">")[0] or (value or "").split(";")[0]


def _life(entry: dict[str, Any]) -> Life:
    return Life(pid=int(entry["pid"]), born=int(entry["born"]))


def _gone(worker: Life) -> bool:
    """Whether a worker has left; one whose run is gone ends its calls and leaves by itself."""
    limit = time.monotonic() + CLEANING_S
    while worker.goes_on() and time.monotonic() < limit:
        time.sleep(0.1)
    return not worker.goes_on()


def _refuse_foreign(path: Path) -> None:
    """Raise JournalError for a file that somebody else may have written."""
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        raise JournalError("it is no file")
    if status.st_uid != os.getuid() or status.st_mode & 0o022:
        raise JournalError("others may have written it")


def _why(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"it cannot be read: {error.strerror}"
    return str(error) if isinstance(error, JournalError) else f"it cannot be read: {error!r}"
