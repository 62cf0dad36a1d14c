"""Spanish names of the commonest medicines and allergens, as the International Nonproprietary Names have them.

A page in Spanish is answered in Spanish: "alergia a la penicilina" warns as "penicillin" does.
"""

import unicodedata

_TABLE = """
penicilina penicillin, amoxicilina amoxicillin, ampicilina ampicillin, aspirina aspirin, ibuprofeno ibuprofen
acido acetilsalicilico=aspirin, metamizol metamizole, dipirona metamizole, naproxeno naproxen, diclofenaco diclofenac
ketorolaco ketorolac, paracetamol acetaminophen, acetaminofen acetaminophen, codeina codeine, morfina morphine
cefalexina cephalexin, ceftriaxona ceftriaxone, cefalosporinas cephalosporins, sulfamidas sulfonamides, sulfas sulfa
eritromicina erythromycin, azitromicina azithromycin, claritromicina clarithromycin, clindamicina clindamycin
gentamicina gentamicin, ciprofloxacino ciprofloxacin, ciprofloxacina ciprofloxacin, levofloxacino levofloxacin
levofloxacina levofloxacin, vancomicina vancomycin, doxiciclina doxycycline, tetraciclina tetracycline
tetraciclinas tetracyclines, nitrofurantoina nitrofurantoin, insulina insulin, metformina metformin, warfarina warfarin
heparina heparin, furosemida furosemide, hidroclorotiazida hydrochlorothiazide, espironolactona spironolactone
amlodipino amlodipine, simvastatina simvastatin, atorvastatina atorvastatin
insulina glargina=insulin glargine, insulina nph=insulin isophane, insulina lispro=insulin lispro
insulina aspart=insulin aspart, insulina asparta=insulin aspart, insulina detemir=insulin detemir
levotiroxina levothyroxine, prednisona prednisone, digoxina digoxin, carbamazepina carbamazepine, fenitoina phenytoin
acido valproico=valproic acid, litio lithium, fluoxetina fluoxetine, sertralina sertraline, omeprazol omeprazole
yodo iodine, contraste yodado=iodinated contrast, cacahuete peanut, mani peanut, huevo egg, leche milk
antibiotico antibiotic, antibioticos antibiotics
marisco shellfish, mariscos shellfish, pescado fish, nueces nuts, polen pollen, soja soy, trigo wheat
"""
_PAIRS = (
    entry.strip().partition("=" if "=" in entry else " ") for entry in _TABLE.strip().replace("\n", ",").split(",")
)
_ENGLISH = {spanish: english for spanish, _, english in _PAIRS}
_WORDS_MAX = 2


def is_spanish(word: str) -> bool:
    """Whether a word (lower case, without accents) is one of these names."""
    return word in _ENGLISH


def in_english(words: str) -> str:
    """The same words (lower case) with Spanish names in English; other words stay as they are."""
    letters = unicodedata.normalize("NFD", words)
    plain = "".join(sign for sign in letters if not unicodedata.combining(sign)).split()
    own = words.split()
    if len(plain) != len(own):
        return words
    made: list[str] = []
    at = 0
    while at < len(own):
        for length in range(min(_WORDS_MAX, len(own) - at), 0, -1):
            english = _ENGLISH.get(" ".join(plain[at : at + length]))
            if english is not None:
                made.append(english)
                at += length
                break
        else:
            made.append(own[at])
            at += 1
    return " ".join(made)
