"""Charts that their source closed, and two charts of one person: the desk is told, in a sentence."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medrec.core.matching import Demographics
from medrec.node.keeping import store
from medrec.node.peers.peers import PeerError
from medrec.node.right_person import given_codes, holding
from medrec.node.right_person.desk import give_code
from medrec.node.right_person.link import LinkError
from medrec.portal import words
from tests.node.test_desk_links import Desk
from tests.node.test_right_person import ADA, demographics

INTO_B = {"link": [{"type": "replaced-by", "other": {"reference": "Patient/b"}}]}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.network.close()


def says(desk: Desk, patient: str, **more: Any) -> None:
    desk.network.time += 60_000
    desk.north.put("Patient", patient, json.dumps(json.loads(demographics(patient, *ADA)) | more))


def held(desk: Desk) -> list[tuple[str, ...]]:
    return [one.fields for one in holding.waiting(desk.north)]


@pytest.mark.parametrize(("more", "code"), [(INTO_B, "chart-replaced"), ({"active": False}, "chart-inactive")])
def test_no_code_is_given_for_a_chart_that_is_in_use_no_more(desk: Desk, more: dict[str, Any], code: str) -> None:
    says(desk, "b", **more)
    with pytest.raises(LinkError) as refused:
        give_code(desk.north, "b", Demographics(*ADA))
    assert refused.value.code == code and words.DESK[code]
    says(desk, "b", active=True)
    assert give_code(desk.north, "b", Demographics(*ADA)).payload


def test_a_chart_that_its_source_closes_waits_until_somebody_has_looked_once(desk: Desk) -> None:
    desk.present(desk.ada)
    assert given_codes.decide(desk.north, desk.given().digest, True)
    says(desk, "ada", active=False)
    assert held(desk) == [("inactive",)] and words.DESK_FIELDS["inactive"]
    # It is opened again.
    says(desk, "ada", active=True)
    assert held(desk) == []
    says(desk, "ada", active=False)
    assert holding.let_go(desk.north, "Patient", "ada", "office", "she moved away, it is she")
    says(desk, "ada", active=False, gender="unknown")
    assert held(desk) == []
    # That it was merged is asked all the same.
    says(desk, "ada", active=False, **INTO_B)
    assert held(desk) == [("replaced",)]


def test_the_desk_is_told_where_whoever_presents_a_code_is_linked_as_somebody_else(desk: Desk) -> None:
    desk.present(desk.ada)
    assert given_codes.decide(desk.north, desk.given().digest, True)
    # Who was confirmed for her first chart was somebody else: one of the two is wrong.
    whose = next(row.id for row in desk.north.rows(store.person) if row.account)
    anne = Demographics("Lovelace", "Anne", ADA[2])
    desk.north.store.write(lambda c: holding.remember(c, desk.north.vault, whose, anne, "desk", desk.network.time))
    says(desk, "b")
    desk.network.time += 60_000
    code = desk_code(desk, "b")
    with pytest.raises((LinkError, PeerError)) as refused:
        desk.present(desk.ada, code)
    assert refused.value.code == "already-linked"  # type: ignore[union-attr]
    told = next(one for one in given_codes.lately(desk.north) if one.patient == "b")
    assert told.state == given_codes.SECOND and words.DESK[f"code_{told.state}"]
    # The code is used up, and nothing is linked by it or waits.
    assert [row.patient for row in desk.north.rows(store.person) if row.account] == ["ada"]
    assert not given_codes.decide(desk.north, told.digest, True)
    with pytest.raises((LinkError, PeerError)) as again:
        desk.present(desk.network.patient("thief"), code)
    assert again.value.code == "code-unknown"  # type: ignore[union-attr]


def desk_code(desk: Desk, patient: str) -> bytes:
    from medrec.node.right_person.link import read_payload

    return read_payload(desk.network.id, give_code(desk.north, patient, Demographics(*ADA)).payload)[1]
