"""The project's own certificate authority: it issues, and it takes back.

Keys are on P-256: small, quick on a Pi, known to every TLS 1.2 peer. A certificate says in its extended use whether it
opens connections (`client`) or answers them (`server`); the broker reads a client's name from the common name.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Literal, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hub_backend.provisioning.errors import ProvisionError
from hub_backend.provisioning.files import write

AUTHORITY_DAYS = 3650
CERTIFICATE_DAYS = 730  # tablets trust a server's certificate for at most 825
BACKDATED = timedelta(days=1)  # a Pi without a clock battery wakes up in the past
Use = Literal["client", "server"]
USES = {"client": ExtendedKeyUsageOID.CLIENT_AUTH, "server": ExtendedKeyUsageOID.SERVER_AUTH}


@dataclass(frozen=True)
class Issued:
    """A certificate and its key, both PEM, and what the register keeps of them."""

    certificate: bytes
    key: bytes
    serial: str
    ends: datetime

    def pkcs12(self, name: str, password: bytes) -> bytes:
        """Both in one file, locked with `password`."""
        key = serialization.load_pem_private_key(self.key, None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError("issued keys are elliptic")
        certificate = x509.load_pem_x509_certificate(self.certificate)
        return pkcs12.serialize_key_and_certificates(
            name.encode(), key, certificate, None, serialization.BestAvailableEncryption(password)
        )


class Authority:
    """Signs with the key in `private/ca.key`; `open` reads one that was made by `create`."""

    def __init__(self, folder: Path, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self._folder = folder
        self._certificate = certificate
        self._key = key

    @classmethod
    def create(cls, folder: Path, *, org: str, now: datetime, passphrase: bytes | None) -> Self:
        """Raises `ProvisionError` when there is an authority already: a second one would shut everybody out."""
        if (folder / "private" / "ca.key").exists():
            raise ProvisionError(f"{folder}: there is an authority already; use another --dir for another organisation")
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"buurtrit authority of {org}")])
        certificate = (
            _begun(name, name, key, now, AUTHORITY_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(authority=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        write(folder / "private" / "ca.key", _private(key, passphrase), secret=True)
        (folder / "private").chmod(0o700)
        write(folder / "ca.pem", certificate.public_bytes(serialization.Encoding.PEM), secret=False)
        return cls(folder, certificate, key)

    @classmethod
    def open(cls, folder: Path, *, passphrase: bytes | None) -> Self:
        """Raises `ProvisionError` when there is none, or when the passphrase is not the one."""
        try:
            certificate = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
            key = serialization.load_pem_private_key((folder / "private" / "ca.key").read_bytes(), passphrase)
        except OSError as error:
            raise ProvisionError(f"{folder}: no authority here ({error.strerror}); run `provision init`") from error
        except (ValueError, TypeError) as error:
            raise ProvisionError(f"{folder}/private/ca.key: cannot be opened; wrong or no --passphrase-file") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ProvisionError(f"{folder}/private/ca.key: no elliptic curve key, so none of ours")
        return cls(folder, certificate, key)

    def issue(self, name: str, *, use: Use, addresses: Sequence[str], now: datetime) -> Issued:
        """A fresh key and its certificate. `addresses` are host names or IPs, needed by a server."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = (
            _begun(subject, self._certificate.subject, key, now, CERTIFICATE_DAYS)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(authority=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([USES[use]]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if addresses:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_general_name(address) for address in addresses]), critical=False
            )
        certificate = builder.sign(self._key, hashes.SHA256())
        return Issued(
            certificate=certificate.public_bytes(serialization.Encoding.PEM),
            key=_private(key, None),
            serial=f"{certificate.serial_number:x}",
            ends=certificate.not_valid_after_utc,
        )

    def revoke(self, revoked: Iterable[tuple[str, datetime]], *, now: datetime) -> None:
        """Writes `revoked.pem`, whole: serials in hexadecimal and since when.

        It holds as long as the authority does: a list that runs out shuts out every van (OpenSSL refuses all then).
        """
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._certificate.subject)
            .last_update(now - BACKDATED)
            .next_update(self._certificate.not_valid_after_utc)
        )
        for serial, since in revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(int(serial, 16)).revocation_date(since).build()
            )
        crl = builder.sign(self._key, hashes.SHA256())
        write(self._folder / "revoked.pem", crl.public_bytes(serialization.Encoding.PEM), secret=False)


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now.astimezone(UTC) - BACKDATED)
        .not_valid_after(now.astimezone(UTC) + timedelta(days=days))
    )


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _private(key: ec.EllipticCurvePrivateKey, passphrase: bytes | None) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption(),
    )


def _general_name(address: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(address))
    except ValueError:
        return x509.DNSName(address)
