"""The law of hiding, over reviews and stops that Hypothesis makes up: what another place hears of what clinicians said
is what it would hear in a world where the hidden records never were."""

import json
from collections.abc import Iterator
from itertools import count
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from medrec.core import codec, manifests
from medrec.core.consent.plain import Plain, write
from medrec.node.keeping import store
from medrec.node.lists import acts, acts_heard, lists
from medrec.node.lists.acts_kept import ACTS_PATH
from medrec.node.lists.marks import gone_through, marks
from medrec.node.release import receive
from medrec.node.release.practitioners import PHYSICIAN
from tests.node.test_list_worlds import HIV
from tests.node.test_lists import order
from tests.portal.story import Story

PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
MEDICINES = {
    "lisinopril": ("314077", "lisinopril 20 mg tablet"),
    "lisinopril, less": ("314076", "lisinopril 10 mg tablet"),
    "lisinopril, in words": ("", "lisinopril"),
    "metformin": ("861007", "metformin 500 mg tablet"),
    "metformin, slow": ("", "metformin extended release 500 mg tablet"),
    "a cream": ("", "hydrocortisone 1% cream"),
    "the same within": ("", "hydrocortisone 10 mg tablet"),
    "a pill": ("", "Little blue pill"),
}


class Record(NamedTuple):
    """One order at north."""

    medicine: str
    hidden: bool = False
    status: str = "active"
    year: int = 2024

    def text(self, identifier: str, person: str) -> str:
        code, words = MEDICINES[self.medicine]
        made: dict[str, Any] = json.loads(order(identifier, code, words, authoredOn=f"{self.year}-05-01"))
        if not code:
            del made["medicationCodeableConcept"]["coding"]
        made |= {"status": self.status, "subject": {"reference": f"Patient/{person}"}}
        return json.dumps(made | ({"meta": {"security": HIV}} if self.hidden else {}))


RECORDS = st.lists(
    st.builds(
        Record,
        st.sampled_from(sorted(MEDICINES)),
        st.booleans(),
        st.sampled_from(["active", "active", "stopped", "completed"]),
        st.integers(2021, 2025),
    ),
    min_size=1,
    max_size=6,
)


class World:
    """North has her records, and lets south have what is not hidden."""

    def __init__(self, folder: Any, has_hidden: bool) -> None:
        folder.mkdir()
        self.story, self.has_hidden, self.numbers = Story(folder), has_hidden, count()
        self.network = self.story.network
        self.north: Any = self.network["north"]
        self.south: Any = self.network["south"]
        self.doctor = self.north.practitioners.enter("dr-north", "Dr North", PHYSICIAN)
        self.reader = self.south.practitioners.enter("dr-south", "Dr South", PHYSICIAN)

    def person(self) -> Any:
        """Somebody new."""
        self.story.settle()
        self.name = f"p{next(self.numbers)}"
        self.ada: Any = self.network.patient(self.name, "north", "south")
        self.network.consent(self.ada, "north", "south")
        withheld = write(Plain("withhold", about=["hiv"]), self.ada.account, self.network.time)
        self.network.fhir_consent(self.ada, "north", withheld.decode())
        self.north.store.write(lambda connection: connection.execute(store.outbox.delete()))

    def put(self, number: int, record: Record) -> None:
        if self.has_hidden or not record.hidden:
            identifier = f"{self.name}-{number}"
            self.north.put("MedicationRequest", identifier, record.text(identifier, self.name))

    def look(self) -> None:
        receive.request_records(self.south, "north", self.ada.account, practitioner=self.reader, reason="a visit")

    def rows(self) -> Any:
        return self.north.lists.of(self.ada.account).read.medicines

    def review(self) -> None:
        """As the page does."""
        seen = marks(self.north.lists.of(self.ada.account).read.rows)
        subjects = [lists.subject_of(row) for row in gone_through(self.rows(), seen)]
        self.north.acts.enter(self.ada.account, self.doctor, "reviewed", subjects, seen=seen)

    def stop(self, medicine: str, words: str = "") -> None:
        """All that is not over of what is called so."""
        for row in [row for row in self.rows() if row.name == medicine and row.status != "stopped"]:
            against = lists.against(row, "stopped")
            self.north.acts.enter(
                self.ada.account, self.doctor, "stopped", [lists.subject_of(row)], words, against=against
            )
            self.network.time += 1_000

    def said(self) -> set[str]:
        """What was said at north."""
        return {plain(msgspec.to_builtins(kept.act)) for kept in self.north.acts.of(self.ada.account)}

    def told(self) -> list[str]:
        """What is on its way to south."""
        rows = [row for row in self.north.rows(store.outbox) if row.organisation == "south" and row.path == ACTS_PATH]
        copies = [codec.decode_json(row.payload) for row in rows]
        assert len({copy["id"] for copy in copies}) == len(copies)
        return sorted(map(plain, copies))

    def summed_up(self) -> list[str]:
        """What goes with her records when south asks for the summary, with what its receipts show."""
        north, rows = self.north, self.north.lists.of(self.ada.account).read.rows
        with north.store.read() as connection:
            person = north.journal.person_of_account(connection, self.ada.account)
            hears = acts_heard._hears(north, connection, person, rows, "south")
            assert hears is not None
            found = acts_heard.with_records(north, self.ada.account, hears._permitted, "south")
            shown = [manifests.decode(north.journal.manifest(connection, one.manifest)[1]) for one in found]
        assert all(one.seen in ("", msgspec.UNSET) for one in shown), (
            "a receipt tells of no other line that stood there"
        )
        return sorted(plain(msgspec.to_builtins(one.act)) for one in shown)


