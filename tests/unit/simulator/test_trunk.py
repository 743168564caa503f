"""Starting, stopping and what the trunk tells about itself."""

import socket
import threading
from collections.abc import Callable

import pytest
from sip_phone import Phone

from probe.simulator.trunk import EmbeddedTrunk


def test_the_ports_are_one_number_for_udp_and_tcp(trunk: EmbeddedTrunk) -> None:
    """UDP and TCP listen on the same number where it is free for both."""
    assert trunk.udp_port == trunk.tcp_port > 0
    assert trunk.tls_port is None
    assert trunk.uri == f"sip:100@127.0.0.1:{trunk.udp_port}"
    assert trunk.uri_for("tcp") == f"sip:100@127.0.0.1:{trunk.tcp_port};transport=tcp"


def test_no_uri_over_tls_without_files(trunk: EmbeddedTrunk) -> None:
    """A TLS address is not invented."""
    with pytest.raises(ValueError, match="without TLS files"):
        trunk.uri_for("tls")


def test_a_stopped_trunk_has_no_ports() -> None:
    """Ports are known only while the trunk runs."""
    trunk = EmbeddedTrunk()
    with pytest.raises(RuntimeError, match="does not run"):
        _ = trunk.udp_port
    assert "stopped" in repr(trunk)


def test_stop_frees_port_and_thread_and_may_be_repeated() -> None:
    """After stop the same port can be bound again and no thread is left."""
    before = threading.active_count()
    with EmbeddedTrunk() as trunk:
        port = trunk.udp_port
        assert threading.active_count() == before + 1
        with pytest.raises(RuntimeError, match="runs already"):
            trunk.start()
    trunk.stop()
    assert threading.active_count() == before
    with EmbeddedTrunk(port=port) as again:
        assert (again.udp_port, again.tcp_port) == (port, port)


def test_a_taken_udp_port_is_told_to_the_caller() -> None:
    """A port in use is an OSError of start, and nothing is left running."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        trunk = EmbeddedTrunk(port=taken.getsockname()[1])
        with pytest.raises(OSError, match="in use"):
            trunk.start()
    trunk.stop()


def test_a_taken_tcp_port_is_told_to_the_caller() -> None:
    """A wanted number must be free for both transports."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        trunk = EmbeddedTrunk(port=taken.getsockname()[1])
        with pytest.raises(OSError, match="in use"):
            trunk.start()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "sip.example.com", ""])
def test_only_loopback_is_served(host: str) -> None:
    """An address or name that others could reach is refused before anything is opened."""
    with pytest.raises(ValueError, match="loopback only"):
        EmbeddedTrunk(host=host)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.2", "127.0.0.1"])
def test_every_ipv4_loopback_address_may_be_served(host: str) -> None:
    """The name localhost and the whole of 127.0.0.0/8 are loopback."""
    with EmbeddedTrunk(host=host) as trunk:
        assert trunk.uri.startswith("sip:100@127.0.0.")


@pytest.mark.parametrize("option", [{"realm": 'a"b'}, {"user": "a b"}, {"user": ""}])
def test_text_that_breaks_a_header_field_is_refused(option: dict[str, str]) -> None:
    """Realm and user cannot smuggle quotes, spaces or line ends into messages."""
    with pytest.raises(ValueError, match="does not fit"):
        EmbeddedTrunk(**option)


def test_an_unknown_algorithm_is_refused() -> None:
    """Only MD5 and SHA-256 are on offer."""
    with pytest.raises(ValueError, match="expected MD5 or SHA-256"):
        EmbeddedTrunk(algorithm="SHA-1")


def test_the_password_is_random_and_never_shown() -> None:
    """Each trunk has its own password, and no repr shows it."""
    first, second = EmbeddedTrunk(), EmbeddedTrunk()
    assert first.password != second.password
    with first:
        assert first.password not in repr(first)
        assert str(first.udp_port) in repr(first)


def test_the_log_hides_the_digest_response(trunk: EmbeddedTrunk, phone: Phone) -> None:
    """Neither the text nor the repr of a seen message holds what could be cracked."""
    phone.register()
    seen = trunk.wait_for(lambda m: m.code == 200)
    assert seen is not None
    texts = [m.text for m in trunk.log if "Authorization:" in m.text]
    assert texts
    assert all('response="***"' in text for text in texts)
    assert trunk.password not in repr(trunk.log)


def test_the_log_tells_what_was_seen_in_order(trunk: EmbeddedTrunk, phone: Phone) -> None:
    """Time, way, peer, direction, method and code of each message are kept."""
    phone.ask("OPTIONS", "x")
    request, response = trunk.log
    assert (request.direction, request.method, request.code) == ("received", "OPTIONS", None)
    assert (response.direction, response.method, response.code) == ("sent", "OPTIONS", 200)
    assert request.is_request
    assert not response.is_request
    assert request.peer == response.peer == ("127.0.0.1", phone.port)
    assert request.transport == "UDP"
    assert request.at <= response.at
    assert request.call_id == phone.call_id
    assert request.cseq == 1


def test_waiting_for_what_never_comes_ends(trunk: EmbeddedTrunk) -> None:
    """wait_for gives None when its time is over."""
    assert trunk.wait_for(lambda m: m.method == "BYE", timeout=0.01) is None


def test_a_fault_of_our_own_is_kept_and_the_trunk_lives_on(
    start: Callable[..., EmbeddedTrunk],
    connect: Callable[..., Phone],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An exception in our code is told by failures; the next message is served."""
    trunk = start()
    phone = connect(trunk)
    monkeypatch.setattr("probe.simulator.switchboard.tag_of", lambda _value: 1 / 0)
    phone.write(phone.text("OPTIONS", "x"))
    assert phone.nothing()
    monkeypatch.undo()
    assert phone.ask("OPTIONS", "x").status == 200
    assert "ZeroDivisionError" in trunk.failures[0]
    trunk._failures.clear()


def test_stop_ends_calls_on_the_wire(
    start: Callable[..., EmbeddedTrunk], connect: Callable[..., Phone]
) -> None:
    """A call that was answered gets BYE when the trunk stops, one that rings gets 503."""
    trunk = start()
    talking, ringing = connect(trunk), connect(trunk)
    talking.call()
    ringing.ring("7002", until=180)
    trunk.stop()
    assert talking.read().method == "BYE"
    assert ringing.read().status == 503
    assert {c.ended_by for c in trunk.calls} == {"stop"}
