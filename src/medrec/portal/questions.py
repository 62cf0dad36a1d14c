"""What people ask about looks: about those of this place, which it answers, and about those of others here."""

import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, get_args

import sqlalchemy as sql

from medrec.core.manifests.access import Denial
from medrec.core.manifests.dispute import AnswerKind
from medrec.node.keeping import store
from medrec.node.looks import answering, owing
from medrec.node.looks.disputes import Taken
from medrec.node.refusals import Refusal
from medrec.portal import render, words
from medrec.portal.page import Go, PageError, Visit, paged, taking_turns
from medrec.portal.session import Who, require

if TYPE_CHECKING:
    from medrec.node.node import Node

SHOWN = 20
ANSWERS: tuple[str, ...] = get_args(AnswerKind)
DENIALS: tuple[str, ...] = get_args(Denial)


def values(node: "Node", visit: Visit, known: dict[str, str]) -> dict[str, Any]:
    """What the office's page shows of them, what waits first and whoever asks in turn; `known` names organisations.

    They have pages of their own, by the parameter `questions`: who asks much keeps nobody else's from the officer.
    """
    told = visit.query.get("questions", "")
    own = visit._replace(page=max(1, int(told)) if re.fullmatch("[0-9]{1,6}", told) else 1)
    shown, pages = paged(own, _every(node), SHOWN)
    about_us = [one for one in shown if isinstance(one, answering.AboutUs)]
    taken = [one for one in shown if isinstance(one, Taken)]
    strange = [one for one in shown if isinstance(one, owing.Owed)]
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
            for one in taken
        ],
        "strange": [
            {
                "id": one.obligation.hex(),
                "source": one.creditor,
                "sentence": render.say(words.QUESTIONS["strange"], place=known.get(one.creditor, one.creditor)),
                "due": visit.when(one.due),
                "late": one.status == "overdue",
            }
            for one in strange
        ],
        "pager": pages,
        "denials": DENIALS,
        "answers": ANSWERS,
        "may_answer": visit.session is not None,
    }


def _every(node: "Node") -> list[answering.AboutUs | owing.Owed | Taken]:
    """All of them, what is to be answered here first: of each person the most pressing question about a look of this
    place, then the second of each; of each place what nobody here knows of; what others owe; then what is over."""
    about_us, taken = answering.about_us(node), node.disputes.taken()
    return [
        *taking_turns([one for one in about_us if one.status == "open"], lambda one: one.account),
        *taking_turns([one for one in owing.owed(node) if not one.known], lambda one: one.creditor),
        *taking_turns([one for one in taken if one.status == "open"], lambda one: one.account),
        *(one for one in about_us if one.status != "open"),
        *(one for one in taken if one.status != "open"),
    ]


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
