"""Consents: what is taken, what is turned away, and that what was taken back stays dead."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medrec.core import codec, commitment, manifests, state
from medrec.core.manifests.consent import ConsentManifest, Grant, RevocationManifest, revocation_message
from medrec.node.consent import consents
from medrec.node.keeping import store
from medrec.node.peers.peers import PeerError
from medrec.node.refusals import Code, Refusal
from medrec.node.release.access import revoked
from tests.node.forks import ada as ada
from tests.node.forks import fork_of_ada, nothing
from tests.node.network import HOUR, Network, Patient


@pytest.fixture
def network(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Network]:
    with fork_of_ada(request, tmp_path, nothing) as forked:
        yield forked


def write(network: Network, person: Patient, secret: bytes, wrong_network: bool = False, **changes: object) -> bytes:
    """A signed consent for north to let south have everything, or with changes."""
    parts: dict[str, object] = {
        "network": bytes(32) if wrong_network else network.id,
        "organisation": "north",
        "account": person.account,
        "time": network.time,
        "grant": Grant("permit", ["south"], [], None),
        "secret": secret,
        "key": person.key.key_id,
        "sign": person.sign,
        **changes,
    }
    return consents.write_consent(**parts)  # type: ignore[arg-type]


def refused(network: Network, data: bytes) -> Code:
    with pytest.raises(Refusal) as caught:
        network["north"].consents.give(data)
    assert caught.value.sentence.startswith(caught.value.reason.sentence)
    return caught.value.reason


def test_a_consent_is_journalled_and_kept_sealed(network: Network, ada: Patient) -> None:
    north = network["north"]
    data = write(network, ada, secrets.token_bytes(32))
    given = north.consents.give(data)
    assert not given.known
    assert [line.kind for line in north.rows(store.line)] == ["link/1", "consent/1"]
    (row,) = north.rows(store.consent)
    assert b"south" not in row.sealed and ada.account.encode() not in row.sealed
    (kept,) = north.consents.of(ada.account)
    assert (kept.hash, manifests.encode(kept.consent)) == (given.hash, data)


def test_the_same_consent_again_changes_nothing(network: Network, ada: Patient) -> None:
    north = network["north"]
    data = write(network, ada, secrets.token_bytes(32), grant=Grant("permit", ["south"], [], network.time + HOUR))
    first = north.consents.give(data)
    lines = len(north.rows(store.line))
    network.time += 2 * HOUR
    again = north.consents.give(data)
    assert (again.hash, again.known) == (first.hash, True)
    assert len(north.rows(store.line)) == lines


def test_what_does_not_hold_is_turned_away(network: Network, ada: Patient) -> None:
    north, bob = network["north"], network.patient("bob")
    secret = secrets.token_bytes(32)
    good = write(network, ada, secret)
    changed = codec.decode_json(good)
    changed["grant"]["recipients"] = ["east"]
    assert refused(network, codec.encode_json(changed)) is Code.BAD_SIGNATURE
    assert refused(network, write(network, ada, secret, sign=bob.sign)) is Code.BAD_SIGNATURE
    assert refused(network, write(network, ada, secret, key=bob.key.key_id)) is Code.UNKNOWN_CREDENTIAL
    assert refused(network, write(network, ada, secret, wrong_network=True)) is Code.WRONG_NETWORK
    assert refused(network, write(network, ada, secret, organisation="south")) is Code.WRONG_ORGANISATION
    assert refused(network, write(network, ada, secret, time=network.time + HOUR)) is Code.FROM_THE_FUTURE
    ended = Grant("permit", ["south"], [], network.time)
    assert refused(network, write(network, ada, secret, grant=ended)) is Code.CONSENT_OVER
    assert refused(network, write(network, bob, secret)) is Code.NOT_LINKED
    assert refused(network, good + b" ") is Code.MALFORMED
    assert refused(network, b"") is Code.MALFORMED
    changed["grant"]["recipients"] = ["not an organisation"]
    assert refused(network, codec.encode_json(changed)) is Code.MALFORMED
    stranger = codec.decode_json(good) | {"account": "medrec1" + "q" * 58}
    assert refused(network, codec.encode_json(stranger)) is Code.UNKNOWN_ACCOUNT
    assert north.rows(store.consent) == []
    assert [line.kind for line in north.rows(store.line)] == ["link/1"]


def test_two_consents_with_one_nullifier_are_refused(network: Network, ada: Patient) -> None:
    secret = secrets.token_bytes(32)
    network["north"].consents.give(write(network, ada, secret))
    other = write(network, ada, secret, grant=Grant("permit", ["east"], [], None))
    assert refused(network, other) is Code.NULLIFIER_USED


def test_taking_back_publishes_the_secret_and_stays(network: Network, ada: Patient) -> None:
    north = network["north"]
    secret = secrets.token_bytes(32)
    data = write(network, ada, secret)
    north.consents.give(data)
    network.take_back(ada, "north", secret)
    assert north.consents.of(ada.account) == []
    # Before it is anchored the journal remembers it, afterwards the ledger does.
    assert refused(network, data) is Code.CONSENT_REVOKED
    north.anchor()
    nullifier = commitment.nullifier(secret)
    with network.engine.view() as view:
        assert view.get(state.nullifier_key(nullifier)) is not None
    assert refused(network, data) is Code.CONSENT_REVOKED
    network.crash("north")
    assert refused(network, data) is Code.CONSENT_REVOKED
    lines = [line for line in network["north"].rows(store.line) if line.kind == "revocation/1"]
    assert len(lines) == 1
    with network["north"].store.read() as connection:
        opened = network["north"].journal.manifest(connection, lines[0].manifest)
    assert opened is not None
    manifest = manifests.decode(opened[1])
    assert isinstance(manifest, RevocationManifest)
    assert bytes.fromhex(manifest.signature) == ada.sign(revocation_message(nullifier))[1]


def test_taking_back_twice_writes_one_line(network: Network, ada: Patient) -> None:
    north = network["north"]
    secret = secrets.token_bytes(32)
    north.consents.give(write(network, ada, secret))
    body = consents.write_revocation(ada.account, secret, ada.sign)
    assert codec.decode(consents.answer_revocation(north, "guide", body)) == {"fresh": True}  # type: ignore[arg-type]
    assert codec.decode(consents.answer_revocation(north, "guide", body)) == {"fresh": False}  # type: ignore[arg-type]
    assert len(north.rows(revoked)) == 1


def test_a_revocation_that_overtakes_its_consent_kills_it(network: Network, ada: Patient) -> None:
    secret = secrets.token_bytes(32)
    network.take_back(ada, "north", secret)
    assert refused(network, write(network, ada, secret)) is Code.CONSENT_REVOKED


def test_a_consent_whose_secret_another_organisation_published_is_dead(network: Network, ada: Patient) -> None:
    secret = secrets.token_bytes(32)
    network["north"].consents.give(write(network, ada, secret))
    from medrec.node.keeping.journal import Draft

    east = network["east"]
    east.store.write(
        lambda connection: east.journal.append(connection, [Draft("link/1", b"{}", None, {"nullifier": secret})])
    )
    east.anchor()
    assert network["north"].consents.of(ada.account) == []


def test_only_the_holder_takes_back_and_only_with_the_secret(network: Network, ada: Patient) -> None:
    north, bob = network["north"], network.patient("bob", "north")
    secret = secrets.token_bytes(32)
    north.consents.give(write(network, ada, secret))
    key, signature = bob.sign(revocation_message(commitment.nullifier(secret)))
    for account, given_secret, given_key, expected in (
        (ada.account, secret, key, Code.UNKNOWN_CREDENTIAL),
        (ada.account, secret, ada.key.key_id, Code.BAD_SIGNATURE),
        (bob.account, secret, key, Code.WRONG_SECRET),
        (bob.account, secret[:31], key, Code.WRONG_SECRET),
    ):
        with pytest.raises(Refusal) as caught:
            north.consents.take_back(account, given_secret, given_key, signature)
        assert caught.value.reason is expected
    assert len(north.consents.of(ada.account)) == 1
    for body in (b"", codec.encode([1]), codec.encode({"account": 1, "secret": b"", "key": b"", "signature": b""})):
        with pytest.raises(Refusal) as caught:
            consents.answer_revocation(north, "guide", body)  # type: ignore[arg-type]
        assert caught.value.reason is Code.MALFORMED


def test_a_removed_credential_cannot_consent(network: Network, ada: Patient) -> None:
    from medrec.node.account.accounts import submit_as_account
    from medrec.node.keeping.keys import PersonKey

    second = PersonKey.generate(ada.account)
    credential = {"kind": "ed25519", "key": second.public}
    submit_as_account(
        network.engine, network.id, ada.account, ada.key, "account/credential-add", {"credential": credential}
    )
    data = write(
        network,
        ada,
        secrets.token_bytes(32),
        key=second.key_id,
        sign=lambda message: (second.key_id, second.sign_transaction_id(message)),
    )
    network["north"].consents.give(data)
    submit_as_account(
        network.engine, network.id, ada.account, ada.key, "account/credential-remove", {"key": second.key_id}
    )
    later = write(
        network,
        ada,
        secrets.token_bytes(32),
        key=second.key_id,
        sign=lambda message: (second.key_id, second.sign_transaction_id(message)),
    )
    assert refused(network, later) is Code.UNKNOWN_CREDENTIAL


def test_the_agent_is_told_of_consents(network: Network, ada: Patient) -> None:
    secret = network.consent(ada, "north", "south")
    network.take_back(ada, "north", secret)
    assert network.deliver() == 3
    agent = network["guide"].agent
    assert agent is not None
    kinds = [notice.kind for notice in agent.notices(ada.account)]
    assert sorted(kinds) == ["consent/1", "link/1", "revocation/1"]
    consent = next(notice.manifest for notice in agent.notices(ada.account) if notice.kind == "consent/1")
    assert isinstance(consent, ConsentManifest) and consent.grant.recipients == ["south"]


def named(effect: str, where: str, reference: dict[str, Any]) -> str:
    """A FHIR Consent that permits everything but a provision, or the reverse, which names somebody."""
    provision: dict[str, Any] = {"type": effect}
    if where == "actor":
        role = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP"}]}
        provision["actor"] = [{"role": role, "reference": reference}]
    resource = {
        "resourceType": "Consent",
        "status": "active",
        "scope": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]
        },
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "provision": {"type": "permit" if effect == "deny" else "deny", "provision": [provision]},
    }
    return json.dumps(resource)


@pytest.mark.parametrize("effect", ["permit", "deny"])
def test_a_consent_that_names_a_stranger_is_refused(network: Network, ada: Patient, effect: Any) -> None:
    data = write(network, ada, secrets.token_bytes(32), grant=Grant(effect, ["south", "sout"], [], None))
    with pytest.raises(Refusal) as caught:
        network["north"].consents.give(data)
    assert caught.value.reason is Code.CONSENT_STRANGER and "Organization/sout)" in caught.value.sentence
    assert network["north"].rows(store.consent) == []
    assert "consent/1" not in [line.kind for line in network["north"].rows(store.line)]
    for grant in (Grant(effect, ["south", "east"], [], None), Grant(effect, ["*"], [], None)):
        assert not network["north"].consents.give(write(network, ada, secrets.token_bytes(32), grant=grant)).known


@pytest.mark.parametrize("effect", ["permit", "deny"])
def test_so_is_one_in_fhir_however_deep_it_names_it(network: Network, ada: Patient, effect: str) -> None:
    stranger: dict[str, Any] = {"reference": "Organization/sout"}
    inside = {"identifier": {"system": "urn:medrec:practitioner:sout", "value": "dr-x"}}
    for reference in (stranger, inside):
        with pytest.raises(PeerError) as caught:
            network.fhir_consent(ada, "north", named(effect, "actor", reference))
        assert caught.value.code == Code.CONSENT_STRANGER.value
    # Who is no organisation of the ledger's form is in doubt, which opens nothing; it is taken.
    for reference in ({"reference": "Organization/south"}, {"reference": "CareTeam/c"}):
        network.fhir_consent(ada, "north", named(effect, "actor", reference))
    assert len(network["north"].rows(store.consent)) == 2


def again(network: Network, person: Patient) -> None:
    """She is linked at north once more."""
    network.time += 1
    agent = network["guide"].agent
    assert agent is not None
    agent.link(person.account, "north", network["north"].linker.invite("ada"), person.sign)


def test_what_ended_with_an_undone_link_stays_dead(network: Network, ada: Patient) -> None:
    north, secret = network["north"], secrets.token_bytes(32)
    data = write(network, ada, secret)
    north.consents.give(data)
    assert north.linker.unlink("ada")
    again(network, ada)
    assert refused(network, data) is Code.CONSENT_REVOKED and north.consents.of(ada.account) == []
    # She can take it back all the same, so that it is dead on the ledger too.
    key, signature = ada.sign(revocation_message(commitment.nullifier(secret)))
    assert north.consents.take_back(ada.account, secret, key, signature)
    assert not north.consents.take_back(ada.account, secret, key, signature)
    network.anchor()
    with network.engine.view() as view:
        assert view.get(state.nullifier_key(commitment.nullifier(secret))) is not None
    # A new one counts.
    assert not north.consents.give(write(network, ada, secrets.token_bytes(32))).known


def test_a_consent_for_a_link_that_was_erased_opens_nothing(network: Network, ada: Patient) -> None:
    north = network["north"]
    data = write(network, ada, secrets.token_bytes(32))
    north.consents.give(data)
    kept_back = write(network, ada, secrets.token_bytes(32))
    north.erasures.erase_person("ada", "patient-request")
    again(network, ada)
    # Any member may bring what she signed: the random number alone stays, and names nobody.
    assert refused(network, data) is Code.CONSENT_REVOKED and north.consents.of(ada.account) == []
    assert [row.account for row in north.rows(revoked)] == [""]
    # One that never came before the erasure is known by its time.
    network.time += HOUR
    assert north.linker.unlink("ada")
    again(network, ada)
    assert refused(network, kept_back) is Code.CONSENT_OVER
    # The clocks of a phone and of a hospital may differ by as much as is forgiven the other way.
    late = write(network, ada, secrets.token_bytes(32), time=network.time - consents.AHEAD_MS_MAX)
    assert not north.consents.give(late).known
