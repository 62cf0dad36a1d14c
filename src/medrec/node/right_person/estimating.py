"""The weights of matching, estimated from a registry that holds some of its patients twice.

u, how often a field agrees between two different people, is counted over all pairs, and how often it nearly agrees over
pairs drawn at random; what the next step takes for one person is left out of it. m, how often it
agrees between two records of one person, is found by expectation and maximisation (Fellegi and Sunter; Winkler 1988)
over pairs that share a birth date, and over pairs that share a family name: a field is never estimated from pairs that
were chosen by it. Nobody has to say which pairs are one person.
"""

import math
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

import msgspec

from medrec.core.matching import Comparison, Demographics, Field, Weight, compare, digits, of_patient, plain, postcode
from medrec.core.records import datatypes
from medrec.core.records.canonical import RecordError, canonical

Level: TypeAlias = Literal["agrees", "nearly", "differs"]
LEVELS: tuple[Level, ...] = ("agrees", "nearly", "differs")
Shares: TypeAlias = dict[Level, float]
RANDOM_PAIRS, BLOCK_MAX, ROUNDS = 20_000, 60, 60
MATCHES_MIN = 50
"""Below so many expected pairs of one person an estimate says less than the table that ships."""
PEOPLE_MIN = 500
FORM = "medrec/match-weights/1"
FILE = "match-weights.json"
"""In the data folder of a node that scores by its own weights."""


