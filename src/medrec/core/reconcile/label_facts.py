"""What labels say: pairs that are not to be taken together, and the most of a day. Short, written by hand.

Each row names the section of the U.S. prescribing information (published on DailyMed and in openFDA's `drug/label`)
that says so: section 4 is Contraindications, section 2 Dosage and Administration. It is help for a conversation and
no order; a pair or a drug that is not here says nothing.
`a` and `b` are an RxNorm ingredient ("RX:36567") or a class of the terminology ("XG:statins").
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

Level = Literal["contraindicated", "boxed warning"]


class Pair(NamedTuple):
    """Two that the label of one of them says not to take together; `effect` in plain words."""

    a: str
    b: str
    level: Level
    effect: str
    source: str


class Ceiling(NamedTuple):
    """The most of an ingredient that its label gives an adult in a day, and where it says so. `far`: more than so many
    times that is told of (numerator, denominator)."""

    ingredient: str
    name: str
    most: str
    unit: str
    source: str
    far: tuple[int, int] = (3, 2)


class Weekly(NamedTuple):
    """What is taken once a week: every day by mistake it has killed."""

    ingredient: str
    source: str


class Crossing(NamedTuple):
    """Medicines, and classes as such, of which the label of one says that it is not for whoever is allergic to another;
    the drug classes of the terminology do not join them."""

    name: str
    ingredients: tuple[str, ...]
    classes: tuple[str, ...]
    source: str


NEVER: Level = "contraindicated"
CYP3A = "XG:strong-cyp3a-inhibitors"
_S4 = "label, section 4"
PAIRS = (
    Pair("XG:maois", "XG:ssris", NEVER, "serotonin syndrome", f"sertraline, {_S4}"),
    Pair("XG:maois", "XG:snris", NEVER, "serotonin syndrome", f"venlafaxine, {_S4}"),
    Pair("XG:maois", "XG:tcas", NEVER, "serotonin syndrome, very high fever", f"amitriptyline, {_S4}"),
    Pair("XG:maois", "RX:42347", NEVER, "very high blood pressure", f"bupropion, {_S4}"),
    Pair("XG:maois", "RX:6754", NEVER, "coma, breathing that stops", f"meperidine, {_S4}"),
    Pair("XG:maois", "XG:amphetamines", NEVER, "very high blood pressure", f"amphetamine, {_S4}"),
    Pair("XG:pde5-inhibitors", "XG:nitrates", NEVER, "blood pressure falls too far", f"sildenafil, {_S4}"),
    Pair("RX:1439816", "XG:nitrates", NEVER, "blood pressure falls too far", f"riociguat, {_S4}"),
    Pair("RX:1439816", "XG:pde5-inhibitors", NEVER, "blood pressure falls too far", f"riociguat, {_S4}"),
    Pair("RX:1656328", "XG:ace-inhibitors", NEVER, "swelling of face and throat", f"Entresto, {_S4}"),
    Pair("RX:36567", CYP3A, NEVER, "breakdown of muscle", f"simvastatin, {_S4}"),
    Pair("RX:36567", "RX:4719", NEVER, "breakdown of muscle", f"simvastatin, {_S4}"),
    Pair("RX:36567", "RX:3008", NEVER, "breakdown of muscle", f"simvastatin, {_S4}"),
    Pair("RX:6472", CYP3A, NEVER, "breakdown of muscle", f"lovastatin, {_S4}"),
    Pair("RX:57258", "RX:42355", NEVER, "blood pressure falls too far", f"tizanidine, {_S4}"),
    Pair("RX:57258", "RX:2551", NEVER, "blood pressure falls too far", f"tizanidine, {_S4}"),
    Pair("RX:298869", CYP3A, NEVER, "potassium rises", f"eplerenone, {_S4}"),
    Pair("RX:7243", "XG:opioids", NEVER, "sudden withdrawal", f"naltrexone, {_S4}"),
    Pair("RX:49247", "RX:11170", NEVER, "dangerous heart rhythm", f"dofetilide, {_S4}"),
    Pair("RX:49247", "RX:5487", NEVER, "dangerous heart rhythm", f"dofetilide, {_S4}"),
    Pair("RX:49247", "RX:10829", NEVER, "dangerous heart rhythm", f"dofetilide, {_S4}"),
    Pair("XG:opioids", "XG:benzodiazepines", "boxed warning", "deep sedation, breathing stops", "opioids, label"),
)  # fmt: skip

_S2 = "label, section 2"
CEILINGS = (
    Ceiling("161", "acetaminophen", "4000", "mg", "acetaminophen, OTC drug facts: 4,000 mg in 24 hours", (1, 1)),
    Ceiling("6809", "metformin", "2550", "mg", f"metformin, {_S2}"),
    Ceiling("29046", "lisinopril", "80", "mg", f"lisinopril, {_S2}"),
    Ceiling("17767", "amlodipine", "10", "mg", f"amlodipine, {_S2}"),
    Ceiling("52175", "losartan", "100", "mg", f"losartan, {_S2}"),
    Ceiling("36567", "simvastatin", "80", "mg", f"simvastatin, {_S2}"),
    Ceiling("83367", "atorvastatin", "80", "mg", f"atorvastatin, {_S2}"),
    Ceiling("301542", "rosuvastatin", "40", "mg", f"rosuvastatin, {_S2}"),
    Ceiling("6918", "metoprolol", "450", "mg", f"metoprolol, {_S2}"),
    Ceiling("5640", "ibuprofen", "3200", "mg", f"ibuprofen, {_S2}"),
    Ceiling("7258", "naproxen", "1500", "mg", f"naproxen, {_S2}"),
    Ceiling("10689", "tramadol", "400", "mg", f"tramadol, {_S2}"),
    Ceiling("36437", "sertraline", "200", "mg", f"sertraline, {_S2}"),
    Ceiling("321988", "escitalopram", "20", "mg", f"escitalopram, {_S2}"),
    Ceiling("4493", "fluoxetine", "80", "mg", f"fluoxetine, {_S2}"),
    Ceiling("25480", "gabapentin", "3600", "mg", f"gabapentin, {_S2}"),
    Ceiling("39993", "zolpidem", "10", "mg", f"zolpidem, {_S2}"),
    Ceiling("10582", "levothyroxine", "0.3", "mg", f"levothyroxine, {_S2}"),
    Ceiling("3407", "digoxin", "0.5", "mg", f"digoxin, {_S2}"),
    Ceiling("5487", "hydrochlorothiazide", "100", "mg", f"hydrochlorothiazide, {_S2}"),
    Ceiling("4603", "furosemide", "600", "mg", f"furosemide, {_S2}"),
    Ceiling("7646", "omeprazole", "360", "mg", f"omeprazole, {_S2}"),
    Ceiling("723", "amoxicillin", "3000", "mg", f"amoxicillin, {_S2}"),
    Ceiling("2683", "colchicine", "2.4", "mg", f"Colcrys, {_S2}.2"),
)  # fmt: skip

CROSSINGS = (
    # Heparin, enoxaparin, dalteparin, tinzaparin. Fondaparinux is given where heparin cannot be.
    Crossing(
        "Heparins",
        ("5224", "67108", "67109", "69646"),
        ("heparin", "N0000175586", "N0000007961"),
        f"enoxaparin, {_S4}",
    ),
)
"""Also an immune thrombocytopenia by heparin (HIT) is no matter of the one heparin alone."""


def crossing(held: Sequence[str], ingredients: Sequence[str], classes: Sequence[str]) -> Crossing | None:
    """What joins a medicine of the ingredients `held` with an allergy to these ingredients or classes; None where
    nothing does."""
    for found in CROSSINGS:
        told = any(code in found.ingredients for code in ingredients) or any(one in found.classes for one in classes)
        if told and any(code in found.ingredients for code in held):
            return found
    return None


WEEKLY = (Weekly("6851", "methotrexate, label, section 5.9; Cairns and others, Med J Aust 2016; 204:384"),)
