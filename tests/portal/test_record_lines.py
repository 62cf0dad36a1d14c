"""What the reading of records says is in the language of the page; what a record says stays as it was written."""

import ast
import json
import re
from datetime import datetime
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from medrec.core import records
from medrec.portal import language, words
from medrec.portal.own.entries import GROUPS
from medrec.portal.people import handle
from tests.portal.story import Story

OTHERS = [code for code in language.LANGUAGES if code != language.DEFAULT]
STANDS = ("active", "stopped", "unknown")
SUBJECT = {"reference": "Patient/ada"}
RECORDS: list[dict[str, Any]] = [
    {"resourceType": "AllergyIntolerance", "clinicalStatus": {"coding": [{"code": "active"}]}, "criticality": "high",
     "code": {"text": "Walnutz"}, "reaction": [{"manifestation": [{"text": "Lipz swollen"}], "severity": "moderate"}]},
    {"resourceType": "AllergyIntolerance", "clinicalStatus": {"coding": [{"code": "resolved"}]},
     "verificationStatus": {"coding": [{"code": "unconfirmed"}]}, "code": {"text": "Latexxy"}, "type": "intolerance"},
    {"resourceType": "AllergyIntolerance", "clinicalStatus": {"coding": [{"code": "active"}]},
     "code": {"coding": [{"system": "http://snomed.info/sct", "code": "716186003"}]}},
    {"resourceType": "Condition", "clinicalStatus": {"coding": [{"code": "remission"}]}, "onsetDateTime": "2021-03",
     "abatementDateTime": "2022", "code": {"text": "Quiverz, recurrent, moderate"}},
    {"resourceType": "Condition", "clinicalStatus": {"coding": [{"code": "active"}]},
     "verificationStatus": {"coding": [{"code": "provisional"}]}, "recordedDate": "2024-02-01",
     "code": {"text": "Shiverz"}},
    {"resourceType": "MedicationRequest", "status": "stopped", "intent": "order", "authoredOn": "2024-02-01",
     "medicationCodeableConcept": {"text": "Lisinopril 10 MG Oral Tablet"}, "statusReason": {"text": "Coughz"}},
    {"resourceType": "MedicationRequest", "status": "active", "intent": "order", "authoredOn": "2024-02-01",
     "medicationCodeableConcept": {"text": "Omeprazole 20 MG Delayed Release Oral Capsule"},
     "dosageInstruction": [{"text": "Onze a day"}]},
    {"resourceType": "MedicationStatement", "status": "active", "effectiveDateTime": "2024",
     "medicationCodeableConcept": {"text": "Metformin 500 MG Oral Tablet"}},
    {"resourceType": "DiagnosticReport", "status": "preliminary", "code": {"text": "Panelz"},
     "effectiveDateTime": "2024-05-06", "result": [{"reference": "Observation/a"}, {"reference": "Observation/b"}]},
    {"resourceType": "Observation", "status": "final", "code": {"text": "Testz"}, "effectiveDateTime": "2024-05-06",
     "valueQuantity": {"value": 7, "unit": "zU"}, "interpretation": [{"coding": [{"code": "H"}]}]},
    {"resourceType": "Observation", "status": "final", "code": {"text": "Smokez"}, "effectiveDateTime": "2024-05-06",
     "valueBoolean": True},
    {"resourceType": "Observation", "status": "final", "code": {"text": "Groupz"}, "effectiveDateTime": "2024-05-06",
     "hasMember": [{"reference": "Observation/a"}, {"reference": "Observation/b"}]},
    {"resourceType": "Immunization", "status": "completed", "occurrenceDateTime": "2023-10-11",
     "vaccineCode": {"text": "Fluz"}, "primarySource": False, "protocolApplied": [{"doseNumberPositiveInt": 2}]},
    {"resourceType": "Encounter", "status": "in-progress", "class": {"code": "IMP"},
     "period": {"start": "2024-05-06"}, "reasonCode": [{"text": "Fallz"}]},
    {"resourceType": "Procedure", "status": "not-done", "performedDateTime": "2024-05-06", "code": {"text": "Scopez"},
     "reasonCode": [{"text": "Bleedz"}]},
    {"resourceType": "FamilyMemberHistory", "status": "partial", "date": "2020", "deceasedBoolean": True,
     "relationship": {"coding": [{"display": "mother"}]}, "condition": [{"code": {"text": "Hearz"}}]},
    {"resourceType": "DocumentReference", "status": "superseded", "type": {"text": "Notez"}, "date": "2024-05-06",
     "content": [{"attachment": {"contentType": "text/plain", "data": "V2Vudywgc2luY2UgMjAxOTogd2VsbHo="}}]},
    {"resourceType": "CarePlan", "status": "on-hold", "intent": "plan", "title": "Planz",
     "period": {"start": "2024-05-06"}},
]  # fmt: skip
WRITTEN = ("text", "display", "title", "unit", "name", "family", "given")


def written(value: Any) -> str:
    """What a record says in words of its own."""
    if isinstance(value, dict):
        return " ".join(
            one if name in WRITTEN and isinstance(one, str) else written(one) for name, one in value.items()
        )
    return " ".join(map(written, value)) if isinstance(value, list) else ""


def latin(text: str) -> set[str]:
    """The words of a text that are in Latin letters."""
    return {word.casefold() for word in re.findall(r"[^\W\d_]{2,}", text) if all(sign < "\u0250" for sign in word)}


