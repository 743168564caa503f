"""Whom TLS trusts where a profile names nobody: the file that the distribution keeps."""

from pathlib import Path

CA_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)
"""Where distributions keep the trusted issuers."""


def system_issuers() -> str | None:
    """Return the file of trusted issuers, or None where there is none."""
    return next((file for file in CA_FILES if Path(file).exists()), None)
