"""Kamailio as presence server on loopback: SUBSCRIBE, NOTIFY, PUBLISH, MESSAGE between users."""

import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ports import LOOPBACK, free_port
from processes import RunningProcess, program, running

TEMPLATE = Path(__file__).with_name("presence.cfg.template")
EMPTY_TABLES = Path("/usr/share/kamailio/dbtext/kamailio")
_TABLES = ("version", "presentity", "active_watchers", "watchers", "xcap", "pua")

SECRET_USER = "boss"
"""An extension whose state nobody may watch: 403."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """A running presence server."""

    port: int
    "Listens here by UDP and TCP."

    user: str
    "A user who may do everything."

    password: str
    "The password of `user`."

    second_user: str
    "Another one."

    second_password: str
    "The password of `second_user`."

    process: RunningProcess
    "The program itself."


@contextmanager
def running_presence(folder: Path) -> Iterator[Presence]:
    """Run Kamailio while the block runs; `folder` holds its configuration, tables and log."""
    port = free_port()
    tables = folder / "tables"
    tables.mkdir()
    for table in _TABLES:
        shutil.copy(EMPTY_TABLES / table, tables / table)
    user, second_user, realm = "100", "101", "pbx.test"
    password, second_password = secrets.token_urlsafe(9), secrets.token_urlsafe(9)
    values = {
        "PORT": port,
        "TABLES": tables,
        "REALM": realm,
        "USER": user,
        "PASSWORD": password,
        "SECOND_USER": second_user,
        "SECOND_PASSWORD": second_password,
        "SECRET_USER": SECRET_USER,
    }
    text = TEMPLATE.read_text()
    for name, value in values.items():
        text = text.replace(f"%%{name}%%", str(value))
    configuration = folder / "presence.cfg"
    configuration.write_text(text)
    command = [program("kamailio"), "-f", str(configuration)]
    command += ["-DD", "-E"]  # stay in the foreground, speak to stderr
    command += ["-m", "16", "-M", "4", "-w", str(folder), "-Y", str(folder)]
    with running(command, folder / "presence.log") as process:
        peer = Presence(
            port=port,
            user=user,
            password=password,
            second_user=second_user,
            second_password=second_password,
            process=process,
        )
        process.wait_until(lambda: _answers(port), "Kamailio with presence")
        yield peer


def _answers(port: int) -> bool:
    """Say whether it answers an OPTIONS by UDP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(0.2)
        try:
            probe.connect((LOOPBACK, port))
            own = probe.getsockname()[1]
            lines = (
                f"OPTIONS sip:{LOOPBACK}:{port} SIP/2.0",
                f"Via: SIP/2.0/UDP {LOOPBACK}:{own};branch=z9hG4bK-ready",
                f"From: <sip:ready@{LOOPBACK}>;tag=ready",
                f"To: <sip:{LOOPBACK}:{port}>",
                f"Call-ID: ready-{own}",
                "CSeq: 1 OPTIONS",
                "Max-Forwards: 70",
                "Content-Length: 0",
                "\r\n",
            )
            probe.send("\r\n".join(lines).encode())
            return probe.recv(4096).startswith(b"SIP/2.0 200")
        except OSError:
            return False
