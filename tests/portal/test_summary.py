"""The patient summary to print: what the places say; nothing before anything was read; the same as a FHIR document."""

import re
from pathlib import Path
from typing import Any

from medrec.portal import words
from medrec.portal.people import handle
from tests.node.test_lists import Clinic
from tests.portal.reading import text_of
from tests.portal.story import Story


def test_the_page_and_the_file_say_the_same(told: Story) -> None:
    person: Any = told.person  # type: ignore[attr-defined]
    client = told.client("guide")
    address = f"/people/{handle(person.account)}/summary"
    page = client.get(address)
    assert page.status_code == 200 and words.SUMMARY["medicines"] in page.text
    document = client.get(f"/people/{handle(person.account)}/summary.fhir.json")
    assert document.headers["content-type"].startswith("application/fhir+json")
    bundle = document.json()
    assert bundle["type"] == "document" and bundle["entry"][0]["resource"]["resourceType"] == "Composition"
    lines = re.findall(r"<li>(.*?)</li>", bundle["entry"][0]["resource"]["section"][0]["text"]["div"])
    assert lines
    for line in lines:
        assert line.split(";")[0] in page.text
    # Paper never says "just now".
    assert "just now" not in page.text and re.search(r"Made <time[^>]*>\d+ \w+ 20\d\d at", page.text)


def test_before_anything_was_read_it_says_that_nothing_is_known(empty: Story) -> None:
    person = empty.network.patient("ada")
    page = empty.client("guide").get(f"/people/{handle(person.account)}/summary")
    assert page.status_code == 200 and "No information about allergies" in page.text
    assert "No known" not in page.text


def test_places_that_disagree_are_called_by_their_names(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    try:
        html = text_of(clinic.story.client("guide").get(f"/people/{handle(clinic.ada.account)}/summary").text)
        names = {one.id: one.name for one in clinic.guide.directory.organisations()}
    finally:
        clinic.network.close()
    assert f"(from {names['north']})" in html and f"(from {names['south']})" in html
    assert names["north"] != "north" and "(from north)" not in html


def test_nobody_reads_the_summary_of_another_person(told: Story) -> None:
    for path in ("summary", "summary.fhir.json"):
        assert told.client("guide").get(f"/people/{'0' * 16}/{path}").status_code == 404
