"""Words in the name of a medicine that are no part of it: its dose form, how that lets go of the drug, its salt."""

# Words for a dose form, and the form that they say.
FORMS = {
    "tablet": "tablet", "tablets": "tablet", "tab": "tablet", "tabs": "tablet", "caplet": "tablet", "pill": "tablet",
    "capsule": "capsule", "capsules": "capsule", "cap": "capsule", "caps": "capsule", "solution": "solution",
    "soln": "solution", "suspension": "suspension", "susp": "suspension", "syrup": "syrup", "elixir": "elixir",
    "cream": "cream", "ointment": "ointment", "oint": "ointment", "gel": "gel", "lotion": "lotion", "patch": "patch",
    "patches": "patch", "spray": "spray", "inhaler": "inhaler", "hfa": "inhaler", "mdi": "inhaler",
    "drops": "drops", "drop": "drops", "injection": "injection", "injectable": "injection", "inj": "injection",
    "suppository": "suppository", "powder": "powder", "lozenge": "lozenge", "vial": "injection", "pen": "injection",
    "syringe": "injection", "foam": "foam", "shampoo": "shampoo", "liquid": "solution", "concentrate": "solution",
    "conc": "solution", "mouthwash": "mouthwash", "diskus": "inhaler", "handihaler": "inhaler", "respimat": "inhaler",
    "ellipta": "inhaler", "twisthaler": "inhaler", "flexhaler": "inhaler", "respiclick": "inhaler",
    "granules": "powder", "packet": "powder", "packets": "powder",
    "comprimido": "tablet", "comprimidos": "tablet", "comp": "tablet", "tableta": "tablet", "tabletas": "tablet",
    "pastilla": "tablet", "pastillas": "tablet", "gragea": "tablet", "grageas": "tablet", "cápsula": "capsule",
    "cápsulas": "capsule", "capsula": "capsule", "capsulas": "capsule", "jarabe": "syrup", "gotas": "drops",
    "crema": "cream", "pomada": "ointment", "ungüento": "ointment", "parche": "patch", "parches": "patch",
    "inhalador": "inhaler", "ampolla": "injection", "ampollas": "injection", "inyectable": "injection",
    "supositorio": "suppository", "supositorios": "suppository", "solución": "solution", "solucion": "solution",
    "suspensión": "suspension", "sobres": "powder",
}  # fmt: skip
_MANNER_WORDS = (
    "oral po by mouth er xr sr cr xl la dr ec ir odt extended delayed immediate sustained release "
    "extended-release delayed-release modified coated film-coated film chewable disintegrating "
    "effervescent topical ophthalmic otic nasal rectal vaginal sublingual transdermal subcutaneous "
    "intravenous intramuscular iv im sc prefilled for of the product medication daily once twice usp "
    "strength dose form low generic each with film-coated 24hr 12hr hr hour in actuat kwikpen "
    "flexpen solostar auto-injector autoinjector metered inhalation inhalant ingredient substance "
    "disposition otc rx ds brand de vía via recubiertos eye ear ophth sl system dry nebulizer nebuliser neb nebs"
)
# Words that say how a form lets go of its drug and where it is put, as RxNorm's names of forms say it.
FORM_BEFORE = (
    ({"er", "xr", "sr", "cr", "xl", "la", "extended", "extended-release", "sustained"}, "extended release"),
    ({"dr", "ec", "delayed", "delayed-release"}, "delayed release"),
    ({"ophthalmic", "ophth", "eye"}, "ophthalmic"), ({"otic", "ear"}, "otic"), ({"nasal"}, "nasal"),
    ({"nebulizer", "nebuliser", "neb", "nebs"}, "inhalation"),
    ({"topical"}, "topical"), ({"rectal"}, "rectal"), ({"vaginal"}, "vaginal"),
)  # fmt: skip
MANNER = frozenset(_MANNER_WORDS.split())
# Salts and the like that do not make another ingredient.
_SALTS_WORDS = (
    "hydrochloride hcl hydrobromide hbr sodium potassium calcium magnesium succinate succ tartrate tart "
    "maleate mesylate besylate fumarate sulfate sulphate phosphate acetate citrate gluconate dihydrate "
    "monohydrate trihydrate anhydrous hemihydrate bisulfate disodium dipropionate propionate furoate "
    "nitrate bromide chloride medoxomil axetil etexilate cilexetil pamoate palmitate decanoate benzoate "
    "lactate malate tosylate trometamol tromethamine erbumine arginine hyclate valerate xinafoate sod pot"
)
SALTS = frozenset(_SALTS_WORDS.split())
