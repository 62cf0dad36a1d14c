"""The right person: a link confirmed at the desk or in the queue, a swap at the source held back, a link undone."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql

from medrec.core import codec
from medrec.core.matching import Demographics, Field
from medrec.node.agent import copies
from medrec.node.keeping import store
from medrec.node.peers.peers import PeerError
from medrec.node.right_person import contradicting, holding
from medrec.node.right_person.link import UNLINK_PATH, LinkError, link_payload, read_payload, unlink_message
from medrec.node.right_person.matching import FIND_PATH, as_stated, find_message, request
from tests.fhir.asking import Told, ask, resource
from tests.node.forks import fork_of_ada, nothing
from tests.node.network import Network, Patient


@pytest.fixture
def network(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Network]:
    with fork_of_ada(request, tmp_path, nothing) as forked:
        yield forked


def demographics(identifier: str, family: str, given: str, birth: str, **more: Any) -> str:
    name = [{"family": family, "given": [given]}]
    return json.dumps({"resourceType": "Patient", "id": identifier, "name": name, "birthDate": birth, **more})


ADA = ("Lovelace", "Ada", "1961-12-10")
BOB = ("Byron", "Robert", "1948-01-02")


def ada_at_north(network: Network) -> Patient:
    north = network["north"]
    north.put("Patient", "ada", demographics("ada", *ADA))
    north.put("Condition", "c1", resource("Condition", "c1", code={"text": "Asthma"}))
    north.put("Patient", "bob", demographics("bob", *BOB))
    person = network.patient("ada", "north")
    network.consent(person, "north", "south")
    network.anchor()
    return person


def everything(network: Network, person: Patient) -> Told:
    return ask(network, person.account, "Patient/ada/$everything", identifier=secrets.token_bytes(16))


def alarms(network: Network) -> list[str]:
    return [row.code for row in network["north"].rows(store.alarm)]


def link(network: Network, person: Patient, code: bytes, **stated: str) -> int:
    agent = network[network.AGENT].agent
    assert agent is not None
    return agent.link(person.account, "north", code, person.sign, stated or None)


# --- the desk ---------------------------------------------------------------------------------------------


def test_the_desk_s_code_says_which_organisation_and_is_checked(network: Network) -> None:
    code = secrets.token_bytes(16)
    text = link_payload(network.id, "north", code)
    assert read_payload(network.id, f" {text.lower()} ") == ("north", code)
    for wrong in (text[:-1] + "X", text.replace("NORTH", "SOUTH"), "MEDREC-LINK:1", "", "https://example.org"):
        with pytest.raises(LinkError, match="misread"):
            read_payload(network.id, wrong)
    with pytest.raises(LinkError):
        read_payload(bytes(32), text)


def test_who_states_other_demographics_is_not_linked_and_the_code_is_gone(network: Network) -> None:
    person = network.patient("eve")
    network["north"].put("Patient", "ada", demographics("ada", *ADA))
    code = network["north"].linker.invite("ada")
    with pytest.raises((PeerError, LinkError)) as refused:
        link(network, person, code, family="Moriarty", given="Eve", birth="1970-05-05")
    assert "does not fit" in str(refused.value)
    assert alarms(network) == ["link-contradicted"]
    with pytest.raises((PeerError, LinkError), match="was used"):
        link(network, person, code, family=ADA[0], given=ADA[1], birth=ADA[2])
    assert all("1970" not in row.sentence + row.subject for row in network["north"].rows(store.alarm))


def test_who_states_what_the_place_knows_is_linked(network: Network) -> None:
    person = network.patient("ada")
    network["north"].put("Patient", "ada", demographics("ada", *ADA))
    lines = link(network, person, network["north"].linker.invite("ada"), family=ADA[0], given="Ada", birth=ADA[2])
    assert lines == 1
    assert [row.how for row in network["north"].rows(holding.identity)] == ["desk"]
    assert b"Lovelace" not in bytes(network["north"].rows(holding.identity)[0].sealed)


# --- swapped at the source --------------------------------------------------------------------------------


def test_two_patients_swapped_at_the_source_are_held_back_until_a_human_looks(network: Network) -> None:
    person = ada_at_north(network)
    assert everything(network, person).status == 200
    network["north"].put("Patient", "ada", demographics("ada", *BOB), origin="second")
    network["north"].put("Condition", "c9", resource("Condition", "c9", code={"text": "Syphilis"}), origin="second")
    told = everything(network, person)
    assert told.status == 403 and b"Byron" not in told.body and b"Syphilis" not in told.body
    waiting = holding.waiting(network["north"])  # type: ignore[arg-type]
    assert [(item.type, item.id, item.fields[0]) for item in waiting] == [("Patient", "ada", "birth")]
    assert "record-held" in alarms(network)
    # The source puts it right: nothing is held any more.
    network["north"].put("Patient", "ada", demographics("ada", *ADA, gender="female"), origin="third")
    assert holding.waiting(network["north"]) == []  # type: ignore[arg-type]
    assert everything(network, person).status == 200


def test_a_human_may_say_that_it_is_she_after_all(network: Network) -> None:
    person = ada_at_north(network)
    changed = demographics("ada", "King", "Augusta", ADA[2])
    network["north"].put("Patient", "ada", changed, origin="second")
    assert everything(network, person).status == 403
    assert holding.let_go(network["north"], "Patient", "ada", "clerk")  # type: ignore[arg-type]
    assert b"Augusta" in everything(network, person).body
    assert not holding.let_go(network["north"], "Patient", "ada", "clerk")  # type: ignore[arg-type]
    # From now on that is who she is: the same again is nothing new.
    network["north"].put("Patient", "ada", demographics("ada", "King", "Augusta", ADA[2], active=True), origin="third")
    assert holding.waiting(network["north"]) == []  # type: ignore[arg-type]


def test_one_record_that_names_somebody_else_is_held_back_alone(network: Network) -> None:
    person = ada_at_north(network)
    for identifier, display in (("c2", "Robert Byron"), ("c3", "Ada Lovelace"), ("c4", "Lovelace, A."), ("c5", "")):
        subject = {"reference": "Patient/ada"} | ({"display": display} if display else {})
        network["north"].put("Condition", identifier, resource("Condition", identifier, subject=subject), origin="x")
    assert [item.id for item in holding.waiting(network["north"])] == ["c2"]  # type: ignore[arg-type]
    names = everything(network, person).names
    assert "Condition/c2" not in names and {"Condition/c1", "Condition/c3", "Condition/c4", "Condition/c5"} <= set(
        names
    )


# --- undone -----------------------------------------------------------------------------------------------


def test_a_link_undone_takes_everything_out_again_and_leaves_nothing_behind_for_the_next(network: Network) -> None:
    wrong = ada_at_north(network)
    agent = network[network.AGENT]
    network.deliver()
    copy = {"account": wrong.account, "organisation": "north", "type": "Condition", "id": "c1", "tag": b"t" * 16}
    agent.store.write(lambda c: c.execute(sql.insert(copies.record_copy).values(**copy, sealed=b"x")))
    assert network["north"].linker.unlink("ada") and not network["north"].linker.unlink("ada")
    network.anchor()
    network.deliver()
    assert agent.rows(copies.record_copy) == [], "what came through the link is out of her record"
    assert everything(network, wrong).status == 403
    # The right person: she gets every record, and nothing of what the other one did here.
    right = network.patient("countess")
    assert agent.agent is not None
    lines = agent.agent.link(right.account, "north", network["north"].linker.invite("ada"), right.sign)
    network.anchor()
    network.deliver()
    while agent.agent.follow():
        pass
    assert lines == 2, "Patient and Condition, stated again without an account"
    hers = [notice for notice in agent.agent.notices(right.account) if notice.manifest is not None]
    assert sorted(notice.kind for notice in hers) == ["link/1", "record/1", "record/1"]
    assert all(notice.manifest.account in (None, right.account) for notice in hers)
    network.consent(right, "north", "south")
    told = everything(network, right)
    assert told.status == 200 and set(told.names) == {"Patient/ada", "Condition/c1"}
    assert agent.agent.missing(0) == [], "no line of hers is on the ledger without having come"


def test_the_person_undoes_her_link_and_may_link_again(network: Network) -> None:
    person = ada_at_north(network)
    agent = network[network.AGENT].agent
    assert agent is not None
    assert agent.unlink(person.account, "north", person.sign) is True
    assert everything(network, person).status == 403
    assert agent.unlink(person.account, "north", person.sign) is False
    network.time += 60_000
    assert link(network, person, network["north"].linker.invite("ada")) == 2
    network.anchor()
    network.deliver()
    while agent.follow():
        pass
    assert everything(network, person).status == 403, "what she permitted ended with the link"
    network.consent(person, "north", "south")
    assert everything(network, person).status == 200
    assert agent.missing(0) == []


def test_nobody_else_undoes_a_link(network: Network) -> None:
    person, eve = ada_at_north(network), network.patient("eve")
    agent = network[network.AGENT].agent
    assert agent is not None
    with pytest.raises((PeerError, LinkError), match="did not sign"):
        agent.unlink(person.account, "north", eve.sign)
    stale = {"account": person.account, "key": b"", "signature": b"", "time": network.time - 3_600_000}
    with pytest.raises((PeerError, LinkError), match="too old"):
        network[network.AGENT].peers.call("north", "/medrec/unlink", codec.encode(stale))
    assert everything(network, person).status == 200


# --- found by a match -------------------------------------------------------------------------------------


def find(network: Network, person: Patient, identifier: bytes, stated: Demographics, **changes: Any) -> Any:
    message = find_message(network.id, "north", person.account, identifier, changes.pop("signed", stated))
    key, signature = person.sign(message)
    asked = {"account": person.account, "id": identifier, "demographics": as_stated(stated), "key": key,
             "signature": signature, **changes}  # fmt: skip
    return codec.decode(network[network.AGENT].peers.call("north", FIND_PATH, codec.encode(asked)))


def test_a_match_is_proposed_confirmed_by_a_human_and_signed_by_the_person(network: Network) -> None:
    north, person = network["north"], network.patient("ada")
    north.put("Patient", "p1", demographics("p1", "Lovelace", "Ada", "1961-12-10"))
    north.put("Patient", "p2", demographics("p2", "Lovelace", "Byron", "1961-12-10"))
    north.put("Patient", "p3", demographics("p3", *BOB))
    stated, identifier = Demographics(*ADA), secrets.token_bytes(16)
    assert find(network, person, identifier, stated) == {"status": "waiting"}
    (waiting,) = north.matching.queue()
    assert [c.patient for c in waiting.candidates] == ["p1", "p2"]
    assert [c.comparison.verdict for c in waiting.candidates] == ["likely", "possible"]
    assert waiting.candidates[1].comparison.twin
    assert north.rows(store.person)[0].account is None, "no score links anybody"
    with pytest.raises(LinkError, match="does not wait"):
        north.matching.confirm(identifier, "p3", "clerk")
    north.matching.confirm(identifier, "p1", "clerk")
    answer = find(network, person, identifier, stated)
    assert answer["status"] == "ready" and north.matching.queue() == []
    link(network, person, answer["code"], family=ADA[0], given=ADA[1], birth=ADA[2])
    linked = {row.patient: row.account for row in north.rows(store.person)}
    assert linked["p1"] == person.account and linked["p2"] is None


def test_a_match_is_for_the_account_that_somebody_looked_at(network: Network) -> None:
    """Its code, seen by another account that states the same, links nobody; hers it links."""
    north, ada, eve = network["north"], network.patient("ada"), network.patient("eve")
    north.put("Patient", "p1", demographics("p1", *ADA))
    find(network, ada, b"1" * 16, Demographics(*ADA))
    north.matching.confirm(b"1" * 16, "p1", "clerk")
    code = find(network, ada, b"1" * 16, Demographics(*ADA))["code"]
    stated = dict(zip(("family", "given", "birth"), ADA, strict=True))
    with pytest.raises((PeerError, LinkError), match="somebody else"):
        link(network, eve, code, **stated)
    assert all(row.account is None for row in north.rows(store.person))
    link(network, ada, code, **stated)
    assert [row.account for row in north.rows(store.person)] == [ada.account]


def test_who_states_many_numbers_of_a_kind_states_none(network: Network) -> None:
    north, eve = network["north"], network.patient("eve")
    ssn = [{"type": {"coding": [{"code": "SS"}]}, "system": "urn:ssn", "value": "105"}]
    north.put("Patient", "p1", json.dumps(json.loads(demographics("p1", *ADA)) | {"identifier": ssn}))
    guessed = tuple(f"urn:ssn|{number}" for number in range(102, 108))
    find(network, eve, b"1" * 16, Demographics(*ADA, identifiers=guessed))
    find(network, eve, b"2" * 16, Demographics(*ADA, identifiers=("urn:ssn|105", "urn:passport|9")))
    many, one = north.matching.queue()
    assert many.candidates[0].comparison.of(Field.IDENTIFIER) == "missing" and many.stated.identifiers == ()
    assert one.candidates[0].comparison.of(Field.IDENTIFIER) == "agrees"


@pytest.mark.parametrize(
    "stated",
    [
        Demographics("Lovelace", "A" * 201, "1961-12-10"),
        Demographics(*ADA, postcode="1" * 201),
        Demographics(*ADA, identifiers=("urn:ssn|" + "1" * 200,)),
        Demographics(*ADA, identifiers=tuple(f"urn:{kind}|1" for kind in range(9))),
    ],
)
def test_what_is_longer_than_anybody_s_name_is_not_taken(network: Network, stated: Demographics) -> None:
    with pytest.raises((PeerError, LinkError), match="not readable"):
        find(network, network.patient("eve"), b"1" * 16, stated)
    assert network["north"].matching.queue() == []


def test_who_is_not_known_learns_no_more_than_who_is(network: Network) -> None:
    person = network.patient("eve")
    network["north"].put("Patient", "p1", demographics("p1", *ADA))
    first = find(network, person, b"1" * 16, Demographics(*ADA))
    second = find(network, person, b"2" * 16, Demographics("Nobody", "No", "1900-01-01"))
    assert first == second == {"status": "waiting"}
    network["north"].matching.refuse(b"2" * 16, "clerk")
    assert find(network, person, b"2" * 16, Demographics("Nobody", "No", "1900-01-01")) == {"status": "refused"}
    find(network, person, b"3" * 16, Demographics("Nobody", "No", "1900-01-01"))
    find(network, person, b"4" * 16, Demographics("Nobody", "No", "1900-01-01"))
    with pytest.raises((PeerError, LinkError), match="wait"):
        find(network, person, b"5" * 16, Demographics("Nobody", "No", "1900-01-01"))


def test_one_request_that_cannot_be_opened_keeps_no_other_from_being_seen(network: Network) -> None:
    north, ada, eve = network["north"], network.patient("ada"), network.patient("eve")
    find(network, ada, b"1" * 16, Demographics(*ADA))
    find(network, eve, b"2" * 16, Demographics(*BOB))
    assert (len(north.matching.queue()), north.matching.all_waiting().shut) == (2, 0)
    changed = request.update().where(request.c.id == b"1" * 16).values(sealed=b"x" * 40)
    north.store.write(lambda connection: connection.execute(changed))
    found = north.matching.all_waiting()
    assert [one.account for one in found.queue] == [eve.account] and found.shut == 1
    # It can still be refused: nothing of it has to be read for that.
    north.matching.refuse(b"1" * 16, "clerk")
    assert north.matching.all_waiting().shut == 0


def test_only_what_the_person_signed_is_looked_for(network: Network) -> None:
    person, eve = network.patient("ada"), network.patient("eve")
    with pytest.raises((PeerError, LinkError), match="did not sign"):
        find(network, person, b"1" * 16, Demographics(*ADA), signed=Demographics(*BOB))
    with pytest.raises((PeerError, LinkError), match="did not sign"):
        find(network, eve, b"1" * 16, Demographics(*ADA), account=person.account)
    assert network["north"].matching.queue() == []


def test_what_undid_a_link_once_undoes_no_other(network: Network) -> None:
    ada, north = ada_at_north(network), network["north"]
    key, signature = ada.sign(unlink_message(network.id, "north", ada.account, network.time))
    body = codec.encode({"account": ada.account, "key": key, "signature": signature, "time": network.time})
    undo = network["guide"].peers.call
    assert codec.decode(undo("north", UNLINK_PATH, body)) is True
    network.time += 1
    link(network, ada, north.linker.invite("ada"))
    # Within the ten minutes that it is good for, and after a restart.
    for node in (north, network.crash("north")):
        assert codec.decode(undo("north", UNLINK_PATH, body)) is False
        with node.store.read() as connection:
            assert node.journal.person_of_account(connection, ada.account) is not None
    network.time += 1
    key, signature = ada.sign(unlink_message(network.id, "north", ada.account, network.time))
    fresh = codec.encode({"account": ada.account, "key": key, "signature": signature, "time": network.time})
    assert codec.decode(undo("north", UNLINK_PATH, fresh)) is True


@pytest.mark.parametrize(
    ("words", "fields"),
    [
        ("Miller, Peter", ("given",)),
        ("Peter Miller", ("given",)),
        ("MILLER, PETER J", ("given",)),
        ("Miller, Anna", ()),
        ("Mrs Miller", ()),
        ("Anna Smith", ()),
        ("Miller, Maria", ()),
        ("Miller A", ()),
        ("Robert Byron", ("family", "given")),
    ],
)
def test_the_name_of_a_record_s_subject_is_held_against_hers(words: str, fields: tuple[str, ...]) -> None:
    anna = Demographics("Miller", "Anna Maria", "1960-01-01", "female")
    record = {"resourceType": "Condition", "subject": {"reference": "Patient/x", "display": words}}
    assert contradicting.contradicts(anna, record) == fields


SSN = "http://hl7.org/fhir/sid/us-ssn"


@pytest.mark.parametrize(
    ("parts", "fields"),
    [
        ({"subject": {"identifier": {"system": SSN, "value": "999-99-9999"}}}, ("identifier",)),
        ({"subject": {"identifier": {"system": SSN, "value": "111-11-1111"}}}, ()),
        ({"subject": {"identifier": {"system": "urn:oid:1.2.3", "value": "999-99-9999"}}}, ()),
        ({"context": {"sourcePatientInfo": {"reference": "Patient/bob"}}}, ("identifier",)),
        ({"context": {"sourcePatientInfo": {"reference": "Patient/x/_history/2"}}}, ()),
        ({"context": {"sourcePatientInfo": {"reference": "#p"}}}, ()),
        ({"context": {"sourcePatientInfo": {"display": "Robert Byron"}}}, ("family", "given")),
    ],
)
def test_the_number_of_a_record_s_subject_and_whom_a_document_was_taken_for_are_held_against_hers(
    parts: dict[str, Any], fields: tuple[str, ...]
) -> None:
    anna = Demographics("Miller", "Anna Maria", "1960-01-01", "female", identifiers=(f"{SSN}|111-11-1111",))
    record: Any = {"resourceType": "DocumentReference", "subject": {"reference": "Patient/x"}}
    for name, part in parts.items():
        record[name] = record.get(name, {}) | part
    assert contradicting.contradicts(anna, record) == fields


def test_a_number_of_a_kind_that_is_not_known_of_her_ends_no_hold() -> None:
    """It contradicts nothing by itself, and does not say who it is either."""
    anna = Demographics("Miller", "Anna Maria", "1960-01-01", "female", identifiers=(f"{SSN}|111-11-1111",))
    other = {"system": "urn:oid:1.2.3", "value": "999-99-9999"}
    hers = {"system": SSN, "value": "111-11-1111"}
    for fields in (("identifier",), ("given",), ("family", "given")):
        for number, ended in ((None, True), (hers, True), (other, False)):
            subject = {"display": "Anna Miller"} | ({"identifier": number} if number else {})
            record: Any = {"resourceType": "Condition", "subject": subject}
            assert contradicting.contradicts(anna, record) == ()
            assert contradicting.ends(anna, fields, record) == ended, (fields, number)
    # Of a Patient such numbers are common: there it counts where the number is what spoke against it.
    coded = {"type": {"coding": [{"code": "PPN"}]}} | other
    patient = json.loads(demographics("x", "Miller", "Anna Maria", "1960-01-01")) | {"identifier": [coded]}
    assert contradicting.ends(anna, ("given",), patient) and not contradicting.ends(anna, ("identifier",), patient)
