"""An answer over TCP whose Content-Length is longer than what it sends."""

import re
import socket
import threading
from collections.abc import Iterator

import pytest
from ports import LOOPBACK
from userfolder import UserFolder

_COPIED = re.compile(r"(?:via|v|from|f|to|t|call-id|i|cseq)\s*:", re.IGNORECASE)


def _answer(head: str, length: int) -> bytes:
    """Return a 200 to a request that says it has a body of so many bytes, and has none."""
    copied = [line for line in head.split("\r\n")[1:] if _COPIED.match(line)]
    return "\r\n".join(["SIP/2.0 200 OK", *copied, f"Content-Length: {length}", "", ""]).encode()


def _serve(server: socket.socket) -> None:
    """Answer every request; the very first one with a length that is too long."""
    length = 400
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            text = ""
            while data := connection.recv(65535):
                text += data.decode()
                while "\r\n\r\n" in text:
                    head, _, text = text.partition("\r\n\r\n")
                    connection.sendall(_answer(head, length))
                    length = 0


@pytest.fixture
def port() -> Iterator[int]:
    """Give the port of such a server."""
    with socket.create_server((LOOPBACK, 0)) as server:
        thread = threading.Thread(target=_serve, args=(server,))
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_lost_framing_is_named_and_the_next_step_is_spared(port: int, folder: UserFolder) -> None:
    """The step says what was wrong with its answer; the next one asks on another connection."""
    folder.trunk(uri=f"sip:100@{LOOPBACK}:{port};transport=tcp")
    folder.scenario("- options:\n  timeout: 1s\n- options:\n- options:")
    run = folder.read(folder.start("run", "check", "--results", "results", "--no-controls"))
    assert [finding["outcome"] for finding in run.findings] == ["NOT_MET", "MET", "MET"]
    first = run.findings[0]
    assert first["failure"] == "RESPONSE_DISCARDED"
    assert first["explanation"]["certainty"] == "certain"
    assert [cause["id"] for cause in first["explanation"]["causes"]] == ["F034"]
    assert "Content-Length is longer than what it sent" in first["explanation"]["summary"]
