"""Splitting real bundles between hospitals: nothing lost, nothing doubled, literals kept."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from pathlib import Path

import pytest

from medrec.demo.split import (
    SHARED_TYPES,
    BrokenBundle,
    SplitBundle,
    bundle_files,
    count_records,
    map_organisations,
    split,
)

HOSPITALS = ("north", "harbour", "children")


def _entry(uuid: str, body: str) -> str:
    kind = json.loads("{" + body + "}")["resourceType"]
    head = f'{{"fullUrl":"urn:uuid:{uuid}","resource":{{"id":"{uuid}",{body}}},'
    return head + f'"request":{{"method":"POST","url":"{kind}"}}}}'


def _bundle(*extra: str) -> str:
    entries = [
        _entry(
            "p",
            '"resourceType":"Patient","name":[{"family":"Osei","given":["Ama"]}],"birthDate":"1960-01-02"',
        ),
        _entry("oa", '"resourceType":"Organization","name":"A"'),
        _entry("ob", '"resourceType":"Organization","name":"B"'),
        _entry("oz", '"resourceType":"Organization","name":"nobody refers to it"'),
        _entry("da", '"resourceType":"Practitioner"'),
    ]
    for name, provider in (("e1", "oa"), ("e2", "oa"), ("e3", "ob")):
        who = ',"participant":[{"individual":{"reference":"urn:uuid:da"}}]' if provider == "oa" else ""
        entries.append(
            _entry(
                name,
                '"resourceType":"Encounter","subject":{"reference":"urn:uuid:p"},'
                f'"serviceProvider":{{"reference" : "urn:uuid:{provider}"}}{who}',
            )
        )
    return '{"resourceType":"Bundle","type":"transaction","entry":[' + ",".join([*entries, *extra]) + "]}"


def _write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def _by_hospital(paths: list[Path]) -> dict[str, SplitBundle]:
    parts = list(split(paths, HOSPITALS))
    assert all(isinstance(part, SplitBundle) for part in parts), parts
    return {part.hospital: part for part in parts if isinstance(part, SplitBundle)}


def _keys(part: SplitBundle) -> set[str]:
    return {f"{r.type}/{r.id}" for r in part.resources}


def test_records_go_to_the_organisation_of_their_visit(tmp_path: Path) -> None:
    path = _write(
        tmp_path,
        "a.json",
        _bundle(
            _entry("v", '"resourceType":"Observation","encounter":{"reference":"urn:uuid:e3"}'),
            _entry(
                "d",
                '"resourceType":"DocumentReference","context":{"encounter":[{"reference":"urn:uuid:e3"}]}',
            ),
            _entry("c", '"resourceType":"Claim","item":[{"encounter":[{"reference":"urn:uuid:e3"}]}]'),
            _entry("x", '"resourceType":"ExplanationOfBenefit","claim":{"reference":"urn:uuid:c"}'),
            _entry("g", '"resourceType":"AllergyIntolerance","patient":{"reference":"urn:uuid:p"}'),
        ),
    )
    parts = _by_hospital([path])
    at_a = next(part for part in parts.values() if "Encounter/e1" in _keys(part))
    at_b = next(part for part in parts.values() if "Encounter/e3" in _keys(part))
    assert _keys(at_b) == {
        "Patient/p", "Organization/ob", "Encounter/e3", "Observation/v", "DocumentReference/d", "Claim/c",
        "ExplanationOfBenefit/x",
    }  # fmt: skip
    assert _keys(at_a) == {
        "Patient/p", "Organization/oa", "Organization/oz", "Practitioner/da", "Encounter/e1", "Encounter/e2",
        "AllergyIntolerance/g",
    }  # fmt: skip
    assert at_a.person.name == "Ama Osei" and at_a.person.birth_date == "1960-01-02"


def test_only_references_change_in_the_text(tmp_path: Path) -> None:
    body = (
        '"resourceType":"Observation", "encounter": {"reference" : "urn:uuid:e3"},'
        '\n "valueQuantity":{"value":7.10},'
        '"big":123456789012345678901234567890,"exp":1.0E+2,'
        '"note":[{"text":"\\"reference\\":\\"urn:uuid:e3\\" caf\\u00e9 \\/"}],'
        '"subject":{"reference":"urn\\u003auuid:p"},"focus":[{"reference":"urn:uuid:e1"}]'
    )
    part = next(p for p in _by_hospital([_write(tmp_path, "a.json", _bundle(_entry("v", body)))]).values()
                if "Observation/v" in _keys(p))  # fmt: skip
    raw = next(r.raw for r in part.resources if r.id == "v").decode()
    expected = (
        '{"id":"v",' + body.replace('"reference" : "urn:uuid:e3"', '"reference" : "Encounter/e3"')
        .replace('"urn\\u003auuid:p"', '"Patient/p"')
        .replace('"reference":"urn:uuid:e1"', '"reference":"Encounter/e1"')
        + "}"
    )  # fmt: skip
    assert raw == expected
    assert part.elsewhere == ("Encounter/e1",)
    assert raw.encode() in part.bundle("https://b.example/fhir")
    json.loads(part.bundle("https://b.example/fhir"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not a FHIR Bundle"),
        ('{"resourceType":"Patient","entry":[]}', "not 'Bundle'"),
        ('{"resourceType":"Bundle","entry":[]}', "0 Patient"),
        (_bundle(_entry("p2", '"resourceType":"Patient"')), "2 Patient"),
        (_bundle(_entry("p", '"resourceType":"Goal"')), "urn:uuid:p occurs twice"),
        (_bundle(_entry("v", '"resourceType":"Goal","subject":{"reference":"urn:uuid:q"}')), "does not hold"),
        (
            _bundle(_entry("v", '"resourceType":"Goal","subject":{"\\u0072eference":"urn:uuid:p"}')),
            "rewritten",
        ),
        (_bundle('{"fullUrl":"x","resource":[1]}'), "no FHIR resource"),
        (_bundle('{"fullUrl":"x","resource":{"resourceType":"Goal"}}'), "neither id"),
        (_bundle('{"resource":{"resourceType":"Goal","id":"g"},"request":{"method":"DELETE"}}'), "DELETE"),
    ],
)
def test_a_broken_bundle_is_reported_and_stops_nothing(tmp_path: Path, text: str, reason: str) -> None:
    paths = [_write(tmp_path, "bad.json", text), _write(tmp_path, "good.json", _bundle())]
    first, *rest = split(paths, HOSPITALS)
    assert isinstance(first, BrokenBundle) and first.path == paths[0]
    assert reason in first.reason
    assert len(rest) == 2 and all(isinstance(part, SplitBundle) for part in rest)


def test_a_cut_gzip_file_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "cut.json.gz"
    path.write_bytes(gzip.compress(_bundle().encode())[:-20])
    (only,) = split([path], HOSPITALS)
    assert isinstance(only, BrokenBundle) and "cannot be read" in only.reason


def test_organisations_are_balanced_largest_first() -> None:
    mapping = map_organisations({"d": 5, "a": 9, "c": 5, "b": 7, "e": 1}, ("x", "y", "z"))
    assert mapping == {"a": "x", "b": "y", "c": "z", "d": "z", "e": "y"}
    with pytest.raises(ValueError, match="different"):
        map_organisations({}, ("x", "x"))


def test_a_missing_id_is_taken_from_the_full_url(tmp_path: Path) -> None:
    entry = '{"fullUrl":"urn:uuid:n","resource":{ "resourceType":"Goal"},"request":{"method":"POST"}}'
    parts = _by_hospital([_write(tmp_path, "a.json", _bundle(entry))])
    raw = [r.raw for part in parts.values() for r in part.resources if r.type == "Goal"]
    assert raw == [b'{"id":"n","resourceType":"Goal"}']


def test_real_bundles_lose_and_double_nothing(shared: Path) -> None:
    folder = shared / "data" / "synthea-r4" / "bundles"
    if not folder.is_dir():
        pytest.skip("shared test data (data/synthea-r4) is not on this machine")
    paths = bundle_files(folder)[::4]
    before: Counter[str] = Counter()
    literals: Counter[str] = Counter()
    people = set()
    for path in paths:
        for entry in json.loads(gzip.decompress(path.read_bytes()), parse_float=str, parse_int=str)["entry"]:
            resource = entry["resource"]
            people.add(resource["id"] if resource["resourceType"] == "Patient" else None)
            if resource["resourceType"] not in SHARED_TYPES:
                before[f"{resource['resourceType']}/{resource['id']}"] += 1
                literals[str(_numbers(resource))] += 1
    after: Counter[str] = Counter()
    kept: Counter[str] = Counter()
    at: dict[str, set[str]] = {}
    load: Counter[str] = Counter()
    for part in split(paths, HOSPITALS):
        assert isinstance(part, SplitBundle), part
        keys = _keys(part)
        at.setdefault(part.person.id, set()).add(part.hospital)
        assert len(keys) == len(part.resources)
        for r in part.resources:
            data = json.loads(r.raw, parse_float=str, parse_int=str)
            assert (data["resourceType"], data["id"]) == (r.type, r.id)
            assert b'"urn:uuid:' not in r.raw.replace(b'"value": "urn:uuid:', b"")
            for reference in re.findall(rb'"reference":\s*"([A-Z][^"]+)"', r.raw):
                assert reference.decode() in keys or reference.decode() in part.elsewhere
            if r.type not in SHARED_TYPES:
                after[f"{r.type}/{r.id}"] += 1
                kept[str(_numbers(data))] += 1
                load[part.hospital] += 1
    assert after == before and set(after.values()) == {1}
    assert kept == literals
    assert set(at) == people - {None}
    assert sum(len(places) >= 2 for places in at.values()) >= 5
    assert set(load) == set(HOSPITALS) and max(load.values()) < 3 * min(load.values())
    assert sum(count_records(paths).values()) == sum(before.values())


def _numbers(value: object) -> list[str]:
    """Return the number literals of a resource (read as text), in order."""
    if isinstance(value, dict):
        return [x for item in value.values() for x in _numbers(item)]
    if isinstance(value, list):
        return [x for item in value for x in _numbers(item)]
    return [value] if isinstance(value, str) and re.fullmatch(r"-?\d[\d.eE+-]*", value) else []
