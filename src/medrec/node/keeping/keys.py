"""The secret keys of an organisation and of a person, and the files they live in.

An organisation holds three keys so that no signature of one purpose can pass for another:

* ed25519          signs transaction ids and requests,
* cosign_ed25519   signs checkpoints, extension lines included (cosignature/v1),
* cosign_mldsa44   signs checkpoints against quantum computers (FIPS 204; name, origin, size and root).

Each is kept as its 32-byte seed. The file is JSON with mode 0600 in a folder of mode 0700, written whole or
not at all, and never over another key unless asked. It is not encrypted: who reads the disk as this user
has the keys. No `repr`, pickle or error message shows a seed.
"""

import json
import os
import secrets
import stat
from pathlib import Path
from typing import NoReturn

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.x509 import Certificate, CertificateBuilder
from nacl.signing import SigningKey

from medrec.core.checkpoint import (
    COSIGNATURE_ED25519,
    COSIGNATURE_MLDSA44,
    NoteError,
    SignatureLine,
    cosignature_message,
    cosigner_keys,
    mldsa44_cosignature_message,
    parse_checkpoint,
    parse_checkpoint_body,
)
from medrec.core.crypto import key_id
from medrec.core.witness import log_key

SEED_BYTES = 32
TXID_BYTES = 32
ORGANISATION_FILE = "organisation-keys.json"
PERSON_FILE = "person-key.json"

_ORGANISATION_FORM = "organisation-keys/1"
_PERSON_FORM = "person-key/1"
_ORGANISATION_SEEDS = ("ed25519", "cosign_ed25519", "cosign_mldsa44")
_PERSON_SEEDS = ("ed25519",)


class KeyFileError(ValueError):
    """A key file is missing, malformed, readable by others, or in the way; the message names the file."""


class _Secret:
    """Keeps an object that holds seeds out of pickles; its text form names public things only."""

    __slots__ = ()

    def __reduce__(self) -> NoReturn:
        raise TypeError("secret keys are saved with save(), not pickled")


