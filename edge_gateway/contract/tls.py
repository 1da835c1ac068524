"""TLS as this system speaks it: 1.2 or newer, both ends shown by certificates of its own authority, names checked.

The files come from `buurtrit provision`; certificates of the public web's authorities are not trusted here.
"""

import ssl
from ipaddress import ip_address
from pathlib import Path


def client_context(
    ca_file: Path | str, *, cert_file: Path | str | None = None, key_file: Path | str | None = None
) -> ssl.SSLContext:
    """A context that trusts `ca_file` alone and shows `cert_file`. Raises `OSError` or `ssl.SSLError`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(ca_file)
    if cert_file is not None:
        context.load_cert_chain(cert_file, key_file)
    return context


def server_context(cert_file: Path | str, key_file: Path | str, *, client_ca_file: Path | str | None) -> ssl.SSLContext:
    """What answers a tablet; with `client_ca_file` only one that shows a certificate. Raises `OSError`, `SSLError`.

    Beside the authority lies `revoked.pem`, its list of certificates that were taken back, which is then held against.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(cert_file, key_file)
    if client_ca_file is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_ca_file)
        revoked = Path(client_ca_file).parent / "revoked.pem"
        if revoked.is_file():
            context.load_verify_locations(revoked)
            context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    return context


def file_faults(prefix: str, files: dict[str, str | None]) -> list[str]:
    """What is wrong with `ca`, `cert` and `key` of settings named `{prefix}_ca_file` and so on: field and reason."""
    names = {part: f"{prefix}_{part}_file" for part in ("ca", "cert", "key")}
    faults = [
        f"{names[part]}: no file {file}"
        for part, file in files.items()
        if file is not None and not Path(file).is_file()
    ]
    if (files["cert"] is None) != (files["key"] is None):
        absent, present = ("key", "cert") if files["key"] is None else ("cert", "key")
        faults.append(f"{names[absent]}: missing beside {names[present]}")
    if files["cert"] is not None and files["ca"] is None:
        faults.append(f"{names['ca']}: missing beside {names['cert']}")
    return faults


def is_loopback(host: str) -> bool:
    """Whether what is said to `host` stays on this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
