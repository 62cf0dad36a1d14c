"""Looks at a person's records in plain words: given out, refused, and told by one side only."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from medrec.core import state
from medrec.node.agent.agent import Notice
from medrec.node.ledger.on_ledger import block_of
from medrec.node.looks.halves import in_order
from medrec.node.looks.handed_on import REVIEWS, Word, words_of
from medrec.node.looks.look_parts import Parts, gathered
from medrec.node.looks.looks import EMERGENCY, LATE_MS
from medrec.node.release.emergency import is_late
from medrec.portal import person, render, words
from medrec.portal.page import Visit

if TYPE_CHECKING:
    from medrec.node.node import Node


SETTLED = ("settled", "late")
"""What the ledger says of what is answered for."""


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


def how_often(visit: Visit, statement: Any) -> list[Markup]:
    """That a line stands for many refusals, where it does: how many, and when the last was."""
    if not statement.more:
        return []
    return [render.say(words.LOOKS["refused_more"], count=statement.more, when=visit.when(statement.time))]


def of_person(node: "Node", visit: Visit, names: dict[str, str], notices: list[Notice]) -> list[dict[str, Any]]:
    """Every look, by the one rule of what makes it up (node.looks.look_parts), newest first.

    A disclosure that was written down and then stopped appears as its refusal only, once the requester says so, too.
    What does not fit with the rest of a look stands beside it.
    """
    known = [notice for notice in notices if notice.manifest is not None]
    reviews = _reviews(node, known)
    found = []
    with node.engine.view() as view:
        for parts in gathered(in_order(known)):
            notice, word = parts.shown, None
            item = _SAYS[notice.kind](visit, names, notice)
            if parts.given is not None and parts.given.kind == "disclosure/1":
                item["more"] += _halves(names, parts, view)
            item["more"] += _late(node, visit, notice)
            if notice.kind == "emergency/1":
                said = notice.manifest
                word = reviews.get((said.organisation, said.request.requester, said.obligation))
                item["more"] += _review(visit, names, notice, view, word)
            if parts.taken_back:
                item |= {"outcome": "check", "more": [*item["more"], _taken_back(names, parts)]}
            doubtful = parts.doubtful or (word is not None and bool(word.against))
            found.append(item | {"doubtful": doubtful, "more": item["more"] + _doubts(visit, names, parts)})
    return sorted(found, key=lambda item: -item["notice"].time)


def _halves(names: dict[str, str], parts: Parts, view: Any) -> list[Markup]:
    """What the requester says of what was written down as given, and the ledger's own word beside it."""
    statement = parts.given.manifest
    requester = names.get(statement.request.requester, statement.request.requester)
    owed = answered(view, statement, parts.given.height is not None)
    if parts.unfit:
        # Under that number stands another look.
        return [render.say(words.LOOKS["not-owed"], organisation=requester)]
    # Nobody waits for a half where none is owed.
    heard = parts.received is not None and owed != "not-owed"
    said = ["answer_" + parts.received.manifest.outcome] if heard else []
    if parts.asked is not None:
        said = ["answer_viewed"]
    if parts.received is None and parts.denied is not None and owed in SETTLED:
        said = ["answer_" + parts.denied.manifest.kind]
    # Settled is what it says on the ledger for a half that is here to be read.
    told = said if said and owed == "settled" else [*said, owed]
    return [render.say(words.LOOKS[name], organisation=requester) for name in told]


def _taken_back(names: dict[str, str], parts: Parts) -> Markup:
    """That the source says that it did not send what it wrote down as given, and the requester has not said which."""
    source, requester = parts.given.organisation, parts.given.manifest.request.requester
    told = {"organisation": names.get(source, source), "requester": names.get(requester, requester)}
    return render.say(words.LOOKS["taken_back" if parts.asked is None else "taken_back_page"], **told)


def _doubts(visit: Visit, names: dict[str, str], parts: Parts) -> list[Markup]:
    """What was told of a look and does not fit together."""
    place = names.get(parts.shown.manifest.organisation, parts.shown.manifest.organisation)
    found = [render.say(words.LOOKS["unfit"], organisation=place)] if parts.unfit else []
    for line in parts.contrary:
        teller = names.get(line.organisation, line.organisation)
        if line.kind == "owed-denied/1":
            requester = names.get(line.manifest.requester, line.manifest.requester)
            said = render.say(words.LOOKS["answer_" + line.manifest.kind], organisation=requester)
        else:
            said = _SAYS[line.kind](visit, names, line)["sentence"]
        found.append(render.say(words.LOOKS["contrary"], organisation=teller, sentence=said))
    return found


