"""A language that nobody speaks: each text of the pages two fifths longer, with accents on every letter, in brackets.

What is on a page without accents was never translated, or came from elsewhere and does not stand apart. What does not
fit is too narrow for somebody's language.
"""

from typing import Any

from medrec.portal import language, words

CODE = "qps"
LETTERS = str.maketrans(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    "ÀßÇÐÈƑĜĤÌĴĶĹṂÑÒÞǪŔŠŢÙṼŴẊÝŽàƀçđèƒĝĥìĵķĺṃñòþǫŕšţùṽŵẋýž",
)
LONGER = 0.4

UNTRANSLATED = """() => {
  const apart = 'bdi, code, pre, time, svg, script, style, noscript, template, [lang]:not(html), [dir]:not(html)';
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, e = node.parentElement;
    if (e.closest(apart) || (e.tagName === 'OPTION' && e.value)) continue;
    const text = node.textContent.trim();
    if (/[A-Za-z]{3,}/.test(text)) found.push(`${text.slice(0, 90)} <${e.tagName.toLowerCase()} class=${e.className}>`);
  }
  for (const e of document.querySelectorAll('[aria-label], [alt], [title], [placeholder]'))
    for (const name of ['aria-label', 'alt', 'title', 'placeholder']) {
      const told = e.getAttribute(name) ?? '';
      if (/[A-Za-z]{3,}/.test(told) && !/[àèìòùçñţš]/.test(told) && !e.closest(apart))
        found.push(`${name}=${told.slice(0, 90)}`);
    }
  return [...new Set(found)];
}"""

CUT = """() => [...document.querySelectorAll('body *')].filter((e) => {
  if (!e.checkVisibility() || e.closest('.scroll, .nhsuk-u-visually-hidden, textarea, select, pre, svg')) return false;
  if (e.matches('input, .nhsuk-skip-link')) return false;
  const style = getComputedStyle(e);
  if (style.display === 'inline') return false;
  const hides = (way) => way === 'hidden' || way === 'clip';
  const wide = e.scrollWidth > e.clientWidth + 1, high = e.scrollHeight > e.clientHeight + 1;
  return (hides(style.overflowX) && wide) || (hides(style.overflowY) && high);
}).slice(0, 5).map((e) => e.outerHTML.slice(0, 140))"""


def text_in_it(text: str) -> str:
    """An English text in the language; what stands in braces stays."""
    made, rest = "", text
    while rest:
        before, brace, rest = rest.partition("{")
        made += before.translate(LETTERS)
        if brace:
            name, _, rest = rest.partition("}")
            made += "{" + name + "}"
    return f"⟦{made}{'~' * max(1, int(len(text) * LONGER))}⟧" if text.strip(" ,.–") else text


def catalogue() -> dict[str, Any]:
    """Every text of the pages in the language, by "GROUP.name"."""
    found: dict[str, Any] = {}
    for group, texts in words.GROUPS.items():
        for name, text in texts.english():
            found[f"{group}.{name}"] = tuple(map(text_in_it, text)) if isinstance(text, tuple) else text_in_it(text)
    return found


def speak(monkeypatch: Any) -> None:
    """From now on the pages know the language, as long as the test runs."""
    real, made = language.catalogue, catalogue()
    known = {**language.LANGUAGES, CODE: language.Language(CODE, "Þšèùđò", "ltr", "en_GB", ("one", "other"))}
    monkeypatch.setattr(language, "LANGUAGES", known)
    monkeypatch.setattr(language, "catalogue", lambda code: made if code == CODE else real(code))
