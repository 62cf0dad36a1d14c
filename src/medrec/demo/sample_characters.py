"""The three people every demo begins with. Their stories do not depend on the seed, only their dates on today."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from medrec.demo.sample_people import Hospital, Person, record_number
from medrec.demo.sample_plan import AllergyLine, Course, Plan, Problem, Visit


def characters(hospitals: Sequence[Hospital], today: datetime.date) -> list[Plan]:
    """Return the plans of the three fixed people; all three are seen at the first three hospitals."""
    first, second, third = (h.id for h in hospitals[:3])
    mrn = [{h.id: record_number(h.position, index) for h in hospitals[:3]} for index in range(3)]
    return [
        _amara(_someone(mrn[0], 0, "Amara", "Lindqvist-Osei", _born(today, 67, 4, 12), "female", (
            "Amara Lindqvist-Osei, 67, retired school principal, seen at three hospitals: high blood pressure, "
            "diabetes and atrial fibrillation. One hospital stopped her warfarin; the others were never told."
        )), first, second, third),
        _jonah(_someone(mrn[1], 1, "Jonah", "Marchetti-Vale", _born(today, 34, 9, 3), "male", (
            "Jonah Marchetti-Vale, 34, carpenter, in recovery from opioid use disorder on buprenorphine. He wants "
            "his doctor to know and the emergency room of the next town to know, and nobody else."
        )), first, second, third),
        _pim(_someone(mrn[2], 2, "Pim", "Nakamura-Doyle", _born(today, 9, 6, 21), "male", (
            "Pim Nakamura-Doyle, 9, has asthma and once nearly died of a peanut. One of his three hospitals "
            "still has him down with no known allergy."
        )), first, second, third),
    ]  # fmt: skip


def _born(today: datetime.date, age: int, month: int, day: int) -> datetime.date:
    """Return the birth date of somebody who is `age` today and born on that month and day."""
    had_birthday = (today.month, today.day) >= (month, day)
    return datetime.date(today.year - age - (0 if had_birthday else 1), month, day)


def _someone(
    mrn: dict[str, str], index: int, given: str, family: str, born: datetime.date, sex: str, story: str
) -> Person:
    street = ("14 Lantern Hill Road", "3 Quarry Lane", "88 Foxglove Court")[index]
    city = (("Brindlemouth", "00503"), ("Alder Falls", "00501"), ("New Tarn", "00511"))[index]
    phone = ("555-0142", "555-0117", "555-0188")[index]
    return Person(f"p{index + 1:04}", given, family, born, sex, street, *city, phone, ("en", "English"), mrn, story)


def _amara(person: Person, first: str, second: str, third: str) -> Plan:
    plan = Plan(person, smoking="former", weight=781, slip=second)
    plan.visits = [Visit(first, 1_085 - 90 * quarter) for quarter in range(12)] + [
        Visit(second, 415, "EMER", "Came with palpitations for six hours; the ECG shows atrial fibrillation."),
        Visit(second, 300), Visit(second, 120, "AMB", "Changed from warfarin to apixaban; warfarin is to stop today."),
        Visit(second, 30), Visit(third, 640), Visit(third, 200),
        Visit(third, 60, "AMB", "Knees keep her awake. She says the heart doctor 'changed one of the pills'."),
    ]  # fmt: skip
    plan.problems = [
        Problem("hypertension", first, 4_300, 1_085), Problem("hypertension", second, 415, 415),
        Problem("hypertension", third, 640, 640), Problem("diabetes", first, 2_900, 1_085),
        Problem("diabetes", third, 640, 640), Problem("lipids", first, 2_900, 1_085),
        Problem("fibrillation", second, 415, 415), Problem("kidney disease", third, 200, 200),
        Problem("arthritis", third, 640, 640),
    ]  # fmt: skip
    plan.courses = [
        Course("lisinopril 10", first, 1_085, 815, True, "hypertension"),
        Course("lisinopril 20", first, 815, None, True, "hypertension"),
        Course("Zestril 20", second, 415, None, False, "hypertension"),
        Course("lisinopril 10", third, 640, None, False, "hypertension"),
        Course("metformin 500", first, 1_085, 455, True, "diabetes"),
        Course("metformin 1000", first, 455, None, True, "diabetes"),
        Course("metformin 500", third, 640, None, True, "diabetes"),
        Course("atorvastatin 40", first, 995, None, True, "lipids"),
        Course("amlodipine-atorvastatin", second, 300, None, True, "hypertension"),
        Course("warfarin 5", second, 415, 120, True, "fibrillation"),
        Course("apixaban 5", second, 120, None, True, "fibrillation"),
        Course("warfarin 5", first, 365, None, False, "fibrillation"),
        Course("ibuprofen 400", third, 60, None, True, "arthritis"),
    ]
    plan.allergies = [AllergyLine("penicillin", first, 1_085), AllergyLine(None, second, 415),
                      AllergyLine("sulfa", third, 640)]  # fmt: skip
    plan.vaccines = [("influenza", first, 95), ("zoster", first, 725), ("pneumococcal", first, 545),
                     ("covid", third, 200), ("tdap", second, 300)]  # fmt: skip
    plan.procedures = [("ecg", second, 415), ("colonoscopy", third, 640)]
    plan.family = [("MTH", "diabetes", first, 1_085), ("SIS", "breast cancer", third, 200)]
    return plan


def _jonah(person: Person, first: str, second: str, third: str) -> Plan:
    plan = Plan(person, smoking="daily", weight=842)
    plan.visits = [Visit(first, ago) for ago in (1_100, 1_010, 900, 700, 520, 400, 310, 220, 130, 45)] + [
        Visit(second, 800), Visit(second, 500), Visit(second, 150),
        Visit(third, 40, "EMER", "Fell from a roof beam, wrist bruised, not broken. Did not mention other medicines."),
        Visit(third, 33),
    ]  # fmt: skip
    plan.problems = [
        Problem("opioid use disorder", first, 1_900, 1_100), Problem("opioid remission", first, 400, 400),
        Problem("depression", second, 800, 800), Problem("depression", first, 700, 700),
    ]  # fmt: skip
    plan.courses = [
        Course("buprenorphine tablet", first, 1_100, 700, True, "opioid use disorder"),
        Course("Suboxone", first, 700, None, True, "opioid use disorder"),
        Course("naloxone spray", first, 700, None, True, "opioid use disorder"),
        Course("sertraline 50", second, 800, 500, True, "depression"),
        Course("sertraline 100", second, 500, None, True, "depression"),
        Course("sertraline 50", first, 700, None, False, "depression"),
        Course("oxycodone 5", third, 40, 33),
        Course("acetaminophen 500", third, 33),
    ]
    plan.allergies = [AllergyLine("latex", second, 800), AllergyLine("codeine", first, 1_100),
                      AllergyLine(None, third, 40)]  # fmt: skip
    plan.vaccines = [("tdap", third, 40), ("influenza", first, 310)]
    plan.family = [("FTH", "alcohol remission", first, 1_100)]
    return plan


def _pim(person: Person, first: str, second: str, third: str) -> Plan:
    plan = Plan(person, weight=284)
    plan.visits = [Visit(first, ago) for ago in (2_900, 2_400, 1_500, 1_150, 780, 400, 210, 35)] + [
        Visit(second, 590, "EMER", "Wheezing after a cold. Better after three rounds of the inhaler."),
        Visit(second, 585), Visit(second, 180), Visit(third, 900, "EMER",
            "Swollen face and wheeze ten minutes after a biscuit with peanut; given adrenaline in the ambulance."),
        Visit(third, 880), Visit(third, 100),
    ]  # fmt: skip
    plan.problems = [Problem("asthma", first, 1_600, 1_150), Problem("asthma", second, 590, 590),
                     Problem("asthma", third, 880, 880)]  # fmt: skip
    plan.courses = [
        Course("albuterol", first, 1_150, None, True, "asthma"),
        Course("fluticasone", first, 780, None, True, "asthma"),
        Course("montelukast 5", second, 585, None, True, "asthma"),
        Course("prednisone 20", second, 590, 585, True, "asthma"),
        Course("Flovent", third, 100, None, False, "asthma"),
        Course("epinephrine", third, 880),
    ]
    plan.allergies = [AllergyLine("peanut", third, 900), AllergyLine(None, second, 590),
                      AllergyLine("peanut", first, 780)]  # fmt: skip
    plan.vaccines = [(name, first, ago) for name, ago in (
        ("dtap", 2_900), ("polio", 2_900), ("hepatitis b", 2_900), ("mmr", 2_400), ("varicella", 2_400),
        ("dtap", 1_500), ("influenza", 400))] + [("influenza", second, 180)]  # fmt: skip
    plan.procedures = [("spirometry", first, 780)]
    plan.family = [("BRO", "asthma", first, 1_150)]
    return plan
