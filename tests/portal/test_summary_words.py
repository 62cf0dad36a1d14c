"""The summary to print speaks the reader's language, also where it has nothing to say; its file speaks English."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from medrec.portal.people import handle
from tests.node.test_lists import Clinic
from tests.portal.reading import text_of


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    made = Clinic(tmp_path)
    yield made
    made.network.close()


def test_every_word_beside_the_records_is_the_readers(clinic: Clinic) -> None:
    clinic.network.time += 60_000
    clinic.say("like-this", clinic.row("metformin"), words="1 tab daily")
    path = f"/people/{handle(clinic.ada.account)}/summary"
    client = clinic.story.client("guide")
    english, spanish = (text_of(client.get(path, headers={"accept-language": code}).text) for code in ("en", "es"))
    assert "No information about allergies." in english and " a day" in english and "from North" in english
    assert "Sin datos de alergias." in spanish and " al día" in spanish and "usted" in spanish
    for word in ("No information", " a day", "the patient", "from ", "dose not said"):
        assert word not in spanish.split("lisinopril")[-1], word
