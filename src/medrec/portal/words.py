"""All plain language of the pages, in one place. No page and no template carries words of its own.

Texts are for a reader of nine to eleven years. `{name}` is filled in by `render.say`, which escapes what it is given.
A pair of texts is (one, many) and is chosen by `count`.
"""

from typing import Any

Texts = dict[str, Any]
"""By name: a text, or a pair of texts (one, many)."""

SITE: Texts = {
    "brand": "MedRec",
    "skip": "Skip to the content",
    "menu": "Pages",
    "demonstration": "This is a demonstration with made-up people. Its pages are open to everyone who can reach this "
    "computer. Real pages ask you to sign in first.",
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
}

NAMES: Texts = {
    "front": "Home",
    "records": "Signed records",
    "given": "Given out",
    "people": "People",
    "ledger": "Ledger",
    "version": "Proof of one version",
    "person": "Your record",
    "line": "Proof of one line",
    "error": "This did not work",
    "sign_in": "Sign in",
}

FRONT: Texts = {
    "hospital": "This organisation keeps its own health records. The moment a record is made or changed, it puts a "
    "seal of it on the shared ledger. Nobody can then change the record without being noticed.",
    "agent": "This organisation works for people. It tells them what is new in their records, who looked, and who "
    "may look. It can read their messages, but it can sign nothing in their name.",
    "other": "This organisation is part of the network. It holds a full copy of the shared ledger and checks it.",
    "well": "Everything is well",
    "unwell": ("One thing needs a look", "{count} things need a look"),
    "checks": "Is everything well?",
    "figures": "In numbers",
    "alarms": "Alarms",
    "alarm": "{when}: {sentence}",
    "alarms_none": "No alarm was ever raised here.",
    "alarms_more": "The latest {shown} of {total} are shown.",
    "journal": "Lines in the journal",
    "anchored": "Lines on the ledger",
    "batches": "Batches on the ledger",
    "head": "Last line’s fingerprint",
    "height": "Blocks on the ledger",
    "records": "Records signed",
    "patients": "Patients known",
    "linked": "Patients with an account",
    "served": "People served",
    "notices": "Messages taken for them",
    "go": "Where to go",
    "go_records": "See the records signed here, and the proof of each",
    "go_given": "See what was given out, and what was refused",
    "go_people": "See what each person sees",
    "go_ledger": "See the ledger that everybody shares",
}

CHECKS: Texts = {
    "waiting_none": "Every line of the journal is on the ledger.",
    "waiting": (
        "One line waits to go on the ledger since {when}.",
        "{count} lines wait to go on the ledger, the oldest since {when}.",
    ),
    "waiting_long": "That is longer than allowed, so nothing is given out until then.",
    "outbox_none": "Every message to others was delivered.",
    "outbox": ("One message waits for {who} since {when}.", "{count} messages wait for {who}, since {when}."),
    "outbox_error": "Last try: {error}",
    "alarms_none": "No alarm.",
    "alarms": ("One alarm was raised.", "{count} alarms were raised."),
    "trouble_none": "No part of this node is in trouble.",
    "trouble": "{part}: {error}",
    "unsigned": "The signature of {organisation} under the state of the ledger is missing: {error}",
    "behind_none": "Every block of the ledger was read.",
    "behind": ("One block of the ledger is not read yet.", "{count} blocks of the ledger are not read yet."),
    "missing_none": "No message about a person is missing.",
    "missing": (
        "One line about a person stands on the ledger, but its message never came. We ask for it again.",
        "{count} lines about people stand on the ledger, but their messages never came. We ask for them again.",
    ),
}

PARTS: Texts = {
    "anchor": "Putting lines on the ledger",
    "deliver": "Delivering messages",
    "checkpoint": "Signing the state of the ledger",
    "follow": "Reading the ledger",
}

RECORDS: Texts = {
    "lead": "Each time a record is made, changed or deleted, {organisation} signs that version.",
    "find": "Find one patient",
    "find_label": "Patient number",
    "find_hint": "The number that this hospital uses for the patient.",
    "find_button": "Find",
    "found": ("One version of patient {patient}", "{count} versions of patient {patient}"),
    "found_none": "No record of patient {patient} was signed here.",
    "kinds": "How many of each kind",
    "kind": "Kind",
    "count": "Records",
    "versions": "Versions",
    "latest": "Signed last",
    "none": "No record was signed here yet.",
    "altered": "Changed at its source without notice",
    "all": "All",
    "patient": "Patient {patient}",
    "no_patient": "No patient named",
    "record": "Record {id}",
    "shown": "The latest {shown} are shown.",
}

ACTIONS: Texts = {"create": "New", "update": "Changed", "delete": "Deleted"}

