"""The demonstration as the browser tests meet it: where its pages are, and who lives in it."""

import os
from datetime import UTC, datetime
from typing import Any, NamedTuple

from rich.console import Console

from medrec.core import codec, ladder
from medrec.core.consent import plain
from medrec.core.consent.plain import Party, Plain
from medrec.core.credential import NewEd25519
from medrec.core.manifests.consent import fhir_consent_message
from medrec.demo.network import AGENT, HOSPITALS, Network, Resident
from medrec.demo.stage import Person, until
from medrec.demo.story import Story
from medrec.node.account import guarding, recovery, staff
from medrec.node.consent import attesting, letters
from medrec.node.consent.policies import draft_consent
from medrec.node.keeping import store
from medrec.node.keeping.keys import PersonKey
from medrec.node.notify import asking
from medrec.portal.confirming import NOBODY
from medrec.portal.own.acts import Act, acts_of
from medrec.portal.own.allow import consent_part
from medrec.portal.own.entries import entries
from medrec.portal.own.record import series_handles
from medrec.portal.own.whose import Whose
from medrec.portal.page import MOUNT, Area, Role
from medrec.portal.people import handle
from medrec.portal.policies import sentences
from medrec.portal.table import PAGES, Page


def plain_day(ms: int) -> str:
    """The day of a time (ms), as sentences name it."""
    return datetime.fromtimestamp(ms / 1000, UTC).date().isoformat()


