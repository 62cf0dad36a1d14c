"""A person changes what she holds: her key, her agent; she loses her key and comes back; a thief has the old one."""

from medrec.core import ladder, state
from medrec.core.credential import NewEd25519
from medrec.core.manifests.consent import Grant
from medrec.node.account import recovery
from medrec.node.account.accounts import AccountError, submit_as_account
from medrec.node.account.recovery import Signer
from medrec.node.agent.moving import Moved, adopt
from medrec.node.consent import consents as consenting
from medrec.node.keeping.keys import PersonKey

from .invariants import heal, settle
from .steps import Step
from .world import AGENTS, EXPECTED, HOSPITALS, NETWORK, Person, Violation, World

DAY = 24 * 3_600_000


def new_key(world: World) -> None:
    """She takes a new key, and the old one may act no more."""
    person: Person = world.random.choice(world.people)
    if world.random.random() < 0.5:
        return
    old, new = person.key, person.new_key()
    engine, account = world.ledger.engine, person.account

    def work() -> str:
        credential = {"kind": "ed25519", "key": new.public}
        submit_as_account(engine, NETWORK, account, old, "account/credential-add", {"credential": credential})
        person.key = new
        submit_as_account(engine, NETWORK, account, new, "account/credential-remove", {"key": old.key_id})
        person.lost.append(old)
        return "done"

    world.do(person.agent, f"new key of {person.name}", work)


def recover(world: World) -> None:
    """She has lost her key and begins with her paper; or her key turns up, and it stops the recovery; or it is over."""
    person: Person = world.random.choice(world.people)
    if person.coming is None:
        if person.codes and world.random.random() < 0.5:
            world.do(person.agent, f"{person.name} takes her paper", lambda: begin(world, person))
    elif world.random.random() < 0.3:
        world.do(person.agent, f"{person.name} stops the recovery", lambda: stop(world, person))
    else:
        # Days go by. Everything that waits has its time to come.
        heal(world)
        settle(world)
        finish(world, person)


def begin(world: World, person: Person) -> None:
    """A recovery begins with the person's paper code."""
    coming = person.new_key()
    recovery.begin_by_paper(world.ledger.engine, NETWORK, person.account, person.codes.pop(), NewEd25519(coming.public))
    person.coming = coming


def stop(world: World, person: Person) -> None:
    """A key of the account stops a recovery."""
    assert person.coming is not None
    new = NewEd25519(person.coming.public)
    recovery.veto(world.ledger.engine, NETWORK, _signer(person, person.key), new)
    person.coming = None


def finish(world: World, person: Person) -> None:
    """The time-lock has passed and the new key takes the account over: it is the only one."""
    coming = person.coming
    assert coming is not None
    world.time += DAY
    world.ledger.engine.submit([])
    recovery.finish(world.ledger.engine, NETWORK, _signer(person, coming))
    person.lost.append(person.key)
    person.key, person.coming = coming, None
    world.tell(f"{person.name} has her account back")


def _signer(person: Person, key: PersonKey) -> Signer:
    return Signer(person.account, key.key_id, key.sign_transaction_id)


def move(world: World) -> None:
    """She goes to another agent, with the secret on her paper."""
    person: Person = world.random.choice(world.people)
    if world.random.random() < 0.5:
        before = person.agent, person.moved
        person.agent, person.moved = next(name for name in AGENTS if name != person.agent), True
        world.do(person.agent, f"takes {person.name} over", lambda: move_on(world, person).silent)
        if person.account not in {account for account, _ in world.agent_of(person).clients()}:
            # It did not even come so far that the new one knows her: she stays where she was.
            person.agent, person.moved = before


def move_on(world: World, person: Person) -> Moved:
    """Her agent takes her over, or goes on doing it."""
    return adopt(world.nodes[person.agent], person.account, person.name.title(), person.view_secret, person.sign)


def thief(world: World) -> None:
    """Somebody has a key that she used to have."""
    robbed = [person for person in world.people if person.lost]
    if robbed:
        person = world.random.choice(robbed)
        source = world.random.choice(HOSPITALS)
        copy = world.copies[source]
        if not copy.lags and not copy.cut_off:
            try_old_key(world, person, world.random.choice(person.lost), source)


def try_old_key(world: World, person: Person, old: PersonKey, source: str) -> None:
    """A key that may not act any more signs; nobody may take it. Raises Violation."""
    grant = Grant("permit", [name for name in HOSPITALS if name != source], [], None)
    signed = consenting.write_consent(
        NETWORK, source, person.account, world.time, grant, world.randbytes(32), old.key_id,
        lambda message: (old.key_id, old.sign_transaction_id(message)),
    )  # fmt: skip
    thieves = world.nodes[next(name for name in HOSPITALS if name != source)]
    call = thieves.peers.call
    what = "brings what a thief signed"
    taken = world.do(thieves.organisation, what, lambda: call(source, consenting.CONSENTS_PATH, signed))
    if taken is not None and not isinstance(taken, EXPECTED):
        raise Violation(f"{source} took a consent that was signed with a key which {person.name} has lost")
    credential = {"kind": "ed25519", "key": person.new_key().public}
    try:
        submit_as_account(
            world.ledger.engine, NETWORK, person.account, old, "account/credential-add", {"credential": credential}
        )
    except AccountError:
        return
    raise Violation(f"the ledger took a key from a thief who has an old one of {person.name}")


# --- at rest ----------------------------------------------------------------------------------------------


def come_back(world: World) -> None:
    """What people have begun they bring to its end: a move is asked for again, a recovery is finished."""
    if not any(person.moved or person.coming for person in world.people):
        return
    for person in world.people:
        if person.moved:
            silent = move_on(world, person).silent
            if silent:
                raise Violation(f"{', '.join(silent)} cannot be told of the new agent of {person.name}")
        if person.coming is not None:
            finish(world, person)
    settle(world)


def check_keys(world: World) -> None:
    """Each account has the one key that its owner holds; what a thief signs nobody takes, what she signs they do."""
    for person in world.people:
        with world.ledger.engine.view() as view:
            found = state.account(view, person.account)
            waits = ladder.recovery_waits(view, person.account, world.time)
        held = set() if found is None else set(found.credentials)
        if held != {person.key.key_id.hex()} or waits:
            raise Violation(f"the account of {person.name} has other keys than hers")
        for old in person.lost:
            try_old_key(world, person, old, world.random.choice(HOSPITALS))
        for source in sorted(person.linked):
            world.consent(person, source, (next(name for name in HOSPITALS if name != source),))


STEPS: tuple[Step, ...] = ((new_key, 2), (recover, 1), (move, 2), (thief, 2))
