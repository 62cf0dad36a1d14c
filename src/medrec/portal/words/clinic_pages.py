"""Words of the clinician's room."""

from medrec.portal.words.texts import Texts

OWN_PURPOSES = Texts(
    "OWN_PURPOSES",
    {
        "TREAT": "treating the patient",
        "CAREMGT": "planning the care",
        "HPAYMT": "payment for the care",
        "HOPERAT": "running the place",
    },
)
"""What a member of the staff looks for, in her own words; the patient reads those of PURPOSES."""

CLINIC = Texts(
    "CLINIC",
    {
        "lead": "See who waits, find a patient, and read one list of what every place knows.",
        "waits": "Sent to you",
        "waits_none": "Nobody was sent to you lately.",
        "shut": (
            "One person was sent to you whose papers cannot be opened here. Tell whoever runs this system.",
            "{count} people were sent to you whose papers cannot be opened here. Tell whoever runs this system.",
        ),
        "referral": "{who} at {place} sent you somebody",
        "sent_why": "Sent here by {who}: {reason}",
        "sent_unknown": "This person is not known here yet. The front desk can link her.",
        "records": ("One record came along", "{count} records came along"),
        "find": "Find a patient",
        "text": "Name, local number or account",
        "birth": "Birth date, if you know it",
        "birth_hint": "For example 1959-03-27",
        "search": "Find",
        "none": "Nobody here fits. Check the spelling, or leave out the birth date.",
        "found": ("One patient fits", "{count} patients fit"),
        "not_linked": "No account yet: link it at the desk.",
        "born": "Born {date}",
        "purpose": "For",
        "reason": "Your reason, in a few words",
        "reason_hint": "The patient reads it. At least 10 letters.",
        "open": "Open the record",
        "sign_in": "To open a record, sign in with your own key. Every opening is told to the patient.",
        "told": "The patient is told that you opened this, and why.",
        "ask": "Ask other places",
        "ask_lead": "Ask the patient where else she was treated, and choose only those. Each place decides by the "
        "patient’s own rules, and she sees that you asked.",
        "ask_button": "Ask now",
        "answers": "What the others said",
        "gave": "{place} sent {what}.",
        "gave_none": "{place} has nothing that you may see.",
        "gave_nothing": "{place} sent nothing. {why}",
        "in_part": "Came with something left out",
        "in_part_more": "The patient keeps something of these to herself. The place signed what it sent, but no receipt "
        "proves it, and the lists below are made without it.",
        "not_kept": "What others sent is shown here and not kept.",
        "again": "Find another patient",
        "emergency": "Emergency: break the lock",
        "warning": "Only if somebody is in danger and cannot be asked. You see first what keeps a person alive. The "
        "patient, her helpers and two privacy offices are told at once. Somebody else checks it within 72 hours.",
        "where": "At which place",
        "code": "Why she is not asked",
        "words": "What happened, in your own words (at least {count} letters)",
        "same": "Write the patient’s number once more",
        "scope": "How much",
        "summary": "The emergency summary, without documents",
        "restricted": "Also documents, problems with notes and what is specially shut",
        "break": "Break the lock",
        "broken": "You broke the lock at {place}. It is open for you until {when}.",
        "reader": "Emergency look by {name}",
    },
)

REFERRALS = Texts(
    "REFERRALS",
    {
        "title": "Sent by this place",
        "none": "Nobody was sent to another place yet.",
        "sent": "Patient {patient} to {place}",
        "on_the_way": "On the way",
        "waiting": "Not there yet; tried again {when}",
        "delivered": "Delivered",
        "stopped": "Stopped: nothing was sent",
        "refused": "Thrown away there: it could not be trusted",
        "answer_open": "They have to confirm it by {when}",
        "answer_settled": "Confirmed on the ledger",
        "answer_overdue": "Not confirmed. It was due {when}",
        "answer_late": "Confirmed, but too late",
        "send": "Send the patient to another place",
        "send_lead": "What the patient lets that place see goes with it. She is told.",
        "to": "To which place",
        "why": "Why, in your words. The other place and the patient read it.",
        "button": "Send",
        "done": "The referral to {place} is on its way.",
    },
)

EMERGENCY = Texts(
    "EMERGENCY",
    {
        "cardiac-arrest": "Heart stopped",
        "unconscious": "Not conscious",
        "severe-injury": "Badly hurt",
        "poisoning": "Poisoning",
        "acute-illness": "Suddenly very ill",
        "birth": "Birth",
        "mental-crisis": "Crisis of the mind",
        "person-unable-to-ask": "Cannot be asked",
        "other": "Something else",
    },
)
