"""Data sets: whatever is done to a delivered set is found, and named by its line."""

import hashlib
import json
import re
import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.signing import SigningKey

from medrec.core import manifests, merkle
from medrec.core.commitment import commitment
from medrec.core.dataset import (
    ENTRY_ONLY,
    WITH_CONTENT,
    WITH_MANIFEST,
    Statement,
    StatementError,
    check,
    content_name,
    leaf,
    make_row,
    parse_statement,
    render_row,
    render_statement,
    statement_message,
    verify_statement,
)
from medrec.core.kinds.anchor import encode_entry
from medrec.core.manifests.record import RecordManifest, RecordVersion
from medrec.core.records.canonical import FORM

NETWORK = hashlib.sha256(b"network").digest()
KEYS = {name: SigningKey(hashlib.sha256(name.encode()).digest()) for name in ("north", "north-east", "south")}
PUBLIC = {name: bytes(key.verify_key) for name, key in KEYS.items()}
GSM_BASIC = set(string.ascii_letters + string.digits + " +/-")
FIRST = 1204
SPECIFICATION = Path(__file__).resolve().parents[2] / "docs/spec/dataset.md"


def digest(*parts):
    return hashlib.sha256("/".join(map(str, parts)).encode()).digest()


class Delivery:
    """A set of a few lines, in memory: every third line no record, every fifth one superseded."""

    def __init__(self, count=20, organisation="north"):
        self.files, parts = {}, []
        for seq in range(FIRST, FIRST + count):
            salt, manifest, delivered = digest("salt", seq), self.manifest(seq, organisation), WITH_CONTENT
            entry = encode_entry(commitment(manifest, salt), digest("tag", seq)[:16], {})
            if seq % 3 == 0:
                delivered = ENTRY_ONLY
            elif seq % 5 == 0:
                delivered = WITH_MANIFEST
            else:
                self.files[content_name(seq, manifests.decode(manifest))] = self.content(seq)
            parts.append((seq, delivered, entry, None if delivered == ENTRY_ONLY else (salt, manifest)))
        leaves = [leaf(seq, delivered, entry) for seq, delivered, entry, _ in parts]
        paths = merkle.inclusion_paths(leaves)
        self.index = [
            render_row(make_row(seq, delivered, entry, path, told))
            for (seq, delivered, entry, told), path in zip(parts, paths, strict=True)
        ]
        self.statement = state(organisation, FIRST, FIRST + count - 1, len(self.files), merkle.root(leaves))
        self.organisation = organisation

    @staticmethod
    def content(seq):
        return b'{"id":"o%d","note":"a \\u001f b","resourceType":"Observation","value":1.00}' % seq

    def manifest(self, seq, organisation):
        sha256 = hashlib.sha256(self.content(seq)).hexdigest()
        version = RecordVersion("Observation", f"o{seq}", 1, "create", FORM, sha256, None)
        return manifests.encode(RecordManifest("record/1", NETWORK.hex(), organisation, None, 5, version))

    def check(self, index=None, files=None):
        index, files = self.index if index is None else index, self.files if files is None else files
        lines = b"".join(index).splitlines(keepends=True)
        return check(self.statement, NETWORK, self.organisation, lines, files.get, files)


def state(organisation, first, last, delivered, root):
    message = statement_message(NETWORK, organisation, first, last, delivered, root)
    return Statement(organisation, first, last, delivered, root, KEYS[organisation].sign(message).signature)


def flip(data, bit):
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


WHOLE = Delivery()
ROWS = range(len(WHOLE.index))
NAMES = sorted(WHOLE.files)


def seqs(findings, kind):
    return {finding.seq for finding in findings if finding.kind == kind}


def test_a_whole_set_has_nothing_to_name():
    assert WHOLE.check() == []
    for count in (1, 2, 3, 7, 8, 9):
        assert Delivery(count).check() == []


def test_every_single_bit_flip_in_a_small_index_and_in_every_file_is_found_and_named():
    small = Delivery(2)
    for place, row in enumerate(small.index):
        for bit in range(len(row) * 8):
            rows = list(small.index)
            rows[place] = flip(row, bit)
            findings = small.check(index=rows)
            assert FIRST + place in {finding.seq for finding in findings}, (place, bit)
    for name, data in small.files.items():
        for bit in range(len(data) * 8):
            (finding,) = small.check(files={**small.files, name: flip(data, bit)})
            assert finding.kind == "changed" and finding.seq == int(name[8:18])


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_bit_flip_anywhere_is_found_and_names_its_line(data):
    place = data.draw(st.sampled_from(ROWS))
    row = WHOLE.index[place]
    rows = list(WHOLE.index)
    rows[place] = flip(row, data.draw(st.integers(0, len(row) * 8 - 1)))
    assert FIRST + place in {finding.seq for finding in WHOLE.check(index=rows)}
    name = data.draw(st.sampled_from(NAMES))
    files = {**WHOLE.files, name: flip(WHOLE.files[name], data.draw(st.integers(0, len(WHOLE.files[name]) * 8 - 1)))}
    assert [finding.seq for finding in WHOLE.check(files=files)] == [int(name[8:18])]


