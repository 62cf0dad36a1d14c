"""A Medication of a pharmacy's own list goes wherever an order goes that points at it, and nowhere else."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from medrec.core import codec, manifests
from medrec.core.consent import plain, replay
from medrec.core.consent.facts import facts
from medrec.core.consent.reading import MARKS
from medrec.core.manifests.access import DisclosureManifest, marked, marks_key
from medrec.core.records.canonical import canonical
from medrec.core.records.terms import RXNORM
from medrec.node.fhir.client import fetch
from medrec.node.keeping import store
from medrec.node.peers.peers import PeerError
from medrec.node.release import access, receive
from medrec.node.release.receive import NotGenuineError
from tests.fhir.asking import ask
from tests.node.forks import ada as ada
from tests.node.forks import fork_of_ada
from tests.node.network import Network, Patient
from tests.node.test_list_sources import medication, pointing
from tests.node.test_lists import Clinic, order

HIV = {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "HIV"}]}
MARKED = {"url": MARKS, "valueBoolean": True}
DIGOXIN = medication("m1", "digoxin 0.25 mg tablet")


def made(network: Network) -> None:
    network["north"].put("Medication", "m1", DIGOXIN)
    network["north"].put("Medication", "m2", medication("m2", "warfarin 5 mg tablet"))
    network["north"].put("MedicationRequest", "n", pointing("n", "Medication/m1"))
    network["north"].put("MedicationRequest", "p", order("p", "314077", "lisinopril 20 mg"))


@pytest.fixture
def network(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Network]:
    with fork_of_ada(request, tmp_path, made) as forked:
        yield forked


def pulled(network: Network, ada: Patient, **wanted: Any) -> list[str]:
    south: Any = network["south"]
    page = receive.request_records(south, "north", ada.account, practitioner=south.doctor(), reason="visit", **wanted)
    return [f"{record.type}/{record.id}" for record in page.records]


def refused(network: Network, ada: Patient, **wanted: Any) -> str:
    with pytest.raises(PeerError) as no:
        pulled(network, ada, **wanted)
    return no.value.code


def disclosed(node: Any) -> DisclosureManifest:
    """The last disclosure of a node."""
    found = []
    with node.store.read() as connection:
        for row in connection.execute(store.manifest.select().where(store.manifest.c.kind == "disclosure/1")):
            opened = node.journal.manifest(connection, bytes(row.hash))
            found.append((row.seq, manifests.decode(opened[1])))
    manifest = max(found, key=lambda one: one[0])[1]
    assert isinstance(manifest, DisclosureManifest)
    return manifest


def test_it_goes_with_the_order_whatever_was_asked_for(network: Network, ada: Patient) -> None:
    network.consent(ada, "north", "south", types=("MedicationRequest",))
    with_it = ["MedicationRequest/n", "MedicationRequest/p", "Medication/m1"]
    assert pulled(network, ada) == with_it
    assert pulled(network, ada, types=["MedicationRequest"]) == with_it
    assert pulled(network, ada, ids=["n"]) == ["MedicationRequest/n", "Medication/m1"]
    assert pulled(network, ada, ids=["p"]) == ["MedicationRequest/p"]
    # Asked for alone it is there too: who may know the order may know what it orders, and no other medicine.
    assert pulled(network, ada, types=["Medication"]) == ["Medication/m1"]
    assert pulled(network, ada, types=["Medication"], ids=["m2"]) == []


def test_a_disclosure_says_that_it_went_and_not_what_it_is_called(network: Network, ada: Patient) -> None:
    network.consent(ada, "north", "south")
    pulled(network, ada, types=["MedicationRequest"])
    stated = disclosed(network["north"])
    assert [(one.type, one.id, len(one.beside)) for one in stated.records] == [
        ("MedicationRequest", "n", 1), ("MedicationRequest", "p", 0),
    ]  # fmt: skip
    assert codec.encode("m1") not in manifests.encode(stated)
    (beside,) = stated.records[0].beside
    digest = canonical(DIGOXIN.encode()).sha256
    assert beside.content not in (digest.hex(), marked(b"", digest))
    # It opens under the key of the order, whose salt goes with the order when that is erased.
    north: Any = network["north"]
    with north.store.read() as connection:
        row = connection.execute(store.record.select().where(store.record.c.id == "n")).one()
        salt = north.journal.manifest(connection, bytes(row.manifest))[0]
    assert beside.content == marked(marks_key(salt, bytes.fromhex(stated.obligation)), digest)


@pytest.mark.parametrize("how", ["its own label", "its ingredient"])
def test_the_order_is_as_sensitive_as_its_medicine(network: Network, ada: Patient, how: str) -> None:
    north = network["north"]
    secret = medication("m3", "efavirenz 600 mg tablet")
    if how == "its own label":
        secret = json.dumps(json.loads(medication("m3", "capsules")) | {"meta": HIV})
    north.put("Medication", "m3", secret)
    north.put("MedicationRequest", "s", pointing("s", "Medication/m3"))
    network.consent(ada, "north", "south")
    assert "MedicationRequest/s" in pulled(network, ada) and "Medication/m3" in pulled(network, ada)
    text = plain.write(plain.Plain("withhold", about=["hiv"]), ada.account, network.time).decode()
    network.fhir_consent(ada, "north", text)
    left = ["MedicationRequest/n", "MedicationRequest/p", "Medication/m1"]
    assert pulled(network, ada) == left and pulled(network, ada, types=["MedicationRequest"]) == left
    assert pulled(network, ada, types=["Medication"]) == ["Medication/m1"]
    assert pulled(network, ada, ids=["s"]) == []


UUID = "11111111-1111-1111-1111-111111111111"
NUMBER = {"system": "urn:pharmacy", "value": "777"}
NDC = "http://hl7.org/fhir/sid/ndc"
FORMS: dict[str, dict[str, Any]] = {
    "uuid": {"reference": f"urn:uuid:{UUID}"},
    "typed": {"type": "Medication", "identifier": NUMBER},
    "untyped": {"identifier": NUMBER},
    "small": {"reference": "medication/m3"},
    "search": {"reference": "Medication?identifier=urn:pharmacy|777"},
    "old": {"reference": "https://x.example/fhir/Medication/m3/_history/2"},
    "part": {"reference": "Medication/m3#a"},
    "bare": {"reference": "m3"},
    "rxnorm": {"type": "Medication", "identifier": {"system": RXNORM, "value": "195085"}},
    "ndc": {"identifier": {"system": "http://hl7.org/fhir/sid/ndc", "value": "00056-0510-30"}},
}


@pytest.mark.parametrize("marks", [False, True])
def test_the_medicine_of_an_order_is_found_however_it_is_pointed_at(
    network: Network, ada: Patient, marks: bool
) -> None:
    north = network["north"]
    for identifier in ("m3", UUID):
        secret = json.loads(medication(identifier, "efavirenz 600 mg tablet")) | {"identifier": [NUMBER]}
        north.put("Medication", identifier, json.dumps(secret))
    for name, form in FORMS.items():
        value = json.loads(pointing(f"by-{name}", "")) | {"medicationReference": form}
        north.put("MedicationRequest", f"by-{name}", json.dumps(value))
    network.consent(ada, "north", "south")
    orders = [f"MedicationRequest/by-{name}" for name in sorted(FORMS)]
    before = pulled(network, ada)
    assert [name for name in before if name in orders] == orders
    assert {"Medication/m3", f"Medication/{UUID}"} <= set(before)
    text = json.loads(plain.write(plain.Plain("withhold", about=["hiv"]), ada.account, network.time))
    network.fhir_consent(ada, "north", json.dumps(text | ({"extension": [MARKED]} if marks else {})))
    assert pulled(network, ada) == ["MedicationRequest/n", "MedicationRequest/p", "Medication/m1"]
    assert pulled(network, ada, types=["Medication"]) == ["Medication/m1"]


TYPED, BY_NDC = FORMS["typed"], {"type": "Medication", "identifier": {"system": NDC, "value": "00056-0510-30"}}
ELSEWHERE: dict[str, dict[str, Any]] = {
    **{
        f"inside-{name}": {
            "medicationReference": {"reference": "#c"},
            "contained": [{"resourceType": "Medication", "id": "c", "ingredient": [{"itemReference": form}]}],
        }
        for name, form in {**FORMS, "code": BY_NDC}.items()
    },
    "extended": {"medicationReference": {"display": "tablet"}, "extension": [{"url": "u:x", "valueReference": TYPED}]},
    "used": {"resourceType": "Procedure", "usedReference": [TYPED], "medicationReference": None},
    "about": {"resourceType": "Observation", "focus": [TYPED], "medicationReference": None},
    "spelt": {"resourceType": "Observation", "focus": [FORMS["small"]], "medicationReference": None},
}


@pytest.mark.parametrize("marks", [False, True])
def test_a_withheld_medicine_is_found_below_what_is_contained_and_wherever_it_is_pointed_at_by_its_type(
    network: Network, ada: Patient, marks: bool
) -> None:
    north = network["north"]
    for identifier in ("m3", UUID):
        secret = json.loads(medication(identifier, "efavirenz 600 mg tablet")) | {"identifier": [NUMBER]}
        north.put("Medication", identifier, json.dumps(secret))
    for name, parts in ELSEWHERE.items():
        value = {key: item for key, item in (json.loads(pointing(name, "")) | parts).items() if item is not None}
        north.put(value["resourceType"], name, json.dumps(value))
    network.consent(ada, "north", "south")
    assert {name.partition("/")[2] for name in pulled(network, ada)} >= set(ELSEWHERE)
    text = json.loads(plain.write(plain.Plain("withhold", about=["hiv"]), ada.account, network.time))
    network.fhir_consent(ada, "north", json.dumps(text | ({"extension": [MARKED]} if marks else {})))
    left = [name for name in pulled(network, ada) if name.partition("/")[2] not in ("n", "p", "m1")]
    # Where marks are allowed the pointer alone goes.
    assert left == [] or marks
    south: Any = network["south"]
    page = receive.request_records(south, "north", ada.account, practitioner=south.doctor(), reason="visit")
    told = b"".join(record.content for record in (*page.records, *page.parts))
    assert not [word for word in (b'"777"', UUID.encode(), b"m3", b"00056", b"195085") if word in told]


@pytest.mark.parametrize("others", [0, 1])
@pytest.mark.parametrize("form", ["typed", "untyped"])
def test_a_medicine_that_alone_has_the_number_goes_with_the_order(
    network: Network, ada: Patient, form: str, others: int
) -> None:
    north = network["north"]
    for identifier in ("m3", "m4")[: others + 1]:
        named = json.loads(medication(identifier, "amoxicillin 500 mg capsule")) | {"identifier": [NUMBER]}
        north.put("Medication", identifier, json.dumps(named))
    value = json.loads(pointing("a", "")) | {"medicationReference": FORMS[form]}
    north.put("MedicationRequest", "a", json.dumps(value))
    network.consent(ada, "north", "south")
    goes = [] if others else ["Medication/m3"]
    assert pulled(network, ada, ids=["a"]) == ["MedicationRequest/a", *goes]
    stated = disclosed(north)
    kept = {one.hash.hex(): one.consent for one in north.consents.of(ada.account)}
    known = {"/".join(name): facts(json.loads(raw), []) for name, raw in north.source.raw.items()}
    assert replay.differences(stated, kept, known) == []


@pytest.mark.parametrize("form", [{"reference": "Substance/s"}, {"identifier": NUMBER}])
def test_an_order_is_as_sensitive_as_a_substance_in_its_medicine(
    network: Network, ada: Patient, form: dict[str, Any]
) -> None:
    north = network["north"]
    substance = {"resourceType": "Substance", "id": "s", "code": {"text": "efavirenz"}, "identifier": [NUMBER]}
    north.put("Substance", "s", json.dumps(substance))
    # A Medication that has the id of the Substance is another thing.
    north.put("Medication", "s", medication("s", "saline"))
    mixed = json.loads(medication("mix", "capsules")) | {"ingredient": [{"itemReference": form}]}
    north.put("Medication", "mix", json.dumps(mixed))
    north.put("MedicationRequest", "by-mix", pointing("by-mix", "Medication/mix"))
    network.consent(ada, "north", "south")
    before = pulled(network, ada)
    assert "MedicationRequest/by-mix" in before and "Medication/mix" in before
    assert "Substance/s" not in before and "Medication/s" not in before
    text = plain.write(plain.Plain("withhold", about=["hiv"]), ada.account, network.time).decode()
    network.fhir_consent(ada, "north", text)
    assert pulled(network, ada) == ["MedicationRequest/n", "MedicationRequest/p", "Medication/m1"]


def test_an_order_that_names_its_user_by_a_number_is_of_no_other_medicine(network: Network, ada: Patient) -> None:
    """The number of somebody else is no medicine's, though it is the same."""
    north = network["north"]
    secret = json.loads(medication("m3", "efavirenz 600 mg tablet")) | {"identifier": [NUMBER]}
    north.put("Medication", "m3", json.dumps(secret))
    value = json.loads(pointing("n", "Medication/m1")) | {"requester": {"identifier": NUMBER}}
    north.put("MedicationRequest", "n", json.dumps(value), origin="second")
    network.consent(ada, "north", "south")
    text = plain.write(plain.Plain("withhold", about=["hiv"]), ada.account, network.time).decode()
    network.fhir_consent(ada, "north", text)
    assert pulled(network, ada) == ["MedicationRequest/n", "MedicationRequest/p", "Medication/m1"]


