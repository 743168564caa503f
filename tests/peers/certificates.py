"""Certificates for the TLS peers: a good one, and one for each way in which one can be bad."""

import datetime as dt
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate and its private key."""

    certificate: Path
    "PEM file of the certificate."

    key: Path
    "PEM file of its private key, not encrypted."


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """Everything a TLS test needs, made new for each session."""

    ca: Path
    "PEM file of the certificate authority that the agent is told to trust."

    unknown_ca: Path
    "PEM file of the authority that the agent does not know."

    server: Certificate
    "Good: for the name localhost and the addresses 127.0.0.1 and ::1, valid now."

    expired: Certificate
    "Like `server`, valid until yesterday."

    wrong_name: Certificate
    "Like `server`, for sip.example.test only."

    untrusted: Certificate
    "Like `server`, signed by `unknown_ca`."

    client: Certificate
    "For mutual TLS: the agent's own, signed by `ca`."


class _Authority:
    """A certificate authority that lives for one session."""

    def __init__(self, folder: Path, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _common_name(name)
        self._folder = folder
        self.file = folder / f"{name}.pem"
        certificate = (
            _builder(self._name, self._key, self._name)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def issue(
        self,
        name: str,
        *alternatives: x509.GeneralName,
        until: dt.timedelta = DAY,
        usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH,
    ) -> Certificate:
        """Write certificate and key for some alternative names; `until` counts from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _common_name(name)
        builder = _builder(subject, key, self._name, until=until).add_extension(
            x509.ExtendedKeyUsage([usage]), critical=False
        )
        if alternatives:
            builder = builder.add_extension(
                x509.SubjectAlternativeName(alternatives), critical=False
            )
        issued = Certificate(
            certificate=self._folder / f"{name}.pem", key=self._folder / f"{name}.key"
        )
        issued.certificate.write_bytes(
            builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        )
        issued.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return issued


def make_certificates(folder: Path) -> Certificates:
    """Write all certificates into `folder`."""
    places = [x509.IPAddress(ipaddress.ip_address(place)) for place in ("127.0.0.1", "::1")]
    here = (x509.DNSName("localhost"), *places)
    known = _Authority(folder, "ca")
    unknown = _Authority(folder, "unknown-ca")
    return Certificates(
        ca=known.file,
        unknown_ca=unknown.file,
        server=known.issue("server", *here),
        expired=known.issue("expired", *here, until=-DAY),
        wrong_name=known.issue("wrong-name", x509.DNSName("sip.example.test")),
        untrusted=unknown.issue("untrusted", *here),
        client=known.issue("client", usage=ExtendedKeyUsageOID.CLIENT_AUTH),
    )


def _common_name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
    *,
    until: dt.timedelta = DAY,
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 3 * DAY)
        .not_valid_after(now + until)
    )
