"""Looks at a person's records in plain words: given out, refused, and told by one side only."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from medrec.core import state
from medrec.node.agent.agent import Notice
from medrec.node.ledger.on_ledger import block_of
from medrec.node.looks.looks import EMERGENCY
from medrec.node.release.emergency import is_late
from medrec.portal import person, render, words
from medrec.portal.page import Visit

if TYPE_CHECKING:
    from medrec.node.node import Node


def asker(statement: Any, names: dict[str, str]) -> Markup:
    """Who asked, or sent it on: the person at the organisation that answers for the name, or that alone where no person
    is named."""
    request = statement.request
    house = request.vouched_by(statement.organisation)
    organisation = names.get(house, house)
    if request.practitioner.strip() and request.practitioner.strip() != organisation:
        return render.say(words.LOOKS["person_of"], person=request.practitioner, organisation=organisation)
    return render.foreign(organisation)


def reasons(request: Any) -> list[Markup]:
    """Purpose and reason of a request."""
    found = [render.say(words.LOOKS["purpose"], purpose=words.PURPOSES.get(request.purpose, request.purpose))]
    if request.reason.strip():
        found.append(render.say(words.LOOKS["why"], reason=request.reason))
    return found


def why_not(code: str, own_words: bool = True) -> Markup:
    """The reason of a refusal: in words for the person, or in the node's own for its staff."""
    if own_words:
        sentence = words.REFUSALS.get(code, words.OTHERWISE["refusal"])
    else:
        sentence = words.WHY_NOT.get(code, words.OTHERWISE["refusal"])
    return render.say(words.LOOKS["no"], reason=Markup("{}").format(sentence))


def of_person(node: "Node", visit: Visit, names: dict[str, str], notices: list[Notice]) -> list[dict[str, Any]]:
    """Every look, newest first.

    The recipient's half joins the source's; alone, it is a look told by one side. A disclosure that was written down
    and then stopped appears as its refusal only.
    """
    known = [notice for notice in notices if notice.manifest is not None]
    given = {_pair(notice) for notice in known if notice.kind == "disclosure/1"}
    stopped = {_pair(notice) for notice in known if notice.kind == "refusal/1"}
    answers = {_answers(notice): notice.manifest.outcome for notice in known if notice.kind == "disclosure-received/1"}
    answers |= {_answers(notice): notice.manifest.kind for notice in known if notice.kind == "owed-denied/1"}
    reviews = _reviews(node, known)
    found = []
    with node.engine.view() as view:
        for notice in known:
            if notice.kind == "disclosure/1":
                if _pair(notice) not in stopped:
                    item = _given(visit, names, notice, view, answers.get(_pair(notice)))
                    item["more"] += _late(node, visit, notice)
                    found.append(item)
            elif notice.kind != "owed-denied/1" and (
                notice.kind != "disclosure-received/1" or _answers(notice) not in given
            ):
                item = _SAYS[notice.kind](visit, names, notice)
                if notice.kind == "emergency/1":
                    item["more"] += _late(node, visit, notice)
                    item["more"].append(_review(visit, names, notice, view, reviews.get(_pair(notice))))
                found.append(item)
    return found


def _pair(notice: Notice) -> tuple[str, str | None]:
    """What the two halves of a disclosure, and its stop, have in common."""
    return notice.manifest.organisation, notice.manifest.obligation


def _answers(notice: Notice) -> tuple[str, str]:
    """The same of what a recipient says."""
    return notice.manifest.source, notice.manifest.obligation


def answered(view: Any, organisation: str, obligation: str, anchored: bool) -> str:
    """How the ledger says that the other half stands: open, settled, overdue, late; unanchored while the source's line
    is not there, not-owed where it is and the ledger took no more of it."""
    key = state.obligation_key(organisation, bytes.fromhex(obligation))
    owed = state.read(view, key, state.Obligation)
    missing = "not-owed" if anchored else "unanchored"
    return owed.status if owed is not None else missing


def _item(visit: Visit, notice: Notice, sentence: Markup, outcome: str, *more: Markup) -> dict[str, Any]:
    """A look as a page shows it: beside its sentence when and `why`, in one line, and `more`, a line for each."""
    request = getattr(notice.manifest, "request", None)
    return {
        "when": visit.when(notice.time),
        "why": reasons(request) if hasattr(request, "purpose") else [],
        "anchored": notice.height is not None,
        "notice": notice,
        "sentence": sentence,
        "outcome": outcome,
        "more": list(more),
        "person": bool(getattr(request, "practitioner", "").strip()),
    }


