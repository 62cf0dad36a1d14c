"""A mother stands at the desk with her child's papers, at two places; then her own phone opens the child's record."""

import json
import os
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from medrec.core import commitment
from medrec.demo.network import AGENT, HOSPITALS, Resident
from medrec.demo.stage import until
from medrec.node.account import parents
from medrec.node.account.delegates import DELEGATIONS_PATH
from medrec.portal import words
from medrec.portal.page import MOUNT
from medrec.portal.people import handle
from tests.browser.conftest import DESK, PHONE, Opener
from tests.browser.hand import Hand, give_passkey, sign_in, sign_in_as
from tests.browser.own import own_world as own_world
from tests.browser.test_every_page import used
from tests.browser.test_linking import newcomer, scanned
from tests.browser.world import FIRST_HOSPITAL, World

pytestmark = pytest.mark.xdist_group("browser-parent")

Authenticate = Callable[[Any], Any]


SECOND_HOSPITAL = list(HOSPITALS)[1]


def known_at_second(world: World, child: Resident, patient: str, birth: str) -> None:
    """The child is a patient of another hospital, too."""
    line = {
        "resourceType": "Patient",
        "id": patient,
        "name": [{"family": "Berg", "given": ["Kim"]}],
        "birthDate": birth,
    }
    (world.network.records_folder(SECOND_HOSPITAL) / f"{patient}.ndjson").write_text(json.dumps(line) + "\n")
    world.story.ingest(SECOND_HOSPITAL)
    agent, node = world.network.agent.agent, world.network.nodes[SECOND_HOSPITAL]
    assert agent is not None
    agent.link(child.account, SECOND_HOSPITAL, node.linker.invite(patient), child.sign)


def stated_by_second(world: World, patient: str) -> None:
    """The other hospital has seen the same papers."""
    first, second = (world.network.nodes[name] for name in (FIRST_HOSPITAL, SECOND_HOSPITAL))
    (one,) = [one.kept for one in parents.stated(first) if one.kept.patient == patient]
    nullifier = commitment.nullifier(os.urandom(32)).hex()
    stated = parents.attest(
        second, msgspec.structs.replace(one.delegation, nullifier=nullifier, attested=SECOND_HOSPITAL)
    )
    second.peers.call(AGENT[0], DELEGATIONS_PATH, stated)


def test_a_parent_is_named_at_the_desk_and_opens_the_record_of_the_child(
    world: World, visit: Opener, authenticator: Authenticate, keyboard: bool
) -> None:
    how = "keys" if keyboard else "mouse"
    patient = f"child-{how}"
    child = newcomer(world, f"Kim Berg{how}", patient, "2019-03-27")
    mother = newcomer(world, f"Bo Berg{how}", f"mother-{how}")
    agent = world.network.agent.agent
    assert agent is not None
    agent.link(child.account, FIRST_HOSPITAL, world.network.nodes[FIRST_HOSPITAL].linker.invite(patient), child.sign)
    known_at_second(world, child, patient, "2019-03-27")
    desk, phone = Hand(visit(DESK, "en"), keyboard), Hand(visit(PHONE, "en"), keyboard)
    authenticator(phone.page)
    give_passkey(world, phone.page, mother)
    sign_in(world, phone)
    helping = f"{world.origin(AGENT[0])}{MOUNT}/people/{handle(mother.account)}/helping"
    phone.page.goto(helping)
    address = scanned(phone.page, phone.page.locator("figure svg"))
    assert address == mother.account and address in phone.page.inner_text("main")
    sign_in_as(world, desk, FIRST_HOSPITAL, words.SIGN_IN["desk"])
    page = desk.page
    page.goto(world.address("desk"))
    desk.press("link", words.NAMES["desk_parent"])
    page.get_by_role("heading", name=words.NAMES["desk_parent"], exact=True).wait_for()
    # Somebody who is grown has no parent here, whatever the papers say.
    for name, text in (("patient", f"mother-{how}"), ("delegate", address), ("name", "Bo Berg")):
        desk.write(page.locator(f"#{name}"), text)
    desk.tick(page.locator("form[aria-labelledby=new] input[name=seen]"))
    desk.press("button", words.DESK_PARENT["go_on"])
    page.get_by_role("alert").first.wait_for()
    assert page.locator("#delegate").input_value() == address
    desk.write(page.locator("#patient"), patient)
    desk.tick(page.locator("form[aria-labelledby=new] input[name=seen]"))
    desk.press("button", words.DESK_PARENT["go_on"])
    page.get_by_text(words.DONE["attested"]).wait_for()
    assert f"Bo Berg, for patient {patient}" in page.inner_text("main")
    assert used(page, f"desk-parent-{how}", "en") == []
    until(world.story.settled, "the statement to be told of")
    phone.page.goto(helping)
    assert phone.page.get_by_role("button", name=f"Go on for Kim Berg{how}").count() == 0, "one place alone: it waits"
    stated_by_second(world, patient)
    phone.page.goto(helping)
    assert used(phone.page, f"helping-parent-{how}", "en") == []
    phone.page.set_viewport_size(PHONE)
    phone.press("button", f"Go on for Kim Berg{how}")
    phone.page.wait_for_url(f"**/people/{handle(child.account)}*")
    assert f"Kim Berg{how}" in phone.page.inner_text("body")
    assert phone.page.said == [] and page.said == []
