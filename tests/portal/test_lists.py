"""The one list on paper and screen: the person's own, and the doctor's."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from medrec.core.reconcile.rows import Conflict
from medrec.core.records.canonical import canonical
from medrec.core.records.understood import NoteCode
from medrec.node.agent.copies import Copy, _part_tag
from medrec.node.keeping import store
from medrec.node.lists import lists
from medrec.node.release.practitioners import PHYSICIAN
from medrec.node.right_person import holding
from medrec.portal import words
from medrec.portal.people import handle
from tests.node.test_lists import Clinic, allergy, order
from tests.node.test_right_person import ADA, BOB, demographics
from tests.portal.reading import read, text_of
from tests.portal.test_sign_in import csrf_of, visitor


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    made = Clinic(tmp_path)
    made.north.put("AllergyIntolerance", "x", allergy("x", "<b>Lisinopril</b>"))
    made.refresh()
    yield made
    made.network.close()


def own(clinic: Clinic) -> str:
    return read(clinic.story.client("guide"), f"/people/{handle(clinic.ada.account)}/list")


def test_the_person_sees_what_the_places_say_and_where_they_differ(clinic: Clinic) -> None:
    html = own(clinic)
    text = text_of(html)
    assert "lisinopril" in text and words.ONE_LIST["similar"] in text and words.ONE_LIST["conflict_dose"] in text
    assert text.index("metformin") > text.index(words.ONE_LIST["only-here"])
    assert words.ONE_LIST["notices_lead"] in text and "2 entries behind this line" in text
    assert "<b>Lisinopril</b>" not in html and "&lt;b&gt;" in html


def test_every_line_leads_to_its_proof(clinic: Clinic) -> None:
    client = clinic.story.client("guide")
    html = own(clinic)
    proofs = {part.split('"')[0] for part in html.split('href="')[1:] if "/lines/" in part.split('"')[0]}
    assert len(proofs) == 4
    for proof in proofs:
        assert client.get(proof).status_code == 200


def test_a_word_of_the_patient_stands_on_top_with_her_name(clinic: Clinic) -> None:
    clinic.network.time += 60_000
    clinic.say("not-taking", clinic.row("metformin"))
    text = text_of(own(clinic))
    assert words.ONE_LIST["conflict_patient"] in text
    disputed, similar = (text.index(words.ONE_LIST[name]) for name in ("disputed", "similar"))
    assert disputed < text.index("metformin", disputed) < similar < text.index("lisinopril", similar)
    assert f"{words.ONE_LIST['patient']}: {words.ONE_LIST['says_stopped']}" in text


def test_the_doctor_sees_what_is_new_since_the_last_review_first(clinic: Clinic) -> None:
    client, asked = signed_in(clinic)
    page = text_of(client.post("/patient-list", data=asked).text)
    assert words.CARE_LISTS["never"] in page and "lisinopril" in page and "Rules: active-said" in page
    clinic.network.time += 60_000
    doctor = clinic.north.practitioners.enter("dr-north", "Dr North", PHYSICIAN)
    row = clinic.north.lists.of(clinic.ada.account).read.medicines[0]
    clinic.north.acts.enter(clinic.ada.account, doctor, "reviewed", [lists.subject_of(row)])
    clinic.network.time += 60_000
    clinic.north.put("MedicationRequest", "n", order("n", "197361", "amlodipine 5 mg"))
    page = text_of(client.post("/patient-list", data=asked).text)
    assert "Dr North went through this list" in page
    assert page.index("amlodipine") < page.index("lisinopril")
    nobody = client.post("/patient-list", data=asked | {"patient": "nobody"})
    assert "Patient nobody is not linked" in text_of(nobody.text) and "patient" not in str(nobody.url.query)


def test_she_reads_which_places_do_not_agree_on_who_she_is_and_whether_their_records_are_in_her_lists(
    clinic: Clinic,
) -> None:
    for node, birth in ((clinic.south, ADA[2]), (clinic.north, BOB[2])):
        node.put("Patient", "ada", demographics("ada", *ADA[:2], birth))
    clinic.refresh()
    text = text_of(own(clinic).replace("<bdi>", "").replace("</bdi>", ""))
    assert words.ONE_LIST["unlike"] in text and words.ONE_LIST["unlike_more"] in text
    assert words.ONE_LIST["stranger_more"] not in text and text.count(f"calls you {' '.join(ADA[1::-1])}, born") == 2
    clinic.north.put("Patient", "ada", demographics("ada", *BOB), origin="2")
    clinic.refresh()
    text = text_of(own(clinic).replace("<bdi>", "").replace("</bdi>", ""))
    assert words.ONE_LIST["stranger_more"] in text and words.ONE_LIST["unlike"] not in text
    assert f"calls you {' '.join(BOB[1::-1])}, born" in text


def test_the_list_is_shut_to_who_has_not_signed_in(clinic: Clinic) -> None:
    path = f"/people/{handle(clinic.ada.account)}/list"
    for organisation, address in (("guide", path), ("north", "/patient-list")):
        client = clinic.story.client(organisation, demonstration=False)
        answers = [client.get(address), client.post(address, data={"patient": "ada"})]
        assert all("lisinopril" not in answer.text.lower() for answer in answers)
        assert client.get(address, follow_redirects=False).status_code in (302, 303, 401, 403)


def test_a_doctor_reads_of_the_patient_and_sees_how_a_disputed_medicine_stands(clinic: Clinic) -> None:
    clinic.network.time += 60_000
    clinic.say("not-taking", clinic.row("lisinopril"))
    client, asked = signed_in(clinic)
    html = client.post("/patient-list", data=asked).text
    doctors, hers = text_of(html.replace("<bdi>", "").replace("</bdi>", "")), text_of(own(clinic))
    assert f"{words.CARE_LIST['patient']}: {words.ONE_LIST['says_stopped']}" in doctors
    for name in ("conflict_patient", "conflict_status"):
        assert words.CARE_LIST[name] in doctors and words.ONE_LIST[name] not in doctors
        assert words.ONE_LIST[name] in hers
    assert f"{words.ONE_LIST['patient']}: " not in doctors
    for page in (doctors, hers):
        disputed = page[page.index(words.ONE_LIST["disputed"]) :]
        assert words.ONE_LIST["stopped"] in disputed[: disputed.index(words.ONE_LIST["how"])]


def test_not_even_a_demonstration_shows_a_patient_without_a_look(clinic: Clinic) -> None:
    client = clinic.story.client("north")
    for page in ("/patient-list", "/records"):
        html = client.get(page).text
        assert words.CLINIC["sign_in"] in text_of(html) and 'name="patient"' not in html
        why = {"purpose": "TREAT", "reason": "I am only looking around"}
        answer = client.post(page, data={"patient": "ada"} | why)
        assert answer.status_code == 401 and "lisinopril" not in answer.text
        # Nor does it say who is known here.
        assert client.post(page, data={"patient": "nobody"} | why).status_code == 401
    assert [line.kind for line in clinic.north.rows(store.line)].count("own-look/1") == 0


def test_an_empty_list_says_so(clinic: Clinic) -> None:
    clinic.guide.copies.forget(clinic.ada.account)
    assert words.ONE_LIST["nothing"] in text_of(own(clinic))


def test_a_clinician_reviews_and_stops_on_the_page_in_her_own_name(clinic: Clinic) -> None:
    client = visitor(clinic.story, "north", demonstration=True)
    refused = client.post("/patient-list", data={"patient": "ada", "act": "reviewed"})
    assert refused.status_code == 401 and clinic.north.acts.of(clinic.ada.account) == []
    assert client.post("/sign-in/demonstration", data={"role": "clinician"}).status_code in (200, 303)
    why = {"purpose": "TREAT", "reason": "Visit this morning"}
    page = client.post("/patient-list", data={"patient": "ada"} | why | token(client)).text
    assert words.CARE_LISTS["reviewed"] in text_of(page)
    clinic.network.time += 60_000
    seen = page.split('value="reviewed"><input type="hidden" name="seen" value="')[1].partition('"')[0]
    fields = {"patient": "ada", "act": "reviewed", "seen": seen} | token(client)
    reviewed = text_of(client.post("/patient-list", data=fields).text)
    kept, of_it = clinic.north.acts.of(clinic.ada.account)
    assert sorted(len(one.act.subjects) for one in (kept, of_it)) == [0, 1]
    assert kept.act.author == "clinician" and f"{kept.act.name} went through this list" in reviewed
    (row,) = clinic.north.lists.of(clinic.ada.account).read.medicines
    clinic.network.time += 60_000
    stop = {"patient": "ada", "act": "stopped", "row": row.key, "words": "cough"} | token(client)
    client.post("/patient-list", data=stop)
    (row,) = clinic.north.lists.of(clinic.ada.account).read.medicines
    assert row.status == "stopped" and "cough" in row.lines[0].plain
    assert client.post("/patient-list", data=stop | {"act": "dance"}).status_code == 400
    assert client.post("/patient-list", data={**stop, "csrf": "00"}).status_code == 403
    assert len(clinic.north.acts.of(clinic.ada.account)) == 3


def signed_in(clinic: Clinic) -> tuple[TestClient, dict[str, str]]:
    """North's doctor of the demonstration, and what she writes into the form."""
    client = visitor(clinic.story, "north", demonstration=True)
    client.post("/sign-in/demonstration", data={"role": "clinician"})
    return client, {"patient": "ada", "purpose": "TREAT", "reason": "Visit this morning"} | token(client)


