"""The screens of a local number whose patient is another by now show and ask nothing of whom it is linked to."""

from pathlib import Path
from typing import Any

from medrec.node.keeping import store
from medrec.node.right_person import holding
from medrec.portal import words
from tests.node.test_lists import Clinic, order
from tests.node.test_right_person import ADA, BOB, demographics
from tests.portal.reading import text_of
from tests.portal.story import Story
from tests.portal.test_list_seen import forms_of
from tests.portal.test_sign_in import csrf_of, visitor

LOOK = {"patient": "ada", "purpose": "TREAT", "reason": "Visit this morning"}


class Known(Clinic):
    """North and South know who Ada is, and each may ask the other; South alone has a medicine of hers."""

    def __init__(self, folder: Path) -> None:
        self.story = Story(folder)
        self.network: Any = self.story.network
        self.north, self.south, self.guide = (self.network[name] for name in ("north", "south", "guide"))
        for node in (self.north, self.south):
            node.put("Patient", "ada", demographics("ada", *ADA))
        self.ada = self.network.patient("ada", "north", "south")
        self.south.put("MedicationRequest", "a", order("a", "314077", "lisinopril 20 mg"))
        self.network.consent(self.ada, "south", "north")
        self.network.consent(self.ada, "north", "guide")
        self.story.settle()

    def given(self) -> int:
        """How often South gave something of hers."""
        return [line.kind for line in self.south.rows(store.line)].count("disclosure/1")


def test_a_number_whose_patient_is_another_shows_and_asks_nothing(tmp_path: Path) -> None:
    clinic = Known(tmp_path)
    try:
        client: Any = visitor(clinic.story, "north", demonstration=True)
        client.post("/sign-in/demonstration", data={"role": "clinician"})
        look = LOOK | {"csrf": csrf_of(client.get("/clinic").text)}
        before = client.post("/clinic/patient", data=look | {"from-south": "1"}).text
        assert "lisinopril" in before and clinic.given() == 1
        (reviewed,) = forms_of(client.post("/patient-list", data=look).text, "reviewed")
        clinic.network.time += 60_000
        clinic.north.put("Patient", "ada", demographics("ada", *BOB))
        assert [one.type for one in holding.waiting(clinic.north)] == ["Patient"]
        emergency = {"break": "south", "words": "He is unconscious and nobody else is here.", "code": "UNCONSCIOUS"}
        for page, fields in (
            ("/clinic/patient", {"from-south": "1"}),
            ("/clinic/patient", {"refer": "south", "words": "Please look at him."}),
            ("/clinic/patient", emergency | {"scope": "summary", "again": "ada"}),
            ("/patient-list", {}),
            ("/patient-list", {"others": "1", "part": "only-here"}),
        ):
            answer = client.post(page, data=look | fields)
            said = text_of(answer.text)
            assert answer.status_code == 200 and words.CARE_LIST["held_unshown"] in said, page
            assert "lisinopril" not in answer.text and not forms_of(answer.text, "reviewed"), page
            assert words.CARE_LIST["allergies_none"] not in said and 'name="refer"' not in answer.text, page
        assert clinic.given() == 1 and clinic.north.referrals.sent() == []
        assert client.post("/patient-list", data=reviewed).status_code == 409
        assert clinic.north.acts.of(clinic.ada.account) == []
        # Its source has put it right: all is as before.
        clinic.network.time += 60_000
        clinic.north.put("Patient", "ada", demographics("ada", *ADA))
        clinic.story.settle()
        after = client.post("/clinic/patient", data=look | {"from-south": "1"}).text
        assert "lisinopril" in after and words.CARE_LIST["held_unshown"] not in text_of(after)
    finally:
        clinic.network.close()
