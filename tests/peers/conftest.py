"""Fixtures: real SIP peers on loopback, started when asked for, stopped whatever happens."""

import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from asterisk import Asterisk, running_asterisk
from certificates import Certificate, Certificates, make_certificates
from dnsserver import NameServer
from kamailio import Kamailio, KamailioOptions, running_kamailio
from listeners import TlsServer, running_tls_server, silent_port
from ports import LOOPBACK, free_port
from presence import Presence, running_presence
from sipp import SippUas, running_sipp_uas
from sipprobe_command import Finished, RunningSipprobe, running_sipprobe
from userfolder import UserFolder
from wire import Capture, running_capture


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark every test of this folder: what stands here needs real peers."""
    item.add_marker(pytest.mark.peer)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Give a certificate authority, a good server certificate and bad ones, new each session."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def kamailio_with(
    tmp_path_factory: pytest.TempPathFactory, certificates: Certificates
) -> Iterator[Callable[..., Kamailio]]:
    """Give a function that starts Kamailio, once for each set of `KamailioOptions`."""
    with ExitStack() as stack:
        started: dict[KamailioOptions, Kamailio] = {}

        def start(**options: Any) -> Kamailio:  # noqa: ANN401 - the fields of KamailioOptions
            wanted = replace(KamailioOptions(), **options)
            if wanted not in started:
                folder = tmp_path_factory.mktemp("kamailio")
                started[wanted] = stack.enter_context(
                    running_kamailio(folder, certificates, wanted)
                )
            return started[wanted]

        yield start


@pytest.fixture
def kamailio(kamailio_with: Callable[..., Kamailio]) -> Kamailio:
    """Give the ordinary registrar and proxy: MD5, a wrong password is challenged again."""
    return kamailio_with()


@pytest.fixture(scope="session")
def asterisk(
    tmp_path_factory: pytest.TempPathFactory, certificates: Certificates
) -> Iterator[Asterisk]:
    """Give the PBX: Asterisk with users 100 to 104, the world outside, voicemail and hints."""
    with running_asterisk(tmp_path_factory.mktemp("asterisk"), certificates) as peer:
        yield peer


@pytest.fixture(scope="module")
def presence(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Presence]:
    """Give a presence server: SUBSCRIBE, NOTIFY, PUBLISH, and MESSAGE between its users."""
    with running_presence(tmp_path_factory.mktemp("presence")) as peer:
        yield peer


@pytest.fixture
def peers(tmp_path: Path) -> Iterator[Callable[[str], tuple[ExitStack, Path]]]:
    """Give a function that returns the test's stack of running things and a new folder for one."""
    with ExitStack() as stack:
        count = 0

        def place(name: str) -> tuple[ExitStack, Path]:
            nonlocal count
            count += 1
            folder = tmp_path / f"{name}-{count}"
            folder.mkdir()
            return stack, folder

        yield place


@pytest.fixture
def sipp_uas(peers: Callable[[str], tuple[ExitStack, Path]]) -> Callable[..., SippUas]:
    """Give a function that starts a far end: `sipp_uas("refuse", keys={"code": "404", …})`."""

    def start(scenario: str, **options: Any) -> SippUas:  # noqa: ANN401 - running_sipp_uas's
        stack, folder = peers(f"sipp-{scenario}")
        return stack.enter_context(running_sipp_uas(folder, scenario, **options))

    return start


@pytest.fixture
def capture(peers: Callable[[str], tuple[ExitStack, Path]]) -> Callable[..., Capture]:
    """Give a function that starts a capture of the given ports: `capture(kamailio.udp_port)`."""

    def start(*ports: int) -> Capture:
        stack, folder = peers("capture")
        return stack.enter_context(running_capture(folder, *ports))

    return start


@pytest.fixture
def closed_udp_port() -> int:
    """Give a UDP port that nobody holds: the kernel answers with ICMP port unreachable."""
    return free_port()


@pytest.fixture
def closed_tcp_port() -> int:
    """Give a TCP port that nobody holds: the kernel refuses the connection."""
    return free_port()


@pytest.fixture
def silent_udp_port() -> Iterator[int]:
    """Give a UDP port that takes everything and never answers."""
    with silent_port(socket.SOCK_DGRAM) as port:
        yield port


@pytest.fixture
def silent_tcp_port() -> Iterator[int]:
    """Give a TCP port that accepts connections and never answers."""
    with silent_port(socket.SOCK_STREAM) as port:
        yield port


@pytest.fixture
def tls_server(peers: Callable[[str], tuple[ExitStack, Path]]) -> Callable[..., TlsServer]:
    """Give a function that serves a certificate: `tls_server(certificates.expired)`."""

    def start(certificate: Certificate, **options: Any) -> TlsServer:  # noqa: ANN401
        stack, _ = peers("tls")
        return stack.enter_context(running_tls_server(certificate, **options))

    return start


@pytest.fixture
def name_server(
    peers: Callable[[str], tuple[ExitStack, Path]],
) -> Callable[..., NameServer]:
    """Give a function that serves records by UDP: `name_server({(name, "A"): [address]})`."""

    def start(
        records: Mapping[tuple[str, str], Sequence[str]],
        **options: Any,  # noqa: ANN401 - the fields of NameServer
    ) -> NameServer:
        stack, _ = peers("names")
        server = NameServer(stack=stack, records=records, **options)
        place = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        place.bind((LOOPBACK, 0))
        server.at = f"{LOOPBACK}:{place.getsockname()[1]}"
        server.on(place)
        return server

    return start


@pytest.fixture
def start_sipprobe(
    peers: Callable[[str], tuple[ExitStack, Path]], tmp_path: Path
) -> Callable[..., RunningSipprobe]:
    """Give a function that starts a sipprobe command and returns while it runs."""

    def start(
        args: Sequence[str], cwd: Path = tmp_path, env: Mapping[str, str] | None = None
    ) -> RunningSipprobe:
        stack, folder = peers("sipprobe")
        return stack.enter_context(running_sipprobe(folder, args, cwd=cwd, env=env))

    return start


@pytest.fixture
def run_sipprobe(start_sipprobe: Callable[..., RunningSipprobe]) -> Callable[..., Finished]:
    """Give a function that runs sipprobe to its end: `run_sipprobe(["run", "x"]).json`."""

    def run(args: Sequence[str], *, within_s: float = 60.0, **options: Any) -> Finished:  # noqa: ANN401
        return start_sipprobe(args, **options).finish(within_s)

    return run


@pytest.fixture
def folder(start_sipprobe: Callable[..., RunningSipprobe], tmp_path: Path) -> Iterator[UserFolder]:
    """Give a user's folder; at the end no process of a command in it may be left over."""
    path = tmp_path / "user"
    path.mkdir()
    place = UserFolder(path, start_sipprobe)
    yield place
    assert place.wait_for_silence() == []
