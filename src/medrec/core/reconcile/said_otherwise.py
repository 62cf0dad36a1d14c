"""Where a person's own word denies what its button says: "I also take this: nothing", "I take it like this: never".

"Never" is as plain as "I stopped it". What is less plain is neither turned round nor believed: by her word it is
unknown whether she takes it, and that speaks against whoever says so.
The lists of words are our own and short, in English, Spanish and Arabic.
"""

import re

from medrec.core.records import sig
from medrec.core.records.name_denied import says_none, says_not_taken
from medrec.core.records.none_known import says_nothing_here
from medrec.core.records.terms import Terms, cleaned

_I_TAKE_NOTHING = re.compile(
    r"(?:i\s+|currently\s+)*(?:take|taking|am\s+taking|am\s+on|use|on)\s+(?:nothing|none|no\s+(?:medicines?|meds|medications?|pills?|drugs?))"
    r"|(?:i\s+)?(?:do\s+not|don\W?t|am\s+not|never)\s+(?:take|taking|use|on)\s+(?:anything|any(?:\s+(?:medicines?|meds|medications?|pills?|drugs?))?)"
    r"|(?:nothing|none|no|not)\s*(?:else|new|different|to\s+(?:add|report)|of\s+(?:the\s+above|these|those)|more|other|of\s+them|at\s+all|really|special|any\s+more|now|today|thanks?)?"
    r"|(?:yo\s+)?(?:ya\s+)?no\s+(?:tomo|uso)\s+(?:nada|ningun[ao]?(?:\s+\w+)?)|(?:no\s*,?\s*)?nada(?:\s+(?:mas|más|nuevo))?|ningun[ao]s?\s+(?:de\s+)?(?:l[ao]s?\s+)?anterior(?:es)?"
    r"|(?:(?:take|taking|i\s+take|on)\s+)*(?:all|any|both|each)\s+(?:of\s+)?(?:the\s+above|these|those|them|it)|everything(?:\s+(?:else|above|on\s+the\s+list))?"
    r"|tod[ao]s?(?:\s+(?:lo|l[ao]s)\s+(?:anterior(?:es)?|mism[ao]s?|de\s+arriba))?|lo\s+mismo|كل\s+ما\s+سبق|لا\s+جديد"
    r"|لا\s*(?:شيء|شئ)?|لا\s+(?:آخذ|اخذ|أتناول|اتناول)\s+(?:أي\s+)?(?:شيئا|شيئًا|شيء|أدوية|ادوية|دواء)"
)
_NO = re.compile(r"no|not|none|nope|nothing|zero|0|not\s+(?:really|now|me|mine)|no\s+(?:more|lo|la)|nada|لا|كلا")
_NEVER = re.compile(
    r"(?:i\s+)?never(?:\s+(?:take|took|taken|use|used)(?:\s+(?:it|this|that|them))?)?|not\s+(?:at\s+all|any\s*more)|no\s+longer|at\s+no\s+time"
    r"|(?:i\s+)?(?:do\s+not|don\W?t)(?:\s+(?:take|use)(?:\s+(?:it|this|that|them))?(?:\s+any\s*more)?)?"
    r"|(?:i\s+(?:take|use)\s+)?(?:0(?:[.,]0)?|zero|no)\s*(?:mg|mcg|ml|units?|tabs?|tablets?|caps?|capsules?|pills?|doses?|pastillas?)"
    r"(?:\s+(?:a\s+day|per\s+day|daily|now))?|nunca|jam[aá]s|ya\s+no|(?:ya\s+)?no\s+(?:la|lo)\s+(?:tomo|uso)|أبدا|أبدًا|ابدا"
)
_MAY_END = re.compile(
    r"^(?:hold|held)\b(?!\s+(?:your\s+|the\s+)?breath)|^(?:taper(?:ing)?\s+off|wean(?:ing)?(?:\s+off)?)\b|^(?:suspender|descontinuar)\b"
    r"|^on\s+hold\b|^(?:(?:it|is|has|they|have|are)\s+)*expired\b|^(?:i\s+)?(?:mostly\s+|usually\s+|often\s+)?skip(?:s|ped|ping)?\b"
    r"|\b(?:told|asked)\s+(?:me|us)\s+to\s+stop\b|\bl[ao]s?\s+dej[eé]\b|^allergic\s+to\b|\bran\s+out\b|\bcan\W?t\s+afford\b"
    r"|\bwrong\s+(?:chart|patient)\b|\bnot\s+for\s+this\s+patient\b|\breplaced\s+(?:by|with)\b"
    r"|^(?:0(?:[.,]0)?|zero)(?:\s*(?:mg|mcg|g|ml|units?|tabs?|tablets?|caps?|pills?))?(?:\s+(?:a\s+day|daily))?$"
)
_FAMILY = (
    r"(?:wife|husband|spouse|partner|mother|mom|mum|father|dad|son|daughter|child|kid|baby|brother|sister|friend|neighbou?r|roommate"
    r"|grandmother|grandfather|grandma|grandpa|aunt|uncle|cousin|dog|cat|esposa|esposo|marido|mujer|pareja|madre|mama|mamá|padre|papa"
    r"|papá|hijo|hija|hermano|hermana|amigo|amiga|abuela|abuelo|perro|gato)"
)
_SOMEBODY_ELSE = re.compile(
    rf"\b(?:my|mi)\s+{_FAMILY}\s+(?:(?:is|was|has\s+been|who|now|only|it)\s+)*(?:la\s+|lo\s+)?(?:takes?|took|taking|uses?|using|needs?|toma|usa)\b(?!\s+(?:it\s+)?(?:out|from|care))"
    rf"|\b(?:it\s+is|it\W?s|this\s+is|they\s+are|belongs\s+to|es|son)\s+(?:for\s+|de\s+|para\s+)?(?:my|mi)\s+{_FAMILY}\b"
    rf"|^(?:for|para)\s+(?:my|mi)\s+{_FAMILY}\W*$|\bmy\s+{_FAMILY}\W?s\s+(?:medicine|medication|pills?|tablets?|prescription)\b"
    r"|(?:زوجتي|زوجي|أمي|أبي|ابني|ابنتي|أخي|أختي)\s+(?:هو\s+|هي\s+)?(?:ي|ت)(?:أخذ|تناول|ستعمل)"
)


