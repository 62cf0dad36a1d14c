"""Records that go out in part: only for a person who allows marks, held against the disclosure, and never as proven."""

import hashlib
import json
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from medrec.core import codec, manifests
from medrec.core.consent.reading import MARKS
from medrec.core.consent.redact import REDACTED
from medrec.core.consent.replay import differences
from medrec.core.manifests.access import DisclosureManifest, ReceivedManifest, marks_key
from medrec.core.manifests.record import RecordManifest
from medrec.core.records.canonical import canonical
from medrec.node.keeping import store
from medrec.node.ledger.receipts import ReceiptUnavailableError, receipt_for
from medrec.node.peers.peers import PeerError
from medrec.node.refusals import Code, Refusal
from medrec.node.release import access
from medrec.node.release.access import Release
from medrec.node.release.deciding import Permitted
from medrec.node.release.parts import Parts
from medrec.node.release.practitioners import Practitioner
from medrec.node.release.receive import NotGenuineError, Received, request_records
from tests.fhir.asking import SUD, resource
from tests.fhir.pointing import SYSTEM, pointing
from tests.node.network import Network, Patient, TestNode
from tests.node.test_gate import written
from tests.node.test_labels import KIN, TOLD, ada, give, network, put

__all__ = ["ada", "network"]
SECRET = "Alcoholism"


