"""What stands in place of a medicine, or around its name, and says that there is none or that it is not taken: "None
(nifedipine)", "lisinopril 20 mg (patient stopped)", "[STOPPED 2024]", "HOLD warfarin", "does not take aspirin"."""

import re

from medrec.core.records import sig
from medrec.core.records.none_known import no_medicines
from medrec.core.records.terms import Terms, cleaned

_PARENTHESES = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_PIECES = re.compile(r"[()\[\]{}*;:,|]+|\s[-–—]+\s?|\.\s")
_DENIED = re.compile(
    r"^(?:(?:the\s+)?(?:patient|pt|she|he)\.?\s+(?:is\s+)?)?(?:no|not|never|does\s+not\s+\w+|doesn['’]?t\s+\w+|denies|refuse[sd]"
    r"|declines?|declined|takes\s+nothing|allergic(?:\s+to)?|allergy(?:\s+to)?(?!\s+(?:pill|med|shot|drop|tab|eye|relief|spray))|intoleran(?:t|ce)\s+(?:to|of)|sin|ninguno"
    r"|no\s+toma|(?:d/?c(?:'?d|ed)?|stop(?:ped)?|hold|held|quit|paused?|discontinued?|avoid|suspendid[oa]|suspender)"
    r"(?!.*\b(?:if|when|unless|until|till|before|after|prior|for|on|si|hasta|antes)\b))(?!\S)|\sd/c(?:'?d|ed)?$"
)


def says_none(words: str) -> bool:
    """Whether the name of a medicine says that none is taken."""
    return no_medicines(words) or no_medicines(_PARENTHESES.sub(" ", words))


def says_not_taken(words: str, terms: Terms) -> bool:
    """Whether the name of a medicine, or what a sign sets off in it, says that it is not taken or was stopped. What
    is sold by such a name ("Stop Lice") is a name."""
    if not words or terms.drug_named(words) is not None:
        return False
    pieces = [piece for part in _PIECES.split(words.lower()) if (piece := cleaned(part).strip(" .!-"))]
    said = [piece for piece in pieces if sig.says_over(piece) or _DENIED.search(piece) or no_medicines(piece)]
    return any(terms.drug_named(piece) is None for piece in said)
