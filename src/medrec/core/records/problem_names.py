"""Names of problems: what is left of one when its side, its past and its empty words are taken off, and which family
of ICD-10-CM codes (icd_families.py) the common ones are of.

The table is our own and short: names and abbreviations that mean one thing wherever they are written. What can mean two
("MS", "RA", "PD"), and a disease without its kind ("diabetes"), stands in a table beside it with all that it can mean:
it is read by what else the chart has, or not at all.
"""

import re

from medrec.core.records.problem_words import spoken

_TABLE = """
I10 htn, hypertension, essential hypertension, high blood pressure, hypertensive disorder, arterial hypertension
E10 type 1 diabetes, t1dm, dm1, diabetes mellitus type 1, type 1 diabetes mellitus, diabetes type 1, type 1 dm
E10 dm type 1
E11 type 2 diabetes, t2dm, dm2, niddm, diabetes mellitus type 2, type 2 diabetes mellitus, diabetes type 2, dm type 2
E11 type 2 dm
J45 asthma, bronchial asthma
J44 copd, chronic obstructive pulmonary disease, chronic obstructive lung disease
E78.5 hyperlipidemia, hld, high cholesterol, hypercholesterolemia, dyslipidemia, mixed hyperlipidemia
I48 afib, a-fib, atrial fibrillation
I50 chf, heart failure, congestive heart failure, hfref, hfpef
N18 ckd, chronic kidney disease, chronic renal insufficiency, chronic renal failure, esrd, end stage renal disease
N18 end-stage renal disease, end stage kidney disease, end-stage kidney disease
K21 gerd, reflux, gastroesophageal reflux disease, gastro-esophageal reflux disease, acid reflux
E03 hypothyroidism, hypothyroid, low thyroid
F32 depression, depressive disorder, mdd, major depressive disorder, major depression
F41.9 anxiety, anxiety disorder
F41.1 gad, generalized anxiety disorder
M81 osteoporosis, age-related osteoporosis
D50 ida, iron deficiency anemia, iron deficiency
G43 migraine, migraines
G40 epilepsy, seizure disorder
G20 parkinson's disease, parkinson disease, parkinsons, parkinson's
M06.9 rheumatoid arthritis
M10 gout
L40 psoriasis
G47.33 osa, sleep apnea, obstructive sleep apnea, obstructive sleep apnea syndrome
I25.1 cad, coronary disease, coronary artery disease, coronary arteriosclerosis
I25.1 ischemic heart disease, atherosclerotic heart disease
I63 stroke, cva, ischemic stroke, cerebrovascular accident, cerebral infarction
J18 pneumonia, pna
N39.0 uti, urinary tract infection, urinary tract infectious disease
J20 acute bronchitis
N20.0 kidney stone, kidney stones, nephrolithiasis, renal calculus, calculus of kidney
K35 appendicitis, acute appendicitis
M17 knee oa, oa knee, knee osteoarthritis, osteoarthritis of knee, osteoarthritis knee
M16 hip oa, oa hip, hip osteoarthritis, osteoarthritis of hip, osteoarthritis hip, hip arthritis
H25 cataract, cataracts, age-related cataract, senile cataract
I82.4 dvt, deep vein thrombosis, deep venous thrombosis
C50 breast cancer, breast ca, malignant neoplasm of breast
G56.0 cts, carpal tunnel syndrome, carpal tunnel
S72.0 hip fracture, femoral neck fracture, fracture of neck of femur
H91.9 hearing loss, hoh, hard of hearing
K90.0 celiac disease, coeliac disease, celiac, coeliac
K50 crohn's disease, crohn disease, crohns disease, crohn's
K51 ulcerative colitis
G35 multiple sclerosis
C61 prostate cancer, prostate ca, malignant neoplasm of prostate, malignant tumor of prostate
C18.9 colon cancer, malignant neoplasm of colon
N40 bph, benign prostatic hyperplasia, benign prostatic hypertrophy
H40.9 glaucoma
E66 obesity
B20 hiv, hiv disease, human immunodeficiency virus disease
I21 myocardial infarction, heart attack, acute myocardial infarction
I26 pulmonary embolism
K80 gallstones, cholelithiasis
J30.9 hay fever, allergic rhinitis
R73.03 prediabetes, pre-diabetes, prediabetic
I05.0 mitral stenosis, mitral valve stenosis
I34.0 mitral regurgitation, mitral insufficiency, mitral valve regurgitation
R41.82 mental status changes, ams
I70.1 renal artery stenosis
F41.0 panic attacks
K27.9 peptic ulcer disease, pud
O24.419 gestational diabetes, gdm
M19.90 osteoarthritis, degenerative joint disease, djd
D57.1 sickle cell disease, sickle cell anemia
D63.8 anemia of chronic disease
G80.9 cerebral palsy
R07.9 chest pain
G30.9 alzheimer's, alzheimers, alzheimer disease
L20.9 atopic dermatitis
O14.90 preeclampsia, pre-eclampsia
C34.9- lung cancer
B18.1 hbv, hep b, chronic hepatitis b, chronic hbv
B18.2 hcv, hep c, hepatitis c, chronic hepatitis c, chronic hcv
F31 bipolar disorder, bipolar, bipolar affective disorder
F43.1 ptsd, post-traumatic stress disorder, posttraumatic stress disorder
M32 lupus, sle, systemic lupus erythematosus
C81 hodgkin lymphoma, hodgkin's lymphoma, hodgkin disease, hodgkin's disease
A15 tuberculosis, tb, pulmonary tuberculosis
E27.1 addison disease, addison's disease, addisons disease
E24 cushing syndrome, cushing's syndrome, cushings syndrome
I35.0 aortic stenosis, aortic valve stenosis
D66 hemophilia a, haemophilia a, hemophilia, haemophilia
E05 hyperthyroidism
"""
# Every category that the name is in use for; where a chart has two of these, the name says nothing.
_SEVERAL = """
ms: G35 I05 I34 R41
ra: M06 M05 I70
pd: G20 F41 K27
af: I48
bronchitis: J20 J40 J41 J42
diabetes: E10 E11 E08 E09 E13 O24
dm: E10 E11 E08 E09 E13 M33
arthritis: M06 M05 M17 M16 M13 M19
hepatitis: B15 B16 B17 B18 K75 K70
anemia: D50 D51 D52 D57 D63 D64
cp: G80 R07
ad: G30 L20
mi: I21 I25 I34
pe: I26 O14
ibd: K50 K51 K52
cancer: C
endocarditis: I33 I38 I39 I01 I09 B37 M32
encephalitis: G04 G05 A83 A84 A85 A86 B00 B01 B02 B05 B94
pyelonephritis: N10 N11 N12 N13 N15 N20 N28
cystitis: N30 A59 B37
endometritis: N71 A18 N85 O86
lymphadenitis: I88 L04 R59
"""
# What may kill within days is read as nothing else: a heart attack has no line of its own in that of a valve.
# A diabetes without its kind lasts: it is not the one that passes with a pregnancy.
_READ_AS = {
    "mi": ("icd10cm|I21", "icd10cm|I25.2"),
    "pe": ("icd10cm|I26",),
    "diabetes": tuple(f"icd10cm|{code}" for code in ("E10", "E11", "E08", "E09", "E13")),
}
# Names of diseases that have nothing in common: by another than the first one is read only where it began with that.
_UNLIKE = frozenset({"ms", "ra", "pd", "cp", "ad"})
_MEANINGS = {
    line.partition(":")[0]: tuple(f"icd10cm|{code}" for code in line.partition(":")[2].split())
    for line in _SEVERAL.strip().splitlines()
}
_PASSING = re.compile(
    r"A0|B0[1-5]|H10(?:[0-3]|$)|H6[56](?:[01]|$)|I21|I63|I82(?:[46]|$)|J0|J1[0-8]|J2[0-2]|K35|L03|N10|N30(?:0|$)|N39(?:0|$)|S\d|T[0-3]"
)
_FAMILIES = {
    name.strip(): f"icd10cm|{line.partition(' ')[0]}"
    for line in _TABLE.strip().splitlines()
    for name in line.partition(" ")[2].split(",")
}
_FAMILIES |= {
    f"{name} {stage}": "icd10cm|N18"
    for name in ("ckd", "ckd stage", "chronic kidney disease stage")
    for stage in ("1", "2", "3", "3a", "3b", "4", "5")
}
_CALLED = {family: tuple(name for name, one in _FAMILIES.items() if one == family) for family in _FAMILIES.values()}
_EMPTY = re.compile(
    r"\b(?:unspecified|nos|not\s+otherwise\s+specified|primary|unilateral|uncomplicated|without\s+(?:complications?|"
    r"current\s+pathological\s+fracture|esophagitis)|personal|side|organism)\b|\((?:disorder|finding|primary|situation)\)"
)


