"""What a place holds back by doubt whose it is: another place is told that not all is there, where the person allows
marks, and nothing of what it is; where she does not, nothing shows."""

import html
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medrec.core.consent.reading import MARKS
from medrec.node.fhir import client
from medrec.node.fhir.bundle import WITHHELD
from medrec.node.release.receive import request_records
from medrec.node.right_person import holding
from medrec.portal import words
from tests.node.network import PHYSICIAN
from tests.node.test_lists import order
from tests.portal.reading import text_of
from tests.portal.test_clinic_doubt import LOOK, Known
from tests.portal.test_sign_in import csrf_of, visitor

BYRON = [{"resourceType": "Patient", "name": [{"family": "Byron", "given": ["Robert"]}], "birthDate": "1948-01-02"}]


class World(Known):
    """South's list of Ada, as North's clinician is given it."""

    def allow(self, marks: bool) -> None:
        coding = {"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}
        consent: dict[str, Any] = {
            "resourceType": "Consent",
            "status": "active",
            "scope": {"coding": [coding]},
            "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
            "provision": {"type": "permit"},
            "extension": [{"url": MARKS, "valueBoolean": marks}],
        }
        self.network.time += 60_000
        self.network.fhir_consent(self.ada, "south", json.dumps(consent))

    def doubt(self) -> None:
        """South files a record under her that names somebody else within."""
        self.network.time += 60_000
        self.south.put("MedicationRequest", "w", order("w", "855332", "warfarin 5 mg", contained=BYRON))
        assert [one.id for one in holding.waiting(self.south)] == ["w"]

    def asks(self) -> dict[str, Any]:
        """How a physician of North asks."""
        self.network.time += 60_000
        self.story.settle()
        return {"practitioner": self.north.practitioners.enter("dr", "Dr North", PHYSICIAN), "reason": "visit"}

    def told(self) -> list[bool]:
        """Whether each door says that not all is there: pull, searches, summary, the clinician's two screens."""
        asks = self.asks()
        pulled = request_records(self.north, "south", self.ada.account, **asks)
        assert [one.id for one in pulled.records if one.type == "MedicationRequest"] == ["a"]
        said = [pulled.not_all]
        for path in ("Observation", "MedicationRequest", "Patient/ada/$summary"):
            found = client.fetch(self.north, "south", self.ada.account, path, **asks)
            assert "warfarin" not in str(found.resources)
            said.append(found.withheld)
        # Its narrative says it, too, in letters that HTML has to escape.
        assert (html.escape(WITHHELD).encode() in found.resources[0][1]) is said[-1]
        browser: Any = visitor(self.story, "north", demonstration=True)
        browser.post("/sign-in/demonstration", data={"role": "clinician"})
        look = LOOK | {"csrf": csrf_of(browser.get("/clinic").text)}
        sentence = words.CARE_LIST["not_all"].partition("{place}")[2].strip()
        for page, more in (("/clinic/patient", {"from-south": "1"}), ("/patient-list", {"others": "1"})):
            text = text_of(browser.post(page, data=look | more).text)
            assert "lisinopril" in text and "warfarin" not in text and "Byron" not in text
            said.append(sentence in text)
        return said


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.network.close()


def test_another_place_is_told_of_a_doubt_where_marks_are_allowed(world: World) -> None:
    world.allow(marks=True)
    assert not any(world.told())
    world.doubt()
    assert all(world.told())
    # Somebody has looked, and it is hers; and no longer there.
    assert holding.let_go(world.south, "MedicationRequest", "w", "office", "a slip within, it is hers")
    sent = request_records(world.north, "south", world.ada.account, **world.asks())
    assert not sent.not_all and "w" in [one.id for one in sent.records]


def test_where_no_marks_are_allowed_a_doubt_does_not_show(world: World) -> None:
    world.allow(marks=False)
    before = world.told()
    world.doubt()
    assert before == world.told() and not any(before)


def test_a_long_record_says_it_once_at_its_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medrec.node.release.access.PAGE_RECORDS", 1)
    world.allow(marks=True)
    world.doubt()
    asks = world.asks()
    after, said = "", []
    while True:
        page = request_records(world.north, "south", world.ada.account, after=after, **asks)
        said.append(page.not_all)
        after = page.more
        if not after:
            break
    assert len(said) == 2 and said == [False, True]