class OrganisationKeys(_Secret):
    """The three keys of one organisation. Make them with generate, from_seed or load."""

    __slots__ = ("_cosign_ed25519", "_cosign_mldsa44", "_ed25519", "_seeds", "organisation")

    def __init__(self, organisation: str, seeds: dict[str, bytes]) -> None:
        _check_seeds(seeds, _ORGANISATION_SEEDS)
        self.organisation = organisation
        self._seeds = dict(seeds)
        self._ed25519 = SigningKey(seeds["ed25519"])
        self._cosign_ed25519 = SigningKey(seeds["cosign_ed25519"])
        self._cosign_mldsa44 = MLDSA44PrivateKey.from_seed_bytes(seeds["cosign_mldsa44"])

    @classmethod
    def generate(cls, organisation: str) -> "OrganisationKeys":
        """New keys from the system's randomness."""
        return cls(organisation, {name: secrets.token_bytes(SEED_BYTES) for name in _ORGANISATION_SEEDS})

    @classmethod
    def from_seed(cls, organisation: str, seed: bytes) -> "OrganisationKeys":
        """The same keys for the same 32 bytes (HKDF-SHA256): for demonstrations and tests."""
        return cls(organisation, derive_seeds(seed, _ORGANISATION_FORM, _ORGANISATION_SEEDS))

    @classmethod
    def load(cls, folder: Path) -> "OrganisationKeys":
        """The keys saved in a folder. Raises KeyFileError, also if others than the owner may read the file."""
        organisation, seeds = read_key_file(folder / ORGANISATION_FILE, _ORGANISATION_FORM, _ORGANISATION_SEEDS)
        return cls(organisation, seeds)

    def save(self, folder: Path, *, replace: bool = False) -> Path:
        """Writes the keys and returns the file. Raises KeyFileError if there is one already, unless
        `replace`.
        """
        path = folder / ORGANISATION_FILE
        write_key_file(path, _ORGANISATION_FORM, self.organisation, self._seeds, replace=replace)
        return path

    def public(self) -> dict[str, str]:
        """The public keys in hex, as the genesis document lists them under "keys"."""
        return {
            "ed25519": bytes(self._ed25519.verify_key).hex(),
            "cosign_ed25519": bytes(self._cosign_ed25519.verify_key).hex(),
            "cosign_mldsa44": self._cosign_mldsa44.public_key().public_bytes_raw().hex(),
        }

    @property
    def key_id(self) -> bytes:
        """The 16 bytes by which a transaction names the transaction key."""
        return key_id(bytes(self._ed25519.verify_key))

    def sign_transaction_id(self, txid: bytes) -> bytes:
        """The 64-byte Ed25519 signature over a transaction id of 32 bytes."""
        return _sign_transaction_id(self._ed25519, txid)

    def sign_request(self, signature_base: bytes) -> bytes:
        """The 64-byte Ed25519 signature over the signature base of a request (RFC 9421 section 2.5).

        The same key signs transaction ids. A signature base names its parameters and is longer; 32 bytes are
        refused, so that no request can be made into a transaction.
        """
        if len(signature_base) <= TXID_BYTES:
            raise ValueError(f"{len(signature_base)} bytes are no signature base of a request")
        return self._ed25519.sign(signature_base).signature

    def certify(self, builder: CertificateBuilder) -> Certificate:
        """The certificate of a builder, signed with the key that signs requests. It is far longer than a transaction
        id and no signature base of a request, so that none can pass for the other.
        """
        return builder.sign(Ed25519PrivateKey.from_private_bytes(self._seeds["ed25519"]), None)

    def cosign(self, checkpoint_text: bytes, timestamp_s: int) -> list[SignatureLine]:
        """Both cosignature lines, Ed25519 then ML-DSA-44, over a checkpoint text at a time in seconds since
        1970.

        Raises NoteError for a text that is no MedRec checkpoint, ValueError for a time of 0 or less. It
        does not ask whether the checkpoint extends the last one signed: the caller must.
        """
        if timestamp_s < 1:
            raise ValueError("a cosignature is dated, in seconds since 1970")
        parse_checkpoint(checkpoint_text)
        return self._cosign(checkpoint_text, timestamp_s)

    def cosign_renewal(self, text: bytes, timestamp_s: int) -> list[SignatureLine]:
        """Both lines over the text of a renewal head (core/renewal.py). Raises NoteError for any other text."""
        if timestamp_s < 1:
            raise ValueError("a cosignature is dated, in seconds since 1970")
        if not parse_checkpoint_body(text).origin.endswith("/renewal"):
            raise NoteError("the text is not that of a renewal")
        return self._cosign(text, timestamp_s)

    def cosign_members(self, text: bytes, timestamp_s: int) -> list[SignatureLine]:
        """Both lines over the text of a change of members (core/root.py). Raises NoteError for any other text."""
        if timestamp_s < 1:
            raise ValueError("a cosignature is dated, in seconds since 1970")
        if not parse_checkpoint_body(text).origin.endswith("/members"):
            raise NoteError("the text is not that of a change of members")
        return self._cosign(text, timestamp_s)

    def _cosign(self, text: bytes, timestamp_s: int) -> list[SignatureLine]:
        classic, quantum = cosigner_keys(
            self.organisation,
            bytes(self._cosign_ed25519.verify_key),
            self._cosign_mldsa44.public_key().public_bytes_raw(),
        )
        signatures = {
            COSIGNATURE_ED25519: self._cosign_ed25519.sign(cosignature_message(text, timestamp_s)).signature,
            COSIGNATURE_MLDSA44: self._cosign_mldsa44.sign(
                mldsa44_cosignature_message(quantum.name, text, timestamp_s)
            ),
        }
        stamp = timestamp_s.to_bytes(8, "big")
        return [SignatureLine(key.name, key.key_id, stamp + signatures[key.algorithm]) for key in (classic, quantum)]

    def sign_as_log(self, checkpoint_text: bytes) -> SignatureLine:
        """The line by which this organisation vouches for a head as a writer of the log (core/witness.py): what
        witnesses ask for. The same cautions as for `cosign`.
        """
        checkpoint = parse_checkpoint(checkpoint_text)
        key = log_key(checkpoint.origin, bytes(self._cosign_ed25519.verify_key))
        return SignatureLine(key.name, key.key_id, self._cosign_ed25519.sign(checkpoint_text).signature)

    def __repr__(self) -> str:
        return f"OrganisationKeys({self.organisation!r}, key_id={self.key_id.hex()})"


