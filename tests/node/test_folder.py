"""The folder source: what it takes, what it refuses and with which words, restart, and comparison with the known."""

import gzip
import json
import os
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medrec.core.records.canonical import canonical
from medrec.node.sources.folder import FolderSource, Limits, Progress
from medrec.node.sources.source import Change, Item, RawRecord, Rejected, SourceUnavailable, snapshot_compare

UUID = "11111111-2222-3333-4444-555555555555"


def patient(name: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": name, **more}


def bundle(*resources: dict[str, Any], kind: str = "transaction") -> dict[str, Any]:
    entries = [{"resource": r, "request": {"method": "PUT", "url": "x"}} for r in resources]
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


def put(path: Path, content: object) -> Path:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(raw) if path.name.endswith(".gz") else raw)
    return path


def lines(*resources: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(r).encode() + b"\n" for r in resources)


def read(folder: Path, after: str = "", **limits: int) -> tuple[list[RawRecord], list[Rejected]]:
    items = list(FolderSource(folder, Limits(**limits)).read(after))
    return [i for i in items if isinstance(i, RawRecord)], [i for i in items if isinstance(i, Rejected)]


def ids(items: Iterator[Item] | list[RawRecord]) -> list[str]:
    return [item.id for item in items if isinstance(item, RawRecord)]


def only(folder: Path, **limits: int) -> Rejected:
    """The one rejection of a folder beside which the good file "z.json" was read."""
    put(folder / "z.json", patient("good"))
    records, rejected = read(folder, **limits)
    assert "good" in ids(records)
    assert len(rejected) == 1, rejected
    return rejected[0]


def test_bundles_resources_and_ndjson_in_order(tmp_path: Path) -> None:
    put(tmp_path / "b.json", bundle(patient("b1"), patient("b2", multipleBirthInteger=2)))
    put(tmp_path / "a" / "x.json.gz", bundle(patient("a1"), kind="collection"))
    put(tmp_path / "c.ndjson", lines(patient("c1"), patient("c2")) + b"\r\n \n" + lines(bundle(patient("c3"))))
    put(tmp_path / "d.ndjson.gz", lines(patient("d1")))
    put(tmp_path / "e.json", patient("e1"))
    put(tmp_path / ".hidden.json", b"no")
    put(tmp_path / "notes.txt", b"no")
    put(tmp_path / "empty.ndjson", b"")
    records, rejected = read(tmp_path)
    assert not rejected
    assert ids(records) == ["a1", "b1", "b2", "c1", "c2", "c3", "d1", "e1"]
    assert {(r.type, r.action) for r in records} == {("Patient", "put")}
    assert records[2].origin == "b.json entry[1]" and records[5].origin == "c.ndjson line 5 entry[0]"
    assert records[2].content == canonical(json.dumps(patient("b2", multipleBirthInteger=2)).encode())
    assert len({r.position for r in records}) == len(records)


def test_number_literals_reach_the_consumer(tmp_path: Path) -> None:
    raw = b'{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Observation","id":"o","v":1.00}}]}'
    put(tmp_path / "a.json", raw)
    content = read(tmp_path)[0][0].content
    assert content and content.data == b'{"id":"o","resourceType":"Observation","v":1.00}'


def test_ids_from_full_url(tmp_path: Path) -> None:
    bare = {"resourceType": "Patient", "active": True}
    entries = [
        {"fullUrl": f"urn:uuid:{UUID}", "resource": bare},
        {"fullUrl": f"urn:uuid:{UUID}", "resource": patient("own")},
        {"fullUrl": "http://example.org/Patient/7", "resource": bare},
        {"resource": bare},
        {"fullUrl": f"urn:uuid:{UUID}", "resource": patient("not an id")},
        {"fullUrl": f"urn:uuid:{UUID}", "resource": {**bare, "id": None}},
    ]
    put(tmp_path / "a.json", {"resourceType": "Bundle", "entry": entries})
    records, rejected = read(tmp_path)
    assert ids(records) == [UUID, "own"]
    assert records[0].content and b"id" not in records[0].content.value, "an id is never written into a record"
    assert [r.code for r in rejected] == ["no-id"] * 4
    assert [r.key for r in rejected] == ["entry[2]", "entry[3]", "entry[4]", "entry[5]"]


