"""Faults of the encrypted transport, F022, F023, F037 to F046 and F173: servers with bad papers."""

import datetime as dt
import email.utils
import ipaddress
import socket
import ssl
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from certificates import Certificate
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from internet import TOOLS, Internet, internet, server_side, some_step, uri
from lab import Fault, Lab, Scene
from uas import Call, Exchange, Flow

DAY = dt.timedelta(days=1)


class Authority:
    """Who signs certificates: a root, or one below another."""

    def __init__(self, lab: Lab, folder: Path, above: "Authority | None" = None) -> None:
        self.lab, self.folder = lab, folder
        self.name = x509.Name(
            [
                x509.NameAttribute(
                    NameOID.COMMON_NAME,
                    f"{lab.phrase('Root', 'Issuing', 'Global')} CA {lab.rng.randrange(100)}",
                )
            ]
        )
        self.key = ec.generate_private_key(ec.SECP256R1())
        signer = above or self
        self.certificate = (
            signer.building(self.name, self.key.public_key(), -400 * DAY, 400 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(signer.key, hashes.SHA256())
        )
        self.file = folder / f"ca-{len(list(folder.iterdir()))}.pem"
        self.file.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def building(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePublicKey,
        since: dt.timedelta,
        until: dt.timedelta,
    ) -> x509.CertificateBuilder:
        """Return a certificate that is not signed yet; times count from now."""
        now = dt.datetime.now(dt.timezone.utc)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + since)
            .not_valid_after(now + until)
        )

    def issue(
        self,
        *names: str,
        since: dt.timedelta = -30 * DAY,
        until: dt.timedelta = 60 * DAY,
        usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH,
        chain: tuple["Authority", ...] = (),
    ) -> Certificate:
        """Write a certificate for names and addresses, with the chain that is sent along."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        signed = (
            self.building(subject, key.public_key(), since, until)
            .add_extension(x509.SubjectAlternativeName(list(map(_name, names))), critical=False)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        number = len(list(self.folder.iterdir()))
        pair = Certificate(
            certificate=self.folder / f"{number}.pem", key=self.folder / f"{number}.key"
        )
        papers = (signed, *(one.certificate for one in chain))
        pair.certificate.write_bytes(
            b"".join(paper.public_bytes(serialization.Encoding.PEM) for paper in papers)
        )
        pair.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return pair


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


class Office:
    """A network with a TLS server to come: its name, and who signs for it."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.net: Internet = internet(lab)
        self.folder = lab.place("papers")
        self.authority = Authority(lab, self.folder)
        self.address = self.net.there[0]
        self.host = self.net.host()
        self.alias = self.net.host(self.host)
        self.net.names({(self.host, "A"): [self.address], (self.alias, "A"): [self.address]})
        self.port = lab.rng.choice((5061, 5061, lab.rng.randrange(5062, 5999)))

    def scene(self, *, host: str = "", port: int = 0, transport: str = "tls", **more: Any) -> Scene:  # noqa: ANN401
        """Return a scene that goes to the server, with the CA that we trust."""
        keys = more.pop("keys", {})
        profile = {
            "uri": uri(self.lab.user(), host or self.host, port or self.port, transport),
            **({"ca_file": str(self.authority.file)} if transport == "tls" else {}),
            **keys,
        }
        return self.net.scene(profile, [some_step(self.lab)], **more)

    def handshakes(self, context: ssl.SSLContext) -> None:
        """Start a server that shakes hands, or refuses to, and never speaks SIP."""
        listener = self.net.holds(socket.SOCK_STREAM, self.address, self.port)
        listener.settimeout(0.1)
        thread = threading.Thread(target=_accept, args=(listener, context), daemon=True)
        self.lab.stack.callback(thread.join, 5)
        self.lab.stack.callback(listener.shutdown, socket.SHUT_RDWR)
        thread.start()

    def showing(self, pair: Certificate, **options: Any) -> Scene:  # noqa: ANN401
        """Start a server that shows a certificate, and return the scene that goes there."""
        self.net.serve(self.address, self.port, tls=server_side(pair))
        return self.scene(**options)

    def good(self) -> Certificate:
        """Return a certificate without a fault."""
        return self.authority.issue(self.host, self.address)


def _accept(listener: socket.socket, context: ssl.SSLContext) -> None:
    """Accept until the listener is shut down."""
    while True:
        try:
            plain, _ = listener.accept()
        except TimeoutError:
            continue
        except OSError:
            return
        threading.Thread(target=_shake, args=(plain, context), daemon=True).start()


