"""The demonstration as the browser tests meet it: where its pages are, and who lives in it."""

from typing import Any, NamedTuple

from rich.console import Console

from medrec.demo.network import AGENT, HOSPITALS, Network, Resident
from medrec.demo.stage import Person
from medrec.demo.story import Story
from medrec.portal.page import MOUNT, Area, Role
from medrec.portal.people import handle
from medrec.portal.table import PAGES, Page

FIRST_HOSPITAL = next(iter(HOSPITALS))


class World(NamedTuple):
    """The network, its story, and the person the story is about."""

    network: Network
    story: Story
    main: Resident

    @classmethod
    def told(cls, network: Network, people: list[Person], console: Console) -> "World":
        """The whole story was told."""
        story = Story(network, people, console, network.home / "kept")
        story.tell()
        main = next(who for who in network.residents if len(who.patients) > 1)
        return cls(network, story, main)

    def origin(self, organisation: str) -> str:
        """Where a node answers browsers: passkeys want localhost."""
        return f"http://localhost:{self.network.ports[organisation]}"

    def address(self, name: str, organisation: str = "", **parameters: str) -> str:
        """The address of a page of the table, at the agent unless it is a hospital's."""
        page = next(page for page in PAGES if page.name == name)
        where = organisation or (FIRST_HOSPITAL if page.role is Role.RECORDS else AGENT[0])
        return self.origin(where) + MOUNT + page.path.format(**self.parameters(page), **parameters)

    def parameters(self, page: Page) -> dict[str, str]:
        """What stands for the braces in a page's address."""
        found: dict[str, str] = {}
        if page.area is Area.PERSON or "{person}" in page.path:
            found["person"] = handle(self.main.account)
        if "{tag}" in page.path:
            found["tag"] = self.a_tag()
        if "{manifest}" in page.path:
            found["manifest"] = self.a_version()
        return found

    def a_tag(self) -> str:
        """The tag of a record's line of the main person."""
        from medrec.core import codec

        notices: Any = self.story.served.notices(self.main.account)
        notice = next(notice for notice in notices if notice.kind == "record/1")
        return codec.decode(notice.entry)[1].hex()

    def a_version(self) -> str:
        """A record version at the first hospital, by the hash of its manifest."""
        from medrec.node import store

        with self.network.nodes[FIRST_HOSPITAL].store.read() as connection:
            return bytes(connection.execute(store.version.select()).first().manifest).hex()  # type: ignore[union-attr]
