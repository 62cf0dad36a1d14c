"""What an invented person is ill with and allergic to, in truth: problems with sides and episodes, allergies that are
real or were never any. The lists know nothing of this file.

Codes are written here beside the names that places use for them; the places choose (truth_problem_charts).
"""

import random
from dataclasses import dataclass, field

from medrec.demo.truth_history import DAY, TODAY_MS


@dataclass(frozen=True)
class Illness:
    """A problem that can be had: ICD-10-CM (`{}` stands for the digit of the side), SNOMED CT and its name there, what
    is typed, whether it has sides, whether it comes and goes, how the past of it is coded and called."""

    id: str
    icd: str
    snomed: str
    name: str
    typed: tuple[str, ...]
    sided: bool = False
    passing: bool = False
    past: tuple[str, str] = ("", "")
    once: bool = False
    titles: tuple[str, ...] = ()

    def title(self, side: str) -> str:
        """Its official title; `titles` are those of the right side, the left and none."""
        return self.titles[("right", "left", "").index(side)] if self.titles else ""


def _ill(row: str) -> Illness:
    icd, snomed, name, typed, kind, past = (part.strip() for part in row.split("|"))
    code, _, words = past.partition(" ")
    marks = kind.split()
    return Illness(name, icd, snomed, name, tuple(t.strip() for t in typed.split(",")), "sided" in marks,
                   "passing" in marks, (code, words), "once" in marks)  # fmt: skip


ILLNESSES = tuple(
    _ill(row)
    for row in """
I10|59621000|Essential hypertension|HTN, hypertension, high blood pressure, Hypertension||
E11.9|44054006|Diabetes mellitus type 2|DM2, T2DM, type 2 diabetes, DM type 2, diabetes type 2||
J45.909|195967001|Asthma|asthma, bronchial asthma||
J44.9|13645005|Chronic obstructive pulmonary disease|COPD, chronic obstructive lung disease||
E78.5|55822004|Hyperlipidemia|hyperlipidemia, HLD, high cholesterol||
I48.91|49436004|Atrial fibrillation|AF, afib, a-fib, atrial fibrillation||
I50.9|84114007|Heart failure|CHF, heart failure, congestive heart failure||
N18.30|433144002|Chronic kidney disease stage 3|CKD 3, CKD stage 3, CKD||
K21.9|235595009|Gastroesophageal reflux disease|GERD, reflux, acid reflux||
E03.9|40930008|Hypothyroidism|hypothyroidism, hypothyroid, low thyroid||
F32.9|35489007|Depressive disorder|depression, MDD||
F41.9|197480006|Anxiety disorder|anxiety, anxiety disorder||
M81.0|64859006|Osteoporosis|osteoporosis||
D50.9|87522002|Iron deficiency anemia|IDA, iron deficiency, iron deficiency anemia|passing|
G43.909|37796009|Migraine|migraine, migraines||
G40.909|84757009|Epilepsy|epilepsy, seizure disorder||
G20|49049000|Parkinson's disease|Parkinson's, parkinsons, PD||
M06.9|69896004|Rheumatoid arthritis|RA, rheumatoid arthritis||
M10.9|90560007|Gout|gout||
L40.9|9014002|Psoriasis|psoriasis||
G47.33|78275009|Obstructive sleep apnea syndrome|OSA, sleep apnea||
I25.10|53741008|Coronary arteriosclerosis|CAD, coronary artery disease, coronary disease||
I63.9|230690007|Cerebrovascular accident|stroke, CVA, ischemic stroke|passing|Z86.73 stroke
J18.9|233604007|Pneumonia|pneumonia, PNA|passing|Z87.01 pneumonia
N39.0|68566005|Urinary tract infectious disease|UTI, urinary tract infection|passing|Z87.440 urinary tract infection
J20.9|10509002|Acute bronchitis|bronchitis, acute bronchitis|passing|
N20.0|95570007|Kidney stone|kidney stone, nephrolithiasis, renal calculus|passing|Z87.442 kidney stones
K35.80|74400008|Appendicitis|appendicitis, acute appendicitis|passing once|
M17.1{}|239873007|Osteoarthritis of knee|knee OA, OA knee, knee osteoarthritis|sided|
M16.1{}|239872002|Osteoarthritis of hip|hip OA, OA hip, hip arthritis|sided|
H25.1{}|193570009|Cataract|cataract|sided|
I82.40{}|128053003|Deep venous thrombosis|DVT, deep vein thrombosis|sided passing|Z86.718 DVT
C50.91{}|254837009|Malignant neoplasm of breast|breast cancer, breast ca|sided passing|Z85.3 breast cancer
G56.0{}|57406009|Carpal tunnel syndrome|carpal tunnel, CTS|sided|
S72.00{}A|5913000|Fracture of neck of femur|hip fracture, femoral neck fracture|sided passing|
H91.9{}|15188001|Hearing loss|hearing loss, HOH|sided|
K90.0|396331005|Celiac disease|celiac, celiac disease, coeliac||
K50.90|34000006|Crohn's disease|Crohn's, crohns disease||
G35|24700007|Multiple sclerosis|MS, multiple sclerosis||
C61|399068003|Malignant tumor of prostate|prostate cancer, prostate ca|passing|Z85.46 prostate cancer
""".strip().splitlines()
)


