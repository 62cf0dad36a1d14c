"""The privacy officer's desk: the looks that want reading first, with their reasons; what is owed; and the export."""

from collections import Counter
from typing import TYPE_CHECKING, Any

import sqlalchemy as sql

from medrec.core.manifests.access import RefusalManifest
from medrec.core.manifests.inside import OwnLookManifest
from medrec.node.account import parents
from medrec.node.keeping import store
from medrec.node.looks import answering, halves, owing, unfit
from medrec.node.looks.watching import OUTCOMES, Watched
from medrec.node.looks.watching import export as written_out
from medrec.node.refusals import Refusal
from medrec.node.right_person import desk_hands
from medrec.portal import alarms, looks, questions, render, words
from medrec.portal.acting import SHOWN_OF
from medrec.portal.page import File, Go, PageError, Visit, names, paged
from medrec.signals.watch import WEIGHTS

if TYPE_CHECKING:
    from medrec.node.node import Node

OWED_SHOWN = 20
EMERGENCY_OUTCOMES = ("justified", "not-justified", "unclear")


def show(node: "Node", visit: Visit) -> dict[str, Any] | Go:
    """The values of office.html; POST takes what the officer found about a look."""
    if "question" in visit.form:
        return questions.answer(node, visit)
    if "owed" in visit.form:
        return questions.deny(node, visit)
    if visit.form:
        return _review_emergency(node, visit) if "emergency" in visit.form else _review(node, visit)
    queue = node.watch.queue()
    chosen = visit.query.get("reason", "")
    chosen = chosen if chosen in WEIGHTS else ""
    every = visit.query.get("all") == "1"
    waiting = [item for item in queue if item.ranked.weight and not item.outcome]
    counts = Counter(reason for item in waiting for reason in item.ranked.reasons)
    shown = queue if every else waiting
    shown = [item for item in shown if not chosen or chosen in item.ranked.reasons]
    rows, pages = paged(visit, shown)
    known = names(node)
    here = visit.link("office")
    return {
        "rows": [_row(visit, known, item) for item in rows],
        "pager": pages,
        "narrowed": "".join((f"&reason={chosen}" if chosen else "", "&all=1" if every else "")),
        "total": len(queue),
        "waiting": len(waiting),
        "reasons": [
            {"name": words.WATCH[name], "count": counts[name], "link": f"{here}?reason={name}", "here": name == chosen}
            for name in WEIGHTS
            if counts[name]
        ],
        "chosen": chosen,
        "every": every,
        "every_link": f"{here}?all=1",
        "queue_link": here,
        "completeness": _completeness(node, visit, known),
        "outcomes": OUTCOMES,
        "emergencies": _emergencies(node, visit, known),
        "verdicts": EMERGENCY_OUTCOMES,
        "links": _links(node, visit),
        "parents": _parents(node, visit),
        "questions": questions.values(node, visit, known),
        **alarms.latest(node, visit),
        SHOWN_OF: [*(item.person for item in rows), *_declared_here(node)],
    }


def export(node: "Node", visit: Visit) -> File:
    """The whole queue as a file."""
    queue = node.watch.queue()
    people = [item.person for item in queue]
    return File(written_out(queue), "text/csv; charset=utf-8", "looks.csv", people=people)


def _declared_here(node: "Node") -> list[int]:
    """Of whom the board of emergencies shows that others broke a lock here."""
    accounts, column = [one.account for one in node.emergencies.all()[:OWED_SHOWN]], store.person.c
    with node.store.read() as connection:
        rows = connection.execute(sql.select(column.id, column.account).where(column.account.in_(accounts))).all()
    return [row.id for row in rows for account in accounts if account == row.account]


def _review(node: "Node", visit: Visit) -> Go:
    officer = visit.session.name if visit.session is not None else words.OFFICE["somebody"]
    try:
        look = bytes.fromhex(visit.form.get("look", ""))
        node.watch.review(look, visit.form.get("outcome", ""), officer, visit.form.get("words", ""))  # type: ignore[arg-type]
    except (ValueError, Refusal):
        raise PageError(400, "look-unknown") from None
    return Go(visit.link("office"), "reviewed")


def _review_emergency(node: "Node", visit: Visit) -> Go:
    session = visit.session
    reviewer = (session.staff, session.name) if session is not None else ("", words.OFFICE["somebody"])
    try:
        identifier = bytes.fromhex(visit.form["emergency"])
        outcome = visit.form.get("outcome", "")
        if outcome not in EMERGENCY_OUTCOMES:
            raise ValueError
        node.emergency_reviews.review(identifier, *reviewer, outcome, visit.form.get("words", "").strip())  # type: ignore[arg-type]
    except ValueError:
        raise PageError(400, "look-unknown") from None
    except Refusal as refusal:
        raise PageError(400, refusal.code, refusal.sentence) from None
    return Go(visit.link("office"), "reviewed")


