"""What a hospital gave out, refused and received lately, and which halves of a disclosure wait for the other."""

from collections.abc import Container
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sql

from medrec.core import manifests
from medrec.node.keeping import store
from medrec.node.keeping.vault import VaultError
from medrec.node.looks import halves
from medrec.portal import looks, render, words
from medrec.portal.acting import SHOWN_OF
from medrec.portal.page import Visit, names

if TYPE_CHECKING:
    from medrec.node.node import Node

LATEST = 20
UNMATCHED_SHOWN = 40
KINDS = ("disclosure/1", "refusal/1", "disclosure-received/1")


def show(node: "Node", visit: Visit) -> dict[str, Any]:
    """The values of given.html."""
    known = names(node)
    # All halves that wait, however old; the other lists show the latest only.
    waiting = halves.unmatched(node)
    unclaimed = {half.obligation.hex() for half in waiting if half.status == "not-owed"}
    groups: list[dict[str, Any]] = []
    people: list[int | None] = []
    with node.store.read() as connection, node.engine.view() as view:

        def items(*where: Any, limit: int) -> list[dict[str, Any]]:
            lines = _lines(node, connection, where, limit)
            people.extend(line.person for line in lines)
            return [_item(visit, known, line.digest, line.statement, view, unclaimed) for line in lines]

        sequence = store.line.c.seq.in_([half.seq for half in waiting[:UNMATCHED_SHOWN]])
        unmatched = items(sequence, limit=UNMATCHED_SHOWN)
        for name, kind in zip(("disclosed", "refused", "received"), KINDS, strict=True):
            is_kind = store.line.c.kind == kind
            total = connection.execute(sql.select(sql.func.count()).select_from(store.line).where(is_kind)).scalar()
            groups.append(
                {
                    "name": name,
                    "title": words.GIVEN[name],
                    "none": words.GIVEN[name + "_none"],
                    "rows": items(is_kind, limit=LATEST),
                    "total": total or 0,
                }
            )
    return {"unmatched": unmatched, "unmatched_total": len(waiting), "groups": groups, SHOWN_OF: people}


class _Line(NamedTuple):
    """The hash of a line's manifest, the manifest, and the store id of whom it is about."""

    digest: bytes
    statement: Any
    person: int | None


def _lines(node: "Node", connection: sql.Connection, where: Any, limit: int) -> list[_Line]:
    """The latest lines; those that were erased are left out."""
    line, kept_here = store.line.c, store.manifest.c
    joined = sql.select(line.manifest, kept_here.person).join_from(
        store.line, store.manifest, kept_here.hash == line.manifest
    )
    rows = connection.execute(joined.where(*where).order_by(line.seq.desc()).limit(limit)).all()
    found = []
    for row in rows:
        digest = bytes(row.manifest)
        try:
            kept = node.journal.manifest(connection, digest)
        except VaultError:
            kept = None
        if kept is not None:
            found.append(_Line(digest, manifests.decode(kept[1]), row.person))
    return found


def _item(
    visit: Visit, known: dict[str, str], digest: bytes, statement: Any, view: Any, unclaimed: Container[str]
) -> dict[str, Any]:
    """One line in words; `status` is that of the other half, where one is owed, and `unclaimed` those of which none is,
    though it should be."""
    item: dict[str, Any] = {
        "when": visit.when(statement.time),
        "link": visit.link("version", manifest=digest.hex()),
        "status": None,
        "why": [],
        "more": [],
    }
    if statement.manifest == "disclosure-received/1":
        return {**item, "sentence": _received(known, statement)}
    requester = known.get(statement.request.requester, statement.request.requester)
    item["why"] = looks.reasons(statement.request)
    who, more, sends = looks.asker(statement, known), [], statement.request.door == "push"
    if statement.manifest == "refusal/1":
        more += [looks.why_not(statement.code, own_words=False), *looks.how_often(visit, statement)]
        if statement.obligation is not None:
            more.append(render.say(words.GIVEN["stopped"]))
        text = words.GIVEN["sent_not" if sends else "asked"]
        return {**item, "sentence": render.say(text, requester=who, place=requester), "more": more}
    what = render.kinds_of([record.type for record in statement.records])
    more += looks.in_part(statement.records)
    anchored = statement.obligation in unclaimed
    status = looks.answered(view, statement, anchored)
    more.append(render.say(words.LOOKS[status], organisation=requester))
    sentence = render.say(words.GIVEN["sent" if sends else "gave"], requester=who, what=what, place=requester)
    return {**item, "sentence": sentence, "more": more, "status": status}


def _received(known: dict[str, str], statement: Any) -> Any:
    return render.say(
        words.GIVEN["got" if statement.outcome == "received" else "got_" + statement.outcome],
        organisation=known.get(statement.organisation, statement.organisation),
        what=render.kinds_of([record.type for record in statement.records]),
        source=known.get(statement.source, statement.source),
    )
