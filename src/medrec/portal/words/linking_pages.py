"""Plain language of scanned codes and of the places that know a person."""

from medrec.portal.words.texts import Texts

SCAN = Texts(
    "SCAN",
    {
        "lead": "One moment. If nothing happens, type the words from the desk.",
        "code": "The words from the desk",
        "code_hint": "Six short words, with a space between them.",
        "go": "Go on",
        "sign_in": "You scanned a code. Sign in, and you can read what it asks. Nothing is done yet.",
        "other_ways": "Other ways to sign in",
        "kept": "The code stays in this window until you sign in.",
        "no_script": "Your browser runs no scripts here. Sign in, open “Places that know me”, and type the words from "
        "the desk.",
    },
    plain=True,
)

LINKING = Texts(
    "LINKING",
    {
        "lead": "When a place knows who you are here, its records and its looks show up on your pages.",
        "linked": "Places that know you",
        "none": "No place is linked yet.",
        "none_more": "Ask at the desk of your clinic. They show you a code. Point your phone at it.",
        "since": "Since {when}",
        "add": "Add a place",
        "add_more": "At the desk, point your phone’s camera at the code. Or type the words here.",
        "not_a_code": "This is not a code from a desk. Look at the words again, or ask for a new code.",
        "asks": "{place} wants to know you here. You decide.",
        "what": "What happens when you say yes",
        "compares": "{place} holds your name and date of birth against its record. If they differ, nothing is linked.",
        "tells": "From then on it tells you of each new record and each look.",
        "hands_over": "It also sends what it wrote down about you before.",
        "undo_later": "You can undo this at any time.",
        "you": "Who you are",
        "you_hint": "As your papers say it. Only {place} gets this.",
        "given": "First names",
        "family": "Family name",
        "birth": "Date of birth",
        "birth_hint": "For example: 27 3 1961",
        "day": "Day",
        "month": "Month",
        "year": "Year",
        "read": "Let {agent} fetch my record from there, so that I can read it here",
        "hide_too": "What you hide elsewhere",
        "hide_hint": "Entries about it at {place} stay closed for everyone, on your own pages and in an emergency, too. Untick "
        "what may be seen.",
        "hide": "{topic}: you hide it from everyone at {places}. Hide it here, too",
        "hide_again": "{topic}: you hid it from everyone here before. That ended with the link. Hide it again",
        "anew": "What you allowed or closed at {place} before ended with the link of before. Only what you sign now holds there.",
        "yes": "Yes, link us",
        "no": "No, not now",
        "links": "{place} and I are linked.",
        "says": "I am {given} {family}, born {birth}.",
        "made": "One more step at {place}",
        "tell": "Say this number at the desk. They must have the same one. They say yes, and only then you are linked:",
        "undo": "Undo the link",
        "undo_more": "What came from {place} leaves your pages. It is not lost: it stays there.",
        "undo_yes": "Undo it",
        "unlinks": "{place} and I are not linked any more.",
        "leaves": "What came from {place} leaves your pages.",
        "ends_too": "All that you allowed or closed at {place} ends, too, and so does what you hide there.",
        "stays": "{place} keeps its own records. It tells you of nothing new.",
    },
    plain=True,
)
