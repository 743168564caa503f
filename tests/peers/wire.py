"""What was really on the wire: a capture of the loopback interface, read back by tshark."""

import re
import secrets
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from ports import LOOPBACK, free_port
from processes import RunningProcess, program, running

FIELDS = (
    "frame.time_epoch",
    "ip.src",
    "ip.dst",
    "udp.srcport",
    "udp.dstport",
    "tcp.srcport",
    "tcp.dstport",
    "udp.payload",
    "tcp.payload",
    "sip.Request-Line",
    "sip.Status-Line",
    "sip.Call-ID",
    "sip.CSeq",
)
SEPARATOR, AGGREGATOR = "\t", "\x1f"
"""Between fields, and between values of one field: characters that no SIP header line holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnWire:
    """A SIP message in a capture."""

    time: float
    "When its frame was captured, in seconds since 1970."

    src: str
    "Sender, as address:port."

    dst: str
    "Receiver, as address:port."

    first_line: str
    "The request line or status line."

    call_id: str
    "The value of Call-ID."

    cseq: str
    "The value of CSeq."

    payload: bytes
    "What its frame carried: by UDP the message itself, by TCP perhaps more or less than it."


_STREAM = re.compile(
    r"^\s*[\d.]+\s+[\d.]+\s+\S+\s+(?P<source>\d+)\s+\S+\s+(?P<goal>\d+)\s+(?P<ssrc>0x\w+)\s+.+?"
    r"\s(?P<packets>\d+)\s+(?P<lost>-?\d+) \([^)]*\)(?:\s+[\d.]+){3}\s+[\d.]+\s+(?P<mean>[\d.]+)"
    r"\s+(?P<max>[\d.]+)",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """What tshark's analysis says of one RTP stream."""

    ssrc: str
    "As 0x and eight hexadecimal digits."

    packets: int
    "Packets, copies included."

    lost: int
    "Packets missing by number; a copy makes up for one."

    jitter_s: float
    "Mean jitter."

    jitter_max_s: float
    "Largest jitter."


class Capture:
    """A running capture of the given ports."""

    def __init__(self, pcap: Path, process: RunningProcess, marker_port: int) -> None:
        self.pcap = pcap
        "The capture file, in pcap format."
        self._process = process
        self._marker_port = marker_port

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def mark(self) -> None:
        """Wait until everything sent so far is in the file: a marker sent now is there after it."""
        marker = secrets.token_hex(16).encode()

        def arrived() -> bool:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto(marker, (LOOPBACK, self._marker_port))
            return self.pcap.exists() and marker in self.pcap.read_bytes()

        self._process.wait_until(arrived, "the capture")

    def stop(self) -> None:
        """End the capture; the file is then complete."""
        if self._process.status() is None:
            self.mark()
            self._process.stop(signal.SIGINT)

    def rtp(self, port: int) -> dict[str, "Stream"]:
        """Stop, and return the RTP streams of a UDP port: under `to` and `from`, the first of each.

        The figures are those of tshark's own analysis (`-z rtp,streams`).
        """
        self.stop()
        command = [program("tshark"), "-n", "-r", str(self.pcap), "-d", f"udp.port=={port},rtp"]
        command += ["-q", "-z", "rtp,streams"]
        read = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
        found: dict[str, Stream] = {}
        for row in _STREAM.finditer(read.stdout):
            for way, end in (("from", "source"), ("to", "goal")):
                if int(row[end]) == port:
                    found.setdefault(
                        way,
                        Stream(
                            ssrc=row["ssrc"].lower(),
                            packets=int(row["packets"]),
                            lost=int(row["lost"]),
                            jitter_s=float(row["mean"]) / 1000,
                            jitter_max_s=float(row["max"]) / 1000,
                        ),
                    )
        return found

    def sip(self, *ports: int) -> list[OnWire]:
        """Stop, and return every SIP message in order; read as SIP is what uses `ports`."""
        self.stop()
        command = [program("tshark"), "-n", "-r", str(self.pcap), "-Y", "sip", "-T", "fields"]
        command += ["-E", f"separator={SEPARATOR}", "-E", f"aggregator={AGGREGATOR}"]
        for port in ports:
            command += ["-d", f"udp.port=={port},sip", "-d", f"tcp.port=={port},sip"]
        for field in FIELDS:
            command += ["-e", field]
        read = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
        return [message for line in read.stdout.splitlines() for message in _messages(line)]


def _messages(line: str) -> Iterator[OnWire]:
    """Yield the messages of one frame: by TCP several may share it."""
    values = dict(zip(FIELDS, line.split(SEPARATOR), strict=True))
    transport = "tcp" if values["tcp.srcport"] else "udp"
    payload = bytes.fromhex(values[f"{transport}.payload"].split(AGGREGATOR)[0])
    first_lines = [
        text
        for field in ("sip.Request-Line", "sip.Status-Line")
        for text in values[field].split(AGGREGATOR)
        if text
    ]
    # tshark gives requests and responses apart; the payload knows their order.
    first_lines.sort(key=lambda text: payload.find(text.encode()))
    call_ids, cseqs = values["sip.Call-ID"].split(AGGREGATOR), values["sip.CSeq"].split(AGGREGATOR)
    for first_line, call_id, cseq in zip(first_lines, call_ids, cseqs, strict=True):
        yield OnWire(
            time=float(values["frame.time_epoch"]),
            src=f"{values['ip.src']}:{values[f'{transport}.srcport']}",
            dst=f"{values['ip.dst']}:{values[f'{transport}.dstport']}",
            first_line=first_line,
            call_id=call_id,
            cseq=cseq,
            payload=payload,
        )


@contextmanager
def running_capture(folder: Path, *ports: int) -> Iterator[Capture]:
    """Capture the given ports on loopback while the block runs; all of UDP where none is given."""
    marker_port = free_port()
    pcap = folder / "capture.pcap"
    wanted = " or ".join(f"port {port}" for port in (*ports, marker_port)) if ports else "udp"
    command = [_dumpcap(), "-q", "-i", "lo", "-f", wanted, "-P", "-w", "-"]
    # Written through our own open file, which it flushes with each batch of packets.
    with (
        pcap.open("wb") as sink,
        running(command, folder / "dumpcap.log", stdout=sink, stop_signal=signal.SIGINT) as process,
    ):
        capture = Capture(pcap, process, marker_port)
        capture.mark()
        yield capture
        capture.stop()


@cache
def _dumpcap() -> str:
    """Return the path of a dumpcap that may capture on loopback, or skip the test."""
    dumpcap = program("dumpcap")
    asked = subprocess.run(
        [dumpcap, "-L", "-i", "lo"], capture_output=True, text=True, timeout=10, check=False
    )
    if asked.returncode != 0:
        pytest.skip(
            "dumpcap may not capture on loopback: run the tests as root, or allow it with "
            "dpkg-reconfigure wireshark-common and join the group wireshark"
        )
    return dumpcap
