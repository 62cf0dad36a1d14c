"""The receipts of tests/vectors/receipt: genuine ones, one forgery of each kind, and unreadable ones.

A case is {"name", "root": name in roots.json or "root_text", "record": text or null, "receipt": text, "quorum":
number or null, "expect": "genuine" | "not-genuine" | "unreadable", "code": the reason's name in docs/spec/receipt.md}.
"""

import base64
import json
from collections.abc import Callable
from typing import Any

import build
from build import CANONICAL, MADE_AT, ORGANISATIONS, RECORD, ROOTS, b64, cosign_line, digest

Case = dict[str, Any]
ED4 = tuple((each, 4) for each in ORGANISATIONS)
ML4 = tuple((each, 6) for each in ORGANISATIONS)


def case(name: str, receipt: dict[str, Any] | str, code: str = "genuine", **other: Any) -> Case:
    """One vector; `other` may replace root, record, quorum, or give root_text."""
    text = receipt if isinstance(receipt, str) else json.dumps(receipt, ensure_ascii=False)
    made = {"name": name, "root": "four", "record": RECORD, "receipt": text, "quorum": None} | other
    if "root_text" in made:
        del made["root"]
    unreadable = code in UNREADABLE
    expect = "genuine" if code == "genuine" else "unreadable" if unreadable else "not-genuine"
    return made | {"expect": expect, "code": code}


UNREADABLE = {"root", "change", "receipt", "record", "record-missing", "record-not-needed", "quorum", "newer-version"}
UNREADABLE |= {"newer-root", "organisation"}


def put(*path_and_value: Any) -> Callable[[Any], Any]:
    """An edit: set the field at a path of a nested dict."""
    *path, last, value = path_and_value

    def edit(target: Any) -> Any:
        inner = target
        for name in path:
            inner = inner[name]
        inner[last] = value(inner[last]) if callable(value) else value
        return target

    return edit


