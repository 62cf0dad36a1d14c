"""The front desk: a patient is linked on a code, likely matches are looked at, held-back records are decided.

Nothing about a patient stands in an address: which patient and what her papers say are fields of forms.
"""

import re
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from medrec.core.matching import Agreement, Comparison, Demographics
from medrec.node.account import paper
from medrec.node.right_person import desk, desk_hands, given_codes, holding, said_to_be_one, waiting_links
from medrec.node.right_person.contradicting import WHOLE
from medrec.node.right_person.desk import DeskCode
from medrec.node.right_person.link import CODE_LIFE_MS, LinkError
from medrec.node.right_person.matching import Candidate, Waiting
from medrec.node.right_person.said_to_be_one import MERGED, Said
from medrec.portal import render, words
from medrec.portal.page import Go, PageError, Shows, Visit

if TYPE_CHECKING:
    from medrec.node.node import Node

SHOWN = 20
"""So many requests and held records stand on the page at a time, the oldest first."""
FIELDS = ("patient", "family", "given", "birth", "agent")
MARKS: dict[Agreement, str] = {"agrees": "good", "nearly": "wait", "differs": "bad"}


def show(node: "Node", visit: Visit) -> dict[str, Any] | Go | Shows:
    """The values of desk.html. The form field `do` says what is done: link, same, differs, match, nobody, hers,
    another, apart; more: those who ask to be found are shown from the number `start` on, so that many hide nobody."""
    form = {name: value.strip() for name, value in visit.form.items()}
    if not form:
        return _room(node, visit, form)
    if form.get("do") == "more":
        start = int(form["start"]) if re.fullmatch("[0-9]{1,6}", form.get("start", "")) else 0
        return Shows(lambda visit: _room(node, visit, {}, start=start))
    if form.get("do") != "link":
        return _decide(node, visit, form)
    try:
        whose, agent = form.get("patient", ""), form.get("agent", "")
        looked = form.get("looked", "").split(",")
        code = desk.give_code(node, whose, _shown(form), agent, by_whom(visit), member_id(visit), looked)
    except LinkError as error:
        trouble = error
        return Shows(lambda visit: _room(node, visit, form, trouble=trouble))
    return Shows(lambda visit: _room(node, visit, {"agent": agent} if agent else {}, code))


def _room(
    node: "Node",
    visit: Visit,
    form: dict[str, str],
    code: DeskCode | None = None,
    trouble: LinkError | None = None,
    start: int = 0,
) -> dict[str, Any]:
    given_codes.end_unconfirmed(node)
    (queue, shut), held, charts = node.matching.all_waiting(), holding.waiting(node), said_to_be_one.waiting(node)
    return {
        "form": {name: form.get(name, "") for name in FIELDS},
        "code": code,
        # Made here, of the letters of the code and an address of the ledger.
        "picture": Markup(paper.qr_svg(code.address)) if code else "",  # noqa: S704
        "agents": [(one.id, one.name) for one in node.directory.active() if "agent" in one.roles and one.endpoint],
        "given": [_given(node, visit, one) for one in given_codes.lately(node)[:SHOWN]],
        "minutes": CODE_LIFE_MS // 60_000,
        "trouble": _trouble(trouble) if trouble is not None else None,
        "doubts": ",".join(trouble.fields) if isinstance(trouble, desk.DoubtfulError) else "",
        "asked": [_asked(node, visit, one) for one in queue[start : start + SHOWN]],
        "asked_total": len(queue),
        "asked_next": start + SHOWN if start + SHOWN < len(queue) else 0,
        "shut": shut,
        "held": [_held(visit, one) for one in held[:SHOWN]],
        "held_total": len(held),
        "charts": [_charts(found) for found in charts[:SHOWN]],
        "charts_total": len(charts),
    }


def by_whom(visit: Visit) -> str:
    """The name under which a decision is written down."""
    return visit.session.name if visit.session is not None else words.OFFICE["somebody"]


def member_id(visit: Visit) -> str:
    """The id of the visitor among the staff; "" for nobody."""
    return visit.session.staff if visit.session is not None else ""


def _shown(form: dict[str, str]) -> Demographics:
    return Demographics(form.get("family", "")[:200], form.get("given", "")[:200], form.get("birth", "")[:10])


def _trouble(error: LinkError) -> Any:
    """Why there is no code, in words; which fields contradict is said to the desk, who has the papers in hand."""
    if isinstance(error, desk.ContradictedError | desk.DoubtfulError):
        return render.say(words.DESK[error.code], fields=_fields([field.value for field in error.fields]))
    return words.DESK.get(error.code) or words.in_words(error.sentence)


def _fields(names: list[str]) -> Any:
    return render.listed([words.DESK_FIELDS.get(name, name) for name in names])


