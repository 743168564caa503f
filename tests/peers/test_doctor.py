"""`sipprobe doctor --trunk` against real peers on loopback."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from certificates import Certificates
from kamailio import Kamailio
from listeners import TlsServer
from ports import LOOPBACK
from userfolder import UserFolder
from wire import Capture


def examined(folder: UserFolder, status: int, **keys: object) -> dict[str, dict[str, Any]]:
    """Return the checks of a trunk by topic; hold the exit status."""
    folder.trunk(**keys)
    began = time.monotonic()
    ended = folder.command("doctor", "--trunk", "peer", "--format", "json")
    assert time.monotonic() - began < 15  # on an idle machine one second
    assert ended.exit_code == status, ended.stdout + ended.stderr
    return {check["topic"]: check for check in ended.json["checks"] if check["of"] == "trunk"}


def test_kamailio_over_tls(
    kamailio: Kamailio, certificates: Certificates, folder: UserFolder
) -> None:
    """Answered, seen where we are, trusted, and the days that its certificate still holds."""
    found = examined(
        folder,
        0,
        uri=f"sip:100@{LOOPBACK}:{kamailio.tls_port};transport=tls",
        ca_file=str(certificates.ca),
    )
    assert f"tls {LOOPBACK}:{kamailio.tls_port}: it answered 200" in found["OPTIONS"]["says"]
    assert found["NAT"]["state"] == "ok"
    assert found["certificate"]["state"] == "ok"
    assert LOOPBACK in found["certificate"]["says"]
    assert "days" in found["expiry"]["says"]
    assert "1.2" in found["TLS versions"]["says"]


def test_kamailio_gets_one_options_and_no_call(
    kamailio: Kamailio, folder: UserFolder, capture: Callable[..., Capture]
) -> None:
    """One request leaves, and it is no REGISTER and no INVITE."""
    watching = capture(kamailio.udp_port)
    found = examined(folder, 0, uri=f"sip:100@{LOOPBACK}:{kamailio.udp_port}", password="x")
    assert found["OPTIONS"]["state"] == "ok"
    assert "amailio" in found["OPTIONS"]["says"]  # its Server
    asked = [m for m in watching.sip(kamailio.udp_port) if m.first_line.endswith("SIP/2.0")]
    assert [message.first_line.split()[0] for message in asked] == ["OPTIONS"]


@pytest.mark.parametrize(
    ("which", "topic"),
    [("expired", "expiry"), ("wrong_name", "certificate"), ("untrusted", "certificate")],
)
def test_bad_certificate_is_a_fault(
    certificates: Certificates,
    tls_server: Callable[..., TlsServer],
    folder: UserFolder,
    which: str,
    topic: str,
) -> None:
    """Each way of being bad has its line and its remedy."""
    server = tls_server(getattr(certificates, which))
    found = examined(
        folder,
        1,
        uri=f"sip:100@{LOOPBACK}:{server.port};transport=tls",
        ca_file=str(certificates.ca),
    )
    assert found[topic]["state"] == "fault"
    assert found[topic]["remedy"]


def test_closed_port_is_a_fault(closed_udp_port: int, folder: UserFolder) -> None:
    """The kernel said so."""
    found = examined(folder, 1, uri=f"sip:100@{LOOPBACK}:{closed_udp_port}")
    assert found["OPTIONS"]["state"] == "fault"
    assert "port unreachable" in found["OPTIONS"]["says"]


def test_silent_trunk_is_a_warning(silent_udp_port: int, folder: UserFolder) -> None:
    """Some trunks answer calls only: status 0, and the remedy says how to be sure."""
    found = examined(folder, 0, uri=f"sip:100@{LOOPBACK}:{silent_udp_port}")
    assert found["OPTIONS"]["state"] == "warning"
    assert "Place a call to be sure" in found["OPTIONS"]["remedy"]
    assert found["NAT"]["state"] == "not_checked"


def test_name_that_does_not_exist(folder: UserFolder) -> None:
    """Nobody can be asked; which fault of DNS it is depends on the resolver of this machine."""
    found = examined(folder, 1, uri="sip:100@name.invalid")
    assert found["DNS"]["state"] == "fault"
    assert found["OPTIONS"]["state"] == "not_checked"
