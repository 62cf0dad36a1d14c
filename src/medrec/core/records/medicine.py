"""Medicines in their normal form: from a code, or a name, or only words, to ingredients, strengths, form and route.

Where the code and the words of a record name different drugs neither is believed: the line stands on its words
alone, marked, and is merged with nothing.
"""

from typing import Any, NamedTuple

from medrec.core.records import (
    daily,
    datatypes,
    dosage,
    drug_names,
    put,
    ratio,
    said_twice,
    sig,
    strength_words,
    two_names,
    typed_sig,
    units,
    wrong_strength,
)
from medrec.core.records.canonical import Value
from medrec.core.records.datatypes import Concept, concept, many, one, text, untagged
from medrec.core.records.dosage import Directions, amount_in_words
from medrec.core.records.drug_names import Named
from medrec.core.records.general import empty_words, names_nothing
from medrec.core.records.reading import Marks
from medrec.core.records.terms import NDC, RXNORM, UNII, Drug, Terms, cleaned
from medrec.core.records.understood import Coding, MedicineDetail, MedicineKind, NoteCode, PerDay, Strength

_DRUG_SYSTEMS = (RXNORM, NDC, UNII)


class Product(NamedTuple):
    """Which medicine a record names, apart from how it is taken. `in_error`: it is said to have been entered by
    mistake. `may_be`: the ingredients of all that it names, where that is not one medicine and none is believed."""

    concept: Concept
    name: str
    drug: Drug | None
    named: Named
    basis: str
    ingredients: tuple[str, ...]
    strengths: tuple[Strength, ...]
    form: str
    in_error: bool = False
    may_be: tuple[str, ...] = ()


def product(record: Value, marks: Marks) -> Product:
    """The medicine of a request, statement, dispense or administration: coded in it, contained, or referred to."""
    held, own = one(record, "medicationReference"), concept(record, "medicationCodeableConcept")
    if not held:
        return of_concept(own, marks)
    medication = marks.lookup(record, datatypes.pointed(held))
    if not medication:
        found = of_concept(_by_identifier(held), marks)
    else:
        found = of_medication(medication, marks, text(held, "display"))
        found = found._replace(in_error=text(medication, "status") == "entered-in-error")
    told = any(coding.code for coding in own.codings) or not empty_words(own.words)
    return _with_both(found, own, marks) if told else found


def _with_both(found: Product, own: Concept, marks: Marks) -> Product:
    """The medicine of a record that names one itself beside the one that it points at, which FHIR does not allow. The
    one that is known where the other says no more; two that differ are not believed."""
    beside = of_concept(own, Marks(None, marks.around))
    if not found.concept.label:
        return of_concept(own, marks)
    same = {*beside.ingredients} <= {*found.ingredients} if beside.ingredients else False
    if same or cleaned(beside.name) == cleaned(found.name):
        return found
    why = "The record names a medicine and points at another"
    may_be = two_names.all_of(*map(_perhaps, (found, beside)))
    return _unbelieved(found.concept, [found.name, beside.name], may_be, why, marks)._replace(in_error=found.in_error)


def _by_identifier(held: Value) -> Concept:
    """A medicine by the words beside the reference to it; its identifier is its code where it is one of a drug, and its
    name where nothing else is."""
    named = one(held, "identifier")
    system, value = text(named, "system"), text(named, "value")
    codings = (Coding(system, value, ""),) if system in _DRUG_SYSTEMS and value else ()
    return Concept(codings, text(held, "display") or ("" if codings else value))


def of_medication(medication: Value, marks: Marks, called: str = "") -> Product:
    """The medicine that a Medication resource describes; `called` is what the reference to it says. Where that is
    another medicine neither is believed."""
    if called:
        alone = _described(medication, Marks(None, marks.around), "")
        said = drug_names.named(untagged(called), marks.around.terms)
        if said.ingredients and alone.ingredients and not set(said.ingredients) <= set(alone.ingredients):
            why = "The reference and the medicine that it points at name different medicines"
            may_be = two_names.all_of(alone.ingredients, said.ingredients)
            return _unbelieved(alone.concept, [alone.name, untagged(called)], may_be, why, marks)
    return _described(medication, marks, called)


