"""Two worlds: one with a part of a record that is withheld, and with all that people said of it, and one where none of
it ever was. Whoever may not see it reads the same list, hears the same, and is asked for the same."""

import json
from pathlib import Path
from typing import Any

import msgspec

from medrec.core.consent.plain import Plain, write
from medrec.core.manifests.acts import Act
from medrec.node.corrections.corrections import CORRECTIONS_PATH
from medrec.node.keeping import store
from medrec.node.lists import lists, marks, reviews
from medrec.node.lists.acts_kept import ACTS_PATH
from medrec.node.release import receive
from medrec.node.release.practitioners import PHYSICIAN
from tests.node.test_lists import Clinic, allergy, order

HIV = [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "HIV"}]


STOPPED, AFTERWARDS = 1_750_001_100_000, 1_750_001_200_000
BESIDE = "with the amlodipine it is too much"


def says(clinic: Clinic, node: Any, kind: Any, rows: list[Any], words: str = "", notice: Any = None) -> None:
    doctor = node.practitioners.enter(f"dr-{node.organisation}", "Dr Who", PHYSICIAN)
    against = [one for row in rows for one in lists.against(row, kind)]
    subjects = [lists.subject_of(row) for row in rows]
    node.acts.enter(clinic.ada.account, doctor, kind, subjects, words, notice, against)
    clinic.network.time += 60_000


def row(clinic: Clinic, node: Any, name: str) -> Any:
    return next(one for one in node.lists.of(clinic.ada.account).read.medicines if one.name == name)


def hide(clinic: Clinic) -> None:
    """A medicine that points at another record, an allergy to it (so a notice), and every kind of word on them."""
    north = clinic.north
    medication = {"resourceType": "Medication", "id": "9", "code": {"text": "amlodipine 5 mg tablet"}}
    north.put("Medication", "9", json.dumps(medication | {"meta": {"security": HIV}}))
    pointing: dict[str, Any] = json.loads(order("h", "1", "x"))
    del pointing["medicationCodeableConcept"]
    north.put("MedicationRequest", "h", json.dumps(pointing | {"medicationReference": {"reference": "Medication/9"}}))
    to_it = json.loads(allergy("h", "amlodipine")) | {"meta": {"security": HIV}}
    north.put("AllergyIntolerance", "h", json.dumps(to_it))
    clinic.refresh()
    found = row(clinic, north, "amlodipine")
    notices = [one for one in north.lists.of(clinic.ada.account).notices if found.key in one.rows]
    assert notices, "there is something to put away"
    says(clinic, north, "dismissed", [], "agreed", notices[0].id)
    says(clinic, north, "changed", [found], "2 tabs daily")
    says(clinic, north, "reviewed", [found])
    says(clinic, north, "stopped", [found], "swelling")
    clinic.refresh()
    clinic.say("not-taking", clinic.row("amlodipine"), words="no", recipients=["north"])


def lived(folder: Path, hidden: bool, stopped: bool = True) -> tuple[Clinic, list[str]]:
    """One of the worlds once all is said and told, and what of it went from north to south, by path; `stopped`: with
    north's last word on what south sees."""
    folder.mkdir()
    clinic = Clinic(folder)
    north, south, ada = clinic.north, clinic.south, clinic.ada
    clinic.network.consent(ada, "north", "south")
    withheld = write(Plain("withhold", about=["hiv"]), ada.account, clinic.network.time)
    clinic.network.fhir_consent(ada, "north", withheld.decode())
    south.put("AllergyIntolerance", "x", allergy("x", "lisinopril"))
    clinic.refresh()
    reader = south.practitioners.enter("dr-south", "Dr South", PHYSICIAN)
    seen = south.lists.with_received(ada.account, [ask(clinic)])
    (notice,) = [one for one in seen.notices if one.rule == "allergy"]
    rows = seen.read.rows
    south.acts.enter(
        ada.account, reader, "dismissed", [], "she coughs", notice.id, (), reviews.behind(notice, rows), notice.about
    )
    south.acts.enter(ada.account, reader, "reviewed", [lists.subject_of(rows[0])], seen=marks.marks(rows))
    clinic.network.time += 60_000
    says(clinic, north, "changed", [row(clinic, north, "lisinopril")], "1 tab at night")
    clinic.story.settle()
    if hidden:
        hide(clinic)
    else:
        # Her agent reads as often.
        clinic.refresh()
        clinic.network.time += 4 * 60_000
        clinic.refresh()
    clinic.network.time = STOPPED
    if stopped:
        # A word on what south sees names what it does not: south hears it as if nothing had been said beside it.
        says(clinic, north, "stopped", [row(clinic, north, "lisinopril")], BESIDE if hidden else "")
    clinic.network.time = AFTERWARDS
    clinic.story.settle()
    clinic.story.checkpoint("north", "south", "guide")
    waiting = [one for one in north.rows(store.outbox) if one.organisation == "south"]
    for one in waiting:
        if one.path == ACTS_PATH:
            south.acts.take("north", msgspec.convert(json.loads(one.payload), Act))
    return clinic, sorted(one.path for one in waiting if one.path in (ACTS_PATH, CORRECTIONS_PATH))


def ask(clinic: Clinic) -> Any:
    """South's doctor asks north for everything."""
    reader = clinic.south.practitioners.present("dr-south")
    return receive.request_records(clinic.south, "north", clinic.ada.account, practitioner=reader, reason="a visit")


def world(folder: Path, hidden: bool) -> tuple[Any, ...]:
    clinic, sent = lived(folder, hidden)
    south = clinic.south
    shown = south.lists.with_received(clinic.ada.account, [ask(clinic)])
    told = [
        (
            found.key, found.name, found.status, found.conflicts, found.rules,
            [(line.source, line.author, line.says, line.plain, line.outdone, line.notes) for line in found.lines],
        )
        for found in shown.read.rows
    ]  # fmt: skip
    notices = [(one.rule, one.sentence, one.rows) for one in shown.notices]
    away = [(one.sentence, kept.act.words) for one, kept in shown.put_away]
    alarms = sorted(one.code for one in south.rows(store.alarm))
    found = (told, notices, away, shown.new, shown.unread, shown.in_part, shown.read.others, sent, alarms)
    clinic.network.close()
    return found


def test_what_is_withheld_leaves_no_trace_whatever_was_said_of_it(tmp_path: Path) -> None:
    assert world(tmp_path / "hidden", True) == world(tmp_path / "never", False)