VERSION: Texts = {
    "lead": "{kind}, version {version}. {action} by {organisation}, {when}.",
    "lead_other": "{kind}, written by {organisation}, {when}.",
    "state_yes": "This version is on the ledger",
    "state_no": "This version is not on the ledger yet",
    "state_no_more": "It waits in the journal. As a rule it takes less than a minute.",
    "state_line_yes": "This line is on the ledger",
    "state_line_no": "This line is not on the ledger yet",
    "state_bad": "This does not match the ledger",
    "state_bad_more": "What is kept here is not what the ledger holds. Somebody has to look at this.",
    "since": "It can no longer be changed without being noticed. It is there since {when}.",
    "erased": "What this line said was erased. Its fingerprint stays on the ledger and can be matched to nothing.",
    "steps": "The proof, step by step",
    "step_manifest": "1. What was written down",
    "note": "Show the note",
    "step_manifest_more": "The note about this version. It holds the fingerprint of the record, not the record.",
    "step_entry": "2. The seal of that note",
    "step_entry_more": "The note and a secret random number are sealed. Only the seal is on the ledger, so it tells "
    "strangers nothing.",
    "step_batch": "3. Many seals in one signed batch",
    "step_batch_more": "{organisation} signed a batch of {count} lines. This is line {position} of it.",
    "step_block": "4. Its place on the ledger",
    "step_block_more": "Every organisation holds this block.",
    "note_hash": "Fingerprint of the note",
    "record_hash": "Fingerprint of the record",
    "salt": "Secret random number",
    "commitment": "Seal",
    "tag": "Mark to find it by",
    "extras": "Also in the entry",
    "batch": "Batch",
    "batch_id": "Fingerprint of the batch",
    "line": "Line in the journal",
    "block": "Block",
    "block_time": "Time of the block",
    "leaf": "Place in the log",
    "check": "Check it yourself",
    "check_more": "You need no account and no network, only Python. Download the receipt and the list of "
    "founders, take your copy of the record, and run this one command:",
    "receipt": "Download the receipt",
    "root": "Download the list of founders",
    "receipt_none": "The receipt can be had as soon as the line is on the ledger.",
    "elsewhere": "Get the receipt at {organisation}",
    "elsewhere_more": "{organisation} keeps the record and hands out the receipt.",
    "command": "python3 tools/verify_receipt.py --root medrec-root.json --record RECORD.json {receipt}",
    "history": "All versions of this record",
    "version": "Version {version}",
    "this": "this one",
    "altered": "This record was changed at its source without notice. It is not given out until someone has looked.",
}

EXTRAS: Texts = {
    "owes": "Another organisation owes an answer",
    "settles": "Answers what was owed",
    "nullifier": "Takes a permission back",
    "sealed": "A short summary that only the person can read",
}

GIVEN: Texts = {
    "lead": "Nothing leaves {organisation} without a line in its journal. The person is told of every one.",
    "unmatched": "Waiting for the other side",
    "unmatched_more": "Whoever gets a record must answer for it on the ledger within an hour.",
    "unmatched_none": "Nobody owes an answer for a record that was given out.",
    "disclosed": "Given out",
    "disclosed_none": "Nothing was given out yet.",
    "refused": "Refused",
    "refused_none": "Nobody was refused yet.",
    "received": "Received from others",
    "received_none": "Nothing was received from others yet.",
    "gave": "{requester} got {what}.",
    "asked": "{requester} asked for records and got nothing.",
    "got": "{organisation} got {what} from {source}.",
    "got_refused": "{organisation} threw away what came from {source}, because it could not be trusted.",
    "got_nothing": "{organisation} got nothing from {source}, though {source} wrote down that it gave something out.",
    "stopped": "It was stopped: nothing was sent.",
    "shown": "The latest {shown} of {total} are shown.",
}

PEOPLE: Texts = {
    "lead": "The people this agent works for. Each sees only her or his own page.",
    "none": "Nobody is served here yet.",
    "found": ("One person", "{count} people"),
    "lines": ("one message", "{count} messages"),
    "places": ("{count} place", "{count} places"),
}

