"""Directions in words ("1-2 tabs q4-6h prn") as amounts: how much at a time, how often a day, only if needed.

Safe by construction: every number in the words must have been used by what was read (the dose, how often, a ceiling,
or something known to be harmless, as "for 10 days"). Where one is left over the directions are at most partly
understood, and give no amount at all. The same goes for directions that change over time ("5 mg daily except Sunday",
tapers, sliding scales) or that say to stop. Amounts are decimal text; what has no short decimal form
(once in seven days) is rounded to six places, and what it comes to in a day to four.
"""

import re
from typing import Literal

import msgspec

from medrec.core.records import ratio, spanish_sig, when_taken, written_numbers
from medrec.core.records.sig_grammar import Total, amount, meaning
from medrec.core.records.sig_tokens import COUNTED, UNIT, UNITS, tokens
from medrec.core.records.understood import Amount
from medrec.core.records.written_numbers import RANGE, N, spread

Grasp = Literal["whole", "partly", "none"]
Course = Literal["", "changes", "ends", "over", "unsure"]


class Sig(msgspec.Struct, frozen=True, gc=False):
    """Directions: `dose` at a time, `times_per_day`, `as_needed`, `at_most` in a day, and how much was understood.

    `course`: "changes" where they are not the same every day, "ends" where they speak of an end, "unsure" of another
    time, person or condition, "over" where they say nothing but not to take it (on): then neither they nor a code
    beside them say what is taken in a day. `totals`:
    doses said again in another unit. `when`: parts of the day and days of the week that they name. `sided`: the dose is
    that of each eye, ear or nostril.
    """

    dose: Amount | None = None
    times_per_day: Amount | None = None
    as_needed: bool = False
    at_most: Amount | None = None
    understood: Grasp = "none"
    course: Course = ""
    totals: tuple[Total, ...] = ()
    when: tuple[str, ...] = ()
    sided: bool = False


