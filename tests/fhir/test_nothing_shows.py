"""What is withheld does not show: two worlds, one with a hidden part of the record and one in which it never was.

All doors are tried: the FHIR API, a node that pulls in the native form, a referral that is pushed, a view.

Everything that the one who asks gets to see must be the same, byte for byte: status, body, fields, and the source's
half of the disclosure. Only where the worlds may differ by nature (salts, and the running number of the organisation's
whole journal) is nothing compared.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from medrec.core import manifests
from medrec.core.manifests.access import RefusalManifest
from medrec.node.fhir.query import page_token
from medrec.node.fhir.search import COMMON
from medrec.node.keeping import store
from medrec.node.release import access
from medrec.node.release.access import Release
from medrec.node.release.deciding import Allowed, Permitted
from medrec.node.release.leads import Leads
from medrec.node.release.receive import request_records
from medrec.node.release.views import view_at
from tests.fhir.asking import LOINC, SUD, WITHOUT_SUBSTANCE_USE, Told, ask, bare, consent, observation, resource
from tests.fhir.cuts import CUTS
from tests.fhir.pointing import SYSTEM, named, pointing
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
        identifier=[{"system": SYSTEM, "value": "7"}],
    ),
    # The same forms, at what is not hidden, and at what is not here.
    **pointing("at-open", "Condition", "asthma", "7"),
    **pointing("at-nothing", "Practitioner", "addictions", "770"),
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
        identifier=[{"system": SYSTEM, "value": "77"}],
    ),
    # In whatever form a record points at what is hidden, it goes with it.
    **pointing("at-hidden", "Condition", "addiction", "77"),
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
    # Nothing in this order is sensitive: its medicine is, which is nobody's; and something points at the order.
    ("Medication", "depot"): json.dumps(
        {"resourceType": "Medication", "id": "depot", "code": {"text": "depot"}, "meta": {"security": [SUD]}}
    ),
    ("MedicationRequest", "depot-order"): resource(
        "MedicationRequest",
        "depot-order",
        status="active",
        intent="order",
        medicationReference={"reference": "Medication/depot"},
    ),
    ("Observation", "on-depot"): observation(
        "on-depot", "55284-4", "127", "2026-03-05", partOf=[{"reference": "MedicationRequest/depot-order"}]
    ),
    ("Procedure", "detox"): resource("Procedure", "detox", status="completed", meta={"security": [SUD]}),
    # Each way in which a part alone is sensitive: the whole record stays, and leaves no trace.
    **CUTS,
}

_MARK = re.compile(rb'(?<="said":")[0-9a-f]{64}(?=")')

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
        if identifier.startswith("at-"):
            # These are many: each door gives or keeps them all below.
            continue
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
    folder: Path,
    patch: pytest.MonkeyPatch,
    hidden: dict[tuple[str, str], str],
    said: str = WITHOUT_SUBSTANCE_USE,
    shown: dict[tuple[str, str], str] = OPEN,
) -> tuple[Network, Patient]:
    """A world with these records beside the open ones, and an account and a consent that are alike in all worlds."""
    network = Network(folder)
    for (kind, identifier), content in sorted({**shown, **hidden}.items()):
        network["north"].put(kind, identifier, content)
    # The account's address and the consent's secret are drawn alike, so that what is said of them is alike.
    patch.setattr(networking.secrets, "token_bytes", _drawn())
    person = network.patient("ada", "north")
    network.fhir_consent(person, "north", said)
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
    """An interaction with all of its pages; request ids follow from what is asked and when, so that they are alike."""
    path, _, parameters = query.partition("?")
    told: list[Told] = []
    while True:
        asked = f"{network.time} {path}?{parameters} {sorted(more.items())}"
        identifier = hashlib.sha256(asked.encode()).digest()[:16]
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
    assert answered > 330
    # What was withheld here was really there.
    assert len(one["north"].rows(store.record)) == len(OPEN) + len(HIDDEN)
    assert len(other["north"].rows(store.record)) == len(OPEN)


def native(release: Release) -> tuple[Any, Any]:
    """A release without its salts, its marks under the vault's key, its entries and the running number of the
    journal."""
    records = [(one.content, _MARK.sub(b"", one.manifest), len(one.entry), len(one.salt)) for one in release.records]
    page = (records, release.parts, release.attach, release.more, len(release.disclosure.entry))
    disclosure: Any = manifests.decode(release.disclosure.manifest)
    listed = [(one.type, one.id, one.proven, one.part) for one in disclosure.records]
    drawn = msgspec.structs.replace(disclosure.request, id="")
    bare_one = msgspec.structs.replace(disclosure, records=[], obligation="", request=drawn)
    return page, (bare_one, listed, len(release.disclosure.keys))


def through_the_doors(network: Network, person: Patient, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """All that south is told by a pull in pages, a push and a view."""
    north, south = network["north"], network["south"]
    made: list[Any] = []
    release = north.gate.release

    def watch(*given: Any) -> Any:
        made.append(release(*given))
        return made[-1]

    def opened() -> list[Any]:
        found = [native(access.decode(access.open_release(answer)[0], Release)) for answer in made]
        made.clear()
        return found

    told: dict[str, Any] = {}
    with monkeypatch.context() as patch:
        patch.setattr(north.gate, "release", watch)
        patch.setattr(access, "PAGE_RECORDS", 7)
        for what in ({}, {"types": ("List",)}, {"ids": ("at-hidden-spaced", "asthma")}, {"types": ("Procedure",)}):
            after, doctor = "", south.doctor()
            while True:
                found = request_records(
                    south, "north", person.account, practitioner=doctor, reason="visit", after=after, **what
                )  # type: ignore[arg-type]
                after = found.more
                if not after:
                    break
            told[f"pull {what}"] = opened()
        patch.setattr(access, "PAGE_RECORDS", 1000)
        for types in ((), ("List", "MedicationRequest")):
            north.referrals.refer(
                person.account, "south", practitioner=north.doctor("Dr North"), reason="please", types=types
            )
            told[f"push {types}"] = opened()
            where = view_at(south, "north", person.account, practitioner=south.doctor(), reason="look", types=types)
            shown = north.views.open(where.rpartition("/")[2])
            drawn = msgspec.structs.replace(shown.request, id="")
            told[f"view {types}"] = shown._replace(line=0, request=drawn)
            made.clear()
    return told


def test_no_door_tells_of_what_is_withheld(
    worlds: list[tuple[Network, Patient]], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = (through_the_doors(*world, monkeypatch) for world in worlds)
    assert one.keys() == other.keys()
    for what in one:
        assert one[what] == other[what], what
    assert len(one["pull {}"]) > len(OPEN) // 7
    names = {f"{kind}/{identifier}" for kind, identifier in OPEN}
    assert {f"{kind}/{name}" for kind, name, _ in one["view ()"].records} == names


def test_the_doors_would_be_seen_to_leak_a_pointer(
    worlds: list[tuple[Network, Patient]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the look at what a record points at, every door that has one of them is found out."""
    with monkeypatch.context() as patch:
        patch.setattr(Leads, "to_hidden", lambda self, facts, decision, doubts: False)
        one, other = (through_the_doors(*world, monkeypatch) for world in worlds)
    assert [what for what in one if one[what] == other[what]] == ["pull {'types': ('Procedure',)}"]


