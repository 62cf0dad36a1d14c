"""A place that writes whatever it likes into its own journal: no line of a look is taken out or answered by another."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from medrec.core import manifests, state
from medrec.core.manifests.access import obligation_of
from medrec.node.keeping import store
from medrec.node.keeping.journal import Draft, Journal
from medrec.node.looks import answering, disputing, look_parts
from medrec.node.looks.disputes import DISPUTED_PATH
from medrec.node.looks.halves import one_sided
from medrec.node.looks.looks import Look, _Heard, contrary, indexed
from medrec.node.looks.looks import look as looks_kept
from medrec.node.refusals import Code, Refusal
from medrec.node.release.gate import Gate, _Seen
from medrec.node.release.practitioners import PHYSICIAN
from medrec.portal import words
from medrec.portal.people import handle
from tests.node.test_disputes import carry
from tests.portal.reading import person_page, read, text_of
from tests.portal.story import HOUR, Story, observation


def known_at(folder: Path, *places: str) -> Iterator[Story]:
    """Ada is known at these places; South may look at North."""
    opened = Story(folder)
    opened.person = opened.network.patient("ada", *places)  # type: ignore[attr-defined]
    opened.network["north"].put("Observation", "bp", observation("bp", "ada", "150/95"))
    opened.settle()
    opened.network.time += 120_000
    opened.network.consent(hers(opened), "north", "south")
    opened.settle()
    yield opened
    opened.network.close()


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    yield from known_at(tmp_path, "north", "south", "east")


def hers(story: Story) -> Any:
    return story.person  # type: ignore[attr-defined]


def looked(story: Story) -> Any:
    """South looks and is honest; what North wrote of it."""
    story.ask(hers(story), "Dr Brown", "a check-up")
    story.settle()
    return newest(story, "north", "disclosure/1")


def newest(story: Story, place: str, kind: str) -> Any:
    node: Any = story.network[place]
    row = [one for one in node.rows(store.manifest) if one.kind == kind][-1]
    with node.store.read() as connection:
        return manifests.decode(node.journal.manifest(connection, bytes(row.hash))[1])


def write(story: Story, place: str, stated: Any, owes: list[Any] | None = None) -> None:
    """A hostile place puts a line into its journal, anchors it and tells her of it as of any other."""
    node: Any = story.network[place]
    (person,) = [one.id for one in node.rows(store.person) if one.account == hers(story).account]
    extras = {"owes": owes} if owes is not None else None
    draft = Draft(stated.manifest, manifests.encode(stated), person, extras, None)
    node.store.write(lambda connection: node.journal.append(connection, [draft]))
    for _ in range(2):
        story.settle()
        story.network.time += 60_000


def page(story: Story) -> str:
    return text_of(read(story.client("guide"), person_page(story) + "/looks"))


def found(story: Story, chosen: str = "all") -> list[Look]:
    guide: Any = story.network["guide"]
    guide.looks.catch_up()
    return list(guide.looks.page(hers(story).account, chosen))


def alarms(story: Story) -> list[str]:
    return [row.code for row in story.network["guide"].rows(store.alarm)]


def test_a_refusal_after_the_records_went_takes_no_look_out(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    north: Any = story.network["north"]
    asks, release = [], Gate.release

    def seen(gate: Any, caller: str, ask: Any, door: Any) -> Any:
        asks.append((caller, ask))
        return release(gate, caller, ask, door)

    monkeypatch.setattr(Gate, "release", seen)
    given, (caller, ask) = looked(story), asks[-1]
    assert found(story)[0].answer == "" and alarms(story) == []
    with_line = _Seen()
    with_line.line = object()  # type: ignore[assignment]
    north.gate._refuse(
        caller, ask, Refusal(Code.CONSENT_CHANGED), with_line, bytes.fromhex(given.obligation), story.network.time
    )
    story.settle()
    (look,) = found(story)
    assert look.given and look.received and look.refused is None and found(story, "refused") == []
    assert story.network["guide"].looks.questions(hers(story).account) == [look]
    told = page(story)
    assert "Dr Brown at South got 1 measurement" in told and words.LOOKS["doubtful"] in told
    assert words.LOOKS["answer_received"].format(organisation="South") in told
    sentence = words.LOOKS["refused"].format(who="Dr Brown at South", source="North")
    assert words.LOOKS["contrary"].format(organisation="North", sentence=sentence) in told
    assert alarms(story) == ["look-contradicted"]
    one = read(story.client("guide"), f"{person_page(story)}/looks/{look.pair.hex()}")
    assert f"/looks/{look.pair.hex()}/dispute" in one


def test_a_second_disclosure_under_the_same_number_overwrites_nothing(story: Story) -> None:
    given = looked(story)
    (first,) = found(story)
    guide: Any = story.network["guide"]
    guide.looks.answer(hers(story).account, first.pair, "expected")
    write(story, "north", msgspec.structs.replace(given, records=[], time=story.network.time))
    (look,) = found(story)
    assert (look.given, look.answer) == (first.given, "") and alarms(story) == ["look-contradicted"]
    told = page(story)
    assert "Dr Brown at South got 1 measurement" in told
    assert "North also wrote down: Dr Brown at South got nothing from North" in told
    # The index made anew says the same.
    guide.store.write(
        lambda connection: [connection.execute(table.delete()) for table in (looks_kept, indexed, contrary)]
    )
    assert [one._replace(answer="") for one in found(story)] == [look] and alarms(story) == ["look-contradicted"]
    # The very line told once more, as after a link that was made anew, is none that contradicts.
    told_twice = [_Heard("", bytes([tag]), 0, given, 0, None) for tag in range(2)]
    assert not look_parts.joined(told_twice).doubtful


@pytest.mark.parametrize("together", [True, False])
def test_a_line_copied_to_another_account_stands_apart_and_stops_nothing(story: Story, together: bool) -> None:
    """North tells Grace of the look at Ada's records: both see theirs, and the agent hears of what comes after."""
    guide: Any = story.network["guide"]
    grace = story.network.patient("grace", "north")
    given = looked(story)
    if not together:
        found(story)
    node: Any = story.network["north"]
    (person,) = [one.id for one in node.rows(store.person) if one.account == grace.account]
    lie = msgspec.structs.replace(given, account=grace.account)
    draft = Draft(lie.manifest, manifests.encode(lie), person, None, None)
    node.store.write(lambda connection: node.journal.append(connection, [draft]))
    story.settle()
    (hers_,) = found(story)
    (copy,) = guide.looks.page(grace.account)
    assert (hers_.given is None, hers_.received is None, copy.received) == (False, False, None)
    assert copy.pair != hers_.pair and copy in guide.looks.questions(grace.account)
    assert alarms(story) == ["look-contradicted"]
    unfit = words.LOOKS["unfit"].format(organisation="North")
    told = text_of(read(story.client("guide"), f"/people/{handle(grace.account)}/looks"))
    assert unfit in told and words.LOOKS["doubtful"] in told and unfit not in page(story)
    story.network.time += 120_000
    story.ask(hers(story), "Dr Second", "a check-up")
    story.settle()
    assert len(found(story)) == 2 and len(guide.looks.page(grace.account)) == 1