def test_a_kind_that_she_forbids_by_name_stays(network: Network, ada: Patient) -> None:
    network.consent(ada, "north", "south")
    network.consent(ada, "north", "south", effect="deny", types=("Medication",))
    assert pulled(network, ada) == ["MedicationRequest/n", "MedicationRequest/p"]
    # With words beside the pointer the order would tell what the medicine is.
    value = json.loads(pointing("n", "Medication/m1"))
    value["medicationReference"]["display"] = "digoxin"
    network["north"].put("MedicationRequest", "n", json.dumps(value), origin="second")
    assert pulled(network, ada) == ["MedicationRequest/p"]


def test_orders_that_she_withholds_take_their_medicine_with_them(network: Network, ada: Patient) -> None:
    network.consent(ada, "north", "south", types=("Observation",))
    assert pulled(network, ada) == []
    assert refused(network, ada, types=["MedicationRequest"]) == "not-permitted"
    assert refused(network, ada, types=["Medication"]) == "not-permitted"


def test_what_was_changed_without_a_version_holds_the_order_back(network: Network, ada: Patient) -> None:
    north: Any = network["north"]
    network.consent(ada, "north", "south")
    north.source.raw["Medication", "m1"] = medication("m1", "warfarin 5 mg tablet").encode()
    assert refused(network, ada) == "record-altered"
    assert pulled(network, ada, ids=["p"]) == ["MedicationRequest/p"]