PERSON: Texts = {
    "lead": "{name}, this is what the places you go to have told us.",
    "account": "Your account",
    "places": "Where you are known",
    "places_none": "No hospital is linked to you yet. Ask at the desk for a code.",
    "sections": "On this page",
    "new": "What is new",
    "new_none": "Nothing has come yet. When a hospital writes or changes something about you, it shows here at once.",
    "looked": "Who looked",
    "looked_none": "Nobody has asked for your records.",
    "looked_lead": "Every time somebody asks another place for your records, you see it here – also when the answer "
    "was no.",
    "looked_more": "There were {total} in all. The latest {shown} are shown.",
    "by_people": "People",
    "by_people_none": "No person has looked or asked.",
    "by_machines": "Computers",
    "by_machines_more": "Here a computer asked, and no person was named.",
    "may": "Who may look",
    "may_none": "Nobody. You have given no permission, so each place keeps what it has to itself.",
    "may_lead": "What you have allowed and forbidden. You can take it back at any time.",
    "missing": (
        "{organisation} put something about you on the ledger {when}, but has not told us what. We keep asking.",
        "{organisation} put {count} things about you on the ledger, but has not told us what. We keep asking.",
    ),
    "missing_title": "Something is missing",
    "line": "{action}: {kind}",
    "from": "{organisation}, {when}",
    "ledger_yes": "On the ledger",
    "ledger_no": "Not on the ledger yet",
    "see": "See the proof",
    "linked": "You were linked at {organisation}",
    "unlinked": "You are no longer linked at {organisation}",
    "linked_more": ("One older line was handed over to you.", "{count} older lines were handed over to you."),
}

LOOKS: Texts = {
    "gave": "{who} got {what} from {source}.",
    "refused": "{who} asked {source} for your records and got nothing.",
    "oneside": "{who} says it got {what} from {source}. {source} has not told us so.",
    "person_of": "{person} at {organisation}",
    "why": "Reason given: {reason}",
    "purpose": "For: {purpose}",
    "oneside_refused": "{who} says that something came from {source}, and that it threw it away because it could not "
    "be trusted. {source} has not told us so.",
    "oneside_nothing": "{who} says that {source} sent it nothing.",
    "settled": "{organisation} has answered for it on the ledger.",
    "open": "{organisation} has to answer for it on the ledger and still has time.",
    "overdue": "{organisation} should have answered for it by now and has not.",
    "late": "{organisation} has answered for it, but too late.",
    "answer_received": "{organisation} has confirmed that it got them.",
    "answer_refused": "{organisation} threw away what came, because it could not be trusted.",
    "answer_nothing": "{organisation} says that nothing came.",
    "unanchored": "Not on the ledger yet.",
    "no": "Answer: no. {reason}",
    "given": "Given out",
    "not_given": "Refused",
    "received": "Received",
    "look": "Looked",
    "check": "One side only",
}

REFUSALS: Texts = {
    "no-consent": "You have not allowed it.",
    "denied": "You have forbidden it.",
    "not-permitted": "You have not allowed it.",
    "consent-broken": "A permission of yours could not be read, so nothing was given out.",
    "consent-changed": "You took your permission back just in time.",
    "record-altered": "A record was changed without notice, so it was kept back.",
    "record-changed": "A record was just being changed, so it was kept back.",
    "merge-delay": "The place could not reach the ledger, and then nothing is given out.",
    "store-unusable": "The place could not write its journal, and then nothing is given out.",
    "ledger-unusable": "The place could not read the ledger, and then nothing is given out.",
    "source-unavailable": "The place could not reach its own records.",
    "requester-suspended": "Whoever asked is not, or no longer, part of the network.",
    "request-replayed": "The same question had been asked before.",
    "request-expired": "The question came too late.",
    "purpose-not-covered": "Your permission does not cover what it was asked for.",
}
REFUSED_OTHERWISE = "The rules did not allow it."

PURPOSES: Texts = {
    "TREAT": "your care",
    "ETREAT": "an emergency",
    "BTG": "an emergency, with the lock broken",
    "HPAYMT": "paying for your care",
    "HOPERAT": "running the place",
    "HRESCH": "research",
    "PATRQT": "your own wish",
    "PUBHLTH": "public health",
    "FAMRQT": "your family’s wish",
}

CONSENTS: Texts = {
    "permit_all": "{who} may see everything that {source} holds about you, {until}.",
    "permit_some": "{who} may see only these that {source} holds about you: {kinds}, {until}.",
    "deny_all": "{who} may see nothing that {source} holds about you, {until}.",
    "deny_some": "{who} may not see these that {source} holds about you: {kinds}, {until}.",
    "everybody": "Everybody in the network",
    "no_end": "until you take it back",
    "until": "until {when}",
    "given": "You said so {when}.",
    "active": "In force",
    "ended": "Ended",
    "revoked": "Taken back",
}

