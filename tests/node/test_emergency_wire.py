"""Breaking the glass at the wire, past everything that the requester's own node checks: how long, who, why, by whom
reviewed, and what everybody can count.
"""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from medrec.core import codec, manifests, state
from medrec.core.consent.emergency import REASONS, REVIEW_MS, ROLES
from medrec.core.manifests.emergency import EmergencyReviewManifest, query_of
from medrec.core.state import Dues
from medrec.node.peers.peers import PeerError
from medrec.node.release import access
from medrec.node.release.emergency import EMERGENCY_PATH, REVIEWS_PATH
from medrec.node.release.practitioners import OTHER, PHYSICIAN, SYSTEM, Practitioner
from medrec.node.release.receive import request_records
from tests.node.forks import ada as ada
from tests.node.forks import fork_of_ada
from tests.node.network import HOUR, Network, Patient
from tests.node.test_emergency import TEXT, declare, seen, written


def made(network: Network) -> None:
    content = '{"resourceType":"AllergyIntolerance","id":"pen","patient":{"reference":"Patient/ada"}}'
    network["north"].put("AllergyIntolerance", "pen", content)


@pytest.fixture
def network(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Network]:
    with fork_of_ada(request, tmp_path, made) as forked:
        yield forked


def send(network: Network, person: Patient, doctor: Practitioner | None = None, **wanted: Any) -> dict[str, Any]:
    """What the source answers to a declaration in these words; none of the requester's own checks is asked."""
    doctor = doctor or network["south"].doctor()
    query = wanted.pop("query", query_of("unconscious", "summary", 4))
    purpose, reason = wanted.pop("purpose", "BTG"), wanted.pop("reason", TEXT)
    request = doctor.request(secrets.token_bytes(16), purpose, reason, query=query, **wanted)
    asked = doctor.ask(network.id, "north", person.account, network.time + 60_000, request)
    return codec.decode(network["south"].peers.call("north", EMERGENCY_PATH, access.encode(asked)))  # type: ignore[no-any-return]


def code_of(network: Network, person: Patient, doctor: Practitioner | None = None, **wanted: Any) -> str:
    with pytest.raises(PeerError) as caught:
        send(network, person, doctor, **wanted)
    assert written(network["north"], "emergency/1") == []
    return caught.value.code


LONG = ("121", "999", "1000", "0", "00", "-4", "+4", "4.5", "1e2", "", " 4", "4 ", "٤", "0x4", "4&hours=999")


@pytest.mark.parametrize("hours", LONG)
def test_five_days_are_the_most_however_it_is_written(network: Network, ada: Patient, hours: str) -> None:
    query = f"$emergency?code=unconscious&scope=summary&hours={hours}"
    assert code_of(network, ada, query=query) == "malformed"


def test_five_days_and_no_moment_more(network: Network, ada: Patient) -> None:
    stands = send(network, ada, query=query_of("unconscious", "summary", 120))
    assert stands["until"] == network.time + 120 * HOUR
    # A second one about the same patient is one more to review, and does not add to the first.
    again = send(network, ada, query=query_of("unconscious", "summary", 1))
    assert again["until"] == network.time + HOUR and again["id"] != stands["id"]
    assert seen(network, ada.account) == ["pen"]
    network.time = stands["until"]
    network["north"].anchor()
    with pytest.raises(PeerError) as caught:
        seen(network, ada.account)
    assert caught.value.code == "emergency-undeclared"


@pytest.mark.parametrize(
    "role",
    ["http://snomed.info/sct|0", "http://example.org|158965000", "HTTP://SNOMED.INFO/SCT|158965000",
     "http://snomed.info/sct|158965000.", "urn:oid:2.16.840.1.113883.6.96|158965000"],
)  # fmt: skip
def test_a_role_that_is_not_on_the_list_opens_nothing(network: Network, ada: Patient, role: str) -> None:
    assert code_of(network, ada, network["south"].practitioners.enter("clerk", "A Clerk", role)) == "emergency-role"


def test_a_role_is_what_the_credential_says_and_nobody_is_a_program(network: Network, ada: Patient) -> None:
    clerk = network["south"].practitioners.enter("clerk", "A Clerk", "http://snomed.info/sct|0")
    assert code_of(network, ada, clerk, role=PHYSICIAN) == "not-the-practitioner"
    bot = network["south"].practitioners.enter("bot", "Dr Bot", SYSTEM, machine=True)
    assert code_of(network, ada, bot) == "emergency-role"
    assert code_of(network, ada, bot, machine=False, role=PHYSICIAN) == "not-the-practitioner"
    for role in sorted(ROLES):
        assert send(network, ada, network["south"].practitioners.enter("r" + role[-9:], "Dr Right", role))


@pytest.mark.parametrize(("role", "machine"), [(OTHER, False), (SYSTEM, True), (PHYSICIAN, True)])
def test_each_request_is_held_to_the_roles_whoever_declared_under_its_id(
    network: Network, ada: Patient, role: str, machine: bool
) -> None:
    south: Any = network["south"]
    declare(network, ada.account)
    assert seen(network, ada.account, purpose="BTG")
    other = south.practitioners.enter("dr-south", "Dr South", role, machine=machine)
    with pytest.raises(PeerError) as caught:
        request_records(south, "north", ada.account, practitioner=other, reason=TEXT, purpose="BTG")
    assert caught.value.code == "emergency-role"


