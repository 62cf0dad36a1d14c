"""Published requests to witnesses, and published tile logs."""

import json

import pytest

from medrec.core import merkle, tiles
from medrec.core.checkpoint import parse_note, parse_vkey, verify_cosignatures
from medrec.core.note import from_base64
from medrec.core.witness import parse_request
from medrec.node.ledger.tiles import check_tiles
from medrec.node.witness.witness import Witness, follow_log, read_logs, set_up
from medrec.node.witness.witness_keys import WitnessKeys


def runs(shared):
    return json.loads((shared / "vectors" / "c2sp" / "witness-add-checkpoint.json").read_bytes())["runs"]


def test_published_requests_get_the_published_answers(shared, tmp_path):
    answered = 0
    for number, run in enumerate(runs(shared)):
        folder = tmp_path / str(number)
        set_up(folder, WitnessKeys.from_seed(run["witness_name"], b"w" * 32))
        follow_log(folder, run["log_origin"], [parse_vkey(run["log_vkey"])])
        witness = Witness(WitnessKeys.load(folder), folder, read_logs(folder), lambda: 1_800_000_000_000)
        for case in run["requests"]:
            answer = witness.answer(case["request"].encode())
            expected = case["status"]
            if parse_request(case["request"].encode()).head.origin != run["log_origin"]:
                # The published answer is older than the specification, which says 404 for an unknown origin.
                assert expected == 403
                expected = 404
            assert answer.status == expected, case["request"]
            assert case.get("body_contains", "") in answer.body.decode()
            assert answer.body.decode() == case.get("body_equals", answer.body.decode())
            if answer.status == 200:
                request = parse_request(case["request"].encode())
                note = parse_note(request.note.text + b"\n" + answer.body)
                assert len(verify_cosignatures(note, witness.keys.public())) == 2
            answered += 1
        assert witness.head(run["log_origin"]).size == run["final_size"]
        witness.close()
    assert answered == 10


def test_published_tiles_are_what_we_would_write(shared):
    folder = shared / "vectors" / "tlog-tiles"
    entries = json.loads((folder / "keys.json").read_bytes())["tessera-log"]["entries"]
    nodes: dict[bytes, bytes] = {}
    for size, entry in enumerate(entries, 1):
        nodes.update(merkle.append(nodes.get, size - 1, [merkle.leaf_hash(entry.encode())]))
        log = folder / "tessera-log"
        assert (log / tiles.tile_path(0, 0, size)).read_bytes() == tiles.hash_tile(nodes.get, 0, 0, size)
        bundle = (log / tiles.tile_path("entries", 0, size)).read_bytes()
        assert bundle == tiles.encode_bundle([entry.encode() for entry in entries[:size]])
        assert tiles.decode_bundle(bundle) == [entry.encode() for entry in entries[:size]]


def test_a_published_log_is_found_whole_and_a_changed_one_is_not(shared):
    folder = shared / "vectors" / "tlog-tiles"
    keys = [parse_vkey(json.loads((folder / "keys.json").read_bytes())["tessera-log"]["vkey"])]
    files = {
        path.relative_to(folder / "tessera-log").as_posix(): path.read_bytes()
        for path in (folder / "tessera-log").rglob("*")
        if path.is_file()
    }
    checked = 0
    for size in range(1, 16):
        head = {**files, "checkpoint": files[f"checkpoint.{size}"]}
        assert check_tiles(head.get, keys).size == size
        for name in (f"tile/0/000.p/{size}", f"tile/entries/000.p/{size}"):
            data = head[name]
            for changed in (data[:-1] + bytes([data[-1] ^ 1]), data[:-1], None):
                with pytest.raises(Exception, match=r"is not|holds|breaks|not there") as error:
                    check_tiles({**head, name: changed}.get, keys)
                assert error.value.code in ("bad-file", "missing")
                checked += 1
    assert checked == 90


def test_published_tiles_of_another_log_give_every_node(shared):
    # 300 leaves: full and partial tiles at two levels.
    log = shared / "vectors" / "tlog-tiles" / "sunlight-mirror"

    def fetch(path):
        return (log / path).read_bytes() if (log / path).is_file() else None

    text = parse_note((log / "checkpoint").read_bytes()).text.decode().split("\n")
    size = int(text[1])
    reader = tiles.tile_reader(fetch, size)
    assert size == 300
    assert merkle.log_root(reader, size) == from_base64(text[2])
    for index in (0, 255, 256, 299):
        path = merkle.inclusion_proof(reader, index, size)
        leaf = reader(merkle.node_key(0, index))
        assert merkle.verify_inclusion(leaf, index, size, path, from_base64(text[2]))
