"""The one list in the form that templates show, laid out like Twinlist: the same, similar, only at one place."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from medrec.core.manifests.act_parts import Against
from medrec.core.manifests.acts import CLINICIANS, SUBJECTS_MAX, Subject
from medrec.core.reconcile.held import PATIENT, Line
from medrec.core.reconcile.lists import Row
from medrec.core.reconcile.rows import AllergyRow, Confirmed, MedicineRow, ProblemRow
from medrec.core.reconcile.said import manifest_of
from medrec.core.records.dates import DAY_MS
from medrec.node.consent.attesting import account_of
from medrec.node.lists import reviews
from medrec.node.lists.lists import Shown, against, subject_of
from medrec.node.lists.marks import gone_through, marks
from medrec.node.refusals import Refusal
from medrec.portal import at_home, list_words, mending, render, words
from medrec.portal.list_folds import (
    GROUPS,
    LINES,
    LINES_ALONE,
    NAMES,
    NOTICES,
    ROWS_ALONE,
    Fold,
    Some,
    asked,
    dealt,
    sections_of,
    some,
)
from medrec.portal.list_forms import carried, stands, stood, stood_there, unasked
from medrec.portal.list_words import called, disagrees, held_here, in_doubt, not_all, odd
from medrec.portal.page import PageError, Shows, Visit, names
from medrec.portal.received import shown_at
from medrec.portal.session import Session, Who, require

if TYPE_CHECKING:
    from medrec.node.node import Node

LONG_AGO_MS = 540 * DAY_MS
PROFESSIONAL = "http://snomed.info/sct|223366009"
"""The role of who works with the list and was entered with no other: healthcare professional."""
Proof = Callable[[str], str | None]
"""Leads to what a manifest (SHA-256, hex) signed; None where that is not here."""


def values(
    visit: Visit,
    shown: Shown,
    place: Callable[[str], str],
    proof: Proof,
    *,
    care: bool = False,
    fold: Fold | None = None,
    here: str = "",
    others: bool = False,
    tag: Callable[[str], str | None] = lambda _manifest: None,
    not_mine: str | None = None,
    apart: Sequence[Any] = (),
) -> dict[str, Any]:
    """What a template needs of the lists, or of the part of them that `fold` asks for; `place` names an organisation,
    `proof` leads to a line's proof, `care` says that a clinician reads of the patient, and not the patient of herself.
    Other parts are at the address `here`; without one, at a form, which says with `others` that what others gave is in
    them. `tag` is of the line of a manifest that she may say, at the address `not_mine`, is not about her; `apart`:
    sentences about what is held back from these lists. Raises PageError for a part that is not there."""
    maker = _Maker(visit, place, proof, {row.key: called(row) for row in shown.read.medicines}, shown.new, care, tag)
    sections = sections_of(shown)
    base = {"here": here, "others": others, "unread": len(shown.unread), "in_part": len(shown.in_part)}
    base["not_mine"] = not_mine
    base["apart"] = [*apart, *(render.say(words.CARE_LIST["stranger"], place=place(name)) for name in shown.strangers)]
    if fold is not None and fold.part:
        alone, rows = _alone(sections, fold, maker, shown)
        return base | {"alone": alone, **_gone_through(shown, rows)}
    listed = [name for members in GROUPS.values() for name in members]
    counts = dealt(len(sections[name]) for name in listed)
    begun = {name: some(sections[name], count) for name, count in zip(listed, counts, strict=True)}
    on_page = [row for part in begun.values() for row in part.shown]
    return base | {
        "alone": None,
        "notices": _notices(shown, some(shown.notices, NOTICES)),
        "put_away": _put_away(visit, shown, some(shown.put_away, NOTICES)),
        "review": _review(visit, shown, maker),
        **_gone_through(shown, on_page),
        "new": _part(some(sections["new"], NAMES), maker.called),
        "groups": [
            {
                "name": group,
                "title": maker.text(group),
                "nothing": words.CARE_LIST["allergies_none"] if group == "allergies" and not sections[group] else None,
                "sections": [
                    {"name": name, "title": maker.text(name) if name != group else None}
                    | _part(begun[name], lambda row, name=name: maker.any(row, name))
                    for name in members
                    if sections[name]
                ],
            }
            for group, members in GROUPS.items()
            # Whoever treats her is told in words that nobody spoke of allergies.
            if any(sections[name] for name in members) or (care and group == "allergies")
        ],
    }


def _part(part: Some, make: Callable[[Any], Any]) -> dict[str, Any]:
    return {"rows": [make(row) for row in part.shown], "rest": part.rest, "after": part.after}


def _gone_through(shown: Shown, on_page: Iterable[Row]) -> dict[str, Any]:
    """What a page with these rows says was gone through: they, and all that was not new; what came since and stands on
    another page was not. `unseen` are the rows of that kind."""
    elsewhere = {id(row) for row in shown.read.rows if row.key in shown.new} - {id(row) for row in on_page}
    seen = [row for row in shown.read.rows if id(row) not in elsewhere]
    return {"seen": carried(marks(seen)), "unseen": len(elsewhere)}


def _alone(
    sections: dict[str, list[Any]], fold: Fold, maker: "_Maker", shown: Shown
) -> tuple[dict[str, Any], Sequence[Any]]:
    """One section from a row on, or one row with all entries behind it; and its rows of the lists."""
    name, start = fold.part, fold.start
    if name == "notices":
        return {"name": name, "title": maker.text(name)} | _notices(shown, some(shown.notices, ROWS_ALONE, start)), ()
    if name == "put_away":
        part = some(shown.put_away, ROWS_ALONE, start)
        return {"name": name, "title": maker.text(name)} | _put_away(maker.visit, shown, part), ()
    if name not in sections or start >= max(1, len(sections[name])):
        raise PageError(404, "not-found")
    one = fold.entry is not None
    part = some(sections[name], 1 if one else ROWS_ALONE, start)
    found = {"name": name, "title": maker.text(name), "one": one, "start": start, "total": part.total}
    made = _part(part, lambda row: maker.any(row, name, fold.entry))
    return found | made | ({"rest": 0} if one else {}), part.shown


def _notices(shown: Shown, part: Some) -> dict[str, Any]:
    def made(notice: Any) -> dict[str, Any]:
        return {
            "id": notice.id,
            "sentence": words.in_words(notice.sentence),
            "source": words.source_of(notice.source),
            "about": notice.about,
            "seen": carried(reviews.behind(notice, shown.read.rows)),
        }

    return _part(part, made)


def _put_away(visit: Visit, shown: Shown, part: Some) -> dict[str, Any]:
    def made(one: Any) -> dict[str, Any]:
        notice, kept = one
        said = {"who": kept.act.name, "when": visit.when(kept.time), "why": kept.act.words}
        return {
            "sentence": words.in_words(notice.sentence),
            "said": render.say(words.ONE_LIST["put_away_by"], **said),
        }

    return _part(part, made)


def proof_here(visit: Visit) -> Proof:
    """Leads to a line's proof at an organisation: in its own journal its records and every act, and what others gave
    for this screen."""
    return lambda manifest: visit.link("version", manifest=manifest)


def show(node: "Node", visit: Visit) -> dict[str, Any] | Shows:
    """The values of lists.html: the doctor's screen, for one patient of this organisation."""
    form = visit.form
    if not form:
        return _screen(node, visit, "", form)
    patient = form.get("patient", "").strip()
    if "correction" in form:
        mending.answer(node, visit)
    if patient:
        session = require(visit, Who.CLINICIAN)
        if (account := account_of(node, patient)) is not None:
            at_home.look(node, visit, patient)
            if "act" in form:
                _check_whose(node, patient)
                _act(node, visit, session, account)
    return Shows(lambda visit: _screen(node, visit, patient, form))