def test_a_look_is_not_made_her_own_agent_s_by_a_line_with_its_number(story: Story) -> None:
    given = looked(story)
    request = msgspec.structs.replace(given.request, requester="guide", purpose="PATRQT", practitioner="Ada")
    write(story, "north", msgspec.structs.replace(given, records=[], time=story.network.time, request=request))
    assert found(story, "own") == [] and len(found(story, "people")) == 2
    told = page(story)
    assert "Dr Brown at South got 1 measurement" in told
    assert words.LOOKS["unfit"].format(organisation="North") in told and alarms(story) == ["look-contradicted"]


@pytest.mark.parametrize("outcome", ["received", "nothing"])
@pytest.mark.parametrize("place", ["north", "east"])
def test_only_who_asked_writes_the_other_half(story: Story, place: str, outcome: str) -> None:
    given, half = looked(story), newest(story, "south", "disclosure-received/1")
    number, guide = secrets.token_hex(16), story.network["guide"]
    owed = obligation_of("north", "south", bytes.fromhex(number))
    invented = msgspec.structs.replace(given.request, id=number, practitioner="Dr Invented")
    lie = msgspec.structs.replace(given, time=story.network.time, request=invented, obligation=owed.hex())
    write(story, "north", lie, [owed, "south", story.network.time + HOUR])
    false = msgspec.structs.replace(half, organisation=place, obligation=owed.hex(), outcome=outcome, request=number)
    write(story, place, false)
    for status in ("open", "overdue"):
        alone = [one for one in one_sided(guide, hers(story).account) if one.side == "source"]  # type: ignore[arg-type]
        assert [(one.obligation, one.status) for one in alone] == [(owed.hex(), status)]
        told = page(story)
        (about,) = [part for part in told.split("Did you expect this?") if "Dr Invented" in part]
        assert words.LOOKS[status].format(organisation="South") in about
        assert not any(
            words.LOOKS["answer_" + one].format(organisation="South") in about for one in ("received", outcome)
        )
        story.network.time += 2 * HOUR
        story.network["north"].put("Observation", "later", observation("later", "ada", "1"))
        story.settle()
    assert alarms(story) == ["look-contradicted"]


