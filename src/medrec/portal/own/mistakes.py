"""What is wrong: a line of the record that its place has to correct, and a look that its looker has to answer for.

Both are statements that the person's own key signs, on the page where everything of hers is signed; both wait for an
answer that comes back to her.
"""

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
from markupsafe import Markup

from medrec.core import codec, manifests, state
from medrec.core.manifests.access import DisclosureManifest, ReceivedManifest
from medrec.core.manifests.correction import CLAIMED, WORDS_KINDS, Claim
from medrec.core.manifests.correction import statement_message as correction_message
from medrec.core.manifests.dispute import DisputeManifest, Statement, owed_for
from medrec.core.manifests.dispute import statement_message as dispute_message
from medrec.core.manifests.record import RecordManifest
from medrec.core.signs import kinds
from medrec.node.corrections.corrections_shown import Asked
from medrec.node.looks import disputing
from medrec.node.looks.handed_on import ANSWERS, OWN, Word, words_of
from medrec.node.looks.looks import Look
from medrec.node.right_person.contradicting import WHOLE
from medrec.portal import evidence, person, render, words
from medrec.portal.acting import called, require_right
from medrec.portal.line import TAG
from medrec.portal.own.acts import Act, Part, Signer, begun, signer
from medrec.portal.own.entries import plain_of
from medrec.portal.own.whose import Whose, kinds_of, whose
from medrec.portal.page import Go, PageError, Visit, paged

if TYPE_CHECKING:
    from medrec.node.node import Node

WORDS_LENGTH_MAX, DISPUTE_LENGTH_MAX = 2000, 1000
LINES = 20


def show(node: "Node", visit: Visit) -> Any:
    """The values of own/corrections.html; `line` (hex) is the line that is wrong, `words` and `proposed` say how."""
    who, kinds = whose(node, visit, heeds_kinds=True), kinds_of(visit)
    tag = visit.form.get("line") or visit.query.get("line", "")
    manifest = _record(node, who, tag) if tag else None
    if manifest is not None and kinds and manifest.record.type not in kinds:
        raise PageError(404, "unknown-line")
    if visit.form:
        if manifest is None:
            raise PageError(404, "unknown-line")
        if visit.form.get("claim"):
            return _claim(node, visit, who, manifest, bytes.fromhex(tag))
        return _ask(node, visit, who, manifest, bytes.fromhex(tag))
    asked = [one for one in node.corrections.asked(who.account) if not kinds or one.type in kinds]
    shown, pages = paged(visit, asked, LINES)
    return {
        "handle": who.handle,
        "line": tag,
        "about": _about(who, manifest) if manifest is not None else None,
        "rows": [
            {
                "id": one.id.hex(),
                "about": render.say(
                    words.MISTAKES["about"], kind=words.record_type(one.type), place=who.place(one.source)
                ),
                "words": one.words,
                "proposed": one.proposed,
                "when": visit.when(one.time),
                "due": visit.when(one.due),
                "taken": one.taken,
                "status": one.status,
                "answer": one.answer,
                "later": [answer.words for answer in one.later],
                "change": _change(visit, who, one),
            }
            for one in shown
        ],
        "pager": pages,
    }


def _change(visit: Visit, who: Whose, asked: Asked) -> dict[str, Any] | None:
    """What a correction changed, in the words of both versions where they are here, and where the new one stands."""
    if asked.change is None:
        return None
    before, after, tag = asked.change
    found: dict[str, Any] = {"link": visit.link("line", person=who.handle, tag=tag.hex()), "now": "", "again": ""}
    if asked.status in ("unchanged", "back"):
        found["again"] = visit.link("mistakes", person=who.handle) + f"?line={tag.hex()}"
    said = [plain_of(asked.type, content) if content else "" for content in (before, after)]
    if all(said):
        found |= {"before": said[0], "now": said[1], "same": said[0] == said[1]}
    return found


def may_correct(node: "Node", manifest: Any) -> bool:
    """Whether a line is a record of another place, which can be asked to correct it."""
    return isinstance(manifest, RecordManifest) and manifest.organisation != node.organisation


