"""SIPp as the scripted far end of a call, on loopback."""

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ports import LOOPBACK, free_port
from processes import RunningProcess, program, running

SCENARIOS = Path(__file__).with_name("sipp")

DEFAULT_KEYS = {
    "code": "503",
    "reason": "Service Unavailable",
    "extra": "Server: SIPp",
    "payload": "0",
    "codec": "PCMU/8000",
    "expires": "3600",
    "realm": "pbx.test",
}
"""What a scenario file may name in brackets, beside SIPp's own words; a test overrides some."""

_LOGGED = re.compile(
    rb"-{40,} (?P<day>\d{4}-\d\d-\d\d)\s+(?P<time>\d\d:\d\d:\d\d\.\d+)[^\n]*\n"
    rb"\w+ message (?P<way>sent|received) [^\n]*?(?P<length>\d+)[^\n]*bytes[^\n]*\n\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SippMessage:
    """A message as SIPp's own log shows it."""

    at: float
    "When, in seconds since 1970 (UTC)."

    sent: bool
    "True if SIPp sent it, False if it received it."

    text: str
    "The whole message."

    @property
    def first_line(self) -> str:
        """The request line or status line."""
        return self.text.partition("\r\n")[0]

    def header(self, name: str) -> str | None:
        """Return the first value of a header, or None."""
        found = re.search(rf"(?im)^{re.escape(name)}[ \t]*:[ \t]*(.*?)\r?$", self.text)
        return found[1] if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class SippUas:
    """A running SIPp."""

    port: int
    "Listens here, by UDP or TCP as asked."

    media_port: int
    "The RTP port that its SDP names."

    process: RunningProcess
    "The program itself."

    message_log: Path
    "Where it writes every message."

    @property
    def pid(self) -> int:
        """The process id."""
        return self.process.pid

    def messages(self) -> tuple[SippMessage, ...]:
        """Return the messages of its log so far, in order, retransmissions included."""
        return parse_message_log(self.message_log.read_bytes()) if self.message_log.exists() else ()

    def first_lines(self) -> tuple[str, ...]:
        """Return what happened in short: `> ` sent by SIPp, `< ` received, then the first line."""
        return tuple(f"{'>' if m.sent else '<'} {m.first_line}" for m in self.messages())

    def wait(self, within_s: float = 5.0) -> int:
        """Wait until all calls are over; return SIPp's exit status (0: all went as scripted)."""
        return self.process.wait(within_s)


def parse_message_log(log: bytes) -> tuple[SippMessage, ...]:
    """Cut SIPp's message log into messages; one that is still being written is left out."""
    found = []
    for head in _LOGGED.finditer(log):
        text = log[head.end() : head.end() + int(head["length"])]
        if len(text) == int(head["length"]):
            stamp = f"{head['day'].decode()}T{head['time'].decode()[:15]}"
            at = dt.datetime.fromisoformat(stamp).astimezone()  # SIPp logs local time
            found.append(
                SippMessage(
                    at=at.timestamp(),
                    sent=head["way"] == b"sent",
                    text=text.decode(errors="replace"),
                )
            )
    return tuple(found)


@contextmanager
def running_sipp_uas(  # noqa: PLR0913 - each is an option of SIPp that some test varies
    folder: Path,
    scenario: str,
    *,
    calls: int = 1,
    pause_ms: int = 50,
    transport: str = "udp",
    rtp_echo: bool = False,
    keys: Mapping[str, str] | None = None,
    timeout_s: int = 60,
    port: int | None = None,
    text: str | None = None,
    host: str = LOOPBACK,
    log_messages: bool = True,
) -> Iterator[SippUas]:
    """Run a file of `tests/peers/sipp` while the block runs; it ends after `calls` calls.

    ``text`` is a scenario of SIPp's that stands in no file; `scenario` then only names it.

    It listens on a free port, or on `port`, which a far end before it held; `host` is a loopback
    address.
    """
    port = free_port() if port is None else port
    control_port, media_port = free_port(), free_port(count=4)
    message_log = folder / "messages.log"
    script = folder / f"{scenario}.xml"
    # Filled in here, not by SIPp's -key: that cannot stand for a status code.
    text = (SCENARIOS / script.name).read_text() if text is None else text
    for key, value in {**DEFAULT_KEYS, **(keys or {})}.items():
        text = text.replace(f"[{key}]", value)
    script.write_text(text)
    command = [program("sipp"), "-sf", str(script)]
    # -ci and -mi too: else its control and media sockets are open to the whole network.
    command += ["-i", host, "-mi", host, "-ci", LOOPBACK]
    command += ["-p", str(port), "-cp", str(control_port), "-mp", str(media_port)]
    command += ["-t", {"udp": "u1", "tcp": "t1"}[transport]]
    command += ["-buff_size", "2000000"]  # bytes of socket buffer: loses nothing under load
    command += ["-nostdin", "-m", str(calls), "-timeout", f"{timeout_s}s", "-d", str(pause_ms)]
    if log_messages:
        command += ["-trace_msg", "-message_file", str(message_log)]
    command += ["-trace_err", "-error_file", str(folder / "errors.log")]
    if rtp_echo:
        command += ["-rtp_echo"]
    with running(command, folder / "sipp.log", cwd=folder) as process:
        process.wait_until(lambda: _is_bound(host, port, transport), f"SIPp {scenario}")
        yield SippUas(port=port, media_port=media_port, process=process, message_log=message_log)


def _is_bound(host: str, port: int, transport: str) -> bool:
    """Say whether somebody holds the port; asking by a packet would be a call for SIPp."""
    listening = b" 0A " if transport == "tcp" else b" "
    six = ":" in host
    address = f" {'0' * 24 + '01000000' if six else '0100007F'}:{port:04X} ".encode()
    table = Path("/proc/net", f"{transport}{'6' * six}").read_bytes()
    return any(address in line and listening in line for line in table.splitlines())
