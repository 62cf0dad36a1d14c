"""What the node itself says as FHIR: AuditEvents by BALP, the person's log, Consents, Provenance with a signature."""

import base64
import copy
import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import OKPKey

from medrec.core.consent.access import read_fhir
from medrec.core.manifests.consent import Grant
from medrec.core.records.canonical import canonical
from medrec.node.consent.consents import write_consent
from medrec.node.fhir.audit import Auditor
from medrec.node.fhir.faces import create_consent, provenance_wants
from medrec.node.keeping import store
from medrec.node.refusals import Refusal
from medrec.node.release.practitioners import SYSTEM
from tests.fhir.asking import WITHOUT_SUBSTANCE_USE, Told, observation
from tests.fhir.asking import ask as asking
from tests.fhir.balp import PROFILE, broken
from tests.node.forks import ada as ada
from tests.node.forks import fork_of_ada
from tests.node.network import Network, Patient
from tests.node.test_gate import get, written

BP = observation("bp", "55284-4", "120.00", "2026-03-01")


def made(network: Network) -> None:
    network["north"].put("Observation", "bp", BP)
    network["north"].put("Observation", "bp-2", observation("bp-2", "55284-4", "130", "2026-03-02"))


def ada_made(network: Network) -> Patient:
    return network.patient("ada", "north", "south")


@pytest.fixture
def network(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Network]:
    with fork_of_ada(request, tmp_path, made, ada_made) as forked:
        yield forked


def ask(network: Network, person: Patient, path: str, parameters: str = "", **more: Any) -> Told:
    return asking(network, person.account, path, parameters, identifier=secrets.token_bytes(16), **more)


def hers(network: Network, person: Patient, path: str, parameters: str = "", **more: Any) -> Told:
    """Her agent asks, at her request."""
    return own(network, person, path, parameters, **{"by": "guide", "purpose": "PATRQT", **more})


def own(network: Network, person: Patient, path: str, parameters: str, **more: Any) -> Told:
    """An answer of the node's own, which discloses no record and carries no disclosure."""
    from medrec.node.fhir import bundle
    from medrec.node.fhir.routes import serve
    from tests.node.test_gate import access

    by, purpose = more.pop("by"), more.pop("purpose")
    program = network[by].practitioners.enter("portal", "The portal", SYSTEM, machine=True)
    stated = f"{path}?{parameters}" if parameters else path
    request = program.request(more.pop("identifier", secrets.token_bytes(16)), purpose, "her log", query=stated)
    signed = program.ask(network.id, "north", person.account, network.time + 60_000, request)
    field = base64.urlsafe_b64encode(access.encode(signed)).decode()
    try:
        answer = serve(network["north"], by, "GET", path, parameters, field)  # type: ignore[arg-type]
    except Refusal as no:
        return Told(no.status, bundle.outcome(no.code, no.sentence, no.status), (), None)
    return Told(answer.status, answer.body, tuple(sorted(answer.fields.items())), None)


def busy(network: Network, ada: Patient) -> None:
    """A refusal, a read, a search, a release in our own form."""
    ask(network, ada, "Observation/bp")
    network.consent(ada, "north", "south")
    ask(network, ada, "Observation/bp")
    ask(network, ada, "Observation", "code=55284-4")
    get(network, ada.account)


def events(told: Told) -> list[Any]:
    assert told.status == 200, told.body
    return [entry["resource"] for entry in told.value.get("entry", [])]


def profiles(found: list[Any]) -> list[str]:
    return [event.get("meta", {"profile": [""]})["profile"][0].removeprefix(PROFILE) for event in found]


def test_every_look_is_an_audit_event_that_conforms(network: Network, ada: Patient) -> None:
    busy(network, ada)
    found = events(hers(network, ada, "AuditEvent", "patient=ada"))
    assert profiles(found) == [
        "AuthZconsent",
        "PrivacyDisclosure.Source",
        "AuthZconsent",
        "PrivacyDisclosure.Source",
        "PatientQuery",
        "AuthZconsent",
        "PrivacyDisclosure.Source",
        "PatientRead",
        "",
    ]
    assert [broken(event) for event in found] == [[]] * 9
    refusal = found[-1]
    assert (refusal["outcome"], refusal["outcomeDesc"]) == ("4", "no-consent")
    query = next(one for one in found if "PatientQuery" in one.get("meta", {"profile": [""]})["profile"][0])
    raw = next(entity["query"] for entity in query["entity"] if "query" in entity)
    assert base64.b64decode(raw) == b"Observation?code=55284-4"


