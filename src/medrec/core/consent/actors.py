"""Whom a reference in a consent means: a team, a group, somebody's role, a person, an organisation, as the records of
the organisation that decides say it.

    found = means("CareTeam/t1", who, look)     True: she is in it; False: she is not; None: nobody could say

`look` hands over a record by its reference, as it was signed and stands now, or None; for a name that the members have
voted on ("identifier:system|value", a full address) an Organization with its identifier on the ledger. By these
identifiers (`names`) a record says for sure who is meant. A person or organisation without one is told from others by
the words of the name, and that never opens: who shares a word may be meant, who shares none is somebody else.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from medrec.core.consent import names
from medrec.core.consent.meant import Meant
from medrec.core.consent.roles import SOMEBODY
from medrec.core.consent.times import read_period
from medrec.core.matching import Demographics, Field, compare, plain
from medrec.core.signs import seen

DEPTH_MAX = 5
"""How deep a team may name other teams."""
MEMBERS_MAX = 1000
"""How many members are looked at for one reference; beyond them nobody can say."""

PEOPLE = ("Practitioner", "RelatedPerson", "Patient", "Person")
_GONE = ("suspended", "inactive")
_TITLES = frozenset(
    ("dr", "mr", "mrs", "ms", "miss", "prof", "professor", "herr", "frau", "sr", "sra", "dra", "md", "rn")
)

Look = Callable[[str], Mapping[str, Any] | None]


class Who(NamedTuple):
    """Who asks: the organisation (id and name on the ledger), who there ("" for nobody in particular) with the name and
    the roles that it vouches for (none: any may be hers), and when (ms)."""

    organisation: str
    called: str = ""
    practitioner: str = ""
    name: str = ""
    roles: frozenset[str] = frozenset()
    machine: bool = False
    time: int = 0


class Known(NamedTuple):
    """What the records say of references, whoever asks: `parties` are the organisations and practitioners of the ledger
    to whom they lead now, as references; `strange` those references of which the records do not tell, wholly or in
    part, whom they mean: a permit to them may open nothing, a denial keeps out whoever may be meant. Both in order."""

    parties: tuple[str, ...] = ()
    strange: tuple[str, ...] = ()


def resolve(references: Iterable[str], who: Who, look: Look) -> Meant:
    """Whom these references mean."""
    answers = {reference: means(reference, who, look) for reference in sorted(set(references))}
    return Meant(
        frozenset(reference for reference, found in answers.items() if found is True),
        frozenset(reference for reference, found in answers.items() if found is False),
    )


def held(meant: Meant, references: Iterable[str], holder: str, look: Look) -> Meant:
    """The same with which of these holders of data is the organisation `holder`. Whoever is not surely an organisation
    of the ledger (a name alike, a department, somebody who works there) is in doubt."""
    houses = {reference: house(reference, look) for reference in sorted(set(references))}
    return meant._replace(
        holds=frozenset(reference for reference, name in houses.items() if name == holder),
        elsewhere=frozenset(reference for reference, name in houses.items() if name not in (None, holder)),
    )


def house(reference: str, look: Look) -> str | None:
    """The id on the ledger of the organisation that a reference surely is, None where nobody could say."""
    record = look(reference)
    if record is None or record.get("resourceType") != "Organization":
        return None
    called = sorted(set(_of_the_ledger(record, look)))
    return names.organisation_of(called[0]) if len(called) == 1 else None


def means(reference: str, who: Who, look: Look) -> bool | None:
    """Whether a reference means who asks, None where nobody could say."""
    return _Reading(who, look).reference(reference)


def known(references: Iterable[str], look: Look, time: int) -> Known:
    """What the records say of these references, at a time (ms), for whoever asks."""
    parties: set[str] = set()
    strange: list[str] = []
    for reference in sorted(set(references)):
        # Asked for somebody who is nobody, so that every way is gone.
        reading = _Reading(Who("", practitioner="?", time=time), look)
        reading.reference(reference)
        parties |= reading.parties
        if reading.unclear:
            strange.append(reference)
    return Known(tuple(sorted(parties)), tuple(strange))


class _Reading:
    """One reading of what a reference leads to."""

    def __init__(self, who: Who, look: Look) -> None:
        self._who = who
        self._look = look
        self._on_the_way: set[str] = set()
        self._left = MEMBERS_MAX
        self.unclear = False
        """Whether something was met of which the records here do not say whom it means."""
        self.parties: set[str] = set()
        """Whom of the ledger it led to, as references."""

    def reference(self, reference: str, depth: int = 0) -> bool | None:
        """Whether a reference means who asks."""
        reference = reference.partition("/_history/")[0]
        ledger = names.organisation_of(reference)
        if ledger is not None and reference.startswith("identifier:"):
            return self._named([reference])
        if reference in self._on_the_way:
            # A team that is in itself: its other members say who is.
            return False
        record = self._look(reference)
        if record is None and ledger is not None:
            return self._named([names.by_identifier(ledger)])
        if record is None or depth > DEPTH_MAX:
            return self._nobody_says()
        self._on_the_way.add(reference)
        try:
            return self._record(_Held(record, record, depth))
        finally:
            self._on_the_way.discard(reference)

    def _record(self, held: "_Held") -> bool | None:
        kind = held.record.get("resourceType")
        if kind in PEOPLE:
            return self._person(held.record)
        if kind == "Organization":
            return self._organisation(held)
        if kind == "Device":
            return self._device(held.record)
        if kind == "PractitionerRole":
            return self._role(held)
        if kind == "CareTeam":
            return self._team(held)
        if kind == "Group":
            return self._group(held)
        return self._nobody_says()

    def _nobody_says(self) -> bool | None:
        self.unclear = True
        return None

    def _named(self, references: Iterable[str]) -> bool:
        """Whether one of these names of the ledger is that of who asks."""
        listed = list(references)
        self.parties.update(listed)
        return not _own_names(self._who).isdisjoint(listed)

    # --- one person, one organisation -------------------------------------------------------------------------------

    def _person(self, record: Mapping[str, Any]) -> bool | None:
        who = self._who
        if not who.practitioner or who.machine:
            # What goes to an organisation goes to nobody in particular there, and a program is no person.
            return False
        found = _identifiers(record, names.PRACTITIONER)
        if self._named(found):
            return True
        if any(reference.startswith(names.practitioner(who.organisation, "")) for reference in found):
            # Her organisation calls this one otherwise.
            return False
        if not found:
            self._nobody_says()
        if any(one.rpartition("|")[2] == who.practitioner for one in identifiers(record)):
            # A number of staff in a system of its own: it may be the one that her organisation knows her by.
            return None
        return _may_be_called(_called(record.get("name")), who.name)

    def _organisation(self, held: "_Held") -> bool | None:
        record = held.record
        found = _of_the_ledger(record, self._look)
        if found:
            return self._named(found)
        self._nobody_says()
        whole = record.get("partOf")
        if whole is not None and self._member(whole, held) is not False:
            # A part of a house: whether whoever asks is of this part, nobody says.
            return None
        return _may_be_called([record.get("name"), *_listed(record.get("alias"))], self._who.called)

    def _device(self, record: Mapping[str, Any]) -> bool | None:
        found = _identifiers(record, names.PRACTITIONER)
        if not found:
            self._nobody_says()
            return None if self._who.machine else False
        return self._named(found) and self._who.machine

    # --- roles, teams, groups ---------------------------------------------------------------------------------------

    def _role(self, held: "_Held") -> bool | None:
        """Somebody at an organisation, or everybody there in a role."""
        record = held.record
        if record.get("active") is False:
            return False
        person, house = record.get("practitioner"), record.get("organization")
        if person is None and house is None:
            return self._nobody_says()
        answers = [self._member(named, held) for named in (person, house) if named is not None]
        answers.append(self._now(record))
        codes = _codings(record.get("code"))
        if codes and SOMEBODY in self._who.roles:
            return False
        if codes and codes.isdisjoint(self._who.roles):
            # She may be it all the same: her house says of her one role only, and may say it more broadly. Of whoever
            # receives what is pushed it says none.
            answers.append(None)
        return _all(answers)

    def _team(self, held: "_Held") -> bool | None:
        status = held.record.get("status", "active")
        if status in _GONE:
            return False
        listed = _listed(held.record.get("participant"))
        if status != "active" or not listed:
            return self._nobody_says()
        return _all([_any([self._participant(one, held) for one in listed]), self._now(held.record)])

    def _participant(self, value: Any, held: "_Held") -> bool | None:
        if not isinstance(value, Mapping):
            return self._nobody_says()
        found = self._member(value.get("member"), held)
        house = value.get("onBehalfOf")
        if found is True and house is not None and self._member(house, held) is not True:
            found = None
        return _all([found, self._now(value)])

    def _group(self, held: "_Held") -> bool | None:
        record = held.record
        if record.get("active") is False:
            return False
        listed = _listed(record.get("member"))
        quantity = record.get("quantity")
        # Only a group that lists its members (R4 actual, R5 membership), and all of them, says who is in it.
        lists = record.get("actual") is True or record.get("membership") == "enumerated"
        if not lists or not listed:
            return self._nobody_says()
        members = [self._in_group(one, held) for one in listed]
        if isinstance(quantity, int) and quantity > len(listed):
            members.append(self._nobody_says())
        return _any(members)

    def _in_group(self, value: Any, held: "_Held") -> bool | None:
        if not isinstance(value, Mapping):
            return self._nobody_says()
        if value.get("inactive") is True:
            return False
        return _all([self._member(value.get("entity"), held), self._now(value)])

    def _member(self, value: Any, held: "_Held") -> bool | None:
        """Whether a FHIR Reference in a record means who asks."""
        self._left -= 1
        if not isinstance(value, Mapping) or self._left < 0:
            return self._nobody_says()
        literal = value.get("reference")
        if not isinstance(literal, str):
            token = _token(value.get("identifier"))
            return self._nobody_says() if token is None else self.reference(f"identifier:{token}")
        if not literal.startswith("#"):
            return self.reference(literal, held.depth + 1)
        inside = [one for one in _listed(held.whole.get("contained")) if _is_called(one, literal[1:])]
        if len(inside) != 1 or held.depth >= DEPTH_MAX:
            return self._nobody_says()
        return self._record(_Held(inside[0], held.whole, held.depth + 1))

    def _now(self, value: Mapping[str, Any]) -> bool | None:
        """Whether the period of something holds now."""
        if "period" not in value:
            return True
        period = read_period(value["period"])
        return self._nobody_says() if period is None else period.start <= self._who.time < period.end


class _Held(NamedTuple):
    """A record, the one that it is contained in (itself for most), and how many steps led to it."""

    record: Mapping[str, Any]
    whole: Mapping[str, Any]
    depth: int


def _own_names(who: Who) -> frozenset[str]:
    """The references by which the ledger's names call who asks."""
    inside = [names.practitioner(who.organisation, who.practitioner)] if who.practitioner else []
    return frozenset([names.by_identifier(who.organisation), *inside])


