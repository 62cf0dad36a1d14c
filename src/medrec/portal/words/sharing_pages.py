"""Words of the pages on which a person allows, closes, answers and confirms."""

from medrec.portal.words.texts import Texts

ALLOW = Texts(
    "ALLOW",
    {
        "lead": "Choose, and read what it means before you confirm.",
        "effect": "What do you want to do?",
        "share": "Let somebody see my record",
        "withhold": "Keep something to myself",
        "who": "Who is it about?",
        "everyone": "Everyone in the network",
        "agent": "Your own agent, so that it can show you your record",
        "what": "Which parts?",
        "everything": "Everything",
        "what_hint": "Choose none, and it is about everything.",
        "topics": "Leave these topics out",
        "topics_hint": "They stay closed.",
        "marks": "When something stays closed",
        "marks_hint": "A page often has one closed line on it. Without this, the whole page stays at home, and nobody "
        "learns that there is anything.",
        "marks_yes": "Cut that line out and send the rest. They will know that something is missing, but not what.",
        "where": "Where is it kept?",
        "where_hint": "It is about what these places have of you.",
        "purpose": "What for?",
        "until": "For how long?",
        "day": "One day",
        "month": "One month",
        "year": "One year",
        "no_end": "Until I take it back",
        "next": "Go on and read it",
        "nothing_where": "No place is linked to you yet.",
    },
    plain=True,
)

SIGN = Texts(
    "SIGN",
    {
        "lead": "Read this. It is what you confirm with your key.",
        "at": "It holds at {place}.",
        "changes": "What changes",
        "opens": "{who} could then see {count} more entries at {place}.",
        "closes": "{who} could then see {count} fewer entries at {place}.",
        "same": "{who} sees the same as before at {place}.",
        "stopped_looks": (
            "One look of last year would not have been possible.",
            "{count} looks of last year would not have been possible.",
        ),
        "not_all": "{place} has more looks than could be tried out. The newest were.",
        "untried": "{place} did not answer, so we cannot say what changes there.",
        "sign": "Sign with my key",
        "sign_lent": "Confirm (demonstration key)",
        "cancel": "No, go back",
        "exact": "What exactly is signed",
        "no_script": "Signing with a key needs JavaScript, for this page alone.",
        "stopped": "Nothing was confirmed. Try again when you are ready.",
        "take_back": "You take this back:",
        "how_many": ("Your key will ask you once.", "Your key will ask you {count} times, once for each part."),
        "lent": "This is a demonstration: a made-up key signs here. With a key of your own you sign on a page "
        "that does nothing else.",
    },
    plain=True,
)

ASKED = Texts(
    "ASKED",
    {
        "lead": "Somebody asks to see your record. You decide.",
        "none": "Nobody asks anything of you now.",
        "none_more": "When a clinic shows you a code, point your phone at it.",
        "who": "Who asks",
        "why": "Why",
        "what": "What they want to see",
        "long": "For how long",
        "days": ("One day", "{count} days"),
        "everything": "Everything in your record",
        "note": "Their words",
        "yes": "Yes, all of it",
        "less": "Yes, but less",
        "no": "No",
        "came": "It came {when}.",
        "answered_yes": "You said yes",
        "answered_no": "You said no",
        "answered_less": "You said yes to less",
        "see": "Read and answer",
        "over": "Answered",
        "unknown": "This code is not known or no longer good. Ask for a new one.",
    },
    plain=True,
)

CHOICES = Texts(
    "CHOICES",
    {
        "lead": "Say once what you want in general. A closer choice about one place or person always wins.",
        "care": "Your care",
        "care_more": "Those who treat you may see your record when they need it.",
        "family": "Your family",
        "family_more": "Those who care for you at home may be told what helps them.",
        "research": "Research",
        "research_more": "Researchers may count you in. They do not learn who you are.",
        "public-health": "Public health",
        "public-health_more": "Health offices may use it to see and stop illness that spreads.",
        "everything": "Share everything with everyone",
        "everything_more": "For every purpose, until you take it back.",
        "yes": "You said yes",
        "open": "You have not said",
        "allow": "Say yes",
        "stop": "Take back in Who can look",
    },
    plain=True,
)

HIDDEN = Texts(
    "HIDDEN",
    {
        "lead": "What you keep to yourself. A place that asks is not told that something is hidden.",
        "now": "Hidden now",
        "none": "You hide nothing.",
        "hide": "Hide a topic",
        "hide_more": "Entries about it stay closed for everyone, with what would give it away, such as a medicine.",
        "button": "Hide {topic}",
        "emergency": "In an emergency",
        "emergency_more": "Hidden things stay hidden, unless you say that those who treat you in an emergency may see them.",
        "emergency_yes": "Let them look in an emergency",
        "emergency_no": "Not even in an emergency",
    },
    plain=True,
)
