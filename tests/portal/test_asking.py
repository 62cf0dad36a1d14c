"""A clinician asks other places: one that hangs holds up neither her nor what the others give."""

import re
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from medrec.core.manifests.inside import OwnLookManifest
from medrec.portal import clinic, words
from medrec.portal.asking import PATIENCE_S, Asking
from medrec.portal.session import IDLE_MS
from tests.node.test_labels import put
from tests.node.test_parts import SECRET, marked, some
from tests.portal.reading import text_of
from tests.portal.story import HOUR, Story
from tests.portal.test_clinic import ADA, PILL, clinician, lines
from tests.portal.test_clinic import told as told
from tests.portal.test_sign_in import visitor
from tests.portal.test_waits import HANGS_S, REFRESH, Hanging, waiting

OTHER_PILL = PILL.replace("Lisinopril 10 MG", "Metformin 500 MG")
FORM = {"patient": "ada", "purpose": "TREAT", "reason": "First visit today"}


@pytest.fixture
def hanging(told: Story, patience: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hanging]:
    """North hangs; east answers. Both may give south what they have."""
    monkeypatch.setattr(clinic, "PATIENCE_S", PATIENCE_S)
    network: Any = told.network
    ada = told.person  # type: ignore[attr-defined]
    network[network.AGENT].agent.link(ada.account, "east", network["east"].linker.invite("ada"), ada.sign)
    network["east"].put("MedicationRequest", "rx", OTHER_PILL)
    for place in ("north", "east"):
        network.consent(ada, place, "south", until=network.time + 24 * HOUR)
    told.settle()
    made = Hanging(told)
    made.places.add("north")
    yield made
    made.release()


def asked(told: Story, hanging: Hanging, *places: str) -> tuple[TestClient, str]:
    """The clinician of south asks these places; her browser and where it is sent."""
    client, csrf = clinician(told)
    form = {**FORM, "csrf": csrf, **{f"from-{place}": "1" for place in places}}
    answer = client.request("POST", "/clinic/patient", data=form)
    assert answer.status_code == 303 and hanging.asked.is_set()
    return client, answer.headers["location"]


def when_over(client: TestClient, screen: str) -> str:
    """The screen when it waits for nobody any more."""
    for _ in range(10 * HANGS_S):
        html = client.get(screen).text
        if not waiting(html):
            return html
        time.sleep(0.1)
    raise AssertionError("the screen waits for ever")


def test_what_came_is_shown_while_one_place_hangs_and_the_rest_when_it_answers(told: Story, hanging: Hanging) -> None:
    client, screen = asked(told, hanging, "north", "east")
    assert "ada" not in re.sub("[0-9a-f]{32}", "", screen) and "First" not in screen
    told.network.time += 65_000
    shown = client.get(screen)
    for _ in range(10 * HANGS_S):
        if "Metformin" in shown.text:
            break
        time.sleep(0.1)
        shown = client.get(screen)
    says = text_of(waiting(shown.text))
    # Staff read day and hour.
    assert says.startswith(words.WAITS["title"]) and "North" in says and "East" not in says and "2025 at" in says
    assert "Metformin" in shown.text and "Lisinopril" not in shown.text
    (refresh,) = REFRESH.findall(shown.text)
    # However often she looks, it was asked once, and opened once.
    for _ in range(3):
        assert client.get("/clinic/patient" + unescape(refresh)).status_code == 200
    hanging.release()
    over = when_over(client, screen)
    assert "Metformin" in over and "Lisinopril" in over
    told.settle()
    for place in ("north", "east"):
        assert len(lines(told, place, "disclosure/1")) == 1
    looks = [one for one in lines(told, "south", "own-look/1") if isinstance(one, OwnLookManifest)]
    assert len(looks) == 1


