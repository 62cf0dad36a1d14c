"""Trying a policy before signing it: what each party would see, and what would become of the looks of last year."""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple

from medrec.core.consent.access import rules_of
from medrec.core.consent.compiling import Rules
from medrec.core.consent.policy import Given


class Asker(NamedTuple):
    """Somebody who may ask: an organisation (id), who there ("" for anybody), in which roles, for what, and by which
    name; or an organisation to which something is pushed (`door`), and nobody in particular there."""

    organisation: str
    practitioner: str = ""
    roles: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ("TREAT",)
    name: str = ""
    door: str = "pull"


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
    """The outcome for all parties and looks, in the order given. Not `complete`: there were more than were tried.

    `strange` are the people, teams and groups that these consents name and of whom the place does not know, wholly or
    in part, who they are (references).
    """

    parties: tuple[Shown, ...]
    looks: tuple[Judged, ...]
    complete: bool = True
    strange: tuple[str, ...] = ()


Visible = Callable[[Rules, Asker], frozenset[str]]
"""The records (names) that somebody would be sent by these rules, decided as the gate decides."""


def try_policy(
    standing: Sequence[Given],
    proposed: Given,
    replaced: frozenset[str],
    there: Collection[str],
    askers: Iterable[Asker],
    looks: Iterable[Look],
    visible: Visible,
    jurisdictions: Iterable[str] = ("US",),
) -> Trial:
    """What would follow from a proposed consent beside those that stand, without those it replaces (ids).

    `there` are the names of all records of the person. A look at a record that is not there any more would not have
    been stopped by anybody: it is left out.
    """
    law = tuple(jurisdictions)
    before = rules_of(standing, law)
    after = rules_of([*[one for one in standing if one.id not in replaced], proposed], law)
    would = dict[Asker, frozenset[str]]()

    def then(asker: Asker) -> frozenset[str]:
        if asker not in would:
            would[asker] = visible(after, asker)
        return would[asker]

    parties = tuple(Shown(asker, tuple(sorted(visible(before, asker))), tuple(sorted(then(asker)))) for asker in askers)
    judged = []
    for look in looks:
        names = [name for name in look.records if name in there]
        still = then(look.asker)
        judged.append(
            Judged(
                look,
                tuple(name for name in names if name in still),
                tuple(name for name in names if name not in still),
            )
        )
    return Trial(parties, tuple(judged))
