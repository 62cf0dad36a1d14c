"""Write in the record: a symptom, a reading at home, a medicine taken or stopped, a wish, signed by who wrote it."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from medrec.core import codec
from medrec.core.manifests.entry import EntryStatement, entry_message
from medrec.node.agent import entries
from medrec.node.agent.copies import Copy
from medrec.node.refusals import Refusal
from medrec.portal import render, words
from medrec.portal.acting import called, delegate_of, require_right
from medrec.portal.own.acts import Act, Part, begun, signer
from medrec.portal.own.entries import read
from medrec.portal.own.whose import Whose, kinds_of, whose
from medrec.portal.page import Go, PageError, Visit

if TYPE_CHECKING:
    from medrec.node.account.delegates import Held
    from medrec.node.node import Node

WHAT = ("symptom", "reading", "taken", "stopped", "wish")
TEXT_LENGTH_MAX, UNIT_LENGTH_MAX = 300, 30


def show(node: "Node", visit: Visit) -> Any:
    """The values of own/writing.html; the form goes on to the page where it is signed."""
    who = whose(node, visit, heeds_kinds=True)
    if visit.form:
        return _take_back(node, visit, who) if visit.form.get("do") == "back" else _write(node, visit, who)
    today = datetime.fromtimestamp(node.clock() // 1000, tz=UTC).date().isoformat()
    return {"handle": who.handle, "what": WHAT, "today": today, "written": _written(node, visit, who)}


def _write(node: "Node", visit: Visit, who: Whose) -> Go:
    form, what = visit.form, visit.form.get("what", "")
    text = " ".join(form.get("text", "").split())
    if what not in WHAT or not text or len(text) > TEXT_LENGTH_MAX:
        raise PageError(400, "writing-unfit")
    signs = signer(node, visit, who)
    try:
        resource = _resource(what, text, _note(form), form, _moment(node, form.get("day", "")))
        kind = resource["resourceType"]
        held = require_right(node, visit.session, "add", kind) if visit.session is not None else None
        stated, content = node.entries.prepare(
            who.account,
            signs.acting or who.account,
            _name(visit, who, held),
            signs.key,
            resource,
            delegation=held.hash if held is not None else None,
        )
    except Refusal as no:
        raise PageError(no.status, no.code, no.sentence) from None

    def finish(proof: bytes) -> None:
        node.entries.take(msgspec.structs.replace(stated, signature=proof.hex()), content)

    told = text + (f": {form.get('value', '').strip()} {_unit(form)}".rstrip() if what == "reading" else "")
    sentences = [render.say(words.WRITING["says_" + what], said=told)]
    if what != "reading" and _note(form):
        sentences.append(render.say(words.WRITING["says_note"], said=_note(form)))
    changes = [render.say(words.WRITING["stands"], name=stated.name)]
    part = _part(stated, content, finish)
    act = Act(who.account, sentences, changes, (part,), signs.key, "timeline", "written")
    return begun(node, visit, who, act)


def _part(stated: EntryStatement, content: bytes, finish: Callable[[bytes], None]) -> Part:
    """What is signed of an entry, with its text, or the text that is taken back, before the eyes."""
    value, message = codec.encode_json(msgspec.to_builtins(stated)), entry_message(stated)
    return Part("medrec/own-entry/1", value, message, finish, contents=(content.decode(),))


def _name(visit: Visit, who: Whose, held: "Held | None") -> str:
    """Under which name something is written: the person's, or that of who acts for her."""
    return called(held, visit.session) if held is not None and visit.session is not None else who.name


def _written(node: "Node", visit: Visit, who: Whose) -> list[dict[str, Any]]:
    """What the visitor may take back: the person all that was entered for her, a helper what she entered herself."""
    session = visit.session
    helper = delegate_of(node, session) if session is not None and session.acting_for else ""
    rows = []
    for line in reversed(node.entries.lines(who.account)):
        kinds = kinds_of(visit)
        if (helper and line.author != helper) or (kinds and line.type not in kinds):
            continue
        entry = read(Copy(node.organisation, line.type, line.id, line.tag, line.content))
        if entry is not None:
            rows.append({"title": entry.title, "value": entry.value, "type": line.type, "id": line.id})
    return rows


def _take_back(node: "Node", visit: Visit, who: Whose) -> Go:
    """Begin the act of taking an entry back: it leaves the record, and its lines stay on the ledger."""
    form = visit.form
    mine = {(row["type"], row["id"]): row for row in _written(node, visit, who)}
    row = mine.get((form.get("type", ""), form.get("id", "")))
    if row is None:
        raise PageError(404, "unknown-line")
    signs = signer(node, visit, who)
    held = require_right(node, visit.session, "add", row["type"]) if visit.session is not None else None
    stated, content = node.entries.prepare_back(
        who.account, signs.acting or who.account, _name(visit, who, held), signs.key, row["type"], row["id"],
        delegation=held.hash if held is not None else None,
    )  # fmt: skip

    def finish(proof: bytes) -> None:
        node.entries.take(msgspec.structs.replace(stated, signature=proof.hex()), None)

    told = [render.say(words.WRITING["says_back"], said=f"{row['title']} {row['value']}".strip())]
    changes = [render.say(words.WRITING["back_more"])]
    part = _part(stated, content, finish)
    act = Act(who.account, told, changes, (part,), signs.key, "writing", "taken_back")
    return begun(node, visit, who, act)


def _resource(what: str, text: str, note: str, form: Any, when: int) -> dict[str, Any]:
    """The FHIR resource of what was filled in. Raises Refusal for a number that is none."""
    if what == "symptom":
        return entries.symptom(text, when, note)
    if what == "reading":
        return entries.reading(text, form.get("value", "").strip().replace(",", "."), _unit(form), when)
    if what == "wish":
        return entries.wish(text, when)
    return entries.medicine(text, what == "taken", when, note)


def _note(form: Any) -> str:
    return " ".join(form.get("note", "").split())[:TEXT_LENGTH_MAX]


def _unit(form: Any) -> str:
    return " ".join(form.get("unit", "").split())[:UNIT_LENGTH_MAX]


def _moment(node: "Node", text: str) -> int:
    """The day that was filled in, as its first moment; today is now. Raises PageError for the future."""
    now = node.clock()
    today = datetime.fromtimestamp(now // 1000, tz=UTC).date()
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise PageError(400, "writing-unfit") from None
    if day > today or day.year < 1900:
        raise PageError(400, "writing-unfit")
    return now if day == today else (day - date(1970, 1, 1)).days * 86_400_000
