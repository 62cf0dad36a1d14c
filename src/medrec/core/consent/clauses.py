"""What a plain sentence says: its clauses, as keys and parameters, for the language of the reader."""

from typing import Any, NamedTuple

from medrec.core.consent.plain import Plain, tidy


class Clause(NamedTuple):
    """A part of a sentence: its key in the words of the pages, and what stands in it."""

    key: str
    parameters: dict[str, Any]


CLAUSES = (
    *("share-everything", "share-kinds", "share-about", "share-kinds-about"),
    *("withhold-everything", "withhold-kinds", "withhold-about", "withhold-kinds-about"),
    *("emergency-yes", "emergency-no", "only-kinds", "only-about"),
    *(
        "not-for-anyone",
        "not-for",
        "other-uses",
        "sent-there",
        "with-everyone",
        "with",
        "from-everyone",
        "from",
        "but-not",
        "for",
    ),
    *("between", "since", "before", "until", "not-emergencies", "marks-yes", "marks-no"),
)
"""Every key that a clause may have."""


def clauses(plain: Plain) -> list[Clause]:
    """What the sentence says, in order.

    Parameters: `kinds`, `topics`, `purposes` (words of the tables above), `parties` (of Party), `day`, `since`,
    `before` (YYYY-MM-DD).
    """
    plain = tidy(plain)
    found: list[Clause] = []
    if plain.effect.startswith("emergency"):
        found += [Clause(plain.effect, {}), *_limits(plain)]
    elif plain.effect == "withhold" and plain.purposes:
        # A no to some uses says nothing of all others: nothing is kept from anybody by it as such.
        uses = {"purposes": plain.purposes}
        found.append(Clause("not-for", {**uses, "parties": plain.to}) if plain.to else Clause("not-for-anyone", uses))
        found += _limits(plain)
        if "any" not in plain.purposes:
            found.append(Clause("other-uses", {}))
    else:
        parts = [part for part, there in (("kinds", plain.kinds), ("about", plain.about)) if there] or ["everything"]
        found.append(Clause("-".join([plain.effect, *parts]), {"kinds": plain.kinds, "topics": plain.about}))
        word = "with" if plain.effect == "share" else "from"
        found.append(Clause(word, {"parties": plain.to}) if plain.to else Clause(f"{word}-everyone", {}))
    houses = {party.organisation for party in plain.to if not party.practitioner}
    if plain.effect == "withhold" and any(party.organisation not in houses for party in plain.to):
        # What is pushed goes to a house, and to nobody in particular there: a no to somebody stops none of it.
        found.append(Clause("sent-there", {}))
    if plain.but_not:
        found.append(Clause("but-not", {"topics": plain.but_not}))
    if plain.effect == "share":
        found.append(Clause("for", {"purposes": plain.purposes or ["care"]}))
    time = {name: day for name, day in (("since", plain.since), ("before", plain.before)) if day is not None}
    between = [Clause("between", time)] if len(time) > 1 else [Clause(name, {"day": day}) for name, day in time.items()]
    found += between
    if plain.until is not None:
        found.append(Clause("until", {"day": plain.until}))
    if plain.emergencies:
        found.append(Clause("not-emergencies", {}))
    if plain.marks is not None:
        found.append(Clause("marks-yes" if plain.marks else "marks-no", {}))
    return found


def _limits(plain: Plain) -> list[Clause]:
    """What a sentence is about, where its first clause does not say it."""
    kinds = [Clause("only-kinds", {"kinds": plain.kinds})] if plain.kinds else []
    return [*kinds, *([Clause("only-about", {"topics": plain.about})] if plain.about else [])]