@settings(max_examples=100, deadline=None)
@given(st.sets(st.sampled_from(ROWS), min_size=1), st.sets(st.sampled_from(NAMES)))
def test_whatever_is_left_out_is_missing_and_nothing_else_is_said(rows, names):
    index = [row for place, row in enumerate(WHOLE.index) if place not in rows]
    files = {name: data for name, data in WHOLE.files.items() if name not in names}
    findings = WHOLE.check(index=index, files=files)
    assert {finding.kind for finding in findings} == {"missing"}
    assert seqs(findings, "missing") == {FIRST + place for place in rows} | {int(name[8:18]) for name in names}


@settings(max_examples=200, deadline=None)
@given(st.permutations(ROWS))
def test_any_other_order_is_reordered_and_only_that(order):
    findings = WHOLE.check(index=[WHOLE.index[place] for place in order])
    moved = seqs(findings, "reordered")
    assert {finding.kind for finding in findings} <= {"reordered"}
    assert bool(moved) == (order != list(ROWS))
    rest = [place for place in order if FIRST + place not in moved]
    assert rest == sorted(rest)


def test_one_row_that_was_moved_is_one_finding():
    for old in ROWS:
        for new in ROWS:
            order = [place for place in ROWS if place != old]
            order.insert(new, old)
            moved = seqs(WHOLE.check(index=[WHOLE.index[place] for place in order]), "reordered")
            assert moved == (set() if old == new else {FIRST + old}) or (abs(old - new) == 1 and len(moved) == 1)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(ROWS), st.integers(0, len(WHOLE.index)))
def test_a_row_that_is_there_twice_is_added(place, where):
    index = list(WHOLE.index)
    index.insert(where, WHOLE.index[place])
    findings = WHOLE.check(index=index)
    assert (FIRST + place) in seqs(findings, "added")
    assert {finding.kind for finding in findings} <= {"added", "reordered"}


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=80).filter(lambda data: b"\n" not in data and b"\r" not in data), st.integers(0, 20))
def test_a_row_that_somebody_wrote_is_added(data, where):
    index = list(WHOLE.index)
    index.insert(where, data + b"\n")
    assert [finding.kind for finding in WHOLE.check(index=index)] == ["added"]


def test_rows_and_files_of_another_set_are_named():
    other = Delivery(30, "south")
    findings = WHOLE.check(index=[*WHOLE.index, other.index[25]])
    assert [(finding.kind, finding.seq) for finding in findings] == [("added", FIRST + 25)]
    findings = WHOLE.check(index=[*WHOLE.index[:4], other.index[4], *WHOLE.index[5:]])
    assert [(finding.kind, finding.seq) for finding in findings] == [("changed", FIRST + 4)]
    findings = WHOLE.check(index=[*WHOLE.index, other.index[4]])
    assert [(finding.kind, finding.seq) for finding in findings] == [("added", FIRST + 4)]
    for name in ("records/0000009999-Observation-x.json", "virus.exe", NAMES[0] + "~", "records/\udcff"):
        findings = WHOLE.check(files={**WHOLE.files, name: b"{}"})
        assert [finding.kind for finding in findings] == ["added"], name
        str(findings).encode()


def test_swapped_contents_are_reordered():
    a, b = NAMES[1], NAMES[4]
    findings = WHOLE.check(files={**WHOLE.files, a: WHOLE.files[b], b: WHOLE.files[a]})
    assert [finding.kind for finding in findings] == ["reordered", "reordered"]
    assert f"line {int(b[8:18])}" in findings[0].sentence


def test_the_same_content_in_other_bytes_is_changed_and_says_so():
    name = NAMES[0]
    findings = WHOLE.check(files={**WHOLE.files, name: json.dumps(json.loads(WHOLE.files[name])).encode()})
    assert findings[0].kind == "changed"
    spaced = WHOLE.files[name].replace(b":", b": ")
    (finding,) = WHOLE.check(files={**WHOLE.files, name: spaced})
    assert "other bytes" in finding.sentence


