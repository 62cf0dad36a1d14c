"""Words of the front desk."""

from medrec.portal.words.texts import Texts

DESK = Texts(
    "DESK",
    {
        "lead": "Link the right person, look at likely matches, and decide what is held back.",
        "link": "Link a patient to her account",
        "link_more": "Look at her papers and write down what they say. If it fits the record, you get a code. "
        "She scans it with her phone and confirms.",
        "patient": "Patient number here",
        "family": "Family name, as on the papers",
        "given": "First names, as on the papers",
        "birth": "Date of birth, as on the papers",
        "birth_hint": "Year, month, day: 1961-12-10",
        "make": "Make the code",
        "code": "Let the person scan this",
        "code_more": "It is good for {count} minutes, and once. Or she types this:",
        "another-person": "The papers do not fit this patient: {fields}. No code was made. Look at the number and the "
        "papers again. Do not go on if they belong to two people.",
        "papers-missing": "Fill in the date of birth, the family name and the first name.",
        "unknown-patient": "No patient has this number here.",
        "nothing-to-compare": "The record says too little about this patient. Add to the record first.",
        "already-linked": "This patient is linked already. Undo that link first if it is wrong.",
        "asked": "People who ask to be found",
        "asked_none": "Nobody waits to be found.",
        "asked_more": "A number of points links nobody. Compare with care: twins and fathers and sons look alike.",
        "asks": "{name}, born {birth}, asks to be found",
        "likely": "Likely",
        "possible": "Possible",
        "twin": "May be a twin",
        "field_agrees": "{field}: the same",
        "field_nearly": "{field}: nearly the same",
        "field_differs": "{field}: not the same",
        "number": "Number {patient}",
        "born": "born {date}",
        "same": "This is the person",
        "nobody": "Not the same: nobody here is meant",
        "no_candidates": "Nobody here is like that.",
        "held": "Held back",
        "held_none": "Nothing is held back.",
        "held_whole": "The whole record of this patient is held back until you decide.",
        "held_one": "This one record is held back until you decide. All others go on.",
        "held_of": "{record} of patient {patient}",
        "held_why": "Does not fit the person: {fields}",
        "words": "Why? (the person can read this)",
        "hers": "It is hers: let it go",
        "another": "It is somebody else’s: undo the link",
        "another_more": "To undo the link takes all records of this place out of her account.",
        "rest": "{shown} of {total} are shown, the oldest first.",
    },
)

DESK_FIELDS = Texts(
    "DESK_FIELDS",
    {
        "birth": "date of birth",
        "family": "family name",
        "given": "first names",
        "sex": "sex",
        "postcode": "postcode",
        "phone": "telephone",
        "identifier": "number",
    },
)