def test_who_answers_while_the_screen_is_made_is_waited_for_and_on_the_next_one(
    told: Story, hanging: Hanging, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions: list[Asking] = []
    monkeypatch.setattr(clinic, "Asking", lambda *of: questions.append(Asking(*of)) or questions[0])
    client, screen = asked(told, hanging, "north", "east")
    lists: Any = told.network["south"].lists
    merge = lists.with_received

    def merged_slowly(*arguments: Any) -> Any:
        hanging.release()
        assert questions[0].wait(HANGS_S)
        return merge(*arguments)

    monkeypatch.setattr(lists, "with_received", merged_slowly)
    shown = client.get(screen).text
    assert "Lisinopril" not in shown and "North" in waiting(shown)
    over = client.get(screen).text
    assert waiting(over) == "" and "Metformin" in over and "Lisinopril" in over


def test_a_screen_that_waits_opens_for_who_asked_alone(told: Story, hanging: Hanging) -> None:
    client, screen = asked(told, hanging, "north")
    stranger = visitor(told, "south")
    assert stranger.get(screen).status_code == 303 and stranger.get(screen).headers["location"].endswith("/sign-in")
    for role, status in (("desk", 403), ("privacy-officer", 403)):
        other = visitor(told, "south", demonstration=True)
        other.post("/sign-in/demonstration", data={"role": role})
        assert other.get(screen).status_code == status
    # Of another site with the same people, and of an address that was never given.
    assert client.get("/clinic/patient?form=" + "0" * 32).headers["location"] == "/clinic?done=look_over"
    assert client.get(screen).status_code == 200


def test_a_screen_that_waits_keeps_no_session_alive(told: Story, hanging: Hanging) -> None:
    client, screen = asked(told, hanging, "north")
    (refresh,) = REFRESH.findall(client.get(screen).text)
    told.network.time += IDLE_MS // 2
    assert client.get("/clinic/patient" + unescape(refresh)).status_code == 200
    told.network.time += IDLE_MS // 2 + 1
    # In a demonstration whoever is signed out is nobody, whose screen it is not.
    assert client.get("/clinic/patient" + unescape(refresh)).headers["location"] == "/sign-in"


def test_a_place_that_answers_at_once_needs_no_second_page(
    told: Story, hanging: Hanging, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clinic, "PATIENCE_S", 120.0)
    client, csrf = clinician(told)
    given = client.post("/clinic/patient", data={**FORM, "csrf": csrf, "from-east": "1"})
    assert given.status_code == 200 and "Metformin" in given.text and waiting(given.text) == ""


def screen(folder: Path, hidden: bool, marks: bool) -> str:
    """What a clinician of south reads when she asked north, which keeps back what is about substance use: without what
    is by chance in every page."""
    story = Story(folder)
    network: Any = story.network
    ada = network.patient("ada", "north", "south")
    network["south"].put("Patient", "ada", ADA)
    put(network, "Condition", "asthma", code={"text": "Asthma"})
    if hidden:
        some(network)
    marked(network, ada, marks=marks)
    story.settle()
    client, csrf = clinician(story)
    answer = client.post("/clinic/patient", data={**FORM, "csrf": csrf, "from-north": "1"})
    assert answer.status_code == 200
    network.close()
    # How many forms this process has shown says nothing of one page.
    return re.sub(r'[0-9a-f]{16,}|name="copy" value="[0-9]+"', "#", answer.text)


def test_the_screen_says_that_something_is_left_out_only_where_the_person_allows_it(tmp_path: Path) -> None:
    without = screen(tmp_path / "without", hidden=False, marks=False)
    assert "Asthma" in without and words.CLINIC["in_part"] not in without
    # Where she does not allow marks, the page is the same to the byte as if there were nothing to hide.
    assert screen(tmp_path / "hidden", hidden=True, marks=False) == without
    marks = screen(tmp_path / "marks", hidden=True, marks=True)
    assert words.CLINIC["in_part"] in marks and "Thiamine" in marks and SECRET not in marks
