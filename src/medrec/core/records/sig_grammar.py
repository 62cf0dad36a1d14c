"""What the tokens of directions mean together: doses, each with the times and days that follow it, added up to a day.

    directions  part, then more parts, each joined by "and", a comma or a full stop
    part        dose  times
    dose        5 mg | 2 tablets | 2 tablets (10 mg total) | a small number alone, beside a time
    times       twice daily | in the morning and at bedtime | before meals | on Monday and Thursday | several that agree

With one dose all times of the text are its own. Several doses add up only where each has a time of day or a day of the
week to itself. What fits nowhere is left over, and whoever reads on decides what that means.
"""

import re
from itertools import pairwise
from typing import NamedTuple

from medrec.core.records import ratio
from medrec.core.records.sig_tokens import COUNTED, WEEK, Pair, Token
from medrec.core.records.understood import Amount

_TIMES = ("often", "slot", "days", "meals")
_PIECES = frozenset({"0.5", "1", "1.5", "2", "3", "4"})
"""Numbers that stand for pieces where no unit is said ("1 at noon"); 5 or 2.5 may as well be milligrams."""
_BEHIND_DAYS = frozenset({"for", "by", "with", "in", "before", "after", "as", "prn", "to", "-", "–"})
ONCE: Pair = (ratio.ratio(1), ratio.ratio(1))
_UNSURE = re.compile(
    r"\bawake\b|\bbetween\b|\brepeat|\bcheck|\btest\b|\btesting\b|\bmonitor|\bmeasure|\bweigh|\bfollow[\s-]*up\b|\bcall\b"
    r"|\bw\.?/?a\b|\binr\b|\bonly\b|\bmay\s+(?:take|use)\b|\bextra\b|\badditional\b|\bevery\s+(?:few|other\s+(?!day|week\b))"
)
"""What makes a time of day or a frequency that of something else, or not all there is."""
_UNREAD = re.compile(
    r"\b(?:every|daily|weekly|monthly|hourly|nightly|yearly|annually|qid|tid|bid|bd|qd|qod|tds|qhs|hs)\b|\bq\s?[ap]m\b"
    r"|\b(?:a|per)\s+(?:day|week|month|year)\b|/\s*(?:day|week|month)\b"
)
"""Words of a frequency: left over, they leave open how often."""


class Total(NamedTuple):
    """A dose said again in another unit: "2 tablets (10 mg total)". `of`: the dose; `sure`: it is of all pieces, not of
    each."""

    amount: Amount
    of: Amount
    sure: bool


class Meaning(NamedTuple):
    """A dose at a time and how often a day, None where it is not clear; of several doses that add up, the whole day's,
    taken once. `left`: the words that were not used. `totals`: doses said again."""

    dose: Amount | None
    times: Amount | None
    left: str
    totals: tuple[Total, ...] = ()


class _Part(NamedTuple):
    dose: Pair | None
    unit: str
    tokens: tuple[Token, ...]
    """Everything that follows the dose; with the first one also what comes before it."""


def meaning(found: list[Token]) -> Meaning:
    """Read tokens to the end. Never raises."""
    found, totals = _without_second_names(found)
    parts, used = _parts(found)
    left = " ".join(
        ";" if number in used else token.text for number, token in enumerate(found) if token.kind != "filler"
    )
    text = " ".join(token.text for token in found if token.kind != "days")
    if not parts:
        return Meaning(None, None, left, totals)
    clear = not _UNSURE.search(text) and not _UNREAD.search(left) and _days_in_place(found)
    if len(parts) == 1:
        times = _a_day(parts[0]) if clear else None
        return Meaning(amount(parts[0].dose, parts[0].unit), amount(times, "/d"), left, totals)
    dose = parts[0].dose if all(part[:2] == parts[0][:2] for part in parts) else None
    adding = _Sum()
    listed = clear and all(_joined(part.tokens) for part in parts[:-1])
    if not listed or not all(adding.takes(part) for part in _with_other_days(parts)):
        return Meaning(amount(dose, parts[0].unit), None, left, totals)
    if dose is not None:
        return Meaning(amount(dose, parts[0].unit), amount(adding.times, "/d"), left, totals)
    return Meaning(amount(adding.whole, parts[0].unit, 4), amount(ONCE, "/d"), left, totals)


def amount(pair: Pair | None, unit: str, places: int = ratio.PLACES) -> Amount | None:
    """A pair of numbers as plain decimal text."""
    return None if pair is None else Amount(ratio.written(pair[0], places), ratio.written(pair[1], places), unit)