_NOT_YET = re.compile(
    r"\b(?:might|may\s+(?:start|need|take|try|begin|have|be)|thinking\s+(?:about|of)|consider(?:ing)?|maybe|perhaps|possibly"
    r"|(?:will|going\s+to|gonna|about\s+to|plan(?:s|ning)?\s+(?:to|on)|want(?:s)?\s+to|supposed\s+to|told\s+to|should)\s+(?:\w+\s+)?(?:start\w*|take|tak\w+|try\w*|begin\w*|need|get|be)"
    r"|not\s+(?:yet\s+)?(?:started|picked\s+up|filled)|(?:haven|have)\W?(?:t|\s*not)\s+(?:yet\s+)?(?:started|picked)"
    r"|quiz[aá]s?|tal\s+vez|a\s+lo\s+mejor|voy\s+a|ربما|سوف|قد\s+أبدأ)(?!\w)|\?\s*$"
)
_TO_START = re.compile(
    r"\b(?:might|may|will|going\s+to|about\s+to|plan\w*\s+to|want\s+to|supposed\s+to)\s+(?:\w+\s+)?(?:start|begin)\b"
    r"|\bnot\s+(?:yet\s+)?started\b|\b(?:quiz[aá]s?|tal\s+vez|voy\s+a)\s+(?:la\s+|lo\s+)?emp[ie]"
)
_OLD = re.compile(
    r"^(?:my\s+)?old\b|\(\s*old\b|[,;–-]\s*old\b|(?<!year )(?<!years )(?<!month )(?<!months )\bold\s*$|\bviej[oa]\b"
    r"|\b(?:off|finished|done\s+with|threw)\b"
)
_ANOTHERS = re.compile(
    rf"\b(?:my|our|mi)\s+{_FAMILY}['’]s\b|^{_FAMILY}['’]s\b|\bfor\s+(?:my|our)\s+{_FAMILY}\b|\b(?:de|para)\s+mi\s+{_FAMILY}\b|\bsomeone\s+else['’]s\b"
    r"|(?:^|\s)(?:زوجتي|زوجي|أمي|أبي|ابني|ابنتي|أخي|أختي)(?:\s|$)"
)
_ONCE = re.compile(
    r"\b(?:used\s+to(?:\s+(?:take|use|be\s+on|get|have)|\W*$)|in\s+the\s+past|(?:i\s+)?was\s+(?:on|taking|using)|\w+\s+years?\s+ago"
    r"|last\s+year|(?:antes\s+)?(?:lo\s+|la\s+)?tomaba|sol[ií]a\s+tomar|hace\s+(?:\w+\s+)?a[nñ]os)\b|كنت\s+(?:آخذ|اخذ|أتناول|اتناول|أستعمل)"
)
_NOW = re.compile(r"\b(?:now|still|currently|again|today|since|started|ahora|todav[ií]a|sigo|desde)\b|الآن|ما\s+زلت")


def of_somebody_else(words: str) -> bool:
    """Whether words of a person's own speak of what is somebody else's: "my wife's Xanax". That she takes it may be
    just what she means; so nobody knows, and somebody asks."""
    plain = _plain(words)
    return _ANOTHERS.search(plain) is not None or _SOMEBODY_ELSE.search(plain) is not None


def of_once(words: str, *, name: bool = False) -> bool:
    """Whether words of a person's own speak of the past alone: "I used to take Xanax". In directions an amount before
    that ("1 daily, I used to take 2") is of now; in a `name` it is a strength."""
    plain = _plain(words)
    found = _ONCE.search(plain)
    if found is None or _NOW.search(plain) is not None:
        return False
    return name or not any(sign.isdigit() for sign in plain[: found.start()])


def names_no_medicine(name: str, terms: Terms | None) -> bool:
    """Whether what she wrote in place of a medicine's name says that none is taken, that this one is not, was once, is
    an old one or may be one day, that it is somebody else's, or where else to look."""
    plain = _plain(name)
    nothing = says_none(name) or says_nothing_here(name) or _I_TAKE_NOTHING.fullmatch(plain) is not None
    other = of_somebody_else(name) or of_once(name, name=True)
    known = terms is not None and terms.drug_named(name) is not None
    unsure = not known and (_NOT_YET.search(plain) is not None or _OLD.search(plain) is not None)
    return nothing or other or unsure or (terms is not None and says_not_taken(name, terms))


def may_end(words: str) -> bool:
    """Whether what was written in place of directions may say that it ends, is held, or is nobody's here."""
    plain = _plain(words)
    over = sig.speaks_of_end(words) and _NOW.search(plain) is None
    return over or _MAY_END.search(plain) is not None


def never(words: str) -> bool:
    """Whether what she wrote in place of directions says that she does not take it, and nothing else."""
    return _NEVER.fullmatch(_plain(words)) is not None


def denies(words: str) -> bool:
    """Whether what stands in place of directions is a bare "no", that somebody else takes it or that it may begin."""
    plain = _plain(words)
    return _NO.fullmatch(plain) is not None or of_somebody_else(words) or _TO_START.search(plain) is not None


def _plain(words: str) -> str:
    return cleaned(words).strip(" .!-:;")