def test_a_denial_counts_once_the_ledger_has_it_settled(story: Story) -> None:
    """The source says that South knows nothing of a look; South has said otherwise, or has not answered yet."""
    given = looked(story)
    denied = manifests.FORMS["owed-denied/1"](
        "owed-denied/1", given.network, "north", given.account, given.time, "north", "south", given.obligation,
        "not-asked", "00" * 32,
    )  # fmt: skip
    write(story, "north", denied)
    said = words.LOOKS["answer_not-asked"].format(organisation="South")
    confirmed = words.LOOKS["answer_received"].format(organisation="South")
    told = page(story)
    assert confirmed in told and words.LOOKS["contrary"].format(organisation="North", sentence=said) in told
    number = secrets.token_hex(16)
    owed = obligation_of("north", "south", bytes.fromhex(number))
    request = msgspec.structs.replace(given.request, id=number, practitioner="Dr Invented")
    lie = msgspec.structs.replace(given, request=request, obligation=owed.hex())
    write(story, "north", lie, [owed, "south", story.network.time + HOUR])
    write(story, "north", msgspec.structs.replace(denied, obligation=owed.hex()))
    (about,) = [part for part in page(story).split("Did you expect this?") if "Dr Invented" in part]
    assert said not in about and words.LOOKS["open"].format(organisation="South") in about


@pytest.mark.parametrize("debtor", ["north", "east"])
def test_nobody_but_the_requester_answers_for_a_look(story: Story, debtor: str) -> None:
    """North lets itself, or East, owe the half for a disclosure to South, and has that settled."""
    given, network = looked(story), story.network
    number = secrets.token_hex(16)
    owed = obligation_of("north", "south", bytes.fromhex(number))
    request = msgspec.structs.replace(given.request, id=number, practitioner="Dr Invented")
    lie = msgspec.structs.replace(given, time=network.time, request=request, obligation=owed.hex())
    write(story, "north", lie, [owed, debtor, network.time + HOUR])
    head = ("owed-denied/1", given.network)
    own = manifests.FORMS["owed-denied/1"](
        *head, debtor, None, network.time, "north", debtor, owed.hex(), "nothing", None
    )
    draft = Draft(own.manifest, manifests.encode(own), None, {"settles": [["north", owed]]}, None)
    node: Any = network[debtor]
    node.store.write(lambda connection: node.journal.append(connection, [draft]))
    denied = (given.account, network.time, "north", "south", owed.hex(), "not-asked", "00" * 32)
    write(story, "north", manifests.FORMS["owed-denied/1"](*head, "north", *denied))
    with network.engine.view() as view:
        stands = state.read(view, state.obligation_key("north", owed), state.Obligation)
    assert stands is not None and (stands.debtor, stands.status) == (debtor, "settled")
    (about,) = [part for part in page(story).split("Did you expect this?") if "Dr Invented" in part]
    said = [name for name in ("settled", "answer_not-asked") if words.LOOKS[name].format(organisation="South") in about]
    assert said == [] and words.LOOKS["not-owed"].format(organisation="South") in about
    guide: Any = network["guide"]
    assert [(one.silent, one.status) for one in one_sided(guide, hers(story).account)] == [("south", "not-owed")]