def answered(view: Any, statement: Any, anchored: bool) -> str:
    """How the ledger says that the requester's half of what a source wrote down stands: open, settled, overdue, late;
    unanchored while that line is not there, not-owed where it is and the requester owes nothing for it."""
    requester = statement.request.requester
    owed = state.owed_by(view, statement.organisation, bytes.fromhex(statement.obligation), requester)
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


def _reviews(node: "Node", known: Sequence[Notice]) -> dict[tuple[str, str, str], Word]:
    """What somebody else of their house found about emergencies among these, by source, requester and obligation."""
    account = next((notice.account for notice in known if notice.kind == "emergency/1"), None)
    return words_of(person.every(node, account, REVIEWS)) if account is not None else {}


def _review(visit: Visit, names: dict[str, str], notice: Notice, view: Any, word: Word | None) -> list[Markup]:
    """What came of the review of an emergency, or until when it is owed; and what says something else of it."""
    statement = notice.manifest
    owed = answered(view, statement, notice.height is not None)
    requester = names.get(statement.request.requester, statement.request.requester)
    # That there was one at all says the ledger.
    if word is None or owed not in SETTLED:
        text = words.LOOKS["review_" + owed if "review_" + owed in words.LOOKS else owed]
        return [render.say(text, organisation=requester, due=visit.when(statement.due))]

    def sentence(said: Any) -> Markup:
        return render.say(words.LOOKS["review_" + said.outcome], organisation=requester, words=said.words)

    source = names.get(statement.organisation, statement.organisation)
    counts = sentence(word.said)
    against = [(names.get(said.organisation, said.organisation), sentence(said)) for said in word.against]
    return [
        counts if word.own else render.say(words.LOOKS["according"], organisation=source, sentence=counts),
        *(render.say(words.LOOKS["contrary"], organisation=teller, sentence=text) for teller, text in against),
    ]


def _refused(visit: Visit, names: dict[str, str], notice: Notice) -> dict[str, Any]:
    statement = notice.manifest
    source = names.get(statement.organisation, statement.organisation)
    place = names.get(statement.request.requester, statement.request.requester)
    text = words.LOOKS["sent_not" if statement.request.door == "push" else "refused"]
    sentence = render.say(text, who=asker(statement, names), source=source, place=place)
    return _item(visit, notice, sentence, "not_given", why_not(statement.code), *how_often(visit, statement))


def _late(node: "Node", visit: Visit, notice: Notice) -> list[Markup]:
    """That a look came on the ledger late, where it did: an emergency is not refused where the ledger is away, and when
    a line was written its author says as it likes."""
    request = getattr(notice.manifest, "request", None)
    came_at_once = (notice.received or 0) - notice.time <= LATE_MS
    if came_at_once and getattr(request, "purpose", "") not in EMERGENCY:
        return []
    block = block_of(node, notice.height) if notice.height is not None else None
    if block is None:
        return []
    late = is_late(notice.time, block.block.time)
    return [render.say(words.LOOKS["late_line"], when=visit.when(block.block.time))] if late else []


def _given(visit: Visit, names: dict[str, str], notice: Notice) -> dict[str, Any]:
    statement = notice.manifest
    request = statement.request
    requester = names.get(request.requester, request.requester)
    source = names.get(statement.organisation, statement.organisation)
    what = render.kinds_of([record.type for record in statement.records])
    text = words.LOOKS["sent" if request.door == "push" else "gave"]
    sentence = render.say(text, who=asker(statement, names), what=what, source=source, place=requester)
    more = in_part(statement.records)
    if statement.basis is not None and statement.basis.doubted:
        more.append(render.say(words.LOOKS["doubted"]))
    return _item(visit, notice, sentence, "given", *more)


def in_part(records: Sequence[Any]) -> list[Markup]:
    """That some of what was given out was cut, where some was."""
    cut = sum(record.part is not None and record.part.how == "cut" for record in records)
    return [render.say(words.LOOKS["in_part"], count=cut)] if cut else []


_SAYS: dict[str, Callable[[Visit, dict[str, str], Notice], dict[str, Any]]] = {
    "disclosure/1": _given,
    "disclosure-received/1": _one_sided,
    "own-look/1": _inside,
    "emergency/1": _emergency,
    "refusal/1": _refused,
}
"""How each kind of node.looks.kinds.LOOKS is said."""
