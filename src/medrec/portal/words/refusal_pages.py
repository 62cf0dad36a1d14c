"""Why something was refused, for staff and for the pages of errors: the sentences of the gate, translated."""

import re
from collections.abc import Mapping
from functools import lru_cache

from medrec.core import outcome
from medrec.node.refusals import Code
from medrec.portal import language
from medrec.portal.words.general import LISTS
from medrec.portal.words.made_sentences import LABEL, MADE
from medrec.portal.words.record_lines import measure
from medrec.portal.words.texts import Texts

_LATER: frozenset[Code] = frozenset()
"""Codes whose sentences are shown in English until they are translated: what is new can be named here for a while."""

WHY_NOT = Texts("WHY_NOT", {code.value: code.sentence for code in Code if code not in _LATER})


OUTCOMES = Texts(
    "OUTCOMES",
    {code.name.lower().replace("_", "-"): text for code, text in outcome.SENTENCES.items() if code},
)
"""Why the ledger refused a transaction."""


LEDGER_NO = Texts(
    "LEDGER_NO",
    {
        "other": "The ledger did not take this. Begin it once more.",
        "stale-nonce": "Something else was signed meanwhile. Begin this once more.",
        "expired": "This took too long. Begin it once more.",
        "time-locked": "It is too early for this. Everybody who was told has time to object.",
        "unknown-author": "There is no such account.",
        "unknown-account": "There is no such account.",
        "author-suspended": "The account is frozen, or the place is shut out.",
        "unknown-key": "This key does not open the account any more.",
        "retired-key": "This key was replaced by a newer one.",
        "credential-exists": "This key is on your account already.",
        "unknown-credential": "Your account has no such key.",
        "last-credential": "This is your last key. Add another one first.",
        "too-many-credentials": "Your account has as many keys as it may have. Remove one first.",
        "bad-credential": "This key cannot be used. Make a new one.",
        "recovery-pending": "Somebody is getting this account back just now. This has to wait until that is over or stopped.",
        "no-recovery": "Nobody is getting this account back just now.",
        "not-a-clinic": "Only a hospital or a clinic may do this.",
        "door-closed": "You did not choose this way back.",
        "wrong-code": "This is no paper code of the account, or it was used before.",
        "wrong-guardians": "These are not the guardians of the account now.",
        "not-a-guardian": "You are not one of the guardians.",
        "guardians-too-few": "At least two guardians have to agree, and no more than there are.",
        "already-said": "You have said so already.",
        "staff-unknown": "Two of the staff have to sign this. Their keys must be known for a day.",
        "veto-spent": "A key has stopped one already. Only your guardians can stop this one.",
        "clinic-spent": "This was stopped at this clinic lately. Take another way back.",
        "already-frozen": "The account is frozen already.",
        "not-frozen": "The account is not frozen.",
        "freeze-spent": "You have frozen this account in the last thirty days.",
        "unfreeze-spent": "A key has ended a freeze in the last thirty days. Now your guardians have to agree.",
    },
    plain=True,
)
"""The same for people: what it means for whoever signed, and what to do."""

ERROR = Texts("ERROR", {"code": "Code: {code}", "home": "Go to the first page"}, plain=True)

OFFLINE = Texts(
    "OFFLINE",
    {
        "lead": "This page needs the internet. Nothing is lost: load it again when you are back.",
        "card": "Your emergency card still works:",
        "again": "Try again",
    },
    plain=True,
)

LOST = Texts(
    "LOST",
    {
        "lead": "This is what you wrote. Copy it, so that you need not write it twice:",
        "in_trouble": "This place cannot use its own files now. Nothing was lost. Try again in a minute.",
    },
    plain=True,
)


def why_not(code: str, sentence: str) -> str:
    """The sentence of a refusal in the language of the visit; of the ledger's what it means for people, without what it
    adds in brackets for programs."""
    known = dict.get(WHY_NOT, code)
    if known is not None and known == sentence:
        return str(WHY_NOT[code])
    said = dict.get(OUTCOMES, code)
    if said is not None and sentence.startswith(said):
        return str(LEDGER_NO.get(code, LEDGER_NO["other"]))
    return in_words(sentence)


def outcome_in_full(code: str, sentence: str) -> str:
    """Why the ledger refused a transaction, for those who read the ledger itself: with the part that it speaks of."""
    said = dict.get(OUTCOMES, code)
    return str(OUTCOMES[code]) + sentence[len(said) :] if said is not None and sentence.startswith(said) else sentence


def in_words(sentence: str) -> str:
    """A sentence that a program made in English, in the language of the visit; said to be in the program's own words
    where it is none that is known. Names in it do not turn the text around them."""
    if language.current().code == language.DEFAULT or not sentence:
        return sentence
    code = _codes().get(sentence)
    if code is not None:
        return str(WHY_NOT[code])
    for name, pattern in _patterns():
        found = pattern.fullmatch(sentence)
        if found is not None:
            told: dict[str, str | list[str]] = dict(found.groupdict())
            if name == "pair":
                told |= {part: _of_label(found[part]) for part in ("level", "effect")}
            if name == "doses-differ":
                told["doses"] = [measure(dose) for dose in found["doses"].split(" and ")]
            if name == "too-much":
                told |= {part: measure(found[part]) for part in ("amount", "most")}
            return _filled(MADE[name], told)
    return _filled(MADE["in-their-words"], {"why": sentence})


def source_of(rules: str) -> str:
    """Whose rule noticed something: our own in the language of the visit, any other by its name."""
    return str(MADE["own-rules"]) if rules == dict.get(MADE, "own-rules") else rules


def _of_label(text: str) -> str:
    return str(LABEL.get(text.replace(", ", "-").replace(" ", "-"), text))


def _filled(text: str, values: Mapping[str, str | list[str]]) -> str:
    """A text with its gaps filled, each value apart, so that none turns what is around it; of several each."""
    filled = {}
    for name, value in values.items():
        several = [f"\u2068{language.bare(one)}\u2069" for one in ([value] if isinstance(value, str) else value)]
        filled[name] = str(LISTS["and"]).join(several)
    return language.Told(text.format(**filled))


@lru_cache
def _codes() -> dict[str, str]:
    return {str(text): code for code, text in WHY_NOT.english()}


@lru_cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    """The sentences as patterns, those with most words of their own first."""
    english = [(name, str(text)) for name, text in MADE.english() if name != "in-their-words"]
    ordered = sorted(english, key=lambda item: -len(re.sub(r"\{[a-z]+\}", "", item[1])))
    return [(name, re.compile(re.sub(r"\\{([a-z]+)\\}", r"(?P<\1>.+?)", re.escape(text)))) for name, text in ordered]
