"""What is withheld does not show: two worlds, one with a hidden part of the record and one in which it never was.

Everything that the one who asks gets to see must be the same, byte for byte: status, body, fields, and the source's
half of the disclosure. Only where the worlds may differ by nature (salts, and the running number of the organisation's
whole journal) is nothing compared.
"""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from medrec.core.manifests.access import RefusalManifest
from medrec.node import access, store
from medrec.node.deciding import Allowed, Permitted
from medrec.node.fhir.query import page_token
from medrec.node.fhir.search import COMMON
from tests.fhir.asking import LOINC, SUD, WITHOUT_SUBSTANCE_USE, Told, ask, bare, observation, resource
from tests.fhir.cuts import CUTS
from tests.node import network as networking
from tests.node.network import Network, Patient
from tests.node.test_gate import written

OPEN = {
    ("Patient", "ada"): resource("Patient", "ada", name=[{"family": "Lovelace"}]),
    ("Encounter", "visit"): resource("Encounter", "visit", status="finished", period={"start": "2026-03-01"}),
    ("Observation", "bp-1"): observation("bp-1", "55284-4", "120.00", "2026-03-01"),
    ("Observation", "bp-3"): observation(
        "bp-3",
        "55284-4",
        "125",
        "2026-03-03",
        encounter={"reference": "Encounter/visit"},
    ),
    ("Condition", "asthma"): resource(
        "Condition",
        "asthma",
        code={"coding": [{"system": "http://snomed.info/sct", "code": "195967001", "display": "Asthma"}]},
    ),
}
HIDDEN = {
    ("Encounter", "clinic"): resource(
        "Encounter", "clinic", status="finished", period={"start": "2026-03-02"}, meta={"security": [SUD]}
    ),
    ("Observation", "bp-2"): observation("bp-2", "55284-4", "199", "2026-03-02", meta={"security": [SUD]}),
    ("Observation", "zz"): observation(
        "zz", "1-1", "1", "2026-03-09", meta={"security": [SUD]}, encounter={"reference": "Encounter/visit"}
    ),
    ("Condition", "addiction"): resource(
        "Condition",
        "addiction",
        code={"coding": [{"system": "http://snomed.info/sct", "code": "191816009"}]},
        clinicalStatus={"coding": [{"code": "active"}]},
        encounter={"reference": "Encounter/visit"},
        meta={"security": [SUD]},
    ),
    # Nothing in these is sensitive, but they point at what is, and go with it.
    ("Observation", "bp-4"): observation(
        "bp-4", "55284-4", "126", "2026-03-04", derivedFrom=[{"reference": "Observation/bp-2"}]
    ),
    ("Condition", "cough"): resource(
        "Condition", "cough", code={"text": "Cough"}, encounter={"reference": "Encounter/clinic"}
    ),
    # Sensitive by inference: buprenorphine without any label.
    ("MedicationRequest", "opioid"): resource(
        "MedicationRequest",
        "opioid",
        status="active",
        intent="order",
        medicationCodeableConcept={
            "coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "1819"}]
        },
    ),
    ("Procedure", "detox"): resource("Procedure", "detox", status="completed", meta={"security": [SUD]}),
    # Each way in which a part alone is sensitive: the whole record stays, and leaves no trace.
    **CUTS,
}

VALUES = {
    "token": ["55284-4", f"{LOINC}|", "final", "active"],
    "id": ["bp-2", "bp-1,bp-2", "detox"],
    "date": ["2026-03-02", "ge2026-03-02"],
    "clinical": ["2026-03-02", "ge2026-03-02", "ne2026-03-01", "sa2026-03-01"],
    "reference": ["Patient/ada", "visit", "Observation/bp-2"],
}


def interactions(kinds: tuple[str, ...] = ("Observation", "Condition", "Encounter")) -> list[str]:
    """Every parameter with values that meet the hidden part, every include, pages, counts, reads."""
    found = [*kinds, "MedicationRequest", "Procedure"]
    for name, parameter in COMMON.items():
        for kind in kinds:
            found += [f"{kind}?{name}={value}" for value in VALUES[parameter.kind]]
            if parameter.kind == "token":
                found.append(f"{kind}?{name}:not=active")
            if parameter.kind == "reference":
                found += [f"{kind}?_include={kind}:{name}", f"Encounter?_revinclude={kind}:{name}"]
                found += [f"Observation?_revinclude={kind}:{name}:Observation"]
    for kind in kinds:
        found += [f"{kind}?_summary=count", f"{kind}?_count=0", f"{kind}?_total=none"]
        found += [f"{kind}?_count={count}" for count in (1, 2, 3)]
    found += [f"Patient/ada/$everything{more}" for more in ("", "?_count=1", "?_count=3", "?_type=Procedure")]
    for kind in kinds:
        for order in ("date", "-date", "_lastUpdated", "-_id", "-date,_id"):
            found += [f"{kind}?_sort={order}{more}" for more in ("", "&_count=1", "&_summary=count")]
        # A page that begins behind something withheld, or behind what never was.
        found += [f"{kind}?_sort=date&_page={page_token(name)}" for name in ("Observation/bp-2", "Condition/nothing")]
        found += [f"{kind}?_page={page_token(name)}" for name in ("Observation/bp-2", "Condition/addiction")]
        found += [f"{kind}?_summary={summary}" for summary in ("true", "text", "data", "false")]
        found += [f"{kind}?_elements={elements}&_count=2" for elements in ("code", "derivedFrom,note", "nothing")]
        found += [f"{kind}?patient.name=Ada", f"{kind}?_has:Observation:encounter:code=1-1"]
    found += [f"Patient/ada/$everything{more}" for more in ("?_sort=date", "?_elements=code", "?_summary=true")]
    for kind, identifier in {**OPEN, **HIDDEN}:
        found += [f"{kind}/{identifier}", f"{kind}/{identifier}/_history", f"{kind}/{identifier}/_history/1"]
    found += ["Observation/bp-1?_elements=code", "Observation/bp-2?_elements=code", "Observation/bp-2?_summary=text"]
    found += ["Observation/bp-1/_history/2", "Observation/bp-2/_history/2", "Observation/_history"]
    found += ["Patient/nobody/$everything", "Observation/nothing", "Observation?_sort=date", "Observation?code="]
    return found


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[tuple[Network, Patient]]]:
    """The world with the hidden part, and the one without."""
    with pytest.MonkeyPatch.context() as patch:
        made = [made_world(tmp_path_factory.mktemp("world"), patch, hidden) for hidden in (HIDDEN, {})]
        yield made
        for network, _ in made:
            network.close()


