#!/usr/bin/env python3
"""Verify a MedRec receipt offline, with the Python standard library alone (Python 3.9 or later).

    python3 verify_receipt.py --root ROOT [--record RECORD] [--quorum K] [--all] [--json] RECEIPT
--record is left out only where there is no content to compare; --quorum says how many organisations must vouch (over
2/3); --all also counts organisations that signed with ML-DSA-44 only; --json prints the verdict for a program.
Exit 0: genuine, 1: not genuine, 2: unreadable, so nothing is known. The rules: docs/spec/receipt.md, version 1.
"""

from __future__ import annotations

import base64
import contextlib
import getopt
import hashlib
import json
import re
import sys
import time

Any = object  # stands for typing.Any, which takes longer to import than all the rest takes to run
FILE_MAX, CBOR_MAX = 16 << 20, 16 << 10
ED25519, MLDSA44 = ("cosign_ed25519", 76), ("cosign_mldsa44", 2432)  # the key, and how long a line's bytes are
FORM = "https://medrec.org/canonical/json-literal/1"
NEWER = "This was made by a newer version of MedRec than this verifier knows."
OLD = "Your root file lacks a change of members on which the receipt counts: get the newest root file of this network."
UNREADABLE = {"root", "change", "receipt", "record", "record-missing", "record-not-needed", "quorum", "newer-version"}
UNREADABLE |= {"newer-root", "organisation"}


class RefusedError(Exception):
    """A verdict other than genuine: its code, and a sentence for people."""


@contextlib.contextmanager
def reading(code: str) -> Any:
    try:
        yield
    except (ValueError, LookupError, RecursionError) as error:
        raise RefusedError(code, f"The {code} cannot be right, or cannot be read: {error}.") from None


def demand(good: object, code: str, sentence: str) -> None:
    if not good:
        raise RefusedError(code, sentence)


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


# Shapes: fields ("..." allows others), a list of, one of, a pattern, bytes of a length, a type.
HEX32, SLUG = re.compile("[0-9a-f]{64}"), re.compile("[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")
KEYS = {"ed25519": HEX32, "cosign_ed25519": HEX32, "cosign_mldsa44": re.compile("[0-9a-f]{2624}")}
ORGANISATION = {"id": SLUG, "name": str, "roles": [str], "endpoint": str, "keys": KEYS}
GENESIS = {"medrec": str, "name": str, "created": int, "protocol": int, "organisations": [ORGANISATION]}
CHANGE = {"size": int, "gone": [SLUG], "set": [ORGANISATION], "lines": [{"by": SLUG, "line": str}]}
ROOT = {"medrec": str, "genesis": {...: ...}, "changes": [CHANGE]}
BATCH = {"body": str, "signature": str, "index": int, "path": [str], "height": int, "time": int}
EXTRA = re.compile(rb"[^\n]*\nextra ((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)\n")
RECEIPT = {"medrec": str, "network": HEX32, "manifest": str, "salt": str, "entry": str, "batch": BATCH, "proof": str}
MANIFEST = {"manifest": str, "network": str, "organisation": str, "time": int, ...: ...}
VERSION = {"type": str, "id": str, "version": int, "form": str, "previous": (HEX32, None), ...: ...}
CONTENT = {"action": re.compile("create|update"), "sha256": HEX32, **VERSION}
DELETED = {"action": re.compile("delete"), "sha256": None, **VERSION}
RECORD = {"account": (str, None), "record": (CONTENT, DELETED), **MANIFEST}
ENTRY = {"commitment": 32, "tag": 16, "extras": {...: ...}}
PAYLOAD = {"count": int, "first": int, "journal": 32, "previous": 32, "root": 32}
BODY = {"author": str, "expires": int, "key": 16, "kind": str, "network": 32, "nonce": int, "payload": {...: ...}}


