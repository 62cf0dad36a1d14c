"""The two keys of an independent witness: it cosigns checkpoints of any log, and signs nothing else."""

import secrets
from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from nacl.signing import SigningKey

from medrec.core.checkpoint import (
    COSIGNATURE_ED25519,
    COSIGNATURE_MLDSA44,
    NoteKey,
    SignatureLine,
    cosignature_message,
    mldsa44_cosignature_message,
)
from medrec.node.keeping.keys import SEED_BYTES, derive_seeds, read_key_file, write_key_file

WITNESS_FILE = "witness-keys.json"

_FORM = "witness-keys/1"
_SEEDS = ("ed25519", "mldsa44")


class WitnessKeys:
    """Keys under a name such as `library.example/medrec`. Make them with generate, from_seed or load."""

    __slots__ = ("_ed25519", "_mldsa44", "_seeds", "name")

    def __init__(self, name: str, seeds: dict[str, bytes]) -> None:
        self.name = name
        self._seeds = dict(seeds)
        self._ed25519 = SigningKey(seeds["ed25519"])
        self._mldsa44 = MLDSA44PrivateKey.from_seed_bytes(seeds["mldsa44"])
        self.public()  # a bad name is found here

    @classmethod
    def generate(cls, name: str) -> "WitnessKeys":
        """New keys from the system's randomness. Raises NoteError for a name that cannot stand in a note."""
        return cls(name, {seed: secrets.token_bytes(SEED_BYTES) for seed in _SEEDS})

    @classmethod
    def from_seed(cls, name: str, seed: bytes) -> "WitnessKeys":
        """The same keys for the same 32 bytes: for demonstrations and tests."""
        return cls(name, derive_seeds(seed, _FORM, _SEEDS))

    @classmethod
    def load(cls, folder: Path) -> "WitnessKeys":
        """The keys saved in a folder. Raises KeyFileError, also if others than the owner may read the file."""
        return cls(*read_key_file(folder / WITNESS_FILE, _FORM, _SEEDS))

    def save(self, folder: Path) -> Path:
        """Write the keys and return the file. Raises KeyFileError if there is one already."""
        path = folder / WITNESS_FILE
        write_key_file(path, _FORM, self.name, self._seeds, replace=False)
        return path

    def public(self) -> tuple[NoteKey, NoteKey]:
        """The Ed25519 and the ML-DSA-44 key that others trust."""
        return (
            NoteKey(self.name, COSIGNATURE_ED25519, bytes(self._ed25519.verify_key)),
            NoteKey(self.name, COSIGNATURE_MLDSA44, self._mldsa44.public_key().public_bytes_raw()),
        )

    def cosign(self, text: bytes, seconds: int) -> Sequence[SignatureLine]:
        """Both lines over a checkpoint's text. Raises NoteError for a root that ML-DSA-44 cosignatures do not take."""
        classic, quantum = self.public()
        stamp = seconds.to_bytes(8, "big")
        by_ed25519 = self._ed25519.sign(cosignature_message(text, seconds)).signature
        by_mldsa44 = self._mldsa44.sign(mldsa44_cosignature_message(self.name, text, seconds))
        return (
            SignatureLine(classic.name, classic.key_id, stamp + by_ed25519),
            SignatureLine(quantum.name, quantum.key_id, stamp + by_mldsa44),
        )

    def __repr__(self) -> str:
        return f"WitnessKeys({self.name!r})"
