"""How each call between nodes is asked about somebody else, by whoever has no business with him."""

import secrets
from collections.abc import Callable
from typing import Any

import msgspec

from medrec.core import codec, manifests
from medrec.core.consent.plain import EVERYTHING, write
from medrec.core.manifests.access import DisclosureManifest
from medrec.core.manifests.consent import Grant
from medrec.core.manifests.correction import CorrectionRequestManifest, CorrectionStatement, statement_message
from medrec.core.manifests.delegation import (
    Delegation,
    DelegationRest,
    delegation_message,
    delegation_rest_message,
    encode_delegation,
)
from medrec.core.manifests.dispute import DisputeAnswerManifest
from medrec.core.manifests.emergency import EmergencyReviewManifest
from medrec.core.matching import Demographics
from medrec.node.account.resting import encode_rest
from medrec.node.agent.moving import move_message
from medrec.node.consent.consents import write_consent, write_revocation
from medrec.node.keeping import store
from medrec.node.release import access
from medrec.node.right_person.link import unlink_message
from medrec.node.right_person.matching import as_stated, find_message
from tests.access.world import World
from tests.node.network import rows_of


def _his_consent(world: World, sign: Any) -> bytes:
    return write_consent(
        world.network.id,
        "north",
        world.his.account,
        world.network.time,
        Grant("permit", ["south"], [], None),
        secrets.token_bytes(32),
        world.eve.key.key_id,
        sign,
    )


def _dispute(world: World) -> bytes:
    statement = {
        "network": world.network.id.hex(),
        "account": world.his.account,
        "id": "00" * 16,
        "action": "open",
        "requester": "south",
        "source": "north",
        "obligation": None,
        "time": world.network.time,
        "words": "",
        "key": world.eve.key.key_id.hex(),
        "signature": "00" * 64,
    }
    return codec.encode([codec.encode_json(statement)])


def _list_act(world: World) -> bytes:
    act = {
        "network": world.network.id.hex(),
        "account": world.his.account,
        "id": "00" * 16,
        "kind": "not-taking",
        "author": "patient",
        "organisation": "",
        "name": "Z",
        "time": world.network.time,
        "subjects": [{"key": "29046|body", "name": "lisinopril"}],
        "recipients": ["*"],
        "key": world.eve.key.key_id.hex(),
        "signature": "00" * 64,
    }
    return codec.encode([codec.encode_json(act)])


def _link(world: World) -> bytes:
    code = world.network["north"].linker.invite("zebulon")
    asked = {"account": world.eve.account, "code": code, "epoch": 1, "key": world.eve.key.key_id}
    parts = {"relationship": bytes(32), "seal": bytes(32), "signature": bytes(64)}
    return codec.encode({**asked, **parts})


def _trial(world: World) -> bytes:
    """What anybody would see if he shared everything: a consent that can be read."""
    consent = write(EVERYTHING, world.his.account, world.network.time)
    return codec.encode({"account": world.his.account, "askers": [], "consent": consent, "replaced": []})


def _delegation(world: World) -> bytes:
    """Eve names herself his helper."""
    named = Delegation(
        world.network.id.hex(), world.his.account, world.network.time, world.eve.account, "Eve", ["look"], [],
        world.network.time + 1000, "consent", None, None, "00" * 32, world.eve.key.key_id.hex(),
    )  # fmt: skip
    _, signature = world.eve.sign(delegation_message(named))
    return encode_delegation(msgspec.structs.replace(named, signature=signature.hex()))


def _move(world: World, by: str) -> bytes:
    """Somebody takes him to another agent with Eve's signature."""
    key, signature = world.eve.sign(move_message(world.network.id, world.his.account, by, world.network.time))
    return codec.encode({"account": world.his.account, "key": key, "signature": signature, "time": world.network.time})


def _rest(world: World) -> bytes:
    """Somebody lets a helper of his rest with Eve's signature."""
    network, eve = world.network, world.eve
    stated = DelegationRest(
        network.id.hex(), world.his.account, network.time, "00" * 32, "rest", eve.key.key_id.hex()
    )  # fmt: skip
    _, signature = eve.sign(delegation_rest_message(stated))
    return codec.encode([encode_rest(msgspec.structs.replace(stated, signature=signature.hex()))])


def _unlink(world: World) -> bytes:
    """Somebody undoes his link with Eve's signature."""
    key, signature = world.eve.sign(unlink_message(world.network.id, "north", world.his.account, world.network.time))
    return codec.encode({"account": world.his.account, "key": key, "signature": signature, "time": world.network.time})


def _find(world: World) -> bytes:
    """Somebody looks for a patient in his name, with Eve's signature."""
    stated = Demographics("Zebulon", "Zeb", "1950-01-01")
    key, signature = world.eve.sign(find_message(world.network.id, "north", world.his.account, bytes(16), stated))
    asked = {"account": world.his.account, "id": bytes(16), "demographics": as_stated(stated)}
    return codec.encode({**asked, "key": key, "signature": signature})


