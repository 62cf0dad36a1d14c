"""The few clinical codes the invented people of the demo need, written by hand.

Codes and names are facts: RxNorm names courtesy of the U.S. National Library of Medicine (NLM is not
responsible for this product and does not endorse it), ICD-10-CM of CDC/NCHS, CVX of CDC, LOINC codes of
Regenstrief (loinc.org). Of SNOMED CT only a handful of everyday codes appear. Nothing here is advice.
"""

from __future__ import annotations

from dataclasses import dataclass

SNOMED = "http://snomed.info/sct"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
LOINC = "http://loinc.org"
CVX = "http://hl7.org/fhir/sid/cvx"
UCUM = "http://unitsofmeasure.org"


@dataclass(frozen=True)
class Medicine:
    """One RxNorm product: code, name, directions, and (dose, UCUM unit, times per day; 0 = as needed)."""

    code: str
    name: str
    sig: str
    dose: str = "1"
    unit: str = "{tbl}"
    per_day: int = 1


MEDICINES: dict[str, Medicine] = {
    "lisinopril 10": Medicine("314076", "lisinopril 10 MG Oral Tablet", "Take 1 tablet by mouth once a day"),
    "lisinopril 20": Medicine("314077", "lisinopril 20 MG Oral Tablet", "Take 1 tablet by mouth once a day"),
    "Zestril 20": Medicine("104378", "lisinopril 20 MG Oral Tablet [Zestril]", "Take 1 tablet by mouth once a day"),
    "lisinopril-hctz": Medicine(
        "197886",
        "hydrochlorothiazide 12.5 MG / lisinopril 20 MG Oral Tablet",
        "Take 1 tablet by mouth every morning",
    ),
    "amlodipine 5": Medicine("197361", "amlodipine 5 MG Oral Tablet", "Take 1 tablet by mouth once a day"),
    "metformin 500": Medicine(
        "861007",
        "metformin hydrochloride 500 MG Oral Tablet",
        "Take 1 tablet twice a day with meals",
        per_day=2,
    ),
    "metformin 1000": Medicine(
        "861004",
        "metformin hydrochloride 1000 MG Oral Tablet",
        "Take 1 tablet twice a day with meals",
        per_day=2,
    ),
    "Glucophage 1000": Medicine(
        "861006",
        "metformin hydrochloride 1000 MG Oral Tablet [Glucophage]",
        "Take 1 tablet twice a day with meals",
        per_day=2,
    ),
    "metformin-sitagliptin": Medicine(
        "861769",
        "metformin hydrochloride 1000 MG / sitagliptin 50 MG Oral Tablet",
        "Take 1 tablet twice a day with meals",
        per_day=2,
    ),
    "atorvastatin 20": Medicine("617310", "atorvastatin 20 MG Oral Tablet", "Take 1 tablet in the evening"),
    "atorvastatin 40": Medicine("617311", "atorvastatin 40 MG Oral Tablet", "Take 1 tablet in the evening"),
    "Lipitor 40": Medicine("617320", "atorvastatin 40 MG Oral Tablet [Lipitor]", "Take 1 tablet in the evening"),
    "amlodipine-atorvastatin": Medicine(
        "597984", "amlodipine 5 MG / atorvastatin 40 MG Oral Tablet", "Take 1 tablet in the evening"
    ),
    "warfarin 5": Medicine(
        "855332", "warfarin sodium 5 MG Oral Tablet", "Take half a tablet in the evening", dose="0.50"
    ),
    "apixaban 5": Medicine("1364445", "apixaban 5 MG Oral Tablet", "Take 1 tablet twice a day", per_day=2),
    "Eliquis 5": Medicine("1364447", "apixaban 5 MG Oral Tablet [Eliquis]", "Take 1 tablet twice a day", per_day=2),
    "albuterol": Medicine(
        "2123111",
        "NDA020503 200 ACTUAT albuterol 0.09 MG/ACTUAT Metered Dose Inhaler",
        "Inhale 2 puffs every 4 to 6 hours when wheezing",
        dose="2",
        unit="{puff}",
        per_day=0,
    ),
    "fluticasone": Medicine(
        "895994",
        "120 ACTUAT fluticasone propionate 0.044 MG/ACTUAT Metered Dose Inhaler",
        "Inhale 2 puffs twice a day, rinse the mouth afterwards",
        dose="2",
        unit="{puff}",
        per_day=2,
    ),
    "Flovent": Medicine(
        "895996",
        "120 ACTUAT fluticasone propionate 0.044 MG/ACTUAT Metered Dose Inhaler [Flovent]",
        "Inhale 2 puffs twice a day, rinse the mouth afterwards",
        dose="2",
        unit="{puff}",
        per_day=2,
    ),
    "montelukast 5": Medicine("242438", "montelukast 5 MG Chewable Tablet", "Chew 1 tablet in the evening"),
    "epinephrine": Medicine(
        "727316",
        "NDA019430 0.3 ML epinephrine 0.5 MG/ML Auto-Injector",
        "Inject into the outer thigh for a severe allergic reaction, then call for help",
        dose="0.15",
        unit="mg",
        per_day=0,
    ),
    "prednisone 20": Medicine("312615", "prednisone 20 MG Oral Tablet", "Take 1 tablet every morning for 5 days"),
    "levothyroxine 50": Medicine(
        "966221", "levothyroxine sodium 0.05 MG Oral Tablet", "Take 1 tablet on an empty stomach"
    ),
    "levothyroxine 75": Medicine(
        "966222", "levothyroxine sodium 0.075 MG Oral Tablet", "Take 1 tablet on an empty stomach"
    ),
    "Synthroid 75": Medicine(
        "966171", "levothyroxine sodium 0.075 MG Oral Tablet [Synthroid]", "Take 1 tablet on an empty stomach"
    ),
    "sertraline 50": Medicine("312941", "sertraline 50 MG Oral Tablet", "Take 1 tablet every morning"),
    "sertraline 100": Medicine("312938", "sertraline 100 MG Oral Tablet", "Take 1 tablet every morning"),
    "Zoloft 100": Medicine("208149", "sertraline 100 MG Oral Tablet [Zoloft]", "Take 1 tablet every morning"),
    "escitalopram 10": Medicine("349332", "escitalopram 10 MG Oral Tablet", "Take 1 tablet every morning"),
    "Lexapro 10": Medicine("352272", "escitalopram 10 MG Oral Tablet [Lexapro]", "Take 1 tablet every morning"),
    "lamotrigine 100": Medicine("198427", "lamotrigine 100 MG Oral Tablet", "Take 1 tablet in the evening"),
    "Lamictal 100": Medicine("105018", "lamotrigine 100 MG Oral Tablet [Lamictal]", "Take 1 tablet in the evening"),
    "ibuprofen 400": Medicine(
        "197805",
        "ibuprofen 400 MG Oral Tablet",
        "Take 1 tablet with food when in pain, at most 3 a day",
        per_day=0,
    ),
    "acetaminophen 500": Medicine(
        "198440",
        "acetaminophen 500 MG Oral Tablet",
        "Take 2 tablets when in pain, at most 6 a day",
        dose="2",
        per_day=0,
    ),
    "naproxen 500": Medicine("198014", "naproxen 500 MG Oral Tablet", "Take 1 tablet twice a day with food", per_day=2),
    "tamoxifen 20": Medicine("313195", "tamoxifen 20 MG Oral Tablet", "Take 1 tablet once a day"),
    "anastrozole 1": Medicine("199224", "anastrozole 1 MG Oral Tablet", "Take 1 tablet once a day"),
    "Arimidex 1": Medicine("151124", "anastrozole 1 MG Oral Tablet [Arimidex]", "Take 1 tablet once a day"),
    "tiotropium": Medicine(
        "485032", "tiotropium 0.018 MG Inhalation Powder", "Inhale 1 capsule once a day", unit="{capsule}"
    ),
    "Spiriva": Medicine(
        "580261",
        "tiotropium 0.018 MG Inhalation Powder [Spiriva]",
        "Inhale 1 capsule once a day",
        unit="{capsule}",
    ),
    "losartan 50": Medicine("979492", "losartan potassium 50 MG Oral Tablet", "Take 1 tablet once a day"),
    "Cozaar 50": Medicine("979494", "losartan potassium 50 MG Oral Tablet [Cozaar]", "Take 1 tablet once a day"),
    "empagliflozin 10": Medicine("1545658", "empagliflozin 10 MG Oral Tablet", "Take 1 tablet every morning"),
    "bictegravir": Medicine(
        "1999667",
        "bictegravir 50 MG / emtricitabine 200 MG / tenofovir alafenamide 25 MG Oral Tablet",
        "Take 1 tablet once a day, do not miss a dose",
    ),
    "Biktarvy": Medicine(
        "1999673",
        "bictegravir 50 MG / emtricitabine 200 MG / tenofovir alafenamide 25 MG Oral Tablet [Biktarvy]",
        "Take 1 tablet once a day, do not miss a dose",
    ),
    "buprenorphine tablet": Medicine(
        "351267",
        "buprenorphine 8 MG / naloxone 2 MG Sublingual Tablet",
        "Let 1 tablet dissolve under the tongue",
    ),
    "buprenorphine film": Medicine(
        "1010604",
        "buprenorphine 8 MG / naloxone 2 MG Sublingual Film",
        "Let 2 films dissolve under the tongue",
        dose="2",
        unit="{film}",
    ),
    "Suboxone": Medicine(
        "1010606",
        "buprenorphine 8 MG / naloxone 2 MG Sublingual Film [Suboxone]",
        "Let 2 films dissolve under the tongue",
        dose="2",
        unit="{film}",
    ),
    "naloxone spray": Medicine(
        "1725059",
        "naloxone hydrochloride 40 MG/ML Nasal Spray",
        "Spray once into one nostril for a suspected overdose, then call for help",
        unit="{spray}",
        per_day=0,
    ),
    "oxycodone 5": Medicine(
        "1049621", "oxycodone hydrochloride 5 MG Oral Tablet", "Take 1 tablet when in severe pain", per_day=0
    ),
    "naltrexone 50": Medicine("1483744", "naltrexone hydrochloride 50 MG Oral Tablet", "Take 1 tablet once a day"),
    "omeprazole 20": Medicine(
        "198051",
        "omeprazole 20 MG Delayed Release Oral Capsule",
        "Take 1 capsule before breakfast",
        unit="{capsule}",
    ),
    "Prilosec 20": Medicine(
        "207212",
        "omeprazole 20 MG Delayed Release Oral Capsule [Prilosec]",
        "Take 1 capsule before breakfast",
        unit="{capsule}",
    ),
    "contraceptive pill": Medicine(
        "242297", "ethinyl estradiol 0.02 MG / levonorgestrel 0.1 MG Oral Tablet", "Take 1 tablet once a day"
    ),
}