def dispute(node: "Node", visit: Visit, who: Whose, look: Look) -> Go:
    """Begin the act of disputing a look: it stops everything to the looker, and the looker has to answer. With the form
    field `settled` (the id of a dispute with the same looker) that one is closed, and they get again what she allows.
    """
    signs = _herself(node, visit, who)
    if "settled" in visit.form:
        return _settle(node, visit, who, look, signs)
    tag = look.given or look.received
    stated = _opened(node, who, tag) if tag is not None else None
    obligation = stated.obligation if isinstance(stated, DisclosureManifest | ReceivedManifest) else None
    told = visit.form.get("words", "").strip()
    if len(told) > DISPUTE_LENGTH_MAX:
        raise PageError(413, "form-too-large")
    raised = disputing.draft(
        node, who.account, look.requester, look.source, signs.key, obligation=obligation, words=told
    )

    def then() -> None:
        if node.looks is not None and look.answer != "wrong":
            # To dispute a look is to say that it was wrong: nobody has to say so twice.
            node.looks.answer(who.account, look.pair, "wrong")

    names = {"requester": who.place(look.requester), "source": who.place(look.source)}
    sentences = [render.say(words.MISTAKES["dispute_sentence"], **names)]
    if told:
        sentences.append(render.say(words.MISTAKES["your_words"], words=told))
    changes = [render.say(words.MISTAKES[name], **names) for name in ("dispute_stops", "dispute_owes")]
    part = _dispute_part(node, raised, then)
    return _begin(node, visit, who, Act(who.account, sentences, changes, (part,), signs.key, "looked", "disputed"))


def _settle(node: "Node", visit: Visit, who: Whose, look: Look, signs: Signer) -> Go:
    mine = {one["id"]: one for one in disputes_of(node, who, look) if one["open"]}
    found = mine.get(visit.form.get("settled", ""))
    if found is None:
        raise PageError(404, "not-found")
    closing, place = bytes.fromhex(found["id"]), who.place(look.requester)
    stated = disputing.draft(node, who.account, look.requester, found["source"], signs.key, closing=closing)
    told = [render.say(words.MISTAKES["settle_sentence"], requester=place)]
    changes = [render.say(words.MISTAKES["settle_opens"], requester=place)]
    act = Act(who.account, told, changes, (_dispute_part(node, stated),), signs.key, "looked", "settled")
    return _begin(node, visit, who, act)


def _dispute_part(node: "Node", stated: Statement, then: Callable[[], None] | None = None) -> Part:
    value = msgspec.to_builtins(stated)
    del value["signature"]

    def finish(proof: bytes) -> None:
        raised = disputing.send(node, msgspec.structs.replace(stated, signature=proof.hex()))
        if raised.refused and not raised.taken and not raised.waiting:
            raise PageError(409, "not-taken", next(iter(raised.refused.values())))
        if then is not None:
            then()

    return Part("medrec/dispute/1", codec.encode_json(value), dispute_message(stated), finish)


def disputes_of(node: "Node", who: Whose, look: Look) -> list[dict[str, Any]]:
    """What the person said of a look and its looker, the answers that have come, and whether it is open still."""
    lines = person.every(node, who.account, ("dispute/1",))
    told = [one.manifest for one in lines]
    closed, gone = disputing.closed_by(node, who.account, lines)
    unheard = disputing.unheard(node, who.account, lines)
    answers = words_of(person.every(node, who.account, ANSWERS))
    said = [one.statement for one in told if isinstance(one, DisputeManifest)]
    found: dict[str, dict[str, Any]] = {}
    for one in said:
        if one.requester == look.requester and one.action == "open":
            answer = answers.get((one.source, one.requester, one.id))
            row = {"id": one.id, "source": one.source, "words": one.words, "open": one.id not in closed}
            # Not before the ledger has it that the requester answered.
            row |= _answer(who, answer if _has_answered(node, one) else None)
            silent = render.listed([who.place(place) for place in unheard[one.id]])
            row["unheard"] = render.say(words.MISTAKES["unheard"], places=silent) if row["open"] and silent else None
            row["gone"] = None
            if row["open"] and one.id in gone:
                place = who.place(gone[one.id].organisation)
                row["gone"] = render.say(words.MISTAKES["closed_gone"], place=place)
            found.setdefault(one.id, row)
    return list(found.values())


def _answer(who: Whose, answer: Word | None) -> dict[str, Any]:
    """What the requester answered by its own line, or what the source says of that; and what says something else."""
    if answer is None:
        return {"kind": "", "answer": "", "against": []}

    def kind(said: Any) -> Markup:
        told = "answer_" if said.manifest in OWN else "told_"
        return render.say(words.MISTAKES[told + said.kind], source=who.place(said.organisation))

    against = [
        render.say(
            words.LOOKS["contrary"], organisation=who.place(said.organisation), sentence=_sentence(kind(said), said)
        )
        for said in answer.against
    ]
    return {"kind": kind(answer.said), "answer": answer.said.words, "against": against}


def _sentence(kind: Markup, said: Any) -> Markup:
    return Markup("{} {}").format(kind, render.foreign(said.words))


def _has_answered(node: "Node", said: Statement) -> bool:
    """Whether the ledger has it that the requester answered for what she said."""
    owed = owed_for(said.source, said.requester, bytes.fromhex(said.id))
    with node.engine.view() as view:
        found = state.owed_by(view, said.source, owed, said.requester)
    return found is not None and not found.unsettled


