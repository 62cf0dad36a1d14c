"""What a source says of two Patients waits for a human, and links nobody; stores of before have it, too."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sql

from medrec.node.keeping import charted, store
from medrec.node.peers.peers import PeerError
from medrec.node.right_person import given_codes, holding, said_to_be_one, waiting_links
from medrec.node.right_person.link import LinkError
from tests.node.test_right_person import ADA
from tests.node.test_several_charts import Charts


@pytest.fixture
def charts(tmp_path: Path) -> Iterator[Charts]:
    made = Charts(tmp_path)
    yield made
    made.close()


def test_what_the_source_calls_one_waits_for_a_human_and_links_nobody(charts: Charts) -> None:
    assert said_to_be_one.waiting(charts.north) == []
    charts.says("b", link=[{"type": "replaces", "other": {"reference": "Patient/ada"}}])
    charts.says("z", ADA, link=[{"type": "seealso", "other": {"reference": "Patient/nobody"}}])
    (found,) = said_to_be_one.waiting(charts.north)
    assert (found.linked, found.other, found.kind) == ("ada", "b", "replaces")
    assert found.comparison.verdict != "unlikely" and charts.charts() == ["ada"]
    # A newer version that says the same asks once, and one that says it no more not at all.
    charts.says("b", link=[{"type": "replaces", "other": {"reference": "Patient/ada"}}], gender="female")
    assert len(said_to_be_one.waiting(charts.north)) == 1
    charts.says("b")
    assert said_to_be_one.waiting(charts.north) == []
    charts.says("ada", link=[{"type": "seealso", "other": {"reference": "Patient/b"}}])
    assert [one.kind for one in said_to_be_one.waiting(charts.north)] == ["seealso"]
    charts.join()
    assert said_to_be_one.waiting(charts.north) == []
    assert charts.north.linker.unlink("b") and len(said_to_be_one.waiting(charts.north)) == 1


def test_somebody_says_that_they_are_two_and_is_not_asked_again(charts: Charts) -> None:
    charts.says("ada", link=[{"type": "seealso", "other": {"reference": "Patient/b"}}])
    assert said_to_be_one.are_two(charts.north, "ada", "b", "office")
    assert said_to_be_one.waiting(charts.north) == []
    assert not said_to_be_one.are_two(charts.north, "ada", "b", "office")
    assert [row.person for row in charts.north.rows(store.manifest) if row.kind == "match-decided/1"] == [2]
    charts.says("ada", link=[{"type": "seealso", "other": {"reference": "Patient/b"}}], gender="female")
    assert said_to_be_one.waiting(charts.north) == []
    # Something else is something new.
    charts.says("b", link=[{"type": "replaced-by", "other": {"reference": "Patient/ada"}}])
    assert [one.kind for one in said_to_be_one.waiting(charts.north)] == ["replaced-by"]


def test_a_chart_that_was_found_to_be_another_s_is_not_kept_for_her(charts: Charts) -> None:
    charts.says("b", active=False, link=[{"type": "replaced-by", "other": {"reference": "Patient/ada"}}])
    charts.code_for("b")
    assert said_to_be_one.are_two(charts.north, "ada", "b", "office")
    with pytest.raises(LinkError, match="not the record of the patient that is in use"):
        charts.code_for("b")


def test_the_old_number_of_who_is_linked_is_linked_for_her_alone(charts: Charts) -> None:
    """Records lie under the old number still, which was merged into the one that is linked."""
    charts.says("b", active=False, link=[{"type": "replaced-by", "other": {"reference": "Patient/ada"}}])
    code = charts.code_for("b")
    with pytest.raises((LinkError, PeerError)) as refused:
        charts.present(charts.network.patient("thief"), code)
    assert refused.value.code == "another-person"  # type: ignore[union-attr]
    charts.present(charts.ada, code)
    assert waiting_links.beside(charts.north, charts.given().digest) == ["ada"]
    assert given_codes.decide(charts.north, charts.given().digest, True)
    assert holding.waiting(charts.north) == [] and set(charts.reads(charts.ada)) == {"ada", "b", "c1", "a9"}


def test_what_patients_said_before_it_was_written_down_is_read_once(charts: Charts) -> None:
    """A store of a former version has no such table, and no Patient comes again."""
    charts.says("ada", link=[{"type": "seealso", "other": {"reference": "Patient/b"}}])

    def former(connection: sql.Connection) -> None:
        connection.execute(sql.delete(said_to_be_one.chart_said))
        connection.execute(sql.delete(store.setting).where(store.setting.c.name == "charts-said"))

    charts.north.store.write(former)
    assert [one.other for one in said_to_be_one.waiting(charts.north)] == ["b"]
    charts.north.store.write(lambda connection: connection.execute(sql.delete(said_to_be_one.chart_said)))
    assert said_to_be_one.waiting(charts.north) == []


def test_a_store_of_a_former_version_gets_the_tables_and_keeps_every_row(tmp_path: Path) -> None:
    new = ("chart", "chart_record", "chart_said", "chart_epoch")
    made = Charts(tmp_path)
    people = made.north.rows(store.person)
    made.close()
    target = tmp_path / "north.db"
    engine = sql.create_engine(f"sqlite:///{target}")
    with engine.begin() as connection:
        for name in new:
            connection.execute(sql.text(f"DROP TABLE {name}"))
    engine.dispose()
    opened = store.Store(target)
    with opened.read() as connection:
        assert set(new) <= set(sql.inspect(connection).get_table_names())
        assert len(connection.execute(sql.select(store.person.c.id)).all()) == len(people)
        assert charted.numbers(connection, people[0].id) == ["ada"]
    opened.close()