def test_what_was_stopped_is_no_disclosure(network: Network, ada: Patient) -> None:
    north, secret = network["north"], network.consent(ada, "north", "south")

    def take_back(name: str) -> None:
        if name == "recheck":
            network.take_back(ada, "north", secret)

    north.gate.step = take_back
    assert ask(network, ada, "Observation").code == "not-permitted"
    (stated,) = written(north, "disclosure/1")
    assert stated.records
    found = events(hers(network, ada, "AuditEvent"))
    # The line stands in the journal; what followed it says that nothing went out, and which consent decided that.
    said = [(event["outcome"], event.get("outcomeDesc")) for event in found]
    assert said == [("8", "consent-changed"), ("4", "consent-changed")]
    (decided,) = stated.decided
    assert [entity["what"]["reference"] for entity in found[0]["entity"][1:]] == [f"Consent/{decided}"]
    assert [broken(event) for event in found] == [[], []]


def test_a_read_of_some_elements_or_of_a_version_is_a_read(network: Network, ada: Patient) -> None:
    network.consent(ada, "north", "south")
    for path, parameters, code in (
        ("Observation/bp", "_elements=code", "read"),
        ("Observation/bp/_history/1", "", "vread"),
        ("Observation/bp/_history", "", "search"),
    ):
        assert ask(network, ada, path, parameters).status == 200, path
        newest = events(hers(network, ada, "AuditEvent"))
        event = next(one for one in newest if one["type"]["code"] == "rest")
        assert event["subtype"][0]["code"] == code and broken(event) == []


def test_both_ends_carry_the_same_request_id(network: Network, ada: Patient) -> None:
    network.consent(ada, "north", "south")
    get(network, ada.account)
    (disclosure,) = written(network["north"], "disclosure/1")
    (half,) = written(network["south"], "disclosure-received/1")
    ends = []
    for name, stated in (("north", disclosure), ("south", half)):
        *_, event = Auditor(network[name], ada.account, "ada").events(1, stated)  # type: ignore[arg-type]
        assert broken(event) == []
        ends.append([one["what"]["identifier"]["value"] for one in event["entity"] if "XrequestId" in str(one)])
    assert ends[0] == ends[1] == [disclosure.request.id]


def test_the_check_finds_what_does_not_conform(network: Network, ada: Patient) -> None:
    busy(network, ada)
    for event in events(hers(network, ada, "AuditEvent")):
        if "meta" not in event:
            continue
        for name in ("subtype", "agent", "entity"):
            assert broken({**event, name: []}), name
        assert broken({**event, "type": {"system": "x", "code": "y"}}) and broken({**event, "action": "D"})
        for place in ("agent", "entity"):
            for index, part in enumerate(event[place]):
                if _may_be_absent(part, event):
                    continue
                less = copy.deepcopy(event)
                del less[place][index]
                assert broken(less), (place, part)


def _may_be_absent(part: Any, event: Any) -> bool:
    """The custodian, the user, the request's id; and, of a disclosure, the records: no profile demands them."""
    text = str(part)
    codes = (
        ["159541003", "XrequestId"] if "AuthZ" in event["meta"]["profile"][0] else ["159541003", "IRCP", "XrequestId"]
    )
    optional = any(code in text for code in codes)
    return optional or ("'code': '4'" in text and "Disclosure" in event["meta"]["profile"][0])


def test_the_log_is_for_her_and_her_agent_alone(network: Network, ada: Patient) -> None:
    busy(network, ada)
    for by, purpose in (("south", "PATRQT"), ("east", "PATRQT"), ("guide", "TREAT")):
        for path in ("AuditEvent", "Consent"):
            told = hers(network, ada, path, by=by, purpose=purpose)
            assert (told.status, told.code) == (403, "not-permitted"), (by, purpose)
    bob = network.patient("bob", "south")
    assert hers(network, bob, "AuditEvent").code == "not-permitted"
    assert events(hers(network, ada, "AuditEvent", "patient=bob")) == []
    refusals = [refusal.code for refusal in written(network["north"], "refusal/1")]
    assert refusals.count("not-permitted") == 7