@dataclass(frozen=True)
class Measure:
    """One LOINC measurement: unit text, UCUM code, decimal places, then start, end and noise in last digits."""

    code: str
    name: str
    unit: str
    ucum: str
    places: int
    start: int
    end: int
    noise: int
    category: str = "laboratory"


MEASURES: dict[str, Measure] = {
    "hba1c": Measure("4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", "%", "%", 1, 88, 70, 2),
    "ldl": Measure("13457-7", "Cholesterol in LDL [Mass/volume] in Serum or Plasma by calculation",
                   "mg/dL", "mg/dL", 0, 162, 84, 6),
    "tsh": Measure("3016-3", "Thyrotropin [Units/volume] in Serum or Plasma", "mIU/L", "m[IU]/L", 2, 912, 240, 35),
    "creatinine": Measure("2160-0", "Creatinine [Mass/volume] in Serum or Plasma", "mg/dL", "mg/dL", 2, 128, 140, 5),
    "egfr": Measure("33914-3", "Glomerular filtration rate/1.73 sq M.predicted", "mL/min/1.73 m2",
                    "mL/min/{1.73_m2}", 0, 55, 49, 2),
    "viral load": Measure("20447-9", "HIV 1 RNA [#/volume] (viral load) in Serum or Plasma by NAA with probe detection",
                          "copies/mL", "{copies}/mL", 0, 48200, 20, 3),
    "peak flow": Measure("19935-6", "Maximum expiratory gas flow Respiratory system airway by Peak flow meter",
                         "L/min", "L/min", 0, 240, 300, 15, "exam"),
    "oxygen": Measure("59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry", "%", "%", 0, 92, 95, 1,
                      "vital-signs"),
    "phq9": Measure("44261-6", "Patient Health Questionnaire 9 item (PHQ-9) total score [Reported]", "score",
                    "{score}", 0, 17, 6, 2, "survey"),
}  # fmt: skip

