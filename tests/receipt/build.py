"""Make genuine and forged receipts from scratch, with PyNaCl, cryptography and cbor2 but nothing of the package.

    python tests/receipt/build.py        writes tests/vectors/receipt/*.json, the same bytes every time

Every key, salt and time is derived from a name. ML-DSA-44 signing is randomised, so each signature is kept in
mldsa44.json by the SHA-256 of key and message and made only once.
"""

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from nacl.signing import SigningKey

VECTORS = Path(__file__).resolve().parent.parent / "vectors" / "receipt"
MADE_AT = 1_767_225_600_000  # 2026-01-01T00:00:00Z
ORGANISATIONS = ("clinic-a", "hospital-b", "lab-c", "payer-d")
RECORD = """{
  "resourceType": "Observation", "id": "hb-1", "status": "final",
  "valueQuantity": {"value": 1.00, "unit": "mg/dl", "code": "mg\\/dL"},
  "note": [{"text": "caf\\u00e9 \\u2028 \\ud83d\\ude00 tab\\there"}], "low": -0.0, "big": 12345678901234567890
}"""
CANONICAL = (
    '{"big":12345678901234567890,"id":"hb-1","low":-0.0,"note":[{"text":"café \u2028 😀 tab\\there"}],'
    '"resourceType":"Observation","status":"final",'
    '"valueQuantity":{"code":"mg/dL","unit":"mg/dl","value":1.00}}'
)
FORM = "https://medrec.org/canonical/json-literal/1"
Edits = dict[str, Callable[[Any], Any]]


