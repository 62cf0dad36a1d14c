"""Trying a policy before signing it: what each party would see, and what would become of the looks of last year."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from medrec.core.consent.access import requested, rules_of
from medrec.core.consent.compiling import Rules
from medrec.core.consent.decide import decide, judge
from medrec.core.consent.facts import Record
from medrec.core.consent.policy import Given


class Asker(NamedTuple):
    """Somebody who may ask: an organisation (id), who there ("" for anybody), in which roles, and for what."""

    organisation: str
    practitioner: str = ""
    roles: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ("TREAT",)


class Look(NamedTuple):
    """A look that there was: when (ms), who, and at which records ("Type/id")."""

    time: int
    asker: Asker
    records: tuple[str, ...]


class Shown(NamedTuple):
    """What one party sees as it stands, and would see: names of records, sorted."""

    asker: Asker
    before: tuple[str, ...]
    after: tuple[str, ...]


class Judged(NamedTuple):
    """A look that there was: which of its records would have gone out all the same, and which not."""

    look: Look
    still: tuple[str, ...]
    stopped: tuple[str, ...]


class Trial(NamedTuple):
    """The outcome for all parties and looks, in the order given."""

    parties: tuple[Shown, ...]
    looks: tuple[Judged, ...]


def try_policy(
    standing: Sequence[Given],
    proposed: Given,
    replaced: frozenset[str],
    records: Iterable[Record],
    askers: Iterable[Asker],
    looks: Iterable[Look],
    *,
    holder: str,
    now: int,
    jurisdictions: Iterable[str] = ("US",),
) -> Trial:
    """What would follow from a proposed consent beside those that stand, without those it replaces (ids).

    `records` are the facts of all records that `holder` (an organisation's id) has of the person. A look at a record
    that is not there any more would not have been stopped by anybody: it is left out.
    """
    law = tuple(jurisdictions)
    known = {f"{record.type}/{record.id}": record for record in records}
    before = rules_of(standing, law)
    after = rules_of([*[one for one in standing if one.id not in replaced], proposed], law)
    everything = sorted(known)
    parties = tuple(
        Shown(
            asker,
            _visible(before, asker, known, everything, holder, now),
            _visible(after, asker, known, everything, holder, now),
        )
        for asker in askers
    )
    judged = []
    for look in looks:
        names = [name for name in look.records if name in known]
        still = _visible(after, look.asker, known, names, holder, now)
        judged.append(Judged(look, still, tuple(name for name in names if name not in still)))
    return Trial(parties, tuple(judged))


def _visible(
    rules: Rules, asker: Asker, known: dict[str, Record], names: Sequence[str], holder: str, now: int
) -> tuple[str, ...]:
    request = requested(
        rules,
        requester=asker.organisation,
        holder=holder,
        purposes=asker.purposes,
        practitioner=asker.practitioner,
        roles=asker.roles,
    )
    decision = decide(request, rules, now)
    return tuple(name for name in names if judge(decision, known[name]).effect == "permit")
