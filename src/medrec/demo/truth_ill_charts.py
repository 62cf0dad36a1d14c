"""What three to five places write down about a person's problems and allergies, each knowing a part, in its own habits.

Codes of ICD-10-CM, SNOMED CT, both, a place's own, or words with slips; sides coded, said or forgotten; onsets exact,
by year, off or missing; ends that one side hears of; "history of", suspicions that another place refutes; allergies by
substance, by class or typed, refuted at one place; "none known" in codes and two languages; copies of copies.
"""

import json
import random
from dataclasses import dataclass, field
from typing import Any

from medrec.core.records.terms import ICD10CM, RXNORM, SNOMED, Terms
from medrec.demo.truth_history import DAY, TODAY_MS, Products
from medrec.demo.truth_ills import Allergy, Illness, Ills, Trouble
from medrec.demo.truth_writing import day

LOCAL = "https://problems.example/items"
PARENTS = {
    "Condition": {"system": SNOMED, "code": "64572001", "display": "Disease"},
    "AllergyIntolerance": {"system": SNOMED, "code": "416098002", "display": "Allergy to drug"},
    "": {"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": "unknown"},
}
"""Codes that say nothing in particular, beside words that do."""
HABITS = (("both", 38), ("icd", 18), ("snomed", 20), ("typed", 14), ("local", 10))
SIDES = {"left": ("7771000", "left", "L", "2"), "right": ("24028007", "right", "R", "1")}
NO_PROBLEMS = (
    ({"coding": [{"system": SNOMED, "code": "160245001"}]}), {"text": "No known problems"},
    {"text": "Sin problemas conocidos"},
)  # fmt: skip
NO_ALLERGIES = (
    {"coding": [{"system": SNOMED, "code": "716186003"}], "text": "Sin alergias conocidas"}, {"text": "NKDA"},
    {"text": "No known allergies"}, {"coding": [{"system": SNOMED, "code": "409137002"}]},
)  # fmt: skip


@dataclass(frozen=True)
class Noted:
    """A record as a place has it, and in truth: what it is about (records that are about one thing share `about`), and
    what it would be if it is so today; empty for the past, for suspicions and for "none known"."""

    source: str
    type: str
    id: str
    raw: bytes
    signed: int
    updated: int
    about: str
    today: str


@dataclass
class IllChart:
    """Everything that all places have written, and what is so today in truth, as far as somebody wrote of it."""

    ills: Ills
    noted: list[Noted] = field(default_factory=list)
    today: dict[str, None] = field(default_factory=dict)


@dataclass(frozen=True)
class _Place:
    id: str
    knows: float
    hears: float
    habit: str
    last: int


@dataclass
class _Draft:
    type: str
    body: dict[str, Any]
    about: str
    today: str
    when: int