def _decide(node: "Node", visit: Visit, form: dict[str, str]) -> Go:
    what, by, said = form.get("do", ""), by_whom(visit), form.get("words", "")[:1000]
    try:
        if what == "match":
            request, whose = bytes.fromhex(form.get("request", "")), form.get("patient", "")
            if not node.matching.confirm(request, whose, by, member_id(visit)):
                return Go(visit.link("desk"), "second")
        elif what == "nobody":
            node.matching.refuse(bytes.fromhex(form.get("request", "")), by)
        elif what in ("same", "differs"):
            digest, same = bytes.fromhex(form.get("code", "")), what == "same"
            if same and not desk_hands.may_compare(node, digest, member_id(visit)):
                raise PageError(403, "desk-gone" if desk_hands.is_dead(node, digest) else "desk-second")
            # Her name stands there before anything is linked.
            desk_hands.compared(node, digest, same, by, member_id(visit))
            if not given_codes.decide(node, digest, same):
                raise PageError(400, "desk-over")
        elif what == "apart":
            if not said_to_be_one.are_two(node, form.get("linked", ""), form.get("other", ""), by):
                raise PageError(400, "desk-over")
        elif what in ("hers", "another"):
            if not said:
                raise PageError(400, "desk-words")
            decide = holding.let_go if what == "hers" else holding.give_up
            # Without the version that was looked at nothing is decided.
            version = form.get("version", "") or "none"
            if not decide(node, form.get("type", ""), form.get("record", ""), by, said, version):
                raise PageError(400, "desk-over")
        else:
            raise PageError(400, "form-unreadable")
    except ValueError:
        raise PageError(400, "form-unreadable") from None
    except LinkError:
        raise PageError(400, "desk-over") from None
    return Go(visit.link("desk"), "decided")


def _given(node: "Node", visit: Visit, one: given_codes.GivenCode) -> dict[str, Any]:
    state = "over" if one.state == given_codes.WAITING and one.expires < visit.now else one.state
    return {
        "id": one.digest.hex(),
        "patient": one.patient,
        "beside": render.listed(waiting_links.beside(node, one.digest)) if state == "linked" else "",
        "state": state,
        "kind": {
            "linked": "wait",
            "confirmed": "good",
            "contradicted": "bad",
            "expired": "bad",
            "second": "bad",
            "waiting": "calm",
        }.get(state, ""),
        "when": visit.when(one.time),
        "digits": f"{one.check[:3]} {one.check[3:]}",
        "dead": state == "linked" and desk_hands.is_dead(node, one.digest),
        "second": state == "linked" and not desk_hands.may_compare(node, one.digest, member_id(visit)),
    }


def _asked(node: "Node", visit: Visit, one: Waiting) -> dict[str, Any]:
    stated = one.stated
    return {
        "id": one.id.hex(),
        "name": f"{stated.given} {stated.family}".strip(),
        "birth": _date(stated.birth),
        "when": visit.when(one.time),
        "candidates": [_candidate(node, visit, one, found) for found in one.candidates],
    }


def _candidate(node: "Node", visit: Visit, one: Waiting, found: Candidate) -> dict[str, Any]:
    who, compared = found.who, found.comparison
    first = desk_hands.match_said_by(node, one.id, found.patient)
    may = desk_hands.may_compare(node, desk_hands.match_digest(one.id, found.patient), member_id(visit))
    return {
        "patient": found.patient,
        "said": "" if first is None else "other" if may else "mine",
        "name": f"{who.given} {who.family}".strip(),
        "birth": _date(who.birth),
        "likely": compared.verdict == "likely",
        "twin": compared.twin,
        "fields": _compared(compared),
    }


def _compared(compared: Comparison) -> list[dict[str, Any]]:
    return [
        {
            "kind": MARKS[agreement],
            "text": render.say(words.DESK[f"field_{agreement}"], field=words.DESK_FIELDS[field.value]),
        }
        for field, agreement in compared.fields
        if agreement != "missing"
    ]


def _charts(found: Said) -> dict[str, Any]:
    said = "one_merged" if found.kind in MERGED else "one_also"
    return {
        "linked": found.linked,
        "other": found.other,
        "said": render.say(words.DESK[said], linked=found.linked, other=found.other),
        "people": [
            (number, f"{who.given} {who.family}".strip(), _date(who.birth))
            for number, who in ((found.linked, found.who), (found.other, found.beside))
        ],
        "fields": _compared(found.comparison),
    }


def _date(written: str) -> Markup | str:
    """A date as the record writes it, from left to right in every language."""
    return Markup('<bdi dir="ltr">{}</bdi>').format(written) if written else ""


def _held(visit: Visit, one: holding.HeldBack) -> dict[str, Any]:
    whole = one.type == WHOLE
    return {
        "type": one.type,
        "record": one.id,
        "version": one.version,
        "title": words.record_type(one.type),
        "patient": one.patient,
        "when": visit.when(one.time),
        "fields": _fields(list(one.fields)),
        "why": words.DESK["held_whole" if whole else "held_one"],
    }
