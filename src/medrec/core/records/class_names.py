"""Words for a class of medicines that one can be allergic to ("PCN", "sulfa drugs", "beta blockers", "narcotics").

Who names a class means all of it: every group of ours answers, also one that is kept for other ends than allergies,
in which an allergy to one medicine says nothing of the next.
"""

import re

from medrec.core.records.terms import Terms

_GROUPS = {
    word.strip(): tuple(line.split(":")[0].split())
    for line in """
penicillins: pcn, cillin
sulfonamide-antibacterials: sulfa, sulfonamide, sulphonamide, sulfonamide antibacterial
opioids: opiate, narcotic, narcotic analgesic, narcotic pain, opioid analgesic, opioid pain, opiaceo
nsaids: non steroidal anti inflammatory, nonsteroidal anti inflammatory, anti inflammatory, aine, cox 2 inhibitor
fluoroquinolones: quinolone, floxacin, quinolona
ace-inhibitors: acei, ace i, angiotensin converting enzyme inhibitor
arbs: angiotensin receptor blocker, angiotensin receptor antagonist, sartan
iodinated-contrast: contrast, iodine contrast, iv contrast, contrast dye, contrast media, contrast agent, iodinated dye
penicillins cephalosporins carbapenems monobactams: beta lactam, betalactam, b lactam, β lactam, betalactamico
beta-blockers: betablocker, b blocker, β blocker, beta adrenergic blocker, betabloqueante, betabloqueador
ccb-dihydropyridine ccb-nondihydropyridine: calcium channel blocker, calcium channel antagonist, calcium blocker, ccb
h1-antihistamines: antihistamine, anti histamine, h1 blocker, antihistaminico
h2-blockers: h2 antagonist, h2 receptor blocker, histamine 2 blocker
ppis: proton pump inhibitor
statins: hmg coa reductase inhibitor, hmg coa inhibitor, hmg coa, estatina
tcas: tricyclic, tricyclic antidepressant
ssris snris tcas maois: antidepressant
maois: mao inhibitor, monoamine oxidase inhibitor
antiepileptics: anticonvulsant, anti epileptic, anti seizure
anticoagulants antiplatelets: blood thinner
thiazide-diuretics: thiazide
thiazide-diuretics loop-diuretics potassium-sparing-diuretics: diuretic, water pill
corticosteroids: steroid, glucocorticoid
local-anesthetics-amide local-anesthetics-ester: local anesthetic, local anaesthetic, caine
glp1-agonists: glp 1 agonist, glp 1, glp1
dpp4-inhibitors: dpp 4 inhibitor, gliptin
sglt2-inhibitors: sglt 2 inhibitor, gliflozin
thiazolidinediones: glitazone
azole-antifungals: azole, azole antifungal
benzodiazepines: benzo
antipsychotics: neuroleptic
""".strip().splitlines()
    for word in line.split(":")[1].split(",")
}
_ANTIBIOTICS = (
    "penicillins", "cephalosporins", "carbapenems", "monobactams", "sulfonamide-antibacterials", "fluoroquinolones",
    "macrolides", "tetracyclines", "aminoglycosides", "glycopeptides", "lincosamides", "nitroimidazoles",
)  # fmt: skip
_OTHER_ANTIBIOTICS = (
    "bacitracin", "chloramphenicol", "colistin", "daptomycin", "fosfomycin", "linezolid", "mupirocin", "nitrofurantoin",
    "polymyxin B", "rifampin", "rifaximin", "tedizolid", "trimethoprim",
)  # fmt: skip
"""Antibacterials (ATC J01, and of the skin and the bowel) that stand in no group of ours."""
_GROUPS |= dict.fromkeys(("antibiotic", "antibacterial"), _ANTIBIOTICS)
_BARBITURATES = (
    "amobarbital", "butalbital", "methohexital", "pentobarbital", "phenobarbital", "primidone", "secobarbital",
)  # fmt: skip
_SALICYLATES = (
    "aspirin",
    "bismuth subsalicylate",
    "choline salicylate",
    "diflunisal",
    "magnesium salicylate",
    "salsalate",
)
"""ATC N02BA (salicylic acid and derivatives), and bismuth subsalicylate, which is one as well."""
_LIGHT_HEPARINS = ("dalteparin", "enoxaparin", "tinzaparin")
_MEMBERS = {
    "barbiturate": _BARBITURATES, "barbiturico": _BARBITURATES, "salicylate": _SALICYLATES, "salicilato": _SALICYLATES,
    "lmwh": _LIGHT_HEPARINS, "low molecular weight heparin": _LIGHT_HEPARINS, "heparin": ("heparin",),
    "amox": ("amoxicillin",), "mso4": ("morphine",), "antibiotic": _OTHER_ANTIBIOTICS,
    "antibacterial": _OTHER_ANTIBIOTICS,
}  # fmt: skip
"""Classes that the tables have no whole list of: their medicines by name; and short names of one (MSO4: ISMP's list of
error-prone abbreviations), which stand among allergies."""
_AFTER = re.compile(r"\s+(?:antibiotic|drug|medicine|medication|med|class|family|group|agent)s?$")


_CLASS_WORDS = frozenset(
    word.removesuffix("s") for word in (*_GROUPS, *_MEMBERS, *(label for held in _GROUPS.values() for label in held))
)


def is_class_word(word: str) -> bool:
    """Whether a single word (lower case) may be for a class."""
    return word.removesuffix("s") in _CLASS_WORDS


def of_class(name: str, terms: Terms) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The ingredients and the classes (codes) that a name (lower case) for a class is for; both empty where it is for
    none. Of a class that the tables list the ingredients are not given."""
    plain = _AFTER.sub("", name.replace("-", " ").strip())
    one = f"{plain[:-3]}y" if plain.endswith("ies") else plain.removesuffix("s")
    members = [terms.drug_named(member) for member in _MEMBERS.get(one, ())]
    ingredients = {code: None for drug in members if drug is not None for code in drug.ingredients}
    slug = one.replace(" ", "-")
    labels = [f"XG:{label}" for label in _GROUPS.get(one) or _GROUPS.get(plain) or ()]
    labels = labels or next(([label] for label in (f"XG:{slug}s", f"XG:{slug}") if terms.class_named(label)), [])
    found = [held[0].code for label in labels if (held := terms.class_named(label)) is not None]
    return tuple(sorted(ingredients)), tuple(sorted(found))
