"""The weights of matching estimated from a registry: what was planted is found again, and a node scores by it."""

import json
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from medrec.cli import app
from medrec.core.matching import WEIGHTS, Demographics, Field, compare
from medrec.demo.truth_registry import PLANTED, Planted, Registry, registry
from medrec.node.right_person import estimating
from medrec.node.right_person.estimating import LEVELS, EstimateError, estimate, read, written


@pytest.fixture(scope="module")
def planted() -> Registry:
    return registry("recover", 2500, 700)


@pytest.fixture(scope="module")
def found(planted: Registry) -> estimating.Estimated:
    return estimate(planted.people)


def true_m(made: Registry, field: Field) -> float:
    levels = Counter(compare(made.people[a], made.people[b]).of(field) for a, b in made.same)
    return levels["agrees"] / sum(levels[level] for level in LEVELS)


@pytest.mark.parametrize("field", list(Field))
def test_what_was_planted_is_found_again(planted: Registry, found: estimating.Estimated, field: Field) -> None:
    """Nobody told which pairs are one person; m is that of the true pairs, to two in a hundred."""
    assert found.weights[field].m / 1e6 == pytest.approx(true_m(planted, field), abs=0.02)
    # And what was true is what was planted, so the test looks at the right thing.
    assert true_m(planted, field) == pytest.approx(PLANTED[field.value].same, abs=0.04)


def test_how_often_strangers_agree_is_found(found: estimating.Estimated) -> None:
    u = {field: found.weights[field].u / 1e6 for field in Field}
    assert u[Field.SEX] == pytest.approx(0.5, abs=0.02)
    assert u[Field.POSTCODE] == pytest.approx(1 / 400, rel=0.15)
    assert u[Field.BIRTH] == pytest.approx(1 / (86 * 12 * 28), rel=0.4)
    assert u[Field.PHONE] <= 5e-6 and u[Field.IDENTIFIER] <= 5e-6


def test_the_number_of_people_who_stand_twice_is_found(planted: Registry, found: estimating.Estimated) -> None:
    assert found.matches == pytest.approx(len(planted.same), rel=0.05)


def test_another_registry_gives_other_weights() -> None:
    """A field that is often wrong there weighs less there: the estimate follows the registry and not the table."""
    worse = PLANTED | {"given": Planted(0.6, 0.1), "phone": Planted(0.9, 0.0, 0.1)}
    made = registry("worse", 2500, 700, worse)
    other = estimate(made.people)
    for field in (Field.GIVEN, Field.PHONE):
        assert other.weights[field].m / 1e6 == pytest.approx(true_m(made, field), abs=0.03)
    assert true_m(made, Field.GIVEN) < 0.7 and true_m(made, Field.PHONE) > 0.85
    assert other.weights[Field.GIVEN].differs > WEIGHTS[Field.GIVEN].differs


def test_too_little_is_said_and_not_guessed() -> None:
    with pytest.raises(EstimateError) as no:
        estimate(registry("few", 100, 10).people)
    assert no.value.code == "too-few-records"
    with pytest.raises(EstimateError) as no:
        estimate(registry("once", 1500, 0).people)
    assert no.value.code == "too-few-matches"


def test_the_file_is_read_again_and_what_is_broken_is_refused(found: estimating.Estimated) -> None:
    data = written(found)
    assert read(data) == found.weights
    value = json.loads(data)
    for broken in (
        b"", b"{}", b"[]",
        json.dumps(value | {"form": "other/1"}).encode(),
        json.dumps(value | {"fields": {"birth": value["fields"]["birth"]}}).encode(),
        json.dumps(value | {"fields": value["fields"] | {"sex": [-5, 0, 5, 1, 1]}}).encode(),
        json.dumps(value | {"fields": value["fields"] | {"sex": [99_999, 0, -5, 1, 1]}}).encode(),
    ):  # fmt: skip
        with pytest.raises(EstimateError):
            read(broken)


def patient(place: int, who: Demographics) -> str:
    birth = {"birthDate": who.birth} if who.birth else {}
    identifier = [
        {"type": {"coding": [{"code": "SS"}]}, "system": "ssn", "value": v.partition("|")[2]} for v in who.identifiers
    ]
    return json.dumps(
        {"resourceType": "Patient", "id": f"p{place}", "name": [{"family": who.family, "given": [who.given]}],
         "gender": who.sex, "address": [{"postalCode": who.postcode}], "identifier": identifier,
         "telecom": [{"system": "phone", "value": who.phone}]} | birth
    )  # fmt: skip


def test_the_verb_estimates_and_the_node_scores_by_it(
    planted: Registry, found: estimating.Estimated, tmp_path: Path
) -> None:
    from medrec import wiring
    from medrec.node.settings import read_settings

    lines = "\n".join(patient(number, who) for number, who in enumerate(planted.people))
    (tmp_path / "patients.ndjson").write_text(lines + '\n{"resourceType":"Condition"}\nno json\n', encoding="utf-8")
    settings = tmp_path / "site" / "medrec.toml"
    runner = CliRunner()
    made = runner.invoke(app, ["init", "north", "--folder", str(settings.parent)])
    assert made.exit_code == 0, made.output
    told = runner.invoke(app, ["weights", str(tmp_path / "patients.ndjson"), "--settings", str(settings), "--keep"])
    assert told.exit_code == 0, told.output
    assert "Kept as match-weights.json" in told.output and f"From {len(planted.people):,} records" in told.output
    place = read_settings(settings)
    node, engine = wiring.node_of(place)
    assert node.matching.weights == found.weights != WEIGHTS
    wiring.close_node(node)
    wiring.close(engine)
    (place.data / estimating.FILE).unlink()
    node, engine = wiring.node_of(place)
    assert node.matching.weights == WEIGHTS
    wiring.close_node(node)
    wiring.close(engine)


def test_the_weights_change_the_score_and_not_what_contradicts() -> None:
    one, other = Demographics("Ada", "Lovelace", "1961-12-10"), Demographics("Ada", "Lovelace", "1961-12-10", phone="5")
    doubled = {field: w._replace(agrees=2 * w.agrees) for field, w in WEIGHTS.items()}
    assert compare(one, other, doubled).score == 2 * compare(one, other).score
    assert msgspec.structs.asdict(one)["family"] == "Ada"
