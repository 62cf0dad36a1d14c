"""Passkeys in a real browser: a person joins, names a helper, loses her session, and signs in again; the page that
signs agrees with the ledger about every byte, and keeps the secrets of the authenticator to itself."""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from medrec.node.account import devices
from medrec.portal import language, signing, words
from tests.browser import checks
from tests.browser.conftest import PHONE, Authenticator, Opener
from tests.browser.own import own_world as own_world
from tests.browser.world import World

pytestmark = pytest.mark.xdist_group("browser-passkeys")

Authenticate = Callable[[Any], Authenticator]


def joined(world: World, page: Any, name: str) -> list[str]:
    """Somebody joins; the bodies of everything that the browser posted."""
    posted: list[str] = []
    page.on("request", lambda request: posted.append(request.post_data or "") if request.method == "POST" else None)
    page.goto(world.address("join"))
    page.fill("#name", name)
    page.click("#join button")
    page.wait_for_selector("#fields dd")
    # The first page that she ever signs: a sentence, and no word of programs before she opens what is folded.
    assert name in page.inner_text("#said")
    assert page.inner_text("#fields dd").strip() == words.SIGNING["kind-account/create"]
    for raw in ("account/create", "salt", "-7", "webauthn"):
        assert raw not in page.inner_text("#fields")
    page.locator("#fields summary").click()
    assert words.SIGNING["field-salt"] in page.inner_text("#fields")
    page.click("#sign")
    page.wait_for_url("**/people/*")
    assert name in page.inner_text("body")
    return posted


ASKED_FOR_A_SECRET = """() => {
  const get = navigator.credentials.get.bind(navigator.credentials);
  const create = navigator.credentials.create.bind(navigator.credentials);
  navigator.credentials.create = (options) =>
    create({ publicKey: { ...options.publicKey, extensions: { ...options.publicKey.extensions, prf: {} } } });
  navigator.credentials.get = async (options) => {
    const extensions = { prf: { eval: { first: new Uint8Array(32) } } };
    const secretive = (await get({ publicKey: { ...options.publicKey, extensions } })).getClientExtensionResults();
    await window.keep([...new Uint8Array(secretive.prf.results.first)]);
    const found = await get(options);
    found.getClientExtensionResults = () => secretive;
    return found;
  };
}"""


def test_a_secret_that_the_authenticator_gives_the_page_is_never_posted(
    world: World, visit: Opener, authenticator: Authenticate
) -> None:
    """Even where something asked for it (our scripts do not): of what the browser knows they send four fields."""
    page = visit(PHONE, "en")
    authenticator(page)
    secrets: list[bytes] = []
    page.expose_function("keep", lambda secret: secrets.append(bytes(secret)))
    page.add_init_script(f"({ASKED_FOR_A_SECRET})()")
    posted = joined(world, page, "Petra Private")
    page.context.clear_cookies()
    page.goto(world.address("sign_in"))
    page.click("#sign-in")
    page.wait_for_url("**/people/*")
    assert len(secrets) == 2 and all(len(secret) == 32 for secret in secrets)
    assert any("signature" in body for body in posted)
    for secret in secrets:
        for told in (
            secret.hex(),
            base64.b64encode(secret).decode()[:40],
            base64.urlsafe_b64encode(secret).decode()[:40],
        ):
            assert not any(told in body for body in posted)


def test_somebody_new_joins_signs_out_and_in_again(world: World, visit: Opener, authenticator: Authenticate) -> None:
    page = visit(PHONE, "en")
    authenticator(page)
    posted = joined(world, page, "Nora New")
    page.context.clear_cookies()
    page.goto(world.address("sign_in"))
    page.click("#sign-in")
    page.wait_for_url("**/people/*")
    assert "Nora New" in page.inner_text("body")
    assert len(posted) >= 4
    for body in posted:
        assert not any(word in body for word in ("prf", "clientExtensionResults", "attestationObject")), body
    assert page.said == []


def test_an_unverified_person_and_another_key_do_not_get_in(
    world: World, visit: Opener, authenticator: Authenticate
) -> None:
    page = visit(PHONE, "en")
    steering, identifier = authenticator(page)
    joined(world, page, "Una Verified")
    page.context.clear_cookies()
    page.goto(world.address("sign_in"))
    steering.send("WebAuthn.setUserVerified", {"authenticatorId": identifier, "isUserVerified": False})
    page.click("#sign-in")
    page.wait_for_selector("#sign-in-state:not([hidden])")
    steering.send("WebAuthn.setUserVerified", {"authenticatorId": identifier, "isUserVerified": True})
    bits = {"authenticatorId": identifier, "isBogusSignature": True, "isBadUV": False, "isBadUP": False}
    steering.send("WebAuthn.setResponseOverrideBits", bits)
    page.goto(world.address("sign_in"))
    page.click("#sign-in")
    page.wait_for_selector("#sign-in-state:not([hidden])")
    assert page.url.endswith("/sign-in")


