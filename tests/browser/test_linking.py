"""A patient is linked at the desk: the clerk's screen, the picture on it, the patient's phone, and records arrive."""

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
import zxingcpp

from medrec.demo.network import AGENT, Resident
from medrec.demo.stage import until
from medrec.node.account.accounts import open_account
from medrec.node.keeping.keys import PersonKey
from medrec.node.notify import asking
from medrec.portal import words
from medrec.portal.page import MOUNT
from medrec.portal.people import handle
from medrec.portal.session import BY_ITSELF
from tests.browser import checks
from tests.browser.conftest import DESK, PHONE, Opener
from tests.browser.hand import Hand, give_passkey, sign_in_as
from tests.browser.own import own_world as own_world
from tests.browser.test_every_page import used
from tests.browser.world import FIRST_HOSPITAL, World

pytestmark = pytest.mark.xdist_group("browser-linking")

Authenticate = Callable[[Any], Any]
GREY = """async (svg) => {
  const image = new Image();
  image.src = "data:image/svg+xml;base64," + btoa(svg);
  await image.decode();
  const canvas = Object.assign(document.createElement("canvas"), { width: image.width, height: image.height });
  const pen = canvas.getContext("2d");
  pen.drawImage(image, 0, 0);
  const { data } = pen.getImageData(0, 0, image.width, image.height);
  return [image.width, image.height, Array.from({ length: data.length / 4 }, (_, at) => data[4 * at])];
}"""


def scanned(page: Any, shown: Any) -> str:
    """What a camera reads of the picture that stands in a figure."""
    svg = shown.evaluate("e => new XMLSerializer().serializeToString(e)")
    blank = page.context.new_page()
    width, height, grey = blank.evaluate(GREY, svg)
    blank.close()
    (code,) = zxingcpp.read_barcodes(memoryview(bytes(grey)).cast("B", [height, width]))
    return str(code.text)


def newcomer(world: World, name: str, patient: str, birth: str = "1961-03-27") -> Resident:
    """Somebody with an account at the agent, whom a hospital has records of and does not know to be her."""
    given, family = name.split()
    key = PersonKey.generate()
    network, agent = world.network, world.network.agent.agent
    account = open_account(network.engine, network.network, key, os.urandom)
    network.even()
    resident = Resident(name, key, account, os.urandom(32), {})
    assert agent is not None
    agent.enroll(account, name, resident.view_secret)
    about, name_of = {"reference": f"Patient/{patient}"}, [{"family": family, "given": [given]}]
    weight = {
        "code": {"text": "Weight"},
        "valueQuantity": {"value": 71, "unit": "kg"},
        "effectiveDateTime": "2026-01-02",
    }
    lines = [
        {"resourceType": "Patient", "id": patient, "name": name_of, "birthDate": birth},
        {"resourceType": "Observation", "id": f"{patient}-w", "status": "final", "subject": about, **weight},
    ]
    folder = network.records_folder(FIRST_HOSPITAL)
    (folder / f"{patient}.ndjson").write_text("".join(json.dumps(line) + "\n" for line in lines))
    world.story.ingest(FIRST_HOSPITAL)
    return resident


def code_at_the_desk(world: World, desk: Hand, patient: str, given: str, family: str) -> str:
    """The clerk types what the papers say; what the camera of the person reads off the screen."""
    page = desk.page
    page.goto(world.address("desk"))
    for name, text in (("patient", patient), ("family", family), ("given", given), ("birth", "1961-03-27")):
        desk.write(page.locator(f"#{name}"), text)
    desk.press("button", words.DESK["make"])
    page.get_by_text(words.DESK["code_waiting"]).wait_for()
    return scanned(page, page.locator("figure svg"))


