"""Words of the page that checks a receipt."""

from medrec.portal.words.texts import Texts

VERIFY = Texts(
    "VERIFY",
    {
        "lead": "Somebody gave you a record and its receipt? Find out here if the record is real and was never changed.",
        "files": "Your files",
        "files_more": "Drop the receipt and the record here, both at once if you like. If you have your own root file, "
        "drop it too.",
        "pick": "Or choose the files",
        "receipt": "The receipt",
        "record": "The record",
        "root": "Your root file",
        "wants_record": "The receipt is here. Now add the record that it speaks of.",
        "again": "Start again",
        "stays": "Your files stay on this device. This page sends them nowhere.",
        "no_script": "Your browser runs no scripts here. You can check a receipt with the program verify_receipt.py.",
        "genuine": "Genuine",
        "not_genuine": "Not genuine",
        "unreadable": "This could not be checked",
        "what": "What",
        "who": "Signed by",
        "time": "Put on the ledger",
        "existed": "Existed no later than",
        "vouch": "Who vouches",
        "block": "Block",
        "line": "Line of the journal",
        "stated": "Date that the signer wrote on it",
        "network": "Network",
        "not_proved": "Not proved: that it is true, whose record it is, and that it is the newest one.",
        "own_root": "You used the root file that this site gave you. To trust nobody, get the network’s number from "
        "somebody else and compare it.",
        "go": "Check a receipt",
    },
)

VERDICTS = Texts(
    "VERDICTS",
    {
        "genuine": "The record is the one that was signed. Not one letter was changed.",
        "root": "The root file is not one, or it is broken.",
        "change": "The root file holds a change of members that too few members signed.",
        "receipt": "The receipt is not one, or it is broken.",
        "record": "The record cannot be read, so it cannot be compared.",
        "record-missing": "The record is missing.",
        "record-not-needed": "This receipt is about something that has no record. Leave the record out.",
        "quorum": "The number of those who must vouch makes no sense.",
        "newer-version": "This was made by a newer version than this page knows.",
        "fault": "This page has a fault, so nothing is known.",
        "network": "The parts belong to different networks.",
        "manifest": "The signed statement was changed.",
        "organisation": "The root file does not know who signed it.",
        "record-changed": "The record is not the one that was signed. It was changed, or it belongs to another receipt.",
        "entry": "The entry on the ledger was changed.",
        "commitment": "The receipt and the statement do not belong together.",
        "body": "The signed batch was changed.",
        "kind": "The receipt holds something else than a batch of entries.",
        "author": "Somebody else than the signer made the batch.",
        "batch-path": "The entry is not in the batch.",
        "signature": "The signature does not hold. The batch was changed or made up.",
        "proof": "The proof of the ledger was changed.",
        "log-path": "The ledger does not hold this batch.",
        "time": "The times do not fit together.",
        "member": "Whoever signed it was no member then, or had another key.",
        "cosignatures": "Too few organisations vouch for it.",
    },
)