def _may_be_called(called: Iterable[Any], name: str) -> bool | None:
    """In doubt where a word of both names is alike, or where the two cannot be compared; else somebody else."""
    words = [word for one in called if isinstance(one, str) for word in _words(one)]
    hers = _words(name)
    if not words or not hers or _is_latin(words) != _is_latin(hers):
        return None
    return None if any(_alike(one, other) for one in words for other in hers) else False


def _words(name: str) -> list[str]:
    return [word for word in plain(seen(name)).split() if len(word) > 1 and word not in _TITLES]


def _is_latin(words: Iterable[str]) -> bool:
    return all(word.isascii() for word in words)


def _alike(one: str, other: str) -> bool:
    return compare(Demographics(family=one), Demographics(family=other)).of(Field.FAMILY) != "differs"


def _all(answers: Iterable[bool | None]) -> bool | None:
    said = set(answers)
    return False if False in said else None if None in said else True


def _any(answers: Iterable[bool | None]) -> bool | None:
    said = set(answers)
    return True if True in said else None if None in said else False


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _is_called(value: Any, name: str) -> bool:
    return isinstance(value, Mapping) and value.get("id") == name


def _token(identifier: Any) -> str | None:
    if not isinstance(identifier, Mapping):
        return None
    system, value = identifier.get("system"), identifier.get("value")
    return f"{system}|{value}" if isinstance(system, str) and isinstance(value, str) else None


