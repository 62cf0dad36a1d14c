"""What the invented people of the truth are treated with: medicines as a clinician chooses them, and what for.

A plan is a row of PLANS: ingredients, dose form, how it is taken, the strengths it comes in (value in the unit of the
product), pieces at a time, times a day. `course` is for days, `chronic` for years, `needed` now and then.
"""

from typing import Literal, NamedTuple

Manner = Literal["chronic", "course", "needed"]


class Plan(NamedTuple):
    """One way of treating one thing."""

    ingredients: tuple[str, ...]
    form: str
    manner: Manner
    strengths: tuple[str, ...]
    pieces: int
    times: int
    reason: str


def _plan(names: str, form: str, manner: Manner, strengths: str, times: int, reason: str, pieces: int = 1) -> Plan:
    return Plan(tuple(names.split(" + ")), form, manner, tuple(strengths.split()), pieces, times, reason)


TABLET, CAPSULE, SLOW = "Oral Tablet", "Oral Capsule", "Extended Release Oral Tablet"
PLANS = (
    _plan("lisinopril", TABLET, "chronic", "5 10 20 40", 1, "high blood pressure"),
    _plan("enalapril", TABLET, "chronic", "5 10 20", 2, "high blood pressure"),
    _plan("benazepril", TABLET, "chronic", "10 20 40", 1, "high blood pressure"),
    _plan("losartan", TABLET, "chronic", "25 50 100", 1, "high blood pressure"),
    _plan("valsartan", TABLET, "chronic", "80 160 320", 1, "high blood pressure"),
    _plan("amlodipine", TABLET, "chronic", "2.5 5 10", 1, "high blood pressure"),
    _plan("hydrochlorothiazide", TABLET, "chronic", "12.5 25", 1, "high blood pressure"),
    _plan("chlorthalidone", TABLET, "chronic", "25 50", 1, "high blood pressure"),
    _plan("hydrochlorothiazide + lisinopril", TABLET, "chronic", "10 20", 1, "high blood pressure"),
    _plan("hydrochlorothiazide + losartan", TABLET, "chronic", "50 100", 1, "high blood pressure"),
    _plan("amlodipine + benazepril", CAPSULE, "chronic", "5 10", 1, "high blood pressure"),
    _plan("metoprolol", SLOW, "chronic", "25 50 100", 1, "high blood pressure"),
    _plan("metoprolol", TABLET, "chronic", "25 50 100", 2, "high blood pressure"),
    _plan("carvedilol", TABLET, "chronic", "6.25 12.5 25", 2, "heart failure"),
    _plan("furosemide", TABLET, "chronic", "20 40 80", 1, "heart failure"),
    _plan("spironolactone", TABLET, "chronic", "25 50", 1, "heart failure"),
    _plan("sacubitril + valsartan", TABLET, "chronic", "24 49", 2, "heart failure"),
    _plan("digoxin", TABLET, "chronic", "0.125 0.25", 1, "heart failure"),
    _plan("simvastatin", TABLET, "chronic", "10 20 40", 1, "high cholesterol"),
    _plan("rosuvastatin", TABLET, "chronic", "5 10 20", 1, "high cholesterol"),
    _plan("pravastatin", TABLET, "chronic", "20 40", 1, "high cholesterol"),
    _plan("ezetimibe", TABLET, "chronic", "10", 1, "high cholesterol"),
    _plan("ezetimibe + simvastatin", TABLET, "chronic", "10", 1, "high cholesterol"),
    _plan("gemfibrozil", TABLET, "chronic", "600", 2, "high cholesterol"),
    _plan("metformin", TABLET, "chronic", "500 850 1000", 2, "diabetes"),
    _plan("metformin", SLOW, "chronic", "500 750", 1, "diabetes"),
    _plan("metformin + sitagliptin", TABLET, "chronic", "500 1000", 2, "diabetes"),
    _plan("sitagliptin", TABLET, "chronic", "50 100", 1, "diabetes"),
    _plan("glipizide", TABLET, "chronic", "5 10", 2, "diabetes"),
    _plan("glyburide", TABLET, "chronic", "2.5 5", 1, "diabetes"),
    _plan("empagliflozin", TABLET, "chronic", "10 25", 1, "diabetes"),
    _plan("pioglitazone", TABLET, "chronic", "15 30 45", 1, "diabetes"),
    _plan("levothyroxine", TABLET, "chronic", "0.025 0.05 0.075 0.1 0.125", 1, "underactive thyroid"),
    _plan("warfarin", TABLET, "chronic", "2 2.5 5", 1, "atrial fibrillation"),
    _plan("rivaroxaban", TABLET, "chronic", "15 20", 1, "atrial fibrillation"),
    _plan("clopidogrel", TABLET, "chronic", "75", 1, "coronary disease"),
    _plan("omeprazole", "Delayed Release Oral Capsule", "chronic", "20 40", 1, "reflux"),
    _plan("pantoprazole", "Delayed Release Oral Tablet", "chronic", "20 40", 1, "reflux"),
    _plan("famotidine", TABLET, "chronic", "20 40", 2, "reflux"),
    _plan("sertraline", TABLET, "chronic", "25 50 100", 1, "depression"),
    _plan("fluoxetine", CAPSULE, "chronic", "10 20 40", 1, "depression"),
    _plan("escitalopram", TABLET, "chronic", "5 10 20", 1, "depression"),
    _plan("trazodone", TABLET, "chronic", "50 100", 1, "sleep"),
    _plan("gabapentin", CAPSULE, "chronic", "100 300 400", 3, "nerve pain"),
    _plan("gabapentin", TABLET, "chronic", "600 800", 3, "nerve pain"),
    _plan("lamotrigine", TABLET, "chronic", "25 100 200", 2, "epilepsy"),
    _plan("montelukast", TABLET, "chronic", "10", 1, "asthma"),
    _plan("tamsulosin", CAPSULE, "chronic", "0.4", 1, "enlarged prostate"),
    _plan("finasteride", TABLET, "chronic", "5", 1, "enlarged prostate"),
    _plan("timolol", "Ophthalmic Solution", "chronic", "2.5 5", 2, "glaucoma"),
    _plan("timolol", TABLET, "chronic", "5 10", 2, "migraine"),
    _plan("latanoprost", "Ophthalmic Solution", "chronic", "0.05", 1, "glaucoma"),
    _plan("prednisone", TABLET, "course", "5 10 20", 1, "a flare"),
    _plan("methotrexate", TABLET, "chronic", "2.5", 1, "arthritis"),
    _plan("folic acid", TABLET, "chronic", "1", 1, "folate"),
    _plan("alendronate", TABLET, "chronic", "10", 1, "weak bones"),
    _plan("hydrocortisone", TABLET, "chronic", "5 10", 2, "adrenal failure"),
    _plan("hydrocortisone", "Topical Cream", "needed", "10 25", 2, "eczema"),
    _plan("diclofenac", "Delayed Release Oral Tablet", "needed", "50 75", 2, "joint pain"),
    _plan("diclofenac", "Topical Gel", "needed", "0.01", 3, "joint pain"),
    _plan("ibuprofen", TABLET, "needed", "400 600 800", 3, "pain"),
    _plan("naproxen", TABLET, "needed", "250 500", 2, "pain"),
    _plan("tramadol", TABLET, "needed", "50", 4, "pain"),
    _plan("acetaminophen + hydrocodone", TABLET, "needed", "325", 4, "pain"),
    _plan("cyclobenzaprine", TABLET, "needed", "5 10", 3, "muscle spasm"),
    _plan("sumatriptan", TABLET, "needed", "50 100", 1, "migraine"),
    _plan("zolpidem", TABLET, "needed", "5 10", 1, "sleep"),
    _plan("lorazepam", TABLET, "needed", "0.5 1", 2, "anxiety"),
    _plan("ondansetron", TABLET, "needed", "4 8", 2, "nausea"),
    _plan("amoxicillin", CAPSULE, "course", "250 500", 3, "an infection"),
    _plan("amoxicillin + clavulanate", TABLET, "course", "500 875", 2, "an infection"),
    _plan("ciprofloxacin", TABLET, "course", "250 500", 2, "an infection"),
    _plan("doxycycline", CAPSULE, "course", "100", 2, "an infection"),
    _plan("cephalexin", CAPSULE, "course", "250 500", 4, "an infection"),
    _plan("sulfamethoxazole + trimethoprim", TABLET, "course", "400 800", 2, "an infection"),
    _plan("nitrofurantoin", CAPSULE, "course", "50 100", 2, "an infection"),
)