def digest(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def packed(value: Any) -> bytes:
    """Manifests and genesis documents: integers and texts only, so this is their canonical JSON."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def ed25519(name: str, use: str) -> SigningKey:
    return SigningKey(digest(f"receipt vectors/{name}/{use}".encode()))


def mldsa44(name: str) -> MLDSA44PrivateKey:
    return MLDSA44PrivateKey.from_seed_bytes(digest(f"receipt vectors/{name}/mldsa44".encode()))


def mldsa44_public(name: str) -> bytes:
    return mldsa44(name).public_key().public_bytes_raw()


class Signatures:
    """ML-DSA-44 signatures, made once and kept."""

    def __init__(self) -> None:
        self.path = VECTORS / "mldsa44.json"
        self.kept: dict[str, str] = json.loads(self.path.read_text()) if self.path.exists() else {}
        self.used: dict[str, str] = {}

    def sign(self, name: str, message: bytes) -> bytes:
        key = digest(mldsa44_public(name), message).hex()
        made = self.kept.get(key) or b64(mldsa44(name).sign(message))
        self.used[key] = self.kept[key] = made
        return base64.b64decode(made)


SIGNATURES = Signatures()


def member(each: str, network: str, key_of: str | None = None) -> dict[str, Any]:
    """An organisation as a root file lists it; `key_of` gives it the keys of another name."""
    signer = key_of or each
    return {
        "id": each,
        "name": f"The {each.replace('-', ' ').title()} of {network}",
        "roles": ["hospital"],
        "endpoint": f"https://{each}.example",
        "keys": {
            "ed25519": bytes(ed25519(signer, "sign").verify_key).hex(),
            "cosign_ed25519": bytes(ed25519(signer, "cosign").verify_key).hex(),
            "cosign_mldsa44": mldsa44_public(signer).hex(),
        },
    }


def genesis(name: str, organisations: tuple[str, ...]) -> dict[str, Any]:
    found = [member(each, name) for each in organisations]
    return {"medrec": "genesis/1", "name": name, "created": MADE_AT, "protocol": 1, "organisations": found}


def root_file(document: dict[str, Any]) -> dict[str, Any]:
    return {"medrec": "root/1", "genesis": document, "changes": []}


ROOTS = {
    "four": root_file(genesis("Test Valley", ORGANISATIONS)),
    "one": root_file(genesis("Lone Practice", ORGANISATIONS[:1])),
    "other": root_file(genesis("Elsewhere", ORGANISATIONS)),
}


def network_id(root: str) -> bytes:
    return digest(b"medrec/genesis/1", packed(ROOTS[root]["genesis"]))


# --- changes of members ---

Signers = tuple[tuple[str, int] | tuple[str, int, str], ...]
"""Who signs a change, with which type of signature, and with whose keys if not with its own."""


def with_changes(root: dict[str, Any], *changes: tuple[int, tuple[str, ...], list[Any], Signers]) -> dict[str, Any]:
    """A root file with changes: (log size, who goes, who comes or has other keys, who signs)."""
    before = digest(b"medrec/genesis/1", packed(root["genesis"]))
    origin = f"medrec/{before.hex()}/members"
    present = {one["id"]: one for one in root["genesis"]["organisations"]}
    made = []
    for size, gone, came, signers in changes:
        present = {who: one for who, one in present.items() if who not in gone} | {one["id"]: one for one in came}
        before = digest(b"medrec/members/1", before, packed([present[who] for who in sorted(present)]))
        text = f"{origin}\n{size}\n{b64(before)}\n".encode()
        lines = []
        for who, kind, *key_of in signers:
            line = cosign_line(who, kind, text, MADE_AT // 1000 + size, *key_of)
            lines.append({"by": who, "line": line.split()[-1]})
        made.append({"size": size, "gone": list(gone), "set": came, "lines": lines})
    return root | {"changes": made}


# --- RFC 6962, by its definition ---


def tree_root(leaves: list[bytes]) -> bytes:
    if len(leaves) == 1:
        return digest(b"\0", leaves[0])
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return digest(b"\1", tree_root(leaves[:half]), tree_root(leaves[half:]))


def tree_path(leaves: list[bytes], index: int) -> list[bytes]:
    if len(leaves) == 1:
        return []
    half = 1 << (len(leaves) - 1).bit_length() - 1
    if index < half:
        return [*tree_path(leaves[:half], index), tree_root(leaves[half:])]
    return [*tree_path(leaves[half:], index - half), tree_root(leaves[:half])]


# --- cosignatures ---


def cosign_line(name: str, kind: int, text: bytes, stamp: int, key_of: str | None = None) -> str:
    """A signature line of an organisation (type 0x04 or 0x06); `key_of` signs with another's key."""
    signer, label = key_of or name, f"medrec/{name}".encode()
    when = stamp.to_bytes(8, "big")
    if kind == 4:
        public = bytes(ed25519(signer, "cosign").verify_key)
        message = b"cosignature/v1\ntime %d\n" % stamp + text
        signature = ed25519(signer, "cosign").sign(message).signature
    else:
        public = mldsa44_public(signer)
        origin, size, root = text.split(b"\n")[:3]
        parts = [b"subtree/v1\n\0", bytes([len(label)]), label, when, bytes([len(origin)]), origin]
        parts += [bytes(8), int(size).to_bytes(8, "big"), base64.b64decode(root)]
        signature = SIGNATURES.sign(signer, b"".join(parts))
    identity = digest(label + b"\n" + bytes([kind]) + public)[:4]
    return f"— medrec/{name} {b64(identity + when + signature)}\n"


def same(value: Any) -> Any:
    return value


def build(
    *,
    root: str = "four",
    organisation: str = "clinic-a",
    action: str = "create",
    canonical: str = CANONICAL,
    batch_size: int = 5,
    index: int = 2,
    log_size: int = 7,
    log_index: int = 4,
    cosigners: tuple[tuple[str, int], ...] = tuple((each, 4) for each in ORGANISATIONS),
    edits: Edits | None = None,
) -> dict[str, Any]:
    """The receipt as a dict. `edits` change one part before everything that is computed from it.

    Parts in order: manifest_value (dict), manifest (bytes), salt, entry (bytes), body_value (dict), body (bytes),
    signer (name of the organisation whose key signs), leaf (height, time), checkpoint (list of lines), lines (list
    of signature lines), proof (text), receipt (dict).
    """
    edit = dict.fromkeys(PARTS, same) | (edits or {})
    network = network_id(root)
    version = {"create": 1, "update": 2, "delete": 3}[action]
    manifest = edit["manifest_value"](
        {
            "manifest": "record/1",
            "network": network.hex(),
            "organisation": organisation,
            "account": "medrec1testaccount",
            "time": MADE_AT + 60_000,
            "record": {
                "type": "Observation",
                "id": "hb-1",
                "version": version,
                "action": action,
                "form": FORM,
                "sha256": None if action == "delete" else digest(canonical.encode()).hex(),
                "previous": None if version == 1 else digest(b"the manifest before").hex(),
                "labels": [],
            },
            "signed": [],
        }
    )
    manifest_bytes = edit["manifest"](packed(manifest))
    salt = digest(b"salt/" + manifest_bytes)
    commitment = digest(b"medrec/entry/1", edit["salt"](salt), digest(manifest_bytes))
    entry = edit["entry"](cbor2.dumps([commitment, digest(b"tag")[:16], {}], canonical=True))
    entries = [cbor2.dumps([digest(b"%d" % n), digest(b"t%d" % n)[:16], {}]) for n in range(batch_size)]
    entries[index] = entry
    body_value = edit["body_value"](
        {
            "author": organisation,
            "expires": 1000,
            "key": digest(bytes(ed25519(organisation, "sign").verify_key))[:16],
            "kind": "anchor",
            "network": network,
            "nonce": 12,
            "payload": {
                "count": batch_size,
                "first": 40,
                "journal": digest(b"journal"),
                "previous": digest(b"previous batch"),
                "root": tree_root(entries),
            },
        }
    )
    body = edit["body"](cbor2.dumps(body_value, canonical=True))
    signer = ed25519(edit["signer"](organisation), "sign")
    height, time = edit["leaf"]((12, MADE_AT + 120_000))
    leaves = [b"another leaf %d" % n for n in range(log_size)]
    leaves[log_index] = cbor2.dumps([1, height, time, body], canonical=True)
    lines = edit["checkpoint"](
        [
            f"medrec/{network.hex()}",
            str(log_size),
            b64(tree_root(leaves)),
            "height 14",
            f"time {MADE_AT + 180_000}",
            f"state {b64(digest(b'state'))}",
            "protocol 1",
        ]
    )
    text = "".join(f"{line}\n" for line in lines).encode()
    stamp = MADE_AT // 1000 + 181
    signed = [cosign_line(name, kind, text, stamp + n) for n, (name, kind) in enumerate(cosigners)]
    signed = edit["lines"](signed)
    path = "".join(f"{b64(step)}\n" for step in tree_path(leaves, log_index))
    proof = f"c2sp.org/tlog-proof@v1\nindex {log_index}\n{path}\n{text.decode()}\n{''.join(signed)}"
    made: dict[str, Any] = {
        "medrec": "receipt/1",
        "network": network.hex(),
        "manifest": manifest_bytes.decode(),
        "salt": b64(salt),
        "entry": b64(entry),
        "batch": {
            "body": b64(body),
            "signature": b64(signer.sign(digest(b"medrec/transaction/1", body)).signature),
            "index": index,
            "path": [b64(step) for step in tree_path(entries, index)],
            "height": height,
            "time": time,
        },
        "proof": edit["proof"](proof),
    }
    return dict(edit["receipt"](made))


PARTS = (
    *("manifest_value", "manifest", "salt", "entry", "body_value", "body", "signer", "leaf", "checkpoint"),
    *("lines", "proof", "receipt"),
)


if __name__ == "__main__":
    import vector_files  # beside this file; it builds with this module

    vector_files.write()
