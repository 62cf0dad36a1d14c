"""What a clinician writes beside a word on a list tells nobody what he may not read, however it names it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from medrec.core.consent.plain import Party, Plain, write
from medrec.core.manifests.acts import Act, Subject, act_message, bared, misfit
from medrec.core.reconcile import nameless
from medrec.core.reconcile.nameless import names_nothing
from medrec.node.keeping import store
from medrec.node.lists import acts_heard, lists, stating
from medrec.node.lists.acts_kept import ACTS_PATH
from medrec.node.lists.acts_told import genuine
from medrec.node.lists.acts_whole import Whole
from medrec.node.refusals import Code, Refusal
from medrec.node.release.practitioners import PHYSICIAN
from medrec.node.terminology.shipped import shipped
from tests.node.test_list_later import heard, link, look, round_
from tests.node.test_lists import Clinic, order

NAMING = (
    "Zoloft", "on sertraline", "Sertralina", "sertralin", "setraline 50", "sertralne", "SERT", "SSRI", "an S.S.R.I.",
    "her antidepressant", "antidepresivo", "mood pills", "serotonin syndrome", "interacts with the psych meds",
    "see depression", "F32.9", "RxNorm 36437", "312940", "her HIV pills", "H.I.V.", "HIV+", "PrEP", "ART",
    "antirretrovirales", "Biktarvy", "Tivicay", "DTG", "3TC", "viral load fine", "seropositive", "B20", "retroviral",
    "Take Action", "my way", "s e r t r a l i n e", "ser-tra-line", "zo loft", "Золофт", "زولوفت", "💊 of hers",
    "sertraline?", "Lustral", "her nerves medicine", "bipolar", "clozapine", "opioid", "methadone", "the blue pill",
    "pregnant", "STI", "lithium",
)  # fmt: skip
"""Ways of naming what is withheld: brands, ingredients, classes, slips, letters, codes, illnesses, other scripts."""
PLAIN = (
    "half a tab", "1 tab daily", "20 mg twice a day with food", "no longer needed", "side effects",
    "She doesn't take it", "ya no lo toma", "lisinopril 10 mg: 1/2 tab in the morning",
    "q4-6h prn", "stopped at the last visit",
)  # fmt: skip


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    """South may have what north has of her but what is of her mood or HIV, and has read it."""
    made = Clinic(tmp_path)
    made.network.time += 60_000
    made.north.put("MedicationRequest", "n1", order("n1", "312940", "sertraline 25 mg tablet"))
    made.network.consent(made.ada, "north", "south")
    withheld = Plain("withhold", to=[Party("south")], about=["mental-health", "hiv"])
    made.network.fhir_consent(made.ada, "north", write(withheld, made.ada.account, made.network.time).decode())
    look(made, "south", "north")
    made.refresh()
    yield made
    made.network.close()


def stops(clinic: Clinic, words: str, kind: Any = "stopped", against: Any = ()) -> Act:
    """North's doctor says of lisinopril, which south may read, something in these words."""
    clinic.network.time += 1_000
    doctor = clinic.north.practitioners.enter("dr-north", "Dr North", PHYSICIAN)
    row = next(one for one in clinic.north.lists.of(clinic.ada.account).read.medicines if one.name == "lisinopril")
    act: Act = clinic.north.acts.enter(
        clinic.ada.account, doctor, kind, [lists.subject_of(row)], words, None, list(against)
    )
    return act


def sent(node: Any, place: str) -> list[Act]:
    rows = [row for row in node.rows(store.outbox) if (row.path, row.organisation) == (ACTS_PATH, place)]
    return [msgspec.convert(json.loads(row.payload), Act) for row in rows]


