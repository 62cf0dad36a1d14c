"""What every page must stand: axe, no sideways scrolling, large targets, readable text, visible focus."""

from pathlib import Path
from typing import Any

AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
TARGET_PX, PRIMARY_PX, TEXT_PX, ICON_PX = 24, 44, 14, 64
"""WCAG 2.2 (2.5.8) asks 24 of every target; 44 (2.5.5) is asked here of what a page is there to have pressed."""
LONGEST = "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch"
PRIMARY = (
    ".button, .nav a, .nav summary, .tile, .tap, .choice, .chips a, .crumb a, summary, button, select, textarea, "
    + ("input:not([type=hidden], [type=checkbox], [type=radio])")
)

OVERFLOW = """() => {
  const wide = [...document.querySelectorAll('body *')].filter((e) => {
    const box = e.getBoundingClientRect();
    return e.checkVisibility() && box.width > 0 && (box.right > innerWidth + 1 || box.left < -1) && !e.closest('.scroll') &&
      !e.closest('.nhsuk-u-visually-hidden') && !e.matches('.nhsuk-skip-link, .nhsuk-u-visually-hidden');
  });
  return { width: document.documentElement.scrollWidth, inner: innerWidth,
           wide: wide.slice(0, 5).map((e) => e.outerHTML.slice(0, 120)) };
}"""

SMALL = """([target, primary, main, text, icon]) => {
  const seen = (e) => e.checkVisibility({ visibilityProperty: true }) && !e.closest('.nhsuk-u-visually-hidden') &&
    !e.matches('.nhsuk-skip-link');
  const found = [], rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  for (const e of document.querySelectorAll('a, button, summary, input:not([type=hidden]), select, textarea, label.choice')) {
    if (!seen(e)) continue;
    const box = e.getBoundingClientRect();
    // A link within a sentence takes the height of its line.
    const inline = e.tagName === 'A' && getComputedStyle(e).display === 'inline' && e.parentElement.textContent.trim() !== e.textContent.trim();
    const held = e.closest('label')?.getBoundingClientRect();
    const height = Math.max(box.height, held?.height ?? 0), width = Math.max(box.width, held?.width ?? 0);
    const least = e.matches(main) ? primary - 0.5 : target;
    if (!inline && box.width > 0 && (height < least || width < Math.min(least, target))) found.push(`target ${Math.round(width)}x${Math.round(height)}: ${e.outerHTML.slice(0, 110)}`);
  }
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !seen(e) || e.closest('script, style, noscript, template')) continue;
    let size = parseFloat(getComputedStyle(e).fontSize);
    const svg = e.closest('svg');
    if (svg && svg.viewBox.baseVal.width) size *= svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
    if (size && size < text - 0.05) found.push(`text ${size.toFixed(1)}px: ${walker.currentNode.textContent.trim().slice(0, 60)}`);
  }
  for (const e of document.querySelectorAll('svg[viewBox="0 0 24 24"]'))
    if (seen(e) && e.getBoundingClientRect().width > icon * rem / 16) found.push(`icon ${e.parentElement.outerHTML.slice(0, 110)}`);
  return found.slice(0, 10);
}"""

SPLIT = """() => {
  const found = [];
  for (const e of document.querySelectorAll('body *')) {
    if (!/flex$/.test(getComputedStyle(e).display) || !e.checkVisibility()) continue;
    const bare = [...e.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.textContent.trim());
    if (bare && [...e.children].some((c) => ['BDI', 'TIME'].includes(c.tagName))) found.push(e.outerHTML.slice(0, 160));
  }
  return found.slice(0, 5);
}"""

TURNED = """() => {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (!node.parentElement.checkVisibility()) continue;
    // Dates, times, telephones, ranges, addresses of the web: their first sign stands left of their last.
    for (const run of node.textContent.matchAll(/[+]?[0-9]+(?:[-/:.,\u2013 ][0-9]+)+|https?:[/][/](?:[a-z.]*[a-z])?/g)) {
      const place = (at) => {
        const range = document.createRange();
        range.setStart(node, at);
        range.setEnd(node, at + 1);
        return range.getBoundingClientRect();
      };
      const first = place(run.index), last = place(run.index + run[0].length - 1);
      if (first.width && last.width && Math.abs(first.top - last.top) < 2 && first.left > last.left)
        found.push(`turned: ${run[0]} in ${node.textContent.trim().slice(0, 60)}`);
    }
  }
  for (const field of document.querySelectorAll('textarea, input:not([type=hidden], [type=radio], [type=checkbox], [type=file])'))
    if (!field.hasAttribute('dir') && !['date', 'number'].includes(field.type)) found.push(`no direction: ${field.name}`);
  return found;
}"""

STRETCH = """(name) => {
  for (const e of document.querySelectorAll('bdi')) e.textContent = name;
}"""

FOCUS = """() => {
  const e = document.activeElement;
  if (!e || e === document.body) return null;
  const style = getComputedStyle(e);
  const shown = (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2) || style.boxShadow !== 'none';
  return { shown, name: e.outerHTML.slice(0, 110) };
}"""


def axe_violations(page: Any) -> list[str]:
    """What axe finds against WCAG 2.2 A and AA and its best practices, one line each."""
    if not page.evaluate("() => 'axe' in window"):
        # By the protocol and not by a tag: the page's own policy lets no foreign script in. The next page in this window
        # has it from the start: its code is read once.
        page.evaluate(AXE.read_text(encoding="utf-8"))
        page.context.add_init_script(path=AXE)
    found = page.evaluate("() => axe.run(document, { resultTypes: ['violations'] })")
    assert found["passes"] or found["violations"], "axe looked at nothing"
    return [
        f"{violation['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
        for violation in found["violations"]
        for node in violation["nodes"][:3]
    ]


def overflow(page: Any) -> list[str]:
    """What makes the page wider than its window."""
    told = page.evaluate(OVERFLOW)
    return told["wide"] + ([f"page {told['width']} > {told['inner']}"] if told["width"] > told["inner"] else [])


def too_small(page: Any) -> list[str]:
    """Targets below 24 pixels, main ones below 44, text below 14, and icons that nobody gave a size."""
    return list(page.evaluate(SMALL, [TARGET_PX, PRIMARY_PX, PRIMARY, TEXT_PX, ICON_PX]))


def split_words(page: Any) -> list[str]:
    """Sentences in a flex box: a name within one becomes a column of its own, and the words beside it break."""
    return [f"split: {line}" for line in page.evaluate(SPLIT)]


def turned(page: Any) -> list[str]:
    """Numbers and addresses whose parts stand in the wrong order, and fields that do not say how their text runs."""
    return list(page.evaluate(TURNED))


def stretched(page: Any) -> list[str]:
    """What no longer fits when all that comes from elsewhere (names, places, values) is one word of 58 letters."""
    page.evaluate(STRETCH, LONGEST)
    return [f"too long a name: {line}" for line in overflow(page)]


def unseen_focus(page: Any, steps: int = 40) -> list[str]:
    """Walk with the Tab key: what takes the focus without showing it."""
    found, first = [], None
    for _ in range(steps):
        page.keyboard.press("Tab")
        at = page.evaluate(FOCUS)
        if at is None or at["name"] == first:
            break
        first = first or at["name"]
        if not at["shown"]:
            found.append(at["name"])
    assert first, "nothing takes the focus"
    return found