@dataclass(frozen=True)
class Trouble:
    """One illness of one person, of one side, from an onset to an end (ms), None while it goes on."""

    id: str
    illness: Illness
    side: str
    onset: int
    end: int | None

    @property
    def now(self) -> bool:
        """Whether she has it today."""
        return self.end is None or self.end > TODAY_MS


@dataclass(frozen=True)
class Allergen:
    """What one can be allergic to: RxNorm ingredients, brands or other words that are typed, the words and the name of
    its class where places write that instead, SNOMED CT for what is no medicine."""

    id: str
    typed: tuple[str, ...]
    ingredient: bool
    klass: tuple[str, ...] = ()
    snomed: str = ""


ALLERGENS = (
    Allergen(
        "amoxicillin", ("amoxicillin", "Amoxil", "amox"), True, ("penicillin", "PCN", "penicillins", "Penicillin")
    ),
    Allergen("penicillin v", ("penicillin V", "Pen VK"), True, ("penicillin", "PCN", "penicillins")),
    Allergen("sulfamethoxazole", ("sulfamethoxazole", "SMX"), True, ("sulfa", "sulfa drugs", "sulfonamides")),
    Allergen("aspirin", ("aspirin", "ASA", "Aspirin"), True, ("NSAIDs", "nsaids")),
    Allergen("ibuprofen", ("ibuprofen", "Motrin", "Advil"), True, ("NSAIDs", "nsaids")),
    Allergen("codeine", ("codeine", "codeine sulfate"), True, ("opiates", "opioids")),
    Allergen("morphine", ("morphine", "MS Contin"), True, ("opiates", "opioids")),
    Allergen("cephalexin", ("cephalexin", "Keflex"), True, ("cephalosporins",)),
    Allergen("ciprofloxacin", ("ciprofloxacin", "Cipro", "cipro"), True, ("quinolones", "fluoroquinolones")),
    Allergen("azithromycin", ("azithromycin", "Zithromax", "Z-pak"), True, ("macrolides",)),
    Allergen("lisinopril", ("lisinopril", "Zestril"), True, ("ACE inhibitors", "ACEI")),
    Allergen("atorvastatin", ("atorvastatin", "Lipitor"), True, ("statins",)),
    Allergen("vancomycin", ("vancomycin", "vanc"), True),
    Allergen("metformin", ("metformin", "Glucophage"), True),
    Allergen("tramadol", ("tramadol", "Ultram"), True, ("opiates", "opioids")),
    Allergen("peanut", ("peanut", "peanuts", "peanut butter"), False, (), "762952008"),
    Allergen("shellfish", ("shellfish", "shell fish", "crustaceans"), False, (), "227037002"),
    Allergen("egg", ("egg", "eggs", "egg white"), False, (), "102263004"),
    Allergen("bee venom", ("bee venom", "bee sting", "bees"), False, (), "288328004"),
    Allergen("latex", ("latex", "natural rubber latex", "rubber"), False, (), "111088007"),
)
REACTIONS = ("hives", "rash", "anaphylaxis", "nausea", "swelling of the face", "itching", "cough", "")