def _described(medication: Value, marks: Marks, called: str) -> Product:
    code = concept(medication, "code")
    # What is no active part of it is no medicine.
    parts = [part for part in many(medication, "ingredient") if datatypes.flag(part, "isActive") is not False]
    if not code.words and (called or not code.codings):
        code = Concept(code.codings, called or " / ".join(_part(part).label for part in parts if _part(part).label))
    found = of_concept(code, marks)
    form = cleaned(untagged(concept(medication, "form").label))
    drugs = [of_concept(_part(part), Marks(None, marks.around)) for part in parts]
    held = two_names.all_of(*map(_perhaps, drugs))
    if held and (found.may_be or two_names.more(held, found.ingredients, marks.around.terms)):
        why, names = "The medicine is called one thing and holds another", [found.name, *(drug.name for drug in drugs)]
        return _unbelieved(code, names, two_names.all_of(_perhaps(found), held), why, marks)
    strengths = _of_parts(parts, drugs, marks)
    wrong_strength.mark(strengths, form, None, marks)
    wrong_strength.mark_other(strengths, found.strengths, marks)
    if not parts or not all(part.ingredients for part in drugs):
        return found._replace(form=found.form or form)
    ingredients = tuple(sorted({code: None for drug in drugs for code in drug.ingredients}))
    if found.ingredients:
        # A name alone ("warfarin") is of as much as its parts hold.
        lent = strengths if found.ingredients == ingredients and not found.strengths else found.strengths
        return found._replace(strengths=lent, form=found.form or form)
    basis = "code" if all(part.basis == "code" for part in drugs) else "name"
    return found._replace(ingredients=ingredients, strengths=strengths, form=form, basis=basis)


def _of_parts(parts: list[dict[str, Value]], drugs: list[Product], marks: Marks) -> tuple[Strength, ...]:
    """What a Medication says that it holds of each part that is one ingredient. Where the unit of an amount says one
    thing and its code another it says nothing."""
    tied = []
    for part, drug in zip(parts, drugs, strict=True):
        apart = said_twice.of_quantity(one(one(part, "strength"), "numerator"), marks.around.terms)
        value, unit = _strength(one(part, "strength"))
        if apart is not None:
            shown = f"{apart.by_word} by its unit, {apart.by_code} by its code"
            marks.add(NoteCode.UNIT_NOT_UNDERSTOOD, f"The strength is {shown}; neither is used.")
        elif value and len(drug.ingredients) == 1:
            tied.append(Strength(drug.ingredients[0], value, unit))
    return tuple(sorted(tied, key=lambda entry: entry.ingredient))


def of_concept(code: Concept, marks: Marks) -> Product:
    """The medicine that a CodeableConcept names."""
    terms = marks.around.terms
    name = untagged(marks.name(code, "medicine"))
    coded = _coded(code, marks)
    drug = _agreed(coded)
    if unclear := strength_words.read_two_ways(code.words):
        shown = f'The number "{unclear}" can be read in two ways; it is used in neither.'
        marks.once(NoteCode.STRENGTH_DIFFERS, shown)
    if coded and drug is None:
        may_be = two_names.all_of(*(one.ingredients for one in coded))
        return _unbelieved(code, [one.name for one in coded], may_be, "The codes name different medicines", marks)
    found = _named(untagged(code.words), drug, terms)
    said = two_names.said_in(untagged(code.words), terms)
    if drug is None and any(two_names.apart(said[0], other, terms) for other in said[1:]):
        return _unbelieved(code, [], two_names.all_of(*said), "The words name different medicines", marks)
    if drug is None and drug_names.of_several(found, terms):
        return _unbelieved(code, [], found.ingredients, "A maker's name for several medicines", marks)
    if drug is None and not found.ingredients:
        found = two_names.of_one(untagged(code.words), terms) or found
    if drug is None:
        one_drug = found.drugs[0] if len(found.drugs) == 1 else None
        strengths = (one_drug.strengths if one_drug is not None else ()) or drug_names.strengths_of(found)
        basis = "name" if found.ingredients else "text"
        if any(coding.code for coding in code.codings) and code.words:
            marks.once(NoteCode.UNKNOWN_CODE, "No table here knows the code of this medicine; it goes by its name.")
        elif basis == "text" and code.words and not names_nothing(code) and not two_names.mentioned_in(name, terms):
            marks.once(NoteCode.NAME_NOT_KNOWN, "No table here knows what this is: no warning goes by it.")
        form = (one_drug.form.lower() if one_drug is not None else "") or found.form
        if one_drug is None or not one_drug.strengths:
            wrong_strength.mark(strengths or _untied(found), form, None, marks)
        return Product(code, name, one_drug, found, basis, found.ingredients, strengths, form)
    # Words for one part of what the code holds are short for it; words for more, or for something else, are not.
    whole = bool(found.ingredients) and not set(found.ingredients) <= set(drug.ingredients)
    if whole or any(two_names.apart(drug.ingredients, other, terms) for other in said):
        marks.add(
            NoteCode.NAME_DIFFERS,
            f'The code says "{drug.name[:80]}", the words say "{name[:80]}"; neither is believed until someone looks.',
        )
        may_be = two_names.all_of(drug.ingredients, found.ingredients, *said)
        return Product(code, name, None, found, "text", (), (), "", may_be=may_be)
    strengths = drug.strengths or drug_names.strengths_of(found)
    written = _untied(found) if drug.strengths else strengths or _untied(found)
    wrong_strength.mark(written, found.form or drug.form.lower(), drug, marks)
    return Product(code, name, drug, found, "code", drug.ingredients, strengths, drug.form.lower() or found.form)


