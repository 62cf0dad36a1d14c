"""Words of what a person permits and forbids: each clause of a plain policy, and what can stand in it."""

from medrec.portal.words.texts import Texts

POLICY = Texts(
    "POLICY",
    {
        "share-everything": "You share everything in your record.",
        "share-kinds": "You share these parts of your record: {kinds}.",
        "share-about": "You share only what is about {topics}.",
        "share-kinds-about": "From these parts of your record you share only what is about {topics}: {kinds}.",
        "withhold-everything": "You keep everything in your record to yourself.",
        "withhold-kinds": "You keep these parts of your record to yourself: {kinds}.",
        "withhold-about": "You keep everything that is about {topics} to yourself.",
        "withhold-kinds-about": "From these parts of your record you keep what is about {topics} to yourself: {kinds}.",
        "emergency-yes": "In an emergency, whoever treats you may look.",
        "emergency-no": "Not even in an emergency may anybody look.",
        "not-for-anyone": "Nobody may see or use your record for {purposes}.",
        "not-for": "They may not see or use your record for {purposes}: {parties}.",
        "other-uses": "For everything else, what you decided before stays as it is.",
        "only-kinds": "This is about these parts of your record: {kinds}.",
        "only-about": "This is about {topics}.",
        "with-everyone": "Everyone in the network may see it.",
        "with": "They may see it: {parties}.",
        "from-everyone": "Nobody may see it.",
        "from": "They may not see it: {parties}.",
        "sent-there": "If you are sent on to the place where they work, it still gets your record. "
        "To stop that, say no to the place, too.",
        "but-not": "But nothing about {topics}.",
        "for": "They may use it for {purposes}.",
        "between": "This is about what happened from {since} until {before}.",
        "since": "This is about what happened on {day} and later.",
        "before": "This is about what happened until {day}.",
        "until": "It ends after {day}.",
        "not-emergencies": "In an emergency, whoever treats you may look all the same, unless another no of yours forbids it.",
        "marks-yes": "What stays closed is cut out of a page, and the rest goes. They are told that something is left "
        "out, but not what.",
        "marks-no": "A page with something closed on it stays at home, and they are not told.",
        "party": "{person} at {organisation}",
        "other": "This permission was written elsewhere, and says more than a plain sentence can.",
        "other-names": "It names {names}. Where nobody knows who they are, they get nothing by it, and a no keeps out "
        "everyone who may be meant.",
        "unreadable": "Nobody here can read it. A place that cannot read it gives nothing out, but for the most "
        "important facts in an emergency. Take it back if you do not want that.",
    },
    plain=True,
)

POLICY_KINDS = Texts(
    "POLICY_KINDS",
    {
        "about-me": "who you are",
        "allergies": "allergies",
        "documents": "letters and documents",
        "family": "illnesses in your family",
        "immunisations": "vaccinations",
        "insurance": "insurance and bills",
        "medicines": "medicines",
        "plans": "plans for your care",
        "problems": "illnesses and problems",
        "procedures": "operations and treatments",
        "results": "test results and measurements",
        "visits": "visits",
    },
    plain=True,
)

POLICY_TOPICS = Texts(
    "POLICY_TOPICS",
    {
        "genetics": "genes and inherited illness",
        "hiv": "HIV",
        "memory-and-development": "memory, learning and growing up",
        "mental-health": "mental health",
        "reproductive": "pregnancy and birth control",
        "sexual-health": "sexual health",
        "substance-use": "alcohol and drugs",
        "violence": "violence and abuse",
    },
    plain=True,
)

POLICY_PURPOSES = Texts(
    "POLICY_PURPOSES",
    {
        "any": "anything",
        "care": "your care",
        "family": "helping you as family",
        "operations": "running the place",
        "payment": "payment",
        "public-health": "public health",
        "research": "research",
    },
    plain=True,
)