def test_more_or_less_beside_than_was_written_down_is_not_genuine(network: Network, ada: Patient) -> None:
    north, south = network["north"], network["south"]
    network.consent(ada, "north", "south")
    honest = north.answer

    def cheat(change: Any) -> str:
        def cheating(path: str, caller: str, body: bytes) -> bytes:
            answer = honest(path, caller, body)
            if path != access.RELEASE_PATH:
                return answer
            release = access.decode(access.open_release(answer)[0], access.Release, access.RELEASE_BYTES_MAX)
            changed = access.encode(change(release))
            return access.seal_release(changed, north.keys.sign_request(access.signed_message(changed)))

        network.wires.join("north", cheating)
        with pytest.raises(NotGenuineError) as no:
            receive.request_records(south, "north", ada.account, practitioner=south.doctor(), reason="visit")  # type: ignore[arg-type]
        return no.value.code

    replace = msgspec.structs.replace
    assert cheat(lambda release: replace(release, beside=[])) == "other-records"
    assert cheat(lambda release: replace(release, beside=[*release.beside, release.records[1]])) != ""
    swapped = {}

    def other(release: Any) -> Any:
        kept = release.beside[0]
        swapped["was"] = kept
        return replace(release, beside=[replace(kept, content=medication("m1", "warfarin").encode())])

    assert cheat(other) == "record-changed" and swapped


