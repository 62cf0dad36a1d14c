"""Pages stay small and quick: ten thousand looks, and no page heavier than a slow phone can bear."""

import re
import time
from typing import Any

import pytest
import sqlalchemy as sql

from medrec.node.keeping import store
from medrec.node.looks.looks import look
from medrec.portal.own import charts
from medrec.portal.people import handle
from medrec.portal.table import PAGES
from tests.portal.reading import person_page, read, walk
from tests.portal.story import Story

PAGE_BYTES = 150_000
LOOKS = 10_000


def test_no_page_is_heavier_than_its_budget(told: Story) -> None:
    for organisation in ("north", "guide"):
        client = told.client(organisation)
        for path, answer in walk(client).items():
            if "html" in answer.headers["content-type"]:
                assert len(answer.content) < PAGE_BYTES, path
    assert len(PAGES) > 20


def test_ten_thousand_looks_are_paged_from_the_index(told: Story, record_property: Any) -> None:
    guide: Any = told.network["guide"]
    account = told.person.account  # type: ignore[attr-defined]
    client = told.client("guide")
    page = person_page(told) + "/looks"
    read(client, page)
    with guide.store.read() as connection:
        model = connection.execute(sql.select(look).where(look.c.account == account, look.c.given.is_not(None))).first()
        notices = connection.execute(sql.select(sql.func.count()).select_from(store.notice)).scalar()
    rows = [
        {**model._mapping, "pair": number.to_bytes(16, "big"), "time": number + 1, "answer": ""}
        for number in range(LOOKS)
    ]
    guide.store.write(lambda connection: connection.execute(sql.insert(look), rows))
    try:
        opened = 0
        real = guide.vault.open

        def counted(*parts: Any) -> bytes:
            nonlocal opened
            opened += 1
            return real(*parts)

        guide.vault.open = counted
        begin = time.perf_counter()
        html = read(client, page + "?page=250")
        record_property("seconds", time.perf_counter() - begin)
        guide.vault.open = real
    finally:
        guide.store.write(lambda connection: connection.execute(sql.delete(look).where(look.c.time <= LOOKS)))
    assert "10,00" in html and len(html) < PAGE_BYTES
    # What makes it quick whatever the machine: a page opens its own lines and none of the others.
    assert opened < 60 and notices is not None
    assert handle(account) in page


@pytest.mark.parametrize("count", [2, 40, 200, 1000, 5000])
def test_a_chart_is_small_however_many_values_there_are(count: int) -> None:
    day = 86_400_000
    values = [(number * day, 120.0 + number * 37 % 41) for number in range(count)]
    points = charts.points_of(values)
    for size in (charts.WIDE, charts.NARROW):
        drawn = charts.drawn([points], size, "Blood pressure <&>", ("1", "2"))
        assert len(drawn) < 20_000 * (1 if count <= 2000 else 2) and "<&>" not in drawn
    assert (len(points) == count) if count <= charts.POINTS else (len(points) <= count // 7 + 2)
    assert all(point.low <= point.value <= point.high for point in points)


@pytest.mark.parametrize(
    ("values", "above"),
    [((160, 150, 127, 132, 132, 136, 134), True), ((100, 110, 132, 128, 129, 127, 128), False), ((5, 9), False)],
)
def test_the_last_number_stands_where_fewer_points_are(values: tuple[int, ...], above: bool) -> None:
    """Among points that lie close below it, it stands above them."""
    times = [0, 100, *range(200, 200 + 2 * (len(values) - 2), 2)][: len(values)]
    points = charts.points_of([(time, float(value)) for time, value in zip(times, values, strict=True)])
    drawn = charts.drawn([points], charts.NARROW, "Blood pressure", ("1", "2"))
    dot = re.findall(r'cy="([0-9.]+)" r="6"', drawn)
    number = re.findall(r'class="here" x="[0-9.]+" y="([0-9.]+)"', drawn)
    assert (float(number[0]) < float(dot[0])) is above


@pytest.mark.parametrize("count", [7, 900])
def test_a_chart_of_a_pair_has_two_lines_and_both_last_numbers(count: int) -> None:
    day = 86_400_000
    upper = [(number * day, 120.0 + number * 37 % 41) for number in range(count)]
    lines = [charts.points_of(upper), charts.points_of([(time, value - 47.5) for time, value in upper])]
    drawn = charts.drawn(lines, charts.WIDE, "Blood pressure", ("1", "2"))
    assert drawn.count('class="line"') == 2 and drawn.count('class="range"') == (0 if count == 7 else 2)
    last = re.findall(r'class="here"[^>]*>([0-9.]+)<', drawn)
    assert last == [charts.told(points[-1].value) for points in lines]
    heights = [float(one) for one in re.findall(r'cy="([0-9.]+)"', drawn)]
    assert all(0 < height < charts.WIDE.height for height in heights)
