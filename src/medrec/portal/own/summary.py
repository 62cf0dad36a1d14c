"""The patient summary to print: what the lists say, and who says so, on paper or as a file for another hospital."""

from typing import TYPE_CHECKING, Any

from medrec.node.fhir import bundle, summary_parts
from medrec.node.fhir.summary_own import own_made, own_summary
from medrec.node.fhir.summary_words import PHRASES, Said
from medrec.node.right_person import not_hers
from medrec.portal import render, words
from medrec.portal.own.lists import held_elsewhere
from medrec.portal.own.whose import Whose, kinds_of, whose
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
    who, kinds = whose(node, visit, heeds_kinds=True), kinds_of(visit)
    # The page speaks the reader's language; the file for another hospital speaks English.
    made = own_made(node, who.account, kinds, _phrases(), lambda ms: render.day(ms).striptags(), with_receipts=False)
    known, names = node.lists.proofs(who.account), {one.id: one.name for one in node.directory.organisations()}
    # The page of one list leads to each line by itself; here each thing that was signed stands once behind its entry.
    proofs = {
        place: [
            {"href": visit.link("line", person=who.handle, tag=tag), "by": names.get(teller, teller)}
            for tag, teller in (known[one] for one in dict.fromkeys(behind) if one in known)
        ]
        for place, behind in made.signed.items()
    }
    patient = made.bundle["entry"][1]["resource"]
    return {
        "handle": who.handle,
        "name": summary_parts.called(patient) or who.name,
        "born": render.known_date(patient.get("birthDate", "")),
        "sections": [
            _section(section, made.said, proofs) for section in made.bundle["entry"][0]["resource"]["section"]
        ],
        "missing": [] if kinds else _missing(node, visit, who),
        "file": visit.link("summary_file", person=who.handle),
        "made": render.date(visit.now),
    }


def _phrases() -> dict[str, str]:
    """The words of the summary in the reader's language, those of the list where it has them."""
    return {
        name: str(
            words.SUMMARY.get(f"says_{name}") or words.ONE_LIST.get(name) or words.NOTES[name.removeprefix("note_")]
        )
        for name in PHRASES
    }


def _missing(node: "Node", visit: Visit, who: Whose) -> list[Any]:
    """What is in no line, in sentences: then "none" is not that there is none."""
    shown, strangers = node.lists.of(who.account), not_hers.known(node, who.account).strangers
    said = held_elsewhere(node, who)
    said += [render.say(words.SUMMARY["stranger"], place=who.place(name)) for name in sorted(strangers)]
    counts = {"unread": len(shown.unread), "in_part": len(shown.in_part)}
    return said + [render.say(words.ONE_LIST[name], count=count) for name, count in counts.items() if count]


def download(node: "Node", visit: Visit) -> File:
    """The same as a FHIR document."""
    who = whose(node, visit, heeds_kinds=True)
    return File(
        bundle.encode(own_summary(node, who.account, kinds_of(visit))), bundle.JSON, "patient-summary.fhir.json"
    )


def _section(section: dict[str, Any], said: dict[str, Said], proofs: dict[str, list[dict[str, str]]]) -> dict[str, Any]:
    code = section["code"]["coding"][0]["code"]
    lines = []
    for entry in section["entry"]:
        one = said[entry["reference"]]
        rest = words.list_of(["", *one.parts]) if one.parts else ""
        line = {"name": words.line(one.name), "rest": rest, "marks": one.marks}
        lines.append(line | {"proofs": proofs.get(entry["reference"], [])})
    return {"title": words.SUMMARY[_TITLES[code]], "lines": lines}