def ill_chart(ills: Ills, products: Products, terms: Terms) -> IllChart:
    """What the places write; the same person gives the same chart."""
    dice = random.Random(f"ill places {ills.key}")  # noqa: S311 (invented people, not secrets)
    names, weights = zip(*HABITS, strict=True)
    places = [
        _Place(
            f"place-{number}",
            dice.uniform(0.45, 0.95),
            dice.uniform(0.6, 0.95),
            dice.choices(names, weights)[0],
            TODAY_MS - dice.randint(1, 500) * DAY,
        )
        for number in range(dice.choice((3, 4, 4, 5)))
    ]
    write = _Writer(dice, products, terms)
    made = {place.id: write.place(place, ills) for place in places}
    _forward(dice, places, made)
    found = IllChart(ills)
    for number, place in enumerate(places):
        for count, draft in enumerate(made[place.id]):
            touched = dice.randint(draft.when // DAY, TODAY_MS // DAY) * DAY if dice.random() < 0.06 else draft.when
            meta = {"versionId": "1", "lastUpdated": f"{day(touched)}T12:00:00Z"}
            body = draft.body | {"id": f"{place.id}-{count}", "meta": meta}
            signed = touched + 3_600_000 * (13 + number)
            raw = json.dumps(body).encode()
            found.noted.append(Noted(place.id, draft.type, body["id"], raw, signed, touched, draft.about, draft.today))
    so = {f"{t.illness.id}|{t.side}" for t in ills.troubles if t.now}
    so |= {name for allergy in ills.allergies if allergy.now for name in _called(allergy) if name}
    found.today = dict.fromkeys(sorted({note.today for note in found.noted if note.today} & so))
    return found


def _called(allergy: Allergy) -> tuple[str, str]:
    klass = allergy.allergen.klass
    return f"allergy {allergy.allergen.id}", f"allergy class {klass[0].lower()}" if klass else ""


class _Writer:
    """The hand of one place after the other."""

    def __init__(self, dice: random.Random, products: Products, terms: Terms) -> None:
        self._dice, self._products, self._terms = dice, products, terms

    def place(self, place: _Place, ills: Ills) -> list[_Draft]:
        """All that a place has about a person, oldest first."""
        dice = self._dice
        drafts: list[_Draft] = []
        for trouble in ills.troubles:
            if dice.random() < place.knows:
                drafts += self._trouble(place, trouble)
        never = [illness for illness in ills.words.illnesses if illness not in [t.illness for t in ills.troubles]]
        suspected = random.Random(f"suspected {ills.key}")  # noqa: S311 (the same for all places)
        illness, first = suspected.choice(never), TODAY_MS - suspected.randint(300, 1500) * DAY
        if suspected.random() < 0.2 and dice.random() < 0.6:
            drafts.append(self._suspected(place, illness, first))
        if not drafts and dice.random() < 0.4:
            drafts.append(self._none("Condition", NO_PROBLEMS, place))
        allergies = [
            draft for one in ills.allergies if dice.random() < place.knows for draft in self._allergy(place, one)
        ]
        if not allergies and dice.random() < 0.5:
            allergies.append(self._none("AllergyIntolerance", NO_ALLERGIES, place))
        return [draft for draft in sorted([*drafts, *allergies], key=lambda one: one.when) if draft.when <= TODAY_MS]

    def _trouble(self, place: _Place, trouble: Trouble) -> list[_Draft]:
        dice, illness = self._dice, trouble.illness
        over = trouble.end if trouble.end is not None and trouble.end < TODAY_MS else None
        seen = trouble.onset + (dice.randint(0, 10) if illness.passing else dice.randint(0, 500)) * DAY
        if over is not None and seen >= over:
            seen = trouble.onset + dice.randint(0, max(0, (over - trouble.onset) // DAY - 1)) * DAY
        heard = over is not None and dice.random() < place.hears
        found = []
        if heard and illness.past[1] and dice.random() < 0.3:
            found.append(self._past(place, trouble, over or seen))
            if dice.random() < 0.5:
                return found
        side, code = self._code(place, illness, trouble.side)
        body = {
            "resourceType": "Condition",
            "code": code,
            "recordedDate": day(seen),
            **side,
            **self._onset(trouble, seen),
        }
        when = seen
        if heard and over is not None:
            body["clinicalStatus"] = _clinical("resolved" if dice.random() < 0.85 else "inactive")
            if dice.random() < 0.75:
                body["abatementDateTime"] = day(over)
            when = over + dice.randint(0, 120) * DAY
        else:
            body["clinicalStatus"] = _clinical("active")
            # A list that is gone through at a visit: the record says again what it says.
            if over is None and dice.random() < 0.3:
                when = max(seen, place.last)
        return [
            *found,
            _Draft("Condition", body | SUBJECT, trouble.id, f"{illness.id}|{trouble.side}", min(when, TODAY_MS)),
        ]

    def _past(self, place: _Place, trouble: Trouble, over: int) -> _Draft:
        dice = self._dice
        code, words = trouble.illness.past
        text = dice.choice((f"History of {words}", f"Hx of {words}", f"h/o {words}"))
        concept: dict[str, Any] = {"text": text}
        if code and place.habit in ("both", "icd"):
            concept["coding"] = [{"system": ICD10CM, "code": code, "display": self._terms.name(ICD10CM, code) or text}]
        recorded = min(over + dice.randint(30, 700) * DAY, TODAY_MS)
        body = {"resourceType": "Condition", "code": concept, "recordedDate": day(recorded)}
        status = _clinical(dice.choice(("active", "active", "resolved")))
        about = f"{trouble.illness.id}|history"
        return _Draft("Condition", body | {"clinicalStatus": status} | SUBJECT, about, "", recorded)

    def _suspected(self, place: _Place, illness: Illness, first: int) -> _Draft:
        dice = self._dice
        refuted = dice.random() < 0.5
        when = first + (dice.randint(20, 200) if refuted else dice.randint(0, 10)) * DAY
        side, code = self._code(place, illness, "left" if illness.sided else "")
        body = {"resourceType": "Condition", "code": code, "recordedDate": day(when), **side, **SUBJECT}
        word = "refuted" if refuted else "provisional"
        body["verificationStatus"] = {"coding": [{"code": word}]}
        if not refuted:
            body["clinicalStatus"] = _clinical("active")
        return _Draft(
            "Condition", body, f"suspected {illness.id}", f"{illness.id}|{'left' if illness.sided else ''}", when
        )

    def _none(self, kind: str, said: tuple[Any, ...], place: _Place) -> _Draft:
        code = self._dice.choice(said)
        person = {"patient": SUBJECT["subject"]} if kind == "AllergyIntolerance" else SUBJECT
        body = {
            "resourceType": kind,
            "code": code,
            "clinicalStatus": _clinical("active"),
            "recordedDate": day(place.last),
        }
        return _Draft(kind, body | person, "", "", place.last)

    def _onset(self, trouble: Trouble, seen: int) -> dict[str, str]:
        kind = self._dice.random()
        if kind < 0.45:
            return {"onsetDateTime": day(trouble.onset)}
        if kind < 0.6:
            return {"onsetDateTime": day(trouble.onset)[:4]}
        if kind < 0.75:
            off = trouble.onset + self._dice.randint(-60, 60) * DAY
            return {"onsetDateTime": day(min(off, seen))}
        return {}

    def _code(self, place: _Place, illness: Illness, side: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """bodySite or nothing, and the code, in a place's habit."""
        dice, terms = self._dice, self._terms
        habit = place.habit if dice.random() < 0.85 else dice.choices(*zip(*HABITS, strict=True))[0]
        said = side if side and dice.random() < 0.88 else ""
        icd = illness.icd.replace("{}", SIDES[said][3] if said else "9" if illness.sided else "")
        codings = {
            "icd": {
                "system": ICD10CM,
                "code": icd,
                "display": illness.title(said) or terms.name(ICD10CM, icd) or _called_in_icd(illness, said),
            },
            "snomed": {"system": SNOMED, "code": illness.snomed, "display": illness.name},
            "local": {"system": LOCAL, "code": str(sum(map(ord, illness.name)) * 7919 % 100_000)},
        }
        if habit in ("both", "snomed") and not illness.snomed:
            habit = "icd"
        chosen = {"both": ("snomed", "icd"), "icd": ("icd",), "snomed": ("snomed",), "local": ("local",)}.get(habit, ())
        typed = self._typed(illness.typed, said)
        concept: dict[str, Any] = {"coding": [codings[name] for name in chosen]} if chosen else {}
        kind = dice.random()
        if not chosen or habit == "local" or kind < 0.25:
            concept["text"] = typed
        elif kind < 0.85:
            concept["text"] = codings[chosen[0]]["display"]
        site: dict[str, Any] = {}
        if habit == "typed" and dice.random() < 0.25:
            concept["coding"] = [PARENTS[dice.choice(("Condition", ""))]]
        if said and habit == "icd" and dice.random() < 0.35:
            # The problem list's words, and the side in the code alone.
            concept["text"] = dice.choice(illness.typed)
            del concept["coding"][0]["display"]
        if said and habit in ("snomed", "both"):
            qualifier = {"coding": [{"system": SNOMED, "code": SIDES[said][0], "display": said.title()}]}
            site = {"bodySite": [qualifier]}
        return site, concept

    def _typed(self, names: tuple[str, ...], side: str) -> str:
        dice = self._dice
        name = dice.choice(names)
        if len(name) > 5 and dice.random() < 0.015:
            at = dice.randrange(1, len(name) - 1)
            name = name[:at] + name[at + 1 :]
        name = dice.choice((name, name, name, name.lower(), name[0].upper() + name[1:]))
        word = dice.choice((side, side.title(), f"{side[:1]}t")) if side else ""
        return dice.choice((f"{word} {name}", f"{name}, {word}")) if word else name

    def _allergy(self, place: _Place, allergy: Allergy) -> list[_Draft]:
        dice, allergen = self._dice, allergy.allergen
        substance, klass = _called(allergy)
        by_class = bool(klass) and dice.random() < 0.22
        name = dice.choice(allergen.klass if by_class else allergen.typed)
        concept: dict[str, Any] = {"text": name}
        if not by_class and place.habit in ("both", "icd", "snomed") and allergen.ingredient:
            code = self._products.codes[allergen.id]
            concept = {"coding": [{"system": RXNORM, "code": code, "display": allergen.id}], "text": name}
        elif not by_class and place.habit in ("both", "snomed") and allergen.snomed:
            concept = {"coding": [{"system": SNOMED, "code": allergen.snomed, "display": allergen.typed[0].title()}]}
        else:
            if len(name) > 5 and dice.random() < 0.015:
                name = name[:2] + name[3:]
            form = dice.choice(("{}", "{}", "{} allergy", "allergic to {}", "Allergy to {}"))
            concept["text"] = form.format(name)
            if allergen.ingredient and dice.random() < 0.15:
                concept["coding"] = [PARENTS[dice.choice(("AllergyIntolerance", ""))]]
        when = allergy.since + dice.randint(0, 900) * DAY
        body: dict[str, Any] = {"resourceType": "AllergyIntolerance", "code": concept, "patient": SUBJECT["subject"]}
        tested = allergy.tested
        if tested is not None and dice.random() < 0.55 and when < TODAY_MS:
            when = min(tested + dice.randint(0, 90) * DAY, TODAY_MS)
            body["verificationStatus"] = {"coding": [{"code": "refuted"}]}
        else:
            when = min(when, tested - DAY) if tested is not None else when
            body["clinicalStatus"] = _clinical("active")
            body["criticality"] = "high" if allergy.high else dice.choice(("low", "unable-to-assess"))
            if allergy.reaction and dice.random() < 0.6:
                body["reaction"] = [{"manifestation": [{"text": allergy.reaction}]}]
        about = klass if by_class else substance
        return [_Draft("AllergyIntolerance", body | {"recordedDate": day(when)}, about, about, when)]


SUBJECT = {"subject": {"reference": "Patient/p"}}


def _called_in_icd(illness: Illness, side: str) -> str:
    """As ICD-10-CM names things that the terminology at hand does not hold: the side stands in the name."""
    return f"{illness.name}, {side or 'unspecified side'}" if illness.sided else illness.name


def _clinical(code: str) -> dict[str, Any]:
    return {"coding": [{"code": code}]}


def _forward(dice: random.Random, places: list[_Place], made: dict[str, list[_Draft]]) -> None:
    """One place sends some of what it has to another, which keeps it as it came; a third gets these copies."""
    line = dice.sample(places, k=3)
    if dice.random() < 0.55:
        return
    before = made[line[0].id]
    for place in line[1:]:
        copies = [draft for draft in before if draft.about and dice.random() < 0.6]
        made[place.id] = [*made[place.id], *copies]
        before = copies
        if dice.random() < 0.5:
            break