def _screen(node: "Node", visit: Visit, patient: str, form: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "patient": patient,
        "known": False,
        "doubt": [],
        "lists": None,
        "may_act": visit.session is not None,
    }
    found["owed"], found["owed_total"] = mending.owed(node, visit)
    found["purposes"] = at_home.purposes()
    account = account_of(node, patient) if patient else None
    if account is None:
        return found
    session, known = require(visit, Who.CLINICIAN), names(node)
    if doubt := in_doubt(node, patient):
        return {**found, "known": True, "doubt": doubt}
    # A further part of a screen with what others gave is made of what they gave for it: nobody is asked again.
    given = shown_at(node).of(session.staff, patient, visit.now) if form.get("others") else []
    read = node.lists.with_received(account, given) if given else node.lists.of(account)
    lists = values(
        visit,
        read,
        lambda name: known.get(name, name),
        proof_here(visit),
        care=True,
        fold=asked(form),
        others=bool(given),
        apart=[*held_here(node, patient), *not_all(given, lambda name: known.get(name, name))],
    )
    return {**found, "known": True, "lists": lists}


def _check_whose(node: "Node", patient: str) -> None:
    """Nothing is said of somebody's list under the number of who may be another. Raises PageError."""
    if in_doubt(node, patient):
        raise PageError(409, "whose-list")