def passed_on(route: Any, asked: Any) -> None:
    """A page of this machine leads from its number to its name; passed on by somebody, it stands at the number."""
    headers = {name: value.replace("127.0.0.1", "localhost") for name, value in asked.headers.items()}
    route.fulfill(response=route.fetch(url=asked.url.replace("127.0.0.1", "localhost"), headers=headers))


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_what_fails_is_said_in_the_words_of_the_page(
    world: World, visit: Opener, authenticator: Authenticate, code: str
) -> None:
    """Not in those of the browser, whose language and terms nobody chose."""
    page = visit(PHONE, code)
    authenticator(page)
    ways = {"sign_in": ("#sign-in", "#sign-in-state"), "join": ("#join button", "#join-state")}
    ways["coming_back"] = ("#come-back button", "#come-back-state")
    page.route("http://127.0.0.1:*/**", passed_on)
    with language.use(code):
        says = {name: str(words.SIGN_IN[name]) for name in ("no_answer", "elsewhere")}
    for name, (button, state) in ways.items():
        for trouble, said in says.items():
            address = f"{world.address(name)}?lang={code}"
            # No passkey of a name can be used at a number.
            page.goto(address if trouble == "no_answer" else address.replace("localhost", "127.0.0.1"))
            if name == "join":
                page.locator("#join input[name=name]").fill("Nora New")
            page.context.set_offline(trouble == "no_answer")
            page.click(button)
            page.wait_for_selector(f"{state}:not([hidden])")
            page.context.set_offline(False)
            assert page.locator(state).inner_text() == said, name


def test_the_helper_s_right_is_signed_on_the_page_that_shows_it(
    world: World, visit: Opener, authenticator: Authenticate
) -> None:
    page = visit(PHONE, "en")
    authenticator(page)
    joined(world, page, "Hana Helped")
    agent = world.network.agent
    (account,) = [account for account, name in agent.agent.clients() if name == "Hana Helped"]
    page.evaluate(
        """(fields) => {
          const form = document.createElement("form");
          form.method = "post";
          form.action = fields.action;
          const token = document.querySelector("input[name=csrf]").value;
          for (const [name, value] of Object.entries({ ...fields.values, csrf: token })) {
            const input = document.createElement("input");
            input.name = name;
            input.value = value;
            form.append(input);
          }
          document.body.append(form);
          form.submit();
        }""",
        {
            "action": "/pages/helping",
            "values": {
                "delegate": world.main.account, "name": "Bo Berg", "rights": "look", "types": "", "days": "30",
            },
        },
    )  # fmt: skip
    page.wait_for_selector("#fields dd")
    shown = page.inner_text("#fields")
    assert "Bo Berg" in shown and "look" in shown and world.main.account in shown and "#" not in page.url
    found = checks.axe_violations(page) + checks.overflow(page) + checks.too_small(page)
    page.set_viewport_size({"width": 320, "height": 640})
    assert found + checks.overflow(page) == []
    page.click("#sign")
    page.wait_for_url("**/people/*/helping*")
    (held,) = agent.delegates.of(account)
    assert held.holds and devices.of_account(agent, account)[0].key.hex() == held.delegation.key


VALUES: list[Any] = [
    {"b": 1, "a": "é", "é": None, "signature": "x", "list": [1, -2, 2**53 - 1, '\u0001\n"\\/\u2028', True, []]},
    {"𝒳": 1, "\uffff": 2, "z": {"y": False, "x": {}}, "time": 1_750_000_000_000},
    {"account": "medrec1x", "text": "a\u007fb\u00a0c\ud7ff\U0001f600", "n": -(2**53) + 1},
]


@pytest.mark.parametrize("number", range(len(VALUES)))
def test_the_page_and_the_ledger_make_the_same_bytes(world: World, visit: Opener, number: int) -> None:
    page = visit(PHONE, "en")
    page.goto(world.address("verify"))
    value = VALUES[number]
    forms = [*signing.JSON_FORMS, *signing.CBOR_FORMS]
    body = {**value, "payload": {"key": bytes(range(65)), "many": [b"", b"x" * 300], "big": 2**40}}
    hashed = {"bytes": base64.urlsafe_b64encode(bytes(range(32))).decode().rstrip("=")}
    asked = [[name, signing.told(body if name in signing.CBOR_FORMS else value)] for name in forms]
    asked += [[name, hashed] for name in signing.BYTES_FORMS]
    found = page.evaluate(
        """async (asked) => {
          const { digestOf, hex } = await import("./signing.js");
          const found = [];
          for (const [form, value] of asked) found.push(hex(await digestOf(form, value)));
          return found;
        }""",
        asked,
    )
    wanted = [signing.digest_of(name, body if name in signing.CBOR_FORMS else value).hex() for name in forms]
    wanted += [signing.digest_of(name, bytes(range(32))).hex() for name in signing.BYTES_FORMS]
    assert found == wanted