def _one_sided(visit: Visit, names: dict[str, str], notice: Notice) -> dict[str, Any]:
    statement = notice.manifest
    who = names.get(statement.organisation, statement.organisation)
    source = names.get(statement.source, statement.source)
    what = render.kinds_of([record.type for record in statement.records])
    text = words.LOOKS["oneside" if statement.outcome == "received" else "oneside_" + statement.outcome]
    return _item(visit, notice, render.say(text, who=who, what=what, source=source), "check")


def _inside(visit: Visit, names: dict[str, str], notice: Notice) -> dict[str, Any]:
    request = notice.manifest.request
    source = names.get(notice.manifest.organisation, notice.manifest.organisation)
    who = render.foreign(request.practitioner)
    sentence = render.say(words.LOOKS["inside"], who=who, source=source)
    return _item(visit, notice, sentence, "given")


def _emergency(visit: Visit, names: dict[str, str], notice: Notice) -> dict[str, Any]:
    statement = notice.manifest
    who = asker(statement, names)
    source = names.get(statement.organisation, statement.organisation)
    until = visit.when(statement.until)
    sentence = render.say(words.LOOKS["declared"], who=who, source=source, until=until)
    return _item(visit, notice, sentence, "given")


def _reviews(node: "Node", known: Sequence[Notice]) -> dict[tuple[str, str | None], Any]:
    """What somebody else of their house found about emergencies among these, by place and obligation: the newest."""
    account = next((notice.account for notice in known if notice.kind == "emergency/1"), None)
    told = person.every(node, account, ("emergency-reviewed/1",)) if account is not None else []
    return {_pair(notice): notice.manifest for notice in reversed(told) if notice.manifest is not None}


def _review(visit: Visit, names: dict[str, str], notice: Notice, view: Any, found: Any) -> Markup:
    """What came of the review of an emergency, or until when it is owed."""
    statement = notice.manifest
    owed = answered(view, statement.organisation, statement.obligation, notice.height is not None)
    status = "review_" + (owed if found is None else found.outcome)
    said = found.words if found is not None else ""
    requester = names.get(statement.request.requester, statement.request.requester)
    text = words.LOOKS[status] if status in words.LOOKS else words.LOOKS[owed]
    return render.say(text, organisation=requester, words=said, due=visit.when(statement.due))


def _refused(visit: Visit, names: dict[str, str], notice: Notice) -> dict[str, Any]:
    statement = notice.manifest
    source = names.get(statement.organisation, statement.organisation)
    place = names.get(statement.request.requester, statement.request.requester)
    text = words.LOOKS["sent_not" if statement.request.door == "push" else "refused"]
    sentence = render.say(text, who=asker(statement, names), source=source, place=place)
    return _item(visit, notice, sentence, "not_given", why_not(statement.code))


_SAYS: dict[str, Callable[[Visit, dict[str, str], Notice], dict[str, Any]]] = {
    "disclosure-received/1": _one_sided,
    "own-look/1": _inside,
    "emergency/1": _emergency,
    "refusal/1": _refused,
}
"""How each kind of node.looks.kinds.LOOKS is said, but for what was given: that needs the ledger."""


def _late(node: "Node", visit: Visit, notice: Notice) -> list[Markup]:
    """That a look came on the ledger late, where it did: an emergency is not refused where the ledger is away."""
    block = block_of(node, notice.height) if notice.height is not None else None
    if notice.manifest.request.purpose not in EMERGENCY or block is None:
        return []
    late = is_late(notice.time, block.block.time)
    return [render.say(words.LOOKS["late_line"], when=visit.when(block.block.time))] if late else []


def _given(visit: Visit, names: dict[str, str], notice: Notice, view: Any, outcome: str | None) -> dict[str, Any]:
    statement = notice.manifest
    request = statement.request
    requester = names.get(request.requester, request.requester)
    source = names.get(statement.organisation, statement.organisation)
    what = render.kinds_of([record.type for record in statement.records])
    text = words.LOOKS["sent" if request.door == "push" else "gave"]
    sentence = render.say(text, who=asker(statement, names), what=what, source=source, place=requester)
    owed = answered(view, statement.organisation, statement.obligation, notice.height is not None)
    status = "answer_" + outcome if outcome and owed != "not-owed" else owed
    more = [*in_part(statement.records), render.say(words.LOOKS[status], organisation=requester)]
    if statement.basis is not None and statement.basis.doubted:
        more.append(render.say(words.LOOKS["doubted"]))
    return _item(visit, notice, sentence, "given", *more)


def in_part(records: Sequence[Any]) -> list[Markup]:
    """That some of what was given out was cut, where some was."""
    cut = sum(record.part is not None and record.part.how == "cut" for record in records)
    return [render.say(words.LOOKS["in_part"], count=cut)] if cut else []