def _emergencies(node: "Node", visit: Visit, known: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
    """The board: locks that our people broke, to be reviewed here, and those that others broke at ours."""
    ours = [
        {
            "id": one.id.hex(),
            "sentence": render.say(
                words.OFFICE["we_broke"], who=one.name or one.identity, place=known.get(one.source, one.source)
            ),
            "why": words.EMERGENCY.get(one.code, one.code),
            "text": one.text,
            "when": visit.when(one.time),
            "due": visit.when(one.due),
            "status": one.status,
            "open": one.status not in ("refused", "reviewed"),
            "late": one.late,
        }
        for one in node.emergency_reviews.all()[:OWED_SHOWN]
    ]
    theirs = [
        {
            "sentence": render.say(words.OFFICE["they_broke"], place=known.get(one.requester, one.requester)),
            "when": visit.when(one.since),
            "due": visit.when(one.due),
            "status": one.status,
            "late": one.late,
        }
        for one in node.emergencies.all()[:OWED_SHOWN]
    ]
    return {"ours": ours, "theirs": theirs}


def _links(node: "Node", visit: Visit) -> list[dict[str, Any]]:
    """Whom the staff said that somebody is, and who said it: what one person said alone stands first."""
    return [
        {
            "sentence": render.say(words.OFFICE["links_by"], patient=one.patient, names=render.listed(list(one.names))),
            "when": visit.when(one.time),
            "alone": one.alone,
        }
        for one in desk_hands.lately(node)[:OWED_SHOWN]
    ]


def _parents(node: "Node", visit: Visit) -> list[dict[str, Any]]:
    """Whom the staff named as parents, and who of them ended it: what one clerk stated alone stands first."""
    return [
        {
            "sentence": render.say(
                words.OFFICE["parent_ended" if one.ended_by else "parent_by"],
                patient=one.patient,
                name=one.delegation.name,
                names=render.listed([clerk.name for clerk in one.clerks]),
                by=one.ended_by,
            ),
            "when": visit.when(one.ended or one.delegation.time),
            "alone": len(one.clerks) == 1,
        }
        for one in parents.lately(node)[:OWED_SHOWN]
    ]


def _row(visit: Visit, known: dict[str, str], item: Watched) -> dict[str, Any]:
    statement, request = item.statement, item.statement.request
    who, place = looks.asker(statement, known), known.get(request.requester, request.requester)
    more, sends = [], request.door == "push"
    if isinstance(statement, RefusalManifest):
        sentence = render.say(words.GIVEN["sent_not" if sends else "asked"], requester=who, place=place)
        more += [looks.why_not(statement.code, own_words=False), *looks.how_often(visit, statement)]
    elif isinstance(statement, OwnLookManifest):
        sentence = render.say(words.OFFICE["inside"], who=request.practitioner)
    else:
        what = render.kinds_of([record.type for record in statement.records])
        sentence = render.say(words.GIVEN["sent" if sends else "gave"], requester=who, what=what, place=place)
    return {
        "id": item.ranked.seen.id.hex(),
        "sentence": sentence,
        "link": visit.link("version", manifest=item.ranked.seen.id.hex()),
        "when": visit.when(statement.time),
        "why": looks.reasons(request),
        "person": statement.account,
        "more": more,
        "reasons": [
            {"text": words.WATCH[name], "kind": "bad" if WEIGHTS[name] >= WEIGHTS["other-half-missing"] else "wait"}
            for name in item.ranked.reasons
        ],
        "outcome": words.OFFICE["was_" + item.outcome] if item.outcome else "",
    }


def _completeness(node: "Node", visit: Visit, known: dict[str, str]) -> list[dict[str, Any]]:
    """Is the log whole? Each question with its answer; what is not in order is named."""
    unmatched, owed = halves.unmatched(node), owing.owed(node)
    overdue = [half for half in unmatched if half.status == "overdue"]
    unclaimed = [half for half in unmatched if half.status == "not-owed"]
    strange = [one for one in owed if not one.known]
    alone, unwritten, ours = halves.alone(node), halves.unwritten(node), unfit.halves_unfit(node)
    since = node.anchorer.waiting_since()
    late = since is not None and node.clock() - since > node.merge_delay_ms
    taken = [one for one in node.disputes.taken() if one.status == "open"]
    about_us = [one for one in answering.about_us(node) if one.status == "open"]
    rows = [
        ("anchored" if not late else "anchor_late", not late, 0),
        ("halves" if not overdue else "halves_late", not overdue, len(overdue)),
        ("unclaimed_none" if not unclaimed else "unclaimed", not unclaimed, len(unclaimed)),
        ("owed_none" if not owed else "owed", not owed, len(owed)),
        ("strange_none" if not strange else "strange", not strange, len(strange)),
        ("alone_none" if not alone else "alone", not alone, len(alone)),
        ("unwritten_none" if not unwritten else "unwritten", not unwritten, len(unwritten)),
        ("unfit_none" if not ours else "unfit", not ours, len(ours)),
        ("disputes_none" if not taken else "disputes", not taken, len({one.account for one in taken})),
        ("about_us_none" if not about_us else "about_us", not about_us, len({one.account for one in about_us})),
    ]
    found = [{"good": good, "text": render.say(words.COMPLETE[name], count=count)} for name, good, count in rows]
    for half in overdue[:OWED_SHOWN]:
        name = known.get(half.requester, half.requester)
        found.append(
            {"good": False, "text": render.say(words.COMPLETE["late_one"], name=name, when=visit.when(half.due))}
        )
    for one in alone[:OWED_SHOWN]:
        name = known.get(one.source, one.source)
        text = render.say(words.COMPLETE["alone_one"], name=name, when=visit.when(one.time))
        found.append({"good": False, "text": text})
    for half in ours[:OWED_SHOWN]:
        name, why = known.get(half.source, half.source), render.say(words.COMPLETE["unfit_" + half.why])
        text = render.say(words.COMPLETE["unfit_one"], name=name, number=half.obligation.hex(), why=why)
        found.append({"good": False, "text": text})
    return found