def fits(value: Any, shape: Any) -> bool:
    if isinstance(shape, dict):
        if type(value) is not dict or (... not in shape and len(value) != len(shape)):
            return False
        return all(key is ... or (key in value and fits(value[key], shape[key])) for key in shape)
    if isinstance(shape, (list, tuple)):
        whole = type(value) is list and all(fits(item, shape[0]) for item in value)
        return whole if isinstance(shape, list) else any(fits(value, one) for one in shape)
    if isinstance(shape, re.Pattern):
        return isinstance(value, str) and shape.fullmatch(value) is not None
    if isinstance(shape, int):
        return isinstance(value, bytes) and len(value) == shape
    return value is None if shape is None else type(value) is shape and (shape is not int or value >= 0)


def must_fit(value: Any, shape: Any, field: str = "", known: str = "") -> None:
    """ValueError for another shape; before that "newer-version" for another number of a known format."""
    found = value.get(field) if field and type(value) is dict else known
    if found != known and isinstance(found, str) and re.fullmatch(re.escape(known[:-1]) + "[0-9]+", found):
        raise RefusedError("newer-version", NEWER)
    if found != known or not fits(value, shape):
        raise ValueError("a field is missing, unknown or of the wrong type")


Literal = type("Literal", (str,), {})  # a number of a record exactly as it was written: 1.00 stays 1.00


def read_json(data: bytes, literals: bool = False) -> Any:
    """The value of strict JSON, or ValueError. Numbers are integers below 2^53, or literals kept as written."""

    def number(text: str) -> Any:
        whole = text.lstrip("-").isdigit()
        bad = text == "-0" or text[-1] in "Ny" or (whole and len(text) > 640 + (text[0] == "-"))
        if bad or (not literals and (not whole or len(text) > 17 or abs(int(text)) >> 53)):
            raise ValueError(f"the number {text[:20]} is not allowed")
        return Literal(text) if literals else int(text)

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(found)) != len(found):
            raise ValueError("an object names a key twice")
        return dict(found)

    numbers: Any = {"parse_int": number, "parse_float": number, "parse_constant": number}
    return json.loads(data.decode(), object_pairs_hook=pairs, **numbers)


def canonical(value: Any, depth: int) -> str:
    """Keys in UTF-8 order (which is that of code points), no white space, RFC 8785 text, literals untouched."""
    if isinstance(value, Literal):
        return str(value)
    if isinstance(value, str):
        value.encode()  # a lone surrogate is a UnicodeEncodeError, which is a ValueError
        return json.encoder.encode_basestring(value)
    if depth == 0 and isinstance(value, (list, dict)):
        raise ValueError("the nesting is too deep")
    if isinstance(value, list):
        return "[" + ",".join([canonical(item, depth - 1) for item in value]) + "]"
    if isinstance(value, dict):
        return "{" + ",".join([canonical(k, 1) + ":" + canonical(value[k], depth - 1) for k in sorted(value)]) + "}"
    return json.dumps(value)


def unbase64(text: str, size: int | None = None) -> bytes:
    data = base64.b64decode(text.encode("ascii", "replace"), validate=True)
    if base64.b64encode(data).decode() != text or len(data) != (len(data) if size is None else size):
        raise ValueError("a base64 text is malformed or of the wrong length")
    return data


def write_cbor(value: Any) -> bytes:
    if value is None or isinstance(value, bool):
        return {False: b"\xf4", True: b"\xf5", None: b"\xf6"}[value]
    if isinstance(value, int):
        major, number, rest = (0, value, b"") if value >= 0 else (1, -1 - value, b"")
    else:
        major, rest = {bytes: 2, str: 3, list: 4, dict: 5}[type(value)], value.encode() if type(value) is str else value
        number = len(rest)
    if major > 3:
        items = value if major == 4 else [write_cbor(key) + write_cbor(value[key]) for key in value]
        rest = b"".join([write_cbor(item) for item in items] if major == 4 else sorted(items))
    size = next(size for size in (0, 1, 2, 4, 8) if number < (1 << 8 * size if size else 24))
    head = bytes([major << 5 | (23 + size.bit_length() if size else number)])
    return head + (number.to_bytes(size, "big") if size else b"") + rest


