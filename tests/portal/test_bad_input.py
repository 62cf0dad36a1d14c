"""Bad input, from a source's record through the node to every page that shows it: the person's list and her emergency
card, and the doctor's screens. Each has a visible outcome that misleads nobody."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medrec.core.records.canonical import canonical
from medrec.core.records.terms import RXNORM, SNOMED
from medrec.node.records.publish import Incoming
from medrec.portal import words
from medrec.portal.people import handle
from tests.node.test_list_swapped import Two
from tests.node.test_lists import LISINOPRIL_20, METFORMIN_500, Clinic, allergy, order
from tests.node.test_right_person import ADA, BOB
from tests.portal.reading import read, text_of
from tests.portal.test_lists import signed_in

BORN = "1980-05-01"
MUCH = 10_000


class Pages:
    """Everything that shows a person's list: hers, her card, the doctor's two screens."""

    def __init__(self, clinic: Any, account: str) -> None:
        guide = clinic.story.client("guide")
        hers = f"/people/{handle(account)}"
        doctor, asked = signed_in(clinic)
        self.own = read(guide, f"{hers}/list")
        self.card = read(guide, f"{hers}/card")
        self.doctors = [doctor.post(page, data=asked).text for page in ("/patient-list", "/clinic/patient")]

    @property
    def lists(self) -> list[str]:
        """The three lists."""
        return [self.own, *self.doctors]


def parts(html: str, name: str) -> tuple[str, str]:
    """What stands with the row of a name, and the entries behind it; nothing where no row is called so."""
    for part in html.split('class="row-side"')[1:]:
        row, _, rest = part.partition(">")[2].partition("<details")
        if text_of(row.partition("</span>")[0]) == name:
            return text_of(row), text_of(rest.partition(">")[2].partition("</details>")[0])
    return "", ""


def head(html: str, name: str) -> str:
    """What stands with a row, for whoever reads it alone."""
    return parts(html, name)[0]


def entry(html: str, name: str) -> str:
    """The entries behind a row."""
    return parts(html, name)[1]


def on_card(html: str, name: str) -> str:
    """The line of a name on the emergency card."""
    lines = html.split('<section class="emergency')[1].partition("</section>")[0].split("<li>")[1:]
    said = [(text_of(line.partition("</strong>")[0]), text_of(line.partition("</li>")[0])) for line in lines]
    return next((line for called, line in said if called == name), "")


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    made = Clinic(tmp_path)
    put(made, {"resourceType": "Patient", "id": "ada", "name": [{"given": ["Ada"]}], "birthDate": BORN})
    yield made
    made.network.close()


def put(clinic: Clinic, record: dict[str, Any]) -> None:
    clinic.north.put(record["resourceType"], record["id"], json.dumps(record))


def pages(clinic: Clinic, *records: dict[str, Any]) -> Pages:
    for record in records:
        put(clinic, record)
    clinic.refresh()
    return Pages(clinic, clinic.ada.account)


def medicine(text: str, *, sig: str = "1 tab daily", **more: Any) -> dict[str, Any]:
    """An order in words alone."""
    made: dict[str, Any] = json.loads(order("odd", "0", text, sig))
    return made | {"medicationCodeableConcept": {"text": text} if text else {}} | more


def problem(text: str, **more: Any) -> dict[str, Any]:
    status = {"coding": [{"code": "active"}]}
    subject = {"reference": "Patient/ada"}
    base = {"resourceType": "Condition", "id": "odd", "subject": subject, "clinicalStatus": status}
    return base | {"code": {"text": text}} | more


def test_one_to_two_tablets_every_four_to_six_hours_as_needed(clinic: Clinic) -> None:
    """A range as needed has no least: what stands there is the most in a day, beside the words themselves."""
    shown = pages(clinic, medicine("Tramadol 50 mg tab", sig="1-2 tabs q4-6h prn"))
    for html in shown.lists:
        row = head(html, "tramadol")
        assert "1-2 tabs q4-6h prn" in row and words.ONE_LIST["needed"] in row
        assert words.ONE_LIST["day_most"].format(amount="600 mg") in row and "200" not in row
    assert "1-2 tabs q4-6h prn " + words.CARD["needed"] in on_card(shown.card, "tramadol")


def test_a_strength_in_the_wrong_unit(clinic: Clinic) -> None:
    """Fifty milligrams of levothyroxine: marked wherever it stands, and a notice says how far it is from the label."""
    shown = pages(clinic, medicine("levothyroxine 50 mg tablet"))
    for html in shown.lists:
        assert words.NOTES["strength-differs"] in head(html, "levothyroxine")
        assert "the directions come to 50 mg a day; the label gives at most 0.3 mg" in text_of(html)
    assert words.NOTES["strength-differs"] in on_card(shown.card, "levothyroxine")


def foreign(system: str, code: str, text: str) -> dict[str, Any]:
    """A code that is none of the system it is said to be from, beside a name."""
    return {"coding": [{"system": system, "code": code}], "text": text}


@pytest.mark.parametrize(
    ("name", "record"),
    [
        ("warfarin", medicine("", medicationCodeableConcept=foreign(RXNORM, "I10", "Warfarin 5 mg"))),
        ("Diabetes", problem("", code=foreign(SNOMED, "E11.9", "Diabetes"))),
        ("Aspirin", json.loads(allergy("odd", "")) | {"code": foreign(SNOMED, "1191", "Aspirin")}),
    ],
)
def test_a_code_from_another_system_than_stated(clinic: Clinic, name: str, record: dict[str, Any]) -> None:
    """The code is not believed; the row goes by its name, and says so."""
    shown = pages(clinic, record)
    assert on_card(shown.card, name)
    for html in shown.lists:
        assert words.NOTES["wrong-system"] in head(html, name)


@pytest.mark.parametrize("text", ["Grandmother's drops", ""])
def test_a_medicine_without_a_code(clinic: Clinic, text: str) -> None:
    """It has a row, a name and a proof; one without any name is called so, also to who only hears the page."""
    shown = pages(clinic, medicine(text))
    name = text or words.ONE_LIST["unnamed"]
    said = "text-only" if text else "no-code"
    assert "1 tab daily" in on_card(shown.card, name)
    for html in shown.lists:
        assert words.NOTES[said] in entry(html, name) and "1 tab daily" in head(html, name)
        assert f"{words.ONE_LIST['proof']} : {name}" in text_of(html)


def test_dates_in_the_future(clinic: Clinic) -> None:
    """Marked, no confirmation, and a stop of the future ends nothing that is taken now."""
    stop = json.loads(order("stop", LISINOPRIL_20, "lisinopril 20 mg", authoredOn="2031-01-01", status="stopped"))
    gout = problem("Gout", onsetDateTime="2040-01-01", recordedDate="2040-01-02")
    shown = pages(clinic, medicine("Simvastatin 20 mg tab", authoredOn="2031-01-01"), stop, gout)
    for name in ("simvastatin", "Gout"):
        assert words.NOTES["future-date"] in on_card(shown.card, name)
        for html in shown.lists:
            assert words.NOTES["future-date"] in head(html, name) and words.ONE_LIST["no_date"] in head(html, name)
            assert entry(html, name).count(words.NOTES["future-date"]) == 1
    assert clinic.row("lisinopril").status == "active" and on_card(shown.card, "lisinopril")
    for html in shown.lists:
        assert words.NOTES["future-date"] in head(html, "lisinopril")


def test_an_onset_before_birth(clinic: Clinic) -> None:
    shown = pages(clinic, problem("Asthma", onsetDateTime="1950-01-01"))
    assert words.NOTES["before-birth"] in on_card(shown.card, "Asthma")
    for html in shown.lists:
        assert words.NOTES["before-birth"] in head(html, "Asthma")
        # It is no medicine: nobody "takes" an illness.
        assert f"{words.ONE_LIST['so_taken']} Asthma" in entry(html, "Asthma")


@pytest.mark.parametrize("text", ["none", "NKDA", "nil"])
def test_an_allergy_to_none(clinic: Clinic, text: str) -> None:
    """It is called what it means; against an allergy of another place both are marked, and the card has the allergy."""
    clinic.south.put("AllergyIntolerance", "real", allergy("real", "Penicillin"))
    shown = pages(clinic, json.loads(allergy("odd", text)))
    name = words.ONE_LIST["none_medicine" if text == "NKDA" else "none_any"]
    against = words.ONE_LIST["conflict_none-known"]
    assert against in head(shown.own, "Penicillin") and against in head(shown.own, name)
    assert on_card(shown.card, "Penicillin") and not on_card(shown.card, name)
    for html in shown.lists:
        assert head(html, name) and not head(html, text)
        assert f"{words.ONE_LIST['so_taken']} No known" in entry(html, name)


def test_ten_thousand_observations(clinic: Clinic) -> None:
    """They stand in no list, and neither the lists nor the pages grow by one line."""
    before = pages(clinic)
    raw = {}
    for number in range(MUCH):
        value = {"value": 60 + number % 41, "unit": "/min"}
        record = {"resourceType": "Observation", "id": f"p{number}", "status": "final", "code": {"text": "Pulse"}}
        record |= {"subject": {"reference": "Patient/ada"}, "effectiveDateTime": "2025-01-01", "valueQuantity": value}
        raw[f"p{number}"] = json.dumps(record).encode()
    clinic.north.source.raw |= {("Observation", name): content for name, content in raw.items()}
    names = list(raw)
    for start in range(0, MUCH, 1_000):
        some = names[start : start + 1_000]
        clinic.north.publisher.publish([Incoming("Observation", one, canonical(raw[one]), "many") for one in some])
    after = pages(clinic)
    assert clinic.shown().read.others == clinic.north.lists.of(clinic.ada.account).read.others == MUCH + 1
    assert text_of(after.own).partition("2 entries behind")[2] == text_of(before.own).partition("2 entries behind")[2]
    for one, other in zip((*before.lists, before.card), (*after.lists, after.card), strict=True):
        assert abs(len(one) - len(other)) < 200


def test_two_patients_swapped_at_the_source(tmp_path: Path) -> None:
    """Nothing of the other's stands anywhere; that something is held back does, and no page says "none"."""
    two = Two(tmp_path)
    try:
        two.network.time += 60_000
        two.put(ada=(BOB, METFORMIN_500, "metformin 500 mg"), bob=(ADA, LISINOPRIL_20, "lisinopril 20 mg"))
        two.refresh()
        shown = Pages(two, two.people["ada"].account)
        for html in (*shown.lists, shown.card):
            assert "lisinopril" not in html and "metformin" not in html
        said = words.ONE_LIST["held"].format(place="North")
        assert said in text_of(shown.own) and said in text_of(shown.card)
        assert words.ONE_LIST["nothing"] not in text_of(shown.own)
        card = text_of(shown.card)
        assert card.count(words.CARD["not_asked"]) == 3 and words.CARD["none"] not in card
        for html in shown.doctors:
            assert words.CARE_LIST["held_all"] in text_of(html)
        two.network.time += 60_000
        two.put(ada=(ADA, LISINOPRIL_20, "lisinopril 20 mg"), bob=(BOB, METFORMIN_500, "metformin 500 mg"))
        two.refresh()
        healed = Pages(two, two.people["ada"].account)
        for html in healed.lists:
            assert head(html, "lisinopril") and words.CARE_LIST["held_all"] not in text_of(html)
        assert said not in text_of(healed.own) and words.CARD["none"] in text_of(healed.card)
    finally:
        two.network.close()