class EstimateError(Exception):
    """There is too little to estimate from, or what came out cannot be used; the text is one sentence for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code, self.sentence = code, sentence


class Estimated(NamedTuple):
    """The weights, and from how much they were estimated: records, pairs looked at, pairs of one person expected."""

    weights: dict[Field, Weight]
    records: int
    pairs: int
    matches: int


class _File(msgspec.Struct, frozen=True):
    form: str
    records: int
    matches: int
    fields: dict[Field, Weight]


def estimate(people: Sequence[Demographics], seed: int = 1) -> Estimated:
    """The weights of a registry. The same records in the same order give the same. Raises EstimateError."""
    if len(people) < PEOPLE_MIN:
        raise EstimateError("too-few-records", f"{len(people)} records are too few; {PEOPLE_MIN} are the least.")
    dice = random.Random(seed)  # noqa: S311 (a sample, no secret)
    drawn = [tuple(dice.sample(range(len(people)), 2)) for _ in range(RANDOM_PAIRS)]
    compared = [compare(people[a], people[b]) for a, b in drawn]
    u = {field: _shares([one.of(field) for one in compared]) for field in Field}
    blocks = (
        (_pairs(people, lambda who: who.birth[:10]), (Field.BIRTH,)),
        (_pairs(people, lambda who: plain(who.family)), (Field.FAMILY,)),
    )
    found: dict[Field, list[tuple[float, Shares]]] = defaultdict(list)
    matched: dict[tuple[int, int], float] = {}
    pairs = 0
    for block, out in blocks:
        vectors = [compare(people[a], people[b]) for a, b in block]
        fields = [field for field in Field if field not in out]
        m, likely = _maximised(vectors, fields, u)
        pairs += len(block)
        for field in fields:
            weight = sum(p for p, one in zip(likely, vectors, strict=True) if one.of(field) != "missing")
            found[field].append((weight, m[field]))
        for pair, p in zip(block, likely, strict=True):
            matched[pair] = max(p, matched.get(pair, 0.0))
    matches = sum(matched.values())
    if matches < MATCHES_MIN:
        raise EstimateError(
            "too-few-matches", f"Only about {matches:.0f} pairs are of one person; {MATCHES_MIN} are the least."
        )
    m_all = {field: _mean(found[field]) for field in Field}
    u_all = {field: _without(u[field], field, people, matched) for field in Field}
    return Estimated(
        {field: _weight(field, m_all[field], u_all[field]) for field in Field}, len(people), pairs, round(matches)
    )


def people_in(paths: Sequence[Path]) -> list[Demographics]:
    """The demographics of every FHIR Patient in files and folders (JSON, Bundles, NDJSON), in the order of their names.
    What is no Patient, or cannot be read, is passed over."""
    files = [file for path in paths for file in (sorted(path.rglob("*")) if path.is_dir() else [path])]
    found = []
    for file in files:
        if file.suffix not in (".json", ".ndjson") or not file.is_file():
            continue
        raw = file.read_bytes()
        for text in raw.splitlines() if file.suffix == ".ndjson" else [raw]:
            try:
                value = canonical(text).value
            except RecordError:
                continue
            entries = [datatypes.one(entry, "resource") for entry in datatypes.many(value, "entry")]
            for record in (value, *entries):
                if datatypes.text(record, "resourceType") == "Patient":
                    found.append(of_patient(record))
    return found


def _pairs(people: Sequence[Demographics], key: Callable[[Demographics], str]) -> list[tuple[int, int]]:
    """Pairs that share a key. Of a key that very many share (a family name, a made-up birthday) the first are taken."""
    groups: dict[str, list[int]] = defaultdict(list)
    for place, who in enumerate(people):
        if key(who):
            groups[key(who)].append(place)
    return [pair for group in groups.values() for pair in combinations(group[:BLOCK_MAX], 2)]


def _shares(seen: Sequence[str], weights: Sequence[float] | None = None) -> Shares:
    """How often each level occurs among what is not missing; none is taken to be impossible."""
    counts: dict[str, float] = defaultdict(float)
    for place, level in enumerate(seen):
        counts[level] += weights[place] if weights is not None else 1.0
    total = sum(counts[level] for level in LEVELS)
    floor = 1e-6
    raw = {level: max(counts[level] / total, floor) if total else 1 / 3 for level in LEVELS}
    whole = sum(raw.values())
    return {level: share / whole for level, share in raw.items()}


def _maximised(
    vectors: Sequence[Comparison], fields: Sequence[Field], u: dict[Field, Shares]
) -> tuple[dict[Field, Shares], list[float]]:
    """m of the fields, and for each pair how likely it is of one person, with u held fast."""
    counted = Counter(tuple(one.of(field) for field in fields) for one in vectors)
    m: dict[Field, Shares] = {field: {"agrees": 0.9, "nearly": 0.05, "differs": 0.05} for field in fields}
    prior = 0.1
    posterior: dict[tuple[str, ...], float] = {}
    for _ in range(ROUNDS):
        posterior = {vector: _posterior(vector, fields, m, u, prior) for vector in counted}
        weights = {vector: posterior[vector] * count for vector, count in counted.items()}
        prior = min(max(sum(weights.values()) / max(len(vectors), 1), 1e-6), 1 - 1e-6)
        for place, field in enumerate(fields):
            m[field] = _shares([vector[place] for vector in weights], list(weights.values()))
    return m, [posterior[tuple(one.of(field) for field in fields)] for one in vectors]


def _posterior(
    vector: tuple[str, ...], fields: Sequence[Field], m: dict[Field, Shares], u: dict[Field, Shares], prior: float
) -> float:
    score = math.log(prior / (1 - prior))
    for field, level in zip(fields, vector, strict=True):
        if level != "missing":
            score += math.log(m[field][level] / u[field][level])  # type: ignore[index]
    return 1 / (1 + math.exp(-max(min(score, 500.0), -500.0)))


def _mean(found: list[tuple[float, Shares]]) -> Shares:
    total = sum(weight for weight, _ in found) or 1.0
    return {level: sum(weight * shares[level] for weight, shares in found) / total for level in LEVELS}


_EQUAL: dict[Field, Callable[[Demographics], tuple[str, ...]]] = {
    Field.FAMILY: lambda who: (" ".join(sorted(plain(who.family).split())),) if plain(who.family) else (),
    Field.GIVEN: lambda who: (plain(who.given).partition(" ")[0],) if plain(who.given) else (),
    Field.BIRTH: lambda who: (who.birth[:10],) if len(who.birth) >= 10 else (),
    Field.POSTCODE: lambda who: (postcode(who.postcode),) if who.postcode else (),
    Field.PHONE: lambda who: (digits(who.phone),) if who.phone else (),
    Field.IDENTIFIER: lambda who: who.identifiers,
}


def _without(u: Shares, field: Field, people: Sequence[Demographics], matched: dict[tuple[int, int], float]) -> Shares:
    """u of a field that is compared by equality, counted over all pairs without those that are of one person."""
    values = _EQUAL.get(field)
    if values is None:
        return u
    held = [values(who) for who in people]
    counts = Counter(value for mine in held for value in mine)
    equal = sum(count * (count - 1) / 2 for count in counts.values())
    one_person = sum(p for (a, b), p in matched.items() if set(held[a]) & set(held[b]))
    known = sum(bool(mine) for mine in held)
    share = max(equal - one_person, 0.5) / max(known * (known - 1) / 2, 1.0)
    rest = 1 - min(share, 0.999)
    others = u["nearly"] + u["differs"]
    return {"agrees": 1 - rest, "nearly": rest * u["nearly"] / others, "differs": rest * u["differs"] / others}


def _weight(field: Field, m: Shares, u: Shares) -> Weight:
    bits = {level: round(100 * math.log2(max(m[level], 1e-6) / max(u[level], 1e-6))) for level in LEVELS}
    # A level that a field does not have ("nearly" of sex) weighs nothing.
    nearly = 0 if m["nearly"] <= 1e-5 and u["nearly"] <= 1e-5 else bits["nearly"]
    # Where hardly any two people have names that nearly agree, it would weigh more than that they agree.
    nearly = max(min(nearly, bits["agrees"]), bits["differs"])
    found = Weight(bits["agrees"], nearly, bits["differs"], round(m["agrees"] * 1e6), max(round(u["agrees"] * 1e6), 1))
    if not found.differs < 0 < found.agrees or not found.differs <= found.nearly <= found.agrees:
        raise EstimateError(
            "no-sense", f"What came out for {field} makes no sense ({found}); keep the table that ships."
        )
    return found


def written(found: Estimated) -> bytes:
    """The weights as a file of the node."""
    return msgspec.json.format(msgspec.json.encode(_File(FORM, found.records, found.matches, found.weights))) + b"\n"


def read(data: bytes) -> dict[Field, Weight]:
    """The weights in such a file. Raises EstimateError."""
    try:
        held = msgspec.json.decode(data, type=_File)
    except msgspec.DecodeError as error:
        raise EstimateError("weights-unreadable", f"The file of weights cannot be read: {error}.") from None
    sound = all(w.differs < 0 < w.agrees and w.differs <= w.nearly <= w.agrees < 4000 for w in held.fields.values())
    if held.form != FORM or set(held.fields) != set(Field) or not sound:
        raise EstimateError("weights-unreadable", "The file of weights does not hold a sound weight for each field.")
    return held.fields