def read_cbor(data: bytes) -> Any:
    """The value of a form of the ledger's CBOR (RFC 8949, 4.2.1); ValueError or LookupError for other bytes."""

    def item(depth: int) -> Any:
        nonlocal rest
        major, number, rest = rest[0] >> 5, rest[0] & 31, rest[1:]
        if 24 <= number < 28:
            size = 1 << number - 24
            number, rest = int.from_bytes(rest[:size], "big"), rest[size:]
        if major == 6 or number >= 1 << 63 or (major in (4, 5) and depth == 0):
            raise ValueError("a CBOR item is outside the profile")
        if major in (2, 3):
            chunk, rest = rest[:number], rest[number:]
            return chunk.decode() if major == 3 else chunk
        if major in (0, 1, 7):
            return {0: number, 1: -1 - number}[major] if major < 7 else {20: False, 21: True, 22: None}[number]
        items = [item(depth - 1) for _ in range(number * (major - 3))]
        if major == 5 and any(type(key) is not str for key in items[::2]):
            raise ValueError("a CBOR map key is not text")
        return items if major == 4 else dict(zip(items[::2], items[1::2]))  # noqa: B905 (3.9)

    rest = data if len(data) <= CBOR_MAX else b""
    value = item(8)
    if rest or write_cbor(value) != data:
        raise ValueError("the CBOR is not in its one deterministic form")
    return value


def leads_to(root: bytes, leaf: bytes, index: int, size: int, path: list[bytes]) -> bool:
    """Whether an inclusion path leads from a leaf to the root of the tree of this size (RFC 9162, 2.1.3.2)."""
    node, last = sha256(b"\0", leaf), size - 1
    for step in path:
        if last <= 0:
            return False
        left = index & 1 or index == last
        node = sha256(b"\1", step, node) if left else sha256(b"\1", node, step)
        while left and index and not index & 1:
            index, last = index >> 1, last >> 1
        index, last = index >> 1, last >> 1
    return index == last == 0 and node == root


