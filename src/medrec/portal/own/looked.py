"""Who looked: the list in pages, one look in full, and the person's answer to it."""

from typing import TYPE_CHECKING, Any

import sqlalchemy as sql
from markupsafe import Markup

from medrec.core import codec
from medrec.node.agent.agent import Notice
from medrec.node.keeping import store
from medrec.node.looks.looks import ANSWERS, FILTERS, Look
from medrec.portal import looks, person, render, words
from medrec.portal.own import mistakes
from medrec.portal.own.whose import Whose, whose
from medrec.portal.page import Go, PageError, Visit, pager

if TYPE_CHECKING:
    from medrec.node.node import Node

LINES = 20
READINGS, READ = "readings", "log-read/1"
"""The part of the list that tells who read the list."""
TWO_SIDED = ("disclosure/1", "disclosure-received/1")
"""Of these both sides tell."""


def show(node: "Node", visit: Visit) -> dict[str, Any]:
    """The values of own/looked.html."""
    who = whose(node, visit)
    assert node.looks is not None
    node.tell_of_looks()
    counts = {name: node.looks.count(who.account, name) for name in FILTERS}
    counts[READINGS] = person.count(node, who.account, (READ,))
    chosen = visit.query.get("show", "all")
    if chosen not in counts:
        chosen = "all"
    first = (visit.page - 1) * LINES
    if chosen == READINGS:
        told = person.read(node, who.account, (READ,), LINES, first)
        rows = [_reading(visit, who, notice) for notice in told if notice.manifest is not None]
    else:
        rows = rows_of(node, visit, who, node.looks.page(who.account, chosen, LINES, first))
    return {
        "handle": who.handle,
        "person": who.name,
        "rows": rows,
        "chosen": chosen,
        "readings": chosen == READINGS,
        "filters": [(name, words.LOOKED[name], count) for name, count in counts.items()],
        "pager": pager(visit, counts[chosen], LINES),
    }


def _reading(visit: Visit, who: Whose, notice: Notice) -> dict[str, Any]:
    """Who read this list, or a part of it that stands at one place: a line about the list itself."""
    statement: Any = notice.manifest
    text, place = words.LOOKED[f"read_{statement.by}"], who.place(statement.organisation)
    return {
        "sentence": render.say(text, who=statement.reader, place=place),
        "link": visit.link("line", person=who.handle, tag=codec.decode(notice.entry)[1].hex()),
        "when": visit.when(notice.time),
        "why": [],
        "more": [],
        "anchored": notice.height is not None,
    }


def rows_of(node: "Node", visit: Visit, who: Whose, found: list[Look]) -> list[dict[str, Any]]:
    """Looks as lines: a sentence, when, why, and what the person has answered."""
    assert node.looks is not None
    tags = [tag for look in found for tag in (look.given, look.refused, look.received) if tag is not None]
    contrary = node.looks.against(who.account, found)
    tags += contrary + node.looks.asked(who.account, found)
    with node.store.read() as connection:
        notice = store.notice.c
        # That somebody knows nothing of a look is no look of its own; it is said beside the one that it is about.
        denied = (notice.account == who.account) & (notice.kind == "owed-denied/1")
        rows = connection.execute(sql.select(store.notice).where(notice.tag.in_(tags) | denied)).all()
    notices = [person.opened(node, row) for row in rows]
    told = {}
    for item in looks.of_person(node, visit, who.known, notices):
        told[codec.decode(item["notice"].entry)[1]] = item
    lines = []
    for look in found:
        item = next((told[tag] for tag in (look.refused, look.given, look.received) if tag in told), None)
        if item is None:
            continue
        if any(tag in contrary for tag in (look.given, look.refused, look.received)):
            # It has the number of somebody else's look.
            copied = render.say(words.LOOKS["unfit"], organisation=who.place(item["notice"].organisation))
            item = {**item, "doubtful": True, "more": [*item["more"], copied]}
        if look.own and item["outcome"] == "given":
            what = render.kinds_of([record.type for record in item["notice"].manifest.records])
            sentence = render.say(words.LOOKS["own"], what=what, source=who.place(look.source))
            item = {**item, "why": [], "more": item["more"] if item["doubtful"] else [], "sentence": sentence}
        place = {"person": who.handle, "pair": look.pair.hex()}
        lines.append(
            {
                **item,
                "look": look,
                "link": visit.link("one_look", **place),
                "answer_link": visit.link("answer_look", **place),
                "asks": look.answer == "" and not look.own and not look.stopped,
                "requester": who.place(look.requester),
                "source": who.place(look.source),
            }
        )
    return lines