def test_deletions(tmp_path: Path) -> None:
    def delete(url: str) -> dict[str, Any]:
        return {"request": {"method": "DELETE", "url": url}}

    urls = ["Patient/a", "Patient?identifier=x", "Patient/a/_history/1", "Patient"]
    put(tmp_path / "a.json", {"resourceType": "Bundle", "entry": [delete(u) for u in urls]})
    put(
        tmp_path / "b.json",
        b'{"resourceType":"Bundle","entry":[{"request":{"method":"\\u0044ELETE","url":"Patient/e"}}]}',
    )
    records, rejected = read(tmp_path)
    assert [(r.type, r.id, r.action, r.content) for r in records] == [
        ("Patient", "a", "delete", None),
        ("Patient", "e", "delete", None),
    ]
    assert [r.code for r in rejected] == ["bad-deletion"] * 3


def test_an_ambiguous_method_is_refused(tmp_path: Path) -> None:
    raw = b'{"resourceType":"Bundle","entry":[{"request":{"method":"DELETE","method":"PUT","url":"Patient/a"}}]}'
    put(tmp_path / "a.json", raw)
    found = only(tmp_path)
    assert (found.code, found.line) == ("duplicate-key", 1)


def test_a_history_is_read_from_its_oldest_version(tmp_path: Path) -> None:
    put(tmp_path / "a.json", bundle(patient("p", active=False), patient("p", active=True), kind="history"))
    contents = [r.content.value["active"] for r in read(tmp_path)[0] if r.content]
    assert contents == [True, False]


def test_a_document_is_one_record(tmp_path: Path) -> None:
    put(tmp_path / "a.json", {**bundle(patient("inner"), kind="document"), "id": "doc"})
    records, rejected = read(tmp_path)
    assert [(r.type, r.id) for r in records] == [("Bundle", "doc")] and not rejected


def test_one_bad_entry_costs_one_entry_and_names_its_place(tmp_path: Path) -> None:
    raw = b"""{
 "resourceType": "Bundle",
 "entry": [
  {"resource": {"resourceType": "Patient", "id": "one"}},
  {"fullUrl": "x", "resource": {
     "resourceType": "Patient",
     "name": [{"family": "Quinquefolia", "family": "Secretary"}]}},
  {"resource": {"resourceType": "Patient", "id": 1E5}},
  {"resource": {"resourceType": "Patient", "id": "\xff"}},
  {"request": {"method": "GET", "url": "Patient"}},
  {"resource": {"id": "x"}}, {"resource": [1]}, 7, {"resource": {"resourceType": "Patient", "n": -0}},
  {"resource": {"resourceType": "Patient", "id": "two"}}
 ]
}"""
    put(tmp_path / "a.json", raw)
    records, rejected = read(tmp_path)
    assert ids(records) == ["one", "two"]
    assert [(r.code, r.line, r.column, r.key) for r in rejected] == [
        ("duplicate-key", 7, 42, "entry[1].resource.name[0].family"),
        ("no-id", 8, 3, "entry[2]"),
        ("not-utf8", 9, 51, "entry[3].resource"),
        ("no-resource", 10, 3, "entry[4]"),
        ("no-type", 11, 3, "entry[5]"),
        ("no-type", 11, 30, "entry[6]"),
        ("not-json", 11, 49, "entry[7]"),
        ("negative-zero", 11, 98, "entry[8].resource.n"),
    ]
    assert rejected[0].origin == "a.json entry[1]"
    assert "a.json, line 7, column 42, in entry[1].resource.name[0].family" in rejected[0].sentence
    assert not any(word in r.sentence for r in rejected for word in ("Quinquefolia", "Secretary"))


DEEP = b'{"resourceType":"Patient","id":"x","e":' + b"[" * 80 + b"]" * 80 + b"}"


