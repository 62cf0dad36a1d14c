"""Sentences that the programs of a node make and keep in English: why something did not arrive, what was noticed on a
list. The pages say them in the language of the visit; a test finds one that is missing here."""

from medrec.core.reconcile.label_pairs import PAIRS
from medrec.portal.words.texts import Texts

MADE = Texts(
    "MADE",
    {
        # Calls to other places.
        "no-endpoint": "{place} has no address on the ledger.",
        "no-tls": "The address of {place} is not https; nothing is sent in the clear.",
        "slow": "{place} did not answer within {seconds} seconds.",
        "unreachable": "{place} cannot be reached.",
        "unreachable-why": "{place} cannot be reached ({why}).",
        "too-large": "The answer of {place} is longer than a node takes.",
        "stopping": "This node is stopping; nothing more is sent.",
        "unsigned": "What answered for {place} did not prove to be its node ({why}); it does not count.",
        "garbage": "{place} refused in a form that is not readable.",
        "answer-unread": "{place} answered in a form that is not readable.",
        "ledger-unread": "The ledger cannot be read: {why}",
        "not-said": "The peer's answer does not say what it took; everything is sent again.",
        "not-said-there": "The provider's answer does not say whether it is there; it is sent again.",
        "asks-unread": "What {place} asks cannot be read.",
        "another-name": "{place} asks in another's name.",
        # Ways to tell a person.
        "way-fault": "MedRec has a fault here ({why}); it tries again.",
        "no-mail": "This node has no mail server; its operator can set one.",
        "way-https": "The address has to begin with https://.",
        "way-gone": "The address is gone.",
        "way-answered": "The address answered {code}.",
        "way-unfound": "The address cannot be found.",
        "way-private": "The address is not a public one.",
        "mail-refused": "The mail server does not take this address.",
        "mail-unreachable": "The mail server could not be reached.",
        "way-silent": "The address does not answer.",
        # Places that know a person.
        "link-names": "The date of birth, the family name and the given name are all needed.",
        "no-patient": "There is no patient with this number here.",
        "chart-shut": "This is not the record of the patient that is in use.",
        "says-little": "The record says too little of who this is.",
        "patient-linked": "This patient is already linked to an account.",
        "code-misread": "This is no code of a desk of this network, or it was misread; scan it again.",
        "code-strange": "This is no code of a desk of this network; ask at the desk.",
        "does-not-fit": "What you state does not fit the patient of this code; ask at the desk.",
        "code-needs": "A code of the desk needs your family name, given name and date of birth.",
        "link-unsigned": "The account's holder did not sign this link.",
        "for-another": "This code is for somebody else, who asked to be found.",
        "no-longer-fits": "What was stated does not fit the patient of this code any more.",
        "code-used": "The code was used, has run out, or was never given; ask at the desk.",
        "account-linked": "This account is already linked here.",
        "link-undone": "These keys served a link that was undone since; link with the next ones.",
        "undo-old": "The request to undo a link is too old; sign it again.",
        "unsigned-by-her": "The account's holder did not sign this.",
        "link-unread": "The request to link is not readable.",
        "notices-unread": "The request for notices is not readable.",
        "not-linked": "This account is not linked here.",
        "not-served": "This agent does not serve this account here.",
        "undo-unread": "The request to undo a link is not readable.",
        "still-looked": "Earlier requests are still being looked at; please wait.",
        "waits-not-for": "This request does not wait for that patient (any more).",
        "find-unread": "The request to be found is not readable.",
        "somebody-elses": "This request belongs to somebody else.",
        "waits-not": "This request does not wait (any more).",
        "staff-code-used": "The code was used, has run out, or was never given; ask for a new one.",
        "staff-key-known": "This key is registered already; choose another one.",
        # The node's own files.
        "store-unusable": "The node's store cannot be used: {why}.",
        "store-read": "The node's store is being read; what was deleted is still in its file. Try again.",
        "store-full": "The disk is full: nothing was kept and nothing left the node; make room.",
        "store-damaged": "The node's store is damaged; restore it from a backup.",
        "store-taken": "Another process has the node's store open; stop it first.",
        "store-rewrite": "The node's store could not be rewritten: {why}.",
        "receipt-erased": "{line} was erased here; what stands on the ledger tells nothing of it.",
        "receipt-early": "This line of {line} is not on the ledger yet; ask again in a minute.",
        "receipt-cut": "This organisation's journal does not hold {line}; what was cut has no receipt.",
        "receipt-none": "This organisation's journal does not hold {line}.",
        "receipt-line-early": "Line {line} of the journal is not on the ledger yet; ask again in a minute.",
        # What was noticed on a list, and by whose rules.
        "own-rules": "MedRec's rules",
        "doses-differ": "{one}: different doses are in force at different places ({doses}).",
        "more-orders": "{one}: more than one order or statement of it is in force ({orders}).",
        "ordered-by-two": "{one}: ordered by two ({names}). It may be one order told twice.",
        "filled-early": "{one}: two order it ({names}), and it was filled again while a fill of it lasted.",
        "one-class": "{one} and {other} are of one class ({through}).",
        "same-medicine": "{one} and {other} hold the same medicine.",
        "checker-silent": "A checker of this place gave no answer. What it knows of is missing here.",
        "names-unseen": (
            "Very many names here are not known. Not all of them were looked at for slips: an allergy may be missed."
        ),
        "allergy": "{one} is taken, and an allergy to {other} is on the list.",
        "allergy-perhaps": "{one} is on the list, and an allergy to {other} is, too.",
        "allergy-written": "{one} is on the list, and an allergy written as {other}, which may mean {read}.",
        "allergy-medicine": "{one}, which may mean {read}, is on the list, and an allergy to {other} is, too.",
        "allergy-class": "{one} is of the class {through}; an allergy to {other} is on the list.",
        "pair": "{one} and {other}: the label says {level} ({effect}).",
        "too-much": "{one}: the directions come to {amount} a day; the label gives at most {most}.",
        "weekly": "{one}: the directions say every day; mostly it is taken once a week.",
        # What a privacy officer has to see to.
        "owed-denied": (
            "{place} says that it knows nothing of what this organisation wrote down for it; ask its privacy officer "
            "what became of it."
        ),
        # Anything else.
        "in-their-words": "In the program’s own words: {why}",
    },
)

LABEL = Texts(
    "LABEL",
    {text.replace(", ", "-").replace(" ", "-"): text for pair in PAIRS for text in (pair.level, pair.effect)},
)
"""What labels say of two medicines together: how much it matters, and what happens."""
