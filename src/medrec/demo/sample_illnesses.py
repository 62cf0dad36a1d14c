"""The illnesses of the demo: codes, treatment, what is measured, and a sentence for the note.

ICD-10-CM (CDC/NCHS) codes and titles; of SNOMED CT a handful of everyday codes. Not clinical advice.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Illness:
    """One condition: codes, how it is treated (keys of `MEDICINES`), measured and spoken of.

    `treatment` is (first, later): the later medicine replaces the first. `ages` are whole years, `weight` the
    relative frequency among people of that age and `sex` (empty: any).
    """

    icd: tuple[str, str]
    snomed: tuple[str, str] | None
    treatment: tuple[str, str]
    brand: str = ""
    combination: str = ""
    measures: tuple[str, ...] = ()
    ages: tuple[int, int] = (18, 110)
    weight: int = 4
    sex: str = ""
    words: str = ""
    clinical_status: str = "active"


ILLNESSES: dict[str, Illness] = {
    "hypertension": Illness(
        ("I10", "Essential (primary) hypertension"), ("59621000", "Essential hypertension"),
        ("lisinopril 10", "lisinopril 20"), "Zestril 20", "lisinopril-hctz", (), (38, 110), 12,
        words="Blood pressure is taken at home in the morning; salt intake discussed.",
    ),
    "diabetes": Illness(
        ("E11.9", "Type 2 diabetes mellitus without complications"), ("44054006", "Type 2 diabetes mellitus"),
        ("metformin 500", "metformin 1000"), "Glucophage 1000", "metformin-sitagliptin", ("hba1c",), (35, 110), 9,
        words="No low sugars reported. Feet without ulcers, monofilament felt at all points.",
    ),
    "lipids": Illness(
        ("E78.5", "Hyperlipidemia, unspecified"), ("55822004", "Hyperlipidemia"),
        ("atorvastatin 20", "atorvastatin 40"), "Lipitor 40", "amlodipine-atorvastatin", ("ldl",), (40, 110), 9,
        words="Tolerates the statin, no muscle pain.",
    ),
    "fibrillation": Illness(
        ("I48.0", "Paroxysmal atrial fibrillation"), ("49436004", "Atrial fibrillation"),
        ("warfarin 5", "apixaban 5"), "Eliquis 5", "", (), (58, 110), 6,
        words="Irregular pulse. No bleeding under the anticoagulant.",
    ),
    "asthma": Illness(
        ("J45.30", "Mild persistent asthma, uncomplicated"), ("195967001", "Asthma"),
        ("albuterol", "fluticasone"), "Flovent", "", ("peak flow",), (5, 70), 7,
        words="Woken by cough once this month. Inhaler technique shown again.",
    ),
    "hypothyroidism": Illness(
        ("E03.9", "Hypothyroidism, unspecified"), ("40930008", "Hypothyroidism"),
        ("levothyroxine 50", "levothyroxine 75"), "Synthroid 75", "", ("tsh",), (25, 110), 6,
        words="Less tired than at the last visit. Takes the tablet half an hour before breakfast.",
    ),
    "depression": Illness(
        ("F33.1", "Major depressive disorder, recurrent, moderate"), ("370143000", "Major depressive disorder"),
        ("sertraline 50", "sertraline 100"), "Zoloft 100", "", ("phq9",), (16, 90), 7,
        words="Sleep is better, sees the therapist every two weeks. No thoughts of self-harm.",
    ),
    "anxiety": Illness(
        ("F41.1", "Generalized anxiety disorder"), ("21897009", "Generalized anxiety disorder"),
        ("escitalopram 10", "escitalopram 10"), "Lexapro 10", "", (), (18, 80), 4,
        words="Worries less since the breathing course.",
    ),
    "bipolar": Illness(
        ("F31.9", "Bipolar disorder, unspecified"), ("13746004", "Bipolar disorder"),
        ("lamotrigine 100", "lamotrigine 100"), "Lamictal 100", "", (), (20, 75), 2,
        words="Mood even, keeps the diary. No rash.",
    ),
    "arthritis": Illness(
        ("M17.0", "Bilateral primary osteoarthritis of knee"), ("239873007", "Osteoarthritis of knee"),
        ("ibuprofen 400", "acetaminophen 500"), "naproxen 500", "", (), (50, 110), 8,
        words="Stairs hurt, walks two kilometres. Exercises for the thigh go on.",
    ),
    "breast cancer": Illness(
        ("C50.411", "Malignant neoplasm of upper-outer quadrant of right female breast"),
        ("254837009", "Malignant neoplasm of breast"),
        ("tamoxifen 20", "anastrozole 1"), "Arimidex 1", "", (), (40, 85), 4, "female",
        words="Scar calm, no lump felt on either side. Hot flushes bearable.",
    ),
    "copd": Illness(
        ("J44.9", "Chronic obstructive pulmonary disease, unspecified"),
        ("13645005", "Chronic obstructive pulmonary disease"),
        ("tiotropium", "tiotropium"), "Spiriva", "", ("oxygen",), (50, 95), 4,
        words="Breathless on one flight of stairs, no flare-up since the autumn.",
    ),
    "kidney disease": Illness(
        ("N18.31", "Chronic kidney disease, stage 3a"), ("433144002", "Chronic kidney disease stage 3"),
        ("losartan 50", "empagliflozin 10"), "Cozaar 50", "", ("creatinine", "egfr"), (55, 100), 4,
        words="Told again to avoid anti-inflammatory pain killers.",
    ),
    "HIV": Illness(
        ("B20", "Human immunodeficiency virus [HIV] disease"), ("86406008", "Human immunodeficiency virus infection"),
        ("bictegravir", "bictegravir"), "Biktarvy", "", ("viral load",), (20, 75), 3,
        words="Takes every dose. Asks that the diagnosis is not sent to the employer's clinic.",
    ),
    "opioid use disorder": Illness(
        ("F11.20", "Opioid dependence, uncomplicated"), ("75544000", "Opioid dependence"),
        ("buprenorphine tablet", "buprenorphine film"), "Suboxone", "", (), (20, 65), 3,
        words="No cravings. Group every Tuesday, carries the rescue spray.",
    ),
    "opioid remission": Illness(
        ("F11.21", "Opioid dependence, in remission"), None, ("buprenorphine film", "buprenorphine film"), weight=0,
        words="More than a year without use.", clinical_status="remission",
    ),
    "alcohol remission": Illness(
        ("F10.21", "Alcohol dependence, in remission"), None, ("naltrexone 50", "naltrexone 50"), ages=(28, 75),
        weight=3, words="Sober since last spring, the family helps.", clinical_status="remission",
    ),
    "reflux": Illness(
        ("K21.9", "Gastro-esophageal reflux disease without esophagitis"),
        ("235595009", "Gastroesophageal reflux disease"),
        ("omeprazole 20", "omeprazole 20"), "Prilosec 20", "", (), (20, 100), 6,
        words="Heartburn only after late meals.",
    ),
    "contraception": Illness(
        ("Z30.41", "Encounter for surveillance of contraceptive pills"), None,
        ("contraceptive pill", "contraceptive pill"), ages=(16, 45), weight=5, sex="female",
        words="No migraine, does not smoke, wishes to go on with the pill.",
    ),
}  # fmt: skip
