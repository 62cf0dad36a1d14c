"""Charts in the words that hospitals really type, where a code alone misleads: a split beside the other.

Of each chart of `ill_chart` some records of one side say it by a letter or in Spanish alone, under a code of no side;
and some places write down, under the very code of an illness that the person has or had, that a relative has it, that
it was denied or ruled out, or that somebody only thought of it. The forms are triggers of NegEx and ConText (PMC
2757457) and the sides as problem lists abbreviate them; none of them is true of the person today.
"""

import json
import random
from dataclasses import replace
from typing import Any

from medrec.core.records.terms import ICD10CM, SNOMED, Terms
from medrec.demo.truth_history import DAY, TODAY_MS, Products
from medrec.demo.truth_ill_charts import SIDES, SUBJECT, IllChart, Noted, ill_chart
from medrec.demo.truth_ills import ILLNESSES, Illness, Ills
from medrec.demo.truth_writing import day

LETTERS = ("{name} ({side})", "{name}, {side}", "{side} {name}", "{name} {side}.", "{side}-sided {name}")
SPANISH = {"left": ("{name} izquierda", "{name} izq."), "right": ("{name} derecha", "{name} dcha.")}
STANDINGS = {
    "family": ("FH: {}", "FHx {}", "Family history of {}", "family hx of {}", "mother had {}", "{} (father)"),
    "denied": ("No {}", "Denies {}", "{} ruled out", "negative for {}", "No evidence of {}", "pt denies {}"),
    "uncertain": ("? {}", "r/o {}", "Rule out {}", "possible {}", "suspected {}", "{}?", "screening for {}"),
}
_BY_ID = {illness.id: illness for illness in ILLNESSES}


def hard_chart(ills: Ills, products: Products, terms: Terms) -> IllChart:
    """The chart of a person with these records in it; the same person gives the same chart."""
    dice = random.Random(f"hard words {ills.key}")  # noqa: S311 (invented people, not secrets)
    found = ill_chart(ills, products, terms)
    noted = [_abbreviated(note, dice) for note in found.noted]
    sources = sorted({note.source for note in found.noted})
    had = [trouble.illness for trouble in ills.troubles]
    for number, illness in enumerate(had):
        for standing, forms in STANDINGS.items():
            for place in sources:
                if dice.random() < 0.12:
                    noted.append(_said(place, number, standing, dice.choice(forms), illness, dice))
    return replace(found, noted=noted)


def _abbreviated(note: Noted, dice: random.Random) -> Noted:
    """A record whose side stands in a letter, or in Spanish, and nowhere else."""
    name, _, side = note.today.partition("|")
    if note.type != "Condition" or side not in SIDES or name not in _BY_ID or dice.random() > 0.3:
        return note
    body: dict[str, Any] = json.loads(note.raw)
    if body.get("verificationStatus") or not _says(body, side):
        return note
    illness = _BY_ID[name]
    form = dice.choice((*LETTERS, *SPANISH[side]))
    body.pop("bodySite", None)
    body["code"]["text"] = form.format(name=dice.choice(illness.typed), side=SIDES[side][2])
    for coding in body["code"].get("coding", ()):
        if coding.get("system") == ICD10CM:
            coding["code"] = illness.icd.replace("{}", "9")
            coding.pop("display", None)
    return replace(note, raw=json.dumps(body).encode())


def _says(body: dict[str, Any], side: str) -> bool:
    """Whether a record says its side anywhere."""
    return side in json.dumps(body).lower() or SIDES[side][3] in "".join(
        coding.get("code", "")[-1:] for coding in body["code"].get("coding", ()) if coding.get("system") == ICD10CM
    )


def _said(place: str, number: int, standing: str, form: str, illness: Illness, dice: random.Random) -> Noted:
    """A relative's, denied or suspected illness under the code of the person's own."""
    system = dice.choice((ICD10CM, SNOMED))
    code = illness.snomed if system == SNOMED else illness.icd.replace("{}", "9")
    when = TODAY_MS - dice.randint(1, 900) * DAY
    body = {
        "resourceType": "Condition",
        "id": f"{place}-said-{number}-{standing}",
        "meta": {"versionId": "1", "lastUpdated": f"{day(when)}T12:00:00Z"},
        "code": {"coding": [{"system": system, "code": code}], "text": form.format(dice.choice(illness.typed))},
        "clinicalStatus": {"coding": [{"code": dice.choice(("active", "active", "resolved"))}]},
        "recordedDate": day(when),
        **SUBJECT,
    }
    about = f"{standing} {illness.id}"
    return Noted(place, "Condition", str(body["id"]), json.dumps(body).encode(), when + 3_600_000, when, about, "")