@pytest.mark.parametrize(
    ("name", "content", "code", "line"),
    [
        ("a.json", b"", "empty", 1),
        ("a.json", b'{"resourceType":"Bundle",\n"entry":[{"resource":', "truncated", 2),
        ("a.json", b'{"resourceType":"Patient",\n"id":"a"', "truncated", 2),
        ("a.json", json.dumps(patient("a")).encode("utf-16"), "byte-order-mark", 1),
        ("a.json", json.dumps(bundle()).encode("utf-16-le"), "not-utf8", 1),
        ("a.json", b"\xef\xbb\xbf{}", "byte-order-mark", 1),
        ("a.json", b'{"resourceType":"Patient",\n"id":"\xe9"}', "not-utf8", 2),
        ("a.json", DEEP, "too-deep", 1),
        ("a.json", b'{"resourceType":"Bundle","entry":[{"resource":' + DEEP + b"}]}", "too-deep", 1),
        ("a.json", b'{"resourceType":"Bundle","entry":' + b"[" * 300_000, "too-deep", 1),
        ("a.json", b'{"resourceType":"Bundle","entry":[],\n"entry":[]}', "duplicate-key", 2),
        ("a.json", b'{"resourceType":"Bundle","entry":{}}', "not-json", 0),
        ("a.json", b'{"resourceType":"Bundle","entry":[{"resource":\n{"x":"\\ud800"}}]}', "lone-surrogate", 2),
        ("a.json", b'[{"resourceType":"Patient","id":"a"}]', "no-type", 1),
        ("a.ndjson", b'{"resourceType":"Patient","id":"a"}\n{"resourceType":"Pat\n', "truncated", 2),
        ("a.ndjson", b'{"resourceType":"Patient","id":"a"}\n{"resourceType":"Pat', "unfinished-line", 2),
        ("a.ndjson", b'{"resourceType":"Patient","id":"a"}\nNaN\n{"resourceType":"Patient","id":"b"}', "not-json", 2),
        ("a.json.gz", DEEP, "too-deep", 1),
    ],
)
def test_bad_files_are_listed_and_the_rest_is_read(
    tmp_path: Path, name: str, content: bytes, code: str, line: int
) -> None:
    put(tmp_path / name, content)
    found = only(tmp_path)
    assert (found.code, found.line or 1) == (code, line or 1)
    assert name in found.origin and found.sentence.endswith(".")


def test_an_unterminated_last_line_that_parses_is_taken(tmp_path: Path) -> None:
    put(tmp_path / "a.ndjson", lines(patient("a")) + json.dumps(patient("b")).encode())
    records, rejected = read(tmp_path)
    assert ids(records) == ["a", "b"] and not rejected


@pytest.mark.parametrize("name", ["a.json.gz", "a.ndjson.gz"])
def test_gzip_faults_take_nothing_of_the_file(tmp_path: Path, name: str) -> None:
    good = gzip.compress(lines(*[patient(f"p{n}", noise=os.urandom(20).hex()) for n in range(200)]))
    damaged = good[:-8] + bytes([good[-8] ^ 1]) + good[-7:]
    for raw, code in [
        (good[:-9], "truncated-gzip"),
        (good[:300], "truncated-gzip"),
        (damaged, "bad-gzip"),
        (b"{}", "bad-gzip"),
        (b"", "truncated-gzip"),
    ]:
        (tmp_path / name).write_bytes(raw)
        assert only(tmp_path).code == code
        assert ids(read(tmp_path)[0]) == ["good"]


def test_gzip_of_several_members_and_padding(tmp_path: Path) -> None:
    packed = gzip.compress(lines(patient("a"))) + gzip.compress(lines(patient("b"))) + b"\x00" * 100
    (tmp_path / "a.ndjson.gz").write_bytes(packed)
    assert ids(read(tmp_path)[0]) == ["a", "b"]


@pytest.mark.parametrize("name", ["a.json.gz", "a.ndjson.gz"])
def test_gzip_bombs_stop_at_the_limit(tmp_path: Path, name: str) -> None:
    engine = zlib.compressobj(9, wbits=31)
    packed = b"".join(engine.compress(b" " * (1 << 20)) for _ in range(64)) + engine.flush()
    assert len(packed) < 100_000
    (tmp_path / name).write_bytes(packed)
    found = only(tmp_path, document=8 << 20, unpacked=8 << 20)
    assert found.code == "too-large" and "8388608" in found.sentence