LONGEST = 500
"""Characters of directions that are read; longer ones are not read at all, for their end may change their beginning."""
WORDS = frozenset(UNITS.values())
"""Every unit that directions in words may be given in."""
_DAY = (
    r"(?:\s*(?:/|\b(?:per|in|in\s+a|in\s+any|a|any|every|each|within)\b)\s*"
    r"(?:day|24\s*-?\s*h(?:ours?|rs?)?(?:\s+period)?|d)\b|\s*\bdaily\b(?:\s+doses?)?)"
)
_WHAT = rf"{N}\s*({UNIT}|doses?|times?|x)?\b(?:\(s\))?"
_MOST = re.compile(
    r"\(?\b(?:max(?:imum)?\.?(?:\s+(?:dose|of|is))*:?|(?:at|the)\s+most|up\s+to|limit(?:ed)?(?:\s+(?:to|of))*:?|nte:?"
    r"|(?:do\s+)?not\s+(?:to\s+)?exceed(?:\s+more\s+than)?|(?:(?:do|must|should|may)\s+)?(?:no|not|never)\s+(?:to\s+)?(?:(?:take|use|give)\s+)?more\s+than)"
    rf"\s*{_WHAT}{_DAY}\)?",
    re.ASCII,
)
_MOST_DAILY = re.compile(
    rf"\(?\b(?:mdd|max(?:imum)?\.?\s+(?:total\s+)?daily\s+(?:dose|amount)|max(?:imum)?\.?\s+dose\s+per\s+day)"
    rf"(?:\s*(?::|=|is|of))?\s*{_WHAT}(?:{_DAY})?\)?",
    re.ASCII,
)
_MOST_AFTER = re.compile(rf"(?<![\w./,+-]){_WHAT}{_DAY}\s*\(?(?:at\s+(?:the\s+)?most|max(?:imum)?\b)\.?\)?", re.ASCII)
_CEILING = re.compile(r"\bmax|\bmost\b|\bup\s+to\b|\bexceed|\bmore\b|\bless\b|\bleast\b|\blimit|\bmdd\b|\bnte\b")
"""What speaks of a bound: where it stands in no ceiling that was read, the numbers near it are not understood."""
_NEEDED = re.compile(r"\bp\.?r\.?n\b\.?|\b(?:as|if|when|where)\s+(?:needed|required|necessary)\b|\bsos\b")
_BESIDES = re.compile(r"\b(?:extra|additional)\b(?!\s*-?\s*strength\b)")
"""A dose beside those that are taken always: that it is for need, said behind it, makes the others not for need."""
_SIDES = re.compile(r"\b(?:each|both)\s+(?:eyes?|ears?|nostrils?|nares|naris|sides?)\b|\b[oa]\.?u\b\.?")
_LIMIT = (
    r"(?:sbp|dbp|bp|hr|map|pulse|heart\s+rate|systolic|blood\s+pressure)\s*(?:is\s+)?"
    r"(?:<|>|less\s+than|below|under|above|over)\s*\d{2,3}\b(?:\s*(?:mm\s*hg|bpm)\b)?"
)
_HELD_IF = re.compile(rf"(?<=[;,.(])\s*hold\s+(?:for|if)\s+{_LIMIT}(?:\s*(?:,|/|or|and)\s*{_LIMIT})*")
"""When a nurse leaves out a dose of what goes on."""
_ENDS = re.compile(
    r"\bno\s+longer\b|\bstop|\bdiscontinu|\bskip|\bhold(?!\s+(?:your\s+|the\s+)?breath|\s+(?:under|in)\b)|\bheld\b|\bnever\b"
    r"|\b(?:do\s+not|don'?t|not\s+to)\s+(?:take|use|give|inject)\b(?!\s+(?:with|on|more))|\bnot\s+(?:taking|using|taken|daily|every)\b"
    r"|\bd/?c(?:'?d|ed)?\b|\bcancel|\brefus|(?<!until\s)(?<!until\sall\s)\bfinished\b"
    r"|\bceas|\bquit\b|\bomit|\bsuspend|\bpaus|\bavoid\s+taking\b"
)
_OVER = re.compile(
    r"(?:(?:please|patient|pt|i|she|he|we|have|has|had|was|is|am|to|should|already|now)\s+)*"
    r"(?:(?:stop|stopped|discontinue|discontinued|quit|hold|held|suspend(?:ed)?|paused?)\b"
    r"|(?:do\s+not|don'?t|does\s+not|not)\s+(?:take|taking|use|using)\b(?!.*\b(?:daily|every|regularly|always|often|all)\b)|no\s+longer\b|on\s+hold\b)(?P<more>.*)"
    r"|(?:ya\s+)?(?:lo|la|los|las)?\s*dej[eé]\s+de\s+tomar\w*.*|ya\s+no\s+(?:(?:lo|la|los|las)\s+)?tomo\b.*|no\s+(?:lo|la|los|las)\s+tomo\b.*"
    r"|(?:لقد\s+)?(?:توقفت\s+عن\s+(?:تناول|أخذ)|أوقفت|لم\s+أعد\s+(?:أتناول|آخذ)|لا\s+(?:أتناوله|آخذه)).*"
)
_OVER_AT_LAST = re.compile(
    r".*[;,.(–-]\s*(?:d/?c(?:'?d|ed)?|discontinued|cancell?ed|stopped|refused|finished|on\s+hold|held)(?P<more>[^;,.(]*)"
)
_STOPPED = re.compile(
    r"(?<!not )(?<!never )(?<!n't )(?<!n’t )(?<!\bbe )\b(?:stopped|discontinued|d/?c'?d|refused"
    r"|refuses\s+to\s+take|cancell?ed|ceased|withheld|not\s+administered"
    r"|quit|on\s+hold|(?:patient|pt\.?|she|he)\s+declined|declined$|(?<!hand )(?<!-)held|suspended(?!\s+in\b)"
    r"|no\s+longer\s+(?:tak|us)(?:ing|es)|(?:not|isn'?t|never)\s+(?:currently\s+)?(?:taking|taken)"
    r"|(?:can\s?not|can'?t)\s+take(?!\s+(?:large|whole|big|tab|pill|cap|it\b))"
    r"|(?:does\s+not|doesn'?t|won'?t|will\s+not)\s+take|(?:suspendid|descontinuad)[oa]"
    r"|ya\s+no\s+(?:lo\s+|la\s+)?tom[ao]|no\s+(?:lo\s+|la\s+)?est[áa]\s+tomando)(?!\w)"
    r"|^no\s+(?:lo\s+|la\s+)?tom(?:ar|es?)$"
)
_END = r"\s*(?=$|[.;,!)])"
_NOT_TAKEN = re.compile(
    r"(?:\b(?:has|have|is|was)(?:\s+not|n['’]?t)|\bnot|\bnever)\s+been\s+(?:taking|using)\b"
    r"|\b(?:has|have)(?:\s+not|n['’]?t)\s+(?:taken|used)\b(?!.{0,60}\b(?:today|yet|tonight|morning|dose)\b)"
    r"|\bnever\s+(?:started|filled|picked\s+up)\b|\b(?:has|have|been|is)\s+off\s+(?:of\s+)?(?:this|it|med\w*)\b"
    rf"|\b(?:patient|pt\.?|she|he)\s+refuses{_END}|\b(?:do\s+not|don['’]?t)\s+(?:give|take|use|administer){_END}"
    rf"|(?:^|[.;,–-]\s*)(?:(?:stop|discontinue)(?:\s+(?:taking|using|it|this|med\w*|now))?|d/?c){_END}"
    rf"|(?:^|[.;,–-]\s*)(?:paused|suspender|descontinuar|no\s+dar){_END}"
    r"|\bno\s+longer\s+needed\b|\bnot\s+needed\s+any\s*more\b|\bentered\s+in\s+error\b|\bwrong\s+patient\b"
    r"|\bno\s+(?:lo|la|los|las)\s+toma\b(?!\s+(?:con|sin|por|en|antes|después|cuando|si|todos)\b)|\bdejó\s+de\s+tomar"
)
"""What else says that it is not taken, in words beside directions as in them."""
_LATER = re.compile(
    r"\b(?:if|when|unless|until|till|once|before|after|prior|then|resumed?|restart(?:ed)?|smoking|drinking|alcohol"
    r"|days|cuando|si|hasta|more\s+than|tak(?:e|en|ing)\s+(?:it\s+)?(?:with|every|daily|as|regularly|always|often|all))\b"
)
"""What makes "stopped" anything but the end of this medicine."""
_CONDITION = re.compile(
    r"\b(?:if|when|unless|until|till|after|before|with|while|during|on|for|except|once|in|within|at|prior|more|as|and|then|but|dose|doses"
    r"|breath|smoking|drinking|under|between|cuando|si|hasta|antes|después|por|con)\b|\d+[/.-]\d"
)
"""What makes "stop" or "do not take" one for some time or some case."""
_CHANGES = re.compile(
    r"\bexcept\b|\balternat(?!e\s+days\b)|\bthen\b|\bthereafter\b|\btaper|\bincreas|\bdecreas|\breduc|\btitrat|\bsliding|\badjust"
    r"|\bescalat|\bper\s+protocol|\bvar(?:y|ies|iable)\b|\bfollowed\s+by\b|\bloading\b|\bdays?\s*of\s+(?:the|each)\s*(?:month|cycle)\b|\bdays\s+\d+\s*(?:-|to\b)"
    r"|\b(?:days?|weeks?|months?)\s+off\b|\d\s*(?:days?|weeks?|months?)\s+on\b(?!\s+(?:an?\b|(?:mon|tue|wed|thu|fri|sat|sun)))|\b(?:odd|even)\b"
)
_UNSURE = re.compile(
    r"\b(?:previously|formerly|used\s+to\s+(?:take|be|use)|(?:was|were)\s+(?:on|taking)|last\s+(?:year|month|week)|antes\s+tomaba)\b"
    r"|\bnot\s+(?:\d|one\b|two\b|half\b)|\b(?:instead\s+of|in\s+place\s+of|rather\s+than|en\s+lugar\s+de)\b"
    r"|\b(?:wife|husband|spouse|partner|mother|father|son|daughter|sister|brother|dog|cat|esposa|esposo|madre|padre)"
    r"(?:\s+(?:takes?|uses?|gets?|toma|usa)\b|\s*:)|\bconsider(?:ing)?\b|\b(?:rarely|seldom|occasionally|sometimes|rara\s+vez)\b"
    r"|\b(?:for|to)\s+(?:my|her|his|their|the\s+patient['’]s)\s+(?:wife|husband|spouse|partner|mother|father|son|daughter|sister"
    r"|brother|child|baby|dog|cat)\b(?!['’]s)|\bpara\s+(?:mi|su)\s+(?:esposa|esposo|marido|madre|padre|hij[oa]|herman[oa])\b"
    r"|(?<!if )(?<!when )\b(?:ran\s+out\b|out\s+of\s+(?:refills|meds|medicines?|it|them|tabs|tablets|pills)\b)"
    r"|^(?:add|miss)\b|\bpre-?op\b|^(?:if|in\s+case)\b(?!\s+(?:needed|necessary|required)\b)"
    r"|\b(?:start|starting|begin|beginning)\s+(?:next|in)\s+(?:a\s+)?(?:\d+\s+)?(?:days?|weeks?|months?|year)\b"
    r"|\b(?:first|second|third|last)\s+(?:day|week|month)\b(?!\s+of)"
    r"|\bon\s+(?!alternat|all\b|most\b|even\b|odd\b|other\b|consecutive\b|these\b|those\b|the\b|week\b|\d)(?:\w+[\s-]+){1,2}days\b"
)
"""What makes a dose one of another time, of somebody else, or of some case."""
_CASE = re.compile(
    r"\b(?:while|whilst|during|when|whenever|if|unless|in\s+case\s+of)\s+(?!(?:you(?:['’]re|\s+are)?\s+|she\s+|he\s+)?"
    r"(?:(?:first\s+)?(?:wak|awak|ris|get\w*\s+(?:up|out)|go\w*\s+to\s+(?:bed|sleep)|up\b)|eat|tak(?:e|ing)\s+(?:it|with)\b"
    r"|sit|stand|lying|upright|remain|need|required|necessary|able|tolerat|possible|you\s+can|can\b|due\b|miss"
    r"|(?:the\s+|each\s+|every\s+|your\s+)?(?:day|night|morning|evening|meal|breakfast|lunch|dinner|supper|waking)))"
    r"|\bfor\s+(?:\w+\s+)?flare|\b(?:in|for)\s+(?:the\s+)?(?:winter|summer|spring|autumn|(?:\w+\s+)?season)\b"
    r"|\b(?:before|prior\s+to)\s+(?:\w+\s+)?(?:fl(?:ight|ying)|travel|trips?\b|dental|dentist|procedures?\b|sex\b|intercourse|exerci[sz]e|sports?\b)"
    r"|\bwith\s+travel|\bcuando\s+(?:viaj|tenga|hay)|\bsi\s+(?:viaja|tiene|hay)"
)
"""What makes a dose one for some case alone: no amount of every day, whatever else stands there."""
_WEEKDAY = re.compile(
    r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b|\b(?:mon|tues?|wed|thu|thurs?|fri|sat)\b|\bweek(?:day|end)s?\b"
    r"|\bdays?\s*(?:/|a|per|each|of\s+(?:the|each))\s*week\b"
)
"""Days of the week: where it is not clear how often that is, they are directions that change."""
_SOME_DAYS = re.compile(r"\bon\s+\w+\s+days\b")
_HARMLESS = re.compile(
    rf"(?:\bfor|\bx|×|\bduring)\s*(?:up\s+to\s+)?(?:(?:the\s+)?next\s+)?{RANGE}\s*-?\s*(?:days?|d|weeks?|wks?|months?|years?)\b"
    r"(?!\s*-?\s*(?:/|a\b|per|each|every|of|in\b|out|on\b|off))"
    rf"|\b(?:with|in|into)\s+(?:at\s+least\s+|about\s+)?{RANGE}\s*(?:fl\.?\s*)?(?:oz|ounces?|ml|cups?|glass(?:es)?)\.?\s+(?:of\s+)?"
    r"(?:water|juice|liquid|fluid|milk)\b"
    rf"|\b(?:at\s+least\s+|about\s+)?(?<![\w./,+-]){RANGE}\s*(?:min(?:ute)?s?|hours?|hrs?)\s+(?=before|prior)"
    rf"|\bremove\s+after\s+{RANGE}\s*(?:hours?|hrs?)\b"
    rf"|\(?(?<![\w./,+-]){N}\s*(?:mg|mcg|ug|g|units?|meq)\s*(?:/|per)\s*(?:{N}\s*)?ml\b\)?"
    r"|\btype\s+[12]\b(?=\s+diab)|\bvitamin\s+[bdk]-?\d{1,2}\b|\bstage\s+[1-5][ab]?\b"
    rf"|\b{N}\s+refills?\b|\brefills?\s*:?\s*{N}\b",
    re.ASCII,
)


