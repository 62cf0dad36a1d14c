"""Other names of a medicine that no table has: short ones, those of other countries, brands that are sold no more; and
families of products that one brand is on."""

ALIASES = {
    "asa": "aspirin", "hctz": "hydrochlorothiazide", "apap": "acetaminophen", "paracetamol": "acetaminophen",
    "salbutamol": "albuterol", "ntg": "nitroglycerin", "glyceryl trinitrate": "nitroglycerin", "pcn": "penicillin",
    "adrenaline": "epinephrine", "frusemide": "furosemide", "lignocaine": "lidocaine", "tmp-smx":
    "sulfamethoxazole / trimethoprim", "smx-tmp": "sulfamethoxazole / trimethoprim",
    "tmp/smx": "sulfamethoxazole / trimethoprim", "smx/tmp": "sulfamethoxazole / trimethoprim", "mtx": "methotrexate",
    "l-thyroxine": "levothyroxine", "insulin regular": "insulin, regular, human",
    "regular insulin": "insulin, regular, human", "insulin nph": "insulin isophane", "nph insulin": "insulin isophane",
    "insulin n": "insulin isophane", "nph": "insulin isophane", "nitro": "nitroglycerin",
    "vitamin d2": "ergocalciferol",
    "thyroxine": "levothyroxine", "ciclosporin": "cyclosporine", "pethidine": "meperidine", "acetylsalicylic acid":
    "aspirin", "amoxicillin-clavulanate": "amoxicillin / clavulanate", "amoxicillin-clav": "amoxicillin / clavulanate",
    "penicillin vk": "penicillin V", "amox-clav": "amoxicillin / clavulanate",
    "co-amoxiclav": "amoxicillin / clavulanate", "penicillin v": "penicillin V", "rifampicin": "rifampin",
    # Brands that are sold no more, and stand in charts as what somebody did not bear.
    "amoxil": "amoxicillin", "trimox": "amoxicillin", "pen vk": "penicillin V", "pen-vee k": "penicillin V",
    "veetids": "penicillin V", "ceclor": "cefaclor", "omnicef": "cefdinir", "rocephin": "ceftriaxone",
    "ancef": "cefazolin", "kefzol": "cefazolin", "septra": "sulfamethoxazole / trimethoprim",
    "e-mycin": "erythromycin", "sumycin": "tetracycline", "toradol": "ketorolac", "tylox": "acetaminophen / oxycodone",
    "darvocet": "acetaminophen / propoxyphene", "darvon": "propoxyphene", "talwin": "pentazocine",
    "duragesic": "fentanyl", "vioxx": "rofecoxib", "bextra": "valdecoxib",
    "ceftin": "cefuroxime", "clinoril": "sulindac", "dalmane": "flurazepam", "desyrel": "trazodone", "flexeril":
    "cyclobenzaprine", "imdur": "isosorbide mononitrate", "levothroid": "levothyroxine", "librium": "chlordiazepoxide",
    "luvox": "fluvoxamine", "mellaril": "thioridazine", "navane": "thiothixene", "nolvadex": "tamoxifen",
    "orap": "pimozide", "periactin": "cyproheptadine", "persantine": "dipyridamole", "pletal": "cilostazol",
    "serax": "oxazepam", "serzone": "nefazodone", "sinequan": "doxepin", "sonata": "zaleplon", "stelazine":
    "trifluoperazine", "tambocor": "flecainide", "thorazine": "chlorpromazine", "trental": "pentoxifylline",
    "zofran": "ondansetron", "zyban": "bupropion", "apokyn": "apomorphine", "soriatane": "acitretin",
    "paxlovid": "nirmatrelvir / ritonavir",
    "hep-lock": "heparin", "ufh": "heparin", "unfractionated heparin": "heparin",
    "k-dur": "potassium chloride", "z-pak": "azithromycin", "zpak": "azithromycin",
    # Chemical formulas and short names that stand for one medicine alone. Those of two are no name of either: "MSO4"
    # and "MgSO4" are taken for each other, "AZT" is said of three (ISMP, List of Error-Prone Abbreviations).
    "kcl": "potassium chloride", "nacl": "sodium chloride", "nahco3": "sodium bicarbonate", "caco3":
    "calcium carbonate", "feso4": "ferrous sulfate", "inh": "isoniazid", "ptu": "propylthiouracil", "6-mp":
    "mercaptopurine", "5-fu": "fluorouracil",
}  # fmt: skip

_FAMILIES = {
    "nyquil": "acetaminophen, dextromethorphan, doxylamine",
    "dayquil": "acetaminophen, dextromethorphan, phenylephrine",
    "theraflu": "acetaminophen, dextromethorphan, diphenhydramine, phenylephrine",
    "robitussin dm": "dextromethorphan, guaifenesin",
    "mucinex dm": "dextromethorphan, guaifenesin",
    "alka-seltzer plus": "aspirin, acetaminophen, chlorpheniramine, dextromethorphan, phenylephrine",
    "coricidin": "acetaminophen, chlorpheniramine, dextromethorphan",
    "advil pm": "diphenhydramine, ibuprofen",
    "aleve pm": "diphenhydramine, naproxen",
    "motrin pm": "diphenhydramine, ibuprofen",
    "midol": "acetaminophen, caffeine, pyrilamine",
    "pamprin": "acetaminophen, pamabrom, pyrilamine",
    "goody's": "acetaminophen, aspirin, caffeine",
    "goody powder": "acetaminophen, aspirin, caffeine",
    "bc powder": "aspirin, caffeine",
    "pepto": "bismuth subsalicylate",
    "pepto bismol": "bismuth subsalicylate",
    "lmwh": "dalteparin, enoxaparin, tinzaparin",
    "zantac": "famotidine, ranitidine",
}
"""What products of a brand hold, by their OTC Drug Facts. They differ, and nobody knows which is meant: nothing
is merged by this, and warnings go by all that it may hold."""


def family(name: str) -> tuple[str, ...]:
    """Names of what a family of products (lower case) may hold; () where it is none."""
    return tuple(_FAMILIES[name].split(", ")) if name in _FAMILIES else ()