def flip(data: bytes) -> bytes:
    """The bytes with the lowest bit of the middle one changed."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def flip64(text: str) -> str:
    return b64(flip(base64.b64decode(text)))


def forged(part: str, edit: Callable[[Any], Any], **other: Any) -> dict[str, Any]:
    return build.build(edits={part: edit}, **other)


def swap(old: str, new: str) -> Callable[[str], str]:
    def edit(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return edit


def row(number: int, new: str) -> Callable[[list[str]], list[str]]:
    """An edit: replace one line of a list."""
    return lambda lines: [*lines[:number], new, *lines[number + 1 :]]


def relined(change: Callable[[list[str]], list[str]], **other: Any) -> dict[str, Any]:
    return forged("lines", change, **other)


def genuine() -> list[Case]:
    """Receipts that hold."""
    make = build.build
    found = [
        case("one leaf, one organisation", make(root="one", cosigners=ED4[:1], log_size=1, log_index=0), root="one"),
        case("batch of one", make(batch_size=1, index=0)),
    ]
    for size in (1, 2, 3, 7, 100):
        for index in sorted({0, size // 2, size - 1}):
            found.append(case(f"leaf {index} of a log of {size}", make(log_size=size, log_index=index)))
    found += [case(f"entry {n} of a batch of 6", make(batch_size=6, index=n)) for n in range(6)]
    found += [
        case("the canonical bytes themselves as the record", make(), record=CANONICAL),
        case("an update", make(action="update")),
        case("a deletion, no record", make(action="delete"), record=None),
        case("a manifest that is no record", forged("manifest_value", consent), record=None),
        case("no account yet", forged("manifest_value", put("account", None))),
        case("a field of the manifest that came later", forged("manifest_value", put("later", [1, True, None]))),
        case("three of four cosigned", make(cosigners=ED4[:3])),
        case("ML-DSA-44 beside Ed25519", make(cosigners=ED4 + ML4)),
        case("ML-DSA-44 completes the quorum", make(cosigners=ED4[:2] + ML4[2:3])),
        case("ML-DSA-44 alone", make(cosigners=ML4[:3])),
        case("a quorum of one asked for", make(cosigners=ED4[3:]), quorum=1),
        case("all four asked for", make(), quorum=4),
        case("extra data that names no change of members", naming("members 0")),
        case("extra data, which means nothing", forged("proof", swap("\nindex", "\nextra aGVsbG8=\nindex"))),
        case("a stranger's line among others", relined(lambda lines: [stranger(), *lines])),
        case("a false line beside a full quorum", relined(lambda lines: [spoiled(lines[3]), *lines[:3]])),
        case("a false line in front of the true one", relined(lambda lines: [spoiled(lines[0]), *lines[:3]])),
        case("white space and other key order", json.dumps(make(), indent=2, sort_keys=True)),
        case("extras in the entry", forged("entry", with_extras)),
        case("a batch in the block of the log head", forged("leaf", lambda _: (14, MADE_AT + 180_000))),
    ]
    return found


def naming(extra: str) -> dict[str, Any]:
    """A receipt whose proof has this extra data."""
    return forged("proof", swap("\nindex", f"\nextra {b64(extra.encode())}\nindex"))


def consent(manifest: dict[str, Any]) -> dict[str, Any]:
    del manifest["record"]
    return manifest | {"manifest": "consent/1"}


def with_extras(entry: bytes) -> bytes:
    extras = {"owes": [digest(b"id")[:16], "lab-c", MADE_AT], "nullifier": digest(b"secret"), "sealed": b"x" * 100}
    return build.cbor2.dumps([entry[3:35], entry[36:52], extras], canonical=True)


def stranger() -> str:
    text = b"anything\n"
    return cosign_line("stranger", 4, text, 1_700_000_000)


def spoiled(line: str) -> str:
    """A signature line with one bit of the signature changed."""
    head, _, content = line.rstrip("\n").rpartition(" ")
    data = base64.b64decode(content)
    return f"{head} {b64(data[:30] + flip(data[30:]))}\n"


def restamped(line: str, stamp: int) -> str:
    head, _, content = line.rstrip("\n").rpartition(" ")
    data = base64.b64decode(content)
    return f"{head} {b64(data[:4] + stamp.to_bytes(8, 'big') + data[12:])}\n"


def of_record() -> list[Case]:
    """Forgeries of record, manifest, salt and entry."""
    make, other = build.build, CANONICAL.replace("final", "amended")
    return [
        case("a byte of the record", make(), "record-changed", record=RECORD.replace("1.00", "1.01")),
        case("1.00 became 1.0", make(), "record-changed", record=RECORD.replace("1.00", "1.0")),
        case("-0.0 became 0.0", make(), "record-changed", record=RECORD.replace("-0.0", "0.0")),
        case("the key order is free, the values are not", make(), "record-changed", record='{"id":"hb-1"}'),
        case("a field of the manifest", forged("receipt", put("manifest", swap("hb-1", "hb-2"))), "commitment"),
        case("the manifest's hash set to another record", rehashed(other), "commitment", record=other),
        case("manifest of another network", forged("manifest_value", put("network", "0" * 64)), "network"),
        case("another organisation's batch", forged("manifest_value", put("organisation", "lab-c")), "author"),
        case("the manifest spaced", forged("manifest", lambda data: data.replace(b",", b", ", 1)), "manifest"),
        case("the manifest unsorted", forged("manifest", unsorted), "manifest"),
        case("the manifest escaped", forged("manifest", lambda data: data.replace(b"hb-1", b"hb\\u002d1")), "manifest"),
        case("a key twice in the manifest", forged("manifest", lambda data: b'{"account":"x",' + data[1:]), "manifest"),
        case("a fraction in the manifest", forged("manifest_value", put("time", 1.5)), "manifest"),
        case("an integer of 2^53 in the manifest", forged("manifest_value", put("time", 1 << 53)), "manifest"),
        case("a manifest without its time", forged("manifest_value", without("time")), "manifest"),
        case("a manifest that is a list", forged("manifest", lambda data: b"[1]"), "manifest"),
        case("version 0", forged("manifest_value", put("record", "action", "replace")), "manifest"),
        case("a deletion with a hash", forged("manifest_value", put("record", "action", "delete")), "manifest"),
        case("a manifest nested too deeply", forged("manifest", lambda data: b"[" * 33 + b"]" * 33), "manifest"),
        case("the salt", forged("receipt", put("salt", flip64)), "commitment"),
        case("a salt that the entry was not made with", forged("salt", flip), "commitment"),
        case("the commitment", forged("receipt", put("entry", lambda text: b64(flip_at(text, 9)))), "commitment"),
        case("the tag", forged("receipt", put("entry", lambda text: b64(flip_at(text, 40)))), "batch-path"),
        case("another entry of the batch", forged("receipt", put("entry", other_entry)), "commitment"),
        case("a CBOR length in long form", forged("entry", lambda data: b"\x98\x03" + data[1:]), "entry"),
        case("bytes behind the entry", forged("entry", lambda data: data + b"\0"), "entry"),
        case("an entry cut off", forged("entry", lambda data: data[:-1]), "entry"),
        case("an entry of two parts", forged("entry", lambda data: b"\x82" + data[1:-1]), "entry"),
        case("an entry of four parts", forged("entry", lambda data: b"\x84" + data[1:] + b"\0"), "entry"),
        case("a float in the entry", forged("entry", lambda data: data[:-1] + b"\xa1\x61x\xf9\x3c\0"), "entry"),
        case("a commitment that is text", forged("entry", commitment_as_text), "entry"),
        case("extras that are no map", forged("entry", lambda data: data[:-1] + b"\x80"), "entry"),
    ]


def commitment_as_text(entry: bytes) -> bytes:
    return build.cbor2.dumps([b64(entry[3:35]), entry[36:52], {}])


def flip_at(text: str, place: int) -> bytes:
    data = base64.b64decode(text)
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def other_entry(_: str) -> str:
    return b64(build.cbor2.dumps([digest(b"1"), digest(b"t1")[:16], {}]))


def without(field: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda value: {name: item for name, item in value.items() if name != field}


def unsorted(data: bytes) -> bytes:
    value = json.loads(data)
    return json.dumps(dict(reversed(value.items())), separators=(",", ":")).encode()


def rehashed(canonical: str) -> dict[str, Any]:
    """The manifest rewritten for another record, everything behind it left."""
    old, new = digest(CANONICAL.encode()).hex(), digest(canonical.encode()).hex()
    return forged("receipt", put("manifest", swap(old, new)))


def of_batch() -> list[Case]:
    """Forgeries of the batch: body, path, signature, place in the log."""

    def body(*path_and_value: Any) -> dict[str, Any]:
        return forged("body_value", put(*path_and_value))

    def batch(field: str, value: Any) -> dict[str, Any]:
        return forged("receipt", put("batch", field, value))

    return [
        case("a step of the batch path", batch("path", lambda path: [flip64(path[0]), *path[1:]]), "batch-path"),
        case("a step too few", batch("path", lambda path: path[:-1]), "batch-path"),
        case("a step too many", batch("path", lambda path: [*path, path[0]]), "batch-path"),
        case("the index in the batch", batch("index", 3), "batch-path"),
        case("an index outside the batch", batch("index", 5), "batch-path"),
        case("an index of 2^53 - 1", batch("index", (1 << 53) - 1), "batch-path"),
        case("the root of the batch", body("payload", "root", digest(b"root")), "batch-path"),
        case("the count of the batch", body("payload", "count", 99), "batch-path"),
        case("a batch of none", body("payload", "count", 0), "batch-path"),
        case("the signature of the batch", batch("signature", flip64), "signature"),
        case("signed by another organisation", forged("signer", lambda _: "lab-c"), "signature"),
        case("signed with the cosigning key", batch("signature", cosigned), "signature"),
        case("another key named in the body", body("key", digest(b"key")[:16]), "signature"),
        case("a malleated signature", batch("signature", malleated), "signature"),
        case("a batch of another network", body("network", digest(b"net")), "network"),
        case("a batch of another author", body("author", "lab-c"), "author"),
        case("another kind of transaction", body("kind", "registry"), "kind"),
        case("a body without its nonce", forged("body_value", without("nonce")), "body"),
        case("a body with a field more", body("more", 1), "body"),
        case("a payload with a field more", body("payload", "more", 1), "body"),
        case("a negative nonce", body("nonce", -1), "body"),
        case("a payload's root too short", body("payload", "root", b"root"), "body"),
        case("a body whose network is text", body("network", b64), "body"),
        case("a body not in its one form", forged("body", unsorted_body), "body"),
        case("a body that is not CBOR", forged("body", lambda data: b"\xff" + data), "body"),
        case("a body too large", forged("body_value", put("kind", "k" * 17_000)), "body"),
        case("the body after signing", batch("body", flip_first), "signature"),
        case("the height in the log", batch("height", 11), "log-path"),
        case("the time in the log", batch("time", MADE_AT), "log-path"),
    ]


def cosigned(text: str) -> str:
    del text
    return b64(build.ed25519("clinic-a", "cosign").sign(b"x" * 32).signature)


def malleated(text: str) -> str:
    """The same signature with S + L, which lenient verifiers accept."""
    data = base64.b64decode(text)
    order = 2**252 + 27742317777372353535851937790883648493
    return b64(data[:32] + (int.from_bytes(data[32:], "little") + order).to_bytes(32, "little"))


def unsorted_body(data: bytes) -> bytes:
    value = build.cbor2.loads(data)
    return build.cbor2.dumps(dict(reversed(value.items())))


def flip_first(text: str) -> str:
    """Another sequence of the batch, in a body that stays well formed."""
    value = build.cbor2.loads(base64.b64decode(text))
    value["payload"]["first"] += 1
    return b64(build.cbor2.dumps(value, canonical=True))


def of_log() -> list[Case]:
    """Forgeries of the log proof, the checkpoint and the cosignatures."""
    make = build.build

    def proof(edit: Callable[[str], str]) -> dict[str, Any]:
        return forged("proof", edit)

    def line(number: int, new: str) -> dict[str, Any]:
        return forged("checkpoint", row(number, new))

    def step(text: str) -> str:
        lines = text.split("\n")
        return "\n".join([*lines[:2], flip64(lines[2]), *lines[3:]])

    few = make(cosigners=ED4[:2])
    twice = make(cosigners=(*ED4[:2], ED4[0], ML4[1]))
    return [
        case("a step of the log path", proof(step), "log-path"),
        case("the index in the log", proof(swap("index 4", "index 5")), "log-path"),
        case("an index outside the log", proof(swap("index 4", "index 7")), "log-path"),
        case("the root of the log", line(2, b64(digest(b"root"))), "log-path"),
        case("the size of the log", line(1, "99"), "log-path"),
        case("an empty log", line(1, "0"), "log-path"),
        case("a checkpoint of another network", line(0, "medrec/" + "0" * 64), "network"),
        case("a checkpoint older than the block, by height", line(3, "height 11"), "time"),
        case("a checkpoint older than the block, by time", line(4, f"time {MADE_AT}"), "time"),
        case("a line less in the checkpoint", forged("checkpoint", lambda lines: lines[:6]), "proof"),
        case("a line more in the checkpoint", forged("checkpoint", lambda lines: [*lines, "more 1"]), "proof"),
        case("a leading zero", line(1, "07"), "proof"),
        case("a size over 63 bits", line(1, str(1 << 63)), "proof"),
        case("a state root too short", line(5, "state AAAA"), "proof"),
        case("no proof header", proof(lambda text: text[1:]), "proof"),
        case(
            "a hash of the path too short",
            proof(lambda text: text.replace("\nindex 4\n", "\nindex 4\nAAAA\n")),
            "proof",
        ),
        case("base64 of the path in another form", proof(stray_bits), "proof"),
        case("a control character", proof(swap("\nindex", "\r\nindex")), "proof"),
        case("no last newline", proof(lambda text: text[:-1]), "proof"),
        case("no signatures", relined(lambda lines: []), "proof"),
        case("a signature line without its dash", relined(lambda lines: ["-" + lines[0][1:], *lines[1:]]), "proof"),
        case("too few cosignatures", few, "cosignatures"),
        case("a quorum of four, three signed", make(cosigners=ED4[:3]), "cosignatures", quorum=4),
        case("an organisation's line twice", relined(lambda lines: [*lines[:2], lines[0]]), "cosignatures"),
        case("an organisation twice, by both algorithms", twice, "cosignatures"),
        case("a stranger in place of the third", relined(lambda lines: [*lines[:2], stranger()]), "cosignatures"),
        case("a cosignature spoiled", relined(lambda lines: [*lines[:2], spoiled(lines[2])]), "cosignatures"),
        case("an ML-DSA-44 cosignature spoiled", relined(spoil_last, cosigners=ED4[:2] + ML4[2:3]), "cosignatures"),
        case(
            "a cosignature's time changed", relined(lambda lines: [*lines[:2], restamped(lines[2], 1)]), "cosignatures"
        ),
        case("a cosignature without a time", relined(lambda lines: [*lines[:2], undated()]), "cosignatures"),
        case("a line under a known name by another key", relined(by_another_key), "cosignatures"),
        case("cosignatures of another checkpoint", proof(swap("height 14", "height 15")), "cosignatures"),
        case("receipt of another network", make(root="other"), "network"),
        case("another network's id on it", forged("receipt", put("network", "0" * 64)), "network"),
    ]


def stray_bits(text: str) -> str:
    """The first hash of the path with bits set that base64 does not use."""
    lines = text.split("\n")
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = digits[digits.index(lines[2][-2]) | 1]
    return "\n".join([*lines[:2], lines[2][:-2] + last + "=", *lines[3:]])


def spoil_last(lines: list[str]) -> list[str]:
    return [*lines[:-1], spoiled(lines[-1])]


def text_of_four() -> bytes:
    return build.build()["proof"].partition("\n\n")[2].partition("\n\n")[0].encode() + b"\n"


def undated() -> str:
    return cosign_line("lab-c", 4, text_of_four(), 0)


def by_another_key(lines: list[str]) -> list[str]:
    return [*lines[:2], cosign_line("lab-c", 4, text_of_four(), 1_700_000_000, key_of="clinic-a")]


def unreadable() -> list[Case]:
    """What says nothing about genuineness."""
    make = build.build
    good = make()
    text = json.dumps(good, ensure_ascii=False)

    def receipt(name: str, edit: Callable[[Any], Any], code: str = "receipt") -> Case:
        return case(name, edit(json.loads(text)), code)

    def root(name: str, content: str, code: str = "root") -> Case:
        return case(name, text, code, root_text=content)

    def changed(*path_and_value: Any) -> str:
        return json.dumps(put(*path_and_value)(json.loads(json.dumps(ROOTS["four"]))))

    founders = ROOTS["four"]["genesis"]["organisations"]
    twin = founders[0]["keys"] | {"cosign_ed25519": founders[1]["keys"]["cosign_ed25519"]}
    body = {"body": "", "signatures": []}
    return [
        case("no record given", good, "record-missing", record=None),
        case("a record for a deletion", make(action="delete"), "record-not-needed"),
        case("a record for a consent", forged("manifest_value", consent), "record-not-needed"),
        case("a record that is not JSON", good, "record", record=RECORD[:-1]),
        case("a record with a key twice", good, "record", record='{"id":"hb-1","id":"hb-1"}'),
        case("a record with -0", good, "record", record='{"id":-0}'),
        case("a record with NaN", good, "record", record='{"id":NaN}'),
        case("a record with half a character", good, "record", record='{"id":"\\ud800"}'),
        case("a record with a byte-order mark", good, "record", record="\ufeff" + RECORD),
        case("a record nested 65 deep", good, "record", record="[" * 65 + "]" * 65),
        case("a record nested 100000 deep", good, "record", record="[" * 100_000),
        case("a record with an integer of 641 digits", good, "record", record="9" * 641),
        case("an empty record", good, "record", record=""),
        case("a quorum of none", good, "quorum", quorum=0),
        case("a quorum of five of four", good, "quorum", quorum=5),
        case("a receipt that is not JSON", text[:-1], "receipt"),
        case("an empty receipt", "", "receipt"),
        case("a receipt that is a number", "1", "receipt"),
        case("a receipt with a key twice", '{"medrec":"receipt/1",' + text[1:], "receipt"),
        case("a receipt nested 100000 deep", "[" * 100_000, "receipt"),
        case("half a character in the proof", text.replace("— medrec", "\\ud800 medrec", 1), "receipt"),
        receipt("a field missing", without("salt")),
        receipt("a field unknown", put("more", 1)),
        receipt("a salt too short", put("salt", "AAAA")),
        receipt("base64 without padding", put("salt", lambda salt: salt.rstrip("="))),
        receipt("base64 with white space", put("salt", lambda salt: salt + "\n")),
        receipt("a negative height", put("batch", "height", -1)),
        receipt("a fractional height", put("batch", "height", 1.0)),
        receipt("a height of true", put("batch", "height", True)),
        receipt("a height of 2^53", put("batch", "height", 1 << 53)),
        receipt("a path that is a text", put("batch", "path", "AAAA")),
        receipt("a receipt of version 2", put("medrec", "receipt/2"), "newer-version"),
        receipt("something else", put("medrec", "recipe/1")),
        case("a manifest of version 2", forged("manifest_value", put("manifest", "record/2")), "newer-version"),
        case(
            "a form of version 2",
            forged("manifest_value", put("record", "form", build.FORM[:-1] + "2")),
            "newer-version",
        ),
        case("a proof of version 2", forged("proof", swap("@v1", "@v2")), "newer-version"),
        case("protocol 2", forged("checkpoint", row(6, "protocol 2")), "newer-version"),
        root("a root that is not JSON", "{"),
        root("a root that is a list", "[]"),
        root("no genesis", json.dumps({"medrec": "root/1", "changes": []})),
        root("no organisations", changed("genesis", "organisations", [])),
        root("an organisation twice", changed("genesis", "organisations", [founders[0], founders[0]])),
        root("two organisations with one cosigning key", changed("genesis", "organisations", 0, "keys", twin)),
        root("a key in capitals", changed("genesis", "organisations", 0, "keys", "ed25519", "A" * 64)),
        root("a root of version 2", changed("medrec", "root/2"), "newer-version"),
        root("a genesis of version 2", changed("genesis", "medrec", "genesis/2"), "newer-version"),
        root("a network that began with protocol 2", changed("genesis", "protocol", 2), "newer-version"),
        root("changes of a kind unknown", changed("changes", [body])),
    ]
