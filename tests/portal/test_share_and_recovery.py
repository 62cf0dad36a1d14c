"""What somebody shared from a stolen phone ends with its key."""

from datetime import UTC, datetime

from medrec.node.agent import links
from tests.portal.rescue import Circle, NewPhone
from tests.portal.test_share import fetch, payload
from tests.portal.test_sign_in import visitor
from tests.portal.test_ways_back import circle as circle
from tests.portal.test_ways_back import comes_back


def test_a_link_that_a_thief_made_does_not_outlive_the_key(circle: Circle) -> None:
    code = circle.paper()
    ada = circle.ada
    day = datetime.fromtimestamp(circle.network.time / 1000, tz=UTC).date().isoformat()
    ada.does(ada.page + "/writing", what="symptom", text="Headache", day=day)
    ada.does(ada.page + "/share", share="1", everything="1", life="month", views="any", passcode="rain 7")
    made = payload(ada.get(ada.page + "/share").text)
    stranger = visitor(circle.story)
    assert fetch(stranger, made, passcode="rain 7").status_code == 200
    phone = NewPhone(circle.story)
    assert phone.send("/coming-back", do="paper", words=code).status_code == 303
    assert fetch(stranger, made, passcode="rain 7").status_code == 404
    comes_back(circle, phone, 24)
    assert fetch(stranger, made, passcode="rain 7").status_code == 404
    # For good, and her page says that it is over.
    assert "Works now" not in phone.get(ada.page + "/share").text
    assert all(link.stopped for link in links.of_account(circle.guide, ada.account))
