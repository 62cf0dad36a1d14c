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
        "what_some": "Choose parts",
        "topics": "Leave these topics out",
        "topics_hint": "They stay closed.",
        "topics_some": "Choose topics",
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
        "as_asked": "As long as they ask for",
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
        "instead": "What you said of this before ends.",
        "join": "You open an account here in the name of {name}.",
        "join_once": "From now on this key says yes for you. Nobody else can.",
        "left": "A part of this is done. What follows is left, because a place said no or did not answer.",
        "changes": "What changes",
        "opens": "{who} could then see {count} more entries at {place}.",
        "closes": "{who} could then see {count} fewer entries at {place}.",
        "opens_for": "For {purposes}, {who} could then see {count} more entries at {place}.",
        "closes_for": "For {purposes}, {who} could then see {count} fewer entries at {place}.",
        "same": "At {place}, this changes nothing for {who}.",
        "stopped_looks": (
            "One look of last year would not have been possible.",
            "{count} looks of last year would not have been possible.",
        ),
        "not_all": "{place} has more looks than could be tried out. The newest were.",
        "strange": "Your permissions name {names}. {place} does not know who they all are. A yes to those it does not know "
        "opens nothing. A no may keep everyone out there, but for the summary in an emergency. Choose them from the list "
        "here, or ask {place} to note who they are.",
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

STOPS = Texts(
    "STOPS",
    {
        "with_a_no": "This cannot be taken back from here. It is stopped with a no to the same:",
        "also": "This no also holds for {purposes}.",
        "all_kinds": "This no holds for more kinds of records than that permission.",
        "other_form": "That permission has no plain sentence. So this no holds for everything and for everyone there, save in "
        "an emergency. Sign it only if you want that.",
        "in_doubt": "In an emergency, what may or may not be part of this stays closed, too.",
        "emergencies": "Without a word from you, whoever treats you in an emergency may look. After this, they may not.",
    },
    plain=True,
)

GROUND = Texts(
    "GROUND",
    {
        "came": "This is new: {sentence}",
        "went": "This has ended: {sentence}",
        "again": "Begin again",
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
        "but_not": "But nothing about",
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
        "lead": "Say once what you want in general. A no goes before every yes, also before one to a single place.",
        "care": "Your care",
        "care_yes": "Those who treat you may see your record when they need it.",
        "care_no": "Those who treat you see nothing, save in an emergency, unless you say no to that, too. Your own page "
        "gets nothing new either.",
        "care_open": "Only those see it whom you allow one by one.",
        "family": "Your family",
        "family_yes": "Those who care for you at home may be told what helps them.",
        "family_no": "Nobody at home is told anything.",
        "family_open": "Only those are told whom you allow one by one.",
        "research": "Research",
        "research_yes": "Researchers may count you in. They do not learn who you are.",
        "research_no": "You are counted in nowhere.",
        "research_open": "You are counted in only where you allow it.",
        "public-health": "Public health",
        "public-health_yes": "Health offices may use it to see and stop illness that spreads.",
        "public-health_no": "Health offices get nothing that the law does not order.",
        "public-health_open": "Health offices get only what you allow one by one.",
        "everything": "Everything with everyone",
        "everything_yes": "Everyone may see everything, for every purpose, until you take it back.",
        "everything_no": "Nobody sees anything, for no purpose, save in an emergency, unless you say no to that, too. Your own "
        "page gets nothing new either.",
        "everything_open": "What you say above holds.",
        "yes": "Yes",
        "no": "No",
        "open": "No answer",
        "said_yes": "You said yes",
        "said_no": "You said no",
        "said_open": "You have not said",
        "where": "This holds at {places} alone.",
        "before": "A no of yours goes before this yes:",
        "say_yes": "Say yes",
        "say_no": "Say no",
        "say_open": "Take my answer back",
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
        "button_at": "Hide {topic} at {places}, too",
        "always": "It stays closed in an emergency, too.",
        "emergency": "In an emergency",
        "emergency_more": "Hidden things stay hidden, unless you say that those who treat you in an emergency may see them. "
        "What you keep from somebody by name stays closed to them.",
        "emergency_now": "As it is now, whoever treats you in an emergency may look, at {places}.",
        "emergency_shut": "As it is now, nobody may look in an emergency, at {places}.",
        "emergency_yes": "Let them look in an emergency",
        "emergency_no": "Not even in an emergency",
    },
    plain=True,
)