def show_one(node: "Node", visit: Visit) -> dict[str, Any]:
    """The values of own/one_look.html."""
    who = whose(node, visit)
    look = _look(node, visit, who)
    line = rows_of(node, visit, who, [look])
    if not line:
        raise PageError(404, "unknown-line")
    tag = look.given or look.received
    seen: list[dict[str, Any]] = []
    if tag is not None:
        with node.store.read() as connection:
            row = connection.execute(sql.select(store.notice).where(store.notice.c.tag == tag)).first()
        counts: dict[str, int] = {}
        for record in getattr(person.opened(node, row).manifest, "records", ()):
            counts[record.type] = counts.get(record.type, 0) + 1
        ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        seen = [{"name": words.record_types(kind), "count": count} for kind, count in ordered]
    proofs = []
    for tag, organisation in (
        (look.given, look.source),
        (look.refused, look.source),
        (look.received, look.requester),
    ):
        if tag is not None:
            link = visit.link("line", person=who.handle, tag=tag.hex())
            text = render.say(words.LOOKED["proof_given"], organisation=who.place(organisation))
            proofs.append({"link": link, "text": text})
    return {
        "handle": who.handle,
        "line": line[0],
        "vouched": None if look.own else _vouched(who, line[0]["notice"].manifest),
        "look": look,
        "seen": seen,
        "proofs": proofs,
        "one_sided": line[0]["notice"].kind in TWO_SIDED
        and look.source != look.requester
        and (look.given is None or look.received is None),
        "requester": who.place(look.requester),
        "disputable": disputable(look),
        "disputes": mistakes.disputes_of(node, who, look) if disputable(look) else [],
        "dispute_link": visit.link("dispute", person=who.handle, pair=look.pair.hex()),
    }


def _vouched(who: Whose, statement: Any) -> Markup | None:
    """Who answers for the name of the person in a look; None where nobody is named."""
    request = getattr(statement, "request", None)
    if not getattr(request, "practitioner", "").strip():
        return None
    return render.say(words.LOOKS["vouched"], organisation=who.place(request.vouched_by(statement.organisation)))


def disputable(look: Look) -> bool:
    """Whether a look can be disputed: also one that its source wrote down as given, and says that it stopped."""
    return not look.own and (look.refused is None or look.given is not None)


def dispute(node: "Node", visit: Visit) -> Go:
    """The signed dispute of a look that was no mere refusal and not her own agent's."""
    who = whose(node, visit)
    look = _look(node, visit, who)
    if not disputable(look):
        raise PageError(400, "form-unreadable")
    return mistakes.dispute(node, visit, who, look)


def answer(node: "Node", visit: Visit) -> Go:
    """Keep the answer in the form field `answer`, and go back to where it was given."""
    who = whose(node, visit)
    look = _look(node, visit, who)
    given = visit.form.get("answer", "")
    if given not in ANSWERS or node.looks is None:
        raise PageError(400, "form-unreadable")
    node.looks.answer(who.account, look.pair, given)
    if given == "expected":
        back = "looked" if visit.form.get("from") == "looked" else "person"
        return Go(visit.link(back, person=who.handle), "answered")
    return Go(visit.link("one_look", person=who.handle, pair=look.pair.hex()), "answered_" + given)


def _look(node: "Node", visit: Visit, who: Whose) -> Look:
    try:
        pair = bytes.fromhex(visit.path["pair"])
    except ValueError:
        raise PageError(404, "unknown-line") from None
    found = node.looks.find(who.account, pair) if node.looks is not None else None
    if found is None:
        raise PageError(404, "unknown-line")
    return found
