"""Kamailio as registrar with digest and as proxy, over UDP, TCP and TLS on loopback."""

import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from certificates import Certificate, Certificates
from ports import LOOPBACK, free_port
from processes import RunningProcess, program, running

TEMPLATE = Path(__file__).with_name("kamailio.cfg.template")

NUMBER_PREFIX = "1202555"
"""Numbers of this prefix plus a five-digit UDP port are put through to that port on loopback."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KamailioOptions:
    """What tests vary."""

    algorithm: str = "MD5"
    "The digest algorithm that it challenges with: MD5 or SHA-256."

    wrong_password_403: bool = False
    "Answer wrong credentials, also an unknown user's, with 403 instead of a new challenge."

    one_time_nonce: bool = True
    "Give each challenge a nonce of its own; else all challenges of one second share theirs."

    certificate: str = "server"
    "Which of `Certificates` the TLS listener shows."

    tls_method: str = "TLSv1.2+"
    "Which versions the TLS listener takes, in Kamailio's words."

    host: str = LOOPBACK
    "The loopback address that it listens on, IPv6 in brackets."

    ask_client: bool = False
    "Refuse TLS clients without a certificate of the test's own authority."


@dataclass(frozen=True, slots=True, kw_only=True)
class Kamailio:
    """A running Kamailio."""

    udp_port: int
    "Listens here by UDP."

    tcp_port: int
    "Listens here by TCP; the same number as `udp_port`."

    tls_port: int
    "Listens here by TLS."

    realm: str
    "The realm of its challenges."

    user: str
    "A user who may register and call."

    password: str
    "The password of `user`."

    second_user: str
    "Another one, for calls between two users."

    second_password: str
    "The password of `second_user`."

    process: RunningProcess
    "The program itself."

    @property
    def pid(self) -> int:
        """The process id of its first process, which ends the others."""
        return self.process.pid

    def log(self) -> str:
        """Return what it has printed so far."""
        return self.process.log()

    def number_to(self, port: int) -> str:
        """Return the number that it puts through to a UDP port on loopback."""
        return f"{NUMBER_PREFIX}{port:05d}"


@contextmanager
def running_kamailio(
    folder: Path, certificates: Certificates, options: KamailioOptions
) -> Iterator[Kamailio]:
    """Run Kamailio while the block runs; `folder` holds its configuration and its log."""
    port, tls_port = free_port(), free_port()
    user, second_user = "100", "101"
    password, second_password = secrets.token_urlsafe(9), secrets.token_urlsafe(9)
    realm = "pbx.test"
    shown: Certificate = getattr(certificates, options.certificate)
    configuration = folder / "kamailio.cfg"
    configuration.write_text(
        _filled(
            HOST=options.host,
            TLS_METHOD=options.tls_method,
            UDP_PORT=port,
            TCP_PORT=port,
            TLS_PORT=tls_port,
            CERTIFICATE=shown.certificate,
            KEY=shown.key,
            CA=certificates.ca,
            ASK_CLIENT=int(options.ask_client),
            ALGORITHM=options.algorithm,
            ONE_TIME_NONCE=int(options.one_time_nonce),
            USER=user,
            PASSWORD=password,
            SECOND_USER=second_user,
            SECOND_PASSWORD=second_password,
            NUMBER_PREFIX=NUMBER_PREFIX,
            REALM=realm,
        )
    )
    command = [program("kamailio"), "-f", str(configuration)]
    command += ["-DD", "-E"]  # stay in the foreground, speak to stderr
    command += ["-m", "16", "-M", "4"]  # MB shared and per process; tls refuses to work with less
    command += ["-w", str(folder), "-Y", str(folder)]  # nothing in /run
    if options.wrong_password_403:
        command += ["-A", "WRONG_PASSWORD_403"]
    with running(command, folder / "kamailio.log") as process:
        peer = Kamailio(
            udp_port=port,
            tcp_port=port,
            tls_port=tls_port,
            realm=realm,
            user=user,
            password=password,
            second_user=second_user,
            second_password=second_password,
            process=process,
        )
        process.wait_until(lambda: _answers(peer, options.host), "Kamailio")
        yield peer


def _filled(**values: object) -> str:
    """Return the configuration with every %%NAME%% replaced."""
    text = TEMPLATE.read_text()
    for name, value in values.items():
        text = text.replace(f"%%{name}%%", str(value))
    if "%%" in text.split("\n", 2)[2]:  # the first comment explains the notation
        message = "kamailio.cfg.template asks for a value that nobody gives"
        raise AssertionError(message)
    return text


def _answers(peer: Kamailio, host: str) -> bool:
    """Say whether it accepts TCP and TLS connections and answers an OPTIONS by UDP."""
    address = host.strip("[]")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        for port in (peer.tcp_port, peer.tls_port):
            socket.create_connection((address, port), timeout=1).close()
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.settimeout(0.2)
            probe.connect((address, peer.udp_port))
            own = probe.getsockname()[1]
            lines = (
                f"OPTIONS sip:{host}:{peer.udp_port} SIP/2.0",
                f"Via: SIP/2.0/UDP {host}:{own};branch=z9hG4bK-ready-{os.getpid()}",
                f"From: <sip:ready@{host}>;tag=ready",
                f"To: <sip:{host}:{peer.udp_port}>",
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
