"""Referrals that this place sent: to whom, whether they are there, and whether the other side has answered for them."""

from typing import TYPE_CHECKING, Any

import sqlalchemy as sql

from medrec.core import state
from medrec.node.keeping import store
from medrec.node.refusals import Refusal
from medrec.node.release.practitioners import Practitioner
from medrec.portal import render, words
from medrec.portal.page import Visit

if TYPE_CHECKING:
    from medrec.node.node import Node

SHOWN = 20
MOODS = {"delivered": "good", "waiting": "wait", "stopped": "bad", "refused": "bad"}
ANSWERED = {"settled": "good", "late": "good", "open": "wait", "overdue": "bad"}


def sent(node: "Node", visit: Visit, known: dict[str, str]) -> list[dict[str, Any]]:
    """What was sent, newest first; `known` names organisations."""
    rows = node.referrals.sent()[:SHOWN]
    column = store.person.c
    with node.store.read() as connection, node.engine.view() as view:
        chosen = sql.select(column.account, column.patient).where(column.account.in_([row.account for row in rows]))
        patients = {row.account: row.patient or "" for row in connection.execute(chosen)}
        owed = [
            state.read(view, state.obligation_key(node.organisation, row.obligation), state.Obligation) for row in rows
        ]
    found = []
    for row, duty in zip(rows, owed, strict=True):
        state_of = "on_the_way" if row.status == "waiting" and not row.trouble else row.status
        answered = None
        if duty is not None and row.status in ("delivered", "waiting"):
            text = render.say(words.REFERRALS[f"answer_{duty.status}"], when=visit.when(duty.due))
            answered = {"text": text, "mood": ANSWERED[duty.status]}
        found.append(
            {
                "sentence": render.say(
                    words.REFERRALS["sent"],
                    patient=patients.get(row.account, ""),
                    place=known.get(row.recipient, row.recipient),
                ),
                "when": visit.when(row.time),
                "mood": MOODS.get(row.status, "wait"),
                "state": render.say(words.REFERRALS[state_of], when=visit.when(row.due)),
                "trouble": words.in_words(row.trouble) if row.status != "delivered" else "",
                "answered": answered,
            }
        )
    return found


def refer(node: "Node", account: str, who: Practitioner, form: dict[str, str]) -> Refusal | None:
    """Refer somebody with what she permits the other place to see: `refer` names it, `words` say why. Why not, if
    not."""
    try:
        node.referrals.refer(account, form["refer"], practitioner=who, reason=form.get("words", ""))
    except Refusal as refusal:
        return refusal
    return None


def told(refusal: Refusal | None, place: str) -> dict[str, Any]:
    """What came of it as a sentence, and whether it is good: on a refusal the form keeps what was typed."""
    if refusal is not None:
        return {"good": False, "sentence": words.why_not(refusal.code, refusal.sentence)}
    return {"good": True, "sentence": render.say(words.REFERRALS["done"], place=place)}
