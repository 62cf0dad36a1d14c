"""Ada, her guardians, her paper codes and the staff of hospitals: what the cases of recovery are made of."""

from typing import Any

from authenticator import Authenticator
from ledger_world import DAY, World, address, credential, hash_of, public, signer

from medrec.core import ladder
from medrec.core.crypto import key_id
from medrec.core.kinds.recovery import STAFF_AGE_MS
from medrec.core.ladder import Revealed
from medrec.core.types import encode_transaction, transaction_id
from medrec.core.webauthn import NewPasskey

HOUR = 3_600_000
ADA = address("ada")
NAMES = ("bo", "cy", "di")
MEMBERS = sorted(address(name) for name in NAMES)
SALT = hash_of("salt of guardians")
REVEALED = {"members": MEMBERS, "needs": 2, "salt": SALT}
COMMITTED = {"commitment": ladder.guardians_commitment(Revealed(MEMBERS, 2, SALT)), "needs": 2, "of": 3}
NEW = Authenticator("ada's new phone")
OTHER = Authenticator("a thief's phone")
NEW_HASH = ladder.credential_hash(NewPasskey(-7, False, NEW.public, list(NEW.origins), NEW.credential["rp"]))
OTHER_HASH = ladder.credential_hash(NewPasskey(-7, False, OTHER.public, list(OTHER.origins), OTHER.credential["rp"]))


def paper(number: int = 1) -> bytes:
    """What the ledger holds of a paper code."""
    return ladder.paper_hash(public(f"paper {number}"))


def doors(world: World, **changes: Any) -> bytes:
    """Ada chooses her ways back: two of three guardians, two papers, and the clinic."""
    payload = {"guardians": COMMITTED, "papers": [paper(1), paper(2)], "clinic": True}
    return world.sign(ADA, "account/doors", payload | changes, by="ada")


def settled(world: World, **changes: Any) -> World:
    """Ada, her guardians and their accounts, and Ada's ways back, which she chose long enough ago to be in force."""
    world.accept(*(world.opening(name) for name in ("ada", *NAMES)))
    world.accept(doors(world, **changes))
    return later(world, 7 * DAY)


def by_paper(world: World, number: int = 1, new: Authenticator = NEW, **changes: Any) -> bytes:
    """A recovery begins with a paper code."""
    payload = {"credential": new.credential, "paper": public(f"paper {number}")}
    return world.sign(ADA, "recovery/by-paper", payload, by=f"paper {number}", **changes)


def by_guardian(world: World, name: str, new: Authenticator = NEW, **changes: Any) -> bytes:
    """A guardian speaks for a new key."""
    payload = {"account": ADA, "credential": new.credential, "guardians": REVEALED}
    return world.sign(address(name), "recovery/by-guardian", payload | changes, by=name)


def staffed(world: World, *organisations: str) -> World:
    """Staff of these hospitals have had their keys on the ledger for long enough."""
    for organisation in organisations or ("north",):
        names = [f"{organisation} nurse", f"{organisation} doctor"]
        payload = {"credentials": [credential(name) for name in names]}
        world.accept(world.sign(organisation, "organisation/staff", payload))
    world.accept(time=world.tip.time + STAFF_AGE_MS)
    return world


def vouched(world: World, organisation: str, name: str, digest: bytes, check: str, time: int) -> list[bytes]:
    """A member of the staff says that it is she."""
    message = ladder.vouch_message(world.network, organisation, ADA, digest, check, time)
    return [key_id(public(name)), signer(name).sign(message).signature]


def by_clinic(world: World, organisation: str = "north", new: Authenticator = NEW, **changes: Any) -> bytes:
    """Two of a hospital's staff have Ada before them."""
    digest = NEW_HASH if new is NEW else OTHER_HASH
    names = changes.pop("names", (f"{organisation} nurse", f"{organisation} doctor"))
    time = changes.get("time", world.tip.time)
    payload = {
        "account": ADA,
        "credential": new.credential,
        "check": "document-and-face",
        "staff": [vouched(world, organisation, name, digest, "document-and-face", time) for name in names],
        "time": time,
    }
    return world.sign(organisation, "recovery/by-clinic", payload | changes)


def veto(world: World, digest: bytes = NEW_HASH, by: str = "ada") -> bytes:
    """A key of the account is against it."""
    return world.sign(ADA, "recovery/veto", {"credential": digest}, by=by)


def stop(world: World, name: str, digest: bytes = NEW_HASH, **changes: Any) -> bytes:
    """A guardian is against it."""
    payload = {"account": ADA, "credential": digest, "guardians": REVEALED}
    return world.sign(address(name), "recovery/stop", payload | changes, by=name)


def finish(world: World, new: Authenticator = NEW) -> bytes:
    """The new key takes over."""
    body = world.body(ADA, "recovery/finish", {}, key=new.key_id)
    return encode_transaction(body, new.proof(transaction_id(body)))


def freeze(world: World, author: str, by: str | None = None, **more: Any) -> bytes:
    """Somebody freezes Ada's account."""
    return world.sign(author, "account/freeze", {"account": ADA, "guardians": None, "staff": []} | more, by=by)


def unfreeze(world: World, author: str, by: str | None = None, guardians: Any = None) -> bytes:
    """Somebody wants it unfrozen."""
    return world.sign(author, "account/unfreeze", {"account": ADA, "guardians": guardians}, by=by)


def later(world: World, ms: int) -> World:
    """Time goes by."""
    world.accept(time=world.tip.time + ms)
    return world
