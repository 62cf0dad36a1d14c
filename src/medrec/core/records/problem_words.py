"""What the name of a problem says beside the problem: its side of the body, and whether it is the person's at all.

One reading for everybody who asks. "FH: diabetes" is a relative's, "No diabetes" is denied, "? PE" is not certain, "h/o
stroke" is past, "UTI - resolved" is over: none of these is the problem itself, and what is not is never joined with it.
The triggers are those of NegEx and ConText (PMC 2757457) that occur in the names of problem lists, before the name or
behind it, with the Spanish ones; what else they list is of sentences.
"""

import re
from functools import lru_cache
from typing import Literal, NamedTuple

from medrec.core.records.datatypes import Concept
from medrec.core.records.understood import Coding, Laterality

Standing = Literal["", "family", "denied", "uncertain", "history", "over"]

_RELATIVE = (
    r"(?:(?:great[\s-]*)?(?:grand|god|step)?[\s-]?(?:mother|father|parent|son|daughter)|mom|mum|dad|brother|sister|sibling|aunt|uncle"
    r"|cousin|niece|nephew|relative|(?:house)?wife|husband|spouse|partner|fianc[eé]e?|(?:boy|girl)friend|baby|(?:m|p)g[mf]"
    r"|madre|padre|mamá|papá|herman[oa]|abuel[oa]|tía|t[ií]o|hij[oa]|espos[oa]|marido|suegr[oa]|sobrin[oa]|niet[oa]|bebé)(?:s|'s|’s)?"
    r"|\b(?:والد\w*|شقيق\w*|أخت\w*|أخي\w*|جدت?[هي]ا?|أم[هي]ا?|أبي\w*)"
)
_HISTORY = r"(?:history|hx|h/o)"
_CALLED = r"(?:\s+(?:of|for|positive\s+for)\b|\s*:)?"
_END = r"\s*\)?$"
_FIRST = (
    r"^(?:(?:the|a|an|patient|pt|has|had|with|known|remote|distant|long|strong|significant|positive|other|reported)"
    r"\b\.? )*"
)
_LAST = r"(?: (?:of|in))?[\s,]*(?:\d{4})?\s*\)?$"
_BREAK = re.compile(r"[,;:()]|\s[-–]\s|\.\s|\b(?:but|except|only|pero|salvo)\b")
"""Where another clause begins. The words below count for their own clause, and the first clause is the problem."""
_ABOUT = re.compile(
    r"\b(?:inform|notif|aware|told|call(?:ed|s)|updat|present(?:s|ed)?\b|report(?:s|ed)|states?\b|says\b|giv(?:es|en|ing)|administ|help|liv(?:es|ing)"
    r"|caregiv|carer|car(?:es|ing)\b|care\b|support|assist|interpret|contact|proxy|consent|relationship|problems?\b|conflict|rival|estrange|upbringing"
    r"|custody|abuse|violence|neglect|death|bereave|grie[fv]|loss\s+of|deceased|stress|strain|burden|depend|encounter|counsel|visit|liveborn"
    r"|newborn|neonat|infant|fetal|fetus|pregnan|postpartum|lactat|deliver|transmi|assault|bitten|stroller|conjoined|syndrome|blues"
    r"|cry|fuss|screening\s+of|teeth|tooth|joseph|cells?\b|cyst|hijos?\s+de|informad|avisad|vive\s+con|cuidador)"
)
"""What relatives do, or what is between her and them: a clause with such words is not of their illness."""
_KIN = re.compile(
    rf"[-,(]?\s*(?:\b(?:in|of|en)\s+)?(?:(?:her|his|the\s+patient's|su)\s+)?\b(?:(?:maternal|paternal)\s+)?(?:{_RELATIVE})"
    r"(?!\w|[-/])(?:\s+(?:with|con|w/)(?!\w)|(?P<ill>\s+(?:had|has|died\s+of|tuvo|tiene)\b))?\s*[-:)]?"
    r"|(?:^|[-,(])\s*(?:maternal|paternal)(?:\s+side)?\s*\)?$|^(?:maternal|paternal)\s+(?:side|hx|history)\b\s*:?"
)
_WORD = re.compile(r"[^\W\d_]{2}")
# Before the name; behind it ("_END"), mostly set off by a sign; or anywhere. A text has no other spaces than one.
_FAMILY = (
    rf"^(?:no |negative )?{_FIRST[1:]}(?:family|fam\.?)\s*(?:medical )?{_HISTORY}{_CALLED}",
    rf"\s*[-,:(]?\s*\b(?:family|fam\.?)\s*(?:medical )?{_HISTORY}{_LAST}",
    rf"{_FIRST}fhx?\b\s*(?:of\b|:|-)?(?=.*\w)",
    rf"\s*[-,:(]?\s*\bfhx{_LAST}",
    r"^antecedentes? familiar(?:es)?(?: de\b|\s*:)?",
    r"\s*[-,:(]?\s*\bantecedentes? familiar(?:es)?\s*\)?$",
)
_DENIED = (
    r"^(?:(?:patient|pt)\.? )?(?:denie[sd]|neg(?:ative|\.)? for|no (?:evidence|signs?|history|hx) of|no (?:h/o|hx))\b",
    r"^(?:(?:patient|pt)\.? )?(?:never had|free of|without|w/o|(?:does not|doesn['’]?t) have|niega|(?:se )?descarta|sin"
    r"|no (?:tiene|presenta))(?!\w)",
    r"^no (?!known\b|longer\b|fixed\b|show|transport|access|insur|social|care|employ|further|response|code\b)",
    rf"\s*[-,:(]?\s*\b(?:(?:(?:has been|was) )?ruled out|not (?:present|found)|excluded|descartad[oa]){_END}",
    rf"(?:\s[-–]\s*|\s*[:(]\s*)(?:neg(?:ative)?|absent|none|nil|denied|no)\.?{_END}",
    rf"(?<!response)\s*,\s*(?:none|nil|denied){_END}",
)
_MARKERS = [
    "her2", "her", "er/pr", "er", "pr", "rh", "rhesus", "alk", "triple", "culture", "gram", "antigen", "antibody",
    "nodes", "node", "margins", "margin", "factor", "mutation", "stain", "screen", "test", "smear", "receptor",
    "response", "hbsag", "bcr-abl", "jak2", "braf", "egfr", "rf", "ana",
]  # fmt: skip
"""What may be negative and is no illness: "HER2 negative" is a kind of one."""
_UNCERTAIN = (
    r"^\?+",
    r"^(?:r/o|rule[\s-]+out|possible|probable|suspected|likely|presumed|presumptive|questionable|query)(?!\w)\s*:?",
    r"^(?:consider|suspicion (?:of|for)|suspicious for|concern(?:ing)? for|screen(?:ing)? (?:for|of))\b",
    r"^(?:eval(?:uation)? for|(?:at (?:(?:high|increased) )?)?risk (?:of|for)|work-?up for)\b",
    r"^(?:posible|sospecha de|a descartar|descartar)\b",
    r"^not (?:an? )?(?!(?:in|known|otherwise|able|well|at|on|up|sure|fit|\w+ing|\w+ed)\b|compl|adher|ambul|immun)",
    r"^borderline (?=diab|dm\b|hypert|htn|high|chol|glauc)",
    rf"\s*[-,:(]?\s*\b(?:suspected|unlikely|possible|probable|rule out|r/o|not confirmed){_END}",
    r"(?:,\s*|(?<!,)\s)(?=(?:neg(?:ative)?|absent|none|nil|denied)\.?$)"
    + "".join(rf"(?<!\b{marker}[, ])(?<!\b{marker}, )" for marker in _MARKERS)
    + r"\w+\.?$",
    r"(?<!neonatal)(?<!newborn)(?<!antenatal)(?<!prenatal)(?<!hearing) screening$",
    r"\s*\?+$",
)
_PAST = (
    rf"{_FIRST}(?:(?:personal|past|previous|prior) )?(?:medical )?{_HISTORY}{_CALLED}",
    rf"\s*[-,:(]?\s*\b(?:(?:personal|past|previous|prior) )?(?:medical )?{_HISTORY}{_LAST}",
    rf"^pmhx?\b\s*:?|\s*[-,:(]?\s*\bpmhx?{_LAST}",
    r"^antecedentes? (?:personal(?:es)? )?de\b",
    r"^historia de\b",
    r"^(?:previous|past|prior|old|remote|former|ex|was|used to (?:have|be))\b-?",
    rf"^(?:s/p|status[\s-]+post)\b|\s*[-,:(]?\s*\b(?:s/p|status[\s-]+post){_LAST}",
    r"(?:\s*[-–,:(]\s*childhood)?\s*[-–,:(]?\s*\b(?:has\s+|ha\s+)?"
    rf"(?<!not )(?:outgrown|outgrew(?:\s+it)?|grew\s+out\s+of\s+it|superad[oa]){_END}",
    rf"\s*[-–,:(]?\s*\b(?:as\s+an?\s+(?:child|kid|infant|baby|teen(?:ager)?)|in\s+(?:childhood|infancy)|de\s+niñ[oa]|en\s+la\s+(?:infancia|niñez)){_END}",
)
_ENDED = re.compile(
    r"(?<!not )(?<!partially )(?<!never )"
    r"\b(?:resolved|cured|outgrown|outgrew|grew\s+out|resuelt[oa]|curad[oa]|superad[oa])\b"
)
"""What says of something past that it is over, too."""
_OVER = (
    r"^resolved\b",
    rf"\s*[-–,:(]\s*(?:resolved|cured|healed|resuelt[oa]|curad[oa])(?:\s+(?:in\s+|en\s+)?\d{{4}})?{_END}",
    r"(?<!\bnot)(?<!\bnever)(?<!\bpartially)(?<!\bpartly)(?<!\bmostly)(?<!\bno)\s+(?:now\s+|fully\s+|completely\s+|has\s+|is\s+)*"
    rf"(?:resolved|cured|resuelt[oa]|curad[oa])(?:\s+(?:in\s+|en\s+)?\d{{4}})?{_END}",
    rf"\s*[-–,:(]\s*(?:no\s+longer\s+(?:active|present|there|an?\s+(?:problem|issue))|ya\s+no\s+(?:activ[oa]|presente)){_END}",
)
_CLAUSES = re.compile(r"[.;:,()\n]|\s[-–]\s")
_IS_OVER = re.compile(
    r"(?:(?:this|it|the|problem|condition|diagnosis|patient|pt|says|reports|now|has|have|is|was|been|since|fully|completely"
    r"|todo|ya|est[áa]|ha\s+sido)\b\s*)*(?:resolved|cured|healed|outgrown|ruled\s+out|disproved|refuted|no\s+longer\s+(?:there"
    r"|has|active|present|an?\s+(?:problem|issue))|in\s+(?:full\s+|complete\s+)?remission|entered\s+(?:in\s+error|by\s+mistake)"
    r"|resuelt[oa]|curad[oa]|descartad[oa])\b"
)
_BACK = re.compile(
    r"\b(?:if|when|unless|until|once|but|not|except|again|back|recur\w*|relaps\w*|return\w*|part\w*|nearly|almost|mostly|si|pero)\b"
)
# In order: the first that fits says how it stands. What they match is taken off the name.
_STANDINGS: tuple[tuple[Standing, re.Pattern[str]], ...] = (
    ("family", re.compile("|".join(_FAMILY))),
    ("denied", re.compile("|".join(_DENIED))),
    ("uncertain", re.compile("|".join(_UNCERTAIN))),
    ("history", re.compile("|".join(_PAST))),
    ("over", re.compile("|".join(_OVER))),
)
_BOTH_PAST = ("history", "over")
_HAS_BEEN = re.compile("|".join(_PAST))
_NATURAL = re.compile(r"\bnatural\s+history\b|\bhistory\s+of\s+present\b")