def parsed(words: str) -> Sig:
    """Directions as written by a person. Never raises; gives `understood="none"` where nothing is recognised."""
    text = " ".join(words.lower().split())
    if not text or len(text) > LONGEST:
        return Sig()
    if says_over(text):
        return Sig(understood="partly", course="over")
    english = spanish_sig.in_english(text)
    if english is None:
        return Sig()
    text = written_numbers.plain(english)
    need, besides = _NEEDED.search(text), _BESIDES.search(text)
    needed = need is not None and (besides is None or need.start() < besides.start())
    text = _HELD_IF.sub(" ; ", text)
    ceilings, rest = _ceilings(text)
    if _is_over(rest):
        return Sig(as_needed=needed, understood="partly", course="over")
    if _ENDS.search(rest) or _UNSURE.search(rest):
        return Sig(as_needed=needed, understood="partly", course="ends" if _ENDS.search(rest) else "unsure")
    if not needed and _CASE.search(rest):
        return Sig(understood="partly", course="unsure")
    rest = _HARMLESS.sub(" ; ", rest)
    cut = tokens(rest)
    read = meaning(cut)
    at_most = _most(ceilings, read.dose)
    times = None if ceilings and at_most is None else read.times
    dose, stray = read.dose, written_numbers.left(read.left) or _CEILING.search(read.left) is not None
    if _CHANGES.search(rest) or ((times is None or stray) and _WEEKDAY.search(rest)):
        return Sig(as_needed=needed, at_most=at_most, understood="partly", course="changes")
    if stray:
        some = needed or at_most is not None or dose is not None or times is not None
        return Sig(as_needed=needed, at_most=at_most, understood="partly" if some else "none")
    found = (dose is not None) + (times is not None)
    grasp: Grasp = "whole" if found == 2 else "partly" if found or needed or at_most is not None else "none"
    return Sig(
        dose, times, needed, at_most, grasp, "", read.totals, when_taken.in_words(cut), _SIDES.search(text) is not None
    )