def told_of(dosages: list[dict[str, Value]], found: Product, marks: Marks) -> Directions:
    """The directions of a record; where it has none, those that are typed behind the name of its medicine."""
    words = untagged(found.concept.words)
    if not dosages and words and marks.around.terms.drug_named(words) is None:
        terms = marks.around.terms
        typed = typed_sig.parted(drug_names.without_asides(words, terms), terms).directions
        dosages = [{"text": typed}] if typed else []
    told = dosage.directions(dosages, marks)
    if found.named.stray and found.ingredients:
        told = told._replace(sig=with_stray(found.named.stray, told.sig, marks))
    others = two_names.named_before_a_dose(told.sig, found.ingredients or found.may_be, marks.around.terms)
    if others and not told.over:
        names = ", ".join(marks.around.terms.name(RXNORM, code) or code for code in others)
        if not any(note.code is NoteCode.DOSE_PARTLY for note in marks.notes):
            why = f"The directions name another medicine ({names}); no amount per day is derived."
            marks.add(NoteCode.DOSE_PARTLY, why)
        told = told._replace(dose=None, times_per_day=None, at_most=None, totals=())
    if found.named.aside and found.ingredients:
        told = told._replace(sig=with_aside(found.named.aside, told.sig, marks))
    if told.start is not None:
        marks.dated(told.start, "start of the directions")
    return told


def with_stray(number: str, directions: str, marks: Marks) -> str:
    """Directions behind a number that stood with the name and is understood by nobody ("7" of "Norvasc 7"), so that
    whoever reads the row sees it; marked."""
    marks.add(NoteCode.UNIT_NOT_UNDERSTOOD, f'The number "{number[:40]}" behind the name is not understood.')
    return datatypes.joined(number, directions, by="; ")


def with_aside(words: str, directions: str, marks: Marks) -> str:
    """Directions behind a remark in the name with an amount that is of something else ("was 10 mg"), so that whoever
    reads the row sees it; marked."""
    marks.add(
        NoteCode.UNIT_NOT_UNDERSTOOD, f'The amount in "{words[:80]}" with the name is taken for no strength of it.'
    )
    return datatypes.joined(words, directions, by="; ")


def _untied(found: Named) -> tuple[Strength, ...]:
    """Strengths as words give them, of whichever ingredient."""
    return tuple(Strength("", value, unit) for value, unit in found.strengths)


def _agreed(coded: list[Drug]) -> Drug | None:
    """The drug that all codes of a record are of: that with the most ingredients, if it holds those of all others, and
    of these the first that has a strength. None where they differ, or two give other strengths."""
    most = max(coded, key=lambda one: len(one.ingredients), default=None)
    if most is None or not all(set(one.ingredients) <= set(most.ingredients) for one in coded):
        return None
    whole = [one for one in coded if len(one.ingredients) == len(most.ingredients)]
    strong = [one for one in whole if one.strengths]
    if any(one.strengths != strong[0].strengths for one in strong):
        return None
    return strong[0] if strong else whole[0]


def _perhaps(found: Product) -> tuple[str, ...]:
    return found.ingredients or found.may_be


def _unbelieved(code: Concept, names: list[str], may_be: tuple[str, ...], why: str, marks: Marks) -> Product:
    """A medicine by all that its record calls it, merged with nothing."""
    words = [word for word in (untagged(code.words), *names) if word]
    kept = [word for word in words if not any(word.lower() in other.lower() and word != other for other in words)]
    name = " / ".join({cleaned(word): word for word in kept}.values())
    marks.add(NoteCode.NAME_DIFFERS, f'{why}: "{name[:160]}"; none is believed until someone looks.')
    return Product(code, name, None, Named((), (), "", cleaned(name)), "text", (), (), "", may_be=may_be)


def _named(words: str, drug: Drug | None, terms: Terms) -> Named:
    """What the words say; of a code's very own name there is nothing more to learn."""
    if not words:
        return Named((), (), "", "")
    plain = cleaned(words)
    if drug is not None and plain == cleaned(drug.name):
        return Named((drug,), (), "", plain)
    return drug_names.named(words, terms)


