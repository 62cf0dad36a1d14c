"""The patient summary to print: what the lists say, and who says so, on paper or as a file for another hospital."""

from html import unescape
from typing import TYPE_CHECKING, Any

from medrec.node.fhir import bundle
from medrec.node.fhir.summary import PHRASES
from medrec.node.fhir.summary_own import own_summary
from medrec.portal import render, words
from medrec.portal.own.whose import kinds_of, whose
from medrec.portal.page import File, Visit

if TYPE_CHECKING:
    from medrec.node.node import Node

_TITLES = {
    "10160-0": "medicines",
    "48765-2": "allergies",
    "11450-4": "problems",
    "11348-0": "past",
    "11369-6": "vaccines",
}


def show(node: "Node", visit: Visit) -> dict[str, Any]:
    """The values of own/summary.html."""
    who = whose(node, visit, heeds_kinds=True)
    # The page speaks the reader's language; the file for another hospital speaks English.
    phrases = {name: str(words.SUMMARY[f"says_{name}"]) for name in PHRASES}
    made = own_summary(node, who.account, kinds_of(visit), phrases, with_receipts=False)
    patient = made["entry"][1]["resource"]
    return {
        "handle": who.handle,
        "name": _name(patient) or who.name,
        "born": render.known_date(patient.get("birthDate", "")),
        "sections": [_section(section) for section in made["entry"][0]["resource"]["section"]],
        "file": visit.link("summary_file", person=who.handle),
        "made": render.date(visit.now),
    }


def download(node: "Node", visit: Visit) -> File:
    """The same as a FHIR document."""
    who = whose(node, visit, heeds_kinds=True)
    return File(
        bundle.encode(own_summary(node, who.account, kinds_of(visit))), bundle.JSON, "patient-summary.fhir.json"
    )


def _section(section: dict[str, Any]) -> dict[str, Any]:
    items = section["text"]["div"].split("<li>")[1:]
    code = section["code"]["coding"][0]["code"]
    return {"title": words.SUMMARY[_TITLES[code]], "lines": [unescape(item.split("</li>")[0]) for item in items]}


def _name(patient: dict[str, Any]) -> str:
    name = patient["name"][0]
    return str(name.get("text") or " ".join((*name.get("given", ()), name.get("family", ""))).strip())