@pytest.mark.parametrize("code", ["", "no-such", "Unconscious", "unconscious ", "other\n"])
def test_a_reason_that_is_not_on_the_list_opens_nothing(network: Network, ada: Patient, code: str) -> None:
    query = f"$emergency?code={code}&scope=summary&hours=4"
    assert code_of(network, ada, query=query) in ("malformed", "emergency-reason")


def test_every_reason_of_the_list_is_taken(network: Network, ada: Patient) -> None:
    for code in REASONS:
        assert send(network, ada, query=query_of(code, "summary", 1))


@pytest.mark.parametrize(
    "reason",
    ["", "help", " " * 40, "a" + " " * 40 + "b", "\u200b" * 30, "help" + "\u2060" * 30, "help" + "\u00ad" * 30,
     "\u202e" * 25, "help" + "\u0000" * 30, "." * 30, "\u0301" * 30, "help" + "\u0301" * 30, "? ! " * 10],
)  # fmt: skip
def test_words_that_nobody_sees_are_none(network: Network, ada: Patient, reason: str) -> None:
    assert code_of(network, ada, reason=reason) in ("emergency-reason", "reason-missing")


@pytest.mark.parametrize("purpose", ["TREAT", "HRESCH", "PATRQT"])
def test_only_the_purposes_of_an_emergency_declare_one(network: Network, ada: Patient, purpose: str) -> None:
    assert code_of(network, ada, purpose=purpose) == "malformed"


def test_another_cannot_declare_in_somebodys_name(network: Network, ada: Patient) -> None:
    doctor = network["south"].doctor()
    request = doctor.request(secrets.token_bytes(16), "BTG", TEXT, query=query_of("unconscious", "summary", 4))
    asked = doctor.ask(network.id, "north", ada.account, network.time + 60_000, request)
    longer = msgspec.structs.replace(request, query=query_of("other", "summary", 120))
    forged = msgspec.structs.replace(asked, request=longer)
    for by, ask, code in (("east", asked, "not-the-requester"), ("south", forged, "assertion-bad")):
        with pytest.raises(PeerError) as caught:
            network[by].peers.call("north", EMERGENCY_PATH, access.encode(ask))
        assert caught.value.code == code
    assert written(network["north"], "emergency/1") == []


def overdue(network: Network, organisation: str) -> int:
    """What every member and every reader of the ledger counts."""
    network.engine.submit([])
    with network.engine.view() as view:
        found = state.read(view, state.dues_key(organisation), Dues)
    return found.overdue if found is not None else 0


def review(network: Network, by: str, obligation: str, person: Patient, reviewer: str) -> list[bool]:
    """A review as an organisation sends it, whatever its own node would say of it."""
    said = EmergencyReviewManifest(
        "emergency-review/1", network.id.hex(), by, person.account, network.time, "north", obligation, reviewer,
        "justified", "All was well.",
    )  # fmt: skip
    body = codec.encode([manifests.encode(said)])
    return codec.decode(network[by].peers.call("north", REVIEWS_PATH, body))  # type: ignore[no-any-return]


def test_each_review_that_is_owed_is_counted_for_all_to_see(network: Network, ada: Patient) -> None:
    for hours in (1, 120):
        send(network, ada, query=query_of("unconscious", "summary", hours))
    network.anchor()
    assert overdue(network, "south") == 0
    network.time += REVIEW_MS - 1
    assert overdue(network, "south") == 0
    network.time += 2
    assert overdue(network, "south") == 2 and overdue(network, "north") == 0
    # To tell the source alone settles nothing: the count goes when the requester's own line is on the ledger.
    (first, _) = written(network["north"], "emergency/1")
    assert review(network, "south", first.obligation, ada, "Dr Second") == [True]
    network.anchor()
    assert overdue(network, "south") == 2


@pytest.mark.parametrize(
    "reviewer", ["Dr South", "dr  SOUTH", "South, Dr", "Dr \u0405outh", "Dr S\u03bfuth", "Dr \u0405\u043eut\u04bb"]
)
def test_the_source_takes_no_review_by_who_declared_it(network: Network, ada: Patient, reviewer: str) -> None:
    declare(network, ada.account)
    (declared,) = written(network["north"], "emergency/1")
    assert review(network, "south", declared.obligation, ada, reviewer) == [False]
    assert written(network["north"], "emergency-reviewed/1") == []
    assert [one.status for one in network["north"].emergencies.all()] == ["open"]
    # Nor one by another organisation, nor one about somebody else.
    assert review(network, "east", declared.obligation, ada, "Dr Second") == [False]
    assert review(network, "south", declared.obligation, network.patient("bob"), "Dr Second") == [False]
    assert review(network, "south", declared.obligation, ada, "Dr Second") == [True]