def test_an_emergency_or_a_look_inside_has_no_number_of_a_look(story: Story) -> None:
    given = looked(story)
    emergency = manifests.FORMS["emergency/1"](
        "emergency/1", given.network, "north", given.account, given.time, given.request, "unconscious", "summary",
        given.time, given.obligation, given.time, None,
    )  # fmt: skip
    assert look_parts.look_of(given) == ("north", given.obligation) and look_parts.look_of(emergency) is None
    write(story, "north", emergency)
    assert len(found(story)) == 2 and "Dr Brown at South got 1 measurement" in page(story)
    assert words.LOOKS["unfit"].format(organisation="North") in page(story)


def test_a_review_and_an_answer_are_not_said_before_the_ledger_has_them(story: Story) -> None:
    """North, alone, tells her of a review that South never made; North and East of an answer that it never gave."""
    network, guide = story.network, story.network["guide"]
    south: Any = network["south"]
    given, person = looked(story), hers(story)
    text = "Found unconscious at the bus station"
    doctor = south.practitioners.enter("night", "Dr Night", PHYSICIAN)
    declared = south.emergency_reviews.declare("north", person.account, doctor, "unconscious", text)
    raised = disputing.dispute(guide, person.account, "south", "north", person.sign, person.key.key_id)  # type: ignore[arg-type]
    story.settle()
    head = (given.network, "north", person.account, network.time)
    said = ("south", declared.id.hex(), "justified", "All in order.", "00" * 32)
    write(story, "north", manifests.FORMS["emergency-reviewed/1"]("emergency-reviewed/1", *head, *said))
    said = (raised.id.hex(), "south", "explained", "It was needed for your care.", "00" * 32)
    (look,) = [one for one in found(story, "people") if not one.emergency]
    one = f"{person_page(story)}/looks/{look.pair.hex()}"
    for place in ("east", "north"):
        answer = manifests.FORMS["dispute-answered/1"]("dispute-answered/1", *head, *said)
        write(story, place, msgspec.structs.replace(answer, organisation=place))
        assert words.MISTAKES["waits"] in text_of(read(story.client("guide"), one))
    told = page(story) + text_of(read(story.client("guide"), one))
    assert "All in order." not in told and "needed for your care" not in told
    assert "Somebody else at South has to check it." in told
    # South answers for both, and the ledger has it: from then on North's word of it is said.
    carry(network, DISPUTED_PATH)
    south.emergency_reviews.review(declared.id, "nora", "Nora Officer", "not-justified", "She was awake.")
    answering.answer(south, "north", raised.id, "mistake", "We are sorry.")
    story.settle()
    assert words.MISTAKES["waits"] not in text_of(read(story.client("guide"), one))
    assert "Somebody else at South has to check it." not in page(story)


@pytest.mark.parametrize("anchored", [True, False])
def test_a_look_that_is_dated_back_stands_where_it_came(
    story: Story, monkeypatch: pytest.MonkeyPatch, anchored: bool
) -> None:
    """Two years back in what is told of the line; the block, or when it was told, shows when it was."""
    story.ask(hers(story), "Dr First", "a check-up")
    story.settle()
    story.network.time += HOUR
    back, real = 800 * 24 * HOUR, Journal.notice

    def lying(journal: Any, who: Any, counter: int, line: Any) -> Any:
        return real(journal, who, counter, line._replace(time=line.time - back))

    monkeypatch.setattr(Journal, "notice", lying)
    story.ask(hers(story), "Dr Brown", "a check-up")
    if anchored:
        story.settle()
    else:
        story.network.deliver()
    newest_first = found(story)
    assert [newest_first[0].time > newest_first[1].time, len(newest_first)] == [True, 2]
    told = page(story)
    assert told.index("Dr Brown") < told.index("Dr First")
    assert (words.LOOKS["late_line"].split("{")[0].strip() in told) == anchored
    assert (words.PERSON["ledger_no"] in told) != anchored