WHOLES = {
    ("hydrochlorothiazide", "lisinopril"), ("hydrochlorothiazide", "losartan"), ("amlodipine", "benazepril"),
    ("ezetimibe", "simvastatin"), ("metformin", "sitagliptin"),
}  # fmt: skip
"""Pairs that are also sold as one product: some people change from the two to the one."""

TYPED = {
    "hydrochlorothiazide": ("HCTZ", "hydrochlorothiazide"), "acetaminophen": ("APAP", "acetaminophen", "Tylenol"),
    "furosemide": ("furosemide", "frusemide", "Lasix"), "methotrexate": ("MTX", "methotrexate"),
    "levothyroxine": ("levothyroxine", "thyroxine", "Synthroid", "L-thyroxine"),
    "omeprazole": ("omeprazole", "Prilosec"),
    "metformin": ("metformin", "metformin HCl", "Glucophage"), "metoprolol": ("metoprolol", "Lopressor", "Toprol"),
    "sertraline": ("sertraline", "Zoloft"), "warfarin": ("warfarin", "Coumadin"),
    "simvastatin": ("simvastatin", "simvastatin", "Zocor"),
    "lisinopril": ("lisinopril", "lisinopril", "Zestril", "Prinivil"), "ibuprofen": ("ibuprofen", "Motrin"),
    "clopidogrel": ("clopidogrel", "Plavix"), "zolpidem": ("zolpidem", "Ambien"), "tramadol": ("tramadol", "Ultram"),
}  # fmt: skip
"""What people type for an ingredient; for all others its name."""
