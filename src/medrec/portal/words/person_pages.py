"""Words of a person's own pages."""

from medrec.portal.words.texts import Texts

PERSON = Texts(
    "PERSON",
    {
        "places_none": "No hospital is linked to you yet. Ask at the desk for a code.",
        "new_none": "Nothing has come yet. When a hospital writes or changes something about you, it shows here at once.",
        "missing": (
            "{organisation} put something about you on the ledger {when}, but has not told us what. We keep asking.",
            "{organisation} put {count} things about you on the ledger, but has not told us what. We keep asking.",
        ),
        "not_taken": (
            "{organisation} told us of something about you ({when}: {what}). We did not take it, and it counts for nothing here. {why}",
            "{organisation} told us {count} times of something about you (first {when}: {what}). We did not take it, and it counts for "
            "nothing here. {why}",
        ),
        "not_taken_any": "nobody can read what",
        "not_taken_unreadable": "It has a form that nobody here can read. Ask {organisation} what it is.",
        "not_taken_another-place": "It says what another place alone can say. Ask {organisation} why.",
        "not_taken_another-person": "It is about somebody else. Ask {organisation} why.",
        "not_taken_unsigned": "The signature that it needs is missing or wrong. {organisation} may go by it all the same, so ask there.",
        "missing_title": "Something is missing",
        "undone": (
            "{organisation} wrote something about you {when}. Your link there ended before it came to us. "
            "If you are linked there again, it will come.",
            "{organisation} wrote {count} things about you. Your link there ended before they came to us. "
            "If you are linked there again, they will come.",
        ),
        "undone_title": "What stayed where you left",
        "line": "{action}: {kind}",
        "from": "{organisation}, {when}",
        "ledger_yes": "On the ledger",
        "ledger_no": "Not on the ledger yet",
        "see": "See the proof",
        "linked": "You were linked at {organisation}",
        "unlinked": "You are no longer linked at {organisation}",
        "chart_linked": "{organisation} has two records of yours, and counts them as one from now on",
        "chart_unlinked": "{organisation} no longer counts one of its records as yours",
        "linked_more": ("One older line was handed over to you.", "{count} older lines were handed over to you."),
    },
    plain=True,
)

LOOKS = Texts(
    "LOOKS",
    {
        "inside": "{who} opened your record at {source}",
        "declared": "{who} says it is an emergency. They may look at {source} until {until}.",
        "review_open": "Somebody else at {organisation} has to check it. They have time until {due}.",
        "review_overdue": "Somebody else at {organisation} should have checked it. They had time until {due}.",
        "review_justified": "{organisation} had somebody else check it, who says that it was right: {words}",
        "review_not-justified": "{organisation} had somebody else check it, who says that it was not right: {words}",
        "review_unclear": "{organisation} had somebody else check it, who cannot say whether it was right: {words}",
        "according": "According to {organisation}: {sentence}",
        "own": "Your own agent read {what} at {source} for you.",
        "gave": "{who} got {what} from {source}.",
        "sent": "{who} sent {what} to {place}.",
        "sent_not": "{who} wanted to send records about you to {place}. Nothing was sent.",
        "vouched": "{organisation} says who this was, and answers for it.",
        "refused": "{who} asked {source} for your records and got nothing.",
        "refused_more": (
            "This line stands for one more such question within an hour: {when}.",
            "This line stands for {count} more such questions within an hour. The last one: {when}.",
        ),
        "oneside": "{who} says it got {what} from {source}. {source} has not told us so.",
        "person_of": "{person} at {organisation}",
        "why": "Reason given: {reason}",
        "purpose": "For: {purpose}",
        "oneside_refused": "{who} says that something came from {source}, and that it threw it away because it could not "
        "be trusted. {source} has not told us so.",
        "oneside_viewed": "{who} says that it asked {source} to show it a page of yours. {source} has not told us so.",
        "oneside_nothing": "{who} says that {source} sent it nothing.",
        "settled": "{organisation} has answered for it on the ledger.",
        "open": "{organisation} has to answer for it on the ledger and still has time.",
        "overdue": "{organisation} should have answered for it by now and has not.",
        "late": "{organisation} has answered for it, but too late.",
        "taken_back": "{organisation} wrote down later that it did not send this. {requester} has not told us if that is so.",
        "taken_back_page": "{organisation} wrote down later that it did not show this page. {requester} knows only that it asked.",
        "answer_received": "{organisation} has confirmed that it got them.",
        "answer_viewed": "{organisation} has confirmed that it asked for this page.",
        "answer_refused": "{organisation} threw away what came, because it could not be trusted.",
        "answer_nothing": "{organisation} says that nothing came.",
        "answer_not-asked": "The place that gave it says that {organisation} never asked for this.",
        "late_line": "It came on the ledger late, on {when}.",
        "unanchored": "Not on the ledger yet.",
        "not-owed": "The ledger did not take it that {organisation} has to answer for this. Ask the place that gave it.",
        "in_part": ("Something was left out of one of them.", "Something was left out of {count} of them."),
        "doubted": "One of your permissions could not be understood there. It was an emergency, so they got the most "
        "important facts all the same, and nothing else.",
        "contrary": "That does not fit together. {organisation} also wrote down: {sentence}",
        "unfit": "{organisation} wrote this down under the number of another look. Ask it what that means.",
        "doubtful": "Does not fit together",
        "no": "Answer: no. {reason}",
        "given": "Given out",
        "not_given": "Refused",
        "received": "Received",
        "look": "Looked",
        "check": "One side only",
    },
    plain=True,
)

REFUSALS = Texts(
    "REFUSALS",
    {
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
        "disputed": "You have questioned an earlier look of theirs.",
        "actor-unresolved": "Your permission names somebody who could not be told apart from them.",
        "codes-unknown": "You have forbidden something by a code that the place does not know. So nothing was given out.",
    },
    plain=True,
)

CONSENTS = Texts(
    "CONSENTS",
    {
        "permit_all": "{who} may see everything that {source} holds about you, {until}.",
        "permit_some": "{who} may see only these that {source} holds about you: {kinds}, {until}.",
        "deny_all": "{who} may see nothing that {source} holds about you, {until}.",
        "deny_some": "{who} may not see these that {source} holds about you: {kinds}, {until}.",
        "everybody": "Everybody in the network",
        "no_end": "until you take it back",
        "until": "until {when}",
        "given": "You said so {when}.",
        "given_clinic": "This was entered by {place} ({clerk}), {when}. You did not sign it yourself.",
        "given_helper": "Given for you by a helper, {when}",
        "late": "{place} says that you gave this. The key that signed it stopped being yours {when}, and this came later. If it "
        "is yours, say so. If not, stop it here, or ask {place}, which may go by it.",
        "late_undated": "{place} says that you gave this. The key that signed it is yours no more, and this came later. If it is "
        "yours, say so. If not, stop it here, or ask {place}, which may go by it.",
        "contrary": "{place} says that you gave this. The key that signed it stopped being yours {when}, and this is dated after "
        "that. It does not count here. Stop it, and ask {place}.",
        "active": "In force",
        "ended": "Ended",
        "revoked": "Taken back",
        "closed": "Closed by a no of yours",
        "unlinked": "Ended with the link",
    },
    plain=True,
)
