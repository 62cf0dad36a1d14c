"""The script of the signing page, run by Node: what it reads out of a text, and what it refuses to have signed."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medrec.core import ladder
from medrec.core.credential import NewEd25519
from medrec.core.kinds import KINDS, ORGANISATION, account, freezing, recovery
from medrec.core.manifests import acts, consent, correction, delegation, dispute, entry
from medrec.core.types import Body, Fields
from medrec.core.webauthn import NewPasskey
from medrec.portal import signing, words

RUN = """
globalThis.document = { getElementById: () => null };
const page = await import(process.argv[2]);
const told = [];
for await (const line of (await import("node:readline")).createInterface({ input: process.stdin })) {
  const [name, ...given] = JSON.parse(line);
  try {
    const found = await page[name](...given);
    told.push({ found: found === undefined ? "" : found });
  } catch (error) {
    told.push({ error: error.message });
  }
}
console.log(JSON.stringify(told));
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """page(*calls): what the script's functions give for [name, argument, ...]; {"error": ...} where one throws."""
    node = shutil.which("node") or shutil.which("node", path=str(Path(sys.prefix) / "node" / "bin"))
    if node is None:
        pytest.skip("no Node.js: the pages were built elsewhere")
    home = tmp_path_factory.mktemp("signing")
    (home / "signing.mjs").write_bytes(signing.page_files()[1])
    (home / "run.mjs").write_text(RUN)

    def asked(*calls: list[Any]) -> list[Any]:
        lines = "".join(json.dumps(call) + "\n" for call in calls)
        done = subprocess.run(
            [node, str(home / "run.mjs"), str(home / "signing.mjs")],
            input=lines, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return [told.get("found", told) for told in json.loads(done.stdout)]

    return asked


def entry_of(content: str | None) -> dict[str, Any]:
    digest = hashlib.sha256(content.encode()).hexdigest() if content is not None else None
    return {"statement": "entry/1", "account": "ada", "time": 1, "type": "Observation", "sha256": digest}


def part(form: str, value: Any, *contents: str) -> dict[str, Any]:
    return {"form": form, "value": value, "contents": list(contents)}


def test_no_entry_is_signed_without_the_text_whose_fingerprint_it_carries(page: Any) -> None:
    text, other = '{"resourceType":"Observation","n":1.50}', '{"resourceType":"Observation","n":1.5}'
    value = entry_of(text)
    right, bare, exchanged, nameless = page(
        ["checkTexts", part("entry/1", value, text)],
        ["checkTexts", part("entry/1", value)],
        ["checkTexts", part("entry/1", value, other)],
        ["checkTexts", part("entry/1", {name: of for name, of in value.items() if name != "sha256"})],
    )
    assert right == ""
    assert bare == nameless == {"error": words.SIGNING["no_content"]}
    assert exchanged == {"error": words.SIGNING["not_the_content"]}


def test_a_record_is_shown_where_the_chain_of_fingerprints_leads_to_it(page: Any) -> None:
    record = '{"resourceType":"Condition"}'
    manifest = json.dumps({"manifest": "record/1", "record": {"sha256": hashlib.sha256(record.encode()).hexdigest()}})
    value = {"manifest": hashlib.sha256(manifest.encode()).hexdigest(), "words": "Not mine."}
    whole, alone, turned = page(
        ["checkTexts", part("correction/1", value, manifest, record)],
        ["checkTexts", part("correction/1", value, record)],
        ["checkTexts", part("correction/1", value, record, manifest)],
    )
    assert whole == ""
    assert alone == turned == {"error": words.SIGNING["not_the_content"]}


def test_a_text_that_calls_itself_a_manifest_is_read_and_not_folded_away(page: Any) -> None:
    text = '{"manifest":"x","medicationCodeableConcept":{"text":"Warfarin 5 mg"}}'
    about = json.dumps({"manifest": "record/1", "record": {"sha256": hashlib.sha256(text.encode()).hexdigest()}})
    correction = part("correction/1", {"manifest": hashlib.sha256(about.encode()).hexdigest()}, about, text)
    hers, record, statement = page(
        ["isTechnical", part("entry/1", entry_of(text), text), text],
        ["isTechnical", correction, text],
        ["isTechnical", correction, about],
    )
    assert (hers, record, statement) == (False, False, True)


def test_a_correction_whose_record_did_not_come_is_not_signed(page: Any) -> None:
    record = '{"resourceType":"Condition"}'
    about = json.dumps({"manifest": "record/1", "record": {"sha256": hashlib.sha256(record.encode()).hexdigest()}})
    deleted = json.dumps({"manifest": "record/1", "record": {"sha256": None}})
    value, gone = ({"manifest": hashlib.sha256(text.encode()).hexdigest()} for text in (about, deleted))
    lacks = page(
        ["checkTexts", part("correction/1", value)],
        ["checkTexts", part("correction/1", value, about)],
        ["checkTexts", part("correction/1", value, about, record)],
        ["checkTexts", part("correction/1", gone, deleted)],
    )
    assert lacks == [{"error": words.SIGNING["no_record"]}] * 2 + ["", ""]
    # What she takes back she read before; what its place signed about it comes all the same.
    back = [value | {"claim": "mine"}, value | {"claim": "not-mine"}]
    assert page(
        ["checkTexts", part("correction/1", back[0], about)],
        ["checkTexts", part("correction/1", back[0])],
        ["checkTexts", part("correction/1", back[1], about)],
    ) == ["", *[{"error": words.SIGNING["no_record"]}] * 2]


def test_an_entry_is_taken_back_with_what_it_says_before_the_eyes(page: Any) -> None:
    text = '{"code":{"text":"Headache"},"id":"e1","resourceType":"Observation"}'
    back = entry_of(None) | {"back": hashlib.sha256(text.encode()).hexdigest()}
    found = page(
        ["checkTexts", part("entry/1", back, text)],
        ["checkTexts", part("entry/1", back)],
        ["checkTexts", part("entry/1", entry_of(None))],
        ["isTechnical", part("entry/1", back, text), text],
    )
    missing = {"error": words.SIGNING["no_content"]}
    assert found == ["", missing, missing, False]


@pytest.mark.parametrize(
    "piece",
    [
        signing.Piece("entry/1", entry_of("{}")),
        signing.Piece("entry/1", entry_of("{}"), ("[]",)),
        signing.Piece("entry/1", entry_of(None)),
        signing.Piece("entry/1", entry_of(None) | {"back": "00"}),
        signing.Piece("correction/1", {"manifest": "00"}, ("{}",)),
        signing.Piece("correction/1", {"manifest": "00"}),
    ],
)
def test_the_desk_lets_nothing_wait_that_the_page_would_refuse(piece: signing.Piece) -> None:
    with pytest.raises(ValueError, match="text"):
        signing.check_contents(piece)
    signing.check_contents(signing.Piece("entry/1", entry_of("{}"), ("{}",)))
    taken = entry_of(None) | {"back": hashlib.sha256(b"{}").hexdigest()}
    signing.check_contents(signing.Piece("entry/1", taken, ("{}",)))


def test_a_text_that_says_one_thing_twice_is_not_read(page: Any) -> None:
    twice, deep, once, broken = page(
        ["readJson", '{"type":"deny","type":"permit"}'],
        ["readJson", '[{"a":[{"x":1,"\\u0078":2}]}]'],
        ["readJson", '{"n":1.50,"big":12345678901234567890,"no":null,"yes":true,"s":"a\\"}{,:b","__proto__":"x"}'],
        ["readJson", '{"a":1,}'],
    )
    assert twice == deep == {"error": words.SIGNING["twice"]}
    assert once["n"] == "1.50" and once["big"] == "12345678901234567890" and once["s"] == 'a"}{,:b'
    assert once["no"] is None and once["yes"] == "true"
    assert "error" in broken


def test_what_cannot_be_seen_stands_as_its_number(page: Any) -> None:
    turned, name, lines = page(["visible", "a\u202eb\u0000\u2066"], ["visible", "می\u200cخواهم"], ["visible", "a\nb"])
    assert turned == "a\\u{202e}b\\u{0}\\u{2066}"
    assert name == "می\u200cخواهم" and lines == "a\nb"


def test_one_thing_in_several_ways_is_one_line_and_a_rule_is_not(page: Any) -> None:
    coded = {"coding": [{"system": "http://loinc.org", "code": "8480-6", "display": "Systolic"}], "text": "Pressure"}
    found = page(["oneLine", coded], ["oneLine", {"end": "2026-12-30"}], ["oneLine", [coded, {"code": "8480-6"}]])
    assert found == ["8480-6, Systolic, Pressure", None, "8480-6, Systolic, Pressure, 8480-6"]


def test_permissions_to_several_places_are_read_once_and_only_if_they_say_the_same(page: Any) -> None:
    value = {"organisation": "north", "time": 1, "nullifier": "aa", "consent": "{}", "acting": None}
    same = part("consent/2", value | {"organisation": "south", "time": 2, "nullifier": "bb"})
    found = page(
        ["sameBut", same, part("consent/2", value)],
        ["sameBut", part("consent/2", value | {"consent": "[]"}), part("consent/2", value)],
        ["sameBut", part("consent/2", value | {"acting": "bo"}), part("consent/2", value)],
        ["sameBut", part("correction/1", value), part("correction/1", value)],
    )
    assert found == [True, False, False, False]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(values=st.lists(JSON, min_size=20, max_size=40))
@settings(max_examples=10, deadline=None)
def test_laying_a_text_out_changes_no_sign_of_it(page: Any, values: list[Any]) -> None:
    written = [json.dumps(value, ensure_ascii=False) for value in values]
    laid = page(*(["laidOut", text] for text in written))
    assert [json.loads(text) for text in laid] == values
    read = page(*(["readJson", text] for text in written))
    assert [leaves(value) for value in read] == [leaves(value) for value in values]


def leaves(value: Any) -> list[str]:
    if isinstance(value, dict):
        # A browser keeps names that are numbers before the others.
        return sorted(leaf for part in value.values() for leaf in leaves(part))
    if isinstance(value, list):
        return sorted(leaf for part in value for leaf in leaves(part))
    return [value if isinstance(value, str) else json.dumps(value)] if value is not None else ["None"]


SIGNED = (
    entry.EntryStatement, consent.FhirConsentManifest, consent.ConsentManifest, consent.Grant, delegation.Delegation,
    delegation.DelegationRest, acts.Act, acts.Subject, acts.Against, dispute.Statement, correction.CorrectionStatement,
    Body,
)  # fmt: skip


def _is_payload(one: Any, module: Any) -> bool:
    return isinstance(one, type) and issubclass(one, Fields) and one.__module__ == module.__name__


def test_every_form_and_every_field_that_is_signed_has_words() -> None:
    # `act` stands in no statement that she signs: it follows from one that she has signed.
    fields = {field.name for form in SIGNED for field in msgspec.structs.fields(form)}
    # `to` and `opened` are signed by their fingerprints, and read as texts that come along; `bare` is a clinician's.
    told = fields - {"signature", "bare", "statement", "act", "to", "opened"}
    modules = (account, freezing, recovery)
    payloads = [one for module in modules for one in vars(module).values() if _is_payload(one, module)]
    inside = (*payloads, NewPasskey, NewEd25519, ladder.Guardians, ladder.Revealed)
    assert len(payloads) > 10
    # What an organisation alone sends is read on no such page.
    told |= {field.name for form in inside for field in msgspec.structs.fields(form)} - {"credentials"}
    assert sorted(name for name in told if f"field-{name}" not in words.SIGNING) == []
    hers = {name for name, kind in KINDS.items() if kind.author != ORGANISATION} | {"webauthn", "ed25519"}
    assert len(hers) > 12 and [name for name in sorted(hers) if f"kind-{name}" not in words.SIGNING] == []
    forms = (*signing.JSON_FORMS, *signing.CBOR_FORMS, *signing.BYTES_FORMS)
    assert [form for form in forms if f"title-{form}" not in words.SIGNING] == []
