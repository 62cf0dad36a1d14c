"""Data sets written by a node, and checked as a folder that came on a stick."""

import json

import pytest

from medrec.core.dataset import StatementError
from medrec.core.root import read_root
from medrec.node.keeping.keys import OrganisationKeys
from medrec.node.ledger import govern
from medrec.node.ledger.receipts import root_file
from medrec.node.records.publish import Incoming
from medrec.node.release import dataset
from medrec.node.release.dataset import DatasetError, check_dataset, export_dataset

from .cosigners import Cosigners
from .members_world import Net
from .world import World, observation


class Shelf:
    """The source: what a record says now."""

    def __init__(self):
        self.records = {}

    def read(self, kind, identifier):
        return self.records.get((kind, identifier))


@pytest.fixture
def node(tmp_path):
    world = World(tmp_path / "world")
    node = Cosigners(world)["north"]
    node.source, node.parts, node.root = Shelf(), world.north, read_root(root_file(node))
    world.person(north="p1")  # a line that is no record
    publish(node, *(observation(f"o{n}", f"p{n % 3}", n) for n in range(12)))
    publish(node, observation("o3", "p0", 33), origin="b.json")  # a second version: the first has no content any more
    node.parts.publisher.publish([Incoming("Observation", "o4", None, "c.json")])
    node.source.records.pop(("Observation", "o4"))
    return node


def publish(node, *resources, origin="a.json"):
    node.parts.publish(*resources, origin=origin)
    for resource in resources:
        node.source.records["Observation", resource["id"]] = json.dumps(resource, indent=2).encode()


def written(node, folder, first=1, last=15):
    return export_dataset(node, first, last, folder)


def found(node, folder, text):
    checked = check_dataset(folder, text, node.root)
    assert checked.organisation == "north"
    return [(finding.kind, finding.seq) for finding in checked.findings]


def test_a_set_that_arrives_as_it_was_written_is_whole(node, tmp_path):
    folder = tmp_path / "set"
    text = written(node, folder)
    assert len(text) <= 160 and text.startswith("mr1 north 1-15 11 ")
    checked = check_dataset(folder, text, node.root)
    assert checked.whole and checked.statement.delivered == 11
    rows = [json.loads(row) for row in (folder / "index.ndjson").read_bytes().splitlines()]
    assert [row["delivered"] for row in rows] == [0, 2, 2, 2, 1, 1, *[2] * 7, 2, 1]
    assert len(list((folder / "records").iterdir())) == 11
    assert "link/1" not in (folder / "index.ndjson").read_text()


def test_a_part_of_the_journal_is_a_set_too(node, tmp_path):
    text = written(node, tmp_path / "set", 4, 9)
    assert found(node, tmp_path / "set", text) == []


def test_what_happens_to_files_on_the_way_is_named(node, tmp_path):
    folder = tmp_path / "set"
    text = written(node, folder)
    records = folder / "records"
    gone, changed, linked = (records / f"{n + 2:010d}-Observation-o{n}.json" for n in (5, 6, 7))
    gone.unlink()
    changed.write_bytes(changed.read_bytes().replace(b"6}", b"7}"))
    linked.rename(tmp_path / "elsewhere.json")
    linked.symlink_to(tmp_path / "elsewhere.json")
    (records / "more.json").write_bytes(b"{}")
    (folder / "notes").mkdir()
    (folder / "notes" / "x.txt").write_bytes(b"")
    (folder / "outside").symlink_to(tmp_path)
    checked = check_dataset(folder, text, node.root)
    assert [(f.kind, f.seq, f.name) for f in checked.findings] == [
        ("missing", 7, "Observation/o5 version 1"),
        ("changed", 8, "Observation/o6 version 1"),
        ("missing", 9, "Observation/o7 version 1"),
        ("added", None, "notes/x.txt"),
        ("added", None, "outside"),
        ("added", None, "records/more.json"),
    ]


def test_an_index_that_is_cut_or_gone_names_every_line(node, tmp_path):
    folder = tmp_path / "set"
    text = written(node, folder)
    index = folder / "index.ndjson"
    data = index.read_bytes()
    index.write_bytes(data[: data.rfind(b"\n", 0, -1) - 20])  # within the last row but one
    assert found(node, folder, text) == [("changed", 14), ("missing", 15)]
    index.unlink()
    assert found(node, folder, text) == [("missing", seq) for seq in range(1, 16)]


