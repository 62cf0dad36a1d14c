"""Who is dismissed finishes nothing of what she began."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medrec.core import ladder, state
from medrec.node import operate
from medrec.node.account import staff
from medrec.portal.sign_in import to_text
from medrec.portal.signing import desk_of, digest_of
from tests.portal.rescue import Circle, Holder, NewPhone
from tests.portal.test_ways_back import clerks, ladder_of


@pytest.fixture
def circle(tmp_path: Path) -> Iterator[Circle]:
    made = Circle(tmp_path)
    yield made
    made.network.close()


def test_who_is_dismissed_finishes_nothing_that_waited(circle: Circle) -> None:
    """Neither the page to sign that was open, nor what the first of two signed before he went."""
    rose, carl = clerks(circle)
    phone = NewPhone(circle.story, "a thief's phone")
    fields = {"do": "vouch", "patient": "ada", "check": "document", "number": phone.number}
    rose.does("/desk/vouch", **fields)
    open_page = carl.send("/desk/vouch", do="second", account=circle.ada.account)
    ticket = carl.get(open_page.headers["location"]).headers["location"].split("#")[1]
    frozen = carl.send("/desk/vouch", do="freeze", patient="ada")
    by_name = {member.name: member.id for member in staff.members(circle.north)}
    staff.dismiss(circle.north, by_name["Rose"])
    late = answered(carl, ticket)
    assert late.status_code == 404 and ladder_of(circle).attempt is None
    assert circle.ada.account not in carl.get("/desk/vouch").text
    staff.dismiss(circle.north, by_name["Carl"])
    assert carl.client.get(frozen.headers["location"]).status_code in (303, 401)


def test_a_page_to_sign_that_was_open_ends_with_who_opened_it(circle: Circle) -> None:
    rose, carl = clerks(circle)
    phone = NewPhone(circle.story, "a thief's phone")
    fields = {"do": "vouch", "patient": "ada", "check": "document", "number": phone.number}
    rose.does("/desk/vouch", **fields)
    sent = [
        carl.send("/desk/vouch", do="second", account=circle.ada.account),
        carl.send("/desk/vouch", do="freeze", patient="ada"),
    ]
    tickets = [carl.get(one.headers["location"]).headers["location"].split("#")[1] for one in sent]
    (carl_id,) = [member.id for member in staff.members(circle.north) if member.name == "Carl"]
    operate.manage_staff(circle.north, "dismiss", carl_id, "")
    assert [answered(carl, ticket).status_code for ticket in tickets] == [401, 401]
    with circle.network.engine.view() as view:
        held = state.account(view, circle.ada.account)
        known = state.read(view, ladder.staff_key("north"), ladder.Staff)
    assert ladder_of(circle).attempt is None and held is not None and not held.frozen
    # And on the ledger his key counts no more; hers keeps its age.
    assert known is not None and list(known.keys) == [rose.key.key_id.hex()]


def answered(holder: Holder, ticket: str) -> Any:
    """Somebody's browser signs a ticket that was open."""
    kept = desk_of(holder.story.network[holder.organisation]).find(ticket)  # type: ignore[arg-type]
    proofs = [holder.proof(digest_of(piece.form, piece.value)) for piece in kept.pieces]
    return holder.client.post("/signing/answer", json={"ticket": ticket, "id": to_text(holder.id), "proofs": proofs})
