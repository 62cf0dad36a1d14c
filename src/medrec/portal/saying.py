"""The person's own word on a line of her list: what is filled in here waits at the signing desk for her key.

A form has `act` (not-taking, like-this, also-taking, dismissed), and `row` (the row's key), `name` (also-taking alone),
`notice` (dismissed alone), `words`. `places` says whom it goes to: "all" that treat her, now and later, or "chosen":
those with a field `to-NAME`, as each has that is proposed. Without, it goes to all where nothing stands behind the row
that a place may not read, otherwise to those that may read it. A medicine that she adds and that is in her list already
goes to none but those, whatever is ticked.
"""

from typing import TYPE_CHECKING, Any

import msgspec

from medrec.core.manifests.act_parts import OPENED_MAX, RECIPIENTS_MAX, text_of
from medrec.core.manifests.acts import PATIENTS, Subject, against_of, same_for_all
from medrec.core.reconcile.rows import MedicineRow
from medrec.core.records import drug_names
from medrec.core.records.terms import cleaned
from medrec.node.lists import hearing, stating
from medrec.node.lists.lists import Shown, against, subject_of
from medrec.node.looks.disputing import organisations
from medrec.node.refusals import Refusal
from medrec.portal import evidence
from medrec.portal.page import PageError
from medrec.portal.session import Session, Who
from medrec.portal.signing import desk_of

if TYPE_CHECKING:
    from medrec.node.node import Node


def hearers(node: "Node", account: str) -> list[str]:
    """The places that a person can let her act go to, by id."""
    return [name for name in organisations(node, account) if name != node.organisation]


def _chosen(node: "Node", account: str, form: dict[str, Any], rows: list[MedicineRow]) -> list[str]:
    """Whom an act goes to. Raises PageError for more places than an act has room for."""
    known, said = hearers(node, account), form.get("places", "")
    ticked = [place for place in known if f"to-{place}" in form]
    # Nothing stands behind what is of no row.
    may_hear = hearing.Hearers(node, account, known, node.clock())
    open_to = set(known).intersection(*map(may_hear.of_row, rows))
    if form.get("act") == "also-taking" and open_to != set(known):
        # She was asked before it was known that it is in her list: it tells nobody what he may not read there.
        return sorted(open_to & set(ticked)) if said else sorted(open_to)
    if said == "chosen" or (said == "all" and open_to - set(ticked)):
        # A place that she unticked gets nothing, whatever stands above it.
        if len(ticked) > RECIPIENTS_MAX:
            raise PageError(400, "too-many-places")
        return ticked
    return [hearing.EVERYBODY] if said == "all" or open_to == set(known) else sorted(open_to)


def _named(node: "Node", shown: Shown, name: str) -> list[MedicineRow]:
    """The rows of the medicine that a name is of, as the lists read it, in which somebody else has it."""
    found = drug_names.named(name, node.lists.terms)
    meant = set(found.ingredients) if found is not None else set()
    return [
        row
        for row in shown.read.medicines
        if hearing.is_written(row)
        and ((meant and set(row.ingredients) == meant) or (not row.ingredients and cleaned(row.name) == cleaned(name)))
    ]


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
    chosen = _chosen(node, session.account, form, rows)
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
            recipients=chosen,
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
    # Whom it goes to and what it speaks against is signed by its fingerprints: she reads what they are of.
    parts = [text_of(part) for part in (*(act.to or []), *(act.opened or []))]
    contents = (*parts, *evidence.texts_behind(node, session.account, behind))
    return desk_of(node).prepare_for(session, "list-act/1", same_for_all(act), finish, contents)