def token(client: TestClient) -> dict[str, str]:
    return {"csrf": csrf_of(client.get("/patient-list").text)}


def test_a_copy_is_said_of_copies_alone(clinic: Clinic) -> None:
    lines = [line for row in clinic.shown().read.medicines for line in row.lines]
    assert lines and not any(line.copy for line in lines)
    assert words.ONE_LIST["copy"] not in text_of(own(clinic))


def test_what_a_reader_noted_stands_with_the_entry_and_what_could_mislead_with_the_row(clinic: Clinic) -> None:
    """Who reads the row alone must see that a strength cannot be, that a date is wrong, or that a code is foreign."""
    written = json.loads(order("odd", "29046", "levothyroxine 50 mg"))
    written["medicationCodeableConcept"] = {"text": "levothyroxine 50 mg tablet"}
    written["authoredOn"] = "2999-01-01"
    clinic.north.put("MedicationRequest", "odd", json.dumps(written))
    clinic.refresh()
    (row,) = [row for row in clinic.shown().read.medicines if "levothyroxine" in row.name]
    noted = {note for line in row.lines for note in line.notes}
    assert {NoteCode.STRENGTH_DIFFERS, NoteCode.FUTURE_DATE} <= noted
    client, asked = signed_in(clinic)
    for html in (own(clinic), client.post("/patient-list", data=asked).text):
        shown = next(part for part in html.split('class="row-side"') if "levothyroxine" in part.partition("</span>")[0])
        head = text_of(shown[: shown.index("<details")])
        assert words.NOTES["strength-differs"] in head and words.NOTES["future-date"] in head
        for note in noted:
            assert words.NOTES[note] in text_of(shown)