def test_words_that_may_name_what_is_withheld_stay_and_the_act_goes(clinic: Clinic) -> None:
    said = [stops(clinic, words) for words in NAMING]
    assert len(NAMING) > 40 and len(sent(clinic.north, "south")) == len(NAMING)
    for act, copy in zip(said, sent(clinic.north, "south"), strict=True):
        assert (copy.id, copy.words, copy.bare) == (act.id, "", msgspec.UNSET)
        assert genuine(clinic.south, copy) and misfit(copy) == ""
    assert [copy.words for copy in sent(clinic.north, "guide")] == list(NAMING), "her agent hears all of it"
    round_(clinic, "north")
    assert {kept.act.words for kept in clinic.south.acts.of(clinic.ada.account)} == {""}
    everything = [json.dumps(msgspec.to_builtins(kept.act)) for kept in clinic.south.acts.of(clinic.ada.account)]
    # As words of their own: keys and signatures are random letters, among which "ART" may stand.
    named = [re.compile(rf"(?<![\w+/=-]){re.escape(words)}(?![\w+/=-])") for words in NAMING]
    assert not any(words.search(told) for told in everything for words in named)


def test_a_change_says_nothing_without_its_words_and_does_not_go(clinic: Clinic) -> None:
    for words in NAMING:
        stops(clinic, words, "changed")
    assert sent(clinic.north, "south") == [] and len(sent(clinic.north, "guide")) == len(NAMING)
    stops(clinic, "1 tab at night", "changed")
    assert [copy.words for copy in sent(clinic.north, "south")] == ["1 tab at night"]


def test_words_that_name_nothing_else_go(clinic: Clinic) -> None:
    for words in PLAIN:
        stops(clinic, words)
    assert [copy.words for copy in sent(clinic.north, "south")] == list(PLAIN)


def test_from_whom_nothing_is_withheld_hears_every_word(clinic: Clinic) -> None:
    clinic.network.consent(clinic.ada, "north", "east")
    link(clinic, "east")
    look(clinic, "east", "north")
    stops(clinic, "too much with Zoloft")
    assert [copy.words for copy in sent(clinic.north, "east")] == ["too much with Zoloft"]
    # What another place gave north is not north's to tell.
    clinic.network.consent(clinic.ada, "south", "north")
    look(clinic, "north", "south")
    stops(clinic, "too much with Zoloft")
    assert [copy.words for copy in sent(clinic.north, "east")] == ["too much with Zoloft", ""]


def test_the_source_that_is_asked_hears_no_such_words_either(clinic: Clinic) -> None:
    clinic.network.consent(clinic.ada, "south", "north")
    look(clinic, "north", "south")
    clinic.refresh()
    against = [one for one in lists.against(clinic.row("lisinopril"), "stopped") if one.source == "south"]
    act = stops(clinic, "too much with Zoloft", against=against)
    clinic.story.settle()
    round_(clinic, "north", "south")
    (asked,) = clinic.south.corrections.here()
    assert asked.statement.act.id == act.id and asked.statement.act.words == ""
    assert "Zoloft" not in json.dumps(msgspec.to_builtins(asked.statement))
    assert "lisinopril" in asked.statement.words


def test_her_agent_brings_it_without_the_words_to_a_place_that_may_not_read_what_they_name(clinic: Clinic) -> None:
    clinic.network.consent(clinic.ada, "south", "east")
    clinic.network.consent(clinic.ada, "north", "east", types=("MedicationRequest", "MedicationStatement"))
    link(clinic, "east")
    act = stops(clinic, "because of her SSRI")
    plain = stops(clinic, "no longer needed")
    round_(clinic, "north", "guide")
    clinic.network.time += 25 * 3_600_000
    round_(clinic, "guide")
    east: Any = clinic.network["east"]
    told = {kept.act.id: kept.act.words for kept in east.acts.of(clinic.ada.account)}
    assert told == {act.id: "", plain.id: "no longer needed"}
    # At her agent it is one act, with its words, however it came.
    clinic.refresh()
    (kept,) = [kept for kept in clinic.guide.acts.of(clinic.ada.account) if kept.act.id == act.id]
    assert kept.act.words == "because of her SSRI"