def _days_in_place(found: list[Token]) -> bool:
    """Whether every day of the week stands where it is one of the frequency: first, or right behind a dose, a frequency
    or a time, and before nothing but the next dose, time or "for ...". Anywhere else ("daily starting Monday", "daily,
    last dose Friday") it says something else."""
    said = [token for token in found if token.kind != "filler"]
    for number, token in enumerate(said):
        if token.kind != "days":
            continue
        before, after = said[number - 1] if number else None, said[number + 1] if number + 1 < len(said) else None
        if after is not None and after.kind in ("word", "odd") and after.text not in _BEHIND_DAYS:
            return False
        if before is None or before.kind in ("dose", "count", *_TIMES):
            continue
        # Set off by a sign it is the frequency's where it says so, or has a dose of its own.
        own = after is not None and (after.kind in ("dose", "count") or after.text == ":")
        named = before.text in (",", ";", ".") and re.match(r"on|every|each|(?:all\s+)?(?:the\s+)?other", token.text)
        if before.kind not in ("and", "stop") or not (own or named):
            return False
    return True


def _without_second_names(found: list[Token]) -> tuple[list[Token], tuple[Total, ...]]:
    """The tokens without a dose in other words behind one: "(10 mg total)", "(4 ml)", "of 5 mg", "5 mg"."""
    kept: list[Token] = []
    totals: list[Total] = []
    at = 0
    while at < len(found):
        token = found[at]
        before = kept[-1] if kept else None
        if before is not None and before.kind == "dose":
            length, sure = _second_name(before, found[at : at + 6])
            if length:
                said = _said_again(before, found[at : at + length], sure)
                totals += [said] if said is not None else []
                at += length
                continue
        kept.append(token)
        at += 1
    return kept, tuple(totals)


def _said_again(dose: Token, after: list[Token], sure: bool) -> Total | None:
    """What a dose is said to be in other words: with "of" or "each" a single piece of it, in a bracket the whole;
    without these it may be either."""
    said = next(token for token in after if token.kind == "dose")
    of, again = amount(dose.pair, dose.unit), amount(said.pair, said.unit)
    if of is None or again is None:
        return None
    each = after[0].text == "of" or "each" in [token.text for token in after]
    return Total(again, Amount("1", "1", dose.unit), True) if each else Total(again, of, sure)


def _second_name(dose: Token, after: list[Token]) -> tuple[int, bool]:
    """How many tokens say a dose in another unit, and whether they say that it is the total; 0 for none."""
    texts = [token.text for token in after]
    at = 1 if texts[:1] in (["("], ["of"]) else 0
    at += 1 if texts[:1] == ["("] and texts[1:2] in (["="], ["total"]) else 0
    if at >= len(after) or after[at].kind != "dose" or after[at].unit == dose.unit:
        return 0, False
    if texts[0] != "(":
        strength = dose.unit in COUNTED and after[at].unit not in COUNTED
        return (at + 1 if strength else 0), False
    end = at + 1
    while texts[end : end + 1] and texts[end] in ("total", "each", "per", "dose"):
        end += 1
    # "2 tablets (5 mg)" may be two of 5 mg or 5 mg in all: of tablets of 5 mg it says two things.
    return (end + 1, True) if texts[end : end + 1] == [")"] else (0, False)


def _parts(found: list[Token]) -> tuple[list[_Part], set[int]]:
    """The doses with what belongs to each, and the places of all tokens that were used."""
    found = _with_small_numbers(found)
    heads = [number for number, token in enumerate(found) if token.kind == "dose"]
    lists = len({token.names for token in found if token.kind == "slot"}) > 1
    used = {
        number
        for number, token in enumerate(found)
        if token.kind in ("dose", *_TIMES) and not (token.bare and not lists)
    }
    kept = [token if number in used or token.kind not in _TIMES else token._replace(kind="word")
            for number, token in enumerate(found)]  # fmt: skip
    ends = [*heads[1:], len(kept)]
    if not heads:
        return [_Part(None, "", tuple(kept))], used
    starts = [0, *(head + 1 for head in heads[1:])]
    parts = []
    for head, start, end in zip(heads, starts, ends, strict=True):
        parts.append(
            _Part(kept[head].pair, kept[head].unit, tuple(t for n, t in enumerate(kept[start:end], start) if n != head))
        )
    return parts, used


def _with_small_numbers(found: list[Token]) -> list[Token]:
    """The tokens with a number alone as a dose, where it can be no other thing: at the beginning or after what joins,
    with a time right behind it. Of a second dose the unit is that of the first."""
    made: list[Token] = []
    unit: str | None = None
    for token in found:
        ahead = next((one for one in found[len(made) + 1 :] if one.kind != "filler"), None)
        behind = made[-1].kind if made else "stop"
        number = amount(token.pair, "")
        if (
            token.kind == "count"
            and number is not None
            and behind in ("stop", "and", "filler")
            and ahead is not None
            and ahead.kind in _TIMES
            and not ahead.bare
            and (unit is not None or (number.low in _PIECES and number.high in _PIECES))
        ):
            token = token._replace(kind="dose", unit=unit or "")
        if token.kind == "dose" and unit is None:
            unit = token.unit
        made.append(token)
    return made


