"""Certificates for the node's own https, vouched for by the organisation's key on the ledger.

A node's certificate is issued in the name of its organisation and signed with the organisation's Ed25519 key. Whoever
calls the organisation takes that key from the ledger and trusts what it signed, for this organisation and no other:
nobody has to run, or to believe, an authority for the network. A certificate of a public authority serves as well.
When the organisation's key is replaced, its certificate must be made anew.
"""

import datetime
import ipaddress
import ssl
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from medrec.node.keeping.keys import OrganisationKeys

CERTIFICATE_FILE, KEY_FILE, AUTHORITY_FILE = "certificate.pem", "key.pem", "authority.pem"
DAYS = 397
"""How long a certificate holds; browsers take none that holds longer."""
_PAST = datetime.timedelta(hours=1)
_SIGNS_CERTIFICATES = x509.KeyUsage(
    digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
    key_agreement=False, key_cert_sign=True, crl_sign=False, encipher_only=False, decipher_only=False,
)  # fmt: skip
_ALWAYS = (datetime.datetime(2020, 1, 1), datetime.datetime(9999, 12, 31))


class Certificate(NamedTuple):
    """The files of a node's certificate."""

    certificate: Path
    key: Path


def _name(organisation: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"MedRec organisation {organisation}")])


def make_certificate(keys: OrganisationKeys, endpoint: str, folder: Path, now_ms: int) -> Certificate:
    """Write a new certificate and its key for the host of an endpoint; what was there is replaced.

    Beside them stands the organisation's own authority, which a browser may be given.
    """
    host = urlsplit(endpoint).hostname or "localhost"
    now = datetime.datetime.fromtimestamp(now_ms / 1000, datetime.UTC)
    own = ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:64])]))
        .issuer_name(_name(keys.organisation))
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _PAST)
        .not_valid_after(now + datetime.timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName(_hosts(host)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(_issued_by(keys), critical=False)
    )
    certificate = keys.certify(builder)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for name, data in ((KEY_FILE, key), (CERTIFICATE_FILE, certificate.public_bytes(Encoding.PEM)),
                       (AUTHORITY_FILE, _own_authority(keys))):  # fmt: skip
        fresh = folder / f"{name}.new"
        fresh.touch(mode=0o600)
        fresh.write_bytes(data)
        fresh.replace(folder / name)
    return Certificate(folder / CERTIFICATE_FILE, folder / KEY_FILE)


def follow_keys(keys: OrganisationKeys, endpoint: str, folder: Path, now_ms: int) -> bool:
    """Make the organisation's own certificate in a folder anew if other keys than these vouched for it, or it has an
    older form; whether that was so. Beside one of a public authority there is no authority of the organisation.
    """
    try:
        found = (folder / AUTHORITY_FILE).read_bytes()
    except OSError:
        return False
    if found == _own_authority(keys):
        return False
    make_certificate(keys, endpoint, folder, now_ms)
    return True


def _own_authority(keys: OrganisationKeys) -> bytes:
    """The same bytes whenever it is made."""
    public = bytes.fromhex(keys.public()["ed25519"])
    return keys.certify(_authority(keys.organisation, public)).public_bytes(Encoding.PEM)


def _hosts(host: str) -> list[x509.GeneralName]:
    try:
        return [x509.IPAddress(ipaddress.ip_address(host))]
    except ValueError:
        return [x509.DNSName(host)]


def _issued_by(keys: OrganisationKeys) -> x509.AuthorityKeyIdentifier:
    public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(keys.public()["ed25519"]))
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(public)


def _authority(organisation: str, public: bytes) -> x509.CertificateBuilder:
    """The organisation's key in the form of an authority for its own certificates, and for nothing else."""
    key = Ed25519PublicKey.from_public_bytes(public)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(organisation))
        .issuer_name(_name(organisation))
        .public_key(key)
        .serial_number(1)
        .not_valid_before(_ALWAYS[0])
        .not_valid_after(_ALWAYS[1])
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(_SIGNS_CERTIFICATES, critical=True)
    )


def authority(organisation: str, public: bytes) -> bytes:
    """An organisation's key as an anchor of trust (PEM), for programs that take one.

    An anchor is trusted for its name and key; nobody looks at the signature on it, so any key may have made it.
    """
    return _authority(organisation, public).sign(Ed25519PrivateKey.generate(), None).public_bytes(Encoding.PEM)


def trust_in(organisation: str, public: bytes) -> ssl.SSLContext:
    """For calls to one organisation: its own key on the ledger vouches, and so do the system's roots."""
    context = ssl.create_default_context()
    # As Python does by itself from 3.13 on: what one version takes, the others do.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_STRICT
    context.load_verify_locations(cadata=authority(organisation, public).decode())
    return context