def test_every_note_has_words() -> None:
    assert set(words.NOTES) == {code.value for code in NoteCode}


def test_the_emergency_card_has_two_names_of_one_thing_once_and_leads_to_the_proof(clinic: Clinic) -> None:
    hers = f"/people/{handle(clinic.ada.account)}"
    page = read(clinic.story.client("guide"), f"{hers}/card")
    card = text_of(page.split('<section class="emergency')[1].partition("</section>")[0])
    medicines = card[card.index(words.CARD["medicines"]) : card.index(words.CARD["problems"])].casefold()
    assert medicines.count("lisinopril") == 1 and medicines.count("metformin") == 1
    assert "lisinopril" in card[card.index(words.CARD["allergies"]) : card.index(words.CARD["medicines"])].casefold()
    assert words.CARD["proof"] in text_of(page) and f'href="{hers}/list"' in page


def test_the_emergency_card_leaves_out_what_she_says_she_does_not_take_and_a_refuted_allergy(clinic: Clinic) -> None:
    refuted = json.loads(allergy("y", "walnut"))
    refuted["verificationStatus"] = {"coding": [{"code": "refuted"}]}
    clinic.north.put("AllergyIntolerance", "y", json.dumps(refuted))
    clinic.refresh()
    clinic.network.time += 60_000
    clinic.say("not-taking", clinic.row("metformin"))
    card = text_of(read(clinic.story.client("guide"), f"/people/{handle(clinic.ada.account)}/card")).casefold()
    assert "lisinopril" in card and "metformin" not in card and "walnut" not in card
    assert any(row.refuted for row in clinic.shown().read.allergies)


@pytest.mark.parametrize(
    ("criticality", "severity", "told"),
    [("", "severe", "severe"), ("low", "severe", "severe"), ("high", "severe", "danger"), ("", "mild", "")],
)
def test_how_bad_a_reaction_was_is_said_as_the_source_says_it(
    clinic: Clinic, criticality: str, severity: str, told: str
) -> None:
    record = json.loads(allergy("y", "walnut"))
    record["reaction"] = [{"manifestation": [{"text": "collapse"}], "severity": severity}]
    clinic.north.put(
        "AllergyIntolerance", "y", json.dumps(record | ({"criticality": criticality} if criticality else {}))
    )
    clinic.refresh()
    card = text_of(read(clinic.story.client("guide"), f"/people/{handle(clinic.ada.account)}/card"))
    on_list = text_of(own(clinic))
    for name, text in (("severe", "severe"), ("danger", "high")):
        assert (words.CARD[name] in card) == (words.ONE_LIST[text] in on_list) == (told == name)


