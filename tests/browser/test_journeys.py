"""Journeys of a person through her pages, with the mouse and with the keyboard alone, in a real browser."""

from typing import Any

import msgspec
import pytest

from medrec.core.crypto import key_id
from medrec.core.webauthn import read_registration
from medrec.demo.network import AGENT, Resident
from medrec.demo.stage import until
from medrec.node.accounts import submit_signed
from medrec.node.devices import home_of, remember
from medrec.portal.page import MOUNT
from medrec.portal.sign_in import from_text
from tests.browser.conftest import PHONE, Opener
from tests.browser.world import FIRST_HOSPITAL, World

SECOND = "st-brigid"


class Hand:
    """Does what a person does to reach a thing and use it: with the mouse, or with keys alone. Counts the taps."""

    def __init__(self, page: Any, keyboard: bool) -> None:
        self.page, self.keyboard, self.taps = page, keyboard, 0

    def press(self, role: str, name: str) -> None:
        target = self.page.get_by_role(role, name=name).first
        target.wait_for()
        self.taps += 1
        if not self.keyboard:
            target.click()
            return
        for _ in range(200):
            if target.evaluate("e => e === document.activeElement"):
                break
            self.page.keyboard.press("Tab")
        else:
            raise AssertionError(f"{role} {name!r} cannot be reached with the keyboard")
        self.page.keyboard.press("Enter")


@pytest.fixture(params=[False, True], ids=["mouse", "keyboard"])
def keyboard(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def passkey(page: Any) -> None:
    """A virtual authenticator of a phone, before the page calls for one."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable", {"enableUI": False})
    options = {
        "protocol": "ctap2", "ctap2Version": "ctap2_1", "transport": "internal", "hasResidentKey": True,
        "hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def give_passkey(world: World, page: Any, who: Resident) -> None:
    """The browser makes a passkey; the person's first key adds it to her account; the agent knows the device."""
    passkey(page)
    page.goto(world.origin(AGENT[0]) + MOUNT + "/sign-in")
    made = page.evaluate(
        """async () => {
          const { registration } = await import(new URL("passkey.js", location.href));
          return registration("localhost", "MedRec", crypto.getRandomValues(new Uint8Array(16)), "phone");
        }"""
    )
    agent = world.network.agent
    home = home_of(agent)
    assert home is not None
    credential = read_registration(from_text(made["authenticatorData"], 4096), [home.origin])
    payload = {"credential": msgspec.to_builtins(credential, builtin_types=(bytes,))}
    sign, mine = who.key.sign_transaction_id, who.key.key_id
    submit_signed(agent.engine, agent.network, who.account, mine, sign, "account/credential-add", payload)
    remember(agent, who.account, key_id(credential.key), from_text(made["id"], 1023), "phone")


def sign_in(world: World, page: Any) -> None:
    page.goto(world.origin(AGENT[0]) + MOUNT + "/sign-in")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url("**/people/*")


def test_a_first_permission_from_a_code_takes_three_taps(world: World, visit: Opener, keyboard: bool) -> None:
    page = visit(PHONE, "en")
    give_passkey(world, page, world.main)
    sign_in(world, page)
    code = world.a_code()
    page.goto(f"{world.origin(AGENT[0])}{MOUNT}/asked/{FIRST_HOSPITAL}/{code.hex()}")
    hand = Hand(page, keyboard)
    hand.press("button", "Yes, all of it")
    page.get_by_text("They may see it: Harbour General Hospital.").wait_for()
    hand.press("button", "Confirm with my key")
    page.get_by_text("Done. Your permission is in force now.").wait_for()
    assert hand.taps <= 3
    until(world.story.settled, "the permission to be anchored and told of")


def test_who_can_look_is_stopped_in_two_taps(world: World, visit: Opener, keyboard: bool) -> None:
    page = visit(PHONE, "en")
    page.goto(world.address("allow"))
    page.get_by_label("Who is it about?").select_option(label="Lakeside Clinic")
    page.get_by_role("button", name="Go on and read it").click()
    page.get_by_role("button", name="Confirm (demonstration key)").click()
    page.get_by_text("Done. Your permission is in force now.").wait_for()
    until(world.story.settled, "the permission to be told of")
    page.goto(world.address("sharing"))
    hand = Hand(page, keyboard)
    before = page.get_by_role("button", name="Stop this").count()
    hand.press("button", "Stop this")
    hand.press("button", "Confirm (demonstration key)")
    page.get_by_text("Done. It is stopped from now on.").wait_for()
    assert hand.taps <= 2
    until(world.story.settled, "the end to be told of")
    page.reload()
    assert page.get_by_role("button", name="Stop this").count() == before - 1
