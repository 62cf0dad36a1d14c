"""The person's own word on a line of her list: what is filled in here waits at the signing desk for her key.

A form has `act` (not-taking, like-this, also-taking, dismissed), and `row` (the row's key), `name` (also-taking alone),
`notice` (dismissed alone), `words`. `places` says whom it goes to: "all" that treat her, now and later, or "chosen":
those with a field `to-NAME`, as each has that is proposed. Without, it goes to all where nothing stands behind the row
that a place may not read, otherwise to those that may read it. A medicine that she adds and that is, or could be, in
her list already goes to none but those, whatever is ticked, and the signing page says why.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from medrec.core.manifests.act_parts import OPENED_MAX, RECIPIENTS_MAX, text_of
from medrec.core.manifests.acts import PATIENTS, Subject, against_of, same_for_all
from medrec.core.reconcile.could_be import could_be, is_read, meant
from medrec.core.reconcile.nameless import names_nothing
from medrec.core.reconcile.rows import MedicineRow
from medrec.node.lists import hearing, stating
from medrec.node.lists.lists import Shown, against, subject_of
from medrec.node.looks.disputing import organisations
from medrec.node.refusals import Refusal
from medrec.portal import evidence, words
from medrec.portal.page import PageError
from medrec.portal.session import Session, Who
from medrec.portal.signing import desk_of

if TYPE_CHECKING:
    from medrec.node.node import Node


def hearers(node: "Node", account: str) -> list[str]:
    """The places that a person can let her act go to, by id."""
    return [name for name in organisations(node, account) if name != node.organisation]


class _Asked(NamedTuple):
    """Whom an act is to go to, and in a sentence why it goes to no others, where that is not as she ticked it."""

    to: list[str]
    why: tuple[str, ...] = ()


def _chosen(node: "Node", account: str, form: dict[str, Any], rows: list[MedicineRow], shown: Shown) -> _Asked:
    """Whom an act goes to."""
    known, said = hearers(node, account), form.get("places", "")
    ticked = [place for place in known if f"to-{place}" in form]
    # Nothing stands behind what is of no row.
    may_hear = hearing.Hearers(node, account, known, node.clock())
    open_to = set(known).intersection(*map(may_hear.of_row, rows))
    name, terms = str(form.get("name", "")).strip(), node.lists.terms
    if form.get("act") == "also-taking":
        unsure = not is_read(name, terms)
        open_to = may_hear.of_lists(shown.read.rows if unsure else could_be(name, shown.read.medicines, terms))
        if open_to != set(known):
            # She was asked before it was known what it is: it tells nobody what he may not read in her list.
            why = words.ONE_LIST["also_unsure" if unsure else "also_closed"]
            return _Asked(sorted(open_to & set(ticked)) if said else sorted(open_to), (why,))
    if said == "chosen" or (said == "all" and open_to - set(ticked)):
        # A place that she unticked gets nothing, whatever stands above it.
        return _Asked(ticked)
    return _Asked([hearing.EVERYBODY] if said == "all" or open_to == set(known) else sorted(open_to))


def _warned(node: "Node", account: str, told: str, names: list[str], to: list[str], shown: Shown) -> tuple[str, ...]:
    """What she is told of her own words before she signs: that a place reads them that may not read what they may name.
    She says it herself, and so nothing is kept back."""
    known = hearers(node, account)
    reached = set(known) if hearing.EVERYBODY in to else set(to)
    closed = reached - hearing.Hearers(node, account, known, node.clock()).of_lists(shown.read.rows)
    # A notice that is put away names none, and is no business of others.
    plain = not names or not closed or names_nothing(told, names, node.lists.terms)
    return () if plain else (words.ONE_LIST["words_tell"],)


def _named(node: "Node", shown: Shown, name: str) -> list[MedicineRow]:
    """The rows of the medicine that a name is of, as the lists read it, in which somebody else has it."""
    return [row for row in meant(name, shown.read.medicines, node.lists.terms) if hearing.is_written(row)]


def say(node: "Node", session: Session, form: dict[str, Any], back: str) -> str:
    """The ticket of an act on the list by the person herself. Raises PageError."""
    if session.who is not Who.PATIENT or node.agent is None:
        raise PageError(403, "not-your-page")
    kind, key, name, told = (str(form.get(part, "")).strip() for part in ("act", "row", "name", "words"))
    notice = str(form.get("notice", "")) or None
    if kind not in PATIENTS:
        raise PageError(400, "list-act-unknown")
    shown = node.lists.of(session.account)
    rows = _named(node, shown, name) if kind == "also-taking" else [r for r in shown.read.medicines if r.key == key]
    chosen = _chosen(node, session.account, form, rows, shown)
    if len(chosen.to) > RECIPIENTS_MAX:
        raise PageError(400, "too-many-places")
    if kind == "dismissed":
        if notice not in [found.id for found in shown.notices]:
            raise PageError(400, "list-act-unknown")
        subjects, objections = [], []
    elif kind == "also-taking":
        if not name:
            raise PageError(400, "list-act-unknown")
        subjects = [Subject(f"text:{' '.join(name.lower().split())}"[:400], name[:200])]
        # A place whose chart says that it is over is asked, as with a word on that line.
        objections = [one for row in rows for one in against(row, kind)][:OPENED_MAX]
    elif rows:
        subjects, objections = [subject_of(rows[0])], against(rows[0], kind)
    else:
        raise PageError(400, "list-act-unknown")
    try:
        act = stating.prepare(
            node,
            session.account,
            kind,  # type: ignore[arg-type]
            session.key,
            subjects,
            words=told,
            notice=notice if kind == "dismissed" else None,
            against=objections,
            recipients=chosen.to,
        )
    except (Refusal, msgspec.ValidationError):
        raise PageError(400, "list-act-unknown") from None

    def finish(packed: bytes) -> str:
        try:
            stating.state(node, msgspec.structs.replace(act, signature=packed.hex()))
        except Refusal as refusal:
            raise PageError(refusal.status, refusal.code, refusal.sentence) from None
        return back

    against_ = against_of(act)
    tags = node.lists.tags(session.account) if against_ else {}
    behind = (bytes.fromhex(tags[one.manifest]) for one in against_ if one.manifest in tags)
    names = [one.name for one in subjects]
    why = (*chosen.why, *_warned(node, session.account, told, names, chosen.to, shown))
    # Whom it goes to and what it speaks against is signed by its fingerprints: she reads what they are of.
    parts = [text_of(part) for part in (*(act.to or []), *(act.opened or []))]
    contents = (*parts, *evidence.texts_behind(node, session.account, behind))
    return desk_of(node).prepare_for(session, "list-act/1", same_for_all(act), finish, contents, why)