def skips_days(words: str) -> bool:
    """Whether words beside directions leave out some days ("skip on Sunday", "hold on dialysis days")."""
    text = words.lower()
    return _ENDS.search(text) is not None and (_WEEKDAY.search(text) or _SOME_DAYS.search(text)) is not None


def says_over(words: str) -> bool:
    """Whether words about a medicine say somewhere, without a condition, that it was stopped, refused or is not taken
    ("1 tablet daily - patient refused", "STOPPED 3/2025")."""
    text = words.lower()
    found = _STOPPED.search(text) or _NOT_TAKEN.search(text)
    return found is not None and _LATER.search(text) is None


def _is_over(text: str) -> bool:
    """Whether the directions begin by saying not to take it, without a condition, a time or a "but"."""
    plain = text.strip(" .!)")
    said = _OVER.fullmatch(plain) or _OVER_AT_LAST.fullmatch(plain)
    return said is not None and _CONDITION.search(said["more"] or "") is None


def per_day(dose: Amount, times: Amount) -> Amount | None:
    """What `dose` taken `times` a day comes to; None where a number is missing."""
    low, high = _product(dose.low, times.low), _product(dose.high, times.high)
    return Amount(low, high, dose.unit) if low and high else None


def unit_word(written: str) -> str:
    """A unit as written in a dose ("TAB", "tablet(s)", "{tbl}", "mcg") as the one word or UCUM code used here."""
    plain = written.strip().strip("{}").lower().removesuffix("(s)").removesuffix(".")
    return UNITS.get(plain, written.strip())