def _shake(plain: socket.socket, context: ssl.SSLContext) -> None:
    """Shake hands; a refused handshake ends with OpenSSL's alert."""
    plain.settimeout(2)
    secure = context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
    with secure, suppress(OSError):
        try:
            secure.do_handshake()
            secure.recv(4096)
        except ssl.SSLError:
            # The alert is to arrive before the connection ends: read what is still coming.
            secure.shutdown(socket.SHUT_WR)
            while secure.recv(4096):
                pass


def plain_to_tls(lab: Lab) -> Scene:
    """Speak plain SIP to a TLS port."""
    office = Office(lab)
    if lab.rng.random() < 0.5:
        return office.showing(office.good(), transport="tcp")
    office.handshakes(server_side(office.good()))
    return office.scene(transport="tcp")


def tls_to_plain(lab: Lab) -> Scene:
    """Speak TLS to a port without it."""
    office = Office(lab)
    server = office.net.serve(office.address, 5060, "tcp")
    manner = lab.rng.choice(("silent", "closes", "complains"))

    def take(text: str, flow: Flow) -> bool:
        del text
        if manner == "closes":
            flow.close()
        return True

    server.ignores = take
    if manner != "silent":
        server.raw = lambda data, flow: (
            flow.send("SIP/2.0 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            if manner == "complains"
            else flow.close()
        )
    return office.scene(port=5060)


def expired(lab: Lab) -> Scene:
    """Show a certificate of which the time is over."""
    office = Office(lab)
    return office.showing(
        office.authority.issue(office.host, office.address, until=-lab.rng.randrange(1, 25) * DAY)
    )


def not_yet_valid(lab: Lab) -> Scene:
    """Show a certificate of which the time is to come."""
    office = Office(lab)
    since = lab.rng.randrange(2, 50) * DAY
    return office.showing(office.authority.issue(office.host, office.address, since=since))


def other_name(lab: Lab) -> Scene:
    """Show a certificate for another name of the domain."""
    office = Office(lab)
    return office.showing(office.authority.issue(office.net.host(office.host)))


def by_address(lab: Lab) -> Scene:
    """Configure the address where the certificate has the name."""
    office = Office(lab)
    return office.showing(office.authority.issue(office.host), host=office.address)


def unknown_signer(lab: Lab) -> Scene:
    """Show a certificate that nobody signed whom we trust."""
    office = Office(lab)
    other = Authority(lab, office.folder)
    return office.showing(other.issue(office.host, office.address))


def intermediate_missing(lab: Lab) -> Scene:
    """Leave the certificate between the root and the server's out."""
    office = Office(lab)
    middle = Authority(lab, office.folder, office.authority)
    return office.showing(middle.issue(office.host, office.address))


def old_versions_only(lab: Lab) -> Scene:
    """Speak TLS 1.0 or 1.1 alone."""
    office = Office(lab)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # old versions are the fault
        version = lab.rng.choice((ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1))
        context = server_side(office.good(), lowest=version, highest=version)
    context.set_ciphers("ALL:@SECLEVEL=0")
    office.handshakes(context)
    return office.scene(keys={"tls_min": "1.2"})


def newest_version_only(lab: Lab) -> Scene:
    """Speak TLS 1.3 alone, which our engine has not."""
    office = Office(lab)
    context = server_side(office.good(), lowest=ssl.TLSVersion.TLSv1_3)
    office.handshakes(context)
    return office.scene()


def no_common_cipher(lab: Lab) -> Scene:
    """Take ciphers alone that our engine has not."""
    office = Office(lab)
    context = server_side(office.good(), highest=ssl.TLSVersion.TLSv1_2)
    context.set_ciphers(lab.phrase("ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES128-CCM"))
    office.handshakes(context)
    return office.scene()


def _asks_for_ours(office: Office, trusted: Path) -> None:
    context = server_side(office.good(), highest=ssl.TLSVersion.TLSv1_2)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(trusted)
    office.handshakes(context)


def client_certificate_wanted(lab: Lab) -> Scene:
    """Ask for a certificate of ours, where none is configured."""
    office = Office(lab)
    _asks_for_ours(office, office.authority.file)
    return office.scene()


def client_certificate_refused(lab: Lab) -> Scene:
    """Refuse ours: it is of another authority, or over."""
    office = Office(lab)
    _asks_for_ours(office, office.authority.file)
    usage = ExtendedKeyUsageOID.CLIENT_AUTH
    user = f"{lab.user()}.{office.net.domain}"
    if lab.rng.random() < 0.5:
        ours = Authority(lab, office.folder).issue(user, usage=usage)
    else:
        ours = office.authority.issue(user, usage=usage, until=-2 * DAY)
    return office.scene(keys={"client_cert": str(ours.certificate), "client_key": str(ours.key)})


def unknown_server_name(lab: Lab) -> Scene:
    """Know some names alone: the one that we ask for (SNI) is another (alert 112, RFC 6066 §3)."""
    office = Office(lab)
    context = server_side(office.authority.issue(office.host, office.alias))

    def choose(_: object, name: str | None, __: object) -> int | None:
        return None if name == office.host else ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

    context.sni_callback = choose
    office.handshakes(context)
    return office.scene(host=office.alias)


def wrong_clock(lab: Lab) -> Scene:
    """Let the provider's world be at another day than our clock; only that difference shows."""
    office = Office(lab)
    shift = lab.rng.choice((-1, 1)) * lab.rng.randrange(90, 400) * DAY
    dated = office.net.serve(office.address, 5060)

    async def tell(exchange: Exchange) -> None:
        now = dt.datetime.now(dt.timezone.utc) + shift
        await exchange.reply(200, "", f"Date: {email.utils.format_datetime(now, usegmt=True)}")

    dated.on["OPTIONS"] = dated.on["REGISTER"] = tell
    pair = office.authority.issue(
        office.host, office.address, since=shift - 30 * DAY, until=shift + 60 * DAY
    )
    return office.showing(pair)


def scheme_refused(lab: Lab) -> Scene:
    """Take sip: over TLS alone, not sips:."""
    office = Office(lab)
    server = office.net.serve(office.address, office.port, tls=server_side(office.good()))
    answer = lab.rng.choice(
        (
            (416, "Unsupported URI Scheme"),
            (480, "Temporarily Unavailable", f'Warning: 381 {office.host} "SIPS Required"'),
            (480, "Temporarily Unavailable", f'Warning: 380 {office.host} "SIPS Not Allowed"'),
        )
    )

    async def refuse(taken: Call | Exchange) -> None:
        await taken.reply(*answer)

    server.on["REGISTER"] = server.on["OPTIONS"] = server.call = refuse
    keys = {"uri": f"sips:{lab.user()}@{office.host}:{office.port}"}
    return office.scene(keys=keys)


def wrong_purpose(lab: Lab) -> Scene:
    """Show a certificate that is for clients alone: nothing of the catalogue."""
    office = Office(lab)
    usage = ExtendedKeyUsageOID.CLIENT_AUTH
    return office.showing(office.authority.issue(office.host, office.address, usage=usage))


def _fault(cause: str | None, name: str, how: str, make: Callable[[Lab], Scene]) -> Fault:
    family = "U" if cause is None else {"F022": "B", "F023": "B", "F173": "S"}.get(cause, "C")
    return Fault(cause=cause, name=name, how=how, make=make, family=family, needs=TOOLS)


FAULTS = (
    _fault("F022", "plain SIP to TLS", "plain TCP to the port of a TLS server", plain_to_tls),
    _fault(
        "F023",
        "TLS to plain SIP",
        "TLS to a TCP port that is silent, closes or says 400",
        tls_to_plain,
    ),
    _fault(
        "F037",
        "expired certificate",
        "TLS server with a certificate of which the time is over",
        expired,
    ),
    _fault(
        "F037",
        "certificate not yet valid",
        "TLS server with a certificate of the future",
        not_yet_valid,
    ),
    _fault(
        "F038",
        "certificate of another name",
        "TLS server with a certificate for another name",
        other_name,
    ),
    _fault(
        "F038",
        "address instead of a name",
        "the profile has the address, the certificate the name",
        by_address,
    ),
    _fault("F039", "unknown signer", "TLS server with a certificate of another CA", unknown_signer),
    _fault(
        "F039",
        "intermediate missing",
        "TLS server that sends its own certificate without the chain",
        intermediate_missing,
    ),
    _fault(
        "F040",
        "old TLS alone",
        "TLS server with 1.0 or 1.1 alone; tls_min is 1.2",
        old_versions_only,
    ),
    _fault("F173", "newest TLS alone", "TLS server with 1.3 alone", newest_version_only),
    _fault(
        "F041",
        "no common cipher",
        "TLS server with ciphers that the engine has not",
        no_common_cipher,
    ),
    _fault(
        "F042",
        "client certificate wanted",
        "TLS server that asks for a certificate",
        client_certificate_wanted,
    ),
    _fault(
        "F043",
        "client certificate refused",
        "ours is of another CA, or over",
        client_certificate_refused,
    ),
    _fault(
        "F044",
        "server name unknown",
        "TLS server that knows other names: alert 112",
        unknown_server_name,
    ),
    _fault(
        "F045",
        "wrong clock",
        "certificate and Date of the far end are months away from our clock",
        wrong_clock,
    ),
    _fault(
        "F046",
        "sips refused",
        "far end over TLS: 416, or 480 with Warning 380 or 381, to sips:",
        scheme_refused,
    ),
    _fault(
        None,
        "certificate for clients",
        "TLS server with a certificate of another purpose",
        wrong_purpose,
    ),
)