def test_what_came_in_part_stands_on_the_emergency_card_though_it_is_in_no_list(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = canonical(allergy("cut", "sertraline").encode()).data
    cut = Copy("north", "AllergyIntolerance", "cut", _part_tag(content), content)
    assert cut.in_part
    kept = clinic.guide.copies.all

    def with_the_cut_one(account: str, kind: str = "") -> list[Copy]:
        return [*kept(account, kind), *([cut] if kind in ("", cut.type) else [])]

    monkeypatch.setattr(clinic.guide.copies, "all", with_the_cut_one)
    hers = f"/people/{handle(clinic.ada.account)}"
    card = text_of(read(clinic.story.client("guide"), f"{hers}/card"))
    allergies = card[card.index(words.CARD["allergies"]) : card.index(words.CARD["medicines"])]
    assert f"Sertraline {words.CARD['in_part']}" in allergies
    assert "sertraline" not in text_of(own(clinic)).casefold()


def on_card(clinic: Clinic, group: str) -> str:
    """What stands on her emergency card under one heading, without the headings."""
    page = read(clinic.story.client("guide"), f"/people/{handle(clinic.ada.account)}/card")
    for part in page.split('<section class="emergency')[1].partition("</section>")[0].split("<h3>")[1:]:
        title, _, rest = part.partition("</h3>")
        if title == words.CARD[group]:
            return text_of(rest)
    return ""


def test_a_medicine_stands_on_the_emergency_card_with_its_strength_and_how_it_is_taken(clinic: Clinic) -> None:
    told = on_card(clinic, "medicines")
    assert "500 mg" in told and "1 tab bid" in told
    # Two places have lisinopril, one of them with the double amount: both stand, and the card says that they differ.
    assert words.ONE_LIST["conflict_dose"] in told and "20 mg" in told
    assert words.CARD["unproven"] not in told and words.CARD["in_part"] not in told


def test_a_medicine_that_one_place_ended_may_still_be_taken(clinic: Clinic) -> None:
    clinic.network.time += 60_000
    ended = json.loads(order("d", "11289", "warfarin", "half a tablet"))
    clinic.north.put("MedicationRequest", "d", json.dumps(ended))
    clinic.south.put("MedicationRequest", "e", json.dumps({**ended, "id": "e", "status": "stopped"}))
    clinic.refresh()
    row = clinic.row("warfarin")
    group = "medicines" if row.status == "active" else "perhaps"
    assert row.conflicts == (Conflict.STATUS,)
    told = on_card(clinic, group)
    assert "warfarin" in told and words.CARE_LIST["conflict_status"] in told


def test_what_no_line_proves_yet_stands_on_the_emergency_card_and_says_so(clinic: Clinic) -> None:
    clinic.north.put("AllergyIntolerance", "late", allergy("late", "walnut"))
    # Her agent reads it before the place has told her of it: no line of hers proves it yet.
    clinic.guide.copies.refresh(clinic.ada.account)
    assert "walnut" not in " ".join(row.name for row in clinic.shown().read.allergies).casefold()
    told = on_card(clinic, "allergies")
    assert f"Walnut {words.CARD['unproven']}" in told
    clinic.refresh()
    assert "walnut" in on_card(clinic, "allergies").casefold()
    assert words.CARD["unproven"] not in on_card(clinic, "allergies")


def test_what_a_place_holds_back_is_not_on_the_emergency_card(clinic: Clinic) -> None:
    assert "lisinopril" in on_card(clinic, "allergies").casefold()
    north = clinic.north

    def hold(connection: Any) -> None:
        person = north.journal.person_of_account(connection, clinic.ada.account)
        name, network = ("AllergyIntolerance", "x"), north.network.hex()
        north.journal.append(connection, [holding.hold(connection, north.journal, network, person, name, ["family"])])

    north.store.write(hold)
    clinic.story.settle()
    assert "lisinopril" not in on_card(clinic, "allergies").casefold()


def test_a_patient_s_screen_begins_with_allergies_and_has_one_primary_button(clinic: Clinic) -> None:
    clinic.north.put("Patient", "ada", '{"resourceType":"Patient","id":"ada","name":[{"given":["Ada"]}]}')
    clinic.north.put("AllergyIntolerance", "z", allergy("z", "lisinopril"))
    clinic.refresh()
    client, asked = signed_in(clinic)
    for page in ("/patient-list", "/clinic/patient"):
        html = client.post(page, data=asked).text
        places = {name: html.find(f'id="{name}"') for name in ("notices", "allergies", "medicines")}
        assert -1 not in places.values() and sorted(places, key=lambda name: places[name]) == list(places), (
            page,
            places,
        )
        main = html[html.index("<main") :]
        assert main.count('class="button"') == 1 and words.CARE_LISTS["reviewed"] in text_of(main), page
        assert main.index('value="reviewed"') > main.index('id="medicines"'), page


def test_whoever_treats_her_is_told_that_nobody_spoke_of_allergies(tmp_path: Path) -> None:
    made = Clinic(tmp_path)
    try:
        client, asked = signed_in(made)
        assert words.CARE_LIST["allergies_none"] in text_of(client.post("/patient-list", data=asked).text)
        assert words.CARE_LIST["allergies_none"] not in text_of(own(made))
    finally:
        made.network.close()