POST = """([action, values]) => {
  const form = document.createElement("form");
  Object.assign(form, { method: "post", action });
  for (const [name, value] of Object.entries(values))
    form.append(Object.assign(document.createElement("input"), { name, value }));
  document.body.append(form);
  form.submit();
}"""
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
        world = cls(network, story, main)
        world.read_again()
        return world

    def read_again(self) -> None:
        """Her agent reads at every place once more, after all that happened."""
        agent = self.network.agent
        assert agent.copies is not None and agent.looks is not None
        assert any(reading.records for reading in agent.copies.refresh(self.main.account))
        until(self.story.settled, "all to be anchored and delivered")

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
        if "{pair}" in page.path:
            found["pair"] = self.a_look()
        if "{act}" in page.path:
            found["act"] = self.an_act()
        if "{waiting}" in page.path:
            found["waiting"] = self.nobody_s_act()
        if "{ward}" in page.path:
            found["ward"] = handle(self.a_ward().account)
        if "{request}" in page.path:
            found["request"] = self.a_request()
        if "{kind}" in page.path:
            found["kind"] = "results"
        if "{consent}" in page.path:
            found["consent"] = self.a_letter()
        if "{series}" in page.path:
            found["series"] = self.a_series()
        return found

    def a_tag(self) -> str:
        """The tag of a record's line of the main person."""
        notices: Any = self.story.served.notices(self.main.account)
        notice = next(notice for notice in notices if notice.kind == "record/1")
        return codec.decode(notice.entry)[1].hex()

    def a_look(self) -> str:
        """A look of a person at the main person's record."""
        looks = self.network.agent.looks
        assert looks is not None
        looks.catch_up()
        return looks.page(self.main.account, "people")[0].pair.hex()

    def staff_post(self, page: Any, name: str, organisation: str, role: str, fields: dict[str, str]) -> None:
        """Open a page that answers forms alone, as one of the demonstration's staff; `page` is of a real browser."""
        page.goto(self.origin(organisation) + MOUNT + "/sign-in")
        page.locator(f"form:has(input[name=role][value={role}]) button").click()
        page.wait_for_selector("input[name=csrf]", state="attached")
        address = self.address(name, organisation)
        token = page.locator("input[name=csrf]").first.input_value()
        with page.expect_navigation():
            page.evaluate(POST, [address, {**fields, "csrf": token}])

    def two_places(self) -> tuple[str, str]:
        """Two hospitals that know the main person."""
        first, second, *_ = self.main.patients
        return first, second

    def open_door(self, source: str, asker: str) -> None:
        """The main person lets one place see everything at another."""
        nodes = self.network.nodes
        self.story.open_door(self.main, nodes[source], nodes[asker])

    def a_new_look(self) -> None:
        """A clinician of the first place looks at what the second has, and both have told her of it."""
        asker, source = self.two_places()
        self.open_door(source, asker)
        assert self.story.ask(self.network.nodes[source], self.network.nodes[asker], self.main)
        until(self.story.settled, "the look to be told of")

    def a_letter(self) -> str:
        """A letter that waits at the first hospital: a clerk wrote down what the main person said."""
        node = self.network.nodes[FIRST_HOSPITAL]
        found = letters.waiting(node)
        if not found:
            key = PersonKey.generate()
            _, code = staff.invite(node, "Nora Clerk", "desk")
            clerk = staff.register(node, code, NewEd25519(key.public), os.urandom(16))
            said = Plain("share", [Party(AGENT[0], name="Agent")], until=plain_day(node.clock() + 5 * 86_400_000))
            patient = self.main.patients[FIRST_HOSPITAL]
            drafted = attesting.draft(node, patient, said, clerk, "spoken")
            attesting.attest(node, patient, drafted, key.sign_transaction_id(fhir_consent_message(drafted)))
            found = letters.waiting(node)
            until(self.story.settled, "what was written down to be told of")
        return found[0].consent.hex()

    def a_series(self) -> str:
        """Something of the main person that was measured more than once."""
        found: dict[str, int] = {}
        for entry in entries(self.network.agent, self.main.account, ("results",)):
            if entry.number is not None:
                found[entry.series] = found.get(entry.series, 0) + 1
        return series_handles(self.network.agent, self.main.account)(max(found, key=lambda series: found[series]))

    def an_act(self) -> str:
        """Something that waits for the main person's signature."""
        text = plain.write(Plain("share", [Party(AGENT[0], name="Agent")]), self.main.account, 1_750_000_000_000)
        agent, place = self.network.agent, FIRST_HOSPITAL
        key, secret = self.main.key.key_id, bytes(32)
        draft = draft_consent(agent.network, place, self.main.account, agent.clock(), text, secret, key)
        who = Whose(self.main.account, self.main.name, handle(self.main.account), {place: place})
        part = consent_part(agent, who, place, draft, secret)
        act = Act(self.main.account, sentences(text, {}), sentences(text, {}), (part,), key, "sharing", "given")
        return acts_of(agent).begin(agent, act)

    def nobody_s_act(self) -> str:
        """Something that waits at the agent for somebody who has not signed in."""
        agent = self.network.agent
        act = acts_of(agent).find(self.main.account, self.an_act(), agent.clock())
        return acts_of(agent).begin(agent, act._replace(account=NOBODY, back="front"))

    def a_ward(self) -> Resident:
        """Somebody who has chosen the main person and another as guardians."""
        network, agent = self.network, self.network.agent
        others = [who for who in network.residents if who is not self.main]
        ward = others[0]
        if guarding.ward(agent, self.main.account, ward.account, ward.name) is None:
            members = sorted([self.main.account, others[1].account])
            chosen = ladder.Revealed(members, 2, os.urandom(32))
            by = recovery.Signer(ward.account, ward.key.key_id, ward.key.sign_transaction_id)
            recovery.keep_guardians(agent, ward.account, chosen)
            recovery.choose_doors(agent.engine, network.network, by, chosen, [], True)
        return ward

    def a_request(self) -> str:
        """A request that lies before the main person."""
        return asking.take(self.network.agent, self.main.account, FIRST_HOSPITAL, self.a_code()).hex()

    def a_code(self) -> bytes:
        """The code of a request of the first hospital."""
        return asking.make(
            self.network.nodes[FIRST_HOSPITAL],
            practitioner="Dr Ines Calloway",
            note="We meet for the first time on Monday.",
            kinds=["medicines", "allergies"],
            but_not=["mental-health"],
        )

    def a_version(self) -> str:
        """A record version at the first hospital, by the hash of its manifest."""
        with self.network.nodes[FIRST_HOSPITAL].store.read() as connection:
            return bytes(connection.execute(store.version.select()).first().manifest).hex()  # type: ignore[union-attr]