def test_limits_of_documents_records_and_lines(tmp_path: Path) -> None:
    big = patient("big", note="x" * 5000)
    put(tmp_path / "a.json", bundle(patient("a"), big, patient("c")))
    records, rejected = read(tmp_path, record=1000)
    assert ids(records) == ["a", "c"] and rejected[0].code == "too-large" and rejected[0].key == "entry[1].resource"
    assert [r.code for r in read(tmp_path, document=1000)[1]] == ["too-large"]
    put(tmp_path / "a.json", patient("a"))
    put(tmp_path / "b.ndjson", lines(patient("b"), big, patient("d")))
    records, rejected = read(tmp_path, document=1000)
    assert ids(records) == ["a", "b", "d"]
    assert [(r.code, r.line) for r in rejected] == [("too-large", 2)]


def test_lines_longer_than_a_reading_piece(tmp_path: Path) -> None:
    long = [patient(f"l{n}", note="ü" * (1 << 20)) for n in range(3)]
    put(tmp_path / "a.ndjson", b"".join(json.dumps(r, ensure_ascii=False).encode() + b"\n" for r in long))
    records, rejected = read(tmp_path)
    assert ids(records) == ["l0", "l1", "l2"] and not rejected
    records, rejected = read(tmp_path, document=1 << 20)
    assert not records and [r.line for r in rejected] == [1, 2, 3]


def test_reading_goes_on_behind_every_position(tmp_path: Path) -> None:
    put(tmp_path / "a.json", bundle(patient("a1"), {"bad": 1}, patient("a2")))
    put(tmp_path / "b.ndjson", lines(patient("b1"), patient("b2")) + b"?\n" + lines(patient("b3")))
    put(tmp_path / "c.json.gz", bundle(patient("c1")))
    source = FolderSource(tmp_path)
    everything = list(source.read())
    assert len(everything) == 8
    for number, item in enumerate(everything):
        assert list(source.read(item.position)) == everything[number + 1 :], item.position
    with pytest.raises(ValueError, match="position"):
        list(source.read("nonsense"))


def test_a_changed_file_is_read_again_from_its_start(tmp_path: Path) -> None:
    put(tmp_path / "a.json", patient("a"))
    path = put(tmp_path / "b.ndjson", lines(patient("b1"), patient("b2")))
    put(tmp_path / "c.json", patient("c"))
    items = list(FolderSource(tmp_path).read())
    with path.open("ab") as file:
        file.write(lines(patient("b3")))
    assert ids(FolderSource(tmp_path).read(items[2].position)) == ["b1", "b2", "b3", "c"]
    path.unlink()
    assert ids(FolderSource(tmp_path).read(items[2].position)) == ["c"]


def test_a_file_that_grows_while_it_is_read(tmp_path: Path) -> None:
    path = put(tmp_path / "a.ndjson", lines(*[patient(f"p{n}") for n in range(5)]))
    put(tmp_path / "b.json", patient("b"))
    items: list[Item] = []
    for item in FolderSource(tmp_path).read():
        items.append(item)
        if len(items) == 2:
            with path.open("ab") as file:
                file.write(b'{"resourceType":"Patient","id":"ha')
    assert ids(items) == ["p0", "p1", "p2", "p3", "p4", "b"]
    assert [i.code for i in items if isinstance(i, Rejected)] == ["changed-while-reading"]
    with path.open("ab") as file:
        file.write(b'lf"}\n')
    assert ids(read(tmp_path)[0]) == ["p0", "p1", "p2", "p3", "p4", "half", "b"]


def test_a_bundle_that_changes_while_it_is_read_is_left_for_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(tmp_path / "a.json", bundle(patient("a")))
    real = os.fstat

    def fstat_then_grow(number: int) -> os.stat_result:
        facts = real(number)
        with path.open("ab") as file:
            file.write(b" ")
        return facts

    with monkeypatch.context() as patch:
        patch.setattr("medrec.node.sources.folder.os.fstat", fstat_then_grow)
        records, rejected = read(tmp_path)
    assert not records and [r.code for r in rejected] == ["changed-while-reading"]
    assert ids(read(tmp_path)[0]) == ["a"]


def test_files_that_are_none_or_vanish(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "folder.json").mkdir()
    assert only(tmp_path).code == "not-a-file"
    (tmp_path / "pipe.json").unlink()
    (tmp_path / "link.json").symlink_to(tmp_path / "nowhere")
    found = only(tmp_path)
    assert (found.origin, found.code) == ("link.json", "unreadable")


