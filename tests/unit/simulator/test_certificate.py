"""The certificate of a run, and the TLS port beside the others."""

import stat
from collections.abc import Callable
from pathlib import Path

from sip_phone import Phone

from probe.simulator.certificate import make_certificate
from probe.simulator.trunk import EmbeddedTrunk


def test_a_phone_that_trusts_it_registers(
    tmp_path: Path, start: Callable[..., EmbeddedTrunk], connect: Callable[..., Phone]
) -> None:
    """It holds for the loopback address, and its key is for its owner alone."""
    files = make_certificate(tmp_path, "127.0.0.1")
    trunk = start(tls=files)
    assert trunk.certificate == files.certificate
    assert stat.S_IMODE(files.key.stat().st_mode) == 0o600
    phone = connect(trunk, "TLS", files.certificate)
    assert phone.register().status == 200


def test_tls_is_one_port_higher(tmp_path: Path, start: Callable[..., EmbeddedTrunk]) -> None:
    """5061 follows 5060."""
    trunk = start(tls=make_certificate(tmp_path, "127.0.0.1"))
    assert trunk.tls_port == trunk.udp_port + 1