def test_reading_the_log_is_logged(network: Network, ada: Patient) -> None:
    busy(network, ada)
    first = events(hers(network, ada, "AuditEvent"))
    (read,) = written(network["north"], "log-read/1")
    assert (read.by, read.reader, read.lines) == ("agent", "The portal", len(first))
    again = events(hers(network, ada, "AuditEvent"))
    assert len(again) == len(first) + 1 and again[0]["type"]["code"] == "110101" and broken(again[0]) == []
    assert events(hers(network, ada, "AuditEvent", "date=lt2000")) == []
    assert len(events(hers(network, ada, "AuditEvent", "date=ge2000"))) == len(first) + 3
    identifier = secrets.token_bytes(16)
    assert hers(network, ada, "AuditEvent", identifier=identifier).status == 200
    assert hers(network, ada, "AuditEvent", identifier=identifier).code == "request-replayed"
    assert hers(network, ada, "AuditEvent", "entity=x").code == "query-unknown"


def test_an_event_is_read_by_its_id_and_nothing_else_of_them_is_answered(network: Network, ada: Patient) -> None:
    busy(network, ada)
    listed = hers(network, ada, "AuditEvent").value["entry"]
    path, logged = listed[0]["fullUrl"].rpartition("/fhir/")[2], len(network["north"].rows(store.line))
    told = hers(network, ada, path)
    assert (told.status, told.value) == (200, listed[0]["resource"])
    assert [row.kind for row in network["north"].rows(store.line)][logged:] == ["log-read/1"]
    assert hers(network, ada, "AuditEvent/nonsense-id").code == "not-found"
    assert hers(network, ada, path, "patient=ada").code == "query-unknown"
    for nothing in (f"{path}/_history", f"{path}/_history/1", "AuditEvent/$x", "Provenance/1", "Consent/1/_history"):
        assert hers(network, ada, nothing).code == "query-unknown", nothing
    # As unknown to everybody else as all of it.
    assert hers(network, ada, path, by="south").code == "not-permitted"


def test_consents_that_stand_are_shown_as_fhir(network: Network, ada: Patient) -> None:
    network.consent(ada, "north", "south", types=("Observation",), until=network.time + 86_400_000)
    network.fhir_consent(ada, "north", WITHOUT_SUBSTANCE_USE)
    secret = network.consent(ada, "north", "east", effect="deny")
    network.take_back(ada, "north", secret)
    told = hers(network, ada, "Consent", "patient=ada&status=active")
    simple, as_signed = sorted(events(told), key=lambda one: "dateTime" not in one)
    assert len(as_signed.pop("id")) == 64 and as_signed == json.loads(WITHOUT_SUBSTANCE_USE)
    # What is shown of a simple grant says what was signed: it is read back to the same policy.
    kept = next(one for one in network["north"].consents.of(ada.account) if one.hash.hex() == simple["id"])
    policy = read_fhir(json.dumps(simple).encode())
    (provision,) = policy.provisions
    assert provision.recipients == frozenset({"Organization/south"}) and provision.kinds == frozenset({"Observation"})
    assert provision.period.end == kept.consent.grant.until  # type: ignore[union-attr]
    assert hers(network, ada, f"Consent/{simple['id']}").value == simple
    assert hers(network, ada, f"Consent/{'0' * 64}").code == "not-found"
    assert events(hers(network, ada, "Consent", "status=inactive")) == []


R5 = {
    "resourceType": "Consent",
    "id": "mine",
    "status": "not-done",
    "subject": {"reference": "Patient/ada"},
    "decision": "permit",
}


def test_no_text_of_a_consent_becomes_a_part_of_the_answer(network: Network, ada: Patient) -> None:
    network.consent(ada, "north", "south")
    smuggled = '1},{"fullUrl":"x","resource":{"resourceType":"Consent","status":"active"}}],"total":1,"x":[{"y":1'
    for text in ("{ ", '"x"', smuggled):
        secret = network.fhir_consent(ada, "north", text)
        told = hers(network, ada, "Consent")
        simple, closed = sorted(events(told), key=lambda one: one["provision"]["type"], reverse=True)
        assert told.value["total"] == 2 and simple["provision"]["type"] == "permit"
        assert closed["provision"] == {"type": "deny"}, "what cannot be read keeps everything back"
        assert base64.b64decode(closed["sourceAttachment"]["data"]).decode() == text
        assert hers(network, ada, f"Consent/{closed['id']}").value == closed
        network.take_back(ada, "north", secret)