def _product(a: str, b: str) -> str:
    x, y = ratio.ratio_of(a), ratio.ratio_of(b)
    if x is None or y is None:
        return ""
    # 70 mg once in 7 days is 10 mg a day, though a seventh of a day was rounded.
    return ratio.written(ratio.times(x, y), 4 if len(b.partition(".")[2]) == ratio.PLACES else ratio.PLACES)


def _ceilings(text: str) -> tuple[list[tuple[str, str]], str]:
    """Every "no more than" of a day as number and unit, and the directions without them: no ceiling is a dose."""
    found: list[tuple[str, str]] = []

    def take(match: re.Match[str]) -> str:
        found.append((match[1], match[2] or ""))
        return " ; "

    for pattern in (_MOST_DAILY, _MOST, _MOST_AFTER):
        text = pattern.sub(take, text)
    return list(dict.fromkeys(found)), text


def _most(ceilings: list[tuple[str, str]], dose: Amount | None) -> Amount | None:
    """The ceiling of a day. "3 doses" are three of the dose; a bare "3" is clear only beside a dose of one piece."""
    if len(ceilings) != 1:
        return None
    number, unit = ceilings[0]
    pair = spread(number, None)
    if unit in UNITS or pair is None:
        return amount(pair, UNITS.get(unit, ""))
    one_piece = dose is not None and dose.high == "1" and dose.unit in COUNTED
    if dose is None or not (unit or one_piece):
        return None
    high = ratio.written(ratio.times(pair[0], ratio.ratio_of(dose.high) or ratio.ZERO))
    return Amount(high, high, dose.unit)