def _act(node: "Node", visit: Visit, session: Session, account: str) -> None:
    """What a clinician who is signed in says: that she went through the list, or a word on one medicine, or that a
    notice is put away, and why."""
    kind, key, told = (visit.form.get(name, "").strip() for name in ("act", "row", "words"))
    notice = visit.form.get("notice", "").strip() if kind == "dismissed" else None
    # A review is of what its page held: of nothing where the page held nothing, or does not say.
    seen = stood_there(visit.form.get("seen", "")) if "seen" in visit.form or kind == "reviewed" else None
    if kind == "dismissed":
        # What is shown with others' records has a notice of its own, which is kept nowhere: its name is enough.
        about = visit.form.get("about", "")
        if not all(re.fullmatch("[0-9a-f]{64}", name) for name in (notice or "", about or "0" * 64)) or not told:
            raise PageError(400, "list-act-unknown")
        subjects: list[Subject] = []
        against_: list[Against] = []
    elif visit.form.get("stands") and kind != "reviewed":
        about = stood(visit.form["stands"])
        subjects, against_ = [about.subject], about.against + (about.over if kind == "changed" else [])
    else:
        medicines = node.lists.of(account).read.medicines
        rows = (
            gone_through(medicines, seen or ()) if kind == "reviewed" else [row for row in medicines if row.key == key]
        )
        subjects = [subject_of(row) for row in rows[:SUBJECTS_MAX]]
        against_ = [one for row in rows for one in against(row, kind)]
    if kind not in CLINICIANS or (not subjects and kind not in ("reviewed", "dismissed")):
        raise PageError(400, "list-act-unknown")
    try:
        who = node.practitioners.present(session.staff)
    except LookupError:
        who = node.practitioners.enter(session.staff, session.name, PROFESSIONAL)
    objections = [one for one in against_ if one.source != node.organisation]
    try:
        matter = visit.form.get("about", "") if kind == "dismissed" else ""
        node.acts.enter(account, who, kind, subjects, told, notice, objections, seen, matter)  # type: ignore[arg-type]
    except Refusal as error:
        raise PageError(400, error.code, error.sentence) from None


def _review(visit: Visit, shown: Shown, maker: "_Maker") -> Any:
    if shown.reviewed is None:
        return None
    return render.say(maker.text("new_lead"), who=shown.reviewed.act.name, when=visit.when(shown.reviewed.time))


def amount(strength: str, form: str) -> str:
    """A strength and the form that has it, in the language of the visit."""
    return words.line(" ".join(part for part in (strength, form) if part))


