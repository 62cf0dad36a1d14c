"""SNOMED CT's reference sets of languages say what a concept is called; the layout is that of RF2 (Release File
Specifications of SNOMED International: der2_cRefset_Language)."""

from pathlib import Path

import pytest

from medrec.core.records.terms import SNOMED, Table
from medrec.node.terminology import whole
from medrec.node.terminology.index import Indexed, TerminologyError
from medrec.node.terminology.load import load

SYNONYM, FULL = "900000000000013009", "900000000000003001"
US, GB, ES = "900000000000509007", "900000000000508004", "448879004"
PREFERRED, ACCEPTABLE = "900000000000548007", "900000000000549004"
TERMS = [
    ("1", "en", FULL, "Anemia (disorder)"), ("2", "en", SYNONYM, "Absolute anemia"), ("3", "en", SYNONYM, "Anemia"),
    ("4", "en", SYNONYM, "Anaemia"), ("5", "es", SYNONYM, "anemia (en español)"),
]  # fmt: skip
SETS = [
    (US, "1", PREFERRED, "1"), (US, "2", ACCEPTABLE, "1"), (US, "3", PREFERRED, "1"), (GB, "1", PREFERRED, "1"),
    (GB, "4", PREFERRED, "1"), (GB, "3", PREFERRED, "0"), (ES, "5", PREFERRED, "1"),
]  # fmt: skip


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole, "LEAST", {})


def release(folder: Path, sets: list[tuple[str, str, str, str]]) -> Path:
    """A release of one concept."""
    files = {
        "sct2_Concept_Snapshot_INT_2026.txt": [
            ["id", "effectiveTime", "active", "moduleId", "definitionStatusId"], ["271737000", "2026", "1", "m", "d"],
        ],
        "sct2_Description_Snapshot-en_INT_2026.txt": [
            ["id", "effectiveTime", "active", "moduleId", "conceptId", "languageCode", "typeId", "term", "cs"],
            *([name, "2026", "1", "m", "271737000", language, kind, term, "c"] for name, language, kind, term in TERMS),
        ],
        "der2_cRefset_LanguageSnapshot-en_INT_2026.txt": [
            ["id", "effectiveTime", "active", "moduleId", "refsetId", "referencedComponentId", "acceptabilityId"],
            *([f"u{at}", "2026", on, "m", one, term, how] for at, (one, term, how, on) in enumerate(sets)),
        ],
    }  # fmt: skip
    for name, rows in files.items():
        if len(rows) > 1:
            (folder / name).write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("language", "name"),
    [("", "Anemia"), ("en-US", "Anemia"), ("en-GB", "Anaemia"), ("es", "anemia (en español)")],
)
def test_a_concept_is_called_by_the_term_that_is_preferred(tmp_path: Path, language: str, name: str) -> None:
    done = load([release(tmp_path, SETS)], tmp_path / "t.db", language=language)
    assert ("der2_cRefset_LanguageSnapshot-en_INT_2026.txt", "snomed-language", 5) in done
    assert Indexed(tmp_path / "t.db", Table()).name(SNOMED, "271737000") == name


def test_without_a_set_of_that_language_terms_go_by_their_kind(tmp_path: Path) -> None:
    for sets in ([], [(GB, "4", PREFERRED, "1")]):
        load([release(tmp_path, sets)], tmp_path / "t.db")
        assert Indexed(tmp_path / "t.db", Table()).name(SNOMED, "271737000") == "Absolute anemia"


@pytest.mark.parametrize("language", ["es-419", "de", "en_US"])
def test_a_language_that_is_not_there_is_refused_and_nothing_changes(tmp_path: Path, language: str) -> None:
    target = tmp_path / "t.db"
    load([release(tmp_path, SETS)], target)
    before = target.read_bytes()
    with pytest.raises(TerminologyError) as refused:
        load([tmp_path], target, language=language)
    assert refused.value.code == "no-language" and language in refused.value.sentence
    assert target.read_bytes() == before