def test_a_consent_is_found_at_its_own_address_by_the_status_that_it_has(network: Network, ada: Patient) -> None:
    inactive = {**json.loads(WITHOUT_SUBSTANCE_USE), "status": "inactive", "id": "mine"}
    network.fhir_consent(ada, "north", json.dumps(inactive))
    network.fhir_consent(ada, "north", json.dumps(R5))
    assert events(hers(network, ada, "Consent", "status=active")) == []
    (old,) = events(hers(network, ada, "Consent", "status=inactive"))
    assert old | {"id": "mine"} == inactive
    (fifth,) = events(hers(network, ada, "Consent", "status=rejected"))
    assert "decision" not in fifth and json.loads(base64.b64decode(fifth["sourceAttachment"]["data"])) == R5
    assert len(events(hers(network, ada, "Consent", "status=inactive,rejected"))) == 2
    for one in (old, fifth):
        assert hers(network, ada, f"Consent/{one['id']}").value == one


def test_a_log_is_searched_from_one_day_to_another(network: Network, ada: Patient) -> None:
    busy(network, ada)
    whole = events(hers(network, ada, "AuditEvent"))
    day = whole[0]["recorded"][:10]
    of_the_day = events(hers(network, ada, "AuditEvent", f"date=ge{day}&date=le{day}"))
    assert whole and all(one in of_the_day for one in whole)
    assert events(hers(network, ada, "AuditEvent", f"date=ge{day}&date=lt{day}")) == []
    assert hers(network, ada, "AuditEvent", "patient=ada&patient=ada").code == "query-unknown"


def test_a_consent_is_created_by_what_she_signed(network: Network, ada: Patient) -> None:
    north: Any = network["north"]
    grant = Grant("permit", ["south"], [], None)
    signed = write_consent(
        network.id, "north", ada.account, network.time, grant, secrets.token_bytes(32), ada.key.key_id, ada.sign
    )
    answer = create_consent(north, signed)
    assert answer.status == 201 and answer.fields["location"].startswith("https://north.example/fhir/Consent/")
    assert create_consent(north, signed).status == 200
    assert ask(network, ada, "Observation/bp").status == 200
    with pytest.raises(Refusal) as caught:
        create_consent(north, signed.replace(b'"permit"', b'"deny"'))
    assert caught.value.code == "bad-signature"


def test_provenance_carries_a_signature_that_any_jose_library_checks(network: Network, ada: Patient) -> None:
    network.consent(ada, "north", "south")
    types, ids = provenance_wants(["Observation/bp"])
    told = ask(network, ada, "Provenance", "target=Observation/bp", types=types, ids=ids)
    (found,) = events(told)
    assert found["target"] == [{"reference": "Observation/bp"}]
    (signature,) = found["signature"]
    assert signature["sigFormat"] == "application/jose"
    compact = base64.b64decode(signature["data"]).decode()
    assert ".." in compact
    public = bytes.fromhex(network.keys["north"].public()["ed25519"])
    key = OKPKey.import_key(
        {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": base64.urlsafe_b64encode(public).decode().rstrip("="),
        }
    )
    content = canonical(BP.encode()).data
    registry = jws.JWSRegistry(algorithms=["EdDSA"], strict_check_header=False)
    jws.deserialize_compact(_attached(compact, content), key, registry=registry)
    with pytest.raises(Exception, match="bad_signature"):
        jws.deserialize_compact(_attached(compact, content.replace(b"120.00", b"120.0")), key, registry=registry)
    # It is disclosed like the record: what may not be seen has no Provenance either.
    assert [record.id for record in told.disclosure.records] == ["bp"]
    denied = ask(network, ada, "Provenance", "target=Observation/bp", types=types, ids=ids, by="east")
    assert denied.code == "not-permitted"
    assert events(ask(network, ada, "Provenance", "target=Condition/x", types=["Condition"], ids=["x"])) == []
    assert ask(network, ada, "Provenance", "target=Observation").code == "query-unknown"


def _attached(compact: str, content: bytes) -> str:
    header, _, signature = compact.partition("..")
    return f"{header}.{base64.urlsafe_b64encode(content).decode().rstrip('=')}.{signature}"
