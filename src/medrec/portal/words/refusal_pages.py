"""Why something was refused, for staff and for the pages of errors: the sentences of the gate, translated."""

from medrec.node.refusals import Code
from medrec.portal.words.texts import Texts

_LATER: frozenset[Code] = frozenset()
"""Codes whose sentences are shown in English until they are translated: what is new can be named here for a while."""

WHY_NOT = Texts("WHY_NOT", {code.value: code.sentence for code in Code if code not in _LATER})


def why_not(code: str, sentence: str) -> str:
    """The sentence of a refusal in the language of the visit; as it came, where it is none of the gate's."""
    known = dict.get(WHY_NOT, code)
    return str(WHY_NOT[code]) if known is not None and known == sentence else sentence
