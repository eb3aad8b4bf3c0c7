"""A certificate that a machine gives itself, for TLS on loopback."""

from __future__ import annotations

import ipaddress
import os
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from tasks.store.clock import real_now

VALID = timedelta(days=3650)


class Pair(NamedTuple):
    """Files: the certificate, which is also what to trust (SSL_CERT_FILE), and its private key."""

    certificate: Path
    key: Path


def self_signed(folder: Path) -> Pair:
    """Return the folder's pair for localhost, 127.0.0.1 and ::1, made if there is none."""
    pair = Pair(folder / "loopback.crt", folder / "loopback.key")
    if not (pair.certificate.exists() and pair.key.exists()):
        folder.mkdir(parents=True, exist_ok=True)
        _make(pair)
    return pair


def _make(pair: Pair) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "acredita loopback provider")])
    names = x509.SubjectAlternativeName([
        x509.DNSName("localhost"), *(x509.IPAddress(ipaddress.ip_address(it)) for it in ("127.0.0.1", "::1"))
    ])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(real_now() - timedelta(days=1))
        .not_valid_after(real_now() + VALID)
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with os.fdopen(os.open(pair.key, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as file:
        file.write(secret)
    pair.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