LEDGER: Texts = {
    "lead": "Every organisation holds this same list. What stands here stays, and nobody can change it unseen. It "
    "names no patient and holds nothing about anybody’s health.",
    "checkpoint": "Latest checkpoint",
    "checkpoint_more": "A checkpoint is the state of the ledger, signed by the organisations one by one. If two of "
    "them ever saw different ledgers, each would raise an alarm.",
    "checkpoint_none": "No checkpoint was signed yet. The first comes within seconds of the first block.",
    "signed_by": ("{count} of {total} organisations has signed it", "{count} of {total} organisations have signed it"),
    "enough": "That is enough: more than two thirds.",
    "not_enough": "More than two thirds are needed: at least {needed}.",
    "bad_note": "The checkpoint kept here does not verify. Somebody has to look at this.",
    "classic": "today’s signature",
    "quantum": "signature safe against quantum computers",
    "size": "Entries in the log",
    "root": "Fingerprint of the log",
    "state": "Fingerprint of the state",
    "at_height": "Block",
    "time": "Time",
    "organisations": "Organisations",
    "organisation": "Organisation",
    "roles": "What it is",
    "lines": "Lines",
    "open": "Owes",
    "overdue": "Overdue",
    "late": "Late",
    "suspended": "Suspended",
    "dues_more": "“Owes” counts answers that are still in time. “Overdue” counts answers that should have come and did "
    "not. “Late” counts those that came too late. No patient is named.",
    "blocks": "Latest blocks",
    "blocks_none": "No block yet. The first one comes with the first signed record.",
    "block": "Block {height}",
    "empty": "An empty block, to move the clock on.",
    "refused": "Refused: {sentence}",
    "unreadable": "Something that could not be read",
    "more": ("… and one more.", "… and {count} more."),
    "repeated": "Sent again; it was already there.",
    "accepted": "Accepted",
    "somebody": "An account",
}

KINDS: Texts = {
    "anchor": ("{author} put one line on the ledger", "{author} put {count} lines on the ledger"),
    "organisation/rotate": "{author} changed its keys",
    "organisation/describe": "{author} changed its entry in the directory",
    "governance/propose": "{author} proposed: {change}",
    "governance/vote": "{author} voted for a proposal",
    "account/create": "An account was opened",
    "account/credential-add": "An account added a key",
    "account/credential-remove": "An account removed a key",
}
KIND_OTHERWISE = "{author} did something this page has no words for"

CHANGES: Texts = {
    "admit": "let {id} join",
    "suspend": "suspend {id}",
    "reinstate": "let {id} speak again",
    "replace-keys": "give {id} new keys",
    "validator": "change what {id} counts for in ordering blocks",
    "upgrade": "move to new rules",
}

ROLES: Texts = {
    "hospital": "hospital",
    "clinic": "clinic",
    "lab": "laboratory",
    "payer": "insurer",
    "research": "research institute",
    "agent": "patients’ agent",
    "witness": "witness",
}

MANIFESTS: Texts = {
    "record/1": "Record",
    "link/1": "Link to an account",
    "consent/1": "Permission given",
    "consent/2": "Permission given",
    "revocation/1": "Permission taken back",
    "disclosure/1": "Records given out",
    "disclosure-received/1": "Records received",
    "refusal/1": "Refusal",
    "": "Not delivered",
}

RECORD_TYPES = {
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
}

SIGN_IN: Texts = {
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
}

ERRORS: Texts = {
    "not-found": "There is nothing at this address.",
    "unknown-record": "No record version with this fingerprint was signed here.",
    "unknown-person": "Nobody with this address is served here.",
    "unknown-line": "There is no such line.",
    "wrong-role": "This organisation has no such page.",
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
    "no-home": "Passkeys need a safe address (https), and this node has none.",
    "form-unreadable": "What was sent cannot be read.",
    "no-longer-helper": "You can no longer act for this person.",
    "form-too-large": "The form holds too much.",
    "page-failed": "This page could not be made. Nothing was lost; try again, and tell the operator if it stays.",
}
ERROR: Texts = {"code": "Code: {code}", "home": "Go to the first page"}

TIMES: Texts = {
    "now": "just now",
    "minutes": ("a minute ago", "{count} minutes ago"),
    "today": "today at {clock}",
    "yesterday": "yesterday at {clock}",
    "tomorrow": "tomorrow at {clock}",
    "day": "{day} {month} {year} at {clock}",
    "months": "January February March April May June July August September October November December",
}

LISTS: Texts = {"comma": ", ", "and": " and "}

TEMPLATE_WORDS: dict[str, Any] = {
    "site": SITE,
    "names": NAMES,
    "front": FRONT,
    "records": RECORDS,
    "version": VERSION,
    "given": GIVEN,
    "people": PEOPLE,
    "person": PERSON,
    "looks": LOOKS,
    "consents": CONSENTS,
    "ledger": LEDGER,
    "error": ERROR,
    "sign_in": SIGN_IN,
}


def record_type(kind: str, count: int = 1) -> str:
    """A FHIR type in plain words; the type itself where there are none."""
    one, many = RECORD_TYPES.get(kind, (kind, kind))
    return one if count == 1 else many