def test_over_fhir_it_is_included_and_can_be_read(network: Network, ada: Patient) -> None:
    network.consent(ada, "north", "south", types=("MedicationRequest",))
    found = ask(network, ada.account, "MedicationRequest", identifier=b"\1" * 16)
    assert found.names == ["MedicationRequest/n", "MedicationRequest/p", "Medication/m1"]
    assert found.value["total"] == 2
    assert [entry["search"]["mode"] for entry in found.value["entry"]] == ["match", "match", "include"]
    read = ask(network, ada.account, "Medication/m1", identifier=b"\2" * 16)
    assert read.status == 200 and "digoxin" in read.value["code"]["text"]
    assert ask(network, ada.account, "Medication/m2", identifier=b"\3" * 16).status == 404
    one = ask(network, ada.account, "MedicationRequest/n", identifier=b"\4" * 16)
    assert one.value["resourceType"] == "MedicationRequest" and one.disclosure.records[0].beside == []
    # Elements that were not asked for are left out, and with the pointer what it points at.
    texts = ask(network, ada.account, "MedicationRequest", "_summary=text", identifier=b"\5" * 16)
    pointers = ["medicationReference" in entry["resource"] for entry in texts.value["entry"]]
    assert any(pointers) is ("Medication/m1" in texts.names)
    counted = ask(network, ada.account, "MedicationRequest", "_summary=count", identifier=b"\6" * 16)
    assert counted.value["total"] == 2 and counted.names == []


