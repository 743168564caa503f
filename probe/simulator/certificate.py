"""A certificate for the TLS side of the embedded trunk, made for one run and valid for a day."""

import datetime as dt
import ipaddress
from pathlib import Path

from probe.simulator.transport import TlsFiles

_LIFETIME = dt.timedelta(days=1)
_CLOCK_SKEW = dt.timedelta(minutes=5)


def make_certificate(folder: Path, host: str) -> TlsFiles:
    """Write a self-signed certificate for a loopback address, and its key; raise OSError.

    Its private key lives as long as the folder: nobody else's server can show it.
    """
    from cryptography import x509  # noqa: PLC0415 - 60 ms that a run without TLS need not spend
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - as above
    from cryptography.x509.oid import NameOID  # noqa: PLC0415 - as above

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = dt.datetime.now(dt.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + _LIFETIME)
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.IPAddress(ipaddress.ip_address(host)), x509.DNSName("localhost")]
            ),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = TlsFiles(certificate=folder / "embedded.pem", key=folder / "embedded.key")
    files.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files.key.touch(mode=0o600)
    files.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files