_CODES: dict[str, Laterality] = {
    "7771000": "left", "24028007": "right", "51440002": "bilateral", "419161000": "left", "419465000": "right",
}  # fmt: skip
"""SNOMED CT's qualifiers of a side: of mCODE's value set of laterality, and of R4's body structure location."""
_LETTER = (
    r"(?<![\w/.'&-])(?<!vitamin )(?<!type )(?<!hepatitis )(?<!factor )(?<!group )(?<!class )(?<!grade )(?<!stage )"
)
_ENDS = r"(?!\.?\w|[/&'’]|-(?!\s*sided))"
_JOINED = r"[-/](?!spine|dopa|thyrox|arg|carn|wave)(?=[a-z]{3})"
"""L-breast, R/breast."""
_PART = r"(?=(?:[ul][qel]|ml|ih|[bat]?k[ar]|t?h[ar])\b)"
"""LUQ, RLE, RML, LIH, LBKA: the letter is the side of what the others stand for."""
_BOTH = (
    r"\b(?:bilateral(?:es)?|(?<!with )both|ambos|ambas|bilat|bilatéral\w*|beid(?:er)?seit\w*|двусторон\w+)\b|双侧|両側"
)
_LEFT = (
    r"\b(?:left|lt|lft|izquierd[oa]s?|izq|izda?|izqd[oa])\b|\bsin\.(?!\w)|(?:ال)?(?:يسرى|أيسر|يسار)\b"
    r"|\b(?:gauches?|links(?:seitig\w*)?|linke[rnms]?|esquerd[oa]s?|vänstra?|venstre|lew(?:y|a|ej|ego)|lev[áýé]|лев\w+)\b|左"
    rf"|{_LETTER}\(?l\)?{_ENDS}|^l{_JOINED}|_l(?!\w)|\bl{_PART}|\bsinist(?:er|r[aou]m?)\b"
)
_RIGHT = (
    r"\b(?:right|rt|rgt|derech[oa]s?|der|dch[ao]?)\b|\bdex\.(?!\w)|(?:ال)?(?:يمنى|أيمن|يمين)\b"
    r"|\b(?:droite?s?|rechts(?:seitig\w*)?|rechte[rnms]?|direit[oa]s?|destr[oa]|högra|höger|højre|høyre|praw(?:y|a|ej|ego)|prav[áýé]"
    r"|прав\w+)\b|右"
    rf"|{_LETTER}\(?r\)?{_ENDS}|^r{_JOINED}|_r(?!\w)|\br{_PART}|\bdext(?:er|r[au]m?)\b"
)
_EYES: tuple[tuple[Laterality, str], ...] = (
    ("bilateral", r"\bo\.?u\b"),
    ("left", r"\b(?:os|le)\b"),
    ("right", r"\b(?:od|re)\b"),
)
"""Sides of eyes alone: "os" is a bone elsewhere, "re" a word."""
_EARS: tuple[tuple[Laterality, str], ...] = (("bilateral", r"\bau\b"), ("left", r"\bas\b"), ("right", r"\bad\b"))
_EAR = re.compile(r"\bears?\b|hearing|\botitis|\botalg|tympan|tinnitus|cerumen|mastoid|\bo[ií]do")
_EYE = re.compile(r"\beye|retin|glaucom|cat[ae]rat|cataract|visual|macul|conjunct|\bojo")
_SIDES: tuple[tuple[Laterality, re.Pattern[str]], ...] = (
    ("bilateral", re.compile(_BOTH)), ("left", re.compile(_LEFT)), ("right", re.compile(_RIGHT)),
)  # fmt: skip
_EYE_SIDES = tuple((side, re.compile(pattern)) for side, pattern in _EYES)
_EAR_SIDES = tuple((side, re.compile(pattern)) for side, pattern in _EARS)
_NO_SIDE = re.compile(
    r"(?:left|right)[\s-]+(?:ventric|atri|bundle|main|anterior\s+desc|circumflex|coronary|(?:sided[\s-]+)?(?:congestive\s+)?heart)|ventric|"
    r"accidentally\s+left|left\s+(?:without|against|ama)\b|right\s+to\b|\br[\s-]wave"
)
_SIDED = re.compile(r"^[\s.)-]*side[d]?\b")


