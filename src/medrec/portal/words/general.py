"""Words that stand on every page, and the names of things."""

from medrec.portal.words.texts import Texts

SITE = Texts(
    "SITE",
    {
        "language": "Language",
        "notices": "Notices",
        "language_now": "Language: {name}",
        "offline": "You are offline. What you see may be old. Your emergency card still works.",
        "print": "Print this page",
        "about": "MedRec keeps watch over health records. It is free software.",
        "acting_end": "Back to your own page",
        "brand": "MedRec",
        "skip": "Skip to the content",
        "menu": "Pages",
        "demonstration": "A demonstration with made-up people. Its pages are open to everyone at this computer.",
        "utc": "All times are in universal time (UTC). This page is of {when}.",
        "network": "Network: {name}",
        "back": "Back",
        "yes": "Yes",
        "no": "No",
        "newer": "Newer",
        "older": "Older",
        "showing": "Showing {first} to {last} of {total}",
        "title": "{page} – {organisation}",
        "paging": "More of this list",
    },
    plain=True,
)

NAMES = Texts(
    "NAMES",
    {
        "front": "Home",
        "records": "Signed records",
        "lists": "Medicines and more",
        "patient_lists": "One list of a patient",
        "given": "Given out",
        "people": "People",
        "ledger": "Ledger",
        "verify": "Check a receipt",
        "office": "Looks to read",
        "version": "Proof of one version",
        "person": "Home",
        "record": "My record",
        "news": "What is new",
        "timeline": "My record by date",
        "kind": "My record by kind",
        "trend": "Over time",
        "looked": "Who looked",
        "one_look": "One look",
        "sharing": "Who can look",
        "allow": "Allow or close something",
        "sign": "Confirm with your key",
        "requests": "Requests",
        "request": "A request",
        "settings": "Notices to you",
        "choices": "Yes or no by purpose",
        "hidden": "Hidden things",
        "card": "Emergency card",
        "summary": "Patient summary",
        "more": "More",
        "line": "Proof of one line",
        "error": "This did not work",
        "sign_in": "Sign in",
        "join": "Join",
    },
    plain=True,
)

ERRORS = Texts(
    "ERRORS",
    {
        "not-found": "There is nothing at this address.",
        "unknown-request": "This code is not known or no longer good. Ask for a new one.",
        "bad-email": "This is not an e-mail address.",
        "bad-address": "This address cannot be used.",
        "act-over": "This took too long or was done already. Begin again.",
        "needs-key": "This needs your key. Sign in with a passkey first.",
        "policy-unfit": "These choices do not go together. Go back and change them.",
        "unknown-record": "No record version with this fingerprint was signed here.",
        "unknown-person": "Nobody with this address is served here.",
        "unknown-line": "There is no such line.",
        "look-unknown": "There is no such look here.",
        "wrong-role": "This organisation has no such page.",
        "list-act-unknown": "This cannot be said of the list. Nothing was kept. Go back and try again.",
        "sign-in": "This page is about people. Please sign in first.",
        "not-your-page": "This page is not for your role.",
        "form-stale": "This form is too old. Go back, load the page again, and repeat what you wanted to do.",
        "foreign-origin": "This came from another site and was not done.",
        "too-many": "There were too many tries. Wait a minute and try again.",
        "challenge-over": "This took too long. Please try again.",
        "key-unknown": "This key opens nothing here.",
        "key-unfit": "This key cannot be used here. Choose a passkey of this device or phone.",
        "account-frozen": "This account is frozen, so nobody can sign in to it now. One of its keys or its helpers can "
        "unfreeze it.",
        "no-passkey": "This needs a passkey. Sign in with one and try again.",
        "no-home": "Passkeys need a safe address (https), and this place has none.",
        "form-unreadable": "What was sent cannot be read.",
        "no-longer-helper": "You can no longer act for this person.",
        "limited-helper": "As this person's helper you may not see this page.",
        "link-gone": "This link is over, was stopped, or never was.",
        "form-changed": "What was signed is not what was shown. Nothing was done; load the page again.",
        "form-too-large": "The form holds too much.",
        "page-failed": "This page could not be made. Nothing was lost; try again, and tell the operator if it stays.",
    },
    plain=True,
)

ERROR = Texts(
    "ERROR",
    {"code": "Code: {code}", "home": "Go to the first page"},
    plain=True,
)

TIMES = Texts(
    "TIMES",
    {
        "now": "just now",
        "minutes": ("a minute ago", "{count} minutes ago"),
        "today": "today at {clock}",
        "yesterday": "yesterday at {clock}",
        "tomorrow": "tomorrow at {clock}",
        "day": "{day} at {clock}",
    },
    plain=True,
)

LISTS = Texts(
    "LISTS",
    {"comma": ", ", "and": " and ", "other_entries": ("one other entry", "{count} other entries")},
    plain=True,
)

ROLES = Texts(
    "ROLES",
    {
        "hospital": "hospital",
        "clinic": "clinic",
        "lab": "laboratory",
        "payer": "insurer",
        "research": "research institute",
        "agent": "patients’ agent",
        "witness": "witness",
    },
)

ACTIONS = Texts(
    "ACTIONS",
    {"create": "New", "update": "Changed", "delete": "Deleted"},
    plain=True,
)

