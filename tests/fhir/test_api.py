"""The FHIR API: read, search, $everything, pages; refusals as OperationOutcomes; the other side's verified half."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medrec.core import manifests
from medrec.core.manifests.access import DisclosureManifest, ReceivedManifest, RefusalManifest
from medrec.core.records.canonical import canonical
from medrec.node.fhir.client import fetch
from medrec.node.looks.halves import unmatched
from medrec.node.peers.peers import PeerError
from medrec.node.release.receive import NotGenuineError
from tests.fhir.asking import LOINC, SUD, Told, consent, observation, resource
from tests.fhir.asking import ask as asking
from tests.node.forks import ada as ada
from tests.node.forks import fork_of_ada
from tests.node.network import HOUR, Network, Patient
from tests.node.test_gate import written

RECORDS = {
    ("Patient", "ada"): resource("Patient", "ada", name=[{"family": "Lovelace"}]),
    ("Encounter", "visit"): resource("Encounter", "visit", status="finished", period={"start": "2026-03-01"}),
    ("Condition", "asthma"): resource(
        "Condition",
        "asthma",
        code={"coding": [{"system": "http://snomed.info/sct", "code": "195967001"}]},
        encounter={"reference": "Encounter/visit"},
        onsetDateTime="2020",
    ),
    ("Observation", "bp-1"): observation("bp-1", "55284-4", "120.00", "2026-03-01T10:00:00Z"),
    ("Observation", "bp-2"): observation(
        "bp-2", "55284-4", "130.0", "2026-04-01", encounter={"reference": "Encounter/visit"}
    ),
    ("Observation", "weight"): observation("weight", "29463-7", "70", "2026-04-02"),
}


def made(network: Network) -> None:
    for (kind, identifier), content in RECORDS.items():
        network["north"].put(kind, identifier, content)


def ada_made(network: Network) -> Patient:
    person = network.patient("ada", "north")
    network.consent(person, "north", "south")
    return person


@pytest.fixture
def network(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Network]:
    with fork_of_ada(request, tmp_path, made, ada_made) as forked:
        yield forked


def ask(network: Network, ada: Patient, path: str, parameters: str = "", **more: Any) -> Told:
    return asking(network, ada.account, path, parameters, identifier=secrets.token_bytes(16), **more)


def test_a_patient_record_that_is_withheld_does_not_show_by_which_types_are_asked_for(network: Network) -> None:
    """With it and without it, everything of some types is refused alike."""
    bob = network.patient("bob", "north")
    ada = network.patient("ada", "north")
    network["north"].put("Observation", "of-bob", observation("of-bob", "1-1", "1", "2026-01-01").replace("ada", "bob"))
    denied = {"class": [{"system": "http://hl7.org/fhir/resource-types", "code": "Patient"}]}
    for person in (ada, bob):
        network.fhir_consent(person, "north", consent(provision=[{"type": "deny", **denied}]))
    for types in ("", "_type=Observation", "_type=Observation,Condition", "_type=Patient"):
        hidden = ask(network, ada, "Patient/ada/$everything", types)
        never = ask(network, bob, "Patient/bob/$everything", types)
        assert (hidden.status, hidden.body) == (never.status, never.body) and hidden.code == "not-found"


def test_a_read_gives_the_record_as_it_was_signed(network: Network, ada: Patient) -> None:
    told = ask(network, ada, "Observation/bp-1")
    assert told.status == 200
    assert told.body == canonical(RECORDS["Observation", "bp-1"].encode()).data
    assert b"120.00" in told.body
    fields = dict(told.fields)
    assert fields["content-type"] == "application/fhir+json" and fields["etag"] == 'W/"1"'
    (disclosure,) = written(network["north"], "disclosure/1")
    assert disclosure == told.disclosure and fields["x-request-id"] == disclosure.request.id
    assert [f"{record.type}/{record.id}" for record in disclosure.records] == ["Observation/bp-1"]
    assert disclosure.request.query == "Observation/bp-1"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("Observation", ["bp-1", "bp-2", "weight"]),
        ("Observation?code=55284-4", ["bp-1", "bp-2"]),
        (f"Observation?code={LOINC}|55284-4", ["bp-1", "bp-2"]),
        (f"Observation?code={LOINC}|", ["bp-1", "bp-2", "weight"]),
        ("Observation?code=http://example.org|55284-4", []),
        ("Observation?code=|55284-4", []),
        ("Observation?code:not=55284-4", ["weight"]),
        ("Observation?code=29463-7,55284-4", ["bp-1", "bp-2", "weight"]),
        ("Observation?date=2026-04", ["bp-2", "weight"]),
        ("Observation?date=ge2026-04-02", ["weight"]),
        ("Observation?date=lt2026-04-01", ["bp-1"]),
        ("Observation?date=ge2026-03-01&date=le2026-03-31", ["bp-1"]),
        ("Observation?patient=ada", ["bp-1", "bp-2", "weight"]),
        ("Observation?subject=Patient/ada&_id=bp-2", ["bp-2"]),
        ("Observation?patient=grace", []),
        ("Observation?encounter=visit", ["bp-2"]),
        ("Observation?status=preliminary", []),
        ("Condition?code=195967001", ["asthma"]),
        ("Condition?onset-date=2020", ["asthma"]),
        ("Procedure", []),
    ],
)
def test_searches(network: Network, ada: Patient, query: str, expected: list[str]) -> None:
    path, _, parameters = query.partition("?")
    told = ask(network, ada, path, parameters)
    assert told.status == 200, told.body
    assert [name.partition("/")[2] for name in told.names] == expected
    assert told.value["total"] == len(expected)
    assert [entry["search"]["mode"] for entry in told.value.get("entry", [])] == ["match"] * len(expected)


def test_includes(network: Network, ada: Patient) -> None:
    told = ask(network, ada, "Condition", "_include=Condition:encounter")
    assert told.names == ["Condition/asthma", "Encounter/visit"]
    assert [entry["search"]["mode"] for entry in told.value["entry"]] == ["match", "include"]
    assert told.value["total"] == 1
    told = ask(network, ada, "Encounter", "_revinclude=Observation:encounter")
    assert told.names == ["Encounter/visit", "Observation/bp-2"]
    assert ask(network, ada, "Condition", "_include=Condition:encounter:Location").names == ["Condition/asthma"]
    assert len(written(network["north"], "disclosure/1")[0].records) == 2


def test_everything_and_its_pages(network: Network, ada: Patient) -> None:
    whole = ask(network, ada, "Patient/ada/$everything")
    assert len(whole.names) == whole.value["total"] == 6
    assert ask(network, ada, "Patient/ada/$everything", "_type=Observation,Condition").value["total"] == 4
    names: list[str] = []
    path, parameters = "Patient/ada/$everything", "_count=4"
    for _ in range(2):
        page = ask(network, ada, path, parameters)
        names += page.names
        links = {link["relation"]: link["url"] for link in page.value["link"]}
        assert links["self"] == f"https://north.example/fhir/{path}?{parameters}"
        parameters = links.get("next", "").partition("?")[2]
    assert names == whole.names and parameters == ""
    assert ask(network, ada, "Patient/grace/$everything").code == "not-found"


def test_a_count_discloses_no_record(network: Network, ada: Patient) -> None:
    for parameters in ("_summary=count", "_count=0"):
        told = ask(network, ada, "Observation", parameters)
        assert told.value["total"] == 3 and "entry" not in told.value
    assert [found.records for found in written(network["north"], "disclosure/1")] == [[], []]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("date", ["bp-1", "bp-2", "weight"]),
        ("-date", ["weight", "bp-2", "bp-1"]),
        ("-_id", ["weight", "bp-2", "bp-1"]),
        ("_lastUpdated", ["weight", "bp-2", "bp-1"]),
        ("-_lastUpdated,-_id", ["bp-2", "weight", "bp-1"]),
        ("date,_id", ["bp-1", "bp-2", "weight"]),
    ],
)
def test_an_order_holds_over_all_pages(network: Network, ada: Patient, order: str, expected: list[str]) -> None:
    stamped = {"weight": {"lastUpdated": "2026-01-01T00:00:00Z"}, "bp-2": {"lastUpdated": "2026-02-01T00:00:00Z"}}
    for (kind, identifier), content in RECORDS.items():
        if identifier in stamped:
            told = json.loads(content.replace("130.0", "131"))
            network["north"].put(kind, identifier, json.dumps({**told, "meta": stamped[identifier]}))
    names: list[str] = []
    parameters = f"_sort={order}&_count=2"
    while parameters:
        page = ask(network, ada, "Observation", parameters)
        assert page.status == 200 and page.value["total"] == 3, page.body
        names += [name.partition("/")[2] for name in page.names]
        following = [link["url"] for link in page.value["link"] if link["relation"] == "next"]
        parameters = following[0].partition("?")[2] if following else ""
    # What has no such time comes last, either way.
    assert names == expected


@pytest.mark.parametrize(
    ("parameters", "kept"),
    [
        ("_elements=valueQuantity", {"valueQuantity", "status", "code"}),
        (
            "_elements=value[x]".replace("[x]", "Quantity,effectiveDateTime"),
            {"valueQuantity", "effectiveDateTime", "status", "code"},
        ),
        ("_summary=true", {"valueQuantity", "effectiveDateTime", "status", "code", "subject", "encounter"}),
        ("_summary=text", {"text", "status", "code"}),
        ("_summary=data", {"valueQuantity", "effectiveDateTime", "status", "code", "subject", "encounter", "note"}),
    ],
)
def test_a_subset_says_so_and_is_no_signed_record(
    network: Network, ada: Patient, parameters: str, kept: set[str]
) -> None:
    more = {"note": [{"text": "sat up"}], "text": {"status": "generated", "div": "<div>120</div>"}}
    content = observation("bp-9", "55284-4", "120.00", "2026-05-01", encounter={"reference": "Encounter/visit"}, **more)
    network["north"].put("Observation", "bp-9", content)
    wanted = kept | {"resourceType", "id", "meta"}
    one = ask(network, ada, "Observation/bp-9", parameters)
    [entry] = ask(network, ada, "Observation", f"_id=bp-9&{parameters}").value["entry"]
    for value in (one.value, entry["resource"]):
        assert set(value) == wanted and value["meta"]["tag"][0]["code"] == "SUBSETTED"
    assert b"120.00" in one.body or "valueQuantity" not in kept
    [listed] = one.disclosure.records
    assert listed.of_content(one.keys[0], canonical(one.body).sha256)
    assert not listed.of_content(one.keys[0], canonical(content.encode()).sha256)
    assert listed.part.how == "subset" and listed.proven
    south = network["south"]
    found = fetch(
        south, "north", ada.account, "Observation", parameters, practitioner=south.doctor(), reason="first visit"
    )  # type: ignore[arg-type]
    assert len(found.in_part) == 4 and not found.withheld


def test_a_subset_that_does_not_say_so_is_refused(
    network: Network, ada: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    south = network["south"]
    monkeypatch.setattr("medrec.node.release.parts.SUBSETTED", {"system": "none", "code": "none"})
    with pytest.raises(NotGenuineError) as refused:
        fetch(south, "north", ada.account, "Observation", "_elements=code", practitioner=south.doctor(), reason="visit")  # type: ignore[arg-type]
    assert refused.value.code == "not-marked"


def test_the_version_that_stands_is_read_and_listed(network: Network, ada: Patient) -> None:
    whole = ask(network, ada, "Observation/bp-1")
    assert ask(network, ada, "Observation/bp-1/_history/1").body == whole.body
    history = ask(network, ada, "Observation/bp-1/_history")
    [entry] = history.value["entry"]
    assert history.value["type"] == "history" and entry["resource"] == whole.value
    assert entry["request"] == {"method": "POST", "url": "Observation"} and entry["response"]["etag"] == 'W/"1"'
    # A newer version takes its place; a version of its own is called as it calls itself.
    changed = observation("bp-1", "55284-4", "121", "2026-03-01", meta={"versionId": "7"})
    network["north"].put("Observation", "bp-1", changed)
    assert ask(network, ada, "Observation/bp-1/_history/1").code == "not-found"
    seventh = ask(network, ada, "Observation/bp-1/_history/7")
    assert seventh.status == 200 and dict(seventh.fields)["etag"] == 'W/"7"'
    [entry] = ask(network, ada, "Observation/bp-1/_history").value["entry"]
    assert entry["request"] == {"method": "PUT", "url": "Observation/bp-1"}
    assert ask(network, ada, "Observation/nothing/_history") == ask(network, ada, "Observation/nothing/_history")
    assert ask(network, ada, "Observation/nothing/_history").code == "not-found"


def test_each_page_is_decided_anew(network: Network, ada: Patient) -> None:
    network.consent(ada, "north", "east", until=network.time + HOUR)
    first = ask(network, ada, "Observation", "_count=1", by="east")
    following = next(link["url"] for link in first.value["link"] if link["relation"] == "next").partition("?")[2]
    assert ask(network, ada, "Observation", following, by="east").names == ["Observation/bp-2"]
    network["north"].anchor()
    network.time += HOUR
    told = ask(network, ada, "Observation", following, by="east")
    assert (told.status, told.code) == (403, "not-permitted")
    assert written(network["north"], "refusal/1")[-1].code == "no-consent"


def test_hidden_and_absent_read_alike(network: Network, ada: Patient) -> None:
    network.consent(ada, "north", "south", effect="deny", types=("Condition",))
    hidden, absent = ask(network, ada, "Condition/asthma"), ask(network, ada, "Condition/nothing")
    assert hidden == absent and (hidden.status, hidden.code) == (404, "not-found")
    network["north"].put("Observation", "secret", observation("secret", "1-1", "1", "2026", meta={"security": [SUD]}))
    never = ask(network, ada, "Observation/never")
    assert (never.status, never.code) == (404, "not-found")


@pytest.mark.parametrize(
    "query",
    [
        "Observation?_sort=value",
        "Observation?_sort=date,-date",
        "Observation?_sort=date&_page=T2JzZXJ2YXRpb24vbm90aGluZw",
        "Observation?_elements=code&_summary=true",
        "Observation?_elements=a.b",
        "Observation?patient.name=Ada",
        "Observation?_has:Observation:patient:code=1",
        "Observation/bp-1/_history/1?_summary=true",
        "Observation/bp-1/_history/1/2",
        "Observation/_history",
        "Observation?unknown=1",
        "Observation?code:below=1",
        "Observation?code=",
        "Observation?date=yesterday",
        "Observation?_include=Observation:code",
        "Observation?_include=nonsense",
        "Observation?_summary=all",
        "Observation?_summary=text&_include=Observation:encounter",
        "Observation?_count=-1",
        "Observation?_page=!!",
        "Observation?_count=1&_count=2",
        "Observation/x?_id=1",
        "observation",
        "Patient/ada/$export",
        "Patient/ada/$everything?_include=Observation:patient",
        "Observation?a",
    ],
)
def test_what_is_not_understood_is_refused_and_written_down(network: Network, ada: Patient, query: str) -> None:
    path, _, parameters = query.partition("?")
    told = ask(network, ada, path, parameters)
    assert (told.status, told.code) == (400, "query-unknown")
    assert told.value["issue"][0]["code"] == "not-supported"
    assert [refusal.code for refusal in written(network["north"], "refusal/1")] == ["query-unknown"]
    assert written(network["north"], "disclosure/1") == []


def test_a_request_signed_for_one_interaction_answers_no_other(network: Network, ada: Patient) -> None:
    for changes in ({"query": "Observation?code=1"}, {"types": []}, {"ids": ["weight"]}, {"door": "view"}):
        told = ask(network, ada, "Observation", **changes)
        assert (told.status, told.code) == (400, "malformed")
    assert [found.code for found in written(network["north"], "refusal/1")] == ["malformed"] * 4


def test_the_other_side_verifies_and_writes_its_half(network: Network, ada: Patient) -> None:
    south, north = network["south"], network["north"]
    fetched = fetch(
        south,  # type: ignore[arg-type]
        "north",
        ada.account,
        "Observation",
        "code=55284-4&_count=1",
        practitioner=south.doctor(),
        reason="visit",
    )
    assert [name for name, _ in fetched.resources] == ["Observation/bp-1"] and fetched.total == 2
    assert fetched.resources[0][1] == canonical(RECORDS["Observation", "bp-1"].encode()).data
    assert "_page=" in fetched.more
    (half,) = written(south, "disclosure-received/1")
    (disclosure,) = written(north, "disclosure/1")
    assert isinstance(half, ReceivedManifest) and isinstance(disclosure, DisclosureManifest)
    assert (half.outcome, half.records, half.obligation) == ("received", disclosure.records, disclosure.obligation)
    network.anchor()
    assert unmatched(north) == []  # type: ignore[arg-type]


def test_a_bundle_that_was_tampered_with_is_refused_whole(network: Network, ada: Patient) -> None:
    from medrec.core import codec

    south, carry = network["south"], network.wires.carry

    def forged(caller: str, organisation: str, path: str, body: bytes) -> bytes:
        fields, answer = codec.decode(carry(caller, organisation, path, body), bytes_max=1 << 24)
        return codec.encode([fields, answer.replace(b"120.00", b"120.0")])

    network.wires.carry = forged  # type: ignore[method-assign]
    with pytest.raises(NotGenuineError) as caught:
        fetch(south, "north", ada.account, "Observation", practitioner=south.doctor(), reason="visit")  # type: ignore[arg-type]
    assert caught.value.code == "other-records"
    assert [half.outcome for half in written(south, "disclosure-received/1")] == ["refused"]


def test_a_refusal_reaches_the_other_side_with_its_code(network: Network, ada: Patient) -> None:
    east = network["east"]
    with pytest.raises(PeerError) as caught:
        fetch(east, "north", ada.account, "Observation", practitioner=east.doctor(), reason="visit")  # type: ignore[arg-type]
    assert caught.value.answered and caught.value.code == "not-permitted"
    (refusal,) = written(network["north"], "refusal/1")
    assert isinstance(refusal, RefusalManifest) and refusal.request.query == "Observation"


def test_the_manifest_alone_says_what_was_asked(network: Network, ada: Patient) -> None:
    told = ask(network, ada, "Observation", "code=55284-4")
    stated = json.loads(manifests.encode(told.disclosure))
    assert stated["request"]["query"] == "Observation?code=55284-4"
    assert stated["request"]["identity"] == "dr-south" and stated["request"]["machine"] is False
    assert stated["basis"]["consents"] == stated["decided"] and stated["basis"]["law"] == ["US"]