def test_what_is_forbidden_by_its_kind_is_named_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything but her problems: no display, identifier or narrative beside a pointer names one of them."""
    coding = {"system": "http://hl7.org/fhir/resource-types", "code": "Condition"}
    forbidden = consent(provision=[{"type": "deny", "class": [coding]}])
    shown = {name: text for name, text in OPEN.items() if name[0] != "Condition" and "asthma" not in text}
    bare_one = resource("ServiceRequest", "bare", encounter={"reference": "Condition/problem"})
    shown["ServiceRequest", "bare"] = bare_one
    hidden = {("Condition", "problem"): resource("Condition", "problem", code={"text": "Asthma"}), **named("Asthma")}
    told = []
    for at, more in enumerate((hidden, {})):
        network, person = made_world(tmp_path / str(at), monkeypatch, more, forbidden, shown)
        asked = ("Patient/ada/$everything?_count=100", "MedicationRequest", "List", "Observation")
        answers = [list(map(bare, follow(network, person, query))) for query in asked]
        told.append((answers, through_the_doors(network, person, monkeypatch)))
        network.close()
    assert told[0] == told[1]
    assert ("ServiceRequest", "bare") in [record[:2] for record in told[0][1]["view ()"].records]


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
        # The same questions are put once more, at another time.
        network.time += 1
    monkeypatch.setattr(Permitted, "_judged", careless)
    for query in ("Observation?_summary=count", "Observation/bp-2", "Patient/ada/$everything?_count=1"):
        assert follow(one, her, query) != follow(other, same, query), query