def _with_other_days(parts: list[_Part]) -> list[_Part]:
    """The parts with the days of "all other days": those that no part names."""
    named = {name for part in parts for token in part.tokens if token.kind == "days" for name in token.names}
    rest = tuple(day for day in WEEK if day not in named)
    return [
        part._replace(
            tokens=tuple(token._replace(names=rest) if token.names == ("rest",) else token for token in part.tokens)
        )
        for part in parts
    ]


class _Sum:
    """Several doses of a day, or of a week in the mean: they add up if each has times of day or days of its own."""

    def __init__(self) -> None:
        self.whole: Pair = (ratio.ZERO, ratio.ZERO)
        self.times: Pair = (ratio.ZERO, ratio.ZERO)
        self._taken: set[str] = set()
        self._unit: str | None = None
        self._days: bool | None = None

    def takes(self, part: _Part) -> bool:
        """Add one dose; False where it does not fit with those before it."""
        often, days = _a_day(part), [token for token in part.tokens if token.kind == "days"]
        own = {name for token in days or part.tokens for name in _names(token)}
        fits = self._unit in (None, part.unit) and self._days in (None, bool(days))
        if part.dose is None or often is None or not own or own & self._taken or not fits:
            return False
        self._taken |= own
        self._unit, self._days = part.unit, bool(days)
        self.whole = _plus(self.whole, (ratio.times(part.dose[0], often[0]), ratio.times(part.dose[1], often[1])))
        self.times = _plus(self.times, often)
        return True


def _plus(one: Pair, other: Pair) -> Pair:
    return ratio.plus(one[0], other[0]), ratio.plus(one[1], other[1])


def _names(token: Token) -> tuple[str, ...]:
    """The days or times of day that a token takes up."""
    return ("morning", "noon", "evening") if token.kind == "meals" else token.names


def _joined(found: tuple[Token, ...]) -> bool:
    """Whether the next dose follows right behind the last time, with nothing but what joins between them."""
    last = max((number for number, token in enumerate(found) if token.kind in _TIMES), default=-1)
    between = [token.kind for token in found[last + 1 :]]
    return last >= 0 and bool(set(between) & {"and", "stop"}) and set(between) <= {"and", "stop", "filler"}


def _a_day(part: _Part) -> Pair | None:
    """How often a day a part is; None where it does not say, or says two things."""
    found = part.tokens
    values = [token.pair for token in found if token.kind == "often"]
    days = [token for token in found if token.kind == "days"]
    kinds = list(dict.fromkeys(token.names for token in found if token.kind == "slot"))
    meals = [number for number, token in enumerate(found) if token.kind == "meals"]
    if any(value is None or value != values[0] for value in values) or not _plainly_listed(found) or len(days) > 1:
        return None
    often: Pair | None = values[0] if values else None
    count = len(kinds)
    # "Twice daily with meals" is twice; "with meals" alone is three times, if it is said in one breath with the dose.
    if meals and (kinds or often is None):
        if kinds not in ([], [("night",)]) or "stop" in [token.kind for token in found[: meals[0]]]:
            return None
        count += 3
    listed = (ratio.ratio(count), ratio.ratio(count)) if count else None
    if often is not None and listed is not None and listed != often:
        # "Once a week on Sunday in the morning" is once a week.
        weekly = count == 1 and ratio.less(often[1], ratio.ratio(1))
        if not weekly and (count > 1 or days):
            return None
    often = often or listed
    return _on_days(often, days[0]) if days else often


def _on_days(often: Pair | None, token: Token) -> Pair | None:
    """So often on each of some days of the week; "once a week on Monday" and "twice a week on Monday and Thursday" say
    the same twice."""
    number = token.pair[0] if token.pair is not None else ratio.ratio(len(token.names))
    share = ratio.over(number, ratio.ratio(7))
    if "rest" in token.names or not number.numerator or ratio.less(ratio.ratio(1), share):
        return None
    if often is None or often == (share, share):
        return share, share
    if ratio.less(often[0], ratio.ratio(1)):
        return None
    return ratio.times(often[0], share), ratio.times(often[1], share)


def _plainly_listed(found: tuple[Token, ...]) -> bool:
    """Whether several times of day are one list, and none is joined to a frequency ("every day and every night")."""
    places = [number for number, token in enumerate(found) if token.kind in ("slot", "often", "meals")]
    for one, two in pairwise(places):
        first, second = found[one], found[two]
        between = found[one + 1 : two]
        joint = [token.kind for token in between]
        if "often" in (first.kind, second.kind):
            # "Three times a day, once at bedtime": once more, or once of the three.
            again = joint and (between[-1].text != "," or second.text.startswith("1 times"))
            if "slot" in (first.kind, second.kind) and again and set(joint) == {"and"}:
                return False
            continue
        if first.names == second.names:
            continue
        # "In the evening, at bedtime" is one time to many who write it.
        late = {first.names, second.names} == {("evening",), ("night",)} and all(token.text == "," for token in between)
        if not joint or set(joint) - {"and"} or late:
            return False
    return True