class _Maker:
    """Rows as the templates show them."""

    def __init__(
        self,
        visit: Visit,
        place: Callable[[str], str],
        proof: Proof,
        rows: dict[str, str],
        new: dict[str, int],
        care: bool,
        tag: Callable[[str], str | None],
    ) -> None:
        self.visit, self._place, self._proof, self._rows, self._new = visit, place, proof, rows, new
        self._care, self._tag = care, tag

    def text(self, name: str) -> Any:
        """A text of the lists, in the words for whoever reads them."""
        return (self._care and words.CARE_LIST.get(name)) or words.ONE_LIST[name]

    def standing(self, row: MedicineRow, section: str) -> Any:
        """What the rules make of a row that places dispute; the other sections say it by their titles."""
        return self.text({"active": "taken"}.get(row.status, row.status)) if section == "disputed" else None

    def any(self, row: Row, section: str, entry: int | None = None) -> dict[str, Any]:
        """A row of whichever list in a section; alone on its page from an `entry` on, if one is given."""
        lines = some(row.lines, LINES) if entry is None else some(row.lines, LINES_ALONE, entry)
        if isinstance(row, MedicineRow):
            made = self.medicine(row) | {"kind": "medicine", "standing": self.standing(row, section)}
        else:
            made = self.problem(row) if isinstance(row, ProblemRow) else self.allergy(row)
        says = "says" if isinstance(row, MedicineRow) else "so"
        return made | {"lines": self._lines(lines.shown, says), "more": lines.rest, "entry": lines.after}

    def called(self, row: Row) -> dict[str, Any]:
        """A row by its name, and how much of it is new."""
        return {"name": called(row), "new": self._new.get(row.key, 0)}

    def medicine(self, row: MedicineRow) -> dict[str, Any]:
        """What for, how to take, from whom."""
        form = next((variant.form for variant in row.variants if variant.form), "")
        near = [
            render.say(words.ONE_LIST[f"near_{link.kind.value}"], name=self._rows[link.key])
            for link in row.links
            if link.key in self._rows
        ]
        facts = {
            "directions": row.directions,
            "strength": amount(row.strength, form),
            "day": list_words.day(row.per_day, row.as_needed),
            "needed": row.as_needed,
            "reasons": ", ".join(row.reasons),
            "near": near,
            "stands": stands(row),
            "unasked": unasked(row),
            "variants": [
                {
                    "what": amount(variant.strength, variant.form),
                    "day": list_words.day(variant.per_day, variant.as_needed),
                }
                for variant in row.variants
            ]
            if len(row.variants) > 1
            else [],
        }
        return {**self._row(row), **facts}

    def problem(self, row: ProblemRow) -> dict[str, Any]:
        """A problem; its side in words."""
        side = words.ONE_LIST.get(row.laterality, "") if row.laterality else ""
        says = row.standing or ("denied" if row.absent and not row.none_known else "")
        stands = words.ONE_LIST[f"stands_{says}"] if says else None
        return {**self._row(row), "kind": "problem", "side": side, "says": stands}

    def allergy(self, row: AllergyRow) -> dict[str, Any]:
        """An allergy with everything that happened."""
        bad = row.criticality == "high" and not row.refuted
        made = self._row(row) | {"kind": "allergy"}
        told = {"high": bad, "severe": row.severe and not bad, "refuted": row.refuted}
        return {**made, "reactions": "; ".join(row.reactions), **told}

    def _row(self, row: Row) -> dict[str, Any]:
        care = words.CARE_LIST if self._care else None
        return {
            "key": row.key,
            "name": called(row),
            "status": row.status,
            "conflicts": [disagrees(row, f"conflict_{one.value}", care) for one in row.conflicts],
            "odd": odd(row),
            "confirmed": self._confirmed(row.confirmed),
            "rules": ", ".join(row.rules),
            "new": self._new.get(row.key, 0),
            "count": len(row.lines),
        }

    def _confirmed(self, confirmed: Confirmed | None) -> Any:
        if confirmed is None:
            return words.ONE_LIST["no_date"]
        when = render.day(confirmed.at)
        if confirmed.at + LONG_AGO_MS < self.visit.now:
            return render.say(words.ONE_LIST["not_confirmed"], when=when)
        return render.say(words.ONE_LIST["confirmed"], who=self._who(confirmed.source, confirmed.by), when=when)

    def _who(self, source: str, by: str) -> str:
        if source == PATIENT:
            return str(self.text("patient"))
        return f"{by}, {self._place(source)}" if by and "/" not in by else self._place(source)

    def _lines(self, lines: Iterable[Line], says: str) -> list[dict[str, Any]]:
        """Lines of a row; `says`: "says" of a medicine, which is taken, "so" of what is not taken but so."""
        return [
            {
                "who": self._who(line.source, line.by),
                "text": words.line(line.plain),
                "says": words.ONE_LIST.get(f"{says}_{line.says}") or words.ONE_LIST[f"says_{line.says}"],
                "when": render.day(line.at) if line.at is not None else None,
                "outdone": line.outdone,
                "copied": line.copy,
                "notes": [words.NOTES[note] for note in dict.fromkeys(line.notes)],
                "proof": self._proof(manifest_of(line)),
                "tag": self._tag(line.manifest) if line.author == "record" else None,
                "medicine": {"proof": self._proof(line.medicine.manifest)} if line.medicine is not None else None,
            }
            for line in lines
        ]
