"""What people ask about looks: about those of this place, which it answers, and about those of others here."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, get_args

import sqlalchemy as sql

from medrec.core.manifests.access import Denial
from medrec.core.manifests.dispute import AnswerKind
from medrec.node.keeping import store
from medrec.node.looks import answering, owing
from medrec.node.refusals import Refusal
from medrec.portal import render, words
from medrec.portal.page import Go, PageError, Visit
from medrec.portal.session import Who, require

if TYPE_CHECKING:
    from medrec.node.node import Node

SHOWN = 20
ANSWERS: tuple[str, ...] = get_args(AnswerKind)
DENIALS: tuple[str, ...] = get_args(Denial)


def values(node: "Node", visit: Visit, known: dict[str, str]) -> dict[str, Any]:
    """What the office's page shows of them, those that wait first; `known` names organisations."""
    about_us = answering.about_us(node)[:SHOWN]
    patients = _patients(node, [one.account for one in about_us])
    return {
        "ours": [
            {
                "id": one.id.hex(),
                "source": one.source,
                "sentence": render.say(words.QUESTIONS["ours"], place=known.get(one.source, one.source)),
                "patient": patients.get(one.account, ""),
                "words": one.words,
                "due": visit.when(one.due),
                "open": one.status == "open",
                "late": one.status == "open" and one.due < visit.now,
                "state": words.QUESTIONS.get(f"ours_{one.status}", words.QUESTIONS["over"]),
            }
            for one in about_us
        ],
        "theirs": [
            {
                "sentence": render.say(words.QUESTIONS["theirs"], place=known.get(one.requester, one.requester)),
                "due": visit.when(one.due) if one.due is not None else None,
                "open": one.status == "open",
                "late": one.status == "open" and one.due is not None and one.due < visit.now,
                "state": words.QUESTIONS.get(f"theirs_{one.status}", words.QUESTIONS["over"]),
            }
            for one in node.disputes.taken()[:SHOWN]
        ],
        "strange": [
            {
                "id": one.obligation.hex(),
                "source": one.creditor,
                "sentence": render.say(words.QUESTIONS["strange"], place=known.get(one.creditor, one.creditor)),
                "due": visit.when(one.due),
                "late": one.status == "overdue",
            }
            for one in owing.owed(node)
            if not one.known
        ][:SHOWN],
        "denials": DENIALS,
        "answers": ANSWERS,
        "may_answer": visit.session is not None,
    }


def _patients(node: "Node", accounts: list[str]) -> dict[str, str]:
    """The patient number here of each account that has one."""
    column = store.person.c
    with node.store.read() as connection:
        found = connection.execute(sql.select(column.account, column.patient).where(column.account.in_(accounts))).all()
    return {row.account: row.patient or "" for row in found}


def _chosen(visit: Visit, about: str, field: str, kinds: Collection[str]) -> tuple[bytes, Any]:
    """What a form is about (hex), and which of these it says of it. Raises PageError."""
    kind = visit.form.get(field, "")
    try:
        identifier = bytes.fromhex(visit.form[about])
    except ValueError:
        raise PageError(400, "form-unreadable") from None
    if kind not in kinds:
        raise PageError(400, "form-unreadable")
    return identifier, kind


def answer(node: "Node", visit: Visit) -> Go:
    """The officer's answer: form fields `source`, `question` (hex), `answer`, `words`. Raises PageError."""
    require(visit, Who.PRIVACY_OFFICER)
    identifier, kind = _chosen(visit, "question", "answer", ANSWERS)
    try:
        answering.answer(node, visit.form.get("source", ""), identifier, kind, visit.form.get("words", "").strip())
    except Refusal as refusal:
        raise PageError(400, refusal.code, refusal.sentence) from None
    return Go(visit.link("office"), "answered_question")


def deny(node: "Node", visit: Visit) -> Go:
    """The officer says that nothing is known here of what is owed: form fields `source`, `owed` (hex), `denial`.
    Raises PageError."""
    require(visit, Who.PRIVACY_OFFICER)
    obligation, kind = _chosen(visit, "owed", "denial", DENIALS)
    try:
        owing.deny(node, visit.form.get("source", ""), obligation, kind)
    except Refusal as refusal:
        raise PageError(400, refusal.code, refusal.sentence) from None
    return Go(visit.link("office"), "answered_question")