@pytest.mark.parametrize("code", OTHERS)
def test_no_english_of_ours_reaches_a_page_of_her_record(empty: Story, code: str) -> None:
    """Every word on the pages is one of the catalogue's language, or one that a record or a name has."""
    ada = empty.network.patient("ada", "north")
    node: Any = empty.network["north"]
    data = "Ada North Guide MedRec Wenw since wellz mg"
    for place, record in enumerate(RECORDS):
        kind = record["resourceType"]
        role = "subject" if kind not in ("AllergyIntolerance", "Immunization", "FamilyMemberHistory") else "patient"
        whole = {**record, "id": f"r{place}", role: SUBJECT}
        node.put(kind, f"r{place}", json.dumps(whole))
        data += " " + written(record)
    empty.network.consent(ada, "north", "guide")
    empty.settle()
    guide: Any = empty.network["guide"]
    assert sum(one.records for one in guide.copies.refresh(ada.account)) == len(RECORDS)
    empty.settle()
    own, client = f"/people/{handle(ada.account)}", empty.client("guide")
    known = latin(data) | latin(" ".join(map(str, _texts(code))))
    found: dict[str, set[str]] = {}
    read = 0
    for page in (
        "",
        "/record",
        "/timeline",
        "/list",
        "/summary",
        "/card",
        *(f"/record/kinds/{group}" for group in (*GROUPS, "other")),
    ):
        html = client.get(f"{own}{page}?lang={code}").text
        main = re.sub(r"<code>.*?</code>", "", html.partition("<main")[2].partition(">")[2].partition("</main>")[0])
        text = unescape(re.sub(r"<[^>]+>", " ", main))
        read += len(text)
        for word in latin(text) - known:
            found.setdefault(word, set()).add(page)
    assert found == {}
    assert read > 10_000


def _texts(code: str) -> list[str]:
    texts: list[str] = []
    for text in language.catalogue(code).values():
        texts += [text] if isinstance(text, str) else list(text)
    with language.use(code):
        texts += [str(language.dated(datetime(2024, month, 1), "day")) for month in range(1, 13)]
    return texts


def stands_of_the_core() -> set[str]:
    """Every word for how a record stands that the readers of records have."""
    found = set()
    for file in sorted(Path(records.__file__).parent.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Tuple(elts=[ast.Constant(value=stands), ast.Constant(value=str(reason))]) if stands in STANDS:
                    found.add(reason)
    return found


@pytest.mark.parametrize("code", OTHERS)
def test_every_word_for_how_a_record_stands_is_translated(code: str) -> None:
    stands = stands_of_the_core()
    assert len(stands) > 40 and {"planned", "entered in error"} <= stands
    with language.use(code):
        left = [one for one in sorted(stands) if one and not isinstance(words.line(one), language.Told)]
    assert left == []


def test_a_line_keeps_what_the_record_says_as_it_was_written() -> None:
    with language.use("es"):
        assert words.line("Metformin 500 MG") == "Metformin 500 MG"
        assert (
            words.line("Depression, moderate, since 3 Mar 2012")
            == "\u2068Depression, moderate\u2069, comenzó: 3 de marzo de 2012"
        )
        assert words.line("apixaban 5 mg tablet") == "\u2068apixaban\u2069, comprimido de \u20685 mg\u2069"
        assert words.line("Take 10 tablet") == "Take 10 tablet"
        assert words.line("2 results") == "2 resultados" and words.line("1 result") == "1 resultado"
        assert (
            words.line('Note: begins "active, since 2012"')
            == "\u2068Note\u2069: empieza así: «\u2068active, since 2012\u2069»"
        )
        turned = words.line("active, Anna\u202etxt")
        assert turned == "activo, \u2068Anna\N{REPLACEMENT CHARACTER}txt\u2069"
    with language.use("ar"):
        assert words.line("2 results") == "نتيجتان"
    assert words.line("2 results, active") == "2 results, active"


def test_a_weight_that_nobody_had_is_marked_and_bends_no_chart(empty: Story) -> None:
    ada = empty.network.patient("ada", "north")
    node: Any = empty.network["north"]
    code = {"coding": [{"system": "http://loinc.org", "code": "29463-7", "display": "Body weight"}]}
    for place, weight in enumerate((78, 79, 787)):
        kilograms = {"value": weight, "unit": "kg", "code": "kg", "system": "http://unitsofmeasure.org"}
        record = {
            "resourceType": "Observation", "id": f"w{place}", "status": "final", "subject": SUBJECT, "code": code,
            "effectiveDateTime": f"2024-0{place + 1}-03", "valueQuantity": kilograms,
        }  # fmt: skip
        node.put("Observation", f"w{place}", json.dumps(record))
    empty.network.consent(ada, "north", "guide")
    empty.settle()
    guide: Any = empty.network["guide"]
    guide.copies.refresh(ada.account)
    own, client = f"/people/{handle(ada.account)}", empty.client("guide")
    odd = str(words.NOTES["implausible"])
    for page in ("/timeline", "/record/kinds/results"):
        shown = client.get(own + page).text
        assert shown.count(odd) == 1 and "787 kg" in shown
    (trend,) = re.findall(r'href="([^"]*/record/series/[^"]+)"', shown)
    chart = client.get(trend).text
    assert chart.count(odd) == 1 and "787 kg" in chart.partition("<table>")[2]
    assert "787" not in re.sub(r"<table>.*?</table>", "", chart, flags=re.DOTALL)
    assert "78 kg" in chart.partition("<table>")[0] and "79 kg" in chart.partition("<table>")[0]


def test_several_lines_keep_their_order_in_an_arabic_sentence() -> None:
    said = ["Take 1 tablet", "من Lakeside", "2 results"]
    assert words.list_of(said) == "Take 1 tablet; من Lakeside; 2 results"
    with language.use("ar"):
        told = words.list_of(said)
    assert told == "\u2068Take 1 tablet\u2069؛ \u2068من Lakeside\u2069؛ \u2068نتيجتان\u2069" and isinstance(
        told, language.Told
    )
