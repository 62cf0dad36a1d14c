"""The officer's page of what people ask about looks: in turn, in pages of its own, counted by people."""

from pathlib import Path

from medrec.node.looks.disputes import DISPUTED_PATH
from medrec.node.looks.disputing import dispute
from medrec.portal import questions, render, words
from tests.node.test_disputes import carry
from tests.portal.reading import text_of
from tests.portal.story import Story
from tests.portal.test_sign_in import staff_visitor


def test_whoever_asks_much_keeps_nobody_else_s_question_from_the_officer(tmp_path, monkeypatch):
    monkeypatch.setattr(questions, "SHOWN", 2)
    story = Story(Path(tmp_path))
    network = story.network
    story.person = ada = story.tell()
    mallory = network.patient("mallory", "south", "north")
    for number in range(3):
        said = f"spam {number}"
        dispute(network["guide"], mallory.account, "north", "south", mallory.sign, mallory.key.key_id, words=said)
        # Those of one moment stand in any order.
        network.time += 1_000
    network.time += 60_000
    dispute(network["guide"], ada.account, "north", "south", ada.sign, ada.key.key_id, words="never was there")
    story.settle()
    carry(network, DISPUTED_PATH)
    story.settle()
    officer = staff_visitor(story, "privacy-officer")
    shown = officer.get("/office").text
    panel, complete = shown.split('aria-labelledby="complete"')
    assert "spam 0" in panel and "never was there" in panel and panel.count("spam") == 1
    assert text_of(str(render.say(words.COMPLETE["about_us"], count=2))) in text_of(complete)
    assert "?questions=2#questions" in panel and "?page=2" not in panel
    shown = officer.get("/office?questions=2").text
    assert "spam 1" in shown and "spam 2" in shown and "never was there" not in shown and "?questions=1" in shown
    for odd in ("x", "0", "-1", "9" * 30, "²"):
        assert "never was there" in officer.get("/office", params={"questions": odd}).text
    story.network.close()