def test_an_older_set_does_not_pass_for_a_newer_one(node, tmp_path):
    old = written(node, tmp_path / "old")
    publish(node, observation("o5", "p2", 55), origin="d.json")
    new = written(node, tmp_path / "new", 1, 16)
    assert found(node, tmp_path / "new", new) == []
    assert found(node, tmp_path / "old", new) != []
    assert found(node, tmp_path / "new", old) != []
    assert found(node, tmp_path / "old", old) == []


def test_a_statement_of_nobody_known_says_so(node, tmp_path):
    text = written(node, tmp_path / "set")
    for wrong in ("hello", text.replace("north", "nobody"), text.replace("1-15 11", "1-15 10")):
        with pytest.raises(StatementError):
            check_dataset(tmp_path / "set", wrong, node.root)
    with pytest.raises(DatasetError):
        check_dataset(tmp_path / "nowhere", text, node.root)


def test_what_the_source_no_longer_holds_is_not_stated(node, tmp_path):
    node.source.records["Observation", "o1"] = b'{"resourceType":"Observation","id":"o1"}'
    node.source.records["Observation", "o2"] = b"not json"
    del node.source.records["Observation", "o6"]
    with pytest.raises(DatasetError) as error:
        written(node, tmp_path / "set")
    assert error.value.code == "records-altered"
    assert all(f"Observation/{name}" in error.value.sentence for name in ("o1", "o2", "o6"))
    assert [path.name for path in tmp_path.iterdir()] == ["world"]


def test_a_set_is_written_whole_or_not_at_all(node, tmp_path, monkeypatch):
    (tmp_path / "there").mkdir()
    for first, last, folder, code in (
        (1, 16, "set", "no-such-lines"),
        (0, 3, "set", "no-such-lines"),
        (3, 2, "set", "no-such-lines"),
        (1, 2_000_000, "set", "too-many-lines"),
        (1, 3, "there", "in-the-way"),
    ):
        with pytest.raises(DatasetError) as error:
            written(node, tmp_path / folder, first, last)
        assert error.value.code == code
    monkeypatch.setattr(dataset, "_state", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(DatasetError) as error:
        written(node, tmp_path / "set")
    assert error.value.code == "disk"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["there", "world"]


@pytest.fixture
def net(tmp_path):
    made = Net(tmp_path, ("north", "south", "east", "west"))
    for name in ("north", "south"):
        made[name].source = Shelf()
        made.publish(name)
        made[name].source.records["Observation", "o1"] = json.dumps(observation("o1", "p1", 1)).encode()
    yield made
    made.close()


def replace_keys(net, name):
    fresh = OrganisationKeys.from_seed(name, b"E" * 32)
    source = net[name].source
    govern.rotate(net[name], fresh)
    net.reopen(name, fresh)
    net[name].source = source
    net.keep_up()


def test_a_statement_from_before_its_keys_were_replaced_holds_and_says_so(net, tmp_path):
    text, before = written(net["north"], tmp_path / "set", 1, 1), read_root(root_file(net["east"]))
    replace_keys(net, "north")
    root = read_root(root_file(net["east"]))
    assert len(root.sets) == 2
    old, now = (check_dataset(tmp_path / "set", text, known) for known in (before, root))
    assert old.whole and now.whole and old.organisation == now.organisation == "north"
    assert old.former == "" and "replaced since" in now.former
    again = written(net["north"], tmp_path / "again", 1, 1)
    assert again != text
    checked = check_dataset(tmp_path / "again", again, root)
    assert checked.whole and checked.former == ""
    with pytest.raises(StatementError, match="root file is of before") as refused:
        check_dataset(tmp_path / "again", again, before)
    assert refused.value.code == "statement-signature"
    # The former key speaks for its own organisation alone, and for what it signed.
    for wrong in (text.replace("north", "south"), text.replace("1-1 1", "1-1 0")):
        with pytest.raises(StatementError) as refused:
            check_dataset(tmp_path / "set", wrong, root)
        assert refused.value.code == "statement-signature"


def test_a_statement_of_who_left_holds_and_says_so(net, tmp_path):
    text = written(net["south"], tmp_path / "set", 1, 1)
    govern.leave(net["south"])
    net.keep_up()
    root = read_root(root_file(net["east"]))
    assert "south" not in root.members
    checked = check_dataset(tmp_path / "set", text, root)
    assert checked.whole and checked.organisation == "south" and "no member any more" in checked.former
    with pytest.raises(StatementError) as refused:
        check_dataset(tmp_path / "set", text.replace("1-1 1", "1-1 0"), root)
    assert refused.value.code == "statement-signature"
    with pytest.raises(StatementError) as refused:
        check_dataset(tmp_path / "set", text.replace("south", "nobody"), root)
    assert refused.value.code == "unknown-signer"