def test_a_patient_is_linked_at_the_desk_and_her_records_arrive(
    world: World, visit: Opener, authenticator: Authenticate, keyboard: bool
) -> None:
    how = "keys" if keyboard else "mouse"
    patient, family = f"link-{how}", f"Okafor{how}"
    who = newcomer(world, f"Lina {family}", patient)
    desk, phone = Hand(visit(DESK, "en"), keyboard), Hand(visit(PHONE, "en"), keyboard)
    authenticator(phone.page)
    give_passkey(world, phone.page, who)
    sign_in_as(world, desk, FIRST_HOSPITAL, words.SIGN_IN["desk"])
    address = code_at_the_desk(world, desk, patient, "Lina", family)
    asked: list[str] = []
    polled: list[bool] = []
    desk.page.on(
        "request",
        lambda request: polled.append(BY_ITSELF in request.headers) if request.resource_type == "fetch" else None,
    )
    phone.page.on("request", lambda request: asked.append(request.url))
    phone.page.goto(address)
    phone.press("button", words.SIGN_IN["button"])
    phone.page.get_by_text(words.LINKING["what"]).wait_for()
    assert not any("MEDREC" in one for one in asked), "the code went out in an address"
    assert "Harbour General Hospital wants to know you here" in phone.page.inner_text("main")
    assert phone.page.locator("#family").input_value() == family
    for name, text in (("day", "27"), ("month", "3"), ("year", "1961")):
        phone.write(phone.page.locator(f"#{name}"), text)
    phone.press("button", words.LINKING["yes"])
    phone.press("button", words.SIGN["sign"])
    phone.page.get_by_text(words.LINKING["tell"]).wait_for()
    assert phone.taps <= 3
    digits = phone.page.locator(".figure").inner_text()
    # The clerk touched nothing: her page has heard of it by itself, and said so of each of its requests.
    desk.page.get_by_text(words.DESK["code_linked"]).first.wait_for()
    assert desk.page.locator("#codes .figure").first.inner_text() == digits
    assert polled and all(polled)
    desk.press("button", words.DESK["compare_same"])
    desk.page.get_by_text(words.DESK["code_confirmed"]).first.wait_for()
    until(world.story.settled, "the link to be told of")
    record = f"{world.origin(AGENT[0])}{MOUNT}/people/{handle(who.account)}/record/kinds/results"
    copies = world.network.agent.copies
    assert copies is not None
    until(lambda: any(one.records for one in copies.readings(who.account)), "her records to be read")
    phone.page.goto(record)
    assert "71 kg" in phone.page.inner_text("main") and "Harbour General Hospital" in phone.page.inner_text("main")
    assert phone.page.said == [] and desk.page.said == []


def test_what_stands_there_while_somebody_is_linked_can_be_used_by_everybody(
    world: World, visit: Opener, authenticator: Authenticate
) -> None:
    who = newcomer(world, "Mina Palm", "link-seen")
    desk, phone = Hand(visit(DESK, "en"), False), Hand(visit(PHONE, "en"), False)
    sign_in_as(world, desk, FIRST_HOSPITAL, words.SIGN_IN["desk"])
    address = code_at_the_desk(world, desk, "link-seen", "Mina", "Palm")
    assert checks.axe_violations(desk.page) + checks.overflow(desk.page) + checks.too_small(desk.page) == []
    authenticator(phone.page)
    give_passkey(world, phone.page, who)
    phone.page.goto(address)
    assert used(phone.page, "scan-signed-out", "en") == []
    phone.page.set_viewport_size(PHONE)
    phone.press("button", words.SIGN_IN["button"])
    phone.page.get_by_text(words.LINKING["what"]).wait_for()
    assert used(phone.page, "linking-asked", "en") == []
    assert phone.page.said == []


def test_a_first_permission_from_a_picture_takes_three_taps_with_signing_in(
    world: World, visit: Opener, authenticator: Authenticate, keyboard: bool
) -> None:
    phone = Hand(visit(PHONE, "en"), keyboard)
    authenticator(phone.page)
    give_passkey(world, phone.page, world.main)
    phone.page.goto(asking.address(world.network.nodes[FIRST_HOSPITAL], AGENT[0], world.a_code()))
    phone.press("button", words.SIGN_IN["button"])
    phone.press("button", words.ASKED["yes"])
    phone.press("button", words.SIGN["sign"])
    phone.page.get_by_text("Done. Your permission is in force now.").wait_for()
    assert phone.taps == 3
    until(world.story.settled, "the permission to be anchored and told of")