def test_a_hospital_that_calls_a_medicine_otherwise_than_its_row_reaches_nobody_with_it(clinic: Clinic) -> None:
    """North's screen is tampered with: the row is one that east may read, and the name is of another."""
    clinic.network.consent(clinic.ada, "south", "east")
    clinic.network.consent(clinic.ada, "north", "east", types=("MedicationRequest", "MedicationStatement"))
    link(clinic, "east")
    row = next(one for one in clinic.north.lists.of(clinic.ada.account).read.medicines if one.name == "lisinopril")
    doctor = clinic.north.practitioners.enter("dr-north", "Dr North", PHYSICIAN)
    honest = lists.subject_of(row)
    forged = msgspec.structs.replace(honest, name="lisinopril beside Zoloft")
    for one in (honest, forged):
        clinic.north.acts.enter(clinic.ada.account, doctor, "reviewed", [one])
    acts = [kept.act for kept in clinic.north.acts.of(clinic.ada.account)]
    round_(clinic, "north", "guide")
    assert heard(clinic, "east") == [act.id for act in acts if act.subjects and act.subjects[0].name == honest.name]


def test_her_own_words_to_everybody_go_to_no_later_place_that_may_not_read_what_they_name(clinic: Clinic) -> None:
    said = {}
    for words in ("two, since my Zoloft makes me sleepy", "2 tablets at night"):
        subject, key = Subject("text:melatonin", "Melatonin"), clinic.ada.key.key_id
        act = stating.prepare(
            clinic.guide, clinic.ada.account, "also-taking", key, [subject], words=words, recipients=["*"]
        )
        stating.state(clinic.guide, stating.signed(act, clinic.ada.sign))
        clinic.network.time += 60_000
        said[words] = act.id
    clinic.network.consent(clinic.ada, "south", "east")
    clinic.network.consent(clinic.ada, "north", "east", types=("MedicationRequest", "MedicationStatement"))
    link(clinic, "east")
    round_(clinic, "guide")
    assert heard(clinic, "east") == [said["2 tablets at night"]]


def test_her_agent_keeps_the_copy_with_the_words(clinic: Clinic) -> None:
    """It is handed one without, since she withholds such things from everybody, and is told the other by the line."""
    withheld = Plain("withhold", about=["hiv"])
    clinic.network.fhir_consent(clinic.ada, "north", write(withheld, clinic.ada.account, clinic.network.time).decode())
    clinic.refresh()
    act = stops(clinic, "because of HIV")
    assert [copy.words for copy in sent(clinic.north, "guide")] == [""]
    round_(clinic, "north", "guide")
    (kept,) = [kept for kept in clinic.guide.acts.of(clinic.ada.account) if kept.act.id == act.id]
    assert kept.act.words == "because of HIV"


def test_a_copy_without_words_is_the_clinicians_and_nobody_else_s(clinic: Clinic) -> None:
    act = stops(clinic, "too much with Zoloft")
    bare = bared(act)
    assert bare is not None and act_message(bare) != act_message(act)
    assert genuine(clinic.south, act) and genuine(clinic.south, bare)
    replace = msgspec.structs.replace
    for forged in (replace(bare, signature=act.signature), replace(act, signature=bare.signature)):
        with pytest.raises(Refusal) as no:
            clinic.south.acts.take("north", forged)
        assert no.value.reason is Code.CREDENTIAL_BAD
    with pytest.raises(Refusal) as no:
        clinic.south.acts.take("north", replace(bare, bare=act.bare))
    assert no.value.reason is Code.MALFORMED
    # One without words has no second signature, and one of a former version has none: it does not go.
    assert bared(stops(clinic, "")) is None
    former = replace(act, bare=msgspec.UNSET)
    assert bared(former) is None and "south" not in acts_heard.hearers(clinic.north, [Whole(former)])[0]


def test_common_words_are_no_names() -> None:
    terms = shipped()
    names = [word for word in sorted(nameless._COMMON) if terms.drug_named(word) or terms.class_named(word)]
    assert names == ["today"], "of that a brand is one only where nobody would think of it"
    assert all(names_nothing(words, ["lisinopril"], terms) for words in ("", *PLAIN))
    assert not [words for words in NAMING if names_nothing(words, ["lisinopril"], terms)]
    for words in ("36 43 7", "no 3-6-4-3-7", "two problems", "water tablets", "20 mg 36437", "F 32.9"):
        assert not names_nothing(words, ["lisinopril"], terms), words
    assert names_nothing("Zoloft", ["Zoloft 50 mg"], terms), "whoever knows it learns nothing"