def identifiers(record: Mapping[str, Any]) -> list[str]:
    """The identifiers of a record, "system|value"."""
    return [reference.removeprefix("identifier:") for reference in _identifiers(record, "")]


def _identifiers(record: Mapping[str, Any], system: str) -> list[str]:
    """The identifiers of a record that begin like this, as references."""
    found = [_token(one) for one in _listed(record.get("identifier"))]
    return [f"identifier:{token}" for token in found if token is not None and token.startswith(system)]


def _of_the_ledger(record: Mapping[str, Any], look: Look) -> list[str]:
    """The organisations of the ledger that an Organization record says it is, as references: by the ledger's own
    identifier, else by others that are known to be theirs."""
    own = _identifiers(record, f"{names.ORGANISATION}|")
    others = [] if own else [look(reference) for reference in _identifiers(record, "")]
    return own or [
        found for other in others if other is not None for found in _identifiers(other, f"{names.ORGANISATION}|")
    ]


def _codings(value: Any) -> frozenset[str]:
    concepts = [concept for concept in _listed(value) if isinstance(concept, Mapping)]
    codings = [one for concept in concepts for one in _listed(concept.get("coding")) if isinstance(one, Mapping)]
    return frozenset(f"{one.get('system')}|{one['code']}" for one in codings if "code" in one)


def _called(value: Any) -> list[Any]:
    """The parts of FHIR HumanNames."""
    parts = [name for name in _listed(value) if isinstance(name, Mapping)]
    return [part for name in parts for part in (name.get("family"), name.get("text"), *_listed(name.get("given")))]
