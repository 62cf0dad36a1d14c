"""What stands around every page: the bar of its area, the way back, languages, who runs the place."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from medrec.portal import language, render, sent, waits, words
from medrec.portal.page import Area, PageError, Reader, Role, Visit, is_agent
from medrec.portal.session import BY_ITSELF, STAFF, Session
from medrec.portal.table import PAGES, Page

if TYPE_CHECKING:
    from medrec.node.node import Node


class Frame:
    """Makes the pages of one node from their values."""

    def __init__(self, node: "Node", demonstration: bool) -> None:
        self.node = node
        self.demonstration = demonstration
        self.templates = render.build_environment()
        self.templates.globals["copy"] = sent.copy

    def page(self, page: Page, visit: Visit, values: dict[str, Any]) -> str:
        """The HTML of a page."""
        up = next((other for other in PAGES if other.name == page.up), None)
        place = {"person": visit.path["person"]} if up is not None and up.area is Area.PERSON else {}
        values = {
            "page": page.name,
            "area": page.area.value,
            "menu": self._bar(page, visit),
            "up": {"name": up.name, "link": visit.link(up.name, **place)} if up is not None else None,
            "link": visit.link,
            "language_links": self._in_languages(page, visit),
            "organisation_name": self._organisation_name(),
            "network_name": self.node.genesis["name"],
            "demonstration": self.demonstration,
            "session": visit.session,
            "done": words.DONE.get(visit.query.get("done", "")),
            "refused": False,
            # My record says it beside each of its places.
            "failures": waits.failures(self.node, visit) if page.reads and page.name != "record" else [],
            # What was refused is not asked for anew: its address may be that of a form alone.
            "waits": self.reading(page, visit) if "refused" not in values else None,
            "made": render.date(visit.now),
            **values,
        }
        return self.templates.get_template(page.template).render(values)

    def reading(self, page: Page, visit: Visit) -> waits.Waits | None:
        """What a page of a person's record waits for at this moment; None also of one whom nobody knows."""
        with suppress(PageError):
            return waits.for_readings(self.node, visit) if page.reads else None
        return None

    def _in_languages(self, page: Page, visit: Visit) -> dict[str, str]:
        """Where this page is in each language. What was shown for a form that was refused has no address but that of
        its page; an error that a form met leads to the front page."""
        kept = {name: value for name, value in visit.query.items() if name not in ("lang", "done", BY_ITSELF)}
        here = ""
        if visit.sent:
            # A form may have more in its address than the page on which it stands.
            place = {name: value for name, value in visit.path.items() if f"{{{name}}}" in page.path}
            here = visit.link(page.name, **place) if page in PAGES else visit.link("front")
        return {code: f"{here}?{urlencode({**kept, 'lang': code})}" for code in language.LANGUAGES}

    def _bar(self, here: Page, visit: Visit) -> list[dict[str, Any]]:
        """The entries of the bar: the pages of the area that this node has and that may be read."""
        place = {"person": visit.path["person"]} if here.area is Area.PERSON else {}
        return [
            {
                "name": page.name,
                "here": page.name == here.name,
                "icon": page.icon,
                "link": visit.link(page.name, **place),
            }
            for page in PAGES
            if page.menu
            and page.area is here.area
            and (page.role is Role.ANY or (page.role is Role.AGENT) == is_agent(self.node))
            and self._may_read(page, visit.session)
            and (page.kinds or visit.session is None or not visit.session.kinds)
        ]

    def _may_read(self, page: Page, session: Session | None) -> bool:
        if page.reader is Reader.EVERYBODY:
            return True
        return self.demonstration if session is None else session.who in (page.who or STAFF)

    def _organisation_name(self) -> str:
        # From the genesis where it stands there: the page of an error must not need the ledger.
        for founder in self.node.genesis["organisations"]:
            if founder["id"] == self.node.organisation:
                return str(founder["name"])
        return self.node.organisation
