"""Whatever waits for somebody says for whom and since when; no page holds its visitor up, however long places hang."""

import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from medrec.node.peers.peers import Fault
from medrec.portal import language, render, words
from medrec.portal.own import record
from medrec.portal.people import handle
from medrec.portal.session import BY_ITSELF, IDLE_MS
from tests.node.helping import Help
from tests.portal.reading import read, text_of
from tests.portal.story import Story, observation
from tests.portal.test_acting import help_ as help_
from tests.portal.test_acting import page, signed_in, take_up
from tests.portal.test_sign_in import Person, sign, visitor

HANGS_S = 120
REFRESH = re.compile(r'<noscript><meta http-equiv="refresh" content="\d+;url=([^"]+)"></noscript>')
REGION = re.compile(r'<div id="waits" role="status"( data-refresh)?>(.*?)</div>', re.DOTALL)


class Hanging:
    """A network on which some places take a call and do not answer it until they are released."""

    def __init__(self, story: Story) -> None:
        self.places: set[str] = set()
        self.asked = threading.Event()
        self._released = threading.Event()
        wires = story.network.wires
        wires.fault = lambda caller, organisation, path: Fault(delay_ms=int(organisation in self.places))
        wires.sleep = self._sleep

    def _sleep(self, ms: int) -> None:
        self.asked.set()
        self._released.wait(HANGS_S)

    def release(self) -> None:
        """Every place answers again, those that were asked before, too."""
        self.places.clear()
        self._released.set()


@pytest.fixture
def hanging(empty: Story) -> Iterator[Hanging]:
    network = Hanging(empty)
    yield network
    network.release()


def until_read(node: Any, account: str) -> None:
    """The reading that is under way is over."""
    for thread in threading.enumerate():
        if thread.name == "own-record":
            thread.join(HANGS_S)
    assert node.copies.under_way(account) is None


def at_once(client: TestClient, path: str) -> Any:
    """The answer of a page, which does not wait for whoever hangs."""
    answers: list[Any] = []
    asking = threading.Thread(target=lambda: answers.append(client.get(path)), daemon=True)
    asking.start()
    asking.join(HANGS_S / 2)
    assert answers, f"{path} waits for somebody"
    return answers[0]


def waiting(html: str) -> str:
    """What a page says that it waits for; "" for nothing."""
    ((refreshed, inside),) = REGION.findall(html)
    assert bool(refreshed) == bool(inside.strip()) == bool(REFRESH.search(html))
    return text_of(inside.partition('<section class="card state good" data-over')[0])


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_a_page_says_which_place_has_not_answered_yet_and_since_when(empty: Story, hanging: Hanging, code: str) -> None:
    ada = empty.network.patient("ada", "north", "south")
    for place in ("north", "south"):
        empty.network.consent(ada, place, "guide")
        empty.network[place].put("Observation", "bp", observation("bp", "ada", "120/80"))
    empty.settle()
    node: Any = empty.network["guide"]
    client = empty.client("guide")
    own = f"/people/{handle(ada.account)}"
    assert waiting(read(client, f"{own}/record?lang={code}")) == ""
    hanging.places.add("south")
    assert client.post(f"{own}/record/fetch").status_code == 200
    assert hanging.asked.wait(HANGS_S)
    empty.network.time += 65_000
    shown = read(client, f"{own}/record?lang={code}")
    with language.use(code):
        minute = str(render.say(words.TIMES["minutes"], count=1))
        says = str(words.WAITS["reading"]).format(when=minute, places="South")
        assert says in waiting(shown) and words.WAITS["again"] in waiting(shown) and words.WAITS["title"] in shown
        # What another place gave is there meanwhile.
        assert words.RECORD["results"] in shown
    hanging.release()
    until_read(node, ada.account)
    assert waiting(read(client, f"{own}/record?lang={code}")) == ""


@pytest.mark.parametrize(("path", "said"), [("record", words.RECORD["results"]), ("record/kinds/results", "120/80")])
def test_what_a_reading_brings_while_a_page_is_made_is_on_the_next_one(
    empty: Story, hanging: Hanging, monkeypatch: pytest.MonkeyPatch, path: str, said: str
) -> None:
    ada = empty.network.patient("ada", "south")
    empty.network.consent(ada, "south", "guide")
    empty.network["south"].put("Observation", "bp", observation("bp", "ada", "120/80"))
    empty.settle()
    node: Any = empty.network["guide"]
    client = empty.client("guide")
    hanging.places.add("south")
    node.copies.refresh_soon(ada.account)
    assert hanging.asked.wait(HANGS_S)
    entries = record.entries

    def read_slowly(*arguments: Any, **more: Any) -> Any:
        found = entries(*arguments, **more)
        hanging.release()
        until_read(node, ada.account)
        return found

    monkeypatch.setattr(record, "entries", read_slowly)
    own = f"/people/{handle(ada.account)}/{path}"
    shown = read(client, own)
    assert said not in shown and "South" in waiting(shown)
    over = read(client, own)
    assert waiting(over) == "" and said in over


def test_a_helper_for_some_kinds_is_told_of_no_place(help_: Help) -> None:
    help_.name_bo(types=["Observation"])
    client = signed_in(help_, help_.bo)
    take_up(help_, client)
    hanging = Hanging(help_.story)
    hanging.places.add("south")
    help_.guide.copies.refresh_soon(help_.ada.account)
    assert hanging.asked.wait(HANGS_S)
    said = waiting(read(client, f"{page(help_.ada)}/record"))
    hanging.release()
    assert words.WAITS["reading_some"].partition("{")[0] in said and "South" not in said and "North" not in said


def test_a_page_that_loads_itself_anew_without_a_script_keeps_no_session_alive(empty: Story, hanging: Hanging) -> None:
    ada = Person(empty)
    client = visitor(empty)
    sign(empty, client, ada.phone, ada.id)
    link = empty.network["north"].linker.invite("ada")
    guide: Any = empty.network["guide"]
    guide.agent.link(ada.account, "north", link, ada.phone.sign_for)
    hanging.places.add("north")
    guide.copies.refresh_soon(ada.account)
    assert hanging.asked.wait(HANGS_S)
    record = f"{ada.page}/record"
    (asked,) = REFRESH.findall(client.get(record).text)
    assert asked == f"?{BY_ITSELF}=1"
    for _ in range(3):
        empty.network.time += IDLE_MS // 3
        again = client.get(record + asked)
        assert again.status_code == 200 and REFRESH.search(again.text)
        # Nothing on the page leads on as if nobody had touched it.
        assert again.text.count(BY_ITSELF) == 1
    empty.network.time += 1
    assert client.get(record + asked).status_code == 303
    assert client.get(record).status_code == 303


def test_a_form_counts_as_touched_whatever_its_address_says(empty: Story) -> None:
    ada = Person(empty)
    client = visitor(empty)
    sign(empty, client, ada.phone, ada.id)
    for _ in range(3):
        empty.network.time += IDLE_MS
        assert client.post(f"{ada.page}/record/fetch?{BY_ITSELF}=1", data={"csrf": "x"}).status_code == 403
    assert client.get(ada.page).status_code == 200