MANIFESTS = Texts(
    "MANIFESTS",
    {
        "record/1": "Record",
        "link/1": "Link to an account",
        "consent/1": "Permission given",
        "consent/2": "Permission given",
        "revocation/1": "Permission taken back",
        "disclosure/1": "Records given out",
        "disclosure-received/1": "Records received",
        "refusal/1": "Refusal",
        "call-refused/1": "Call refused",
        "delegation/1": "A helper was named",
        "delegation-end/1": "A helper's right ended",
        "acting/1": "A helper acted",
        "share/1": "A link to share",
        "dispute/1": "A look questioned",
        "dispute-answer/1": "Answer to a questioned look",
        "look-review/1": "A privacy office read a look",
        "correction-request/1": "Correction asked for",
        "correction-taken/1": "Correction asked for",
        "correction-answer/1": "Answer about a correction",
        "erasure/1": "Something was erased",
        "emergency/1": "Emergency look",
        "emergency-declared/1": "Emergency declared",
        "emergency-review/1": "Review of an emergency look",
        "emergency-reviewed/1": "Outcome of an emergency look",
        "dispute-answered/1": "Answer to a questioned look",
        "log-read/1": "List of looks read",
        "list-act/1": "Word on a line of the list",
        "": "Not delivered",
    },
)

PURPOSES = Texts(
    "PURPOSES",
    {
        "TREAT": "your care",
        "ETREAT": "an emergency",
        "BTG": "an emergency, with the lock broken",
        "HPAYMT": "paying for your care",
        "HOPERAT": "running the place",
        "HRESCH": "research",
        "PATRQT": "your own wish",
        "PUBHLTH": "public health",
        "FAMRQT": "your family’s wish",
    },
    plain=True,
)

RECORD_TYPES = Texts(
    "RECORD_TYPES",
    {
        "AllergyIntolerance": ("allergy", "allergies"),
        "Appointment": ("appointment", "appointments"),
        "CarePlan": ("care plan", "care plans"),
        "CareTeam": ("care team", "care teams"),
        "Claim": ("bill", "bills"),
        "Condition": ("health problem", "health problems"),
        "Coverage": ("insurance", "insurances"),
        "Device": ("device", "devices"),
        "DiagnosticReport": ("test report", "test reports"),
        "DocumentReference": ("letter or note", "letters or notes"),
        "Encounter": ("visit", "visits"),
        "ExplanationOfBenefit": ("payment statement", "payment statements"),
        "FamilyMemberHistory": ("family history", "family histories"),
        "Goal": ("goal", "goals"),
        "ImagingStudy": ("scan", "scans"),
        "Immunization": ("vaccination", "vaccinations"),
        "Location": ("place", "places"),
        "Medication": ("medicine", "medicines"),
        "MedicationAdministration": ("medicine given", "medicines given"),
        "MedicationDispense": ("medicine handed out", "medicines handed out"),
        "MedicationRequest": ("prescription", "prescriptions"),
        "MedicationStatement": ("medicine taken", "medicines taken"),
        "Observation": ("measurement or test result", "measurements or test results"),
        "Organization": ("organisation’s details", "organisations’ details"),
        "Patient": ("personal details", "personal details"),
        "Practitioner": ("staff member’s details", "staff members’ details"),
        "Procedure": ("treatment", "treatments"),
        "Provenance": ("note on where a record came from", "notes on where records came from"),
        "QuestionnaireResponse": ("answers to questions", "answers to questions"),
        "ServiceRequest": ("referral or order", "referrals or orders"),
        "SupplyDelivery": ("delivery", "deliveries"),
    },
    plain=True,
)

OTHERWISE = Texts(
    "OTHERWISE",
    {
        "refusal": "The rules did not allow it.",
        "kind": "{author} did something this page has no words for",
    },
)

DONE = Texts(
    "DONE",
    {
        "kept": "Your choice was kept.",
        "given": "Done. Your permission is in force now.",
        "stopped": "Done. It is stopped from now on.",
        "disputed": "Done. We have told every place. The answer comes to your page.",
        "saved": "Your settings were kept.",
        "refused": "You said no. Nobody gets anything.",
        "answered": "Thank you. Your answer was kept.",
        "answered_unsure": "Your answer was kept. Here is what you can do now.",
        "answered_wrong": "Your answer was kept. Here is what you can do now.",
        "reviewed": "What you found is in the journal.",
    },
    plain=True,
)

BAR = Texts(
    "BAR",
    {
        "records": "Records",
        "given": "Given out",
        "patient_lists": "Patient list",
        "person": "Home",
        "record": "Record",
        "looked": "Looks",
        "sharing": "Sharing",
        "office": "Looks",
    },
    plain=True,
)
"""Short names for the bar, where the page's own is too long."""

SIGN_IN = Texts(
    "SIGN_IN",
    {
        "title": "Sign in",
        "lead": "Use the fingerprint, face or code with which you open this device. There is no password.",
        "button": "Sign in with a passkey",
        "no_home": "Signing in needs a safe address (https). The operator of this place has not set one up.",
        "no_script": "Signing in needs JavaScript, for this page alone. All other pages work without it.",
        "stopped": "Nothing was signed. Try again when you are ready.",
        "staff": "You work here and have a code",
        "code": "Your code",
        "label": "A name for this device",
        "register": "Make a passkey",
        "demonstration": "Demonstration",
        "demonstration_hint": "In the demonstration nobody needs a key. A real place never shows this list.",
        "demonstrate": "Go on as {name}",
        "clinician": "a clinician",
        "desk": "the front desk",
        "privacy-officer": "the privacy officer",
        "operator": "the operator",
        "sign_out": "Sign out",
        "signed_in": "Signed in as {name}",
        "acting": "You are acting for {name}",
        "join_title": "Join",
        "join_lead": "You make a key on this device. Your fingerprint, face or code opens it. There is no password.",
        "join_name": "Your name",
        "join_link": "I am new here",
    },
    plain=True,
)