def detail(kind: MedicineKind, found: Product, told: Directions, marks: Marks, **more: object) -> MedicineDetail:
    """The normal form of a medicine as taken by these directions."""
    terms = marks.around.terms
    drug = found.drug
    names = tuple(terms.name(RXNORM, code) or code for code in found.ingredients)
    told_of: dict[str, Any] = {
        "kind": kind,
        "name": found.name,
        "name_cleaned": found.named.rest or cleaned(found.name),
        "basis": "code" if found.basis == "code" else "name" if found.basis == "name" else "text",
        "product": drug.code if drug is not None else "",
        "product_kind": drug.kind if drug is not None else "",
        "generic": _generic(drug),
        "brand": _brand(drug) or next((_brand(one_drug) for one_drug in found.named.drugs if _brand(one_drug)), ""),
        "ingredients": found.ingredients,
        "ingredient_names": names,
        "strengths": found.strengths,
        "form": found.form,
        "route": told.route or put.route(found.form, told.sig),
        "sig": told.sig,
        "dose": told.dose,
        "per_day": _per_day(found, told, marks),
        "times_per_day": told.times_per_day,
        "as_needed": told.as_needed,
        "when": told.when,
        "may_be": found.may_be,
    }
    return MedicineDetail(**(told_of | more))


def key(found: Product) -> str:
    """The same-thing key of a medicine: its ingredients, else its name."""
    if found.ingredients:
        return "medicine/" + "+".join(found.ingredients)
    return "medicine/name|" + (found.named.rest or cleaned(found.name))


def _part(part: Value) -> Concept:
    found = concept(part, "itemCodeableConcept")
    return found if found.codings or found.text else Concept((), text(one(part, "itemReference"), "display"))


def _coded(code: Concept, marks: Marks) -> list[Drug]:
    """The drugs of all codes that the terminology knows, RxNorm before NDC before UNII; of codes with equals in these
    only where it knows none of them."""
    terms = marks.around.terms
    direct = [
        found
        for system in _DRUG_SYSTEMS
        for coding in code.codings
        if coding.system == system and (found := terms.drug(system, coding.code)) is not None and found.ingredients
    ]
    if direct:
        return list(dict.fromkeys(direct))
    for coding in code.codings:
        for system, equal in terms.equivalents(coding.system, coding.code):
            if system in _DRUG_SYSTEMS and (found := terms.drug(system, equal)) is not None:
                return [found]
    return []


def _brand(drug: Drug | None) -> str:
    """The brand of a product; words may name one ("Ativan") beside the code of the drug itself."""
    if drug is None:
        return ""
    return drug.brand or (drug.name if drug.kind == "BN" else "")


def _generic(drug: Drug | None) -> str:
    if drug is None:
        return ""
    return drug.generic or (drug.code if drug.kind == "SCD" else "")


def _strength(held: Value) -> tuple[str, str]:
    """A Ratio as a value and a UCUM unit: 5 g / 100 g is 0.05 g/g."""
    above, below = datatypes.quantity(one(held, "numerator")), datatypes.quantity(one(held, "denominator"))
    if above is None or above.low == "":
        return "", ""
    number, over = ratio.ratio_of(above.low), ratio.ratio_of(below.low if below is not None else "1")
    if number is None or over is None or not over.numerator:
        return "", ""
    unit = sig.unit_word(above.unit)
    under = sig.unit_word(below.unit) if below is not None else ""
    measured = under in ("mL", "L", "mg", "g", "h")
    return ratio.written(ratio.over(number, over)), f"{unit}/{under}" if measured else unit


def _per_day(found: Product, told: Directions, marks: Marks) -> PerDay | None:
    """What the directions come to in a day, and a note where nobody knows the unit."""
    terms = marks.around.terms
    wrong = next((total for total in told.totals if daily.contradicts(total, found.strengths, terms)), None)
    if wrong is not None:
        said, of = amount_in_words(wrong.amount), amount_in_words(wrong.of)
        marks.add(NoteCode.TOTAL_DIFFERS, f"The directions say {said} for {of}; this product holds another amount.")
        return None
    a_day = daily.of(found.ingredients, found.strengths, found.form, told, terms)
    if a_day is None and told.dose is not None and not told.dose.unit and told.times_per_day is not None:
        marks.add(NoteCode.DOSE_PARTLY, "The directions do not say of what so many are to be taken.")
    unit = a_day.dose.unit if a_day is not None else ""
    if unit and unit not in sig.WORDS and units.unit(unit, terms) is None:
        marks.add(NoteCode.UNIT_NOT_UNDERSTOOD, f'The unit "{unit[:40]}" of the dose is not known.')
    return a_day


def codings_of(found: Product) -> tuple[Coding, ...]:
    """The codes of the medicine as the record has them."""
    return tuple(coding for coding in found.concept.codings if coding.code)