_READ_MAX = 2_000
"""No name is so long. The patterns here take steps by the square of what they read."""


class Spoken(NamedTuple):
    """A name as it was read: the side and the standing that it says, what is left of it without these, and whether it
    is called over (`ended`)."""

    side: Laterality
    standing: Standing
    core: str
    ended: bool = False


@lru_cache(maxsize=4096)
def spoken(name: str) -> Spoken:
    """Read the name of a problem, in any letters. What is far too long for a name is read for its side alone, in its
    beginning, and not certain: who may be meant, and whether it is denied, could stand behind that."""
    text = " ".join(name.lower().split())
    if len(text) > _READ_MAX:
        return Spoken(_sided(text[:_READ_MAX])[0], "uncertain", text)
    side, without = _sided(text)
    standing, core = _stands(without)
    ended = standing == "over" or (standing == "history" and _ENDED.search(text) is not None)
    return Spoken(side, standing, " ".join(core.strip(" ,;:-–.").split()) or text, ended)


def remark_says_over(words: str, name: str) -> bool:
    """Whether a remark beside a problem (`name`) says somewhere of it, and of nothing else, that it is over or none:
    "resolved 2019", "asthma resolved", "ruled out"; not "rash resolved", "resolved but back again"."""
    called = " ".join(name.lower().split())
    for clause in _CLAUSES.split(words.lower()):
        alone = " ".join(clause.replace(called, " ").split()) if called else clause
        if _IS_OVER.match(alone) and not _BACK.search(alone):
            return True
    return False


