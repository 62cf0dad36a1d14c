"""Corrections that patients ask for: shown to her with what came of them, and to the staff who owe the answer."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sql

from medrec.node.corrections.corrections import by_herself
from medrec.node.corrections.corrections_shown import Here, Sent
from medrec.node.keeping import store
from medrec.node.refusals import Refusal
from medrec.portal import render, words
from medrec.portal.page import Go, PageError, Visit, names, paged, taking_turns
from medrec.portal.session import Who, require

if TYPE_CHECKING:
    from medrec.node.node import Node

ANSWERS = ("corrected", "refused", "noted")
SHOWN = 50


def asked(node: "Node", visit: Visit, account: str, place: Any) -> list[dict[str, Any]]:
    """What a person asked to be corrected, newest first, and what came of it; `place` names an organisation."""
    rows = []
    for one in node.corrections.asked(account)[:SHOWN]:
        name = "asked_way" if one.status == "open" and not one.taken else f"asked_{one.status}"
        rows.append(
            {
                "words": one.words,
                "proposed": one.proposed,
                "from": render.say(words.ONE_LIST["asked_from"], place=place(one.source), when=visit.when(one.time)),
                "state": render.say(words.ONE_LIST[name], when=visit.when(one.due)),
                "answer": one.answer,
                "late": one.status in ("overdue", "unproven", "unchanged", "back"),
            }
        )
    return rows


def show(node: "Node", visit: Visit) -> dict[str, Any] | Go:
    """The values of corrections.html: what waits for an answer, and what was answered last; a form answers."""
    if visit.form:
        answer(node, visit)
        return Go(visit.link("corrections"), "answered_correction")
    every = node.corrections.here()
    done = [one for one in every if one.status in ANSWERS]
    done.sort(key=lambda one: one.statement.time, reverse=True)
    waiting, sent = in_turn(every), node.corrections.sent()
    shown, pages = paged(visit, waiting, SHOWN)
    first = visit.page == 1
    return {
        "owed": _owed(node, visit, shown),
        "waiting": len(waiting),
        "late": sum(one.status == "overdue" for one in waiting),
        "pager": pages,
        "may_act": visit.session is not None,
        "answered": [
            {
                "title": f"{one.statement.type}/{one.statement.record}",
                "words": one.statement.words,
                "when": visit.when(one.statement.time),
                "state": words.CARE_LISTS[f"asked_{one.status}"],
                "good": one.status == "corrected",
            }
            for one in done[: SHOWN * first]
        ],
        "answered_rest": _rest(len(done)),
        "sent": _sent(node, visit, sent[: SHOWN * first]),
        "sent_rest": _rest(len(sent)),
    }


def _rest(total: int) -> Any:
    """What is said where not all is shown; "" where it is."""
    return render.say(words.DESK["last_shown"], shown=SHOWN, total=total) if total > SHOWN else ""


def _sent(node: "Node", visit: Visit, sent: Sequence[Sent]) -> list[dict[str, Any]]:
    """What clinicians here asked other places to correct, and whether the answer has come."""
    known = names(node)
    return [
        {
            "title": f"{known.get(one.statement.source, one.statement.source)}: {one.statement.type}",
            "words": one.statement.words,
            "state": render.say(words.DESK[f"sent_{one.status}"], when=visit.when(one.due)),
            "mood": {"settled": "good", "late": "good", "overdue": "bad"}.get(one.status, "wait"),
        }
        for one in sent
    ]


def in_turn(every: Iterable[Here]) -> list[Here]:
    """What waits for an answer: the most pressing of each who asks, then the second of each, so that whoever asks much
    stands before nobody else with all of it. A clinician's request is her organisation's."""

    def who(one: Here) -> str:
        act = one.statement.act
        return one.account if by_herself(one.statement) or act is None else act.organisation

    return taking_turns([one for one in every if one.status in ("open", "overdue")], who)


def owed(node: "Node", visit: Visit) -> tuple[list[dict[str, Any]], int]:
    """What waits for an answer here, as much of it as stands on one page, and how much there is."""
    waiting = in_turn(node.corrections.here())
    return _owed(node, visit, waiting[:SHOWN]), len(waiting)


def _owed(node: "Node", visit: Visit, open_: Sequence[Here]) -> list[dict[str, Any]]:
    column = store.person.c
    with node.store.read() as connection:
        chosen = sql.select(column.account, column.patient).where(column.account.in_([one.account for one in open_]))
        patients = {row.account: row.patient or "" for row in connection.execute(chosen)}
    return [
        {
            "id": one.id.hex(),
            "title": render.say(
                words.CARE_LISTS["asked_of"],
                record=f"{one.statement.type}/{one.statement.record}",
                patient=patients.get(one.account, ""),
            ),
            "words": one.statement.words,
            "proposed": one.statement.proposed,
            "until": render.say(
                words.CARE_LISTS["asked_late" if one.status == "overdue" else "asked_until"], when=visit.when(one.due)
            ),
            "late": one.status == "overdue",
            "hers": one.hers,
            "answers": [name for name in ANSWERS if name != "corrected" or one.newer is not None],
        }
        for one in open_
    ]


def answer(node: "Node", visit: Visit) -> None:
    """What somebody of the staff who is signed in answers: `correction` (hex), `answer`, `words`. Raises PageError."""
    require(visit, Who.CLINICIAN, Who.PRIVACY_OFFICER)
    kind = visit.form.get("answer", "")
    try:
        identifier = bytes.fromhex(visit.form.get("correction", ""))
    except ValueError:
        raise PageError(400, "form-unreadable") from None
    if kind not in ANSWERS:
        raise PageError(400, "form-unreadable")
    try:
        node.corrections.answer(identifier, kind, visit.form.get("words", ""))  # type: ignore[arg-type]
    except Refusal as error:
        raise PageError(400, error.code, error.sentence) from None
