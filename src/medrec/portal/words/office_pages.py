"""Words of the privacy officer's desk."""

from medrec.portal.words.texts import Texts

OFFICE = Texts(
    "OFFICE",
    {
        "lead": "The looks of the last 30 days at records of this place: {total}. Those that most want reading stand "
        "first, and each says why.",
        "links": "Whom the staff recognised",
        "links_by": "Patient {patient}: {names}",
        "links_alone": "One person alone",
        "parents": "Whom the staff named as a parent",
        "parent_by": "{name} for patient {patient}: {names}",
        "parent_ended": "{name} for patient {patient}: {names}. Ended: {by}",
        "parents_none": "In the last 30 days nobody was named as a parent here.",
        "links_none": "In the last 30 days nobody was recognised at the desk.",
        "by_reason": "Show by reason",
        "queue": ("{count} to read", "{count} to read"),
        "all": ("All {count}", "All {count}"),
        "first": "Read these first",
        "none": "Nothing here waits to be read.",
        "sample": "Besides what stands out, a few looks are picked by chance. Nobody can know which.",
        "found": "Say what you found",
        "words": "Your words (the person can read them if the look was wrong)",
        "fine": "It is in order",
        "asked": "I asked for the reason",
        "wrong": "It was wrong",
        "was_fine": "In order",
        "was_asked": "Reason asked for",
        "was_wrong": "Was wrong",
        "complete": "Is the log whole?",
        "export": "Save all looks as a table",
        "inside": "{who} opened a record in this house",
        "board": "Broken locks",
        "board_none": "Nobody broke a lock.",
        "we_broke": "{who} broke the lock at {place}",
        "they_broke": "{place} broke the lock here",
        "due": "To be checked by {when}",
        "board_other": "Who broke a lock never checks it. This place knows people by their entry in the staff list and by "
        "their name. Make sure that nobody has two entries under two names.",
        "emergency_open": "To be checked",
        "emergency_asked": "To be checked",
        "emergency_overdue": "Too late",
        "emergency_reviewed": "Checked",
        "emergency_refused": "Was refused",
        "justified": "It was right",
        "not-justified": "It was not right",
        "unclear": "It is not clear",
        "verdict_words": "Your words. The person reads them.",
        "somebody": "Demonstration",
    },
)

QUESTIONS = Texts(
    "QUESTIONS",
    {
        "title": "Questions from people",
        "lead": "A person may ask why somebody looked. Until you answer, nothing more comes here from any place that "
        "has her records.",
        "none": "Nobody asks about a look.",
        "ours": "Somebody asks why this place looked at her record at {place}",
        "theirs": "Somebody asks why {place} looked at her record here",
        "patient": "Patient {patient}",
        "due": "Answer by {when}",
        "due_theirs": "They owe the answer by {when}",
        "ours_open": "Waits for your answer",
        "ours_answered": "Answered",
        "theirs_open": "Waits for their answer",
        "theirs_answered": "Answered",
        "theirs_closed": "Settled",
        "over": "Settled",
        "late": "Too late",
        "answer": "Answer",
        "words": "Your answer. The person reads it.",
        "explained": "There was a reason",
        "mistake": "It was a mistake",
        "not-us": "It was not us",
        "sign_in": "To answer, sign in as the privacy officer.",
    },
)

WATCH = Texts(
    "WATCH",
    {
        "emergency": "Emergency",
        "disputed": "The person asks why",
        "colleague": "Works here too",
        "family-name": "Same family name",
        "other-half-missing": "The other side is silent",
        "bulk": "Many people in one day",
        "refused-often": "Refused again and again",
        "no-visit": "No visit near that day",
        "night": "At night",
        "thin-reason": "Hardly a reason",
        "first": "First look",
        "sample": "Picked by chance",
    },
)

COMPLETE = Texts(
    "COMPLETE",
    {
        "anchored": "Every line is on the ledger, or will be within its time.",
        "anchor_late": "Lines have waited for the ledger for too long. Nothing is given out until they are there.",
        "halves": "Whoever got records has said so, or still has time to.",
        "halves_late": (
            "One time somebody got records and has not said so in time.",
            "{count} times somebody got records and has not said so in time.",
        ),
        "late_one": "{name} should have said so by {when}.",
        "owed_none": "This place owes nobody an answer.",
        "owed": ("This place owes one answer.", "This place owes {count} answers."),
        "strange_none": "Nobody says that we got something we never asked for.",
        "strange": (
            "One time somebody says that we got records we never asked for.",
            "{count} times somebody says that we got records we never asked for.",
        ),
        "alone_none": "Whatever we got from others, they have written down too.",
        "alone": (
            "One time somebody gave us records and never wrote it down. Ask them, and tell the person.",
            "{count} times somebody gave us records and never wrote it down. Ask them, and tell the persons.",
        ),
        "alone_one": "{name} gave us records on {when} and has not written it down.",
        "unwritten_none": "Nobody says that they got something from us that we have no line about.",
        "unwritten": (
            "One time somebody says that they got records from us, and we have no line about it.",
            "{count} times somebody says that they got records from us, and we have no line about it.",
        ),
        "disputes_none": "No person waits to hear why somebody looked.",
        "disputes": (
            "One person waits to hear why somebody looked.",
            "{count} persons wait to hear why somebody looked.",
        ),
        "about_us_none": "Nobody asks about a look of ours.",
        "about_us": ("One person asks about a look of ours.", "{count} persons ask about a look of ours."),
    },
)
