"""A FHIR consent drafted, tried on the record at its source, signed, and in force."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from medrec.core.consent.plain import Party, Plain, write
from medrec.core.consent.trial import Asker
from medrec.node.consents import CONSENTS_PATH
from medrec.node.peers import PeerError
from medrec.node.policies import draft_consent, signed_consent, try_at
from medrec.node.receive import request_records
from tests.node.network import Network, Patient


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    opened = Network(tmp_path)
    for kind, identifier, name in (("Observation", "bp", "Blood pressure"), ("Condition", "sud", "Alcoholism")):
        content = {"resourceType": kind, "id": identifier, "subject": {"reference": "Patient/ada"}}
        opened["north"].put(kind, identifier, json.dumps({**content, "code": {"text": name}}))
    yield opened
    opened.close()


@pytest.fixture
def ada(network: Network) -> Patient:
    return network.patient("ada", "north")


def sign(network: Network, person: Patient, plain: Plain, secret: bytes) -> None:
    text = write(plain, person.account, network.time)
    draft = draft_consent(
        network.id, "north", person.account, network.time, text, secret, person.key.key_id
    )  # fmt: skip
    _, signature = person.sign(draft.message)
    network["guide"].peers.call("north", CONSENTS_PATH, signed_consent(draft, signature))


def seen(network: Network, person: Patient) -> list[str]:
    doctor = network["south"].doctor()
    found = request_records(network["south"], "north", person.account, practitioner=doctor, reason="visit")  # type: ignore[arg-type]
    return [record.id for record in found.records]


def test_tried_then_signed_then_true(network: Network, ada: Patient) -> None:
    sign(network, ada, Plain("share", to=[Party("south")]), secrets.token_bytes(32))
    assert seen(network, ada) == ["sud", "bp"]
    proposed = Plain("withhold", about=["substance-use"])
    text = write(proposed, ada.account, network.time)
    found = try_at(network["guide"], ada.account, "north", text, askers=[Asker("east")])  # type: ignore[arg-type]
    shown = {(one.asker.organisation, one.asker.practitioner): one for one in found.parties}
    assert shown["south", ""].before == ("Condition/sud", "Observation/bp")
    assert shown["south", "dr-south"].after == shown["south", ""].after == ("Observation/bp",)
    assert shown["east", ""].before == shown["east", ""].after == ()
    (look,) = found.looks
    assert look.look.asker.practitioner == "dr-south" and look.look.time == network.time
    assert (look.still, look.stopped) == (("Observation/bp",), ("Condition/sud",))
    sign(network, ada, proposed, secrets.token_bytes(32))
    assert seen(network, ada) == ["bp"]


def test_looks_of_long_ago_are_not_replayed(network: Network, ada: Patient) -> None:
    sign(network, ada, Plain("share", to=[Party("south")]), secrets.token_bytes(32))
    seen(network, ada)
    network.time += 366 * 86_400_000
    found = try_at(network["guide"], ada.account, "north", write(Plain("withhold"), ada.account, network.time))  # type: ignore[arg-type]
    assert found.looks == () and all(one.after == () for one in found.parties)


@pytest.mark.parametrize(("caller", "text", "code"), [("south", b"", "not-permitted"), ("guide", b"{", "malformed")])
def test_only_her_agent_may_try_and_only_what_can_be_read(
    network: Network, ada: Patient, caller: str, text: bytes, code: str
) -> None:
    with pytest.raises(PeerError) as refused:
        try_at(network[caller], ada.account, "north", text)  # type: ignore[arg-type]
    assert refused.value.code == code