def test_a_record_cannot_be_passed_off_as_a_line_without_content():
    place = next(place for place in ROWS if f"{FIRST + place:010d}" in NAMES[0])
    row = json.loads(WHOLE.index[place])
    files = {name: data for name, data in WHOLE.files.items() if name != NAMES[0]}
    for change in ({"delivered": 0, "manifest": None, "salt": None}, {"delivered": 1}, {"manifest": None}):
        hidden = json.dumps({**row, **change}, sort_keys=True, separators=(",", ":")).encode() + b"\n"
        index = [*WHOLE.index[:place], hidden, *WHOLE.index[place + 1 :]]
        assert ("changed", FIRST + place) in {(f.kind, f.seq) for f in WHOLE.check(index=index, files=files)}


def test_an_issuer_who_counts_wrong_is_found():
    delivery = Delivery()
    delivery.statement = delivery.statement._replace(delivered=delivery.statement.delivered + 1)
    (finding,) = delivery.check()
    assert finding.name == "the statement"


def test_the_example_of_the_specification_holds():
    text = SPECIFICATION.read_text()
    blocks = dict(re.findall(r"```(statement|index|content)\n(.*?)\n```", text, re.DOTALL))
    key, network = re.findall(r"`([0-9a-f]{64})`", text)[1], re.findall(r"`([0-9a-f]{64})`", text)[0]
    statement = parse_statement(blocks["statement"])
    signer = verify_statement(statement, bytes.fromhex(network), {"north": bytes.fromhex(key)})
    name = re.search(r"`(records/[0-9]{10}-Observation[^`]*)`", text)[1]
    index = [row.encode() + b"\n" for row in blocks["index"].split("\n")]
    files = {name: blocks["content"].encode()}
    assert check(statement, bytes.fromhex(network), signer, index, files.get, files) == []
    assert check(statement, bytes.fromhex(network), signer, index[:2], files.get, files) != []


# --- the statement ----------------------------------------------------------------------------------------


@given(
    st.sampled_from(sorted(KEYS)),
    st.integers(1, 10**8 - 2 * 10**6),
    st.integers(0, 999_999),
    st.integers(0, 10**6),
)
def test_a_statement_fits_an_sms_and_comes_back(organisation, first, more, delivered):
    statement = state(organisation, first, first + more, min(delivered, more + 1), digest("root"))
    text = render_statement(statement)
    assert len(text) <= 160 and set(text) <= GSM_BASIC
    found = parse_statement(text)
    assert found._replace(organisation="") == statement._replace(organisation="")
    assert verify_statement(found, NETWORK, PUBLIC) == organisation
    # A phone may break the line or put white space around it.
    assert parse_statement(f"\n {text[:100]}\r\n{text[100:]} ") == found


def test_numbers_that_leave_no_room_are_refused():
    with pytest.raises(StatementError) as error:
        render_statement(state("north", 10**15, 10**15 + 10**5, 10**5, digest("root")))
    assert error.value.code == "too-long"


def test_an_id_that_begins_another_id_is_told_apart_by_the_signature():
    for name in KEYS:
        cut = state(name, 1, 5, 5, digest("root"))._replace(organisation=name[:1])
        assert verify_statement(cut, NETWORK, PUBLIC) == name


def test_every_change_of_a_statement_is_found():
    text = render_statement(WHOLE.statement)
    assert verify_statement(parse_statement(text), NETWORK, PUBLIC) == "north"
    for bit in range(len(text) * 8):
        try:
            changed = flip(text.encode(), bit).decode("latin-1")
            found = parse_statement(changed)
        except StatementError:
            continue
        if found == WHOLE.statement:
            assert text[bit // 8] == " "  # one kind of space became another: it says the same
            continue
        with pytest.raises(StatementError):
            verify_statement(found, NETWORK, PUBLIC)
    for short in ("", "mr1", text[:-1], text + "A", text.replace("mr1", "mr2"), text.replace(" ", "  ", 1) + " x"):
        with pytest.raises(StatementError) as error:
            parse_statement(short)
        assert error.value.code == "statement-unreadable"


def test_a_statement_of_another_network_or_of_a_stranger_is_refused():
    with pytest.raises(StatementError) as error:
        verify_statement(WHOLE.statement, bytes(32), PUBLIC)
    assert error.value.code == "statement-signature"
    with pytest.raises(StatementError) as error:
        verify_statement(WHOLE.statement, NETWORK, {"south": PUBLIC["south"]})
    assert error.value.code == "unknown-signer"