@dataclass(frozen=True)
class Vocabulary:
    """What people can be ill with and allergic to."""

    illnesses: tuple[Illness, ...]
    allergens: tuple[Allergen, ...]


OWN = Vocabulary(ILLNESSES, ALLERGENS)


@dataclass(frozen=True)
class Allergy:
    """One allergy of one person since a time (ms). `never`: it was thought to be one, and a test showed at `tested`
    that it is none."""

    id: str
    allergen: Allergen
    since: int
    reaction: str
    high: bool
    tested: int | None = None

    @property
    def now(self) -> bool:
        """Whether she is allergic today."""
        return self.tested is None


@dataclass
class Ills:
    """One person's truth."""

    key: str
    born: int
    words: Vocabulary = OWN
    troubles: list[Trouble] = field(default_factory=list)
    allergies: list[Allergy] = field(default_factory=list)


def ills(seed: str, words: Vocabulary = OWN) -> Ills:
    """The person of a seed; the same seed gives the same person everywhere."""
    dice = random.Random(f"ills {seed}")  # noqa: S311 (invented people, not secrets)
    person = Ills(seed, TODAY_MS - dice.randint(40 * 365, 88 * 365) * DAY, words)
    for illness in dice.sample(words.illnesses, dice.choice((2, 3, 4, 5, 5, 6, 7, 9))):
        person.troubles += _troubles(dice, illness, len(person.troubles))
    for allergen in dice.sample(words.allergens, dice.choice((0, 1, 1, 2, 2, 3, 4))):
        since = TODAY_MS - dice.randint(200, 20 * 365) * DAY
        tested = since + int((TODAY_MS - since) * dice.uniform(0.4, 0.95)) if dice.random() < 0.12 else None
        number = f"a{len(person.allergies)}"
        reaction = dice.choice(REACTIONS)
        person.allergies.append(Allergy(number, allergen, since, reaction, reaction == "anaphylaxis", tested))
    return person


def _troubles(dice: random.Random, illness: Illness, number: int) -> list[Trouble]:
    """One trouble, one on each side, or two episodes years apart."""
    onset = TODAY_MS - dice.randint(60, 9 * 365) * DAY
    side = dice.choice(("left", "right")) if illness.sided else ""
    end = None
    if illness.passing:
        over = onset + dice.randint(8, 200 if illness.past[0] else 40) * DAY
        end = over if over < TODAY_MS or dice.random() < 0.8 else None
        end = end if end is not None and end < TODAY_MS else None
    elif dice.random() < 0.1:
        end = onset + int((TODAY_MS - onset) * dice.uniform(0.3, 0.9))
    found = [Trouble(f"p{number}", illness, side, onset, end)]
    if illness.sided and dice.random() < 0.35:
        other = {"left": "right", "right": "left"}[side]
        later = min(onset + dice.randint(0, 900) * DAY, TODAY_MS - 30 * DAY)
        found.append(Trouble(f"p{number}b", illness, other, later, None if end is None else _after(later, end - onset)))
    elif (
        illness.passing and not illness.once and end is not None and dice.random() < 0.3 and end < TODAY_MS - 700 * DAY
    ):
        again = dice.randint(end // DAY + 300, TODAY_MS // DAY - 60) * DAY
        found.append(Trouble(f"p{number}c", illness, side, again, _after(again, end - onset)))
    return found


def _after(onset: int, length: int) -> int | None:
    return onset + length if onset + length < TODAY_MS else None