def _ask(node: "Node", visit: Visit, who: Whose, manifest: RecordManifest, tag: bytes) -> Go:
    signs = signer(node, visit, who)
    by = ""
    if visit.session is not None:
        held = require_right(node, visit.session, "correct", manifest.record.type)
        by = called(held, visit.session) if held is not None else ""
    told, proposed = (visit.form.get(name, "").strip() for name in ("words", "proposed"))
    if kinds(told) < WORDS_KINDS:
        raise PageError(400, "say-what-is-wrong")
    if max(len(told), len(proposed)) > WORDS_LENGTH_MAX:
        raise PageError(413, "form-too-large")
    part = _part(node, who, manifest, tag, signs, told, proposed, by=by)
    sentences = [_about(who, manifest), render.say(words.MISTAKES["wrong_is"], words=told)]
    if proposed:
        sentences.append(render.say(words.MISTAKES["right_is"], words=proposed))
    changes = [render.say(words.MISTAKES["asks"], place=who.place(manifest.organisation))]
    return _begin(node, visit, who, Act(who.account, sentences, changes, (part,), signs.key, "mistakes", "asked"))


def _claim(node: "Node", visit: Visit, who: Whose, manifest: RecordManifest, tag: bytes) -> Go:
    """Begin the act by which she says that a record is not about her, or that it is after all."""
    claim = visit.form["claim"]
    if claim not in CLAIMED or manifest.record.type == WHOLE:
        raise PageError(400, "form-unreadable")
    signs, place = _herself(node, visit, who), who.place(manifest.organisation)
    part = _part(node, who, manifest, tag, signs, CLAIMED[claim], claim=claim)
    name = {"not-mine": "not_mine", "mine": "mine"}[claim]
    sentences = [_about(who, manifest), render.say(words.MISTAKES[f"{name}_sentence"])]
    changes = [render.say(words.MISTAKES[f"{name}_{what}"], place=place) for what in ("lists", "place")]
    if claim == "mine" and len(part.contents) == 1:
        changes.append(render.say(words.MISTAKES["mine_unread"], place=place))
    return _begin(node, visit, who, Act(who.account, sentences, changes, (part,), signs.key, "lists", "asked"))


def _part(
    node: "Node",
    who: Whose,
    manifest: RecordManifest,
    tag: bytes,
    signs: Signer,
    told: str,
    proposed: str = "",
    claim: Claim | None = None,
    by: str = "",
) -> Part:
    """What is signed of a request, with what the record says before her eyes."""
    record, digest = manifest.record, hashlib.sha256(evidence.manifest_of(node, who.account, tag)).hexdigest()
    version = (manifest.organisation, record.type, record.id, digest)
    stated = node.corrections.draft(who.account, *version, told, proposed, signs.key, signs.acting, claim)
    value = msgspec.to_builtins(stated)
    for name in ("signature", "act"):
        value.pop(name, None)

    def finish(proof: bytes) -> None:
        node.corrections.ask(msgspec.structs.replace(stated, signature=proof.hex()), by)

    texts = evidence.texts_behind(node, who.account, [tag])
    if not texts and claim == "mine":
        # She has read it when she said that it is not about her; its place holds it back since.
        texts = (evidence.manifest_of(node, who.account, tag).decode(),)
    if not texts:
        # Nobody signs what she cannot read.
        raise PageError(409, "record-not-here")
    return Part("medrec/correction/1", codec.encode_json(value), correction_message(stated), finish, contents=texts)


def _begin(node: "Node", visit: Visit, who: Whose, act: Act) -> Go:
    return begun(node, visit, who, act)


def _herself(node: "Node", visit: Visit, who: Whose) -> Signer:
    """Who signs; the places take a dispute from the person's own keys alone. Raises PageError for a helper."""
    signs = signer(node, visit, who)
    if signs.acting is not None:
        raise PageError(403, "not-your-page")
    return signs


def _about(who: Whose, manifest: RecordManifest) -> Any:
    kind = words.record_type(manifest.record.type)
    return render.say(words.MISTAKES["about"], kind=kind, place=who.place(manifest.organisation))


def _record(node: "Node", who: Whose, tag: str) -> RecordManifest:
    """The record's manifest behind a line. Raises PageError for what cannot be corrected."""
    if not TAG.fullmatch(tag):
        raise PageError(404, "unknown-line")
    found = _opened(node, who, bytes.fromhex(tag))
    if not may_correct(node, found):
        raise PageError(404, "unknown-line")
    return found  # type: ignore[no-any-return]


def _opened(node: "Node", who: Whose, tag: bytes) -> Any:
    data = evidence.manifest_of(node, who.account, tag)
    return manifests.decode(data) if data else None