def ed25519_verify(key: bytes, message: bytes, signature: bytes) -> bool:
    """RFC 8032 by libsodium's strict rule: no cofactor; S < L; key and R canonical and not of small order."""
    p, order = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
    d2 = -121665 * 2 * pow(121666, p - 2, p) % p
    y8 = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
    small = {0, 1, p - 1, y8, p - y8}  # the y of the points whose order divides 8
    y, r, s = (int.from_bytes(part, "little") for part in (key, signature[:32], signature[32:]))
    minus_sign, y = 1 - (y >> 255), y & (1 << 255) - 1
    if len(key) != 32 or len(signature) != 64 or s >= order or y >= p or {y, r & (1 << 255) - 1} & small:
        return False

    def plus(m: Any, n: Any) -> Any:  # points are X, Y, Z, T (extended coordinates)
        a, b = (m[1] - m[0]) * (n[1] - n[0]) % p, (m[1] + m[0]) * (n[1] + n[0]) % p
        c, d = m[3] * n[3] % p * d2 % p, 2 * m[2] * n[2] % p
        e, f, g, h = b - a, d - c, d + c, b + a
        return e * f % p, g * h % p, f * g % p, e * h % p

    def multiples(y: int, sign: int) -> list[Any]:
        u, v = (y * y - 1) % p, (d2 * y * y * (p + 1) // 2 + 1) % p
        x = u * pow(v, 3, p) * pow(u * pow(v, 7, p), (p - 5) // 8, p) % p
        x = x if v * x * x % p == u else x * pow(2, (p - 1) // 4, p) % p
        x = x if x & 1 == sign else p - x
        table: list[Any] = [(0, 1, 1, 0)] if v * x * x % p == u else []  # no point has this y
        while 0 < len(table) < 16:
            table.append(plus(table[-1], (x, y, 1, x * y % p)))
        return table

    base, minus_key, total = multiples(4 * pow(5, p - 2, p) % p, 0), multiples(y, minus_sign), (0, 1, 1, 0)
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % order
    for shift in range(252, -1, -4) if minus_key else ():
        for _ in range(4):
            total = plus(total, total)
        total = plus(plus(total, base[s >> shift & 15]), minus_key[k >> shift & 15])
    inverse = pow(total[2], p - 2, p)
    return bool(minus_key) and r == total[1] * inverse % p | (total[0] * inverse % p & 1) << 255


def mldsa44_verify(key: bytes, message: bytes, signature: bytes, context: bytes = b"") -> bool:
    """FIPS 204, algorithm 3, pure."""
    if len(key) != 1312 or len(signature) != 2420 or len(context) > 255:
        return False
    q, gamma1, gamma2 = 8380417, 1 << 17, 95232
    zetas = [pow(1753, int(f"{i:08b}"[::-1], 2), q) for i in range(256)]

    def ntt(w: list[int], inverse: bool = False) -> list[int]:
        for level in range(7, -1, -1) if inverse else range(8):
            size = 128 >> level
            for block in range(1 << level):
                zeta = zetas[(2 << level) - 1 - block if inverse else (1 << level) + block]
                for j in range(2 * size * block, 2 * size * block + size):
                    a, b = w[j], w[j + size] if inverse else zeta * w[j + size] % q
                    w[j], w[j + size] = ((a + b) % q, zeta * (b - a) % q) if inverse else (a + b, a - b)
        return [c * 8347681 % q for c in w] if inverse else w

    whole = [int.from_bytes(signature[i : i + 576], "little") for i in range(32, 2336, 576)]
    z = [[gamma1 - (row >> 18 * n & 0x3FFFF) for n in range(256)] for row in whole]
    ends, places = [0, *signature[2416:]], signature[2336:2416]
    hints = [places[ends[i] : ends[i + 1]] for i in range(4)]
    rising = all(row[n] < row[n + 1] for row in hints for n in range(len(row) - 1))
    small = all(abs(c) < gamma1 - 78 for row in z for c in row)
    if not small or not rising or ends != sorted(ends) or ends[4] > 80 or any(places[ends[4] :]):
        return False
    ball, stream = [0] * 256, hashlib.shake_256(signature[:32]).digest(1024)
    signs, rest = int.from_bytes(stream[:8], "little"), iter(stream[8:])
    for n, i in enumerate(range(217, 256)):
        j = next(byte for byte in rest if byte <= i)
        ball[i], ball[j] = ball[j], 1 - 2 * (signs >> n & 1)
    c, z, packed = ntt(ball), [ntt(row) for row in z], b""
    for i in range(4):
        t = int.from_bytes(key[32 + 320 * i : 352 + 320 * i], "little")
        w = [-a * b for a, b in zip(c, ntt([(t >> 10 * n & 0x3FF) << 13 for n in range(256)]))]  # noqa: B905
        for j in range(4):
            stream = hashlib.shake_128(key[:32] + bytes([j, i])).digest(1344)  # 448 tries for 256 numbers
            tries = [int.from_bytes(stream[n : n + 3], "little") & 0x7FFFFF for n in range(0, 1344, 3)]
            w = [v + a * b for v, a, b in zip(w, [t for t in tries if t < q], z[j])]  # noqa: B905 (3.9)
        w = ntt([v % q for v in w], inverse=True)
        bits = 0
        for n, v in enumerate(w):
            low = (v + gamma2 - 1) % (2 * gamma2) - gamma2 + 1
            step = 0 if n not in hints[i] else 1 if low - (v - low == q - 1) > 0 else -1
            bits |= ((v - low) // (2 * gamma2) % 44 + step) % 44 << 6 * n
        packed += bits.to_bytes(192, "little")
    head = hashlib.shake_256(key).digest(64) + bytes([0, len(context)])
    mu = hashlib.shake_256(head + context + message).digest(64)
    return hashlib.shake_256(mu + packed).digest(32) == signature[:32]


def read_root(data: bytes, fallen: Any = ()) -> tuple[str, str, list[tuple[int, dict[str, Any]]]]:
    """Step 1: network id and name, and the sets of organisations by id, each with the log size it is in force from."""
    with reading("root"):
        root = read_json(data)
        must_fit(root, ROOT, "medrec", "root/1")
        genesis, present, sets = root["genesis"], {}, [(-1, {})]
        must_fit(genesis, GENESIS, "medrec", "genesis/1")
        demand(genesis["protocol"] == 1, "newer-version", NEWER)
        network = (before := sha256(b"medrec/genesis/1", canonical(genesis, 32).encode())).hex()
        for change in [{"size": 0, "gone": [], "set": genesis["organisations"], "lines": []}, *root["changes"]]:
            size, came = change["size"], {o["id"]: o for o in change["set"]}
            fresh = len(came) == len(change["set"]) and {*change["gone"]} <= present.keys() and sets[-1][0] < size
            present = {**{w: o for w, o in present.items() if w not in change["gone"]}, **came}
            now = {w: {"name": o["name"], **{k: bytes.fromhex(o["keys"][k]) for k in KEYS}} for w, o in present.items()}
            if not fresh or not now or any(len({o[k] for o in now.values()}) < len(now) for k in KEYS):
                raise ValueError("two organisations share an id or a key, there is none, or a change is out of order")
            if size:
                after = canonical([present[w] for w in sorted(present)], 32).encode()
                before, origin = sha256(b"medrec/members/1", before, after), f"medrec/{network}/members".encode()
                body = b"%s\n%d\n%s\n" % (origin, size, base64.b64encode(before))
                head, known = {"origin": origin, "size": size, "root": before, "body": body}, sets[-1][1]
                lines = [("medrec/" + one["by"], unbase64(one["line"])) for one in change["lines"]]
                standing = [line for line in lines if len(line[1]) not in fallen]
                counted, _ = count_cosigners(known, head, standing, len(known), False)
                demand(3 * len(counted) > 2 * len(known), "change", f"Too few signed the change of members at {size}.")
            sets.append((size, now))
        return network, genesis["name"], sets[1:]


def read_receipt(data: bytes) -> dict[str, Any]:
    """Step 2: fields of receipt and batch as bytes and numbers; `since`: the change of members that it counts on."""
    with reading("receipt"):
        receipt = read_json(data)
        must_fit(receipt, RECEIPT, "medrec", "receipt/1")
        found = {**receipt, **receipt["batch"], **{name: receipt[name].encode() for name in ("manifest", "proof")}}
        for field, size in (("salt", 32), ("signature", 64), ("entry", None), ("body", None)):
            found[field] = unbase64(found[field], size)
        extra = (EXTRA.match(found["proof"]) or [b"", b""])[1]
        since = re.fullmatch(rb"members ([1-9][0-9]{0,15})", base64.b64decode(extra))
        found["since"] = int(since[1]) if since and base64.b64encode(since[0]) == extra else 0
        return {**found, "path": [unbase64(step, 32) for step in found["path"]]}


def check_manifest(data: bytes, network: str, known: set[str], record: bytes | None) -> dict[str, Any]:
    """Steps 4 and 5: the manifest, and that the record given is the one it speaks of."""
    with reading("manifest"):
        manifest = read_json(data)
        if canonical(manifest, 32).encode() != data:
            raise ValueError("it is not in its one canonical form")
        must_fit(manifest, MANIFEST)
        if about := manifest["manifest"].startswith("record/"):
            must_fit(manifest, RECORD, "manifest", "record/1")
            demand(manifest["record"]["form"] == FORM, "newer-version", NEWER)
    demand(manifest["network"] == network, "network", "The manifest is of another network than the root file.")
    demand(manifest["organisation"] in known, "organisation", "The root file does not know its maker; a newer one may.")
    wanted = manifest["record"]["sha256"] if about else None
    demand(wanted is None or record is not None, "record-missing", "No record was given: name it with --record.")
    demand(wanted is not None or record is None, "record-not-needed", "There is no content: leave --record out.")
    if record is not None:
        with reading("record"):
            content = canonical(read_json(record, literals=True), 64).encode()
        demand(sha256(content).hex() == wanted, "record-changed", "The record was changed, cut, or is another one.")
    return dict(manifest)


def check_batch(receipt: dict[str, Any], network: str, who: str, keys: list[bytes]) -> tuple[int, bytes]:
    """Steps 6 to 9: entry, batch, path, signature. The number of the journal line, and the key that signed."""
    with reading("entry"):
        entry = read_cbor(receipt["entry"])
        must_fit(dict(zip([*ENTRY, "more"], entry)) if type(entry) is list else None, ENTRY)  # noqa: B905
    digest = sha256(b"medrec/entry/1", receipt["salt"], sha256(receipt["manifest"]))
    demand(digest == entry[0], "commitment", "The entry does not commit to this manifest: one was exchanged.")
    with reading("body"):
        body = read_cbor(receipt["body"])
        must_fit(body, BODY)
        demand(body["kind"] == "anchor", "kind", "The transaction in the receipt is not a batch of entries.")
        must_fit(batch := body["payload"], PAYLOAD)
    demand(body["network"].hex() == network, "network", "The batch is of another network than the root file.")
    demand(body["author"] == who, "author", "The batch was made by another organisation than the manifest's.")
    inside = leads_to(batch["root"], receipt["entry"], receipt["index"], batch["count"], receipt["path"])
    demand(inside, "batch-path", "The entry is not in the batch: its path does not lead to the batch's root.")
    key = next((key for key in keys if body["key"] == sha256(key)[:16]), b"")
    signed = key and ed25519_verify(key, sha256(b"medrec/transaction/1", receipt["body"]), receipt["signature"])
    demand(signed, "signature", "The batch is not signed with the organisation's key: it was changed or forged.")
    return int(batch["first"] + receipt["index"]), key


LINES = rb"""c2sp\.org/tlog-proof@v1\n(?:extra (?P<extra>[^\n]+)\n)?index (?P<index>N)\n(?P<path>(?:[^\n]+\n)*)\n
(?P<body>(?P<origin>medrec/[0-9a-f]{64})\n(?P<size>N)\n(?P<root>[^\n]+)\nheight (?P<height>N)\ntime (?P<time>N)\n
state (?P<state>[^\n]+)\nprotocol (?P<protocol>N)\n)\n(?P<lines>(?:[^\n]+\n)+)"""
PROOF = re.compile(LINES.replace(b"\n", b"").replace(b"N", b"(?:0|[1-9][0-9]{0,18})"))


def check_log(receipt: dict[str, Any], network: str) -> tuple[Any, list[tuple[str, bytes]]]:
    """Steps 10 to 12: the parts of the proof, and the signature lines as (name, bytes)."""
    with reading("proof"):
        must_fit({"at": receipt["proof"].decode().partition("\n")[0]}, {"at": str}, "at", "c2sp.org/tlog-proof@v1")
        found = PROOF.fullmatch(receipt["proof"])
        if found is None or re.search(rb"[\x00-\x09\x0b-\x1f]", receipt["proof"]):
            raise ValueError("its lines are not those of a log proof with a checkpoint")
        log = {name: (value or b"").decode() for name, value in found.groupdict().items()}
        path = [unbase64(line, 32) for line in log["path"].split("\n")[:-1]]
        root, _, _ = unbase64(log["root"], 32), unbase64(log["state"], 32), unbase64(log["extra"])
        numbers = {name: int(log[name]) for name in ("index", "size", "height", "time", "protocol")}
        marks = [re.fullmatch(r"— ([^\s+]+) (\S+)", line) for line in log["lines"].split("\n")[:-1]]
        lines = [(mark[1], unbase64(mark[2])) for mark in marks if mark]
        shortest = min([len(data) for _, data in lines], default=0) if len(lines) == len(marks) <= 256 else 0
        if shortest < 5 or max(numbers.values()) >= 1 << 63 or len(path) > 63:
            raise ValueError("a signature line is malformed, or something is too large")
    demand(log["origin"] == "medrec/" + network, "network", "The log head is of another network than the root file.")
    demand(numbers["protocol"] == 1, "newer-version", NEWER)
    leaf = write_cbor([1, receipt["height"], receipt["time"], receipt["body"]])
    demand(leads_to(root, leaf, numbers["index"], numbers["size"], path), "log-path", "The log lacks this very batch.")
    demand(receipt["height"] <= numbers["height"] and receipt["time"] <= numbers["time"], "time", "The head is older.")
    return {"body": found["body"], "origin": found["origin"], "root": root, **numbers}, lines


def count_cosigners(known: Any, log: Any, lines: Any, quorum: int, every: bool) -> tuple[dict[str, int], bool]:
    """Step 13: the seconds of each organisation that cosigned, and whether Ed25519 alone makes the quorum."""
    counted, classical = {}, False
    tree = bytes([len(log["origin"])]) + log["origin"] + log["size"].to_bytes(16, "big") + log["root"]
    for kind, use, size, holds in (4, *ED25519, ed25519_verify), (6, *MLDSA44, mldsa44_verify):
        for name, data in lines if kind == 4 or every or not classical else ():
            who, stamp, label = name[7:], int.from_bytes(data[4:12], "big"), name.encode()
            key = known[who][use] if name[:7] == "medrec/" and who in known and who not in counted else b""
            identity = sha256(label, b"\n", bytes([kind]), key)[:4]
            if not key or len(data) != size or data[:4] != identity or not 0 < stamp < 1 << 63:
                continue
            message = b"subtree/v1\n\0" + bytes([len(label)]) + label + data[4:12] + tree
            message = b"cosignature/v1\ntime %d\n" % stamp + log["body"] if kind == 4 else message
            counted.update({who: stamp} if holds(key, message, data[12:]) else {})
        classical = classical or (kind == 4 and len(counted) >= quorum)
    return counted, classical


def verify(root: bytes, receipt: bytes, record: bytes | None, quorum: int | None, every: bool) -> dict[str, Any]:
    """What a genuine receipt proves; raises RefusedError for any other."""
    (network, title, sets), fields = read_root(root), read_receipt(receipt)
    most = max(len(known) for _, known in sets)
    demand(0 < (most if quorum is None else quorum) <= most, "quorum", f"The quorum must be 1 to {most} organisations.")
    demand(fields["network"] == network, "network", "The receipt is of another network than the root file.")
    demand(fields["since"] <= sets[-1][0], "newer-root", OLD)
    manifest = check_manifest(fields["manifest"], network, {who for _, known in sets for who in known}, record)
    who = manifest["organisation"]
    line, key = check_batch(fields, network, who, [known[who]["ed25519"] for _, known in sets if who in known])
    log, lines = check_log(fields, network)
    then, known = [next(known for start, known in reversed(sets) if start <= log[at]) for at in ("index", "size")]
    demand(who in then and then[who]["ed25519"] == key, "member", "Its maker was no member then, or had another key.")
    needed = len(known) * 2 // 3 + 1 if quorum is None else quorum
    counted, classical = count_cosigners(known, log, lines, needed, every)
    demand(len(counted) >= needed, "cosignatures", f"Only {len(counted)} of {len(known)} vouch, and {needed} must.")
    facts = {"network": network, "network_name": title, "organisation": who, "name": then[who]["name"], "line": line}
    facts.update(manifest=manifest, height=fields["height"], time=fields["time"], size=log["size"], of=len(known))
    facts.update(cosigners=counted, checkpoint={k: log[k] for k in ("height", "time")} if classical else None)
    return {**facts, "needed": needed, "existed_by": sorted(counted.values())[needed - 1] * 1000}


def explain(facts: dict[str, Any]) -> str:
    """The plain paragraph: who, what, when, who vouches, and what is not proved."""
    ages = [min(ms // 1000, 253402300799) for ms in (facts["time"], facts["existed_by"], facts["manifest"]["time"])]
    accepted, seen, own = [time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(age)) for age in ages]
    record, who = facts["manifest"].get("record"), ", ".join(sorted(facts["cosigners"]))
    what = f"statement ({facts['manifest']['manifest']})"
    if facts["manifest"]["manifest"] == "record/1":
        what = f"{record['type']}/{record['id']}, version {record['version']} ({record['action']}),"
        what = f"record {what} in its canonical form" if record["sha256"] else f"statement that {what} is deleted"
    return (
        f"The {what} is byte for byte the one that {facts['name']} ({facts['organisation']}) signed, as line "
        f"{facts['line']} of its journal, in the network {facts['network_name']} ({facts['network']}). The ledger "
        f"accepted it in block {facts['height']} at {accepted}. {len(facts['cosigners'])} of the {facts['of']} members "
        f"({facts['needed']} needed) vouch for the log head of size {facts['size']} that holds it: {who}. "
        f"{facts['needed']} of them had seen it by {seen}, so it existed no later than that. The organisation's own "
        f"date, {own}, is its word alone. Not proved: that the content is medically true; who the patient is; which "
        "person wrote it; that it is the newest version or was not withdrawn since; that your root file is the right "
        "one (compare its network id through another channel)."
    )


def result(root: bytes, receipt: bytes, record: bytes | None, quorum: int | None = None, every: bool = False) -> Any:
    """{"verdict", "code", "sentence", "facts"}; never raises, whatever the bytes are."""
    facts = None
    try:
        for what, data, most in (("root", root, 1 << 20), ("receipt", receipt, 1 << 20), ("record", record, FILE_MAX)):
            demand(data is None or len(data) <= most, what, f"The {what} file is larger than {most} bytes.")
        facts = verify(root, receipt, record, quorum, every)
        code, sentence = "genuine", explain(facts)
    except RefusedError as refused:
        code, sentence = refused.args
    except Exception as fault:  # a fault of this program must not look like a verdict
        code, sentence = "fault", f"This verifier failed ({type(fault).__name__}), so nothing is known."
    verdict = code if code == "genuine" else "unreadable" if code in {*UNREADABLE, "fault"} else "not-genuine"
    sentence = "".join(c if c.isprintable() else "?" for c in sentence)
    return {"verdict": verdict, "code": code, "sentence": sentence, "facts": facts}


def main(arguments: list[str] | None = None) -> int:
    try:
        pairs, rest = getopt.gnu_getopt(arguments or sys.argv[1:], "", ["root=", "record=", "quorum=", "all", "json"])
        given = dict(pairs)
        demand("--root" in given and len(rest) == 1, "call", "--root and one receipt are needed")
        quorum = int(given["--quorum"]) if "--quorum" in given else None
        paths = (given["--root"], rest[0], given.get("--record"))
        files: Any = [path and open(path, "rb").read(FILE_MAX + 1) for path in paths]  # noqa: PTH123, SIM115
    except (getopt.GetoptError, OSError, ValueError, RefusedError) as error:
        print(f"UNREADABLE. The call is wrong, or a file cannot be opened: {error}\n{__doc__}", file=sys.stderr)
        return 2
    made = result(*files, quorum, "--all" in given)
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    print(json.dumps(made) if "--json" in given else f"{made['verdict'].upper()} ({made['code']}). {made['sentence']}")
    return {"genuine": 0, "not-genuine": 1}.get(made["verdict"], 2)


if __name__ == "__main__":
    sys.exit(main())
