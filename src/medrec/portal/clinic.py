"""The clinician's room: what waits, finding a patient with a reason, and one screen across institutions.

Nothing about a patient stands in an address: which patient, why, and whom to ask are fields of forms. What others let
out is shown and merged, and nothing of it is kept here beyond the line that it came.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

from medrec.core.consent.emergency import HOURS_DEFAULT, REASONS, TEXT_MIN
from medrec.core.reconcile.said import manifest_of
from medrec.core.records.canonical import canonical
from medrec.core.records.reading import Around
from medrec.core.records.table import understand
from medrec.node.peers.peers import PeerError
from medrec.node.refusals import Refusal
from medrec.node.release.practitioners import Practitioner
from medrec.node.release.receive import NotGenuineError, Received, request_records
from medrec.node.release.referrals import providers
from medrec.node.right_person.finding import Found
from medrec.node.terminology.shipped import shipped
from medrec.portal import at_home, lists, referring, render, words
from medrec.portal.page import PageError, Visit, names
from medrec.portal.received import shown_at
from medrec.portal.session import Who, require

if TYPE_CHECKING:
    from medrec.node.node import Node

PAGES_MAX = 20
WAITING_SHOWN = 20
REASON_MAX = 500


def show(node: "Node", visit: Visit) -> dict[str, Any]:
    """The values of clinic.html: what waits, and the finder."""
    known = names(node)
    found: list[Found] | None = None
    trouble = ""
    if visit.form:
        try:
            found = node.finder.find(visit.form.get("text", ""), visit.form.get("birth", "").strip())
        except Refusal as refusal:
            trouble = words.why_not(refusal.code, refusal.sentence)
    taken = node.referrals.taken_here()
    waiting = taken.referrals[:WAITING_SHOWN]
    here = node.finder.linked({one.account for one in waiting})
    return {
        "text": visit.form.get("text", ""),
        "birth": visit.form.get("birth", ""),
        "found": found,
        "trouble": trouble,
        "purposes": at_home.purposes(),
        "may_open": visit.session is not None,
        "referrals": [
            {
                "when": visit.when(one.time),
                "sentence": render.say(
                    words.CLINIC["referral"], who=one.practitioner, place=known.get(one.source, one.source)
                ),
                "reason": one.reason,
                "count": len(one.records),
                "patient": here.get(one.account),
                "why": words.CLINIC["sent_why"].format(who=one.practitioner, reason=one.reason)[:REASON_MAX],
            }
            for one in waiting
        ],
        "shut": taken.shut,
        "sent": referring.sent(node, visit, known),
    }


def show_patient(node: "Node", visit: Visit) -> dict[str, Any]:
    """The values of clinic_patient.html. A form field `from-ORGANISATION` asks that organisation too."""
    session = require(visit, Who.CLINICIAN)
    who = at_home.practitioner(node, session.staff, session.name)
    form = {name: value.strip() for name, value in visit.form.items()}
    purpose, reason = form.get("purpose", "TREAT"), form.get("reason", "")
    try:
        patient = node.finder.open(form.get("patient", ""), who, purpose, reason)
    except Refusal as refusal:
        raise PageError(400, refusal.code, refusal.sentence) from None
    known = names(node)
    asked = [name.removeprefix("from-") for name in form if name.startswith("from-")]
    others = providers(node)
    told = _answers(node, visit, patient, who, form, known)
    referred = None
    if patient.account is not None and form.get("refer"):
        referred = referring.refer(node, patient.account, who, form, known)
    shown = None
    if patient.account is not None:
        read = node.lists.with_received(patient.account, told.received)
        every = [line for row in read.read.rows for line in row.lines]
        behind = {manifest_of(line) for line in every}
        behind |= {line.medicine.manifest for line in every if line.medicine is not None}
        shown_at(node).keep(session.staff, patient.patient, told.received, behind, visit.now)
        shown = lists.values(
            visit, read, lambda name: known.get(name, name), lists.proof_here(visit), care=True, others=True
        )
    return {
        "patient": patient,
        "purpose": purpose,
        "reason": reason,
        "answers": told.answers,
        "others": [
            {"id": one.id, "name": one.name, "asked": one.id in asked} for one in others if patient.account is not None
        ],
        "lists": shown,
        "in_part": [
            {"title": _title(one.content), "place": known.get(page.source, page.source)}
            for page in told.received
            for one in page.parts
        ],
        "broken": told.broken,
        "trouble": told.trouble,
        "typed": form,
        "referred": referred,
        "reader": session.name,
        "reasons": [(code, words.EMERGENCY[code]) for code in REASONS],
        "refused": [answer for answer in told.answers if not answer["good"]],
        "words_min": TEXT_MIN,
    }


class _Told(NamedTuple):
    """What other places said: answers in words, what came, the emergency that was declared, or why it was not."""

    answers: list[dict[str, Any]]
    received: list[Received]
    broken: Any = None
    trouble: str = ""


def _answers(
    node: "Node", visit: Visit, patient: Found, who: Practitioner, form: dict[str, str], known: dict[str, str]
) -> _Told:
    """Ask the places that the form names, or break the lock at one."""
    answers: list[dict[str, Any]] = []
    received: list[Received] = []
    if patient.account is None:
        return _Told(answers, received)
    if source := form.get("break"):
        try:
            broken = _break(node, visit, patient, who, form, known)
        except PageError as error:
            # What was typed stays on the page: nobody writes it twice in an emergency.
            trouble = {"good": False, "id": source, "sentence": error.sentence, "name": known.get(source, source)}
            return _Told([trouble], received, None, error.sentence)
        answer, received = _ask(node, source, patient.account, who, "BTG", form["words"], known)
        return _Told([answer], received, broken)
    for one in providers(node):
        if f"from-{one.id}" in form:
            answer, pages = _ask(
                node, one.id, patient.account, who, form.get("purpose", "TREAT"), form.get("reason", ""), known
            )
            answers.append(answer)
            received += pages
    return _Told(answers, received)


def _title(content: bytes) -> str:
    """What a record that came in part says of itself, in a line."""
    tree: Any = canonical(content).value
    try:
        return understand(tree, Around(terms=shipped())).clinical
    except ValueError:
        return f"{tree.get('resourceType')}/{tree.get('id')}"


def _break(
    node: "Node", visit: Visit, patient: Found, who: Practitioner, form: dict[str, str], known: dict[str, str]
) -> Any:
    """Declare an emergency at one place; the patient's number is written once more, so that nobody slips."""
    if form.get("again") != patient.patient:
        raise PageError(400, "patient-not-same")
    assert patient.account is not None
    scope, source = form.get("scope", "summary"), form["break"]
    if source not in known or scope not in ("summary", "restricted") or form.get("code") not in REASONS:
        raise PageError(400, "form-unreadable")
    try:
        declared = node.emergency_reviews.declare(
            source,
            patient.account,
            who,
            form["code"],
            form.get("words", ""),
            scope=scope,
            hours=HOURS_DEFAULT,  # type: ignore[arg-type]
        )
    except Refusal as refusal:
        raise PageError(400, refusal.code, refusal.sentence) from None
    except PeerError as error:
        raise PageError(400, error.code, error.sentence) from None
    return render.say(words.CLINIC["broken"], place=known[source], when=visit.when(declared.until))


def _ask(
    node: "Node", source: str, account: str, who: Practitioner, purpose: str, reason: str, known: dict[str, str]
) -> tuple[dict[str, Any], list[Received]]:
    """Everything that a source lets out, page by page, and what to say of it."""
    place = known.get(source, source)
    pages: list[Received] = []
    after = ""
    try:
        while len(pages) < PAGES_MAX:
            page = request_records(node, source, account, practitioner=who, purpose=purpose, reason=reason, after=after)
            pages.append(page)
            if not page.more:
                break
            after = page.more
    except (PeerError, NotGenuineError) as error:
        sentence = render.say(words.CLINIC["gave_nothing"], place=place, why=words.why_not(error.code, error.sentence))
        return {"good": False, "id": source, "sentence": sentence, "name": place}, pages
    what = render.kinds_of([record.type for page in pages for record in page.records])
    text = words.CLINIC["gave" if any(page.records for page in pages) else "gave_none"]
    return {"good": True, "id": source, "sentence": render.say(text, place=place, what=what), "name": place}, pages
