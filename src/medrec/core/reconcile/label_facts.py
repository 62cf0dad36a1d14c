"""What labels say of one medicine: the most of a day, what is for once a week, which allergies are to several. Short,
written by hand; the pairs that are not to be taken together stand in label_pairs.

Each row names the section of the U.S. prescribing information (published on DailyMed and in openFDA's `drug/label`)
that says so: section 4 is Contraindications, section 2 Dosage and Administration. It is help for a conversation and
no order; a drug that is not here says nothing.
"""

from collections.abc import Sequence
from typing import NamedTuple

from medrec.core.records.terms import DrugClass


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


_S4 = "label, section 4"
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
    *(
        Ceiling(code, name, most, "mg", f"{name}, {_S2}")
        for entry in """
2556 citalopram 40
20352 carvedilol 100
1364430 apixaban 20
1114195 rivaroxaban 30
1037042 dabigatran etexilate 300
1599538 edoxaban 60
1202 atenolol 200
19484 bisoprolol 20
31555 nebivolol 40
8787 propranolol 640
3443 diltiazem 540
11170 verapamil 480
69749 valsartan 320
83818 irbesartan 300
321064 olmesartan 40
73494 telmisartan 80
214354 candesartan 32
3827 enalapril 40
18867 benazepril 80
35296 ramipril 20
35208 quinapril 80
9997 spironolactone 400
2409 chlorthalidone 200
38413 torsemide 200
1808 bumetanide 10
42463 pravastatin 80
6472 lovastatin 80
861634 pitavastatin 4
341248 ezetimibe 10
4719 gemfibrozil 1200
4821 glipizide 40
25789 glimepiride 8
4815 glyburide 20
33738 pioglitazone 45
593411 sitagliptin 100
1545653 empagliflozin 25
1488564 dapagliflozin 10
1373458 canagliflozin 300
1100699 linagliptin 5
42355 fluvoxamine 300
39786 venlafaxine 375
72625 duloxetine 120
42347 bupropion 450
10737 trazodone 600
15996 mirtazapine 45
1827 buspirone 60
704 amitriptyline 300
7531 nortriptyline 150
51272 quetiapine 800
1040028 lurasidone 160
2626 clozapine 900
187832 pregabalin 600
114477 levetiracetam 3000
41493 meloxicam 15
140587 celecoxib 800
21949 cyclobenzaprine 30
57258 tizanidine 36
88249 montelukast 10
25025 finasteride 5
77492 tamsulosin 0.8
519 allopurinol 800
135447 donepezil 23
596 alprazolam 10
2598 clonazepam 20
6470 lorazepam 10
3322 diazepam 40
461016 eszopiclone 3
2551 ciprofloxacin 1500
82122 levofloxacin 750
""".strip().splitlines()
        for code, name, most in [(entry.split(" ", 1)[0], *entry.split(" ", 1)[1].rsplit(" ", 1))]
    ),
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


DOUBLED = (
    # Levothyroxine, liothyronine, and the thyroid glands of pigs, which hold both (Armour Thyroid, label, Description).
    (DrugClass("XG:thyroid-hormones", "Thyroid hormones", "GROUP", "duplicate"), ("10582", "10814", "10572", "235479")),
)
"""Classes of which two medicines at once are a double therapy, and that the terminology has not."""


def doubled(ingredient: str) -> tuple[DrugClass, ...]:
    """The classes of DOUBLED that an ingredient is in."""
    return tuple(group for group, members in DOUBLED if ingredient in members)


WEEKLY = (Weekly("6851", "methotrexate, label, section 5.9; Cairns and others, Med J Aust 2016; 204:384"),)
