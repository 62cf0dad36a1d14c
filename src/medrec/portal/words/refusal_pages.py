"""Why something was refused, for staff and for the pages of errors: the sentences of the gate, translated."""

from medrec.core import outcome
from medrec.node.refusals import Code
from medrec.portal.words.texts import Texts

_LATER: frozenset[Code] = frozenset()
"""Codes whose sentences are shown in English until they are translated: what is new can be named here for a while."""

WHY_NOT = Texts("WHY_NOT", {code.value: code.sentence for code in Code if code not in _LATER})


OUTCOMES = Texts(
    "OUTCOMES",
    {code.name.lower().replace("_", "-"): text for code, text in outcome.SENTENCES.items() if code},
)
"""Why the ledger refused a transaction."""


LOST = Texts("LOST", {"lead": "This is what you wrote. Copy it, so that you need not write it twice:"}, plain=True)


def why_not(code: str, sentence: str) -> str:
    """The sentence of a refusal in the language of the visit; as it came, where it is none of the gate's or the
    ledger's. What the ledger adds in brackets (which part it speaks of) stays as it is."""
    known = dict.get(WHY_NOT, code)
    if known is not None and known == sentence:
        return str(WHY_NOT[code])
    said = dict.get(OUTCOMES, code)
    if said is not None and sentence.startswith(said):
        return str(OUTCOMES[code]) + sentence[len(said) :]
    return sentence