def test_a_name_that_is_not_utf8_is_listed(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.json")).write_text("{}")
    found = only(tmp_path)
    assert found.code == "unreadable" and found.origin.encode()


def test_a_folder_that_vanishes_says_nothing_about_records(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    for name in "abc":
        put(folder / f"{name}.json", patient(name))
    reading = FolderSource(folder).read()
    assert ids([next(reading)]) == ["a"]  # type: ignore[list-item]
    shutil.rmtree(folder)
    with pytest.raises(SourceUnavailable):
        list(reading)
    with pytest.raises(SourceUnavailable):
        list(FolderSource(folder).read())
    with pytest.raises(SourceUnavailable):
        list(snapshot_compare(FolderSource(folder), {("Patient", "a"): b"x"}))


def test_progress(tmp_path: Path) -> None:
    sizes = [put(tmp_path / f"{n}.ndjson", lines(patient("p")) + b"x\n").stat().st_size for n in range(3)]
    sizes.append(put(tmp_path / "9.ndjson", lines(*[patient(str(n)) for n in range(1500)])).stat().st_size)
    seen: list[Progress] = []
    list(FolderSource(tmp_path, progress=seen.append).read())
    assert [p.files_done for p in seen] == [1, 2, 3, 3, 4]
    assert seen[-1] == Progress(4, 4, sum(sizes), sum(sizes), 1503, 3)


def compare(folder: Path, known: dict[tuple[str, str], bytes | None]) -> list[tuple[str, str]]:
    changes = [c for c in snapshot_compare(FolderSource(folder), known) if isinstance(c, Change)]
    for change in changes:
        if change.kind == "missing":
            continue
        assert change.record and change.previous == known.get((change.type, change.id))
        known[change.type, change.id] = change.record.content.sha256 if change.record.content else None
    return [(c.kind, c.id) for c in changes]


def test_snapshot_compare(tmp_path: Path) -> None:
    known: dict[tuple[str, str], bytes | None] = {}
    put(tmp_path / "a.json", bundle(patient("a"), patient("b", active=True)))
    put(tmp_path / "b.json", bundle(patient("b", active=False), patient("c")))
    assert compare(tmp_path, known) == [("new", "a"), ("new", "b"), ("new", "c")]
    assert compare(tmp_path, known) == [], "the last statement about b stands; nothing flaps"
    put(
        tmp_path / "a.json",
        b'{ "entry": [{"resource": {"id":"\\u0061", "resourceType":"Patient"}}], "resourceType":"Bundle"}',
    )
    assert compare(tmp_path, known) == [], "another spelling of the same record is no change"
    put(tmp_path / "a.json", bundle(patient("a", gender="other")))
    put(
        tmp_path / "d.json",
        {"resourceType": "Bundle", "entry": [{"request": {"method": "DELETE", "url": "Patient/c"}}]},
    )
    assert compare(tmp_path, known) == [("changed", "a"), ("deleted", "c")]
    assert compare(tmp_path, known) == []
    (tmp_path / "d.json").unlink()
    assert compare(tmp_path, known) == [("new", "c")]
    (tmp_path / "a.json").unlink()
    assert compare(tmp_path, known) == [("missing", "a")]


def test_missing_is_not_certain_beside_something_rejected(tmp_path: Path) -> None:
    put(tmp_path / "a.json", b"{")
    found = list(snapshot_compare(FolderSource(tmp_path), {("Patient", "a"): b"x", ("Patient", "gone"): None}))
    assert isinstance(found[0], Rejected)
    assert found[1:] == [Change("missing", "Patient", "a", b"x", None, False)]


def test_synthea_bundles(shared: Path) -> None:
    folder = shared / "data/synthea-r4/bundles"
    paths = sorted(folder.glob("*.json.gz"))[:3]
    expected = []
    for path in paths:
        for entry in json.loads(gzip.decompress(path.read_bytes()))["entry"]:
            expected.append((entry["resource"]["resourceType"], entry["resource"]["id"]))
    records: list[RawRecord] = []
    for item in FolderSource(folder).read():
        assert isinstance(item, RawRecord)
        if not item.origin.startswith(tuple(path.name for path in paths)):
            break
        assert item.content and json.loads(item.content.data)["id"] == item.id
        records.append(item)
    assert [(r.type, r.id) for r in records] == expected and len(records) > 300