def qualifier(coding: Coding) -> Laterality:
    """The side that a code by itself is for; empty for any other code."""
    return _CODES.get(coding.code, "")


def laterality(*found: Concept) -> Laterality:
    """The side that codes or words name; both named make it bilateral, none makes it empty."""
    sides: dict[Laterality, None] = {}
    for concept in found:
        for coding in concept.codings:
            side = qualifier(coding)
            sides |= {side: None} if side else {}
        for words in (concept.text, *(coding.display for coding in concept.codings)):
            side = spoken(words).side if words else ""
            sides |= {side: None} if side else {}
    if not sides:
        return ""
    return next(iter(sides)) if len(sides) == 1 else "bilateral"


def _stands(text: str) -> tuple[Standing, str]:
    """How it stands, and the name without the words for it; words of the past are taken off behind another standing.

    A denial with another clause beside it ("chest pain, MI ruled out") may be of either: nobody can be sure."""
    if _NATURAL.search(text):
        return "", text
    found: Standing = ""
    for standing, pattern in _STANDINGS:
        if pattern.search(text) and (not found or standing in (found, "history") or (found, standing) == _BOTH_PAST):
            text, found = pattern.sub(" ", text), found or standing
    if found == "over" and _HAS_BEEN.search(text):
        # "Asthma in childhood, resolved" is of the past.
        text, found = _HAS_BEEN.sub(" ", text), "history"
    if found != "family" and _of_kin(text):
        return "family", _KIN.sub(" ", text)
    if found == "denied" and _BREAK.search(text.strip(" ,;:-–.()")):
        return "uncertain", text
    return found, text


