"""A denial by a code that can be compared with nothing is refused, whatever the records are."""

import json
import secrets

import msgspec
import pytest

from medrec.core import codec
from medrec.core.consent.replay import differences
from medrec.core.consent.systems import RESOURCE_TYPES as TYPES
from medrec.core.manifests.consent import ConsentManifest, FhirConsentManifest
from medrec.node.consent.policies import try_at
from medrec.node.fhir import bundle
from medrec.node.keeping import store
from medrec.node.peers.peers import PeerError
from tests.fhir.asking import ask, consent
from tests.node.network import Network, Patient
from tests.node.test_actors import network as network
from tests.node.test_actors import seen, why
from tests.node.test_bad_input import NOBODY_KNOWS
from tests.node.test_denials import pulled, pushed, put, viewed
from tests.node.test_emergency import declare
from tests.node.test_gate import codes, get, names, refused, written

LOCAL = "http://nowhere.example/x"
CODE = [{"coding": [{"system": LOCAL, "code": "A"}]}]
PATHS = (("Observation", ""), ("Observation", "_summary=count"), ("Observation/bp", ""), ("Condition", "_count=1"),
         ("Patient/ada/$everything", ""))  # fmt: skip


@pytest.fixture
def ada(network: Network) -> Patient:
    return network.patient("ada", "north")


def deny(network: Network, person: Patient, **parts: object) -> bytes:
    """She permits south everything, and denies this."""
    network.consent(person, "north", "south")
    return network.fhir_consent(person, "north", consent(provision=[{"type": "deny", **parts}]))


@pytest.mark.parametrize("parts", NOBODY_KNOWS.values(), ids=list(NOBODY_KNOWS))
def test_each_door_refuses_and_says_why_in_its_line(network: Network, ada: Patient, parts: dict[str, object]) -> None:
    secret = deny(network, ada, **parts)
    assert pulled(network, ada) == pushed(network, ada) == viewed(network, ada) == []
    assert codes(network["north"]) == ["codes-unknown"] * 3
    assert written(network["north"], "disclosure/1") == [] == written(network["south"], "disclosure-received/1")
    assert all(len(line.decided) == 2 for line in written(network["north"], "refusal/1"))
    network.take_back(ada, "north", secret)
    assert pulled(network, ada) and pushed(network, ada) and viewed(network, ada)


def test_who_asks_is_told_what_is_told_of_one_without_records_and_of_one_who_permits_nothing(
    network: Network, ada: Patient
) -> None:
    """To the byte, over the FHIR API and in the native form; and what stands on the ledger has one length."""
    bob, cy, north = network.patient("bob", "north"), network.patient("cy", "north"), network["north"]
    for person in (ada, bob):
        deny(network, person, code=CODE)

    def told(person: Patient) -> list[object]:
        api = [ask(network, person.account, *path, identifier=secrets.token_bytes(16)) for path in PATHS]
        native = [refused(network, person.account, **wanted) for wanted in ({}, {"types": ["Observation"]})]
        return [*api, *((one.code, one.sentence) for one in native)]

    assert told(ada) == told(bob) == told(cy)
    asked = len(PATHS) + 2
    assert codes(north) == ["codes-unknown"] * asked * 2 + ["no-consent"] * asked
    entries = [codec.decode(row.entry) for row in north.rows(store.line) if row.kind == "refusal/1"]
    assert len({(tuple(one[2]), len(one[2]["sealed"])) for one in entries}) == 1


def test_she_is_told_when_she_signs_and_a_trial_shows_that_nobody_sees_anything(network: Network, ada: Patient) -> None:
    network.consent(ada, "north", "south")
    text = consent(provision=[{"type": "deny", "code": CODE}]).encode()
    tried = try_at(network["guide"], ada.account, "north", text)  # type: ignore[arg-type]
    assert tried.strange == (f"{LOCAL}|A",)
    (shown,) = (one for one in tried.parties if one.asker.organisation == "south" and one.asker.purposes == ("TREAT",))
    assert shown.before and not shown.after


def test_a_denial_of_one_type_keeps_that_back_without_a_refusal(network: Network, ada: Patient) -> None:
    """Records decide: what is in doubt must not show by which types are asked for."""
    deny(network, ada, code=CODE, **{"class": [{"system": TYPES, "code": "Observation"}]})
    assert names(get(network, ada.account)) == ["AllergyIntolerance/nuts", "Condition/gout"]
    assert names(get(network, ada.account, types=["Observation"])) == []
    assert codes(network["north"]) == []


@pytest.mark.parametrize("path", ["Observation", "Condition", "Procedure"])
def test_what_is_not_listed_is_said_to_be_no_proof_whatever_is_withheld(
    network: Network, ada: Patient, path: str
) -> None:
    """In each answer that lists records, to the byte: withheld by doubt or for sure, nothing there, all there."""
    bob, cy, dee = (network.patient(name, "north") for name in ("bob", "cy", "dee"))
    deny(network, ada, code=CODE, **{"class": [{"system": TYPES, "code": "Observation"}]})
    deny(network, bob, **{"class": [{"system": TYPES, "code": "Observation"}]})
    network.consent(cy, "north", "south")
    network.fhir_consent(dee, "north", consent(provision=[{"type": "permit"}]))
    said = []
    for person in (ada, bob, cy, dee):
        told = json.loads(ask(network, person.account, path, identifier=secrets.token_bytes(16)).body)
        last = [one for one in told["entry"] if one["search"]["mode"] == "outcome"]
        said.append(json.dumps(last))
    assert len(set(said)) == 1 and len(json.loads(said[0])) == 1 and bundle.NO_PROOF in said[0]
    counted = json.loads(ask(network, ada.account, "Observation", "_summary=count", identifier=bytes(16)).body)
    assert counted["total"] == 0 and "entry" not in counted


def test_an_emergency_keeps_its_summary_without_what_surely_carries_the_code(network: Network, ada: Patient) -> None:
    put(network, "Condition", "coded", code={"coding": [{"system": LOCAL, "code": "A", "display": "asthma"}]})
    deny(network, ada, code=CODE)
    declare(network, ada.account)
    assert seen(network, ada, purpose="BTG") == ["gout", "nuts"]
    stated = written(network["north"], "disclosure/1")[-1]
    assert len(stated.basis.doubted) == 1
    with pytest.raises(PeerError):
        declare(network, ada.account, scope="restricted")
    assert why(network) == "codes-unknown"


def test_whoever_has_the_consents_comes_to_the_same_refusal(network: Network, ada: Patient) -> None:
    deny(network, ada, code=CODE)
    assert pulled(network, ada) == []
    (line,) = written(network["north"], "refusal/1")
    held = {kept.hash.hex(): kept.consent for kept in network["north"].consents.of(ada.account)}
    assert differences(line, held, {}) == []
    opened = msgspec.structs.replace(line.basis, consents=[one for one in held if grants(held[one])])
    assert differences(msgspec.structs.replace(line, basis=opened), held, {}) == ["the request was to be permitted"]


def grants(signed: ConsentManifest | FhirConsentManifest) -> bool:
    return isinstance(signed, ConsentManifest)