_ROMAN = re.compile(r"\b(type|stage|grade|class) (iv|v|i{1,3})(?=[ab]?\b)")
_NUMBER = {"i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5}


def core_name(name: str) -> str:
    """A name (lower case) without its side, how it stands (problem_words.py) and words that say nothing: "rt cataract"
    is "cataract". What is left empty is given back whole.
    """
    found = _EMPTY.sub(" ", _ROMAN.sub(lambda said: f"{said[1]} {_NUMBER[said[2]]}", spoken(name).core))
    found = " ".join(found.replace(",", " ").split())
    return found or name


def family_named(core: str) -> str:
    """The ICD-10-CM family of a common problem by its core name ("icd10cm|I10"); empty when it is not known."""
    return _FAMILIES.get(core, "")


def names_of_family(family: str) -> tuple[str, ...]:
    """The common names of the problem of a family ("icd10cm|I10"); empty where the table has none."""
    return _CALLED.get(family, ())


def meanings(core: str) -> tuple[str, ...]:
    """The ICD-10-CM categories that a core name with several meanings can stand for; empty for any other name."""
    return _MEANINGS.get(core, ())


def readings(core: str) -> tuple[str, ...]:
    """Those of the meanings of such a name that the chart's one may be joined by."""
    return _READ_AS.get(core, meanings(core))


def needs_its_time(core: str, family: str) -> bool:
    """Whether such a name is read by this family ("icd10cm|I05.0") only where what it names began when that did."""
    return core in _UNLIKE and not family.startswith(meanings(core)[0])


def passing(code: str) -> bool:
    """Whether an ICD-10-CM code is of something that is over in days or months, whatever becomes of it: infections that
    are acute, injuries, the first weeks of an infarction, a stroke or a clot. What it leaves behind has codes of its
    own (I25.2, I69, Z86). A category alone counts where what names it in the table above is of that kind."""
    plain = code.replace(".", "").upper()
    # The seventh sign S of an injury's code is what is left of it.
    return _PASSING.match(plain) is not None and not (plain[0] in "ST" and len(plain) == 7 and plain[6] == "S")
