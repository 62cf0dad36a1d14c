"""Pairs that a label says are not to be taken together. Short, written by hand from the labels of the U.S.

Section 4 is Contraindications of the prescribing information (DailyMed; openFDA's `drug/label`); a label of the old
form has no numbers. What a label forbids only with an illness beside it (colchicine, aliskiren), by one route
(midazolam) or for one use (sildenafil for the lung) is not here: rows do not tell. It is help for a conversation and no
order; a pair that is not here says nothing.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

Level = Literal["contraindicated", "boxed warning"]


class Pair(NamedTuple):
    """Two that the label of one of them says not to take together: `a` and `b` are an RxNorm ingredient ("RX:36567")
    or a class of the terminology ("XG:statins"); `effect` in plain words; `source`: whose label, and where."""

    a: str
    b: str
    level: Level
    effect: str
    source: str


CODES = {
    name: code
    for entry in """
acitretin 16818, alfuzosin 17300, alosetron 85248, alprazolam 596, amiloride 644, amiodarone 703, apomorphine 1043
arsenic-trioxide 18330, atazanavir 343047, atomoxetine 38400, atorvastatin 83367, azathioprine 1256
azithromycin 18631, bictegravir 1999660, bosentan 75207, bupropion 42347, buspirone 1827, cabotegravir 2475077
carbamazepine 2002, chlorpromazine 2403, cimetidine 2541, ciprofloxacin 2551, citalopram 2556, cobicistat 1306284
cyclobenzaprine 21949, cyclosporine 3008, danazol 3102, darunavir 460132, deutetrabenazine 1876905, dexamethasone 3264
dextromethorphan 3289, diltiazem 3443, dipyridamole 3521, disopyramide 3541, disulfiram 3554, dofetilide 49247
dolasetron 68091, dolutegravir 1433868, doravirine 2055755, dronedarone 233698, droperidol 3648, duloxetine 72625
efavirenz 195085, elagolix 2049846, elbasvir 1734628, eletriptan 231049, enzalutamide 1307298, eplerenone 298869
erythromycin 4053, escitalopram 321988, febuxostat 73689, felodipine 4316, fentanyl 4337, finerenone 2562811
fingolimod 1012892, flecainide 4441, flibanserin 1665509, fluconazole 4450, fluoxetine 4493, fluvoxamine 42355
fostemsavir 2380373, gemfibrozil 4719, glecaprevir 1940635, glyburide 4815, granisetron 26237
hydrochlorothiazide 5487, ibutilide 41289, irinotecan 51499, isavuconazonium 1608322, isocarboxazid 6011
itraconazole 28031, ivabradine 1649480, ketoconazole 6135, ketorolac 35827, leflunomide 27169, lenacapavir 2625651
levodopa 6375, lomitapide 1364479, lopinavir 195088, lovastatin 6472, lumefantrine 847728, lurasidone 1040028
mefloquine 6694, megestrol 6703, meperidine 6754, mercaptopurine 103, methadone 6813, methenamine 6832
methotrexate 6851, methyldopa 6876, metronidazole 6922, mifepristone 6964, mirtazapine 15996, mitotane 7004
moxifloxacin 139462, naloxegol 1551777, naltrexone 7243, nefazodone 31565, nevirapine 53654, nimodipine 7426
nirmatrelvir 2587892, nisoldipine 7435, ondansetron 26225, opicapone 2362167, oxcarbazepine 32624, oxybate 2387302
palonosetron 70561, paroxetine 32937, pentamidine 7994, pentazocine 8001, pentoxifylline 8013, phenelzine 8123
phenobarbital 8134, phenylephrine 8163, phenytoin 8183, pimozide 8331, pindolol 8332, pitavastatin 861634
posaconazole 282446, praziquantel 8628, probenecid 8698, procainamide 8700, prochlorperazine 8704, propafenone 8754
propranolol 8787, pseudoephedrine 8896, quinidine 9068, ramelteon 596205, ranolazine 35829, rasagiline 134748
repaglinide 73044, reserpine 9260, rifabutin 55672, rifampin 9384, rifapentine 35617, rilpivirine 1102270
riociguat 1439816, ritonavir 85762, rizatriptan 88014, sacubitril 1656328, safinamide 1922448, selegiline 9639
selexipag 1729002, sertraline 36437, silodosin 720825, simvastatin 36567, sirolimus 35302, solriamfetol 2121751
sotalol 9947, spironolactone 9997, st.-john's-wort-extract 258326, sulfadiazine 10171, sulfamethoxazole 10180
sumatriptan 37418, suzetrigine 2704819, tacrolimus 42316, tapentadol 787390, tasimelteon 1490468
teriflunomide 1310520, tetrabenazine 10390, theophylline 10438, thioridazine 10502, ticagrelor 1116632
tizanidine 57258, tolvaptan 358257, tramadol 10689, tranylcypromine 10734, trazodone 10737, triamterene 10763
triazolam 10767, trimethoprim 10829, ubrogepant 2268216, valbenazine 1918219, verapamil 11170, vericiguat 2475830
vilazodone 1086769, viloxazine 11196, voclosporin 2475166, voriconazole 121243, vortioxetine 1455099
ziprasidone 115698, zolmitriptan 135775
""".strip()
    .replace("\n", ", ")
    .split(", ")
    for name, _, code in [entry.rpartition(" ")]
}
"""RxNorm ingredients by their names, with a hyphen for each blank. Any other name below is a class of ours."""

_CYP3A, _INDUCERS = "strong-cyp3a-inhibitors", "strong-cyp3a-inducers"
_WORT = "st.-john's-wort-extract"
_PRESSURE, _FALLS = "very high blood pressure", "blood pressure falls too far"
_SEROTONIN, _COMA = "serotonin syndrome", "coma, breathing that stops"
_RHYTHM, _MUSCLE = "dangerous heart rhythm", "breakdown of muscle"
_POTASSIUM, _LIVER = "potassium rises", "damage to the liver"
_MORE, _LESS = "one of them builds up too far", "one of them stops working"
_ISCHAEMIA = "limbs and brain get too little blood"
_MARROW, _BLEEDING = "the bone marrow fails", "severe bleeding"


def _code(name: str) -> str:
    return f"RX:{CODES[name]}" if name in CODES else f"XG:{name}"


def _not(one: str, others: str, effect: str, label: str = "", section: str = "section 4") -> Iterator[Pair]:
    """The pairs of one with each of several others, by the label of `label` (its own where none is named)."""
    for other in others.split():
        said = other if label == _THEIRS else label or one
        yield Pair(_code(one), _code(other), "contraindicated", effect, f"{said}, label, {section}")


_OLD = "Contraindications"
_THEIRS = "each"
"""For `label`: the label of each of the others."""
_SEROTONERGIC = (
    *_not("maois", "ssris", _SEROTONIN, "sertraline"),
    *_not("maois", "snris", _SEROTONIN, "venlafaxine"),
    *_not("maois", "tcas", "serotonin syndrome, very high fever", "amitriptyline"),
    *_not("maois", "bupropion", _PRESSURE, "bupropion"),
    *_not("maois", "meperidine", _COMA, "meperidine"),
    *_not("maois", "amphetamines", _PRESSURE, "amphetamine"),
    *_not("maois", "tramadol", _SEROTONIN, "tramadol"),
    *_not("maois", "tapentadol", _SEROTONIN, "tapentadol"),
    *_not("maois", "trazodone", _SEROTONIN, "trazodone"),
    *_not("maois", "mirtazapine", _SEROTONIN, "mirtazapine"),
    *_not("maois", "vilazodone", _SEROTONIN, "vilazodone"),
    *_not("maois", "vortioxetine", _SEROTONIN, "vortioxetine"),
    *_not("maois", "buspirone", "serotonin syndrome, very high blood pressure", "buspirone"),
    *_not("maois", "cyclobenzaprine", "serotonin syndrome, very high fever", "cyclobenzaprine", _OLD),
    *_not("maois", "atomoxetine", _PRESSURE, "atomoxetine"),
    *_not("maois", "viloxazine", _PRESSURE, "viloxazine"),
    *_not("maois", "solriamfetol", _PRESSURE, "solriamfetol"),
    *_not("maois", "tetrabenazine", _PRESSURE, "tetrabenazine"),
    *_not("maois", "deutetrabenazine", _PRESSURE, "deutetrabenazine"),
    *_not("maois", "methyldopa", _PRESSURE, "methyldopa", _OLD),
    *_not("maois", "dextromethorphan", _SEROTONIN, "dextromethorphan", "OTC drug facts: do not use"),
    *_not("maois", "pseudoephedrine", _PRESSURE, "pseudoephedrine", "OTC drug facts: do not use"),
    *_not("maois", "phenylephrine", _PRESSURE, "phenylephrine", "OTC drug facts: do not use"),
    *_not("maois", "maois", _PRESSURE, "phenelzine", _OLD),
    *_not("rasagiline", f"methadone {_WORT}", _SEROTONIN),
    *_not("safinamide", f"methadone {_WORT}", _SEROTONIN),
    *_not("selegiline", "methadone pentazocine carbamazepine", _SEROTONIN, "Emsam"),
    *_not("levodopa", "phenelzine tranylcypromine isocarboxazid", _PRESSURE, "Sinemet", _OLD),
    *_not("opicapone", "phenelzine tranylcypromine isocarboxazid", _PRESSURE),
    *_not("sumatriptan", "maois-nonselective", _SEROTONIN),
    *_not("rizatriptan", "maois-nonselective", _SEROTONIN),
    *_not("zolmitriptan", "maois-nonselective", _SEROTONIN),
)
_HEART = (
    *_not("pde5-inhibitors", "nitrates", _FALLS, "sildenafil"),
    *_not("riociguat", "nitrates pde5-inhibitors dipyridamole theophylline", _FALLS),
    *_not("vericiguat", "riociguat", _FALLS),
    *_not("sacubitril", "ace-inhibitors", "swelling of face and throat", "Entresto"),
    *_not("eplerenone", _CYP3A, _POTASSIUM),
    *_not("spironolactone", "eplerenone", _POTASSIUM),
    *_not("amiloride", "spironolactone triamterene potassium-supplements", _POTASSIUM, "", _OLD),
    *_not("triamterene", "spironolactone potassium-supplements", _POTASSIUM, "triamterene", _OLD),
    *_not("finerenone", _CYP3A, _POTASSIUM),
    *_not("ivabradine", _CYP3A, "the heart beats too slowly"),
    *_not("ranolazine", _CYP3A, _RHYTHM),
    *_not("ranolazine", f"{_INDUCERS} rifabutin rifapentine", _LESS),
    *_not("dofetilide", "verapamil hydrochlorothiazide trimethoprim cimetidine ketoconazole prochlorperazine", _RHYTHM),
    *_not("dofetilide", "megestrol dolutegravir", _RHYTHM),
    *_not("dofetilide", "bictegravir", _RHYTHM, "Biktarvy"),
    *_not("dofetilide", "itraconazole", _RHYTHM, "itraconazole"),
    *_not("dronedarone", f"{_CYP3A} cyclosporine tcas thioridazine chlorpromazine amiodarone", _RHYTHM),
    *_not("dronedarone", "sotalol dofetilide quinidine disopyramide flecainide propafenone procainamide", _RHYTHM),
    *_not("fingolimod", "amiodarone sotalol dofetilide dronedarone ibutilide", _RHYTHM),
    *_not("fingolimod", "quinidine disopyramide procainamide", _RHYTHM),
    *_not("ritonavir", "amiodarone flecainide propafenone quinidine", _RHYTHM, "Norvir"),
    *_not("quinidine", "ketoconazole itraconazole posaconazole voriconazole fluconazole", _RHYTHM, _THEIRS),
    *_not("disopyramide", "ketoconazole itraconazole", _RHYTHM, _THEIRS),
    *_not("felodipine", "ketoconazole itraconazole", _FALLS, _THEIRS),
    *_not("nisoldipine", "ketoconazole itraconazole", _FALLS, _THEIRS),
    *_not("nimodipine", _CYP3A, _FALLS, "", _OLD),
    *_not("ticagrelor", "itraconazole", _BLEEDING, "itraconazole"),
    *_not("tolvaptan", _CYP3A, _MORE),
    *_not("alfuzosin", _CYP3A, _FALLS),
    *_not("alfuzosin", "atazanavir darunavir", _FALLS, _THEIRS),
    *_not("silodosin", _CYP3A, _FALLS),
    *_not("tizanidine", "fluvoxamine ciprofloxacin", _FALLS),
    *_not("apomorphine", "ondansetron granisetron palonosetron dolasetron alosetron", _FALLS),
    *_not("bosentan", "glyburide", _LIVER),
    *_not("bosentan", "cyclosporine", _MORE),
    *_not("selexipag", "gemfibrozil", _MORE),
    *_not("elagolix", "gemfibrozil cyclosporine", _MORE),
    *_not("repaglinide", "gemfibrozil", "very low blood sugar"),
)
_STATINS = (
    *_not("simvastatin", f"{_CYP3A} gemfibrozil cyclosporine danazol erythromycin", _MUSCLE),
    *_not("lovastatin", f"{_CYP3A} erythromycin", _MUSCLE),
    *_not("simvastatin", "atazanavir darunavir mifepristone", _MUSCLE, _THEIRS),
    *_not("lovastatin", "atazanavir darunavir mifepristone", _MUSCLE, _THEIRS),
    *_not("atorvastatin", "posaconazole", _MUSCLE, "posaconazole"),
    *_not("pitavastatin", "cyclosporine", _MUSCLE),
    *_not("lomitapide", f"{_CYP3A} fluconazole erythromycin diltiazem verapamil ciprofloxacin", _LIVER),
)
_MIND = (
    *_not("pimozide", f"{_CYP3A} erythromycin azithromycin", _RHYTHM, "", _OLD),
    *_not("pimozide", "citalopram escitalopram fluoxetine fluvoxamine paroxetine sertraline", _RHYTHM, _THEIRS),
    *_not("pimozide", "fluconazole", _RHYTHM, _THEIRS, _OLD),
    *_not("pimozide", "atazanavir darunavir mifepristone", _RHYTHM, _THEIRS),
    *_not("thioridazine", "fluoxetine paroxetine fluvoxamine propranolol pindolol", _RHYTHM, "", _OLD),
    *_not("thioridazine", "amiodarone sotalol dofetilide quinidine disopyramide pimozide", _RHYTHM, "", _OLD),
    *_not("ziprasidone", "amiodarone sotalol dofetilide dronedarone quinidine thioridazine pimozide", _RHYTHM),
    *_not("ziprasidone", "chlorpromazine droperidol moxifloxacin mefloquine pentamidine tacrolimus", _RHYTHM),
    *_not("ziprasidone", "arsenic-trioxide dolasetron", _RHYTHM),
    *_not("lurasidone", _CYP3A, _MORE),
    *_not("lurasidone", "darunavir", _MORE, "darunavir"),
    *_not("lurasidone", _INDUCERS, _LESS),
    *_not("triazolam", _CYP3A, "deep sedation"),
    *_not("triazolam", "atazanavir darunavir", "deep sedation", _THEIRS),
    *_not("alprazolam", "ketoconazole itraconazole", "deep sedation"),
    *_not("oxybate", "z-hypnotics benzodiazepines", "deep sedation, breathing stops", "Xyrem (sedative hypnotics)"),
    *_not("carbamazepine", "nefazodone", _LESS, "", _OLD),
    *_not("ramelteon", "fluvoxamine", _MORE),
    *_not("alosetron", "fluvoxamine", _MORE),
    *_not("viloxazine", "alosetron duloxetine ramelteon tasimelteon", _MORE, "", "sections 4 and 7"),
    *_not("viloxazine", "tizanidine theophylline", _MORE, "", "sections 4 and 7"),
    *_not("flibanserin", f"{_CYP3A} fluconazole erythromycin diltiazem verapamil ciprofloxacin", _FALLS),
    *_not("tetrabenazine", "reserpine deutetrabenazine valbenazine", _MORE),
    *_not("deutetrabenazine", "reserpine valbenazine", _MORE),
    *_not("suzetrigine", _CYP3A, _MORE),
    *_not("methadone", "ketoconazole itraconazole", _RHYTHM, _THEIRS),
    *_not("naltrexone", "opioids", "sudden withdrawal"),
    *_not("naloxegol", _CYP3A, "sudden withdrawal"),
    *_not("naloxegol", "darunavir", "sudden withdrawal", _THEIRS),
    *_not("disulfiram", "metronidazole", "confusion, hallucinations", "metronidazole"),
    Pair("XG:opioids", "XG:benzodiazepines", "boxed warning", "deep sedation, breathing stops", "opioids, label"),
)
_HEADACHE = (
    *_not("ergot-derivatives", _CYP3A, _ISCHAEMIA, "ergotamine, Norvir"),
    *_not("ergot-derivatives", "atazanavir darunavir", _ISCHAEMIA, _THEIRS),
    *_not("ergot-derivatives", "erythromycin", _ISCHAEMIA, "ergotamine", _OLD),
    *_not("ergot-derivatives", "mifepristone", _ISCHAEMIA, "Korlym"),
    *_not("triptans", "ergot-derivatives", _ISCHAEMIA, "sumatriptan"),
    *_not("eletriptan", _CYP3A, _ISCHAEMIA),
    *_not("ubrogepant", _CYP3A, _MORE),
)
_INFECTIONS = (
    *_not("arv-pi", f"rifampin {_WORT}", _LESS, "atazanavir"),
    *_not("atazanavir", "carbamazepine phenobarbital phenytoin nevirapine", _LESS),
    *_not("irinotecan", "ketoconazole itraconazole atazanavir", _MORE, _THEIRS),
    *_not("cobicistat", f"rifampin carbamazepine phenobarbital phenytoin {_WORT}", _LESS),
    *_not("nirmatrelvir", f"{_INDUCERS} rifapentine", _LESS, "Paxlovid"),
    *_not("rilpivirine", "ppis dexamethasone rifampin rifapentine carbamazepine oxcarbazepine", _LESS),
    *_not("rilpivirine", f"phenobarbital phenytoin {_WORT}", _LESS),
    *_not("cabotegravir", "rifampin rifapentine carbamazepine oxcarbazepine phenobarbital phenytoin", _LESS),
    *_not("doravirine", f"{_INDUCERS} rifapentine oxcarbazepine", _LESS),
    *_not("bictegravir", "rifampin", _LESS, "Biktarvy"),
    *_not("fostemsavir", f"rifampin carbamazepine phenytoin enzalutamide mitotane {_WORT}", _LESS),
    *_not("lenacapavir", _INDUCERS, _LESS),
    *_not("glecaprevir", "rifampin", _LESS, "Mavyret"),
    *_not("glecaprevir", "atazanavir", _LIVER, "Mavyret"),
    *_not("elbasvir", f"rifampin carbamazepine phenytoin efavirenz {_WORT}", _LESS, "Zepatier"),
    *_not("elbasvir", "atazanavir darunavir lopinavir cyclosporine", _LIVER, "Zepatier"),
    *_not("voriconazole", f"rifampin rifabutin carbamazepine phenobarbital efavirenz {_WORT}", _LESS),
    *_not("sirolimus", "voriconazole posaconazole mifepristone", _MORE, _THEIRS),
    *_not("isavuconazonium", "ketoconazole itraconazole", _MORE),
    *_not("isavuconazonium", f"rifampin carbamazepine phenobarbital {_WORT}", _LESS),
    *_not("fluconazole", "erythromycin", _RHYTHM, "", _OLD),
    *_not("praziquantel", "rifampin", _LESS),
    *_not("lumefantrine", f"rifampin carbamazepine phenytoin {_WORT}", _LESS, "Coartem"),
    *_not("methenamine", "sulfamethoxazole sulfadiazine", "crystals in the urine", "", _OLD),
)
_OTHERS = (
    *_not("febuxostat", "azathioprine mercaptopurine", _MARROW),
    *_not("ketorolac", "nsaids pentoxifylline probenecid", _BLEEDING, "", _OLD),
    *_not("leflunomide", "teriflunomide", _LIVER),
    *_not("acitretin", "methotrexate", _LIVER, "", _OLD),
    *_not("acitretin", "tetracyclines", "raised pressure inside the skull", "", _OLD),
    *_not("mifepristone", "corticosteroids", _LESS, "Korlym"),
    *_not("mifepristone", "cyclosporine tacrolimus quinidine fentanyl", _MORE, "Korlym"),
    *_not("voclosporin", _CYP3A, "damage to the kidneys"),
)
PAIRS = (*_SEROTONERGIC, *_HEART, *_STATINS, *_MIND, *_HEADACHE, *_INFECTIONS, *_OTHERS)