def _emergency(world: World, by: str) -> bytes:
    """An emergency about him, as it is declared; he forbids every one."""
    query, reason = "$emergency?code=unconscious&scope=summary&hours=4", "Found unconscious at the bus station"
    return access.encode(world.about_him(by, purpose="BTG", reason=reason, query=query))


def _referral(world: World, by: str) -> bytes:
    """Somebody sends a record of his that was never there, under a disclosure of its own."""
    request = msgspec.structs.replace(world.about_him(by, door="push").request, requester="north")
    stated = DisclosureManifest(
        "disclosure/1", world.network.id.hex(), by, world.his.account, world.network.time, request, [], [], "00" * 16
    )
    line = access.SentLine(b"", manifests.encode(stated), bytes(32), 1)
    return access.seal_release(access.encode(access.Release(line, "", [], bytes(16))), bytes(64))


def _correction(world: World, by: str) -> bytes:
    """Somebody calls a record of his wrong with Eve's signature."""
    network = world.network
    source = next(row for row in rows_of(network["north"], store.record) if row.id == "rec-of-z")
    stated = CorrectionStatement(
        network.id.hex(), world.his.account, "north", "00" * 16, network.time, "Observation", "rec-of-z",
        bytes(source.manifest).hex(), "Not so.", "", world.eve.key.key_id.hex(),
    )  # fmt: skip
    _, signature = world.eve.sign(statement_message(stated))
    stated = msgspec.structs.replace(stated, signature=signature.hex())
    request = CorrectionRequestManifest(
        "correction-request/1", network.id.hex(), by, world.his.account, network.time, stated, "00" * 16, network.time
    )
    return codec.encode([manifests.encode(request)])


def _review(world: World, by: str) -> bytes:
    """Somebody reviews an emergency about him that was none."""
    parts = (world.network.id.hex(), by, world.his.account, world.network.time, "north", "00" * 16)
    said = ("Dr Eve", "justified", "I was there.")
    review = EmergencyReviewManifest("emergency-review/1", *parts, *said)
    return codec.encode([manifests.encode(review)])


def _dispute_answer(world: World, by: str) -> bytes:
    """Somebody answers a dispute of his that was none."""
    parts = (world.network.id.hex(), by, world.his.account, world.network.time, "00" * 16, "north", "00" * 16)
    return codec.encode([manifests.encode(DisputeAnswerManifest("dispute-answer/1", *parts, "explained", "I looked."))])


PROBES: dict[str, Callable[[World, str], bytes]] = {
    "/medrec/notices": lambda world, by: codec.encode([codec.encode([world.his.account, 1, 0, bytes(60)])]),
    "/medrec/link": lambda world, by: _link(world),
    "/medrec/unlink": lambda world, by: _unlink(world),
    "/medrec/find": lambda world, by: _find(world),
    "/medrec/redeliver": lambda world, by: codec.encode({"account": world.his.account, "epoch": 1, "counters": [0, 1]}),
    "/medrec/release": lambda world, by: access.encode(world.about_him(by)),
    "/medrec/referral": _referral,
    "/medrec/view": lambda world, by: access.encode(world.about_him(by, door="view")),
    "/medrec/consents": lambda world, by: _his_consent(world, world.eve.sign),
    "/medrec/revocations": lambda world, by: write_revocation(world.his.account, bytes(32), world.eve.sign),
    "/medrec/disputes": lambda world, by: _dispute(world),
    "/medrec/disputed": lambda world, by: codec.encode([codec.encode({"account": world.his.account, "id": bytes(16)})]),
    "/medrec/dispute-answers": _dispute_answer,
    "/medrec/trial": lambda world, by: _trial(world),
    "/medrec/delegations": lambda world, by: _delegation(world),
    "/medrec/move": lambda world, by: _move(world, by),
    "/medrec/returning": lambda world, by: codec.encode({"account": world.his.account, "number": "123456789"}),
    "/medrec/delegation-rests": lambda world, by: _rest(world),
    "/medrec/corrections": _correction,
    "/medrec/lone-halves": lambda world, by: codec.encode(
        [codec.encode([world.his.account, bytes(16), bytes(16), [[bytes(8), bytes(60)]]])]
    ),
    "/medrec/emergency": _emergency,
    "/medrec/emergency-reviews": _review,
    "/medrec/delegation-ends": lambda world, by: write_revocation(world.his.account, bytes(32), world.eve.sign),
    "/medrec/asked-consents": lambda world, by: codec.encode({"code": world.his.account.encode()[:16]}),
    "/medrec/list-acts": lambda world, by: _list_act(world),
    "/medrec/list-act-ends": lambda world, by: world.act_taken_back(by),
    "/medrec/renew": lambda world, by: codec.encode({"receipt": world.his.account.encode()}),
    "/medrec/members": lambda world, by: codec.encode(
        {"waiting": [[1, world.his.account.encode(), b""]], "root": False}
    ),
    "/medrec/standing": lambda world, by: codec.encode({"account": world.his.account}),
    "/medrec/cosign": lambda world, by: codec.encode({"note": world.his.account.encode()}),
}
"""How each call is asked about somebody else, by an organisation or a person who has no business with him."""
