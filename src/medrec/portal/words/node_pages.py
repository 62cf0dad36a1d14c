"""Words of the pages about a node: front page, signed records, proofs, what was given out, the ledger."""

from medrec.portal.words.texts import Texts

FRONT = Texts(
    "FRONT",
    {
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
        "go_clinic": "Find a patient and see one list from every place",
        "go_desk": "Link people to their accounts, and decide what is held back",
        "go_corrections": "Answer the people who say that a record is wrong",
        "go_office": "Read the looks that stand out, and say what you found",
        "go_patient_lists": "One list of a patient: medicines, problems, allergies",
        "go_people": "See what each person sees",
        "go_ledger": "See the ledger that everybody shares",
        "go_cases": "People whom your organisation helps",
    },
)

CHECKS = Texts(
    "CHECKS",
    {
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
        "trouble_none": "No part of this place’s own system is in trouble.",
        "trouble": "{part}: {error}",
        "unsigned": "The signature of {organisation} under the state of the ledger is missing: {error}",
        "behind_none": "Every block of the ledger was read.",
        "behind": ("One block of the ledger is not read yet.", "{count} blocks of the ledger are not read yet."),
        "missing_none": "No message about a person is missing.",
        "missing": (
            "One line about a person stands on the ledger, but its message never came. We ask for it again.",
            "{count} lines about people stand on the ledger, but their messages never came. We ask for them again.",
        ),
    },
)

PARTS = Texts(
    "PARTS",
    {
        "anchor": "Putting lines on the ledger",
        "deliver": "Delivering messages",
        "checkpoint": "Signing the state of the ledger",
        "follow": "Reading the ledger",
    },
)

RECORDS = Texts(
    "RECORDS",
    {
        "lead": "Each time a record is made, changed or deleted, {organisation} signs that version.",
        "find": "Find one patient",
        "find_label": "Patient number",
        "find_hint": "The number that this hospital uses for the patient.",
        "find_button": "Find",
        "find_why": "Whose it is, you see when you say why you look.",
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
    },
)

VERSION = Texts(
    "VERSION",
    {
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
    },
)

EXTRAS = Texts(
    "EXTRAS",
    {
        "owes": "Another organisation owes an answer",
        "settles": "Answers what was owed",
        "nullifier": "Takes a permission back",
        "sealed": "A short summary that only the person can read",
    },
)

GIVEN = Texts(
    "GIVEN",
    {
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
    },
)

PEOPLE = Texts(
    "PEOPLE",
    {
        "lead": "The people this agent works for. Each sees only her or his own page.",
        "none": "Nobody is served here yet.",
        "found": ("One person", "{count} people"),
        "lines": ("one message", "{count} messages"),
        "places": ("{count} place", "{count} places"),
    },
    plain=True,
)

LEDGER = Texts(
    "LEDGER",
    {
        "lead": "Every organisation holds this same list. What stands here stays, and nobody can change it unseen. It "
        "names no patient and holds nothing about anybody’s health.",
        "checkpoint": "Latest checkpoint",
        "checkpoint_more": "A checkpoint is the state of the ledger, signed by the organisations one by one. If two of "
        "them ever saw different ledgers, each would raise an alarm.",
        "checkpoint_none": "No checkpoint was signed yet. The first comes within seconds of the first block.",
        "signed_by": (
            "{count} of {total} organisations has signed it",
            "{count} of {total} organisations have signed it",
        ),
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
        "faults": "Broke the rules of voting",
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
    },
)

KINDS = Texts(
    "KINDS",
    {
        "anchor": ("{author} put one line on the ledger", "{author} put {count} lines on the ledger"),
        "organisation/rotate": "{author} changed its keys",
        "organisation/describe": "{author} changed its entry in the directory",
        "organisation/leave": "{author} left the network",
        "governance/propose": "{author} proposed: {change}",
        "governance/vote": "{author} voted for a proposal",
        "account/create": "An account was opened",
        "account/credential-add": "An account added a key",
        "account/credential-remove": "An account removed a key",
        "account/doors": "An account chose its ways back",
        "account/freeze": "An account was frozen",
        "account/unfreeze": "Somebody asked to unfreeze an account",
        "recovery/by-paper": "A way back into an account was begun with a paper code",
        "recovery/by-guardian": "A guardian spoke for a way back into an account",
        "recovery/by-clinic": "{author} began a way back into an account",
        "recovery/veto": "A key stopped a way back into an account",
        "recovery/stop": "A guardian spoke against a way back into an account",
        "recovery/finish": "An account came back with a new key",
        "organisation/staff": "{author} named the keys of its staff",
    },
)

CHANGES = Texts(
    "CHANGES",
    {
        "admit": "let {id} join",
        "suspend": "suspend {id}",
        "reinstate": "let {id} speak again",
        "replace-keys": "give {id} new keys",
        "validator": "change what {id} counts for in ordering blocks",
        "upgrade": "move to new rules",
        "recovery-policy": "change how long the ways back take",
    },
)