class PersonKey(_Secret):
    """An Ed25519 credential of a person's account, for people without a passkey."""

    __slots__ = ("_ed25519", "_seeds", "account")

    def __init__(self, account: str, seeds: dict[str, bytes]) -> None:
        _check_seeds(seeds, _PERSON_SEEDS)
        self.account = account
        self._seeds = dict(seeds)
        self._ed25519 = SigningKey(seeds["ed25519"])

    @classmethod
    def generate(cls, account: str = "") -> "PersonKey":
        """A new key from the system's randomness. `account` is the address if it is known yet."""
        return cls(account, {name: secrets.token_bytes(SEED_BYTES) for name in _PERSON_SEEDS})

    @classmethod
    def from_seed(cls, seed: bytes, account: str = "") -> "PersonKey":
        """The same key for the same 32 bytes (HKDF-SHA256): for demonstrations and tests."""
        return cls(account, derive_seeds(seed, _PERSON_FORM, _PERSON_SEEDS))

    @classmethod
    def load(cls, folder: Path) -> "PersonKey":
        """The key saved in a folder. Raises KeyFileError, also if others than the owner may read the file."""
        return cls(*read_key_file(folder / PERSON_FILE, _PERSON_FORM, _PERSON_SEEDS))

    def save(self, folder: Path, *, replace: bool = False) -> Path:
        """Writes the key and returns the file. Raises KeyFileError if there is one already, unless
        `replace`.
        """
        path = folder / PERSON_FILE
        write_key_file(path, _PERSON_FORM, self.account, self._seeds, replace=replace)
        return path

    @property
    def public(self) -> bytes:
        """The 32-byte public key."""
        return bytes(self._ed25519.verify_key)

    @property
    def key_id(self) -> bytes:
        """The 16 bytes by which a transaction names this credential."""
        return key_id(self.public)

    def sign_transaction_id(self, txid: bytes) -> bytes:
        """The 64-byte Ed25519 signature over a transaction id of 32 bytes."""
        return _sign_transaction_id(self._ed25519, txid)

    def __repr__(self) -> str:
        return f"PersonKey({self.account!r}, key_id={self.key_id.hex()})"


def _sign_transaction_id(key: SigningKey, txid: bytes) -> bytes:
    if len(txid) != TXID_BYTES:
        raise ValueError(f"a transaction id has {TXID_BYTES} bytes, not {len(txid)}")
    return key.sign(txid).signature


def derive_seeds(seed: bytes, form: str, names: tuple[str, ...]) -> dict[str, bytes]:
    """One independent seed per name: HKDF-SHA256 without salt, info "medrec/", the form, "/" and the name."""
    if len(seed) != SEED_BYTES:
        raise ValueError(f"a seed has {SEED_BYTES} bytes, not {len(seed)}")
    return {
        name: HKDF(SHA256(), SEED_BYTES, salt=None, info=f"medrec/{form}/{name}".encode()).derive(seed)
        for name in names
    }


def _check_seeds(seeds: dict[str, bytes], names: tuple[str, ...]) -> None:
    if sorted(seeds) != sorted(names) or any(len(seed) != SEED_BYTES for seed in seeds.values()):
        raise ValueError(f"the seeds are not {', '.join(names)} of {SEED_BYTES} bytes each")


def write_key_file(path: Path, form: str, owner: str, seeds: dict[str, bytes], *, replace: bool) -> None:
    """Writes the file whole or not at all: a finished, synced neighbour takes its name in one step."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.parent.chmod(0o700)
    document = {"medrec": form, "owner": owner, "seeds": {name: seed.hex() for name, seed in seeds.items()}}
    neighbour = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(neighbour, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            neighbour.replace(path)
        else:
            path.hardlink_to(neighbour)  # unlike a rename, fails if the name is taken
    except FileExistsError:
        raise KeyFileError(f"{path.name} is there already; a key that is overwritten is gone") from None
    finally:
        neighbour.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_key_file(path: Path, form: str, names: tuple[str, ...]) -> tuple[str, dict[str, bytes]]:
    """Owner and seeds of a key file. No error quotes the file's content."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError as error:
        raise KeyFileError(f"{path.name} cannot be read: {error.strerror}") from None
    with os.fdopen(descriptor, encoding="utf-8") as file:
        if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
            raise KeyFileError(f"{path.name} may be read by others; its mode must be 0600")
        try:
            document = json.load(file)
            if document["medrec"] != form:
                raise ValueError
            seeds = {name: bytes.fromhex(document["seeds"][name]) for name in names}
            _check_seeds(seeds, names)
            return str(document["owner"]), seeds
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise KeyFileError(f"{path.name} is not a key file of form {form}") from None
