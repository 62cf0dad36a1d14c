"""What is shown once is shown to the page that made it, and to no other of the same person."""

from medrec.portal.own import once
from tests.portal.rescue import WORDS, Circle, Holder
from tests.portal.test_ways_back import circle as circle


def test_the_words_of_a_sheet_come_to_the_page_that_made_it_alone(circle: Circle) -> None:
    ada = circle.ada
    # A thief at a device that was left signed in: a page of hers, and no finger. He asks first, again and again.
    other = Holder(circle.story, ada.key, ada.id)
    other.sign_in()
    for sheet, do in (("/keys/paper", "paper"), ("/keys/record", "record")):
        leads = ada.does(ada.page + "/keys", do=do).headers["location"]
        assert not WORDS.findall(other.get(ada.page + sheet).text)
        assert len(WORDS.findall(ada.get(leads).text)) >= 9
        assert not WORDS.findall(ada.get(leads).text)
    # And after ten minutes nobody sees them any more.
    leads = ada.does(ada.page + "/keys", do="record").headers["location"]
    circle.network.time += once.LIFE_MS
    assert not WORDS.findall(ada.get(leads).text)
