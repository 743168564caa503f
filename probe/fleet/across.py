"""A scenario whose accounts are at several sites: the supervisor is here, its agents are there.

Nothing of it is given out as a task, so nothing of it is repeated. Each step waits for the way to
the site and back. Times are those of this machine, as far as the clocks of the sites are known.
"""

import contextlib
import json
import os
import threading
import time
import uuid
from collections.abc import Callable

from msgspec import json as texts

from probe.executor.crew import Process
from probe.executor.local import LocalExecutor
from probe.executor.process import WorkerProcess
from probe.fleet import site
from probe.fleet.lines import Heard, Opening
from probe.fleet.members import Member, Members
from probe.plan.action import Account

_LISTEN_S = 1.0
"""Longest silence of one question for what an agent says."""

_SCRATCH = "sipprobe-far"


class FarProcess(WorkerProcess):
    """A worker process at a site, as its supervisor sees it: two pipes, as of one that is here."""

    def __init__(self, relay: "_Relay | _Nobody") -> None:
        """Take what stands for the process: no process of ours is begun."""
        commands_read, self._commands = os.pipe()
        self._answers, answers_write = os.pipe()
        os.set_blocking(self._answers, False)
        self._errors = os.memfd_create(_SCRATCH)
        self._process = relay
        self._buffer = b""
        self.heard_at = time.monotonic()
        self.ended = False
        self.hung = False
        self.calls = 0
        self._words = None
        relay.begin(commands_read, answers_write, self._errors)


class _Relay:
    """Carries what a supervisor and an agent say to each other."""

    pid = 0

    def __init__(self, members: Members, member: Member, ticket: str) -> None:
        self._members, self._member, self._ticket = members, member, ticket
        self._line = uuid.uuid4().hex
        self._code: int | None = None
        self._opened = threading.Event()

    def begin(self, commands: int, answers: int, errors: int) -> None:
        """Begin to carry; why nothing could be begun is written to ``errors``."""
        self._errors = os.dup(errors)
        for act, end in ((self._talk, commands), (self._listen, answers)):
            threading.Thread(target=act, args=(end,), daemon=True, name="line").start()

    def poll(self) -> int | None:
        """Return the status of the agent's process, None while it runs."""
        return self._code

    def kill(self) -> None:
        """End the agent's process at once."""
        self._ask(site.kill_line, self._line)

    def _talk(self, commands: int) -> None:
        """Carry what the supervisor says; at the end of its pipe the agent is let go."""
        with os.fdopen(commands, "rb") as lines:
            for line in lines:
                told = json.loads(line)
                if told["kind"] == "open":
                    name = (told["account"] or {}).get("name", "")
                    self._open(name, told["epoch"], told["port"])
                else:
                    self._ask(site.tell_line, self._line, line)
        self._ask(site.tell_line, self._line, b"")
        self._opened.set()

    def _open(self, account: str, epoch: float, port: int) -> None:
        zero = time.time() - (time.monotonic() - epoch) + self._member.ahead
        opening = Opening(
            line=self._line, ticket=self._ticket, account=account, zero=zero, port=port
        )
        refused = self._ask(site.open_line, texts.encode(opening).decode())
        if refused != "":
            why = str(refused or f"site {self._member.site} does not answer")
            os.write(self._errors, why.encode("utf-8", "replace"))
            self._code = 1
        os.close(self._errors)
        self._opened.set()

    def _listen(self, answers: int) -> None:
        """Carry what the agent says."""
        self._opened.wait()
        with os.fdopen(answers, "wb", buffering=0) as supervisor, contextlib.suppress(OSError):
            while self._code is None:
                heard = self._ask(site.hear_line, self._line, _LISTEN_S)
                if not isinstance(heard, Heard):
                    self._code = -9
                    return
                data = heard.data
                while data:
                    data = data[supervisor.write(data) :]
                if heard.code is not None:
                    self._code = heard.code

    def _ask(self, act: Callable[..., object], *words: object) -> object:
        """Ask the site; None where it does not answer any more."""
        return self._members.ask(self._member, act, *words)


class _Nobody:
    """Stands for an agent at a site at which no process is left."""

    pid = 0

    @staticmethod
    def begin(commands: int, answers: int, errors: int) -> None:
        """Say nothing, hear nothing."""
        os.write(errors, b"no process of its site is left")
        os.close(commands)
        os.close(answers)

    @staticmethod
    def poll() -> int:
        """Return how it ended."""
        return -9

    @staticmethod
    def kill() -> None:
        """Do nothing: nobody is there."""


class AcrossSites(LocalExecutor):
    """Carries out a plan whose agents are at sites."""

    def __init__(
        self, members: Members, agent_at: Callable[[str], tuple[Member, str] | None]
    ) -> None:
        """Take who is there, and what finds a process of a site with a ticket for it."""
        super().__init__()
        self._members = members
        self._agent_at = agent_at

    def take_spare(self, account: Account | None = None) -> Process | None:
        """Return an agent at the account's site."""
        found = None if account is None else self._agent_at(account.site)
        relay = _Relay(self._members, *found) if found is not None else _Nobody()
        return FarProcess(relay)

    def warm_up(self, workers: int = 1) -> None:
        """Start nothing here."""

    def keep(self, resting: tuple[tuple[Account, Process], ...]) -> None:
        """Let agents go: the next scenario may be at other sites."""
        for _, process in resting:
            process.close()
