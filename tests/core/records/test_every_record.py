"""Every record has a line: whatever its type, however odd its shape, and never a piece of its JSON."""

import gzip
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.records.pharmacy import NOW_MS, reads

from medrec.core.records.canonical import canonical, canonical_of
from medrec.core.records.datatypes import LINE_MAX
from medrec.core.records.reading import Around
from medrec.core.records.table import READERS, understand
from medrec.core.records.understood import NoteCode, Understood
from medrec.node.terminology.shipped import shipped

_JSON = re.compile(r'[{}]"|"\s*:\s*["\[{0-9]|\[\{|<div|</|urn:uuid:')


def sensible(record: Any, found: Understood) -> list[str]:
    """What is wrong with the lines of a record."""
    wrong = []
    for line in (found.plain, found.clinical):
        if not line.strip() or "\n" in line or len(line) > LINE_MAX or not re.search(r"[A-Za-z]{3}", line):
            wrong.append(f"no line: {line!r}")
        if _JSON.search(line):
            wrong.append(f"raw: {line!r}")
    if not found.understood and not found.notes:
        wrong.append("not understood, and nothing says so")
    if found.type != record["resourceType"] or found.id != record.get("id", ""):
        wrong.append("not this record")
    if not found.key:
        wrong.append("no key")
    return wrong


def test_the_check_of_lines_can_fail() -> None:
    record = {"resourceType": "Basic", "id": "b"}
    good = reads(record)
    assert sensible(record, good) == []
    import msgspec

    for broken in ({"plain": ""}, {"clinical": 'x {"a": 1}'}, {"notes": ()}, {"key": ""}, {"plain": "two\nlines"}):
        assert sensible(record, msgspec.structs.replace(good, **broken)) != []


def test_every_example_of_r4_has_a_line(shared: Path) -> None:
    around = Around(terms=shipped(), now_ms=NOW_MS)
    seen: Counter[str] = Counter()
    lines = gzip.decompress((shared / "vectors/fhir-r4/core-examples.ndjson.gz").read_bytes()).splitlines()
    texts = [json.dumps(json.loads(line)["resource"]).encode() for line in lines]
    texts += [path.read_bytes() for path in sorted((shared / "vectors/fhir-r4/examples").glob("*.json"))]
    for text in texts:
        record = canonical(text).value
        found = understand(record, around)
        assert sensible(record, found) == [], record.get("id")
        seen[found.type] += 1
    assert sum(seen.values()) == len(texts) >= 690 and set(READERS) <= set(seen)


@pytest.mark.slow
def test_every_synthea_record_has_a_line_and_none_is_dropped(shared: Path) -> None:
    around = Around(terms=shipped(), now_ms=NOW_MS)
    fallback: Counter[str] = Counter()
    total = lines = 0
    for path in sorted((shared / "data/synthea-r4/bundles").iterdir()):
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        entries = [entry["resource"] for entry in canonical(raw, bytes_max=1 << 28).value["entry"]]
        total += len(entries)
        for record in entries:
            found = understand(record, around)
            assert sensible(record, found) == [], (path.name, record.get("id"))
            lines += 1
            if not found.understood:
                fallback[found.type] += 1
            if found.type == "MedicationRequest":
                assert found.detail is not None and found.key.startswith("medicine/"), found.plain
                assert not found.key.startswith("medicine/name"), found.plain
    assert lines == total == 26_038
    assert set(fallback) == {"Patient", "Organization", "Practitioner", "Goal", "ImagingStudy"}


# --- odd shapes -------------------------------------------------------------------------------------------

_NAMES = (
    "code coding text status subject patient reference display system value unit low high onsetDateTime period "
    "start end dosageInstruction dosage timing repeat frequency periodUnit doseAndRate doseQuantity "
    "medicationReference medicationCodeableConcept contained id ingredient strength numerator denominator "
    "component valueQuantity valueString reaction manifestation clinicalStatus verificationStatus bodySite "
    "category content attachment data contentType item total identifier type class name birthDate "
    "effectivePeriod performedDateTime result interpretation referenceRange relationship condition activity "
    "detail"
)
_KEYS = st.sampled_from(_NAMES.split())
_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**6), 10**6),
    st.sampled_from(
        ["", "active", "2020-02", "2099-01-01", "#x", "mg", "1/0", "1-2 tabs q4-6h prn", "<div>", "\u202e"]
    ),
    st.text(max_size=12),
)
_TREES = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_KEYS, inner, max_size=5)),
    max_leaves=25,
)


@settings(max_examples=150, deadline=None)
@given(kind=st.sampled_from([*READERS, "Basic", "Nonsense"]), body=st.dictionaries(_KEYS, _TREES, max_size=8))
def test_no_shape_is_too_odd(kind: str, body: dict[str, Any]) -> None:
    record = canonical_of(body | {"resourceType": kind}).value
    found = understand(record, Around(now_ms=NOW_MS))
    assert found.plain.strip() and found.clinical.strip() and "\n" not in found.plain + found.clinical
    assert found.status in ("active", "stopped", "unknown") and found.key
    assert understand(record, Around(now_ms=NOW_MS)) == found


def test_what_is_no_object_is_refused() -> None:
    with pytest.raises(ValueError, match="object"):
        understand([], Around())


def test_a_type_without_a_reader_says_so_and_shows_what_it_can() -> None:
    found = reads({"resourceType": "ImagingStudy", "id": "i", "status": "available", "description": "CT of the head"})
    assert "CT of the head" in found.plain and not found.understood
    assert [note.code for note in found.notes] == [NoteCode.UNKNOWN_TYPE]


def test_the_words_of_a_note_are_read_out_of_its_document() -> None:
    import base64

    content = [
        {"attachment": {"contentType": "text/plain", "data": base64.b64encode(b"Knee pain\nfor 2 weeks").decode()}}
    ]
    found = reads({"resourceType": "DocumentReference", "id": "d", "status": "current", "content": content})
    assert 'begins "Knee pain for 2 weeks"' in found.plain


def test_a_blood_pressure_shows_both_numbers() -> None:
    parts = [
        {"code": {"text": name}, "valueQuantity": {"value": value, "unit": "mm[Hg]"}}
        for name, value in (("Systolic", 151), ("Diastolic", "=92.0"))
    ]
    record = {"resourceType": "Observation", "status": "final", "code": {"text": "Blood pressure"}, "component": parts}
    found = reads(record)
    assert found.plain == "Blood pressure: Systolic 151 mmHg, Diastolic 92.0 mmHg"


def test_ten_thousand_observations_are_ten_thousand_lines() -> None:
    around, keys = Around(now_ms=NOW_MS), set()
    for number in range(10_000):
        record = {
            "resourceType": "Observation",
            "id": f"o{number}",
            "status": "final",
            "code": {"text": f"Test {number % 100}"},
            "effectiveDateTime": f"2024-01-01T{number // 100 % 24:02}:00:00Z",
            "valueQuantity": {"value": number, "unit": "mg"},
        }
        found = understand(canonical_of(record).value, around)
        assert f"{number} mg" in found.plain
        keys.add(found.id)
    assert len(keys) == 10_000