def test_another_node_takes_it_over_fhir_as_it_was_written_down(network: Network, ada: Patient) -> None:
    network.consent(ada, "north", "south")
    south: Any = network["south"]
    told = fetch(south, "north", ada.account, "MedicationRequest", practitioner=south.doctor(), reason="visit")
    assert [name for name, _ in told.resources] == ["MedicationRequest/n", "MedicationRequest/p", "Medication/m1"]
    assert b"digoxin" in told.resources[2][1]


def test_a_referral_and_a_page_to_look_at_bring_it(network: Network, ada: Patient) -> None:
    north, south = network["north"], network["south"]
    network.consent(ada, "north", "south")
    north.referrals.refer(ada.account, "south", practitioner=north.doctor("Dr North"), reason="Please see her")
    assert north.referrals.step(network.time) == 1
    (taken,) = south.referrals.taken()
    assert [(kind, name) for kind, name, _ in taken.records][-1] == ("Medication", "m1")
    doctor = south.doctor()
    request = doctor.request(b"\7" * 16, "TREAT", "visit", door="view", types=[], ids=[])
    signed = doctor.ask(network.id, "north", ada.account, network.time + 60_000, request)
    shown = north.views.open(north.views.admit("south", signed))
    assert [(kind, name) for kind, name, _ in shown.records][-1] == ("Medication", "m1")


def test_the_summary_names_it(network: Network, ada: Patient) -> None:
    network["north"].put("Patient", "ada", json.dumps({"resourceType": "Patient", "id": "ada"}))
    network.consent(ada, "north", "south")
    told = ask(network, ada.account, "Patient/ada/$summary", identifier=b"\1" * 16)
    assert told.status == 200 and "digoxin" in json.dumps(told.value)


def test_it_reaches_another_hospitals_list_and_her_own(tmp_path: Path) -> None:
    """Two hospitals have a Medication/1 each: each order bears the name of its own."""
    clinic = Clinic(tmp_path)
    try:
        account = clinic.ada.account
        for node, text in ((clinic.north, "warfarin 5 mg tablet"), (clinic.south, "digoxin 0.25 mg tablet")):
            node.put("Medication", "1", medication("1", text))
            node.put("MedicationRequest", "x", pointing("x", "Medication/1"))
        clinic.refresh()
        lines = {line.source: row.name for row in clinic.shown().read.medicines for line in row.lines if line.id == "x"}
        assert lines == {"north": "warfarin", "south": "digoxin"}
        clinic.network.consent(clinic.ada, "north", "south")
        doctor = clinic.south.practitioners.enter("dr-south", "Dr South", "http://snomed.info/sct|309343006")
        page = receive.request_records(clinic.south, "north", account, practitioner=doctor, reason="a visit")
        rows = clinic.south.lists.with_received(account, [page]).read.medicines
        assert {line.source: row.name for row in rows for line in row.lines if line.id == "x"} == lines
    finally:
        clinic.network.close()
