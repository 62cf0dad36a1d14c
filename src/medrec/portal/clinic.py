"""The clinician's room: what waits, finding a patient with a reason, and one screen across institutions.

Nothing about a patient stands in an address: which patient, why, and whom to ask are fields of forms. What others let
out is shown and merged, and nothing of it is kept here beyond the line that it came.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from medrec.core.consent.emergency import HOURS_DEFAULT, REASONS, TEXT_MIN
from medrec.core.reconcile.said import manifest_of
from medrec.core.records.canonical import canonical
from medrec.core.records.reading import Around
from medrec.core.records.table import understand
from medrec.node.peers.peers import PeerError
from medrec.node.refusals import Refusal
from medrec.node.release.practitioners import Practitioner
from medrec.node.release.receive import NotGenuineError, Received
from medrec.node.release.referrals import providers
from medrec.node.right_person.finding import Found
from medrec.node.terminology.shipped import shipped
from medrec.portal import at_home, list_words, lists, referring, render, words
from medrec.portal.asking import PATIENCE_S, Asking, SoFar
from medrec.portal.page import Go, PageError, Shows, Visit, names
from medrec.portal.received import shown_at
from medrec.portal.session import Session, Who, require
from medrec.portal.waits import Waits, waits

if TYPE_CHECKING:
    from medrec.node.node import Node

WAITING_SHOWN = 20
REASON_MAX = 500


def show(node: "Node", visit: Visit) -> dict[str, Any] | Shows:
    """The values of clinic.html: what waits, and the finder."""
    form = visit.form
    return Shows(lambda visit: _room(node, visit, form)) if form else _room(node, visit, form)


def _room(node: "Node", visit: Visit, form: Mapping[str, str]) -> dict[str, Any]:
    known = names(node)
    found: list[Found] | None = None
    trouble = ""
    if form:
        try:
            found = node.finder.find(form.get("text", ""), form.get("birth", "").strip())
        except Refusal as refusal:
            trouble = words.why_not(refusal.code, refusal.sentence)
    taken = node.referrals.taken_here()
    waiting = taken.referrals[:WAITING_SHOWN]
    here = node.finder.linked({one.account for one in waiting})
    return {
        "text": form.get("text", ""),
        "birth": form.get("birth", ""),
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


class Screen(NamedTuple):
    """What a patient's screen is made of: who is asked about, the form that asked, and what was done for it.

    `until` is the end of the emergency that was declared (ms), `trouble` why none was; `refused` why a referral was not
    sent, None also for one that was.
    """

    patient: Found
    form: dict[str, str]
    asking: Asking | None = None
    until: int | None = None
    trouble: PageError | None = None
    refused: Refusal | None = None


def show_patient(node: "Node", visit: Visit) -> Go | Shows:
    """The values of clinic_patient.html. A form field `from-ORGANISATION` asks that organisation too; one that is not
    heard at once is waited for on the screen."""
    session = require(visit, Who.CLINICIAN)
    if not visit.form:
        return Go(visit.link("clinic"), "look_over")
    who = at_home.practitioner(node, session.staff, session.name)
    form = {name: value.strip() for name, value in visit.form.items()}
    try:
        patient = node.finder.open(form.get("patient", ""), who, *_why(form))
    except Refusal as refusal:
        raise PageError(400, refusal.code, refusal.sentence) from None
    if list_words.in_doubt(node, patient.patient):
        # Nothing is asked, referred or opened of the linked person for who may be another.
        return Shows(lambda visit: _values(node, visit, Screen(patient, form), require(visit, Who.CLINICIAN)))
    screen = _asked(node, Screen(patient, form), who)
    if patient.account is not None and form.get("refer"):
        screen = screen._replace(refused=referring.refer(node, patient.account, who, form))
    if screen.asking is not None:
        screen.asking.wait(PATIENCE_S)
    return Shows(lambda visit: _values(node, visit, screen, require(visit, Who.CLINICIAN)))


def _values(node: "Node", visit: Visit, screen: Screen, session: Session) -> dict[str, Any]:
    patient, form, known = screen.patient, screen.form, names(node)
    came = screen.asking.so_far() if screen.asking is not None else SoFar([], [])
    answers, received = _answers(screen, came, known)
    shown, doubt = None, list_words.in_doubt(node, patient.patient)
    if patient.account is not None and not doubt:
        read = node.lists.with_received(patient.account, received)
        every = [line for row in read.read.rows for line in row.lines]
        behind = {manifest_of(line) for line in every}
        behind |= {line.medicine.manifest for line in every if line.medicine is not None}
        shown_at(node).keep(session.staff, patient.patient, received, behind, visit.now)
        shown = lists.values(
            visit,
            read,
            lambda name: known.get(name, name),
            lists.proof_here(visit),
            care=True,
            others=True,
            apart=[
                *list_words.held_here(node, patient.patient),
                *list_words.not_all(received, lambda name: known.get(name, name)),
            ],
        )
    purpose, reason = _why(form)
    others = providers(node) if patient.account is not None else []
    return {
        "patient": patient,
        "doubt": doubt,
        "purpose": purpose,
        "reason": reason,
        "answers": answers,
        "others": [{"id": one.id, "name": one.name, "asked": f"from-{one.id}" in form} for one in others],
        "lists": shown,
        "in_part": [
            {"title": _title(one.content), "place": known.get(page.source, page.source)}
            for page in received
            for one in page.parts
        ],
        "broken": None
        if screen.until is None
        else render.say(words.CLINIC["broken"], place=known[form["break"]], when=visit.when(screen.until)),
        "trouble": screen.trouble.sentence if screen.trouble is not None else "",
        "typed": form,
        "referred": referring.told(screen.refused, known.get(form["refer"], form["refer"]))
        if patient.account is not None and form.get("refer")
        else None,
        "reader": session.name,
        "reasons": [(code, words.EMERGENCY[code]) for code in REASONS],
        "refused": [answer for answer in answers if not answer["good"]],
        "words_min": TEXT_MIN,
        "waits": _waits(visit, screen, came, known),
    }


def _why(form: dict[str, str]) -> tuple[str, str]:
    """The purpose and the reason that a form names."""
    return form.get("purpose", "TREAT"), form.get("reason", "")


def _waits(visit: Visit, screen: Screen, came: SoFar, known: dict[str, str]) -> Waits | None:
    if screen.asking is None or not came.waiting:
        return None
    places = render.listed([known.get(place, place) for place in came.waiting])
    return waits(visit, render.say(words.WAITS["asking"], when=visit.when(screen.asking.began), places=places))


def _asked(node: "Node", screen: Screen, who: Practitioner) -> Screen:
    """Ask the places that the form names, or break the lock at one."""
    form, account = screen.form, screen.patient.account
    if account is None:
        return screen
    if source := form.get("break"):
        try:
            until = _break(node, screen.patient, who, form)
        except PageError as error:
            # What was typed stays on the page: nobody writes it twice in an emergency.
            return screen._replace(trouble=error)
        return screen._replace(until=until, asking=Asking(node, [source], account, who, ("BTG", form["words"])))
    asked = [one.id for one in providers(node) if f"from-{one.id}" in form]
    return screen._replace(asking=Asking(node, asked, account, who, _why(form))) if asked else screen


def _answers(screen: Screen, came: SoFar, known: dict[str, str]) -> tuple[list[dict[str, Any]], list[Received]]:
    """What other places said so far, in words, and what came."""
    if screen.trouble is not None:
        source = screen.form["break"]
        trouble = {"good": False, "id": source, "sentence": screen.trouble.sentence, "name": known.get(source, source)}
        return [trouble], []
    answers: list[dict[str, Any]] = []
    received: list[Received] = []
    for source, answer in came.answers:
        place, error = known.get(source, source), answer.error
        if isinstance(error, PeerError | NotGenuineError):
            why = words.why_not(error.code, error.sentence)
            sentence = render.say(words.CLINIC["gave_nothing"], place=place, why=why)
        else:
            what = render.kinds_of([record.type for page in answer.pages for record in page.records])
            text = words.CLINIC["gave" if any(page.records for page in answer.pages) else "gave_none"]
            sentence = render.say(text, place=place, what=what)
        answers.append({"good": error is None, "id": source, "sentence": sentence, "name": place})
        received += answer.pages
    return answers, received


def _title(content: bytes) -> str:
    """What a record that came in part says of itself, in a line."""
    tree: Any = canonical(content).value
    try:
        return words.line(understand(tree, Around(terms=shipped())).clinical)
    except ValueError:
        return f"{tree.get('resourceType')}/{tree.get('id')}"


def _break(node: "Node", patient: Found, who: Practitioner, form: dict[str, str]) -> int:
    """Declare an emergency at one place; the patient's number is written once more, so that nobody slips. Until when it
    holds, in ms."""
    if form.get("again") != patient.patient:
        raise PageError(400, "patient-not-same")
    assert patient.account is not None
    scope, source = form.get("scope", "summary"), form["break"]
    if source not in names(node) or scope not in ("summary", "restricted") or form.get("code") not in REASONS:
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
    return declared.until