def _of_kin(text: str) -> bool:
    """Whether a relative is named in a clause that says nothing about what he does or what is between the two; one who
    has a clause to himself ("diabetes (mother)") is looked at with all of the text."""
    if "perpetrator" in text or not _KIN.search(text):
        return False
    starts = [0, *(found.end() for found in _BREAK.finditer(text))]
    clauses = [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]
    for clause in clauses:
        kin = _KIN.search(clause)
        if kin is None:
            continue
        if kin["ill"] or not _ABOUT.search(clause if _WORD.search(_KIN.sub(" ", clause)) else text):
            return True
    return False


def _sided(text: str) -> tuple[Laterality, str]:
    """The side, and the name without it."""
    if _NO_SIDE.search(text):
        return "", text
    sides: dict[Laterality, None] = {}
    organ = _EYE_SIDES if _EYE.search(text) else _EAR_SIDES if _EAR.search(text) else ()
    for side, pattern in (*_SIDES, *organ):
        if pattern.search(text):
            sides[side] = None
            parts = (_SIDED.sub("", part) for part in pattern.split(text))
            # What was taken off leaves one space, as `_stands` counts on: it takes steps by the square of a run.
            text = " ".join(" ".join(parts).split())
    if not sides:
        return "", text
    return next(iter(sides)) if len(sides) == 1 else "bilateral", text
