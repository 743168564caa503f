"""Asterisk as a PBX on loopback: users 100 to 105 and the world outside, by UDP, TCP and TLS.

Its files stand in `asterisk/`; the program is the one that tests/install-asterisk unpacks.
"""

import os
import secrets
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from certificates import Certificates
from ports import BLOCK, LOOPBACK, free_block, free_port
from processes import RunningProcess, running

FILES = Path(__file__).with_name("asterisk")

INSTALL = Path(__file__).parents[1] / "install-asterisk"

USERS = ("100", "101", "102", "103", "104", "105", "199")
"""Who may log in. 104 is reached over TLS only and speaks SRTP only; 105 takes keys by DTLS alone,
and Opus; 199 is the world outside."""

SECURE_USER = "104"

UNUSED = ("acl", "ccss", "cel", "features", "manager", "pjproject", "stasis", "udptl")
"""Files that it looks for in any case; one that is missing would stand as an error in its log."""

READY_WITHIN_S = 20.0
"""It starts in about one second on an idle machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asterisk:
    """A running Asterisk."""

    port: int
    "Listens here by UDP and by TCP."

    tls_port: int
    "Listens here by TLS, with a good certificate for localhost and 127.0.0.1."

    tls13_port: int
    "The same by TLS 1.3 alone."

    wrong_name_port: int
    "The same with a certificate for another name."

    expired_port: int
    "The same with an expired certificate."

    ca: Path
    "The authority of its certificates (PEM)."

    passwords: Mapping[str, str] = field(repr=False)
    "The password of each of `USERS`."

    folder: Path
    "Its configuration, and its log and voicemail in `var`."

    process: RunningProcess
    "The program itself."

    def account(self, user: str, transport: str = "udp", **keys: object) -> dict[str, object]:
        """Return the keys of a profile or agent for a user over a transport."""
        port = self.tls_port if transport == "tls" else self.port
        known: dict[str, object] = {
            "uri": f"sip:{user}@{LOOPBACK}:{port};transport={transport}",
            "password": self.passwords[user],
        }
        if transport == "tls":
            known["ca_file"] = str(self.ca)
        return known | keys

    def cli(self, command: str) -> str:
        """Return what a command of its console prints, such as `core show channels`."""
        asked = subprocess.run(
            [program_path(), "-C", str(self.folder / "asterisk.conf"), "-rx", command],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        return asked.stdout + asked.stderr

    def log(self) -> str:
        """Return what it has said so far, notices and the steps of the dialplan."""
        file = self.folder / "var" / "test.log"
        return (file.read_text(errors="replace") if file.exists() else "") + self.process.log()


@contextmanager
def running_asterisk(folder: Path, certificates: Certificates) -> Iterator[Asterisk]:
    """Run Asterisk while the block runs; `folder` holds its configuration and what it writes."""
    program = Path(program_path())
    port, tls_port, wrong_name_port, expired_port = (free_port() for _ in range(4))
    tls13_port = free_port()
    rtp = free_block()
    passwords = {user: secrets.token_urlsafe(9) for user in USERS}
    (folder / "var").mkdir()
    # A socket's path may have 107 characters, and a test's folder is deep.
    with tempfile.TemporaryDirectory(prefix="asterisk-") as run:
        values = {
            "FOLDER": folder,
            "RUN": run,
            "MODULES": next(program.parent.glob("usr/lib/*/asterisk/modules")),
            "DATA": program.parent / "usr/share/asterisk",
            "PORT": port,
            "TLS_PORT": tls_port,
            "TLS13_PORT": tls13_port,
            "WRONG_NAME_PORT": wrong_name_port,
            "EXPIRED_PORT": expired_port,
            "RTP_FIRST": rtp,
            "RTP_LAST": rtp + BLOCK - 1,
            "CERTIFICATE": certificates.server.certificate,
            "KEY": certificates.server.key,
            "WRONG_NAME_CERTIFICATE": certificates.wrong_name.certificate,
            "WRONG_NAME_KEY": certificates.wrong_name.key,
            "EXPIRED_CERTIFICATE": certificates.expired.certificate,
            "EXPIRED_KEY": certificates.expired.key,
            **{f"PASSWORD_{user.upper()}": word for user, word in passwords.items()},
        }
        for source in FILES.glob("*.conf"):
            (folder / source.name).write_text(_filled(source, values))
        for name in UNUSED:
            (folder / f"{name}.conf").write_text("; nothing to say\n")
        command = [str(program), "-f", "-C", str(folder / "asterisk.conf")]
        with running(command, folder / "asterisk.out", cwd=folder) as process:
            peer = Asterisk(
                port=port,
                tls_port=tls_port,
                tls13_port=tls13_port,
                wrong_name_port=wrong_name_port,
                expired_port=expired_port,
                ca=certificates.ca,
                passwords=passwords,
                folder=folder,
                process=process,
            )
            try:
                process.wait_until(lambda: _answers(peer), "Asterisk", READY_WITHIN_S)
            except AssertionError as problem:
                raise AssertionError(f"{problem}\n{peer.log()}") from None
            yield peer


def program_path() -> str:
    """Return the path of Asterisk, or skip the test with the sentence that helps."""
    place = subprocess.run([INSTALL, "--where"], capture_output=True, text=True, check=True)
    found = Path(place.stdout.strip()) / "asterisk"
    if not found.exists():
        pytest.skip("Asterisk is not in place: run tests/install-asterisk")
    return str(found)


def _filled(source: Path, values: Mapping[str, object]) -> str:
    """Return a file of the configuration with every %%NAME%% replaced."""
    lines = []
    for line in source.read_text().splitlines():
        code, mark, comment = line.partition(";") if "transport=" not in line else (line, "", "")
        for name, value in values.items():
            code = code.replace(f"%%{name}%%", str(value))
        if "%%" in code:
            raise AssertionError(f"{source.name} asks for a value that nobody gives: {line}")
        lines.append(code + mark + comment)
    return "\n".join(lines) + "\n"


def _answers(peer: Asterisk) -> bool:
    """Say whether it has started whole, takes TCP and TLS connections and answers by UDP."""
    try:
        for port in (peer.port, peer.tls_port, peer.wrong_name_port, peer.expired_port):
            socket.create_connection((LOOPBACK, port), timeout=1).close()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.settimeout(0.5)
            probe.connect((LOOPBACK, peer.port))
            own = probe.getsockname()[1]
            lines = (
                f"OPTIONS sip:{LOOPBACK}:{peer.port} SIP/2.0",
                f"Via: SIP/2.0/UDP {LOOPBACK}:{own};branch=z9hG4bK-ready-{os.getpid()}-{own}",
                f"From: <sip:ready@{LOOPBACK}>;tag=ready",
                f"To: <sip:{LOOPBACK}:{peer.port}>",
                f"Call-ID: ready-{own}",
                "CSeq: 1 OPTIONS",
                "Max-Forwards: 70",
                "Content-Length: 0",
                "\r\n",
            )
            probe.send("\r\n".join(lines).encode())
            answered = probe.recv(4096).startswith(b"SIP/2.0 401")
    except OSError:
        return False
    # It listens before the dialplan is read.
    return answered and "Asterisk has fully booted" in peer.cli("core waitfullybooted")
