"""Every page in a made-up language of long words: all is translated, nothing is cut off or pushes outside."""

import pytest

from tests.browser import checks, pseudo
from tests.browser.conftest import DESK, PHONE, Opener
from tests.browser.test_every_page import NARROW, READABLE, keep, opened
from tests.browser.world import World


@pytest.mark.parametrize("name", READABLE)
def test_a_page_holds_longer_words_and_leaves_none_untranslated(
    world: World, look: Opener, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    pseudo.speak(monkeypatch)
    page = look(PHONE, "en")
    opened(page, world, name, pseudo.CODE)
    page.evaluate("() => document.querySelectorAll('main details').forEach((e) => { e.open = true })")
    found = [f"not translated: {text}" for text in page.evaluate(pseudo.UNTRANSLATED)]
    keep(page, name, pseudo.CODE, "phone")
    for size in (PHONE, NARROW, DESK):
        page.set_viewport_size(size)
        found += [f"{size['width']}: {text}" for text in checks.overflow(page) + page.evaluate(pseudo.CUT)]
    assert found == [], "\n".join(found)


def test_the_checks_can_fail(world: World, visit: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    pseudo.speak(monkeypatch)
    page = visit(PHONE, "en")
    opened(page, world, "front", pseudo.CODE)
    page.evaluate(
        """() => { document.querySelector('main').insertAdjacentHTML('beforeend',
        '<p id="bad">left in English</p><p id="cut" aria-label="English">' + 'w'.repeat(300) + '</p>');
        document.querySelector('#cut').style.cssText = 'width:50px;overflow:hidden;white-space:nowrap'; }"""
    )
    told = page.evaluate(pseudo.UNTRANSLATED)
    assert any("left in English" in text for text in told) and "aria-label=English" in told
    assert any('id="cut"' in text for text in page.evaluate(pseudo.CUT))
    assert pseudo.text_in_it("Yes {name}!") == "⟦Ýèš {name}!~~~~⟧"
