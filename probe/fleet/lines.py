"""The site's end of a line: an agent here that is told what to do by the user's machine.

A scenario whose accounts are at several sites has one supervisor, on the user's machine, and its
agents where their accounts are. What both say goes over a line as it would over a pipe, but for
the account: that is the site's own, with its password, and is put in here.
"""

import asyncio
import contextlib
import json
import os
import select
import time

from msgspec import Struct

from probe.executor.process import WorkerProcess
from probe.plan.action import Account
from probe.sip.redact import MARK, SHORTEST_SECRET

MOST_BYTES = 1 << 20
"""Bytes of one answer."""

UNHEARD_S = 30.0
"""A line that nobody listens at for so long is hung up: its supervisor is gone."""


class Opening(Struct, frozen=True, kw_only=True):
    """What a line begins with."""

    line: str
    "Its name."

    ticket: str
    "The ticket of the scenario, as JSON."

    account: str
    "Which account of it the agent speaks for."

    zero: float
    "When the clock of the scenario was zero, as time.time() of this machine gives it."

    port: int
    "Port to bind; 0 for any."


class Heard(Struct, frozen=True, kw_only=True):
    """What came over a line."""

    data: bytes
    "Whole lines of the agent."

    code: int | None = None
    "Status of the agent's process where it has ended."


class Hosted(WorkerProcess):
    """An agent of a line; what it says is handed on as it is, without its password."""

    def __init__(self) -> None:
        super().__init__()
        self.listened_at = time.monotonic()
        self._begun = b""
        self._secret = b""

    def open(self, account: Account, opening: Opening) -> None:
        """Let it open the account, on a clock that is zero when the scenario's is."""
        secret = account.password or ""
        if len(secret) >= SHORTEST_SECRET and secret not in {account.user, account.auth_user}:
            self._secret = json.dumps(secret, ensure_ascii=False)[1:-1].encode()
        epoch = time.monotonic() - (time.time() - opening.zero)
        self.send("open", account=account, epoch=epoch, port=opening.port, recordings="")

    def pass_on(self, line: bytes) -> None:
        """Write what the supervisor says."""
        with contextlib.suppress(OSError):  # that it is gone is told by what is heard
            while line:
                line = line[os.write(self._commands, line) :]

    def take(self, seconds: float) -> Heard:
        """Return what it says, after so many seconds at most."""
        self.listened_at = time.monotonic()
        ready, _, _ = select.select([self._answers], [], [], seconds)
        if not ready:
            return Heard(data=b"")
        with contextlib.suppress(BlockingIOError):
            data = os.read(self._answers, MOST_BYTES)
            if not data:
                self.ended = True
                return Heard(data=b"", code=self._status())
            return Heard(data=self._whole(data))
        return Heard(data=b"")

    def _whole(self, data: bytes) -> bytes:
        """Return the lines that are whole; a peer may repeat a password, and it stays here."""
        whole, ends, self._begun = (self._begun + data).rpartition(b"\n")
        lines = whole + ends
        return lines.replace(self._secret, MARK.encode()) if self._secret else lines

    def hang_up(self) -> None:
        """Let it end what is up, and leave: its supervisor has nothing more to say."""
        with contextlib.suppress(OSError):
            os.close(self._commands)
        self._commands = -1

    def _status(self) -> int:
        """Return how it ended; it has closed its pipe."""
        limit = time.monotonic() + 2.0
        while (code := self._process.poll()) is None and time.monotonic() < limit:
            time.sleep(0.005)
        return -9 if code is None else code


class Lines:
    """All lines of this process."""

    def __init__(self) -> None:
        self._held: dict[str, Hosted] = {}

    def start(self, line: str) -> Hosted:
        """Start the process of an agent."""
        process = self._held[line] = Hosted()
        return process

    def open(self, account: Account, opening: Opening) -> None:
        """Start an agent."""
        self.start(opening.line).open(account, opening)

    def pass_on(self, line: str, data: bytes) -> None:
        """Tell an agent something; nothing at all means: hang up and leave."""
        process = self._held.get(line)
        if process is None:
            return
        if data:
            process.pass_on(data)
        else:
            process.hang_up()

    def take(self, line: str, seconds: float) -> Heard:
        """Return what an agent says."""
        process = self._held.get(line)
        if process is None:
            return Heard(data=b"", code=-9)
        heard = process.take(seconds)
        if heard.code is not None:
            del self._held[line]
            process.hang_up()
        return heard

    def kill(self, line: str) -> None:
        """End an agent at once."""
        process = self._held.get(line)
        if process is not None:
            process.kill()

    @property
    def idle(self) -> bool:
        """Whether no agent is there."""
        return not self._held

    def hang_up_all(self) -> None:
        """Let all agents go: nobody can tell them anything any more."""
        for process in self._held.values():
            process.hang_up()

    async def watch(self) -> None:
        """Hang lines up at which nobody listens."""
        while self._held:
            await asyncio.sleep(1.0)
            for process in tuple(self._held.values()):
                if time.monotonic() - process.listened_at > UNHEARD_S:
                    process.hang_up()
