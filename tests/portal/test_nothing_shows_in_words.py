"""What is withheld shows on no page and in no file: two worlds, byte for byte, as whoever may not see it reads them.

In one a part of her record is withheld, with every kind of word of hers and of clinicians on it and beside it; in the
other there never was any of it. Salts, keys of forms and the proofs of another journal differ by nature: each is held
against the other by its place and its length alone.
"""

import json
import re
from pathlib import Path
from typing import Any

from medrec.node.fhir import bundle
from medrec.node.fhir.summary_own import own_summary
from tests.fhir.asking import ask
from tests.node.test_list_worlds import BESIDE, lived
from tests.node.test_lists import Clinic
from tests.portal.test_sign_in import csrf_of, visitor

HERS = ("amlodipine", "swelling", BESIDE)
_RANDOM = re.compile(r"[0-9a-f]{32,}|[A-Za-z0-9_-]{32,}={0,2}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}")
_PROOFS = ("Binary",)


def alike(text: str) -> str:
    """The text with whatever is random of the same length, and without the running numbers of forms."""
    text = re.sub(r'name="copy" value="[0-9]+"', "", text)
    return _RANDOM.sub(lambda found: "~" * len(found[0]), text)


def documents(told: Any) -> str:
    """A bundle without the receipts, which are of another journal; how many there are stays."""
    value = json.loads(told)
    for entry in value.get("entry", []):
        if entry["resource"]["resourceType"] in _PROOFS:
            entry["resource"]["data"] = ""
    return json.dumps(value)


def faces(clinic: Clinic) -> dict[str, str]:
    """All that south's doctor and office get to read."""
    for node in (clinic.north, clinic.south):
        node.put("Patient", "ada", '{"resourceType":"Patient","id":"ada","name":[{"text":"Ada"}]}')
    clinic.refresh()
    clinic.story.checkpoint("north", "south", "guide")
    client: Any = visitor(clinic.story, "south", demonstration=True)
    client.post("/sign-in/demonstration", data={"role": "clinician"})
    look = {"patient": "ada", "purpose": "TREAT", "reason": "Visit this morning", "from-north": "1"}
    look |= {"csrf": csrf_of(client.get("/clinic").text)}
    found = {"screen": client.post("/clinic/patient", data=look).text}
    for part in ("only-here", "similar", "stopped", "disputed", "notices", "put_away", "new"):
        again = client.post("/patient-list", data=look | {"others": "1", "part": part})
        found[f"part {part}"] = f"{again.status_code} {again.text}"
    found["own"] = client.post("/patient-list", data=look).text
    staff: Any = visitor(clinic.story, "south", demonstration=True)
    staff.post("/sign-in/demonstration", data={"role": "privacy"})
    found["office"] = staff.get("/office").text
    # Looks of one moment stand in the order of their ids, which are random.
    found["csv"] = "\n".join(sorted(alike(staff.get("/office/looks.csv").text).splitlines()))
    account, network = clinic.ada.account, clinic.network
    clinic.south.doctor = lambda: clinic.south.practitioners.present("dr-south")
    for number, path in enumerate(("Patient/ada/$summary", "Patient/ada/$everything", "MedicationRequest"), 1):
        told = ask(network, account, path, identifier=bytes([number]) * 16)
        found[path] = f"{told.status} {documents(told.body)}"
    return found


def test_what_is_withheld_shows_on_no_page_and_in_no_file(tmp_path: Path) -> None:
    worlds = []
    for hidden, stopped in ((True, True), (False, True), (False, False)):
        clinic, _ = lived(tmp_path / f"{hidden} {stopped}", hidden, stopped)
        worlds.append(faces(clinic))
        clinic.network.close()
    with_it, without, never = worlds
    assert "lisinopril" in with_it["screen"] and "1 tab at night" in with_it["screen"], "what is open is there"
    assert with_it["csv"].count("\n") > 1 and "1 tab at night" in with_it["Patient/ada/$summary"]
    for name, text in with_it.items():
        assert not [word for word in HERS if word in text], name
        # On a screen a word is there without what stands beside it, in a document whole or not at all.
        other = never if name == "Patient/ada/$summary" else without
        assert alike(text) == alike(other[name]), name


def test_a_helper_for_some_kinds_reads_nothing_of_what_was_said_of_others(tmp_path: Path) -> None:
    """Medicines are none of her kinds: what anybody said of them is in none of the three faces of the summary."""
    kinds, found = ("AllergyIntolerance", "Condition"), []
    for said in (True, False):
        clinic, _ = lived(tmp_path / str(said), False)
        if said:
            clinic.say("not-taking", clinic.row("metformin"), words="because of my swelling", recipients=["*"])
            clinic.network.time += 60_000
            clinic.refresh()
        clinic.network.time += 600_000 - (60_000 if said else 0)
        shown = clinic.guide.lists.of_kinds(clinic.ada.account, kinds)
        rows = [(row.key, row.name, [(line.source, line.plain) for line in row.lines]) for row in shown.read.rows]
        notices = [(one.rule, one.sentence) for one in shown.notices]
        told = bundle.encode(own_summary(clinic.guide, clinic.ada.account, kinds))
        assert b"lisinopril" in told and b"metformin" not in told and b"swelling" not in told
        found.append((rows, notices, shown.new, alike(documents(told))))
        clinic.network.close()
    assert found[0] == found[1]