def plain(copy: dict[str, Any]) -> str:
    """A copy without what is drawn anew each time; all else is the same to the letter."""
    drawn = ("id", "time", "signature", "marks", "credential", "account", "network")
    assert len(copy.get("marks", [])) == (0 if copy["kind"] == "reviewed" else 64)
    kept = {name: value for name, value in copy.items() if name not in drawn and name != "opened"}
    return json.dumps(kept, sort_keys=True)


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, World]]:
    folder = tmp_path_factory.mktemp("worlds")
    made = World(folder / "hidden", True), World(folder / "never", False)
    yield made
    for one in made:
        one.network.close()


@settings(max_examples=12, deadline=None, phases=PHASES, suppress_health_check=list(HealthCheck))
@given(records=RECORDS, stopped=st.sampled_from(["", "lisinopril", "metformin", "hydrocortisone"]), late=st.booleans())
# Of what was gone through, one medicine is hidden: the other is told.
@example([Record("lisinopril"), Record("metformin", True)], "", True)
# One record of what is stopped is hidden: the other bears the word.
@example([Record("lisinopril"), Record("lisinopril, less", True, "active", 2025)], "lisinopril", False)
# What south sees is over: that it is stopped now would tell that there was more.
@example([Record("lisinopril", False, "stopped", 2021), Record("lisinopril", True)], "lisinopril", True)
# The hidden one parts the row in two, and leads it.
@example([Record("a cream"), Record("the same within", True, "active", 2025)], "hydrocortisone", False)
@example([Record("metformin"), Record("metformin, slow", True, "active", 2025)], "metformin", False)
def test_another_place_hears_what_it_would_hear_had_the_hidden_never_been(
    worlds: tuple[World, World], records: list[Record], stopped: str, late: bool
) -> None:
    heard, said = [], []
    for world in worlds:
        world.person()
        for number, record in enumerate(records):
            world.put(number, record)
        world.look()
        world.network.time += 1_000
        world.review()
        world.network.time += 1_000
        if stopped:
            world.stop(stopped)
        told, summed = world.told(), world.summed_up()
        if late:
            # What is hidden and comes later takes nothing away.
            world.put(len(records), Record("lisinopril", True, "active", 2025))
            assert world.summed_up() == summed
        heard.append((told, summed))
        said.append(world.said())
    # What the hidden record made her say of another row, or not say at all, nobody hears.
    (told, summed), (told_never, summed_never) = heard
    assert told == [one for one in told_never if one in said[0]]
    assert summed == [one for one in summed_never if one in said[0]]


@pytest.mark.parametrize(
    ("records", "stopped", "told"),
    [
        ([Record("lisinopril"), Record("metformin", True)], "", ["reviewed"]),
        (
            [Record("lisinopril"), Record("lisinopril, less", True, "active", 2025)],
            "lisinopril",
            ["reviewed", "stopped"],
        ),
        ([Record("lisinopril", False, "stopped", 2021), Record("lisinopril", True)], "lisinopril", []),
    ],
    ids=["another medicine is hidden", "one of two records is", "the one in force is"],
)
def test_what_is_hidden_keeps_nothing_else_back(
    worlds: tuple[World, World], records: list[Record], stopped: str, told: list[str]
) -> None:
    """The law alone would hold where nobody is told anything."""
    world, _ = worlds
    world.person()
    for number, record in enumerate(records):
        world.put(number, record)
    world.look()
    world.network.time += 1_000
    world.review()
    if stopped:
        world.stop(stopped)
    copies = [json.loads(copy) for copy in world.told()]
    assert sorted(copy["kind"] for copy in copies) == told
    assert all([one["name"] for one in copy["subjects"]] == ["lisinopril"] for copy in copies)
    assert len(world.summed_up()) == len(told)


def test_a_review_of_a_former_version_whose_receipt_shows_what_stood_there_is_in_no_summary(
    worlds: tuple[World, World],
) -> None:
    world, _ = worlds
    north = world.north
    world.person()
    world.put(0, Record("lisinopril"))
    world.put(1, Record("metformin", True))
    world.look()
    rows = world.rows()
    subjects = [lists.subject_of(row) for row in rows if row.name == "lisinopril"]
    act = acts.sign_as(north, world.ada.account, world.doctor, "reviewed", subjects)
    north.acts._keep([acts._Part(acts.Whole(act), seen=marks(rows))])
    assert world.summed_up() == []
    world.review()
    assert len(world.summed_up()) == 1


@pytest.mark.parametrize("words", ["", "no longer needed"])
def test_what_is_hidden_and_comes_later_takes_no_word_away(worlds: tuple[World, World], words: str) -> None:
    """Nor does the next summary tell by what is missing that something came."""
    world, _ = worlds
    world.person()
    world.put(0, Record("lisinopril"))
    world.look()
    world.network.time += 1_000
    world.stop("lisinopril", words)
    told, summed = world.told(), world.summed_up()
    assert len(told) == len(summed) == 1 and words in told[0] and words in summed[0]
    world.put(1, Record("lisinopril, less", True, "active", 2025))
    assert world.summed_up() == summed