BLOOD_PRESSURE = ("85354-9", "Blood pressure panel with all children optional")
SYSTOLIC = ("8480-6", "Systolic blood pressure")
DIASTOLIC = ("8462-4", "Diastolic blood pressure")
BODY_WEIGHT = ("29463-7", "Body weight")
SMOKING_STATUS = ("72166-2", "Tobacco smoking status")
SMOKING: dict[str, tuple[str, str]] = {
    "never": ("266919005", "Never smoked tobacco"),
    "former": ("8517006", "Ex-smoker"),
    "daily": ("449868002", "Smokes tobacco daily"),
}
PROGRESS_NOTE = ("11506-3", "Progress note")
REPORTS: dict[str, tuple[str, str]] = {
    "hba1c": ("4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood"),
    "ldl": ("24331-1", "Lipid 1996 panel - Serum or Plasma"),
    "creatinine": ("24321-2", "Basic metabolic 2000 panel - Serum or Plasma"),
}


@dataclass(frozen=True)
class Allergy:
    """What somebody reacts to: code system, code, name, FHIR category, criticality, reaction."""

    system: str
    code: str
    name: str
    category: str
    criticality: str
    reaction: str


ALLERGIES: dict[str, Allergy] = {
    "amoxicillin": Allergy(RXNORM, "723", "amoxicillin", "medication", "low", "Hives"),
    "penicillin": Allergy(RXNORM, "7984", "penicillin V", "medication", "high", "Swollen lips and hives"),
    "sulfa": Allergy(RXNORM, "10180", "sulfamethoxazole", "medication", "high", "Blistering rash"),
    "aspirin": Allergy(RXNORM, "1191", "aspirin", "medication", "low", "Wheezing"),
    "codeine": Allergy(RXNORM, "2670", "codeine", "medication", "low", "Vomiting"),
    "latex": Allergy(SNOMED, "300916003", "Latex allergy", "environment", "low", "Itching under gloves"),
    "peanut": Allergy(SNOMED, "91935009", "Allergy to peanuts", "food", "high", "Anaphylaxis"),
}
NO_KNOWN_ALLERGY = ("716186003", "No known allergy")