def marked(
    network: Network, person: Patient, *, marks: bool = True, without: tuple[str, ...] = ("SUD", "ETHUD")
) -> bytes:
    """Everything to everybody but what is about substance use, and what is cut says so."""
    denied = [{**SUD, "code": code} for code in without]
    coding = {"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}
    consent: dict[str, Any] = {
        "resourceType": "Consent",
        "status": "active",
        "scope": {"coding": [coding]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "provision": {"type": "permit", "provision": [{"type": "deny", "securityLabel": denied}]},
    }
    if marks:
        consent["extension"] = [{"url": MARKS, "valueBoolean": True}]
    return give(network, person, json.dumps(consent))


def asked(network: Network, person: Patient, **more: Any) -> Received:
    doctor: Practitioner = network["south"].doctor()
    return request_records(network["south"], "north", person.account, practitioner=doctor, reason="visit", **more)  # type: ignore[arg-type]


def keys_of(node: TestNode, disclosure: DisclosureManifest) -> dict[str, bytes]:
    """The key of the marks of each record of a disclosure, by the record's id; only its source can make it anew."""
    found = {}
    with node.store.read() as connection:
        for row in node.rows(store.record):
            opened = node.journal.manifest(connection, bytes(row.manifest))
            assert opened is not None
            found[row.id] = marks_key(opened[0], bytes.fromhex(disclosure.obligation))
    return found


def some(network: Network) -> None:
    put(network, "Condition", "asthma", code={"text": "Asthma"})
    put(network, "Condition", "drink", code={"text": SECRET})
    put(network, "MedicationRequest", "pill", status="active", intent="order",
        medicationCodeableConcept={"text": "Thiamine"}, reasonCode=[{"text": SECRET}, {"text": "Fatigue"}])  # fmt: skip
    put(network, "Encounter", "visit", status="finished", diagnosis=[{"condition": {"reference": "Condition/drink"}}])


def test_parts_go_where_marks_are_allowed_and_the_record_stays_where_not(network: Network, ada: Patient) -> None:
    some(network)
    secret = marked(network, ada, marks=False)
    assert [one.id for one in asked(network, ada).records] == ["asthma"] and not asked(network, ada).parts
    network.take_back(ada, "north", secret)
    marked(network, ada)
    page = asked(network, ada)
    assert [one.id for one in page.records] == ["asthma"]
    assert [(one.id, one.elements) for one in page.parts] == [("visit", ("diagnosis",)), ("pill", ("reasonCode",))]
    pill: Any = codec.decode_json(page.parts[1].content)
    assert pill["reasonCode"] == [{"text": "Fatigue"}] and pill["meta"]["security"] == [REDACTED]


def test_who_told_it_and_which_team_does_it_take_no_part_of_it(network: Network, ada: Patient) -> None:
    for name, content in {**KIN, **TOLD}.items():
        put(network, *name.split("/"), **content)
    marked(network, ada)
    page = asked(network, ada)
    assert {f"{one.type}/{one.id}" for one in page.records} == set(TOLD) and not page.parts


def test_nothing_that_goes_lets_the_rest_be_guessed(network: Network, ada: Patient) -> None:
    """Who has the rest, and tries every reason there is, finds no hash of the whole: nowhere in what was sent."""
    some(network)
    marked(network, ada)
    north = network["north"]
    answer = north.gate.release  # the bytes that leave
    made: list[bytes] = []

    def watch(*given: Any) -> Any:
        made.append(answer(*given))
        return made[-1]

    north.gate.release = watch  # type: ignore[method-assign]
    asked(network, ada)
    whole = {(row.type, row.id): row for row in north.rows(store.record)}
    out = made[-1]
    for name in (("MedicationRequest", "pill"), ("Encounter", "visit"), ("Condition", "drink")):
        row = whole[name]
        for told in (
            bytes(row.sha256),
            bytes(row.sha256).hex().encode(),
            bytes(row.manifest),
            bytes(row.manifest).hex().encode(),
        ):
            assert told not in out
    assert SECRET.encode() not in out and b"Condition/drink" not in out
    # The check can fail: of a record that goes whole, both stand there.
    assert bytes(whole["Condition", "asthma"].sha256).hex().encode() in out


def test_the_disclosure_says_what_was_cut_and_ties_it_to_the_ledger(network: Network, ada: Patient) -> None:
    some(network)
    marked(network, ada)
    page = asked(network, ada)
    listed = {one.id: one for one in page.disclosure.records}
    pill = listed["pill"]
    assert pill.part is not None and pill.part.how == "cut" and not pill.proven
    # Only with the key that came along does it say what was sent; the version's own salt did not come.
    sent = hashlib.sha256(page.parts[1].content).digest()
    keys = keys_of(network["north"], page.disclosure)
    assert pill.content not in (None, sent.hex()) and not pill.of_content(b"", sent)
    assert pill.of_content(keys["pill"], sent) and not pill.of_content(keys["visit"], sent)
    lines = {row.seq: bytes(row.entry) for row in network["north"].rows(store.line)}
    signed = [row for row in network["north"].rows(store.manifest) if row.kind == "record/1"]
    entries = {hashlib.sha256(lines[row.seq]).hexdigest() for row in signed}
    assert pill.part.entry in entries and len(entries) == 4
    # Both halves say the same, and the recipient's half is no word about the version on the ledger.
    [half] = [one for one in written(network["south"], "disclosure-received/1") if isinstance(one, ReceivedManifest)]
    assert half.records == page.disclosure.records


def test_what_was_cut_on_the_way_or_without_a_word_is_refused(
    network: Network, ada: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    some(network)
    marked(network, ada)
    north, south = network["north"], network["south"]
    honest = north.gate.release

    def twisted(change: Any) -> None:
        def release(*given: Any) -> bytes:
            body, _ = access.open_release(honest(*given))
            opened = access.decode(body, Release)
            made = access.encode(change(opened))
            return access.seal_release(made, north.keys.sign_request(access.signed_message(made)))

        monkeypatch.setattr(north.gate, "release", release)

    def other(release: Release) -> Release:
        parts = [part.replace(b"Fatigue", b"Fatigua") for part in release.parts]
        return msgspec.structs.replace(release, parts=parts)

    def fewer(release: Release) -> Release:
        return msgspec.structs.replace(release, parts=release.parts[:1])

    for change, code in ((other, "record-changed"), (fewer, "other-records")):
        twisted(change)
        with pytest.raises(NotGenuineError) as refused:
            asked(network, ada)
        assert refused.value.code == code
    monkeypatch.setattr("medrec.core.consent.redact._marked", lambda resource: resource)
    monkeypatch.setattr(north.gate, "release", honest)
    with pytest.raises(NotGenuineError) as refused:
        asked(network, ada)
    assert refused.value.code == "not-marked"
    assert len(south.rows(store.alarm)) == 3


def test_marks_taken_back_meanwhile_stop_it(network: Network, ada: Patient) -> None:
    some(network)
    secret = marked(network, ada)
    marked(network, ada, marks=False)
    before: list[None] = []

    def revoke(name: str) -> None:
        if name == "recheck" and not before:
            before.append(None)
            network.take_back(ada, "north", secret)

    network["north"].gate.step = revoke
    with pytest.raises(PeerError) as refused:
        asked(network, ada, types=("MedicationRequest",))
    assert refused.value.code == "not-permitted" and before
    assert not asked(network, ada, types=("MedicationRequest",)).parts


def test_a_record_that_is_not_what_was_signed_is_not_cut(network: Network, ada: Patient) -> None:
    some(network)
    marked(network, ada)
    raw = network["north"].source.raw
    raw["MedicationRequest", "pill"] = raw["MedicationRequest", "pill"].replace(b"Thiamine", b"Thiamina")
    assert [one.id for one in asked(network, ada).parts] == ["visit"]
    assert [row.code for row in network["north"].rows(store.alarm)] == ["record-altered"]


def test_a_referral_takes_parts_along_and_says_so(network: Network, ada: Patient) -> None:
    some(network)
    marked(network, ada)
    north, south = network["north"], network["south"]
    doctor = north.doctor("Dr North")
    sent = north.referrals.refer(ada.account, "south", practitioner=doctor, reason="please see her")
    assert north.referrals.step(network.time) == 1
    [taken] = south.referrals.taken()
    assert taken.obligation == sent.obligation and taken.in_part == {"Encounter/visit", "MedicationRequest/pill"}
    assert [identifier for _, identifier, _ in taken.records] == ["asthma", "visit", "pill"]
    assert SECRET.encode() not in b"".join(content for _, _, content in taken.records)


def test_a_referral_whose_cut_would_be_another_one_meanwhile_does_not_leave(network: Network, ada: Patient) -> None:
    some(network)
    marked(network, ada)
    north, south = network["north"], network["south"]
    north.referrals.refer(ada.account, "south", practitioner=north.doctor("Dr North"), reason="please see her")
    # She closes one more thing, which the same record holds.
    put(network, "Condition", "other", code={"text": "HIV infection"})
    marked(network, ada, without=("SUD", "ETHUD", "HIV"))
    put(network, "MedicationRequest", "pill", status="active", intent="order",
        medicationCodeableConcept={"text": "Thiamine"}, reasonCode=[{"text": SECRET}])  # fmt: skip
    north.referrals.step(network.time)
    assert not south.referrals.taken()


def test_lists_do_not_merge_what_came_in_part_and_say_so(network: Network, ada: Patient) -> None:
    some(network)
    marked(network, ada)
    south = network["south"]
    south.acts = SimpleNamespace(of=lambda account: [])  # type: ignore[attr-defined]
    shown = south.lists.with_received(ada.account, [asked(network, ada)])
    assert shown.in_part == ("Encounter/visit", "MedicationRequest/pill")
    assert not shown.read.medicines and len(shown.read.problems) == 1


def test_receipts_refuse_it_with_a_sentence(network: Network, ada: Patient) -> None:
    some(network)
    marked(network, ada)
    page = asked(network, ada)
    cut = next(one for one in page.disclosure.records if one.id == "pill")
    network.anchor()
    for node in (network["north"], network["south"]):
        with pytest.raises(ReceiptUnavailableError) as refused:
            receipt_for(node, bytes.fromhex(cut.content or ""))  # type: ignore[arg-type]
        assert refused.value.code == "unknown-record" and "cut" in refused.value.sentence


def test_a_pointer_to_what_another_type_hides_does_not_go_out(network: Network, ada: Patient) -> None:
    """She withholds problems about substance use; whoever asks for visits alone is not told of one by its pointer."""
    some(network)
    denied = {"type": "deny", "securityLabel": [SUD, {**SUD, "code": "ETHUD"}],
              "class": [{"system": "http://hl7.org/fhir/resource-types", "code": "Condition"}]}  # fmt: skip
    coding = {"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}
    give(network, ada, json.dumps({
        "resourceType": "Consent", "status": "active", "scope": {"coding": [coding]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "provision": {"type": "permit", "provision": [denied]},
    }))  # fmt: skip
    everything = [one.id for one in asked(network, ada).records]
    assert "visit" not in everything and "asthma" in everything
    assert not asked(network, ada, types=("Encounter",)).records


def test_the_statement_reads_and_writes_the_same(network: Network, ada: Patient) -> None:
    some(network)
    marked(network, ada)
    page = asked(network, ada)
    stated = manifests.decode(manifests.encode(page.disclosure))
    assert isinstance(stated, DisclosureManifest) and stated == page.disclosure
    text = manifests.encode(stated)
    # A whole record stands there as before.
    assert text.count(b'"part"') == 2 and text.count(b'"elements"') == 2
    assert [one.proven for one in stated.records] == [True, False, False]
    kinds = [type(one) for one in written(network["north"], "record/1")]
    assert set(kinds) == {RecordManifest}


def test_a_cut_is_decided_again_by_a_third_party(network: Network, ada: Patient) -> None:
    some(network)
    secret = marked(network, ada)
    page = asked(network, ada)
    labels = network["north"].labels
    consents: Any = {kept.hash.hex(): kept.consent for kept in network["north"].consents.of(ada.account)}

    def known(parts: bool) -> dict[str, Any]:
        sent = [(one.type, one.id, one.content) for one in (*page.records, *(page.parts if parts else ()))]
        whole = [(*name, raw) for name, raw in network["north"].source.raw.items()]
        told = {(kind, identifier): content for kind, identifier, content in [*whole, *sent]}
        return {
            f"{kind}/{identifier}": labels.facts(canonical(content).value, kind, identifier)  # type: ignore[arg-type]
            for (kind, identifier), content in told.items()
        }

    assert differences(page.disclosure, consents, known(parts=True)) == []
    # The whole of it was not to go out, and without marks no part of it either.
    assert "MedicationRequest/pill was not to go out: denied" in differences(
        page.disclosure, consents, known(parts=False)
    )
    network.take_back(ada, "north", secret)
    marked(network, ada, marks=False)
    silent: Any = {kept.hash.hex(): kept.consent for kept in network["north"].consents.of(ada.account)}
    basis = msgspec.structs.replace(page.disclosure.basis, consents=sorted(silent))
    stated = msgspec.structs.replace(page.disclosure, basis=basis, decided=sorted(silent))
    told = differences(stated, silent, known(parts=True))
    assert "MedicationRequest/pill was cut, and the person allows no marks" in told


def test_a_part_points_in_no_form_at_what_is_withheld(network: Network, ada: Patient) -> None:
    north = network["north"]
    for name, text, number in (("drink", SECRET, "no-77"), ("asthma", "Asthma", "no-7")):
        north.put(
            "Condition",
            name,
            resource("Condition", name, code={"text": text}, identifier=[{"system": SYSTEM, "value": number}]),
        )
    at_hidden = pointing("h", "Condition", "drink", "no-77")
    at_open = pointing("o", "Condition", "asthma", "no-7")
    for (kind, identifier), text in {**at_hidden, **at_open}.items():
        north.put(kind, identifier, text)
    marked(network, ada)
    page = asked(network, ada)
    assert sorted((one.type, one.id) for one in page.parts) == sorted(at_hidden)
    assert sorted((one.type, one.id) for one in page.records) == sorted([("Condition", "asthma"), *at_open])
    for part in page.parts:
        text = part.content.decode().casefold()
        assert "drink" not in text and "no-77" not in text


def test_only_what_is_asked_for_and_what_it_leads_to_is_looked_at(
    network: Network, ada: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What leads on is followed to its end: a visit that says nothing without its problem takes the note with it."""
    some(network)
    put(network, "Provenance", "origin", target=[{"reference": "Condition/drink"}])
    put(network, "Observation", "first", encounter={"reference": "Provenance/origin"}, valueString="1")
    put(network, "Observation", "second", derivedFrom=[{"reference": "Observation/first"}], valueString="2")
    marked(network, ada)
    looked: list[str] = []
    judge = Parts._judge

    def watch(self: Parts, row: Any, *more: Any) -> Any:
        looked.append(f"{row.type}/{row.id}")
        return judge(self, row, *more)

    monkeypatch.setattr(Parts, "_judge", watch)
    [asthma] = asked(network, ada, types=("Condition",), ids=("asthma",)).records
    assert asthma.id == "asthma" and looked == ["Condition/asthma"]
    looked.clear()
    page = asked(network, ada, types=("Observation",), ids=("second", "first"))
    assert sorted(looked) == ["Condition/drink", "Observation/first", "Observation/second", "Provenance/origin"]
    assert [(one.id, one.elements) for one in page.parts] == [("first", ("encounter",))]
    assert [one.id for one in page.records] == ["second"]
    # All at once comes to the same.
    whole = asked(network, ada)
    assert [one for one in whole.parts if one.type == "Observation"] == list(page.parts)


def test_what_could_not_be_found_out_about_lets_nothing_out(
    network: Network, ada: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reading that fails half-way leaves no record with its pointers in it."""
    some(network)
    marked(network, ada)
    north = network["north"]
    assert asked(network, ada).records

    def fails(self: Parts) -> None:
        raise Refusal(Code.SOURCE_UNAVAILABLE)

    monkeypatch.setattr(Parts, "_detach", fails)
    with pytest.raises(PeerError):
        asked(network, ada)
    request = network["south"].doctor().request(b"r" * 16, "TREAT", "visit")
    with north.store.read() as connection:
        standing = north.gate.decider.standing(connection, ada.account, request, network.time)
        _, decision = north.gate.decider.decide(request, standing, ada.account, network.time)
        assert standing.person is not None
        permitted = Permitted(north, north.gate.reader, connection, standing.person, decision)  # type: ignore[arg-type]
        assert permitted.in_parts().names() == frozenset()