def made_world(
    folder: Path, patch: pytest.MonkeyPatch, hidden: dict[tuple[str, str], str], consent: str = WITHOUT_SUBSTANCE_USE
) -> tuple[Network, Patient]:
    """A world with these records beside the open ones, and an account and a consent that are alike in all worlds."""
    network = Network(folder)
    for (kind, identifier), content in sorted({**OPEN, **hidden}.items()):
        network["north"].put(kind, identifier, content)
    # The account's address and the consent's secret are drawn alike, so that what is said of them is alike.
    patch.setattr(networking.secrets, "token_bytes", _drawn())
    person = network.patient("ada", "north")
    network.fhir_consent(person, "north", consent)
    patch.undo()
    return network, person


def _drawn() -> Callable[[int], bytes]:
    count = 0

    def draw(size: int) -> bytes:
        nonlocal count
        count += 1
        return hashlib.shake_256(str(count).encode()).digest(size)

    return draw


def follow(network: Network, person: Patient, query: str, **more: Any) -> list[Told]:
    """An interaction with all of its pages; request ids follow from what is asked, so that they are alike."""
    path, _, parameters = query.partition("?")
    told: list[Told] = []
    while True:
        identifier = hashlib.sha256(f"{path}?{parameters} {sorted(more.items())}".encode()).digest()[:16]
        told.append(ask(network, person.account, path, parameters, identifier=identifier, **more))
        links = told[-1].value.get("link", []) if told[-1].status == 200 else []
        following = [link["url"] for link in links if link["relation"] == "next"]
        if not following:
            return told
        parameters = following[0].partition("?")[2]


def test_every_answer_is_the_same_byte_for_byte(worlds: list[tuple[Network, Patient]]) -> None:
    (one, her), (other, same) = worlds
    assert her.account == same.account
    asked = interactions()
    # What is open is really shown.
    shown = follow(one, her, "Patient/ada/$everything?_count=100")[0].names
    assert sorted(shown) == sorted(f"{kind}/{identifier}" for kind, identifier in OPEN)
    follow(other, same, "Patient/ada/$everything?_count=100")
    answered = 0
    for query in asked:
        told = follow(one, her, query)
        assert list(map(bare, told)) == list(map(bare, follow(other, same, query))), query
        answered += told[0].status == 200
    assert answered > 350
    # What was withheld here was really there.
    assert len(one["north"].rows(store.record)) == len(OPEN) + len(HIDDEN)
    assert len(other["north"].rows(store.record)) == len(OPEN)


def test_refusals_are_the_same_on_both_sides_of_the_journal(worlds: list[tuple[Network, Patient]]) -> None:
    told = []
    for network, person in worlds:
        follow(network, person, "Observation/bp-2", purpose="HRESCH")
        follow(network, person, "Observation/bp-2", by="east")
        refusals = [one for one in written(network["north"], "refusal/1") if isinstance(one, RefusalManifest)]
        told.append([(one.code, one.decided, one.basis) for one in refusals])
    assert told[0] == told[1]


def test_the_harness_would_see_a_leak(worlds: list[tuple[Network, Patient]], monkeypatch: pytest.MonkeyPatch) -> None:
    """A gate that forgets to ask about each record is found out by the same comparison."""
    (one, her), (other, same) = worlds
    judged = Permitted._judged

    def careless(self: Permitted, row: Any) -> Any:
        return judged(self, row) or Allowed(row, ())

    for network, _ in worlds:
        # The same questions may be put once more.
        network.time += 1
        network["north"].store.write(lambda connection: connection.execute(access.asked.delete()))
    monkeypatch.setattr(Permitted, "_judged", careless)
    for query in ("Observation?_summary=count", "Observation/bp-2", "Patient/ada/$everything?_count=1"):
        assert follow(one, her, query) != follow(other, same, query), query