# Vaccine: CVX code, CVX short name, first day it could be given (ISO date).
VACCINES: dict[str, tuple[str, str, str]] = {
    "influenza": ("140", "Influenza, split virus, trivalent, PF", "2024-08-01"),
    "influenza before": ("150", "Influenza, split virus, quadrivalent, PF", "2013-08-01"),
    "tdap": ("115", "Tdap", "2005-07-01"),
    "zoster": ("187", "zoster recombinant", "2017-11-01"),
    "pneumococcal": ("33", "pneumococcal polysaccharide PPV23", "1983-07-01"),
    "covid": ("309", "COVID-19, mRNA, LNP-S, PF, tris-sucrose, 30 mcg/0.3 mL", "2023-09-15"),
    "dtap": ("20", "DTaP", "1992-01-01"),
    "polio": ("10", "IPV", "1990-01-01"),
    "mmr": ("03", "MMR", "1972-01-01"),
    "varicella": ("21", "varicella", "1995-04-01"),
    "hepatitis b": ("08", "Hep B, adolescent or pediatric", "1990-01-01"),
}

# Procedure: SNOMED CT code, name.
PROCEDURES: dict[str, tuple[str, str]] = {
    "ecg": ("29303009", "Electrocardiographic procedure"),
    "colonoscopy": ("73761001", "Colonoscopy"),
    "lumpectomy": ("392021009", "Lumpectomy of breast"),
    "spirometry": ("127783003", "Spirometry"),
}
PROCEDURE_OF = {
    "fibrillation": "ecg",
    "breast cancer": "lumpectomy",
    "copd": "spirometry",
    "asthma": "spirometry",
}
RELATIVES = {"MTH": "mother", "FTH": "father", "SIS": "sister", "BRO": "brother"}
