"""A fleet on one machine: a hub with scheduler and far end, and a namespace for each site."""

import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from namespaces import Namespace, star
from processes import RunningProcess, poll, program, running
from sipp import parse_message_log

RECIPE = Path(__file__).parents[2] / "docs" / "recipes" / "fleet"

BEGUN_WITHIN_S = 40.0
"""How long the scheduler or a worker may take to start: dask is much to import."""

PORT = 8786


@dataclass(frozen=True, slots=True, kw_only=True)
class FarEnd:
    """A SIPp that answers every call."""

    host: str
    "Its address; port 5060."

    log: Path
    "Where it writes every message."

    def invites(self) -> Counter[str]:
        """Return how many calls reached each number; a retransmission is the same call."""
        return Counter(number for number, _ in self.calls("INVITE"))

    def up(self) -> frozenset[str]:
        """Return the Call-IDs of calls that arrived and were not ended by who placed them."""
        came, ended = self.calls("INVITE"), self.calls("BYE") | self.calls("CANCEL")
        return frozenset(call for _, call in came) - {call for _, call in ended}

    def calls(self, method: str) -> frozenset[tuple[str, str]]:
        """Return number and Call-ID of each call in which such a request arrived."""
        found = set()
        for message in parse_message_log(self.log.read_bytes()) if self.log.exists() else ():
            if not message.sent and message.first_line.startswith(f"{method} "):
                user = message.first_line.partition("sip:")[2].partition("@")[0]
                found.add((user, message.header("Call-ID") or ""))
        return frozenset(found)


class Fleet:
    """A running scheduler with its sites."""

    def __init__(self, stack: ExitStack, folder: Path, names: tuple[str, ...]) -> None:
        """Make the networks and the certificates; start nothing yet."""
        self._stack = stack
        self._folder = folder
        self.hub, self._leaves, self.host = star(stack, random.Random(9), len(names))
        self._where = dict(zip(names, self._leaves, strict=True))
        self.keys = folder / "keys"
        made = [str(RECIPE / "make-certificates"), str(self.keys), "scheduler", "me", *names]
        subprocess.run(made, check=True, capture_output=True, timeout=30)
        self.address = f"tls://{self.host}:{PORT}"

    def start_scheduler(self, **environ: str) -> RunningProcess:
        """Start the scheduler in the hub, as the recipe does."""
        setting = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0", **environ}
        command = [
            *(sys.executable, "-m", "dask", "scheduler", "--protocol", "tls"),
            *("--host", self.host, "--port", str(PORT), "--no-dashboard"),
        ]
        process = self._start("scheduler", self.hub, command, "scheduler", setting)
        assert poll(lambda: "Scheduler at" in process.log(), BEGUN_WITHIN_S), process.log()
        return process

    def start_site(self, name: str, *, threads: int = 4, at: str = "") -> RunningProcess:
        """Start a worker of a site in the site's network."""
        site = at or name
        state = self._folder / f"state-{site}"
        local = self._folder / f"dask-{name}"
        command = [
            *(sys.executable, "-m", "dask", "worker", self.address, "--name", name),
            *("--nthreads", str(threads), "--no-nanny", "--no-dashboard", "--memory-limit", "0"),
            *("--local-directory", str(local)),
        ]
        return self._start(
            name, self._where[site][0], command, site, {"XDG_STATE_HOME": str(state)}
        )

    def join_sites(self) -> None:
        """Let sites reach each other through the hub."""
        self.hub.set("net.ipv4.ip_forward", 1)

    def address_of(self, site: str) -> str:
        """Return the address of a site."""
        return self._where[site][1]

    def client_environment(self) -> dict[str, str]:
        """Return what `sipprobe run --fleet` finds its certificate by."""
        tls = "DASK_DISTRIBUTED__COMM__TLS__"
        return {
            f"{tls}CA_FILE": str(self.keys / "ca.pem"),
            f"{tls}CLIENT__CERT": str(self.keys / "me.pem"),
            f"{tls}CLIENT__KEY": str(self.keys / "me.key"),
        }

    def start_far_end(self) -> FarEnd:
        """Start SIPp in the hub; it answers and waits for the BYE."""
        folder = self._folder / "uas"
        folder.mkdir()
        log = folder / "messages.log"
        command = [
            *(*self.hub.prefix, program("sipp"), "-sn", "uas", "-i", self.host, "-p", "5060"),
            *("-nostdin", "-trace_msg", "-message_file", str(log)),
        ]
        process = self._stack.enter_context(running(command, folder / "output", cwd=folder))
        bound = ["sh", "-c", "grep -q :13C4 /proc/net/udp"]
        ready = [*self.hub.prefix, *bound]
        assert poll(
            lambda: subprocess.run(ready, check=False, timeout=10).returncode == 0, BEGUN_WITHIN_S
        ), process.log()
        return FarEnd(host=self.host, log=log)

    def _start(
        self,
        name: str,
        space: Namespace,
        command: list[str],
        key: str,
        environ: Mapping[str, str],
    ) -> RunningProcess:
        tls = [
            *("--tls-ca-file", str(self.keys / "ca.pem")),
            *("--tls-cert", str(self.keys / f"{key}.pem")),
            *("--tls-key", str(self.keys / f"{key}.key")),
        ]
        return self._stack.enter_context(
            running(
                [*space.prefix, *command, *tls],
                self._folder / f"{name}.output",
                cwd=self._folder,
                env={
                    **os.environ,
                    **environ,
                    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
                },
            )
        )


@contextmanager
def fleet_of(folder: Path, *names: str) -> Iterator[Fleet]:
    """Make networks for a fleet with these sites; everything is gone when the block ends."""
    with ExitStack() as stack:
        yield Fleet(stack, folder, names)
