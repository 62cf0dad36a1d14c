"""The patient summary to print: what the lists say, and who says so, on paper or as a file for another hospital."""

from html import unescape
from typing import TYPE_CHECKING, Any

from medrec.node.fhir import bundle
from medrec.node.fhir.summary import PHRASES
from medrec.node.fhir.summary_own import own_made, own_summary
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
    made, signed = own_made(node, who.account, kinds_of(visit), phrases, with_receipts=False)
    known, names = node.lists.proofs(who.account), {one.id: one.name for one in node.directory.organisations()}
    # The page of one list leads to each line by itself; here each thing that was signed stands once behind its entry.
    proofs = {
        place: [
            {"href": visit.link("line", person=who.handle, tag=tag), "by": names.get(teller, teller)}
            for tag, teller in (known[one] for one in dict.fromkeys(behind) if one in known)
        ]
        for place, behind in signed.items()
    }
    patient = made["entry"][1]["resource"]
    return {
        "handle": who.handle,
        "name": _name(patient) or who.name,
        "born": render.known_date(patient.get("birthDate", "")),
        "sections": [_section(section, proofs) for section in made["entry"][0]["resource"]["section"]],
        "file": visit.link("summary_file", person=who.handle),
        "made": render.date(visit.now),
    }


def download(node: "Node", visit: Visit) -> File:
    """The same as a FHIR document."""
    who = whose(node, visit, heeds_kinds=True)
    return File(
        bundle.encode(own_summary(node, who.account, kinds_of(visit))), bundle.JSON, "patient-summary.fhir.json"
    )


def _section(section: dict[str, Any], proofs: dict[str, list[dict[str, str]]]) -> dict[str, Any]:
    items = section["text"]["div"].split("<li>")[1:]
    code = section["code"]["coding"][0]["code"]
    lines = [
        _parts(unescape(item.split("</li>")[0])) | {"proofs": proofs.get(entry["reference"], [])}
        for item, entry in zip(items, section["entry"], strict=True)
    ]
    return {"title": words.SUMMARY[_TITLES[code]], "lines": lines}


def _parts(line: str) -> dict[str, Any]:
    """What a line is about, and what it says of it."""
    name, *rest = (part.strip() for part in line.split(";"))
    return {"name": words.line(name), "rest": words.list_of(["", *rest]) if rest else ""}


def _name(patient: dict[str, Any]) -> str:
    name = patient["name"][0]
    return str(name.get("text") or " ".join((*name.get("given", ()), name.get("family", ""))).strip())
