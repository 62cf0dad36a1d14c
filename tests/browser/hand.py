"""A person at her pages: she reaches every thing with the mouse, or with keys alone; and she holds a passkey."""

from typing import Any

import msgspec

from medrec.core.crypto import key_id
from medrec.core.webauthn import read_registration
from medrec.demo.network import AGENT, Resident
from medrec.node.account.accounts import submit_signed
from medrec.node.account.devices import home_of, remember
from medrec.portal.page import MOUNT
from medrec.portal.sign_in import from_text
from tests.browser.world import World

TABS_MAX, STEPS_MAX = 250, 60


class Hand:
    """Does what a person does to reach a thing and use it: with the mouse, or with keys alone. Counts the taps."""

    def __init__(self, page: Any, keyboard: bool) -> None:
        self.page, self.keyboard, self.taps = page, keyboard, 0

    def press(self, role: str, name: str, within: Any = None) -> None:
        """Press the first button or link of a name, on the page or within a part of it."""
        self._press((within or self.page).get_by_role(role, name=name).first)

    def unfold(self, name: str, within: Any = None) -> Any:
        """Open the first folded part of a name; the part."""
        part = (within or self.page).locator("details:not([open])", has=self.page.locator("summary", has_text=name))
        part = part.first.element_handle()
        self._press(part.query_selector("summary"))
        part.wait_for_selector("summary ~ *", state="visible")
        return part

    def write(self, field: Any, text: str) -> None:
        """Write into a field in the place of what stood there."""
        if not self.keyboard:
            field.click()
        else:
            self.reach(field)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)
        assert field.input_value() == text

    def choose(self, field: Any, value: str) -> None:
        """Choose from a list."""
        if not self.keyboard:
            field.select_option(value)
            return
        self.reach(field)
        for step in ("ArrowUp", "ArrowDown"):
            for _ in range(STEPS_MAX):
                if field.input_value() == value:
                    return
                self.page.keyboard.press(step)
        raise AssertionError(f"{value!r} cannot be chosen with the keyboard")

    def tick(self, field: Any) -> None:
        """Tick a box, or choose one of several circles."""
        if field.is_checked():
            return
        if not self.keyboard:
            field.click()
        elif field.get_attribute("type") == "checkbox":
            self.reach(field)
            self.page.keyboard.press("Space")
        else:
            # The Tab key reaches the circle that is chosen; arrows lead on from there.
            name = field.get_attribute("name")
            self.reach(self.page.locator(f"input[name='{name}']:checked"))
            for _ in range(STEPS_MAX):
                if field.is_checked():
                    break
                self.page.keyboard.press("ArrowDown")
        assert field.is_checked()

    def _press(self, target: Any) -> None:
        self.taps += 1
        if not self.keyboard:
            target.click()
            return
        self.reach(target)
        self.page.keyboard.press("Enter")

    def reach(self, target: Any) -> None:
        """Come to a thing with the Tab key."""
        if hasattr(target, "wait_for"):
            target.wait_for()
        for _ in range(TABS_MAX):
            if target.evaluate("e => e === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{target.evaluate('e => e.outerHTML.slice(0, 120)')} cannot be reached with the keyboard")


def give_passkey(world: World, page: Any, who: Resident) -> None:
    """The browser makes a passkey; the person's first key adds it to her account; the agent knows the device."""
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


def sign_in(world: World, hand: Hand) -> None:
    """Sign in with the passkey of this browser."""
    hand.page.goto(world.origin(AGENT[0]) + MOUNT + "/sign-in")
    hand.press("button", "Sign in with a passkey")
    hand.page.wait_for_url("**/people/*")


def sign_in_as(world: World, hand: Hand, organisation: str, role: str) -> None:
    """Sign in as one of the demonstration's staff."""
    hand.page.goto(world.origin(organisation) + MOUNT + "/sign-in")
    hand.press("button", f"Go on as {role}")
    hand.page.wait_for_url(lambda address: not address.endswith("/sign-in") and "demonstration" not in address)