_WHO = r"(?:(?:please|yes|patient|pt|i|she|he|we|have|has|had|was|am|is|it|already|now|just|my|the|our|doctor|dr)\W+)*"
_WHEN_AND_WHY = (
    r"(?:\W+(?:it|this|that|them|taking|using|medicine|medication|drug|any\s*more|already|now|today|yesterday|completely"
    r"|by|my|the|doctor|myself|on\s+(?:my|her|his)\s+own|last|this|week|month|year|night|ago|(?:a|one|two|three|few|\d{1,2})\s+(?:days?|weeks?|months?|years?)"
    r"|(?:in|on|since)\s+(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*(?:\s+\d{1,4})?|(?:in|on|since)\s+[\d/.-]+"
    r"|(?:because\s+of|due\s+to|after|from)\s+(?:a\s+|the\s+|my\s+)?(?:cough\w*|rash|side\s+effects?|nausea|swelling|dizziness|hives|bleeding|cost)"
    r"|for\s+good|هذا\s+الدواء|هذا|الدواء|ayer|hoy|ya|m[aá]s|este|medicamento))*\W*"
)
_PLAIN_STOP = re.compile(
    rf"{_WHO}(?:(?:stop|stopped|discontinue|discontinued|quit|hold|held|suspend(?:ed)?|paused?|on\s+hold)"
    r"|(?:do\s+not|don['’]?t|does\s+not|not|no\s+longer)\s+(?:take|takes|taking|use|uses|using)"
    r"|(?:ya\s+)?(?:lo\s+|la\s+)?dej[eé]\s+de\s+tomar(?:l[ao]s?)?|(?:ya\s+)?no\s+(?:l[ao]s?\s+)?tomo"
    r"|(?:لقد\s+)?(?:توقفت\s+عن\s+(?:تناوله|أخذه|تناول|أخذ)|أوقفته?|لم\s+أعد\s+(?:أتناوله?|آخذه?)|لا\s+(?:أتناوله|آخذه)))"
    + _WHEN_AND_WHY
)
"""A plain end and nothing beside it: whose, when and from what. What is not wholly understood turns nobody's word."""


