"""The emergency card of somebody with a great deal on it: one sheet of paper, in every language."""

import json
import re
from pathlib import Path

import pytest

from medrec.portal import language, words
from medrec.portal.people import handle
from tests.browser.conftest import SCREENS
from tests.browser.test_states import ORIGIN, Open
from tests.browser.test_states import open_at as open_at
from tests.node.test_lists import Clinic, allergy, order

MANY = 16
HOW = "Take one tablet in the evening with a glass of water, never together with grapefruit juice; stop if you bleed."


def problem(number: int) -> str:
    return json.dumps(
        {
            "resourceType": "Condition",
            "id": f"p{number}",
            "subject": {"reference": "Patient/ada"},
            "clinicalStatus": {"coding": [{"code": "active"}]},
            "code": {"text": f"Bilateral primary osteoarthritis of a joint, number {number}"},
        }
    )


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_the_emergency_card_is_one_page_of_either_paper_in_every_language(
    tmp_path: Path, open_at: Open, code: str
) -> None:
    clinic = Clinic(tmp_path)
    try:
        for number in range(MANY):
            medicine = order(f"m{number}", "0", f"medicine {number} 20 mg / 12.5 mg oral tablet", HOW)
            clinic.north.put("MedicationRequest", f"m{number}", medicine)
            clinic.north.put("AllergyIntolerance", f"a{number}", allergy(f"a{number}", f"substance number {number}"))
            clinic.north.put("Condition", f"p{number}", problem(number))
        clinic.refresh()
        page = open_at(clinic.story, "guide", code)
        page.goto(f"{ORIGIN}/people/{handle(clinic.ada.account)}/card")
        card = page.locator(".emergency")
        with language.use(code):
            assert words.CARD["medicines"] in card.inner_text()
        # In force are two more medicines than these; of each group that many stand here, and how many more there are.
        assert card.locator("li").count() == 3 * MANY + 1
        assert HOW[:60] in card.inner_text()
        page.emulate_media(media="print")
        SCREENS.mkdir(parents=True, exist_ok=True)
        for paper in ("A4", "Letter"):
            made = page.pdf(format=paper, path=SCREENS / f"card-full-{code}-{paper}.pdf")
            assert len(re.findall(rb"/Type\s*/Page\b", made)) == 1, paper
    finally:
        clinic.network.close()