_DOCTOR = r"(?:(?:el|la|mi)\s+(?:doctora?|m[eé]dic[oa]|dra?\.?))"
_PLAIN_OFF = re.compile(
    rf"{_WHO}(?:i['’]m\s+|i['’]ve\s+|been\s+|all\s+)*(?:off\s+(?:of\s+)?(?:it|this|that|them)(?:\s+(?:medicine|medication|drug))?"
    r"|finished(?:\s+(?:with\s+)?(?:it|this|that|them|taking\s+(?:it|them)))?"
    r"|done\s+(?:with\s+(?:it|this|that|them)|taking\s+(?:it|this|them))"
    r"|(?:threw|thrown)\s+(?:(?:it|this|them)\s+(?:away|out)|(?:away|out)))"
    + _WHEN_AND_WHY
    + rf"|(?:ya\s+)?(?:{_DOCTOR}\s+)?(?:ya\s+)?(?:me\s+)?l[ao]s?\s+"
    rf"(?:suspendi[oó]|suspendieron|quit[oó]|quitaron|retir[oó]|retiraron)(?:\s+{_DOCTOR})?\W*|(?:ya\s+)?(?:l[ao]s?\s+)?termin[eé]\W*"
    r"|(?:لقد\s+)?(?:توقفت(?:\s+عنه)?|أنهيته|انتهيت(?:\s+منه)?|أوقفه\s+الطبيب|أوقفها\s+الطبيب)\W*"
)
"""The same in words that are no end in anybody's directions: "off it", "finished", "la suspendió el doctor"."""
_SPEAKS_OF_END = re.compile(
    r"\boff\s+(?:of\s+)?(?:it|this|that|them)\b|^(?:(?:i|have|i['’]ve|i['’]m|am|all|just|already)\s+)*(?:finished|done)\b"
    r"|\b(?:threw|thrown)\b|\buntil\s+(?:last|yesterday|recently|a\s+(?:few\s+)?\w+\s+ago)\b|\bl[ao]s?\s+(?:suspend|quit[oóa]|retir[oóa])|\bterminé\b|^(?:ya\s+)?(?:l[ao]s?\s+)?termine\b|توقف|أوقف|انتهيت|أنهيت"
)


def speaks_of_end(words: str) -> bool:
    """Whether words of a person's own speak, beside other things, of an end: "off it on weekends"."""
    return _SPEAKS_OF_END.search(" ".join(words.lower().split())) is not None


def only_over(words: str) -> bool:
    """Whether words that somebody wrote into a word of her own say that it is over, and nothing else: the whole is
    understood. "They stopped it but I still take it" is not."""
    plain = " ".join(words.lower().split())[:LONGEST]
    if _PLAIN_OFF.fullmatch(plain):
        return True
    return parsed(words).course == "over" and _PLAIN_STOP.fullmatch(plain) is not None
